//! Finds the JSON in what a model wrote: in a Markdown fence, between explanations, nearly right or cut off.
//!
//! Nothing is guessed: where the text holds two different values that fit, or one that can be read in two ways, or where
//! something that a model meant to write is missing and nobody says so, there is no answer.

use std::borrow::Cow;

use super::lenient::{End, Lenient};
use crate::json::{Kind, Reader};

/// The longest text that is looked at. The longest answers of any model in the catalogue have 128,000 tokens, which is
/// half of it.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// How often the text may be gone over, since each bracket in prose may be the beginning.
const MAX_PASSES: usize = 4;
/// The most values in one text that are held to the schema: models that repeat themselves do so two or three times.
const MAX_VALUES: usize = 16;

/// How much of the value was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// All but brackets at the end.
    Unclosed,
    /// It was cut off, and the rest is lost.
    Cut,
}

/// A value that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healed<'t> {
    /// Strict JSON.
    pub json: Cow<'t, str>,
    /// How much of it there was.
    pub extent: Extent,
}

/// The one JSON value in `text` that `accepts` takes, if there is exactly one.
pub fn heal<'t>(text: &'t str, accepts: &mut dyn FnMut(&str) -> bool) -> Option<Healed<'t>> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let text = text.trim_start_matches('\u{feff}').trim_ascii();
    match strict(text) {
        None => {}
        Some(_) if accepts(text) => return Some(Healed { json: Cow::Borrowed(text), extent: Extent::Whole }),
        // A document that was written as a string.
        Some(Kind::String) => {
            let inner = Reader::new(text).string().ok()?.decode()?;
            let inner = inner.trim_ascii();
            let fits = strict(inner).is_some_and(|kind| kind != Kind::String) && accepts(inner);
            return fits.then(|| Healed { json: Cow::Owned(inner.to_owned()), extent: Extent::Whole });
        }
        // What is in another value than the one that was asked for is not the answer.
        Some(Kind::Object | Kind::Array | Kind::Number | Kind::Bool | Kind::Null) => return None,
    }
    // Numbers and words stand nowhere but in a fence: in prose there are too many of them.
    let fenced = unfenced(text).filter(|inner| strict(inner).is_some() && accepts(inner));
    fenced.map(|inner| Healed { json: Cow::Borrowed(inner), extent: Extent::Whole }).or_else(|| search(text, accepts))
}

/// The kind of a whole strict document.
fn strict(text: &str) -> Option<Kind> {
    let mut reader = Reader::new(text);
    let kind = reader.peek().ok()?;
    reader.skip().ok()?;
    reader.end().ok()?;
    Some(kind)
}

/// What stands in the fence that is all of `text`.
fn unfenced(text: &str) -> Option<&str> {
    let (_, inner) = text.strip_prefix("```")?.split_once('\n')?;
    Some(inner.strip_suffix("```").unwrap_or(inner).trim_ascii())
}

/// Goes from bracket to bracket.
fn search<'t>(text: &'t str, accepts: &mut dyn FnMut(&str) -> bool) -> Option<Healed<'t>> {
    let mut found: Option<Healed<'t>> = None;
    let mut work = text.len().saturating_mul(MAX_PASSES);
    let mut values = 0;
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'{', b'[', text.as_bytes().get(from..)?).map(|at| from + at) {
        let (read, end) = Lenient::read(text, at);
        work = work.checked_sub(read.at - at)?;
        // Brackets without a member in them may be prose, and what follows within them the answer.
        let is_prose = end == End::Broken && read.members == 0;
        from = if is_prose { at + 1 } else { read.at };
        let extent = match end {
            End::Whole => Extent::Whole,
            End::Unclosed | End::Inside if read.values == 0 => continue,
            End::Unclosed => Extent::Unclosed,
            End::Inside => Extent::Cut,
            End::Broken if is_prose => continue,
            // JSON that nobody can read is no answer, and neither is a piece of it, or another one beside it.
            End::Broken => return None,
        };
        values += 1;
        if values > MAX_VALUES {
            return None;
        }
        if !accepts(&read.out) {
            continue;
        }
        match &found {
            Some(known) if known.json != read.out => return None,
            Some(_) => {}
            None => found = Some(Healed { json: Cow::Owned(read.out), extent }),
        }
    }
    found
}
