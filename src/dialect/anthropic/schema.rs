//! JSON schemas as Anthropic takes them where it promises to follow them: it refuses what it cannot promise. That is told to
//! the model in words instead. Source: platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations.

use std::collections::BTreeSet;

use crate::json::Value;
use crate::structured::schema::MAX_SCHEMA_BYTES;

/// What is kept as it is.
const KEPT: [&str; 8] = ["type", "required", "$ref", "default", "enum", "const", "title", "description"];
/// What is kept, each member of it made fit.
const NAMED_SCHEMAS: [&str; 3] = ["properties", "$defs", "definitions"];
/// What says nothing of the value, or is said in another way; everything else is a limit that is not promised.
const IGNORED: [&str; 9] =
    ["$schema", "$id", "$comment", "additionalProperties", "examples", "deprecated", "readOnly", "writeOnly", "strict"];
/// How many references may lead to each other, one behind the other. No schema for an answer has as many; it bounds the stack.
const MAX_REFS: usize = 16;
/// The formats of strings that are promised.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema made fit. `None` where it leaves the names of an object's members open, since only objects without any others
/// than those that are named are promised, so that nothing but `{}` would come; and where it holds itself, which is an error.
pub(super) fn fit(raw: &str) -> Option<String> {
    let schema = Value::parse(raw).ok()?;
    can_be_promised(&schema).then(|| fit_value(schema).to_json())
}

/// The references of a schema, as they are followed.
struct References<'s> {
    root: &'s Value,
    /// Those that are being followed.
    path: Vec<&'s str>,
    /// Those that lead to an end.
    ended: BTreeSet<&'s str>,
}

impl<'s> References<'s> {
    const fn of(root: &'s Value) -> Self {
        Self { root, path: Vec::new(), ended: BTreeSet::new() }
    }

    /// Whether a reference in `schema` leads to where it stands itself.
    fn lead_back(&mut self, schema: &'s Value) -> bool {
        match schema {
            Value::Object(members) => members.iter().any(|(name, value)| match value.as_str() {
                Some(target) if name == "$ref" => self.leads_back(target),
                _ => self.lead_back(value),
            }),
            Value::Array(items) => items.iter().any(|item| self.lead_back(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    fn leads_back(&mut self, target: &'s str) -> bool {
        if self.ended.contains(target) {
            return false;
        }
        if self.path.contains(&target) || self.path.len() >= MAX_REFS {
            return true;
        }
        // What is not in the document is refused by name.
        let Some(schema) = target
            .strip_prefix('#')
            .and_then(|pointer| pointer.split('/').skip(1).try_fold(self.root, |schema, name| schema.get(name)))
        else {
            return false;
        };
        self.path.push(target);
        let back = self.lead_back(schema);
        self.path.pop();
        self.ended.insert(target);
        back
    }
}

/// Whether an answer is promised to follow the schema. One that is longer than [`MAX_SCHEMA_BYTES`] is not looked at here.
pub fn takes_schema(raw: &str) -> bool {
    raw.len() > MAX_SCHEMA_BYTES || Value::parse(raw).is_ok_and(|schema| can_be_promised(&schema))
}

fn can_be_promised(schema: &Value) -> bool {
    !has_open_object(schema) && !References::of(schema).lead_back(schema)
}

fn has_open_object(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let any_name = match schema.get("additionalProperties") {
                Some(Value::Object(_)) => true,
                Some(Value::Bool(open)) => *open && schema.get("properties").is_none(),
                Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => {
                    schema.get("type").is_some_and(names_object) && schema.get("properties").is_none()
                }
            };
            any_name
                || schema.get("patternProperties").is_some()
                || members.iter().any(|(name, value)| name != "properties" && has_open_object(value))
                || schema.get("properties").is_some_and(|named| match named {
                    Value::Object(named) => named.iter().any(|(_, schema)| has_open_object(schema)),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
                })
        }
        Value::Array(items) => items.iter().any(has_open_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn fit_value(schema: Value) -> Value {
    let Value::Object(members) = schema else { return schema };
    let mut fitted = Vec::with_capacity(members.len() + 1);
    let mut limits = String::new();
    let mut is_object = false;
    for (name, value) in members {
        let name_is = |names: &[&str]| names.contains(&name.as_str());
        if is_promised(&name, &value) {
            fitted.push((name, value));
        } else if name_is(&KEPT) {
            is_object |= name == "type" && names_object(&value);
            fitted.push((name, value));
        } else if name_is(&NAMED_SCHEMAS) {
            is_object |= name == "properties";
            fitted.push((name, fit_members(value)));
        } else if name == "items" {
            fitted.push((name, fit_value(value)));
        } else if name_is(&["anyOf", "allOf"]) {
            fitted.push((name, fit_items(value)));
        } else if name == "oneOf" {
            fitted.push(("anyOf".to_owned(), fit_items(value)));
        } else if !name_is(&IGNORED) {
            limits.push_str(if limits.is_empty() { "(" } else { ", " });
            limits.push_str(&name);
            limits.push_str(": ");
            limits.push_str(&value.to_json());
        }
    }
    if is_object {
        fitted.push(("additionalProperties".to_owned(), Value::Bool(false)));
    }
    if !limits.is_empty() {
        limits.push(')');
        describe(&mut fitted, limits);
    }
    Value::Object(fitted)
}

/// The limits that are promised after all.
fn is_promised(name: &str, value: &Value) -> bool {
    match name {
        "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        "minItems" => value.as_u64().is_some_and(|least| least <= 1),
        _ => false,
    }
}

fn names_object(kind: &Value) -> bool {
    let is_object = |kind: &Value| kind.as_str() == Some("object");
    is_object(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(is_object))
}

fn fit_members(schemas: Value) -> Value {
    let Value::Object(members) = schemas else { return schemas };
    Value::Object(members.into_iter().map(|(name, schema)| (name, fit_value(schema))).collect())
}

fn fit_items(schemas: Value) -> Value {
    let Value::Array(items) = schemas else { return schemas };
    Value::Array(items.into_iter().map(fit_value).collect())
}

fn describe(members: &mut Vec<(String, Value)>, limits: String) {
    for (name, value) in members.iter_mut() {
        if name == "description"
            && let Value::String(text) = value
        {
            text.push(' ');
            text.push_str(&limits);
            return;
        }
    }
    members.push(("description".to_owned(), Value::String(limits)));
}
