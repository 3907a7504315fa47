//! JSON written piece by piece, with spans of other documents put in verbatim.

use super::{Kind, ReadError, Reader};

/// Appends `text` as a JSON string, quoted and escaped.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        if escape.is_empty() {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\u00");
            for nibble in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(nibble)).copied().map_or('0', char::from));
            }
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

/// Appends a whole number. The standard library's way to text is made for every format there is, and takes five times as long.
pub fn push_number(out: &mut String, value: u64) {
    if value >= 10 {
        push_number(out, value / 10);
    }
    push_digit(out, value % 10);
}

/// Appends a digit, 0 to 9.
pub(crate) fn push_digit(out: &mut String, digit: u64) {
    out.push(u8::try_from(digit).map_or('0', |digit| char::from(b'0' + digit)));
}

/// Writes one object into a string, member by member.
#[derive(Debug)]
pub struct ObjectWriter<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Opens the object.
    pub fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Writes a key and hands out the buffer for its value.
    pub fn key(&mut self, key: &str) -> &mut String {
        self.comma();
        push_string(self.out, key);
        self.out.push(':');
        self.out
    }

    fn comma(&mut self) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
    }

    /// A member whose key and value are JSON text already.
    pub fn verbatim(&mut self, quoted_key: &str, value: &str) {
        self.value_of(quoted_key).push_str(value);
    }

    /// Writes a key that is JSON text already and hands out the buffer for its value.
    pub fn value_of(&mut self, quoted_key: &str) -> &mut String {
        self.comma();
        self.out.push_str(quoted_key);
        self.out.push(':');
        self.out
    }

    /// A member whose value is JSON text already.
    pub fn raw(&mut self, key: &str, value: &str) {
        self.key(key).push_str(value);
    }

    /// A string member.
    pub fn string(&mut self, key: &str, value: &str) {
        push_string(self.key(key), value);
    }

    /// A string member, or `null`.
    pub fn optional_string(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.string(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A number member.
    pub fn number(&mut self, key: &str, value: u64) {
        push_number(self.key(key), value);
    }

    /// A member that is a whole number or `null`.
    pub fn optional_number(&mut self, key: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A boolean member.
    pub fn boolean(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push('}');
    }
}

/// Writes an array anew: each object in it as `item` writes it, given its place in the array, and all else as it is.
///
/// # Errors
/// What [`Reader`] refuses, and what `item` does.
pub fn rewrite_objects<'a>(
    reader: &mut Reader<'a>,
    out: &mut String,
    item: &mut dyn FnMut(&mut Reader<'a>, usize, &mut String) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    out.push('[');
    reader.array::<ReadError>(|reader, index| {
        if index > 0 {
            out.push(',');
        }
        if reader.peek()? == Kind::Object {
            item(reader, index, out)
        } else {
            out.push_str(reader.skip()?);
            Ok(())
        }
    })?;
    out.push(']');
    Ok(())
}
