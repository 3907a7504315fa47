//! The circuit breaker: every edge, every time, and how probes are handed out.

use opengateway::health::circuit::{
    Admission, Circuit, DEGRADED_MIN_OUTCOMES, FAILURES_IN_A_ROW, LastError, OPEN_MAX_MS, OPEN_MIN_MS, PROBE_MS,
    Permit, RATE_MIN_OUTCOMES, SLOW_PROBE_LAST_MS, Standing, State,
};
use opengateway::health::headroom::Headroom;
use opengateway::health::outcome::{KEY_BENCH_MS, MODEL_BENCH_MS, Outcome, QUOTA_BENCH_MS, RATE_LIMIT_MS};
use opengateway::health::window::RATE_WINDOW_MS;
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

use crate::health_fixture::left;

/// A multiple of the window, so that the first outcomes stand at the start of a bucket.
const NOW: u64 = 1_700_000_040_000;

const FAILURE: Outcome = Outcome::Failure { class: ErrorClass::ServerError };
const SLOW: Outcome = Outcome::Failure { class: ErrorClass::Timeout };
const SOFT: Outcome = Outcome::SoftFailure { class: ErrorClass::InvalidReply };
const SUCCESS: Outcome = Outcome::success(None, None);
const FIRST_TOKEN: Outcome = Outcome::FirstToken { after_ms: 100 };

fn fed(outcomes: &[Outcome], now_ms: u64) -> Circuit {
    let mut circuit = Circuit::default();
    for outcome in outcomes {
        circuit.record(*outcome, None, now_ms);
    }
    circuit
}

const HEADROOM: Headroom = Headroom { requests: left(14), tokens: None };
const MINE: Permit = Permit(1);
const ANOTHER: Permit = Permit(2);

fn open() -> Circuit {
    fed(&[FAILURE; 3], NOW)
}

/// An open circuit whose probe is out.
fn half_open() -> Circuit {
    let mut circuit = open();
    assert_eq!(circuit.admit(MINE, NOW + OPEN_MIN_MS), Admission::Probe);
    circuit
}

const fn until(ms: u64) -> Standing {
    Standing::Open { until_ms: NOW + ms }
}

const PROBE: Standing = Standing::Probe { last: false };
const LATER: u64 = NOW + OPEN_MIN_MS;

#[test]
fn every_outcome_in_every_state_leads_where_it_should() {
    let limited = Outcome::Limited { until_ms: LATER + 10 };
    let benched = Outcome::Benched { until_ms: LATER + 10, class: ErrorClass::BadKey, provider_wide: false };
    let is_limited = Standing::Limited { until_ms: LATER + 10 };
    let is_benched = Standing::Benched { until_ms: LATER + 10, class: ErrorClass::BadKey };
    let one_failed = || fed(&[FAILURE], NOW);
    // State, outcome, how it stands then, and how it stands when a limit or a bench is over.
    let edges: [(&str, Circuit, Outcome, Standing, Standing); 24] = [
        ("closed", one_failed(), FIRST_TOKEN, Standing::Healthy, Standing::Healthy),
        ("closed", one_failed(), SUCCESS, Standing::Healthy, Standing::Healthy),
        ("closed", one_failed(), FAILURE, Standing::Healthy, Standing::Healthy),
        ("closed", one_failed(), SLOW, Standing::Healthy, Standing::Healthy),
        ("closed", one_failed(), SOFT, Standing::Healthy, Standing::Healthy),
        ("closed", one_failed(), limited, is_limited, Standing::Healthy),
        ("closed", one_failed(), benched, is_benched, Standing::Healthy),
        ("closed", one_failed(), Outcome::Inconclusive, Standing::Healthy, Standing::Healthy),
        ("open", open(), FIRST_TOKEN, PROBE, PROBE),
        ("open", open(), SUCCESS, PROBE, PROBE),
        ("open", open(), FAILURE, PROBE, PROBE),
        ("open", open(), SLOW, Standing::Probe { last: true }, Standing::Probe { last: true }),
        ("open", open(), SOFT, PROBE, PROBE),
        ("open", open(), limited, is_limited, PROBE),
        ("open", open(), benched, is_benched, PROBE),
        ("open", open(), Outcome::Inconclusive, PROBE, PROBE),
        ("half-open", half_open(), Outcome::Inconclusive, PROBE, PROBE),
        ("half-open", half_open(), FIRST_TOKEN, Standing::Healthy, Standing::Healthy),
        ("half-open", half_open(), SUCCESS, Standing::Healthy, Standing::Healthy),
        ("half-open", half_open(), FAILURE, until(OPEN_MIN_MS + 10_000), until(OPEN_MIN_MS + 10_000)),
        ("half-open", half_open(), SLOW, until(OPEN_MIN_MS + 10_000), until(OPEN_MIN_MS + 10_000)),
        ("half-open", half_open(), SOFT, until(OPEN_MIN_MS + 10_000), until(OPEN_MIN_MS + 10_000)),
        ("half-open", half_open(), limited, is_limited, PROBE),
        ("half-open", half_open(), benched, is_benched, PROBE),
    ];
    for (state, mut circuit, outcome, then, after) in edges {
        circuit.record(outcome, Some(MINE), LATER);
        assert_eq!(circuit.standing(LATER), then, "{state}, {outcome:?}");
        assert_eq!(circuit.standing(LATER + 10), after, "{state}, {outcome:?}, later");
    }
}

