//! The group commit, edge by edge: when a message begins, who sends it, and what failures do to it.

use opengateway::accounts::courier::{
    DATABASE_MS, GIVE_UP_MS, GROUP_MS, GROUP_RECORDS, LEDGER_MS, LONGEST_POLL_MS, MESSAGE_BYTES, MESSAGE_RECORDS,
    Message, PACE_MS, REST_MS, Route, SETTLE_MS, Sent, TAKEOVER_MS,
};
use opengateway::accounts::couriers::{Added, Couriers, HELD_BYTES, MAX_COURIERS, Step, Ticket};

const START: u64 = 1_000_000;

fn add(couriers: &mut Couriers, record: &str, now: u64) -> Ticket {
    watched(couriers, record, now).expect("nobody else watches over it")
}

/// Adds a record; returns its ticket if its request watches.
fn watched(couriers: &mut Couriers, record: &str, now: u64) -> Option<Ticket> {
    match couriers.add("p", record.to_owned(), now) {
        (Added::Watched(ticket), orphans) if orphans.is_empty() => Some(ticket),
        (Added::Entrusted, orphans) if orphans.is_empty() => None,
        other => panic!("{other:?}"),
    }
}

/// Adds so many records; returns the tickets of those whose requests watch, and which they are.
fn many(couriers: &mut Couriers, count: usize, record: &str, now: u64) -> (Vec<usize>, Vec<Ticket>) {
    (0..count).filter_map(|index| Some((index, watched(couriers, record, now)?))).unzip()
}

fn sent(couriers: &mut Couriers, ticket: &mut Ticket, now: u64) -> Message {
    let Step::Send(message) = couriers.step(ticket, now) else { panic!("nothing to send at {now}") };
    message
}

fn asleep(couriers: &mut Couriers, ticket: &mut Ticket, now: u64) -> u64 {
    let Step::Sleep(ms) = couriers.step(ticket, now) else { panic!("no sleep at {now}") };
    ms
}

/// Sends what is due with this result; returns the route, when it was sent, and what must be logged.
fn attempt(couriers: &mut Couriers, ticket: &mut Ticket, now: &mut u64, result: Sent) -> (Route, u64, Vec<String>) {
    let message = loop {
        match couriers.step(ticket, *now) {
            Step::Send(message) => break message,
            Step::Sleep(ms) => *now += ms,
            Step::Done | Step::Log(_) => panic!("settled at {now}"),
        }
    };
    let logged = couriers.end("p", message.id, result, *now);
    (message.route, *now, logged)
}

#[test]
fn the_first_record_after_a_pause_is_sent_at_once() {
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    let message = sent(&mut couriers, &mut first, START);
    assert_eq!((message.route, message.records.as_str()), (Route::Ledger, "[1]"));
    assert!(couriers.end("p", message.id, Sent::Accepted, START + 5).is_empty());
    assert_eq!(couriers.step(&mut first, START + 5), Step::Done);
    assert_eq!(couriers.held_bytes(), 0);
}

#[test]
fn later_records_join_the_next_message_and_each_needs_one_timer() {
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    let message = sent(&mut couriers, &mut first, START);
    let mut opener = add(&mut couriers, "2", START + 3);
    let mut joiner = add(&mut couriers, "3", START + 4);
    assert_eq!(asleep(&mut couriers, &mut opener, START + 3), PACE_MS - 3, "until the next message is due");
    assert_eq!(asleep(&mut couriers, &mut joiner, START + 4), PACE_MS + SETTLE_MS - 4, "until it should have arrived");
    couriers.end("p", message.id, Sent::Accepted, START + 10);
    let message = sent(&mut couriers, &mut opener, START + PACE_MS);
    assert_eq!(message.records, "[2,3]");
    couriers.end("p", message.id, Sent::Accepted, START + PACE_MS + 10);
    assert_eq!(couriers.step(&mut opener, START + PACE_MS + 10), Step::Done);
    assert_eq!(couriers.step(&mut joiner, START + PACE_MS + SETTLE_MS), Step::Done);
}

#[test]
fn requests_far_from_the_ledger_need_one_timer_as_well() {
    let mut couriers = Couriers::default();
    let mut now = START;
    // What it takes shows after some messages.
    for _ in 0..20 {
        let mut ticket = add(&mut couriers, "1", now);
        let message = sent(&mut couriers, &mut ticket, now);
        couriers.end("p", message.id, Sent::Accepted, now + 200);
        now += 1_000;
    }
    let mut first = add(&mut couriers, "1", now);
    let message = sent(&mut couriers, &mut first, now);
    let (mut opener, mut joiner) = (add(&mut couriers, "2", now), add(&mut couriers, "3", now));
    let (opens, joins) = (asleep(&mut couriers, &mut opener, now), asleep(&mut couriers, &mut joiner, now));
    assert!((240..=250).contains(&opens), "{opens}: a quarter longer than the message before takes");
    assert_eq!(joins, 2 * opens, "and as long again");
    couriers.end("p", message.id, Sent::Accepted, now + 200);
    let message = sent(&mut couriers, &mut opener, now + opens);
    couriers.end("p", message.id, Sent::Accepted, now + opens + 200);
    assert_eq!(couriers.step(&mut joiner, now + joins), Step::Done);
}

