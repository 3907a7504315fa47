//! Anthropic's streams as a client gets them. `fixtures/anthropic/streams/NAME.sse` is what comes, its first line the public
//! page that the shape is from; `NAME.client.sse` is what is made of it.

use opengateway::dialect::anthropic::reply::Options;
use opengateway::dialect::anthropic::stream::MessageStream;
use opengateway::sse::decoder::{EventTooLarge, MAX_EVENT_BYTES};
use opengateway::sse::gate::{Gate, GateState};
use opengateway::sse::rewrite::{Rewriter, UsagePolicy};
use opengateway::sse::scan::{Expected, StreamEnd, StreamScan};
use opengateway::sse::translate::Translate;
use proptest::prelude::*;

use crate::anthropic_reply::OPTIONS;
use crate::sse_streams::{any_cuts, split, stream_like_noise};
use crate::sse_translate::NoDetails;

macro_rules! streams {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../fixtures/anthropic/streams/", $name, ".sse")),
            include_str!(concat!("../fixtures/anthropic/streams/", $name, ".client.sse")),
        )),*]
    };
}

const STREAMS: [(&str, &str, &str); 15] = streams![
    "text",
    "thinking",
    "thinking_omitted",
    "tools",
    "web_search",
    "refusal",
    "refusal_midway",
    "context_window",
    "pause_turn",
    "compaction",
    "prepopulated",
    "overloaded_first",
    "overloaded_midway",
    "cut",
    "new_kinds",
];

fn upstream(name: &str) -> &'static str {
    STREAMS.iter().find(|(known, ..)| *known == name).unwrap().1
}

fn translated(pieces: &[&[u8]], options: Options) -> String {
    let mut stream = MessageStream::new(options);
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out).unwrap();
    }
    stream.end(&mut out);
    let once = out.len();
    stream.end(&mut out);
    assert_eq!(out.len(), once);
    String::from_utf8(out).unwrap()
}

fn whole(stream: &str) -> String {
    translated(&[stream.as_bytes()], OPTIONS)
}

fn scanned(translated: &str) -> (StreamScan, StreamEnd) {
    let mut scan = StreamScan::new(Expected::default());
    scan.push(translated.as_bytes());
    let end = scan.end();
    (scan, end)
}

#[test]
fn every_documented_stream_becomes_the_one_beside_it() {
    for (name, upstream, client) in STREAMS {
        assert!(upstream.starts_with(": https://platform.claude.com/docs/"), "{name}");
        assert_eq!(whole(upstream), client, "{name}");
    }
}

#[test]
fn what_becomes_of_it_ends_as_the_provider_said() {
    for (name, upstream, _) in STREAMS {
        let (scan, end) = scanned(&whole(upstream));
        let expected = match name {
            "overloaded_first" | "overloaded_midway" => StreamEnd::ErrorEvent { append: "" },
            "cut" => StreamEnd::Cut { mid_event: false },
            _ => StreamEnd::Complete { append: "" },
        };
        assert_eq!((end, scan.lost_a_piece()), (expected, false), "{name}");
        assert_eq!(scan.usage().is_some(), matches!(end, StreamEnd::Complete { .. }), "{name}");
    }
}

/// What a client gets by way of gate and rewriter of these pieces, and what its end means; `None` where the gate gave up, so
/// that another may answer.
fn relayed(pieces: [&[u8]; 2]) -> Option<(String, StreamEnd)> {
    let mut gate = Gate::new(Expected::default(), Some(Box::new(MessageStream::new(OPTIONS))));
    let mut pieces = pieces.into_iter();
    while *gate.state() == GateState::Waiting {
        match pieces.next() {
            Some(piece) => gate.push(piece),
            None => gate.end(),
        };
    }
    if *gate.state() != GateState::Open {
        return None;
    }
    let (bytes, translator) = gate.into_bytes();
    let mut rewriter = Rewriter::<NoDetails>::new(UsagePolicy::Keep, Expected::default());
    let mut out = Vec::new();
    rewriter.push(&bytes, &mut out).unwrap();
    rewriter.translate(translator);
    for piece in pieces {
        rewriter.push(piece, &mut out).unwrap();
    }
    let end = rewriter.finish(&mut out);
    Some((String::from_utf8(out).unwrap(), end))
}

