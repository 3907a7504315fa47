//! One isolate's view: what it was told, with what it has seen itself on top, whatever becomes of its messages.

use opengateway::health::circuit::{Admission, OPEN_MIN_MS, PROBE_MS, Permit, Standing};
use opengateway::health::coordinator::Coordinator;
use opengateway::health::headroom::{Headroom, Left};
use opengateway::health::message::{ProbeWish, Seen, SyncReply};
use opengateway::health::outcome::{KEY_BENCH_MS, Outcome};
use opengateway::health::schedule::{AWAY_MS, REFRESH_MS};
use opengateway::health::view::HealthView;
use opengateway::health::window::RATE_WINDOW_MS;
use opengateway::routing::failure::ErrorClass;

use crate::health_fixture::{ANOTHER, FAILURE, FIRST_TOKEN, LOST_MS, MINE, NOW, SOFT, SUCCESS, sorted, sync, told};

fn fail(view: &mut HealthView, model: &str, times: usize) {
    for _ in 0..times {
        view.record("groq", model, FAILURE, None, NOW);
    }
}

/// An object that isolate 2 has told of three failures of `m`.
fn broken() -> Coordinator {
    let (mut object, mut other) = (Coordinator::new(1), HealthView::new(2));
    fail(&mut other, "m", 3);
    sync(&mut other, &mut object, NOW);
    object
}

fn reply(version: u64) -> SyncReply {
    let state = Seen { incarnation: 1, version };
    SyncReply { state, full: true, circuits: Vec::new(), tickets: Vec::new() }
}

const OPEN: Standing = Standing::Open { until_ms: NOW + OPEN_MIN_MS };

#[test]
fn what_the_isolate_sees_itself_counts_at_once() {
    let mut view = HealthView::new(1);
    assert_eq!(view.standing("groq", "m", 1, NOW), Standing::Healthy);
    view.record("groq", "m", Outcome::success(Some(90), Some(40)), None, NOW);
    assert_eq!((view.first_token_ms("groq", "m"), view.tokens_per_second("groq", "m")), (Some(90), Some(40)));
    assert_eq!((view.first_token_ms("groq", "n"), view.tokens_per_second("groq", "n")), (None, None));
    fail(&mut view, "m", 3);
    assert_eq!(view.standing("groq", "m", 1, NOW), OPEN);
}

#[test]
fn what_another_isolate_saw_counts_after_a_message() {
    let mut object = broken();
    let mut view = HealthView::new(1);
    assert_eq!(view.standing("groq", "m", 1, NOW), Standing::Healthy);
    sync(&mut view, &mut object, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), OPEN);
    assert_eq!(sorted(&view.circuits()), sorted(object.circuits()));
}

#[test]
fn what_says_nothing_is_not_told() {
    let mut view = HealthView::new(1);
    view.record("groq", "m", Outcome::Inconclusive, None, NOW);
    assert!(!view.has_urgent_news());
    assert_eq!(sorted(&view.circuits()).len(), 0);
    assert_eq!(told(&mut view, NOW), []);
    view.record("groq", "m", Outcome::Inconclusive, Some(MINE), NOW);
    assert!(view.has_urgent_news(), "but a permit that is given back is");
    assert_eq!(sorted(&view.circuits()).len(), 0);
}

#[test]
fn what_happens_while_a_message_is_on_its_way_stays_and_goes_with_the_next() {
    let mut object = Coordinator::new(1);
    let mut view = HealthView::new(1);
    fail(&mut view, "m", 2);
    let message = view.begin(NOW);
    fail(&mut view, "m", 1);
    let (reply, _) = object.sync(&message, NOW);
    view.answered(reply, message.batch, NOW, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), OPEN, "two were told, the third is known here");
    assert_eq!(object.circuits().standing("groq", "m", NOW), Standing::Healthy);
    assert!(view.has_urgent_news());
    sync(&mut view, &mut object, NOW);
    assert_eq!(object.circuits().standing("groq", "m", NOW), OPEN);
    assert!(!view.has_urgent_news());
}

#[test]
fn a_batch_whose_answer_was_lost_goes_out_again_as_it_was() {
    let mut view = HealthView::new(1);
    view.record("groq", "m", SUCCESS, None, NOW);
    let first = view.begin(NOW);
    view.failed(NOW);
    view.record("groq", "m", SUCCESS, None, NOW);
    let second = view.begin(NOW + AWAY_MS);
    assert_eq!((second.batch, &second.reports), (first.batch, &first.reports), "the new one waits for the next batch");
    view.answered(reply(1), second.batch, NOW + AWAY_MS, NOW + AWAY_MS);
    let third = view.begin(NOW + AWAY_MS);
    assert_eq!((third.batch, &third.reports), (first.batch + 1, &first.reports), "and is told then");
    view.answered(reply(2), third.batch, NOW + AWAY_MS, NOW + AWAY_MS);
    assert_eq!(told(&mut view, NOW + AWAY_MS), []);
}

