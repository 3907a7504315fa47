//! The attempt loop: what follows from every class, budgets, deadlines and waits.

use opengateway::routing::failover::{
    Budget, Failover, MAX_ATTEMPTS, MAX_ATTEMPTS_AUTO, MAX_WAIT_OUT_MS, MIN_ATTEMPT_MS, MIN_DEADLINE_MS,
    MIN_HURRIED_MS, RETRY_MAX_MS, RETRY_MIN_MS, Slot, Step, Try, Verdict,
};
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000_000;
const TIMEOUT: u64 = 30_000;

/// A candidate of a provider of its own.
const SLOT: Slot = Slot {
    pinned: false,
    provider: 0,
    context_window: None,
    not_before_ms: 0,
    timeout_ms: TIMEOUT,
    streams: true,
    hedge_after_ms: None,
    beside: true,
};

fn slots(count: usize, pinned: bool) -> Vec<Slot> {
    (0..count).map(|provider| Slot { pinned, provider, ..SLOT }).collect()
}

const BUDGET: Budget = Budget { auto: false, received_ms: NOW, deadline_ms: None, client_ms: None, attempt_ms: None };

/// A machine whose attempts come one after another.
struct Machine {
    failover: Failover,
    last: usize,
}

impl Machine {
    fn new(slots: Vec<Slot>, budget: Budget) -> Self {
        Self { failover: Failover::new(slots, budget), last: 0 }
    }

    fn next(&mut self, now_ms: u64) -> Step {
        let step = self.failover.next(now_ms);
        if let Step::Try(tried) = step {
            self.last = tried.candidate;
        }
        step
    }

    /// The last attempt failed.
    fn report(&mut self, verdict: Verdict, now_ms: u64) {
        self.failover.report(self.last, verdict, now_ms);
    }

    /// The last attempt is put off.
    fn put_off(&mut self) {
        self.failover.put_off(self.last);
    }

    fn attempts(&self) -> u32 {
        self.failover.attempts()
    }
}

fn machine(slots: Vec<Slot>) -> Machine {
    Machine::new(slots, BUDGET)
}

/// In full, and nobody beside it.
const fn attempt(candidate: usize) -> Try {
    Try { candidate, timeout_ms: TIMEOUT, shortened: false, insist: false, hedge_after_ms: None }
}

fn windows(windows: &[Option<u32>]) -> Machine {
    let slot = |(provider, &context_window)| Slot { provider, context_window, ..SLOT };
    machine(windows.iter().enumerate().map(slot).collect())
}

fn verdict(class: ErrorClass) -> Verdict {
    Verdict { class, retry_after_ms: None, resting: false, random: 0 }
}

fn limited(retry_after_ms: u64) -> Verdict {
    Verdict { retry_after_ms: Some(retry_after_ms), ..verdict(ErrorClass::RateLimited) }
}

/// The candidate that is tried now, in full.
fn tried(failover: &mut Machine, now_ms: u64) -> Option<usize> {
    match failover.next(now_ms) {
        Step::Try(tried) => {
            assert_eq!((tried.timeout_ms, tried.shortened), (TIMEOUT, false));
            Some(tried.candidate)
        }
        Step::Wait { ms } => tried(failover, now_ms + ms),
        Step::Stop => None,
    }
}

fn shortened(candidate: usize, timeout_ms: u64) -> Step {
    Step::Try(Try { timeout_ms, shortened: true, ..attempt(candidate) })
}

/// What follows from a class that comes again and again: the candidates in the order they are tried, of three.
fn walk(class: ErrorClass, pinned: bool) -> Vec<usize> {
    let mut failover = machine(slots(3, pinned));
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
    let mut failover = machine(Vec::new());
    assert_eq!(failover.next(NOW), Step::Stop);
    failover.report(verdict(ErrorClass::Connect), NOW);
    failover.put_off();
    assert_eq!(failover.next(NOW), Step::Stop);
    assert_eq!(failover.attempts(), 0);
}

