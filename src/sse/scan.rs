//! What a stream has told so far, from every byte that a client got, and what its end means. It looks at the stream and
//! changes nothing; it may be fed late and in any splits.

use std::mem;

use super::chunk::{Chunk, ChunkError, ChunkPeek};
use super::decoder::{Decoder, Event, EventTooLarge};
use super::encode::{DONE, EVENT_END};
use super::standstill::Progress;
use super::stencil::{Fit, Stencil};
use super::transcript::Transcript;
use crate::catalog::provider::{ReasoningTokens, ReportedCost};
use crate::usage::charge::Charge;
use crate::usage::tokens::TokenUsage;

/// What most providers end an event with.
const BLANK_LINE: &[u8] = b"\n\n";

/// What the end of a body means for a client that has all of its bytes.
///
/// A client's parser shows an event only at its blank line, and throws away what stands without one when the body ends
/// (the SSE standard; OpenAI's SDK for Node reads it at the end all the same). An unfinished tail is therefore read as if a
/// blank line followed:
///
/// - It reads well: it counts like any event, and what is appended begins with [`EVENT_END`], so that the client sees
///   it too. An unterminated `data: [DONE]` is a `[DONE]`, an unterminated last chunk ends the answer.
/// - It is torn (not a whole chunk): a blank line would make every client parse half a chunk and fail. If the answer was
///   finished before it, nothing is appended, and most clients drop the tail by themselves (OpenAI's for Node raises it
///   behind the whole answer); only a torn `[DONE]` is completed.
///   If it was not finished, it is a cut inside an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Every choice has finished, or `[DONE]` came.
    Complete {
        /// What is still to be written, perhaps nothing: the end of an unfinished event, and a `[DONE]` that is missing.
        append: &'static str,
    },
    /// Neither a finish reason nor `[DONE]` came.
    Cut {
        /// The client's bytes do not end with a blank line: write [`EVENT_END`] before anything else.
        mid_event: bool,
    },
    /// The upstream reported an error in the stream, and the client has it.
    ErrorEvent {
        /// The end of an unfinished error event, or nothing.
        append: &'static str,
    },
}

/// A decoder and the facts that its events add up to.
#[derive(Clone, Debug)]
pub struct StreamScan {
    decoder: Decoder,
    stencil: Stencil,
    facts: Facts,
    pub(super) end: Option<StreamEnd>,
    /// It ended in the middle of a chunk.
    torn: bool,
}

/// What is known of a stream before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The choices that the client asked for: a stream is only finished when each of them is.
    pub choices: u32,
    /// See [`TokenUsage::parse`].
    pub reasoning_tokens: ReasoningTokens,
    /// See [`Charge::parse`].
    pub reported_cost: ReportedCost,
    /// Somebody else may go on with the answer if it is cut, so its text is kept.
    pub resumable: bool,
    /// The client gets no reasoning text.
    pub without_reasoning: bool,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            choices: 1,
            reasoning_tokens: ReasoningTokens::InCompletion,
            reported_cost: ReportedCost::None,
            resumable: false,
            without_reasoning: false,
        }
    }
}

/// What the events so far have told.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    expected: Expected,
    pub(super) any_chunk: bool,
    done: bool,
    seen: u128,
    finished: u128,
    finish_reason: Option<String>,
    usage: Option<TokenUsage>,
    charge: Option<Charge>,
    error: Option<String>,
    /// Something that is no chunk came before the answer had finished.
    lost_a_piece: bool,
    text_bytes: u64,
    /// Chunks that were more than signs of life, but for those that the stencil fits, which have text.
    steps: u64,
    transcript: Transcript,
}

/// What an event's data was read as; `None` where it has no data.
pub(super) type Read<'a> = Option<Result<Chunk<'a>, ChunkError>>;

impl StreamScan {
    /// At the start of a stream.
    pub fn new(expected: Expected) -> Self {
        Self {
            decoder: Decoder::default(),
            stencil: Stencil::default(),
            facts: Facts { expected, ..Facts::default() },
            end: None,
            torn: false,
        }
    }

