//! The pull reader. It accepts exactly the documents that RFC 8259 calls valid (a property test compares it with
//! `serde_json`) up to a depth of [`MAX_DEPTH`], and it never builds a tree.

use super::error::{ReadError, ReadErrorKind};
use super::plain::plain_prefix;
use super::text::Str;

/// The deepest nesting that is accepted. `serde_json` refuses more than 128 as well, and so do most upstreams.
pub const MAX_DEPTH: u32 = 128;

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A digit or `-`.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
}

impl Kind {
    /// The word for it in an error message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// What reads one member's value.
type Member<'f, 'a, E> = dyn FnMut(&mut Reader<'a>, Str<'a>) -> Result<(), E> + 'f;
/// What reads one element.
type Element<'f, 'a, E> = dyn FnMut(&mut Reader<'a>, usize) -> Result<(), E> + 'f;

/// A position in a document. Each method reads one thing and moves past it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    src: &'a str,
    pos: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `src`.
    pub const fn new(src: &'a str) -> Self {
        Self { src, pos: 0, depth: 0 }
    }

    /// The byte offset of what comes next.
    pub const fn offset(&self) -> usize {
        self.pos
    }

    fn fail<T>(&self, kind: ReadErrorKind) -> Result<T, ReadError> {
        Err(ReadError { kind, offset: self.pos })
    }

    fn unexpected<T>(&self) -> Result<T, ReadError> {
        if self.pos >= self.src.len() {
            self.fail(ReadErrorKind::UnexpectedEnd)
        } else {
            self.fail(ReadErrorKind::Syntax)
        }
    }

    fn byte(&self) -> Option<u8> {
        self.src.as_bytes().get(self.pos).copied()
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.pos += 1;
        }
    }

    fn byte_is(&mut self, wanted: u8) -> Result<(), ReadError> {
        if self.byte() == Some(wanted) {
            self.pos += 1;
            Ok(())
        } else {
            self.unexpected()
        }
    }