#[test]
fn auto_has_four_attempts_and_everything_else_six() {
    for (auto, most) in [(true, MAX_ATTEMPTS_AUTO), (false, MAX_ATTEMPTS)] {
        let mut failover = Machine::new(slots(20, false), Budget { auto, ..BUDGET });
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
        let mut failover = machine(slots(1, true));
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
        let mut failover = machine(slots(1, pinned));
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
    let mut failover = machine(slots(2, true));
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(limited(4_000), NOW + 2 * TIMEOUT - 4_000);
    assert_eq!(tried(&mut failover, NOW + 2 * TIMEOUT - 4_000), Some(1));
}

#[test]
fn a_wait_that_took_too_long_gives_way_to_the_next_candidate() {
    let mut failover = machine(slots(2, true));
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
    let mut failover = machine(slots(5, false));
    for class in [ErrorClass::BadRequest, ErrorClass::Timeout, ErrorClass::BadRequest] {
        assert!(tried(&mut failover, NOW).is_some());
        failover.report(verdict(class), NOW);
    }
    assert_eq!(failover.next(NOW), Step::Stop);
}

#[test]
fn the_first_failover_is_always_allowed_and_in_full() {
    for pinned in [false, true] {
        let mut failover = machine(slots(3, pinned));
        assert_eq!(tried(&mut failover, NOW), Some(0));
        failover.report(verdict(ErrorClass::StreamCut), NOW + 10 * TIMEOUT);
        assert_eq!(tried(&mut failover, NOW + 10 * TIMEOUT), Some(1));
        failover.report(verdict(ErrorClass::StreamCut), NOW + 10 * TIMEOUT);
        assert_eq!(failover.next(NOW + 10 * TIMEOUT), Step::Stop);
    }
}

#[test]
fn trying_a_pinned_candidate_again_does_not_use_up_the_first_failover() {
    let mut failover = machine(slots(2, true));
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
        (TIMEOUT, Step::Try(attempt(2))),
        (TIMEOUT - 1, shortened(2, TIMEOUT - 1)),
        (MIN_ATTEMPT_MS, shortened(2, MIN_ATTEMPT_MS)),
        (MIN_ATTEMPT_MS - 1, Step::Stop),
        (0, Step::Stop),
    ] {
        let mut failover = machine(slots(3, false));
        for candidate in 0..2 {
            assert_eq!(tried(&mut failover, NOW), Some(candidate));
            failover.report(verdict(ErrorClass::Timeout), NOW);
        }
        assert_eq!(failover.next(deadline - left), step);
    }
}

#[test]
fn short_timeouts_still_have_the_common_deadline() {
    let mut failover = machine(vec![Slot { timeout_ms: 5_000, ..SLOT }; 4]);
    for _ in 0..2 {
        assert!(matches!(failover.next(NOW), Step::Try(_)));
        failover.report(verdict(ErrorClass::Timeout), NOW);
    }
    let step = failover.next(NOW + MIN_DEADLINE_MS - 5_000);
    assert_eq!(step, Step::Try(Try { timeout_ms: 5_000, ..attempt(2) }));
    failover.report(verdict(ErrorClass::Timeout), NOW);
    assert_eq!(failover.next(NOW + MIN_DEADLINE_MS), Step::Stop);
}

#[test]
fn a_candidate_that_is_put_off_is_no_attempt_and_comes_back_when_all_others_failed() {
    let mut failover = machine(slots(3, true));
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
    assert!(matches!(step, Step::Try(Try { candidate: 0, insist: true, .. })), "{step:?}");
    failover.report(verdict(ErrorClass::BadKey), NOW);
    assert!(matches!(failover.next(NOW), Step::Try(Try { candidate: 2, insist: true, .. })));
    failover.put_off();
    assert_eq!(failover.next(NOW), Step::Stop, "nobody is put off twice");
}

#[test]
fn a_pinned_candidate_that_is_put_off_when_it_is_tried_again_had_its_attempt() {
    let mut failover = machine(slots(2, true));
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.report(verdict(ErrorClass::ServerError), NOW);
    let Step::Wait { ms } = failover.next(NOW) else { panic!("it is tried again") };
    assert_eq!(tried(&mut failover, NOW + ms), Some(0));
    failover.put_off();
    assert_eq!((tried(&mut failover, NOW + ms), failover.attempts()), (Some(1), 2));
    failover.report(verdict(ErrorClass::BadKey), NOW + ms);
    assert_eq!(failover.next(NOW + ms), Step::Stop);
}

// --- Deadlines -------------------------------------------------------------------------------------------------------

#[test]
fn the_operators_deadline_takes_the_place_of_the_common_one() {
    let mut failover = Machine::new(slots(4, false), Budget { deadline_ms: Some(10_000), ..BUDGET });
    for candidate in 0..2 {
        assert_eq!(tried(&mut failover, NOW), Some(candidate), "in full");
        failover.report(verdict(ErrorClass::Timeout), NOW);
    }
    assert_eq!(failover.next(NOW + 1), shortened(2, 9_999));
    failover.report(verdict(ErrorClass::Timeout), NOW + 10_000);
    assert_eq!(failover.next(NOW + 10_000), Step::Stop);
    assert!(!failover.failover.out_of_time(u64::MAX - 1), "the client has all the time in the world");
}

