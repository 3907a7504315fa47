//! Anthropic's whole replies as a client gets them. The files under `fixtures/anthropic/replies` hold what comes and what is
//! made of it, and name the public page that the shape is from.

use opengateway::dialect::anthropic::blocks::finish_reason;
use opengateway::dialect::anthropic::reply::{Options, translate};
use opengateway::dialect::openai::reply::judge;
use opengateway::usage::tokens::TokenUsage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect_fixture::plain;

pub(crate) const OPTIONS: Options = Options { created: 1_780_000_000 };

#[derive(Deserialize)]
struct Fixture<'a> {
    source: String,
    #[serde(borrow)]
    upstream: &'a RawValue,
    #[serde(borrow)]
    client: &'a RawValue,
}

const REPLIES: [(&str, &str); 7] = [
    ("text", include_str!("../fixtures/anthropic/replies/text.json")),
    ("thinking_and_tools", include_str!("../fixtures/anthropic/replies/thinking_and_tools.json")),
    ("only_tools", include_str!("../fixtures/anthropic/replies/only_tools.json")),
    ("web_search", include_str!("../fixtures/anthropic/replies/web_search.json")),
    ("refusal", include_str!("../fixtures/anthropic/replies/refusal.json")),
    ("compaction", include_str!("../fixtures/anthropic/replies/compaction.json")),
    ("fallback", include_str!("../fixtures/anthropic/replies/fallback.json")),
];

fn fixture(name: &str) -> Fixture<'static> {
    let (_, text) = REPLIES.iter().find(|(known, _)| *known == name).unwrap();
    serde_json::from_str(text).unwrap()
}

fn translated(upstream: &str, options: Options) -> Value {
    serde_json::from_slice(&translate(upstream.as_bytes(), options).unwrap()).unwrap()
}

#[test]
fn every_documented_reply_becomes_the_completion_beside_it() {
    for (name, _) in REPLIES {
        let fixture = fixture(name);
        assert!(fixture.source.starts_with("https://platform.claude.com/docs/"), "{name}");
        let client: Value = serde_json::from_str(fixture.client.get()).unwrap();
        let got = translated(fixture.upstream.get(), OPTIONS);
        assert_eq!(got, client, "{name}:\n{}", serde_json::to_string_pretty(&got).unwrap());
    }
}

#[test]
fn what_becomes_of_it_is_judged_like_any_completion() {
    for (name, _) in REPLIES {
        let body = translate(fixture(name).upstream.get().as_bytes(), OPTIONS).unwrap();
        let completion = judge(&body, 200, &plain(), None).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        assert!(completion.tokens.is_some(), "{name}");
    }
    let body = translate(fixture("thinking_and_tools").upstream.get().as_bytes(), OPTIONS).unwrap();
    let tokens = judge(&body, 200, &plain(), None).unwrap().tokens.unwrap();
    let TokenUsage { prompt, completion, total, cached, reasoning, .. } = tokens;
    assert_eq!([prompt, completion, total, cached, reasoning], [2129, 88, 2217, 2000, 40]);
}

#[test]
fn what_is_no_whole_message_is_left_to_the_judge() {
    let text = fixture("text").upstream.get();
    for body in [
        "",
        "<html></html>",
        "[]",
        "{}",
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        r#"{"type":"message","id":"msg_1"}"#,
        r#"{"type":"message","content":"text"}"#,
        text.get(..text.len() - 1).unwrap(),
        &format!("{text}{{}}"),
    ] {
        assert_eq!(translate(body.as_bytes(), OPTIONS), None, "{body}");
    }
    assert_eq!(translate(b"\xff", OPTIONS), None);
}

#[test]
fn stop_reasons_have_their_finish_reasons() {
    for (stop, finish) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "length"),
        ("compaction", "stop"),
        ("something_new", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ] {
        assert_eq!(finish_reason(stop, true), finish, "{stop}");
    }
    assert_eq!(finish_reason("tool_use", false), "stop");
}

#[test]
fn a_member_that_is_not_what_it_should_be_costs_that_member_alone() {
    let odd = r#"{"type":"message","id":7,"model":null,"stop_reason":"end_turn","usage":"none","content":[
        7, {"type":"text"}, {"type":"text","text":"a","citations":{"url":"u"}}, {"type":"thinking","thinking":3},
        {"type":"tool_use","id":null,"input":null}]}"#;
    let got = translated(odd, OPTIONS);
    let message = &got["choices"][0]["message"];
    assert_eq!((&got["id"], &got["model"], &message["content"]), (&"".into(), &"".into(), &"a".into()));
    assert_eq!(message["tool_calls"][0]["function"], serde_json::json!({ "name": "", "arguments": "{}" }));
    assert!(message.get("reasoning").is_none());
}

#[test]
fn counts_of_a_stream_are_sums_and_what_is_left_out_stays() {
    use opengateway::dialect::anthropic::usage::MessageUsage;
    let mut usage = MessageUsage::default();
    for raw in [
        r#"{"input_tokens":9,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":1}"#,
        r#"{"output_tokens":5}"#,
        r#"{"input_tokens":0,"cache_creation_input_tokens":30,"cache_read_input_tokens":null,"output_tokens":8,"server_tool_use":null}"#,
        "[]",
        "7",
    ] {
        usage.add(raw);
    }
    let expected = MessageUsage { input: 9, cache_write: 30, cache_write_1h: 20, output: 8, ..MessageUsage::default() };
    assert_eq!(usage, expected);
}
