//! What gets a stream further, and how long it may go on without that.

use opengateway::sse::scan::{Expected, StreamScan};
use opengateway::sse::standstill::{Progress, STANDSTILL_IDLE_LIMITS, Standstill};

const IDLE_MS: u64 = 1_000;
const LIMIT_MS: u64 = IDLE_MS * STANDSTILL_IDLE_LIMITS;

const HELLO: &str =
    r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}"#;

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// Where a stream gets to that has begun with `before`, and with these bytes behind it.
fn steps(before: &str, bytes: &str) -> (Progress, Progress) {
    let mut scan = StreamScan::new(Expected { choices: 2, ..Expected::default() });
    scan.push(before.as_bytes());
    let first = scan.progress();
    scan.push(bytes.as_bytes());
    (first, scan.progress())
}

#[test]
fn every_part_of_an_answer_and_its_end_get_a_stream_further() {
    for data in [
        r#"{"choices":[{"index":0,"delta":{"content":" there"}}]}"#,
        HELLO,
        r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning":"hm"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"refusal":"no"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"images":[{"type":"image_url"}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"audio":{"data":"x"}}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":""}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    ] {
        let (before, after) = steps(&event(HELLO), &event(data));
        assert_ne!(before, after, "{data}");
    }
}

#[test]
fn signs_of_life_do_not() {
    for bytes in [
        ": OPENROUTER PROCESSING\n\n",
        ": keep-alive\r\n\r\n",
        ": ping\n\n",
        "event: ping\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "\n\n\n",
        "data: {\"id\":\"a\",\"choices\":[]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":null,\"reasoning\":\"\",\"tool_calls\":[]},\"finish_reason\":\"\"}]}\n\n",
        "data: {\"choices\":[{\"ind",
    ] {
        let (before, after) = steps(&event(HELLO), bytes);
        assert_eq!(before, after, "{bytes}");
    }
}

#[test]
fn what_was_told_before_tells_nothing_new() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let stop = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for data in [usage, stop] {
        let (before, after) = steps(&event(data), &event(data));
        assert_eq!(before, after, "{data}");
    }
    for (first, second) in [(usage.to_owned(), usage.replace(":2", ":3")), (stop.to_owned(), stop.replace(":0", ":1"))]
    {
        let (before, after) = steps(&event(&first), &event(&second));
        assert_ne!(before, after, "{second}");
    }
}

#[test]
fn a_picture_that_is_still_coming_gets_a_stream_further() {
    let picture = format!("data: {{\"choices\":[{{\"delta\":{{\"images\":[\"{}", "A".repeat(200_000));
    let mut scan = StreamScan::new(Expected::default());
    let mut seen = vec![scan.progress()];
    for piece in picture.as_bytes().chunks(1_000) {
        scan.push(piece);
        if seen.last() != Some(&scan.progress()) {
            seen.push(scan.progress());
        }
    }
    assert_eq!(seen.len(), 4, "once for each 64 KiB");
}

/// A place of a stream after so many tokens.
fn after(tokens: usize) -> Progress {
    let mut scan = StreamScan::new(Expected::default());
    scan.push(event(HELLO).repeat(tokens).as_bytes());
    scan.progress()
}

#[test]
fn a_stream_stands_still_for_some_idle_limits_at_most() {
    // When bytes come, after how many tokens, and what the client was waited for behind it.
    type Came = (u64, usize, u64);
    let cases: [(&str, &[Came], Option<usize>); 6] = [
        ("pings alone", &[(1, 1, 0), (LIMIT_MS - 1, 1, 0), (LIMIT_MS, 1, 0)], Some(2)),
        ("nothing at all", &[(LIMIT_MS, 1, 0)], Some(0)),
        ("a token in time", &[(LIMIT_MS - 1, 2, 0), (2 * LIMIT_MS - 2, 2, 0), (2 * LIMIT_MS - 1, 2, 0)], Some(2)),
        ("a token that comes late", &[(5 * LIMIT_MS, 2, 0), (6 * LIMIT_MS - 1, 2, 0)], None),
        ("a slow client", &[(500, 1, 700), (LIMIT_MS + 699, 1, 0), (LIMIT_MS + 700, 1, 0)], Some(2)),
        ("a slow client behind a token", &[(500, 2, 700), (LIMIT_MS + 1_199, 2, 0), (LIMIT_MS + 1_200, 2, 0)], Some(2)),
    ];
    for (name, came, wanted) in cases {
        let start_ms = 77;
        let mut standstill = Standstill::new(IDLE_MS, after(1), start_ms);
        let found = came.iter().position(|(ms, tokens, waited_ms)| {
            let over = standstill.came(after(*tokens), start_ms + ms);
            standstill.excuse(*waited_ms);
            over
        });
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn no_limit_is_too_large() {
    let mut standstill = Standstill::new(u64::MAX, after(1), 5);
    standstill.excuse(u64::MAX);
    assert!(!standstill.came(after(1), u64::MAX - 1));
}
