//! The one message between an isolate and the health object, as JSON.

use crate::json::Value;

use super::circuit::{Circuit, Permit};
use super::outcome::Outcome;
use super::wire;
use crate::json::ObjectWriter;

/// What an isolate says and asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// Who says it: a number that the isolate made up.
    pub isolate: u64,
    /// The number of this batch of reports: one that comes again is not counted again.
    pub batch: u64,
    /// The object's state as the isolate knows it.
    pub seen: Option<Seen>,
    /// What happened since the last batch, in order.
    pub reports: Vec<Report>,
    /// Cursors of which it needs tickets.
    pub tickets: Vec<TicketWish>,
    /// Candidates that it wants to probe.
    pub probes: Vec<ProbeWish>,
}

/// A state of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// A number that the object made up when it was started.
    pub incarnation: u64,
    /// Counts its messages since then.
    pub version: u64,
}

/// Something that happened at a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The provider's id.
    pub provider: String,
    /// The provider's own id of the model.
    pub model: String,
    /// What happened.
    pub outcome: Outcome,
    /// The probe it is the outcome of.
    pub permit: Option<Permit>,
}

/// A wish for tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketWish {
    /// The cursor.
    pub key: String,
    /// How many.
    pub count: u64,
}

/// A wish to probe a candidate. It was granted if the candidate's circuit then is half-open with this permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeWish {
    /// The provider's id.
    pub provider: String,
    /// The provider's own id of the model.
    pub model: String,
    /// The permit, if it is granted.
    pub permit: Permit,
}

/// The object's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReply {
    /// Its state after the message.
    pub state: Seen,
    /// All circuits are here; else only those that changed since [`SyncRequest::seen`].
    pub full: bool,
    /// Circuits.
    pub circuits: Vec<CircuitState>,
    /// Tickets, in the order of the wishes.
    pub tickets: Vec<TicketLease>,
}

/// One circuit of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitState {
    /// The provider's id.
    pub provider: String,
    /// The provider's own id of the model; empty: the provider as a whole.
    pub model: String,
    /// The circuit.
    pub circuit: Circuit,
}

/// Tickets that nobody else gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketLease {
    /// The cursor.
    pub key: String,
    /// The first one.
    pub from: u64,
    /// How many.
    pub count: u64,
}

impl SyncRequest {
    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(128 + 128 * self.reports.len());
        let mut message = ObjectWriter::new(&mut out);
        message.number("isolate", self.isolate);
        message.number("batch", self.batch);
        match self.seen {
            None => message.raw("seen", "null"),
            Some(seen) => seen.write(message.key("seen")),
        }
        wire::write_list(message.key("reports"), &self.reports, Report::write);
        wire::write_list(message.key("tickets"), &self.tickets, TicketWish::write);
        wire::write_list(message.key("probes"), &self.probes, ProbeWish::write);
        message.end();
        out
    }

    /// Reads [`Self::to_json`]; `None` where another version of this program wrote it.
    pub fn from_json(text: &str) -> Option<Self> {
        let value = Value::parse(text).ok()?;
        Some(Self {
            isolate: wire::number(&value, "isolate")?,
            batch: wire::number(&value, "batch")?,
            seen: wire::optional(&value, "seen", Seen::read)?,
            reports: wire::list(&value, "reports", Report::read)?,
            tickets: wire::list(&value, "tickets", TicketWish::read)?,
            probes: wire::list(&value, "probes", ProbeWish::read)?,
        })
    }
}

impl SyncReply {
    /// The message as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(128 + 384 * self.circuits.len());
        let mut message = ObjectWriter::new(&mut out);
        self.state.write(message.key("state"));
        message.boolean("full", self.full);
        wire::write_list(message.key("circuits"), &self.circuits, CircuitState::write);
        wire::write_list(message.key("tickets"), &self.tickets, TicketLease::write);
        message.end();
        out
    }

    /// Reads [`Self::to_json`]; `None` where another version of this program wrote it.
    pub fn from_json(text: &str) -> Option<Self> {
        let value = Value::parse(text).ok()?;
        Some(Self {
            state: Seen::read(value.get("state")?)?,
            full: wire::boolean(&value, "full")?,
            circuits: wire::list(&value, "circuits", CircuitState::read)?,
            tickets: wire::list(&value, "tickets", TicketLease::read)?,
        })
    }
}

impl Seen {
    fn write(self, out: &mut String) {
        let mut seen = ObjectWriter::new(out);
        seen.number("incarnation", self.incarnation);
        seen.number("version", self.version);
        seen.end();
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self { incarnation: wire::number(value, "incarnation")?, version: wire::number(value, "version")? })
    }
}

impl Report {
    fn write(&self, out: &mut String) {
        let mut report = ObjectWriter::new(out);
        report.string("provider", &self.provider);
        report.string("model", &self.model);
        self.outcome.write(report.key("outcome"));
        report.optional_number("permit", self.permit.map(|permit| permit.0));
        report.end();
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            provider: wire::owned(value, "provider")?,
            model: wire::owned(value, "model")?,
            outcome: Outcome::read(value.get("outcome")?)?,
            permit: wire::optional_number(value, "permit")?.map(Permit),
        })
    }
}

impl TicketWish {
    fn write(&self, out: &mut String) {
        let mut wish = ObjectWriter::new(out);
        wish.string("key", &self.key);
        wish.number("count", self.count);
        wish.end();
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self { key: wire::owned(value, "key")?, count: wire::number(value, "count")? })
    }
}

impl ProbeWish {
    fn write(&self, out: &mut String) {
        let mut wish = ObjectWriter::new(out);
        wish.string("provider", &self.provider);
        wish.string("model", &self.model);
        wish.number("permit", self.permit.0);
        wish.end();
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            provider: wire::owned(value, "provider")?,
            model: wire::owned(value, "model")?,
            permit: Permit(wire::number(value, "permit")?),
        })
    }
}

impl CircuitState {
    fn write(&self, out: &mut String) {
        let mut state = ObjectWriter::new(out);
        state.string("provider", &self.provider);
        state.string("model", &self.model);
        self.circuit.write(state.key("circuit"));
        state.end();
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            provider: wire::owned(value, "provider")?,
            model: wire::owned(value, "model")?,
            circuit: Circuit::read(value.get("circuit")?)?,
        })
    }
}

impl TicketLease {
    fn write(&self, out: &mut String) {
        let mut lease = ObjectWriter::new(out);
        lease.string("key", &self.key);
        lease.number("from", self.from);
        lease.number("count", self.count);
        lease.end();
    }

    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            key: wire::owned(value, "key")?,
            from: wire::number(value, "from")?,
            count: wire::number(value, "count")?,
        })
    }
}
