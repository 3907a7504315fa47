//! JSON found in what models write.

use opengateway::structured::heal::{Extent, MAX_TEXT_BYTES, heal};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The healed text as a value; any object is accepted.
fn object(text: &str) -> Option<(Value, Extent)> {
    let healed = heal(text, &mut |json| json.starts_with('{'))?;
    Some((serde_json::from_str(&healed.json).unwrap(), healed.extent))
}

fn anything(text: &str) -> Option<(Value, Extent)> {
    let healed = heal(text, &mut |_| true)?;
    Some((serde_json::from_str(&healed.json).unwrap(), healed.extent))
}

#[test]
fn what_models_put_around_json_is_left_out() {
    for text in [
        r#"{"a":1}"#,
        " \n{\"a\":1}\t",
        "\u{feff}{\"a\":1}",
        "```json\n{\"a\":1}\n```",
        "```\n{\"a\":1}\n```\nThat is all.",
        "```json\n{\"a\":1}",
        "``` json\n{\"a\": 1}```",
        "Here you are:\n\n```json\n{\"a\":1}\n```\n\nLet me know!",
        "Sure! {\"a\":1} Hope that helps.",
        "I use {braces} and [brackets] like [1, see p. 5]: {\"a\":1}",
        "It's {'not this'}; it is {\"a\":1}",
        "{\"a\":1}\n{\"a\":1}",
        r#""{\"a\":1}""#,
        "{\"a\":1}}",
        "{\"a\":1} {",
    ] {
        assert_eq!(object(text), Some((json!({"a": 1}), Extent::Whole)), "{text}");
    }
}

