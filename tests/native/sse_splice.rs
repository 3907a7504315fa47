//! A stream that goes on with one that was cut reads as one answer.

use opengateway::sse::rewrite::{Rewriter, UsageChunk, UsageMembers, UsagePolicy};
use opengateway::sse::scan::{Expected, StreamEnd, StreamScan};
use opengateway::sse::splice::{Asked, BEGUN_ANEW_BYTES, Splice};
use opengateway::sse::transcript::{MAX_TRANSCRIPT_BYTES, Transcript};
use proptest::prelude::*;
use serde_json::{Value, json};

const HELLO: &str = "A text that is long enough for somebody else to be asked to go on with it: Hello";

#[derive(Clone, Debug)]
struct Unused;

impl UsageChunk for Unused {
    fn members(&mut self, usage: &str, _: u64) -> UsageMembers {
        UsageMembers { usage: usage.to_owned(), metadata: None }
    }
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn delta(id: &str, delta: Value) -> Value {
    json!({"id": id, "object": "chat.completion.chunk", "created": id.len(), "model": format!("model of {id}"),
           "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn text_event(id: &str, text: &str) -> String {
    event(&delta(id, json!({"content": text})))
}

fn stop(id: &str) -> String {
    event(&json!({"id": id, "created": 9, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
}

/// What a client has after these events.
fn transcript(events: &str) -> Option<Transcript> {
    let mut scan = StreamScan::new(Expected { resumable: true, ..Expected::default() });
    scan.push(events.as_bytes());
    scan.end();
    scan.transcript().cloned()
}

fn so_far(text: &str) -> Transcript {
    transcript(&text_event("first", text)).unwrap()
}

struct Joined {
    out: String,
    end: StreamEnd,
    transcript: Option<Transcript>,
}

fn join(so_far: Transcript, asked: Asked, events: &str) -> Joined {
    let mut rewriter = Rewriter::joining(UsagePolicy::<Unused>::Keep, Expected::default(), Splice::new(so_far, asked));
    let mut out = Vec::new();
    rewriter.push(events.as_bytes(), &mut out).unwrap();
    let end = rewriter.finish(&mut out);
    Joined { out: String::from_utf8(out).unwrap(), end, transcript: rewriter.transcript().cloned() }
}

/// The texts that a client reads in these events.
fn texts(events: &str) -> String {
    let chunks = events.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let chunks = chunks.map(|data| serde_json::from_str::<Value>(data).unwrap());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_transcript_is_the_text_and_the_name_of_the_first_stream() {
    let role = event(&delta("", json!({"role": "assistant", "content": ""})));
    let thought = event(&delta("first", json!({"reasoning": "hm"})));
    let found =
        transcript(&format!("{role}{thought}{}{}", text_event("first", "a \u{e9}\n"), text_event("other", "b")));
    let found = found.unwrap();
    assert_eq!(
        (found.text.as_str(), found.id.as_deref(), found.created.as_deref()),
        ("a \u{e9}\nb", Some("\"first\""), Some("0"))
    );
}

#[test]
fn nobody_can_go_on_with_more_than_text() {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]});
    let other = json!({"id": "x", "choices": [{"index": 1, "delta": {"content": "b"}}]});
    let logprobs = json!({"choices": [{"index": 0, "delta": {"content": "b"}, "logprobs": {"content": []}}]});
    for event_of_it in [
        event(&delta("x", call)),
        event(&delta("x", json!({"refusal": "no"}))),
        event(&delta("x", json!({"function_call": {"name": "f"}}))),
        event(&delta("x", json!({"images": [{"type": "image_url"}]}))),
        event(&delta("x", json!({"audio": {"data": "AA"}}))),
        event(&delta("x", json!({"content": [{"type": "text", "text": "b"}]}))),
        event(&other),
        event(&logprobs),
        text_event("x", &"b".repeat(MAX_TRANSCRIPT_BYTES)),
        // Half of a character.
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ud83d\"}}]}\n\n".to_owned(),
        event(&json!({"error": {"message": "m"}})),
        "data: no chunk\n\n".to_owned(),
        // Half of a chunk.
        "data: {\"choices\":[{\"ind".to_owned(),
    ] {
        assert_eq!(transcript(&format!("{}{event_of_it}", text_event("x", "a"))), None, "{event_of_it}");
    }
    let unasked = StreamScan::new(Expected::default());
    assert_eq!(unasked.transcript(), None);
}

#[test]
fn an_event_that_only_lacks_its_blank_line_is_a_part_of_it() {
    let events = text_event("x", "a") + text_event("x", "b").trim_end();
    assert_eq!(transcript(&events).unwrap().text, "ab");
}

#[test]
fn a_continuation_keeps_id_and_time_and_names_its_own_model() {
    let role = event(&delta("second", json!({"role": "assistant", "content": ""})));
    let last = event(&delta("second", json!({"content": " world", "role": "assistant"})));
    let joined = join(so_far(HELLO), Asked::ToContinue, &format!("{role}{last}{}data: [DONE]\n\n", stop("second")));
    let expected = concat!(
        r#"data: {"choices":[{"delta":{"content":" world"},"finish_reason":null,"index":0}],"created":5,"id":"first","#,
        r#""model":"model of second","object":"chat.completion.chunk"}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"created":5,"id":"first"}"#,
        "\n\ndata: [DONE]\n\n"
    );
    assert_eq!(joined.out, expected);
    assert_eq!(joined.end, StreamEnd::Complete { append: "" });
    assert_eq!(joined.transcript.unwrap().text, format!("{HELLO} world"));
}

#[test]
fn what_another_stream_repeats_is_left_out() {
    let text = "The quick brown fox, who had not slept for a good three or four nights, jumps";
    // Asked from the start, asked to go on and begun anew, asked to go on and gone on.
    for (asked, second) in [
        (Asked::Again, "The quick brown fox, who had not slept for a good three or four nights, jumps over the dog."),
        (
            Asked::ToContinue,
            "The quick brown fox, who had not slept for a good three or four nights, jumps over the dog.",
        ),
        (Asked::ToContinue, " over the dog."),
        // It happens to begin with the same words.
        (Asked::ToContinue, "The quick brown over the dog."),
    ] {
        let wanted = if second.starts_with("The quick brown over") { second } else { " over the dog." };
        for size in [1, 3, 100] {
            let chunks: Vec<char> = second.chars().collect();
            let events: String =
                chunks.chunks(size).map(|part| text_event("s", &part.iter().collect::<String>())).collect();
            let joined = join(so_far(text), asked, &(events + &stop("s")));
            assert_eq!(texts(&joined.out), wanted, "{asked:?} {size}");
            assert_eq!(joined.end, StreamEnd::Complete { append: "data: [DONE]\n\n" });
            assert_eq!(joined.transcript.unwrap().text, format!("{text}{wanted}"));
        }
    }
}

#[test]
fn what_is_held_comes_with_the_last_chunk_at_the_latest() {
    // The answer so far begins with what the rest of it is.
    let held = text_event("s", "no ");
    for last in [
        stop("s"),
        event(&json!({"choices": [{"index": 0, "finish_reason": "stop"}]})),
        event(&json!({"choices": [{"index": 0, "delta": {"content": "no"}, "finish_reason": "stop"}]})),
    ] {
        let joined = join(so_far("no no no, "), Asked::ToContinue, &format!("{held}{last}"));
        let wanted = if last.contains("\"content\"") { "no no" } else { "no " };
        assert_eq!(texts(&joined.out), wanted, "{last}");
        assert_eq!(joined.end, StreamEnd::Complete { append: "data: [DONE]\n\n" });
    }
}

#[test]
fn another_answer_is_not_mixed_in() {
    let text = "The quick brown fox, who had not slept for a good three or four nights, jumps";
    let call = event(&delta("s", json!({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]})));
    let half = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ud83d\"}}]}\n\n";
    for (asked, second) in [
        (Asked::Again, text_event("s", "A quick")),
        (Asked::Again, text_event("s", "The quick brown fox, ") + &text_event("s", "asleep")),
        // Shorter than what the client has.
        (Asked::Again, text_event("s", "The quick") + &stop("s")),
        (Asked::Again, text_event("s", "The quick") + "data: [DONE]\n\n"),
        (Asked::Again, text_event("s", "The quick") + &call),
        (Asked::Again, stop("s")),
        (Asked::ToContinue, text_event("s", &text.replace("jumps", "sleeps"))),
        (Asked::ToContinue, text_event("s", text.trim_end_matches(" jumps")) + &stop("s")),
        (Asked::ToContinue, half.to_owned()),
    ] {
        let joined = join(so_far(text), asked, &format!("{second}{}", text_event("s", " and more")));
        assert_eq!((joined.out.as_str(), joined.end), ("", StreamEnd::Cut { mid_event: false }), "{asked:?} {second}");
        assert_eq!(joined.transcript.unwrap().text, text, "somebody else may still go on");
    }
}

#[test]
fn white_space_at_the_end_that_a_server_did_not_see_is_not_told_twice() {
    let text = "The quick brown fox, who had not slept for a good three or four nights:\n\n";
    for (pieces, fresh) in [
        (&["\n\n- one"] as &[&str], "- one"),
        (&["\n", "\n", "\n- one"], "\n- one"),
        (&["\n- one"], "- one"),
        (&["- one"], "- one"),
        (&[" - one"], " - one"),
        (&["\n\n", "The", " end"], "The end"),
    ] {
        let second: String = pieces.iter().map(|piece| text_event("s", piece)).collect();
        let joined = join(so_far(text), Asked::ToContinue, &(second + &stop("s")));
        assert_eq!(texts(&joined.out), fresh, "{pieces:?}");
    }
    let again = join(so_far(text), Asked::ToContinue, &(text_event("s", text) + &text_event("s", "new") + &stop("s")));
    assert_eq!(texts(&again.out), "new", "who begins anew is still known");
}

#[test]
fn second_thoughts_are_only_shown_where_no_text_was() {
    let thought = event(&delta("s", json!({"reasoning": "hm", "reasoning_details": [{}], "reasoning_content": "hm"})));
    let both = event(&delta("s", json!({"reasoning": "so", "content": " b"})));
    let joined = join(so_far(HELLO), Asked::ToContinue, &format!("{thought}{both}"));
    assert!(!joined.out.contains("reasoning") && texts(&joined.out) == " b", "{}", joined.out);
    let joined = join(transcript(&thought).unwrap(), Asked::Again, &format!("{thought}{both}{}", stop("s")));
    assert_eq!(joined.out.matches("hm").count(), 2);
    assert_eq!(texts(&joined.out), " b");
}

#[test]
fn a_call_may_follow_the_text() {
    let call = event(&delta(
        "s",
        json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}),
    ));
    let joined = join(so_far("Let me look. "), Asked::ToContinue, &format!("{call}{}", stop("s")));
    assert!(joined.out.contains("\"arguments\":\"{}\""), "{}", joined.out);
    assert_eq!(joined.end, StreamEnd::Complete { append: "data: [DONE]\n\n" });
    assert_eq!(joined.transcript, None, "nobody goes on with a call");
}

#[test]
fn an_error_in_a_continuation_leaves_what_came_before_it() {
    let events = text_event("s", " b") + &event(&json!({"error": {"message": "m"}})) + &text_event("s", " c");
    let joined = join(so_far(HELLO), Asked::ToContinue, &events);
    assert_eq!((texts(&joined.out).as_str(), joined.end), (" b", StreamEnd::Cut { mid_event: false }));
    assert_eq!(joined.transcript.unwrap().text, format!("{HELLO} b"));
}

proptest! {
    #[test]
    fn any_answer_cut_anywhere_comes_out_whole(
        answer in "[ab ]{0,12}|\\PC{1,60}",
        cut in any::<prop::sample::Index>(),
        pieces in prop::collection::vec(1..8_usize, 1..10),
        again in any::<bool>(),
    ) {
        let letters: Vec<char> = if again { answer.chars().collect() } else { HELLO.chars().chain(answer.chars()).collect() };
        let least = if again { 0 } else { BEGUN_ANEW_BYTES };
        let cut = least + cut.index(letters.len() - least + 1);
        let begun: String = letters[..cut].iter().collect();
        // Who goes on has not seen the white space at the end.
        let seen = cut - (begun.len() - begun.trim_ascii_end().len());
        let mut left = if again { letters.as_slice() } else { &letters[seen..] };
        let (mut events, mut turn) = (String::new(), pieces.iter().cycle());
        while !left.is_empty() {
            let (piece, more) = left.split_at(left.len().min(*turn.next().unwrap()));
            events += &text_event("s", &piece.iter().collect::<String>());
            left = more;
        }
        let asked = if again { Asked::Again } else { Asked::ToContinue };
        let joined = join(so_far(&begun), asked, &(events + &stop("s")));
        prop_assert_eq!(format!("{begun}{}", texts(&joined.out)), letters.iter().collect::<String>());
        prop_assert_eq!(joined.end, StreamEnd::Complete { append: "data: [DONE]\n\n" });
    }
}
