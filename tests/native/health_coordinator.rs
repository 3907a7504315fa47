//! The health object: who is told what, what is counted once, and what is stored.

use opengateway::health::circuit::{Circuit, FORGOTTEN_MS, OPEN_MIN_MS, PROBE_MS, Standing};
use opengateway::health::circuits::{MAX_CIRCUITS, WHOLE_PROVIDER};
use opengateway::health::coordinator::{Change, Coordinator, MAX_ISOLATES};
use opengateway::health::cursor::{MAX_CURSORS, STORED_AHEAD};
use opengateway::health::headroom::Headroom;
use opengateway::health::message::{ProbeWish, Report, Seen, SyncReply, SyncRequest, TicketLease, TicketWish};
use opengateway::health::outcome::Outcome;

use crate::health_fixture::{
    ANOTHER, FAILURE, FIRST_TOKEN, MINE, NOW, SOFT, SUCCESS, Storage, benched, empty, left, names, report, sorted,
};

/// An object, and what isolates 1 and 2 say to it.
struct World {
    object: Coordinator,
    storage: Storage,
    now_ms: u64,
    batch: u64,
    isolate: u64,
    seen: Option<Seen>,
}

impl World {
    fn new() -> Self {
        let object = Coordinator::new(7);
        Self { object, storage: Storage::default(), now_ms: NOW, batch: 0, isolate: 1, seen: None }
    }

    /// A message, with what was stored for it.
    fn send(&mut self, request: SyncRequest) -> (SyncReply, Vec<Change>) {
        let request = SyncRequest { isolate: self.isolate, seen: self.seen, ..request };
        let (reply, changes) = self.object.sync(&request, self.now_ms);
        self.storage.apply(changes.clone());
        (reply, changes)
    }

    fn tell(&mut self, reports: Vec<Report>) -> (SyncReply, Vec<Change>) {
        self.batch += 1;
        self.send(SyncRequest { reports, ..empty(self.batch) })
    }

    fn fail(&mut self, provider: &str, model: &str) -> Vec<Change> {
        self.tell(vec![report(provider, model, FAILURE); 3]).1
    }

    /// Tells of so many models of one provider.
    fn fill(&mut self, count: usize) {
        let models: Vec<Report> = (0..count).map(|index| report("vllm", &format!("m-{index}"), SUCCESS)).collect();
        let seen = self.seen;
        for some in models.chunks(64) {
            self.seen = Some(self.tell(some.to_vec()).0.state);
        }
        self.seen = seen;
    }

    fn wish(&mut self, wish: ProbeWish) -> Vec<Change> {
        self.send(SyncRequest { probes: vec![wish], ..empty(self.batch) }).1
    }

    fn lease(&mut self, tickets: &[(&str, u64)]) -> (Vec<TicketLease>, Vec<Change>) {
        let wish = |(key, count): &(&str, u64)| TicketWish { key: (*key).to_owned(), count: *count };
        let tickets = tickets.iter().map(wish).collect();
        let (reply, changes) = self.send(SyncRequest { tickets, ..empty(self.batch) });
        (reply.tickets, changes)
    }

    fn totals(&self, model: &str) -> (u32, u32) {
        self.object.circuits().get("groq", model).map_or((0, 0), |circuit| circuit.totals(self.now_ms))
    }
}

fn probe(provider: &str, model: &str) -> ProbeWish {
    ProbeWish { provider: provider.to_owned(), model: model.to_owned(), permit: MINE }
}

/// The kinds of changes, in order.
fn kinds(changes: &[Change]) -> Vec<String> {
    let kind = |change: &Change| match change {
        Change::Circuit { provider, model, .. } => format!("circuit {provider}/{model}"),
        Change::Closed { provider, model } => format!("closed {provider}/{model}"),
        Change::Forget { provider } => format!("forget {provider}"),
        Change::Cursor { key, next } => format!("cursor {key} {next}"),
        Change::ClearCursors => "clear cursors".to_owned(),
    };
    changes.iter().map(kind).collect()
}

// --- Who is told what ------------------------------------------------------------------------------------------------

