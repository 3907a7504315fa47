//! The group commit under every interleaving that proptest finds: requests that come and die, messages that get lost or
//! take their time, on a virtual clock. Every record is settled exactly once, if anyone lives who watches over it or who
//! comes later.

use std::collections::{BTreeMap, BTreeSet};

use opengateway::accounts::courier::{
    GIVE_UP_MS, GROUP_MS, GROUP_RECORDS, Message, PACE_MS, Sent, TAKEOVER_MS, WATCHERS,
};
use opengateway::accounts::couriers::{Added, Couriers, Step, Ticket};
use proptest::prelude::*;

const START: u64 = 1_000_000;

/// What happens to one message.
#[derive(Clone, Debug)]
struct Fate {
    after_ms: u64,
    /// Whether the records arrived.
    arrives: bool,
    /// What the sender hears; `None`: it dies with its request, and hears nothing.
    heard: Option<Sent>,
}

/// A record's number is its request's place among all of them, which is the order of adding.
#[derive(Clone, Debug)]
struct Request {
    at_ms: u64,
    project: usize,
    /// Its context ends so long after it added its record.
    dies_after_ms: Option<u64>,
    /// What it sends is always acknowledged.
    rescues: bool,
}

fn fate() -> impl Strategy<Value = Fate> {
    let heard = prop_oneof![
        4 => Just((true, Some(Sent::Accepted))),
        2 => Just((false, Some(Sent::Failed))),
        1 => Just((true, Some(Sent::Failed))),
        1 => Just((false, Some(Sent::Unavailable))),
        1 => Just((false, None)),
        1 => Just((true, None)),
    ];
    // Senders have timers: nothing takes as long as the takeover.
    (prop_oneof![3 => 0..60u64, 1 => 0..TAKEOVER_MS - 500], heard).prop_map(|(after_ms, (arrives, heard))| Fate {
        after_ms,
        arrives,
        heard,
    })
}

/// Requests of a project that end at the same time, mostly one.
fn burst() -> impl Strategy<Value = Vec<Request>> {
    let dies = prop_oneof![3 => Just(None), 1 => (0..3_000u64).prop_map(Some)];
    let count = prop_oneof![16 => Just(1), 3 => 2..10usize, 2 => 90..120usize, 1 => 300..600usize];
    let at_ms = prop_oneof![2 => 0..300u64, 1 => 0..40_000u64];
    (at_ms, 0..2usize, prop::collection::vec(dies, 1..4), count).prop_map(|(at_ms, project, dies, count)| {
        let dies = dies.into_iter().cycle().take(count);
        dies.map(|dies_after_ms| Request { at_ms: START + at_ms, project, dies_after_ms, rescues: false }).collect()
    })
}

/// When all is over: whoever comes then finds what nobody has settled.
fn rescuers() -> [Request; 2] {
    [0, 1].map(|project| Request { at_ms: START + 100_000, project, dies_after_ms: None, rescues: true })
}

const ACCEPTED: Fate = Fate { after_ms: 5, arrives: true, heard: Some(Sent::Accepted) };

enum Event {
    Comes,
    Wakes,
    Ends(u64, Fate),
}

#[derive(Default)]
struct World {
    couriers: Couriers,
    events: BTreeMap<(u64, u64), (usize, Event)>,
    count: u64,
    tickets: BTreeMap<usize, Ticket>,
    /// When they were opened, and their records.
    groups: [Vec<(u64, Vec<usize>)>; 2],
    /// Not settled.
    held: [BTreeSet<usize>; 2],
    arrived: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
    logged: Vec<usize>,
    /// Watchers that ended since nothing is left to do.
    done: BTreeSet<usize>,
    /// Watchers that the platform ended.
    dead: BTreeSet<usize>,
    in_flight: [Option<(u64, u64, Vec<usize>)>; 2],
    last_begun: [Option<u64>; 2],
}

fn numbers(records: &str) -> Vec<usize> {
    serde_json::from_str(records).unwrap()
}

