//! Patterns of schemas: what is checked follows ECMA-262 with its flag `u`, and the rest is passed over.

use opengateway::structured::check::Work;
use opengateway::structured::schema::Schema;
use serde_json::json;

/// Whether the pattern is found in the text, as a schema tells it; `None` where it is not checked.
fn found(pattern: &str, text: &str) -> Option<bool> {
    let holds = |schema: serde_json::Value| {
        Schema::parse(&schema.to_string()).unwrap().check(&json!(text).to_string(), &mut Work::default()).is_ok()
    };
    match (holds(json!({"pattern": pattern})), holds(json!({"not": {"pattern": pattern}}))) {
        (true, true) => None,
        (found, _) => Some(found),
    }
}

#[test]
fn simple_patterns_are_checked() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("", &["", "x"], &[]),
        ("b", &["b", "abc"], &["", "ac"]),
        ("^b", &["bc"], &["abc", "a\nb"]),
        ("b$", &["ab"], &["abc", "b\n"]),
        ("^$", &[""], &["a", "\n"]),
        ("^[A-Z]{2}-[0-9]{4}$", &["AB-1234"], &["ab-1234", "AB-123", "AB-12345", "xAB-1234"]),
        (r"^\d{4}-\d{2}-\d{2}$", &["2026-11-22"], &["2026-11-2", "2026-11-221"]),
        ("^#[0-9a-fA-F]{6}$", &["#00ffAA"], &["#00ffA", "#00ffAG"]),
        (r"^[\w.+-]+@[\w-]+\.[\w.-]{2,}$", &["a.b+c@d-e.org"], &["a@b", "a b@c.de"]),
        (r"^\+?[1-9]\d{1,14}$", &["+4930123456", "49"], &["0123", "+", "+1234567890123456"]),
        ("^(?:red|green|blue)$", &["red", "blue"], &["re", "redgreen", ""]),
        ("^red|blue$", &["redder", "dark blue"], &["a red", "blues"]),
        ("^(a|)b$", &["ab", "b"], &["aab"]),
        ("^(ab)*$", &["", "abab"], &["aba"]),
        ("^(a+b?)+$", &["a", "abaab"], &["ba", ""]),
        ("^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]),
        ("^a{2,}$", &["aa", "aaaaa"], &["a"]),
        ("^a{0}b$", &["b"], &["ab"]),
        ("^(a{2}){2,3}$", &["aaaa", "aaaaaa"], &["aaa", "aaaaa", "aaaaaaa"]),
        ("^a+?b*?c??$", &["a", "aabbc"], &["b", "acc"]),
        ("^.$", &["a", "é", "😀", "\u{85}"], &["", "ab", "\n", "\r", "\u{2028}"]),
        ("^[^a-c]$", &["d", "\n", "😀"], &["a", "c", ""]),
        ("^[^]$", &["x", "\n"], &["", "xy"]),
        ("[]", &[], &["", "x"]),
        ("^[a-]$", &["a", "-"], &["b"]),
        ("^[-a]$", &["a", "-"], &["b"]),
        (r"^[\]\\^\-]$", &["]", "\\", "^", "-"], &["a"]),
        (r"^[a\d\S]$", &["a", "5", "x"], &[" "]),
        (r"^[\D]$", &["a"], &["5"]),
        ("^[α-ω]+$", &["λογος"], &["abc"]),
        (r"^[\u4e00-\u9fa5]+$", &["汉字"], &["kanji"]),
        (r"^\x41\u0042$", &["AB"], &["A"]),
        (r"^\s$", &[" ", "\t", "\u{a0}", "\u{feff}", "\u{2029}"], &["\u{85}", "\u{200b}", "x"]),
        (r"^\S\W\D$", &["a-b"], &["a_b", " -b", "a-1"]),
        (r"^\/\.\*\?\(\)\[\]\{\}\|\^\$\\\+$", &["/.*?()[]{}|^$\\+"], &["x"]),
        (r"^[\b\t\n\v\f\r]$", &["\u{8}", "\t", "\n", "\u{b}", "\u{c}", "\r"], &["b", " "]),
        ("a^b", &[], &["ab", "b", "a\nb"]),
        ("(^a|b$)c*", &["ax", "xb"], &["xax"]),
    ];
    for (pattern, good, bad) in table {
        for text in *good {
            assert_eq!(found(pattern, text), Some(true), "{pattern} {text:?}");
        }
        for text in *bad {
            assert_eq!(found(pattern, text), Some(false), "{pattern} {text:?}");
        }
    }
}

#[test]
fn letters_and_digits_beyond_ascii_are_what_the_author_of_the_schema_means_by_them() {
    for (pattern, text) in
        [(r"^\w+$", "Müller"), (r"^[\w .'-]+$", "São Paulo"), (r"^\d+$", "١٢"), (r"^\W$", "é"), (r"^[^\d]+$", "é")]
    {
        assert_eq!(found(pattern, text), None, "{pattern} {text}");
    }
    assert_eq!(found(r"^\S+ \S+$", "São Paulo"), Some(true), "no class of letters");
    assert_eq!(found(r"^\w+$", "Mueller"), Some(true));
}

#[test]
fn what_is_not_simple_is_passed_over() {
    let deep = format!("{}a{}", "(".repeat(17), ")".repeat(17));
    let long = "a".repeat(1_001);
    for pattern in [
        // Not among what is checked.
        "(?=a)b",
        "(?!a)b",
        "(?<=a)b",
        "(?<name>a)",
        r"(a)\1",
        r"\bword\b",
        r"\Ba",
        r"\p{L}+",
        r"\cA",
        r"\0",
        r"\u{1F600}",
        r"\ud83d\ude00",
        "(?i:a)",
        &deep,
        &long,
        "a{2000}b{2000}",
        "((a{100}){100}){100}",
        "a{3000}",
        // No patterns, under the flag.
        "*",
        "a**",
        "a{1}{2}",
        "+a",
        "a{",
        "a}",
        "a]",
        "(a",
        "a)",
        "[a",
        "a{2,1}",
        "a{,2}",
        "{2}",
        r"\",
        r"\-",
        r"\a",
        r"\_",
        r"[\w-z]",
        r"[a-\d]",
        "[z-a]",
        "^*",
        "$+",
        r"\x4",
        r"\u12",
        r"[\",
        "[a-",
    ] {
        assert_eq!(found(pattern, "no word"), None, "{pattern}");
    }
}

#[test]
fn half_a_pair_is_no_character_that_anybody_knows() {
    let schema = |pattern: &str| Schema::parse(&json!({ "pattern": pattern }).to_string()).unwrap();
    for pattern in ["^a$", "b"] {
        assert!(schema(pattern).check(r#""\ud83d""#, &mut Work::default()).is_ok());
    }
    assert!(Schema::parse(r#"{"pattern":"^\ud83d$"}"#).unwrap().check("\"a\"", &mut Work::default()).is_ok());
}
