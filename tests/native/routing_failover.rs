//! The attempt loop: what follows from every class, budgets, deadlines and waits.

use opengateway::routing::failover::{
    Failover, MAX_ATTEMPTS, MAX_ATTEMPTS_AUTO, MAX_WAIT_OUT_MS, MIN_ATTEMPT_MS, MIN_DEADLINE_MS, RETRY_MAX_MS,
    RETRY_MIN_MS, Slot, Step, Verdict,
};
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000_000;
const TIMEOUT: u64 = 30_000;

fn slots(count: usize, pinned: bool) -> Vec<Slot> {
    vec![Slot { pinned, context_window: None, timeout_ms: TIMEOUT }; count]
}

fn windows(windows: &[Option<u32>]) -> Failover {
    let slot = |&context_window: &Option<u32>| Slot { pinned: false, context_window, timeout_ms: TIMEOUT };
    Failover::new(windows.iter().map(slot).collect(), false, NOW)
}

fn verdict(class: ErrorClass) -> Verdict {
    Verdict { class, retry_after_ms: None, random: 0 }
}

fn limited(retry_after_ms: u64) -> Verdict {
    Verdict { retry_after_ms: Some(retry_after_ms), ..verdict(ErrorClass::RateLimited) }
}

/// The candidate that is tried now, in full.
fn tried(failover: &mut Failover, now_ms: u64) -> Option<usize> {
    match failover.next(now_ms) {
        Step::Try { candidate, timeout_ms, shortened, .. } => {
            assert_eq!((timeout_ms, shortened), (TIMEOUT, false));
            Some(candidate)
        }
        Step::Wait { ms } => tried(failover, now_ms + ms),
        Step::Stop => None,
    }
}

/// What follows from a class that comes again and again: the candidates in the order they are tried, of three.
fn walk(class: ErrorClass, pinned: bool) -> Vec<usize> {
    let mut failover = Failover::new(slots(3, pinned), false, NOW);
    let mut order = Vec::new();
    while let Some(candidate) = tried(&mut failover, NOW) {
        order.push(candidate);
        failover.report(Verdict { retry_after_ms: Some(2_000), ..verdict(class) }, NOW);
    }
    assert_eq!(failover.attempts() as usize, order.len());
    order
}

#[test]
fn every_class_leads_to_the_same_candidate_the_next_one_or_the_end() {
    let all = vec![0, 1, 2];
    let twice = vec![0, 0, 1, 1, 2, 2];
    for class in ErrorClass::ALL {
        let (free, pinned) = match class {
            ErrorClass::Connect | ErrorClass::ServerError | ErrorClass::Overloaded | ErrorClass::RateLimited => {
                (all.clone(), twice.clone())
            }
            ErrorClass::TooLargeForPlan
            | ErrorClass::QuotaExhausted
            | ErrorClass::BadKey
            | ErrorClass::Billing
            | ErrorClass::ModelUnavailable
            | ErrorClass::InvalidReply
            | ErrorClass::ModelMisbehaved
            | ErrorClass::Timeout
            | ErrorClass::StreamCut
            // The windows are unknown, so each may be larger.
            | ErrorClass::ContextLength => (all.clone(), all.clone()),
            ErrorClass::BadRequest => (vec![0, 1], vec![0, 1]),
            ErrorClass::ContentFilter | ErrorClass::ClientClosed => (vec![0], vec![0]),
        };
        assert_eq!(walk(class, false), free, "{class:?}");
        assert_eq!(walk(class, true), pinned, "{class:?}, pinned");
    }
}

#[test]
fn every_class_is_listed_once_and_has_a_name_of_its_own() {
    let mut names: Vec<&str> = ErrorClass::ALL.iter().map(|class| class.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ErrorClass::ALL.len());
}

#[test]
fn without_candidates_there_is_nothing_to_do() {
    let mut failover = Failover::new(Vec::new(), true, NOW);
    assert_eq!(failover.next(NOW), Step::Stop);
    failover.report(verdict(ErrorClass::Connect), NOW);
    failover.put_off();
    assert_eq!(failover.next(NOW), Step::Stop);
    assert_eq!(failover.attempts(), 0);
}

