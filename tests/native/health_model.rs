//! Some isolates, one health object, messages that get lost and an object that is evicted, in any order, against what
//! they promise.

use std::collections::{BTreeMap, HashMap};

use opengateway::health::circuit::{Admission, Circuit, PROBE_MS, Permit, Standing, State};
use opengateway::health::circuits::{Circuits, WHOLE_PROVIDER};
use opengateway::health::coordinator::Coordinator;
use opengateway::health::headroom::{Headroom, Left};
use opengateway::health::message::{SyncReply, SyncRequest};
use opengateway::health::outcome::Outcome;
use opengateway::health::reports::MAX_WAITING;
use opengateway::health::view::HealthView;
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

use crate::health_fixture::{FAILURE, FIRST_TOKEN, Fate, NOW, SOFT, SUCCESS, Storage, fate, sorted};

const ISOLATES: usize = 3;
const CANDIDATES: [(&str, &str); 3] = [("groq", "m"), ("groq", "n"), ("cerebras", "m")];
const KEYS: [&str; 2] = ["k", "l"];

#[derive(Clone, Debug)]
enum Step {
    Record {
        isolate: usize,
        candidate: usize,
        outcome: Outcome,
        times: usize,
    },
    /// A request asks for the permit, with a message of that fate.
    Admit {
        isolate: usize,
        candidate: usize,
        fate: Fate,
        waits: bool,
    },
    /// The oldest probe of the isolate ends.
    EndProbe {
        isolate: usize,
        outcome: Outcome,
    },
    Ticket {
        isolate: usize,
        key: usize,
    },
    Sync {
        isolate: usize,
        fate: Fate,
    },
    Pass {
        ms: u64,
    },
    Evict,
}

/// Figures as an isolate may hear them from a provider or from another isolate: in any order.
fn left() -> impl Strategy<Value = Option<Left>> {
    let left = (0u64..3, prop::option::of(0u64..40_000), 0u64..40_000);
    prop::option::of(left.prop_map(|(left, reset_ms, at_ms)| Left {
        left,
        reset_ms: reset_ms.map(|ms| NOW + ms),
        at_ms: NOW + at_ms,
    }))
}

fn headroom() -> impl Strategy<Value = Outcome> {
    (left(), left()).prop_map(|(requests, tokens)| Outcome::Headroom(Headroom { requests, tokens }))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        2 => Just(FIRST_TOKEN),
        4 => Just(SUCCESS),
        5 => Just(FAILURE),
        1 => Just(SOFT),
        1 => Just(Outcome::Failure { class: ErrorClass::Timeout }),
        1 => (0u64..40_000).prop_map(|ms| Outcome::Limited { until_ms: NOW + ms }),
        1 => (0u64..40_000, any::<bool>()).prop_map(|(ms, provider_wide)| Outcome::Benched {
            until_ms: NOW + ms,
            class: ErrorClass::Billing,
            provider_wide,
        }),
        1 => Just(Outcome::Inconclusive),
    ]
}

fn steps(longest_pause_ms: u64) -> impl Strategy<Value = Vec<Step>> {
    let isolate = || 0..ISOLATES;
    let candidate = || prop_oneof![3 => Just(0), 1 => 0..CANDIDATES.len()];
    let step = prop_oneof![
        // A probe never ends with what is left: that is told beside.
        8 => (isolate(), candidate(), prop_oneof![9 => outcome(), 1 => headroom()], 1..4usize)
            .prop_map(|(isolate, candidate, outcome, times)| Step::Record { isolate, candidate, outcome, times }),
        6 => (isolate(), candidate(), fate(), any::<bool>())
            .prop_map(|(isolate, candidate, fate, waits)| Step::Admit { isolate, candidate, fate, waits }),
        3 => (isolate(), outcome()).prop_map(|(isolate, outcome)| Step::EndProbe { isolate, outcome }),
        3 => (isolate(), 0..KEYS.len()).prop_map(|(isolate, key)| Step::Ticket { isolate, key }),
        6 => (isolate(), fate()).prop_map(|(isolate, fate)| Step::Sync { isolate, fate }),
        3 => (0..longest_pause_ms).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Evict),
    ];
    prop::collection::vec(step, 1..100)
}

/// A probe that a request is sending.
struct Probe {
    candidate: usize,
    permit: Permit,
}

struct World {
    now_ms: u64,
    object: Coordinator,
    incarnation: u64,
    storage: Storage,
    views: Vec<HealthView>,
    probes: Vec<Vec<Probe>>,
    /// The permits that the object has out, and since when.
    granted: HashMap<(String, String), (Permit, u64)>,
    next_permit: u64,
    leased: BTreeMap<String, Vec<(u64, u64)>>,
}

impl World {
    fn new() -> Self {
        Self {
            now_ms: NOW,
            object: Coordinator::new(1),
            incarnation: 1,
            storage: Storage::default(),
            views: (0..ISOLATES as u64).map(HealthView::new).collect(),
            probes: (0..ISOLATES).map(|_| Vec::new()).collect(),
            granted: HashMap::new(),
            next_permit: 100,
            leased: BTreeMap::new(),
        }
    }

