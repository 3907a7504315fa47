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
        if self.escaped { unescape(self.raw(), None).map(Cow::Owned) } else { Some(Cow::Borrowed(self.raw())) }
    }

    /// The text with its escapes resolved, and U+FFFD for a lone surrogate.
    pub fn decode_lossy(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw());
        }
        Cow::Owned(unescape(self.raw(), Some(char::REPLACEMENT_CHARACTER)).unwrap_or_default())
    }

    /// Whether the decoded text equals `other`.
    pub fn is(self, other: &str) -> bool {
        if self.escaped { self.decode().is_some_and(|text| text == other) } else { self.raw() == other }
    }
}

/// Resolves the escapes of a string whose form was checked. `lone` stands for a lone surrogate; `None` if there is one and
/// nothing may stand for it.
fn unescape(raw: &str, lone: Option<char>) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut after = escape.chars();
        match after.next()? {
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => {
                let first = unit(after.as_str())?;
                after = after.as_str().get(4..)?.chars();
                let second = after.as_str().strip_prefix("\\u").and_then(unit);
                let mut pair = char::decode_utf16([first].into_iter().chain(second));
                match pair.next()? {
                    Ok(letter) => {
                        text.push(letter);
                        if letter.len_utf16() == 2 {
                            after = after.as_str().get(6..)?.chars();
                        }
                    }
                    Err(_) => text.push(lone?),
                }
            }
            same => text.push(same),
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// The four hexadecimal digits at the beginning.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.get(..4)?, 16).ok()
}
