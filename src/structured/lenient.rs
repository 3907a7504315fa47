//! Reads one object or array of JSON that is nearly right, and writes it right: trailing commas, comments, single quotes
//! and keys without any, line breaks within strings, Python's words. It stops where more than one reading is possible,
//! and closes what the end of the text left open. One pass, no recursion.

use crate::json::{MAX_DEPTH, Reader};

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The value is whole.
    Whole,
    /// The text ended right behind a value: only brackets were missing, as far as anybody can tell.
    Unclosed,
    /// The text ended within a value or before one that was announced, so that something is lost.
    Inside,
    /// This is not JSON, or could be read in two ways.
    Broken,
}

/// Where the text ended or went wrong, before the whole value was read.
type Stopped = End;

/// What comes where a value may stand.
enum Next {
    /// A member or an element.
    Item,
    /// The end of the object or array.
    Close,
}

/// What encloses code in Markdown. Between values it ends the text: no JSON has it there.
const FENCE: &[u8] = b"```";
/// Words and what they are in JSON; Python's are among them.
const WORDS: [(&str, &str); 6] =
    [("true", "true"), ("false", "false"), ("null", "null"), ("True", "true"), ("False", "false"), ("None", "null")];

/// One reading, from an opening bracket on.
pub(super) struct Lenient<'t> {
    text: &'t str,
    /// The next byte.
    pub(super) at: usize,
    /// Strict JSON.
    pub(super) out: String,
    /// The length of `out` up to which nothing is begun but brackets.
    safe: usize,
    /// One bit a level, lowest is innermost: 1 = object. [`MAX_DEPTH`] is 128, so it fits.
    levels: u128,
    depth: u32,
    /// How many members of objects were read: without any, it may be prose in brackets.
    pub(super) members: usize,
    /// How many values within it were read.
    pub(super) values: usize,
    /// Where in `out` half of a surrogate pair was written last.
    half_pair: Option<usize>,
}

