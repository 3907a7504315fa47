//! The rewriting relay's part of a stream: events go on as they came, but for the usage chunk, which the client may not
//! have asked for or may have asked to carry cost and metadata, and for a stream that goes on with another one.

use super::chunk::{Chunk, ChunkPeek};
use super::decoder::{Event, EventTooLarge};
use super::encode::{DONE, push_data};
use super::scan::{Expected, Facts, Read, StreamEnd, StreamScan};
use super::splice::Splice;
use super::transcript::Transcript;
use super::translate::Translator;
use crate::json::{ObjectWriter, ReadError, Reader};
use crate::openai::exclude::without_reasoning;

/// What a client gets in a usage chunk. Both are JSON text on one line or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageMembers {
    /// In place of the upstream's `usage`.
    pub usage: String,
    /// In place of, or beside, the upstream's `metadata`.
    pub metadata: Option<String>,
}

/// Makes the members of a usage chunk.
pub trait UsageChunk {
    /// Called for each usage chunk, with the upstream's usage object and the length of the text so far. There may be more than one: the client takes the
    /// last.
    fn members(&mut self, usage: &str, text_bytes: u64) -> UsageMembers;
}

/// What happens to the usage chunk.
#[derive(Clone, Debug)]
pub enum UsagePolicy<U> {
    /// It goes on as it came.
    Keep,
    /// A chunk with usage and without choices is left out: the client did not ask for it, and `choices[0]` would fail.
    Drop,
    /// A chunk with usage and without choices, or with the usage of an answer that has finished in it or before it, gets
    /// other members. Usage that comes with every chunk goes on as it came until then.
    Rewrite(U),
}

/// Forwards one stream. It buffers the unfinished event only, so the client never has half of one.
///
/// An error event, or one in the middle that is no chunk, is withheld, with everything after it: the client has seen nothing of it, so the answer can still be
/// resumed, and [`StreamScan::error`] has what the upstream said.
#[derive(Debug)]
pub struct Rewriter<U> {
    translator: Translator,
    scan: StreamScan,
    usage: UsagePolicy<U>,
    splice: Option<Splice>,
    events: u64,
}

impl<U: UsageChunk> Rewriter<U> {
    /// At the start of a stream.
    pub fn new(usage: UsagePolicy<U>, expected: Expected) -> Self {
        Self { translator: None, scan: StreamScan::new(expected), usage, splice: None, events: 0 }
    }

    /// At the start of a stream that goes on with one that was cut.
    pub fn joining(usage: UsagePolicy<U>, expected: Expected, splice: Splice) -> Self {
        // What the client has is with the splice.
        Self { splice: Some(splice), ..Self::new(usage, Expected { resumable: false, ..expected }) }
    }

    /// What follows is translated first.
    pub fn translate(&mut self, translator: Translator) {
        self.translator = translator;
    }

    /// Takes the next bytes and appends to `out` what the client is to get of them.
    ///
    /// # Errors
    /// When an event is too large to be held. Nothing more is forwarded then, and the end is a cut unless the answer
    /// had finished.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EventTooLarge> {
        let Some(translator) = &mut self.translator else { return self.take(bytes, out) };
        let mut translated = Vec::with_capacity(bytes.len());
        let pushed = translator.push(bytes, &mut translated);
        self.take(&translated, out).and(pushed)
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EventTooLarge> {
        let (usage, splice, events) = (&mut self.usage, &mut self.splice, &mut self.events);
        self.scan.push_events(bytes, &mut |event, read, facts| {
            *events += 1;
            forward(usage, splice, event, read, facts, out);
        })
    }