#[test]
fn cut_anywhere_and_however_it_came_a_client_never_gets_an_end_that_was_none() {
    let done = r#"data: {"type":"message_stop"}"#;
    for (name, upstream, _) in STREAMS {
        let bytes = upstream.as_bytes();
        let last = upstream.find(done).map(|at| at + done.len());
        let whole = relayed([bytes, b""]);
        for at in 0..=bytes.len() {
            let (first, rest) = bytes.split_at(at);
            assert_eq!(relayed([first, rest]), whole, "{name} split at {at}");
            let Some((text, end)) = relayed([first, b""]) else { continue };
            let is_whole = last.is_some_and(|last| at >= last);
            assert_eq!(matches!(end, StreamEnd::Complete { .. }), is_whole, "{name} cut at {at}: {end:?}");
            assert_eq!(text.contains("[DONE]"), is_whole, "{name} cut at {at}");
            assert!(is_whole || !text.contains(r#""finish_reason":""#), "{name} cut at {at}: {text}");
        }
    }
}

#[test]
fn a_stream_without_its_last_event_is_cut_whatever_it_said_before() {
    for (name, upstream, _) in STREAMS {
        let Some((before, _)) = upstream.split_once("event: message_stop") else { continue };
        let (scan, end) = scanned(&whole(before));
        assert_eq!((end, scan.finish_reason()), (StreamEnd::Cut { mid_event: false }, None), "{name}");
    }
}

#[test]
fn the_last_event_counts_without_its_blank_line() {
    let text = upstream("text");
    assert_eq!(whole(text.trim_end()), whole(text));
    assert!(!whole(text.trim_end().strip_suffix('}').unwrap()).contains("[DONE]"));
}

#[test]
fn an_error_keeps_its_words_on_one_line() {
    let pretty =
        "event: error\ndata: {\ndata:   \"error\": {\ndata:     \"type\": \"api_error\"\ndata:   }\ndata: }\n\n";
    let (scan, end) = scanned(&whole(pretty));
    assert_eq!(end, StreamEnd::ErrorEvent { append: "" });
    assert!(scan.error().is_some_and(|error| error.contains("\"api_error\"")));
    // Nothing behind it is the answer.
    assert_eq!(whole(&format!("{pretty}{}", upstream("text"))), whole(pretty));
}

#[test]
fn an_error_is_known_by_the_events_name_as_well() {
    let (scan, _) = scanned(&whole("event: error\ndata: {\"message\":\"no\"}\n\n"));
    assert_eq!(scan.error(), Some(r#"{"message":"no"}"#));
}

#[test]
fn an_event_that_cannot_be_read_is_seen_as_one_that_is_no_chunk_and_ends_it() {
    let text = upstream("text");
    let (before, after) = text.split_at(text.find("event: content_block_delta").unwrap());
    for broken in [
        "data: {\"type\":\"content_block_delta\"\n\n",
        "data: [DONE]\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":3}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0}\n\n",
    ] {
        let (scan, end) = scanned(&whole(&format!("{before}{broken}{after}")));
        assert_eq!((end, scan.lost_a_piece()), (StreamEnd::Cut { mid_event: false }, true), "{broken}");
    }
    let not_text = [before.as_bytes(), b"data: \xff\n\n", after.as_bytes()].concat();
    assert!(scanned(&translated(&[&not_text], OPTIONS)).0.lost_a_piece());
    // Nothing comes before the beginning.
    for early in ["content_block_delta", "content_block_start", "message_stop"] {
        let early =
            format!("data: {{\"type\":\"{early}\",\"index\":0,\"delta\":{{}},\"content_block\":{{}}}}\n\n{text}");
        assert!(scanned(&whole(&early)).0.lost_a_piece(), "{early}");
    }
}

#[test]
fn a_body_without_events_gives_nothing() {
    for body in ["", "<html>Bad gateway</html>\n\n", "{\"type\":\"error\",\"error\":{}}", ": comment\n\n"] {
        assert_eq!(whole(body), "", "{body}");
    }
}

#[test]
fn a_second_start_is_passed_over() {
    let text = upstream("text");
    let (start, rest) = text.split_at(text.find("event: content_block_start").unwrap());
    assert_eq!(whole(&format!("{start}{start}{rest}")), whole(text));
}

#[test]
fn an_event_too_large_to_be_held_is_told() {
    let mut stream = MessageStream::new(OPTIONS);
    assert_eq!(stream.push(&vec![b'x'; MAX_EVENT_BYTES + 1], &mut Vec::new()), Err(EventTooLarge));
    assert_eq!(stream.push(upstream("text").as_bytes(), &mut Vec::new()), Err(EventTooLarge));
}

#[test]
fn citations_without_end_are_not_kept_without_end() {
    let text = upstream("text");
    let (start, rest) = text.split_at(text.find("event: content_block_delta").unwrap());
    let citation = r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a.test/","title":"t"}}}"#;
    let many = format!("{citation}\n\n").repeat(2000);
    let client = whole(&format!("{start}{many}{rest}"));
    let kept = client.matches("url_citation\",").count();
    assert!((100..2000).contains(&kept), "{kept}");
    assert_eq!(scanned(&client).1, StreamEnd::Complete { append: "" });
}

proptest! {
    #[test]
    fn any_split_gives_the_same_stream(index in 0..STREAMS.len(), cuts in any_cuts()) {
        let (_, upstream, client) = STREAMS[index];
        prop_assert_eq!(translated(&split(upstream.as_bytes(), &cuts), OPTIONS), client);
    }

    #[test]
    fn noise_never_panics_and_never_makes_an_end(bytes in stream_like_noise(), cuts in any_cuts()) {
        let client = translated(&split(&bytes, &cuts), OPTIONS);
        prop_assert_eq!(&client, &translated(&[&bytes], OPTIONS));
        // An error may repeat anything, but it is no end.
        prop_assert!(!client.contains("[DONE]"));
        prop_assert!(!matches!(scanned(&client).1, StreamEnd::Complete { .. }), "{}", client);
    }

    #[test]
    fn a_stream_that_stops_anywhere_is_whole_only_with_its_last_event(index in 0..STREAMS.len(), at in any::<prop::sample::Index>()) {
        let (_, upstream, client) = STREAMS[index];
        let cut = at.index(upstream.len());
        let got = translated(&[&upstream.as_bytes()[..cut]], OPTIONS);
        prop_assert!(client.starts_with(&got));
        let last = upstream.find(r#"data: {"type":"message_stop"}"#);
        prop_assert_eq!(got.contains("[DONE]"), last.is_some_and(|last| cut >= last + r#"data: {"type":"message_stop"}"#.len()));
    }
}
