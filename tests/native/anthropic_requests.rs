//! Requests to Anthropic's Messages: whole ones in files, and each rule by itself.
//!
//! A file of `tests/fixtures/anthropic/requests/` has a request, the public documentation that its form comes from, and what
//! each model gets. `UPDATE_FIXTURES=1 cargo test` writes the latter anew; read the difference before it is committed.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::{ModelSpec, Thinking};
use opengateway::catalog::provider::ProviderSpec;
use opengateway::dialect::anthropic::headers;
use opengateway::dialect::encoded::{AppliedEffort, unsupported};
use opengateway::openai::request::ChatRequest;
use serde_json::{Map, Value, json};

use crate::dialect_fixture::{Encoded, encode, row};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/anthropic/requests");

fn model(id: &str) -> ModelSpec {
    Catalog::builtin().model_at("anthropic", id).next().unwrap_or_else(|| panic!("no model {id}")).clone()
}

fn encoded_for(body: &str, model: &ModelSpec, so_far: Option<&str>) -> Encoded {
    encode(&ChatRequest::parse(body.as_bytes()).unwrap(), &row("anthropic"), model, so_far)
}

/// The body for a request with one message and these members, and what was told of it.
fn sent(members: &str, model: &ModelSpec) -> (Value, Encoded) {
    let comma = if members.is_empty() { "" } else { "," };
    let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}}]{comma}{members}}}"#);
    let encoded = encoded_for(&body, model, None);
    (serde_json::from_str(&encoded.body).unwrap(), encoded)
}

fn sent_to(members: &str, id: &str) -> (Value, Encoded) {
    sent(members, &model(id))
}

/// `system` and `messages` that come of these messages.
fn conversation(messages: &str, id: &str) -> (Value, Value) {
    let encoded = encoded_for(&format!(r#"{{"messages":[{messages}]}}"#), &model(id), None);
    let body: Value = serde_json::from_str(&encoded.body).unwrap();
    (body["system"].clone(), body["messages"].clone())
}

fn messages(messages: &str) -> Value {
    conversation(messages, "claude-opus-5").1
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn dropped(encoded: &Encoded) -> Vec<&str> {
    encoded.dropped.iter().map(String::as_str).collect()
}

#[test]
fn every_request_in_a_file_is_sent_as_the_file_says() {
    let mut files: Vec<_> = std::fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut fixture: Value = serde_json::from_str(&text).unwrap();
        assert!(
            fixture["source"].as_str().is_some_and(|source| source.starts_with("https://platform.claude.com/docs/")),
            "{path:?}"
        );
        let request = fixture["request"].to_string();
        let wanted = fixture["sent"].as_object().unwrap().clone();
        let mut found = Map::new();
        for id in wanted.keys() {
            let encoded = encoded_for(&request, &model(id), None);
            let body: Value =
                serde_json::from_str(&encoded.body).unwrap_or_else(|error| panic!("{path:?} {id}: {error}"));
            let told = encoded.effort.header();
            found.insert(id.clone(), json!({"dropped": encoded.dropped, "effort": told, "body": body}));
        }
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fixture["sent"] = Value::Object(found.clone());
            std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&fixture).unwrap())).unwrap();
        } else {
            assert_eq!(Value::Object(found), Value::Object(wanted), "{path:?}");
        }
    }
}

// --- The conversation ------------------------------------------------------------------------------------------------

#[test]
fn what_the_system_says_stands_outside_wherever_it_was_said() {
    let (system, rest) = conversation(
        r#"{"role":"system","content":"a"},{"role":"user","content":"b"},
           {"role":"developer","content":[{"type":"text","text":"c","cache_control":{"type":"ephemeral"}},{"type":"text","text":" "}]}"#,
        "claude-opus-5",
    );
    assert_eq!(system, json!([text("a"), {"type": "text", "text": "c", "cache_control": {"type": "ephemeral"}}]));
    assert_eq!(rest, json!([{"role": "user", "content": [text("b")]}]));
}