    fn slice_from(&self, start: usize) -> Result<&'a str, ReadError> {
        // Both ends stand next to ASCII bytes, so this never fails.
        self.src.get(start..self.pos).ok_or(ReadError { kind: ReadErrorKind::Syntax, offset: start })
    }

    /// The kind of the next value, without moving past it.
    ///
    /// # Errors
    /// When no value can start here.
    pub fn peek(&mut self) -> Result<Kind, ReadError> {
        self.skip_whitespace();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => self.unexpected(),
        }
    }

    /// Reads an object, calling `member` for each key with the reader before its value. `member` must read exactly
    /// that value.
    ///
    /// # Errors
    /// What the grammar forbids, and whatever `member` returns.
    pub fn object<E: From<ReadError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Str<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.members(&mut member)
    }

    /// The loop of [`Self::object`], compiled once for each error type instead of once for each caller: the callers
    /// are many, and every byte of code is paid for at a cold start.
    fn members<E: From<ReadError>>(&mut self, member: &mut Member<'_, 'a, E>) -> Result<(), E> {
        self.skip_whitespace();
        self.enter(b'{')?;
        self.skip_whitespace();
        if self.byte() == Some(b'}') {
            self.leave();
            return Ok(());
        }
        loop {
            self.skip_whitespace();
            let key = self.string()?;
            self.skip_whitespace();
            self.byte_is(b':')?;
            member(self, key)?;
            self.skip_whitespace();
            match self.byte() {
                Some(b',') => self.pos += 1,
                Some(b'}') => {
                    self.leave();
                    return Ok(());
                }
                _ => return Ok(self.unexpected()?),
            }
        }
    }

    /// Reads an array, calling `element` with each index and the reader before that element.
    ///
    /// # Errors
    /// What the grammar forbids, and whatever `element` returns.
    pub fn array<E: From<ReadError>>(
        &mut self,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.elements(&mut element)
    }

    /// The loop of [`Self::array`], as [`Self::members`].
    fn elements<E: From<ReadError>>(&mut self, element: &mut Element<'_, 'a, E>) -> Result<(), E> {
        self.skip_whitespace();
        self.enter(b'[')?;
        self.skip_whitespace();
        if self.byte() == Some(b']') {
            self.leave();
            return Ok(());
        }
        let mut index = 0;
        loop {
            element(self, index)?;
            index += 1;
            self.skip_whitespace();
            match self.byte() {
                Some(b',') => self.pos += 1,
                Some(b']') => {
                    self.leave();
                    return Ok(());
                }
                _ => return Ok(self.unexpected()?),
            }
        }
    }

    fn enter(&mut self, open: u8) -> Result<(), ReadError> {
        if self.depth >= MAX_DEPTH {
            return self.fail(ReadErrorKind::TooDeep);
        }
        self.byte_is(open)?;
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.pos += 1;
        self.depth -= 1;
    }

    /// Reads a string.
    ///
    /// # Errors
    /// When the next value is not a string, or not a valid one.
    pub fn string(&mut self) -> Result<Str<'a>, ReadError> {
        self.skip_whitespace();
        let start = self.pos;
        self.byte_is(b'"')?;
        let mut escaped = false;
        loop {
            self.pos += plain_prefix(self.src.as_bytes().get(self.pos..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Str::new(self.slice_from(start)?, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.pos += 1;
                    self.escape()?;
                }
                _ => return self.unexpected(),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ReadError> {
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 1;
                Ok(())
            }
            Some(b'u') => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.byte().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.unexpected();
                    }
                    self.pos += 1;
                }
                Ok(())
            }
            _ => self.unexpected(),
        }
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.unexpected();
        }
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.pos += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), ReadError> {
        if self.byte() == Some(b'-') {
            self.pos += 1;
        }
        if self.byte() == Some(b'0') {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), ReadError> {
        for wanted in word.bytes() {
            self.byte_is(wanted)?;
        }
        Ok(())
    }

    /// Reads a value that is not an object or an array.
    fn scalar(&mut self) -> Result<(), ReadError> {
        match self.byte() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.unexpected(),
        }
    }

    /// Checks the next value, whatever it is, and returns its text without surrounding white space.
    ///
    /// # Errors
    /// What the grammar forbids; nesting beyond [`MAX_DEPTH`].
    pub fn skip(&mut self) -> Result<&'a str, ReadError> {
        self.skip_whitespace();
        let start = self.pos;
        let floor = self.depth;
        // One bit a level, lowest is innermost: 1 = object. MAX_DEPTH is 128, so it fits.
        let mut levels: u128 = 0;
        loop {
            self.skip_whitespace();
            match self.byte() {
                Some(open @ (b'{' | b'[')) => {
                    self.enter(open)?;
                    let object = open == b'{';
                    levels = (levels << 1) | u128::from(object);
                    self.skip_whitespace();
                    if self.byte() == Some(if object { b'}' } else { b']' }) {
                        self.leave();
                        levels >>= 1;
                    } else {
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            // A value has ended: close what it closes, or go on to the next one.
            loop {
                if self.depth == floor {
                    return self.slice_from(start);
                }
                let object = levels & 1 == 1;
                self.skip_whitespace();
                match self.byte() {
                    Some(b',') => {
                        self.pos += 1;
                        if object {
                            self.skip_whitespace();
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return self.unexpected(),
                }
                self.leave();
                levels >>= 1;
            }
        }
    }

    fn key(&mut self) -> Result<(), ReadError> {
        self.string()?;
        self.skip_whitespace();
        self.byte_is(b':')
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// [`ReadErrorKind::Trailing`] otherwise.
    pub fn end(&mut self) -> Result<(), ReadError> {
        self.skip_whitespace();
        if self.pos == self.src.len() { Ok(()) } else { self.fail(ReadErrorKind::Trailing) }
    }
}
