//! The JSON reader accepts what `serde_json` accepts, and hands out the right spans.

use opengateway::json::{Kind, MAX_DEPTH, ReadError, ReadErrorKind, Reader, push_string};
use proptest::prelude::*;

fn accepts(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.skip().is_ok() && reader.end().is_ok()
}

fn serde_accepts(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[test]
fn valid_and_invalid_documents_are_told_apart() {
    let cases = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e+3",
        "01",
        "1.",
        ".5",
        "-",
        "+1",
        "1e",
        "\"\"",
        "\"a\\u00e9\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"tab\there\"",
        "\"open",
        "[]",
        "[1,2]",
        "[1,]",
        "[,]",
        "[1 2]",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":}",
        "[}",
        "{]",
        "nul",
        "truee",
        "",
        " ",
        "1 2",
        "[[{\"a\":[]}]]",
        "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"\\\"\"}",
        "\u{feff}1",
        "[\"\u{7f}\"]",
    ];
    for case in cases {
        assert_eq!(accepts(case), serde_accepts(case), "{case:?}");
    }
}

#[test]
fn nesting_is_bounded_without_recursion() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(accepts(&deep(MAX_DEPTH as usize)));
    let too_deep = deep(200_000);
    assert_eq!(Reader::new(&too_deep).skip().unwrap_err().kind, ReadErrorKind::TooDeep);
}

#[test]
fn depth_counts_through_typed_and_skipped_levels() {
    let text = format!("{{\"a\":{}{}}}", "[".repeat(MAX_DEPTH as usize), "]".repeat(MAX_DEPTH as usize));
    let result = Reader::new(&text).object::<ReadError>(|reader, _| reader.skip().map(|_| ()));
    assert_eq!(result.unwrap_err().kind, ReadErrorKind::TooDeep);
}

#[test]
fn spans_and_keys_come_out_verbatim() {
    let text = r#" { "a" : [1, 2.50 ] , "b\u0062":"x\ny" } "#;
    let mut seen = Vec::new();
    let mut reader = Reader::new(text);
    reader
        .object::<ReadError>(|reader, key| {
            seen.push((key.decode().unwrap().into_owned(), reader.peek()?, reader.skip()?));
            Ok(())
        })
        .unwrap();
    reader.end().unwrap();
    assert_eq!(seen, [("a".to_owned(), Kind::Array, "[1, 2.50 ]"), ("bb".to_owned(), Kind::String, r#""x\ny""#)]);
}

#[test]
fn a_lone_surrogate_is_grammar_but_no_text() {
    let mut reader = Reader::new(r#""\ud83d""#);
    assert_eq!(reader.string().unwrap().decode(), None);
}

proptest! {
    #[test]
    fn the_reader_agrees_with_serde_json_on_json_like_noise(text in r#"[\[\]{}:,"\\a-f0-9.eE+\- \ntrunl/é]{0,40}"#) {
        prop_assert_eq!(accepts(&text), serde_accepts(&text), "{:?}", text);
    }

    #[test]
    fn strings_survive_writing_and_reading(text in any::<String>()) {
        let mut quoted = String::new();
        push_string(&mut quoted, &text);
        prop_assert_eq!(Reader::new(&quoted).string().unwrap().decode().unwrap(), text.clone());
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands(prefix in "[ -!#-\\[\\]-~é]{0,30}", tail in "[a-z]{0,20}") {
        let text = format!("\"{prefix}\"{tail}");
        let mut reader = Reader::new(&text);
        let read = reader.string().unwrap();
        prop_assert_eq!(read.raw(), prefix.as_str());
        prop_assert_eq!(reader.offset(), prefix.len() + 2);
    }
}
