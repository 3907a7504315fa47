//! Members by their names: what is there is handed out as it stands, and a document that is no whole object is refused.

use opengateway::json::pick;

#[test]
fn members_are_handed_out_as_they_stand_and_in_the_order_asked_for() {
    let object = r#" {"b": [1, "}"], "a\u0062": "x", "c": null, "a": {"b": 2}} "#;
    assert_eq!(
        pick(object, ["a", "b", "ab", "c", "d"]),
        Ok([Some(r#"{"b": 2}"#), Some(r#"[1, "}"]"#), Some("\"x\""), None, None])
    );
    assert_eq!(pick("{}", ["a"]), Ok([None]));
    assert_eq!(pick("{}", []), Ok([]));
}

#[test]
fn the_last_one_counts() {
    assert_eq!(pick(r#"{"a":1,"a":2}"#, ["a"]), Ok([Some("2")]));
    assert_eq!(pick(r#"{"a":1,"a":null}"#, ["a"]), Ok([None]));
}

#[test]
fn what_is_no_whole_object_is_refused() {
    for text in ["", "[]", "7", "null", "{", r#"{"a":}"#, r#"{"a":1}}"#, r#"{"a":1} x"#, r#"{"b":"\x"}"#] {
        assert!(pick(text, ["a"]).is_err(), "{text}");
    }
}
