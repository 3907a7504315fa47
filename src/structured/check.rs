//! One value, one schema, keyword by keyword, with a bound on the work: schemas come from clients, values from models, and
//! other requests wait meanwhile.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::pattern::Pattern;
use super::schema::{Schema, Violation};
use crate::json::Value;

/// How deep schemas may lie in each other on the way to one value, references included. Values are at most
/// [`MAX_DEPTH`](crate::json::MAX_DEPTH) deep, so a schema has two levels for each of theirs; one that refers to itself
/// ends here.
pub(super) const MAX_NESTING: u32 = 256;
/// How many schemas, members and items may be looked at for all answers of one reply: a list of 20,000 objects with ten
/// members each. It is some 50 ms.
const MAX_STEPS: u32 = 4_000_000;
/// How many steps patterns may take for all answers of one reply, apart from the others: where they come to an end the rest
/// of the patterns is passed over. A list of 20,000 objects with two dates each; it is some 20 ms.
const MAX_PATTERN_STEPS: u32 = 2_000_000;
/// How many answers of [`Check::fit`] are kept, a power of two; it is some 200 KB, and what is asked again was asked shortly before.
const KNOWN: usize = 16_384;
/// So many digits of a number are read in one step, several times over.
const DIGITS_A_STEP: usize = 4;
/// So many bytes of a text are compared or counted in one step.
pub(super) const BYTES_A_STEP: usize = 64;
/// What is passed over although it may rule values out. `format` is an annotation, says draft 2020-12, unless a schema asks
/// for more by a vocabulary of its own; some hold values to it all the same.
const UNCHECKED: [&str; 3] = ["format", "$dynamicRef", "$recursiveRef"];

/// The work that is left.
#[derive(Debug)]
pub struct Work {
    steps: u32,
    patterns: u32,
}

impl Default for Work {
    fn default() -> Self {
        Self { steps: MAX_STEPS, patterns: MAX_PATTERN_STEPS }
    }
}

impl Work {
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Violation> {
        self.steps = self.steps.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.is_over() { Err(Violation::of("(too large to be checked)")) } else { Ok(()) }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.steps == 0
    }

    pub(super) fn pattern(&mut self, text: &str) -> Option<Pattern> {
        Pattern::parse(text, &mut self.patterns)
    }

    /// Whether a pattern is found in a text; perhaps, where it is none that can be checked.
    pub(super) fn finds(&mut self, pattern: Option<&Pattern>, text: &str) -> Fit {
        match pattern.and_then(|pattern| pattern.is_in(text, &mut self.patterns)) {
            Some(true) => Fit::Yes,
            Some(false) => Fit::No,
            None => Fit::Perhaps,
        }
    }
}

/// Whether a value follows a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    /// It does as far as it was checked.
    Perhaps,
    Yes,
}

impl Fit {
    pub(super) const fn denied(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }
}

/// One check.
pub(super) struct Check<'s, 'w> {
    pub(super) schema: &'s Schema,
    pub(super) work: &'w mut Work,
    /// Something was passed over.
    pub(super) unsure: bool,
    /// What is known of objects and arrays, by the addresses of schema and value: who looks for unevaluated members asks again
    /// what `anyOf` has asked, at each level anew. Nothing is kept for schemas that have none.
    known: Vec<(usize, usize, Fit)>,
}

impl<'s, 'w> Check<'s, 'w> {
    pub(super) fn new(schema: &'s Schema, work: &'w mut Work) -> Self {
        let known = if schema.has_unevaluated { vec![(0, 0, Fit::No); KNOWN] } else { Vec::new() };
        Self { schema, work, unsure: false, known }
    }

    pub(super) fn fit(&mut self, schema: &Value, value: &Value, nesting: u32) -> Fit {
        let (asked, of) = (std::ptr::from_ref(schema).addr(), std::ptr::from_ref(value).addr());
        let is_kept = matches!(value, Value::Object(_) | Value::Array(_));
        // Trees lie in memory at multiples of some bytes.
        let place = (asked / 8).wrapping_mul(31).wrapping_add(of / 8) % KNOWN;
        if let Some((schema, value, fit)) = self.known.get(place)
            && is_kept
            && (*schema, *value) == (asked, of)
            && self.work.spend(1).is_ok()
        {
            return *fit;
        }
        let before = std::mem::replace(&mut self.unsure, false);
        let fits = self.value(schema, value, nesting).is_ok();
        let fit = match (fits, std::mem::replace(&mut self.unsure, before)) {
            (false, _) => Fit::No,
            (true, false) => Fit::Yes,
            (true, true) => Fit::Perhaps,
        };
        if is_kept && let Some(known) = self.known.get_mut(place) {
            *known = (asked, of, fit);
        }
        fit
    }

