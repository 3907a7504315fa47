//! What a schema says of the members of objects and the items of arrays.

use super::check::{BYTES_A_STEP, Bound, Check, Fit, at, count, holds, members_of, same, schemas, weight};
use super::schema::Violation;
use crate::json::Value;

impl Check<'_, '_> {
    pub(super) fn object(
        &mut self,
        schema: &Value,
        (keyword, wanted): (&str, &Value),
        (value, members): (&Value, &[(String, Value)]),
        nesting: u32,
    ) -> Result<(), Violation> {
        match (keyword, wanted) {
            ("properties", Value::Object(properties)) => properties.iter().try_for_each(|(name, property)| {
                self.work.spend(members.len())?;
                let Some(member) = value.get(name) else { return Ok(()) };
                self.value(property, member, nesting).map_err(|violation| violation.under(name))
            }),
            ("required", _) => self.required(wanted, value),
            ("additionalProperties", _) => self.rest("additionalProperties", (schema, wanted), value, nesting),
            ("unevaluatedProperties", _) => self.rest("unevaluatedProperties", (schema, wanted), value, nesting),
            ("patternProperties", Value::Object(patterns)) => {
                for (pattern, wanted) in patterns {
                    let marks: Vec<Fit> = self.found(pattern, members)?.into_iter().map(Fit::denied).collect();
                    self.unmarked("patternProperties", wanted, value, &marks, nesting)?;
                }
                Ok(())
            }
            ("propertyNames", _) => {
                for (name, _) in members {
                    let name = Value::String(name.clone());
                    self.work.spend(weight(&name))?;
                    self.value(wanted, &name, nesting).map_err(|_| Violation::of("propertyNames"))?;
                }
                Ok(())
            }
            ("dependentRequired" | "dependentSchemas" | "dependencies", Value::Object(dependents)) => {
                for (name, dependent) in dependents {
                    self.work.spend(members.len())?;
                    if value.get(name).is_some() {
                        self.required(dependent, value)?;
                        self.value(dependent, value, nesting)?;
                    }
                }
                Ok(())
            }
            ("minProperties", _) => count("minProperties", Bound::Least, wanted, members.len()),
            ("maxProperties", _) => count("maxProperties", Bound::Most, wanted, members.len()),
            _ => Ok(()),
        }
    }

    fn required(&mut self, names: &Value, value: &Value) -> Result<(), Violation> {
        for name in schemas(names).iter().filter_map(Value::as_str) {
            self.work.spend(members_of(value))?;
            let missing = value.get(name).is_none();
            holds("required", !missing).map_err(|violation| violation.under(name))?;
        }
        Ok(())
    }

    /// Which members have a name that the pattern is found in.
    pub(super) fn found(&mut self, pattern: &str, members: &[(String, Value)]) -> Result<Vec<Fit>, Violation> {
        self.work.spend(members.iter().map(|(name, _)| 1 + name.len() / BYTES_A_STEP).sum())?;
        let pattern = self.work.pattern(pattern);
        Ok(members.iter().map(|(name, _)| self.work.finds(pattern.as_ref(), name)).collect())
    }

    pub(super) fn array(
        &mut self,
        schema: &Value,
        (keyword, wanted): (&str, &Value),
        (value, items): (&Value, &[Value]),
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
                self.work.spend(members_of(schema))?;
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
                holds("uniqueItems", !items.iter().take(index).any(|earlier| same(earlier, item, self.work)))
            }),
            ("contains", _) => {
                self.work.spend(members_of(schema))?;
                let (mut sure, mut possible) = (0, 0);
                for item in items {
                    let fit = self.fit(wanted, item, nesting);
                    sure += usize::from(fit == Fit::Yes);
                    possible += usize::from(fit != Fit::No);
                }
                let one = Value::Number("1".to_owned());
                let least = schema.get("minContains").unwrap_or(&one);
                let most = schema.get("maxContains").unwrap_or(&Value::Null);
                count("minContains", Bound::Least, least, possible)?;
                count("maxContains", Bound::Most, most, sure)?;
                // Where the others matter nobody knows.
                self.unsure |= count("minContains", Bound::Least, least, sure).is_err()
                    || count("maxContains", Bound::Most, most, possible).is_err();
                Ok(())
            }
            ("unevaluatedItems", _) => self.rest("unevaluatedItems", (schema, wanted), value, nesting),
            _ => Ok(()),
        }
    }
}
