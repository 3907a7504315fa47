//! The messages between an isolate and the health object: their JSON, both ways.

use opengateway::health::circuit::{Circuit, Permit};
use opengateway::health::headroom::{Headroom, Left};
use opengateway::health::message::{
    CircuitState, ProbeWish, Report, Seen, SyncReply, SyncRequest, TicketLease, TicketWish,
};
use opengateway::health::outcome::Outcome;
use opengateway::routing::failure::ErrorClass;
use serde_json::Value;

use crate::health_fixture::{FAILURE, FIRST_TOKEN, NOW, SOFT, SUCCESS, benched, report};

/// Larger than JavaScript's numbers: nothing on the way may read it as one.
const LARGE: u64 = u64::MAX - 1;

/// Every kind of outcome, and its JSON.
fn outcomes() -> [(Outcome, &'static str); 12] {
    let headroom = |requests, tokens| Outcome::Headroom(Headroom { requests, tokens });
    let left = |left, reset_ms, at_ms| Some(Left { left, reset_ms, at_ms });
    [
        (FIRST_TOKEN, r#"{"kind":"first_token","after_ms":100}"#),
        (SUCCESS, r#"{"kind":"success","after_ms":null,"tokens_per_second":null,"count":1}"#),
        (
            Outcome::Success { after_ms: Some(2), tokens_per_second: Some(3), count: u32::MAX },
            r#"{"kind":"success","after_ms":2,"tokens_per_second":3,"count":4294967295}"#,
        ),
        (FAILURE, r#"{"kind":"failure","class":"server_error"}"#),
        (Outcome::Failure { class: ErrorClass::Timeout }, r#"{"kind":"failure","class":"timeout"}"#),
        (SOFT, r#"{"kind":"soft_failure","class":"invalid_reply"}"#),
        (Outcome::Limited { until_ms: LARGE }, r#"{"kind":"limited","until_ms":18446744073709551614}"#),
        (benched(7, true), r#"{"kind":"benched","until_ms":7,"class":"bad_key","provider_wide":true}"#),
        (benched(7, false), r#"{"kind":"benched","until_ms":7,"class":"bad_key","provider_wide":false}"#),
        (
            headroom(left(14, None, 1), None),
            concat!(
                r#"{"kind":"headroom","left":{"requests":14,"tokens":null,"at_ms":1,"requests_reset_ms":null,"#,
                r#""requests_at_ms":1,"tokens_reset_ms":null,"tokens_at_ms":null}}"#
            ),
        ),
        (
            headroom(left(0, Some(7), 2), left(9, Some(LARGE), 3)),
            concat!(
                r#"{"kind":"headroom","left":{"requests":0,"tokens":9,"at_ms":3,"requests_reset_ms":7,"requests_at_ms":2,"#,
                r#""tokens_reset_ms":18446744073709551614,"tokens_at_ms":3}}"#
            ),
        ),
        (Outcome::Inconclusive, r#"{"kind":"inconclusive"}"#),
    ]
}

fn request() -> SyncRequest {
    SyncRequest {
        isolate: LARGE,
        batch: 3,
        seen: Some(Seen { incarnation: LARGE, version: 9 }),
        reports: vec![
            report("groq", "openai/gpt-oss-120b", SUCCESS),
            Report { permit: Some(Permit(LARGE)), ..report("a\"b", "", Outcome::Inconclusive) },
        ],
        tickets: vec![TicketWish { key: "m|a,b".to_owned(), count: 8 }],
        probes: vec![ProbeWish { provider: "groq".to_owned(), model: "m".to_owned(), permit: Permit(LARGE) }],
    }
}

const REQUEST: &str = concat!(
    r#"{"isolate":18446744073709551614,"batch":3,"seen":{"incarnation":18446744073709551614,"version":9},"#,
    r#""reports":[{"provider":"groq","model":"openai/gpt-oss-120b","#,
    r#""outcome":{"kind":"success","after_ms":null,"tokens_per_second":null,"count":1},"permit":null},"#,
    r#"{"provider":"a\"b","model":"","outcome":{"kind":"inconclusive"},"permit":18446744073709551614}],"#,
    r#""tickets":[{"key":"m|a,b","count":8}],"#,
    r#""probes":[{"provider":"groq","model":"m","permit":18446744073709551614}]}"#
);

fn reply() -> SyncReply {
    let mut circuit = Circuit::default();
    circuit.record(Outcome::success(Some(90), None), None, NOW);
    SyncReply {
        state: Seen { incarnation: LARGE, version: 10 },
        full: true,
        circuits: vec![CircuitState { provider: "groq".to_owned(), model: "m".to_owned(), circuit }],
        tickets: vec![TicketLease { key: "m|a,b".to_owned(), from: LARGE, count: 8 }],
    }
}

const REPLY: &str = concat!(
    r#"{"state":{"incarnation":18446744073709551614,"version":10},"full":true,"#,
    r#""circuits":[{"provider":"groq","model":"m","circuit":{"state":{"failures_in_a_row":0},"slow_failure_ms":null,"#,
    r#""limited_until_ms":0,"benched":null,"window":[[170000004,1,0],[0,0,0],[0,0,0],[0,0,0],[0,0,0],[0,0,0]],"#,
    r#""first_token_ms":90,"tokens_per_second":null,"last_error":null,"headroom":null}}],"#,
    r#""tickets":[{"key":"m|a,b","from":18446744073709551614,"count":8}]}"#
);

#[test]
fn a_message_has_this_form() {
    assert_eq!(request().to_json(), REQUEST);
    assert_eq!(SyncRequest::from_json(REQUEST), Some(request()));
    let empty = r#"{"isolate":0,"batch":0,"seen":null,"reports":[],"tickets":[],"probes":[]}"#;
    assert_eq!(SyncRequest::default().to_json(), empty);
    assert_eq!(SyncRequest::from_json(empty), Some(SyncRequest::default()));
}

#[test]
fn an_answer_has_this_form() {
    assert_eq!(reply().to_json(), REPLY);
    assert_eq!(SyncReply::from_json(REPLY), Some(reply()));
    let empty = r#"{"state":{"incarnation":1,"version":2},"full":false,"circuits":[],"tickets":[]}"#;
    let read = SyncReply::from_json(empty).unwrap();
    assert!(!read.full && read.circuits.is_empty() && read.tickets.is_empty());
    assert_eq!(read.to_json(), empty);
}

#[test]
fn every_kind_of_outcome_has_this_form() {
    for (outcome, json) in outcomes() {
        let message = SyncRequest { reports: vec![report("p", "m", outcome)], ..SyncRequest::default() };
        let text = message.to_json();
        let wanted = format!(r#"[{{"provider":"p","model":"m","outcome":{json},"permit":null}}]"#);
        assert!(text.contains(&wanted), "{text}");
        assert_eq!(SyncRequest::from_json(&text), Some(message), "{text}");
    }
}

#[test]
fn what_versions_without_resets_wrote_of_what_is_left_is_read() {
    let old = r#"{"kind":"headroom","left":{"requests":14,"tokens":null,"at_ms":1}}"#;
    let requests = Some(Left { left: 14, reset_ms: None, at_ms: 1 });
    let headroom = Headroom { requests, tokens: None };
    let text = SyncRequest { reports: vec![report("p", "m", SOFT)], ..SyncRequest::default() }.to_json();
    let text = text.replace(r#"{"kind":"soft_failure","class":"invalid_reply"}"#, old);
    let read = SyncRequest::from_json(&text).unwrap();
    assert_eq!(read.reports, [report("p", "m", Outcome::Headroom(headroom))]);
    let row = Circuit::default()
        .to_json()
        .replace(r#""headroom":null"#, r#""headroom":{"requests":14,"tokens":null,"at_ms":1}"#);
    assert_eq!(Circuit::from_json(&row).unwrap().headroom(), Some(headroom), "{row}");
}

#[test]
fn every_class_goes_there_and_back() {
    for class in ErrorClass::ALL {
        let outcomes = [Outcome::Failure { class }, Outcome::SoftFailure { class }];
        let reports = outcomes.map(|outcome| report("p", "m", outcome)).to_vec();
        let message = SyncRequest { reports, ..SyncRequest::default() };
        assert_eq!(SyncRequest::from_json(&message.to_json()), Some(message), "{class:?}");
    }
}

/// The document once without each of its members, at every depth, and once with something else in their place.
fn spoilt(value: &Value) -> Vec<Value> {
    let mut all = vec![Value::String("x".to_owned()), Value::from(-1), serde_json::json!({})];
    if let Value::Object(members) = value {
        for (key, member) in members {
            let mut without = members.clone();
            without.remove(key);
            all.push(Value::Object(without));
            for spoilt in spoilt(member) {
                let mut other = members.clone();
                other.insert(key.clone(), spoilt);
                all.push(Value::Object(other));
            }
        }
    }
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            for spoilt in spoilt(item) {
                let mut other = items.clone();
                *other.get_mut(index).unwrap() = spoilt;
                all.push(Value::Array(other));
            }
        }
    }
    all
}

#[test]
fn what_another_version_of_the_program_wrote_is_of_no_use() {
    let texts = |json: &str| -> Vec<String> {
        let value: Value = serde_json::from_str(json).unwrap();
        spoilt(&value).iter().map(Value::to_string).collect()
    };
    for text in texts(REQUEST) {
        // Another text in place of a text is as good.
        let read = SyncRequest::from_json(&text);
        assert!(read.is_none_or(|read| read.to_json() != REQUEST), "{text}");
    }
    for text in texts(REPLY) {
        let read = SyncReply::from_json(&text);
        assert!(read.is_none_or(|read| read.to_json() != REPLY), "{text}");
    }
    for text in ["", "null", "[]", "{}", "{\"isolate\":1}", REPLY, &REQUEST.replace("success", "triumph")] {
        assert_eq!(SyncRequest::from_json(text), None, "{text}");
    }
    for text in ["", "null", "[]", "{}", REQUEST, &REPLY.replace("170000004", "-1")] {
        assert_eq!(SyncReply::from_json(text), None, "{text}");
    }
    let too_many = REQUEST.replace("\"count\":1}", "\"count\":4294967296}");
    assert_eq!(SyncRequest::from_json(&too_many), None, "{too_many}");
}
