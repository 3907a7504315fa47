//! Recognises chunks that differ from an earlier one in nothing but their text, which is nearly all of a stream: what
//! such a chunk tells is known without reading it again. It never says what a full reading would not say.

use super::chunk::{Chunk, ChunkPeek};
use super::decoder::Event;
use super::scan::Read;

/// The bytes of an event before and after its text, and what it tells beside that text.
#[derive(Clone, Debug, Default)]
pub(super) struct Stencil {
    before: Vec<u8>,
    /// With the quote that ends the text; empty as long as there is no stencil.
    after: Vec<u8>,
    /// What counts as text beside the text itself.
    more_bytes: usize,
}

/// An event that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit<'a> {
    /// Its text, which has no escapes and is not empty.
    pub(super) text: &'a str,
    /// What its [`ChunkPeek::text_bytes`] is.
    pub(super) text_bytes: usize,
    /// Its length, blank line included.
    pub(super) length: usize,
}

impl Stencil {
    /// Takes an event as the pattern of those to come, if it carries text and nothing else that could differ.
    pub(super) fn learn(&mut self, event: &Event<'_>, read: &Read<'_>) {
        let Some(Ok(Chunk::Delta(chunk))) = read else { return };
        let Some((before, text, after)) = parts(event, chunk) else { return };
        self.before.clear();
        self.before.extend_from_slice(before);
        self.after.clear();
        self.after.extend_from_slice(after);
        self.more_bytes = chunk.text_bytes.saturating_sub(text.len());
    }

    /// The event at the start of `bytes`, if it fits. An event must start there.
    pub(super) fn fit<'a>(&self, bytes: &'a [u8]) -> Option<Fit<'a>> {
        if self.after.is_empty() {
            return None;
        }
        let rest = bytes.strip_prefix(self.before.as_slice())?;
        // Neither an escape nor what no string may hold: those are read in full.
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
        let (text, behind) = rest.split_at_checked(end)?;
        if text.is_empty() || !behind.starts_with(&self.after) {
            return None;
        }
        Some(Fit {
            text: str::from_utf8(text).ok()?,
            text_bytes: self.more_bytes + text.len(),
            length: self.before.len() + text.len() + self.after.len(),
        })
    }
}

/// An event's bytes before its text, the text, and those behind it.
fn parts<'a>(event: &Event<'a>, chunk: &ChunkPeek<'a>) -> Option<(&'a [u8], &'a str, &'a [u8])> {
    let told = chunk.error.is_some() || chunk.usage.is_some() || chunk.finish_reason.is_some();
    let more = chunk.more_than_text || chunk.reasoning || chunk.tool_calls || chunk.refusal;
    let text = chunk.text.filter(|text| !told && !more && !text.is_empty())?.raw();
    // Not the first line of a stream with its byte order mark. And a CR at the very end may be half a CRLF.
    if !event.raw.starts_with(b"data:") || !event.raw.ends_with(b"\n") {
        return None;
    }
    let start = text.as_ptr().addr().checked_sub(event.raw.as_ptr().addr())?;
    let (before, rest) = event.raw.split_at_checked(start)?;
    // The data of several lines stands elsewhere.
    let after = rest.strip_prefix(text.as_bytes())?;
    (before.ends_with(b"\"") && after.starts_with(b"\"")).then_some((before, text, after))
}
