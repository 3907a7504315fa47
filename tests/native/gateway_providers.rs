//! `GET /v1/providers`: what the operator is told of each provider and model.

use opengateway::gateway::providers;
use opengateway::health::circuit::{OPEN_MIN_MS, Permit};
use opengateway::health::circuits::Circuits;
use opengateway::health::headroom::{Headroom, Left};
use opengateway::health::outcome::{KEY_BENCH_MS, Outcome};
use opengateway::routing::failure::ErrorClass;
use serde_json::{Value, json};

use crate::gateway_world::{gateway_with, has_no_key};

const NOW: u64 = 1_700_000_000_000;

fn list(circuits: &Circuits, now_ms: u64) -> Value {
    let text = providers::list(&gateway_with(&[]), circuits, now_ms);
    has_no_key(&text);
    serde_json::from_str(&text).unwrap()
}

/// Under what name the health of `alpha` is kept.
fn alpha() -> String {
    gateway_with(&[]).config.access("alpha").unwrap().health_id.clone()
}

fn provider(list: &Value, id: &str) -> Value {
    let found = list["data"].as_array().unwrap().iter().find(|entry| entry["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not there")).clone()
}

const fn left(left: u64, reset_ms: Option<u64>) -> Option<Left> {
    Some(Left { left, reset_ms, at_ms: NOW })
}

fn broken(circuits: &mut Circuits, model: &str) {
    for _ in 0..3 {
        circuits.record(&alpha(), model, Outcome::Failure { class: ErrorClass::ServerError }, None, NOW);
    }
}

#[test]
fn the_configured_ones_come_first_and_of_an_unused_one_nothing_is_known() {
    let list = list(&Circuits::default(), NOW);
    assert_eq!((&list["object"], &list["as_of"], &list["window_ms"]), (&json!("list"), &json!(NOW), &json!(60_000)));
    let configured: Vec<bool> =
        list["data"].as_array().unwrap().iter().map(|entry| entry["configured"].as_bool().unwrap()).collect();
    assert_eq!(configured.iter().filter(|on| **on).count(), 3);
    assert!(configured.is_sorted_by(|one, next| one >= next), "{configured:?}");
    let alpha = json!({"id": "alpha", "object": "provider", "name": "alpha", "configured": true, "status": "in_use",
        "reason": null, "message": null, "cooldown_ms": null, "succeeded": 0, "failed": 0, "success_rate": null, "last_error": null,
        "last_error_at": null, "models": []});
    assert_eq!(provider(&list, "alpha"), alpha);
    assert_eq!(provider(&list, "groq")["status"], "off");
}

#[test]
fn a_model_is_told_with_its_circuit_its_rate_its_times_and_what_is_left() {
    let mut circuits = Circuits::default();
    let outcomes = [
        Outcome::success(Some(200), Some(90)),
        Outcome::Success { after_ms: Some(200), tokens_per_second: None, count: 5 },
        Outcome::SoftFailure { class: ErrorClass::InvalidReply },
        Outcome::Headroom(Headroom { requests: left(14_000, None), tokens: left(0, Some(NOW + 9_000)) }),
    ];
    for outcome in outcomes {
        circuits.record(&alpha(), "alpha/m-1", outcome, None, NOW);
    }
    let wanted = json!({"id": "m", "upstream_id": "alpha/m-1", "circuit": "closed", "status": "spent", "reason": null,
        "cooldown_ms": 9_000, "succeeded": 6, "failed": 1, "success_rate": 0.857, "first_token_ms": 200,
        "tokens_per_second": 90, "last_error": "invalid_reply", "last_error_at": NOW, "requests_left": 14_000,
        "requests_reset_at": null, "tokens_left": 0, "tokens_reset_at": NOW + 9_000, "left_as_of": NOW});
    assert_eq!(provider(&list(&circuits, NOW), "alpha")["models"], json!([wanted]));
    circuits.record(&alpha(), "another", Outcome::Failure { class: ErrorClass::Connect }, None, NOW + 1);
    let whole = provider(&list(&circuits, NOW + 1), "alpha");
    let told = ["succeeded", "failed", "success_rate", "last_error", "last_error_at"].map(|name| whole[name].clone());
    assert_eq!(json!(told), json!([6, 2, 0.75, "connect", NOW + 1]), "a provider is all its models together");
    let later = provider(&list(&circuits, NOW + 120_000), "alpha");
    assert_eq!(later["models"][0]["success_rate"], Value::Null, "nothing happened in the last minute");
    assert_eq!(later["models"][0]["last_error"], "invalid_reply");
}