    pub(super) fn value(&mut self, schema: &Value, value: &Value, nesting: u32) -> Result<(), Violation> {
        self.work.spend(1 + members_of(schema))?;
        if nesting > MAX_NESTING {
            return self.work.spend(usize::MAX);
        }
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return Err(Violation::of("false")),
            Value::Null | Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Array(_) => return Ok(()),
        };
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        for (keyword, wanted) in keywords {
            self.work.spend(weight(wanted) + weight(value))?;
            self.keyword(schema, keyword, wanted, value, nesting + 1)?;
        }
        Ok(())
    }

    /// One keyword that holds for values of any kind; the others are handed on.
    fn keyword(
        &mut self,
        schema: &Value,
        keyword: &str,
        wanted: &Value,
        value: &Value,
        nesting: u32,
    ) -> Result<(), Violation> {
        match keyword {
            "type" => holds("type", is_of(wanted, value)),
            "enum" => {
                let any = wanted.as_array().unwrap_or_default();
                holds("enum", any.iter().any(|one| same(one, value, self.work)))
            }
            "const" => holds("const", same(wanted, value, self.work)),
            "$ref" => {
                let schema = self.schema;
                let referred = wanted.as_str().and_then(|name| schema.referred(name, self.work));
                referred.map_or(Ok(()), |referred| self.value(referred, value, nesting))
            }
            "allOf" => schemas(wanted).iter().try_for_each(|one| self.value(one, value, nesting)),
            "anyOf" => {
                let mut fits = schemas(wanted).iter().map(|one| self.fit(one, value, nesting));
                let best = fits.try_fold(Fit::No, |best, fit| match fit {
                    Fit::Yes => Err(fit),
                    Fit::Perhaps => Ok(fit),
                    Fit::No => Ok(best),
                });
                self.met("anyOf", best.unwrap_or_else(|yes| yes))
            }
            "oneOf" => {
                let fits = schemas(wanted).iter().map(|one| self.fit(one, value, nesting));
                let (yes, perhaps) = fits.fold((0_u32, 0_u32), |(yes, perhaps), fit| match fit {
                    Fit::Yes => (yes + 1, perhaps),
                    Fit::Perhaps => (yes, perhaps + 1),
                    Fit::No => (yes, perhaps),
                });
                self.met(
                    "oneOf",
                    match (yes, perhaps) {
                        (1, 0) => Fit::Yes,
                        (0, 0) | (2.., _) => Fit::No,
                        (0 | 1, _) => Fit::Perhaps,
                    },
                )
            }
            "not" => {
                let fit = self.fit(wanted, value, nesting);
                self.met("not", fit.denied())
            }
            "if" => {
                let fit = self.fit(wanted, value, nesting);
                self.work.spend(members_of(schema))?;
                let mut branch = |name| schema.get(name).map_or(Ok(()), |branch| self.value(branch, value, nesting));
                match fit {
                    Fit::Yes => branch("then"),
                    Fit::No => branch("else"),
                    Fit::Perhaps => {
                        let mut fit = |name| schema.get(name).map_or(Fit::Yes, |one| self.fit(one, value, nesting));
                        let (then, otherwise) = (fit("then"), fit("else"));
                        self.met("if", if then == otherwise { then } else { Fit::Perhaps })
                    }
                }
            }
            _ if UNCHECKED.contains(&keyword) => {
                self.unsure = true;
                Ok(())
            }
            _ => match value {
                Value::Object(members) => self.object(schema, (keyword, wanted), (value, members), nesting),
                Value::Array(items) => self.array(schema, (keyword, wanted), (value, items), nesting),
                Value::Number(number) => of_number(schema, (keyword, wanted), number),
                Value::String(text) => self.text((keyword, wanted), text),
                Value::Null | Value::Bool(_) => Ok(()),
            },
        }
    }

    fn text(&mut self, (keyword, wanted): (&str, &Value), text: &str) -> Result<(), Violation> {
        match (keyword, wanted) {
            ("minLength", _) => count("minLength", Bound::Least, wanted, text.chars().count()),
            ("maxLength", _) => count("maxLength", Bound::Most, wanted, text.chars().count()),
            ("pattern", Value::String(pattern)) => {
                let pattern = self.work.pattern(pattern);
                let found = self.work.finds(pattern.as_ref(), text);
                self.met("pattern", found)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn met(&mut self, keyword: &'static str, fit: Fit) -> Result<(), Violation> {
        self.unsure |= fit == Fit::Perhaps;
        holds(keyword, fit != Fit::No)
    }
}

/// Which side of a bound a value must be on.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    Least,
    Most,
    Above,
    Below,
}

pub(super) fn holds(keyword: &'static str, met: bool) -> Result<(), Violation> {
    if met { Ok(()) } else { Err(Violation::of(keyword)) }
}

pub(super) fn schemas(wanted: &Value) -> &[Value] {
    wanted.as_array().unwrap_or_default()
}

pub(super) fn at(index: usize) -> String {
    let mut text = String::new();
    crate::json::push_number(&mut text, index as u64);
    text
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(text) => Decimal::parse(text),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A bound that is no number binds nobody.
fn bounded(keyword: &'static str, bound: Bound, wanted: &Value, number: &str) -> Result<(), Violation> {
    let order = decimal(wanted).and_then(|wanted| Some(Decimal::parse(number)?.cmp(&wanted)));
    holds(
        keyword,
        order.is_none_or(|order| match bound {
            Bound::Least => order != Ordering::Less,
            Bound::Most => order != Ordering::Greater,
            Bound::Above => order == Ordering::Greater,
            Bound::Below => order == Ordering::Less,
        }),
    )
}

pub(super) fn count(keyword: &'static str, bound: Bound, wanted: &Value, count: usize) -> Result<(), Violation> {
    bounded(keyword, bound, wanted, &at(count))
}

fn of_number(schema: &Value, (keyword, wanted): (&str, &Value), number: &str) -> Result<(), Violation> {
    // In older drafts, and so in OpenAPI's, the exclusive ones are booleans beside the bound.
    let exclusive =
        |beside: &str| if *wanted == Value::Bool(true) { schema.get(beside).unwrap_or(wanted) } else { wanted };
    match keyword {
        "minimum" => bounded("minimum", Bound::Least, wanted, number),
        "maximum" => bounded("maximum", Bound::Most, wanted, number),
        "exclusiveMinimum" => bounded("exclusiveMinimum", Bound::Above, exclusive("minimum"), number),
        "exclusiveMaximum" => bounded("exclusiveMaximum", Bound::Below, exclusive("maximum"), number),
        "multipleOf" => {
            let multiple = decimal(wanted).and_then(|wanted| Decimal::parse(number)?.is_multiple_of(&wanted));
            holds("multipleOf", multiple.unwrap_or(true))
        }
        _ => Ok(()),
    }
}

/// Whether `value` is of one of the types. A name that nobody knows rules nothing out.
fn is_of(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => matches!(value, Value::Object(_)),
        "array" => matches!(value, Value::Array(_)),
        "string" => matches!(value, Value::String(_)),
        "number" => matches!(value, Value::Number(_)),
        "integer" => decimal(value).is_some_and(|number| number.is_whole()),
        "boolean" => matches!(value, Value::Bool(_)),
        "null" => value.is_null(),
        _ => true,
    };
    match types {
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            types.as_str().is_none_or(is)
        }
    }
}

/// Whether two values are equal, whatever the order of members and the way that numbers are written.
pub(super) fn same(one: &Value, other: &Value, work: &mut Work) -> bool {
    if work.spend(1 + weight(one) + weight(other)).is_err() {
        return false;
    }
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || Decimal::parse(one) == Decimal::parse(other),
        (Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| same(one, other, work))
        }
        (Value::Object(ones), Value::Object(others)) => {
            // Each name is looked for among the others.
            if work.spend(ones.len().saturating_mul(others.len())).is_err() {
                return false;
            }
            let within = |(name, _): &(String, Value), outer: &Value| outer.get(name).is_some();
            others.iter().all(|member| within(member, one))
                && ones.iter().all(|(name, _)| match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => same(one, other, work),
                    (None, _) | (_, None) => false,
                })
        }
        _ => one == other,
    }
}

/// What it takes to read a number or a text, in steps.
pub(super) const fn weight(value: &Value) -> usize {
    match value {
        Value::Number(text) => text.len() / DIGITS_A_STEP,
        Value::String(text) => text.len() / BYTES_A_STEP,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => 0,
    }
}

/// How many members an object has.
pub(super) const fn members_of(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => 0,
    }
}