    /// Takes the next bytes. After an event larger than [`MAX_EVENT_BYTES`](super::decoder::MAX_EVENT_BYTES) nothing is
    /// read any more, and the end is a cut inside an event.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut stencil = mem::take(&mut self.stencil);
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some(fit) = stencil.fit(rest).filter(|_| self.decoder.is_between_events() && self.end.is_none()) {
                self.facts.add_fit(&fit);
                rest = rest.get(fit.length..).unwrap_or_default();
                continue;
            }
            // The next event is read in full, and any more that do not end with two line feeds.
            let end = rest.windows(BLANK_LINE.len()).position(|two| two == BLANK_LINE);
            let end = end.map_or(rest.len(), |at| at + BLANK_LINE.len());
            let (event, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            // The overflow is remembered by the decoder, and asked for at the end.
            let _remembered = self.push_events(event, &mut |event, read, _| stencil.learn(event, read));
            rest = behind;
        }
        self.stencil = stencil;
    }

    /// Takes the next bytes and shows each event with what was read in it and what is known with it. Nothing is taken
    /// after [`StreamScan::end`].
    pub(super) fn push_events(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(&Event<'_>, &Read<'_>, &Facts),
    ) -> Result<(), EventTooLarge> {
        if self.end.is_some() {
            return Ok(());
        }
        let facts = &mut self.facts;
        self.decoder.push(bytes, &mut |event| {
            let read = Chunk::of(&event);
            facts.add(&read);
            on_event(&event, &read, facts);
        })
    }

    /// The unfinished event as if a blank line followed, with what would then be known. `None` where nothing is pending.
    pub(super) fn tail<R>(&self, read_tail: impl FnOnce(&Event<'_>, &Read<'_>, Facts) -> R) -> Option<R> {
        self.decoder.tail(|event| {
            let read = Chunk::of(&event);
            let mut facts = self.facts.clone();
            facts.add(&read);
            read_tail(&event, &read, facts)
        })
    }

    /// Takes an unfinished event as if a blank line followed, unless it is torn, which is what is returned.
    pub(super) fn close(&mut self, on_tail: impl FnOnce(&Event<'_>, &Read<'_>, &Facts)) -> bool {
        let inside = self.decoder.is_inside_event();
        let tail = self.tail(|event, read, facts| {
            if inside && is_torn(read) {
                return None;
            }
            on_tail(event, read, &facts);
            Some(facts)
        });
        match tail {
            Some(Some(facts)) => {
                self.facts = facts;
                false
            }
            Some(None) => true,
            None => self.decoder.has_overflowed(),
        }
    }

    pub(super) const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Says what the end of the body means, and takes what an unfinished event tells into the facts. To be asked when
    /// the body has ended; asked again, it says the same.
    pub fn end(&mut self) -> StreamEnd {
        if let Some(end) = self.end {
            return end;
        }
        // Also behind the CR of a blank line: few parsers that split at line feeds know that one as a line's end.
        let unended = self.decoder.is_inside_event() || !self.decoder.pending().is_empty();
        let torn = self.close(|_, _, _| {});
        self.torn = torn;
        let close = if unended && !torn { EVENT_END } else { "" };
        let end = if self.facts.error.is_some() {
            StreamEnd::ErrorEvent { append: close }
        } else if torn && self.facts.is_complete() {
            StreamEnd::Complete { append: self.rest_of_done() }
        } else if !self.facts.is_complete() {
            StreamEnd::Cut { mid_event: unended }
        } else {
            StreamEnd::Complete {
                append: match (close.is_empty(), self.facts.done) {
                    (true, true) => "",
                    (false, true) => EVENT_END,
                    (true, false) => DONE,
                    (false, false) => "\n\ndata: [DONE]\n\n",
                },
            }
        };
        self.end = Some(end);
        end
    }

    /// What is missing of `[DONE]`, if that is what the stream stopped in.
    fn rest_of_done(&self) -> &'static str {
        str::from_utf8(self.decoder.pending()).ok().and_then(|tail| DONE.strip_prefix(tail)).unwrap_or_default()
    }

    /// Whether `[DONE]` came.
    pub const fn done_seen(&self) -> bool {
        self.facts.done
    }

    /// The last finish reason.
    pub fn finish_reason(&self) -> Option<&str> {
        self.facts.finish_reason.as_deref()
    }

    /// The last usage that was reported.
    pub const fn usage(&self) -> Option<TokenUsage> {
        self.facts.usage
    }

    /// What the provider said with it that the answer cost.
    pub const fn charge(&self) -> Option<&Charge> {
        self.facts.charge.as_ref()
    }

    /// The JSON of the first error that was reported in the stream.
    pub fn error(&self) -> Option<&str> {
        self.facts.error.as_deref()
    }

    /// Whether something that is no chunk came before the answer had finished, so that a piece of it is lost.
    pub const fn lost_a_piece(&self) -> bool {
        self.facts.lost_a_piece
    }

    /// What a client that has every byte has of the answer, if somebody else can go on with it: not where anything but
    /// text has begun, where the client has seen an error or half a chunk.
    pub fn transcript(&self) -> Option<&Transcript> {
        self.withheld_transcript().filter(|_| !self.torn && !self.facts.is_broken())
    }

    /// The same for a client that got neither the error nor the half chunk.
    pub(super) fn withheld_transcript(&self) -> Option<&Transcript> {
        Some(&self.facts.transcript).filter(|transcript| self.facts.expected.resumable && transcript.is_open())
    }

    /// The length of what the model wrote so far, reasoning included; see [`ChunkPeek::text_bytes`].
    pub const fn text_bytes(&self) -> u64 {
        self.facts.text_bytes
    }

    /// How far the answer has got.
    pub fn progress(&self) -> Progress {
        Progress::new(self.facts.text_bytes, self.facts.steps, self.decoder.pending().len())
    }

    /// Whether the bytes so far stop inside an event.
    pub fn is_inside_event(&self) -> bool {
        self.decoder.is_inside_event()
    }
}

