//! What one isolate knows: the health object's circuits as it was last told, and on top of them all that the isolate has
//! seen itself and not yet told. Where the object cannot be reached, it goes on with that alone.

use super::circuit::{Admission, Circuit, Permit, Standing, State};
use super::circuits::{Circuits, WHOLE_PROVIDER, standing};
use super::headroom::{Headroom, Load};
use super::lease::Leases;
use super::message::{ProbeWish, Report, Seen, SyncReply, SyncRequest};
use super::outcome::Outcome;
use super::reports::{Reports, current};
use super::reserved::{Reservation, Reserved};
use super::schedule::Schedule;

/// The provider that stands for clients' own endpoints. Each client has another one in mind, so nothing is kept of it.
pub const UNWATCHED: &str = "custom";

/// Reports that were sent, each with the time when it was made; they are sent again until the object has answered.
#[derive(Debug)]
struct Batch {
    number: u64,
    reports: Vec<(u64, Report)>,
}

/// The view.
#[derive(Debug, Default)]
pub struct HealthView {
    /// A number that the isolate made up.
    isolate: u64,
    /// As the object told.
    told: Circuits,
    /// Those of them that something was recorded of since, with that: they stand before what the object told. They are
    /// apart, so that a message costs what is new, and not what is known.
    own: Circuits,
    seen: Option<Seen>,
    reports: Reports,
    batch: Option<Batch>,
    batches: u64,
    leases: Leases,
    reserved: Reserved,
    /// Probes to ask for with the next message.
    probes: Vec<ProbeWish>,
    /// Whose probes were asked for, while the answer is out.
    asked: Vec<Permit>,
    /// When to talk to the object.
    pub schedule: Schedule,
}

impl HealthView {
    /// A view of which nothing is known yet. `isolate` is made up, and no other isolate's.
    pub fn new(isolate: u64) -> Self {
        Self { isolate, ..Self::default() }
    }

    /// Every circuit, as it is seen from here: for an operator, who asks seldom.
    pub fn circuits(&self) -> Circuits {
        let mut all = self.told.clone();
        for (provider, model, circuit) in self.own.iter() {
            all.insert(provider, model, circuit.clone());
        }
        all
    }

    fn circuit(&self, provider: &str, model: &str) -> Option<&Circuit> {
        self.own.get(provider, model).or_else(|| self.told.get(provider, model))
    }

    /// The circuits whose states change here, with these two among them.
    fn own(&mut self, provider: &str, model: &str) -> &mut Circuits {
        for model in [model, WHOLE_PROVIDER] {
            if self.own.get(provider, model).is_none()
                && let Some(told) = self.told.get(provider, model)
            {
                self.own.insert(provider, model, told.clone());
            }
        }
        &mut self.own
    }

    /// How a candidate stands for one more request of so many tokens.
    pub fn standing(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Standing {
        let left = || self.circuit(provider, model)?.headroom()?.tokens;
        let tokens_left = || left().map_or(u64::MAX, |tokens| tokens.left);
        let load = self.reserved.load(provider, model, tokens_left, now_ms).plus(Load { requests: 1, tokens });
        standing(&|model| self.circuit(provider, model), model, load, now_ms)
    }

    /// A request of so many tokens is sent now.
    pub fn reserve(&mut self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Reservation {
        let reservation = Reservation { load: Load { requests: 1, tokens }, sent_ms: now_ms };
        self.reserved.add(provider, model, reservation);
        reservation
    }

    /// The request was answered, with what the provider told of what is left; or it ended without that.
    pub fn settle(
        &mut self,
        provider: &str,
        model: &str,
        reservation: Reservation,
        told: Option<Headroom>,
        now_ms: u64,
    ) {
        let sent_ms = reservation.sent_ms;
        self.reserved.remove(provider, model, reservation);
        let known = self.circuit(provider, model).and_then(Circuit::headroom);
        let now = match (known, told) {
            (Some(known), Some(told)) => known.with(told, sent_ms, now_ms),
            (Some(known), None) => known.without(sent_ms),
            (None, Some(told)) => told,
            (None, None) => return,
        };
        if !known.is_some_and(|known| known.says(&now, now_ms)) {
            self.record(provider, model, Outcome::Headroom(now), None, now_ms);
        }
    }

    /// Takes one outcome in, and keeps it for the object.
    pub fn record(&mut self, provider: &str, model: &str, outcome: Outcome, permit: Option<Permit>, now_ms: u64) {
        if provider == UNWATCHED || (outcome == Outcome::Inconclusive && permit.is_none()) {
            return;
        }
        self.own(provider, model).record(provider, model, outcome, permit, now_ms);
        self.reports.push(provider, model, outcome, permit, now_ms);
    }

    /// Whether bad news waits to be told.
    pub const fn has_urgent_news(&self) -> bool {
        self.reports.any_urgent()
    }

    /// Whether the object is worth a message beside a request: the view grows old, or tickets run out.
    pub fn wants_refresh(&self, now_ms: u64) -> bool {
        let idle = !self.schedule.is_busy(now_ms) && !self.schedule.is_away(now_ms);
        self.schedule.wants_refresh(now_ms) || (idle && self.leases.any_wish())
    }

    /// The mean time to the first token of a candidate, in milliseconds, where anything is known.
    pub fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.circuit(provider, model)?.first_token_ms()
    }

    /// The mean speed of a candidate in completion tokens a second, where anything is known.
    pub fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.circuit(provider, model)?.tokens_per_second()
    }

