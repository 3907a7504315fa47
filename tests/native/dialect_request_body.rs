//! A long conversation is sent from where it stands, and is byte for byte what it would be otherwise.

use opengateway::catalog::provider::ProviderSpec;
use opengateway::catalog::quirk::{Quirk, Quirks};
use opengateway::dialect::encoded::encode;
use opengateway::dialect::request_body::{LONG_BODY_BYTES, RequestBody};
use opengateway::openai::request::ChatRequest;

use crate::dialect_fixture::{able, plain, row};

#[test]
fn a_body_is_its_pieces() {
    for (written, at, long, whole) in [
        ("", 0, "", ""),
        ("{}", 0, "", "{}"),
        (r#"{"a":,"b":1}"#, 5, "[]", r#"{"a":[],"b":1}"#),
        ("ab", 0, "cd", "cdab"),
        ("ab", 2, "cd", "abcd"),
    ] {
        let body = RequestBody::new(written.to_owned(), at, long);
        assert_eq!(body.pieces().concat(), whole);
        assert_eq!((body.whole().as_ref(), body.len(), body.is_empty()), (whole, whole.len(), whole.is_empty()));
        assert_eq!(body.into_owned(), RequestBody::from(whole.to_owned()));
    }
}

/// A request whose messages are of this length, with `message` before the long one.
fn of_length(bytes: usize, message: &str, more: &str) -> String {
    let (before, behind) = (format!(r#"[{message}{{"role":"user","content":""#), r#""} ]"#);
    let text = "x".repeat(bytes - before.len() - behind.len());
    format!(r#"{{"seed":7,"messages":{before}{text}{behind}{more}}}"#)
}

#[test]
fn messages_are_left_where_they_stand_if_they_are_long_and_nothing_of_them_is_changed() {
    let developer = r#"{"role":"developer","content":"d"},"#;
    let renames = plain_with(Quirk::NoDeveloperRole);
    let says_json = plain_with(Quirk::JsonInPrompt);
    let json = r#","response_format":{"type":"json_object"}"#;
    for (name, bytes, message, more, provider, so_far, stand) in [
        ("long", LONG_BODY_BYTES, "", "", &plain(), None, true),
        ("not long enough", LONG_BODY_BYTES - 1, "", "", &plain(), None, false),
        ("nobody minds the developer", LONG_BODY_BYTES, developer, "", &plain(), None, true),
        ("a developer is called system", LONG_BODY_BYTES, developer, "", &renames, None, false),
        ("no developer is there", LONG_BODY_BYTES, "", "", &renames, None, true),
        ("an answer is gone on with", LONG_BODY_BYTES, "", "", &plain(), Some("so far"), false),
        ("JSON is to be named", LONG_BODY_BYTES, "", json, &says_json, None, false),
        ("JSON is not asked for", LONG_BODY_BYTES, "", "", &says_json, None, true),
        ("it is another dialect", LONG_BODY_BYTES, "", "", &row("anthropic"), None, false),
    ] {
        let request = of_length(bytes, message, more);
        let request = ChatRequest::parse(request.as_bytes()).unwrap();
        let body = encode(&request, provider, &able(), so_far).body;
        let longest = body.pieces()[1];
        assert_eq!(!longest.is_empty(), stand, "{name}");
        let value: serde_json::Value =
            serde_json::from_str(&body.whole()).unwrap_or_else(|error| panic!("{name}: {error}"));
        if stand {
            assert_eq!(longest.len(), bytes, "{name}");
            assert_eq!(value["messages"], serde_json::from_str::<serde_json::Value>(longest).unwrap(), "{name}");
            assert_eq!(value["seed"], 7, "{name}");
        }
    }
}

fn plain_with(quirk: Quirk) -> ProviderSpec {
    ProviderSpec { quirks: Quirks::of(&[quirk]), ..plain() }
}
