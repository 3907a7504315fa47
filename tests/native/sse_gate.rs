//! The gate opens at the first token, and knows why a stream that never had one failed.

use opengateway::sse::decoder::MAX_EVENT_BYTES;
use opengateway::sse::gate::{Gate, GateFailure, GateState, MAX_GATE_BYTES};
use opengateway::sse::scan::Expected;
use opengateway::sse::scan::StreamScan;
use proptest::prelude::*;

use crate::sse_streams::{any_cuts, any_stream, split, stream_like_noise};

const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

fn finish(reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n")
}

fn pushed(bytes: &str) -> GateState {
    Gate::new(Expected::default(), None).push(bytes.as_bytes()).clone()
}

fn ended(bytes: &str) -> GateState {
    let mut gate = Gate::new(Expected::default(), None);
    gate.push(bytes.as_bytes());
    gate.end().clone()
}

fn failed_empty(reason: Option<&str>) -> GateState {
    GateState::Failed(GateFailure::Empty { finish_reason: reason.map(str::to_owned) })
}

#[test]
fn it_opens_at_the_first_token_of_any_kind() {
    for delta in [
        r#"{"content":"a"}"#,
        r#"{"content":[{"type":"text","text":"a"}]}"#,
        r#"{"reasoning":"a"}"#,
        r#"{"reasoning_content":"a"}"#,
        r#"{"reasoning_details":[{}]}"#,
        r#"{"tool_calls":[{"index":0}]}"#,
        r#"{"refusal":"a"}"#,
        r#"{"images":[{}]}"#,
    ] {
        let token = format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
        assert_eq!(pushed(&format!(": hi\n\n{ROLE}{token}")), GateState::Open, "{delta}");
    }
    let with_finish = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"content_filter\"}]}\n\n";
    assert_eq!(pushed(with_finish), GateState::Open);
}

#[test]
fn it_waits_through_what_is_no_token() {
    for bytes in [
        "",
        ": OPENROUTER PROCESSING\n\n",
        ROLE,
        "data: {\"choices\":[],\"id\":\"\",\"prompt_filter_results\":[]}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        TEXT.trim_end(),
    ] {
        assert_eq!(pushed(bytes), GateState::Waiting, "{bytes}");
    }
}

#[test]
fn a_finish_reason_that_is_a_failure_is_an_error() {
    for reason in ["error", "insufficient_system_resource"] {
        let state = pushed(&format!("{ROLE}{}", finish(reason)));
        assert!(matches!(state, GateState::Failed(GateFailure::InBandError { .. })), "{reason}: {state:?}");
    }
    let named = pushed("event: error\ndata: {\"message\":\"out of memory\"}\n\n");
    assert_eq!(named, GateState::Failed(GateFailure::InBandError { raw: "{\"message\":\"out of memory\"}".into() }));
}

#[test]
fn a_finish_without_output_is_an_empty_answer() {
    for reason in ["stop", "length", "tool_calls"] {
        assert_eq!(pushed(&format!("{ROLE}{}", finish(reason))), failed_empty(Some(reason)));
    }
    assert_eq!(pushed(&finish("content_filter")), GateState::Failed(GateFailure::ContentFilter));
    assert_eq!(pushed("data: [DONE]\n\n"), failed_empty(None));
    assert_eq!(pushed(&format!("{ROLE}data: [DONE]\n\n")), failed_empty(None));
}

#[test]
fn one_finished_choice_of_two_is_waited_with() {
    let both = "data: {\"choices\":[{\"index\":0,\"delta\":{}},{\"index\":1,\"delta\":{}}]}\n\n";
    let other = "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"}}]}\n\n";
    assert_eq!(pushed(&format!("{both}{}", finish("stop"))), GateState::Waiting);
    assert_eq!(pushed(&format!("{both}{}{other}", finish("stop"))), GateState::Open);
}

