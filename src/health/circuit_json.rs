//! A circuit as JSON: a row of the health object's storage, and what the isolates are sent.

use crate::json::Value;

use super::circuit::{Bench, Circuit, LastError, Permit, State};
use super::headroom::Headroom;
use super::window::Window;
use super::wire;
use crate::json::ObjectWriter;
use crate::routing::failure::ErrorClass;

impl Circuit {
    /// The circuit as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(320);
        self.write(&mut out);
        out
    }

    /// Reads [`Self::to_json`]; `None` where another version of this program wrote it.
    pub fn from_json(text: &str) -> Option<Self> {
        Self::read(&Value::parse(text).ok()?)
    }

    pub(super) fn write(&self, out: &mut String) {
        let mut circuit = ObjectWriter::new(out);
        self.state.write(circuit.key("state"));
        circuit.optional_number("slow_failure_ms", self.slow_failure_ms);
        circuit.number("limited_until_ms", self.limited_until_ms);
        match self.benched {
            None => circuit.raw("benched", "null"),
            Some(Bench { until_ms, class }) => write_dated(circuit.key("benched"), class, until_ms),
        }
        self.window.write(circuit.key("window"));
        circuit.optional_number("first_token_ms", self.first_token_ms);
        circuit.optional_number("tokens_per_second", self.tokens_per_second);
        match self.last_error {
            None => circuit.raw("last_error", "null"),
            Some(LastError { class, at_ms }) => write_dated(circuit.key("last_error"), class, at_ms),
        }
        match self.headroom {
            None => circuit.raw("headroom", "null"),
            Some(headroom) => headroom.write(circuit.key("headroom")),
        }
        circuit.end();
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        let dated = |key: &str| wire::optional(value, key, read_dated);
        Some(Self {
            state: State::read(value.get("state")?)?,
            slow_failure_ms: wire::optional_number(value, "slow_failure_ms")?,
            limited_until_ms: wire::number(value, "limited_until_ms")?,
            benched: dated("benched")?.map(|(class, until_ms)| Bench { until_ms, class }),
            window: Window::read(value.get("window")?)?,
            first_token_ms: wire::optional_number(value, "first_token_ms")?,
            tokens_per_second: wire::optional_number(value, "tokens_per_second")?,
            last_error: dated("last_error")?.map(|(class, at_ms)| LastError { class, at_ms }),
            headroom: wire::optional(value, "headroom", Headroom::read)?,
        })
    }
}

impl State {
    fn write(self, out: &mut String) {
        let mut state = ObjectWriter::new(out);
        match self {
            Self::Closed { failures_in_a_row } => state.number("failures_in_a_row", failures_in_a_row.into()),
            Self::Open { since_ms, for_ms } => {
                state.number("open_since_ms", since_ms);
                state.number("for_ms", for_ms);
            }
            Self::HalfOpen { probe_since_ms, for_ms, permit } => {
                state.number("probe_since_ms", probe_since_ms);
                state.number("for_ms", for_ms);
                state.number("permit", permit.0);
            }
        }
        state.end();
    }

    fn read(value: &Value) -> Option<Self> {
        if let Some(failures_in_a_row) = wire::number(value, "failures_in_a_row") {
            return Some(Self::Closed { failures_in_a_row: u32::try_from(failures_in_a_row).ok()? });
        }
        let for_ms = wire::number(value, "for_ms")?;
        if let Some(since_ms) = wire::number(value, "open_since_ms") {
            return Some(Self::Open { since_ms, for_ms });
        }
        let permit = Permit(wire::number(value, "permit")?);
        Some(Self::HalfOpen { probe_since_ms: wire::number(value, "probe_since_ms")?, for_ms, permit })
    }
}

fn write_dated(out: &mut String, class: ErrorClass, ms: u64) {
    let mut dated = ObjectWriter::new(out);
    dated.string("class", class.as_str());
    dated.number("ms", ms);
    dated.end();
}

fn read_dated(value: &Value) -> Option<(ErrorClass, u64)> {
    Some((ErrorClass::of_name(wire::text(value, "class")?)?, wire::number(value, "ms")?))
}