#[test]
fn what_is_out_of_date_by_then_is_left_out_of_a_batch_that_goes_out_again() {
    let mut view = HealthView::new(1);
    view.record("groq", "m", SOFT, None, NOW);
    view.record("groq", "m", FAILURE, None, NOW + 1);
    view.record("groq", "m", Outcome::Limited { until_ms: NOW + 200_000 }, None, NOW);
    let first = view.begin(NOW + RATE_WINDOW_MS - 1);
    assert_eq!(first.reports.len(), 3);
    let mut outcomes_at = |now_ms: u64| -> Vec<Outcome> {
        view.failed(now_ms);
        let message = view.begin(now_ms);
        assert_eq!(message.batch, first.batch);
        message.reports.iter().map(|report| report.outcome).collect()
    };
    let limited = Outcome::Limited { until_ms: NOW + 200_000 };
    assert_eq!(outcomes_at(NOW + RATE_WINDOW_MS), [FAILURE, limited]);
    assert_eq!(outcomes_at(NOW + RATE_WINDOW_MS + 1), [limited]);
    assert_eq!(outcomes_at(NOW + 200_000), []);
}

#[test]
fn failures_of_long_ago_do_not_come_back_with_the_object() {
    let mut view = HealthView::new(1);
    view.begin(NOW);
    view.failed(NOW);
    fail(&mut view, "m", 3);
    let later = NOW + RATE_WINDOW_MS;
    let message = view.begin(later);
    view.answered(reply(1), message.batch, later, later);
    assert_eq!(view.standing("groq", "m", 1, later), Standing::Healthy, "nobody else has seen it fail since");
    assert_eq!(told(&mut view, later), []);
}

#[test]
fn a_second_answer_to_a_batch_does_not_lose_the_next_one() {
    let mut view = HealthView::new(1);
    fail(&mut view, "m", 1);
    let slow = view.begin(NOW);
    let again = view.begin(NOW + LOST_MS);
    assert_eq!((slow.batch, &slow.reports), (again.batch, &again.reports));
    view.answered(reply(1), slow.batch, NOW, NOW + LOST_MS);
    fail(&mut view, "m", 3);
    let next = view.begin(NOW + LOST_MS);
    view.answered(reply(2), again.batch, NOW + LOST_MS, NOW + LOST_MS);
    let now_ms = NOW + LOST_MS;
    assert!(
        matches!(view.standing("groq", "m", 1, now_ms), Standing::Open { .. }),
        "what is on its way still counts here"
    );
    view.failed(now_ms);
    assert_eq!(view.begin(now_ms).reports, next.reports, "and goes out again");
}

#[test]
fn a_full_answer_replaces_what_was_known_and_another_adds_to_it() {
    let (mut object, mut view) = (broken(), HealthView::new(1));
    sync(&mut view, &mut object, NOW);
    let message = view.begin(NOW);
    view.answered(SyncReply { full: false, ..reply(9) }, message.batch, NOW, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), OPEN);
    assert_eq!(view.begin(NOW).seen, Some(Seen { incarnation: 1, version: 9 }));
    view.answered(reply(10), message.batch + 1, NOW, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), Standing::Healthy);
}

#[test]
fn the_object_is_worth_a_message_when_the_view_grows_old_or_tickets_run_out() {
    let (mut object, mut view) = (Coordinator::new(1), HealthView::new(1));
    assert!(view.wants_refresh(NOW));
    sync(&mut view, &mut object, NOW);
    assert!(!view.wants_refresh(NOW + REFRESH_MS - 1));
    assert!(view.wants_refresh(NOW + REFRESH_MS));
    view.leases().wish("m", 0);
    assert!(view.wants_refresh(NOW) && !view.has_tickets("m"));
    view.begin(NOW);
    assert!(!view.wants_refresh(NOW), "it is asked already");
    view.failed(NOW);
    assert!(!view.wants_refresh(NOW) && view.wants_refresh(NOW + AWAY_MS), "it is away");
    sync(&mut view, &mut object, NOW + AWAY_MS);
    assert!(view.has_tickets("m") && !view.wants_refresh(NOW + AWAY_MS));
}

// --- What is left ----------------------------------------------------------------------------------------------------

