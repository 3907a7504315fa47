//! Replies and chunks for clients that want no reasoning text.

use opengateway::openai::exclude::without_reasoning;

#[test]
fn reasoning_text_is_taken_out_and_what_is_encrypted_stays() {
    let details = r#"[{"type":"reasoning.text","text":"a"},{"type":"reasoning.encrypted","data":"x"},{"type":"reasoning.encrypted","data":"y"}]"#;
    for name in ["message", "delta"] {
        let of = |members: &str| {
            format!("{{\"id\":\"a\",\"choices\":[{{\"index\":0,\"{name}\":{{{members}}},\"finish_reason\":null}}]}}")
        };
        for (members, left) in [
            (r#""content":"Hi","reasoning":"Hm""#, r#""content":"Hi""#),
            (r#""reasoning_content":"Hm","reasoning":null"#, ""),
            (
                r#""reasoning_details":[{"type":"reasoning.summary","summary":"s"}],"role":"assistant""#,
                r#""role":"assistant""#,
            ),
        ] {
            assert_eq!(without_reasoning(&of(members)), Some(of(left)), "{members}");
        }
        let left = without_reasoning(&of(&format!("\"reasoning_details\":{details}"))).unwrap();
        let encrypted = r#"[{"type":"reasoning.encrypted","data":"x"},{"type":"reasoning.encrypted","data":"y"}]"#;
        assert_eq!(left, of(&format!("\"reasoning_details\":{encrypted}")));
    }
    let usage = r#"{"choices":[{"message":{"content":"\"reasoning\":1"}}],"usage":{"reasoning_tokens":3}}"#;
    for other in [usage, "", "[DONE]", "{\"reasoning\":", "{\"choices\":[{\"delta\":{\"reasoning\""] {
        assert_eq!(without_reasoning(other), None, "{other}");
    }
}