#[test]
fn no_message_begins_while_one_is_in_flight() {
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    sent(&mut couriers, &mut first, START);
    let mut second = add(&mut couriers, "2", START);
    let mut now = START + PACE_MS;
    let mut waits = Vec::new();
    while now < START + TAKEOVER_MS - LONGEST_POLL_MS {
        waits.push(asleep(&mut couriers, &mut second, now));
        now += waits.last().unwrap();
    }
    assert_eq!(waits[..6], [25, 50, 100, 200, 400, 800], "it looks less and less often");
    assert_eq!(waits.last(), Some(&LONGEST_POLL_MS));
}

#[test]
fn a_message_whose_sender_died_is_taken_over_in_order() {
    let mut couriers = Couriers::default();
    let mut dead = add(&mut couriers, "1", START);
    let lost = sent(&mut couriers, &mut dead, START);
    let mut second = add(&mut couriers, "2", START + 1);
    asleep(&mut couriers, &mut second, START + TAKEOVER_MS - 1);
    let taken_over = sent(&mut couriers, &mut second, START + TAKEOVER_MS);
    assert_eq!(taken_over.records, "[1,2]");
    assert!(couriers.end("p", lost.id, Sent::Accepted, START + TAKEOVER_MS + 1).is_empty(), "nobody waits for it");
    asleep(&mut couriers, &mut second, START + TAKEOVER_MS + 1);
    couriers.end("p", taken_over.id, Sent::Accepted, START + TAKEOVER_MS + 2);
    assert_eq!(couriers.step(&mut second, START + TAKEOVER_MS + 2), Step::Done);
}

#[test]
fn failures_climb_from_the_ledger_to_d1_to_the_log() {
    let mut couriers = Couriers::default();
    let mut ticket = add(&mut couriers, "1", START);
    let mut now = START;
    let mut tried = Vec::new();
    let logged = loop {
        let (route, at, logged) = attempt(&mut couriers, &mut ticket, &mut now, Sent::Failed);
        tried.push((route, at - START));
        // New records neither hurry the next try nor put it off.
        watched(&mut couriers, "2", now);
        if !logged.is_empty() {
            break logged;
        }
    };
    let (ledger, database) = (Route::Ledger, Route::Database);
    assert_eq!(tried, [(ledger, 0), (ledger, 200), (ledger, 1_200), (database, 1_250), (database, 2_250)]);
    assert_eq!(logged, ["1", "2", "2", "2", "2"], "those that were in the last message");
    assert_eq!(couriers.step(&mut ticket, now), Step::Done);
    assert_eq!(couriers.held_bytes(), 1, "the last one waits for its turn");
}

#[test]
fn the_slowest_way_to_the_log_ends_before_the_platform_ends_the_request() {
    /// What the platform gives a request after its response has ended.
    const PLATFORM_MS: u64 = 30_000;
    let mut couriers = Couriers::default();
    let mut ticket = add(&mut couriers, "1", START);
    let mut now = START;
    loop {
        let message = match couriers.step(&mut ticket, now) {
            Step::Send(message) => message,
            Step::Sleep(ms) => {
                now += ms;
                continue;
            }
            Step::Done | Step::Log(_) => panic!("settled at {now}"),
        };
        // Each try takes all the time it may.
        now += match message.route {
            Route::Ledger => u64::from(LEDGER_MS),
            Route::Database => DATABASE_MS,
        };
        if !couriers.end("p", message.id, Sent::Failed, now).is_empty() {
            break;
        }
    }
    assert!(now - START <= GIVE_UP_MS && GIVE_UP_MS + DATABASE_MS <= PLATFORM_MS, "logged after {} ms", now - START);
}

#[test]
fn a_ledger_that_is_full_or_missing_is_not_asked_again_for_a_while() {
    let mut couriers = Couriers::default();
    let mut now = START;
    let mut ticket = add(&mut couriers, "1", now);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Unavailable).0, Route::Ledger);
    let (route, at, _) = attempt(&mut couriers, &mut ticket, &mut now, Sent::Accepted);
    assert_eq!((route, at), (Route::Database, START + PACE_MS), "its records go to D1 at once");

    now = START + REST_MS - 1;
    let mut ticket = add(&mut couriers, "2", now);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Accepted).0, Route::Database);

    now = START + 2 * REST_MS;
    let mut ticket = add(&mut couriers, "3", now);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Failed).0, Route::Ledger);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Accepted).0, Route::Database, "one try is enough");

    now += REST_MS;
    let mut ticket = add(&mut couriers, "4", now);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Accepted).0, Route::Ledger);
    let mut ticket = add(&mut couriers, "5", now);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Failed).0, Route::Ledger);
    assert_eq!(attempt(&mut couriers, &mut ticket, &mut now, Sent::Failed).0, Route::Ledger, "it is trusted again");
}

