//! What is left of the members or items of a value when other keywords have looked at theirs: `additionalProperties`,
//! `unevaluatedProperties` and `unevaluatedItems`.

use super::check::{Check, Fit, MAX_NESTING, members_of, schemas};
use super::schema::Violation;
use crate::json::Value;

impl Check<'_, '_> {
    /// Holds what other keywords of `schema` leave of `value` to `wanted`, which is what it has under `keyword`.
    pub(super) fn rest(
        &mut self,
        keyword: &'static str,
        (schema, wanted): (&Value, &Value),
        value: &Value,
        nesting: u32,
    ) -> Result<(), Violation> {
        let mut marks = vec![Fit::No; children(value)];
        self.work.spend(members_of(schema) + marks.len())?;
        if let Value::Object(keywords) = schema {
            for (name, wanted) in keywords {
                let looks = match keyword {
                    "additionalProperties" => matches!(name.as_str(), "properties" | "patternProperties"),
                    _ => name != keyword,
                };
                if looks {
                    self.marked_by(schema, (name, wanted), value, Fit::Yes, &mut marks, nesting)?;
                }
            }
        }
        self.unmarked(keyword, wanted, value, &marks, nesting)
    }

    /// Holds the members or items of `value` that have no mark to `wanted`.
    pub(super) fn unmarked(
        &mut self,
        keyword: &'static str,
        wanted: &Value,
        value: &Value,
        marks: &[Fit],
        nesting: u32,
    ) -> Result<(), Violation> {
        for (index, mark) in marks.iter().enumerate() {
            let child = match value {
                Value::Object(members) => members.get(index).map(|(_, member)| member),
                Value::Array(items) => items.get(index),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            let Some(child) = child.filter(|_| *mark != Fit::Yes) else { continue };
            match self.fit(wanted, child, nesting) {
                Fit::Yes => {}
                // Its name is the model's own word, and is not told.
                Fit::No if *mark == Fit::No => return Err(Violation::of(keyword)),
                Fit::No | Fit::Perhaps => self.unsure = true,
            }
        }
        Ok(())
    }

    /// Marks what a schema looks at of a value that follows it as surely as `sure` says.
    fn marked(
        &mut self,
        schema: &Value,
        value: &Value,
        sure: Fit,
        marks: &mut [Fit],
        nesting: u32,
    ) -> Result<(), Violation> {
        self.work.spend(1 + members_of(schema))?;
        if nesting > MAX_NESTING {
            return self.work.spend(usize::MAX);
        }
        if let (Value::Object(keywords), true) = (schema, sure != Fit::No) {
            for (keyword, wanted) in keywords {
                self.marked_by(schema, (keyword, wanted), value, sure, marks, nesting + 1)?;
            }
        }
        Ok(())
    }

    fn marked_by(
        &mut self,
        schema: &Value,
        (keyword, wanted): (&str, &Value),
        value: &Value,
        sure: Fit,
        marks: &mut [Fit],
        nesting: u32,
    ) -> Result<(), Violation> {
        let (members, items): (&[(String, Value)], &[Value]) = match value {
            Value::Object(members) => (members, &[]),
            Value::Array(items) => (&[], items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(()),
        };
        // So many, from the first on.
        let many = match (keyword, wanted) {
            ("prefixItems" | "items", Value::Array(first)) => first.len().min(items.len()),
            ("additionalItems", _) if schema.get("items").and_then(Value::as_array).is_none() => 0,
            ("items" | "additionalItems" | "unevaluatedItems", _) => items.len(),
            ("additionalProperties" | "unevaluatedProperties", _) => members.len(),
            ("contains", _) => {
                for (index, item) in items.iter().enumerate() {
                    raise(marks, index, sure.min(self.fit(wanted, item, nesting)));
                }
                0
            }
            ("properties", _) => {
                for (index, (name, _)) in members.iter().enumerate() {
                    self.work.spend(1 + members_of(wanted))?;
                    raise(marks, index, if wanted.get(name).is_some() { sure } else { Fit::No });
                }
                0
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (pattern, _) in patterns {
                    for (index, fit) in self.found(pattern, members)?.into_iter().enumerate() {
                        raise(marks, index, sure.min(fit));
                    }
                }
                0
            }
            // They lead nobody knows where.
            ("$dynamicRef" | "$recursiveRef", _) => {
                self.work.spend(marks.len())?;
                (0..marks.len()).for_each(|index| raise(marks, index, sure.min(Fit::Perhaps)));
                0
            }
            ("$ref", Value::String(name)) => {
                let whole = self.schema;
                if let Some(referred) = whole.referred(name, self.work) {
                    self.marked(referred, value, sure, marks, nesting)?;
                }
                0
            }
            ("allOf" | "anyOf" | "oneOf", _) => {
                for one in schemas(wanted) {
                    let fit = if keyword == "allOf" { Fit::Yes } else { self.fit(one, value, nesting) };
                    self.marked(one, value, sure.min(fit), marks, nesting)?;
                }
                0
            }
            ("if", _) => {
                let fit = self.fit(wanted, value, nesting);
                let branches = [(Some(wanted), fit), (schema.get("then"), fit), (schema.get("else"), fit.denied())];
                for (branch, fit) in branches {
                    let Some(branch) = branch else { continue };
                    self.marked(branch, value, sure.min(fit), marks, nesting)?;
                }
                0
            }
            ("dependentSchemas" | "dependencies", Value::Object(dependents)) => {
                for (name, dependent) in dependents {
                    self.work.spend(members.len())?;
                    let there = if value.get(name).is_some() { sure } else { Fit::No };
                    self.marked(dependent, value, there, marks, nesting)?;
                }
                0
            }
            _ => 0,
        };
        (0..many).for_each(|index| raise(marks, index, sure));
        self.work.spend(many)
    }
}

fn raise(marks: &mut [Fit], index: usize, fit: Fit) {
    if let Some(mark) = marks.get_mut(index) {
        *mark = fit.max(*mark);
    }
}

fn children(value: &Value) -> usize {
    members_of(value) + value.as_array().unwrap_or_default().len()
}
