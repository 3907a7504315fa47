//! The messages of a request: roles, content parts, lenient forms, sizes. And properties of whole requests.

use opengateway::openai::error::ApiError;
use opengateway::openai::request::{ChatRequest, MessageMarks};
use opengateway::routing::tokens;
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use crate::dialect_fixture::encode;
use crate::routing_fixture::{at, provider};

fn body(messages: &str) -> String {
    format!(r#"{{"messages":[{messages}]}}"#)
}

/// The messages as they are sent on.
fn sent(messages: &str) -> String {
    let body = body(messages);
    let request = ChatRequest::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{messages}: {error}"));
    let mut out = String::new();
    request.messages.write(MessageMarks::default(), &|_, _| None, &mut out);
    out
}

fn refusal(messages: &str) -> (&'static str, String) {
    let body = body(messages);
    let Err(error) = ChatRequest::parse(body.as_bytes()) else { panic!("{messages} is not refused") };
    let error = ApiError::from(error);
    (error.code, error.param.unwrap_or_default())
}

fn user(content: &str) -> String {
    format!(r#"{{"role":"user","content":{content}}}"#)
}

#[test]
fn every_role_is_taken_with_what_it_needs() {
    for message in [
        r#"{"role":"system","content":"x"}"#,
        r#"{"role":"developer","content":[{"type":"text","text":"x"}]}"#,
        r#"{"role":"user","name":"ann","content":""}"#,
        r#"{"role":"\u0075ser","content":"x"}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{}}]}"#,
        r#"{"role":"assistant","refusal":"no"}"#,
        r#"{"role":"tool","tool_call_id":"1","content":"x"}"#,
    ] {
        assert_eq!(sent(message), format!("[{message}]"));
    }
}

#[test]
fn a_message_that_lacks_something_is_refused_by_its_path() {
    let cases = [
        ("1", "invalid_type", "messages[0]"),
        (r#"{"content":"x"}"#, "missing_required_parameter", "messages[0].role"),
        (r#"{"role":null,"content":"x"}"#, "missing_required_parameter", "messages[0].role"),
        (r#"{"role":1,"content":"x"}"#, "invalid_type", "messages[0].role"),
        (r#"{"role":"function","content":"x"}"#, "invalid_value", "messages[0].role"),
        (r#"{"role":"User","content":"x"}"#, "invalid_value", "messages[0].role"),
        (r#"{"role":"user"}"#, "missing_required_parameter", "messages[0].content"),
        (r#"{"role":"user","content":null}"#, "missing_required_parameter", "messages[0].content"),
        (r#"{"role":"user","content":1}"#, "invalid_type", "messages[0].content"),
        (r#"{"role":"user","content":{}}"#, "invalid_type", "messages[0].content"),
        (r#"{"role":"tool","content":"x"}"#, "missing_required_parameter", "messages[0].tool_call_id"),
        (
            r#"{"role":"tool","tool_call_id":"","content":"x"}"#,
            "missing_required_parameter",
            "messages[0].tool_call_id",
        ),
        (r#"{"role":"tool","tool_call_id":1,"content":"x"}"#, "invalid_type", "messages[0].tool_call_id"),
        (r#"{"role":"user","name":1,"content":"x"}"#, "invalid_type", "messages[0].name"),
        (r#"{"role":"assistant","tool_calls":{}}"#, "invalid_type", "messages[0].tool_calls"),
        (r#"{"role":"assistant","tool_calls":"{}"}"#, "invalid_type", "messages[0].tool_calls"),
        (r#"{"role":"assistant","tool_calls":"nonsense"}"#, "invalid_type", "messages[0].tool_calls"),
        (r#"{"role":"user","content":["x"]}"#, "invalid_type", "messages[0].content[0]"),
        (r#"{"role":"user","content":[{"text":"x"}]}"#, "missing_required_parameter", "messages[0].content[0].type"),
        (r#"{"role":"user","content":[{"type":"text"}]}"#, "missing_required_parameter", "messages[0].content[0].text"),
    ];
    for (message, code, param) in cases {
        assert_eq!(refusal(message), (code, param.to_owned()), "{message}");
        let second = format!("{},{message}", user("\"x\""));
        assert_eq!(refusal(&second), (code, param.replace("messages[0]", "messages[1]")), "{message}");
    }
    assert_eq!(refusal(""), ("invalid_value", "messages".to_owned()));
    for (body, code) in [
        (r#"{"messages":null}"#, "missing_required_parameter"),
        (r#"{"messages":"hi"}"#, "invalid_type"),
        (r#"{"messages":{"role":"user"}}"#, "invalid_type"),
    ] {
        let error = ApiError::from(ChatRequest::parse(body.as_bytes()).unwrap_err());
        assert_eq!((error.code, error.param.as_deref()), (code, Some("messages")), "{body}");
    }
}

#[test]
fn images_are_counted_and_known_by_their_address() {
    for (url, images, remote) in [
        (r#"{"url":"data:image/png;base64,AAAA"}"#, 1, false),
        (r#"{"url":"https://example.com/a.png","detail":"low"}"#, 1, true),
        (r#"{"detail":"low","url":"http://example.com"}"#, 1, true),
        (r#""https://example.com/a.png""#, 1, true),
        (r#""DATA:image/png;base64,AAAA""#, 1, false),
        (r#"{"url":"HTTPS:\/\/example.com"}"#, 1, true),
    ] {
        let part = format!(r#"[{{"type":"image_url","image_url":{url}}}]"#);
        let message = user(&part);
        let body = body(&message);
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        assert_eq!((request.messages.images, request.messages.image_urls), (images, remote), "{url}");
        assert_eq!(request.messages.text_bytes, 0, "an image is no text");
        assert_eq!(sent(&message), format!("[{message}]"));
    }
    let path = "messages[0].content[0].image_url.url";
    for (url, code) in [
        (r#"{"url":"ftp://x"}"#, "invalid_value"),
        (r#"{"url":"/etc/passwd"}"#, "invalid_value"),
        (r#""""#, "invalid_value"),
        ("{}", "missing_required_parameter"),
        (r#"{"url":null}"#, "missing_required_parameter"),
        ("1", "missing_required_parameter"),
        ("null", "missing_required_parameter"),
    ] {
        let part = format!(r#"[{{"type":"image_url","image_url":{url}}}]"#);
        assert_eq!(refusal(&user(&part)), (code, path.to_owned()), "{url}");
    }
}

#[test]
fn parts_of_an_unknown_type_pass() {
    let message = user(r#"[{"type":"input_audio","input_audio":{"data":"AA"}},{"type":"x","text":1,"image_url":2}]"#);
    assert_eq!(sent(&message), format!("[{message}]"));
}

#[test]
fn null_members_are_left_out_of_messages_but_for_content() {
    assert_eq!(
        sent(
            r#"{"role":"assistant","content":null,"refusal":null,"tool_calls":[ ], "audio" : null}, {"role":"user","name":null,"content":"x"}"#
        ),
        r#"[{"role":"assistant","content":null,"tool_calls":[ ]}, {"role":"user","content":"x"}]"#
    );
}

#[test]
fn tool_calls_may_come_as_a_string_that_holds_json() {
    let first = user("\"a\"");
    let last = user("\"b\"");
    assert_eq!(
        sent(&format!(
            r#" {first} , {{"x":1.0,"role":"assistant","content":null,"tool_calls":"[{{\"id\":\"1\"}}]"}} ,{last} "#
        )),
        format!(r#"[ {first} , {{"x":1.0,"role":"assistant","content":null,"tool_calls":[{{"id":"1"}}]}} ,{last} ]"#)
    );
}

#[test]
fn the_prompt_is_measured_without_its_escapes() {
    let tokens = |text: &str| {
        let body = body(&user(text));
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        (request.messages.text_bytes, tokens::of_prompt(&request))
    };
    assert_eq!(tokens("\"12345678\""), (8, 2 + 3));
    assert_eq!(tokens(r#""a\n\"\\\u0041\u000a""#), (6, 2 + 3));
    for text in ["é", "б", "中文", "😀", "a😀\n\"б\\"] {
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        assert_eq!(tokens(&format!("\"{escaped}\"")).0, text.len(), "{text}");
        assert_eq!(tokens(&serde_json::to_string(text).unwrap()).0, text.len(), "{text}");
    }
}

/// JSON text of any value, as a client might write it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("null".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""\u00e9\/\ud83d""#.to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            prop::collection::vec(("[a-c]{0,2}", inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.into_iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
                format!("{{ {}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn unknown_fields_reach_the_upstream_verbatim(fields in prop::collection::btree_map("x_[a-z\\\\\"é]{0,6}", json(), 0..6)) {
        let members: String =
            fields.iter().map(|(key, value)| format!("{}: {value} ,", serde_json::to_string(key).unwrap())).collect();
        let body = format!(r#"{{{members}"messages":[{{"role":"user","content":"hi"}}]}}"#);
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let encoded = encode(&request, &provider("a"), &at("a/m"), None);
        prop_assert!(encoded.dropped.is_empty());
        let mut upstream: BTreeMap<String, &RawValue> = serde_json::from_str(&encoded.body).unwrap();
        prop_assert_eq!(upstream.remove("model").unwrap().get(), "\"m\"");
        prop_assert_eq!(upstream.remove("messages").unwrap().get(), r#"[{"role":"user","content":"hi"}]"#);
        let upstream: Vec<(&str, &str)> = upstream.iter().map(|(key, value)| (&**key, value.get())).collect();
        let expected: Vec<(&str, &str)> =
            fields.iter().filter(|(_, value)| *value != "null").map(|(key, value)| (&**key, &**value)).collect();
        prop_assert_eq!(upstream, expected);
    }

    #[test]
    fn messages_are_sent_on_as_valid_json_whatever_is_patched(content in json(), extra in json(), more in json()) {
        let body = body(&format!(
            r#"{{"role":"assistant","x":{extra},"content":"é","y":{more}}},{{"role":"user","content":[{{"type":"z","z":{content}}}]}}"#
        ));
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let mut out = String::new();
        request.messages.write(MessageMarks::default(), &|_, _| None, &mut out);
        let messages: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(&out).unwrap();
        let found = |name: &str| messages[0].get(name).map_or("null", |value| value.get());
        prop_assert_eq!(found("x"), extra.as_str());
        prop_assert_eq!(found("y"), more.as_str());
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ChatRequest::parse(&bytes).is_err());
    }

    #[test]
    fn a_damaged_request_never_panics(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let whole = br#"{"model":"a\u00e9","stream":true,"stream_options":"{\"include_usage\":true}","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function"},"response_format":{"type":"json_schema","json_schema":{}},"messages":[{"role":"assistant","content":null,"tool_calls":"[]"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}}]}],"x":1.5e3}"#;
        let mut damaged = whole.to_vec();
        if let Some(target) = damaged.get_mut(at) {
            *target = byte;
        }
        damaged.truncate(cut.max(1));
        let is_json = serde_json::from_slice::<&RawValue>(&damaged).is_ok();
        match ChatRequest::parse(&damaged) {
            Ok(_) => prop_assert!(is_json),
            Err(error) => prop_assert!(!ApiError::from(error).message.is_empty()),
        }
    }

    #[test]
    fn it_agrees_with_serde_json_on_what_is_json(text in r#"[\[\]{}:,"\\a-f0-9.eE+\- \ntrunl/é]{0,30}"#) {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"x"}}],"x":{text}}}"#);
        let is_object = serde_json::from_str::<&RawValue>(&body).is_ok();
        match ChatRequest::parse(body.as_bytes()) {
            Ok(_) => prop_assert!(is_object, "{}", body),
            Err(error) => {
                let api = ApiError::from(error);
                prop_assert!(!is_object || api.code != "invalid_json", "{}: {}", body, api.message);
            }
        }
    }
}