#[test]
fn three_failures_in_a_row_open_it_and_a_success_between_does_not() {
    assert_eq!(FAILURES_IN_A_ROW, 3);
    assert_eq!(fed(&[FAILURE, FAILURE], NOW).standing(NOW), Standing::Healthy);
    assert_eq!(open().standing(NOW), until(OPEN_MIN_MS));
    assert_eq!(fed(&[SUCCESS; 9], NOW).standing(NOW), Standing::Healthy);
    let between = [SUCCESS, SUCCESS, SUCCESS, FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE];
    assert_eq!(fed(&between, NOW).standing(NOW), Standing::Degraded);
    let begun = [FAILURE, FIRST_TOKEN, FAILURE, FIRST_TOKEN, FAILURE];
    assert_eq!(fed(&begun, NOW).standing(NOW), until(OPEN_MIN_MS), "a stream that begins is no answer");
}

#[test]
fn soft_failures_count_in_the_rate_and_not_in_a_row() {
    assert_eq!(RATE_MIN_OUTCOMES, 8);
    assert_eq!(fed(&[SOFT; 7], NOW).standing(NOW), Standing::Degraded);
    assert_eq!(fed(&[SOFT; 8], NOW).standing(NOW), until(OPEN_MIN_MS));
    let half = [[SUCCESS, SOFT]; 10].concat();
    assert_eq!(fed(&half, NOW).standing(NOW), Standing::Degraded, "half is not over half");
    assert_eq!(fed(&[half, vec![SOFT]].concat(), NOW).standing(NOW), until(OPEN_MIN_MS));
}

#[test]
fn a_quarter_of_failures_is_degraded() {
    assert_eq!(DEGRADED_MIN_OUTCOMES, 4);
    assert_eq!(fed(&[SUCCESS, SUCCESS, FAILURE], NOW).standing(NOW), Standing::Healthy);
    assert_eq!(fed(&[SUCCESS, SUCCESS, SUCCESS, FAILURE], NOW).standing(NOW), Standing::Degraded);
    assert_eq!(fed(&[SUCCESS, SUCCESS, SUCCESS, SUCCESS, FAILURE], NOW).standing(NOW), Standing::Healthy);
}

