//! The rewriter changes the usage chunk and not one byte besides.

use opengateway::sse::decoder::{EventTooLarge, MAX_EVENT_BYTES};
use opengateway::sse::encode::DONE;
use opengateway::sse::rewrite::{Rewriter, UsageChunk, UsageMembers, UsagePolicy};
use opengateway::sse::scan::Expected;
use opengateway::sse::scan::StreamEnd;
use proptest::prelude::*;

use crate::sse_streams::{any_cuts, any_stream, good_streams, split, stream, stream_like_noise};

const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"m\"}}\n\n";

/// Writes the upstream's usage into the new one.
#[derive(Clone, Debug)]
struct Priced;

impl UsageChunk for Priced {
    fn members(&mut self, usage: &str, _: u64) -> UsageMembers {
        UsageMembers {
            usage: format!("{{\"cost_usd_total\":0.5,\"was\":{usage}}}"),
            metadata: Some("{\"used_model\":\"m\"}".to_owned()),
        }
    }
}

fn rewritten(policy: UsagePolicy<Priced>, pieces: &[&[u8]]) -> (Vec<u8>, StreamEnd, Option<u64>) {
    let mut rewriter = Rewriter::new(policy, Expected::default());
    let mut out = Vec::new();
    for piece in pieces {
        rewriter.push(piece, &mut out).unwrap();
    }
    let end = rewriter.finish(&mut out);
    assert_eq!(rewriter.finish(&mut out), end);
    (out, end, rewriter.scan().usage().map(|usage| usage.total))
}

fn text(policy: UsagePolicy<Priced>, bytes: &str) -> (String, StreamEnd) {
    let (out, end, _) = rewritten(policy, &[bytes.as_bytes()]);
    (String::from_utf8(out).unwrap(), end)
}

#[test]
fn a_usage_chunk_nobody_asked_for_is_dropped_and_still_counts() {
    let (out, end, total) = rewritten(UsagePolicy::Drop, &[stream("openai_trailing_usage")]);
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("prompt_tokens") && out.contains("\"finish_reason\":\"stop\"") && out.ends_with(DONE));
    assert_eq!((end, total), (StreamEnd::Complete { append: "" }, Some(29)));
    let (out, _, total) = rewritten(UsagePolicy::Drop, &[stream("crlf")]);
    assert!(!String::from_utf8(out).unwrap().contains("prompt_tokens"));
    assert_eq!(total, Some(29));
}

#[test]
fn every_whole_event_is_counted_dropped_ones_too() {
    let mut rewriter = Rewriter::new(UsagePolicy::<Priced>::Drop, Expected::default());
    let counted = [": hi\n\n", TEXT, USAGE, "data: {\"choi", "ces\":[]}\n\n"].map(|piece| {
        rewriter.push(piece.as_bytes(), &mut Vec::new()).unwrap();
        rewriter.events()
    });
    assert_eq!(counted, [1, 2, 3, 3, 4]);
}

#[test]
fn usage_beside_choices_stays() {
    for name in ["groq", "cerebras", "deepseek", "mistral"] {
        assert_eq!(rewritten(UsagePolicy::Drop, &[stream(name)]).0, stream(name), "{name}");
    }
}

#[test]
fn a_usage_chunk_gets_cost_and_metadata() {
    let (out, _) = text(UsagePolicy::Rewrite(Priced), &format!("{TEXT}{STOP}: c\n{USAGE}{DONE}"));
    let chunk = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"cost_usd_total\":0.5,\"was\":{\"prompt_tokens\":1,\
                 \"completion_tokens\":2}},\"metadata\":{\"used_model\":\"m\"}}\n\n";
    assert_eq!(out, format!("{TEXT}{STOP}{chunk}{DONE}"));
}

#[test]
fn usage_in_the_last_choice_gets_them_too() {
    for name in ["groq", "cerebras", "deepseek", "mistral"] {
        let (out, ..) = rewritten(UsagePolicy::Rewrite(Priced), &[stream(name)]);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches("cost_usd_total").count(), 1, "{name}");
        assert_eq!(out.matches("\"metadata\":{\"used_model\"").count(), 1, "{name}");
    }
}

#[test]
fn cumulative_usage_is_rewritten_only_at_the_end() {
    let with_usage =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n";
    let (out, _) = text(UsagePolicy::Rewrite(Priced), &format!("{with_usage}{STOP}{USAGE}"));
    assert!(out.starts_with(with_usage));
    assert_eq!(out.matches("cost_usd_total").count(), 1);
}

#[test]
fn an_upstreams_own_metadata_and_line_breaks_do_no_harm() {
    let chunk = "data: {\"metadata\":{\"theirs\":1},\ndata: \"choices\":[], \"a\":{\ndata: \"b\":1},\"usage\":{}}\n\n";
    let (out, _) = text(UsagePolicy::Rewrite(Priced), chunk);
    assert_eq!(
        out,
        "data: {\"choices\":[],\"a\":{\ndata: \"b\":1},\"usage\":{\"cost_usd_total\":0.5,\"was\":{}},\
         \"metadata\":{\"used_model\":\"m\"}}\n\n"
    );
}

