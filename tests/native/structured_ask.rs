//! How candidates are asked for answers in JSON.

use opengateway::catalog::model::Capabilities;
use opengateway::catalog::provider::Dialect;
use opengateway::openai::request::ChatRequest;
use opengateway::routing::requirements::{Need, Requirements};
use opengateway::structured::ask::{FormatBy, adapted};
use serde_json::{Value, json};

use crate::dialect_fixture::{able, plain};

const SCHEMA: &str = r#"{"type":"object","properties":{"n":{"type":"number"}}}"#;

fn request(more: &Value) -> String {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

fn with_schema(schema: &str) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": serde_json::from_str::<Value>(schema).unwrap()}})
}

#[test]
fn a_format_that_a_model_lacks_is_brought_about_by_the_next_best_means() {
    let none = Capabilities::default();
    let tools = Capabilities { tools: true, ..none };
    let object = Capabilities { json_object: true, tools: true, ..none };
    let schema = Capabilities { json_schema: true, tools: true, ..none };
    let json_object = json!({"response_format": {"type": "json_object"}});
    let json_schema = json!({"response_format": with_schema(SCHEMA)});
    let list = json!({"response_format": with_schema(r#"{"type":"array"}"#)});
    let without = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}});
    let own_tools =
        json!({"response_format": with_schema(SCHEMA), "tools": [{"type": "function", "function": {"name": "f"}}]});
    let search = json!({"response_format": with_schema(SCHEMA), "web_search": true});
    for (fields, can, expected) in [
        (&json!({}), none, FormatBy::Itself),
        (&json_object, object, FormatBy::Itself),
        // A tool without parameters is called without arguments.
        (&json_object, tools, FormatBy::Instruction),
        (&json_object, schema, FormatBy::Instruction),
        (&json_schema, schema, FormatBy::Itself),
        (&json_schema, object, FormatBy::JsonMode),
        (&json_schema, tools, FormatBy::Tool),
        (&json_schema, none, FormatBy::Instruction),
        (&list, tools, FormatBy::Instruction),
        (&without, tools, FormatBy::Instruction),
        (&own_tools, tools, FormatBy::Instruction),
        (&search, tools, FormatBy::Instruction),
    ] {
        let body = request(fields);
        let parsed = ChatRequest::parse(body.as_bytes()).unwrap();
        let mut model = able();
        model.capabilities = can;
        let by = FormatBy::of(&Requirements::detect(&parsed), &plain(), &model);
        assert_eq!(by, expected, "{fields} {can:?}");
        assert_eq!(by.is_emulated(), expected != FormatBy::Itself);
    }
}

#[test]
fn what_anthropic_does_not_promise_is_told_in_words_and_looked_at() {
    let schema = Capabilities { json_schema: true, tools: true, ..Capabilities::default() };
    let mut anthropic = plain();
    anthropic.dialect = Dialect::Anthropic;
    let format = |schema: &str| json!({"response_format": with_schema(schema)});
    for (fields, promised) in [
        (format(SCHEMA), true),
        (format(r#"{"type":"object","additionalProperties":{"type":"number"}}"#), false),
        (format(r#"{"type":"array","items":{"type":"object"}}"#), false),
        (json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}}), false),
    ] {
        let body = request(&fields);
        let parsed = ChatRequest::parse(body.as_bytes()).unwrap();
        let requirements = Requirements::detect(&parsed);
        let mut model = able();
        model.capabilities = schema;
        let expected = if promised { FormatBy::Itself } else { FormatBy::Instruction };
        assert_eq!(FormatBy::of(&requirements, &anthropic, &model), expected, "{fields}");
        assert_eq!(requirements.unmet(&anthropic, &model).contains(&Need::JsonSchema), !promised);
        assert_eq!(FormatBy::of(&requirements, &plain(), &model), FormatBy::Itself);
    }
}

/// The body that `by` makes of a request with these fields.
fn asked(fields: &Value, by: FormatBy, schema: Option<&str>) -> Value {
    let out = adapted(&request(fields), by, schema).unwrap();
    assert!(ChatRequest::parse(out.as_bytes()).is_ok(), "{out}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn each_means_changes_what_it_must() {
    let fields = json!({"stream": true, "stream_options": {"include_usage": true}, "temperature": 0.5,
        "response_format": with_schema(SCHEMA)});
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let user = json!({"role": "user", "content": "Hi"});
    let told = format!(
        "Answer with JSON that follows this JSON Schema, and with nothing else: no explanation, no Markdown.\n{SCHEMA}"
    );
    let system = json!({"role": "system", "content": told});

    let itself = asked(&fields, FormatBy::Itself, Some(SCHEMA));
    assert_eq!(
        itself,
        json!({"model": "m", "messages": [user], "temperature": 0.5, "response_format": with_schema(SCHEMA)})
    );
    let mode = asked(&fields, FormatBy::JsonMode, Some(SCHEMA));
    assert_eq!(
        mode,
        json!({"model": "m", "messages": [system, user], "temperature": 0.5, "response_format": {"type": "json_object"}})
    );
    let instruction = asked(&fields, FormatBy::Instruction, Some(SCHEMA));
    assert_eq!(instruction, json!({"model": "m", "messages": [system, user], "temperature": 0.5}));
    let tool = asked(&fields, FormatBy::Tool, Some(SCHEMA));
    let function = json!({"name": "json", "description": "Gives the answer. Call it once, with the whole answer as its arguments.",
        "parameters": schema});
    assert_eq!(
        tool,
        json!({"model": "m", "messages": [user], "temperature": 0.5, "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": "json"}}})
    );
    let object = asked(&json!({"response_format": {"type": "json_object"}}), FormatBy::Instruction, None);
    let text = "Answer with one JSON object, and with nothing else: no explanation, no Markdown.";
    assert_eq!(object["messages"], json!([{"role": "system", "content": text}, user]));
}

#[test]
fn an_instruction_stands_behind_the_clients_own() {
    let text = "Answer with one JSON object, and with nothing else: no explanation, no Markdown.";
    let part = json!({"type": "text", "text": text});
    for (first, expected) in [
        (
            json!({"role": "system", "content": "Be \"brief\"."}),
            json!({"role": "system", "content": format!("Be \"brief\".\n\n{text}")}),
        ),
        (
            json!({"role": "developer", "content": "x", "name": "n"}),
            json!({"role": "developer", "content": format!("x\n\n{text}"), "name": "n"}),
        ),
        (
            json!({"role": "system", "content": [{"type": "text", "text": "x"}]}),
            json!({"role": "system", "content": [{"type": "text", "text": "x"}, part]}),
        ),
        (json!({"role": "system", "content": []}), json!({"role": "system", "content": [part]})),
    ] {
        let messages = json!([first, {"role": "user", "content": "Hi"}, {"role": "system", "content": "later"}]);
        let out = adapted(&json!({ "messages": messages }).to_string(), FormatBy::Instruction, None).unwrap();
        let out: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(out["messages"][0], expected);
        assert_eq!(
            (out["messages"][1].clone(), out["messages"][2].clone()),
            (messages[1].clone(), messages[2].clone())
        );
    }
}
