//! The group commit under every interleaving that proptest finds: requests that come and die, messages that get lost or
//! take their time, on a virtual clock. Every record is settled exactly once.

use std::collections::{BTreeMap, BTreeSet};

use opengateway::accounts::courier::{GIVE_UP_MS, Message, PACE_MS, Sent, TAKEOVER_MS};
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

#[derive(Clone, Debug)]
struct Request {
    at_ms: u64,
    project: usize,
    /// Its context ends so long after it added its record.
    dies_after_ms: Option<u64>,
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

fn request() -> impl Strategy<Value = Request> {
    let dies = prop_oneof![4 => Just(None), 1 => (0..3_000u64).prop_map(Some)];
    (prop_oneof![2 => 0..300u64, 1 => 0..40_000u64], 0..2usize, dies)
        .prop_map(|(at_ms, project, dies_after_ms)| Request { at_ms: START + at_ms, project, dies_after_ms })
}

enum Event {
    Comes(usize),
    Wakes(usize),
    Ends { sender: usize, message: u64, fate: Fate },
}

#[derive(Default)]
struct World {
    couriers: Couriers,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
    tickets: BTreeMap<usize, Ticket>,
    /// Not settled, in the order of adding.
    held: [Vec<usize>; 2],
    arrived: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
    logged: Vec<usize>,
    /// Requests that died with a message in their hands: they watch over nothing any more.
    dead: BTreeSet<usize>,
    in_flight: [Option<(u64, u64, Vec<usize>)>; 2],
    last_begun: [Option<u64>; 2],
}

fn numbers(records: &str) -> Vec<usize> {
    serde_json::from_str(records).unwrap()
}

impl World {
    fn schedule(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    fn settle(&mut self, project: usize, record: usize) {
        let at = self.held[project].iter().position(|held| *held == record);
        self.held[project].remove(at.expect("a record is settled once"));
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
        assert_eq!(records, self.held[project][..records.len()], "the oldest first, in the order of adding");
        if let Some((_, begun, _)) = &self.in_flight[project] {
            assert!(now - begun >= TAKEOVER_MS, "one message at a time");
        }
        assert!(self.last_begun[project].is_none_or(|begun| now - begun >= PACE_MS), "messages keep their pace");
        self.last_begun[project] = Some(now);
        if fate.arrives {
            self.arrived.extend(&records);
        }
        self.in_flight[project] = Some((message.id, now, records));
        self.schedule(now + fate.after_ms, Event::Ends { sender, message: message.id, fate });
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
        world.schedule(request.at_ms, Event::Comes(record));
    }
    let mut left = 1_000 * requests.len();
    while let Some(((now, _), event)) = world.events.pop_first() {
        left = left.checked_sub(1).expect("it comes to an end");
        let record = match event {
            Event::Comes(record) => {
                let (Added::Held(ticket), orphans) =
                    world.couriers.add(&requests[record].project.to_string(), record.to_string(), now)
                else {
                    panic!("there is room")
                };
                assert!(orphans.is_empty());
                world.held[requests[record].project].push(record);
                world.tickets.insert(record, ticket);
                record
            }
            Event::Wakes(record) => record,
            Event::Ends { sender, message, fate } => {
                let Some(sent) = fate.heard else {
                    world.dead.insert(sender);
                    continue;
                };
                world.ends(requests[sender].project, message, sent, now);
                sender
            }
        };
        let Request { at_ms, project, dies_after_ms } = requests[record];
        if dies_after_ms.is_some_and(|ms| now > at_ms + ms) {
            continue;
        }
        let mut ticket = world.tickets.remove(&record).unwrap();
        match world.couriers.step(&mut ticket, now) {
            Step::Done => assert!(!world.held[project].contains(&record)),
            Step::Sleep(ms) => {
                assert!(ms > 0, "time goes on");
                assert!(now + ms <= at_ms + GIVE_UP_MS, "it looks once more before it is too late");
                world.schedule(now + ms, Event::Wakes(record));
            }
            Step::Send(message) => world.send(record, project, message, now, fates.next().unwrap()),
            Step::Log(text) => {
                assert_eq!(text, record.to_string(), "each takes back its own record alone");
                world.log(project, vec![text]);
            }
        }
        world.tickets.insert(record, ticket);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_record_is_settled_exactly_once(
        requests in prop::collection::vec(request(), 1..40),
        script in prop::collection::vec(fate(), 1..30),
    ) {
        let world = run(&requests, script.iter().cloned().cycle());
        let logged: BTreeSet<usize> = world.logged.iter().copied().collect();
        prop_assert_eq!(logged.len(), world.logged.len(), "nothing is logged twice");
        prop_assert!(logged.is_disjoint(&world.acknowledged));
        prop_assert!(world.acknowledged.is_subset(&world.arrived), "what is acknowledged is safe");
        for (record, request) in requests.iter().enumerate() {
            let settled = world.acknowledged.contains(&record) || logged.contains(&record);
            prop_assert_eq!(settled, !world.held[request.project].contains(&record));
            let watched = request.dies_after_ms.is_none() && !world.dead.contains(&record);
            prop_assert!(settled || !watched, "record {} is lost", record);
        }
        let held: usize = world.held.iter().flatten().map(|record| record.to_string().len()).sum();
        prop_assert_eq!(world.couriers.held_bytes(), held);
    }
}
