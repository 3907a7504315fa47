//! Streams from the request to their last byte. The bytes are compared as a whole: what a client gets is a contract.

use opengateway::gateway::chat::Incoming;
use opengateway::gateway::stream::Verdict;
use opengateway::json::fixed;
use opengateway::routing::failure::ErrorClass;
use opengateway::sse::standstill::STANDSTILL_IDLE_LIMITS;
use serde_json::{Value, json};

use crate::gateway_world::{
    DONE, Got, HELLO, Part, REQUEST_ID, ROLE, START, STOP, Script, USAGE, World, event_of, gateway_with, no_connection,
    parts, reply, stream,
};

const CUT: Verdict = Verdict::Failed(ErrorClass::StreamCut);

/// A streamed request for `m` over `first`, then the others.
fn body(first: &str, more: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"hi there"}}],"stream":true,"provider":{{"order":["{first}","beta","gamma"]}}{more}}}"#
    )
}

/// Nobody can go on with a piece of JSON.
const ALONE: &str = r#","response_format":{"type":"json_object"}"#;
const WITH_USAGE: &str = r#","stream_options":{"include_usage":true}"#;

fn ask(provider: &str, script: Script, more: &str) -> Got {
    World::new().on(provider, [script]).ask(&gateway_with(&[]), &body(provider, more))
}