impl<'t> Lenient<'t> {
    /// Reads from the bracket at `at`.
    pub(super) fn read(text: &'t str, at: usize) -> (Self, End) {
        let mut reading =
            Self { text, at, out: String::new(), safe: 0, levels: 0, depth: 0, members: 0, values: 0, half_pair: None };
        let end = reading.value().err().unwrap_or(End::Whole);
        if matches!(end, End::Unclosed | End::Inside) {
            reading.close();
        }
        (reading, end)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn copy(&mut self, from: usize) {
        self.out.push_str(self.text.get(from..self.at).unwrap_or_default());
    }

    const fn in_object(&self) -> bool {
        self.levels & 1 == 1
    }

    /// The next byte that is neither white space nor in a comment; `None` at the end of the text.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.rest() {
                [b' ' | b'\n' | b'\r' | b'\t', ..] => self.at += 1,
                [b'/', b'/', rest @ ..] => self.at += 2 + until(rest, b"\n"),
                [b'/', b'*', rest @ ..] => self.at = self.text.len().min(self.at + 4 + until(rest, b"*/")),
                rest if rest.starts_with(FENCE) => return None,
                rest => return rest.first().copied(),
            }
        }
    }

    /// Drops what is unfinished and closes the rest.
    fn close(&mut self) {
        self.out.truncate(self.safe);
        while self.depth > 0 {
            self.leave();
        }
    }

    /// One value more is read.
    fn count(&mut self) {
        self.values += 1;
        self.members += usize::from(self.in_object());
    }

    fn leave(&mut self) {
        self.out.push(if self.in_object() { '}' } else { ']' });
        self.levels >>= 1;
        self.depth -= 1;
        self.safe = self.out.len();
    }

    /// Reads the whole value.
    fn value(&mut self) -> Result<(), Stopped> {
        loop {
            match self.next().ok_or(End::Inside)? {
                open @ (b'{' | b'[') => {
                    if self.depth >= MAX_DEPTH {
                        return Err(End::Broken);
                    }
                    self.at += 1;
                    self.out.push(char::from(open));
                    self.levels = self.levels << 1 | u128::from(open == b'{');
                    self.depth += 1;
                    self.safe = self.out.len();
                    if let Next::Item = self.item()? {
                        continue;
                    }
                }
                quote @ (b'"' | b'\'') => self.text_value(quote)?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            }
            // A value has ended: close what it closes, or go on to the next one.
            loop {
                self.safe = self.out.len();
                if self.depth == 0 {
                    return Ok(());
                }
                self.count();
                match self.next() {
                    None => return Err(End::Unclosed),
                    Some(b',') => {
                        self.at += 1;
                        self.out.push(',');
                        if let Next::Item = self.item()? {
                            break;
                        }
                    }
                    Some(b'}') if self.in_object() => {
                        self.at += 1;
                        self.leave();
                    }
                    Some(b']') if !self.in_object() => {
                        self.at += 1;
                        self.leave();
                    }
                    Some(_) => return Err(End::Broken),
                }
            }
        }
    }

    /// What follows a bracket or a comma: the key of a member is read, and a comma that nothing follows is left out.
    fn item(&mut self) -> Result<Next, Stopped> {
        let close = if self.in_object() { b'}' } else { b']' };
        let next = self.next().ok_or(End::Inside)?;
        if next == close {
            self.at += 1;
            self.out.truncate(self.safe);
            self.leave();
            return Ok(Next::Close);
        }
        if self.in_object() {
            self.key(next)?;
        }
        Ok(Next::Item)
    }

    fn key(&mut self, first: u8) -> Result<(), Stopped> {
        match first {
            b'"' | b'\'' => self.string(first)?,
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$' => {
                let from = self.at;
                while self.byte().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte)) {
                    self.at += 1;
                }
                self.out.push('"');
                self.copy(from);
                self.out.push('"');
            }
            _ => return Err(End::Broken),
        }
        match self.next() {
            Some(b':') => {
                self.at += 1;
                self.out.push(':');
                Ok(())
            }
            None => Err(End::Inside),
            Some(_) => Err(End::Broken),
        }
    }

    /// A string as a value: of one that is cut the beginning stays.
    fn text_value(&mut self, quote: u8) -> Result<(), Stopped> {
        let read = self.string(quote);
        if read == Err(End::Inside) {
            if self.half_pair.is_some_and(|at| at + HALF_PAIR_BYTES == self.out.len()) {
                self.out.truncate(self.out.len() - HALF_PAIR_BYTES);
            }
            self.out.push('"');
            self.safe = self.out.len();
            self.count();
        }
        read
    }

    fn string(&mut self, quote: u8) -> Result<(), Stopped> {
        self.at += 1;
        self.out.push('"');
        loop {
            let from = self.at;
            while self.byte().is_some_and(|byte| byte >= b' ' && byte != b'\\' && byte != b'"' && byte != quote) {
                self.at += 1;
            }
            self.copy(from);
            let byte = self.byte().ok_or(End::Inside)?;
            self.at += 1;
            if byte == quote {
                self.out.push('"');
                return if quote == b'"' || self.ends_here() { Ok(()) } else { Err(End::Broken) };
            }
            match byte {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.escape()?,
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                control => {
                    self.out.push_str(if control < 0x10 { "\\u000" } else { "\\u001" });
                    self.out.extend(char::from_digit(u32::from(control & 15), 16));
                }
            }
        }
    }

    /// Whether what follows a single quote shows that it ends the string, and is no apostrophe.
    fn ends_here(&mut self) -> bool {
        let at = self.at;
        let next = self.next();
        self.at = at;
        next.is_none_or(|byte| b",:}]".contains(&byte))
    }

    fn escape(&mut self) -> Result<(), Stopped> {
        match self.rest() {
            [] => return Err(End::Inside),
            [letter @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), ..] => {
                self.out.push('\\');
                self.out.push(char::from(*letter));
                self.at += 1;
            }
            [b'\'', ..] => {
                self.out.push('\'');
                self.at += 1;
            }
            [b'u', digits @ ..] => {
                let hexadecimal = digits.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
                if hexadecimal == 4 {
                    if let [b'd' | b'D', b'8' | b'9' | b'a' | b'A' | b'b' | b'B', ..] = digits {
                        self.half_pair = Some(self.out.len());
                    }
                    let from = self.at;
                    self.at += 5;
                    self.out.push('\\');
                    self.copy(from);
                } else if hexadecimal == digits.len() {
                    return Err(End::Inside);
                } else {
                    self.out.push_str("\\\\");
                }
            }
            // The one thing that it can mean: a backslash.
            _ => self.out.push_str("\\\\"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stopped> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
            self.at += 1;
        }
        if self.rest().is_empty() {
            // More digits may have followed.
            return Err(End::Inside);
        }
        let mut reader = Reader::new(self.text.get(from..self.at).unwrap_or_default());
        if reader.skip().is_err() || reader.end().is_err() {
            return Err(End::Broken);
        }
        self.copy(from);
        Ok(())
    }

    fn word(&mut self) -> Result<(), Stopped> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let word = self.text.get(from..self.at).unwrap_or_default();
        let cut = self.rest().is_empty() && !word.is_empty();
        let known = WORDS.iter().find(|(known, _)| *known == word || (cut && known.starts_with(word)));
        let (whole, json) = known.ok_or(End::Broken)?;
        self.out.push_str(json);
        if *whole != word {
            self.safe = self.out.len();
            self.count();
            return Err(End::Inside);
        }
        Ok(())
    }
}

/// The length of `\ud83d`.
const HALF_PAIR_BYTES: usize = 6;

/// The length of what stands before `end`; all of it where that is missing.
fn until(rest: &[u8], end: &[u8]) -> usize {
    memchr::memmem::find(rest, end).unwrap_or(rest.len())
}
