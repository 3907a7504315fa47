//! What an isolate has to tell: merged where that loses nothing, dropped where it is out of date, and bounded.

use opengateway::health::circuit::Permit;
use opengateway::health::headroom::Headroom;
use opengateway::health::message::Report;
use opengateway::health::outcome::Outcome;
use opengateway::health::reports::{MAX_WAITING, MERGE_MS, Reports};
use opengateway::health::window::RATE_WINDOW_MS;
use opengateway::routing::failure::ErrorClass;

use crate::health_fixture::{FAILURE, FIRST_TOKEN, MINE, NOW, SOFT, SUCCESS, benched, left, report};

const LIMITED: Outcome = Outcome::Limited { until_ms: NOW + 1_000 };
const HEADROOM: Outcome = Outcome::Headroom(headroom(14));

const fn headroom(requests: u64) -> Headroom {
    Headroom { requests: left(requests), tokens: None }
}

fn measured(after_ms: Option<u64>, tokens_per_second: Option<u64>) -> Outcome {
    Outcome::success(after_ms, tokens_per_second)
}

fn waiting(reports: &Reports, now_ms: u64) -> Vec<Report> {
    reports.current(now_ms).cloned().collect()
}

/// What waits after these outcomes of one candidate.
fn pushed(outcomes: &[(Outcome, Option<Permit>)]) -> Vec<(Outcome, Option<Permit>)> {
    let mut reports = Reports::default();
    for (outcome, permit) in outcomes {
        reports.push("groq", "m", *outcome, *permit, NOW);
    }
    waiting(&reports, NOW).into_iter().map(|report| (report.outcome, report.permit)).collect()
}

#[test]
fn bad_news_is_told_at_once_and_good_news_can_wait() {
    for (outcome, permit, urgent) in [
        (SUCCESS, None, false),
        (FIRST_TOKEN, None, false),
        (HEADROOM, None, false),
        (FAILURE, None, true),
        (SOFT, None, true),
        (LIMITED, None, true),
        (benched(NOW, true), None, true),
        (Outcome::Inconclusive, Some(MINE), true),
        (SUCCESS, Some(MINE), true),
        (FIRST_TOKEN, Some(MINE), true),
    ] {
        let mut reports = Reports::default();
        assert!(!reports.any_urgent());
        reports.push("groq", "m", outcome, permit, NOW);
        assert_eq!(reports.any_urgent(), urgent, "{outcome:?}");
        reports.push("groq", "m", SUCCESS, None, NOW);
        assert_eq!(reports.any_urgent(), urgent, "{outcome:?}");
        reports.take();
        assert!(!reports.any_urgent(), "{outcome:?}: it was told");
    }
}

#[test]
fn good_news_of_a_candidate_is_one_report_of_each_kind() {
    let several = [
        (FIRST_TOKEN, None),
        (measured(None, Some(100)), None),
        (HEADROOM, None),
        (Outcome::FirstToken { after_ms: 300 }, None),
        (measured(Some(50), None), None),
        (Outcome::Headroom(headroom(9)), None),
        (measured(None, Some(50)), None),
    ];
    let merged = Outcome::Success { after_ms: Some(50), tokens_per_second: Some(75), count: 3 };
    let told = [Outcome::FirstToken { after_ms: 200 }, merged, Outcome::Headroom(headroom(9))];
    assert_eq!(pushed(&several), told.map(|outcome| (outcome, None)), "the newest headroom counts");
}

#[test]
fn the_mean_of_what_is_merged_follows_what_is_new() {
    let three = [measured(Some(100), None), measured(Some(200), None), measured(Some(400), None)];
    let mean = Outcome::Success { after_ms: Some(275), tokens_per_second: None, count: 3 };
    assert_eq!(pushed(&three.map(|outcome| (outcome, None))), [(mean, None)]);
    let large = [Outcome::FirstToken { after_ms: u64::MAX }; 2].map(|outcome| (outcome, None));
    assert_eq!(pushed(&large), large.split_at(1).0);
    let many = Outcome::Success { after_ms: None, tokens_per_second: None, count: u32::MAX };
    assert_eq!(pushed(&[(many, None), (SUCCESS, None)]), [(many, None)]);
}

#[test]
fn good_news_does_not_go_past_bad_news() {
    for between in [FAILURE, SOFT, LIMITED, benched(NOW, false)] {
        let order = [(SUCCESS, None), (between, None), (SUCCESS, None)];
        assert_eq!(pushed(&order), order, "{between:?}");
        let after = [(between, None), (SUCCESS, None), (SUCCESS, None)];
        let two = Outcome::Success { after_ms: None, tokens_per_second: None, count: 2 };
        assert_eq!(pushed(&after), [(between, None), (two, None)], "{between:?}");
    }
    assert_eq!(pushed(&[(FAILURE, None); 3]), [(FAILURE, None); 3], "failures in a row stay three");
}