#[test]
fn outcomes_leave_the_window() {
    let mut circuit = fed(&[SOFT; 7], NOW);
    assert_eq!(circuit.standing(NOW + RATE_WINDOW_MS - 1), Standing::Degraded);
    assert_eq!(circuit.standing(NOW + RATE_WINDOW_MS), Standing::Healthy);
    circuit.record(SOFT, None, NOW + RATE_WINDOW_MS);
    assert_eq!(circuit.standing(NOW + RATE_WINDOW_MS), Standing::Healthy, "the eighth came too late");
}

#[test]
fn it_stays_open_five_then_ten_then_twenty_seconds() {
    let mut circuit = open();
    let mut now_ms = NOW;
    for seconds in [5, 10, 20, 20, 20] {
        let until_ms = now_ms + seconds * 1_000;
        assert_eq!(circuit.standing(now_ms), Standing::Open { until_ms });
        assert_eq!(circuit.standing(until_ms - 1), Standing::Open { until_ms });
        assert_eq!(circuit.standing(until_ms), PROBE);
        now_ms = until_ms;
        assert_eq!(circuit.admit(MINE, now_ms), Admission::Probe);
        circuit.record(FAILURE, Some(MINE), now_ms);
    }
    assert_eq!((OPEN_MIN_MS, OPEN_MAX_MS), (5_000, 20_000));
    // After it recovered it begins anew.
    circuit.admit(MINE, now_ms);
    circuit.record(SUCCESS, Some(MINE), now_ms);
    for _ in 0..3 {
        circuit.record(FAILURE, None, now_ms);
    }
    assert_eq!(circuit.standing(now_ms), Standing::Open { until_ms: now_ms + OPEN_MIN_MS });
}

#[test]
fn what_has_recovered_is_neither_degraded_nor_on_parole() {
    for recovery in [&[SUCCESS][..], &[FIRST_TOKEN, SUCCESS]] {
        let mut circuit = fed(&[SOFT; 8], NOW);
        assert_eq!(circuit.admit(MINE, LATER), Admission::Probe);
        for outcome in recovery {
            circuit.record(*outcome, Some(MINE), LATER);
        }
        assert_eq!(circuit.standing(LATER), Standing::Healthy);
        circuit.record(FAILURE, None, LATER);
        assert_eq!(circuit.standing(LATER), Standing::Healthy, "one failure does not open it again");
    }
}

#[test]
fn a_probe_that_begins_and_is_cut_opens_it_again_at_once() {
    let mut circuit = half_open();
    circuit.record(FIRST_TOKEN, Some(MINE), LATER);
    assert_eq!(circuit.standing(LATER), Standing::Healthy);
    circuit.record(FAILURE, Some(MINE), LATER);
    assert_eq!(circuit.standing(LATER), Standing::Open { until_ms: LATER + OPEN_MIN_MS });
}

#[test]
fn a_straggler_does_not_prolong_an_open_circuit() {
    let mut circuit = open();
    circuit.record(FAILURE, None, NOW + 4_999);
    assert_eq!(circuit.standing(NOW + 4_999), until(OPEN_MIN_MS));
}

#[test]
fn only_the_probe_moves_a_broken_circuit() {
    for straggler in [FIRST_TOKEN, SUCCESS, FAILURE, SLOW, SOFT, Outcome::Inconclusive] {
        for permit in [None, Some(ANOTHER)] {
            let mut circuit = half_open();
            let before = circuit.state();
            circuit.record(straggler, permit, LATER);
            assert_eq!(circuit.state(), before, "{straggler:?}");
            let mut circuit = open();
            let before = circuit.state();
            circuit.record(straggler, permit, NOW);
            assert_eq!(circuit.state(), before, "{straggler:?}");
        }
    }
}

