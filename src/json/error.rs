//! Why a document could not be read.

use std::fmt;

use super::reader::MAX_DEPTH;

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The input ends inside a value.
    UnexpectedEnd,
    /// A byte that the grammar does not allow here.
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Something follows the document.
    Trailing,
}

/// Where and why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// What is wrong.
    pub kind: ReadErrorKind,
    /// The byte offset at which it was noticed.
    pub offset: usize,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ReadErrorKind::UnexpectedEnd => write!(f, "the JSON ends too early, at byte {}", self.offset),
            ReadErrorKind::Syntax => write!(f, "not valid JSON at byte {}", self.offset),
            ReadErrorKind::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels at byte {}", self.offset),
            ReadErrorKind::Trailing => write!(f, "unexpected data after the JSON document at byte {}", self.offset),
        }
    }
}