#[test]
fn who_knows_nothing_is_told_everything() {
    let mut world = World::new();
    let (reply, _) = world.tell(vec![]);
    assert_eq!((reply.full, names(&reply), reply.state), (true, vec![], Seen { incarnation: 7, version: 1 }));
    world.tell(vec![report("groq", "m", SUCCESS), report("cerebras", "m", FAILURE)]);
    let (reply, _) = world.tell(vec![report("groq", "n", SUCCESS)]);
    assert_eq!((reply.full, reply.state.version), (true, 3));
    assert_eq!(names(&reply), ["cerebras/m", "groq/m", "groq/n"]);
}

#[test]
fn who_has_seen_it_is_told_what_changed_since() {
    let mut world = World::new();
    let (first, _) = world.tell(vec![report("groq", "m", SUCCESS), report("groq", "n", SUCCESS)]);
    world.seen = Some(first.state);
    let (second, _) = world.tell(vec![report("groq", "n", SUCCESS)]);
    assert_eq!((second.full, names(&second)), (false, vec!["groq/n".to_owned()]), "its own news comes back to it");
    let (third, _) = world.tell(vec![report("groq", "o", FAILURE)]);
    assert_eq!((third.full, names(&third)), (false, vec!["groq/n".to_owned(), "groq/o".to_owned()]));
    world.seen = Some(third.state);
    let (fourth, changes) = world.tell(vec![]);
    assert_eq!((fourth.full, names(&fourth), changes), (false, vec![], vec![]), "nothing happened");
    assert!(fourth.circuits.iter().all(|state| world.object.circuits().get(&state.provider, &state.model).is_some()));
}

#[test]
fn what_a_message_touched_and_did_not_change_is_no_news() {
    let mut world = World::new();
    world.fail("groq", "m");
    world.wish(probe("groq", "m"));
    world.seen = Some(world.tell(vec![]).0.state);
    for wish in [probe("groq", "m"), probe("groq", "unknown"), ProbeWish { permit: ANOTHER, ..probe("groq", "m") }] {
        let (reply, changes) = world.send(SyncRequest { probes: vec![wish], ..empty(0) });
        assert_eq!((names(&reply), changes), (vec![], vec![]));
    }
    let nothing = Report { permit: Some(ANOTHER), ..report("groq", "m", Outcome::Inconclusive) };
    assert_eq!(names(&world.tell(vec![nothing.clone()]).0), Vec::<String>::new());
    let (reply, _) = world.tell(vec![Report { model: "unknown".to_owned(), ..nothing }]);
    assert_eq!(names(&reply), Vec::<String>::new(), "a permit of a circuit that was forgotten makes none");
}

#[test]
fn a_key_that_is_refused_is_news_of_the_whole_provider() {
    let mut world = World::new();
    world.seen = Some(world.tell(vec![]).0.state);
    let (reply, changes) = world.tell(vec![report("groq", "m", benched(NOW + 9, true))]);
    assert_eq!(names(&reply), ["groq/"]);
    assert_eq!(kinds(&changes), ["circuit groq/"]);
    assert!(matches!(world.object.circuits().standing("groq", "any", NOW), Standing::Benched { .. }));
}

#[test]
fn who_saw_another_object_or_the_future_is_told_everything() {
    let mut world = World::new();
    world.tell(vec![report("groq", "m", SUCCESS)]);
    for seen in [Seen { incarnation: 8, version: 1 }, Seen { incarnation: 7, version: 99 }] {
        world.seen = Some(seen);
        let (reply, _) = world.tell(vec![]);
        assert_eq!((reply.full, names(&reply)), (true, vec!["groq/m".to_owned()]), "{seen:?}");
    }
    world.seen = Some(Seen { incarnation: 7, version: 0 });
    assert!(!world.tell(vec![]).0.full);
}