#[test]
fn what_a_probe_came_to_is_told_by_itself() {
    for outcome in [SUCCESS, FIRST_TOKEN] {
        let order = [(outcome, None), (outcome, Some(MINE)), (outcome, None)];
        assert_eq!(pushed(&order), order, "{outcome:?}");
        let same = [(outcome, Some(MINE)), (outcome, Some(MINE))];
        assert_eq!(pushed(&same), same, "{outcome:?}");
    }
}

#[test]
fn candidates_are_told_apart() {
    let mut reports = Reports::default();
    for (provider, model) in [("groq", "m"), ("groq", "n"), ("cerebras", "m")] {
        reports.push(provider, model, SUCCESS, None, NOW);
    }
    reports.push("groq", "n", FAILURE, None, NOW);
    reports.push("groq", "m", SUCCESS, None, NOW);
    let two = Outcome::Success { after_ms: None, tokens_per_second: None, count: 2 };
    let expected = [
        report("groq", "m", two),
        report("groq", "n", SUCCESS),
        report("cerebras", "m", SUCCESS),
        report("groq", "n", FAILURE),
    ];
    assert_eq!(waiting(&reports, NOW), expected, "what happened at another candidate is in nobody's way");
}

#[test]
fn what_is_older_than_the_window_says_nothing_unless_it_names_a_later_time() {
    let hour = NOW + 3_600_000;
    for (outcome, permit, until_ms) in [
        (SUCCESS, None, NOW + RATE_WINDOW_MS),
        (FIRST_TOKEN, None, NOW + RATE_WINDOW_MS),
        (HEADROOM, None, NOW + RATE_WINDOW_MS),
        (FAILURE, None, NOW + RATE_WINDOW_MS),
        (SOFT, None, NOW + RATE_WINDOW_MS),
        (Outcome::Inconclusive, Some(MINE), NOW + RATE_WINDOW_MS),
        (LIMITED, None, NOW + RATE_WINDOW_MS),
        (Outcome::Limited { until_ms: hour }, None, hour),
        (benched(NOW - 5, false), None, NOW + RATE_WINDOW_MS),
        (benched(hour, true), None, hour),
    ] {
        let mut reports = Reports::default();
        reports.push("groq", "m", outcome, permit, NOW);
        assert_eq!(waiting(&reports, until_ms - 1).len(), 1, "{outcome:?}");
        assert_eq!(waiting(&reports, until_ms), [], "{outcome:?}");
    }
}

#[test]
fn an_hour_without_the_object_is_not_told_as_one_minute() {
    let mut reports = Reports::default();
    let end = NOW + 3_600_000;
    for now_ms in (NOW..end).step_by(1_000) {
        reports.push("groq", "m", SUCCESS, None, now_ms);
    }
    let told: u32 = reports
        .current(end)
        .map(|report| {
            let Outcome::Success { count, .. } = report.outcome else { panic!("{report:?}") };
            count
        })
        .sum();
    let (least, most) = (RATE_WINDOW_MS / 1_000, (RATE_WINDOW_MS + MERGE_MS) / 1_000);
    assert!((least..=most).contains(&u64::from(told)), "{told} of 3600 happened within the last minute");
}

#[test]
fn what_waits_has_a_bound_and_the_oldest_goes_first() {
    let mut reports = Reports::default();
    for index in 0..MAX_WAITING {
        reports.push("groq", &format!("m-{index}"), FAILURE, None, NOW);
    }
    reports.push("groq", "m-0", SUCCESS, None, NOW);
    reports.push("groq", "m-0", SUCCESS, None, NOW);
    let models: Vec<String> = waiting(&reports, NOW).into_iter().map(|report| report.model).collect();
    assert_eq!(models.len(), MAX_WAITING);
    assert_eq!((models.first().unwrap().as_str(), models.last().unwrap().as_str()), ("m-1", "m-0"));
}

#[test]
fn what_is_out_of_date_makes_room_before_a_bench_does() {
    let mut reports = Reports::default();
    reports.push("groq", "m", benched(NOW + 600_000, true), None, NOW);
    for index in 1..MAX_WAITING {
        reports.push("groq", &format!("m-{index}"), FAILURE, None, NOW);
    }
    let later = NOW + RATE_WINDOW_MS;
    reports.push("groq", "m", SUCCESS, None, later);
    let expected = [report("groq", "m", benched(NOW + 600_000, true)), report("groq", "m", SUCCESS)];
    assert_eq!(waiting(&reports, later), expected);
    assert_eq!(reports.take().len(), 2);
}

#[test]
fn what_is_taken_is_told_once_and_with_its_time() {
    let mut reports = Reports::default();
    reports.push("groq", "m", SUCCESS, None, NOW);
    reports.push("groq", "m", Outcome::SoftFailure { class: ErrorClass::InvalidReply }, None, NOW + 5);
    assert_eq!(reports.take(), [(NOW, report("groq", "m", SUCCESS)), (NOW + 5, report("groq", "m", SOFT))]);
    assert_eq!(reports.take(), []);
    reports.push("groq", "m", SUCCESS, None, NOW + 5);
    assert_eq!(waiting(&reports, NOW + 5), [report("groq", "m", SUCCESS)], "nothing is merged into what was taken");
}
