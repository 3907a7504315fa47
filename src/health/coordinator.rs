//! The state of the health object: what all isolates of a continent know together. A message goes in, an answer and what
//! must be stored come out; nothing here waits or stores.

use std::collections::HashMap;

use super::circuit::Circuit;
use super::circuits::{Circuits, Forgotten, WHOLE_PROVIDER};
use super::cursor::{CursorChange, Cursors};
use super::message::{CircuitState, Seen, SyncReply, SyncRequest, TicketLease};

/// The most isolates whose last batch is remembered. Beyond it the memory begins anew, and a batch that is repeated in
/// that moment would count twice: a failure too many, no more.
pub const MAX_ISOLATES: usize = 4096;

/// What must be stored before the answer is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A circuit that an eviction must not forget.
    Circuit {
        /// The provider's id.
        provider: String,
        /// The provider's own id of the model.
        model: String,
        /// The circuit.
        circuit: Box<Circuit>,
    },
    /// A circuit is as good as new, and its row can go.
    Closed {
        /// The provider's id.
        provider: String,
        /// The provider's own id of the model.
        model: String,
    },
    /// All circuits of a provider are gone.
    Forget {
        /// The provider's id.
        provider: String,
    },
    /// A cursor got ahead of what was stored.
    Cursor {
        /// The cursor.
        key: String,
        /// Its first ticket after an eviction.
        next: u64,
    },
    /// All stored cursors are gone.
    ClearCursors,
}

/// The state.
#[derive(Debug, Default)]
pub struct Coordinator {
    incarnation: u64,
    version: u64,
    circuits: Circuits,
    /// Before this version a provider was forgotten, so that what changed since then is not all.
    full_before: u64,
    cursors: Cursors,
    last_batch: HashMap<u64, u64>,
}

impl Coordinator {
    /// A state of which nothing is known yet. `incarnation` is made up, and never the same twice.
    pub fn new(incarnation: u64) -> Self {
        Self { incarnation, ..Self::default() }
    }

    /// Puts a stored circuit back; where its time was up long ago, its row can go instead.
    pub fn restore_circuit(&mut self, provider: &str, model: &str, circuit: Circuit, now_ms: u64) -> Option<Change> {
        if circuit.is_over(now_ms) {
            return Some(Change::Closed { provider: provider.to_owned(), model: model.to_owned() });
        }
        self.circuits.insert(provider, model, circuit);
        None
    }

    /// Puts a stored cursor back.
    pub fn restore_cursor(&mut self, key: &str, next: u64) {
        self.cursors.restore(key, next);
    }

    /// Every circuit.
    pub const fn circuits(&self) -> &Circuits {
        &self.circuits
    }

    /// Takes a message in.
    pub fn sync(&mut self, request: &SyncRequest, now_ms: u64) -> (SyncReply, Vec<Change>) {
        self.version += 1;
        let mut touched = Touched::default();
        if self.is_new(request) {
            for report in &request.reports {
                let (provider, model) = (&report.provider, &report.model);
                touched.before(&self.circuits, provider, model);
                touched.before(&self.circuits, provider, WHOLE_PROVIDER);
                let forgotten = self.circuits.record(provider, model, report.outcome, report.permit, now_ms);
                self.forgot(forgotten, &mut touched);
            }
        }
        for wish in &request.probes {
            touched.before(&self.circuits, &wish.provider, &wish.model);
            touched.before(&self.circuits, &wish.provider, WHOLE_PROVIDER);
            self.circuits.admit(&wish.provider, &wish.model, wish.permit, now_ms);
        }
        let mut changes = self.settle(touched);
        let tickets = request.tickets.iter().map(|wish| {
            let (block, change) = self.cursors.lease(&wish.key, wish.count);
            match change {
                None => {}
                Some(CursorChange::Stored { next }) => changes.push(Change::Cursor { key: wish.key.clone(), next }),
                Some(CursorChange::Cleared { next }) => {
                    changes.extend([Change::ClearCursors, Change::Cursor { key: wish.key.clone(), next }]);
                }
            }
            TicketLease { key: wish.key.clone(), from: block.from, count: block.count }
        });
        let tickets = tickets.collect();
        let state = Seen { incarnation: self.incarnation, version: self.version };
        let (full, circuits) = self.news(request.seen);
        (SyncReply { state, full, circuits, tickets }, changes)
    }

    /// Whether the reports of this batch were not counted before.
    fn is_new(&mut self, request: &SyncRequest) -> bool {
        let last = self.last_batch.get(&request.isolate);
        if last.is_some_and(|last| *last >= request.batch) {
            return false;
        }
        if last.is_none() && self.last_batch.len() >= MAX_ISOLATES {
            self.last_batch.clear();
        }
        self.last_batch.insert(request.isolate, request.batch);
        true
    }

    fn forgot(&mut self, forgotten: Option<Forgotten>, touched: &mut Touched) {
        let Some(Forgotten { provider }) = forgotten else { return };
        self.full_before = self.version;
        touched.forget(provider);
    }

    /// What must be stored of the circuits that were touched, and which of them the isolates have not seen.
    fn settle(&mut self, touched: Touched) -> Vec<Change> {
        let mut changes: Vec<Change> =
            touched.forgotten.into_iter().map(|provider| Change::Forget { provider }).collect();
        for Before { provider, model, circuit: before } in touched.before {
            let after = self.circuits.get(&provider, &model);
            if after == before.as_ref() {
                continue;
            }
            let lasting = after.and_then(Circuit::lasting);
            if lasting != before.as_ref().and_then(Circuit::lasting) {
                let (provider, model) = (provider.clone(), model.clone());
                changes.push(match after.filter(|_| lasting.is_some()) {
                    Some(circuit) => Change::Circuit { provider, model, circuit: Box::new(circuit.clone()) },
                    None => Change::Closed { provider, model },
                });
            }
            self.circuits.changed(&provider, &model, self.version);
        }
        changes
    }

    /// The circuits that an isolate has not seen, and whether they are all there are.
    fn news(&self, seen: Option<Seen>) -> (bool, Vec<CircuitState>) {
        let seen = seen.filter(|seen| {
            seen.incarnation == self.incarnation && seen.version >= self.full_before && seen.version <= self.version
        });
        let state = |provider: &str, model: &str, circuit: &Circuit| CircuitState {
            provider: provider.to_owned(),
            model: model.to_owned(),
            circuit: circuit.clone(),
        };
        match seen {
            None => {
                (true, self.circuits.iter().map(|(provider, model, circuit)| state(provider, model, circuit)).collect())
            }
            Some(seen) => {
                let news = self.circuits.changed_since(seen.version);
                (false, news.map(|(provider, model, circuit)| state(provider, model, circuit)).collect())
            }
        }
    }
}

/// The circuits that a message touched, as they were before it.
#[derive(Default)]
struct Touched {
    before: Vec<Before>,
    forgotten: Vec<String>,
}

struct Before {
    provider: String,
    model: String,
    circuit: Option<Circuit>,
}

impl Touched {
    fn before(&mut self, circuits: &Circuits, provider: &str, model: &str) {
        if !self.before.iter().any(|known| known.provider == provider && known.model == model) {
            let circuit = circuits.get(provider, model).cloned();
            self.before.push(Before { provider: provider.to_owned(), model: model.to_owned(), circuit });
        }
    }

    /// What is put in after a provider was forgotten was not there before.
    fn forget(&mut self, provider: String) {
        self.before.iter_mut().filter(|known| known.provider == provider).for_each(|known| known.circuit = None);
        self.forgotten.push(provider);
    }
}
