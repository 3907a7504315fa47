//! A request from its bytes to its answer, over providers that answer from scripts.

use opengateway::gateway::chat::Incoming;
use opengateway::usage::record::UsageRecord;
use serde_json::{Value, json};

use crate::gateway_world::{GOOD, Part, REQUEST_ID, START, World, gateway_with, no_connection, parts, reply};

/// A request for `m` that tries alpha, beta and gamma in this order.
const M: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"provider":{"order":["alpha","beta","gamma"]}}"#;
/// A request for alpha's `m` alone.
const PINNED: &str = r#"{"model":"alpha/m","messages":[{"role":"user","content":"hi"}]}"#;

fn incoming(body: &str) -> Incoming {
    Incoming { body: body.into(), request_id: REQUEST_ID.into(), received_ms: START, ..Incoming::default() }
}

#[test]
fn a_whole_answer_goes_through_with_usage_metadata_and_headers() {
    let world = World::new().on("alpha", [reply(200, GOOD).after(250)]);
    let got = world.ask(&gateway_with(&[]), M);
    assert_eq!(got.status, 200);
    let wanted = concat!(
        r#"{"id":"c1","object":"chat.completion","model":"upstream-name","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"#,
        r#""usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"reasoning_tokens":0,"prompt_tokens_details":{"cached_tokens":4},"#,
        r#""cost_usd_total":0.000028,"cost_usd_input":0.000006,"cost_usd_output":0.00002,"cost_usd_cached_input":0.000002,"cost_usd_request":0,"cost_source":"catalog"},"#,
        r#""metadata":{"requested_model":"m","requested_provider":null,"used_model":"m","used_provider":"alpha","underlying_used_model":"alpha/m-1","#,
        r#""routing":[{"provider":"alpha","model":"m","status_code":200,"error_type":null,"succeeded":true}]}}"#,
    );
    assert_eq!(got.text, wanted);
    let headers: Vec<(&str, &str)> = got.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("x-gateway-attempts", "1"),
            ("x-gateway-trail", "alpha/m=200"),
            ("x-gateway-provider", "alpha"),
            ("x-gateway-model", "alpha/m-1"),
            ("x-gateway-reasoning-effort", "none"),
            ("x-gateway-cost-usd", "0.000028"),
        ]
    );
    let wanted = UsageRecord {
        id: REQUEST_ID.into(),
        project_id: "shop".into(),
        created_at: START,
        requested_model: "m".into(),
        model: Some("m".into()),
        provider: Some("alpha".into()),
        upstream_model: Some("alpha/m-1".into()),
        stream: false,
        status: 200,
        error_class: None,
        attempts: 1,
        prompt_tokens: 10,
        completion_tokens: 5,
        cached_tokens: 4,
        reasoning_tokens: 0,
        cost_pico_usd: Some(28_000_000),
        estimated: false,
        latency_ms: 250,
        ttft_ms: None,
        trail: "alpha/m=200".into(),
        cost_source: Some("catalog"),
    };
    assert_eq!(got.record(), &wanted);
}

