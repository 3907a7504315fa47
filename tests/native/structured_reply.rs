//! The answers of whole replies.

use opengateway::structured::ask::FormatBy;
use opengateway::structured::reply::{Rule, Unusable, healed_choices};
use opengateway::structured::schema::Schema;
use serde_json::{Value, json};

fn schema() -> Schema {
    Schema::parse(r#"{"type":"object","properties":{"n":{"type":"number"}},"required":["n"]}"#).unwrap()
}

fn healed(choice: &Value) -> Result<Value, Unusable> {
    healed_by(FormatBy::Itself, choice)
}

fn healed_by(by: FormatBy, choice: &Value) -> Result<Value, Unusable> {
    let choices = healed_choices(&json!([choice]).to_string(), Rule::Schema(&schema()), by)?;
    Ok(serde_json::from_str::<Value>(&choices).unwrap()[0].clone())
}

fn said(content: &str, finish: &str) -> Value {
    json!({"index": 0, "message": {"role": "assistant", "content": content, "reasoning": "hm"}, "finish_reason": finish})
}

fn called(name: &str, arguments: &str, finish: &str) -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}});
    json!({"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": finish})
}

#[test]
fn a_text_is_mended_and_everything_else_stays() {
    assert_eq!(healed(&said("```json\n{\"n\": 1,}\n```", "stop")), Ok(said("{\"n\":1}", "stop")));
    assert_eq!(healed(&said("{\"n\": 1}", "stop")), Ok(said("{\"n\": 1}", "stop")));
    assert_eq!(healed(&said("{\"n\": 1, \"x\": \"lo", "length")), Ok(said("{\"n\":1,\"x\":\"lo\"}", "length")));
    let two = json!([said("a {\"n\":1}", "stop"), said("{\"n\":2} b", "stop")]).to_string();
    let both: Value = serde_json::from_str(&healed_choices(&two, Rule::Object, FormatBy::Itself).unwrap()).unwrap();
    assert_eq!(both, json!([said("{\"n\":1}", "stop"), said("{\"n\":2}", "stop")]));
}

#[test]
fn the_arguments_of_the_gateways_own_tool_are_the_answer() {
    let healed = |choice: &Value| healed_by(FormatBy::Tool, choice);
    let mut expected = said("{\"n\":1}", "stop");
    expected["message"].as_object_mut().unwrap().remove("reasoning");
    for finish in ["tool_calls", "stop"] {
        assert_eq!(healed(&called("json", "{\"n\":1}", finish)), Ok(expected.clone()), "{finish}");
    }
    expected["finish_reason"] = json!("length");
    expected["message"]["content"] = json!("{\"n\":1,\"x\":\"\"}");
    assert_eq!(healed(&called("json", "{\"n\":1,\"x\":\"", "length")), Ok(expected));
    assert!(healed(&called("json", "", "tool_calls")).is_err());
    // The client has no tools, so it cannot be told of a call.
    assert!(healed(&called("weather", "{}", "tool_calls")).is_err());
}

#[test]
fn of_two_answers_none_is_chosen() {
    let mut twice = called("json", "{\"n\":1}", "tool_calls");
    let calls = twice["message"]["tool_calls"].as_array_mut().unwrap();
    calls.push(calls[0].clone());
    assert_eq!(healed_by(FormatBy::Tool, &twice).unwrap()["message"]["content"], "{\"n\":1}");
    twice["message"]["tool_calls"][1]["function"]["arguments"] = json!("{\"n\":2}");
    assert_eq!(healed_by(FormatBy::Tool, &twice), Err(Unusable::NotJson));
}

#[test]
fn what_is_no_answer_in_that_format_stays() {
    let mut refusal = said("", "stop");
    refusal["message"]["refusal"] = json!("I will not.");
    let mut older = said("", "function_call");
    older["message"]["function_call"] = json!({"name": "weather", "arguments": "{}"});
    for choice in [
        refusal,
        said("I can", "content_filter"),
        called("weather", "{\"city\":\"x\"}", "tool_calls"),
        // The client's own tool, whatever its name is.
        called("json", "{\"n\":1}", "tool_calls"),
        older,
    ] {
        assert_eq!(healed(&choice), Ok(choice));
    }
}

#[test]
fn what_cannot_be_used_says_why() {
    for (content, finish, expected) in [
        ("I do not know.", "stop", "the answer is not the JSON that was asked for"),
        ("", "length", "the answer is not the JSON that was asked for"),
        ("{\"n\":1,\"x\":\"lo", "stop", "the JSON of the answer breaks off"),
        ("{\"n\":\"1\"}", "stop", "the answer does not follow the schema: `type` at \"/n\""),
        ("{\"x\":1,\"n\":1", "length", "the answer does not follow the schema: `required` at \"/n\""),
    ] {
        assert_eq!(healed(&said(content, finish)).unwrap_err().to_string(), expected, "{content}");
    }
    let long = "x".repeat(2 * 1024 * 1024);
    assert_eq!(healed(&said(&long, "stop")), Err(Unusable::TooLong));
    let list = json!([said("[1]", "stop")]).to_string();
    assert_eq!(healed_choices(&list, Rule::Object, FormatBy::Itself), Err(Unusable::NotJson));
    // A bracket that is missing at the end was forgotten, whatever the provider says.
    assert!(healed(&said("{\"n\":1,\"x\":\"y\"", "stop")).is_ok());
}
