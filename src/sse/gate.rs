//! Holds a stream back until its first token. Until then a failure is a failed attempt that no client has seen, so the
//! next candidate can still answer, with a real HTTP status.

use super::chunk::Chunk;
use super::scan::{Expected, Facts, Read, StreamScan, is_torn};

/// How many bytes of events may come before the first token. A role, prompt filter results and keep-alive comments for
/// minutes are some 10 KB; more than this is a provider that talks without answering. An event that is still coming is
/// bounded by [`MAX_EVENT_BYTES`](super::decoder::MAX_EVENT_BYTES) instead, since the first token may be a picture.
pub const MAX_GATE_BYTES: usize = 1024 * 1024;

/// Why a stream failed before its first token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateFailure {
    /// It ended, or said that it had, without any output.
    Empty {
        /// The reason that it gave, such as `length` where hidden reasoning used up the limit.
        finish_reason: Option<String>,
    },
    /// It finished with `content_filter` and without any output.
    ContentFilter,
    /// It reported an error in its first events.
    InBandError {
        /// The JSON of the error, or of the whole chunk where nothing in it says more.
        raw: String,
    },
    /// The body ended and was no stream: a page of HTML, or a JSON document, which [`Gate::into_bytes`] hands out.
    NotAStream,
    /// An event that is no chunk.
    Malformed,
    /// More than [`MAX_GATE_BYTES`] without a token, or an event larger than
    /// [`MAX_EVENT_BYTES`](super::decoder::MAX_EVENT_BYTES).
    TooLarge,
}

/// Where the gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateState {
    /// No token yet.
    Waiting,
    /// There is output: what was held back can be written, and the attempt is committed.
    Open,
    /// There will be none.
    Failed(GateFailure),
}

/// The gate of one attempt.
#[derive(Clone, Debug)]
pub struct Gate {
    bytes: Vec<u8>,
    scan: StreamScan,
    /// The bytes of whole events before the first token.
    waited: usize,
    state: GateState,
}

impl Gate {
    /// Before the first byte.
    pub fn new(expected: Expected) -> Self {
        Self { bytes: Vec::new(), scan: StreamScan::new(expected), waited: 0, state: GateState::Waiting }
    }

    /// Takes the next bytes. Once it is open or has failed, the state stays; the bytes are still kept and scanned.
    pub fn push(&mut self, bytes: &[u8]) -> &GateState {
        self.bytes.extend_from_slice(bytes);
        let (state, waited) = (&mut self.state, &mut self.waited);
        let pushed = self.scan.push_events(bytes, &mut |event, read, facts| {
            if *state == GateState::Waiting {
                *waited += event.raw.len();
                *state = judge(read, facts, *waited);
            }
        });
        if pushed.is_err() && self.state == GateState::Waiting {
            self.state = GateState::Failed(GateFailure::TooLarge);
        }
        &self.state
    }

    /// Takes the end of the body: never [`GateState::Waiting`]. It opens only for a whole answer whose last event lacks
    /// nothing but its blank line; what is cut off before its first token has failed.
    pub fn end(&mut self) -> &GateState {
        if self.state == GateState::Waiting {
            let inside = self.scan.is_inside_event();
            let tail = self.scan.tail(|_, read, facts| {
                let state = if inside && is_torn(read) { GateState::Waiting } else { judge(read, &facts, self.waited) };
                (state, facts)
            });
            self.state = match tail {
                Some((state @ GateState::Failed(_), _)) => state,
                Some((GateState::Open, facts)) if !inside || facts.is_complete() => GateState::Open,
                Some((GateState::Open | GateState::Waiting, facts)) => GateState::Failed(self.ended_without(&facts)),
                None => GateState::Failed(self.ended_without(self.scan.facts())),
            };
        }
        &self.state
    }

    fn ended_without(&self, facts: &Facts) -> GateFailure {
        let text = self.bytes.trim_ascii_start();
        if facts.any_chunk || text.is_empty() || text.starts_with(b":") {
            empty(facts)
        } else {
            GateFailure::NotAStream
        }
    }

    /// Where the gate is.
    pub const fn state(&self) -> &GateState {
        &self.state
    }

    /// Every byte that came, as it came.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Every byte that came, and a scan that has seen them.
    pub fn into_parts(self) -> (Vec<u8>, StreamScan) {
        (self.bytes, self.scan)
    }
}

/// What one event means for a gate that waits. `facts` include the event; `waited` is the size of the events so far.
fn judge(read: &Read<'_>, facts: &Facts, waited: usize) -> GateState {
    let failure = match read {
        Some(Err(_)) => GateFailure::Malformed,
        Some(Ok(Chunk::Done)) => empty(facts),
        Some(Ok(Chunk::Delta(chunk))) => {
            if let Some(raw) = chunk.error {
                GateFailure::InBandError { raw: raw.to_owned() }
            } else if chunk.has_output() {
                return GateState::Open;
            } else if facts.is_finished() {
                empty(facts)
            } else if waited > MAX_GATE_BYTES {
                GateFailure::TooLarge
            } else {
                return GateState::Waiting;
            }
        }
        None if waited > MAX_GATE_BYTES => GateFailure::TooLarge,
        None => return GateState::Waiting,
    };
    GateState::Failed(failure)
}

/// The failure of a stream that is over without any output.
fn empty(facts: &Facts) -> GateFailure {
    match facts.finish_reason() {
        Some("content_filter") => GateFailure::ContentFilter,
        reason => GateFailure::Empty { finish_reason: reason.map(str::to_owned) },
    }
}
