//! Values held to schemas.

use opengateway::structured::check::Work;
use opengateway::structured::schema::{MAX_SCHEMA_BYTES, Schema, Unusable};
use serde_json::{Value, json};

fn violation(schema: &Value, value: &Value) -> Option<String> {
    Schema::parse(&schema.to_string())
        .unwrap()
        .check(&value.to_string(), &mut Work::default())
        .err()
        .map(|violation| violation.to_string())
}

#[test]
fn each_keyword_holds_what_it_says() {
    let table: &[(Value, &[Value], &[Value])] = &[
        (json!(true), &[json!(null), json!({})], &[]),
        (json!(false), &[], &[json!(null), json!({})]),
        (json!({}), &[json!(1), json!("x")], &[]),
        (json!({"type": "string"}), &[json!("")], &[json!(1), json!(null), json!({})]),
        (json!({"type": ["string", "null"]}), &[json!("x"), json!(null)], &[json!(1), json!([])]),
        (json!({"type": "integer"}), &[json!(1), json!(-3), json!(1.0)], &[json!(1.5), json!("1")]),
        (json!({"type": "number"}), &[json!(1), json!(1.5)], &[json!("1"), json!(true)]),
        (json!({"type": "boolean"}), &[json!(true)], &[json!(0), json!("true")]),
        (json!({"type": "object"}), &[json!({"a": 1})], &[json!([]), json!(null)]),
        (json!({"type": "array"}), &[json!([1])], &[json!({}), json!("[]")]),
        (json!({"type": "string", "nullable": true}), &[json!(null), json!("x")], &[json!(1)]),
        (json!({"type": "anything"}), &[json!(1)], &[]),
        (
            json!({"enum": ["a", 1, null, {"x": [1.0]}]}),
            &[json!("a"), json!(1.0), json!(null), json!({"x": [1]})],
            &[json!("b"), json!(2), json!({"x": [1, 2]})],
        ),
        (
            json!({"const": {"a": 1, "b": 2}}),
            &[json!({"b": 2, "a": 1})],
            &[json!({"a": 1}), json!({"a": 1, "b": 2, "c": 3})],
        ),
        (json!({"required": ["a"]}), &[json!({"a": null}), json!("no object")], &[json!({}), json!({"b": 1})]),
        (
            json!({"properties": {"a": {"type": "string"}}}),
            &[json!({"a": "x", "b": 1}), json!({}), json!(3)],
            &[json!({"a": 1})],
        ),
        (
            json!({"properties": {"a": {}}, "additionalProperties": false}),
            &[json!({"a": 1}), json!({})],
            &[json!({"b": 1})],
        ),
        (json!({"additionalProperties": {"type": "number"}}), &[json!({"x": 1})], &[json!({"x": "1"})]),
        (
            json!({"properties": {"n": {}}, "patternProperties": {"^x": {"type": "number"}}, "additionalProperties": false}),
            &[json!({"xa": 1, "n": "y"}), json!({})],
            &[json!({"xa": "1"}), json!({"ax": 1}), json!({"xa": 1, "b": 1})],
        ),
        (
            json!({"patternProperties": {"\\bx": {"type": "number"}}, "additionalProperties": {"type": "null"}}),
            &[json!({"xa": 1}), json!({"xa": null}), json!({"b": "?"})],
            &[],
        ),
        (
            json!({"propertyNames": {"maxLength": 2, "pattern": "^[a-z]+$"}}),
            &[json!({"ab": 1}), json!({}), json!(1)],
            &[json!({"abc": 1}), json!({"A": 1})],
        ),
        (json!({"propertyNames": false}), &[json!({})], &[json!({"a": 1})]),
        (
            json!({"dependentRequired": {"card": ["address", "name"]}}),
            &[json!({"card": 1, "address": 2, "name": 3}), json!({"name": 1}), json!([])],
            &[json!({"card": 1, "name": 3})],
        ),
        (
            json!({"dependentSchemas": {"a": {"maxProperties": 1}, "b": false}}),
            &[json!({"a": 1}), json!({"c": 1, "d": 1})],
            &[json!({"a": 1, "c": 1}), json!({"b": 1})],
        ),
        (
            json!({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}),
            &[json!({"a": 1, "b": 1}), json!({"c": 1, "d": 1})],
            &[json!({"a": 1}), json!({"c": 1})],
        ),
        (
            json!({"if": {"properties": {"kind": {"const": "us"}}, "required": ["kind"]},
                "then": {"required": ["zip"]}, "else": {"required": ["country"]}}),
            &[json!({"kind": "us", "zip": 1}), json!({"kind": "de", "country": 1}), json!({"country": 1})],
            &[json!({"kind": "us", "country": 1}), json!({"zip": 1})],
        ),
        (json!({"if": {"type": "string"}, "else": {"minimum": 1}}), &[json!("x"), json!(1)], &[json!(0)]),
        (json!({"then": false, "else": false}), &[json!(1)], &[]),
        (json!({"contains": {"type": "number"}}), &[json!(["a", 1]), json!("x")], &[json!([]), json!(["a"])]),
        (
            json!({"contains": {"type": "number"}, "minContains": 2, "maxContains": 3.0}),
            &[json!([1, 2]), json!([1, "a", 2, 3])],
            &[json!([1, "a"]), json!([1, 2, 3, 4])],
        ),
        (json!({"contains": false, "minContains": 0}), &[json!([]), json!([1])], &[]),
        (json!({"minContains": 2, "maxContains": 0}), &[json!([1])], &[]),
        (
            json!({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": false}),
            &[json!({"a": 1}), json!({})],
            &[json!({"b": 1})],
        ),
        (
            json!({"$ref": "#/$defs/base", "properties": {"b": {}}, "unevaluatedProperties": {"type": "number"},
                "$defs": {"base": {"properties": {"a": {}}, "patternProperties": {"^x-": {}}}}}),
            &[json!({"a": "1", "b": "2", "x-y": "3", "c": 4})],
            &[json!({"c": "4"})],
        ),
        (
            json!({"anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {}}}],
                "unevaluatedProperties": false}),
            &[json!({"a": 1}), json!({"a": 1, "b": 1}), json!({"b": 1})],
            &[json!({"a": 2}), json!({"a": 2, "b": 1}), json!({"c": 1})],
        ),
        (
            json!({"if": {"required": ["a"], "properties": {"a": {}}}, "then": {"properties": {"b": {}}},
                "else": {"properties": {"c": {}}}, "unevaluatedProperties": false}),
            &[json!({"a": 1, "b": 1}), json!({"c": 1})],
            &[json!({"a": 1, "c": 1}), json!({"b": 1})],
        ),
        (
            json!({"dependentSchemas": {"a": {"properties": {"a": {}, "b": {}}}}, "unevaluatedProperties": false}),
            &[json!({"a": 1, "b": 1})],
            &[json!({"b": 1})],
        ),
        (
            json!({"allOf": [{"additionalProperties": {"type": "number"}}], "unevaluatedProperties": false}),
            &[json!({"a": 1})],
            &[json!({"a": "1"})],
        ),
        (
            // What one of several looks at does not count for the one beside it, and what is denied counts for nobody.
            json!({"allOf": [{"properties": {"a": {}}}, {"unevaluatedProperties": false}]}),
            &[json!({})],
            &[json!({"a": 1})],
        ),
        (
            json!({"not": {"not": {"properties": {"a": {}}}}, "unevaluatedProperties": false}),
            &[json!({})],
            &[json!({"a": 1})],
        ),
        (
            json!({"allOf": [{"prefixItems": [{}, {}]}, {"contains": {"type": "number"}, "minContains": 0}],
                "unevaluatedItems": {"type": "string"}}),
            &[json!([true, null, "x", 4, "y"])],
            &[json!([true, null, true])],
        ),
        (json!({"items": {}, "unevaluatedItems": false}), &[json!([1, 2])], &[]),
        (
            json!({"minProperties": 1, "maxProperties": 2}),
            &[json!({"a": 1})],
            &[json!({}), json!({"a": 1, "b": 1, "c": 1})],
        ),
        (json!({"items": {"type": "number"}}), &[json!([]), json!([1, 2])], &[json!([1, "2"])]),
        (json!({"items": false}), &[json!([])], &[json!([1])]),
        (
            json!({"prefixItems": [{"type": "number"}, {"type": "string"}]}),
            &[json!([1, "a", true]), json!([1])],
            &[json!(["a"])],
        ),
        (
            json!({"prefixItems": [{"type": "number"}], "items": {"type": "string"}}),
            &[json!([1, "a"])],
            &[json!([1, 2])],
        ),
        (
            json!({"items": [{"type": "number"}], "additionalItems": false}),
            &[json!([1])],
            &[json!([1, 2]), json!(["a"])],
        ),
        (json!({"items": {"type": "number"}, "additionalItems": false}), &[json!([1, 2])], &[]),
        (json!({"minItems": 1, "maxItems": 2.0}), &[json!([1]), json!([1, 2])], &[json!([]), json!([1, 2, 3])]),
        (
            json!({"uniqueItems": true}),
            &[json!([1, "1", {"a": 1}, {"a": 2}])],
            &[json!([1, 1.0]), json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}])],
        ),
        (json!({"uniqueItems": false}), &[json!([1, 1])], &[]),
        (json!({"minimum": 1.5, "maximum": 3}), &[json!(1.5), json!(3), json!("0")], &[json!(1.49), json!(3.01)]),
        (json!({"exclusiveMinimum": 0, "exclusiveMaximum": 1}), &[json!(0.5)], &[json!(0), json!(1), json!(-0.0)]),
        (
            json!({"minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": false}),
            &[json!(0.5), json!(1)],
            &[json!(0), json!(1.5)],
        ),
        (json!({"exclusiveMinimum": true}), &[json!(0)], &[]),
        (json!({"multipleOf": 0.01}), &[json!(19.99), json!(0)], &[json!(0.005)]),
        (json!({"minLength": 2, "maxLength": 3}), &[json!("éé"), json!("👨‍👩"), json!(5)], &[json!("é"), json!("abcd")]),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), &[json!(1)], &[json!(0), json!(3)]),
        (json!({"anyOf": [{"type": "string"}, {"minimum": 5}]}), &[json!("x"), json!(5)], &[json!(4)]),
        (json!({"oneOf": [{"type": "integer"}, {"minimum": 5}]}), &[json!(4), json!(5.5)], &[json!(6), json!(4.5)]),
        (json!({"not": {"type": "string"}}), &[json!(1)], &[json!("x")]),
        (
            json!({"pattern": "^a\\b", "format": "email", "$dynamicRef": "#a", "title": "t", "x-own": {}}),
            &[json!("b"), json!(1)],
            &[],
        ),
        (json!({"minimum": "much", "required": "a", "items": 5}), &[json!(1), json!([1]), json!({})], &[]),
        (
            json!({"$ref": "#/$defs/node", "$defs": {"node": {
                "type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "value": {"type": "number"}},
                "required": ["value"]}}}),
            &[json!({"value": 1, "next": {"value": 2}})],
            &[json!({"value": 1, "next": {"value": "2"}}), json!({"value": 1, "next": {"next": {"value": 1}}})],
        ),
        (
            json!({"definitions": {"a/b~c": {"type": "number"}}, "items": {"$ref": "#/definitions/a~1b~0c", "minimum": 2}}),
            &[json!([2])],
            &[json!([1]), json!(["x"])],
        ),
        (
            json!({"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "number"}]}}),
            &[json!([[[1], 2], []])],
            &[json!([["x"]])],
        ),
    ];
    for (schema, good, bad) in table {
        for value in *good {
            assert_eq!(violation(schema, value), None, "{schema} {value}");
        }
        for value in *bad {
            assert!(violation(schema, value).is_some(), "{schema} {value}");
        }
    }
}

