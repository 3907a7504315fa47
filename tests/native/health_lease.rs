//! An isolate's tickets: asked for in time, in blocks that fit, and made up where nobody can be asked.

use opengateway::health::cursor::{MAX_CURSORS, MAX_LEASE};
use opengateway::health::lease::{FIRST_LEASE, Leases, SHORT_LEASE_MS};
use opengateway::health::message::{TicketLease, TicketWish};

use crate::health_fixture::NOW;

fn block(key: &str, from: u64, count: u64) -> TicketLease {
    TicketLease { key: key.to_owned(), from, count }
}

fn wish(key: &str, count: u64) -> TicketWish {
    TicketWish { key: key.to_owned(), count }
}

fn leased(from: u64, count: u64) -> Leases {
    let mut leases = Leases::default();
    leases.grant(&block("m", from, count), NOW);
    leases
}

#[test]
fn what_was_never_leased_has_no_tickets() {
    let mut leases = Leases::default();
    assert_eq!((leases.ticket("m"), leases.has("m"), leases.any_wish()), (None, false, false));
    assert_eq!(leases.wishes(), []);
}

#[test]
fn a_wish_is_told_until_it_is_granted() {
    let mut leases = Leases::default();
    leases.wish("m", 7);
    leases.wish("m", 8);
    for _ in 0..2 {
        assert_eq!(leases.wishes(), [wish("m", FIRST_LEASE)], "once, however often the message is lost");
    }
    assert!(leases.any_wish() && !leases.has("m"));
    leases.grant(&block("m", 40, 3), NOW);
    assert!(!leases.any_wish() && leases.has("m") && leases.wishes().is_empty());
    assert_eq!([(); 4].map(|()| leases.ticket("m")), [Some(40), Some(41), Some(42), None]);
}

#[test]
fn one_grant_does_not_take_another_wish_back() {
    let mut leases = Leases::default();
    for key in ["m", "n", "o"] {
        leases.wish(key, 0);
    }
    leases.grant(&block("n", 0, 8), NOW);
    assert_eq!(leases.wishes(), [wish("m", FIRST_LEASE), wish("o", FIRST_LEASE)]);
}

#[test]
fn blocks_are_used_up_one_after_the_other() {
    let mut leases = leased(0, 2);
    leases.grant(&block("m", 90, 2), NOW);
    assert_eq!([(); 5].map(|()| leases.ticket("m")), [Some(0), Some(1), Some(90), Some(91), None]);
}

#[test]
fn more_are_asked_for_when_less_than_half_is_left() {
    let mut leases = leased(0, FIRST_LEASE);
    for left in (0..FIRST_LEASE).rev() {
        assert!(leases.ticket("m").is_some());
        assert_eq!(leases.any_wish(), left * 2 < FIRST_LEASE, "{left} are left");
    }
    assert_eq!(leases.wishes(), [wish("m", FIRST_LEASE)]);
    leases.ticket("m");
    assert_eq!(leases.wishes(), [wish("m", FIRST_LEASE)], "once");
}

/// Uses up what is there and leases again, `after_ms` later; what is asked for then.
fn next_size(leases: &mut Leases, now_ms: &mut u64, after_ms: u64) -> u64 {
    while leases.ticket("m").is_some() {}
    let [wish] = leases.wishes().try_into().unwrap();
    *now_ms += after_ms;
    leases.grant(&block("m", *now_ms, wish.count), *now_ms);
    while leases.ticket("m").is_some() {}
    let [wish] = leases.wishes().try_into().unwrap();
    wish.count
}

#[test]
fn a_block_that_is_used_up_within_a_second_doubles_and_one_that_lasts_halves() {
    let (mut leases, mut now_ms) = (leased(0, FIRST_LEASE), NOW);
    let mut sizes = |after_ms: u64, times: usize| -> Vec<u64> {
        (0..times).map(|_| next_size(&mut leases, &mut now_ms, after_ms)).collect()
    };
    assert_eq!(sizes(SHORT_LEASE_MS - 1, 9), [26, 52, 104, 208, 416, 832, 1024, 1024, 1024]);
    assert_eq!(sizes(SHORT_LEASE_MS, 8), [512, 256, 128, 64, 32, 16, 13, 13]);
    assert_eq!(MAX_LEASE, 1024, "what the object gives at most");
}

#[test]
fn with_nobody_to_ask_it_goes_on_from_a_number_of_its_own() {
    let mut leases = Leases::default();
    assert_eq!([(); 3].map(|()| leases.overdraw("m", 70)), [70, 71, 72], "the first seed counts");
    assert_eq!(leases.overdraw("m", 5), 73);
    assert_eq!(leases.overdraw("n", 5), 5);
    leases.wish("o", 9);
    assert_eq!(leases.overdraw("o", 1), 9, "a wish begins a cursor too");
    assert_eq!([(); 2].map(|()| leases.overdraw("p", u64::MAX)), [u64::MAX, 0]);
}

#[test]
fn with_its_lease_used_up_it_goes_on_behind_it() {
    let mut leases = leased(30, 2);
    assert_eq!((leases.ticket("m"), leases.ticket("m"), leases.ticket("m")), (Some(30), Some(31), None));
    assert_eq!((leases.overdraw("m", 7), leases.overdraw("m", 7)), (32, 33));
    leases.grant(&block("m", 60, 2), NOW);
    assert_eq!(leases.ticket("m"), Some(60), "what is granted comes first again");
}

#[test]
fn tickets_of_a_cursor_that_was_forgotten_in_the_meantime_are_taken_all_the_same() {
    let mut leases = Leases::default();
    leases.grant(&block("m", 3, 1), NOW);
    assert_eq!((leases.ticket("m"), leases.overdraw("m", 9)), (Some(3), 4));
}

#[test]
fn it_keeps_no_more_cursors_than_the_object_does() {
    let mut leases = Leases::default();
    for index in 0..3 * MAX_CURSORS {
        leases.wish(&format!("m-{index}"), 0);
        if index % 1000 == 0 {
            assert!(leases.wishes().len() <= MAX_CURSORS, "after {index}");
        }
    }
    leases.wish("one more", 0);
    assert_eq!(leases.wishes(), [wish("one more", FIRST_LEASE)], "nothing is asked for that nobody waits for");
}
