//! When an isolate talks to the health object.

use opengateway::health::schedule::{
    AWAY_MS, DOUBT_MS, PACE_MS, Patience, REFRESH_MS, STALE_MS, SYNC_TIMEOUT_MS, Schedule, WAIT_MS,
};

use crate::health_fixture::{LOST_MS, NOW};

/// Fresh, wants to be renewed, busy, away.
fn is(schedule: &Schedule, now_ms: u64) -> [bool; 4] {
    [schedule.is_fresh(now_ms), schedule.wants_refresh(now_ms), schedule.is_busy(now_ms), schedule.is_away(now_ms)]
}

#[test]
fn a_view_of_which_nothing_is_known_wants_to_be_told_at_once() {
    assert_eq!(is(&Schedule::default(), NOW), [false, true, false, false]);
    assert_eq!(Schedule::default().pace_ms(NOW), 0);
}

#[test]
fn a_view_is_renewed_after_a_second_and_not_used_after_two() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    assert_eq!(is(&schedule, NOW), [false, false, true, false], "one message at a time");
    schedule.answered(NOW);
    for (later, expected) in [
        (0, [true, false, false, false]),
        (REFRESH_MS - 1, [true, false, false, false]),
        (REFRESH_MS, [true, true, false, false]),
        (STALE_MS - 1, [true, true, false, false]),
        (STALE_MS, [false, true, false, false]),
    ] {
        assert_eq!(is(&schedule, NOW + later), expected, "{later}");
    }
}

#[test]
fn a_view_is_as_old_as_the_question_not_as_the_answer() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    schedule.answered(NOW);
    assert!(!schedule.is_fresh(NOW + STALE_MS), "however late it was answered");
}

#[test]
fn a_message_that_died_with_its_request_counts_as_lost() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    assert_eq!(is(&schedule, NOW + LOST_MS - 1), [false, false, true, false]);
    assert_eq!(is(&schedule, NOW + LOST_MS), [false, true, false, false]);
}

#[test]
fn an_object_that_is_away_is_left_alone_for_a_while() {
    for too_slow in [false, true] {
        let mut schedule = Schedule::default();
        schedule.begin(NOW);
        if too_slow {
            schedule.too_slow(NOW + 7);
        } else {
            schedule.failed(NOW + 7);
        }
        assert_eq!(is(&schedule, NOW + 7), [false, false, too_slow, true], "the slow one may still answer");
        assert!(schedule.is_away(NOW + 7 + AWAY_MS - 1));
        assert_eq!(is(&schedule, NOW + 7 + AWAY_MS), [false, true, false, false]);
    }
}

#[test]
fn an_answer_ends_it_even_where_somebody_waited_in_vain() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    schedule.too_slow(NOW + WAIT_MS);
    schedule.answered(NOW);
    assert_eq!(is(&schedule, NOW + WAIT_MS), [true, false, false, false]);
}

#[test]
fn a_view_stays_as_fresh_as_it_was_when_a_message_fails() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    schedule.answered(NOW);
    schedule.begin(NOW + REFRESH_MS);
    schedule.failed(NOW + REFRESH_MS);
    assert_eq!(is(&schedule, NOW + STALE_MS - 1), [true, false, false, true]);
    assert_eq!(is(&schedule, NOW + STALE_MS), [false, false, false, true]);
}

#[test]
fn bad_news_is_told_at_once_and_then_at_a_pace() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    schedule.answered(NOW);
    for (later, waits) in [(0, PACE_MS), (1, PACE_MS - 1), (PACE_MS - 1, 1), (PACE_MS, 0), (PACE_MS + 9, 0)] {
        assert_eq!(schedule.pace_ms(NOW + later), waits, "{later}");
    }
}

#[test]
fn a_request_waits_a_tenth_of_a_second_at_most_and_an_old_view_is_looked_after_before_it_is_stale() {
    assert_eq!((WAIT_MS, LOST_MS, PACE_MS), (100, 2_000, 50));
    assert_eq!((REFRESH_MS, STALE_MS, AWAY_MS), (1_000, 2_000, 2_000));
}

#[test]
fn a_clock_that_goes_back_harms_nothing() {
    let mut schedule = Schedule::default();
    schedule.begin(NOW);
    schedule.answered(NOW);
    assert_eq!(is(&schedule, NOW - 5_000), [true, false, false, false]);
    assert_eq!(schedule.pace_ms(NOW - 5_000), PACE_MS);
}

#[test]
fn nobody_waits_for_an_object_that_failed_before_it_has_answered() {
    let mut schedule = Schedule::default();
    assert!(!schedule.is_doubtful(NOW), "nothing is known of it yet");
    schedule.begin(NOW);
    schedule.too_slow(NOW + WAIT_MS);
    assert!(schedule.is_doubtful(NOW + WAIT_MS + AWAY_MS), "it is tried again, and nobody waits");
    schedule.begin(NOW + WAIT_MS + AWAY_MS);
    schedule.failed(NOW + 4_000);
    assert!(schedule.is_doubtful(NOW + 4_000 + DOUBT_MS - 1));
    assert!(!schedule.is_doubtful(NOW + 4_000 + DOUBT_MS), "that was long ago");
    schedule.answered(NOW + 5_000);
    assert!(!schedule.is_doubtful(NOW + 5_000));
    const { assert!(2 * (AWAY_MS + SYNC_TIMEOUT_MS as u64) <= DOUBT_MS, "two tries that nobody answers") };
}

#[test]
fn a_request_has_one_patience_for_all_its_waits() {
    let patience = Patience::default();
    assert_eq!((patience.left_ms(), patience.is_whole()), (WAIT_MS, true));
    let patience = patience.after(60);
    assert_eq!((patience.left_ms(), patience.is_whole()), (WAIT_MS - 60, false));
    let patience = patience.after(WAIT_MS);
    assert_eq!((patience.left_ms(), patience.is_whole()), (0, false));
    assert!(Patience::default().after(0).is_whole(), "who did not have to wait has spent nothing");
}
