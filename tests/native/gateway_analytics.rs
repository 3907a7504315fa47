//! `GET /v1/analytics`.

use opengateway::accounts::day::Day;
use opengateway::accounts::report::{GroupBy, sums};
use opengateway::gateway::accounts::{Question, Refusal, answer};
use opengateway::gateway::analytics::{MAX_DAYS, MAX_GROUPS, Query};
use opengateway::openai::error::ApiError;

use crate::gateway_database::{FakeDatabase, outage, ready};

/// 2026-10-06, about noon.
const NOW_MS: u64 = 1_791_288_000_000;

/// A row as SQLite makes it, with ten answers in the bucket up to 300 ms.
fn row(key: &str, cost: &str, unpriced: u64) -> String {
    let counts = |bucket: usize, count: u64| {
        let all: Vec<String> = (0..21).map(|at| if at == bucket { count } else { 0 }.to_string()).collect();
        all.join(",")
    };
    let (latency, ttft) = (counts(4, 10), counts(0, 0));
    format!(r#"["{key}",12,10,{{"rate_limited":2}},1007,503,400,120,{unpriced},3,{cost},[{latency}],[{ttft}]]"#)
}

const FIGURES: &str = concat!(
    r#""requests":12,"succeeded":10,"failed":{"rate_limited":2},"prompt_tokens":1007,"completion_tokens":503,"#,
    r#""cached_tokens":400,"reasoning_tokens":120,"unpriced_requests":1,"estimated_requests":3,"#,
    r#""cost_usd":9007.199254740993,"latency_ms":{"p50":250,"p95":295,"p99":299},"ttft_ms":{"p50":null,"p95":null,"p99":null}"#,
);

fn report(database: &FakeDatabase, query: &str) -> Result<String, Refusal> {
    ready(answer(database, Question::report(query, NOW_MS).unwrap()))
}

fn refused(query: &str) -> ApiError {
    Query::parse(query, NOW_MS).expect_err(query)
}

#[test]
fn a_report_has_this_form() {
    let one = row("groq", "9007199254740993", 1);
    let database = FakeDatabase::with_rows(&[&[&one], &[&row("", "9007199254740993", 1), &one]]);
    let query = "project_id=shop&from=2026-10-01&to=2026-10-06&group_by=provider";
    let wanted = format!(
        concat!(
            r#"{{"object":"list","project_id":"shop","from":"2026-10-01","to":"2026-10-06","group_by":"provider","#,
            r#""data":[{{"key":null,{figures}}},{{"key":"groq",{figures}}}],"has_more":false,"totals":{{{figures}}}}}"#,
        ),
        figures = FIGURES,
    );
    assert_eq!(report(&database, query).unwrap(), wanted);
    let (from, to) = (Day::parse("2026-10-01").unwrap(), Day::of(NOW_MS));
    let of = |group, limit| sums(Some("shop"), from, to, group, limit);
    assert_eq!(*database.asked.borrow(), [[of(None, 1), of(Some(GroupBy::Provider), MAX_GROUPS as u64 + 1)]]);
}

#[test]
fn over_no_request_everything_is_zero_and_nothing_has_a_percentile() {
    let json = report(&FakeDatabase::with_rows(&[&[], &[]]), "").unwrap();
    let wanted = concat!(
        r#"{"object":"list","project_id":null,"from":"2026-09-07","to":"2026-10-06","group_by":"day","data":[],"#,
        r#""has_more":false,"totals":{"requests":0,"succeeded":0,"failed":{},"prompt_tokens":0,"completion_tokens":0,"#,
        r#""cached_tokens":0,"reasoning_tokens":0,"unpriced_requests":0,"estimated_requests":0,"cost_usd":0,"#,
        r#""latency_ms":{"p50":null,"p95":null,"p99":null},"ttft_ms":{"p50":null,"p95":null,"p99":null}}}"#,
    );
    assert_eq!(json, wanted);
}

#[test]
fn a_cost_that_nobody_knows_is_null_and_one_of_which_a_part_is_known_is_that_part() {
    for (cost, unpriced, wanted) in [
        ("0", 0, "\"cost_usd\":0,"),
        ("0", 2, "\"cost_usd\":null,"),
        ("5", 2, "\"cost_usd\":0.000000000005,"),
        ("9223372036854775807", 0, "\"cost_usd\":9223372.036854775807,"),
    ] {
        let row = row("", cost, unpriced);
        let json = report(&FakeDatabase::with_rows(&[&[&row], &[]]), "").unwrap();
        assert!(json.contains(wanted), "{json}");
    }
}

#[test]
fn a_report_has_a_bound_and_says_so() {
    let rows: Vec<String> = (0..=MAX_GROUPS).map(|at| row(&format!("m-{at}"), "1", 0)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for (rows, more) in [(rows.as_slice(), true), (&rows[1..], false)] {
        let json = report(&FakeDatabase::with_rows(&[&rows[..1], rows]), "group_by=model").unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((json["data"].as_array().unwrap().len(), json["has_more"].as_bool()), (MAX_GROUPS, Some(more)));
    }
}

#[test]
fn the_last_days_are_what_is_reported_unless_days_are_named() {
    for (query, from, to) in [
        ("", "2026-09-07", "2026-10-06"),
        ("to=2026-03-01", "2026-01-31", "2026-03-01"),
        ("from=2026-10-06", "2026-10-06", "2026-10-06"),
        ("from=2025-10-06", "2025-10-06", "2026-10-06"),
        ("from=2030-01-01&to=2030-01-02", "2030-01-01", "2030-01-02"),
        ("from=2024-01-01&to=2024-12-31", "2024-01-01", "2024-12-31"),
    ] {
        let parsed = Query::parse(query, NOW_MS).unwrap();
        assert_eq!((parsed.from.to_string().as_str(), parsed.to.to_string().as_str()), (from, to), "{query}");
        assert_eq!((parsed.project_id, parsed.group_by), (None, GroupBy::Day));
    }
}

#[test]
fn what_groups_are_can_be_chosen() {
    for by in GroupBy::ALL {
        assert_eq!(Query::parse(&format!("group_by={}", by.as_str()), NOW_MS).unwrap().group_by, by);
    }
}

#[test]
fn a_wrong_parameter_is_refused_with_its_name_and_what_to_send() {
    for (query, param, told) in [
        ("project_id=", "project_id", "at least one character"),
        ("project_id=a%2Fb", "project_id", "letters, digits"),
        ("from=yesterday", "from", "YYYY-MM-DD"),
        ("from=", "from", "YYYY-MM-DD"),
        ("to=2026-02-30", "to", "YYYY-MM-DD"),
        ("from=2026-10-07", "from", "(2026-10-07) is after `to` (2026-10-06)"),
        ("from=2026-10-02&to=2026-10-01", "from", "is after `to`"),
        ("from=2025-10-05", "from", "at most 366 days"),
        ("from=0001-01-01&to=9999-12-31", "from", "at most 366 days"),
        ("group_by=hour", "group_by", "day, provider or model"),
        ("group_by=", "group_by", "day, provider or model"),
    ] {
        let error = refused(query);
        assert_eq!((error.status, error.code, error.param.as_deref()), (400, "invalid_value", Some(param)), "{query}");
        assert!(error.message.contains(told), "{query}: {}", error.message);
    }
    let error = refused("project=shop");
    assert_eq!((error.status, error.code, error.param.as_deref()), (400, "unknown_parameter", Some("project")));
    assert_eq!(MAX_DAYS, 366);
}

#[test]
fn without_the_database_the_client_is_told_to_come_again_and_the_log_why() {
    let refusal = report(&FakeDatabase::new([Err(outage())]), "").unwrap_err();
    assert_eq!((refusal.error.status, refusal.error.code), (503, "accounts_unavailable"));
    assert_eq!(refusal.problem.as_deref(), Some(outage().problem()));
}

#[test]
fn what_does_not_fit_the_code_is_told_to_nobody_but_the_log() {
    let good = row("", "1", 0);
    let float = row("", "1.5", 0);
    let short = good.replace("12,10,", "12,");
    let words = good.replace(",10,0", ",\"ten\",0");
    for rows in [
        &[&["[1]"][..], &[]][..],
        &[&["{}"], &[]],
        &[&[good.as_str()]],
        &[&[float.as_str()], &[]],
        &[&[short.as_str()], &[]],
        &[&[words.as_str()], &[]],
        &[&[], &["[]"]],
    ] {
        let refusal = report(&FakeDatabase::with_rows(rows), "").unwrap_err();
        assert_eq!((refusal.error.status, refusal.problem.is_some()), (503, true), "{rows:?}");
    }
}
