//! What a client has of an answer, so that somebody else can go on with it.

use super::chunk::ChunkPeek;
use crate::json::Str;

/// The longest text that is kept: some 64,000 tokens, the longest answer of most models, and little beside an isolate's
/// 128 MB.
pub const MAX_TRANSCRIPT_BYTES: usize = 256 * 1024;

/// The beginning of an answer: the text of its one choice, and what its chunks are known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The text.
    pub text: String,
    /// The completion's id as JSON; that of the first chunk that has one.
    pub id: Option<String>,
    /// When the completion began, as JSON.
    pub created: Option<String>,
    /// The answer holds what nobody else can go on with, or is too long to be kept.
    closed: bool,
}

impl Transcript {
    pub(super) fn add(&mut self, chunk: &ChunkPeek<'_>) {
        if self.id.is_none() {
            self.id = chunk.id.filter(|id| !id.is_empty()).map(|id| id.quoted().to_owned());
        }
        if self.created.is_none() {
            self.created = chunk.created.map(str::to_owned);
        }
        match chunk.text.map(Str::decode) {
            Some(Some(text)) => self.extend(&text, chunk.more_than_text),
            // Half of a character, which no string can hold.
            Some(None) => self.close(),
            None => self.extend("", chunk.more_than_text),
        }
    }

    pub(super) fn extend(&mut self, text: &str, more_than_text: bool) {
        if more_than_text || self.text.len() + text.len() > MAX_TRANSCRIPT_BYTES {
            self.close();
        } else if !self.closed {
            self.text.push_str(text);
        }
    }

    fn close(&mut self) {
        self.closed = true;
        self.text = String::new();
    }

    /// Whether somebody else can go on with it.
    pub const fn is_open(&self) -> bool {
        !self.closed
    }
}
