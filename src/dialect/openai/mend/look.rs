//! The cheap look at a chunk or a reply: whether anything in it may need a change. It goes from quote to quote and reads
//! no grammar; a member's name that stands within a text costs a reading in full, and nothing else.

use memchr::memchr_iter;

use super::Mends;
use crate::catalog::provider::Mend;
use crate::openai::finish_reason::to_openai;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) mends: Mends,
    /// Whether content may be thought.
    pub(super) content: Content,
    /// A choice has called tools.
    pub(super) called: bool,
    /// Nobody has said who speaks.
    pub(super) role: bool,
}

/// What content may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// No thought.
    Settled,
    /// A thought, if it begins with a tag: all of it stands here.
    Whole,
    /// A thought, or a piece of a tag.
    Any,
}

impl Look {
    /// Whether `json` must be read in full.
    pub(super) fn finds(self, json: &[u8]) -> bool {
        memchr_iter(b'"', json).any(|quote| json.get(quote + 1..).is_some_and(|rest| self.finds_member(rest)))
    }

    /// Whether the member whose name begins here needs a change.
    fn finds_member(self, rest: &[u8]) -> bool {
        let has = |mend| self.mends.has(mend);
        match rest.first() {
            Some(b'r') => has(Mend::ReasoningContent) && is_filled(value(rest, b"reasoning_content"), b'"'),
            Some(b'c') => {
                let Some(content) = value(rest, b"content") else {
                    return self.role && value(rest, b"choices").is_some();
                };
                (has(Mend::ContentParts) && content.starts_with(b"[")) || self.may_think(content)
            }
            Some(b't') => {
                (has(Mend::ToolCalls) && is_filled(value(rest, b"tool_calls"), b'['))
                    || (has(Mend::ThoughtTags) && value(rest, b"thought").is_some_and(|value| value.starts_with(b"t")))
            }
            Some(b'e') => has(Mend::SearchResults) && is_filled(value(rest, b"executed_tools"), b'['),
            Some(b'f') => value(rest, b"finish_reason").is_some_and(|value| self.finds_reason(value)),
            _ => false,
        }
    }

    /// Whether the content may hold a thought.
    fn may_think(self, content: &[u8]) -> bool {
        match self.content {
            Content::Settled => false,
            // A tag, white space before it, or either as an escape.
            Content::Whole => matches!(content, [b'"', b'<' | b' ' | b'\\', ..]),
            Content::Any => is_filled(Some(content), b'"'),
        }
    }

    /// Whether a finish reason, which begins with its quote, is one to change or ends a text that is not settled.
    fn finds_reason(self, value: &[u8]) -> bool {
        let Some(rest) = value.strip_prefix(b"\"") else { return false };
        let reason = rest.split(|byte| *byte == b'"').next().and_then(|reason| str::from_utf8(reason).ok());
        let Some(reason) = reason else { return true };
        self.content == Content::Any
            || (self.mends.has(Mend::FinishReasons) && to_openai(reason).is_some_and(|word| word != reason))
            || (self.called && reason == "stop")
    }
}

/// What follows a member's colon, if `rest` begins with its name.
fn value<'j>(rest: &'j [u8], name: &[u8]) -> Option<&'j [u8]> {
    let behind = rest.strip_prefix(name)?.strip_prefix(b"\"")?.trim_ascii_start();
    Some(behind.strip_prefix(b":")?.trim_ascii_start())
}

/// Whether the value is one that begins with `open` and does not end behind it.
fn is_filled(value: Option<&[u8]>, open: u8) -> bool {
    let close = if open == b'[' { b']' } else { open };
    matches!(value, Some([first, second, ..]) if *first == open && *second != close)
}
