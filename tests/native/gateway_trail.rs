//! The trail, as the accounts keep it.

use opengateway::gateway::trail::{Trail, Tried};

fn tried(provider: &str, model: &str, status: Option<u16>) -> Tried {
    Tried { provider: provider.to_owned(), model: model.to_owned(), status, class: None }
}

#[test]
fn a_summary_is_taken_apart_again() {
    let trail = Trail(vec![
        tried("groq", "gpt-oss-120b", Some(429)),
        tried("vllm", "my/model=v2", None),
        tried("cerebras", "gpt-oss-120b", Some(200)),
    ]);
    let wanted = concat!(
        r#"[{"provider":"groq","model":"gpt-oss-120b","outcome":"429"},"#,
        r#"{"provider":"vllm","model":"my/model=v2","outcome":"ok"},"#,
        r#"{"provider":"cerebras","model":"gpt-oss-120b","outcome":"200"}]"#,
    );
    assert_eq!(Trail::summary_json(&trail.summary()), wanted);
}

#[test]
fn what_is_no_attempt_is_left_out() {
    for (summary, json) in [("", "[]"), ("nonsense", "[]"), ("a=b", "[]"), ("a/b", "[]")] {
        assert_eq!(Trail::summary_json(summary), json, "{summary}");
    }
    assert_eq!(Trail::summary_json("x; a/b=\"1\""), r#"[{"provider":"a","model":"b","outcome":"\"1\""}]"#);
}