#[test]
fn one_request_at_a_time_may_probe() {
    let mut circuit = half_open();
    assert_eq!(circuit.admit(ANOTHER, LATER), Admission::Busy, "a probe is out");
    assert_eq!(circuit.admit(MINE, LATER), Admission::Probe, "it is mine, however often I ask");
    assert_eq!(circuit.standing(LATER), Standing::Open { until_ms: LATER + PROBE_MS });
    assert_eq!(circuit.admit(ANOTHER, LATER + PROBE_MS - 1), Admission::Busy);
    assert_eq!(circuit.standing(LATER + PROBE_MS), PROBE, "the probe got lost");
    assert_eq!(circuit.admit(ANOTHER, LATER + PROBE_MS), Admission::Probe);
    assert_eq!(circuit.admit(MINE, LATER + PROBE_MS), Admission::Busy);
    circuit.record(SUCCESS, Some(MINE), LATER + PROBE_MS);
    assert_eq!(circuit.admit(MINE, LATER + PROBE_MS), Admission::Busy, "the lost probe decides nothing any more");
    circuit.record(SUCCESS, Some(ANOTHER), LATER + PROBE_MS);
    assert_eq!(circuit.admit(MINE, LATER + PROBE_MS), Admission::Free);
}

#[test]
fn a_permit_that_is_given_back_can_be_taken_again() {
    let mut circuit = half_open();
    circuit.record(Outcome::Inconclusive, Some(MINE), LATER + 7);
    assert_eq!(circuit.standing(LATER + 7), PROBE);
    assert_eq!(circuit.admit(ANOTHER, LATER + 7), Admission::Probe);
    circuit.record(FAILURE, Some(ANOTHER), LATER + 8);
    let until_ms = LATER + 8 + 10_000;
    assert_eq!(circuit.standing(LATER + 8), Standing::Open { until_ms }, "the time open still doubles");
    let mut closed = fed(&[FAILURE], NOW);
    closed.record(Outcome::Inconclusive, Some(MINE), NOW);
    assert_eq!(closed, fed(&[FAILURE], NOW));
    let mut open = open();
    open.record(Outcome::Inconclusive, Some(MINE), NOW);
    assert_eq!(open.standing(NOW), until(OPEN_MIN_MS), "there was no permit to give back");
}

#[test]
fn an_open_circuit_admits_who_has_nothing_better() {
    let mut circuit = open();
    assert_eq!(circuit.admit(MINE, NOW + 1), Admission::Probe);
    assert_eq!(circuit.admit(ANOTHER, NOW + 1), Admission::Busy);
}

#[test]
fn what_an_eviction_must_not_forget_is_who_has_to_wait() {
    assert_eq!(Circuit::default().lasting(), None);
    for nothing in [FAILURE, SUCCESS, FIRST_TOKEN, SOFT, Outcome::Headroom(HEADROOM)] {
        assert_eq!(fed(&[nothing], NOW).lasting(), None, "{nothing:?}");
    }
    let limited = fed(&[Outcome::Limited { until_ms: LATER }], NOW);
    for lasting in [open(), half_open(), limited] {
        assert!(lasting.lasting().is_some());
    }
    assert_ne!(open().lasting(), half_open().lasting());
    let mut closed = half_open();
    closed.record(SUCCESS, Some(MINE), LATER);
    assert_eq!(closed.lasting(), None);
}

#[test]
fn it_tells_the_operator_what_it_saw_last() {
    let circuit = fed(&[SLOW, SUCCESS, Outcome::Headroom(HEADROOM)], NOW);
    assert_eq!(circuit.last_error(), Some(LastError { class: ErrorClass::Timeout, at_ms: NOW }));
    assert_eq!(circuit.headroom(), Some(HEADROOM));
    assert_eq!(circuit.totals(NOW), (1, 1));
    let limited = fed(&[Outcome::Limited { until_ms: LATER }], NOW);
    assert_eq!(limited.last_error(), Some(LastError { class: ErrorClass::RateLimited, at_ms: NOW }));
}

