//! What one isolate keeps of all providers: who is affected by what, and how much is kept.

use std::collections::HashSet;

use opengateway::health::circuit::{OPEN_MIN_MS, Standing};
use opengateway::health::cursor::{Cursors, MAX_CURSORS};
use opengateway::health::outcome::Outcome;
use opengateway::health::view::{HealthView, MAX_CIRCUITS};
use opengateway::routing::failure::ErrorClass;

const NOW: u64 = 1_700_000_000_000;
const FAILURE: Outcome = Outcome::Failure { slow: false };

fn broken(view: &mut HealthView, provider: &str, model: &str) {
    for _ in 0..3 {
        view.record(provider, model, FAILURE, NOW);
    }
}

#[test]
fn what_nobody_has_tried_is_healthy_and_admitted() {
    let mut view = HealthView::default();
    assert_eq!(view.standing("groq", "m", NOW), Standing::Healthy);
    assert!(view.admit("groq", "m", NOW));
    view.release("groq", "m", NOW);
    assert_eq!((view.first_token_ms("groq", "m"), view.tokens_per_second("groq", "m")), (None, None));
}

#[test]
fn failures_count_for_one_model_at_one_provider() {
    let mut view = HealthView::default();
    broken(&mut view, "groq", "m");
    assert_eq!(view.standing("groq", "m", NOW), Standing::Open { until_ms: NOW + OPEN_MIN_MS });
    assert_eq!(view.standing("groq", "n", NOW), Standing::Healthy);
    assert_eq!(view.standing("cerebras", "m", NOW), Standing::Healthy);
}

#[test]
fn a_bad_key_benches_every_model_of_the_provider_and_no_other() {
    let mut view = HealthView::default();
    let outcome = Outcome::of_failure(ErrorClass::BadKey, None, None, NOW).unwrap();
    view.record("groq", "m", outcome, NOW);
    for model in ["m", "n", ""] {
        let standing = view.standing("groq", model, NOW);
        assert!(matches!(standing, Standing::Benched { class: ErrorClass::BadKey, .. }), "{model}: {standing:?}");
    }
    assert_eq!(view.standing("cerebras", "m", NOW), Standing::Healthy);
    let Standing::Benched { until_ms, .. } = view.standing("groq", "m", NOW) else { panic!("benched") };
    assert_eq!(view.standing("groq", "m", until_ms), Standing::Healthy);
}

#[test]
fn a_model_that_is_gone_benches_only_itself() {
    let mut view = HealthView::default();
    let outcome = Outcome::of_failure(ErrorClass::ModelUnavailable, None, None, NOW).unwrap();
    view.record("groq", "m", outcome, NOW);
    assert!(matches!(view.standing("groq", "m", NOW), Standing::Benched { .. }));
    assert_eq!(view.standing("groq", "n", NOW), Standing::Healthy);
}

#[test]
fn a_probe_that_finds_the_key_refused_gives_its_permit_back() {
    let mut view = HealthView::default();
    broken(&mut view, "groq", "m");
    let now_ms = NOW + OPEN_MIN_MS;
    assert!(view.admit("groq", "m", now_ms));
    assert!(!view.admit("groq", "m", now_ms));
    view.record("groq", "m", Outcome::of_failure(ErrorClass::BadKey, None, None, now_ms).unwrap(), now_ms);
    assert!(view.admit("groq", "m", now_ms));
}

#[test]
fn what_is_measured_is_kept_for_each_model() {
    let mut view = HealthView::default();
    view.record("groq", "m", Outcome::Success { after_ms: Some(90), tokens_per_second: Some(300) }, NOW);
    assert_eq!((view.first_token_ms("groq", "m"), view.tokens_per_second("groq", "m")), (Some(90), Some(300)));
    assert_eq!(view.first_token_ms("groq", "n"), None);
}

#[test]
fn made_up_models_do_not_make_it_forget_the_real_ones() {
    let mut view = HealthView::default();
    broken(&mut view, "groq", "m");
    for index in 0..3 * MAX_CIRCUITS {
        broken(&mut view, "vllm", &format!("made-up-{index}"));
        assert_ne!(view.standing("groq", "m", NOW), Standing::Healthy, "after {index}");
    }
}

#[test]
fn a_full_view_keeps_what_it_has() {
    let mut view = HealthView::default();
    let names: Vec<String> = (0..MAX_CIRCUITS).map(|index| format!("model-{index}")).collect();
    for name in &names {
        broken(&mut view, "vllm", name);
    }
    for name in &names {
        view.record("vllm", name, FAILURE, NOW);
        assert_ne!(view.standing("vllm", name, NOW), Standing::Healthy, "{name}");
    }
    broken(&mut view, "vllm", "one more");
    assert_eq!(view.standing("vllm", "model-0", NOW), Standing::Healthy, "it has a bound");
    assert_ne!(view.standing("vllm", "one more", NOW), Standing::Healthy);
}

#[test]
fn a_cursor_counts_for_each_key() {
    let mut cursors = Cursors::default();
    let mut view = HealthView::default();
    for ticket in 0..5 {
        assert_eq!((cursors.ticket("a"), view.ticket("a")), (ticket, ticket));
    }
    assert_eq!((cursors.ticket("b"), cursors.ticket("a")), (0, 5));
}

#[test]
fn cursors_are_bounded_and_begin_again() {
    let mut cursors = Cursors::default();
    for index in 0..MAX_CURSORS {
        cursors.ticket(&index.to_string());
    }
    assert_eq!(cursors.ticket("0"), 1, "a full table still counts");
    assert_eq!(cursors.ticket("one more"), 0);
    let tickets: HashSet<u64> = (0..9).map(|_| cursors.ticket("0")).collect();
    assert_eq!(tickets.len(), 9);
}