#[test]
fn each_state_of_a_circuit_has_its_name_and_its_cooldown() {
    let mut circuits = Circuits::default();
    broken(&mut circuits, "open");
    broken(&mut circuits, "probe");
    broken(&mut circuits, "probing");
    circuits.admit(&alpha(), "probing", Permit(1), NOW);
    circuits.record(&alpha(), "limited", Outcome::Limited { until_ms: NOW + 9_000 }, None, NOW);
    let gone = Outcome::of_failure(ErrorClass::ModelUnavailable, None, None, NOW);
    circuits.record(&alpha(), "gone", gone, None, NOW);
    let told = |list: &Value, id: &str| {
        let models = provider(list, "alpha")["models"].clone();
        let model = models.as_array().unwrap().iter().find(|model| model["upstream_id"] == id).unwrap().clone();
        json!([model["circuit"], model["status"], model["reason"], model["cooldown_ms"], model["id"]])
    };
    let now = list(&circuits, NOW);
    assert_eq!(told(&now, "open"), json!(["open", "open", null, OPEN_MIN_MS, null]));
    assert_eq!(told(&now, "probing"), json!(["half_open", "open", null, 120_000, null]));
    assert_eq!(told(&now, "limited"), json!(["closed", "limited", "rate_limited", 9_000, null]));
    assert_eq!(told(&now, "gone"), json!(["closed", "benched", "model_unavailable", 600_000, null]));
    assert_eq!(told(&list(&circuits, NOW + OPEN_MIN_MS), "probe"), json!(["open", "probe", null, null, null]));
}

#[test]
fn a_benched_key_is_named_by_its_variable() {
    for (class, words) in
        [(ErrorClass::BadKey, "refuses the key in ALPHA_KEY"), (ErrorClass::Billing, "ALPHA_KEY has no credit")]
    {
        let mut circuits = Circuits::default();
        circuits.record(&alpha(), "alpha/m-1", Outcome::of_failure(class, Some(401), None, NOW), None, NOW);
        let alpha = provider(&list(&circuits, NOW), "alpha");
        assert_eq!((&alpha["status"], &alpha["reason"]), (&json!("benched"), &json!(class.as_str())));
        assert_eq!(alpha["cooldown_ms"], KEY_BENCH_MS);
        assert!(alpha["message"].as_str().unwrap().contains(words), "{alpha}");
        let later = provider(&list(&circuits, NOW + KEY_BENCH_MS), "alpha");
        assert_eq!(
            (&later["status"], &later["last_error"]),
            (&json!("in_use"), &json!(class.as_str())),
            "it is told still"
        );
    }
}

#[test]
fn another_key_or_address_is_another_provider_whose_bench_is_over() {
    let mut circuits = Circuits::default();
    circuits.record(&alpha(), "alpha/m-1", Outcome::of_failure(ErrorClass::BadKey, Some(401), None, NOW), None, NOW);
    let status = |vars: &[(&str, &str)]| {
        let text = providers::list(&gateway_with(vars), &circuits, NOW);
        provider(&serde_json::from_str(&text).unwrap(), "alpha")["status"].clone()
    };
    assert_eq!(status(&[]), "benched");
    assert_eq!(status(&[("ALPHA_KEY", "another-key")]), "in_use");
    assert_eq!(gateway_with(&[]).config.access("alpha").unwrap().health_id, alpha(), "the same again is the same");
    assert!(!alpha().contains("SECRET"), "{}", alpha());
}

#[test]
fn a_server_that_asks_for_a_key_where_none_is_configured_is_told_as_that() {
    let gateway = gateway_with(&[("VLLM_BASE_URL", "http://localhost:1/v1")]);
    let health_id = &gateway.config.access("vllm").unwrap().health_id;
    let mut circuits = Circuits::default();
    circuits.record(health_id, "m", Outcome::of_failure(ErrorClass::BadKey, Some(401), None, NOW), None, NOW);
    let list: Value = serde_json::from_str(&providers::list(&gateway, &circuits, NOW)).unwrap();
    assert_eq!(provider(&list, "vllm")["message"], "The provider asks for a key, and none is configured.");
}
