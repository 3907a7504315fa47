//! Single fields of a request body: their types, ranges and lenient forms.

use std::borrow::Cow;
use std::fmt;

use super::error::ApiError;
use crate::json::{Kind, ReadError, Reader, decimal};

/// Why a request body was refused. All are the caller's to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The body is empty.
    Empty,
    /// Not UTF-8, from this byte on.
    NotUtf8 {
        /// The offset of the first bad byte.
        offset: usize,
    },
    /// Not JSON.
    Json(ReadError),
    /// JSON, but not an object.
    NotAnObject,
    /// The same key twice: gateway and upstream could read different ones.
    DuplicateKey {
        /// The key.
        param: String,
    },
    /// A required field is missing.
    Missing {
        /// The field.
        param: String,
    },
    /// A value of the wrong type.
    Type {
        /// The field.
        param: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A value of the right type that is not allowed.
    Value {
        /// The field.
        param: String,
        /// What is allowed.
        allowed: &'static str,
        /// What was sent, shortened.
        found: String,
    },
}

/// The longest piece of a client's own value that an error message repeats.
const ECHO_CHARS: usize = 40;

impl RequestError {
    /// A [`RequestError::Value`], repeating at most [`ECHO_CHARS`] of what was sent.
    pub fn value(param: impl Into<String>, allowed: &'static str, found: &str) -> Box<Self> {
        let mut echo: String = found.chars().take(ECHO_CHARS).collect();
        if echo.len() < found.len() {
            echo.push('…');
        }
        Box::new(Self::Value { param: param.into(), allowed, found: echo })
    }

    /// The field at fault.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Empty | Self::NotUtf8 { .. } | Self::Json(_) | Self::NotAnObject => None,
            Self::DuplicateKey { param }
            | Self::Missing { param }
            | Self::Type { param, .. }
            | Self::Value { param, .. } => Some(param),
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::NotUtf8 { .. } | Self::Json(_) | Self::NotAnObject => "invalid_json",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::Missing { .. } => "missing_required_parameter",
            Self::Type { .. } => "invalid_type",
            Self::Value { .. } => "invalid_value",
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "The request body is empty; send a JSON object with `messages`."),
            Self::NotUtf8 { offset } => write!(f, "The request body is not valid UTF-8 at byte {offset}."),
            Self::Json(error) => write!(f, "The request body is not usable: {error}."),
            Self::NotAnObject => write!(f, "The request body must be a JSON object."),
            Self::DuplicateKey { param } => write!(f, "`{param}` is given more than once; send it once."),
            Self::Missing { param } => write!(f, "`{param}` is required."),
            Self::Type { param, expected, found } => write!(f, "`{param}` must be {expected}, not {found}."),
            Self::Value { param, allowed, found } => write!(f, "`{param}` must be {allowed}; got {found}."),
        }
    }
}

impl From<ReadError> for Box<RequestError> {
    fn from(error: ReadError) -> Self {
        Self::new(RequestError::Json(error))
    }
}

impl From<Box<RequestError>> for ApiError {
    fn from(error: Box<RequestError>) -> Self {
        let api = Self::invalid(error.code(), error.to_string());
        match error.param() {
            Some(param) => api.with_param(param),
            None => api,
        }
    }
}

fn kind_of(raw: &str) -> Kind {
    // A span was checked before it came here, so `peek` cannot fail on it.
    Reader::new(raw).peek().unwrap_or(Kind::Null)
}

fn wrong_type(param: &str, expected: &'static str, raw: &str) -> Box<RequestError> {
    Box::new(RequestError::Type { param: param.to_owned(), expected, found: kind_of(raw).as_str() })
}

/// A string.
pub(super) fn string<'a>(param: &str, raw: &'a str) -> Result<Cow<'a, str>, Box<RequestError>> {
    if kind_of(raw) != Kind::String {
        return Err(wrong_type(param, "a string", raw));
    }
    Reader::new(raw)
        .string()?
        .decode()
        .ok_or_else(|| RequestError::value(param, "text without lone surrogates", "a broken \\u escape"))
}

/// `true` or `false`.
pub(super) fn boolean(param: &str, raw: &str) -> Result<bool, Box<RequestError>> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong_type(param, "a boolean", raw)),
    }
}

