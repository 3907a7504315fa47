//! What a client asks for in headers: the failover sequence.

use opengateway::gateway::chat::Incoming;
use opengateway::gateway::wishes::{FAILOVER_SEQUENCE, HeaderWishes};
use serde_json::json;

use crate::gateway_world::{GOOD, Got, REQUEST_ID, START, World, gateway_with, reply};

fn sequenced(world: &World, sequence: &str, model: &str, more: &str) -> Got {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#);
    let wishes = HeaderWishes { failover_sequence: Some(sequence.to_owned()), ..HeaderWishes::default() };
    let incoming = Incoming {
        body: body.into_bytes(),
        request_id: REQUEST_ID.into(),
        received_ms: START,
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
