//! The attempt loop with two attempts on their way: when the second one starts, and what follows when one of them fails.

use opengateway::routing::failover::{Budget, Failover, MAX_ATTEMPTS_AUTO, RETRY_MIN_MS, Slot, Step, Try, Verdict};
use opengateway::routing::failure::ErrorClass;

const NOW: u64 = 1_700_000_000_000;
const TIMEOUT: u64 = 30_000;
const AFTER: u64 = 8_000;
const SLOT: Slot = Slot {
    pinned: false,
    provider: 0,
    context_window: None,
    not_before_ms: 0,
    timeout_ms: TIMEOUT,
    streams: true,
    hedge_after_ms: Some(AFTER),
    beside: true,
};
const BUDGET: Budget = Budget { auto: false, received_ms: NOW, deadline_ms: None, client_ms: None, attempt_ms: None };

fn slots(count: usize) -> Vec<Slot> {
    (0..count).map(|provider| Slot { provider, ..SLOT }).collect()
}

fn begin(failover: &mut Failover, now_ms: u64) -> Try {
    match failover.next(now_ms) {
        Step::Try(tried) => tried,
        other @ (Step::Wait { .. } | Step::Stop) => panic!("{other:?}"),
    }
}

fn hedged_at(slots: Vec<Slot>, budget: Budget) -> Option<u64> {
    begin(&mut Failover::new(slots, budget), NOW).hedge_after_ms
}

fn verdict(class: ErrorClass) -> Verdict {
    Verdict { class, retry_after_ms: None, resting: false, random: 0 }
}

/// Two attempts, 0 and 1, the second one hedging the first.
fn two_of(slots: Vec<Slot>, budget: Budget) -> Failover {
    let mut failover = Failover::new(slots, budget);
    assert_eq!(begin(&mut failover, NOW).candidate, 0);
    assert_eq!(failover.hedge(NOW + AFTER).map(|hedge| hedge.candidate), Some(1));
    failover
}

#[test]
fn a_silent_first_one_is_hedged_by_the_next_one_and_by_no_third() {
    let mut failover = Failover::new(slots(3), BUDGET);
    assert_eq!(failover.hedge(NOW), None, "there is nothing to hedge yet");
    let first = begin(&mut failover, NOW);
    assert_eq!((first.candidate, first.hedge_after_ms), (0, Some(AFTER)));
    let wanted = Try { candidate: 1, timeout_ms: TIMEOUT, shortened: false, insist: false, hedge_after_ms: None };
    assert_eq!(failover.hedge(NOW + AFTER), Some(wanted), "in full, as the first failover is");
    assert_eq!(failover.hedge(NOW + AFTER), None);
    assert_eq!(failover.attempts(), 2);
}

#[test]
fn who_has_nobody_beside_it_is_waited_for_alone() {
    assert_eq!(hedged_at(slots(1), BUDGET), None, "the only candidate");
    let too_dear = Slot { beside: false, ..SLOT };
    assert_eq!(hedged_at(vec![SLOT, too_dear, SLOT], BUDGET), None, "the order is kept, so the third does not hedge");
    assert_eq!(hedged_at(vec![too_dear, SLOT], BUDGET), Some(AFTER), "what the first one costs does not matter");
    assert_eq!(hedged_at(vec![Slot { streams: true, hedge_after_ms: None, ..SLOT }, SLOT], BUDGET), None, "it thinks");
    assert_eq!(hedged_at(vec![Slot { timeout_ms: AFTER, ..SLOT }, SLOT], BUDGET), None, "its time is over before");
}

#[test]
fn a_clients_deadline_brings_the_hedge_forward_to_half_of_it() {
    for (client_ms, after_ms) in [(60_000, AFTER), (16_000, AFTER), (15_999, 7_999), (1_000, 500), (1, 0)] {
        assert_eq!(hedged_at(slots(2), Budget { client_ms: Some(client_ms), ..BUDGET }), Some(after_ms), "{client_ms}");
    }
    let mut failover = Failover::new(slots(2), Budget { client_ms: Some(1_000), ..BUDGET });
    assert_eq!(begin(&mut failover, NOW + 200).hedge_after_ms, Some(400));
    let hedge = failover.hedge(NOW + 600).unwrap();
    assert_eq!((hedge.timeout_ms, hedge.shortened), (400, true));
}

#[test]
fn a_smaller_window_does_not_hedge_a_prompt_that_was_too_long_before() {
    let window = |context_window| Slot { context_window, ..SLOT };
    let mut failover = Failover::new(vec![window(Some(8)), window(Some(16)), window(Some(4)), window(None)], BUDGET);
    assert_eq!(begin(&mut failover, NOW).candidate, 0);
    failover.report(0, verdict(ErrorClass::ContextLength), NOW);
    assert_eq!(begin(&mut failover, NOW).candidate, 1);
    assert_eq!(failover.hedge(NOW).map(|hedge| hedge.candidate), Some(3));
}