#[test]
fn what_the_system_says_later_stands_there_where_thoughts_are_bound_to_what_is_before_them() {
    let said = r#"{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},
        {"role":"system","content":"c"},{"role":"user","content":"d"},{"role":"developer","content":"e"}"#;
    let (system, found) = conversation(said, "claude-opus-5-5");
    assert_eq!(system, json!([text("s")]));
    let before = json!([
        {"role": "user", "content": [text("a")]},
        {"role": "assistant", "content": [text("b")]},
        {"role": "user", "content": [text("d")]},
        {"role": "system", "content": [text("c"), text("e")]},
    ]);
    assert_eq!(found, before, "behind a user's turn, and no two of them side by side");
    let more = format!(r#"{said},{{"role":"assistant","content":"f"}},{{"role":"user","content":"g"}}"#);
    let (_, found) = conversation(&more, "claude-opus-5-5");
    assert_eq!(found.as_array().unwrap()[..4], before.as_array().unwrap()[..], "what was sent stays as it was");
    assert_eq!(found.as_array().unwrap().len(), 6);
    assert_eq!(conversation(said, "claude-haiku-4-5").0, json!([text("s"), text("c"), text("e")]));
}

#[test]
fn names_that_are_written_with_escapes_are_read() {
    let found = messages(
        r#"{"r\u006fle":"us\u0065r","content":"a"},{"role":"\u0061ssistant","c\u006fntent":"b"},{"content":"c","role":"user"}"#,
    );
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
}

#[test]
fn neighbours_of_one_role_are_one_message_and_blank_ones_none() {
    let found = messages(
        r#"{"role":"user","content":"a"},{"role":"user","content":""},{"role":"user","content":[{"type":"text","text":"b"}]},
           {"role":"assistant","content":"c"},{"role":"user","content":" \n"},{"role":"assistant","content":"d"},
           {"role":"user","content":"e"}"#,
    );
    let wanted = json!([
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
        {"role": "user", "content": [text("e")]},
    ]);
    assert_eq!(found, wanted);
}

#[test]
fn results_of_tools_stand_in_one_message_before_everything_else() {
    let found = messages(
        r#"{"role":"user","content":"go"},
           {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
             {"id":"b","type":"function","function":{"name":"g","arguments":""}}]},
           {"role":"tool","tool_call_id":"a","content":"1"},{"role":"user","content":"and"},
           {"content":[{"type":"text","text":"2"},{"type":"image_url","image_url":{"url":"https://a.test/b.png"}}],"tool_call_id":"b","role":"tool"},
           {"role":"user","content":"so?"}"#,
    );
    let wanted = json!([
        {"role": "user", "content": [text("go")]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
            {"type": "tool_result", "tool_use_id": "b",
             "content": [text("2"), {"type": "image", "source": {"type": "url", "url": "https://a.test/b.png"}}]},
            text("and"), text("so?"),
        ]},
    ]);
    assert_eq!(found, wanted);
}

#[test]
fn results_that_come_behind_something_else_go_before_it_in_their_order() {
    let call = |id: &str| format!(r#"{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#);
    let result = |id: &str| format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"{id}"}}"#);
    let user = r#"{"role":"user","content":"u"}"#;
    let order = |said: &[String]| -> Vec<String> {
        let calls = ["a", "b", "c"].map(call).join(",");
        let found = messages(&format!(
            r#"{{"role":"assistant","tool_calls":[{calls}]}},{},{{"role":"assistant","content":"x"}},{user}"#,
            said.join(",")
        ));
        let blocks = found[1]["content"].as_array().unwrap();
        let name = |block: &Value| block["tool_use_id"].as_str().unwrap_or("u").to_owned();
        blocks.iter().map(name).collect()
    };
    let (a, b, c, u) = (result("a"), result("b"), result("c"), user.to_owned());
    assert_eq!(order(&[a.clone(), b.clone(), c.clone()]), ["a", "b", "c"]);
    assert_eq!(order(&[u.clone(), a.clone(), b.clone(), c.clone()]), ["a", "b", "c", "u"]);
    assert_eq!(order(&[a.clone(), u.clone(), b.clone(), u.clone(), c.clone()]), ["a", "b", "c", "u", "u"]);
    assert_eq!(order(&[a, b, c, u]), ["a", "b", "c", "u"]);
}