#[test]
fn what_is_nearly_json_is_read_where_it_has_one_meaning() {
    for (text, value) in [
        (r#"{"a":1,}"#, json!({"a": 1})),
        (r#"{"a":[1,2,],}"#, json!({"a": [1, 2]})),
        ("{'a': 'b'}", json!({"a": "b"})),
        (r#"{'a': 'say "hi"', 'b': 'it\'s'}"#, json!({"a": "say \"hi\"", "b": "it's"})),
        ("{a: 1, b_2: {$c: true}}", json!({"a": 1, "b_2": {"$c": true}})),
        ("{\"a\": True, \"b\": False, \"c\": None}", json!({"a": true, "b": false, "c": null})),
        ("{\"a\": 1, // one\n \"b\": /* two */ 2}", json!({"a": 1, "b": 2})),
        ("{\"a\": \"two\nlines\tand\u{1}\"}", json!({"a": "two\nlines\tand\u{1}"})),
        (r#"{"a": "\d+ \u00e9 \uzz \/ \\"}"#, json!({"a": "\\d+ é \\uzz / \\"})),
        (r#"{"a": "// no comment, and a ``` in it",}"#, json!({"a": "// no comment, and a ``` in it"})),
        ("{\"a\": {}, \"b\": [], }", json!({"a": {}, "b": []})),
    ] {
        assert_eq!(object(text), Some((value, Extent::Whole)), "{text}");
    }
}

#[test]
fn nothing_is_guessed() {
    for text in [
        "",
        "No.",
        "null",
        "[{\"a\":1}]",
        "It is {a}.",
        // Two values, and which one is it?
        "{\"a\":1} or {\"a\":2}",
        // One that can be read is not chosen because the other one cannot.
        "Like {\"a\":1}, so: {\"a\":2, \"b\": oops}",
        // An apostrophe or an end?
        "{'a': 'it's'}",
        // A quote or an end?
        r#"{"a": "he said "hi" to me"}"#,
        "{\"a\":1,,\"b\":2}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\": 01}",
        "{\"a\": NaN}",
        "{\"a\": undefined}",
        "{\"a\": 1]",
        // A piece of what cannot be read is not the answer.
        "{\"a\": {\"b\": 1} oops}",
        "{\"a\": 1, \"b\": oops, \"c\": {\"d\": 1}}",
        // Nothing but a bracket.
        "{",
        "{\"nam",
        "{\"a {} b",
        "{\"a\": 1",
    ] {
        assert_eq!(object(text), None, "{text}");
    }
}

#[test]
fn what_was_cut_off_is_closed_without_what_was_begun() {
    use Extent::{Cut, Unclosed};
    for (text, value, extent) in [
        (r#"{"a":{"b":[1,2]"#, json!({"a": {"b": [1, 2]}}), Unclosed),
        (r#"{"a":"x"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x\"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x\u00"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x\ud83d"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x\ud83d\ude0"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x\ud83d\ude00"#, json!({"a": "x😀"}), Cut),
        (r#"{"a":"x","#, json!({"a": "x"}), Cut),
        (r#"{"a":"x","b"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x","b":"#, json!({"a": "x"}), Cut),
        // 12 may have become 123.
        (r#"{"a":"x","b":12"#, json!({"a": "x"}), Cut),
        (r#"{"a":"x","b":tr"#, json!({"a": "x", "b": true}), Cut),
        (r#"{"a":"x","b":true"#, json!({"a": "x", "b": true}), Unclosed),
        // What was to be in it is lost.
        (r#"{"a":"x","b":["#, json!({"a": "x", "b": []}), Cut),
        (r#"{"a":"x","b":{"c"#, json!({"a": "x", "b": {}}), Cut),
        (r#"{"a":[{"b":1},{"c":"#, json!({"a": [{"b": 1}, {}]}), Cut),
        ("```json\n{\"a\": 1\n```", json!({"a": 1}), Unclosed),
        ("Here: {\"a\": [\"long te", json!({"a": ["long te"]}), Cut),
        ("{'a': 'x", json!({"a": "x"}), Cut),
        ("{\"a\": \"x\" /* and", json!({"a": "x"}), Unclosed),
    ] {
        assert_eq!(object(text), Some((value, extent)), "{text}");
    }
    assert_eq!(anything("[1, 2, 3"), Some((json!([1, 2]), Cut)));
}

#[test]
fn a_value_of_any_kind_is_found_if_it_is_accepted() {
    assert_eq!(anything("42"), Some((json!(42), Extent::Whole)));
    assert_eq!(anything("```\n\"text\"\n```"), Some((json!("text"), Extent::Whole)));
    assert_eq!(anything("```json\ntrue\n```"), Some((json!(true), Extent::Whole)));
    assert_eq!(anything("It is 42."), None, "numbers in prose are none");
    let mut second = |json: &str| json.contains("\"b\"");
    let healed = heal("Not {\"a\":1} but {\"b\":2}, I think.", &mut second).unwrap();
    assert_eq!(healed.json, "{\"b\":2}");
}

#[test]
fn work_is_bounded() {
    let deep = |text: &str| text.repeat(200_000);
    for text in [deep("{"), deep("["), deep("[1,"), deep("{/*"), deep("{\""), deep("{'a':"), deep("{} "), deep("[[],")]
    {
        assert_eq!(object(&text), None, "{text:.10}");
    }
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_TEXT_BYTES));
    assert_eq!(object(&long), None);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[ -~]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"'é{}\\[\\]]{0,6}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{1,4}", any_value(), 1..4).prop_map(Value::from_iter)
}

/// The same value as a careless model writes it.
fn careless(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push_str("[ ");
            for item in items {
                careless(item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push_str("{ // an object, \"really\"\n");
            for (key, member) in members {
                let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase());
                out.push_str(&if bare { key.clone() } else { Value::from(key.as_str()).to_string() });
                out.push_str(" : ");
                careless(member, out);
                out.push_str(" /* {} */ ,\n");
            }
            out.push('}');
        }
        Value::String(text) if !text.contains(['\'', '\\']) && text.chars().all(|letter| letter >= ' ') => {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        }
        Value::Bool(true) => out.push_str("True"),
        Value::Null => out.push_str("None"),
        Value::Bool(false) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

/// Whether `cut` is `whole` without what came late.
fn is_beginning(cut: &Value, whole: &Value) -> bool {
    match (cut, whole) {
        (Value::Object(some), Value::Object(all)) => {
            some.iter().all(|(key, value)| all.get(key).is_some_and(|whole| is_beginning(value, whole)))
        }
        (Value::Array(some), Value::Array(all)) => {
            some.len() <= all.len() && some.iter().zip(all).all(|(value, whole)| is_beginning(value, whole))
        }
        (Value::String(some), Value::String(all)) => all.starts_with(some.as_str()),
        _ => cut == whole,
    }
}

proptest! {
    #[test]
    fn strict_json_comes_back_as_it_is(value in any_value()) {
        let text = value.to_string();
        let healed = heal(&text, &mut |_| true).unwrap();
        prop_assert_eq!(healed.json.as_ref(), text.as_str());
    }

    #[test]
    fn a_careless_object_has_the_value_that_was_meant(value in any_object(), fence in any::<bool>()) {
        let mut text = String::new();
        careless(&value, &mut text);
        let text = if fence { format!("Well:\n```json\n{text}\n```\n") } else { text };
        prop_assert_eq!(object(&text), Some((value, Extent::Whole)), "{}", text);
    }

    #[test]
    fn a_cut_object_is_a_beginning_of_the_whole_one(value in any_object(), at in any::<prop::sample::Index>()) {
        let text = value.to_string();
        let ends: Vec<usize> = text.char_indices().map(|(end, _)| end).collect();
        let cut = text.get(..ends[at.index(ends.len())]).unwrap();
        if let Some((healed, extent)) = object(cut) {
            prop_assert!(is_beginning(&healed, &value), "{} of {}", healed, value);
            prop_assert!(extent != Extent::Whole);
        }
    }

    #[test]
    fn whatever_comes_out_is_json(text in "[{}\\[\\]\"':,a-c\\\\/*1e.\n` -]{0,60}") {
        if let Some(healed) = heal(&text, &mut |_| true) {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&healed.json).is_ok(), "{}", healed.json);
        }
    }
}