fn told_left(requests: u64, at_ms: u64) -> Headroom {
    Headroom { requests: Some(Left { left: requests, reset_ms: Some(NOW + 60_000), at_ms }), tokens: None }
}

const SPENT: Standing = Standing::Spent { until_ms: NOW + 60_000 };

/// One request that was answered with so many left.
fn answered_with(view: &mut HealthView, requests: u64, now_ms: u64) {
    let reservation = view.reserve("groq", "m", 10, now_ms);
    view.settle("groq", "m", reservation, Some(told_left(requests, now_ms)), now_ms);
}

#[test]
fn requests_on_their_way_count_against_what_is_left() {
    let mut view = HealthView::new(1);
    answered_with(&mut view, 2, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), Standing::Healthy);
    let first = view.reserve("groq", "m", 10, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), Standing::Healthy, "the second one fits");
    let second = view.reserve("groq", "m", 10, NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), SPENT, "a third does not");
    assert_eq!(view.standing("groq", "n", 1, NOW), Standing::Healthy);
    // Their answers come in the other order.
    view.settle("groq", "m", second, Some(told_left(0, NOW)), NOW);
    view.settle("groq", "m", first, Some(told_left(1, NOW)), NOW);
    assert_eq!(view.standing("groq", "m", 1, NOW), SPENT);
    assert_eq!(view.standing("groq", "m", 1, NOW + 60_000), Standing::Healthy, "it began anew");
}

#[test]
fn a_request_whose_answer_told_nothing_counts_until_the_figures_begin_anew() {
    let mut view = HealthView::new(1);
    answered_with(&mut view, 1, NOW);
    let lost = view.reserve("groq", "m", 10, NOW);
    view.settle("groq", "m", lost, None, NOW + 30_000);
    assert_eq!(view.standing("groq", "m", 1, NOW + 30_000), SPENT);
    let mut silent = HealthView::new(1);
    let request = silent.reserve("groq", "m", 10, NOW);
    silent.settle("groq", "m", request, None, NOW);
    assert_eq!(sorted(&silent.circuits()).len(), 0, "of who never tells anything nothing is kept");
    assert_eq!(told(&mut silent, NOW), []);
}

#[test]
fn who_has_nothing_left_is_told_of_once_while_that_is_believed() {
    let (mut object, mut view) = (Coordinator::new(1), HealthView::new(1));
    answered_with(&mut view, 0, NOW);
    sync(&mut view, &mut object, NOW);
    for later in [NOW, NOW + 1, NOW + 59_999] {
        answered_with(&mut view, 0, later);
        assert!(!view.has_urgent_news());
    }
    answered_with(&mut view, 0, NOW + 60_000);
    assert!(view.has_urgent_news(), "it begins anew, and there is nothing left again");
}

#[test]
fn tokens_count_by_what_a_request_needs() {
    let mut view = HealthView::new(1);
    let tokens = Some(Left { left: 100, reset_ms: Some(NOW + 60_000), at_ms: NOW });
    let reservation = view.reserve("groq", "m", 10, NOW);
    view.settle("groq", "m", reservation, Some(Headroom { requests: None, tokens }), NOW);
    assert_eq!(view.standing("groq", "m", 100, NOW), Standing::Healthy);
    assert_eq!(view.standing("groq", "m", 101, NOW), SPENT);
    view.reserve("groq", "m", 60, NOW);
    assert_eq!(view.standing("groq", "m", 40, NOW), Standing::Healthy);
    assert_eq!(view.standing("groq", "m", 41, NOW), SPENT);
}

#[test]
fn who_asks_for_more_than_there_is_keeps_nobody_else_away() {
    let mut view = HealthView::new(1);
    let tokens = Some(Left { left: 100, reset_ms: Some(NOW + 60_000), at_ms: NOW });
    let reservation = view.reserve("groq", "m", 10, NOW);
    view.settle("groq", "m", reservation, Some(Headroom { requests: None, tokens }), NOW);
    let greedy = view.reserve("groq", "m", 4_000_000_000, NOW);
    assert_eq!(view.standing("groq", "m", 50, NOW), Standing::Healthy, "it is refused, or was not meant");
    view.settle("groq", "m", greedy, None, NOW + 1);
    assert_eq!(view.standing("groq", "m", 50, NOW + 1), Standing::Healthy);
}