#[test]
fn no_attempt_runs_past_the_clients_deadline() {
    let budget = Budget { client_ms: Some(2_000), ..BUDGET };
    let mut failover = Machine::new(slots(3, true), budget);
    assert_eq!(failover.next(NOW + 5), shortened(0, 1_995));
    failover.report(limited(1_990), NOW + 10);
    assert_eq!(failover.next(NOW + 10), shortened(1, 1_990), "no wait up to the deadline");
    failover.report(limited(500), NOW + 100);
    assert_eq!(failover.next(NOW + 100), Step::Wait { ms: 500 }, "a wait that fits is waited");
    assert_eq!(failover.next(NOW + 600), shortened(1, 1_400));
    failover.report(verdict(ErrorClass::ServerError), NOW + 2_000 - MIN_HURRIED_MS);
    assert_eq!(failover.next(NOW + 2_000 - MIN_HURRIED_MS), shortened(2, MIN_HURRIED_MS));
    assert!(!failover.failover.out_of_time(NOW + 1_999));
    assert!(failover.failover.out_of_time(NOW + 2_000));
}

#[test]
fn what_little_the_clients_deadline_leaves_is_not_begun_with_unless_nothing_was_tried() {
    let budget = Budget { client_ms: Some(1), ..BUDGET };
    let mut failover = Machine::new(slots(2, false), budget);
    assert_eq!(failover.next(NOW), shortened(0, 1));
    failover.report(verdict(ErrorClass::Timeout), NOW);
    assert_eq!(failover.next(NOW), Step::Stop);
    assert!(failover.failover.out_of_time(NOW));
    let mut late = Machine::new(slots(2, false), budget);
    assert_eq!(late.next(NOW + 1), Step::Stop);
    assert!(late.failover.out_of_time(NOW));
}

#[test]
fn a_clients_deadline_lowers_and_never_raises() {
    let mut failover = Machine::new(slots(4, false), Budget { client_ms: Some(10 * TIMEOUT), ..BUDGET });
    for candidate in 0..2 {
        assert_eq!(tried(&mut failover, NOW), Some(candidate));
        failover.report(verdict(ErrorClass::Timeout), NOW);
    }
    assert_eq!(failover.next(NOW + 2 * TIMEOUT - 5_000), shortened(2, 5_000));
    failover.report(verdict(ErrorClass::Timeout), NOW + 2 * TIMEOUT);
    assert_eq!(failover.next(NOW + 2 * TIMEOUT), Step::Stop);
    assert!(!failover.failover.out_of_time(NOW + 2 * TIMEOUT));
}

#[test]
fn a_client_that_gives_each_attempt_less_has_as_many_of_them() {
    let mut failover = Machine::new(slots(4, false), Budget { attempt_ms: Some(50), ..BUDGET });
    for candidate in 0..4 {
        assert_eq!(failover.next(NOW), shortened(candidate, 50));
        failover.report(verdict(ErrorClass::Timeout), NOW);
    }
    let mut failover = Machine::new(slots(4, false), Budget { attempt_ms: Some(2 * TIMEOUT), ..BUDGET });
    assert_eq!(tried(&mut failover, NOW), Some(0), "never more than the operator gives");
}

// --- Whole providers -------------------------------------------------------------------------------------------------

#[test]
fn what_else_a_dead_provider_offers_comes_after_all_others() {
    let of = |providers: &[usize]| providers.iter().map(|&provider| Slot { provider, ..SLOT }).collect::<Vec<_>>();
    for class in ErrorClass::ALL {
        let mut failover = machine(of(&[7, 7, 8, 7, 9]));
        assert_eq!(tried(&mut failover, NOW), Some(0));
        failover.report(verdict(class), NOW);
        let next = tried(&mut failover, NOW);
        match class {
            ErrorClass::Connect | ErrorClass::BadKey | ErrorClass::Billing => assert_eq!(next, Some(2), "{class:?}"),
            ErrorClass::ContentFilter | ErrorClass::ClientClosed => assert_eq!(next, None, "{class:?}"),
            ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::RateLimited
            | ErrorClass::TooLargeForPlan
            | ErrorClass::QuotaExhausted
            | ErrorClass::ModelUnavailable
            | ErrorClass::ContextLength
            | ErrorClass::BadRequest
            | ErrorClass::InvalidReply
            | ErrorClass::ModelMisbehaved
            | ErrorClass::Timeout
            | ErrorClass::StreamCut => assert_eq!(next, Some(1), "{class:?}"),
        }
    }
    let mut failover = machine(of(&[7, 7, 8, 7, 9]));
    let mut order = Vec::new();
    while let Some(candidate) = tried(&mut failover, NOW) {
        order.push(candidate);
        failover.report(verdict(ErrorClass::Connect), NOW);
    }
    assert_eq!(order, [0, 2, 4, 1, 3], "they are still better than no answer");
}