/// The events as they are written.
fn events(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// `data: {...}` of the error event at the end, which must be the last thing in the stream.
fn last_error(text: &str) -> Value {
    let (_, last) = text.trim_end().rsplit_once("data: ").unwrap();
    assert!(text.ends_with("\n\n") && !text.contains("[DONE]"), "{text}");
    let event: Value = serde_json::from_str(last).unwrap();
    assert_eq!(event["request_id"], REQUEST_ID);
    event["error"].clone()
}

// --- Which relay -----------------------------------------------------------------------------------------------------

#[test]
fn a_stream_that_needs_no_change_is_carried_natively_byte_for_byte() {
    let all = [ROLE, HELLO, STOP, USAGE, DONE];
    let got = ask("alpha", stream(&all), WITH_USAGE);
    assert_eq!((got.stream, got.text.as_str()), (Some((Verdict::Whole, true)), events(&all).as_str()));
    // These providers send no chunk that a client did not ask for.
    for provider in ["beta", "gamma"] {
        let all = [ROLE, HELLO, STOP, DONE];
        let got = ask(provider, stream(&all), "");
        assert_eq!(
            (got.stream, got.text.as_str()),
            (Some((Verdict::Whole, true)), events(&all).as_str()),
            "{provider}"
        );
    }
}

#[test]
fn odd_forms_of_a_stream_are_carried_as_they_are() {
    let odd = ": keep-alive\r\n\r\nid: 7\r\nevent: message\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\u{e4}\"}}]}\r\n\r\ndata:{\"choices\":[{\"index\":0,\"delta\":{},\ndata: \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let bytes = odd.bytes().map(|byte| Part::Bytes(vec![byte])).collect();
    let got = ask("beta", parts(200, bytes), "");
    assert_eq!((got.stream, got.text.as_str()), (Some((Verdict::Whole, true)), odd));
}

#[test]
fn a_usage_chunk_that_the_client_did_not_ask_for_is_taken_out() {
    let got = ask("alpha", stream(&[ROLE, HELLO, STOP, USAGE, DONE]), "");
    assert_eq!(got.text, events(&[ROLE, HELLO, STOP, DONE]));
    assert_eq!(got.stream, Some((Verdict::Whole, false)));
    assert_eq!((got.record().prompt_tokens, got.record().estimated), (10, false), "the accounts have it all the same");
    let declined = ask("alpha", stream(&[HELLO, STOP, USAGE, DONE]), r#","stream_options":{"include_usage":false}"#);
    assert_eq!(declined.text, events(&[HELLO, STOP, DONE]));
}

#[test]
fn a_client_that_asks_for_details_gets_cost_and_metadata_in_the_usage_chunk() {
    for provider in ["alpha", "beta"] {
        let in_last = STOP.replace("\"delta\":{}", "\"delta\":{ }").replace(
            r#""finish_reason":"stop"}]"#,
            r#""finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}"#,
        );
        let (all, usage_at): (Vec<&str>, usize) = match provider {
            "alpha" => (vec![ROLE, HELLO, STOP, USAGE, DONE], 3),
            _ => (vec![ROLE, HELLO, &in_last, DONE], 2),
        };
        let got = ask(provider, stream(&all), r#","usage":{"include":true}"#);
        assert_eq!(got.stream, Some((Verdict::Whole, false)));
        let sent: Vec<&str> =
            got.text.split_terminator("\n\n").map(|event| event.trim_start_matches("data: ")).collect();
        assert_eq!(sent.len(), all.len());
        for (at, (sent, upstream)) in sent.iter().zip(&all).enumerate() {
            assert!(at == usage_at || sent == upstream, "{sent}");
        }
        let chunk: Value = serde_json::from_str(sent[usage_at]).unwrap();
        assert_eq!(chunk["metadata"]["used_provider"], provider);
        assert_eq!(chunk["metadata"]["routing"][0]["succeeded"], true);
        assert_eq!(chunk["usage"]["cost_source"], "catalog");
        let cost = if provider == "alpha" { 10 * 1_000_000 + 5 * 4_000_000 } else { 10 * 1_500_000 + 5 * 5_000_000 };
        assert_eq!(got.record().cost_pico_usd, Some(cost));
        let told = chunk["usage"]["cost_usd_total"].to_string().parse::<f64>().unwrap();
        assert!((told * 1e12 - cost as f64).abs() < 1.0, "{told} is what the accounts have");
    }
}

#[test]
fn usage_that_says_too_little_is_estimated_in_the_chunk_as_in_the_accounts() {
    for (told, prompt) in [(r#"{"x":1}"#, None), (r#"{"prompt_tokens":10}"#, Some(10))] {
        let little = USAGE.replace(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#, told);
        let got = ask("alpha", stream(&[HELLO, STOP, &little, DONE]), r#","usage":{"include":true}"#);
        let chunk = got.text.split("\n\n").nth(2).unwrap().trim_start_matches("data: ");
        let usage = serde_json::from_str::<Value>(chunk).unwrap()["usage"].clone();
        let record = got.record();
        assert!(usage["estimated"] == true && record.estimated, "{usage}");
        assert!(prompt.is_none_or(|prompt| record.prompt_tokens == prompt) && record.completion_tokens > 0, "{usage}");
        assert_eq!(usage["prompt_tokens"], record.prompt_tokens);
        assert_eq!(usage["completion_tokens"], record.completion_tokens);
        let told = fixed(&usage["cost_usd_total"].to_string(), 12).map(|cost| cost.units);
        assert_eq!(told, record.cost_pico_usd, "{usage}");
    }
}

// --- Headers, accounts, health ---------------------------------------------------------------------------------------

#[test]
fn headers_and_accounts_of_a_stream_are_those_of_its_provider() {
    let script = parts(
        200,
        vec![
            event_of(ROLE),
            Part::Pause(300),
            event_of(HELLO),
            Part::Pause(700),
            event_of(STOP),
            event_of(USAGE),
            event_of(DONE),
        ],
    );
    let world = World::new().on("alpha", [reply(503, "").after(50)]).on("beta", [script.after(150)]);
    let got = world.ask(&gateway_with(&[]), &body("alpha", WITH_USAGE));
    let headers: Vec<(&str, &str)> = got.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let wanted = [
        ("x-gateway-attempts", "2"),
        ("x-gateway-trail", "alpha/m=503; beta/m=200"),
        ("x-gateway-provider", "beta"),
        ("x-gateway-model", "beta/m-1"),
        ("x-gateway-reasoning-effort", "none"),
    ];
    assert_eq!(headers, wanted);
    let record = got.record();
    assert_eq!((record.ttft_ms, record.latency_ms, record.created_at), (Some(500), 1200, START));
    assert_eq!((record.stream, record.status, record.error_class, record.attempts), (true, 200, None, 2));
    assert_eq!((record.prompt_tokens, record.completion_tokens), (10, 5));
    let health = world.health.borrow();
    assert_eq!(health.first_token_ms("beta", "beta/m-1"), Some(450), "from its own beginning");
    assert_eq!(health.tokens_per_second("beta", "beta/m-1"), Some(5 * 1000 / 1150));
}

#[test]
fn a_stream_is_asked_for_as_one() {
    let world = World::new().on("alpha", [stream(&[HELLO, STOP, DONE])]);
    world.ask(&gateway_with(&[]), &body("alpha", ""));
    let call = &world.calls.borrow()[0];
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({"include_usage": true})));
    assert!(call.headers.contains(&("accept".into(), "text/event-stream".into())));
}

#[test]
fn a_stream_without_usage_is_estimated() {
    let got = ask("gamma", stream(&[ROLE, HELLO, STOP, DONE]), "");
    assert!(got.record().estimated);
    assert_eq!((got.record().completion_tokens, got.record().cost_pico_usd), (2, None), "its price is unknown");
    assert!(got.record().prompt_tokens > 0);
}

// --- Before the first token ------------------------------------------------------------------------------------------

#[test]
fn whatever_fails_before_the_first_token_is_seen_by_nobody() {
    let good = [ROLE, HELLO, STOP, DONE];
    let error = r#"{"error":{"message":"overloaded","code":503}}"#;
    for (script, trail) in [
        (no_connection(), "connect"),
        (reply(500, ""), "500"),
        (reply(429, "{}"), "429"),
        (reply(301, ""), "301"),
        (stream(&[]), "invalid_reply"),
        (stream(&[ROLE]), "invalid_reply"),
        (stream(&[ROLE, STOP, DONE]), "invalid_reply"),
        (stream(&[DONE]), "invalid_reply"),
        (stream(&[error]), "overloaded"),
        (stream(&[ROLE, error]), "overloaded"),
        (stream(&[r#"{"error":{"message":"maximum context length is 1000 tokens"}}"#]), "context_length"),
        (stream(&["no json"]), "invalid_reply"),
        (reply(200, "<html>Welcome</html>"), "invalid_reply"),
        (reply(200, crate::gateway_world::GOOD), "invalid_reply"),
        (reply(200, r#"{"error":{"code":429,"message":"slow down"}}"#), "rate_limited"),
        (parts(200, vec![event_of(ROLE), Part::Break]), "stream_cut"),
        (parts(200, vec![Part::Hang]), "timeout"),
        (parts(200, vec![event_of(ROLE), Part::Hang]), "timeout"),
        (
            parts(
                200,
                (0..40)
                    .map(|_| [Part::Pause(900), Part::Bytes(b": keep-alive\n\n".to_vec())])
                    .collect::<Vec<_>>()
                    .concat(),
            ),
            "timeout",
        ),
        (stream(&good).after(30_001), "timeout"),
    ] {
        let shown = format!("{script:?}");
        let world = World::new().on("alpha", [script]).on("beta", [stream(&good)]);
        let got = world.ask(&gateway_with(&[("HEDGE_AFTER_MS", "0")]), &body("alpha", ""));
        assert_eq!(got.trail(), format!("alpha/m={trail}; beta/m=200"), "{shown}");
        assert_eq!(got.text, events(&good), "{shown}");
    }
}

#[test]
fn when_no_stream_begins_the_client_gets_a_status_and_no_stream() {
    let world = World::new().on("alpha", [stream(&[ROLE])]).on("beta", [reply(503, "")]).on("gamma", [stream(&[])]);
    let got = world.ask(&gateway_with(&[]), &body("alpha", ""));
    assert_eq!((got.status, got.stream), (502, None));
    assert!(got.record().stream, "it was asked for as one");
    assert_eq!(got.record().ttft_ms, None);
}

#[test]
fn an_answer_of_a_tool_call_or_of_reasoning_alone_opens_the_stream() {
    for delta in [
        r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#,
        r#"{"reasoning":"hm"}"#,
        r#"{"reasoning_content":"hm"}"#,
        r#"{"refusal":"no"}"#,
    ] {
        let chunk = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
        let got = ask("beta", stream(&[ROLE, &chunk, STOP, DONE]), "");
        assert_eq!(got.text, events(&[ROLE, &chunk, STOP, DONE]));
    }
}

#[test]
fn an_empty_answer_whose_reason_says_why_is_a_true_one() {
    for reason in ["length", "content_filter"] {
        let stop = STOP.replace("\"stop\"", &format!("\"{reason}\""));
        let got = ask("beta", stream(&[ROLE, &stop, DONE]), "");
        assert_eq!((got.stream, &got.text), (Some((Verdict::Whole, true)), &events(&[ROLE, &stop, DONE])), "{reason}");
        assert_eq!(got.trail(), "beta/m=200");
    }
}

// --- After the first token -------------------------------------------------------------------------------------------

#[test]
fn a_missing_done_is_added_to_a_whole_answer() {
    for (provider, all) in [("beta", vec![ROLE, HELLO, STOP]), ("alpha", vec![ROLE, HELLO, STOP, USAGE])] {
        let got = ask(provider, stream(&all), "");
        assert_eq!(got.text, events(&[ROLE, HELLO, STOP, DONE]), "{provider}");
        assert_eq!((got.stream.unwrap().0, got.record().error_class), (Verdict::Whole, None));
    }
    // Also where the socket broke after the reason, or the last blank line is missing.
    let broken = parts(200, vec![event_of(HELLO), event_of(STOP), Part::Break]);
    assert_eq!(ask("beta", broken, "").text, events(&[HELLO, STOP, DONE]));
    let unended = parts(200, vec![event_of(HELLO), Part::Bytes(format!("data: {STOP}").into_bytes())]);
    assert_eq!(ask("beta", unended, "").text, events(&[HELLO, STOP, DONE]));
}

#[test]
fn a_cut_stream_ends_with_an_error_event_and_never_with_done_or_stop() {
    for provider in ["alpha", "beta"] {
        for script in [
            stream(&[ROLE, HELLO]),
            parts(200, vec![event_of(ROLE), event_of(HELLO), Part::Break]),
            parts(200, vec![event_of(ROLE), event_of(HELLO), Part::Hang]),
        ] {
            let shown = format!("{provider} {script:?}");
            let stalls = shown.contains("Hang");
            let got = ask(provider, script, ALONE);
            assert_eq!(got.stream.unwrap().0, CUT, "{shown}");
            let rest = got.text.strip_prefix(&events(&[ROLE, HELLO])).unwrap();
            assert!(rest.starts_with("data: {\"error\":") && !rest.contains("finish_reason"), "{shown}: {rest}");
            let error = last_error(&got.text);
            assert_eq!((&error["code"], &error["type"]), (&json!("stream_cut"), &json!("server_error")));
            let message = error["message"].as_str().unwrap();
            assert_eq!(message.contains("went silent"), stalls, "{message}");
            assert!(message.contains("not complete"));
            let record = got.record();
            assert_eq!((record.status, record.error_class), (200, Some("stream_cut")), "{shown}");
            assert!(record.trail.ends_with("=stream_cut"), "{}", record.trail);
            assert!(record.estimated && record.completion_tokens == 2, "what came is accounted");
            assert_eq!(got.took_ms, if stalls { 20_000 } else { 0 });
        }
    }
}

/// Nothing but signs of life, one every ten seconds.
fn pings(count: usize, ping: &str) -> impl Iterator<Item = Part> {
    (0..count).flat_map(move |_| [Part::Pause(10_000), Part::Bytes(ping.as_bytes().to_vec())])
}

#[test]
fn a_stream_that_only_pings_ends_as_one_that_is_silent() {
    let empty =
        r#"data: {"id":"1","choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]}"#.to_owned() + "\n\n";
    for provider in ["alpha", "beta"] {
        for ping in [": OPENROUTER PROCESSING\n\n", &empty] {
            let endless = [event_of(ROLE), event_of(HELLO)].into_iter().chain(pings(1_000, ping));
            let got = ask(provider, parts(200, endless.collect()), ALONE);
            assert_eq!(
                (got.stream.unwrap().0, got.took_ms),
                (CUT, 20_000 * STANDSTILL_IDLE_LIMITS),
                "{provider} {ping}"
            );
            let error = last_error(&got.text);
            assert_eq!((&error["code"], &error["type"]), (&json!("stream_cut"), &json!("server_error")));
            assert!(error["message"].as_str().unwrap().contains("went silent"), "{error}");
            assert!(!got.text.contains("[DONE]"));
            let record = got.record();
            assert_eq!((record.status, record.error_class), (200, Some("stream_cut")));
            assert!(record.trail.ends_with("=stream_cut"), "{}", record.trail);
            assert!(record.estimated && record.completion_tokens == 2, "what came is accounted");
        }
    }
}

#[test]
fn pings_prolong_a_silence_and_every_token_begins_it_anew() {
    for provider in ["alpha", "beta"] {
        let long = || pings(11, ": ping\n\n");
        let mut all = vec![event_of(ROLE), event_of(HELLO)];
        all.extend(long().chain([event_of(HELLO)]).chain(long()).chain([event_of(STOP)]).chain(long()));
        all.push(event_of(DONE));
        let got = ask(provider, parts(200, all), ALONE);
        assert_eq!((got.stream.unwrap().0, got.took_ms), (Verdict::Whole, 330_000), "{provider}");
        assert_eq!(got.text.replace(": ping\n\n", ""), events(&[ROLE, HELLO, HELLO, STOP, DONE]));
    }
}

#[test]
fn a_stream_that_stops_inside_an_event_is_closed_before_the_error_event() {
    let torn = Part::Bytes(b"data: {\"choices\":[{\"delta\":{\"content\":\"wor".to_vec());
    let native = ask("beta", parts(200, vec![event_of(HELLO), torn.clone()]), ALONE);
    let rest = native.text.strip_prefix(&events(&[HELLO])).unwrap();
    assert!(rest.starts_with("data: {\"choices\":[{\"delta\":{\"content\":\"wor\n\ndata: {\"error\":"), "{rest}");
    // The rewriting relay holds the torn event back.
    let rewritten = ask("alpha", parts(200, vec![event_of(HELLO), torn]), ALONE);
    assert!(rewritten.text.strip_prefix(&events(&[HELLO])).unwrap().starts_with("data: {\"error\":"));
}

#[test]
fn an_error_event_of_the_provider_is_told_once() {
    let error = r#"{"error":{"message":"engine died, key alpha-SECRET-1","type":"server_error"}}"#;
    let got = ask("alpha", stream(&[HELLO, error]), ALONE);
    assert_eq!(got.text.matches("\"error\"").count(), 1, "{}", got.text);
    let message = last_error(&got.text)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("engine died, key [redacted]"), "{message}");
    assert_eq!((got.stream.unwrap().0, got.record().error_class), (CUT, Some("stream_cut")));

    let error = r#"{"error":{"message":"engine died"}}"#;
    let got = ask("beta", stream(&[HELLO, error]), ALONE);
    assert_eq!(got.text, events(&[HELLO, error]), "natively carried, the client has it already");
    assert_eq!((got.stream.unwrap().0, got.record().error_class), (CUT, Some("stream_cut")));
}

#[test]
fn a_content_filter_in_the_middle_of_an_answer_is_nobodys_fault_and_no_reason_to_ask_others() {
    let error = r#"{"error":{"message":"flagged","code":"content_filter"}}"#;
    for provider in ["alpha", "beta"] {
        let gateway = gateway_with(&[]);
        let world = World::new().on(provider, (0..3).map(|_| stream(&[HELLO, error])));
        for _ in 0..3 {
            let got = world.ask(&gateway, &body(provider, ""));
            assert_eq!(got.stream.unwrap().0, Verdict::Failed(ErrorClass::ContentFilter));
            let trail = format!("{provider}/m=content_filter");
            assert_eq!((got.record().error_class, &got.record().trail), (Some("content_filter"), &trail));
            if provider == "alpha" {
                let error = last_error(&got.text);
                assert_eq!(
                    (&error["code"], &error["type"]),
                    (&json!("content_filter"), &json!("invalid_request_error"))
                );
                assert!(error["message"].as_str().unwrap().contains("It said: flagged"), "{error}");
            }
        }
        world.expect(provider, stream(&[HELLO, STOP, DONE]));
        assert_eq!(world.ask(&gateway, &body(provider, "")).trail(), format!("{provider}/m=200"), "no circuit is open");
    }
}

#[test]
fn whoever_has_the_whole_answer_may_close_before_it_is_told_so() {
    for (done, verdict) in [(true, Verdict::Whole), (false, Verdict::Failed(ErrorClass::ClientClosed))] {
        let world = World::new().on("beta", [stream(&[HELLO, STOP, DONE][..if done { 3 } else { 2 }])]);
        world.takes_no_close.set(true);
        let got = world.ask(&gateway_with(&[]), &body("beta", ""));
        assert_eq!(got.stream.unwrap().0, verdict, "the end that is missing was not taken");
        assert_eq!(got.record().error_class.is_none(), done);
    }
}

#[test]
fn a_stream_that_was_cut_counts_against_its_provider() {
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", (0..3).map(|_| stream(&[HELLO])));
    for _ in 0..3 {
        world.ask(&gateway, &body("alpha", ALONE));
    }
    let world = world.on("beta", [stream(&[HELLO, STOP, DONE])]);
    assert_eq!(world.ask(&gateway, &body("alpha", "")).trail(), "beta/m=200", "its circuit is open");
}

#[test]
fn a_client_that_leaves_is_accounted_with_what_it_got_and_harms_nobody() {
    let gateway = gateway_with(&[]);
    let incoming = || Incoming {
        body: body("alpha", "").into(),
        request_id: REQUEST_ID.into(),
        received_ms: START,
        project_header: Some("shop".into()),
        ..Incoming::default()
    };
    let world = World::new().on("alpha", (0..6).map(|_| stream(&[ROLE, HELLO, HELLO, HELLO, STOP, DONE])));
    for _ in 0..5 {
        let got = world.ask_until(&gateway, incoming(), Some(1));
        assert_eq!(got.stream.unwrap().0, Verdict::Failed(ErrorClass::ClientClosed));
        assert_eq!(got.text, events(&[ROLE, HELLO, HELLO]), "and nothing is written to it any more");
        let record = got.record();
        assert_eq!((record.status, record.error_class), (200, Some("client_closed")));
        assert!(record.trail.ends_with("=client_closed"), "{}", record.trail);
        assert!(record.estimated && record.completion_tokens == 3, "{record:?}");
        assert!(record.cost_pico_usd.is_some_and(|cost| cost > 0));
    }
    assert_eq!(world.ask(&gateway, &body("alpha", "")).trail(), "alpha/m=200");
}

#[test]
fn who_hangs_up_at_what_cannot_be_read_does_not_hide_the_providers_fault() {
    let broken = [r#"{"error":{"message":"m","type":"server_error"}}"#, "{\"id\":\"x\",\"choi"];
    for (broken, resets) in broken.into_iter().flat_map(|broken| [(broken, false), (broken, true)]) {
        let gateway = gateway_with(&[]);
        let incoming = || Incoming {
            body: body("beta", ALONE).into(),
            request_id: REQUEST_ID.into(),
            received_ms: START,
            project_header: Some("shop".into()),
            ..Incoming::default()
        };
        let world = World::new().on("beta", (0..3).map(|_| stream(&[HELLO, broken, HELLO, STOP, DONE])));
        world.resets.set(resets);
        for _ in 0..3 {
            let got = world.ask_until(&gateway, incoming(), Some(2));
            world.gone.set(false);
            assert!(!got.record().trail.ends_with("=client_closed"), "{}", got.record().trail);
        }
        let health = world.health.borrow();
        let circuits = health.circuits();
        let failed: u32 = circuits.iter().map(|(_, _, circuit)| circuit.totals(world.now()).1).sum();
        assert_eq!(failed, 3, "{broken}");
    }
}

#[test]
fn several_choices_are_complete_when_each_of_them_is() {
    let chunk = |index: u32, rest: &str| format!(r#"{{"choices":[{{"index":{index},{rest}}}]}}"#);
    let (zero, one) = (chunk(0, r#""delta":{"content":"a"}"#), chunk(1, r#""delta":{"content":"b"}"#));
    let (end_zero, end_one) =
        (chunk(0, r#""delta":{},"finish_reason":"stop""#), chunk(1, r#""delta":{},"finish_reason":"stop""#));
    let got = ask("beta", stream(&[&zero, &one, &end_zero]), r#","n":2"#);
    assert_eq!(got.stream.unwrap().0, CUT, "the second one was not finished");
    let got = ask("beta", stream(&[&zero, &one, &end_zero, &end_one]), r#","n":2"#);
    assert_eq!(got.text, events(&[&zero, &one, &end_zero, &end_one, DONE]));
}
