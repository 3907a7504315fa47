//! The circuits of all candidates: who is affected by what, and how much is kept.

use opengateway::health::circuit::{Admission, OPEN_MIN_MS, Permit, Standing};
use opengateway::health::circuits::{Circuits, Forgotten, MAX_CIRCUITS};
use opengateway::health::outcome::{KEY_BENCH_MS, Outcome};
use opengateway::routing::failure::ErrorClass;

const NOW: u64 = 1_700_000_000_000;
const MINE: Permit = Permit(1);
const ANOTHER: Permit = Permit(2);
const FAILURE: Outcome = Outcome::Failure { class: ErrorClass::ServerError };
const SUCCESS: Outcome = Outcome::success(None, None);
const FIRST_TOKEN: Outcome = Outcome::FirstToken { after_ms: 100 };

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
    assert_eq!(circuits.standing("groq", "m", until_ms), Standing::Probe { last: false });
}

/// `groq`, whose key was refused at [`NOW`], when its bench is over.
fn after_the_bench() -> (Circuits, u64) {
    let mut circuits = Circuits::default();
    circuits.record("groq", "m", Outcome::of_failure(ErrorClass::BadKey, Some(401), None, NOW), None, NOW);
    (circuits, NOW + KEY_BENCH_MS)
}

#[test]
fn when_a_bench_is_over_one_request_tries_the_key() {
    let (mut circuits, now_ms) = after_the_bench();
    assert_eq!(circuits.admit("groq", "m", MINE, now_ms), Admission::Probe);
    for model in ["m", "n", "never used"] {
        assert_eq!(circuits.admit("groq", model, ANOTHER, now_ms), Admission::Busy, "{model}");
        assert!(matches!(circuits.standing("groq", model, now_ms), Standing::Open { .. }), "{model}");
    }
    assert_eq!(circuits.admit("groq", "m", MINE, now_ms), Admission::Probe, "asking again changes nothing");
    assert_eq!(circuits.admit("cerebras", "m", ANOTHER, now_ms), Admission::Free);
}

#[test]
fn what_comes_of_the_one_that_tried_the_key() {
    let refused = Outcome::of_failure(ErrorClass::BadKey, Some(401), None, NOW + KEY_BENCH_MS);
    let is_benched = |standing: Standing| matches!(standing, Standing::Benched { .. });
    let is_probe = |standing: Standing| matches!(standing, Standing::Probe { .. });
    let is_healthy = |standing: Standing| standing == Standing::Healthy;
    let cases: [(Outcome, &dyn Fn(Standing) -> bool); 6] = [
        (FIRST_TOKEN, &is_healthy),
        (SUCCESS, &is_healthy),
        (refused, &is_benched),
        // It says nothing about the key.
        (FAILURE, &is_probe),
        (Outcome::Limited { until_ms: NOW }, &is_probe),
        (Outcome::Inconclusive, &is_probe),
    ];
    for (outcome, wanted) in cases {
        let (mut circuits, now_ms) = after_the_bench();
        circuits.record("groq", "m", SUCCESS, None, now_ms);
        assert!(is_probe(circuits.standing("groq", "m", now_ms)), "one that was sent before says nothing");
        circuits.admit("groq", "m", MINE, now_ms);
        circuits.record("groq", "m", outcome, Some(MINE), now_ms);
        for model in ["m", "n"] {
            let standing = circuits.standing("groq", model, now_ms);
            assert!(wanted(standing), "{outcome:?}: {model} is {standing:?}");
        }
    }
}

#[test]
fn a_permit_of_the_provider_comes_back_where_the_model_is_busy() {
    let (mut circuits, now_ms) = after_the_bench();
    for _ in 0..3 {
        circuits.record("groq", "m", FAILURE, None, NOW);
    }
    circuits.record("groq", "n", SUCCESS, None, NOW);
    // Somebody has been probing the model since before the bench.
    let mut model = circuits.get("groq", "m").unwrap().clone();
    model.admit(ANOTHER, now_ms);
    circuits.insert("groq", "m", model);
    assert_eq!(circuits.admit("groq", "m", MINE, now_ms), Admission::Busy);
    assert_eq!(circuits.admit("groq", "n", Permit(3), now_ms), Admission::Probe, "nobody holds the provider's");
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