#[test]
fn after_a_provider_was_forgotten_everyone_who_saw_it_is_told_everything() {
    let mut world = World::new();
    let old = world.tell(vec![report("groq", "m", SUCCESS)]).0.state;
    world.fill(MAX_CIRCUITS - 1);
    world.fail("vllm", "m-1");
    let before = world.tell(vec![]).0.state;
    world.seen = Some(before);
    let (reply, changes) = world.tell(vec![report("groq", "one more", SUCCESS)]);
    assert_eq!((reply.full, names(&reply)), (true, vec!["groq/m".to_owned(), "groq/one more".to_owned()]));
    assert_eq!(kinds(&changes), ["forget vllm"]);
    assert_eq!(world.storage.circuits.len(), 0, "the open one is gone too");
    let forgot = reply.state;
    for (seen, full) in [(old, true), (before, true), (forgot, false)] {
        world.seen = Some(seen);
        assert_eq!(world.tell(vec![]).0.full, full, "{seen:?}");
    }
}

#[test]
fn what_is_put_in_after_its_provider_was_forgotten_is_stored() {
    let mut world = World::new();
    world.fill(MAX_CIRCUITS);
    let limited = |model: &str| report("vllm", model, Outcome::Limited { until_ms: NOW + 9 });
    world.tell(vec![limited("m-1")]);
    // The third of them makes all go that came before, in one message; the last one is as it was before that.
    let reports = vec![limited("m-0"), report("vllm", "m-1", SUCCESS), limited("one more"), limited("m-1")];
    let (reply, changes) = world.tell(reports);
    assert_eq!(names(&reply), ["vllm/m-1", "vllm/one more"]);
    assert_eq!(kinds(&changes).first().map(String::as_str), Some("forget vllm"));
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert_eq!(sorted(world.storage.restored(8, NOW).circuits()), sorted(world.object.circuits()));
}

// --- What is counted once --------------------------------------------------------------------------------------------

#[test]
fn a_batch_that_comes_again_is_not_counted_again() {
    let mut world = World::new();
    let message = SyncRequest { reports: vec![report("groq", "m", FAILURE)], ..empty(1) };
    for _ in 0..3 {
        let (reply, _) = world.send(message.clone());
        assert_eq!(names(&reply), ["groq/m"], "it is answered all the same");
        assert_eq!(world.totals("m"), (0, 1));
    }
    world.send(SyncRequest { batch: 0, ..message.clone() });
    assert_eq!(world.totals("m"), (0, 1), "nor is an older one");
    world.send(SyncRequest { batch: 2, ..message.clone() });
    assert_eq!(world.totals("m"), (0, 2));
    world.isolate = 2;
    world.send(message);
    assert_eq!(world.totals("m"), (0, 3), "isolates count for themselves");
}

#[test]
fn wishes_in_a_batch_that_comes_again_are_granted_again() {
    let mut world = World::new();
    world.fail("groq", "m");
    let tickets = vec![TicketWish { key: "k".to_owned(), count: 8 }];
    let message = SyncRequest { tickets, probes: vec![probe("groq", "m")], ..empty(world.batch) };
    let (first, _) = world.send(message.clone());
    let (second, changes) = world.send(message);
    assert_eq!((first.tickets.first().unwrap().from, second.tickets.first().unwrap().from), (0, 8));
    assert_eq!(changes, [], "asking again with the same permit changes nothing");
}

#[test]
fn reports_are_taken_in_before_wishes() {
    let mut world = World::new();
    let reports = vec![report("groq", "m", FAILURE); 3];
    let (_, changes) = world.send(SyncRequest { reports, probes: vec![probe("groq", "m")], ..empty(1) });
    assert_eq!(kinds(&changes), ["circuit groq/m"], "it opened and half-opened: one row");
    let standing = world.object.circuits().standing("groq", "m", NOW);
    assert_eq!(standing, Standing::Open { until_ms: NOW + PROBE_MS }, "a probe is out");
    assert_eq!(sorted(world.storage.restored(8, NOW).circuits()), sorted(world.object.circuits()));
}

