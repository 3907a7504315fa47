//! Whole replies: which are answers, and what is changed in them.

use opengateway::catalog::provider::ProviderSpec;
use opengateway::dialect::classify::Failure;
use opengateway::dialect::openai::reply::{Completion, judge};
use opengateway::routing::failure::ErrorClass;
use opengateway::usage::tokens::TokenUsage;
use proptest::prelude::*;

use crate::dialect_fixture::{plain, row};

fn judged(body: &str) -> Result<Completion<'_>, Failure> {
    judge(body.as_bytes(), 200, &plain(), None)
}

/// The class of a reply that is no answer.
fn failure(provider: &ProviderSpec, body: &str) -> Failure {
    match judge(body.as_bytes(), 200, provider, None) {
        Ok(_) => panic!("taken for an answer: {body}"),
        Err(failure) => failure,
    }
}

/// Whether a reply with one choice of this message and finish reason is an answer.
fn is_answer(message: &str, finish_reason: &str) -> bool {
    judged(&format!(r#"{{"choices":[{{"message":{message},"finish_reason":{finish_reason}}}]}}"#)).is_ok()
}

#[test]
fn whatever_a_model_can_say_is_an_answer() {
    for message in [
        r#"{"role":"assistant","content":"hi"}"#,
        r#"{"content":[{"type":"text","text":"hi"}]}"#,
        r#"{"content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"content":"","tool_calls":[{"id":"c"}]}"#,
        r#"{"content":null,"refusal":"I will not."}"#,
        r#"{"content":null,"function_call":{"name":"f"}}"#,
        r#"{"content":null,"audio":{"id":"a"}}"#,
        r#"{"content":"","images":[{"type":"image_url"}]}"#,
        r#"{"content":"","reasoning":"hm"}"#,
        r#"{"content":"","reasoning_content":"hm"}"#,
        r#"{"content":" "}"#,
    ] {
        assert!(is_answer(message, "\"stop\""), "{message}");
        assert!(is_answer(message, "null"), "{message}");
    }
}

#[test]
fn an_answer_without_anything_in_it_is_a_fault() {
    for message in [
        "{}",
        "null",
        r#"{"content":null}"#,
        r#"{"content":""}"#,
        r#"{"content":[]}"#,
        r#"{"tool_calls":[],"content":""}"#,
    ] {
        for reason in ["\"stop\"", "\"tool_calls\"", "null"] {
            assert!(!is_answer(message, reason), "{message} {reason}");
        }
    }
    let failure = failure(&plain(), r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#);
    assert_eq!((failure.class, failure.status), (ErrorClass::InvalidReply, Some(200)));
}

#[test]
fn an_empty_text_is_true_where_the_reason_says_why() {
    for reason in ["\"length\"", "\"content_filter\"", "\"max_tokens\"", "\"model_length\""] {
        assert!(is_answer(r#"{"content":""}"#, reason), "{reason}");
        assert!(is_answer(r#"{"content":null}"#, reason), "{reason}");
    }
}

#[test]
fn one_filled_choice_of_several_is_enough() {
    let empty = r#"{"message":{"content":""},"finish_reason":"stop"}"#;
    let filled = r#"{"message":{"content":"hi"},"finish_reason":"stop"}"#;
    assert!(judged(&format!(r#"{{"choices":[{empty},{filled}]}}"#)).is_ok());
    assert!(judged(&format!(r#"{{"choices":[{empty},{empty}]}}"#)).is_err());
}

#[test]
fn an_answer_that_broke_off_over_there_is_a_fault() {
    for reason in ["error", "insufficient_system_resource"] {
        assert!(!is_answer(r#"{"content":"half"}"#, &format!("\"{reason}\"")), "{reason}");
    }
}

#[test]
fn what_is_no_completion_is_a_fault() {
    for body in [
        "",
        " \n",
        "null",
        "[]",
        "\"hi\"",
        "<html></html>",
        "{",
        r#"{"choices":[]}"#,
        r#"{"choices":null}"#,
        r#"{"choices":{}}"#,
        r#"{"choices":["hi"]}"#,
        r#"{"object":"chat.completion"}"#,
        r#"{"choices":[{"message":{"content":"hi"}}]} trailing"#,
        r#"{"choices":[{"text":"hi"}]}"#,
    ] {
        let failure = failure(&plain(), body);
        assert_eq!((failure.class, failure.status), (ErrorClass::InvalidReply, Some(200)), "{body}");
        assert!(failure.message.is_some(), "{body}");
    }
    assert!(judge(b"\xff\xfe", 200, &plain(), None).is_err());
}

#[test]
fn an_error_in_a_200_is_what_its_own_code_says() {
    for (error, class) in [
        (r#"{"code":429,"message":"slow down"}"#, ErrorClass::RateLimited),
        (r#"{"code":"503","message":"busy"}"#, ErrorClass::Overloaded),
        (r#"{"code":402,"message":"no credit"}"#, ErrorClass::Billing),
        (r#"{"code":401,"message":"bad key"}"#, ErrorClass::BadKey),
        (r#"{"code":400,"message":"maximum context length is 8 tokens"}"#, ErrorClass::ContextLength),
        (r#"{"code":"context_length_exceeded","message":"too long"}"#, ErrorClass::ContextLength),
        (r#"{"message":"This model's maximum context length is 8 tokens."}"#, ErrorClass::ContextLength),
        (r#"{"code":"content_filter","message":"no"}"#, ErrorClass::ContentFilter),
        (r#"{"code":200,"message":"strange"}"#, ErrorClass::InvalidReply),
        (r#"{"code":9999,"message":"strange"}"#, ErrorClass::InvalidReply),
        (r#"{"message":"strange"}"#, ErrorClass::InvalidReply),
        (r#""strange""#, ErrorClass::InvalidReply),
        (r#"{}"#, ErrorClass::InvalidReply),
    ] {
        let whole = format!(r#"{{"error":{error}}}"#);
        let in_choice = format!(r#"{{"choices":[{{"message":{{"content":"half"}},"error":{error}}}]}}"#);
        for body in [whole, in_choice] {
            let failure = failure(&plain(), &body);
            assert_eq!((failure.class, failure.status), (class, Some(200)), "{body}");
        }
    }
    let xai = r#"{"code":"x","error":"The service is currently unavailable"}"#;
    let failure = failure(&row("xai"), xai);
    assert_eq!(failure.class, ErrorClass::Overloaded);
    assert_eq!(failure.message.as_deref(), Some("The service is currently unavailable"));
}

#[test]
fn a_null_error_is_none() {
    assert!(judged(r#"{"error":null,"choices":[{"error":null,"message":{"content":"hi"}}]}"#).is_ok());
}

#[test]
fn the_key_is_in_no_failure() {
    let body = r#"{"error":{"message":"bad key Q1w2E3r4T5y6"}}"#;
    let failure = judge(body.as_bytes(), 200, &plain(), Some("Q1w2E3r4T5y6")).unwrap_err();
    assert_eq!(failure.message.as_deref(), Some("bad key [redacted]"));
}

#[test]
fn usage_and_text_are_read_for_the_accounts() {
    let body = r#"{"choices":[{"message":{"content":"four","reasoning":"ab"}},{"message":{"content":"six"}}],
        "usage":{"prompt_tokens":3,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":2}}}"#;
    let completion = judged(body).unwrap();
    let tokens = TokenUsage { prompt: 3, completion: 4, total: 7, reasoning: 2, ..TokenUsage::default() };
    assert_eq!((completion.tokens, completion.text_bytes), (Some(tokens), 9));
    let xai = judge(body.as_bytes(), 200, &row("xai"), None).unwrap();
    assert_eq!(xai.tokens.map(|tokens| tokens.completion), Some(6), "reasoning is outside of the completion there");
    let null = judged(r#"{"usage":null,"choices":[{"message":{"content":"x"}}]}"#).unwrap();
    assert_eq!((null.usage, null.tokens), (None, None));
}

#[test]
fn a_picture_is_an_answer_and_no_text() {
    for member in [r#""images":[{"image_url":{"url":"data:image/png;base64,AAAA"}}]"#, r#""audio":{"data":"AAAA"}"#] {
        let body =
            format!("{{\"choices\":[{{\"message\":{{\"content\":\"Hi\",{member}}},\"finish_reason\":\"stop\"}}]}}");
        assert_eq!(judged(&body).unwrap().text_bytes, 2);
        assert_eq!(judged(&body.replace("Hi", "")).unwrap().text_bytes, 0);
    }
}

#[test]
fn usage_and_metadata_are_replaced_and_all_else_stays_byte_for_byte() {
    let choices = r#"[ {"index": 0.0, "message": {"content":"h\u00e4\/i", "x": 1e2} , "finish_reason":"stop"} ]"#;
    let wanted = format!(r#"{{"id":"a\/b","choices":{choices},"x_extra":{{"a" : [1.50]}},"usage":U,"metadata":M}}"#);
    let (usage, metadata) = (r#""usage" : {"total_tokens": 1}"#, r#""metadata":{"theirs":true}"#);
    let (id, choices, extra) =
        (r#""id" : "a\/b""#, format!(r#""choices" :{choices}"#), r#" "x_extra":{"a" : [1.50]} "#);
    for body in [
        format!("{{{id},{choices},{extra},{usage},{metadata}}}"),
        format!("{{{usage},{id},{metadata},{choices},{extra}}}"),
        format!(" {{ {id},\n{usage} ,{choices},{extra} }}\n"),
        format!("{{{id},{choices},{extra}}}"),
        format!(r#"{{"us\u0061ge":{{}},{id},{choices},"metadata":null,{extra}}}"#),
    ] {
        assert_eq!(judged(&body).unwrap().with("U", "M"), wanted, "{body}");
    }
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(body in any::<Vec<u8>>()) {
        prop_assert!(judge(&body, 200, &plain(), None).is_err());
    }
}
