//! What providers call OpenAI's finish reasons, and what is none.

use opengateway::openai::finish_reason::{is_failure, to_openai};

#[test]
fn every_providers_words_become_openais() {
    for (theirs, ours) in [
        ("stop", "stop"),
        ("function_call", "function_call"),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("OTHER", "stop"),
        ("model_length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("SAFETY", "content_filter"),
        ("content_filter: RECITATION", "content_filter"),
    ] {
        assert_eq!(to_openai(theirs), Some(ours), "{theirs}");
        assert!(!is_failure(theirs), "{theirs}");
    }
    for unknown in ["", "elsewhere", ": stop"] {
        assert_eq!((to_openai(unknown), is_failure(unknown)), (None, false), "{unknown}");
    }
}

#[test]
fn an_answer_that_broke_off_has_no_finish_reason() {
    for failure in [
        "error",
        "insufficient_system_resource",
        "abort",
        "MALFORMED_FUNCTION_CALL",
        "function_call_filter: MALFORMED_FUNCTION_CALL",
    ] {
        assert_eq!((to_openai(failure), is_failure(failure)), (None, true), "{failure}");
    }
}
