//! Schemas against a plain model of them: one function a keyword, over `serde_json` values and small whole numbers.

use opengateway::structured::check::Work;
use opengateway::structured::schema::Schema;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "integer" => number(value).is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => number(one) == number(other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| equal(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, a)| other.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => one == other,
    }
}

/// What the few patterns here say.
fn is_found(pattern: &str, text: &str) -> bool {
    match pattern {
        "^a" => text.starts_with('a'),
        "b$" => text.ends_with('b'),
        _ => text.chars().count() == 1,
    }
}

/// Whether a schema that the value follows looks at its member or item of that name or place.
fn looks_at(root: &Value, schema: &Value, value: &Value, (name, at): (&str, usize)) -> bool {
    let Value::Object(keywords) = schema else { return false };
    let also = |one: &Value| follows(root, one, value) && looks_at(root, one, value, (name, at));
    let object = value.is_object();
    keywords.iter().any(|(keyword, wanted)| {
        let any = || wanted.as_array().into_iter().flatten();
        match keyword.as_str() {
            "properties" => object && wanted.get(name).is_some(),
            "patternProperties" => object && wanted.as_object().unwrap().keys().any(|pattern| is_found(pattern, name)),
            "additionalProperties" | "unevaluatedProperties" => object,
            "prefixItems" => !object && at < wanted.as_array().unwrap().len(),
            "items" | "unevaluatedItems" => !object,
            "contains" => !object && follows(root, wanted, &value[at]),
            "$ref" => also(&root["$defs"]["d"]),
            "allOf" | "anyOf" | "oneOf" => any().any(also),
            "if" => also(wanted) || follows(root, wanted, value) && schema.get("then").is_some_and(also),
            "else" => schema.get("if").is_some_and(|condition| !follows(root, condition, value)) && also(wanted),
            "dependentSchemas" => {
                wanted.as_object().unwrap().iter().any(|(name, one)| value.get(name).is_some() && also(one))
            }
            _ => false,
        }
    })
}

fn follows(root: &Value, schema: &Value, value: &Value) -> bool {
    let Value::Object(keywords) = schema else { return schema != &json!(false) };
    keywords.iter().all(|(keyword, wanted)| keyword_holds(root, keywords, (keyword, wanted), value))
}