/// A number from `min` to `max`.
pub(super) fn number(
    param: &str,
    raw: &str,
    (min, max): (f64, f64),
    allowed: &'static str,
) -> Result<f64, Box<RequestError>> {
    let value = decimal(raw).filter(|_| kind_of(raw) == Kind::Number);
    let value = value.ok_or_else(|| wrong_type(param, "a number", raw))?;
    if (min..=max).contains(&value) { Ok(value) } else { Err(RequestError::value(param, allowed, raw)) }
}

/// A whole number from `min` to `max`; `5.0` counts as 5.
pub(super) fn integer(
    param: &str,
    raw: &str,
    (min, max): (u32, u32),
    allowed: &'static str,
) -> Result<u32, Box<RequestError>> {
    if kind_of(raw) != Kind::Number {
        return Err(wrong_type(param, "an integer", raw));
    }
    let value = decimal(raw).filter(|value| value.fract() == 0.0);
    match value {
        Some(value) if value >= f64::from(min) && value <= f64::from(max) => {
            // In range and whole, so the cast is exact.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            Ok(value as u32)
        }
        _ => Err(RequestError::value(param, allowed, raw)),
    }
}

/// A whole number that a 64-bit integer holds.
pub(super) fn whole(param: &str, raw: &str) -> Result<(), Box<RequestError>> {
    if kind_of(raw) != Kind::Number {
        return Err(wrong_type(param, "an integer", raw));
    }
    // 2^63: the first float above every such integer.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let float = || decimal(raw).is_some_and(|value| value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value));
    if raw.parse::<i64>().is_ok() || (raw.contains(['.', 'e', 'E']) && float()) {
        Ok(())
    } else {
        Err(RequestError::value(param, "a 64-bit integer", raw))
    }
}

/// One string or a list of them.
pub(super) fn stop(param: &str, raw: &str) -> Result<(), Box<RequestError>> {
    match kind_of(raw) {
        Kind::String => string(param, raw).map(|_| ()),
        Kind::Array => strings(param, raw).map(|_| ()),
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            Err(wrong_type(param, "a string or an array of strings", raw))
        }
    }
}

/// An object, whatever is in it.
pub(super) fn object(param: &str, raw: &str) -> Result<(), Box<RequestError>> {
    if kind_of(raw) == Kind::Object { Ok(()) } else { Err(wrong_type(param, "an object", raw)) }
}

/// An array, whatever is in it.
pub(super) fn array(param: &str, raw: &str) -> Result<(), Box<RequestError>> {
    if kind_of(raw) == Kind::Array { Ok(()) } else { Err(wrong_type(param, "an array", raw)) }
}

/// A list of strings.
pub(super) fn strings(param: &str, raw: &str) -> Result<Vec<String>, Box<RequestError>> {
    if kind_of(raw) != Kind::Array {
        return Err(wrong_type(param, "an array of strings", raw));
    }
    let mut list = Vec::new();
    Reader::new(raw).array::<Box<RequestError>>(|reader, index| {
        list.push(string(&format!("{param}[{index}]"), reader.skip()?)?.into_owned());
        Ok(())
    })?;
    Ok(list)
}

/// An object (or an array, as `wanted` says), or a string that holds the JSON of one: some clients encode twice.
pub(super) fn structured<'a>(param: &str, raw: &'a str, wanted: Kind) -> Result<Cow<'a, str>, Box<RequestError>> {
    let expected = if wanted == Kind::Array { "an array" } else { "an object" };
    match kind_of(raw) {
        kind if kind == wanted => Ok(Cow::Borrowed(raw)),
        Kind::String => {
            let inner = string(param, raw)?;
            let mut reader = Reader::new(&inner);
            let whole = reader.skip().is_ok() && reader.end().is_ok() && kind_of(&inner) == wanted;
            if whole { Ok(Cow::Owned(inner.trim().to_owned())) } else { Err(wrong_type(param, expected, raw)) }
        }
        Kind::Object | Kind::Array | Kind::Number | Kind::Bool | Kind::Null => Err(wrong_type(param, expected, raw)),
    }
}

/// One member of an object, by name; the last one counts where there are several.
pub(super) fn member<'a>(raw: &'a str, name: &str) -> Result<Option<&'a str>, Box<RequestError>> {
    let mut found = None;
    Reader::new(raw).object::<Box<RequestError>>(|reader, key| {
        let value = reader.skip()?;
        if key.is(name) {
            found = Some(value).filter(|value| *value != "null");
        }
        Ok(())
    })?;
    Ok(found)
}
