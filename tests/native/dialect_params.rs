//! What becomes of each parameter: limits, clamps, quirks and members of messages, and that routing is told the same.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::{Capabilities, Effort, ModelSpec};
use opengateway::catalog::provider::{BodyPolicy, ProviderSpec};
use opengateway::catalog::quirk::{Quirk, Quirks};
use opengateway::dialect::encoded::unsupported;
use opengateway::dialect::openai::encode::encode;
use opengateway::dialect::openai::params;
use opengateway::openai::request::ChatRequest;
use serde_json::{Value, json};

use crate::dialect_fixture::{able, plain, row, texts};

/// The body and what is left out, for a request with one message and these members.
fn sent(members: &str, provider: &ProviderSpec, model: &ModelSpec) -> (Value, Vec<String>) {
    asked(&format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],{members}}}"#), provider, model)
}

fn asked(body: &str, provider: &ProviderSpec, model: &ModelSpec) -> (Value, Vec<String>) {
    let request = ChatRequest::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
    let encoded = encode(&request, provider, model, None);
    assert_eq!(encoded.dropped, params::dropped(&request, provider, model), "one list for the header and for routing");
    (serde_json::from_str(&encoded.body.whole()).unwrap(), encoded.dropped)
}

/// The messages that a provider with this quirk gets.
fn messages(quirk: Quirk, messages: &str) -> Value {
    let provider = ProviderSpec { quirks: Quirks::of(&[quirk]), ..plain() };
    let (body, dropped) = asked(&format!(r#"{{"messages":{messages}}}"#), &provider, &able());
    assert!(dropped.is_empty(), "another form is not dropped");
    body["messages"].clone()
}

fn with(quirk: Quirk, members: &str) -> Value {
    sent(members, &ProviderSpec { quirks: Quirks::of(&[quirk]), ..plain() }, &able()).0
}

#[test]
fn a_number_above_what_a_provider_takes_is_sent_as_the_most_it_takes() {
    let provider = ProviderSpec { clamps: vec![("temperature".into(), "1.5".into())].into(), ..plain() };
    for (asked, wanted) in [("1.51", json!(1.5)), ("2", json!(1.5)), ("1.5", json!(1.5)), ("0.3", json!(0.3))] {
        let (body, dropped) = sent(&format!("\"temperature\":{asked}"), &provider, &able());
        assert_eq!((&body["temperature"], dropped.len()), (&wanted, 0), "clamped is not dropped");
    }
    for id in ["mistral", "cerebras"] {
        assert_eq!(sent("\"temperature\":2", &row(id), &able()).0["temperature"], 1.5, "{id}");
    }
}

#[test]
fn more_stop_strings_than_a_provider_takes_are_never_sent_in_part() {
    let stops = |count: usize| format!("\"stop\":{}", serde_json::to_string(&vec!["x"; count]).unwrap());
    let most = |id: &str| {
        (1..=64).take_while(|count| sent(&stops(*count), &row(id), &able()).1.is_empty()).last().unwrap_or_default()
    };
    for (id, wanted) in [("openai", 4), ("groq", 4), ("gemini", 5), ("deepseek", 16), ("mistral", 64), ("vllm", 64)] {
        assert_eq!(most(id), wanted, "{id}");
    }
    let (body, dropped) = sent(&stops(5), &row("openai"), &able());
    assert_eq!((body.get("stop"), dropped), (None, vec!["stop".to_owned()]));
    assert_eq!(sent(r#""stop":"a long single one""#, &row("openai"), &able()).0["stop"], "a long single one");
}

#[test]
fn more_top_logprobs_than_a_provider_gives_are_left_out_and_named() {
    let ask = |count: u32| sent(&format!(r#""logprobs":true,"top_logprobs":{count}"#), &row("xai"), &able());
    assert_eq!((&ask(8).0["top_logprobs"], ask(8).1.len()), (&json!(8), 0));
    assert_eq!((ask(9).0.get("top_logprobs"), ask(9).1), (None, vec!["top_logprobs".to_owned()]));
    assert_eq!(ask(9).0["logprobs"], true);
}

#[test]
fn images_and_sound_are_only_asked_of_a_model_that_returns_them() {
    let can = |image_output, audio_output| ModelSpec {
        capabilities: Capabilities { image_output, audio_output, ..able().capabilities },
        ..able()
    };
    let ask = r#""modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}"#;
    let (body, dropped) = sent(ask, &row("openrouter"), &can(false, true));
    assert_eq!(
        (&body["modalities"], &body["audio"]["voice"], dropped.len()),
        (&json!(["text", "audio"]), &json!("alloy"), 0)
    );
    let (body, dropped) = sent(ask, &row("openrouter"), &can(true, false));
    assert_eq!((body.get("modalities"), body.get("audio")), (None, None));
    assert_eq!(dropped, ["modalities", "audio"]);
    let image = r#""modalities":["image","text"]"#;
    assert_eq!(sent(image, &row("openrouter"), &can(true, false)).0["modalities"], json!(["image", "text"]));
    assert_eq!(sent(image, &row("openrouter"), &can(false, true)).1, ["modalities"]);
    let (body, dropped) = sent(r#""modalities":["text"]"#, &row("xai"), &able());
    assert_eq!((body.get("modalities"), dropped.len()), (None, 0), "the default is no wish");
}

#[test]
fn a_developer_is_the_system_where_the_role_is_not_known() {
    let history = r#"[{ "role" : "developer","content":"a"},{"role":"user" ,"content":"developer"}]"#;
    let wanted = json!([{"role": "system", "content": "a"}, {"role": "user", "content": "developer"}]);
    assert_eq!(messages(Quirk::NoDeveloperRole, history), wanted);
    let (body, _) = asked(&format!(r#"{{"messages":{history}}}"#), &row("openai"), &able());
    assert_eq!(body["messages"][0]["role"], "developer");
}

#[test]
fn ids_of_tool_calls_are_nine_characters_in_calls_and_answers_alike() {
    let history = |call: &str, answer: &str| {
        format!(
            r#"[{{"role":"assistant","content":null,"tool_calls":[
                {{"id":"{call}","type":"function","function":{{"name":"f","arguments":"{{\"id\": 1}}"}}}},
                {{"id":"Ab3Ab3Ab3","type":"function","function":{{"name":"g","arguments":"{{}}"}}}}]}},
               {{"role":"tool","tool_call_id":"{answer}","content":"1"}},{{"role":"tool","tool_call_id":"Ab3Ab3Ab3","content":"2"}}]"#
        )
    };
    let quirk = Quirk::NineCharacterCallIds;
    let sent = messages(quirk, &history("call_\\u0061", "call_a"));
    let id = sent[0]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(sent[1]["tool_call_id"], id, "however it is escaped");
    assert_eq!((&sent[0]["tool_calls"][1]["id"], &sent[2]["tool_call_id"]), (&json!("Ab3Ab3Ab3"), &json!("Ab3Ab3Ab3")));
    assert_eq!(sent[0]["tool_calls"][0]["function"]["arguments"], r#"{"id": 1}"#);
    assert_eq!(sent, messages(quirk, &history("call_a", "call_a")), "always the same");
    let others: Vec<Value> = (0..200).map(|n| messages(quirk, &history(&format!("call_{n}"), "x"))).collect();
    let mut ids: Vec<&str> = others.iter().map(|sent| sent[0]["tool_calls"][0]["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}

#[test]
fn an_assistant_has_a_content_where_none_is_refused() {
    let history = r#"[{"role":"assistant","content":null,"tool_calls":[]},{"role":"assistant","tool_calls":[]},{"role":"assistant","content":"a"}]"#;
    let sent = messages(Quirk::NoNullContent, history);
    assert_eq!((&sent[0]["content"], &sent[1]["content"], &sent[2]["content"]), (&json!(""), &json!(""), &json!("a")));
    assert_eq!(sent[0]["tool_calls"], json!([]));
}

#[test]
fn parts_that_are_all_text_become_one_text_where_lists_are_refused() {
    let history = r#"[{"role":"system","content":[{"type":"text","text":"a\n"},{"type":"text","text":"\"b\""}]},
        {"role":"user","content":[{"type":"text","text":"c"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},
        {"role":"user","content":[]}]"#;
    let sent = messages(Quirk::NoTextParts, history);
    assert_eq!((&sent[0]["content"], &sent[2]["content"]), (&json!("a\n\n\"b\""), &json!("")));
    assert_eq!(sent[1]["content"].as_array().unwrap().len(), 2, "an image needs the list");
}

#[test]
fn a_required_tool_is_any_at_mistral_and_a_named_one_keeps_openais_form() {
    let ask = |choice: &str| {
        let tools = format!(r#""tools":[{{"type":"function","function":{{"name":"f"}}}}],"tool_choice":{choice}"#);
        sent(&tools, &row("mistral"), &able()).0["tool_choice"].clone()
    };
    assert_eq!(
        (ask(r#""required""#), ask(r#""auto""#), ask(r#""none""#)),
        (json!("any"), json!("auto"), json!("none"))
    );
    let named = r#"{"type":"function","function":{"name":"f"}}"#;
    assert_eq!(ask(named), serde_json::from_str::<Value>(named).unwrap());
}

#[test]
fn one_call_at_a_time_is_asked_for_where_tools_are_sent_and_the_client_is_silent() {
    let tools = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
    assert_eq!(with(Quirk::OneCallAtATime, tools)["parallel_tool_calls"], false);
    let said = with(Quirk::OneCallAtATime, &format!(r#"{tools},"parallel_tool_calls":true"#));
    assert_eq!(said["parallel_tool_calls"], true);
    assert_eq!(with(Quirk::OneCallAtATime, r#""tools":[]"#).get("parallel_tool_calls"), None);
    let toolless = ModelSpec { capabilities: Capabilities { tools: false, ..able().capabilities }, ..able() };
    assert_eq!(sent(tools, &row("nvidia"), &toolless).0.get("parallel_tool_calls"), None);
}

#[test]
fn schemas_lose_additional_properties_where_they_are_refused_and_nothing_else() {
    let tools = |more: &str, inner: &str| {
        format!(
            r#"[{{"type":"function","function":{{"name":"f","parameters":{{"type":"object"{more},"properties":{{
            "additionalProperties":{{"type":"string"}},"a":{{"type":"array","items":{{"type":"object"{inner}}}}}}}}}}}}}]"#
        )
    };
    let refused = r#","additionalProperties" : false"#;
    let sent = with(Quirk::NoAdditionalProperties, &format!("\"tools\":{}", tools(refused, refused)));
    assert_eq!(sent["tools"], serde_json::from_str::<Value>(&tools("", "")).unwrap());
    let kept = tools(r#","additionalProperties":true"#, "");
    assert_eq!(
        with(Quirk::NoAdditionalProperties, &format!("\"tools\":{kept}"))["tools"],
        serde_json::from_str::<Value>(&kept).unwrap()
    );
}

#[test]
fn a_single_stop_string_is_a_list_where_it_must_be_one() {
    assert_eq!(with(Quirk::StopList, r#""stop":"\"END""#)["stop"], json!(["\"END"]));
    assert_eq!(with(Quirk::StopList, r#""stop":["a","b"]"#)["stop"], json!(["a", "b"]));
}

#[test]
fn a_router_behind_is_told_that_all_parameters_are_required() {
    let ask = |required: bool| {
        sent(&format!(r#""provider":{{"require_parameters":{required}}}"#), &row("openrouter"), &able()).0
    };
    assert_eq!(ask(true)["provider"], json!({"require_parameters": true}));
    assert_eq!(ask(false).get("provider"), None);
}

#[test]
fn a_model_that_is_told_not_to_think_takes_sampling_fields_again() {
    let model = ModelSpec {
        efforts: vec![Effort::None, Effort::High].into(),
        drops: texts(&["temperature", "presence_penalty"]),
        ..able()
    };
    let ask = |effort: &str| {
        sent(&format!(r#""temperature":1,"presence_penalty":1,"reasoning_effort":"{effort}""#), &plain(), &model).1
    };
    assert_eq!(ask("none"), ["presence_penalty"]);
    assert_eq!(ask("high"), ["temperature", "presence_penalty"]);
}

#[test]
fn tools_go_with_the_choice_that_forbids_them() {
    let ask = |choice: &str| {
        let members = format!(r#""tools":[{{"type":"function","function":{{"name":"f"}}}}],"tool_choice":"{choice}""#);
        sent(&members, &row("ollama"), &able()).1
    };
    assert_eq!(ask("none"), ["tools", "tool_choice"], "a model that is not told of the choice would be free to call");
    assert_eq!(ask("auto"), ["tool_choice"]);
}

#[test]
fn members_of_stream_options_are_parameters_of_their_own() {
    let ask = |provider: &ProviderSpec| {
        let options = r#""stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false,"x":null}"#;
        let (body, dropped) = sent(options, provider, &able());
        (body.get("stream_options").cloned(), dropped)
    };
    let usage = Some(json!({"include_usage": true}));
    let both = Some(json!({"include_usage": true, "include_obfuscation": false}));
    let named = vec!["stream_options.include_obfuscation".to_owned()];
    assert_eq!(ask(&row("openai")), (both.clone(), vec![]));
    assert_eq!(ask(&row("deepseek")), (usage.clone(), named.clone()));
    assert_eq!(ask(&row("gemini")), (usage, named.clone()), "a strict body takes what its row accepts");
    assert_eq!(ask(&row("groq")), (None, named));
    let strict = ProviderSpec {
        body: BodyPolicy::Strict,
        accepts: texts(&["stream", "stream_options", "stream_options.include_obfuscation"]),
        ..plain()
    };
    assert_eq!(ask(&strict), (both, vec![]));
    let whole = sent(r#""stream_options":{"include_obfuscation":false}"#, &row("groq"), &able());
    assert!(whole.1.is_empty(), "without a stream there is nothing to obfuscate");
}

#[test]
fn what_earlier_answers_hold_is_named_but_never_required() {
    let body = r#"{"messages":[{"role":"user","name":"ann","content":"a"},
        {"role":"assistant","content":"b","reasoning":"r","annotations":[],"refusal":"no","images":[],"audio":{}}],"seed":1}"#;
    let request = ChatRequest::parse(body.as_bytes()).unwrap();
    let quick = ModelSpec { capabilities: Capabilities { reasoning: false, ..able().capabilities }, ..able() };
    let (sent, dropped) = asked(body, &row("mistral"), &quick);
    assert_eq!(sent["messages"], json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]));
    assert_eq!(dropped.len(), 6, "{dropped:?}");
    assert_eq!(unsupported(&request, &row("mistral"), &quick), ["messages.name"]);
}

#[test]
fn the_header_and_routing_agree_at_every_provider_and_model() {
    let rich = include_str!("../fixtures/parameters/rich/request.json");
    let rich = crate::dialect_matrix::request(rich);
    let catalog = Catalog::builtin();
    for model in catalog.models() {
        let provider = catalog.provider(&model.provider).unwrap();
        let rich = ChatRequest::parse(rich.as_bytes()).unwrap();
        let plain = ChatRequest::parse(br#"{"messages":[{"role":"user","content":"hi"}],"temperature":0.5}"#).unwrap();
        for request in [rich, plain] {
            let encoded = encode(&request, provider, model, None);
            assert_eq!(encoded.dropped, params::dropped(&request, provider, model), "{}/{}", provider.id, model.id);
        }
    }
}

#[test]
fn every_quirk_is_its_own_in_a_set_and_has_its_own_word() {
    for quirk in Quirk::ALL {
        let set = Quirks::of(&[quirk]);
        assert!(Quirk::ALL.into_iter().all(|other| set.has(other) == (other == quirk)), "{quirk:?}");
        assert_eq!(Quirk::ALL.into_iter().filter(|other| other.as_str() == quirk.as_str()).count(), 1);
    }
}

#[test]
fn a_web_search_is_the_providers_own_tool_beside_the_clients() {
    let searcher = ProviderSpec { web_search_tool: r#"{"type":"browser_search"}"#.into(), ..plain() };
    let can = |tools: bool, web_search: bool| ModelSpec {
        capabilities: Capabilities { tools, web_search, ..able().capabilities },
        ..able()
    };
    let tool = json!({"type": "browser_search"});
    let (body, dropped) = sent(r#""web_search":true"#, &searcher, &can(true, true));
    assert_eq!((&body["tools"], dropped.len()), (&json!([tool]), 0));
    let function = json!({"type": "function", "function": {"name": "f"}});
    let (body, _) = sent(&format!(r#""tools":[{function},{{"type":"web_search"}}]"#), &searcher, &can(true, true));
    assert_eq!(body["tools"], json!([function, tool]));
    let (body, _) = sent(r#""web_search":true"#, &searcher, &can(false, true));
    assert_eq!(body.get("tools"), None, "it searches by itself");
    assert_eq!(sent("\"seed\":1", &searcher, &can(true, true)).0.get("tools"), None, "nobody asked for it");
    let (_, dropped) = sent(r#""web_search_options":{"search_context_size":"low"}"#, &searcher, &can(true, true));
    assert_eq!(dropped, ["web_search_options"]);
}

#[test]
fn marks_of_a_prompt_cache_go_only_to_those_who_know_them() {
    let mark = json!({"type": "ephemeral"});
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": mark}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c", "cache_control": mark},
    ]);
    let parameters = json!({"type": "object", "properties": {"cache_control": {"type": "string"}}});
    let tools = json!([{"type": "function", "cache_control": mark,
        "function": {"name": "f", "parameters": parameters, "cache_control": mark}}]);
    let body = json!({"messages": messages, "tools": tools}).to_string();
    let knows = ProviderSpec { quirks: Quirks::of(&[Quirk::CacheMarks]), ..plain() };
    let (sent, dropped) = asked(&body, &knows, &able());
    assert_eq!((&sent["messages"], &sent["tools"], dropped.len()), (&messages, &tools, 0));
    let (sent, dropped) = asked(&body, &plain(), &able());
    let bare = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]);
    assert_eq!(sent["messages"], bare);
    assert_eq!(sent["tools"], json!([{"type": "function", "function": {"name": "f", "parameters": parameters}}]));
    assert_eq!(dropped, ["cache_control"]);
}

#[test]
fn a_computational_effort_is_named_where_nobody_knows_it() {
    assert_eq!(sent(r#""effort":"low""#, &plain(), &able()).1, ["effort"]);
}
