//! Holds a JSON value to a JSON Schema.
//!
//! What is checked: all that draft 2020-12 asserts, and what older drafts and OpenAPI have in its place (`nullable`,
//! `additionalItems`, `items` as a list, `dependencies`, exclusive bounds as booleans). Passed over are `format`, which is an
//! annotation, `$dynamicRef` and `$recursiveRef`, and patterns that are not simple (`pattern.rs`). Where it depends on one of
//! them whether a schema is met, `not`, `oneOf`, `if` and their like refuse nothing. Schema and value are small documents, so
//! both are trees here.

use super::check::{Check, Work};
use crate::json::{Value, push_string};

/// The longest schema that values are held to, in bytes: twice what OpenAI takes, which is 120,000 characters of names and
/// values (platform.openai.com/docs/guides/structured-outputs#supported-schemas). As a tree it is some 20 times as large.
pub const MAX_SCHEMA_BYTES: usize = 256 * 1024;
/// The longest path in a message, in characters.
const MAX_PATH_CHARS: usize = 120;

/// A schema.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Value,
    /// `unevaluatedProperties` or `unevaluatedItems` is somewhere in it.
    pub(super) has_unevaluated: bool,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is no object and no boolean.
    NotASchema,
    /// It refers to something that it does not hold.
    Reference(String),
    /// It is longer than [`MAX_SCHEMA_BYTES`], or refers to too much too often.
    TooLarge,
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
    pub(super) const fn of(keyword: &'static str) -> Self {
        Self { path: String::new(), keyword }
    }

    pub(super) fn under(mut self, name: &str) -> Self {
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
        if raw.len() > MAX_SCHEMA_BYTES {
            return Err(Unusable::TooLarge);
        }
        let root = Value::parse(raw).map_err(|_| Unusable::NotASchema)?;
        if !matches!(root, Value::Object(_) | Value::Bool(_)) {
            return Err(Unusable::NotASchema);
        }
        let schema = Self { root, has_unevaluated: raw.contains("\"unevaluated") };
        schema.references(&schema.root, &mut Work::default())?;
        Ok(schema)
    }

    /// Whether each reference leads somewhere.
    fn references(&self, value: &Value, work: &mut Work) -> Result<(), Unusable> {
        match value {
            Value::Object(members) => members.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
                ("$ref", Value::String(name)) => match self.referred(name, work) {
                    Some(_) => Ok(()),
                    None if work.is_over() => Err(Unusable::TooLarge),
                    None => Err(Unusable::Reference(name.clone())),
                },
                // What is in these is no schema.
                ("enum" | "const" | "default" | "examples", _) => Ok(()),
                _ => self.references(value, work),
            }),
            Value::Array(items) => items.iter().try_for_each(|item| self.references(item, work)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// What `#` or `#/$defs/name` leads to, as far as `work` reaches.
    pub(super) fn referred(&self, name: &str, work: &mut Work) -> Option<&Value> {
        let path = name.strip_prefix('#')?;
        if path.is_empty() {
            return Some(&self.root);
        }
        path.strip_prefix('/')?.split('/').try_fold(&self.root, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            Value::Object(members) => {
                work.spend(members.len() + step.len()).ok()?;
                value.get(&step.replace("~1", "/").replace("~0", "~"))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    /// Holds a JSON document to the schema, as far as `work` reaches.
    ///
    /// # Errors
    /// The first [`Violation`]; also where it would take too long to tell.
    pub fn check(&self, json: &str, work: &mut Work) -> Result<(), Violation> {
        let value = Value::parse(json).map_err(|_| Violation::of("type"))?;
        let checked = Check::new(self, work).value(&self.root, &value, 0);
        // What was not looked at to its end may have been denied, or one of several.
        work.spend(1).and(checked)
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut place = String::new();
        push_string(&mut place, &self.path);
        write!(f, "`{}` at {place}", self.keyword)
    }
}
