//! How a stream ended is known from its bytes alone.

use opengateway::catalog::provider::{ReasoningTokens, ReportedCost};
use opengateway::sse::decoder::{Decoder, MAX_EVENT_BYTES};
use opengateway::sse::encode::{DONE, EVENT_END, error_event};
use opengateway::sse::scan::Expected;
use opengateway::sse::scan::{StreamEnd, StreamScan};
use proptest::prelude::*;

use crate::sse_streams::{STREAMS, any_cuts, any_stream, chunks_alike, good_streams, split, stream, stream_like_noise};

const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"m\"}}\n\n";

fn scanned(bytes: &[u8]) -> StreamScan {
    let mut scan = StreamScan::new(RESUMABLE);
    scan.push(bytes);
    scan
}

fn end(text: &str) -> StreamEnd {
    scanned(text.as_bytes()).end()
}

const RESUMABLE: Expected = Expected {
    choices: 1,
    reasoning_tokens: ReasoningTokens::InCompletion,
    reported_cost: ReportedCost::None,
    resumable: true,
    without_reasoning: false,
};

fn complete(append: &'static str) -> StreamEnd {
    StreamEnd::Complete { append }
}

#[test]
fn every_provider_is_read() {
    for stream in &STREAMS {
        let mut scan = scanned(stream.bytes);
        let usage =
            scan.usage().map(|usage| [usage.prompt, usage.completion, usage.total, usage.cached, usage.reasoning]);
        assert_eq!(usage, stream.usage, "{}", stream.name);
        // Mistral's thoughts are parts of its content.
        let more_than_text = stream.tool_call || stream.in_band_error || stream.name == "mistral";
        assert_eq!(scan.transcript().is_none(), more_than_text, "{}", stream.name);
        assert!(!scan.lost_a_piece());
        let expected = if stream.in_band_error { StreamEnd::ErrorEvent { append: "" } } else { complete("") };
        assert_eq!(scan.end(), expected, "{}", stream.name);
    }
    let scan = scanned(stream("deepseek"));
    assert_eq!((scan.text_bytes(), scan.finish_reason(), scan.done_seen()), (5, Some("stop"), true));
    assert!(scanned(stream("openrouter_error")).error().unwrap().contains("Provider disconnected"));
}

#[test]
fn the_end_of_whole_events() {
    assert_eq!(end(&format!("{TEXT}{STOP}")), complete(DONE));
    assert_eq!(end(&format!("{TEXT}{STOP}{USAGE}")), complete(DONE));
    assert_eq!(end(&format!("{TEXT}{STOP}{DONE}")), complete(""));
    assert_eq!(end(&format!("{TEXT}{DONE}")), complete(""));
    assert_eq!(end(TEXT), StreamEnd::Cut { mid_event: false });
    assert_eq!(end(""), StreamEnd::Cut { mid_event: false });
    assert_eq!(end(&format!("{TEXT}{ERROR}")), StreamEnd::ErrorEvent { append: "" });
    assert_eq!(end(&format!("{TEXT}{STOP}{ERROR}{DONE}")), StreamEnd::ErrorEvent { append: "" });
}

#[test]
fn an_unterminated_event_counts_and_is_terminated() {
    for line_end in ["", "\n", "\r\n", "\r"] {
        let cut = |event: &str| format!("{}{line_end}", event.trim_end());
        assert_eq!(end(&format!("{TEXT}{}", cut(DONE))), complete(EVENT_END), "{line_end:?}");
        assert_eq!(end(&format!("{TEXT}{STOP}{}", cut(DONE))), complete(EVENT_END));
        assert_eq!(end(&format!("{TEXT}{}", cut(STOP))), complete("\n\ndata: [DONE]\n\n"));
        assert_eq!(end(&format!("{TEXT}{STOP}{}", cut(": bye"))), complete("\n\ndata: [DONE]\n\n"));
        assert_eq!(end(&format!("{TEXT}{}", cut(ERROR))), StreamEnd::ErrorEvent { append: EVENT_END });
        assert_eq!(end(&format!("{TEXT}{}", cut(TEXT))), StreamEnd::Cut { mid_event: true });
        let mut scan = scanned(format!("{TEXT}{STOP}{}", cut(USAGE)).as_bytes());
        assert_eq!(scan.end(), complete("\n\ndata: [DONE]\n\n"));
        assert_eq!(scan.usage().unwrap().total, 3, "the usage of the last event counts");
    }
    // A blank line that ended with CR, perhaps half of a CRLF: not every parser has the event yet.
    assert_eq!(end("data: [DONE]\r\n\r"), complete(EVENT_END));
    assert_eq!(end(&format!("{}\r\r", STOP.trim_end())), complete("\n\ndata: [DONE]\n\n"));
    assert_eq!(end(&format!("{STOP}data: x\r\r")), complete("\n\ndata: [DONE]\n\n"));
    assert_eq!(end(&format!("{}\r\n\r", TEXT.trim_end())), StreamEnd::Cut { mid_event: true });
}