#[test]
fn without_ledger_and_database_a_record_is_logged_at_once() {
    let mut couriers = Couriers::default();
    let mut now = START;
    let mut ticket = add(&mut couriers, "1", now);
    attempt(&mut couriers, &mut ticket, &mut now, Sent::Unavailable);
    let (_, at, logged) = attempt(&mut couriers, &mut ticket, &mut now, Sent::Unavailable);
    assert_eq!((at - START, logged), (PACE_MS, vec!["1".to_owned()]));
}

#[test]
fn a_watcher_takes_its_group_back_before_the_platform_ends_it() {
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    let hanging = sent(&mut couriers, &mut first, START);
    assert_eq!(couriers.step(&mut first, START + GIVE_UP_MS), Step::Log(vec!["1".to_owned()]));
    assert_eq!(couriers.step(&mut first, START + GIVE_UP_MS), Step::Done);
    assert!(couriers.end("p", hanging.id, Sent::Failed, START + GIVE_UP_MS).is_empty(), "it is not logged twice");
    assert_eq!(couriers.held_bytes(), 0);
}

#[test]
fn two_requests_watch_over_a_group_and_the_others_end_at_once() {
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    let message = sent(&mut couriers, &mut first, START);
    let (watchers, mut tickets) = many(&mut couriers, 2 * GROUP_RECORDS + 1, "2", START + 1);
    assert_eq!(watchers, [0, 1, GROUP_RECORDS, GROUP_RECORDS + 1, 2 * GROUP_RECORDS], "a group has its own");
    couriers.end("p", message.id, Sent::Accepted, START + 10);
    assert_eq!(couriers.step(&mut first, START + 10), Step::Done, "the groups after its own are none of its business");
    // The opener's context is gone: its partner looks when the message should have arrived.
    let mut partner = tickets.remove(1);
    assert_eq!(asleep(&mut couriers, &mut partner, START + 10), PACE_MS + SETTLE_MS - 10);
    let message = sent(&mut couriers, &mut partner, START + PACE_MS + SETTLE_MS);
    assert_eq!(message.records.matches('2').count(), 2 * GROUP_RECORDS + 1);
    couriers.end("p", message.id, Sent::Accepted, START + PACE_MS + SETTLE_MS + 10);
    assert_eq!(couriers.held_bytes(), 0);
    assert_eq!(watched(&mut couriers, "3", START + PACE_MS + SETTLE_MS + 11).map(|_| ()), Some(()), "a new group");
}

#[test]
fn watchers_stay_until_all_of_their_group_is_settled() {
    // A message ends within a group where its bytes are full.
    let record = "x".repeat(MESSAGE_BYTES / 4);
    let mut couriers = Couriers::default();
    let (watchers, mut tickets) = many(&mut couriers, 5, &record, START);
    assert_eq!(watchers, [0, 1]);
    let message = sent(&mut couriers, &mut tickets[0], START);
    assert_eq!(message.records.matches(',').count(), 2, "three of five");
    assert!(watched(&mut couriers, "1", START).is_none(), "what is added now joins the group whose rest waits");
    couriers.end("p", message.id, Sent::Accepted, START + 10);
    assert_eq!(asleep(&mut couriers, &mut tickets[0], START + 10), PACE_MS - 10, "its opener sends the rest");
    let message = sent(&mut couriers, &mut tickets[0], START + PACE_MS);
    assert!(message.records.ends_with(",1]"));
    couriers.end("p", message.id, Sent::Accepted, START + PACE_MS);
    assert!(tickets.iter_mut().all(|ticket| couriers.step(ticket, START + PACE_MS) == Step::Done));
}

