//! `GET /v1/generations/{id}`.

use opengateway::accounts::failure::D1Failure;
use opengateway::accounts::sql::{GENERATION, Param, Statement};
use opengateway::gateway::accounts::{Question, Refusal, answer};

use crate::gateway_database::{FakeDatabase, outage, ready};

const ID: &str = "01991234-abcd-7000-8000-0000000000ff";

fn retrieve(database: &FakeDatabase, id: &str) -> Result<String, Refusal> {
    ready(answer(database, Question::generation(id).unwrap()))
}

#[test]
fn a_generation_has_this_form() {
    let row = concat!(
        r#"["01991234-abcd-7000-8000-0000000000ff","shop",1790000000000,"fast \"one\"","gpt-oss-120b","cerebras","#,
        r#""gpt-oss-120b",true,200,"stream_cut",2,1234,56,1007,503,1510,400,120,9007199254740993,"provider",true,"#,
        r#""groq/gpt-oss-120b=429; cerebras/gpt-oss-120b=200"]"#,
    );
    let database = FakeDatabase::with_rows(&[&[row]]);
    let wanted = concat!(
        r#"{"object":"generation","id":"01991234-abcd-7000-8000-0000000000ff","project_id":"shop","#,
        r#""created_at":1790000000000,"requested_model":"fast \"one\"","model":"gpt-oss-120b","provider":"cerebras","#,
        r#""upstream_model":"gpt-oss-120b","stream":true,"status":200,"error_class":"stream_cut","attempts":2,"#,
        r#""latency_ms":1234,"ttft_ms":56,"routing":[{"provider":"groq","model":"gpt-oss-120b","outcome":"429"},"#,
        r#"{"provider":"cerebras","model":"gpt-oss-120b","outcome":"200"}],"#,
        r#""usage":{"prompt_tokens":1007,"completion_tokens":503,"total_tokens":1510,"#,
        r#""prompt_tokens_details":{"cached_tokens":400},"completion_tokens_details":{"reasoning_tokens":120},"#,
        r#""cost_usd_total":9007.199254740993,"cost_source":"provider","estimated":true}}"#,
    );
    assert_eq!(retrieve(&database, ID).unwrap(), wanted);
    assert_eq!(*database.asked.borrow(), [[Statement::new(GENERATION, vec![Param::Text(ID.to_owned())])]]);
}

#[test]
fn what_is_unknown_is_null() {
    let row = format!(
        r#"["{ID}","p",1,"auto",null,null,null,false,429,"rate_limited",0,3,null,0,0,0,0,0,null,null,false,""]"#
    );
    let json = retrieve(&FakeDatabase::with_rows(&[&[&row]]), ID).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for name in ["model", "provider", "upstream_model", "ttft_ms"] {
        assert!(json[name].is_null(), "{name}");
    }
    assert!(json["usage"]["cost_usd_total"].is_null(), "an unknown cost is not zero");
    assert!(json["usage"]["cost_source"].is_null());
    assert_eq!((&json["stream"], &json["usage"]["estimated"]), (&false.into(), &false.into()));
    assert_eq!(json["routing"], serde_json::json!([]));
}

#[test]
fn an_id_may_be_written_in_upper_case() {
    let database = FakeDatabase::with_rows(&[&[]]);
    let refusal = retrieve(&database, &ID.to_uppercase()).unwrap_err();
    assert_eq!(refusal.error.status, 404);
    assert_eq!(database.asked.borrow()[0][0].params, [Param::Text(ID.to_owned())]);
}

#[test]
fn an_unknown_one_is_404_and_says_when_requests_come() {
    let refusal = retrieve(&FakeDatabase::with_rows(&[&[]]), ID).unwrap_err();
    assert_eq!((refusal.error.status, refusal.error.code), (404, "generation_not_found"));
    assert!(refusal.error.message.contains("some seconds after"), "{}", refusal.error.message);
    assert_eq!(refusal.problem, None);
}

#[test]
fn what_is_no_id_is_refused() {
    for id in ["", "1", "chatcmpl-123", &"x".repeat(5000)] {
        let error = Question::generation(id).unwrap_err();
        assert_eq!((error.status, error.code, error.param.as_deref()), (400, "invalid_value", Some("request_id")));
        assert!(error.message.len() < 300);
    }
}

#[test]
fn a_row_that_does_not_fit_the_code_is_an_outage_of_the_accounts() {
    for row in ["[]", "{}", "[1,2,3]"] {
        let refusal = retrieve(&FakeDatabase::with_rows(&[&[row]]), ID).unwrap_err();
        assert_eq!((refusal.error.status, refusal.problem.is_some()), (503, true), "{row}");
    }
}

#[test]
fn without_the_database_the_client_is_told_so() {
    for failure in [outage(), D1Failure::NotBound] {
        let refusal = retrieve(&FakeDatabase::new([Err(failure.clone())]), ID).unwrap_err();
        assert_eq!((refusal.error.status, refusal.error.code), (503, "accounts_unavailable"));
        assert_eq!(refusal.problem.as_deref(), Some(failure.problem()));
    }
}