#[test]
fn another_isolate_learns_what_is_left_and_at_once_when_it_is_nothing() {
    let (mut object, mut view, mut other) = (Coordinator::new(1), HealthView::new(1), HealthView::new(2));
    answered_with(&mut view, 1, NOW);
    assert!(!view.has_urgent_news());
    answered_with(&mut view, 0, NOW + 1);
    assert!(view.has_urgent_news());
    sync(&mut view, &mut object, NOW + 1);
    sync(&mut other, &mut object, NOW + 1);
    assert_eq!(other.standing("groq", "m", 1, NOW + 1), SPENT);
    // What it heard itself before does not stand against that.
    let mut third = HealthView::new(3);
    answered_with(&mut third, 9, NOW);
    sync(&mut third, &mut object, NOW + 2);
    assert_eq!(third.standing("groq", "m", 1, NOW + 2), SPENT);
    assert_eq!(object.circuits().standing("groq", "m", NOW + 2), SPENT);
}

#[test]
fn when_a_key_has_been_refused_one_of_two_isolates_tries_it_again() {
    let (mut object, mut view, mut other) = (Coordinator::new(1), HealthView::new(1), HealthView::new(2));
    let refused = |now_ms| Outcome::of_failure(ErrorClass::BadKey, Some(401), None, now_ms);
    view.record("groq", "m", refused(NOW), None, NOW);
    let later = NOW + KEY_BENCH_MS;
    for isolate in [&mut view, &mut other] {
        sync(isolate, &mut object, NOW);
        assert!(matches!(isolate.standing("groq", "n", 1, NOW), Standing::Benched { .. }));
        sync(isolate, &mut object, later);
        assert_eq!(isolate.standing("groq", "n", 1, later), Standing::Probe { last: false });
        assert_eq!(isolate.admission("groq", "n", MINE), None, "the object decides");
    }
    view.wish_probe("groq", "n", MINE);
    other.wish_probe("groq", "m", ANOTHER);
    sync(&mut view, &mut object, later);
    sync(&mut other, &mut object, later);
    assert_eq!(view.admission("groq", "n", MINE), Some(Admission::Probe));
    assert_eq!(view.admit("groq", "n", MINE, later), Admission::Probe);
    assert_eq!(other.admit("groq", "m", ANOTHER, later), Admission::Busy);
    // It is refused again, and benched again; then it was mended.
    view.record("groq", "n", refused(later), Some(MINE), later);
    sync(&mut view, &mut object, later);
    sync(&mut other, &mut object, later);
    assert!(matches!(other.standing("groq", "m", 1, later), Standing::Benched { .. }));
    let mended = later + KEY_BENCH_MS;
    other.wish_probe("groq", "m", ANOTHER);
    sync(&mut other, &mut object, mended);
    assert_eq!(other.admit("groq", "m", ANOTHER, mended), Admission::Probe);
    other.record("groq", "m", FIRST_TOKEN, Some(ANOTHER), mended);
    sync(&mut other, &mut object, mended);
    sync(&mut view, &mut object, mended);
    for isolate in [&view, &other] {
        assert_eq!(isolate.standing("groq", "n", 1, mended), Standing::Healthy);
        assert_eq!(isolate.admission("groq", "n", MINE), Some(Admission::Free));
    }
}

// --- Probes ----------------------------------------------------------------------------------------------------------

/// A view that has been told that `m` is broken.
fn of_broken() -> (Coordinator, HealthView) {
    let (mut object, mut view) = (broken(), HealthView::new(1));
    sync(&mut view, &mut object, NOW);
    (object, view)
}

#[test]
fn a_closed_circuit_admits_and_of_a_broken_one_the_object_decides() {
    let (mut object, mut view) = of_broken();
    assert_eq!(view.admission("groq", "n", MINE), Some(Admission::Free), "nobody has tried it");
    view.record("groq", "n", SUCCESS, None, NOW);
    assert_eq!(view.admission("groq", "n", MINE), Some(Admission::Free));
    assert_eq!(view.admission("groq", "m", MINE), None);
    assert!(!view.is_wished(MINE));
    view.wish_probe("groq", "m", MINE);
    assert!(view.is_wished(MINE) && !view.is_wished(ANOTHER));
    sync(&mut view, &mut object, NOW);
    assert!(!view.is_wished(MINE));
    assert_eq!(
        (view.admission("groq", "m", MINE), view.admission("groq", "m", ANOTHER)),
        (Some(Admission::Probe), None)
    );
    assert_eq!(view.admit("groq", "m", MINE, NOW), Admission::Probe);
    assert_eq!(view.admit("groq", "m", ANOTHER, NOW), Admission::Busy);
    assert!(!view.has_urgent_news(), "there is no permit to give back");
    view.record("groq", "m", FIRST_TOKEN, Some(MINE), NOW);
    assert!(view.has_urgent_news(), "all others wait for it");
    sync(&mut view, &mut object, NOW);
    assert_eq!(view.admission("groq", "m", ANOTHER), Some(Admission::Free));
}

