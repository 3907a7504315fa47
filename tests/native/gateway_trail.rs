//! The trail, as the accounts keep it.

use opengateway::gateway::trail::{End, Trail, Tried};
use opengateway::routing::failure::ErrorClass;

fn tried(provider: &str, model: &str, status: Option<u16>) -> Tried {
    Tried { provider: provider.to_owned(), model: model.to_owned(), status, end: End::Answered }
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
fn an_attempt_that_began_well_and_failed_after_all_does_not_say_so() {
    let mut trail = Trail::default();
    trail.end_with(End::Failed(ErrorClass::StreamCut));
    assert_eq!(trail, Trail::default(), "nobody was asked");
    trail.push(Tried { end: End::Hedged, ..tried("groq", "m", None) });
    trail.push(tried("cerebras", "m", Some(200)));
    trail.end_with(End::Failed(ErrorClass::StreamCut));
    assert_eq!(trail.summary(), "groq/m=hedged; cerebras/m=stream_cut");
    let wanted = concat!(
        r#"[{"provider":"groq","model":"m","status_code":null,"error_type":"hedged","succeeded":false},"#,
        r#"{"provider":"cerebras","model":"m","status_code":200,"error_type":"stream_cut","succeeded":false}]"#,
    );
    assert_eq!(trail.routing_json(), wanted);
}

#[test]
fn what_is_no_attempt_is_left_out() {
    for (summary, json) in [("", "[]"), ("nonsense", "[]"), ("a=b", "[]"), ("a/b", "[]")] {
        assert_eq!(Trail::summary_json(summary), json, "{summary}");
    }
    assert_eq!(Trail::summary_json("x; a/b=\"1\""), r#"[{"provider":"a","model":"b","outcome":"\"1\""}]"#);
}