    fn view(&mut self, isolate: usize) -> &mut HealthView {
        self.views.get_mut(isolate).unwrap()
    }

    fn probes(&mut self, isolate: usize) -> &mut Vec<Probe> {
        self.probes.get_mut(isolate).unwrap()
    }

    fn standings(&self, circuits: &Circuits) -> Vec<Standing> {
        CANDIDATES.iter().map(|(provider, model)| circuits.standing(provider, model, self.now_ms)).collect()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Record { isolate, candidate, outcome, times } => {
                let (provider, model) = *CANDIDATES.get(candidate).unwrap();
                let now_ms = self.now_ms;
                for _ in 0..times {
                    self.view(isolate).record(provider, model, outcome, None, now_ms);
                }
            }
            Step::Admit { isolate, candidate, fate, waits } => self.admit(isolate, candidate, fate, waits),
            Step::EndProbe { isolate, outcome } => {
                if !self.probes(isolate).is_empty() {
                    let probe = self.probes(isolate).remove(0);
                    self.end(isolate, &probe, outcome);
                }
            }
            Step::Ticket { isolate, key } => {
                let key = *KEYS.get(key).unwrap();
                let leases = self.view(isolate).leases();
                if leases.ticket(key).is_none() {
                    leases.wish(key, 5);
                }
            }
            Step::Sync { isolate, fate } => {
                self.sync(isolate, fate);
            }
            Step::Pass { ms } => self.now_ms += ms,
            Step::Evict => self.evict(),
        }
    }

    /// As the edge does it, once with the answer in time and once without.
    fn admit(&mut self, isolate: usize, candidate: usize, fate: Fate, waits: bool) {
        let (provider, model) = *CANDIDATES.get(candidate).unwrap();
        let (permit, now_ms) = (Permit(self.next_permit), self.now_ms);
        self.next_permit += 1;
        let admission = match self.view(isolate).admission(provider, model, permit) {
            Some(known) => known,
            None => {
                self.view(isolate).wish_probe(provider, model, permit);
                if waits {
                    self.sync(isolate, fate);
                    self.view(isolate).admit(provider, model, permit, now_ms)
                } else {
                    let message = self.view(isolate).begin(now_ms);
                    let admission = self.view(isolate).admit(provider, model, permit, now_ms);
                    self.deliver(isolate, &message, fate);
                    admission
                }
            }
        };
        if admission == Admission::Probe {
            self.probes(isolate).push(Probe { candidate, permit });
        }
    }

    fn end(&mut self, isolate: usize, probe: &Probe, outcome: Outcome) {
        let (provider, model) = *CANDIDATES.get(probe.candidate).unwrap();
        let now_ms = self.now_ms;
        self.view(isolate).record(provider, model, outcome, Some(probe.permit), now_ms);
    }

    fn sync(&mut self, isolate: usize, fate: Fate) {
        let now_ms = self.now_ms;
        let message = self.view(isolate).begin(now_ms);
        assert!(message.reports.len() <= MAX_WAITING);
        self.deliver(isolate, &message, fate);
    }

    fn deliver(&mut self, isolate: usize, message: &SyncRequest, fate: Fate) {
        let now_ms = self.now_ms;
        if fate == Fate::LostOnTheWayThere {
            return self.view(isolate).failed(now_ms);
        }
        let (reply, changes) = self.object.sync(message, now_ms);
        self.storage.apply(changes);
        self.check_permits(message);
        self.check_tickets(&reply);
        if fate == Fate::LostOnTheWayBack {
            return self.view(isolate).failed(now_ms);
        }
        self.view(isolate).answered(reply, message.batch, now_ms, now_ms);
        self.check_reports_on_top(isolate);
    }

    /// One permit of a circuit at a time, until it is given back or was lost.
    fn check_permits(&mut self, message: &SyncRequest) {
        for report in &message.reports {
            // The permit of a provider that was benched as a whole comes back with that of the model.
            for model in [&*report.model, WHOLE_PROVIDER] {
                let key = (report.provider.clone(), model.to_owned());
                if self.granted.get(&key).is_some_and(|(permit, _)| report.permit == Some(*permit)) {
                    self.granted.remove(&key);
                }
            }
        }
        for (provider, model, circuit) in self.object.circuits().iter() {
            let key = (provider.to_owned(), model.to_owned());
            let State::HalfOpen { permit, probe_since_ms, .. } = circuit.state() else { continue };
            if let Some((before, since_ms)) = self.granted.insert(key, (permit, probe_since_ms)) {
                let lost = self.now_ms >= since_ms + PROBE_MS;
                assert!(before == permit || lost, "{provider}/{model}: {before:?} is still out");
            }
        }
    }

    /// No ticket twice.
    fn check_tickets(&mut self, reply: &SyncReply) {
        for lease in &reply.tickets {
            let taken = self.leased.entry(lease.key.clone()).or_default();
            let (from, to) = (lease.from, lease.from + lease.count);
            assert!(taken.iter().all(|(start, end)| to <= *start || from >= *end), "{lease:?} is in {taken:?}");
            taken.push((from, to));
        }
    }

    /// Just after an answer a view is what the object is, with what waits here on top.
    fn check_reports_on_top(&mut self, isolate: usize) {
        let mut expected = Circuits::default();
        for (provider, model, circuit) in self.object.circuits().iter() {
            expected.insert(provider, model, circuit.clone());
        }
        let now_ms = self.now_ms;
        let seen = sorted(&self.view(isolate).circuits());
        // The next message is made and lost: what is in it is what waits.
        let message = self.view(isolate).begin(now_ms);
        self.view(isolate).failed(now_ms);
        for report in &message.reports {
            expected.record(&report.provider, &report.model, report.outcome, report.permit, now_ms);
        }
        assert_eq!(seen, sorted(&expected));
    }

    /// Whoever has to wait still waits, and for as long; whoever works still works.
    fn evict(&mut self) {
        self.incarnation += 1;
        let restored = self.storage.restored(self.incarnation, self.now_ms);
        let waits = |standing: Standing| match standing {
            Standing::Healthy | Standing::Degraded | Standing::Spent { .. } => None,
            // Whether a probe goes last is worth no row.
            Standing::Probe { .. } => Some(Standing::Probe { last: false }),
            Standing::Open { .. } | Standing::Limited { .. } | Standing::Benched { .. } => Some(standing),
        };
        let before = self.standings(self.object.circuits());
        for (after, before) in self.standings(restored.circuits()).into_iter().zip(before) {
            // What is left is heard again with the first answer; until then nobody knows what it hid.
            if !matches!(before, Standing::Spent { .. }) {
                assert_eq!(waits(after), waits(before));
            }
        }
        let broken = |object: &Coordinator| -> Vec<Option<State>> {
            let circuits = CANDIDATES.iter().map(|(provider, model)| object.circuits().get(provider, model));
            let states = circuits.map(|circuit| circuit.map(Circuit::state));
            states.map(|state| state.filter(|state| !matches!(state, State::Closed { .. }))).collect()
        };
        assert_eq!(broken(&restored), broken(&self.object));
        self.object = restored;
    }

    /// When everybody has talked, everybody sees the same.
    fn settle(&mut self) {
        for _ in 0..3 {
            for isolate in 0..ISOLATES {
                self.sync(isolate, Fate::Answered);
            }
        }
        let truth = sorted(self.object.circuits());
        for view in &self.views {
            assert_eq!(sorted(&view.circuits()), truth);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// With short pauses nothing is out of date in the end, so then
    /// no permit may be left that nobody holds.
    #[test]
    fn isolates_and_their_object_keep_their_promises(
        (short, steps) in any::<bool>().prop_flat_map(|short| (Just(short), steps(if short { 400 } else { 30_000 }))),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
        for isolate in 0..ISOLATES {
            for probe in std::mem::take(world.probes(isolate)) {
                world.end(isolate, &probe, Outcome::Inconclusive);
            }
        }
        world.settle();
        if short {
            for (provider, model, circuit) in world.object.circuits().iter() {
                let held = matches!(circuit.state(), State::HalfOpen { .. });
                prop_assert!(!held, "nobody holds the permit of {}/{}: {:?}", provider, model, circuit.state());
            }
        }
    }

    /// With the object away for ever an isolate goes on with circuits of its own.
    #[test]
    fn a_view_alone_is_a_lot_of_circuits(
        steps in prop::collection::vec((0..CANDIDATES.len(), outcome(), any::<bool>(), 0u64..9_000), 1..60),
    ) {
        let (mut view, mut circuits, mut now_ms) = (HealthView::new(1), Circuits::default(), NOW);
        for (index, (candidate, outcome, asks, ms)) in steps.into_iter().enumerate() {
            let (provider, model) = *CANDIDATES.get(candidate).unwrap();
            let permit = Permit(index as u64);
            now_ms += ms;
            let mut held = None;
            if asks {
                let admission = view.admission(provider, model, permit).unwrap_or_else(|| {
                    view.wish_probe(provider, model, permit);
                    view.begin(now_ms);
                    view.failed(now_ms);
                    view.admit(provider, model, permit, now_ms)
                });
                prop_assert_eq!(admission, circuits.admit(provider, model, permit, now_ms));
                held = (admission == Admission::Probe).then_some(permit);
            }
            view.record(provider, model, outcome, held, now_ms);
            if outcome != Outcome::Inconclusive || held.is_some() {
                circuits.record(provider, model, outcome, held, now_ms);
            }
            prop_assert_eq!(sorted(&view.circuits()), sorted(&circuits));
        }
    }
}
