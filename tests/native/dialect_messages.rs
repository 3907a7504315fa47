//! What messages need at one provider and must not have at another: signatures of thoughts on tool calls, and the word JSON.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::ModelSpec;
use opengateway::openai::request::ChatRequest;
use serde_json::{Value, json};

use crate::dialect_fixture::{able, encode, row};

const SKIPPED: &str = "skip_thought_signature_validator";

fn listed(provider: &str, upstream_id: &str) -> ModelSpec {
    let catalog = Catalog::builtin();
    let mut models = catalog.models().iter();
    models.find(|model| model.provider == provider && model.upstream_id == upstream_id).unwrap().clone()
}

fn messages(provider: &str, model: &ModelSpec, messages: &Value, more: &str) -> Value {
    let body = format!(r#"{{"messages":{messages}{more}}}"#);
    let encoded = encode(&ChatRequest::parse(body.as_bytes()).unwrap(), &row(provider), model, None);
    assert_eq!(encoded.dropped, Vec::<String>::new(), "{provider}");
    serde_json::from_str::<Value>(&encoded.body).unwrap()["messages"].clone()
}

fn call(id: &str, extra: Option<Value>) -> Value {
    let mut call = json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    if let Some(extra) = extra {
        call["extra_content"] = extra;
    }
    call
}

fn signed(signature: &str) -> Option<Value> {
    Some(json!({"google": {"thought_signature": signature}}))
}

fn history(calls: &[Value]) -> Value {
    let answers = calls.iter().map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "1"}));
    let mut history = vec![json!({"role": "user", "content": "hi"})];
    history.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
    history.extend(answers);
    history.into()
}

#[test]
fn a_lost_signature_is_replaced_on_the_first_call_of_a_step_at_models_that_refuse_its_absence() {
    let gemini = listed("gemini", "gemini-3.8-flash");
    let lost = [
        history(&[call("a", None), call("b", None)]),
        history(&[call("a", signed("")), call("b", None)]),
        history(&[call("a", Some(json!({"google": {}}))), call("b", None)]),
        history(&[call("a", Some(json!("odd"))), call("b", None)]),
    ];
    let wanted = history(&[call("a", signed(SKIPPED)), call("b", None)]);
    for lost in lost {
        assert_eq!(messages("gemini", &gemini, &lost, ""), wanted, "{lost}");
    }
    let whole = history(&[call("a", signed("abc")), call("b", None)]);
    assert_eq!(messages("gemini", &gemini, &whole, ""), whole, "a real one stays");
    let calls = serde_json::to_string(&json!([call("a", None)])).unwrap();
    let lenient = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": calls}]);
    let sent = messages("gemini", &gemini, &lenient, "");
    assert_eq!(sent[1]["tool_calls"], json!([call("a", signed(SKIPPED))]), "calls as a string too");
    for model in [listed("gemini", "gemini-2.5-flash"), listed("gemini", "gemma-4-31b-it")] {
        let unsigned = history(&[call("a", None)]);
        assert_eq!(messages("gemini", &model, &unsigned, ""), unsigned, "{} wants none", model.id);
    }
    let empty = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "x", "tool_calls": []}]);
    assert_eq!(messages("gemini", &gemini, &empty, ""), empty);
}

#[test]
fn what_gemini_adds_to_calls_and_messages_goes_to_nobody_else() {
    let mut given = history(&[call("Ab3Ab3Ab3", signed("abc"))]);
    let bare = history(&[call("Ab3Ab3Ab3", None)]);
    given[1]["extra_content"] = json!({"google": {"thought_signature": "def"}});
    for provider in Catalog::builtin().providers() {
        let sent = messages(&provider.id, &able(), &given, "");
        let text = sent.to_string();
        assert_eq!(text.contains("extra_content"), provider.id == "gemini", "{}: {text}", provider.id);
        if provider.id == "mistral" {
            assert_eq!(sent, bare);
        }
    }
    let told = json!([{"role": "user", "content": "the word \"extra_content\" in a text"}]);
    assert_eq!(messages("mistral", &able(), &told, ""), told);
}

#[test]
fn json_mode_says_json_where_a_provider_refuses_it_else() {
    let json_mode = r#","response_format":{"type":"json_object"}"#;
    let asked = json!([{"role": "user", "content": "an object, please"}]);
    let with_system = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "an object"}]);
    for id in ["openai", "azure", "groq", "deepseek"] {
        let sent = messages(id, &able(), &asked, json_mode);
        assert_eq!((&sent[0]["role"], &sent[1]), (&json!("system"), &asked[0]), "{id}");
        assert!(sent[0]["content"].as_str().unwrap().contains("JSON"), "{id}");
        let sent = messages(id, &able(), &with_system, json_mode);
        assert_eq!(sent.as_array().unwrap().len(), 2, "{id}: one instruction, not two");
        let text = sent[0]["content"].as_str().unwrap();
        assert!(text.starts_with("Be brief.") && text.contains("JSON"), "{id}: {text}");
        for word in ["json", "Json", "JSON"] {
            let said = json!([{"role": "user", "content": format!("{word}, please")}]);
            assert_eq!(messages(id, &able(), &said, json_mode), said, "{id}");
        }
        assert_eq!(messages(id, &able(), &asked, ""), asked, "{id}: text is asked for");
        let schema = r#","response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}"#;
        if id == "openai" {
            assert_eq!(messages(id, &able(), &asked, schema), asked, "a schema needs no word");
        }
    }
    assert_eq!(messages("vllm", &able(), &asked, json_mode), asked);
}
