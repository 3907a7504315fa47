//! One look at a chunk finds what matters in every provider's way of writing it.

use opengateway::sse::chunk::{Chunk, ChunkError, ChunkPeek, peek};
use proptest::prelude::*;

fn read(data: &str) -> ChunkPeek<'_> {
    match peek(data) {
        Ok(Chunk::Delta(chunk)) => chunk,
        Ok(Chunk::Done) => panic!("{data} is no chunk"),
        Err(error) => panic!("{data}: {error}"),
    }
}

fn with_delta(delta: &str) -> String {
    format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

/// Content, reasoning, tool calls, refusal, bytes of text.
type Carried = (bool, bool, bool, bool, usize);

#[test]
fn what_a_delta_carries() {
    let cases: &[(&str, Carried)] = &[
        (r#"{"role":"assistant","content":""}"#, (false, false, false, false, 0)),
        (r#"{"content":null,"tool_calls":null,"refusal":null,"reasoning":null}"#, (false, false, false, false, 0)),
        ("{}", (false, false, false, false, 0)),
        ("null", (false, false, false, false, 0)),
        (r#"{"content":"a\n"}"#, (true, false, false, false, 3)),
        (r#"{"c\u006fntent":"a"}"#, (true, false, false, false, 1)),
        (r#"{"content":[]}"#, (false, false, false, false, 0)),
        (r#"{"content":[{"type":"text","text":"abc"}]}"#, (true, false, false, false, 3)),
        (
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"abcd"}]}]}"#,
            (true, false, false, false, 4),
        ),
        (r#"{"content":7}"#, (false, false, false, false, 0)),
        (r#"{"reasoning":"abc"}"#, (false, true, false, false, 3)),
        (r#"{"reasoning_content":"abc","reasoning":"abc","content":""}"#, (false, true, false, false, 3)),
        (r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}"#, (false, true, false, false, 0)),
        (r#"{"reasoning_details":[ ]}"#, (false, false, false, false, 0)),
        (r#"{"tool_calls":[]}"#, (false, false, false, false, 0)),
        (
            r#"{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":null}]}"#,
            (false, false, true, false, 2),
        ),
        (r#"{"refusal":"No"}"#, (false, false, false, true, 2)),
        (r#"{"audio":{"id":"a"}}"#, (true, false, false, false, 0)),
        (r#"{"audio":{}}"#, (false, false, false, false, 0)),
        (r#"{"images":[{"type":"image_url"}]}"#, (true, false, false, false, 0)),
        (r#"{"images":[{}]}"#, (true, false, false, false, 0)),
        (r#"{"images":[]}"#, (false, false, false, false, 0)),
    ];
    for (delta, expected) in cases {
        let data = with_delta(delta);
        let chunk = read(&data);
        let found = (chunk.content, chunk.reasoning, chunk.tool_calls, chunk.refusal, chunk.text_bytes);
        assert_eq!(found, *expected, "{delta}");
        assert_eq!(chunk.has_output(), expected.0 || expected.1 || expected.2 || expected.3);
    }
}

#[test]
fn choices_are_told_apart_by_index() {
    let chunk = read(
        r#"{"id":"a","model":"m","choices":[{"index":2,"delta":{},"finish_reason":"length"},{"index":0,"delta":{"content":"x"}}]}"#,
    );
    assert_eq!((chunk.seen, chunk.finished, chunk.finish_reason), (0b101, 0b100, Some("length")));
    assert_eq!((chunk.id.unwrap().raw(), chunk.model.unwrap().raw(), chunk.has_choices), ("a", "m", true));

    let without_index = read(r#"{"choices":[{"delta":{}},{"delta":{},"finish_reason":"stop"}]}"#);
    assert_eq!((without_index.seen, without_index.finished), (0b11, 0b10));
    assert_eq!(read(r#"{"choices":[{"index":9000000}]}"#).seen, 1 << 127);
    for none in [r#"{"choices":[]}"#, r#"{"choices":null}"#, "{}", r#"{"id":7,"model":null}"#] {
        let chunk = read(none);
        assert!(!chunk.has_choices && chunk.seen == 0 && chunk.id.is_none(), "{none}");
    }
    assert_eq!(read(r#"{"choices":[{"finish_reason":""}]}"#).finish_reason, None);
}

#[test]
fn usage_is_found_at_the_top_and_in_groqs_corner() {
    let cases = [
        (r#"{"usage":{"prompt_tokens":1}}"#, Some(r#"{"prompt_tokens":1}"#)),
        (r#"{"usage":null}"#, None),
        (r#"{"usage":null,"x_groq":{"usage":{"a":1}}}"#, Some(r#"{"a":1}"#)),
        (r#"{"x_groq":{"usage":{"a":1}},"usage":{"a":2}}"#, Some(r#"{"a":2}"#)),
        (r#"{"x_groq":{"id":"r"}}"#, None),
        (r#"{"x_groq":null}"#, None),
    ];
    for (data, expected) in cases {
        assert_eq!(read(data).usage, expected, "{data}");
    }
}

#[test]
fn every_shape_of_an_in_band_error_is_found() {
    let cases = [
        (r#"{"error":{"message":"m"}}"#, Some(r#"{"message":"m"}"#)),
        (r#"{"code":"c","error":"text"}"#, Some(r#""text""#)),
        (r#"{"type":"error","error":{"type":"overloaded_error"}}"#, Some(r#"{"type":"overloaded_error"}"#)),
        (r#"{"choices":[{"error":{"code":502}}]}"#, Some(r#"{"code":502}"#)),
        (r#"{"x_groq":{"error":"stopped"}}"#, Some(r#""stopped""#)),
        (r#"{"object":"error","message":"m"}"#, Some(r#"{"object":"error","message":"m"}"#)),
        (r#"{"choices":[{"finish_reason":"error"}]}"#, Some(r#"{"choices":[{"finish_reason":"error"}]}"#)),
        (r#"{"error":{"a":1},"choices":[{"finish_reason":"error","error":{"b":1}}]}"#, Some(r#"{"a":1}"#)),
        (r#"{"error":null}"#, None),
        (r#"{"error":""}"#, None),
        (r#"{"error":false,"object":"chat.completion.chunk"}"#, None),
    ];
    for (data, expected) in cases {
        assert_eq!(read(data).error, expected, "{data}");
    }
}

#[test]
fn what_is_no_chunk_is_said_to_be_none() {
    assert_eq!(peek("[DONE]"), Ok(Chunk::Done));
    assert_eq!(peek(" [DONE] "), Ok(Chunk::Done));
    for data in ["", " ", "null", "[1]", "\"x\"", "ping"] {
        assert_eq!(peek(data), Err(ChunkError::NotAnObject), "{data:?}");
    }
    for data in ["{", r#"{"choices":[{"delta":"#, "{} {}", r#"{"a":1,}"#] {
        assert!(matches!(peek(data), Err(ChunkError::Json(_))), "{data}");
    }
}

proptest! {
    #[test]
    fn a_chunk_is_malformed_exactly_when_serde_json_says_so(
        text in r#"\{("choices":\[[\{\}"a:,\]]{0,6}|"delta":|"content":"[a-z\\]{0,3}"|"usage":|\{\}|[\[\]{},:"]|null|1){0,9}\}?"#,
    ) {
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(peek(&text).is_ok(), valid, "{}", text);
    }
}