#[test]
fn a_candidate_that_another_request_probes_gives_its_turn_to_the_next_one() {
    let mut failover = two_of(slots(3), BUDGET);
    failover.put_off(1);
    assert_eq!(failover.attempts(), 1);
    assert_eq!(failover.hedge(NOW + AFTER).map(|hedge| hedge.candidate), Some(2));
    failover.put_off(2);
    assert_eq!(failover.hedge(NOW + AFTER), None, "nobody is insisted on for a hedge");
    failover.report(0, verdict(ErrorClass::Timeout), NOW + TIMEOUT);
    let next = begin(&mut failover, NOW + TIMEOUT);
    assert_eq!((next.candidate, next.insist), (1, true));
}

#[test]
fn when_both_failed_it_goes_on_whichever_was_first() {
    for order in [[0, 1], [1, 0]] {
        let mut failover = two_of(slots(4), BUDGET);
        for candidate in order {
            failover.report(candidate, verdict(ErrorClass::Overloaded), NOW + AFTER);
        }
        let third = begin(&mut failover, NOW + AFTER);
        assert_eq!((third.candidate, third.hedge_after_ms), (2, Some(AFTER)), "and may be hedged itself");
        assert_eq!(failover.attempts(), 3);
    }
}

#[test]
fn a_pinned_one_that_fails_beside_a_hedge_is_not_tried_again_before_the_hedge_has_failed() {
    let pinned = |provider| Slot { pinned: true, provider, ..SLOT };
    let mut failover = two_of((0..3).map(pinned).collect(), BUDGET);
    failover.report(0, verdict(ErrorClass::ServerError), NOW + AFTER);
    failover.report(1, verdict(ErrorClass::ServerError), NOW + AFTER);
    assert_eq!(failover.next(NOW + AFTER), Step::Wait { ms: RETRY_MIN_MS }, "the last one to fail is tried again");
    assert_eq!(begin(&mut failover, NOW + AFTER + RETRY_MIN_MS).candidate, 1);
}

#[test]
fn a_refusal_by_one_of_two_ends_it_only_when_the_other_one_fails_too() {
    for class in [ErrorClass::ContentFilter, ErrorClass::ClientClosed] {
        let mut failover = two_of(slots(4), BUDGET);
        failover.report(1, verdict(class), NOW + AFTER);
        assert_eq!(failover.hedge(NOW + AFTER), None);
        failover.report(0, verdict(ErrorClass::Timeout), NOW + TIMEOUT);
        assert_eq!(failover.next(NOW + TIMEOUT), Step::Stop, "{class:?}");
    }
}

#[test]
fn two_refusals_of_a_parameter_are_enough_at_the_same_time_too() {
    let mut failover = two_of(slots(4), BUDGET);
    failover.report(0, verdict(ErrorClass::BadRequest), NOW + AFTER);
    failover.report(1, verdict(ErrorClass::BadRequest), NOW + AFTER);
    assert_eq!(failover.next(NOW + AFTER), Step::Stop);
}

#[test]
fn a_hedge_counts_as_an_attempt() {
    let mut failover = Failover::new(slots(9), Budget { auto: true, ..BUDGET });
    let mut at_ms = NOW;
    for pair in 0..2 {
        let first = begin(&mut failover, at_ms).candidate;
        let second = failover.hedge(at_ms).unwrap().candidate;
        assert_eq!((first, second), (2 * pair, 2 * pair + 1));
        for candidate in [first, second] {
            failover.report(candidate, verdict(ErrorClass::Overloaded), at_ms);
        }
        at_ms += 1;
    }
    assert_eq!((failover.attempts(), failover.next(at_ms)), (MAX_ATTEMPTS_AUTO, Step::Stop));
    let mut failover = Failover::new(slots(9), Budget { auto: true, ..BUDGET });
    for _ in 1..MAX_ATTEMPTS_AUTO {
        let tried = begin(&mut failover, NOW);
        assert!(tried.hedge_after_ms.is_some());
        failover.report(tried.candidate, verdict(ErrorClass::Overloaded), NOW);
    }
    assert_eq!(begin(&mut failover, NOW).hedge_after_ms, None, "the last attempt stays alone");
    assert_eq!(failover.hedge(NOW), None);
}

#[test]
fn a_hedge_that_the_deadline_leaves_no_time_for_is_not_begun() {
    let mut failover = Failover::new(slots(4), BUDGET);
    for candidate in 0..2 {
        assert_eq!(begin(&mut failover, NOW).candidate, candidate);
        failover.report(candidate, verdict(ErrorClass::Overloaded), NOW);
    }
    let late_ms = NOW + 2 * TIMEOUT - 10_000;
    assert_eq!(begin(&mut failover, late_ms).hedge_after_ms, Some(AFTER));
    assert_eq!(failover.hedge(late_ms + AFTER).map(|hedge| hedge.timeout_ms), Some(2_000));
    let mut late = Failover::new(slots(4), BUDGET);
    for candidate in 0..2 {
        assert_eq!(begin(&mut late, NOW).candidate, candidate);
        late.report(candidate, verdict(ErrorClass::Overloaded), NOW);
    }
    assert_eq!(begin(&mut late, NOW + 2 * TIMEOUT - 8_500).hedge_after_ms, Some(AFTER));
    assert_eq!(late.hedge(NOW + 2 * TIMEOUT - 500), None);
    assert_eq!(late.attempts(), 3);
}