#[test]
fn who_was_put_off_stays_behind_a_dead_provider() {
    let of = |provider| Slot { provider, ..SLOT };
    let mut failover = machine(vec![of(1), of(2), of(2), of(3)]);
    assert_eq!(tried(&mut failover, NOW), Some(0));
    failover.put_off();
    for wanted in [1, 3, 2] {
        assert_eq!(tried(&mut failover, NOW), Some(wanted));
        failover.report(verdict(ErrorClass::Connect), NOW);
    }
    assert_eq!(failover.next(NOW), Step::Try(Try { insist: true, ..attempt(0) }));
}

proptest! {
    #[test]
    fn whatever_happens_it_ends_within_its_budget(
        specs in prop::collection::vec(
            (any::<bool>(), 0usize..3, prop::option::of(1u32..9), 0u64..200_000, prop::option::of(0u64..9_000), any::<bool>(), 0u64..5_000),
            0..9,
        ),
        (auto, deadline_ms, client_ms, attempt_ms) in (
            any::<bool>(),
            prop::option::of(1u64..90_000),
            prop::option::of(1u64..90_000),
            prop::option::of(1u64..90_000),
        ),
        events in prop::collection::vec(
            (0..ErrorClass::ALL.len(), prop::option::of(0u64..9_000), any::<u64>(), 0u64..40_000, 0u8..9, any::<bool>()),
            64,
        ),
    ) {
        let slot = |&(pinned, provider, context_window, timeout_ms, hedge_after_ms, beside, wait_ms): &_| {
            let not_before_ms = if beside { 0 } else { NOW + wait_ms };
            Slot { pinned, provider, context_window, not_before_ms, timeout_ms, streams: true, hedge_after_ms, beside }
        };
        let slots: Vec<Slot> = specs.iter().map(slot).collect();
        let mut failover = Failover::new(slots.clone(), Budget { auto, received_ms: NOW, deadline_ms, client_ms, attempt_ms });
        let mut now_ms = NOW;
        let mut tries = vec![0u32; slots.len()];
        let mut out: Vec<Try> = Vec::new();
        let mut ended = false;
        for (class, retry_after_ms, random, took_ms, dice, second_first) in events {
            if out.is_empty() {
                match failover.next(now_ms) {
                    Step::Stop => {
                        ended = true;
                        prop_assert_eq!(failover.next(now_ms), Step::Stop, "it stays at its end");
                        break;
                    }
                    Step::Wait { ms } => {
                        prop_assert!((1..=MAX_WAIT_OUT_MS).contains(&ms));
                        now_ms += ms;
                        continue;
                    }
                    Step::Try(tried) => out.push(tried),
                }
            } else if out.len() == 1 && out[0].hedge_after_ms.is_some() {
                let hedge = failover.hedge(now_ms);
                prop_assert!(hedge.is_none_or(|hedge| slots[hedge.candidate].beside && hedge.hedge_after_ms.is_none()));
                out.extend(hedge);
                prop_assert!(out.len() < 2 || failover.hedge(now_ms).is_none(), "two are enough");
            }
            let tried = out.remove(if second_first { out.len() - 1 } else { 0 });
            let slot = slots[tried.candidate];
            prop_assert!(tried.timeout_ms > 0 && tried.timeout_ms <= slot.timeout_ms);
            prop_assert_eq!(tried.shortened, tried.timeout_ms < slot.timeout_ms);
            prop_assert!(tried.hedge_after_ms.is_none_or(|ms| ms < tried.timeout_ms));
            tries[tried.candidate] += u32::from(dice > 0);
            now_ms += took_ms.min(tried.timeout_ms);
            if dice == 0 {
                failover.put_off(tried.candidate);
            } else {
                let verdict = Verdict { class: ErrorClass::ALL[class], retry_after_ms, resting: random % 2 == 0, random };
                failover.report(tried.candidate, verdict, now_ms);
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

    #[test]
    fn no_attempt_ends_after_the_clients_deadline(
        client_ms in 1u64..60_000,
        (timeouts, hedge_after_ms) in (prop::collection::vec(1u64..100_000, 1..6), prop::option::of(0u64..9_000)),
        events in prop::collection::vec((0..ErrorClass::ALL.len(), 0u64..20_000, any::<bool>()), 32),
    ) {
        let slot = |(provider, &timeout_ms): (usize, &u64)| Slot { pinned: true, provider, timeout_ms, streams: true, hedge_after_ms, ..SLOT };
        let slots = timeouts.iter().enumerate().map(slot).collect();
        let mut failover = Failover::new(slots, Budget { client_ms: Some(client_ms), ..BUDGET });
        let mut now_ms = NOW;
        for (class, took_ms, hedged) in events {
            match failover.next(now_ms) {
                Step::Stop => break,
                Step::Wait { ms } => now_ms += ms,
                Step::Try(tried) => {
                    let hedge = failover.hedge(now_ms).filter(|_| hedged);
                    for one in [Some(tried), hedge].into_iter().flatten() {
                        prop_assert!(now_ms + one.timeout_ms <= NOW + client_ms);
                        failover.report(one.candidate, verdict(ErrorClass::ALL[class]), now_ms);
                    }
                    now_ms += took_ms.min(tried.timeout_ms);
                }
            }
        }
    }
}

#[test]
fn whoever_rests_is_only_asked_again_where_nobody_else_is_left() {
    let pinned = Slot { pinned: true, ..SLOT };
    let resting = Verdict { resting: true, ..verdict(ErrorClass::ServerError) };
    let mut failover = machine(vec![pinned, SLOT]);
    assert_eq!(failover.next(NOW), Step::Try(attempt(0)));
    failover.report(resting, NOW);
    assert_eq!(failover.next(NOW), Step::Try(attempt(1)), "at once");
    let mut alone = machine(vec![pinned]);
    assert_eq!(alone.next(NOW), Step::Try(attempt(0)));
    alone.report(resting, NOW);
    assert!(matches!(alone.next(NOW), Step::Wait { .. }));
}

#[test]
fn one_that_is_limited_for_a_moment_is_waited_for_when_all_others_failed() {
    let soon = Slot { not_before_ms: NOW + 3_000, streams: true, hedge_after_ms: Some(1_000), ..SLOT };
    let mut failover = machine(vec![Slot { streams: true, hedge_after_ms: Some(1_000), ..SLOT }, soon]);
    let step = failover.next(NOW);
    assert_eq!(step, Step::Try(attempt(0)), "it is nobody to be asked beside the first one");
    failover.report(verdict(ErrorClass::ServerError), NOW + 100);
    assert_eq!(failover.next(NOW + 100), Step::Wait { ms: 2_900 });
    assert_eq!(failover.next(NOW + 3_000), Step::Try(attempt(1)));
}

#[test]
fn one_that_is_limited_for_longer_than_there_is_time_gives_way_to_who_was_put_off() {
    let soon = Slot { not_before_ms: NOW + 3_000, ..SLOT };
    let client_ms = Some(2_000);
    let mut failover = Machine::new(vec![SLOT, soon, SLOT], Budget { client_ms, ..BUDGET });
    assert!(matches!(failover.next(NOW), Step::Try(Try { candidate: 0, .. })));
    failover.put_off();
    for (candidate, insist) in [(2, false), (0, true)] {
        let step = failover.next(NOW);
        let wanted = Try { insist, timeout_ms: 2_000, shortened: true, ..attempt(candidate) };
        assert_eq!(step, Step::Try(wanted));
        failover.report(verdict(ErrorClass::ServerError), NOW);
    }
    assert_eq!(failover.next(NOW), Step::Stop);
}

#[test]
fn an_end_for_want_of_time_is_an_end() {
    let brief = Slot { timeout_ms: 400, ..SLOT };
    let mut failover = machine(vec![SLOT, SLOT, SLOT, brief]);
    for _ in 0..2 {
        assert!(matches!(failover.next(NOW), Step::Try(_)));
        failover.report(verdict(ErrorClass::ServerError), NOW);
    }
    let late = NOW + MIN_DEADLINE_MS.max(2 * TIMEOUT) - MIN_ATTEMPT_MS / 2;
    assert_eq!(failover.next(late), Step::Stop);
    assert_eq!(failover.next(late), Step::Stop, "although there would be time for the last one");
}