#[test]
fn auto_has_four_attempts_and_everything_else_six() {
    for (auto, most) in [(true, MAX_ATTEMPTS_AUTO), (false, MAX_ATTEMPTS)] {
        let mut failover = Failover::new(slots(20, false), auto, NOW);
        while tried(&mut failover, NOW).is_some() {
            failover.report(verdict(ErrorClass::BadKey), NOW);
        }
        assert_eq!(failover.attempts(), most);
    }
    assert_eq!((MAX_ATTEMPTS_AUTO, MAX_ATTEMPTS), (4, 6));
}

#[test]
fn a_pinned_candidate_waits_with_jitter_before_it_is_tried_again() {
    for random in [0, 1, 250, 500, 501, 502, u64::MAX] {
        let mut failover = Failover::new(slots(1, true), false, NOW);
        assert_eq!(tried(&mut failover, NOW), Some(0));
        failover.report(Verdict { random, ..verdict(ErrorClass::ServerError) }, NOW + 10);
        let Step::Wait { ms } = failover.next(NOW + 10) else { panic!("it waits") };
        assert!((RETRY_MIN_MS..=RETRY_MAX_MS).contains(&ms), "{random} gives {ms}");
        assert_eq!(failover.next(NOW + 11), Step::Wait { ms: ms - 1 });
        assert_eq!(tried(&mut failover, NOW + 10 + ms), Some(0));
        failover.report(verdict(ErrorClass::ServerError), NOW + 1_000);
        assert_eq!(failover.next(NOW + 1_000), Step::Stop, "only once");
    }
}

#[test]
fn a_rate_limit_is_waited_out_only_where_it_is_short_known_and_pinned() {
    for (pinned, verdict, waits) in [
        (true, limited(MAX_WAIT_OUT_MS), Some(MAX_WAIT_OUT_MS)),
        (true, limited(0), Some(0)),
        (true, limited(MAX_WAIT_OUT_MS + 1), None),
        (true, verdict(ErrorClass::RateLimited), None),
        (false, limited(1), None),
        (true, Verdict { class: ErrorClass::QuotaExhausted, ..limited(1) }, None),
        (true, Verdict { class: ErrorClass::Overloaded, ..limited(60_000) }, Some(RETRY_MIN_MS)),
    ] {
        let mut failover = Failover::new(slots(1, pinned), false, NOW);
        assert_eq!(tried(&mut failover, NOW), Some(0));
        failover.report(verdict, NOW);
        match waits {
            Some(0) => assert_eq!(tried(&mut failover, NOW), Some(0)),
            Some(ms) => assert_eq!(failover.next(NOW), Step::Wait { ms }, "{verdict:?}"),
            None => assert_eq!(failover.next(NOW), Step::Stop, "{verdict:?}"),
        }
    }
}

#[test]
fn a_wait_that_does_not_fit_before_the_deadline_is_not_begun() {
    let mut failover = Failover::new(slots(2, true), false, NOW);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(limited(4_000), NOW + 2 * TIMEOUT - 4_000);
    assert_eq!(tried(&mut failover, NOW + 2 * TIMEOUT - 4_000), Some(1));
}

#[test]
fn a_wait_that_took_too_long_gives_way_to_the_next_candidate() {
    let mut failover = Failover::new(slots(2, true), false, NOW);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(limited(4_000), NOW);
    assert_eq!(failover.next(NOW), Step::Wait { ms: 4_000 });
    assert_eq!(tried(&mut failover, NOW + 10 * TIMEOUT), Some(1));
}

#[test]
fn a_longer_prompt_needs_a_larger_window() {
    let mut failover =
        windows(&[Some(8_000), Some(8_000), Some(4_000), None, Some(32_000), Some(16_000), Some(64_000)]);
    let mut order = Vec::new();
    while let Some(candidate) = tried(&mut failover, NOW) {
        order.push(candidate);
        failover.report(verdict(ErrorClass::ContextLength), NOW);
    }
    assert_eq!(order, [0, 3, 4, 6], "one whose window is unknown may be larger");
}