#[test]
fn a_violation_names_its_place_by_the_names_of_the_schema_alone() {
    let schema = json!({"properties": {"list": {"items": {"properties": {"n": {"type": "number"}}, "required": ["n"],
        "additionalProperties": false}}}});
    let told = |value: Value| violation(&schema, &value).unwrap();
    assert_eq!(told(json!({"list": [{"n": 1}, {"n": "x"}]})), r#"`type` at "/list/1/n""#);
    assert_eq!(told(json!({"list": [{}]})), r#"`required` at "/list/0/n""#);
    assert_eq!(told(json!({"list": [{"n": 1, "said": 2}]})), r#"`additionalProperties` at "/list/0""#);
}

#[test]
fn numbers_are_compared_as_they_are_written() {
    let check = |schema: &str, value: &str| Schema::parse(schema).unwrap().check(value, &mut Work::default()).is_ok();
    assert!(check(r#"{"const":12345678901234567890123}"#, "12345678901234567890123"));
    assert!(!check(r#"{"const":12345678901234567890123}"#, "12345678901234567890124"));
    assert!(!check(r#"{"maximum":9007199254740992}"#, "9007199254740993"));
    assert!(check(r#"{"type":"integer"}"#, "1e400"));
}

#[test]
fn a_schema_that_nothing_can_be_held_to_is_refused() {
    for (schema, expected) in [
        ("[]", Unusable::NotASchema),
        ("\"object\"", Unusable::NotASchema),
        ("{", Unusable::NotASchema),
        (r##"{"items":{"$ref":"#/$defs/missing"}}"##, Unusable::Reference("#/$defs/missing".into())),
        (r#"{"$ref":"https://example.com/s.json"}"#, Unusable::Reference("https://example.com/s.json".into())),
        (r##"{"$ref":"#anchor"}"##, Unusable::Reference("#anchor".into())),
    ] {
        assert_eq!(Schema::parse(schema).unwrap_err(), expected, "{schema}");
    }
    // Not a reference: the name of a property, and data.
    for schema in [r#"{"properties":{"$ref":{"type":"string"}}}"#, r#"{"const":{"$ref":"x"},"enum":[{"$ref":"y"}]}"#] {
        assert!(Schema::parse(schema).is_ok(), "{schema}");
    }
}

#[test]
fn a_schema_that_never_ends_is_no_answer_and_no_hang() {
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"not":{"$ref":"#"}}"##,
        r##"{"anyOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]}"##,
        r##"{"oneOf":[{"not":{"$ref":"#"}},{"not":{"$ref":"#"}}]}"##,
    ] {
        let told = Schema::parse(schema).unwrap().check("1", &mut Work::default()).unwrap_err();
        assert!(told.to_string().contains("too large"), "{schema}: {told}");
    }
    let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    let nested = Schema::parse(r##"{"anyOf":[{"type":"number"},{"items":{"$ref":"#"}}]}"##).unwrap();
    assert!(nested.check(&deep, &mut Work::default()).is_err(), "deeper than schemas may lie in each other");
    assert!(nested.check("[[[[1]]]]", &mut Work::default()).is_ok());
}

#[test]
fn a_long_list_is_checked_to_its_end() {
    let schema = Schema::parse(
        r#"{"items":{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"string"}},
        "required":["a","b"],"additionalProperties":false}}"#,
    )
    .unwrap();
    let item = r#"{"a":1,"b":"x"}"#;
    let list = |last: &str| format!("[{}{last}]", format!("{item},").repeat(20_000));
    assert!(schema.check(&list(item), &mut Work::default()).is_ok());
    assert!(schema.check(&list(r#"{"a":1}"#), &mut Work::default()).is_err());
}

#[test]
fn what_is_passed_over_does_not_make_not_and_one_of_refuse() {
    let starts = |letter: &str| json!({"type": "string", "pattern": format!("\\b{letter}")});
    for (schema, value) in [
        (json!({"not": starts("x")}), json!("a")),
        (json!({"not": {"not": starts("x")}}), json!("a")),
        (json!({"oneOf": [starts("a"), starts("b")]}), json!("a")),
        (json!({"oneOf": [starts("a"), {"type": "string"}]}), json!("b")),
        (json!({"not": {"anyOf": [starts("x"), {"type": "number"}]}}), json!("a")),
        (json!({"not": {"oneOf": [starts("x"), {"type": "number"}]}}), json!("a")),
        (json!({"if": starts("x"), "then": false, "else": {"minLength": 1}}), json!("a")),
        (json!({"if": starts("a"), "else": false}), json!("b")),
        (json!({"not": {"if": starts("x"), "then": false}}), json!("a")),
        (json!({"contains": starts("x")}), json!(["a"])),
        (json!({"contains": starts("x"), "maxContains": 1}), json!(["a", "b"])),
        (json!({"not": {"contains": starts("x")}}), json!(["a"])),
        (json!({"propertyNames": starts("x")}), json!({"a": 1})),
        (
            json!({"anyOf": [{"required": ["b"]}, {"$dynamicRef": "#n"}], "unevaluatedProperties": false}),
            json!({"a": 1}),
        ),
        (json!({"allOf": [{"patternProperties": {"\\bx": {}}}], "unevaluatedProperties": false}), json!({"a": 1})),
    ] {
        assert_eq!(violation(&schema, &value), None, "{schema}");
    }
    for (schema, value) in [
        (json!({"not": starts("x")}), None),
        (json!({"oneOf": [starts("a"), starts("b")]}), Some(json!(1))),
        (json!({"oneOf": [{"type": "string"}, {}, starts("a")]}), Some(json!("a"))),
        (json!({"anyOf": [starts("a"), {"type": "null"}]}), Some(json!(1))),
        (json!({"not": {"anyOf": [starts("x"), {"type": "string"}]}}), Some(json!("a"))),
        (json!({"if": starts("x"), "then": false, "else": {"minLength": 2}}), Some(json!("a"))),
        (json!({"if": starts("x"), "then": {"maxLength": 1}, "else": {"type": "string"}}), None),
        (json!({"contains": starts("x")}), Some(json!([1]))),
        (json!({"contains": starts("x"), "minContains": 2}), Some(json!(["a", 1]))),
        (json!({"not": {"if": starts("x"), "then": {"type": "string"}, "else": {"minLength": 1}}}), Some(json!("a"))),
        // What was passed over somewhere else does not matter.
        (json!({"pattern": "\\ba", "not": {"type": "string"}}), Some(json!("a"))),
    ] {
        let told = value.as_ref().and_then(|value| violation(&schema, value));
        assert_eq!(told.is_some(), value.is_some(), "{schema}");
    }
}

#[test]
fn work_is_bounded_whatever_it_is_spent_on() {
    let many = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let definitions = many(6_000, &|at| format!("\"d{at}\":{{}}"));
    let references = many(6_000, &|_| r##"{"$ref":"#/$defs/d1"}"##.to_owned());
    let referring = format!(r#"{{"$defs":{{{definitions}}},"allOf":[{references}]}}"#);
    assert_eq!(Schema::parse(&referring).unwrap_err(), Unusable::TooLarge);
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(MAX_SCHEMA_BYTES));
    assert_eq!(Schema::parse(&long).unwrap_err(), Unusable::TooLarge);

    let members = many(100, &|at| format!("\"a{at}\":1"));
    let objects = many(1_000, &|at| format!("{{{members},\"z\":{at}}}"));
    let digits = "9".repeat(100_000);
    let ones = many(10_000, &|_| "1".to_owned());
    let types = many(10_000, &|_| r#"{"type":"integer"}"#.to_owned());
    let definition = format!(r##"{{"$defs":{{{definitions}}},"items":{{"$ref":"#/$defs/d1"}}}}"##);
    let alternatives = many(2_000, &|at| format!(r#"{{"properties":{{"b{at}":{{}}}}}}"#));
    // Ten thousand looks at each member that cost nothing but themselves.
    let names = many(70_000, &|at| format!("\"m{at}\":1"));
    let doubled = |last: &str| {
        let definitions = many(4, &|at| {
            let ten = many(10, &|_| format!(r##"{{"$ref":"#/$defs/d{}"}}"##, at + 1));
            format!(r#""d{at}":{{"allOf":[{ten}]}}"#)
        });
        format!(r##"{{"$defs":{{{definitions},"d4":{{{last}}}}},"$ref":"#/$defs/d0","unevaluatedProperties":true}}"##)
    };
    let class = "\\\\S".repeat(480);
    let found = format!(r#"{{"patternProperties":{{"[{class}]{{3}}$":{{}}}}}},"#)
        + &many(5_000, &|_| r#"{"patternProperties":{"b":{}}}"#.to_owned());
    for (schema, value) in [
        (format!(r#"{{"items":{{"anyOf":[{alternatives}],"unevaluatedProperties":{{}}}}}}"#), format!("[{objects}]")),
        (doubled(r#""properties":{}"#), format!("{{{names}}}")),
        (doubled(r##""$dynamicRef":"#a""##), format!("{{{names}}}")),
        (format!(r#"{{"allOf":[{found}]}}"#), format!("{{\"{}\":1}}", "a".repeat(900_000))),
        (r#"{"uniqueItems":true}"#.to_owned(), format!("[{objects}]")),
        (format!(r#"{{"items":{{"not":{{"enum":[{{{members},"z":-1}}]}}}}}}"#), format!("[{objects}]")),
        (format!(r#"{{"items":{{"maximum":{digits}}}}}"#), format!("[{ones}]")),
        (format!(r#"{{"allOf":[{types}]}}"#), digits.clone()),
        (definition, format!("[{ones}]")),
    ] {
        let told = Schema::parse(&schema).unwrap().check(&value, &mut Work::default()).unwrap_err();
        assert!(told.to_string().contains("too large"), "{schema:.40}: {told}");
    }
}

#[test]
fn a_tree_that_looks_for_unevaluated_members_at_each_level_is_checked_to_its_end() {
    let schema = r##"{"$ref":"#/$defs/node","$defs":{"node":{"properties":{"id":{"type":"string"}},"oneOf":[
        {"properties":{"type":{"const":"group"},"children":{"items":{"$ref":"#/$defs/node"}}},"required":["children"]},
        {"properties":{"type":{"const":"text"},"text":{"type":"string"}},"required":["text"]}],
        "unevaluatedProperties":false}}}"##;
    let schema = Schema::parse(schema).unwrap();
    let check = |tree: &str| schema.check(tree, &mut Work::default());
    let leaf = r#"{"id":"x","type":"text","text":"hello"}"#.to_owned();
    for (depth, fan) in [(40, 1), (9, 2), (7, 3)] {
        let tree = (0..depth).fold(leaf.clone(), |tree, _| {
            let children = vec![tree; fan].join(",");
            format!(r#"{{"id":"x","type":"group","children":[{children}]}}"#)
        });
        assert!(check(&tree).is_ok(), "depth {depth}, {fan} each: {:?}", check(&tree));
        assert!(check(&tree.replacen("hello\"", "hello\",\"more\":1", 1)).is_err(), "depth {depth}, {fan} each");
    }
}

#[test]
fn a_pattern_that_takes_too_long_is_passed_over_and_refuses_nothing() {
    let text = format!("\"{}\"", "a".repeat(1_000_000));
    let check = |schema: &str, value: &str| Schema::parse(schema).unwrap().check(value, &mut Work::default()).is_ok();
    for pattern in ["(a*)*b", "(a|a|a)*b", "^(?:a{0,300}){3}$", ".{1,900}b$"] {
        assert!(!check(&format!(r#"{{"pattern":"{pattern}"}}"#), "\"cdc\""), "{pattern}");
        assert!(check(&format!(r#"{{"pattern":"{pattern}"}}"#), &text), "{pattern}");
    }
    let date = r#"{"items":{"pattern":"^\\d{4}-\\d{2}-\\d{2}$"}}"#;
    let dates = |last: &str| format!("[{}\"{last}\"]", "\"2026-11-22\",".repeat(20_000));
    assert!(check(date, &dates("2026-11-23")));
    assert!(!check(date, &dates("tomorrow")), "a long list is checked to its end");
}
