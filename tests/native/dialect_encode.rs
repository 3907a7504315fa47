//! The body that a provider gets, each rule by itself; `dialect_matrix.rs` has whole requests at every provider.

use std::borrow::Cow;

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::{Capabilities, Effort, ModelSpec};
use opengateway::catalog::provider::{BodyPolicy, GATEWAY_FIELDS, OutputLimitName, Prefill, ProviderSpec, StreamUsage};
use opengateway::dialect::encoded::AppliedEffort;
use opengateway::openai::request::ChatRequest;
use serde_json::{Value, json};

use crate::dialect_fixture::{Encoded, able, encode, pairs, plain, row, texts};

fn encoded(body: &str, provider: &ProviderSpec, model: &ModelSpec) -> Encoded {
    encode(&ChatRequest::parse(body.as_bytes()).unwrap(), provider, model, None)
}

/// The body for a request with one message and these members.
fn sent(members: &str, provider: &ProviderSpec, model: &ModelSpec) -> (Value, Encoded) {
    let comma = if members.is_empty() { "" } else { "," };
    let encoded =
        encoded(&format!(r#"{{"messages":[{{"role":"user","content":"hi"}}]{comma}{members}}}"#), provider, model);
    (serde_json::from_str(&encoded.body).unwrap(), encoded)
}

fn plainly_sent(members: &str) -> Value {
    sent(members, &plain(), &able()).0
}

#[test]
fn the_gateways_own_fields_are_sent_to_nobody() {
    let own = r#""models":["gpt-oss-120b"],"provider":{"order":["groq"]},"project_id":"p","free_models_only":true,
        "no_reasoning":true,"min_reasoning_level":"low","usage":{"include":true}"#;
    for provider in Catalog::builtin().providers() {
        let (body, encoded) = sent(own, provider, &able());
        for field in ["models", "provider", "project_id", "free_models_only", "no_reasoning", "usage"] {
            assert_eq!(body.get(field), None, "{} at {}", field, provider.id);
        }
        assert_eq!(body.get("min_reasoning_level"), None);
        assert!(encoded.dropped.is_empty(), "what is the gateway's own is not dropped: {:?}", encoded.dropped);
    }
}

#[test]
fn a_plain_provider_gets_every_other_field_as_it_was_written() {
    let members = r#""temperature" : 0.10 ,"weird \u00e4 field":{"a": [1.50, null]},"user":"u\/1""#;
    let encoded = sent(members, &plain(), &able()).1;
    let wanted = r#"{"model":"vendor/able-1","messages":[{"role":"user","content":"hi"}],"temperature":0.10,"weird \u00e4 field":{"a": [1.50, null]},"user":"u\/1"}"#;
    assert_eq!(encoded, Encoded { body: wanted.into(), dropped: vec![], effort: AppliedEffort::None });
}

#[test]
fn null_is_absent_and_neither_sent_nor_dropped() {
    let strict = ProviderSpec { drops: texts(&["seed", "messages.name"]), ..plain() };
    let body = r#"{"messages":[{"role":"user","content":"hi","name":null}],"seed":null,"x":null,"stream":null}"#;
    let encoded = encoded(body, &strict, &able());
    assert_eq!(encoded.body, r#"{"model":"vendor/able-1","messages":[{"role":"user","content":"hi"}]}"#);
    assert!(encoded.dropped.is_empty());
}

// --- Usage in streams ------------------------------------------------------------------------------------------------

#[test]
fn usage_is_asked_for_wherever_a_stream_tells_it_only_when_asked() {
    for (stream_usage, stream_options, wanted) in [
        (StreamUsage::Trailing, true, Some(json!({"include_usage": true}))),
        (StreamUsage::InLastChoice, true, Some(json!({"include_usage": true}))),
        (StreamUsage::None, true, None),
        (StreamUsage::Trailing, false, None),
        (StreamUsage::InLastChoice, false, None),
        (StreamUsage::None, false, None),
    ] {
        let provider = ProviderSpec { stream_usage, stream_options, ..plain() };
        let (body, _) = sent(r#""stream":true"#, &provider, &able());
        assert_eq!(body.get("stream_options"), wanted.as_ref(), "{stream_usage:?} {stream_options}");
        assert_eq!(body["stream"], true);
    }
}

#[test]
fn a_client_that_declines_usage_is_overruled_and_its_other_options_stay() {
    let options = r#""stream":true,"stream_options":{"include_usage":false,"include_obfuscation":false,"x":null}"#;
    let body = plainly_sent(options);
    assert_eq!(body["stream_options"], json!({"include_usage": true, "include_obfuscation": false}));
}

#[test]
fn usage_that_a_client_asks_for_is_asked_for_even_of_a_provider_that_never_tells_it() {
    let provider = ProviderSpec { stream_usage: StreamUsage::None, ..plain() };
    let (body, _) = sent(r#""stream":true,"stream_options":{"include_usage":true}"#, &provider, &able());
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    let (body, _) = sent(r#""stream":true,"stream_options":{"a":1}"#, &provider, &able());
    assert_eq!(body["stream_options"], json!({"include_usage": false, "a": 1}));
}

#[test]
fn stream_options_are_never_sent_without_a_stream_nor_where_they_are_refused() {
    assert_eq!(plainly_sent(r#""stream":false,"stream_options":{"include_usage":true}"#).get("stream_options"), None);
    assert_eq!(plainly_sent(r#""stream":false"#).get("stream"), None);
    for provider in Catalog::builtin().providers().iter().filter(|provider| !provider.stream_options) {
        let (body, encoded) = sent(r#""stream":true,"stream_options":{"include_usage":true}"#, provider, &able());
        assert_eq!(body.get("stream_options"), None, "{}", provider.id);
        assert!(encoded.dropped.is_empty(), "the client gets its usage all the same");
    }
}

// --- Output limit ----------------------------------------------------------------------------------------------------

#[test]
fn the_output_limit_has_the_name_that_the_provider_takes() {
    use OutputLimitName::{Either, MaxCompletionTokens, MaxTokens};
    const OLD: &str = "max_tokens";
    const NEW: &str = "max_completion_tokens";
    for (output_limit, client, wanted) in [
        (Either, OLD, OLD),
        (Either, NEW, NEW),
        (MaxTokens, OLD, OLD),
        (MaxTokens, NEW, OLD),
        (MaxCompletionTokens, OLD, NEW),
        (MaxCompletionTokens, NEW, NEW),
    ] {
        let provider = ProviderSpec { output_limit, ..plain() };
        let (body, encoded) = sent(&format!("\"{client}\":7"), &provider, &able());
        let limits: Vec<_> = [OLD, NEW].into_iter().filter(|name| body.get(name).is_some()).collect();
        assert_eq!((limits, &body[wanted]), (vec![wanted], &json!(7)), "{output_limit:?} {client}");
        assert!(encoded.dropped.is_empty(), "renamed is not dropped");
    }
}

#[test]
fn of_two_output_limits_the_new_name_counts() {
    let body = plainly_sent(r#""max_tokens":5,"max_completion_tokens":9"#);
    assert_eq!((body.get("max_tokens"), &body["max_completion_tokens"]), (None, &json!(9)));
}

#[test]
fn an_output_limit_above_what_the_model_writes_is_clamped() {
    for (asked, most, wanted) in [(5000, Some(1000), 1000), (10, Some(1000), 10), (5000, None, 5000)] {
        let model = ModelSpec { max_output: most, ..able() };
        let (body, _) = sent(&format!("\"max_tokens\":{asked}"), &plain(), &model);
        assert_eq!(body["max_tokens"], wanted);
    }
    let body = plainly_sent("");
    assert_eq!((body.get("max_tokens"), body.get("max_completion_tokens")), (None, None), "none asked, none sent");
}

// --- Reasoning effort ------------------------------------------------------------------------------------------------

#[test]
fn an_effort_is_moved_to_the_nearest_lower_one_that_the_model_has() {
    use Effort::{Default, High, Low, Max, Medium, Minimal, None, Xhigh};
    for (efforts, asked, wanted) in [
        (vec![Low, Medium, High], Medium, Some(Medium)),
        (vec![Low, Medium, High], Xhigh, Some(High)),
        (vec![Low, Medium, High], Max, Some(High)),
        (vec![Low, High], Medium, Some(Low)),
        (vec![Low, Medium, High], Minimal, Some(Low)),
        (vec![Low, Medium, High], None, Some(Low)),
        // Who asks for some thought never gets none.
        (vec![None, High], Low, Some(High)),
        (vec![None, Low, High], Minimal, Some(Low)),
        (vec![None], High, Option::None),
        (vec![High, Max], Low, Some(High)),
        (vec![None, Default], Low, Some(Default)),
        (vec![None, Default], High, Some(Default)),
        (vec![None, Default], None, Some(None)),
        // "default" is what the provider does when it is told nothing; it is not the highest of a scale.
        (vec![Low, Medium, High], Default, Option::None),
        (vec![None, High], Default, Option::None),
        (vec![], High, Option::None),
    ] {
        let model = ModelSpec { efforts: Cow::Owned(efforts.clone()), ..able() };
        let (body, encoded) = sent(&format!("\"reasoning_effort\":\"{}\"", asked.as_str()), &plain(), &model);
        let told = wanted.map_or(AppliedEffort::None, AppliedEffort::Effort);
        assert_eq!(encoded.effort, told, "{asked:?} of {efforts:?}");
        assert_eq!(body.get("reasoning_effort").and_then(Value::as_str), wanted.map(Effort::as_str));
        assert_eq!(encoded.dropped.is_empty(), asked == Default || wanted.is_some());
    }
}

#[test]
fn an_effort_for_a_model_without_any_is_named_as_dropped() {
    let model = ModelSpec { efforts: Cow::Borrowed(&[]), ..able() };
    assert_eq!(sent(r#""reasoning_effort":"high""#, &plain(), &model).1.dropped, ["reasoning_effort"]);
}

#[test]
fn a_reasoning_level_asks_for_an_effort_where_the_client_asks_for_none() {
    assert_eq!(plainly_sent(r#""min_reasoning_level":"high""#)["reasoning_effort"], "high");
    assert_eq!(plainly_sent(r#""min_reasoning_level":"high","reasoning_effort":"low""#)["reasoning_effort"], "low");
    let quick = ModelSpec { capabilities: Capabilities { reasoning: false, ..able().capabilities }, ..able() };
    let (body, encoded) = sent(r#""min_reasoning_level":"high""#, &plain(), &quick);
    assert_eq!((body.get("reasoning_effort"), encoded.effort), (None, AppliedEffort::None));
    assert!(encoded.dropped.is_empty(), "the client did not send it");
}

// --- Drops, renames, additions ---------------------------------------------------------------------------------------

#[test]
fn what_provider_or_model_drops_is_left_out_and_named_as_the_client_spelt_it() {
    let provider = ProviderSpec { drops: texts(&["seed"]), renames: pairs(&[("user", "end_user")]), ..plain() };
    let model = ModelSpec { drops: texts(&["top_p", "absent"]), ..able() };
    let (body, encoded) = sent(r#""seed":1,"top_p":0.5,"user":"u","\u0073top":"x""#, &provider, &model);
    assert_eq!(encoded.dropped, ["seed", "top_p"]);
    assert_eq!((body.get("seed"), body.get("top_p"), body.get("user")), (None, None, None));
    assert_eq!((&body["end_user"], &body["stop"]), (&json!("u"), &json!("x")));
}

#[test]
fn no_field_is_sent_twice_where_the_client_knows_the_providers_name_too() {
    let provider = ProviderSpec { renames: pairs(&[("seed", "random_seed")]), ..plain() };
    for members in [r#""seed":1,"random_seed":2"#, r#""random_seed":2,"seed":1"#] {
        let (body, encoded) = sent(members, &provider, &able());
        assert_eq!((&body["random_seed"], encoded.body.matches("random_seed").count()), (&json!(2), 1));
    }
}

#[test]
fn a_field_is_recognised_however_its_name_is_escaped() {
    let provider = ProviderSpec { drops: texts(&["seed"]), ..plain() };
    let (body, encoded) = sent(r#""s\u0065ed":1"#, &provider, &able());
    assert_eq!((body.get("seed"), encoded.dropped), (None, vec!["seed".to_owned()]));
}

#[test]
fn a_strict_body_has_only_what_the_provider_takes_after_renaming() {
    let provider = ProviderSpec {
        body: BodyPolicy::Strict,
        accepts: texts(&["random_seed", "temperature"]),
        renames: pairs(&[("seed", "random_seed")]),
        ..plain()
    };
    let (body, encoded) = sent(r#""seed":1,"temperature":1,"top_k":4,"x":{}"#, &provider, &able());
    let wanted = json!({"model": "vendor/able-1", "messages": [{"role": "user", "content": "hi"}], "random_seed": 1,
        "temperature": 1});
    assert_eq!((body, encoded.dropped), (wanted, vec!["top_k".to_owned(), "x".to_owned()]));
}

#[test]
fn response_format_and_n_are_never_dropped() {
    let provider = ProviderSpec {
        body: BodyPolicy::Strict,
        drops: texts(&["response_format", "n"]),
        multiple_choices: false,
        ..plain()
    };
    let (body, encoded) = sent(r#""response_format":{"type":"json_object"},"n":2"#, &provider, &able());
    assert_eq!((&body["response_format"], &body["n"]), (&json!({"type": "json_object"}), &json!(2)));
    assert!(encoded.dropped.is_empty());
}

#[test]
fn n_of_one_is_left_out_where_the_provider_knows_no_other() {
    let single = ProviderSpec { multiple_choices: false, ..plain() };
    assert_eq!(sent(r#""n":1"#, &single, &able()).0.get("n"), None);
    assert_eq!(plainly_sent(r#""n":1"#)["n"], 1);
    assert_eq!(plainly_sent(r#""n":3"#)["n"], 3);
}

#[test]
fn tools_are_left_out_for_a_model_without_them_and_named() {
    let model = ModelSpec { capabilities: Capabilities { tools: false, ..able().capabilities }, ..able() };
    let tools =
        r#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","parallel_tool_calls":true"#;
    let (body, encoded) = sent(tools, &plain(), &model);
    assert_eq!(encoded.dropped, ["tools", "tool_choice", "parallel_tool_calls"]);
    assert!(["tools", "tool_choice", "parallel_tool_calls"].iter().all(|field| body.get(field).is_none()));
}

#[test]
fn an_addition_is_sent_unless_the_client_sends_the_field() {
    let provider = ProviderSpec { adds: pairs(&[("on_overflow", "\"error\""), ("user", "1")]), ..plain() };
    let (body, encoded) = sent("", &provider, &able());
    assert_eq!((&body["on_overflow"], &body["user"]), (&json!("error"), &json!(1)));
    assert!(encoded.dropped.is_empty());
    let (body, encoded) = sent(r#""on_over\u0066low":"truncate","user":null"#, &provider, &able());
    assert_eq!((&body["on_overflow"], &body["user"]), (&json!("truncate"), &json!(1)), "null is absent");
    assert_eq!(encoded.body.matches("on_over").count(), 1);
}

#[test]
fn an_addition_gives_way_to_a_client_field_that_is_renamed_to_it() {
    let provider =
        ProviderSpec { adds: pairs(&[("end_user", "\"x\"")]), renames: pairs(&[("user", "end_user")]), ..plain() };
    let (body, encoded) = sent(r#""user":"u""#, &provider, &able());
    assert_eq!(body["end_user"], "u");
    assert_eq!(encoded.body.matches("end_user").count(), 1);
}

#[test]
fn fireworks_refuses_a_long_prompt_instead_of_cutting_it() {
    let (body, _) = sent("", &row("fireworks"), &able());
    assert_eq!(body["context_length_exceeded_behavior"], "error");
}

#[test]
fn no_row_adds_what_the_gateway_writes() {
    for provider in Catalog::builtin().providers() {
        assert!(provider.adds.iter().all(|(field, _)| !GATEWAY_FIELDS.contains(&field.as_ref())), "{}", provider.id);
    }
}

// --- Members of messages ---------------------------------------------------------------------------------------------

const HISTORY: &str = r#"{"messages":[
  {"role":"user","content":"1.50","name":"ann"},
  { "role":"assistant", "content" : "hello", "reasoning":"r", "reasoning_content":"rc", "reasoning_details":[{}] },
  {"role":"assistant","content":null,"refusal":null,"tool_calls":"[{\"id\":\"c\"}]","n\u0061me":"bob"},
  {"role":"user" , "content":"bye"}
]}"#;

fn history(drops: &[&'static str]) -> (String, Vec<String>) {
    let provider = ProviderSpec { drops: texts(drops), ..plain() };
    let encoded = encoded(HISTORY, &provider, &able());
    let messages = encoded.body.strip_prefix(r#"{"model":"vendor/able-1","messages":"#).unwrap();
    (messages.strip_suffix('}').unwrap().to_owned(), encoded.dropped)
}

#[test]
fn messages_without_a_dropped_member_are_sent_byte_for_byte() {
    let (messages, dropped) = history(&[]);
    let kept = r#"[
  {"role":"user","content":"1.50","name":"ann"},
  { "role":"assistant", "content" : "hello", "reasoning":"r", "reasoning_content":"rc", "reasoning_details":[{}] },
  {"role":"assistant","content":null,"tool_calls":[{"id":"c"}],"n\u0061me":"bob"},
  {"role":"user" , "content":"bye"}
]"#;
    assert_eq!((messages.as_str(), dropped.len()), (kept, 0), "but for the lenient form of the third");
}

#[test]
fn a_dropped_member_leaves_every_message_that_has_it() {
    let (messages, dropped) = history(&["messages.name"]);
    let kept = r#"[
  {"role":"user","content":"1.50"},
  { "role":"assistant", "content" : "hello", "reasoning":"r", "reasoning_content":"rc", "reasoning_details":[{}] },
  {"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},
  {"role":"user" , "content":"bye"}
]"#;
    assert_eq!((messages.as_str(), dropped), (kept, vec!["messages.name".to_owned()]));
}

#[test]
fn all_droppable_members_can_be_dropped_at_once() {
    let all = ["messages.name", "messages.reasoning", "messages.reasoning_content", "messages.reasoning_details"];
    let (messages, dropped) = history(&all);
    assert_eq!(dropped, all);
    let kept = r#"[
  {"role":"user","content":"1.50"},
  {"role":"assistant","content":"hello"},
  {"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},
  {"role":"user" , "content":"bye"}
]"#;
    assert_eq!(messages, kept);
}

#[test]
fn a_member_is_named_as_dropped_only_where_some_message_has_it() {
    let model = ModelSpec { drops: texts(&["messages.name", "messages.reasoning"]), ..able() };
    let (body, encoded) = sent("", &plain(), &model);
    assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}]));
    assert!(encoded.dropped.is_empty());
    let named = r#"{"messages":[{"role":"user","content":"hi","name":"a"}],"seed":1}"#;
    let provider = ProviderSpec { drops: texts(&["seed"]), ..plain() };
    assert_eq!(self::encoded(named, &provider, &model).dropped, ["messages.name", "seed"], "both rows count");
}

#[test]
fn the_beginning_of_an_answer_is_given_in_each_providers_way() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"} ],"max_tokens":10,"stream":true}"#;
    let request = ChatRequest::parse(body.as_bytes()).unwrap();
    for (prefill, message, more) in [
        (Prefill::None, r#"{"role":"assistant","content":"so \"far\""}"#, ""),
        (Prefill::Assistant, r#"{"role":"assistant","content":"so \"far\""}"#, ""),
        (Prefill::Prefix, r#"{"role":"assistant","content":"so \"far\"","prefix":true}"#, ""),
        (
            Prefill::ContinueFinalMessage,
            r#"{"role":"assistant","content":"so \"far\""}"#,
            r#","continue_final_message":true,"add_generation_prompt":false"#,
        ),
    ] {
        let provider = ProviderSpec { prefill, stream_options: false, ..plain() };
        let encoded = encode(&request, &provider, &able(), Some("so \"far\""));
        // Its eight bytes were two of the ten tokens.
        let wanted = format!(
            r#"{{"model":"vendor/able-1","messages":[{{"role":"user","content":"hi"}} ,{message}],"stream":true,"max_tokens":8{more}}}"#
        );
        assert_eq!(encoded.body, wanted);
    }
    let body = body.replace("\"stream\":true", "\"continue_final_message\":false");
    let request = ChatRequest::parse(body.as_bytes()).unwrap();
    let provider = ProviderSpec { prefill: Prefill::ContinueFinalMessage, ..plain() };
    let encoded = encode(&request, &provider, &able(), Some("a")).body;
    assert_eq!(encoded.matches("continue_final_message").count(), 1, "{encoded}");
}

#[test]
fn the_header_tells_the_effort_or_the_budget() {
    for (effort, header) in [
        (AppliedEffort::None, "none"),
        (AppliedEffort::Effort(Effort::None), "none"),
        (AppliedEffort::Effort(Effort::Xhigh), "xhigh"),
        (AppliedEffort::Effort(Effort::Default), "default"),
        (AppliedEffort::Budget(2048), "budget:2048"),
    ] {
        assert_eq!(effort.header(), header);
    }
}