#[test]
fn a_torn_event_is_not_shown_to_a_client_that_has_its_answer() {
    assert_eq!(end(&format!("{TEXT}{STOP}data: {{\"choices\":[],\"usa")), complete(""));
    assert_eq!(end(&format!("{TEXT}{STOP}data: {{\"choices\":[],\"usa\n")), complete(""));
    assert_eq!(end(&format!("{TEXT}{STOP}data:")), complete(" [DONE]\n\n"));
    assert_eq!(end(&format!("{TEXT}{STOP}data: [DO")), complete("NE]\n\n"));
    assert_eq!(end(&format!("{TEXT}{ERROR}data: {{\"a")), StreamEnd::ErrorEvent { append: "" });
    assert_eq!(end(&format!("{TEXT}data: [DO")), StreamEnd::Cut { mid_event: true });
    assert_eq!(end(&format!("{TEXT}data: {{\"choi")), StreamEnd::Cut { mid_event: true });
}

#[test]
fn a_choice_that_was_asked_for_and_never_began_is_missing() {
    let expected = Expected { choices: 2, ..Expected::default() };
    let ended = |bytes: &str| {
        let mut scan = StreamScan::new(expected);
        scan.push(bytes.as_bytes());
        scan.end()
    };
    assert_eq!(ended(&format!("{TEXT}{STOP}")), StreamEnd::Cut { mid_event: false });
    assert_eq!(ended(&format!("{TEXT}{STOP}{DONE}")), complete(""), "the provider itself says that this is all");
}

#[test]
fn an_event_in_the_middle_that_is_no_chunk_is_a_lost_piece() {
    let mut scan = scanned(format!("{TEXT}data: odd\n\n{STOP}").as_bytes());
    assert!(scan.lost_a_piece());
    assert_eq!(scan.end(), StreamEnd::Cut { mid_event: false });
    assert!(!scanned(format!("{TEXT}{STOP}data: odd\n\n").as_bytes()).lost_a_piece());
}

#[test]
fn every_choice_must_finish() {
    let choice = |index: u32, finish: &str| {
        format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":{finish}}}]}}\n\n")
    };
    let begun = format!("{}{}", choice(0, "null"), choice(1, "null"));
    let one = format!("{begun}{}", choice(1, "\"stop\""));
    assert_eq!(end(&one), StreamEnd::Cut { mid_event: false });
    assert_eq!(end(&format!("{one}{}", choice(0, "\"length\""))), complete(DONE));
    assert_eq!(end(&format!("{one}{DONE}")), complete(""));
}

#[test]
fn facts_add_up() {
    let mut scan =
        StreamScan::new(Expected { reasoning_tokens: ReasoningTokens::BesideCompletion, ..Expected::default() });
    let first =
        r#"{"choices":[{"index":0,"delta":{"content":"ab"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let last = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":3}}}"#;
    scan.push(format!("data: {first}\n\ndata: oops\n\ndata: {last}\n\nda").as_bytes());
    assert_eq!(scan.usage().unwrap().completion, 5, "the last usage, with xAI's reasoning");
    assert_eq!(scan.text_bytes(), 2);
    assert!(scan.lost_a_piece() && scan.is_inside_event() && !scan.done_seen() && scan.finish_reason().is_none());
}

#[test]
fn the_end_is_said_once() {
    let mut scan = scanned(format!("{TEXT}{}", STOP.trim_end()).as_bytes());
    let first = scan.end();
    scan.push(b"\n\ndata: [DONE]\n\n");
    assert_eq!(scan.end(), first);
    assert!(!scan.done_seen());
}

#[test]
fn a_stream_with_an_event_too_large_to_read_is_no_complete_one() {
    let mut scan = scanned(TEXT.as_bytes());
    scan.push(&vec![b'x'; MAX_EVENT_BYTES + 1]);
    scan.push(DONE.as_bytes());
    assert_eq!(scan.end(), StreamEnd::Cut { mid_event: true });
}

#[test]
fn events_of_the_gateways_own_are_read_as_what_they_are() {
    let event = error_event("cut \"off\"", "upstream_error", Some("stream_cut"), "req-1");
    assert_eq!(
        event,
        "data: {\"error\":{\"message\":\"cut \\\"off\\\"\",\"type\":\"upstream_error\",\"param\":null,\
         \"code\":\"stream_cut\"},\"request_id\":\"req-1\"}\n\n"
    );
    assert_eq!(end(&event), StreamEnd::ErrorEvent { append: "" });
    assert!(error_event("m", "t", None, "r").contains("\"code\":null"));
}

/// The data that a strict client sees: only events with their blank line.
fn client_sees(bytes: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    // The byte after the stream resolves a CR at its end.
    let bytes = [bytes, b":"].concat();
    Decoder::default()
        .push(&bytes, &mut |event| seen.extend(event.data.map(|data| data.unwrap_or("?").to_owned())))
        .unwrap();
    seen
}

