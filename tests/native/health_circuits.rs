//! The circuits of all candidates: who is affected by what, and how much is kept.

use opengateway::health::circuit::{Admission, OPEN_MIN_MS, Permit, Standing};
use opengateway::health::circuits::{Circuits, Forgotten, MAX_CIRCUITS};
use opengateway::health::outcome::Outcome;
use opengateway::routing::failure::ErrorClass;

const NOW: u64 = 1_700_000_000_000;
const MINE: Permit = Permit(1);
const ANOTHER: Permit = Permit(2);
const FAILURE: Outcome = Outcome::Failure { class: ErrorClass::ServerError };

fn broken(circuits: &mut Circuits, provider: &str, model: &str) -> Option<Forgotten> {
    let forgotten = circuits.record(provider, model, FAILURE, None, NOW);
    for _ in 0..2 {
        assert_eq!(circuits.record(provider, model, FAILURE, None, NOW), None, "it has room already");
    }
    forgotten
}

#[test]
fn what_nobody_has_tried_is_healthy_and_admitted() {
    let mut circuits = Circuits::default();
    assert_eq!(circuits.standing("groq", "m", NOW), Standing::Healthy);
    assert_eq!(circuits.admit("groq", "m", MINE, NOW), Admission::Free);
    assert_eq!(circuits, Circuits::default(), "and nothing is kept of it");
}

#[test]
fn failures_count_for_one_model_at_one_provider() {
    let mut circuits = Circuits::default();
    broken(&mut circuits, "groq", "m");
    assert_eq!(circuits.standing("groq", "m", NOW), Standing::Open { until_ms: NOW + OPEN_MIN_MS });
    assert_eq!(circuits.standing("groq", "n", NOW), Standing::Healthy);
    assert_eq!(circuits.standing("cerebras", "m", NOW), Standing::Healthy);
}

#[test]
fn a_bad_key_benches_every_model_of_the_provider_and_no_other() {
    let mut circuits = Circuits::default();
    let outcome = Outcome::of_failure(ErrorClass::BadKey, None, None, NOW);
    circuits.record("groq", "m", outcome, None, NOW);
    for model in ["m", "n", ""] {
        let standing = circuits.standing("groq", model, NOW);
        assert!(matches!(standing, Standing::Benched { class: ErrorClass::BadKey, .. }), "{model}: {standing:?}");
    }
    assert_eq!(circuits.standing("cerebras", "m", NOW), Standing::Healthy);
    let Standing::Benched { until_ms, .. } = circuits.standing("groq", "m", NOW) else { panic!("benched") };
    assert_eq!(circuits.standing("groq", "m", until_ms), Standing::Healthy);
}

#[test]
fn a_model_that_is_gone_benches_only_itself() {
    let mut circuits = Circuits::default();
    let outcome = Outcome::of_failure(ErrorClass::ModelUnavailable, None, None, NOW);
    circuits.record("groq", "m", outcome, None, NOW);
    assert!(matches!(circuits.standing("groq", "m", NOW), Standing::Benched { .. }));
    assert_eq!(circuits.standing("groq", "n", NOW), Standing::Healthy);
}

#[test]
fn a_probe_that_finds_the_key_refused_gives_its_permit_back() {
    let mut circuits = Circuits::default();
    broken(&mut circuits, "groq", "m");
    let now_ms = NOW + OPEN_MIN_MS;
    assert_eq!(circuits.admit("groq", "m", MINE, now_ms), Admission::Probe);
    assert_eq!(circuits.admit("groq", "m", ANOTHER, now_ms), Admission::Busy);
    circuits.record("groq", "m", Outcome::of_failure(ErrorClass::BadKey, None, None, now_ms), Some(MINE), now_ms);
    assert_eq!(circuits.admit("groq", "m", ANOTHER, now_ms), Admission::Probe);
}

#[test]
fn what_is_measured_is_kept_for_each_model() {
    let mut circuits = Circuits::default();
    circuits.record("groq", "m", Outcome::success(Some(90), Some(300)), None, NOW);
    let circuit = circuits.get("groq", "m").unwrap();
    assert_eq!((circuit.first_token_ms(), circuit.tokens_per_second()), (Some(90), Some(300)));
    assert_eq!(circuits.get("groq", "n"), None);
}

#[test]
fn made_up_models_do_not_make_it_forget_the_real_ones() {
    let mut circuits = Circuits::default();
    broken(&mut circuits, "groq", "m");
    for index in 0..3 * MAX_CIRCUITS {
        broken(&mut circuits, "vllm", &format!("made-up-{index}"));
        assert_ne!(circuits.standing("groq", "m", NOW), Standing::Healthy, "after {index}");
    }
}

#[test]
fn a_full_view_keeps_what_it_has() {
    let mut circuits = Circuits::default();
    let names: Vec<String> = (0..MAX_CIRCUITS).map(|index| format!("model-{index}")).collect();
    for name in &names {
        broken(&mut circuits, "vllm", name);
    }
    for name in &names {
        circuits.record("vllm", name, FAILURE, None, NOW);
        assert_ne!(circuits.standing("vllm", name, NOW), Standing::Healthy, "{name}");
    }
    let forgotten = broken(&mut circuits, "vllm", "one more");
    assert_eq!(forgotten, Some(Forgotten { provider: "vllm".to_owned() }));
    assert_eq!(circuits.standing("vllm", "model-0", NOW), Standing::Healthy, "it has a bound");
    assert_ne!(circuits.standing("vllm", "one more", NOW), Standing::Healthy);
}