#[test]
fn a_circuit_has_this_form() {
    let wanted = concat!(
        r#"{"state":{"probe_since_ms":1700000045000,"for_ms":5000,"permit":1},"slow_failure_ms":null,"#,
        r#""limited_until_ms":0,"benched":null,"window":[[170000004,0,3],[0,0,0],[0,0,0],[0,0,0],[0,0,0],[0,0,0]],"#,
        r#""first_token_ms":null,"tokens_per_second":null,"#,
        r#""last_error":{"class":"server_error","ms":1700000040000},"headroom":null}"#
    );
    assert_eq!(half_open().to_json(), wanted);
    let benched = Outcome::Benched { until_ms: LATER, class: ErrorClass::Billing, provider_wide: false };
    let all = fed(&[SLOW, SUCCESS, FIRST_TOKEN, benched, Outcome::Headroom(HEADROOM)], NOW);
    for circuit in [Circuit::default(), open(), half_open(), all] {
        assert_eq!(Circuit::from_json(&circuit.to_json()), Some(circuit));
    }
    for other in ["", "{}", "[]", "{\"state\":{}}", &wanted.replace("null", "\"x\"")] {
        assert_eq!(Circuit::from_json(other), None, "{other}");
    }
}

#[test]
fn a_probe_of_what_was_slow_goes_last_for_a_while() {
    let slow = fed(&[FAILURE, FAILURE, SLOW], NOW);
    assert_eq!(slow.standing(LATER), Standing::Probe { last: true });
    assert_eq!(slow.standing(NOW + SLOW_PROBE_LAST_MS - 1), Standing::Probe { last: true });
    assert_eq!(slow.standing(NOW + SLOW_PROBE_LAST_MS), PROBE);
    let quick = fed(&[SLOW, SLOW, FAILURE], NOW);
    assert_eq!(quick.standing(LATER), PROBE, "the last failure decides");
}

#[test]
fn the_longest_limit_counts_and_the_circuit_goes_on_beneath_it() {
    let mut circuit = open();
    circuit.record(Outcome::Limited { until_ms: NOW + 3_000 }, None, NOW);
    circuit.record(Outcome::Limited { until_ms: NOW + 1_000 }, None, NOW);
    assert_eq!(circuit.standing(NOW), Standing::Limited { until_ms: NOW + 3_000 });
    assert_eq!(circuit.standing(NOW + 3_000), until(OPEN_MIN_MS));
}

#[test]
fn an_answer_takes_it_off_the_bench() {
    for outcome in [FIRST_TOKEN, SUCCESS] {
        let benched =
            Outcome::Benched { until_ms: u64::MAX, class: ErrorClass::ModelUnavailable, provider_wide: false };
        assert_eq!(fed(&[benched, outcome], NOW).standing(NOW), Standing::Healthy);
    }
}

#[test]
fn means_follow_what_was_measured() {
    let mut circuit = Circuit::default();
    assert_eq!((circuit.first_token_ms(), circuit.tokens_per_second()), (None, None));
    circuit.record(Outcome::FirstToken { after_ms: 400 }, None, NOW);
    circuit.record(Outcome::success(None, Some(100)), None, NOW);
    assert_eq!((circuit.first_token_ms(), circuit.tokens_per_second()), (Some(400), Some(100)));
    circuit.record(Outcome::success(Some(800), Some(20)), None, NOW);
    assert_eq!((circuit.first_token_ms(), circuit.tokens_per_second()), (Some(500), Some(80)));
    circuit.record(Outcome::FirstToken { after_ms: u64::MAX }, None, NOW);
    assert!(circuit.first_token_ms().is_some());
}

