//! Holds a JSON value to a JSON Schema.
//!
//! What is checked: `type`, `nullable`, `enum`, `const`, `properties`, `required`, `additionalProperties`,
//! `minProperties`, `maxProperties`, `items`, `prefixItems`, `additionalItems`, `minItems`, `maxItems`, `uniqueItems`,
//! `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`, `minLength`, `maxLength`, `anyOf`,
//! `oneOf`, `allOf`, `not`, and `$ref` within the schema. All other keywords (`pattern`, `format`, `if`) are passed over,
//! and where `patternProperties` are told nothing is said of additional ones. Schema and value are small documents, so
//! both are trees here.

use std::cmp::Ordering;

use super::decimal::Decimal;
use crate::json::{Value, push_string};

/// How deep schemas may lie in each other on the way to one value, references included. Values are at most
/// [`MAX_DEPTH`](crate::json::MAX_DEPTH) deep, so a schema has two levels for each of theirs; one that refers to itself
/// ends here.
const MAX_NESTING: u32 = 256;
/// How many schemas, members and items may be looked at for one value: a list of 20,000 objects with ten members each.
/// It is some 50 ms.
const MAX_STEPS: u32 = 4_000_000;
/// The longest path in a message, in characters.
const MAX_PATH_CHARS: usize = 120;

/// A schema.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Value,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is no object and no boolean.
    NotASchema,
    /// It refers to something that it does not hold.
    Reference(String),
}

/// Where a value does not follow the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place as a JSON pointer; empty for the whole value.
    pub path: String,
    /// The keyword that it does not fulfil.
    pub keyword: &'static str,
}

impl Violation {
    const fn of(keyword: &'static str) -> Self {
        Self { path: String::new(), keyword }
    }

    fn under(mut self, name: &str) -> Self {
        if self.path.len() + name.len() <= MAX_PATH_CHARS {
            self.path.insert_str(0, name);
            self.path.insert(0, '/');
        }
        self
    }
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`Unusable`] where values could not be held to it.
    pub fn parse(raw: &str) -> Result<Self, Unusable> {
        let root = Value::parse(raw).map_err(|_| Unusable::NotASchema)?;
        if !matches!(root, Value::Object(_) | Value::Bool(_)) {
            return Err(Unusable::NotASchema);
        }
        let schema = Self { root };
        schema.references(&schema.root)?;
        Ok(schema)
    }

    /// Whether each reference leads somewhere.
    fn references(&self, value: &Value) -> Result<(), Unusable> {
        match value {
            Value::Object(members) => members.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
                ("$ref", Value::String(name)) if self.referred(name).is_none() => {
                    Err(Unusable::Reference(name.clone()))
                }
                // What is in these is no schema.
                ("enum" | "const" | "default" | "examples", _) => Ok(()),
                _ => self.references(value),
            }),
            Value::Array(items) => items.iter().try_for_each(|item| self.references(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// What `#` or `#/$defs/name` leads to.
    fn referred(&self, name: &str) -> Option<&Value> {
        let path = name.strip_prefix('#')?;
        if path.is_empty() {
            return Some(&self.root);
        }
        path.strip_prefix('/')?.split('/').try_fold(&self.root, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                value.get(&step.replace("~1", "/").replace("~0", "~"))
            }
        })
    }

    /// Holds a JSON document to the schema.
    ///
    /// # Errors
    /// The first [`Violation`]; also where it would take too long to tell.
    pub fn check(&self, json: &str) -> Result<(), Violation> {
        let value = Value::parse(json).map_err(|_| Violation::of("type"))?;
        let mut check = Check { schema: self, steps: MAX_STEPS };
        let checked = check.value(&self.root, &value, 0);
        // What was not looked at to its end may have been denied, or one of several.
        check.spend(1).and(checked)
    }
}

/// One check, with the work that is left for it.
struct Check<'s> {
    schema: &'s Schema,
    steps: u32,
}

