//! Provider texts without keys.

use opengateway::dialect::scrub::{MAX_TEXT_CHARS, scrub};
use proptest::prelude::*;

const SECRET: &str = "Q1w2E3r4T5y6";

#[test]
fn keys_of_every_provider_are_taken_out_wherever_they_stand() {
    for key in [
        "sk-proj-abcdefghijklmnop",
        "sk-ant-api03-abc_def-ghi",
        "sk-or-v1-0123456789abcdef",
        "gsk_abcdefghijklmnop",
        "AIzaSyA1234567890_abc-DEF",
        "xai-abcdefghijkl",
        "csk-abcdefghijkl",
        "nvapi-abcdefghijkl",
        "fw_abcdefghijkl",
        "hf_abcdefghijkl",
        "tgp_v1_abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "sk-ab***********yz",
    ] {
        for (before, after) in
            [("key ", " is bad"), ("", ""), ("`", "`"), ("\"", "\"}"), ("key:", ", see"), ("(", ")"), ("/?key=", "&x")]
        {
            let told = scrub(&format!("{before}{key}{after}"), None);
            assert!(!told.contains(key.split_at(6).0), "{before}{key}{after}: {told}");
            assert!(told.contains("[redacted]") && told.ends_with(after), "{told}");
        }
    }
}

#[test]
fn the_key_that_was_sent_is_taken_out_whatever_it_looks_like() {
    for secret in [SECRET, "abc/def+ghi==", "my:key!with~all", "pass.word-1", "ключ-ascii-1"] {
        for text in [format!("bad key {secret}"), format!("x{secret}y"), format!("{secret}{secret}"), secret.into()] {
            let told = scrub(&text, Some(secret));
            assert!(!told.contains(secret) && told.contains("[redacted]"), "{text}: {told}");
        }
    }
}

#[test]
fn a_masked_form_of_the_key_that_was_sent_is_taken_out() {
    assert_eq!(scrub("bad key Q1w2E3******y6", Some(SECRET)), "bad key [redacted]");
    assert_eq!(scrub("emphasis *** stays", Some(SECRET)), "emphasis *** stays");
}

#[test]
fn what_follows_bearer_is_a_key() {
    assert_eq!(scrub("Authorization: Bearer abc123, sent", None), "Authorization: Bearer [redacted], sent");
    assert_eq!(scrub("bearer  'abc123'", None), "bearer  '[redacted]'");
    assert_eq!(scrub("BEARER", None), "BEARER");
}

#[test]
fn names_of_models_parameters_and_people_stay() {
    let text = "The model `openai/gpt-oss-120b` (claude-sonnet-4-5-20250929, accounts/fireworks/models/kimi-k2) in \
                organization org-AbC123 refuses messages[0].content: sk- is no key, nor is task-force or risk-1234.";
    assert_eq!(scrub(text, Some(SECRET)), text);
}

#[test]
fn an_empty_or_tiny_secret_takes_nothing_out() {
    assert_eq!(scrub("the text", Some("")), "the text");
    assert_eq!(scrub("the text", Some("e")), "the text");
}

#[test]
fn a_text_is_one_line_without_control_characters() {
    assert_eq!(scrub("a\r\nb\tc\u{0}d\u{1b}[31me\u{85}", None), "a  b c d [31me ");
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let told = scrub(&"ä".repeat(MAX_TEXT_CHARS + 1), None);
    assert_eq!(told, format!("{}…", "ä".repeat(MAX_TEXT_CHARS)));
    let whole = "🦀".repeat(MAX_TEXT_CHARS);
    assert_eq!(scrub(&whole, None), whole);
}

#[test]
fn a_key_at_the_cut_is_taken_out_before_the_text_is_cut() {
    let told = scrub(&format!("{}{SECRET}", " ".repeat(MAX_TEXT_CHARS - 4)), Some(SECRET));
    assert!(!told.contains("Q1w2"), "{told}");
    let told = scrub(&format!("{}sk-abcdefghijkl", " ".repeat(MAX_TEXT_CHARS - 4)), None);
    assert!(!told.contains("sk-"), "{told}");
}

proptest! {
    #[test]
    fn no_text_shows_the_key_that_was_sent(before in ".{0,40}", after in ".{0,40}", secret in "[!-~]{6,40}") {
        let told = scrub(&format!("{before}{secret}{after}"), Some(&secret));
        prop_assert!(!told.contains(&secret) || "[redacted]".contains(&secret), "{}", told);
        prop_assert!(told.chars().count() <= MAX_TEXT_CHARS + 1);
        prop_assert!(!told.chars().any(char::is_control));
    }
}