    /// Takes the end of the body: appends an unfinished event that reads well, with its blank line, and leaves out one
    /// that is torn. What is returned is about what the client has: [`StreamEnd::Complete`] with what to append, or
    /// [`StreamEnd::Cut`] between two events, also after a withheld error event. Asked again, it says the same.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> StreamEnd {
        if let Some(end) = self.scan.end {
            return end;
        }
        if let Some(translator) = &mut self.translator {
            let mut translated = Vec::new();
            translator.end(&mut translated);
            // Its events are no larger than those that it was given.
            let _held = self.take(&translated, out);
        }
        let (usage, splice) = (&mut self.usage, &mut self.splice);
        let inside = self.scan.is_inside_event();
        self.scan.close(|event, read, facts| {
            // Without data it may be the beginning of a field's name.
            if event.data.is_some() || !inside {
                forward(usage, splice, event, read, facts, out);
            }
        });
        let facts = self.scan.facts();
        let end = if facts.is_broken() || !facts.is_complete() || self.has_diverged() {
            StreamEnd::Cut { mid_event: false }
        } else {
            StreamEnd::Complete { append: if self.scan.done_seen() { "" } else { DONE } }
        };
        self.scan.end = Some(end);
        end
    }

    /// Whether the stream goes on with another one than the client has the beginning of.
    pub fn has_diverged(&self) -> bool {
        self.splice.as_ref().is_some_and(Splice::has_diverged)
    }

    /// What the client has of the answer, if somebody else can go on with it.
    pub fn transcript(&self) -> Option<&Transcript> {
        match &self.splice {
            Some(splice) => splice.transcript(),
            // What broke the stream was withheld.
            None => self.scan.withheld_transcript(),
        }
    }

    /// How many whole events came, comments included.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// What the upstream sent, a dropped usage chunk and a withheld error included.
    pub const fn scan(&self) -> &StreamScan {
        &self.scan
    }
}

/// Appends what the client is to get of one event. `facts` include it.
fn forward<U: UsageChunk>(
    policy: &mut UsagePolicy<U>,
    splice: &mut Option<Splice>,
    event: &Event<'_>,
    read: &Read<'_>,
    facts: &Facts,
    out: &mut Vec<u8>,
) {
    if facts.is_broken() {
        return;
    }
    let mut rewritten = None;
    if let (Some(splice), Some(Ok(read))) = (splice.as_mut(), read) {
        match (read, event.data) {
            (Chunk::Delta(chunk), Some(Ok(data))) => match splice.chunk(data, chunk) {
                Ok(Some(joined)) => rewritten = Some(joined),
                // It was read before, so reading it again cannot fail.
                Ok(None) | Err(_) => return,
            },
            (Chunk::Done | Chunk::Delta(_), _) => splice.end(),
        }
        if splice.has_diverged() {
            return;
        }
    }
    if let (Some(Ok(Chunk::Delta(ChunkPeek { usage: Some(usage), has_choices, .. }))), Some(Ok(data))) =
        (read, event.data)
    {
        match policy {
            UsagePolicy::Drop if !has_choices => return,
            UsagePolicy::Rewrite(chunk) if !has_choices || facts.is_finished() => {
                let data = rewritten.as_deref().unwrap_or(data);
                rewritten = with_members(data, &chunk.members(usage, facts.text_bytes())).ok().or(rewritten);
            }
            UsagePolicy::Keep | UsagePolicy::Drop | UsagePolicy::Rewrite(_) => {}
        }
    }
    if let (Some(Ok(Chunk::Delta(ChunkPeek { reasoning: true, .. }))), Some(Ok(data)), true) =
        (read, event.data, facts.expected().without_reasoning)
    {
        // The chunk goes on without its text: it says that the answer is on its way.
        rewritten = without_reasoning(rewritten.as_deref().unwrap_or(data)).or(rewritten);
    }
    match rewritten {
        Some(data) => push_data(&data, out),
        None => out.extend_from_slice(event.raw),
    }
}

/// The chunk with other `usage` and `metadata`; all other members as they were.
fn with_members(chunk: &str, members: &UsageMembers) -> Result<String, ReadError> {
    let mut out = String::with_capacity(chunk.len() + members.usage.len());
    let mut object = ObjectWriter::new(&mut out);
    Reader::new(chunk).object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        if !(key.is("usage") || key.is("metadata") && members.metadata.is_some()) {
            object.verbatim(key.quoted(), value);
        }
        Ok(())
    })?;
    object.raw("usage", &members.usage);
    if let Some(metadata) = &members.metadata {
        object.raw("metadata", metadata);
    }
    object.end();
    Ok(out)
}