#[test]
fn of_two_isolates_one_probes() {
    let (mut object, mut view) = of_broken();
    let mut other = HealthView::new(2);
    view.wish_probe("groq", "m", MINE);
    other.wish_probe("groq", "m", ANOTHER);
    sync(&mut view, &mut object, NOW);
    sync(&mut other, &mut object, NOW);
    assert_eq!(view.admit("groq", "m", MINE, NOW), Admission::Probe);
    assert_eq!(other.admit("groq", "m", ANOTHER, NOW), Admission::Busy);
    other.wish_probe("groq", "m", ANOTHER);
    sync(&mut other, &mut object, NOW + PROBE_MS);
    assert_eq!(other.admit("groq", "m", ANOTHER, NOW + PROBE_MS), Admission::Probe, "the first one got lost");
}

#[test]
fn a_wish_is_told_once_and_waits_for_its_answer() {
    let (mut object, mut view) = of_broken();
    view.wish_probe("groq", "m", MINE);
    let message = view.begin(NOW);
    let wish = ProbeWish { provider: "groq".to_owned(), model: "m".to_owned(), permit: MINE };
    assert_eq!(message.probes, [wish]);
    assert!(view.is_wished(MINE), "the answer is out");
    assert_eq!(view.begin(NOW + LOST_MS - 1).probes, []);
    let (reply, _) = object.sync(&message, NOW);
    view.answered(reply, message.batch, NOW, NOW);
    assert!(!view.is_wished(MINE));
}

#[test]
fn a_wish_that_was_not_told_yet_can_be_taken_back() {
    let (mut object, mut view) = of_broken();
    view.wish_probe("groq", "m", MINE);
    view.wish_probe("groq", "m", ANOTHER);
    assert_eq!(view.admit("groq", "m", MINE, NOW), Admission::Probe, "by what is known here");
    assert_eq!(view.admit("groq", "m", ANOTHER, NOW), Admission::Busy);
    assert!(!view.is_wished(MINE) && !view.is_wished(ANOTHER));
    assert_eq!(view.begin(NOW).probes, []);
    assert!(!view.has_urgent_news());
    sync(&mut view, &mut object, NOW);
}

/// What the object is told next of the permit of a wish whose answer came too late.
fn given_back(admission: Admission, before: impl Fn(&mut HealthView)) -> Vec<(String, Outcome, Option<Permit>)> {
    let (mut object, mut view) = of_broken();
    view.wish_probe("groq", "m", MINE);
    let message = view.begin(NOW);
    before(&mut view);
    assert_eq!(view.admit("groq", "m", MINE, NOW), admission);
    let (reply, _) = object.sync(&message, NOW);
    assert_eq!(object.circuits().get("groq", "m").map(|circuit| circuit.standing(NOW)), {
        Some(Standing::Open { until_ms: NOW + PROBE_MS })
    });
    view.answered(reply, message.batch, NOW, NOW);
    let told: Vec<_> = told(&mut view, NOW).into_iter().filter(|(_, _, permit)| *permit == Some(MINE)).collect();
    assert!(!view.is_wished(MINE));
    told
}

#[test]
fn a_permit_that_came_too_late_to_be_used_is_given_back() {
    let back = [("m".to_owned(), Outcome::Inconclusive, Some(MINE))];
    let somebody_probes = |view: &mut HealthView| {
        assert_eq!(view.admit("groq", "m", ANOTHER, NOW), Admission::Probe);
    };
    assert_eq!(given_back(Admission::Busy, somebody_probes), back);
    let somebody_had_an_answer = |view: &mut HealthView| {
        somebody_probes(view);
        view.record("groq", "m", SUCCESS, Some(ANOTHER), NOW);
    };
    assert_eq!(given_back(Admission::Free, somebody_had_an_answer), back);
    assert_eq!(given_back(Admission::Probe, |_| {}), [], "who probes will tell what came of it");
}

#[test]
fn a_wish_whose_message_died_is_forgotten_with_it() {
    let (_, mut view) = of_broken();
    view.wish_probe("groq", "m", MINE);
    view.begin(NOW);
    view.failed(NOW);
    view.begin(NOW + AWAY_MS);
    assert!(!view.is_wished(MINE), "whoever asked has decided by itself");
    assert_eq!(view.admit("groq", "m", MINE, NOW + AWAY_MS), Admission::Probe);
}