impl World {
    fn schedule(&mut self, at: u64, request: usize, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), (request, event));
    }

    /// Adds a record; returns whether its request watches.
    fn add(&mut self, record: usize, project: usize, now: u64) -> bool {
        let in_flight = self.in_flight[project].as_ref().and_then(|(_, _, records)| records.last());
        let waiting = self.held[project].last().is_some_and(|last| Some(last) != in_flight);
        match self.groups[project].last_mut() {
            Some((opened, group)) if waiting && group.len() < GROUP_RECORDS && now - *opened < GROUP_MS => {
                group.push(record);
            }
            _ => self.groups[project].push((now, vec![record])),
        }
        let watches = self.groups[project].last().is_some_and(|(_, group)| group.len() <= WATCHERS);
        self.held[project].insert(record);
        match self.couriers.add(&project.to_string(), record.to_string(), now) {
            (Added::Watched(ticket), orphans) if watches && orphans.is_empty() => {
                self.tickets.insert(record, ticket);
            }
            (Added::Entrusted, orphans) if !watches && orphans.is_empty() => {}
            other => panic!("{other:?}, {watches}"),
        }
        watches
    }

    /// The last record that a watcher answers for.
    fn last_of_group(&self, watcher: usize, project: usize) -> usize {
        let group = self.groups[project].iter().find(|(_, group)| group.contains(&watcher));
        *group.and_then(|(_, group)| group.last()).expect("it has a group")
    }

    /// Nobody ends who watches over a record that is not settled.
    fn check_watchers(&self) {
        for (groups, held) in self.groups.iter().zip(&self.held) {
            for (_, group) in groups.iter().filter(|(_, group)| group.last().is_some_and(|last| held.contains(last))) {
                let watchers = &group[..group.len().min(WATCHERS)];
                assert!(watchers.iter().all(|watcher| !self.done.contains(watcher)), "{group:?} is left alone");
            }
        }
    }

    fn settle(&mut self, project: usize, record: usize) {
        assert_eq!(self.held[project].pop_first(), Some(record), "once each, and in the order of adding");
    }

    fn log(&mut self, project: usize, records: Vec<String>) {
        for record in records {
            let record = record.parse().unwrap();
            self.settle(project, record);
            self.logged.push(record);
        }
    }

    fn send(&mut self, sender: usize, project: usize, message: Message, now: u64, fate: Fate) {
        let records = numbers(&message.records);
        assert!(self.held[project].iter().take(records.len()).eq(&records), "the oldest first, in the order of adding");
        if let Some((_, begun, _)) = &self.in_flight[project] {
            assert!(now - begun >= TAKEOVER_MS, "one message at a time");
        }
        assert!(self.last_begun[project].is_none_or(|begun| now - begun >= PACE_MS), "messages keep their pace");
        self.last_begun[project] = Some(now);
        if fate.arrives {
            self.arrived.extend(&records);
        }
        self.in_flight[project] = Some((message.id, now, records));
        self.schedule(now + fate.after_ms, sender, Event::Ends(message.id, fate));
    }

    fn ends(&mut self, project: usize, id: u64, sent: Sent, now: u64) {
        let logged = self.couriers.end(&project.to_string(), id, sent, now);
        let current = self.in_flight[project].take_if(|(current, _, _)| *current == id);
        match current {
            Some((_, _, records)) if sent == Sent::Accepted => {
                let held: Vec<usize> =
                    records.into_iter().filter(|record| self.held[project].contains(record)).collect();
                for record in held {
                    self.settle(project, record);
                    self.acknowledged.insert(record);
                }
            }
            Some(_) => {}
            None => assert!(logged.is_empty(), "nobody waits for a message that was taken over"),
        }
        self.log(project, logged);
    }
}

/// Runs it all; returns the world when nothing happens any more.
fn run(requests: &[Request], mut fates: impl Iterator<Item = Fate>) -> World {
    let mut world = World::default();
    for (record, request) in requests.iter().enumerate() {
        world.schedule(request.at_ms, record, Event::Comes);
    }
    let mut left = 1_000 * requests.len();
    while let Some(((now, _), (record, event))) = world.events.pop_first() {
        left = left.checked_sub(1).expect("it comes to an end");
        let Request { at_ms, project, dies_after_ms, rescues } = requests[record];
        if dies_after_ms.is_some_and(|ms| now > at_ms + ms) {
            world.dead.insert(record);
            continue;
        }
        match event {
            Event::Comes => {
                if !world.add(record, project, now) {
                    continue;
                }
            }
            Event::Wakes => {}
            Event::Ends(message, fate) => {
                let Some(sent) = fate.heard else {
                    world.dead.insert(record);
                    continue;
                };
                world.ends(project, message, sent, now);
            }
        }
        let mut ticket = world.tickets.remove(&record).unwrap();
        match world.couriers.step(&mut ticket, now) {
            Step::Done => {
                world.done.insert(record);
            }
            Step::Sleep(ms) => {
                assert!(ms > 0, "time goes on");
                assert!(now + ms <= at_ms + GIVE_UP_MS, "it looks once more before it is too late");
                world.schedule(now + ms, record, Event::Wakes);
            }
            Step::Send(message) => {
                let fate = if rescues { ACCEPTED } else { fates.next().unwrap() };
                world.send(record, project, message, now, fate);
            }
            Step::Log(texts) => {
                assert!(now >= at_ms + GIVE_UP_MS, "it tries as long as it can");
                let last = world.last_of_group(record, project).to_string();
                assert_eq!(texts.last(), Some(&last), "its group, whole");
                world.log(project, texts);
                world.done.insert(record);
            }
        }
        world.tickets.insert(record, ticket);
        world.check_watchers();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_record_is_settled_exactly_once(
        bursts in prop::collection::vec(burst(), 1..40),
        script in prop::collection::vec(fate(), 1..30),
        rescued in any::<bool>(),
    ) {
        let mut requests: Vec<Request> = bursts.concat();
        requests.extend(rescuers().into_iter().filter(|_| rescued));
        requests.sort_by_key(|request| request.at_ms);
        let world = run(&requests, script.iter().cloned().cycle());
        let logged: BTreeSet<usize> = world.logged.iter().copied().collect();
        prop_assert_eq!(logged.len(), world.logged.len(), "nothing is logged twice");
        prop_assert!(logged.is_disjoint(&world.acknowledged));
        prop_assert!(world.acknowledged.is_subset(&world.arrived), "what is acknowledged is safe");
        for (record, request) in requests.iter().enumerate() {
            let settled = world.acknowledged.contains(&record) || logged.contains(&record);
            prop_assert_eq!(settled, !world.held[request.project].contains(&record));
            prop_assert!(settled || !rescued, "record {} is lost, though somebody came later", record);
        }
        for watcher in world.tickets.keys().filter(|watcher| !world.dead.contains(watcher)) {
            let project = requests[*watcher].project;
            let lost = world.held[project].range(..=world.last_of_group(*watcher, project)).next();
            prop_assert_eq!(lost, None, "watcher {} lives", watcher);
        }
        let held: usize = world.held.iter().flatten().map(|record| record.to_string().len()).sum();
        prop_assert_eq!(world.couriers.held_bytes(), held);
    }
}