#[test]
fn every_class_of_failure_means_something_for_health_or_nothing() {
    let benched = |ms: u64, class, provider_wide| Outcome::Benched { until_ms: NOW + ms, class, provider_wide };
    for class in ErrorClass::ALL {
        let (unknown, told) = match class {
            ErrorClass::Connect | ErrorClass::ServerError | ErrorClass::Overloaded | ErrorClass::StreamCut => {
                (Outcome::Failure { class }, Outcome::Failure { class })
            }
            ErrorClass::Timeout => (SLOW, SLOW),
            ErrorClass::InvalidReply | ErrorClass::ModelMisbehaved => {
                (Outcome::SoftFailure { class }, Outcome::SoftFailure { class })
            }
            ErrorClass::RateLimited => {
                (Outcome::Limited { until_ms: NOW + RATE_LIMIT_MS }, Outcome::Limited { until_ms: NOW + 77 })
            }
            ErrorClass::QuotaExhausted => (benched(QUOTA_BENCH_MS, class, false), benched(77, class, false)),
            ErrorClass::BadKey | ErrorClass::Billing => {
                (benched(KEY_BENCH_MS, class, true), benched(KEY_BENCH_MS, class, true))
            }
            ErrorClass::ModelUnavailable => {
                (benched(MODEL_BENCH_MS, class, false), benched(MODEL_BENCH_MS, class, false))
            }
            ErrorClass::TooLargeForPlan
            | ErrorClass::ContextLength
            | ErrorClass::BadRequest
            | ErrorClass::ContentFilter
            | ErrorClass::ClientClosed => (Outcome::Inconclusive, Outcome::Inconclusive),
        };
        assert_eq!(Outcome::of_failure(class, None, None, NOW), unknown, "{class:?}");
        assert_eq!(Outcome::of_failure(class, None, Some(77), NOW), told, "{class:?}");
    }
}

#[test]
fn a_refusal_that_may_be_about_one_request_benches_no_provider() {
    for status in [403, 200, 299] {
        let soft = Outcome::SoftFailure { class: ErrorClass::BadKey };
        assert_eq!(Outcome::of_failure(ErrorClass::BadKey, Some(status), Some(77), NOW), soft);
    }
    for class in [ErrorClass::BadKey, ErrorClass::Billing] {
        let soft = Outcome::SoftFailure { class };
        assert_eq!(
            Outcome::of_failure(class, Some(200), None, NOW),
            soft,
            "it is often another server's, behind the provider"
        );
    }
    for status in [400, 401, 407] {
        let outcome = Outcome::of_failure(ErrorClass::BadKey, Some(status), None, NOW);
        assert!(matches!(outcome, Outcome::Benched { provider_wide: true, .. }), "{status}");
    }
    // Only a bad key: what is told in so many words is true of every request, whatever its status.
    for class in [ErrorClass::Billing, ErrorClass::ModelUnavailable, ErrorClass::QuotaExhausted] {
        let outcome = Outcome::of_failure(class, Some(403), None, NOW);
        assert!(matches!(outcome, Outcome::Benched { .. }), "{class:?}");
    }
    let one = fed(&[SOFT], NOW);
    assert_eq!(one.standing(NOW), Standing::Healthy, "the next request goes there as ever");
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        1 => Just(FIRST_TOKEN),
        3 => Just(SUCCESS),
        2 => Just(FAILURE),
        2 => Just(SLOW),
        2 => Just(SOFT),
        1 => (0u64..40_000).prop_map(|ms| Outcome::Limited { until_ms: NOW + ms }),
        1 => (0u64..40_000).prop_map(|ms| Outcome::Benched {
            until_ms: NOW + ms,
            class: ErrorClass::Billing,
            provider_wide: false,
        }),
    ]
}

