//! The query of an address.

use opengateway::gateway::query::{of, parameters};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["one", "two", "three"];

fn read(query: &str) -> [Option<String>; 3] {
    parameters(query, &NAMES).unwrap().try_into().unwrap()
}

#[test]
fn the_query_stands_between_the_question_mark_and_the_fragment() {
    for (url, query) in [
        ("https://gateway.example/v1/analytics?a=1&b=2", "a=1&b=2"),
        ("https://gateway.example/v1/analytics?a=?#b?c", "a=?"),
        ("https://gateway.example/v1/analytics#a?b", ""),
        ("https://gateway.example/v1/analytics?", ""),
        ("https://gateway.example/v1/analytics", ""),
        ("", ""),
    ] {
        assert_eq!(of(url), query, "{url}");
    }
}

#[test]
fn names_and_values_are_decoded() {
    assert_eq!(read(""), [None, None, None]);
    assert_eq!(read("two=b&one=a"), [Some("a".into()), Some("b".into()), None]);
    assert_eq!(read("&&one=&"), [Some(String::new()), None, None]);
    assert_eq!(read("three"), [None, None, Some(String::new())]);
    assert_eq!(read("one=a%20b+c%2B%3D&%74wo=%C3%A4=%26")[0].as_deref(), Some("a b c+="));
    assert_eq!(read("one=a%20b+c%2B%3D&%74wo=%C3%A4=%26")[1].as_deref(), Some("ä=&"));
    assert_eq!(read("one=100%&two=%zz%4"), [Some("100%".into()), Some("%zz%4".into()), None]);
}

#[test]
fn an_unknown_name_is_refused_and_the_known_ones_are_told() {
    for (query, name) in
        [("four=4", "four"), ("one=1&One=1", "One"), ("=1", ""), ("%ff=1", "%ff"), ("one%00=1", "one\0")]
    {
        let error = parameters(query, &NAMES).unwrap_err();
        assert_eq!(
            (error.status, error.code, error.param.as_deref()),
            (400, "unknown_parameter", Some(name)),
            "{query}"
        );
        assert!(error.message.contains("one, two, three"), "{}", error.message);
    }
    let error = parameters(&"ä".repeat(900), &NAMES).unwrap_err();
    assert!(error.message.chars().count() < 200 && error.param.unwrap().chars().count() < 100);
}

#[test]
fn a_name_that_comes_twice_or_a_value_that_is_no_text_is_refused() {
    for (query, name) in [("one=1&one=1", "one"), ("two&tw%6F", "two"), ("three=%ff", "three")] {
        let error = parameters(query, &NAMES).unwrap_err();
        assert_eq!((error.status, error.code, error.param.as_deref()), (400, "invalid_value", Some(name)), "{query}");
    }
}

proptest! {
    #[test]
    fn no_query_makes_it_panic(url in ".{0,60}", query in "[a-z%0-9&=+?]{0,40}") {
        of(&url);
        let _ = parameters(&query, &NAMES);
    }

    #[test]
    fn an_encoded_value_is_found_again(value in ".{0,20}") {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(&read(&format!("two={encoded}"))[1], &Some(value));
    }
}
