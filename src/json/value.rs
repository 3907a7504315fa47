//! A small document as a tree, for what is read by name: error bodies, messages, stored rows. Requests, replies and chunks
//! never become one. (`serde_json` would bring three machines for floats with it: 39 KB gzip of a worker of 305.)

use super::{Kind, ObjectWriter, ReadError, Reader, push_string};

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// A string, escapes resolved. A lone surrogate, which no Rust string can hold, is U+FFFD.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object in the order of its members.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// Reads a whole document.
    ///
    /// # Errors
    /// What [`Reader`] refuses.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        let mut reader = Reader::new(text);
        let value = Self::read(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    /// Reads the next value. The reader's bound on nesting bounds the recursion.
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        Ok(match reader.peek()? {
            Kind::Object => {
                let mut members = Vec::new();
                reader.object::<ReadError>(|reader, key| {
                    members.push((key.decode_lossy().into_owned(), Self::read(reader)?));
                    Ok(())
                })?;
                Self::Object(members)
            }
            Kind::Array => {
                let mut items = Vec::new();
                reader.array::<ReadError>(|reader, _| {
                    items.push(Self::read(reader)?);
                    Ok(())
                })?;
                Self::Array(items)
            }
            Kind::String => Self::String(reader.string()?.decode_lossy().into_owned()),
            Kind::Number => Self::Number(reader.skip()?.to_owned()),
            Kind::Bool => Self::Bool(reader.skip()? == "true"),
            Kind::Null => {
                reader.skip()?;
                Self::Null
            }
        })
    }

    /// The member of that name, the last one where it is given twice; `None` where it is missing or this is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// A whole number that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Null | Self::Number(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Object(_) => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The value as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::String(text) => push_string(out, text),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut object = ObjectWriter::new(out);
                for (key, value) in members {
                    value.write(object.key(key));
                }
                object.end();
            }
        }
    }
}