#[test]
fn what_the_catalogue_has_no_price_for_has_no_cost() {
    let gateway = gateway_with(&[]);
    let ask = |from: &str, to: &str| {
        let world = World::new().on("alpha", [reply(200, GOOD)]);
        let body = M.replace(from, to);
        assert_ne!(body, M);
        let got = world.ask(&gateway, &body);
        assert_eq!((got.status, got.record().provider.as_deref()), (200, Some("alpha")));
        (got.record().cost_pico_usd, got.record().cost_source, got.json()["usage"]["cost_usd_total"].clone())
    };
    let unknown = (None, None, Value::Null);
    assert_eq!(ask(r#""messages""#, r#""service_tier":"flex","messages""#), unknown);
    let sound = r#"[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]"#;
    assert_eq!(ask(r#""hi""#, sound), unknown);
}

#[test]
fn the_provider_gets_its_own_key_its_own_model_id_and_no_header_of_the_clients() {
    let world = World::new().on("alpha", [reply(200, GOOD)]);
    let forwardable = vec![("http-referer".to_owned(), "https://shop.test".to_owned())];
    let request = Incoming { forwardable, project_header: Some("shop".into()), ..incoming(M) };
    world.ask_with(&gateway_with(&[]), request);
    let calls = world.calls.borrow();
    assert_eq!(calls[0].url, "https://alpha.test/v1/chat/completions");
    let headers: Vec<(&str, &str)> = calls[0].headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("user-agent", concat!("opengateway/", env!("CARGO_PKG_VERSION"))),
            ("authorization", "Bearer alpha-SECRET-1"),
        ]
    );
    let body: Value = serde_json::from_str(&calls[0].body).unwrap();
    assert_eq!(body, json!({"model": "alpha/m-1", "messages": [{"role": "user", "content": "hi"}]}));
}

#[test]
fn a_parameter_that_nobody_takes_is_refused_by_name_where_it_is_required() {
    let ask = |required: bool| {
        let world = World::new().on("alpha", [reply(200, GOOD)]);
        let body = format!(
            r#"{{"model":"alpha/m","messages":[{{"role":"user","content":"x"}}],"top_k":1,"provider":{{"require_parameters":{required}}}}}"#
        );
        world.ask(&gateway_with(&[]), &body)
    };
    assert_eq!((ask(false).status, ask(false).header("x-gateway-dropped-params")), (200, Some("top_k")));
    let got = ask(true);
    let error = &got.json()["error"];
    assert_eq!((got.status, &error["code"], &error["param"]), (400, &json!("no_capable_model"), &json!("top_k")));
    assert!(error["message"].as_str().unwrap().contains("it needs the parameter `top_k`"), "{}", got.text);
}

#[test]
fn a_name_that_means_a_mode_gives_way_to_any_providers_own_words() {
    for (key, provider, model) in [
        ("NVIDIA_API_KEY", "nvidia", "deepseek-r1"),
        ("OPENROUTER_API_KEY", "openrouter", "deepseek-r1"),
        ("TOGETHER_API_KEY", "together", "deepseek-r1"),
        ("SAMBANOVA_API_KEY", "sambanova", "deepseek-v3"),
    ] {
        let gateway = gateway_with(&[(key, "some-SECRET")]);
        let sent = |members: &str| {
            let world = World::new().on(provider, [reply(200, GOOD)]);
            world.ask(
                &gateway,
                &format!(r#"{{"model":"{model}",{members}"messages":[{{"role":"user","content":"x"}}]}}"#),
            );
            world.calls.take().remove(0).body
        };
        let means = |body: &str| body.contains("effort") || body.contains("thinking");
        assert!(means(&sent("")), "{provider}: the name alone");
        for own in [
            r#""thinking":{"type":"disabled"}"#,
            r#""chat_template_kwargs":{"thinking":false}"#,
            r#""enable_thinking":true"#,
        ] {
            let body = sent(&format!("{own},"));
            let rest = body.replacen(own, "", 1);
            assert!(!means(&rest), "{provider}, {own}: {body}");
        }
    }
}

#[test]
fn a_name_that_means_a_mode_is_the_effort_where_the_client_says_none() {
    let gateway = gateway_with(&[("DEEPSEEK_API_KEY", "deepseek-SECRET"), ("OPENAI_API_KEY", "openai-SECRET")]);
    for (members, thinking, effort) in [
        (r#""model":"deepseek-chat""#, "disabled", "none"),
        (r#""model":"deepseek-reasoner""#, "enabled", "high"),
        (r#""model":"deepseek/deepseek-reasoner""#, "enabled", "high"),
        (r#""model":"deepseek-reasoner","reasoning_effort":"max""#, "enabled", "max"),
        (r#""model":"deepseek-chat","min_reasoning_level":"low""#, "enabled", "low"),
        (r#""model":"deepseek-reasoner","reasoning":{"enabled":false}"#, "disabled", "none"),
        (r#""model":"deepseek-v4.1-flash""#, "", "none"),
        // Its own words, which go as they are.
        (r#""model":"deepseek-chat","thinking":{"type":"enabled"}"#, "enabled", "none"),
        // The mode is asked for by another means too, where the format is.
        (
            r#""model":"deepseek-chat","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}"#,
            "disabled",
            "none",
        ),
    ] {
        let world = World::new().on("deepseek", [reply(200, GOOD.replace("\"hello\"", "\"{}\""))]);
        let got = world.ask(&gateway, &format!(r#"{{{members},"messages":[{{"role":"user","content":"x"}}]}}"#));
        let sent: Value = serde_json::from_str(&world.calls.borrow()[0].body).unwrap();
        assert_eq!(
            sent.get("thinking").map_or("", |told| told["type"].as_str().unwrap()),
            thinking,
            "{members}: {sent}"
        );
        assert_eq!(got.header("x-gateway-reasoning-effort"), Some(effort), "{members}: {}", got.text);
        assert_eq!(got.header("x-gateway-dropped-params"), None, "{members}");
    }
    // What was named plainly before is meant plainly.
    for members in [
        r#""model":"deepseek-v4.1-flash","models":["deepseek-chat"]"#,
        r#""model":"deepseek/deepseek-v4.1-flash","models":["deepseek-chat"]"#,
        r#""model":"auto","models":["deepseek-chat"]"#,
    ] {
        let world = World::new().on("deepseek", [reply(200, GOOD)]).on("openai", [reply(200, GOOD)]);
        world.ask(&gateway, &format!(r#"{{{members},"messages":[{{"role":"user","content":"x"}}]}}"#));
        let body = &world.calls.borrow()[0].body;
        assert!(!body.contains("thinking") && !body.contains("effort"), "{members}: {body}");
    }
    // A model that the name does not lead to thinks as ever.
    let world = World::new().on("deepseek", [reply(401, "{}")]).on("openai", [reply(200, GOOD)]);
    let got = world
        .ask(&gateway, r#"{"model":"deepseek-chat","models":["gpt-5.1"],"messages":[{"role":"user","content":"x"}]}"#);
    assert_eq!(
        (got.header("x-gateway-model"), got.header("x-gateway-reasoning-effort")),
        (Some("gpt-5.1"), Some("none"))
    );
}

#[test]
fn dropped_fields_and_the_effort_are_told_in_headers() {
    let world = World::new().on("alpha", [reply(200, GOOD), reply(200, GOOD)]);
    let gateway = gateway_with(&[]);
    let got = world.ask(&gateway, r#"{"model":"alpha/m","messages":[{"role":"user","content":"x","name":"n"}],"top_k":1,"reasoning_effort":"high"}"#);
    assert_eq!(got.header("x-gateway-dropped-params"), Some("messages.name,reasoning_effort,top_k"));
    assert_eq!(got.header("x-gateway-reasoning-effort"), Some("none"));
    let got =
        world.ask(&gateway, r#"{"model":"solo","messages":[{"role":"user","content":"x"}],"reasoning_effort":"max"}"#);
    assert_eq!(got.header("x-gateway-reasoning-effort"), Some("high"));
    assert_eq!(got.header("x-gateway-cost-usd"), None, "its price is unknown");
    assert_eq!(got.json()["usage"]["cost_usd_total"], Value::Null);
    assert_eq!(got.record().cost_pico_usd, None);
}

#[test]
fn a_pin_and_an_alias_are_told_in_the_metadata() {
    let world = World::new().on("alpha", [reply(200, GOOD), reply(200, GOOD)]);
    let gateway = gateway_with(&[]);
    for (model, provider) in [("alpha/m", "alpha"), ("fast", "alpha")] {
        let got = world.ask(&gateway, &PINNED.replace("alpha/m", model));
        let metadata = &got.json()["metadata"];
        assert_eq!(metadata["requested_model"], model);
        assert_eq!(metadata["requested_provider"], provider, "{model}");
        assert_eq!(metadata["used_model"], "m");
        assert_eq!(got.record().requested_model, model);
    }
}

#[test]
fn a_reply_without_usage_is_estimated_and_says_so() {
    let body = r#"{"choices":[{"message":{"content":"12345678"},"finish_reason":"stop"}]}"#;
    let got = World::new().on("alpha", [reply(200, body)]).ask(&gateway_with(&[]), M);
    let usage = &got.json()["usage"];
    assert_eq!((&usage["estimated"], &usage["completion_tokens"]), (&json!(true), &json!(2)));
    assert!(got.record().estimated && got.record().completion_tokens == 2 && got.record().prompt_tokens > 0);
}

#[test]
fn free_use_costs_nothing_where_the_operator_has_it() {
    let body = GOOD;
    let gateway = gateway_with(&[("GROQ_API_KEY", "groq-key-123"), ("FREE_TIER_PROVIDERS", "groq")]);
    let free = gateway.catalog.models().iter().find(|model| model.provider == "groq" && model.free).unwrap().clone();
    let world = World::new().on("groq", [reply(200, body)]);
    let got = world.ask(&gateway, &PINNED.replace("alpha/m", &format!("groq/{}", free.upstream_id)));
    assert_eq!((got.header("x-gateway-cost-usd"), got.record().cost_pico_usd), (Some("0"), Some(0)));
}

// --- Failover --------------------------------------------------------------------------------------------------------

#[test]
fn what_another_provider_can_do_better_is_done_by_another_provider() {
    let error = |message: &str| format!(r#"{{"error":{{"message":"{message}"}}}}"#);
    for (script, trail) in [
        (no_connection(), "connect"),
        (reply(500, ""), "500"),
        (reply(502, "<html>Bad gateway</html>"), "502"),
        (reply(503, error("busy")), "503"),
        (reply(529, ""), "529"),
        (reply(429, error("slow down")).header("retry-after", "2"), "429"),
        (reply(429, error("request too large")), "429"),
        (reply(429, error("daily limit")), "429"),
        (reply(401, error("bad key alpha-SECRET-1")), "401"),
        (reply(402, error("pay")), "402"),
        (reply(403, error("no")), "403"),
        (reply(404, error("gone")), "404"),
        (reply(400, error("maximum context length is 1000 tokens")), "400"),
        (reply(413, ""), "413"),
        (reply(400, error("no such parameter")), "400"),
        (reply(422, ""), "422"),
        (reply(301, "").header("location", "https://evil.test/"), "301"),
        (reply(302, error("moved")), "302"),
        (reply(200, ""), "invalid_reply"),
        (reply(204, ""), "invalid_reply"),
        (reply(200, "<html>Welcome</html>"), "invalid_reply"),
        (reply(200, "{\"choices\":[]}"), "invalid_reply"),
        (reply(200, r#"{"error":{"code":429,"message":"slow down"}}"#), "rate_limited"),
        (parts(200, vec![Part::Bytes(GOOD.as_bytes()[..60].to_vec()), Part::Break]), "connect"),
        (parts(500, vec![Part::Bytes(b"{\"error\"".to_vec()), Part::Break]), "500"),
        (parts(200, vec![Part::Hang]), "timeout"),
        (parts(503, vec![Part::Hang]), "503"),
        (parts(429, vec![Part::Bytes(error("daily quota").into()), Part::Hang]), "429"),
    ] {
        let shown = format!("{script:?}");
        let world = World::new().on("alpha", [script]).on("beta", [reply(200, GOOD)]);
        let got = world.ask(&gateway_with(&[]), M);
        assert_eq!((got.status, got.header("x-gateway-attempts")), (200, Some("2")), "{shown}");
        assert_eq!(got.trail(), format!("alpha/m={trail}; beta/m=200"), "{shown}");
        assert_eq!(got.header("x-gateway-provider"), Some("beta"));
        assert_eq!(got.record().trail, got.trail());
        assert_eq!((got.record().status, got.record().error_class, got.record().attempts), (200, None, 2));
        assert_eq!(got.record().cost_pico_usd, Some(6 * 1_500_000 + 4 * 1_500_000 + 5 * 5_000_000), "beta's price");
    }
}

#[test]
fn what_the_caller_must_mend_goes_back_to_the_caller() {
    let filtered = r#"{"error":{"message":"no violence","code":"content_filter"}}"#;
    let got = World::new().on("alpha", [reply(400, filtered)]).ask(&gateway_with(&[]), M);
    assert_eq!((got.status, got.code().as_str(), got.trail()), (400, "content_filter", "alpha/m=400"));
    assert!(got.text.contains("no violence"), "with the provider's reason");
    assert_eq!(got.record().error_class, Some("content_filter"));

    let refused = r#"{"error":{"message":"logprobs is unknown","param":"logprobs"}}"#;
    let world = World::new().on("alpha", [reply(400, refused)]).on("beta", [reply(422, refused)]);
    let got = world.ask(&gateway_with(&[]), M);
    assert_eq!((got.status, got.trail()), (400, "alpha/m=400; beta/m=422"), "two refusals are enough");
    assert_eq!(got.json()["error"]["param"], "logprobs");
    assert!(got.text.contains("logprobs is unknown"));
}

#[test]
fn a_prompt_that_is_too_long_goes_only_to_larger_windows() {
    let long = r#"{"error":{"message":"prompt is too long"}}"#;
    let body = M.replace(r#"["alpha","beta","gamma"]"#, r#"["gamma","alpha","beta"]"#);
    let world = World::new().on("gamma", [reply(400, long)]).on("beta", [reply(200, GOOD)]);
    let got = world.ask(&gateway_with(&[]), &body);
    assert_eq!((got.status, got.trail()), (200, "gamma/m=400; beta/m=200"));
    let world = World::new().on("beta", [reply(400, long)]);
    let got = world.ask(&gateway_with(&[]), &M.replace(r#"["alpha","beta","gamma"]"#, r#"["beta"]"#));
    assert_eq!((got.status, got.code().as_str()), (400, "context_length_exceeded"));
    assert_eq!((got.json()["error"]["param"].as_str(), got.trail()), (Some("messages"), "beta/m=400"));
}

#[test]
fn when_all_fail_alike_the_client_is_told_so() {
    let gateway = gateway_with(&[]);
    let everywhere = |script: &dyn Fn() -> crate::gateway_world::Script| {
        let world = World::new().on("alpha", [script(), script()]).on("beta", [script()]).on("gamma", [script()]);
        world.ask(&gateway, M)
    };
    for (script, status, code, kind) in [
        (reply(401, ""), 502, "provider_authentication_failed", "bad_key"),
        (reply(403, ""), 502, "provider_authentication_failed", "bad_key"),
        (reply(402, ""), 502, "provider_billing_failed", "billing"),
        (reply(404, ""), 404, "model_not_found", "model_unavailable"),
        (reply(429, ""), 429, "rate_limit_exceeded", "rate_limited"),
        (reply(503, ""), 503, "provider_overloaded", "overloaded"),
        (reply(500, ""), 502, "provider_error", "server_error"),
        (no_connection(), 502, "provider_error", "connect"),
        (reply(200, ""), 502, "provider_error", "invalid_reply"),
        (parts(200, vec![Part::Hang]), 504, "provider_timeout", "timeout"),
    ] {
        let got = everywhere(&|| script.clone());
        assert_eq!((got.status, got.code().as_str()), (status, code), "{script:?} {}", got.text);
        assert_eq!(got.record().error_class, Some(kind));
        assert_eq!(got.record().status, status);
        let attempts = got.record().attempts as usize;
        assert_eq!(got.header("x-gateway-attempts"), Some(attempts.to_string().as_str()));
        assert_eq!(got.json()["error"]["metadata"]["routing"].as_array().map(Vec::len), Some(attempts));
        assert_eq!(got.json()["request_id"], REQUEST_ID);
        assert!(got.record().provider.is_some() && got.record().cost_pico_usd.is_none(), "the last one, and no cost");
    }
}

#[test]
fn the_routing_of_a_failure_tells_every_attempt() {
    let world = World::new()
        .on("alpha", [reply(429, "")])
        .on("beta", [no_connection()])
        .on("gamma", [reply(200, r#"{"error":"odd"}"#)]);
    let got = world.ask(&gateway_with(&[]), M);
    let routing = json!([
        {"provider": "alpha", "model": "m", "status_code": 429, "error_type": "rate_limited", "succeeded": false},
        {"provider": "beta", "model": "m", "status_code": null, "error_type": "connect", "succeeded": false},
        {"provider": "gamma", "model": "m", "status_code": 200, "error_type": "invalid_reply", "succeeded": false},
    ]);
    assert_eq!(got.json()["error"]["metadata"], json!({ "routing": routing }));
    assert_eq!(got.trail(), "alpha/m=429; beta/m=connect; gamma/m=invalid_reply");
    assert_eq!(got.status, 502);
}

#[test]
fn all_rate_limited_is_429_until_the_soonest_is_free() {
    let limited = |after: &str| reply(429, "").header("retry-after", after);
    let world = World::new().on("alpha", [limited("30")]).on("beta", [limited("20")]).on("gamma", [limited("40")]);
    let gateway = gateway_with(&[]);
    let got = world.ask(&gateway, M);
    assert_eq!((got.status, got.header("retry-after"), got.header("retry-after-ms")), (429, Some("20"), Some("20000")));
    world.wait(5_000);
    let got = world.ask(&gateway, M);
    assert_eq!((got.status, got.header("retry-after")), (429, Some("15")), "without asking any of them again");
    assert_eq!((got.record().error_class, got.record().attempts), (Some("rate_limited"), 0));
    world.wait(16_000);
    let world = world.on("beta", [reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, M).trail(), "beta/m=200", "its time is up, theirs is not");
}

#[test]
fn a_short_limit_of_a_pinned_model_is_waited_out() {
    let world = World::new().on("alpha", [reply(429, "").header("retry-after-ms", "1500"), reply(200, GOOD)]);
    let got = world.ask(&gateway_with(&[]), PINNED);
    assert_eq!((got.status, got.trail(), got.took_ms), (200, "alpha/m=429; alpha/m=200", 1500));
    assert_eq!(got.record().latency_ms, 1500);
    let world = World::new().on("alpha", [reply(429, "").header("retry-after", "6")]);
    let got = world.ask(&gateway_with(&[]), PINNED);
    assert_eq!((got.status, got.took_ms, got.header("retry-after")), (429, 0, Some("6")));
}

#[test]
fn a_pinned_model_is_tried_again_once_after_a_fault_of_its_server() {
    let world = World::new().on("alpha", [reply(500, ""), reply(200, GOOD)]);
    let got = world.ask(&gateway_with(&[]), PINNED);
    assert_eq!((got.trail(), got.took_ms), ("alpha/m=500; alpha/m=200", 250));
    let world = World::new().on("alpha", [reply(500, ""), reply(503, "")]);
    assert_eq!(world.ask(&gateway_with(&[]), PINNED).trail(), "alpha/m=500; alpha/m=503");
}

#[test]
fn a_reply_that_does_not_come_is_given_up_in_time() {
    let gateway = gateway_with(&[("REQUEST_TIMEOUT_MS", "7000")]);
    let world = World::new().on("alpha", [reply(200, GOOD).after(7_001)]).on("beta", [reply(200, GOOD).after(6_999)]);
    let got = world.ask(&gateway, M);
    assert_eq!((got.trail(), got.took_ms), ("alpha/m=timeout; beta/m=200", 13_999));
}

#[test]
fn a_reasoning_model_has_more_time() {
    let gateway = gateway_with(&[("REQUEST_TIMEOUT_MS", "1000"), ("REASONING_REQUEST_TIMEOUT_MS", "9000")]);
    let world = World::new().on("alpha", [reply(200, GOOD).after(8_000)]);
    assert_eq!(world.ask(&gateway, &PINNED.replace("alpha/m", "solo")).status, 200);
}

#[test]
fn an_error_body_that_never_ends_is_not_waited_for() {
    let world = World::new().on("alpha", [parts(503, vec![Part::Hang])]).on("beta", [reply(200, GOOD)]);
    let got = world.ask(&gateway_with(&[]), M);
    assert!(got.took_ms <= 2_000, "{}", got.took_ms);
}

#[test]
fn a_reply_above_the_cap_is_given_up() {
    let gateway = gateway_with(&[("MAX_REPLY_BYTES", "1000")]);
    let long = || parts(200, vec![Part::Bytes(vec![b' '; 600]), Part::Bytes(vec![b' '; 401]), Part::Hang]);
    let world = World::new().on("alpha", [long()]).on("beta", [reply(200, GOOD)]);
    let got = world.ask(&gateway, M);
    assert_eq!((got.trail(), got.took_ms), ("alpha/m=invalid_reply; beta/m=200", 0));
    let exact = format!("{GOOD}{}", " ".repeat(1000 - GOOD.len()));
    assert_eq!(World::new().on("alpha", [reply(200, exact)]).ask(&gateway, M).trail(), "alpha/m=200");
}

#[test]
fn a_reply_in_many_pieces_is_one_reply() {
    let pieces = GOOD.bytes().map(|byte| Part::Bytes(vec![byte])).collect();
    let world = World::new().on("alpha", [parts(200, pieces)]);
    assert_eq!(world.ask(&gateway_with(&[]), M).json()["choices"][0]["message"]["content"], "hello");
}

#[test]
fn the_keys_of_providers_are_in_no_answer_even_where_providers_repeat_them() {
    let echo = |key: &str| {
        reply(401, format!(r#"{{"error":{{"message":"Incorrect API key: {key}. Bearer {key}","param":"{key}"}}}}"#))
    };
    let world = World::new()
        .on("alpha", [echo("alpha-SECRET-1")])
        .on("beta", [reply(400, r#"{"error":{"message":"unknown field beta-SECRET-2"}}"#)])
        .on("gamma", [echo("gamma-SECRET-3")]);
    let got = world.ask(&gateway_with(&[]), M);
    assert!(got.status >= 400, "that no key is in it is checked for every answer");
}

#[test]
fn an_answer_is_the_models_even_where_it_looks_like_a_key() {
    let body = GOOD.replace("hello", "use sk-abcdefghijklmnop");
    let got = World::new().on("alpha", [reply(200, body)]).ask(&gateway_with(&[]), M);
    assert!(got.text.contains("sk-abcdefghijklmnop"));
}

#[test]
fn two_offers_of_a_model_by_one_provider_are_two_candidates() {
    let gateway = gateway_with(&[("OPENROUTER_API_KEY", "router-key-1")]);
    let body = PINNED.replace("alpha/m", "openrouter/glm-5.2");
    let offers: Vec<String> =
        gateway.catalog.model_at("openrouter", "glm-5.2").map(|offer| offer.upstream_id.to_string()).collect();
    let [first, last] = offers.as_slice() else { panic!("{offers:?}") };
    let got = World::new().on("openrouter", [reply(404, ""), reply(200, GOOD)]).ask(&gateway, &body);
    assert_eq!(got.trail(), "openrouter/glm-5.2=404; openrouter/glm-5.2=200");
    assert_eq!(got.header("x-gateway-model"), Some(last.as_str()), "not {first} again");
    let got = World::new().on("openrouter", [reply(404, ""), reply(404, "")]).ask(&gateway, &body);
    assert_eq!(got.record().upstream_model.as_deref(), Some(last.as_str()), "the last one that was tried");
}

#[test]
fn names_from_outside_are_no_headers_of_their_own() {
    let world = World::new().on("gamma", [reply(200, GOOD)]);
    let body = json!({"model": "gamma/ein\r\nx-evil: 1 ä", "messages": [{"role": "user", "content": "x"}]});
    let got = world.ask(&gateway_with(&[]), &body.to_string());
    assert_eq!(got.header("x-gateway-model"), Some("ein??x-evil: 1 ?"));
    assert_eq!(got.trail(), "gamma/ein??x-evil: 1 ?=200");
    assert_eq!(got.json()["metadata"]["used_model"], "ein\r\nx-evil: 1 ä", "JSON can hold it");
}

// --- The client leaving ----------------------------------------------------------------------------------------------

#[test]
fn a_client_that_leaves_ends_everything_and_harms_nobody() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", (0..9).map(|_| no_connection().while_the_client_leaves()));
    for _ in 0..9 {
        world.gone.set(false);
        let got = world.ask(&gateway, M);
        assert_eq!((got.status, got.trail()), (499, "alpha/m=client_closed"));
        assert_eq!((got.record().error_class, got.record().status), (Some("client_closed"), 499));
    }
    let world = world.on("alpha", [reply(200, GOOD)]);
    world.gone.set(false);
    assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=200", "its circuit is closed");
}

#[test]
fn nobody_is_asked_for_a_client_that_left_in_the_meantime() {
    let limited = reply(429, "").header("retry-after-ms", "4000").after(10);
    let world = World::new().on("alpha", [limited]).leaves_at(START + 1000);
    let got = world.ask(&gateway_with(&[]), PINNED);
    assert_eq!((got.status, got.trail(), world.calls.borrow().len()), (499, "alpha/m=429", 1));
    assert_eq!((got.record().error_class, got.record().attempts), (Some("client_closed"), 1));
}

#[test]
fn a_whole_answer_that_nobody_waits_for_is_accounted_with_its_tokens_as_left() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [reply(200, GOOD).while_the_client_leaves(), reply(200, GOOD)]);
    let got = world.ask(&gateway, M);
    let record = got.record();
    assert_eq!((record.status, record.error_class), (499, Some("client_closed")));
    assert_eq!((record.prompt_tokens, record.completion_tokens, record.estimated), (10, 5, false));
    assert_eq!((record.cost_pico_usd, record.trail.as_str()), (Some(28_000_000), "alpha/m=200"), "it was paid for");
    world.gone.set(false);
    let got = world.ask(&gateway, M);
    assert_eq!((got.record().status, got.record().error_class), (200, None));
}

// --- Probes ----------------------------------------------------------------------------------------------------------

#[test]
fn one_request_probes_and_the_others_go_on_unless_there_is_nobody_else() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", (0..3).map(|_| reply(500, ""))).on("beta", (0..4).map(|_| reply(200, GOOD)));
    for _ in 0..3 {
        assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=500; beta/m=200");
    }
    world.wait(60_000);
    world.another_isolate_probes("alpha", "alpha/m-1");
    assert_eq!(world.ask(&gateway, M).trail(), "beta/m=200", "nobody waits for the probe");
    let world = world.on("alpha", [reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, PINNED).trail(), "alpha/m=200", "a second probe is better than no answer");
}

#[test]
fn a_provider_that_somebody_probes_is_asked_when_everyone_else_failed() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", (0..3).map(|_| reply(500, ""))).on("beta", (0..3).map(|_| reply(200, GOOD)));
    for _ in 0..3 {
        world.ask(&gateway, M);
    }
    world.wait(60_000);
    world.another_isolate_probes("alpha", "alpha/m-1");
    let failing = || [reply(500, "")];
    let world = world.on("beta", failing()).on("gamma", failing()).on("alpha", [reply(200, GOOD)]);
    let got = world.ask(&gateway, M);
    assert_eq!(got.trail(), "beta/m=500; gamma/m=500; alpha/m=200");
    assert_eq!(
        (got.header("x-gateway-attempts"), got.record().attempts),
        (Some("3"), 3),
        "being put off is no attempt"
    );
}

#[test]
fn providers_that_are_all_being_probed_are_asked_in_turn() {
    let gateway = gateway_with(&[]);
    let failing = || (0..3).map(|_| reply(500, ""));
    let world = World::new().on("alpha", failing()).on("beta", failing()).on("gamma", failing());
    for _ in 0..3 {
        assert_eq!(world.ask(&gateway, M).status, 502);
    }
    world.wait(60_000);
    for (provider, model) in [("alpha", "alpha/m-1"), ("beta", "beta/m-1"), ("gamma", "gamma/m-1")] {
        world.another_isolate_probes(provider, model);
    }
    let world = world.on("alpha", [reply(500, "")]).on("beta", [reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=500; beta/m=200");
}

#[test]
fn a_client_that_leaves_a_probe_gives_its_permit_back() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", (0..3).map(|_| reply(500, ""))).on("beta", (0..3).map(|_| reply(200, GOOD)));
    for _ in 0..3 {
        world.ask(&gateway, M);
    }
    world.wait(60_000);
    let world = world.on("alpha", [no_connection().while_the_client_leaves(), reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, M).status, 499);
    world.gone.set(false);
    assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=200");
}

#[test]
fn a_provider_that_refuses_one_request_serves_the_next_one() {
    let gateway = gateway_with(&[]);
    let in_band = r#"{"error":{"message":"Forbidden","code":403}}"#;
    for refusal in [reply(403, ""), reply(403, r#"{"error":{"message":"Forbidden"}}"#), reply(200, in_band)] {
        let world = World::new().on("alpha", [refusal, reply(200, GOOD)]).on("beta", [reply(200, GOOD)]);
        assert!(world.ask(&gateway, M).trail().ends_with("; beta/m=200"));
        assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=200");
    }
}

#[test]
fn a_probe_that_says_nothing_of_the_provider_gives_its_permit_back() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", (0..3).map(|_| reply(500, ""))).on("beta", (0..3).map(|_| reply(200, GOOD)));
    for _ in 0..3 {
        world.ask(&gateway, M);
    }
    world.wait(60_000);
    let filtered = r#"{"error":{"message":"no","code":"content_filter"}}"#;
    let world = world.on("alpha", [reply(400, filtered), reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=400");
    assert_eq!(world.ask(&gateway, M).trail(), "alpha/m=200", "the next one may probe at once");
}

// --- Requests that are refused ---------------------------------------------------------------------------------------

#[test]
fn a_request_that_cannot_be_right_is_refused_before_anybody_is_asked_and_not_accounted() {
    let gateway = gateway_with(&[]);
    let message = r#""messages":[{"role":"user","content":"x"}]"#;
    for (body, status, code, param) in [
        (String::new(), 400, "invalid_json", Value::Null),
        ("{".to_owned(), 400, "invalid_json", Value::Null),
        ("[]".to_owned(), 400, "invalid_json", Value::Null),
        ("{}".to_owned(), 400, "missing_required_parameter", json!("messages")),
        (format!(r#"{{{message},"temperature":3}}"#), 400, "invalid_value", json!("temperature")),
        (format!(r#"{{{message},"model":"nope"}}"#), 404, "model_not_found", json!("model")),
        (format!(r#"{{{message},"model":"alpha/nope"}}"#), 404, "model_not_found", json!("model")),
        (format!(r#"{{{message},"model":"m","models":["m","nope"]}}"#), 404, "model_not_found", json!("models[1]")),
        (format!(r#"{{{message},"model":"gpt-oss-120b"}}"#), 503, "provider_not_configured", Value::Null),
        (
            format!(
                r#"{{{message},"model":"solo","response_format":{{"type":"json_object"}},"provider":{{"require_parameters":true}}}}"#
            ),
            400,
            "no_capable_model",
            json!("response_format"),
        ),
        (
            format!(r#"{{{message},"model":"alpha/m","provider":{{"only":["beta"]}}}}"#),
            400,
            "no_provider_allowed",
            json!("provider"),
        ),
        (
            format!(r#"{{{message},"model":"m","provider":{{"order":["alhpa"],"allow_fallbacks":false}}}}"#),
            400,
            "invalid_value",
            json!("provider.order"),
        ),
        (
            format!(r#"{{{message},"model":"m","provider":{{"order":["groq"],"allow_fallbacks":false}}}}"#),
            400,
            "no_provider_allowed",
            json!("provider"),
        ),
    ] {
        let got = World::new().ask(&gateway, &body);
        let error = &got.json()["error"];
        assert_eq!((got.status, error["code"].as_str(), &error["param"]), (status, Some(code), &param), "{body}");
        assert!(got.records.is_empty(), "{body}");
        assert_eq!(got.json()["request_id"], REQUEST_ID);
    }
    let got = World::new().ask(&gateway, &format!(r#"{{{message},"model":"gpt-oss-120b"}}"#));
    assert!(got.text.contains("GROQ_API_KEY"), "it says what the operator can do: {}", got.text);
    assert_eq!(got.header("x-should-retry"), Some("false"));
}

#[test]
fn a_list_of_models_without_a_model_is_the_whole_choice() {
    let world = World::new().on("beta", [reply(200, GOOD)]);
    let body = r#"{"models":["beta/m","alpha/m"],"messages":[{"role":"user","content":"x"}]}"#;
    let got = world.ask(&gateway_with(&[]), body);
    assert_eq!((got.status, got.trail()), (200, "beta/m=200"));
    assert_eq!(got.json()["metadata"]["requested_model"], "beta/m");
}

#[test]
fn auto_with_nothing_but_a_server_that_takes_any_model_says_how_to_name_one() {
    let only_vllm = |name: &str| (name == "VLLM_BASE_URL").then(|| "http://localhost:8000/v1".to_owned());
    let gateway = opengateway::gateway::setup::Gateway::new(&only_vllm).unwrap();
    let got = World::new().ask(&gateway, r#"{"messages":[{"role":"user","content":"x"}]}"#);
    assert_eq!((got.status, got.code().as_str()), (503, "provider_not_configured"));
    assert!(got.text.contains("AUTO_MODELS=vllm/MODEL"), "{}", got.text);
    let got = World::new().ask(&gateway, r#"{"model":"ollama/x","messages":[{"role":"user","content":"x"}]}"#);
    assert!(got.text.contains("ollama (OLLAMA_BASE_URL)"), "{}", got.text);
}

#[test]
fn new_projects_are_let_in_up_to_a_number_a_minute() {
    let world = World::new().on("alpha", (0..4).map(|_| reply(200, GOOD)));
    let gateway = gateway_with(&[("NEW_PROJECTS_PER_MINUTE", "2"), ("DEFAULT_PROJECT_ID", "own")]);
    let ask = |project: &str, body: &str| {
        world.ask_with(&gateway, Incoming { project_header: Some(project.into()), ..incoming(body) })
    };
    for project in ["one", "two"] {
        assert_eq!(ask(project, PINNED).status, 200);
    }
    let got = ask("three", PINNED);
    assert_eq!((got.status, got.code().as_str()), (429, "too_many_new_projects"));
    assert_eq!(got.json()["error"]["param"], "project_id");
    assert_eq!(got.json()["error"]["type"], "rate_limit_error");
    assert_eq!(got.header("retry-after"), Some("60"));
    assert!(got.records.is_empty(), "it would be the first record of its project");
    assert_eq!(ask("one", PINNED).status, 200, "a known one goes on");
    assert_eq!(ask("own", PINNED).status, 200, "and the operator's own is never one too many");
    let unknown = r#"{"model":"no-such","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(ask("four", unknown).status, 404, "a request that is refused makes no project");
}

#[test]
fn a_request_without_a_project_is_refused() {
    let got = World::new().ask_with(&gateway_with(&[]), incoming(M));
    assert_eq!((got.status, got.code().as_str()), (400, "project_required"));
    assert_eq!(got.json()["error"]["param"], "project_id");
    let world = World::new().on("alpha", [reply(200, GOOD)]);
    let got = world.ask_with(&gateway_with(&[("DEFAULT_PROJECT_ID", "house")]), incoming(M));
    assert_eq!(got.record().project_id, "house");
}

#[test]
fn an_unconfigured_gateway_says_which_variable_turns_it_on() {
    let gateway = opengateway::gateway::setup::Gateway::new(&|_| None).unwrap();
    let request =
        Incoming { project_header: Some("shop".into()), ..incoming(r#"{"messages":[{"role":"user","content":"x"}]}"#) };
    let got = World::new().ask_with(&gateway, request);
    assert_eq!((got.status, got.code().as_str()), (503, "provider_not_configured"));
    assert_eq!(got.json()["error"]["type"], "server_error");
}

#[test]
fn benched_providers_are_not_asked_and_the_reason_is_told() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [reply(401, "")]);
    world.ask(&gateway, PINNED);
    let got = world.ask(&gateway, PINNED);
    assert_eq!((got.status, got.code().as_str()), (502, "provider_authentication_failed"));
    assert_eq!((got.record().error_class, got.record().attempts), (Some("bad_key"), 0));
    world.wait(11 * 60 * 1000);
    let world = world.on("alpha", [reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, PINNED).status, 200, "a mended key is found again");
}

#[test]
fn equal_providers_take_turns() {
    let world = World::new();
    let world = ["alpha", "beta", "gamma"]
        .into_iter()
        .fold(world, |world, provider| world.on(provider, (0..4).map(|_| reply(200, GOOD))));
    let gateway = gateway_with(&[]);
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let served: Vec<String> =
        (0..12).map(|_| world.ask(&gateway, body).header("x-gateway-provider").unwrap().to_owned()).collect();
    for provider in ["alpha", "beta", "gamma"] {
        assert_eq!(served.iter().filter(|id| *id == provider).count(), 4, "{served:?}");
    }
}