#[test]
fn after_a_context_error_a_smaller_window_is_never_tried_whatever_fails_next() {
    let mut failover = windows(&[Some(8_000), Some(32_000), Some(4_000)]);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(verdict(ErrorClass::ContextLength), NOW);
    assert_eq!(tried(&mut failover, NOW), Some(1));
    failover.report(verdict(ErrorClass::Overloaded), NOW);
    assert_eq!(tried(&mut failover, NOW), None);
}

#[test]
fn a_second_refusal_of_a_parameter_ends_it_even_with_other_failures_between() {
    let mut failover = Failover::new(slots(5, false), false, NOW);
    for class in [ErrorClass::BadRequest, ErrorClass::Timeout, ErrorClass::BadRequest] {
        assert!(tried(&mut failover, NOW).is_some());
        failover.report(verdict(class), NOW);
    }
    assert_eq!(failover.next(NOW), Step::Stop);
}

#[test]
fn the_first_failover_is_always_allowed_and_in_full() {
    for pinned in [false, true] {
        let mut failover = Failover::new(slots(3, pinned), false, NOW);
        assert_eq!(tried(&mut failover, NOW), Some(0));
        failover.report(verdict(ErrorClass::StreamCut), NOW + 10 * TIMEOUT);
        assert_eq!(tried(&mut failover, NOW + 10 * TIMEOUT), Some(1));
        failover.report(verdict(ErrorClass::StreamCut), NOW + 10 * TIMEOUT);
        assert_eq!(failover.next(NOW + 10 * TIMEOUT), Step::Stop);
    }
}

#[test]
fn trying_a_pinned_candidate_again_does_not_use_up_the_first_failover() {
    let mut failover = Failover::new(slots(2, true), false, NOW);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(verdict(ErrorClass::ServerError), NOW);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(verdict(ErrorClass::ServerError), NOW + 10 * TIMEOUT);
    assert_eq!(tried(&mut failover, NOW + 10 * TIMEOUT), Some(1));
}

#[test]
fn later_attempts_have_what_is_left_before_the_deadline() {
    let deadline = NOW + 2 * TIMEOUT;
    for (left, step) in [
        (TIMEOUT, Step::Try { candidate: 2, timeout_ms: TIMEOUT, shortened: false, insist: false }),
        (TIMEOUT - 1, Step::Try { candidate: 2, timeout_ms: TIMEOUT - 1, shortened: true, insist: false }),
        (MIN_ATTEMPT_MS, Step::Try { candidate: 2, timeout_ms: MIN_ATTEMPT_MS, shortened: true, insist: false }),
        (MIN_ATTEMPT_MS - 1, Step::Stop),
        (0, Step::Stop),
    ] {
        let mut failover = Failover::new(slots(3, false), false, NOW);
        for candidate in 0..2 {
            assert_eq!(tried(&mut failover, NOW), Some(candidate));
            failover.report(verdict(ErrorClass::Timeout), NOW);
        }
        assert_eq!(failover.next(deadline - left), step);
    }
}

#[test]
fn short_timeouts_still_have_the_common_deadline() {
    let slot = Slot { pinned: false, context_window: None, timeout_ms: 5_000 };
    let mut failover = Failover::new(vec![slot; 4], false, NOW);
    for _ in 0..2 {
        assert!(matches!(failover.next(NOW), Step::Try { .. }));
        failover.report(verdict(ErrorClass::Timeout), NOW);
    }
    let step = failover.next(NOW + MIN_DEADLINE_MS - 5_000);
    assert_eq!(step, Step::Try { candidate: 2, timeout_ms: 5_000, shortened: false, insist: false });
    failover.report(verdict(ErrorClass::Timeout), NOW);
    assert_eq!(failover.next(NOW + MIN_DEADLINE_MS), Step::Stop);
}

