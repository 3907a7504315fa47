//! The streams that the tests share, and ways to cut them up.

use proptest::prelude::*;
use proptest::sample::Index;

/// A whole stream of one provider, and what a reader of it is to know at its end.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: &'static str,
    pub(crate) bytes: &'static [u8],
    /// prompt, completion, total, cached, reasoning.
    pub(crate) usage: Option<[u64; 5]>,
    pub(crate) tool_call: bool,
    pub(crate) in_band_error: bool,
}

macro_rules! stream {
    ($name:literal, $usage:expr, $tool_call:expr, $in_band_error:expr) => {
        Stream {
            name: $name,
            bytes: include_bytes!(concat!("../fixtures/streams/", $name, ".sse")),
            usage: $usage,
            tool_call: $tool_call,
            in_band_error: $in_band_error,
        }
    };
}

pub(crate) const STREAMS: [Stream; 8] = [
    stream!("openai_trailing_usage", Some([19, 10, 29, 8, 4]), false, false),
    stream!("crlf", Some([19, 10, 29, 8, 4]), false, false),
    stream!("groq", Some([80, 20, 100, 0, 0]), false, false),
    stream!("cerebras", Some([40, 2, 42, 0, 0]), false, false),
    stream!("deepseek", Some([12, 9, 21, 6, 5]), false, false),
    stream!("mistral", Some([7, 9, 16, 3, 0]), false, false),
    stream!("tool_calls", None, true, false),
    stream!("openrouter_error", None, false, true),
];

pub(crate) fn stream(name: &str) -> &'static [u8] {
    STREAMS.iter().find(|stream| stream.name == name).unwrap().bytes
}

/// The streams that end well.
pub(crate) fn good_streams() -> impl Iterator<Item = &'static Stream> {
    STREAMS.iter().filter(|stream| !stream.in_band_error)
}

pub(crate) fn any_stream() -> impl Strategy<Value = &'static Stream> {
    (0..STREAMS.len()).prop_map(|index| &STREAMS[index])
}

/// Where to cut: up to a dozen places.
pub(crate) fn any_cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

/// Bytes that look enough like a stream to reach every branch.
pub(crate) fn stream_like_noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data".to_vec()),
        Just(b"event: error".to_vec()),
        Just(b": comment".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b"\xff".to_vec()),
        Just(b"[DONE]".to_vec()),
        Just(br#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#.to_vec()),
        Just(br#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.to_vec()),
        Just(br#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#.to_vec()),
        Just(br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#.to_vec()),
        Just(br#"{"error":{"message":"no"}}"#.to_vec()),
        Just(br#"{"object":"#.to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The bytes cut at those places; empty pieces are kept, since a read may give none.
/// Chunks of one stream that differ in their text, most of them in nothing else.
pub(crate) fn chunks_alike() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        8 => " ?[a-zé日🦀]{1,6}",
        1 => Just(String::new()),
        1 => r#"\\n|\\"|\\u00e9|\\ud83d|\\x|\\"#,
        1 => "\"|\n|\r|\u{1}|\"\\}",
    ];
    let shape = prop_oneof![
        12 => Just(("", "")),
        1 => Just(("\"role\":\"assistant\",", "")),
        1 => Just(("\"reasoning\":\"why\",", "")),
        1 => Just(("", ",\"refusal\":\"no\"")),
        1 => Just(("", ",\"content\":\"twice\"")),
        1 => Just(("", ",\"tool_calls\":[{\"index\":0}]")),
    ];
    let rest = prop_oneof![
        12 => Just("}}]}"),
        1 => Just("},\"finish_reason\":\"stop\"}]}"),
        1 => Just("}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"),
        1 => Just("}}],\"error\":{\"message\":\"m\"}}"),
        1 => Just("}}]"),
    ];
    let end = prop_oneof![20 => Just("\n\n"), 1 => Just("\r\n\r\n"), 1 => Just("\r\r"), 1 => Just("\n: comment\n\n")];
    let start = prop_oneof![20 => Just("data: "), 1 => Just("data:"), 1 => Just("event: error\ndata: "), 1 => Just("data: \ndata: ")];
    let chunk = (start, shape, text, rest, end).prop_map(|(start, (before, after), text, rest, end)| {
        format!("{start}{{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{{before}\"content\":\"{text}\"{after}{rest}{end}")
    });
    let first = prop_oneof![4 => Just(""), 1 => Just("\u{feff}")];
    (first, prop::collection::vec(chunk, 1..20))
        .prop_map(|(first, chunks)| format!("{first}{}", chunks.concat()).into_bytes())
}

pub(crate) fn split<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    at.push(bytes.len());
    let mut start = 0;
    at.into_iter()
        .map(|end| {
            let piece = &bytes[start..end];
            start = end;
            piece
        })
        .collect()
}

#[test]
fn every_split_joins_to_the_same_bytes() {
    assert_eq!(split(b"abc", &[]), [b"abc"]);
    assert!(STREAMS.iter().all(|stream| split(stream.bytes, &[]).concat() == stream.bytes));
}