#[test]
fn what_one_watcher_gives_up_is_none_of_its_partners_business() {
    let texts = |records: &[&str]| Step::Log(records.iter().map(|record| (*record).to_owned()).collect());
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    sent(&mut couriers, &mut first, START);
    // The context of this one ends with the message in its hands.
    drop(first);
    let mut opener = add(&mut couriers, "2", START + 1);
    let mut partner = add(&mut couriers, "3", START + 2);
    assert!(watched(&mut couriers, "4", START + GROUP_MS).is_none());
    let mut next = add(&mut couriers, "5", START + 1 + GROUP_MS);
    assert_eq!(couriers.step(&mut opener, START + 1 + GIVE_UP_MS), texts(&["1", "2", "3", "4"]), "and what nobody has");
    assert_eq!(couriers.step(&mut opener, START + 1 + GIVE_UP_MS), Step::Done);
    assert_eq!(couriers.step(&mut partner, START + 2 + GIVE_UP_MS), Step::Done);
    assert_eq!(couriers.step(&mut next, START + 1 + GROUP_MS + GIVE_UP_MS), texts(&["5"]));
    assert_eq!(couriers.held_bytes(), 0);
}

#[test]
fn a_group_without_watchers_is_taken_over_by_whoever_comes_later() {
    let mut couriers = Couriers::default();
    let mut first = add(&mut couriers, "1", START);
    let lost = sent(&mut couriers, &mut first, START);
    let (_, dead) = many(&mut couriers, 3, "2", START);
    drop((first, dead));
    assert!(watched(&mut couriers, "3", START + GROUP_MS - 1).is_none(), "nobody knows yet");
    let mut later = add(&mut couriers, "4", START + GROUP_MS);
    asleep(&mut couriers, &mut later, START + TAKEOVER_MS - 1);
    let message = sent(&mut couriers, &mut later, START + TAKEOVER_MS);
    assert_eq!(message.records, "[1,2,2,2,3,4]");
    assert!(couriers.end("p", lost.id, Sent::Failed, START + TAKEOVER_MS).is_empty());
    couriers.end("p", message.id, Sent::Accepted, START + TAKEOVER_MS);
    assert_eq!(couriers.step(&mut later, START + TAKEOVER_MS), Step::Done);
    assert_eq!(couriers.held_bytes(), 0);
}

#[test]
fn a_message_is_bounded_in_records_and_in_bytes() {
    let mut couriers = Couriers::default();
    let (watchers, mut tickets) = many(&mut couriers, MESSAGE_RECORDS + 1, "1", START);
    assert_eq!(watchers.last(), Some(&MESSAGE_RECORDS), "full groups fill a message");
    let message = sent(&mut couriers, &mut tickets[0], START);
    assert_eq!(message.records.matches('1').count(), MESSAGE_RECORDS);
    couriers.end("p", message.id, Sent::Accepted, START);
    let last = sent(&mut couriers, tickets.last_mut().unwrap(), START + PACE_MS);
    assert_eq!(last.records, "[1]");
    couriers.end("p", last.id, Sent::Accepted, START + PACE_MS);

    let half = "x".repeat(MESSAGE_BYTES / 2);
    let (_, mut tickets) = many(&mut couriers, 3, &half, START);
    let message = sent(&mut couriers, &mut tickets[0], START + 2 * PACE_MS);
    assert_eq!(message.records.len(), half.len() + 2, "two halves, a comma and the brackets are too much");
    let huge = "x".repeat(2 * MESSAGE_BYTES);
    let mut other = Couriers::default();
    let mut ticket = add(&mut other, &huge, START);
    assert_eq!(sent(&mut other, &mut ticket, START).records.len(), huge.len() + 2, "one record always fits");
}

#[test]
fn an_isolate_holds_no_more_than_it_may() {
    let mut couriers = Couriers::default();
    let record = "x".repeat(HELD_BYTES / 4);
    many(&mut couriers, 4, &record, START);
    let (added, orphans) = couriers.add("q", "1".to_owned(), START + GIVE_UP_MS);
    assert!(matches!(added, Added::Full(record) if record == "1") && orphans.is_empty());
    // Their requests are long gone: nobody else will ever put them anywhere.
    let (added, orphans) = couriers.add("q", "1".to_owned(), START + 2 * GIVE_UP_MS + 1);
    assert!(matches!(added, Added::Watched(_)));
    assert_eq!(orphans.len(), 4);
    assert_eq!(couriers.held_bytes(), 1);
}

#[test]
fn projects_with_nothing_on_its_way_are_forgotten() {
    let mut couriers = Couriers::default();
    for index in 0..MAX_COURIERS {
        let (Added::Watched(mut ticket), _) = couriers.add(&format!("p{index}"), "1".to_owned(), START) else {
            panic!()
        };
        let message = sent(&mut couriers, &mut ticket, START);
        if index > 0 {
            couriers.end(ticket.project(), message.id, Sent::Accepted, START);
        }
    }
    assert_eq!(couriers.len(), MAX_COURIERS);
    let (Added::Watched(mut ticket), _) = couriers.add("new", "2".to_owned(), START + PACE_MS) else { panic!() };
    assert_eq!(couriers.len(), 2, "the new one and the one whose message is in flight");
    assert_eq!(sent(&mut couriers, &mut ticket, START + PACE_MS).records, "[2]");
}
