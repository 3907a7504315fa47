//! Holds a stream back until its first token. Until then a failure is a failed attempt that no client has seen, so the
//! next candidate can still answer, with a real HTTP status.

use super::chunk::Chunk;
use super::decoder::EventTooLarge;
use super::scan::{Expected, Facts, Read, StreamScan, is_torn};
use super::translate::Translator;

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
    /// The body ended and was no stream: a page of HTML, or a JSON document, which [`Gate::body`] hands out.
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
#[derive(Debug)]
pub struct Gate {
    translator: Translator,
    /// What came of a body in which the translator has found no event yet: it may be no stream at all.
    untranslated: Vec<u8>,
    /// What came, translated.
    bytes: Vec<u8>,
    scan: StreamScan,
    /// The bytes of whole events before the first token.
    waited: usize,
    state: GateState,
}

impl Gate {
    /// Before the first byte of a stream that `translator` translates, if there is one.
    pub fn new(expected: Expected, translator: Translator) -> Self {
        Self {
            translator,
            untranslated: Vec::new(),
            bytes: Vec::new(),
            scan: StreamScan::new(expected),
            waited: 0,
            state: GateState::Waiting,
        }
    }

    /// Takes the next bytes. Once it is open or has failed, the state stays; the bytes are still kept and scanned.
    pub fn push(&mut self, bytes: &[u8]) -> &GateState {
        let Some(translator) = &mut self.translator else { return self.take(bytes) };
        let mut translated = Vec::new();
        let pushed = translator.push(bytes, &mut translated);
        if self.bytes.is_empty() && translated.is_empty() {
            let room = MAX_GATE_BYTES.saturating_sub(self.untranslated.len());
            self.untranslated.extend(bytes.iter().take(room));
        }
        self.take(&translated);
        if pushed == Err(EventTooLarge) && self.state == GateState::Waiting {
            self.state = GateState::Failed(GateFailure::TooLarge);
        }
        &self.state
    }

    fn take(&mut self, bytes: &[u8]) -> &GateState {
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
        if let Some(translator) = &mut self.translator {
            let mut translated = Vec::new();
            translator.end(&mut translated);
            self.take(&translated);
        }
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
        let text = self.untranslated().unwrap_or(&self.bytes).trim_ascii_start();
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

    /// What came of a body without any event.
    fn untranslated(&self) -> Option<&[u8]> {
        (self.translator.is_some() && self.bytes.is_empty()).then_some(&*self.untranslated)
    }

    /// The body of what is no stream, as it came.
    pub fn body(&self) -> &[u8] {
        self.untranslated().unwrap_or(&self.bytes)
    }

    /// Whether its bytes are others than those that came.
    pub const fn is_translated(&self) -> bool {
        self.translator.is_some()
    }

    /// Every byte that came, translated where it must be, and who translates the rest.
    pub fn into_bytes(self) -> (Vec<u8>, Translator) {
        (self.bytes, self.translator)
    }

    /// Every byte that came, and a scan that has seen them. Only for a stream that is not translated.
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