#[test]
fn only_so_many_isolates_are_remembered() {
    let mut world = World::new();
    let message = SyncRequest { reports: vec![report("groq", "m", SUCCESS)], ..empty(1) };
    for isolate in 0..MAX_ISOLATES as u64 {
        world.isolate = isolate;
        world.send(message.clone());
    }
    world.send(SyncRequest { batch: 2, ..message.clone() });
    world.isolate = 0;
    world.send(message.clone());
    assert_eq!(world.totals("m"), (MAX_ISOLATES as u32 + 1, 0), "those that are known push nobody out");
    world.isolate = MAX_ISOLATES as u64;
    world.send(message.clone());
    world.send(message.clone());
    assert_eq!(world.totals("m"), (MAX_ISOLATES as u32 + 2, 0));
    world.isolate = 0;
    world.send(message);
    assert_eq!(world.totals("m"), (MAX_ISOLATES as u32 + 3, 0), "the price: it counts once more");
}

// --- What is stored --------------------------------------------------------------------------------------------------

#[test]
fn counts_and_means_are_not_stored() {
    let mut world = World::new();
    let headroom = Outcome::Headroom(Headroom { requests: left(1), tokens: None });
    for outcome in [SUCCESS, FIRST_TOKEN, FAILURE, SOFT, headroom] {
        assert_eq!(world.tell(vec![report("groq", "m", outcome)]).1, [], "{outcome:?}");
    }
}

#[test]
fn a_row_is_written_when_somebody_has_to_wait_and_goes_when_nobody_has_to() {
    let mut world = World::new();
    assert_eq!(kinds(&world.fail("groq", "m")), ["circuit groq/m"]);
    assert_eq!(world.tell(vec![report("groq", "m", FAILURE)]).1, [], "it is open already");
    world.now_ms += OPEN_MIN_MS;
    assert_eq!(kinds(&world.wish(probe("groq", "m"))), ["circuit groq/m"], "the probe");
    let answer = |outcome| vec![Report { permit: Some(MINE), ..report("groq", "m", outcome) }];
    assert_eq!(kinds(&world.tell(answer(FAILURE)).1), ["circuit groq/m"], "open for longer");
    world.wish(probe("groq", "m"));
    assert_eq!(kinds(&world.tell(answer(FIRST_TOKEN)).1), ["closed groq/m"]);
    assert_eq!(world.storage.circuits.len(), 0);
    assert_eq!(world.tell(answer(SUCCESS)).1, [], "as it was");
    let now_ms = world.now_ms;
    let limited = |ms| vec![report("groq", "m", Outcome::Limited { until_ms: now_ms + ms })];
    assert_eq!(kinds(&world.tell(limited(9)).1), ["circuit groq/m"]);
    assert_eq!(world.tell(limited(8)).1, [], "it is limited for longer");
    assert_eq!(kinds(&world.tell(limited(10)).1), ["circuit groq/m"]);
    world.now_ms += 9;
    assert_eq!(world.tell(answer(FIRST_TOKEN)).1, [], "it is limited still");
    world.now_ms += 1;
    assert_eq!(kinds(&world.tell(answer(FIRST_TOKEN)).1), ["closed groq/m"], "its time is up");
}

#[test]
fn a_row_whose_time_is_up_goes_when_the_object_is_started_again() {
    let restored = |outcome: Outcome, now_ms: u64| {
        let mut circuit = Circuit::default();
        (0..3).for_each(|_| circuit.record(outcome, None, NOW));
        let mut object = Coordinator::new(2);
        let gone = object.restore_circuit("groq", "m", circuit, now_ms);
        assert_eq!(gone.is_none(), object.circuits().get("groq", "m").is_some());
        gone.is_some()
    };
    let limited = Outcome::Limited { until_ms: NOW + 9 };
    assert_eq!([restored(limited, NOW + 8), restored(limited, NOW + 9)], [false, true]);
    let bench = benched(NOW + 9, false);
    assert_eq!([restored(bench, NOW + 8), restored(bench, NOW + 9)], [false, true]);
    // Who is probed next is only forgotten when nobody has done so for long.
    let forgotten = NOW + OPEN_MIN_MS + FORGOTTEN_MS;
    assert_eq!([restored(FAILURE, forgotten - 1), restored(FAILURE, forgotten)], [false, true]);
    let whole = benched(NOW + 9, true);
    assert_eq!([restored(whole, NOW + 9 + FORGOTTEN_MS - 1), restored(whole, NOW + 9 + FORGOTTEN_MS)], [false, true]);
}