#[test]
fn an_error_event_is_withheld_so_that_the_answer_can_be_resumed() {
    let bytes = format!("{TEXT}{ERROR}{TEXT}{DONE}");
    let mut rewriter = Rewriter::new(UsagePolicy::<Priced>::Drop, Expected::default());
    let mut out = Vec::new();
    rewriter.push(bytes.as_bytes(), &mut out).unwrap();
    assert_eq!(out, TEXT.as_bytes());
    assert_eq!(rewriter.scan().error(), Some(r#"{"message":"m"}"#));
    assert_eq!(rewriter.finish(&mut out), StreamEnd::Cut { mid_event: false });
    assert_eq!(out, TEXT.as_bytes());
}

#[test]
fn the_end_is_about_what_the_client_has() {
    let cut = StreamEnd::Cut { mid_event: false };
    let complete = |append| StreamEnd::Complete { append };
    let cases = [
        (format!("{TEXT}{STOP}"), format!("{TEXT}{STOP}"), complete(DONE)),
        (format!("{TEXT}{}", STOP.trim_end()), format!("{TEXT}{STOP}"), complete(DONE)),
        (format!("{TEXT}data: [DONE]\n"), format!("{TEXT}{DONE}"), complete("")),
        (format!("{TEXT}{STOP}{}", USAGE.trim_end()), format!("{TEXT}{STOP}"), complete(DONE)),
        (format!("{TEXT}{STOP}data: {{\"cho"), format!("{TEXT}{STOP}"), complete(DONE)),
        (format!("{TEXT}data: {{\"cho"), TEXT.to_owned(), cut),
        (format!("{TEXT}da"), TEXT.to_owned(), cut),
        (format!("{TEXT}{}", TEXT.trim_end()), format!("{TEXT}{TEXT}"), cut),
        (format!("{TEXT}{}", ERROR.trim_end()), TEXT.to_owned(), cut),
        (String::new(), String::new(), cut),
    ];
    for (bytes, expected, end) in cases {
        assert_eq!(text(UsagePolicy::Drop, &bytes), (expected, end), "{bytes}");
    }
}

#[test]
fn an_event_too_large_to_hold_is_an_error_and_a_cut() {
    let mut rewriter = Rewriter::new(UsagePolicy::<Priced>::Drop, Expected::default());
    let mut out = Vec::new();
    rewriter.push(TEXT.as_bytes(), &mut out).unwrap();
    assert_eq!(rewriter.push(&vec![b'x'; MAX_EVENT_BYTES + 1], &mut out), Err(EventTooLarge));
    assert_eq!(rewriter.finish(&mut out), StreamEnd::Cut { mid_event: false });
    assert_eq!(out, TEXT.as_bytes());
}

#[test]
fn kept_streams_are_byte_identical() {
    for stream in good_streams() {
        assert_eq!(rewritten(UsagePolicy::Keep, &[stream.bytes]).0, stream.bytes, "{}", stream.name);
    }
}

#[test]
fn an_event_that_is_no_chunk_is_withheld_with_all_that_follows_unless_the_answer_had_finished() {
    let (bytes, end, _) = rewritten(UsagePolicy::Drop, &[format!("{TEXT}data: odd\n\n{TEXT}{STOP}").as_bytes()]);
    assert_eq!((bytes, end), (TEXT.as_bytes().to_vec(), StreamEnd::Cut { mid_event: false }));
    let finished = format!("{TEXT}{STOP}data: odd\n\n");
    let (bytes, end, _) = rewritten(UsagePolicy::Drop, &[finished.as_bytes()]);
    assert_eq!((bytes, end), (finished.into_bytes(), StreamEnd::Complete { append: DONE }));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_bytes(stream in any_stream(), cuts in any_cuts()) {
        for policy in [UsagePolicy::Keep, UsagePolicy::Drop, UsagePolicy::Rewrite(Priced)] {
            prop_assert_eq!(rewritten(policy.clone(), &split(stream.bytes, &cuts)), rewritten(policy, &[stream.bytes]));
        }
    }

    #[test]
    fn noise_never_panics_and_gives_the_same_bytes_in_any_split(bytes in stream_like_noise(), cuts in any_cuts()) {
        for policy in [UsagePolicy::Keep, UsagePolicy::Drop, UsagePolicy::Rewrite(Priced)] {
            prop_assert_eq!(rewritten(policy.clone(), &split(&bytes, &cuts)), rewritten(policy, &[&bytes]));
        }
    }

    #[test]
    fn a_stream_without_usage_or_error_passes_untouched(
        events in prop::collection::vec(prop_oneof![
            Just(TEXT), Just(": c\n\n"), Just("\n"), Just("event: x\ndata: {}\n\n"), Just(STOP),
        ], 0..20),
        cuts in any_cuts(),
    ) {
        let bytes = events.concat().into_bytes();
        for policy in [UsagePolicy::Drop, UsagePolicy::Rewrite(Priced)] {
            prop_assert_eq!(&rewritten(policy, &split(&bytes, &cuts)).0, &bytes);
        }
    }
}

#[test]
fn a_client_that_wants_no_reasoning_gets_none_and_the_scan_has_seen_it() {
    let expected = Expected { without_reasoning: true, ..Expected::default() };
    let mut rewriter = Rewriter::new(UsagePolicy::<Priced>::Keep, expected);
    let thought = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"reasoning\":\"Hm\"}}]}\n\n";
    let rest = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let mut out = Vec::new();
    rewriter.push(format!("{thought}{rest}").as_bytes(), &mut out).unwrap();
    let silent = thought.replace(",\"reasoning\":\"Hm\"", "");
    assert_eq!(String::from_utf8(out).unwrap(), format!("{silent}{rest}"));
    assert_eq!(rewriter.scan().text_bytes(), 4);
}
