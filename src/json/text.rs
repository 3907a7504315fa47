//! A string of a document, left where it stands.

use std::borrow::Cow;

/// A string as it stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Str<'a> {
    quoted: &'a str,
    escaped: bool,
}

impl<'a> Str<'a> {
    /// A string that the reader has checked.
    pub(super) const fn new(quoted: &'a str, escaped: bool) -> Self {
        Self { quoted, escaped }
    }

    /// The string with its quotes and escapes, as in the input.
    pub const fn quoted(self) -> &'a str {
        self.quoted
    }

    /// The length of the text in bytes, escapes counted as they are written.
    pub const fn raw_len(self) -> usize {
        self.quoted.len().saturating_sub(2)
    }

    /// The length of the text in bytes, escapes resolved. Many clients write all that is not ASCII as `\uXXXX`, which
    /// would count two or three times as much.
    pub fn text_len(self) -> usize {
        if !self.escaped {
            return self.raw_len();
        }
        let mut rest = self.raw().as_bytes();
        let mut length = 0;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (written, resolved) = match rest.get(at + 1..at + 6) {
                Some([b'u', b'0', b'0', b'0'..=b'7', _]) => (6, 1),
                Some([b'u', b'0', b'0'..=b'7', ..]) => (6, 2),
                // Half of a surrogate pair, which is four bytes.
                Some([b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]) => (6, 2),
                Some([b'u', ..]) => (6, 3),
                _ => (2, 1),
            };
            length += at + resolved;
            rest = rest.get(at + written..).unwrap_or_default();
        }
        length + rest.len()
    }

    /// Whether the text is the empty string.
    pub const fn is_empty(self) -> bool {
        self.quoted.len() <= 2
    }

    /// The text between the quotes, escapes as they are written.
    pub fn raw(self) -> &'a str {
        self.quoted.get(1..self.quoted.len().saturating_sub(1)).unwrap_or_default()
    }

    /// The text with its escapes resolved; `None` for a lone surrogate, which no Rust string can hold.
    pub fn decode(self) -> Option<Cow<'a, str>> {
        if self.escaped {
            serde_json::from_str::<String>(self.quoted).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(self.raw()))
        }
    }

    /// Whether the decoded text equals `other`.
    pub fn is(self, other: &str) -> bool {
        if self.escaped { self.decode().is_some_and(|text| text == other) } else { self.raw() == other }
    }
}