#[test]
fn a_bench_is_stored_until_there_is_an_answer() {
    let mut world = World::new();
    assert_eq!(kinds(&world.tell(vec![report("groq", "m", benched(NOW + 9, false))]).1), ["circuit groq/m"]);
    assert_eq!(kinds(&world.tell(vec![report("groq", "m", SUCCESS)]).1), ["closed groq/m"]);
    let both = vec![report("groq", "m", benched(NOW + 9, false)), report("groq", "m", SUCCESS)];
    assert_eq!(world.tell(both).1, [], "in one message it never was");
}

#[test]
fn after_an_eviction_whoever_had_to_wait_still_waits() {
    let mut world = World::new();
    world.fail("groq", "open");
    world.fail("groq", "half-open");
    world.wish(probe("groq", "half-open"));
    world.tell(vec![
        report("groq", "limited", Outcome::Limited { until_ms: NOW + 9 }),
        report("groq", "benched", benched(NOW + 9, false)),
        report("cerebras", "m", benched(NOW + 9, true)),
        report("groq", "fine", SUCCESS),
    ]);
    let restored = world.storage.restored(8, NOW);
    for (provider, model) in [
        ("groq", "open"),
        ("groq", "half-open"),
        ("groq", "limited"),
        ("groq", "benched"),
        ("groq", "fine"),
        ("cerebras", "m"),
        ("cerebras", WHOLE_PROVIDER),
    ] {
        let standing = |object: &Coordinator| object.circuits().standing(provider, model, NOW);
        assert_eq!(standing(&restored), standing(&world.object), "{provider}/{model}");
    }
    let state = |object: &Coordinator| object.circuits().get("groq", "half-open").map(Circuit::state);
    assert_eq!(state(&restored), state(&world.object), "whose probe it is");
    assert_eq!(restored.circuits().iter().count(), 5, "nothing is kept of what is fine");
    world.object = restored;
    let (reply, _) = world.tell(vec![]);
    assert_eq!((reply.full, reply.circuits.len(), reply.state), (true, 5, Seen { incarnation: 8, version: 1 }));
}

// --- Tickets ---------------------------------------------------------------------------------------------------------

#[test]
fn tickets_come_in_the_order_of_the_wishes() {
    let mut world = World::new();
    let lease = |key: &str, from, count| TicketLease { key: key.to_owned(), from, count };
    let (tickets, changes) = world.lease(&[("b", 8), ("a", 2), ("b", 4)]);
    assert_eq!(tickets, [lease("b", 0, 8), lease("a", 0, 2), lease("b", 8, 4)]);
    assert_eq!(kinds(&changes), [format!("cursor b {}", 8 + STORED_AHEAD), format!("cursor a {}", 2 + STORED_AHEAD)]);
    let (tickets, changes) = world.lease(&[("a", 8)]);
    assert_eq!((tickets, changes), (vec![lease("a", 2, 8)], vec![]));
    world.object = world.storage.restored(8, NOW);
    let (tickets, changes) = world.lease(&[("a", 8)]);
    let next = 2 + STORED_AHEAD;
    assert_eq!(tickets, [lease("a", next, 8)], "behind all that could have been given");
    assert_eq!(kinds(&changes), [format!("cursor a {}", next + 8 + STORED_AHEAD)]);
}

#[test]
fn with_too_many_cursors_the_stored_ones_go_first() {
    let mut world = World::new();
    for index in 0..MAX_CURSORS - 1 {
        world.lease(&[(&format!("m-{index}"), 8)]);
    }
    let (_, changes) = world.lease(&[("last", 8), ("one more", 8), ("and more", 8)]);
    let next = 8 + STORED_AHEAD;
    let expected = [
        format!("cursor last {next}"),
        "clear cursors".to_owned(),
        format!("cursor one more {next}"),
        format!("cursor and more {next}"),
    ];
    assert_eq!(kinds(&changes), expected);
    let stored: Vec<&str> = world.storage.cursors.keys().map(String::as_str).collect();
    assert_eq!(stored, ["and more", "one more"]);
}