#[test]
fn an_error_event_before_the_first_token_is_kept_for_its_class() {
    let error = |bytes: &str| match pushed(bytes) {
        GateState::Failed(GateFailure::InBandError { raw }) => raw,
        state @ (GateState::Waiting | GateState::Open | GateState::Failed(_)) => panic!("{bytes}: {state:?}"),
    };
    assert_eq!(error(&format!("{ROLE}data: {{\"error\":{{\"code\":429}}}}\n\n")), r#"{"code":429}"#);
    assert_eq!(error("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\"}}\n\n"), r#"{"type":"x"}"#);
    assert_eq!(error(&finish("error")), r#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#);
    let with_text = "data: {\"error\":\"no\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    assert_eq!(error(with_text), r#""no""#);
    let unterminated = "data: {\"error\":\"no\"}";
    assert_eq!(ended(unterminated), GateState::Failed(GateFailure::InBandError { raw: "\"no\"".to_owned() }));
}

#[test]
fn what_is_no_chunk_fails() {
    for bytes in ["data: {\"choices\":\n\n", "data: hello\n\n", "data: []\n\n", "data:\n\n"] {
        assert_eq!(pushed(bytes), GateState::Failed(GateFailure::Malformed), "{bytes}");
    }
    assert_eq!(
        *Gate::new(Expected::default(), None).push(b"data: \xff\n\n"),
        GateState::Failed(GateFailure::Malformed)
    );
}

#[test]
fn the_end_before_a_token_is_a_failure() {
    for bytes in ["", "\n\n", ": waiting\n\n", ": wai", ROLE, "data: {\"cho", "data: {}\n"] {
        assert_eq!(ended(bytes), failed_empty(None), "{bytes}");
    }
    // Output that is cut off before its first event is whole has not been seen by anyone.
    assert_eq!(ended(TEXT.trim_end()), failed_empty(None));
}

#[test]
fn a_body_that_is_no_stream_is_kept() {
    for body in
        ["<!DOCTYPE html>\n<html>\n\n</html>", "{\"error\":{\"message\":\"m\"}}", "\n upstream connect error\n\n"]
    {
        let mut gate = Gate::new(Expected::default(), None);
        assert_eq!(*gate.push(body.as_bytes()), GateState::Waiting);
        assert_eq!(*gate.end(), GateState::Failed(GateFailure::NotAStream), "{body}");
        assert_eq!(gate.body(), body.as_bytes());
    }
}

#[test]
fn a_whole_answer_without_its_last_blank_line_opens() {
    let answer = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}";
    for line_end in ["", "\n", "\r\n", "\r"] {
        assert_eq!(ended(&format!("{answer}{line_end}")), GateState::Open, "{line_end:?}");
    }
    assert_eq!(ended(finish("stop").trim_end()), failed_empty(Some("stop")));
}

#[test]
fn talk_without_a_token_has_a_bound_but_a_picture_may_be_larger() {
    let comment = format!(": {}\n\n", "x".repeat(1000));
    let talk = comment.repeat(MAX_GATE_BYTES / comment.len() + 1);
    assert_eq!(pushed(&talk), GateState::Failed(GateFailure::TooLarge));
    assert_eq!(pushed(&comment.repeat(MAX_GATE_BYTES / comment.len())), GateState::Waiting);

    let picture =
        format!("data: {{\"choices\":[{{\"delta\":{{\"images\":[\"{}\"]}}}}]}}\n\n", "x".repeat(2 * MAX_GATE_BYTES));
    assert_eq!(pushed(&picture), GateState::Open);
    assert_eq!(pushed(&"x".repeat(MAX_EVENT_BYTES + 1)), GateState::Failed(GateFailure::TooLarge));
}

#[test]
fn the_state_stays_and_bytes_are_still_kept() {
    let mut gate = Gate::new(Expected::default(), None);
    assert_eq!(*gate.push(TEXT.as_bytes()), GateState::Open);
    assert_eq!(*gate.push(b"data: nonsense\n\n"), GateState::Open);
    assert_eq!(*gate.end(), GateState::Open);
    assert_eq!(gate.body(), format!("{TEXT}data: nonsense\n\n").as_bytes());
    let mut gate = Gate::new(Expected::default(), None);
    gate.push(b"data: [DONE]\n\n");
    assert_eq!(*gate.push(TEXT.as_bytes()), failed_empty(None));
}

/// What a relay does: the gate until it has decided, then the scan with the rest.
fn run(pieces: &[&[u8]]) -> (GateState, Option<String>) {
    let mut gate = Gate::new(Expected::default(), None);
    let mut pieces = pieces.iter();
    for piece in pieces.by_ref() {
        if *gate.push(piece) != GateState::Waiting {
            break;
        }
    }
    let state = gate.end().clone();
    if state != GateState::Open {
        return (state, None);
    }
    let (kept, mut scan) = gate.into_parts();
    let mut whole = StreamScan::new(Expected::default());
    whole.push(&kept);
    for piece in pieces {
        scan.push(piece);
        whole.push(piece);
    }
    let facts = format!("{:?} {:?}", scan.end(), scan.usage());
    assert_eq!(format!("{:?} {:?}", whole.end(), whole.usage()), facts);
    assert_eq!(whole.text_bytes(), scan.text_bytes());
    (state, Some(facts))
}

proptest! {
    #[test]
    fn any_split_gives_the_same_result(stream in any_stream(), cuts in any_cuts()) {
        let whole = run(&[stream.bytes]);
        prop_assert_eq!(&whole.0, &GateState::Open);
        prop_assert_eq!(run(&split(stream.bytes, &cuts)), whole);
    }

    #[test]
    fn noise_gives_the_same_result_in_any_split(bytes in stream_like_noise(), cuts in any_cuts()) {
        let whole = run(&[&bytes]);
        prop_assert_ne!(&whole.0, &GateState::Waiting);
        prop_assert_eq!(run(&split(&bytes, &cuts)), whole);
    }
}
