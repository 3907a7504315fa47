//! Whole replies told as streams.

use opengateway::structured::replay::{Tail, events};
use serde_json::{Value, json};

fn chunks(reply: &Value, tail: Option<Tail<'_>>) -> Vec<Value> {
    let stream = String::from_utf8(events(&reply.to_string(), tail).unwrap()).unwrap();
    let mut events: Vec<&str> = stream.split("\n\n").collect();
    assert_eq!(events.pop(), Some(""));
    assert_eq!(events.pop(), Some("data: [DONE]"));
    events.iter().map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn chunk(index: usize, delta: Value, finish: Value) -> Value {
    json!({"id": "c1", "created": 5, "model": "m", "object": "chat.completion.chunk",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}]})
}

fn reply(choices: Value) -> Value {
    json!({"id": "c1", "object": "chat.completion", "created": 5, "model": "m", "choices": choices,
        "usage": {"prompt_tokens": 1}, "metadata": {}})
}

#[test]
fn a_stream_has_role_text_end_and_the_usage_that_was_asked_for() {
    let whole = reply(json!([{"index": 0, "message": {"role": "assistant", "content": "{\"a\":1}", "refusal": null},
        "logprobs": null, "finish_reason": "stop"}]));
    let text = [
        chunk(0, json!({"role": "assistant"}), json!(null)),
        chunk(0, json!({"content": "{\"a\":1}"}), json!(null)),
        chunk(0, json!({}), json!("stop")),
    ];
    assert_eq!(chunks(&whole, None), text);
    let tail = Tail { usage: r#"{"prompt_tokens":1}"#, metadata: Some("{\"used_model\":\"m\"}") };
    let told = chunks(&whole, Some(tail));
    assert_eq!(told[..3], text);
    assert_eq!(
        told[3],
        json!({"id": "c1", "created": 5, "model": "m", "object": "chat.completion.chunk", "choices": [],
            "usage": {"prompt_tokens": 1}, "metadata": {"used_model": "m"}})
    );
    assert_eq!(told.len(), 4);
}

#[test]
fn nothing_of_a_message_is_lost() {
    let call = json!({"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let whole = reply(json!([
        {"index": 0, "message": {"role": "assistant", "content": "x", "reasoning": "hm", "annotations": [{"a": 1}]},
         "logprobs": {"content": []}, "finish_reason": "length", "content_filter_results": {"hate": {}}, "stop_reason": null},
        {"index": 1, "message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"},
    ]));
    let mut last = chunk(0, json!({}), json!("length"));
    last["choices"][0]["logprobs"] = json!({"content": []});
    last["choices"][0]["content_filter_results"] = json!({"hate": {}});
    let indexed = json!({"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    assert_eq!(
        chunks(&whole, None),
        [
            chunk(0, json!({"role": "assistant", "reasoning": "hm"}), json!(null)),
            chunk(0, json!({"content": "x"}), json!(null)),
            chunk(0, json!({"annotations": [{"a": 1}]}), json!(null)),
            last,
            chunk(1, json!({"role": "assistant"}), json!(null)),
            chunk(1, json!({"tool_calls": [indexed]}), json!(null)),
            chunk(1, json!({}), json!("tool_calls")),
        ]
    );
}

#[test]
fn a_long_text_comes_in_pieces_that_add_up() {
    let text = "é\"\n".repeat(10_000);
    let whole =
        reply(json!([{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]));
    let told = chunks(&whole, None);
    let pieces: Vec<&str> = told.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(pieces.len(), 4);
    assert_eq!(pieces.concat(), text);
    // A provider that writes its JSON on several lines.
    let pretty = serde_json::to_string_pretty(&whole).unwrap();
    let stream = String::from_utf8(events(&pretty, None).unwrap()).unwrap();
    assert!(stream.lines().all(|line| line.is_empty() || line.starts_with("data: ")));
}

#[test]
fn a_choice_keeps_its_own_index() {
    let message = |text: &str| json!({"role": "assistant", "content": text});
    let whole = reply(json!([
        {"index": 1, "message": message("b"), "finish_reason": "stop"},
        {"message": message("c"), "index": 0, "finish_reason": "stop"},
    ]));
    let told = chunks(&whole, None);
    let indexes: Vec<&Value> = told.iter().map(|chunk| &chunk["choices"][0]["index"]).collect();
    assert_eq!(indexes, [1, 1, 1, 0, 0, 0]);
}