/// All that is known at the end.
fn known(pieces: &[&[u8]]) -> String {
    let mut scan = StreamScan::new(RESUMABLE);
    pieces.iter().for_each(|piece| scan.push(piece));
    format!(
        "{:?} {:?} {:?} {:?} {:?} {} {} {:?} {}",
        scan.end(),
        scan.usage(),
        scan.error(),
        scan.lost_a_piece(),
        scan.finish_reason(),
        scan.done_seen(),
        scan.finish_reason().unwrap_or_default(),
        scan.transcript(),
        scan.text_bytes()
    )
}

#[test]
fn chunks_that_are_nearly_alike_are_told_apart() {
    let chunk = |delta: &str, told: &str, end: &str| {
        format!(r#"data: {{"choices":[{{"index":0,"delta":{{{delta}}}{told}}}{end}"#)
    };
    let text = |text: &str, told: &str| chunk(&format!(r#""content":"{text}""#), told, "\n\n");
    let finish = |reason: &str| format!(r#","finish_reason":"{reason}"}}]"#);
    let usage = |tokens: u32| format!(r#"}}],"usage":{{"prompt_tokens":{tokens},"completion_tokens":{tokens}}}"#);
    let plain = |content: &str| text(content, "}]");
    let twice = |second: &str| chunk(&format!(r#""content":"first","content":"{second}""#), "}]", "\n\n");
    let with_cr = |content: &str| chunk(&format!(r#""content":"{content}""#), "}]", "\r\r");
    let cases = [
        ["a reason between", &text("a", &finish("stop")), &text("", &finish("length")), &text("b", &finish("stop"))],
        ["usage between", &text("a", &usage(1)), &text("", &usage(2)), &text("b", &usage(1))],
        [
            "a mark that is none",
            &format!("\u{feff}{}", plain("a")),
            ": comment\n\n",
            &format!("\u{feff}{}", plain("b")),
        ],
        ["an error's name", &plain("a"), "event: error\n", &plain("b")],
        ["two texts", &twice("a"), &twice("b"), &twice("c")],
        ["half a CRLF", &with_cr("a"), ": comment\n\n", &with_cr("b")],
    ];
    for [name, events @ ..] in cases {
        let events = events.map(str::as_bytes);
        let whole = events.concat();
        let bytewise: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(known(&[&whole]), known(&bytewise), "{name}");
        assert_eq!(known(&events), known(&bytewise), "{name}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_end(stream in any_stream(), cuts in any_cuts()) {
        prop_assert_eq!(known(&split(stream.bytes, &cuts)), known(&[stream.bytes]));
    }

    #[test]
    fn noise_never_panics_and_ends_the_same_in_any_split(bytes in stream_like_noise(), cuts in any_cuts()) {
        prop_assert_eq!(known(&split(&bytes, &cuts)), known(&[&bytes]));
    }

    #[test]
    fn chunks_that_differ_in_their_text_alone_are_read_as_if_each_came_byte_by_byte(
        bytes in chunks_alike(),
        cuts in any_cuts(),
    ) {
        let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(known(&[&bytes]), known(&bytewise));
        prop_assert_eq!(known(&split(&bytes, &cuts)), known(&bytewise));
    }

    #[test]
    fn what_is_appended_to_a_complete_stream_ends_it_for_a_strict_client(bytes in stream_like_noise()) {
        if let StreamEnd::Complete { append } = scanned(&bytes).end() {
            let before = client_sees(&bytes);
            let after = client_sees(&[&bytes, append.as_bytes()].concat());
            prop_assert!(after.starts_with(&before));
            prop_assert!(
                append.is_empty() || after.iter().any(|data| data.trim() == "[DONE]"),
                "{:?} after {}", append, bytes.escape_ascii()
            );
        }
    }
}

#[test]
fn no_prefix_is_complete_before_its_finish_reason_or_done() {
    for stream in good_streams() {
        let text = String::from_utf8_lossy(stream.bytes);
        let first = [r#""finish_reason":""#, "data: [DONE]"].iter().filter_map(|mark| text.find(mark)).min().unwrap();
        for length in 0..stream.bytes.len() {
            let prefix = &stream.bytes[..length];
            let is_complete = matches!(scanned(prefix).end(), StreamEnd::Complete { .. });
            assert!(!is_complete || length > first, "{} at {length}", stream.name);
        }
        assert_eq!(scanned(stream.bytes).end(), complete(""));
    }
}

#[test]
fn a_client_of_any_complete_prefix_never_sees_half_a_chunk() {
    for stream in good_streams() {
        let whole = client_sees(stream.bytes);
        for length in 0..stream.bytes.len() {
            let prefix = &stream.bytes[..length];
            if let StreamEnd::Complete { append } = scanned(prefix).end() {
                for data in client_sees(&[prefix, append.as_bytes()].concat()) {
                    assert!(data == "[DONE]" || whole.contains(&data), "{} at {length}: {data}", stream.name);
                }
            }
        }
    }
}
