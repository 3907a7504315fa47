//! What a client asks for in headers: the failover sequence, and how long it waits.

use opengateway::gateway::chat::Incoming;
use opengateway::gateway::wishes::{
    FAILOVER_SEQUENCE, FIRST_TOKEN_TIMEOUT, HeaderWishes, OWN_TIMEOUT, STREAM_IDLE_TIMEOUT, TIMEOUT,
};
use opengateway::health::circuit::Standing;
use opengateway::health::outcome::Outcome;
use serde_json::json;

use crate::gateway_world::{
    DONE, GOOD, Got, HELLO, Part, REQUEST_ID, ROLE, STOP, World, event_of, gateway_with, reply, stream,
};

fn sequenced(world: &World, sequence: &str, model: &str, more: &str) -> Got {
    let wishes = HeaderWishes { failover_sequence: Some(sequence.to_owned()), ..HeaderWishes::default() };
    ask(world, wishes, model, more)
}

fn within(world: &World, timeout: &str, more: &str) -> Got {
    let wishes = HeaderWishes { timeout: Some(timeout.to_owned()), ..HeaderWishes::default() };
    ask(world, wishes, "m", &format!(r#","provider":{{"order":["alpha","beta","gamma"]}}{more}"#))
}

fn ask(world: &World, wishes: HeaderWishes, model: &str, more: &str) -> Got {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#);
    let incoming = Incoming {
        body: body.into_bytes(),
        request_id: REQUEST_ID.into(),
        received_ms: world.now(),
        project_header: Some("shop".into()),
        wishes,
        ..Incoming::default()
    };
    world.ask_with(&gateway_with(&[("AUTO_MODELS", "m")]), incoming)
}

fn failing(providers: &[&str]) -> World {
    providers.iter().fold(World::new(), |world, provider| world.on(provider, [reply(500, "")]))
}

#[test]
fn a_failover_sequence_names_the_only_providers_and_their_order() {
    for (sequence, model, more, trail) in [
        (r#"["gamma","alpha"]"#, "m", "", "gamma/m=500; alpha/m=200"),
        (r#" [ "gamma" , "alpha" , "gamma" ] "#, "m", "", "gamma/m=500; alpha/m=200"),
        (r#"["gamma","alpha"]"#, "auto", "", "gamma/m=500; alpha/m=200"),
        // Before the body's own order, and within what the body allows.
        (r#"["gamma","alpha"]"#, "m", r#","provider":{"order":["beta","alpha"]}"#, "gamma/m=500; alpha/m=200"),
        (r#"["beta","gamma","alpha"]"#, "m", r#","provider":{"only":["alpha","gamma"]}"#, "gamma/m=500; alpha/m=200"),
        (r#"["beta","gamma","alpha"]"#, "m", r#","provider":{"ignore":["beta"]}"#, "gamma/m=500; alpha/m=200"),
        // A pin and its fallbacks.
        (r#"["alpha","gamma"]"#, "gamma/m", r#","models":["m"]"#, "gamma/m=500; gamma/m=500; alpha/m=200"),
    ] {
        let world = failing(&["gamma", "gamma"]).on("alpha", [reply(200, GOOD)]);
        let got = sequenced(&world, sequence, model, more);
        assert_eq!((got.status, got.trail()), (200, trail), "{sequence} {model} {more}: {}", got.text);
    }
}

#[test]
fn nobody_else_is_asked_when_all_of_the_sequence_failed() {
    let got = sequenced(&failing(&["gamma", "beta"]), r#"["gamma","beta"]"#, "m", "");
    assert_eq!((got.status, got.trail()), (502, "gamma/m=500; beta/m=500"));
    let one =
        sequenced(&failing(&["gamma", "beta"]), r#"["gamma","beta"]"#, "m", r#","provider":{"allow_fallbacks":false}"#);
    assert_eq!((one.status, one.header("x-gateway-attempts")), (502, Some("1")));
}

#[test]
fn a_sequence_that_cannot_be_followed_is_refused_and_says_what_to_do() {
    for (sequence, model, more, words) in [
        ("nonsense", "m", "", "must be a JSON array of at least one provider id, such as [\"groq\",\"cerebras\"]"),
        ("\"alpha\"", "m", "", "must be a JSON array"),
        ("{}", "m", "", "must be a JSON array"),
        ("[", "m", "", "must be a JSON array"),
        ("[]", "m", "", "at least one"),
        ("[\"alpha\",1]", "m", "", "must be a JSON array"),
        ("[\"alpha\",null]", "m", "", "must be a JSON array"),
        ("[[\"alpha\"]]", "m", "", "must be a JSON array"),
        ("[\"alpha\"]]", "m", "", "must be a JSON array"),
        ("[\"\\ud800\"]", "m", "", "must be a JSON array"),
        ("[\"alpha\",\"delta\"]", "m", "", "There is no provider `delta`; there are "),
        ("[\"beta\"]", "alpha/m", "", "Add alpha to it, or name the model without its provider"),
        ("[\"beta\"]", "fast", "", "Add alpha to it"),
        ("[\"beta\"]", "m", r#","models":["alpha/m"]"#, "Add alpha to it"),
        ("[\"beta\"]", "m", r#","provider":{"only":["alpha"]}"#, "have no provider in common"),
    ] {
        let got = sequenced(&World::new(), sequence, model, more);
        let error = &got.json()["error"];
        assert_eq!((got.status, &error["param"]), (400, &json!(FAILOVER_SEQUENCE)), "{sequence} {model}: {}", got.text);
        assert_eq!((&error["code"], &error["type"]), (&json!("invalid_value"), &json!("invalid_request_error")));
        assert!(error["message"].as_str().unwrap().contains(words), "{words}: {}", got.text);
    }
}

#[test]
fn a_sequence_of_providers_without_keys_names_those_that_have_one() {
    let got = sequenced(&World::new(), r#"["groq"]"#, "m", "");
    assert_eq!((got.status, got.code().as_str()), (400, "no_provider_allowed"));
    assert!(
        got.text.contains(FAILOVER_SEQUENCE) && got.text.contains("Configured: alpha, beta, gamma"),
        "{}",
        got.text
    );
}

// --- Deadlines -------------------------------------------------------------------------------------------------------

#[test]
fn a_timeout_that_is_no_positive_whole_number_is_refused() {
    for bad in ["0", "-1", "+1", "1.5", "1e3", "10s", "soon", "99999999999999999999999"] {
        for (header, wishes) in [
            (TIMEOUT, HeaderWishes { timeout: Some(bad.to_owned()), ..HeaderWishes::default() }),
            (OWN_TIMEOUT, HeaderWishes { own_timeout: Some(bad.to_owned()), ..HeaderWishes::default() }),
            (
                FIRST_TOKEN_TIMEOUT,
                HeaderWishes { first_token_timeout: Some(bad.to_owned()), ..HeaderWishes::default() },
            ),
            (
                STREAM_IDLE_TIMEOUT,
                HeaderWishes { stream_idle_timeout: Some(bad.to_owned()), ..HeaderWishes::default() },
            ),
        ] {
            let got = ask(&World::new(), wishes, "m", "");
            let error = &got.json()["error"];
            assert_eq!((got.status, &error["param"], &error["code"]), (400, &json!(header), &json!("invalid_value")));
            let words = format!("`{header}` must be a whole number of milliseconds above 0, such as 15000; got {bad}");
            assert!(error["message"].as_str().unwrap().starts_with(&words), "{}", got.text);
        }
    }
}

#[test]
fn of_two_timeouts_the_smaller_one_counts() {
    let wishes = |timeout: Option<&str>, own_timeout: Option<&str>| HeaderWishes {
        timeout: timeout.map(str::to_owned),
        own_timeout: own_timeout.map(str::to_owned),
        ..HeaderWishes::default()
    };
    for (one, other, least) in [
        (None, None, None),
        (Some("7"), None, Some(7)),
        (None, Some("7"), Some(7)),
        (Some("7"), Some("8"), Some(7)),
        (Some("9"), Some("8"), Some(8)),
    ] {
        assert_eq!(wishes(one, other).patience().map(|patience| patience.total_ms), Ok(least));
    }
}

#[test]
fn when_the_clients_time_is_over_it_gets_a_504_at_once() {
    let world = World::new().on("alpha", [reply(500, "").after(100)]).on("beta", [reply(200, GOOD).after(60_000)]);
    let got = within(&world, "2000", "");
    assert_eq!((got.status, got.took_ms, got.code().as_str()), (504, 2_000, "provider_timeout"));
    assert_eq!(got.trail(), "alpha/m=500; beta/m=timeout");
    let error = &got.json()["error"];
    assert_eq!(
        error["message"],
        "No provider answered within the 2000 ms that the request's own timeout allows (asked: alpha, beta)."
    );
    assert_eq!((&error["type"], error["metadata"]["routing"].as_array().unwrap().len()), (&json!("server_error"), 2));
    assert_eq!((got.record().status, got.record().error_class), (504, Some("timeout")));
}

#[test]
fn what_the_caller_must_mend_is_told_even_when_its_time_is_over() {
    let filtered = r#"{"error":{"message":"no violence","code":"content_filter"}}"#;
    let world = World::new().on("alpha", [reply(400, filtered).after(50)]);
    assert_eq!(within(&world, "50", "").code(), "content_filter");
}

#[test]
fn a_stream_has_the_time_until_its_first_token() {
    let answer = || stream(&[ROLE, HELLO, STOP, DONE]);
    let streamed = |world: &World, ms: &str| within(world, ms, r#","stream":true"#);
    let got = streamed(&World::new().on("alpha", [answer().after(900)]).on("beta", [answer().after(800)]), "1000");
    assert_eq!((got.status, got.header("x-gateway-provider")), (200, Some("alpha")));
    let world = World::new().on("alpha", [answer().after(1_200)]).on("beta", [answer().after(1_200)]);
    let got = streamed(&world, "1000");
    assert_eq!((got.status, got.took_ms), (504, 1_000));
    assert_eq!(got.trail(), "alpha/m=timeout; beta/m=timeout", "the second one began at half of the time");
}

#[test]
fn hostile_timeouts_open_no_circuit() {
    let slow = |status| reply(status, GOOD).after(50);
    let world = World::new()
        .on("alpha", (0..20).map(|_| slow(200)))
        .on("beta", (0..20).map(|_| slow(200)))
        .on("gamma", (0..20).map(|_| slow(200)));
    for (ms, more) in [("1", ""), ("1", r#","stream":true"#), ("30", ""), ("40", r#","stream":true"#)] {
        for _ in 0..4 {
            assert_eq!(within(&world, ms, more).status, 504);
        }
    }
    for provider in ["alpha", "beta", "gamma"] {
        let standing = world.health.borrow().standing(provider, &format!("{provider}/m-1"), 1, world.now());
        assert_eq!(standing, Standing::Healthy, "{provider}");
    }
    let circuits = world.health.borrow().circuits();
    let counted = circuits.get("alpha", "alpha/m-1").map_or((0, 0), |circuit| circuit.totals(world.now()));
    assert_eq!(counted, (0, 0), "it is as if they had not been");
}

#[test]
fn a_client_may_give_each_provider_less_time_for_its_first_token() {
    let answer = || stream(&[ROLE, HELLO, STOP, DONE]);
    let world = World::new();
    let order = r#","stream":true,"provider":{"order":["alpha","beta"]}"#;
    for _ in 0..4 {
        let wishes = HeaderWishes { first_token_timeout: Some("700".to_owned()), ..HeaderWishes::default() };
        let world = &world;
        world.expect("alpha", answer().after(900));
        world.expect("beta", answer().after(600));
        let got = ask(world, wishes, "m", order);
        assert_eq!((got.trail(), got.record().ttft_ms), ("alpha/m=timeout; beta/m=200", Some(1_300)));
    }
    let wishes = HeaderWishes { first_token_timeout: Some("700".to_owned()), ..HeaderWishes::default() };
    world.expect("alpha", reply(200, GOOD).after(900));
    let got = ask(&world, wishes, "m", &order.replace("true", "false"));
    assert_eq!(got.trail(), "alpha/m=200", "no circuit is open, and a whole reply has no first token");
}

#[test]
fn a_client_may_wait_less_for_the_next_chunk_and_opens_no_circuit_by_it() {
    let world = World::new();
    for _ in 0..4 {
        let parts = vec![event_of(ROLE), event_of(HELLO), Part::Pause(600), event_of(STOP), event_of(DONE)];
        world.expect("alpha", crate::gateway_world::parts(200, parts));
        let wishes = HeaderWishes { stream_idle_timeout: Some("500".to_owned()), ..HeaderWishes::default() };
        // Somebody else could go on only with text.
        let json = r#","stream":true,"provider":{"only":["alpha"]},"response_format":{"type":"json_object"}"#;
        let got = ask(&world, wishes, "m", json);
        assert_eq!((got.record().error_class, got.record().trail.as_str()), (Some("stream_cut"), "alpha/m=stream_cut"));
    }
    assert_eq!(world.health.borrow().standing("alpha", "alpha/m-1", 0, world.now()), Standing::Healthy);
    for _ in 0..3 {
        world.expect("alpha", crate::gateway_world::stream(&[ROLE, HELLO]));
        let wishes = HeaderWishes { stream_idle_timeout: Some("500".to_owned()), ..HeaderWishes::default() };
        let json = r#","stream":true,"provider":{"only":["alpha"]},"response_format":{"type":"json_object"}"#;
        ask(&world, wishes, "m", json);
    }
    let standing = world.health.borrow().standing("alpha", "alpha/m-1", 0, world.now());
    assert_ne!(standing, Standing::Healthy, "what broke off did not break off because of the client");
}

#[test]
fn a_time_that_was_over_before_anybody_was_asked_is_a_504_as_well() {
    let world = World::new();
    let too_late = |world: &World, model: &str| Incoming {
        body: format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#).into_bytes(),
        request_id: REQUEST_ID.into(),
        received_ms: world.now() - 20,
        project_header: Some("shop".into()),
        wishes: HeaderWishes { timeout: Some("20".to_owned()), ..HeaderWishes::default() },
        ..Incoming::default()
    };
    let got = world.ask_with(&gateway_with(&[]), too_late(&world, "m"));
    assert_eq!((got.status, got.code().as_str(), got.trail()), (504, "provider_timeout", ""));
    assert!(got.text.contains("(nobody was asked)"), "{}", got.text);
    assert_eq!(got.record().error_class, Some("timeout"));
    // Who is limited was not asked either.
    let limited = Outcome::Limited { until_ms: world.now() + 4_000 };
    world.health.borrow_mut().record("alpha", "alpha/m-1", limited, None, world.now());
    let got = world.ask_with(&gateway_with(&[]), too_late(&world, "alpha/m"));
    assert_eq!((got.status, got.code().as_str()), (504, "provider_timeout"));
    assert!(got.text.contains("(nobody was asked)"), "{}", got.text);
}

#[test]
fn headers_that_do_not_come_are_given_up_before_the_first_token_would_be() {
    let gateway = gateway_with(&[("HEADERS_TIMEOUT_MS", "3000"), ("HEDGE_AFTER_MS", "0")]);
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}],"provider":{"order":["alpha","beta"]}}"#;
    let world = World::new()
        .on("alpha", [stream(&[ROLE]).after(3_001)])
        .on("beta", [stream(&[ROLE, HELLO, STOP, DONE]).after(2_999)]);
    let got = world.ask(&gateway, body);
    assert_eq!((got.trail(), got.record().ttft_ms), ("alpha/m=timeout; beta/m=200", Some(5_999)));
    let whole = World::new().on("alpha", [reply(200, GOOD).after(20_000)]);
    let got = whole.ask(&gateway, &body.replace(r#""stream":true,"#, ""));
    assert_eq!(got.trail(), "alpha/m=200", "a whole reply sends its headers with its body");
}

#[test]
fn who_is_limited_for_longer_than_the_client_waits_is_told_as_a_limit() {
    let limited = reply(429, r#"{"error":{"message":"slow down"}}"#).header("retry-after", "4");
    let world = World::new().on("alpha", [limited]);
    let pin = |world: &World| {
        let wishes = HeaderWishes { timeout: Some("2000".to_owned()), ..HeaderWishes::default() };
        ask(world, wishes, "alpha/m", "")
    };
    assert_eq!(pin(&world).code(), "rate_limit_exceeded");
    let got = pin(&world);
    assert_eq!((got.status, got.code().as_str(), got.trail()), (429, "rate_limit_exceeded", ""), "{}", got.text);
    assert_eq!(got.header("retry-after"), Some("4"));
    assert_eq!(got.record().error_class, Some("rate_limited"));
}

#[test]
fn a_client_that_waits_no_shorter_than_the_gateway_does_not_hide_who_cuts_its_streams() {
    let world = World::new();
    for _ in 0..3 {
        let parts = vec![event_of(ROLE), event_of(HELLO), Part::Break];
        world.expect("alpha", crate::gateway_world::parts(200, parts));
        let wishes = HeaderWishes { stream_idle_timeout: Some("3600000".to_owned()), ..HeaderWishes::default() };
        let json = r#","stream":true,"provider":{"only":["alpha"]},"response_format":{"type":"json_object"}"#;
        ask(&world, wishes, "m", json);
    }
    let standing = world.health.borrow().standing("alpha", "alpha/m-1", 0, world.now());
    assert!(matches!(standing, Standing::Open { .. }), "{standing:?}");
}