    /// The tickets.
    pub const fn leases(&mut self) -> &mut Leases {
        &mut self.leases
    }

    /// Whether a ticket of `key` is at hand.
    pub fn has_tickets(&self, key: &str) -> bool {
        self.leases.has(key)
    }

    /// Whether a request may use a candidate, where that is known without asking: `None` where the object must decide.
    pub fn admission(&self, provider: &str, model: &str, permit: Permit) -> Option<Admission> {
        let known = |model| match self.circuit(provider, model).map(Circuit::state) {
            None | Some(State::Closed { .. }) => Some(Admission::Free),
            Some(State::HalfOpen { permit: holder, .. }) if holder == permit => Some(Admission::Probe),
            Some(State::Open { .. } | State::HalfOpen { .. }) => None,
        };
        match (known(WHOLE_PROVIDER)?, known(model)?) {
            (Admission::Free, of_model) => Some(of_model),
            (of_provider, _) => Some(of_provider),
        }
    }

    /// Asks for a probe with the next message.
    pub fn wish_probe(&mut self, provider: &str, model: &str, permit: Permit) {
        self.probes.push(ProbeWish { provider: provider.to_owned(), model: model.to_owned(), permit });
    }

    /// Whether its circuit is open and its time not up: only who has nobody else left should ask for it.
    pub fn rests(&self, provider: &str, model: &str, now_ms: u64) -> bool {
        let rests = |model| self.circuit(provider, model).is_some_and(|circuit| circuit.rests(now_ms));
        rests(WHOLE_PROVIDER) || rests(model)
    }

    /// Whether the wish still waits for its message, or for the answer.
    pub fn is_wished(&self, permit: Permit) -> bool {
        self.probes.iter().any(|wish| wish.permit == permit) || self.asked.contains(&permit)
    }

    /// Decides by what is known here, and takes the wish back where the object did not answer in time.
    pub fn admit(&mut self, provider: &str, model: &str, permit: Permit, now_ms: u64) -> Admission {
        self.probes.retain(|wish| wish.permit != permit);
        let unanswered = self.asked.contains(&permit);
        self.asked.retain(|asked| *asked != permit);
        let admission = self.own(provider, model).admit(provider, model, permit, now_ms);
        if unanswered && admission != Admission::Probe {
            // The object may have granted it, or may still do so: then nobody would ever give it back.
            self.reports.push(provider, model, Outcome::Inconclusive, Some(permit), now_ms);
        }
        admission
    }

    /// The next message. A batch whose answer was lost goes out again as it was, without what is out of date by now.
    pub fn begin(&mut self, now_ms: u64) -> SyncRequest {
        if !self.schedule.is_busy(now_ms) {
            // Who asked with a message that failed has long decided by itself.
            self.asked.clear();
        }
        self.schedule.begin(now_ms);
        if self.batch.is_none() {
            self.batches += 1;
            self.batch = Some(Batch { number: self.batches, reports: self.reports.take() });
        }
        self.asked.extend(self.probes.iter().map(|wish| wish.permit));
        SyncRequest {
            isolate: self.isolate,
            batch: self.batches,
            seen: self.seen,
            reports: self.batch.iter().flat_map(|batch| current(&batch.reports, now_ms)).cloned().collect(),
            tickets: self.leases.wishes(),
            probes: std::mem::take(&mut self.probes),
        }
    }

    /// The message with this number of a batch, which began at `begun_ms`, was answered.
    pub fn answered(&mut self, reply: SyncReply, batch: u64, begun_ms: u64, now_ms: u64) {
        self.schedule.answered(begun_ms);
        self.asked.clear();
        // Two messages may carry the same batch, and the second answer says nothing of the batch after it.
        self.batch.take_if(|sent| sent.number == batch);
        for lease in &reply.tickets {
            self.leases.grant(lease, now_ms);
        }
        if reply.full {
            self.told = Circuits::default();
        }
        for state in reply.circuits {
            self.told.insert(&state.provider, &state.model, state.circuit);
        }
        self.seen = Some(reply.state);
        self.own = Circuits::default();
        let (batch, reports) = (self.batch.take(), std::mem::take(&mut self.reports));
        let sent = batch.iter().flat_map(|batch| current(&batch.reports, now_ms));
        for Report { provider, model, outcome, permit } in sent.chain(reports.current(now_ms)) {
            self.own(provider, model).record(provider, model, *outcome, *permit, now_ms);
        }
        (self.batch, self.reports) = (batch, reports);
    }

    /// The message was not answered.
    pub const fn failed(&mut self, now_ms: u64) {
        self.schedule.failed(now_ms);
    }
}