fn keyword_holds(root: &Value, schema: &Map<String, Value>, (keyword, wanted): (&str, &Value), value: &Value) -> bool {
    let at_least = |count: usize| number(wanted).is_none_or(|bound| count as f64 >= bound);
    let at_most = |count: usize| number(wanted).is_none_or(|bound| count as f64 <= bound);
    let all = || wanted.as_array().into_iter().flatten();
    match (keyword, value) {
        ("type", _) => match wanted.as_str() {
            Some(name) => is_of(name, value),
            None => all().any(|name| is_of(name.as_str().unwrap(), value)),
        },
        ("enum", _) => all().any(|one| equal(one, value)),
        ("const", _) => equal(wanted, value),
        ("$ref", _) => follows(root, &root["$defs"]["d"], value),
        ("allOf", _) => all().all(|one| follows(root, one, value)),
        ("anyOf", _) => all().any(|one| follows(root, one, value)),
        ("oneOf", _) => all().filter(|one| follows(root, one, value)).count() == 1,
        ("not", _) => !follows(root, wanted, value),
        ("if", _) => {
            let branch = schema.get(if follows(root, wanted, value) { "then" } else { "else" });
            branch.is_none_or(|branch| follows(root, branch, value))
        }
        ("properties", Value::Object(members)) => wanted
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, property)| members.get(name).is_none_or(|member| follows(root, property, member))),
        ("required", Value::Object(members)) => all().all(|name| members.contains_key(name.as_str().unwrap())),
        ("additionalProperties", Value::Object(members)) => members
            .iter()
            .filter(|(name, _)| schema.get("properties").is_none_or(|known| known.get(name.as_str()).is_none()))
            .filter(|(name, _)| {
                let patterns = schema.get("patternProperties").and_then(Value::as_object);
                patterns.is_none_or(|patterns| !patterns.keys().any(|pattern| is_found(pattern, name)))
            })
            .all(|(_, member)| follows(root, wanted, member)),
        ("patternProperties", Value::Object(members)) => wanted.as_object().unwrap().iter().all(|(pattern, one)| {
            members.iter().filter(|(name, _)| is_found(pattern, name)).all(|(_, member)| follows(root, one, member))
        }),
        ("propertyNames", Value::Object(members)) => members.keys().all(|name| follows(root, wanted, &json!(name))),
        ("dependentRequired", Value::Object(members)) => wanted.as_object().unwrap().iter().all(|(name, names)| {
            !members.contains_key(name)
                || names.as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap()))
        }),
        ("dependentSchemas", Value::Object(members)) => wanted
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, one)| !members.contains_key(name) || follows(root, one, value)),
        ("unevaluatedProperties", Value::Object(members)) => members.iter().all(|(name, member)| {
            let others = without(schema, keyword);
            looks_at(root, &others, value, (name, 0)) || follows(root, wanted, member)
        }),
        ("unevaluatedItems", Value::Array(items)) => items.iter().enumerate().all(|(at, item)| {
            let others = without(schema, keyword);
            looks_at(root, &others, value, ("", at)) || follows(root, wanted, item)
        }),
        ("contains", Value::Array(items)) => {
            let many = items.iter().filter(|item| follows(root, wanted, item)).count() as f64;
            many >= schema.get("minContains").map_or(1.0, |least| number(least).unwrap())
                && schema.get("maxContains").is_none_or(|most| many <= number(most).unwrap())
        }
        ("pattern", Value::String(text)) => is_found(wanted.as_str().unwrap(), text),
        ("minProperties", Value::Object(members)) => at_least(members.len()),
        ("maxProperties", Value::Object(members)) => at_most(members.len()),
        ("prefixItems", Value::Array(items)) => all().zip(items).all(|(one, item)| follows(root, one, item)),
        ("items", Value::Array(items)) => {
            let skipped = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
            items.iter().skip(skipped).all(|item| follows(root, wanted, item))
        }
        ("minItems", Value::Array(items)) => at_least(items.len()),
        ("maxItems", Value::Array(items)) => at_most(items.len()),
        ("uniqueItems", Value::Array(items)) => {
            wanted != &json!(true)
                || (0..items.len()).all(|at| items[..at].iter().all(|earlier| !equal(earlier, &items[at])))
        }
        ("minLength", Value::String(text)) => at_least(text.chars().count()),
        ("maxLength", Value::String(text)) => at_most(text.chars().count()),
        ("minimum", Value::Number(_)) => number(value) >= number(wanted),
        ("maximum", Value::Number(_)) => number(value) <= number(wanted),
        ("exclusiveMinimum", Value::Number(_)) => number(value) > number(wanted),
        ("exclusiveMaximum", Value::Number(_)) => number(value) < number(wanted),
        ("multipleOf", Value::Number(_)) => number(value).unwrap() % number(wanted).unwrap() == 0.0,
        _ => true,
    }
}

fn without(schema: &Map<String, Value>, keyword: &str) -> Value {
    schema.iter().filter(|(name, _)| *name != keyword).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        (-3_i64..4).prop_map(Into::into),
        (-6_i64..7).prop_map(|halves| json!(halves as f64 / 2.0)),
        "[abé]{0,3}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(Value::from_iter),
        ]
    })
}

fn count() -> impl Strategy<Value = Value> {
    (0_i64..4).prop_map(Value::from)
}

fn bound() -> impl Strategy<Value = Value> {
    (-6_i64..7).prop_map(|halves| json!(halves as f64 / 2.0))
}

fn name_of_type() -> impl Strategy<Value = Value> {
    const NAMES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];
    prop::sample::select(&NAMES[..]).prop_map(Value::from)
}