impl Check<'_> {
    fn spend(&mut self, steps: usize) -> Result<(), Violation> {
        self.steps = self.steps.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.steps == 0 { Err(Violation::of("(too large to be checked)")) } else { Ok(()) }
    }

    fn value(&mut self, schema: &Value, value: &Value, nesting: u32) -> Result<(), Violation> {
        self.spend(1)?;
        if nesting > MAX_NESTING {
            self.steps = 0;
            return self.spend(1);
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
            self.spend(1)?;
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
                self.spend(any.len())?;
                holds("enum", any.iter().any(|one| same(one, value)))
            }
            "const" => holds("const", same(wanted, value)),
            "$ref" => {
                let schema = self.schema;
                let referred = wanted.as_str().and_then(|name| schema.referred(name));
                referred.map_or(Ok(()), |referred| self.value(referred, value, nesting))
            }
            "allOf" => schemas(wanted).iter().try_for_each(|one| self.value(one, value, nesting)),
            "anyOf" => holds("anyOf", schemas(wanted).iter().any(|one| self.value(one, value, nesting).is_ok())),
            "oneOf" => {
                let fits = schemas(wanted).iter().filter(|one| self.value(one, value, nesting).is_ok()).count();
                holds("oneOf", fits == 1)
            }
            "not" => holds("not", self.value(wanted, value, nesting).is_err()),
            _ => match value {
                Value::Object(members) => self.object(schema, (keyword, wanted), (value, members), nesting),
                Value::Array(items) => self.array(schema, (keyword, wanted), items, nesting),
                Value::Number(number) => of_number(keyword, wanted, number),
                Value::String(text) => of_text(keyword, wanted, text),
                Value::Null | Value::Bool(_) => Ok(()),
            },
        }
    }

    fn object(
        &mut self,
        schema: &Value,
        (keyword, wanted): (&str, &Value),
        (value, members): (&Value, &[(String, Value)]),
        nesting: u32,
    ) -> Result<(), Violation> {
        match (keyword, wanted) {
            ("properties", Value::Object(properties)) => properties.iter().try_for_each(|(name, property)| {
                self.spend(members.len())?;
                let Some(member) = value.get(name) else { return Ok(()) };
                self.value(property, member, nesting).map_err(|violation| violation.under(name))
            }),
            ("required", Value::Array(names)) => names.iter().filter_map(Value::as_str).try_for_each(|name| {
                self.spend(members.len())?;
                let missing = value.get(name).is_none();
                holds("required", !missing).map_err(|violation| violation.under(name))
            }),
            ("additionalProperties", _) if schema.get("patternProperties").is_none() => {
                let properties = match schema.get("properties") {
                    Some(Value::Object(properties)) => properties.as_slice(),
                    _ => &[],
                };
                members.iter().try_for_each(|(name, member)| {
                    self.spend(properties.len())?;
                    if properties.iter().any(|(property, _)| property == name) {
                        return Ok(());
                    }
                    // Its name is the model's own word, and is not told.
                    self.value(wanted, member, nesting).map_err(|_| Violation::of("additionalProperties"))
                })
            }
            ("minProperties", _) => count("minProperties", Bound::Least, wanted, members.len()),
            ("maxProperties", _) => count("maxProperties", Bound::Most, wanted, members.len()),
            _ => Ok(()),
        }
    }

    fn array(
        &mut self,
        schema: &Value,
        (keyword, wanted): (&str, &Value),
        items: &[Value],
        nesting: u32,
    ) -> Result<(), Violation> {
        match (keyword, wanted) {
            // Older drafts have the first items here, and the others in `additionalItems`.
            ("prefixItems" | "items", Value::Array(first)) => {
                first.iter().zip(items).enumerate().try_for_each(|(index, (schema, item))| {
                    self.value(schema, item, nesting).map_err(|violation| violation.under(&at(index)))
                })
            }
            ("items" | "additionalItems", _) => {
                let first = schema.get(if keyword == "items" { "prefixItems" } else { "items" });
                // Without a list before them there are no additional ones.
                let skipped = match first.and_then(Value::as_array) {
                    Some(first) => first.len(),
                    None if keyword == "items" => 0,
                    None => return Ok(()),
                };
                items.iter().enumerate().skip(skipped).try_for_each(|(index, item)| {
                    self.value(wanted, item, nesting).map_err(|violation| violation.under(&at(index)))
                })
            }
            ("minItems", _) => count("minItems", Bound::Least, wanted, items.len()),
            ("maxItems", _) => count("maxItems", Bound::Most, wanted, items.len()),
            ("uniqueItems", Value::Bool(true)) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.spend(index)?;
                holds("uniqueItems", !items.iter().take(index).any(|earlier| same(earlier, item)))
            }),
            _ => Ok(()),
        }
    }
}

/// Which side of a bound a value must be on.
#[derive(Clone, Copy)]
enum Bound {
    Least,
    Most,
    Above,
    Below,
}

fn holds(keyword: &'static str, met: bool) -> Result<(), Violation> {
    if met { Ok(()) } else { Err(Violation::of(keyword)) }
}

fn schemas(wanted: &Value) -> &[Value] {
    wanted.as_array().unwrap_or_default()
}

fn at(index: usize) -> String {
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

fn count(keyword: &'static str, bound: Bound, wanted: &Value, count: usize) -> Result<(), Violation> {
    bounded(keyword, bound, wanted, &at(count))
}

fn of_number(keyword: &str, wanted: &Value, number: &str) -> Result<(), Violation> {
    // In older drafts the exclusive ones are booleans beside the bound, which is then too generous by one value.
    match keyword {
        "minimum" => bounded("minimum", Bound::Least, wanted, number),
        "maximum" => bounded("maximum", Bound::Most, wanted, number),
        "exclusiveMinimum" => bounded("exclusiveMinimum", Bound::Above, wanted, number),
        "exclusiveMaximum" => bounded("exclusiveMaximum", Bound::Below, wanted, number),
        "multipleOf" => {
            let multiple = decimal(wanted).and_then(|wanted| Decimal::parse(number)?.is_multiple_of(&wanted));
            holds("multipleOf", multiple.unwrap_or(true))
        }
        _ => Ok(()),
    }
}

fn of_text(keyword: &str, wanted: &Value, text: &str) -> Result<(), Violation> {
    match keyword {
        "minLength" => count("minLength", Bound::Least, wanted, text.chars().count()),
        "maxLength" => count("maxLength", Bound::Most, wanted, text.chars().count()),
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
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || Decimal::parse(one) == Decimal::parse(other),
        (Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| same(one, other))
        }
        (Value::Object(ones), Value::Object(others)) => {
            let within = |(name, _): &(String, Value), outer: &Value| outer.get(name).is_some();
            others.iter().all(|member| within(member, one))
                && ones.iter().all(|(name, _)| match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => same(one, other),
                    (None, _) | (_, None) => false,
                })
        }
        _ => one == other,
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut place = String::new();
        push_string(&mut place, &self.path);
        write!(f, "`{}` at {place}", self.keyword)
    }
}