impl Facts {
    pub(super) const fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    fn add(&mut self, read: &Read<'_>) {
        match read {
            None => return,
            Some(Err(_)) => self.lost_a_piece |= !self.is_finished(),
            Some(Ok(Chunk::Done)) => self.done = true,
            Some(Ok(Chunk::Delta(chunk))) => self.add_chunk(chunk),
        }
        self.any_chunk = true;
    }

    fn add_chunk(&mut self, chunk: &ChunkPeek<'_>) {
        let mut told = chunk.has_output() || chunk.finished & !self.finished != 0;
        self.seen |= chunk.seen;
        self.finished |= chunk.finished;
        self.text_bytes = self.text_bytes.saturating_add(chunk.text_bytes as u64);
        if let Some(reason) = chunk.finish_reason {
            self.finish_reason = Some(reason.to_owned());
        }
        if let Some(raw) = chunk.usage
            && let Some(usage) = TokenUsage::parse(raw, self.expected.reasoning_tokens)
        {
            // Some repeat it in every chunk.
            told |= self.usage != Some(usage);
            self.usage = Some(usage);
            self.charge = Charge::parse(raw, self.expected.reported_cost);
        }
        self.steps += u64::from(told);
        if self.error.is_none() {
            self.error = chunk.error.map(str::to_owned);
        }
        // What comes with an error is withheld, or makes the answer one that nobody can go on with.
        if self.expected.resumable && !self.is_broken() {
            self.transcript.add(chunk);
        }
    }

    /// What fits has been seen in full before, but for its text.
    fn add_fit(&mut self, fit: &Fit<'_>) {
        self.text_bytes = self.text_bytes.saturating_add(fit.text_bytes as u64);
        if self.expected.resumable && !self.is_broken() {
            self.transcript.extend(fit.text, false);
        }
    }

    pub(super) const fn is_finished(&self) -> bool {
        let choices = self.expected.choices;
        let asked = if choices >= u128::BITS { u128::MAX } else { (1 << choices) - 1 };
        self.seen != 0 && (self.seen | asked) & !self.finished == 0
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.done || (self.is_finished() && !self.lost_a_piece)
    }

    /// An error was reported, or a piece of the answer was lost: nothing after it can be trusted to be the answer.
    pub(super) const fn is_broken(&self) -> bool {
        self.error.is_some() || self.lost_a_piece
    }

    pub(super) fn finish_reason(&self) -> Option<&str> {
        self.finish_reason.as_deref()
    }

    pub(super) const fn expected(&self) -> &Expected {
        &self.expected
    }
}

/// Whether an unfinished event was read as something that is no chunk.
pub(super) const fn is_torn(read: &Read<'_>) -> bool {
    matches!(read, Some(Err(_)))
}