fn keyword(inner: BoxedStrategy<Value>) -> impl Strategy<Value = (&'static str, Value)> {
    let schemas = || prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from);
    let named = |name: &'static str| move |value: Value| (name, value);
    prop_oneof![
        name_of_type().prop_map(named("type")),
        prop::collection::vec(name_of_type(), 1..3).prop_map(Value::from).prop_map(named("type")),
        prop::collection::vec(any_value(), 1..4).prop_map(Value::from).prop_map(named("enum")),
        any_value().prop_map(named("const")),
        schemas().prop_map(named("allOf")),
        schemas().prop_map(named("anyOf")),
        schemas().prop_map(named("oneOf")),
        inner.clone().prop_map(named("not")),
        prop::collection::btree_map("[ab]", inner.clone(), 1..3)
            .prop_map(Value::from_iter)
            .prop_map(named("properties")),
        prop::collection::vec("[ab]", 1..3).prop_map(Value::from).prop_map(named("required")),
        inner.clone().prop_map(named("additionalProperties")),
        schemas().prop_map(named("prefixItems")),
        inner.clone().prop_map(named("items")),
        any::<bool>().prop_map(Value::from).prop_map(named("uniqueItems")),
        prop::sample::select(&["minProperties", "maxProperties", "minItems", "maxItems", "minLength", "maxLength"][..])
            .prop_flat_map(move |name| count().prop_map(named(name))),
        prop::sample::select(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"][..])
            .prop_flat_map(move |name| bound().prop_map(named(name))),
        (1_i64..5).prop_map(|halves| ("multipleOf", json!(halves as f64 / 2.0))),
        prop::sample::select(&["if", "then", "else", "contains", "propertyNames"][..]).prop_flat_map({
            let inner = inner.clone();
            move |name| inner.clone().prop_map(named(name))
        }),
        prop::sample::select(&["minContains", "maxContains"][..])
            .prop_flat_map(move |name| count().prop_map(named(name))),
        prop::sample::select(&["unevaluatedProperties", "unevaluatedItems"][..]).prop_flat_map({
            let inner = inner.clone();
            move |name| prop_oneof![Just(json!(false)), inner.clone()].prop_map(named(name))
        }),
        prop::collection::btree_map(pattern(), inner.clone(), 1..3)
            .prop_map(Value::from_iter)
            .prop_map(named("patternProperties")),
        pattern().prop_map(Value::from).prop_map(named("pattern")),
        prop::collection::btree_map("[ab]", prop::collection::vec("[ab]", 1..3), 1..3)
            .prop_map(|dependents| ("dependentRequired", json!(dependents))),
        prop::collection::btree_map("[ab]", inner.clone(), 1..3)
            .prop_map(Value::from_iter)
            .prop_map(named("dependentSchemas")),
        Just(("title", json!("t"))),
    ]
}

fn pattern() -> impl Strategy<Value = String> {
    prop::sample::select(&["^a", "b$", "^.$"][..]).prop_map(str::to_owned)
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        name_of_type().prop_map(|name| json!({ "type": name })),
        Just(json!({"$ref": "#/$defs/d"})),
    ];
    let schema = leaf.prop_recursive(3, 16, 3, |inner| {
        prop::collection::vec(keyword(inner), 1..6)
            .prop_map(|keywords| keywords.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    (schema, name_of_type(), bound()).prop_map(|(schema, name, least)| {
        // The definition refers to nothing, so that the model comes to an end.
        let definition = json!({"anyOf": [{"type": name}, {"minimum": least}], "maxLength": 1});
        json!({"allOf": [schema], "$defs": {"d": definition}})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_value_follows_a_schema_exactly_where_the_model_says_so(schema in any_schema(), value in any_value()) {
        let checked = Schema::parse(&schema.to_string()).unwrap().check(&value.to_string(), &mut Work::default());
        prop_assert_eq!(checked.is_ok(), follows(&schema, &schema, &value), "{} {}: {:?}", schema, value, checked);
    }
}