#[test]
fn a_candidate_that_is_put_off_is_no_attempt_and_comes_back_when_all_others_failed() {
    let mut failover = Failover::new(slots(3, true), false, NOW);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.put_off();
    assert_eq!(failover.attempts(), 0);
    assert_eq!(tried(&mut failover, NOW), Some(1));
    failover.report(verdict(ErrorClass::BadKey), NOW);
    // The first failover is still to come.
    assert_eq!(tried(&mut failover, NOW + 10 * TIMEOUT), Some(2));
    failover.put_off();
    assert_eq!(failover.attempts(), 1);
    let step = failover.next(NOW);
    assert!(matches!(step, Step::Try { candidate: 0, insist: true, .. }), "{step:?}");
    failover.report(verdict(ErrorClass::BadKey), NOW);
    assert!(matches!(failover.next(NOW), Step::Try { candidate: 2, insist: true, .. }));
    failover.put_off();
    assert_eq!(failover.next(NOW), Step::Stop, "nobody is put off twice");
}

#[test]
fn a_pinned_candidate_that_is_put_off_when_it_is_tried_again_had_its_attempt() {
    let mut failover = Failover::new(slots(2, true), false, NOW);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(verdict(ErrorClass::ServerError), NOW);
    let Step::Wait { ms } = failover.next(NOW) else { panic!("it is tried again") };
    assert_eq!(tried(&mut failover, NOW + ms), Some(0));
    failover.put_off();
    assert_eq!((tried(&mut failover, NOW + ms), failover.attempts()), (Some(1), 2));
    failover.report(verdict(ErrorClass::BadKey), NOW + ms);
    assert_eq!(failover.next(NOW + ms), Step::Stop);
}

proptest! {
    #[test]
    fn whatever_happens_it_ends_within_its_budget(
        specs in prop::collection::vec((any::<bool>(), prop::option::of(1u32..9), 0u64..200_000), 0..9),
        auto in any::<bool>(),
        events in prop::collection::vec(
            (0..ErrorClass::ALL.len(), prop::option::of(0u64..9_000), any::<u64>(), 0u64..40_000, 0u8..9),
            64,
        ),
    ) {
        let slot = |&(pinned, context_window, timeout_ms): &_| Slot { pinned, context_window, timeout_ms };
        let slots: Vec<Slot> = specs.iter().map(slot).collect();
        let mut failover = Failover::new(slots.clone(), auto, NOW);
        let mut now_ms = NOW;
        let mut tries = vec![0u32; slots.len()];
        let mut last = 0;
        let mut ended = false;
        for (class, retry_after_ms, random, took_ms, dice) in events {
            match failover.next(now_ms) {
                Step::Stop => {
                    ended = true;
                    prop_assert_eq!(failover.next(now_ms), Step::Stop, "it stays at its end");
                    break;
                }
                Step::Wait { ms } => {
                    prop_assert!((1..=MAX_WAIT_OUT_MS).contains(&ms));
                    now_ms += ms;
                }
                Step::Try { candidate, timeout_ms, shortened, insist } => {
                    prop_assert!(insist || candidate >= last, "it never goes back but to those that were put off");
                    last = candidate;
                    tries[candidate] += u32::from(dice > 0);
                    prop_assert!(timeout_ms > 0 && timeout_ms <= slots[candidate].timeout_ms);
                    prop_assert_eq!(shortened, timeout_ms < slots[candidate].timeout_ms);
                    now_ms += took_ms.min(timeout_ms);
                    if dice == 0 {
                        failover.put_off();
                    } else {
                        failover.report(Verdict { class: ErrorClass::ALL[class], retry_after_ms, random }, now_ms);
                    }
                }
            }
        }
        prop_assert!(ended);
        let most = if auto { MAX_ATTEMPTS_AUTO } else { MAX_ATTEMPTS };
        prop_assert!(failover.attempts() <= most);
        for (slot, tries) in slots.iter().zip(tries) {
            let most = if slot.pinned { 2 } else { 1 };
            prop_assert!(tries <= most);
        }
    }
}