proptest! {
    /// The promises that the rest is built on, whatever happens in which order.
    #[test]
    fn it_always_comes_back(steps in prop::collection::vec((outcome(), 0u64..9_000, any::<bool>()), 0..60)) {
        let mut circuit = Circuit::default();
        let mut now_ms = NOW;
        for (outcome, pause_ms, admit) in steps {
            now_ms += pause_ms;
            if admit && matches!(circuit.standing(now_ms), Standing::Probe { .. }) {
                prop_assert_eq!(circuit.admit(MINE, now_ms), Admission::Probe, "a probe that is due is given");
                prop_assert_eq!(circuit.admit(ANOTHER, now_ms), Admission::Busy, "and only one");
            }
            let decides = !matches!(circuit.state(), State::Open { .. });
            circuit.record(outcome, Some(MINE), now_ms);
            match circuit.standing(now_ms) {
                Standing::Open { until_ms } => {
                    prop_assert!(now_ms < until_ms && until_ms <= now_ms + OPEN_MAX_MS.max(PROBE_MS));
                    let is_probe = matches!(circuit.standing(until_ms), Standing::Probe { .. });
                    prop_assert!(is_probe);
                }
                Standing::Spent { until_ms } | Standing::Limited { until_ms } | Standing::Benched { until_ms, .. } => {
                    prop_assert!(now_ms < until_ms);
                }
                Standing::Healthy | Standing::Degraded | Standing::Probe { .. } => {}
            }
            if outcome == SUCCESS && decides {
                let answered = matches!(
                    circuit.standing(now_ms),
                    Standing::Healthy | Standing::Degraded | Standing::Limited { .. }
                );
                prop_assert!(answered, "one success closes");
            }
        }
        circuit.admit(MINE, now_ms);
        circuit.record(SUCCESS, Some(MINE), now_ms);
        prop_assert_eq!(circuit.standing(now_ms + RATE_WINDOW_MS), Standing::Healthy);
    }

    /// In a row and by rate, against a list of outcomes, for as long as it is closed.
    #[test]
    fn it_opens_exactly_when_a_plain_list_says_so(
        steps in prop::collection::vec((prop_oneof![Just(SUCCESS), Just(FAILURE), Just(SOFT)], 0u64..30_000), 1..80),
    ) {
        let mut circuit = Circuit::default();
        let (mut seen, mut in_a_row, mut now_ms) = (Vec::new(), 0, NOW);
        let bucket = |ms: u64| ms / (RATE_WINDOW_MS / 6);
        for (outcome, pause_ms) in steps {
            now_ms += pause_ms;
            circuit.record(outcome, None, now_ms);
            seen.push((now_ms, outcome != SUCCESS));
            in_a_row = if outcome == SUCCESS { 0 } else { in_a_row + u32::from(outcome == FAILURE) };
            let recent: Vec<bool> =
                seen.iter().filter(|(at, _)| bucket(now_ms) - bucket(*at) < 6).map(|(_, failed)| *failed).collect();
            let failed = recent.iter().filter(|failed| **failed).count();
            let rate = recent.len() >= 8 && failed * 2 > recent.len() && outcome != SUCCESS;
            let expected = if in_a_row >= 3 || rate {
                Standing::Open { until_ms: now_ms + OPEN_MIN_MS }
            } else if recent.len() >= 4 && failed * 4 >= recent.len() {
                Standing::Degraded
            } else {
                Standing::Healthy
            };
            prop_assert_eq!(circuit.standing(now_ms), expected);
            if let Standing::Open { .. } = expected {
                break;
            }
        }
    }
}

#[test]
fn a_probe_before_its_time_makes_the_time_no_longer() {
    let mut early = open();
    assert!(early.rests(NOW + 1) && !early.rests(NOW + OPEN_MIN_MS));
    early.admit(MINE, NOW + 1);
    early.record(FAILURE, Some(MINE), NOW + 2);
    assert_eq!(early.standing(NOW + 2), Standing::Open { until_ms: NOW + 2 + OPEN_MIN_MS });
    let mut due = open();
    due.admit(MINE, NOW + OPEN_MIN_MS);
    due.record(FAILURE, Some(MINE), NOW + OPEN_MIN_MS);
    assert_eq!(due.standing(NOW + OPEN_MIN_MS), Standing::Open { until_ms: NOW + 3 * OPEN_MIN_MS });
    assert!(!Circuit::default().rests(NOW));
}
