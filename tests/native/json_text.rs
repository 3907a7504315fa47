//! Strings with escapes, against `serde_json`.

use opengateway::json::Reader;
use proptest::prelude::*;

fn decoded(json: &str) -> Option<String> {
    Reader::new(json).string().unwrap().decode().map(std::borrow::Cow::into_owned)
}

#[test]
fn every_escape_is_resolved() {
    let all = r#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00 \\n""#;
    assert_eq!(decoded(all).unwrap(), "\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{20ac}\u{1f600} \\n");
}

#[test]
fn a_lone_surrogate_is_none_or_marked() {
    for (json, lossy) in [
        (r#""a\ud83d""#, "a\u{fffd}"),
        (r#""\ude00b""#, "\u{fffd}b"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83dA""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
    ] {
        assert_eq!(decoded(json), None, "{json}");
        assert_eq!(Reader::new(json).string().unwrap().decode_lossy(), lossy, "{json}");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back(text in any::<String>(), ascii in any::<bool>()) {
        let mut json = serde_json::to_string(&text).unwrap();
        if ascii {
            let escape = |letter: char| letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            json = json.chars().map(|letter| if letter.is_ascii() { letter.to_string() } else { escape(letter) }).collect();
        }
        prop_assert_eq!(decoded(&json), Some(text));
    }
}
