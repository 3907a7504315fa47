//! Answers that must be JSON: mended, held to their schema, told as streams, and asked for by other means.

use opengateway::gateway::chat::Incoming;
use serde_json::{Value, json};

use crate::gateway_world::{DONE, GOOD, Got, HELLO, REQUEST_ID, ROLE, START, STOP, World, gateway_with, reply, stream};

const SCHEMA: &str = r#"{"type":"object","properties":{"n":{"type":"number"}},"required":["n"]}"#;
const HEALING: &str = r#""plugins":[{"id":"response-healing"}]"#;

fn request(model: &str, more: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}]{more}}}"#)
}

fn object(more: &str) -> String {
    format!(r#","response_format":{{"type":"json_object"}}{more}"#)
}

fn schema(more: &str) -> String {
    format!(r#","response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{SCHEMA}}}}}{more}"#)
}

fn said(content: &str, finish: &str) -> String {
    let mut whole: Value = serde_json::from_str(GOOD).unwrap();
    whole["choices"][0]["message"]["content"] = json!(content);
    whole["choices"][0]["finish_reason"] = json!(finish);
    whole.to_string()
}

fn called(arguments: &str, finish: &str) -> String {
    let mut whole: Value = serde_json::from_str(&said("", finish)).unwrap();
    let call = json!({"id": "t", "type": "function", "function": {"name": "json", "arguments": arguments}});
    whole["choices"][0]["message"] = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    whole.to_string()
}

fn content(got: &Got) -> Value {
    got.json()["choices"][0]["message"]["content"].clone()
}

/// The chunks of a stream that ends with `[DONE]`.
fn chunks(got: &Got) -> Vec<Value> {
    let text = got.text.strip_suffix("data: [DONE]\n\n").unwrap_or_else(|| panic!("no end: {}", got.text));
    let events = text.split_terminator("\n\n");
    events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

/// The body of the nth call.
fn sent(world: &World, call: usize) -> Value {
    serde_json::from_str(&world.calls.borrow()[call].body).unwrap()
}

#[test]
fn the_plugin_mends_an_answer_and_holds_it_to_its_schema() {
    let gateway = gateway_with(&[]);
    let heals = format!(",{HEALING}");
    for (format, text, finish, expected) in [
        (object(&heals), "Sure:\n```json\n{\"a\": 1,}\n```", "stop", "{\"a\":1}"),
        (schema(&heals), "{n: 5}", "stop", "{\"n\":5}"),
        (schema(&heals), "{\"n\": 5, \"x\": \"y", "length", "{\"n\":5,\"x\":\"y\"}"),
        (object(""), "Sure:\n```json\n{\"a\": 1,}\n```", "stop", "Sure:\n```json\n{\"a\": 1,}\n```"),
    ] {
        let world = World::new().on("gamma", [reply(200, said(text, finish))]);
        let got = world.ask(&gateway, &request("gamma/m", &format));
        assert_eq!((got.status, content(&got)), (200, json!(expected)), "{format}");
        assert_eq!(got.json()["choices"][0]["finish_reason"], finish);
        assert_eq!(got.record().prompt_tokens, 10);
        assert!(sent(&world, 0).get("plugins").is_none());
    }
    // Nobody asked for JSON.
    let world = World::new().on("alpha", [reply(200, said("Sure: {}", "stop"))]);
    assert_eq!(content(&world.ask(&gateway, &request("alpha/m", &heals))), "Sure: {}");
}

#[test]
fn what_cannot_be_mended_fails_over_and_then_is_502() {
    let gateway = gateway_with(&[]);
    let body = request("m", &object(&format!(",{HEALING}")));
    let bad = || reply(200, said("I would rather not.", "stop"));
    let world = World::new().on("alpha", [bad()]).on("beta", [reply(200, said("{\"a\":1}", "stop"))]);
    let got = world.ask(&gateway, &body);
    assert_eq!((got.status, content(&got)), (200, json!("{\"a\":1}")));
    assert_eq!(got.trail(), "alpha/m=model_misbehaved; beta/m=200");

    for stream in ["", r#","stream":true"#] {
        let world = World::new().on("alpha", [bad()]).on("beta", [bad()]).on("gamma", [bad()]);
        let got = world.ask(&gateway, &body.replace(r#","plugins""#, &format!(r#"{stream},"plugins""#)));
        assert_eq!((got.status, got.code().as_str()), (502, "invalid_model_output"));
        let error = &got.json()["error"];
        assert!(error["message"].as_str().unwrap().contains("not the JSON that was asked for"), "{error}");
        assert_eq!((got.record().status, got.record().error_class), (502, Some("model_misbehaved")));
        assert_eq!(got.record().attempts, 3);
    }
}

#[test]
fn an_answer_that_cannot_be_used_is_paid_for() {
    let gateway = gateway_with(&[]);
    let bad = || reply(200, said("I would rather not.", "stop"));
    // Each answer has 10 tokens of prompt, 4 of them cached, and 5 of its own.
    let (alpha, beta) = (6 * 1_000_000 + 4 * 500_000 + 5 * 4_000_000, 10 * 1_500_000 + 5 * 5_000_000);
    let ordered = |more: &str| {
        let order = r#","provider":{"order":["alpha","beta"],"only":["alpha","beta"]}"#;
        request("m", &object(&format!(",{HEALING}{order}{more}")))
    };
    for stream in ["", r#","stream":true"#] {
        let world = World::new().on("alpha", [bad()]).on("beta", [reply(200, said("{\"a\":1}", "stop"))]);
        let got = world.ask(&gateway, &ordered(stream));
        let record = got.record();
        assert_eq!((record.status, record.cost_pico_usd), (200, Some(alpha + beta)));
        assert_eq!((record.prompt_tokens, record.completion_tokens, record.cached_tokens), (20, 10, 8));

        let world = World::new().on("alpha", [bad()]).on("beta", [bad()]);
        let got = world.ask(&gateway, &ordered(stream));
        let record = got.record();
        assert_eq!((record.status, record.cost_pico_usd, record.estimated), (502, Some(alpha + beta), false));
        assert_eq!((record.prompt_tokens, record.completion_tokens), (20, 10));
    }
    // Nothing was used where nobody answered.
    let world = World::new().on("alpha", [reply(500, "{}")]).on("beta", [reply(500, "{}")]);
    let got = world.ask(&gateway, &ordered(""));
    assert_eq!((got.record().cost_pico_usd, got.record().prompt_tokens), (None, 0));
}

#[test]
fn a_schema_that_nothing_fulfils_opens_no_circuit() {
    let gateway = gateway_with(&[]);
    let impossible =
        format!(r#","response_format":{{"type":"json_schema","json_schema":{{"schema":{{"not":{{}}}}}}}},{HEALING}"#);
    let world = World::new();
    for _ in 0..20 {
        world.expect("gamma", reply(200, said("{}", "stop")));
        assert_eq!(world.ask(&gateway, &request("gamma/m", &impossible)).code(), "invalid_model_output");
    }
    world.expect("gamma", reply(200, GOOD));
    world.expect("alpha", reply(200, GOOD));
    world.expect("beta", reply(200, GOOD));
    for _ in 0..3 {
        assert_eq!(world.ask(&gateway, &request("m", "")).status, 200);
    }
    assert!(world.scripts_left().is_empty(), "each of the three had its turn");
}

#[test]
fn a_schema_that_nothing_can_be_held_to_is_the_callers_to_mend() {
    let gateway = gateway_with(&[]);
    let format =
        r##","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"$ref":"#/$defs/x"}}}"##;
    let healed = World::new().ask(&gateway, &request("m", &format!("{format},{HEALING}")));
    let error = &healed.json()["error"];
    assert_eq!((healed.status, &error["param"]), (400, &json!("response_format.json_schema.schema")));
    assert!(error["message"].as_str().unwrap().contains("#/$defs/x"), "{error}");
}

#[test]
fn a_schema_that_nothing_can_be_held_to_leaves_those_who_need_none_to_be() {
    let gateway = gateway_with(&[(
        "GATEWAY_CONFIG",
        &PROVIDERS.replace(r#""capabilities": ["tools"]"#, r#""capabilities": ["json_schema"]"#),
    )]);
    let format = r##","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"$ref":"https://x.test/s"}}}"##;
    let world = World::new().on("alpha", [reply(200, said("{}", "stop"))]);
    assert_eq!(world.ask(&gateway, &request("m", format)).status, 200);
    let world = World::new().on("alpha", [reply(500, "{}")]);
    assert_eq!(
        world.ask(&gateway, &request("m", format)).trail(),
        "alpha/m=500",
        "the other one could only be told of it"
    );
    let alone = World::new().ask(&gateway, &request("beta/m", format));
    assert_eq!((alone.status, &alone.json()["error"]["param"]), (400, &json!("response_format.json_schema.schema")));
}

#[test]
fn who_is_asked_for_all_of_the_answer_at_once_hedges_nobody() {
    let gateway = gateway_with(&[(
        "GATEWAY_CONFIG",
        &PROVIDERS
            .replace(
                r#""capabilities": ["tools"]"#,
                r#""input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "capabilities": ["json_schema"]"#,
            )
            .replace(
                r#""capabilities": []"#,
                r#""input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "capabilities": []"#,
            ),
    )]);
    let world = World::new().on("alpha", [stream(&[ROLE, HELLO, STOP, DONE]).after(20_000)]);
    let got = world.ask(&gateway, &request("m", &schema(r#","stream":true"#)));
    assert_eq!((got.status, got.trail()), (200, "alpha/m=200"));
}

#[test]
fn a_stream_that_is_mended_is_asked_for_in_one_piece_and_told_as_a_stream() {
    let gateway = gateway_with(&[]);
    let ask = |more: &str| {
        let world = World::new().on("alpha", [reply(200, said("```\n{\"a\":1}\n```", "stop")).after(700)]);
        let got = world.ask(&gateway, &request("alpha/m", &object(&format!(r#",{HEALING},"stream":true{more}"#))));
        let body = sent(&world, 0);
        assert!(body.get("stream").is_none() && body.get("stream_options").is_none(), "{body}");
        let headers = world.calls.borrow()[0].headers.clone();
        assert!(headers.contains(&("accept".to_owned(), "application/json".to_owned())));
        got
    };
    let plain = ask("");
    let told = chunks(&plain);
    let deltas: Vec<&Value> = told.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(deltas, [&json!({"role": "assistant"}), &json!({"content": "{\"a\":1}"}), &json!({})]);
    assert_eq!(told[2]["choices"][0]["finish_reason"], "stop");
    assert!(told.iter().all(|chunk| chunk["id"] == "c1" && chunk["object"] == "chat.completion.chunk"));
    assert!(told.iter().all(|chunk| chunk.get("usage").is_none() && chunk.get("metadata").is_none()));
    assert_eq!((plain.header("x-gateway-provider"), plain.header("x-gateway-cost-usd")), (Some("alpha"), None));
    let record = plain.record();
    assert_eq!((record.stream, record.ttft_ms, record.latency_ms, record.status), (true, Some(700), 700, 200));
    assert_eq!((record.prompt_tokens, record.completion_tokens, record.cost_pico_usd), (10, 5, Some(28_000_000)));

    let usage = chunks(&ask(r#","stream_options":{"include_usage":true}"#)).pop().unwrap();
    assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(15)));
    assert!(usage["usage"].get("cost_usd_total").is_none() && usage.get("metadata").is_none());
    let details = chunks(&ask(r#","usage":{"include":true}"#)).pop().unwrap();
    assert_eq!(details["usage"]["cost_usd_total"], json!(0.000_028));
    assert_eq!(details["metadata"]["used_provider"], "alpha");
}

#[test]
fn a_format_that_a_provider_has_itself_is_passed_as_it_is() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("gamma", [stream(&[ROLE, HELLO, STOP, DONE])]);
    let got = world.ask(&gateway, &request("gamma/any", &schema(r#","stream":true"#)));
    assert!(got.stream.is_some() && got.text.contains("hello"), "nobody looks at it");
    assert_eq!(sent(&world, 0)["response_format"]["type"], "json_schema");
}

/// `tools` calls tools and `texts` does nothing but text.
const PROVIDERS: &str = r#"{"providers": {
  "alpha": {"base_url": "https://alpha.test/v1", "key": "ALPHA_KEY", "any_model": false, "models": [
      {"id": "m", "context_window": 100000, "capabilities": ["tools"]},
      {"id": "mode", "context_window": 100000, "capabilities": ["json_object"]}]},
  "beta": {"base_url": "https://beta.test/v1", "key": "BETA_KEY", "any_model": false, "models": [
      {"id": "m", "context_window": 100000, "capabilities": []}]}
}}"#;

#[test]
fn a_tool_that_must_be_called_brings_a_schema_about() {
    let gateway = gateway_with(&[("GATEWAY_CONFIG", PROVIDERS)]);
    let world = World::new().on("alpha", [reply(200, called("{\"n\":1}", "tool_calls"))]);
    let got = world.ask(&gateway, &request("alpha/m", &schema("")));
    let choice = &got.json()["choices"][0];
    assert_eq!(choice["message"], json!({"role": "assistant", "content": "{\"n\":1}"}));
    assert_eq!(choice["finish_reason"], "stop");
    let body = sent(&world, 0);
    assert_eq!(body["tool_choice"]["function"]["name"], "json");
    assert_eq!(body["tools"][0]["function"]["parameters"], serde_json::from_str::<Value>(SCHEMA).unwrap());
    assert!(body.get("response_format").is_none());
    assert_eq!(got.header("x-gateway-dropped-params"), None);

    let world = World::new().on("alpha", [reply(200, called("{\"n\":1}", "tool_calls"))]);
    let got = world.ask(&gateway, &request("alpha/m", &schema(r#","stream":true"#)));
    let told = chunks(&got);
    assert_eq!(told[1]["choices"][0]["delta"], json!({"content": "{\"n\":1}"}));
    assert_eq!(told[2]["choices"][0]["finish_reason"], "stop");
    assert!(!got.text.contains("tool_calls"));
}

#[test]
fn an_instruction_brings_about_what_nothing_else_does() {
    let gateway = gateway_with(&[("GATEWAY_CONFIG", PROVIDERS)]);
    let tool = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    for (model, provider, format, mode) in [
        ("beta/m", "beta", schema(""), None),
        ("alpha/m", "alpha", schema(tool), None),
        ("alpha/mode", "alpha", schema(""), Some("json_object")),
        ("beta/m", "beta", object(""), None),
    ] {
        let world = World::new().on(provider, [reply(200, said("Here: {\"n\":1}", "stop"))]);
        let got = world.ask(&gateway, &request(model, &format));
        assert_eq!(content(&got), "{\"n\":1}", "{model} {format}");
        let body = sent(&world, 0);
        assert_eq!(body["response_format"]["type"].as_str(), mode);
        let system = body["messages"][0]["content"].as_str().unwrap();
        assert!(system.starts_with("Answer with") && (format.contains("json_object") || system.ends_with(SCHEMA)));
    }
    let world = World::new().on("beta", [reply(200, said("{\"n\":\"one\"}", "stop"))]);
    let got = world.ask(&gateway, &request("beta/m", &schema("")));
    assert_eq!((got.status, got.code().as_str()), (502, "invalid_model_output"), "held to the schema all the same");
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("`type` at \"/n\""));
}

#[test]
fn tools_are_not_left_out_where_somebody_has_them_and_is_told_of_the_format() {
    let gateway = gateway_with(&[("GATEWAY_CONFIG", PROVIDERS)]);
    let tool = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let world = World::new();
    for _ in 0..3 {
        world.expect("alpha", reply(200, said("{\"n\":1}", "stop")));
        let got = world.ask(&gateway, &request("m", &schema(tool)));
        assert_eq!((got.status, got.trail()), (200, "alpha/m=200"));
    }
}

#[test]
fn what_a_first_token_may_take_says_nothing_of_an_answer_that_is_mended() {
    let gateway = gateway_with(&[(
        "GATEWAY_CONFIG",
        &PROVIDERS.replace(r#""capabilities": ["tools"]"#, r#""capabilities": ["json_schema"]"#),
    )]);
    let world = World::new()
        .on("alpha", [stream(&[ROLE, HELLO, STOP, DONE]).after(5_000)])
        .on("beta", [reply(200, said("{\"n\":1}", "stop")).after(5_000)]);
    let mut incoming = Incoming {
        body: request("m", &schema(r#","stream":true"#)).into_bytes(),
        request_id: REQUEST_ID.to_owned(),
        received_ms: START,
        project_header: Some("shop".to_owned()),
        ..Incoming::default()
    };
    incoming.wishes.first_token_timeout = Some("1000".to_owned());
    let got = world.ask_with(&gateway, incoming);
    assert_eq!((got.status, got.trail()), (200, "alpha/m=timeout; beta/m=200"));
}

#[test]
fn a_mended_stream_keeps_the_clients_deadline() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("gamma", [reply(200, said("{}", "stop")).after(5_000)]);
    let mut incoming = Incoming {
        body: request("gamma/m", &object(&format!(r#",{HEALING},"stream":true"#))).into_bytes(),
        request_id: REQUEST_ID.to_owned(),
        received_ms: START,
        project_header: Some("shop".to_owned()),
        ..Incoming::default()
    };
    incoming.wishes.timeout = Some("1000".to_owned());
    let got = world.ask_with(&gateway, incoming);
    assert_eq!((got.status, got.took_ms), (504, 1_000));
}