#[test]
fn nothing_is_said_for_the_user_where_the_conversation_has_words() {
    let hi = json!({"role": "assistant", "content": [text("hi")]});
    let first = r#"{"role":"system","content":"s"},{"role":"assistant","content":"hi"},{"role":"user","content":"a"}"#;
    let (system, found) = conversation(first, "claude-opus-5");
    assert_eq!((system, found), (json!([text("s")]), json!([hi, {"role": "user", "content": [text("a")]}])));
    // Nothing but instructions: they are the message.
    let (system, found) =
        conversation(r#"{"role":"system","content":"a"},{"role":"developer","content":"b"}"#, "claude-opus-5");
    assert_eq!((system, found), (Value::Null, json!([{"role": "user", "content": [text("a"), text("b")]}])));
    assert_eq!(messages(r#"{"role":"user","content":" "}"#), json!([]), "for Anthropic to refuse");
    // Newer models go on with nothing.
    assert_eq!(
        messages(r#"{"role":"assistant","content":"hi"}"#),
        json!([hi, {"role": "user", "content": [text("Continue.")]}])
    );
    // What is gone on with must not end with white space.
    let (_, prefilled) =
        conversation(r#"{"role":"user","content":"a"},{"role":"assistant","content":"{ \n"}"#, "claude-haiku-4-5");
    assert_eq!(
        prefilled,
        json!([{"role": "user", "content": [text("a")]}, {"role": "assistant", "content": [text("{")]}])
    );
}

#[test]
fn an_answer_begun_is_given_to_models_that_go_on_with_it() {
    let request = ChatRequest::parse(br#"{"messages":[{"role":"user","content":"a"}],"max_tokens":10}"#).unwrap();
    let body = encode(&request, &row("anthropic"), &model("claude-haiku-4-5"), Some("eight by")).body;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": [text("eight by")]}));
    assert_eq!(body["max_tokens"], 8, "its bytes were two of the ten tokens");
}

#[test]
fn ids_of_calls_get_the_letters_that_are_allowed_and_stay_different() {
    let call = |id: &str| {
        let found = messages(&format!(
            r#"{{"role":"user","content":"a"}},
               {{"role":"assistant","tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},
               {{"role":"tool","tool_call_id":"{id}","content":"1"}}"#
        ));
        assert_eq!(found[1]["content"][0]["id"], found[2]["content"][0]["tool_use_id"]);
        found[1]["content"][0]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(call("call_A-1"), "call_A-1");
    assert_eq!(call("functions.f:0"), "idfunctions_046f_0580");
    assert_ne!(call("f.0"), call("f:0"));
    assert_eq!(call("é"), "id_195_169");
}

#[test]
fn arguments_are_an_object_and_what_is_lost_of_others_is_told() {
    for (arguments, input, is_lost) in [
        (r#""{\"a\": [1.50]}""#, json!({"a": [1.5]}), false),
        (r#"{"a":1}"#, json!({"a": 1}), false),
        (r#""{\"a\":\"x\ud83d\"}""#, json!({"a": "x\u{fffd}"}), false),
        // Nothing is lost of nothing.
        ("null", json!({}), false),
        (r#""""#, json!({}), false),
        (r#"" null\n""#, json!({}), false),
        // Mended: brackets that are missing, a trailing comma, JSON within JSON.
        (r#""{\"a\":{\"b\":\"c\"}""#, json!({"a": {"b": "c"}}), false),
        (r#""{\"a\":1,}""#, json!({"a": 1}), false),
        (r#""\"{\\\"a\\\":1}\"""#, json!({"a": 1}), false),
        // Cut off: the beginning stays.
        (r#""{\"a\":1,\"b\":\"begun""#, json!({"a": 1, "b": "begun"}), true),
        (r#""{\"a\":[1,2""#, json!({"a": [1]}), true),
        (r#""{\"a\":""#, json!({}), true),
        (r#""[1]""#, json!({}), true),
        (r#""[{\"a\":1}]""#, json!({}), true),
        ("7", json!({}), true),
        (r#""so be it""#, json!({}), true),
    ] {
        let conversation = format!(
            r#"{{"role":"user","content":"a"}},{{"role":"assistant","tool_calls":[{{"id":"i","function":{{"name":"f","arguments":{arguments}}}}}]}},
               {{"role":"tool","tool_call_id":"i","content":"1"}}"#
        );
        let request = format!(r#"{{"messages":[{conversation}]}}"#);
        let encoded = encoded_for(&request, &model("claude-haiku-4-5"), None);
        let body: Value = serde_json::from_str(&encoded.body).unwrap();
        assert_eq!(body["messages"][1]["content"][0]["input"], input, "{arguments}");
        let told: &[&str] = if is_lost { &["messages.tool_calls.arguments"] } else { &[] };
        assert_eq!(encoded.dropped, told, "{arguments}");
        // Who requires every parameter has not chosen what a model wrote.
        let request = ChatRequest::parse(request.as_bytes()).unwrap();
        let refused = unsupported(&request, &row("anthropic"), &model("claude-haiku-4-5"));
        assert!(refused.is_empty(), "{arguments}: {refused:?}");
    }
}

#[test]
fn images_and_documents_go_by_address_or_with_their_data() {
    let block = |part: &str| messages(&format!(r#"{{"role":"user","content":[{part}]}}"#))[0]["content"][0].clone();
    let image = |source: Value| json!({"type": "image", "source": source});
    for (part, wanted) in [
        (
            r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"high"}}"#,
            image(json!({"type": "base64", "media_type": "image/png", "data": "AA=="})),
        ),
        (
            r#"{"type":"image_url","image_url":"DATA:image\/JPG;charset=x;base64,A\/8="}"#,
            image(json!({"type": "base64", "media_type": "image/jpeg", "data": "A/8="})),
        ),
        (
            r#"{"image_url":{"url":"https:\/\/a.test\/b.png"},"type":"image_url"}"#,
            image(json!({"type": "url", "url": "https://a.test/b.png"})),
        ),
        (
            r#"{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}}"#,
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}, "title": "a.pdf"}),
        ),
        (
            r#"{"type":"file","file":{"file_data":"JVBE"}}"#,
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}),
        ),
        (
            r#"{"type":"file","file":{"file_data":"https://a.test/a.pdf"}}"#,
            json!({"type": "document", "source": {"type": "url", "url": "https://a.test/a.pdf"}}),
        ),
        // What there is no block for is left to Anthropic to refuse: to answer without it would be untrue.
        (
            r#"{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}"#,
            json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
        ),
    ] {
        assert_eq!(block(part), wanted, "{part}");
    }
}

// --- Thoughts --------------------------------------------------------------------------------------------------------

/// The content of an answer that said "t", called a tool, and has these details.
fn answer(details: &str) -> Value {
    messages(&format!(
        r#"{{"role":"user","content":"a"}},
           {{"role":"assistant","reasoning":"r","reasoning_details":{details},"content":"t",
             "tool_calls":[{{"id":"i","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},
           {{"role":"tool","tool_call_id":"i","content":"1"}}"#
    ))[1]["content"]
        .clone()
}

#[test]
fn thoughts_go_back_signed_and_where_they_were() {
    let thought = |text: &str, signature: &str| json!({"type": "thinking", "thinking": text, "signature": signature});
    let call = json!({"type": "tool_use", "id": "i", "name": "f", "input": {}});
    let of = |index: usize, text: &str| {
        format!(
            r#"{{"type":"reasoning.text","text":"{text}","signature":"s{index}","format":"anthropic-claude-v1","index":{index}}}"#
        )
    };
    assert_eq!(answer(&format!("[{}]", of(0, "a\\n\\u00e4"))), json!([thought("a\nä", "s0"), text("t"), call]));
    assert_eq!(
        answer(&format!("[{},{}]", of(0, ""), of(2, "b"))),
        json!([thought("", "s0"), text("t"), thought("b", "s2"), call]),
        "a note before the call"
    );
    let pieces = r#"[{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":0},
        {"type":"reasoning.text","text":"b","format":"anthropic-claude-v1","index":0},
        {"type":"reasoning.text","text":"","index":0},
        {"type":"reasoning.text","signature":"s","index":0},
        {"type":"reasoning.encrypted","data":"d","format":"anthropic-claude-v1","index":1}]"#;
    let redacted = json!({"type": "redacted_thinking", "data": "d"});
    assert_eq!(answer(pieces), json!([thought("ab", "s"), redacted, text("t"), call]), "the pieces of a stream");
}

#[test]
fn thoughts_that_cannot_be_what_they_were_stay_away() {
    let none = json!([text("t"), {"type": "tool_use", "id": "i", "name": "f", "input": {}}]);
    for details in [
        "[]",
        "\"x\"",
        r#"[{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":0}]"#,
        r#"[{"type":"reasoning.text","text":"a","signature":"s","format":"google-gemini-v1","index":0}]"#,
        r#"[{"type":"reasoning.text","text":"a","signature":"s"}]"#,
        r#"[{"type":"reasoning.summary","summary":"a","format":"anthropic-claude-v1"}]"#,
        // The last piece of a stream alone: what was signed is gone.
        r#"[{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}]"#,
        // Before it stood blocks that no client sees.
        r#"[{"type":"reasoning.text","text":"a","signature":"s","format":"anthropic-claude-v1","index":5}]"#,
    ] {
        assert_eq!(answer(details), none, "{details}");
    }
}

#[test]
fn reasoning_that_cannot_go_back_is_named_unless_its_details_can() {
    let named = |members: &str| {
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"b",{members}}},{{"role":"user","content":"c"}}]}}"#
        );
        encoded_for(&body, &model("claude-opus-5"), None).dropped
    };
    assert_eq!(named(r#""reasoning":"r""#), ["messages.reasoning"]);
    assert_eq!(named(r#""reasoning_content":"r","name":"n""#), ["messages.name", "messages.reasoning_content"]);
    assert!(named(r#""reasoning":"r","reasoning_details":[]"#).is_empty());
}

#[test]
fn bound_thoughts_are_left_out_instead_of_being_an_error_where_the_client_changed_the_conversation() {
    let body = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":
        [{"type":"reasoning.text","text":"","signature":"s","format":"anthropic-claude-v1","index":0}]},{"role":"user","content":"c"}]}"#;
    let binding = json!({"prefix_mismatch_behavior": "drop_block"});
    for (id, wanted) in
        [("claude-opus-5-5", Some(&binding)), ("claude-sonnet-5-5", Some(&binding)), ("claude-opus-5", None)]
    {
        let body: Value = serde_json::from_str(&encoded_for(body, &model(id), None).body).unwrap();
        assert_eq!(body["thinking"].get("block_binding"), wanted, "{id}");
        let beta = headers(&model(id)).into_iter().flatten().any(|(name, _)| name == "anthropic-beta");
        assert_eq!(beta, wanted.is_some(), "{id}");
    }
    assert_eq!(sent_to("", "claude-opus-5-5").0["thinking"].get("block_binding"), None, "nothing goes back");
    // It cannot be said there, so they stay away.
    let less = body.replacen('{', r#"{"reasoning_effort":"none","#, 1);
    let encoded = encoded_for(&less, &model("claude-sonnet-5-5"), None);
    assert!(encoded.body.contains("between_tools") && !encoded.body.contains("signature"), "{}", encoded.body);
    assert_eq!(dropped(&encoded), ["messages.reasoning_details"]);
}

// --- Thinking --------------------------------------------------------------------------------------------------------

#[test]
fn every_wish_about_thinking_is_told_to_every_kind_of_model_in_its_words() {
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let budget = |tokens: u32| json!({"type": "enabled", "budget_tokens": tokens});
    let disabled = json!({"type": "disabled"});
    for (id, members, thinking, effort, told) in [
        ("claude-haiku-4-5", "", Value::Null, Value::Null, "none"),
        ("claude-haiku-4-5", r#""reasoning_effort":"none""#, Value::Null, Value::Null, "none"),
        ("claude-haiku-4-5", r#""reasoning_effort":"low""#, budget(1024), Value::Null, "budget:1024"),
        ("claude-haiku-4-5", r#""reasoning_effort":"high""#, budget(24_576), Value::Null, "budget:24576"),
        ("claude-haiku-4-5", r#""reasoning":{"enabled":true}"#, budget(8192), Value::Null, "budget:8192"),
        ("claude-haiku-4-5", r#""reasoning":{"max_tokens":10}"#, budget(1024), Value::Null, "budget:1024"),
        ("claude-haiku-4-5", r#""min_reasoning_level":"medium""#, budget(8192), Value::Null, "budget:8192"),
        ("claude-sonnet-4-6", "", Value::Null, Value::Null, "none"),
        ("claude-sonnet-4-6", r#""reasoning_effort":"xhigh""#, adaptive.clone(), json!("high"), "high"),
        ("claude-sonnet-4-6", r#""reasoning_effort":"max""#, adaptive.clone(), json!("max"), "max"),
        (
            "claude-sonnet-4-6",
            r#""reasoning":{"max_tokens":3000,"effort":"low"}"#,
            budget(3000),
            Value::Null,
            "budget:3000",
        ),
        ("claude-opus-4-8", "", Value::Null, Value::Null, "none"),
        ("claude-opus-4-8", r#""reasoning_effort":"minimal""#, adaptive.clone(), json!("low"), "low"),
        ("claude-opus-4-8", r#""reasoning":{"max_tokens":9000}"#, adaptive.clone(), json!("medium"), "medium"),
        ("claude-opus-4-8", r#""reasoning":{"enabled":true}"#, adaptive.clone(), Value::Null, "default"),
        ("claude-opus-4-8", r#""effort":"low""#, Value::Null, json!("low"), "none"),
        ("claude-opus-5", "", adaptive.clone(), Value::Null, "none"),
        ("claude-opus-5", r#""reasoning_effort":"none""#, disabled.clone(), Value::Null, "none"),
        ("claude-opus-5", r#""reasoning_effort":"none","effort":"max""#, disabled, json!("high"), "none"),
        (
            "claude-opus-5",
            r#""reasoning":{"effort":"high","exclude":true}"#,
            json!({"type": "adaptive"}),
            json!("high"),
            "high",
        ),
        ("claude-opus-5", r#""reasoning_effort":"low","effort":"xhigh""#, adaptive.clone(), json!("xhigh"), "xhigh"),
        ("claude-fable-5", r#""reasoning_effort":"none""#, adaptive.clone(), json!("low"), "low"),
        ("claude-opus-5-5", r#""reasoning":{"enabled":false}"#, adaptive.clone(), json!("low"), "low"),
        ("claude-sonnet-5-5", r#""reasoning_effort":"medium""#, adaptive, json!("medium"), "medium"),
        ("claude-sonnet-5-5", r#""reasoning_effort":"none""#, json!({"type": "between_tools"}), Value::Null, "none"),
    ] {
        let (body, encoded) = sent_to(members, id);
        let found = |value: Option<&Value>| value.cloned().unwrap_or_default();
        let config = body.get("output_config").cloned().unwrap_or_default();
        assert_eq!((found(body.get("thinking")), found(config.get("effort"))), (thinking, effort), "{id} {members}");
        assert_eq!(encoded.effort.header(), told, "{id} {members}");
        assert!(encoded.dropped.is_empty(), "{id} {members}: {:?}", encoded.dropped);
    }
}

#[test]
fn a_wish_that_a_model_cannot_fulfil_is_named() {
    let plain = ModelSpec { thinking: Thinking::None, efforts: vec![].into(), ..model("claude-haiku-4-5") };
    let (body, encoded) = sent(r#""reasoning":{"effort":"high"},"effort":"low""#, &plain);
    assert_eq!((body.get("thinking"), body.get("output_config")), (None, None));
    assert_eq!(dropped(&encoded), ["reasoning", "effort"]);
    assert_eq!(dropped(&sent_to(r#""effort":"high""#, "claude-haiku-4-5").1), ["effort"]);
    assert!(sent(r#""reasoning_effort":"none""#, &plain).1.dropped.is_empty(), "that is what it does");
}

#[test]
fn a_budget_raises_the_limit_that_it_would_use_up() {
    for (members, limit, budget) in [
        (r#""reasoning":{"max_tokens":2000}"#, 64_000, 2000),
        (r#""reasoning":{"max_tokens":2000},"max_tokens":500"#, 2500, 2000),
        (r#""reasoning":{"max_tokens":2000},"max_tokens":3000"#, 3000, 2000),
        (r#""reasoning":{"max_tokens":63000},"max_tokens":60000"#, 64_000, 63_000),
        (r#""reasoning_effort":"max","max_tokens":10"#, 64_000, 63_999),
    ] {
        let (body, encoded) = sent_to(members, "claude-haiku-4-5");
        assert_eq!(
            (&body["max_tokens"], &body["thinking"]["budget_tokens"]),
            (&json!(limit), &json!(budget)),
            "{members}"
        );
        assert_eq!(encoded.effort, AppliedEffort::Budget(budget));
    }
}

#[test]
fn a_budget_is_left_out_where_the_client_has_not_kept_the_thought_that_led_to_a_call() {
    let body = |details: &str| {
        let body = format!(
            r#"{{"reasoning_effort":"low","messages":[{{"role":"user","content":"a"}},
               {{"role":"assistant",{details}"tool_calls":[{{"id":"i","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},
               {{"role":"tool","tool_call_id":"i","content":"1"}}]}}"#
        );
        let encoded = encoded_for(&body, &model("claude-haiku-4-5"), None);
        (serde_json::from_str::<Value>(&encoded.body).unwrap().get("thinking").is_some(), encoded.dropped)
    };
    assert_eq!(body(""), (false, vec!["reasoning_effort".to_owned()]));
    let kept = r#""reasoning_details":[{"type":"reasoning.text","text":"t","signature":"s","format":"anthropic-claude-v1","index":0}],"#;
    assert_eq!(body(kept), (true, vec![]));
}

// --- Tools -----------------------------------------------------------------------------------------------------------

const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}},
    {"type":"function","function":{"name":"g"}}]"#;

#[test]
fn the_choice_among_tools_has_anthropics_words() {
    for (members, wanted) in [
        ("", Value::Null),
        (r#","tool_choice":"auto""#, Value::Null),
        (r#","parallel_tool_calls":true"#, Value::Null),
        (r#","parallel_tool_calls":false"#, json!({"type": "auto", "disable_parallel_tool_use": true})),
        (r#","tool_choice":"none""#, json!({"type": "none"})),
        (r#","tool_choice":"required""#, json!({"type": "any"})),
        (r#","tool_choice":{"type":"function","function":{"name":"g"}}"#, json!({"type": "tool", "name": "g"})),
        (
            r#","tool_choice":"required","parallel_tool_calls":false"#,
            json!({"type": "any", "disable_parallel_tool_use": true}),
        ),
    ] {
        let (body, encoded) = sent_to(&format!("{TOOLS}{members}"), "claude-haiku-4-5");
        assert_eq!(body.get("tool_choice").cloned().unwrap_or_default(), wanted, "{members}");
        assert_eq!(body["tools"].as_array().map(Vec::len), Some(2));
        assert!(encoded.dropped.is_empty());
    }
    let allowed = r#","tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}"#;
    let (body, _) = sent_to(&format!("{TOOLS}{allowed}"), "claude-haiku-4-5");
    assert_eq!((&body["tool_choice"], body["tools"].as_array().map(Vec::len)), (&json!({"type": "any"}), Some(1)));
}

#[test]
fn a_model_that_cannot_be_forced_to_call_a_tool_is_told_to() {
    for id in ["claude-opus-5-5", "claude-sonnet-5-5"] {
        for (choice, wanted) in [
            (r#""required""#, "Answer with a call of one of the tools."),
            (r#"{"type":"function","function":{"name":"g"}}"#, "Answer with a call of the tool `g`."),
        ] {
            let (body, encoded) = sent_to(&format!("{TOOLS},\"tool_choice\":{choice}"), id);
            assert_eq!(body["tool_choice"], json!({"type": "auto"}));
            assert_eq!(body["messages"][0]["content"], json!([text("hi"), text(wanted)]));
            assert_eq!(body["thinking"]["type"], "adaptive");
            assert!(encoded.dropped.is_empty());
        }
    }
}

#[test]
fn thinking_gives_way_to_a_forced_call() {
    for id in ["claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"] {
        let (body, encoded) =
            sent_to(&format!("{TOOLS},\"tool_choice\":\"required\",\"reasoning_effort\":\"high\""), id);
        assert_eq!((body.get("thinking"), &body["tool_choice"]), (None, &json!({"type": "any"})), "{id}");
        assert_eq!((dropped(&encoded), encoded.effort.header()), (vec!["reasoning_effort"], "none".to_owned()), "{id}");
    }
    // These think by themselves, and may be forced where nothing is said of it.
    let (body, encoded) =
        sent_to(&format!("{TOOLS},\"tool_choice\":\"required\",\"reasoning_effort\":\"high\""), "claude-opus-5");
    assert_eq!((body.get("thinking"), &body["output_config"]["effort"]), (None, &json!("high")));
    assert!(encoded.dropped.is_empty());
}

#[test]
fn parameters_are_always_those_of_an_object_and_strict_ones_are_promised() {
    let tool = |function: &str, id: &str| {
        sent_to(&format!(r#""tools":[{{"type":"function","function":{{"name":"f",{function}}}}}]"#), id).0["tools"][0]
            .clone()
    };
    let id = "claude-opus-5";
    assert_eq!(tool(r#""x":1"#, id)["input_schema"], json!({"type": "object", "properties": {}}));
    assert_eq!(tool(r#""parameters":{}"#, id)["input_schema"], json!({"type": "object"}));
    let typed = tool(r#""parameters": { "properties":{"a":{"minimum":1,"type":"integer"}}}"#, id);
    assert_eq!(
        typed["input_schema"],
        json!({"type": "object", "properties": {"a": {"minimum": 1, "type": "integer"}}})
    );
    let strict =
        tool(r#""strict":true,"parameters":{"type":"object","properties":{"a":{"minimum":1,"type":"integer"}}}"#, id);
    let promised = json!({"type": "object", "properties": {"a": {"type": "integer", "description": "(minimum: 1)"}}, "additionalProperties": false});
    assert_eq!((&strict["strict"], &strict["input_schema"]), (&json!(true), &promised));
    assert_eq!(tool(r#""strict":false,"parameters":{"type":"object"}"#, id).get("strict"), None);
}

#[test]
fn a_web_search_is_a_tool_of_the_providers_own() {
    let search = |members: &str| sent_to(members, "claude-opus-5").0["tools"].clone();
    let plain = json!({"type": "web_search_20250305", "name": "web_search"});
    assert_eq!(search(r#""web_search":true"#), json!([plain]));
    let place = json!({"type": "approximate", "city": "Rome", "country": "IT"});
    let placed = json!([{"type": "web_search_20250305", "name": "web_search", "user_location": place}]);
    let chat = r#""web_search_options":{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"city":"Rome","country":"IT"}}}"#;
    assert_eq!(search(chat), placed);
    let tool = r#""tools":[{"type":"web_search","user_location":{"type":"approximate","city":"Rome","country":"IT"},"filters":{"allowed_domains":["a.test"]}}]"#;
    assert_eq!(search(tool)[0]["allowed_domains"], json!(["a.test"]));
    let own = json!({"type": "web_search_20260209", "name": "web_search", "max_uses": 2});
    assert_eq!(search(&format!("\"tools\":[{own}]")), json!([own]));
}

// --- Everything else -------------------------------------------------------------------------------------------------

#[test]
fn a_limit_is_always_sent() {
    let limit = |members: &str, model: &ModelSpec| sent(members, model).0["max_tokens"].clone();
    let known = model("claude-haiku-4-5");
    assert_eq!(limit("", &known), 64_000);
    assert_eq!(limit(r#""max_completion_tokens":9"#, &known), 9);
    assert_eq!(limit(r#""max_tokens":900000"#, &known), 64_000);
    assert_eq!(limit("", &ModelSpec { max_output: None, ..known }), 8192);
}

#[test]
fn sampling_is_within_what_the_model_takes() {
    for (id, members, wanted, left_out) in [
        ("claude-haiku-4-5", r#""temperature":1.7"#, json!({"temperature": 1}), vec![]),
        ("claude-haiku-4-5", r#""temperature":0.50,"top_p":0.9"#, json!({"temperature": 0.5}), vec!["top_p"]),
        ("claude-haiku-4-5", r#""top_p":0.9,"top_k":5"#, json!({"top_p": 0.9, "top_k": 5}), vec![]),
        (
            "claude-haiku-4-5",
            r#""top_p":0.9,"temperature":1,"top_k":5,"reasoning_effort":"low""#,
            json!({}),
            vec!["top_p", "temperature", "top_k"],
        ),
        ("claude-opus-4-8", r#""temperature":0,"top_p":1,"top_k":5"#, json!({}), vec!["temperature", "top_p", "top_k"]),
    ] {
        let (body, encoded) = sent_to(members, id);
        let found: Map<String, Value> = body
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .filter(|(name, _)| ["temperature", "top_p", "top_k"].contains(&name.as_str()))
            .collect();
        assert_eq!((Value::Object(found), dropped(&encoded)), (wanted, left_out), "{id} {members}");
    }
}

#[test]
fn fields_have_anthropics_names_or_are_named_as_left_out() {
    for (members, name, wanted, left_out) in [
        (r#""stop":"a""#, "stop_sequences", json!(["a"]), None),
        (r#""stop":["a"," ","\n","é"]"#, "stop_sequences", json!(["a", "é"]), None),
        (r#""stop":"\n""#, "stop_sequences", Value::Null, Some("stop")),
        (r#""user":"u","safety_identifier":"s""#, "metadata", json!({"user_id": "u"}), None),
        (r#""service_tier":"auto""#, "service_tier", json!("auto"), None),
        (r#""service_tier":"default""#, "service_tier", json!("standard_only"), None),
        (r#""service_tier":"flex""#, "service_tier", Value::Null, Some("service_tier")),
        (r#""stream":true,"stream_options":{"include_usage":true}"#, "stream", json!(true), None),
        (r#""cache_control":{"type":"ephemeral"}"#, "cache_control", json!({"type": "ephemeral"}), None),
        (r#""n":1"#, "n", Value::Null, None),
        (r#""se\u0065d":7"#, "seed", Value::Null, Some("seed")),
        (r#""metadata":{"a":"b"}"#, "metadata", Value::Null, Some("metadata")),
    ] {
        let (body, encoded) = sent_to(members, "claude-haiku-4-5");
        assert_eq!(body.get(name).cloned().unwrap_or_default(), wanted, "{members}");
        assert_eq!(dropped(&encoded), left_out.into_iter().collect::<Vec<_>>(), "{members}");
        assert_eq!(body.get("stream_options"), None);
    }
}

#[test]
fn a_schema_is_promised_as_far_as_it_can_be() {
    let schema = r##"{"$schema":"https://json-schema.org/x","type":"object","required":["a"],"additionalProperties":true,
        "properties":{"a":{"type":"integer","minimum":1,"maximum":5,"description":"stars"},
        "b":{"type":"array","items":{"oneOf":[{"type":"string","format":"date"},{"$ref":"#/$defs/c"}]},"minItems":1,"maxItems":3},
        "c":{"type":["string","null"],"pattern":"^a","format":"color","contentEncoding":"base64"}},"$defs":{"c":{"type":"object","properties":{}}}}"##;
    let members = format!(
        r#""response_format":{{"type":"json_schema","json_schema":{{"name":"n","strict":true,"schema":{schema}}}}}"#
    );
    let (body, encoded) = sent_to(&members, "claude-opus-5");
    let wanted = json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
        "a": {"type": "integer", "description": "stars (minimum: 1, maximum: 5)"},
        "b": {"type": "array", "items": {"anyOf": [{"type": "string", "format": "date"}, {"$ref": "#/$defs/c"}]},
              "minItems": 1, "description": "(maxItems: 3)"},
        "c": {"type": ["string", "null"], "description": "(pattern: \"^a\", format: \"color\", contentEncoding: \"base64\")"}},
        "$defs": {"c": {"type": "object", "properties": {}, "additionalProperties": false}}});
    assert_eq!(body["output_config"]["format"], json!({"type": "json_schema", "schema": wanted}));
    assert!(encoded.dropped.is_empty());
}

#[test]
fn a_schema_with_an_open_object_is_told_in_words_since_nothing_but_an_empty_one_could_be_promised() {
    for open in [
        r#"{"type":"object"}"#,
        r#"{"type":"object","additionalProperties":{"type":"number"}}"#,
        r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","additionalProperties":true}}}}"#,
    ] {
        let members = format!(
            r#""response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{open}}}}},
               "tools":[{{"type":"function","function":{{"name":"f","strict":true,"parameters":{open}}}}}]"#
        );
        let (body, _) = sent_to(&members, "claude-opus-5");
        assert_eq!(body.get("output_config"), None, "{open}");
        assert!(body["messages"][0]["content"][1]["text"].as_str().unwrap().ends_with(open));
        assert_eq!(body["tools"][0].get("strict"), None);
    }
    let named = r#"{"type":"object","properties":{"type":{"type":"string"},"additionalProperties":{"type":"string"}}}"#;
    let members =
        format!(r#""response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{named}}}}}"#);
    assert!(sent_to(&members, "claude-opus-5").0.get("output_config").is_some(), "members of these names are not open");
}

#[test]
fn a_schema_that_holds_itself_is_told_in_words_since_it_would_be_an_error() {
    let sent = |schema: &str| {
        let members =
            format!(r#""response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{schema}}}}}"#);
        sent_to(&members, "claude-opus-5").0
    };
    let chain: String = (0..40)
        .map(|n| format!(r##","d{n}":{{"anyOf":[{{"$ref":"#/$defs/d{}"}},{{"$ref":"#/$defs/d{}"}}]}}"##, n + 1, n + 1))
        .collect();
    for recursive in [
        r##"{"type":"object","properties":{"child":{"$ref":"#"}}}"##.to_owned(),
        r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/b"}},"b":{"$ref":"#/$defs/a"}}}"##.to_owned(),
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{"d40":{{"type":"string"}}{chain}}}}}"##),
    ] {
        let body = sent(&recursive);
        assert_eq!(body.get("output_config"), None, "{recursive}");
        assert!(body["messages"][0]["content"][1]["text"].as_str().unwrap().ends_with(&recursive));
    }
    let shared = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/p"},"b":{"$ref":"#/$defs/p"}},"$defs":{"p":{"type":"string"}}}"##;
    assert!(sent(shared).get("output_config").is_some(), "one that is used twice does not hold itself");
}

#[test]
fn at_most_four_marks_of_the_cache_are_passed_on() {
    let mark = r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#;
    let part = format!(r#"{{"type":"text","text":"x",{mark}}}"#);
    let body = format!(
        r#"{{"tools":[{{"type":"function","function":{{"name":"f"}},{mark}}}],
           "messages":[{{"role":"system","content":[{part}]}},{{"role":"user","content":[{part},{part},{part}]}}]}}"#
    );
    let encoded = encoded_for(&body, &model("claude-opus-5"), None);
    assert_eq!(encoded.dropped, ["cache_control"], "what is left out is named");
    let body = encoded.body;
    assert_eq!(body.matches(mark).count(), 4);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["messages"][0]["content"][2], text("x"), "the last one is left out");
}

#[test]
fn a_provider_with_an_open_body_gets_what_it_may_know() {
    let open = ProviderSpec {
        accepts: vec![].into(),
        body: opengateway::catalog::provider::BodyPolicy::Open,
        ..row("anthropic")
    };
    let request = ChatRequest::parse(br#"{"messages":[{"role":"user","content":"a"}],"mcp_servers":[]}"#).unwrap();
    let encoded = encode(&request, &open, &model("claude-opus-5"), None);
    assert!(encoded.dropped.is_empty() && encoded.body.contains(r#""mcp_servers":[]"#));
}

#[test]
fn the_key_and_the_version_go_in_headers_of_their_own() {
    let version = ("anthropic-version", "2023-06-01");
    assert_eq!(headers(&model("claude-opus-5")), [Some(version), None]);
    assert_eq!(row("anthropic").dialect.path(), "/messages");
    assert_eq!(row("anthropic").auth, opengateway::catalog::provider::Auth::XApiKey);
}
