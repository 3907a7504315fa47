//! The record of one request: what goes into D1.

use opengateway::usage::record::UsageRecord;
use serde_json::Value;

const MIGRATION: &str = include_str!("../../migrations/0001_requests.sql");
const ADDED: &str = include_str!("../../migrations/0003_cost_source.sql");

fn full() -> UsageRecord {
    UsageRecord {
        id: "6f1c".into(),
        project_id: "shop".into(),
        created_at: 1_700_000_000_000,
        requested_model: "fast \"one\"".into(),
        model: Some("gpt-oss-120b".into()),
        provider: Some("groq".into()),
        upstream_model: Some("openai/gpt-oss-120b".into()),
        stream: true,
        status: 200,
        error_class: Some("stream_cut"),
        attempts: 2,
        prompt_tokens: 10,
        completion_tokens: 20,
        cached_tokens: 3,
        reasoning_tokens: 4,
        cost_pico_usd: Some(9_007_199_254_740_993),
        estimated: true,
        latency_ms: 1234,
        ttft_ms: Some(56),
        trail: "cerebras/gpt-oss-120b=429; groq/gpt-oss-120b=200".into(),
        cost_source: Some("provider"),
    }
}

/// Name, type and whether it must be there, of each column of `requests`.
fn columns() -> Vec<(String, String, bool)> {
    let (_, table) = MIGRATION.split_once("CREATE TABLE requests (").unwrap();
    let (table, _) = table.split_once("\n)").unwrap();
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    let added = ADDED.lines().filter_map(|line| line.strip_prefix("ALTER TABLE requests ADD COLUMN "));
    lines
        .chain(added.map(|line| line.trim_end_matches(';')))
        .map(|line| {
            let mut words = line.trim_end_matches(',').split(' ');
            let (name, kind) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
            (name, kind, line.contains("NOT NULL"))
        })
        .collect()
}

fn object(record: &UsageRecord) -> serde_json::Map<String, Value> {
    serde_json::from_str(&record.to_json()).unwrap()
}

#[test]
fn the_line_of_a_request_in_the_log_has_this_form() {
    let record = UsageRecord { ttft_ms: None, cost_pico_usd: None, ..full() };
    let wanted = concat!(
        r#"{"level":"info","event":"request","request_id":"6f1c","project_id":"shop","created_at":1700000000000,"#,
        r#""requested_model":"fast \"one\"","model":"gpt-oss-120b","provider":"groq","upstream_model":"openai/gpt-oss-120b","#,
        r#""stream":1,"status":200,"error_class":"stream_cut","attempts":2,"prompt_tokens":10,"completion_tokens":20,"#,
        r#""cached_tokens":3,"reasoning_tokens":4,"cost_pico_usd":null,"estimated":1,"latency_ms":1234,"ttft_ms":null,"#,
        r#""trail":"cerebras/gpt-oss-120b=429; groq/gpt-oss-120b=200","cost_source":"provider"}"#,
    );
    assert_eq!(UsageRecord::log_line(&record.to_json()), wanted);
}

#[test]
fn a_record_has_this_form() {
    let wanted = concat!(
        r#"{"id":"6f1c","project_id":"shop","created_at":1700000000000,"requested_model":"fast \"one\"","#,
        r#""model":"gpt-oss-120b","provider":"groq","upstream_model":"openai/gpt-oss-120b","stream":1,"status":200,"#,
        r#""error_class":"stream_cut","attempts":2,"prompt_tokens":10,"completion_tokens":20,"cached_tokens":3,"#,
        r#""reasoning_tokens":4,"cost_pico_usd":9007199254740993,"estimated":1,"latency_ms":1234,"ttft_ms":56,"#,
        r#""trail":"cerebras/gpt-oss-120b=429; groq/gpt-oss-120b=200","cost_source":"provider"}"#,
    );
    assert_eq!(full().to_json(), wanted);
}

#[test]
fn a_records_members_are_the_columns_of_the_table_in_their_order() {
    let json = full().to_json();
    let mut places: Vec<(usize, String)> =
        object(&full()).keys().map(|key| (json.find(&format!("\"{key}\":")).unwrap(), key.clone())).collect();
    places.sort();
    let members: Vec<String> = places.into_iter().map(|(_, key)| key).collect();
    let columns: Vec<String> = columns().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(members, columns);
}

#[test]
fn every_member_fits_the_type_of_its_column() {
    for record in [full(), UsageRecord::default()] {
        let object = object(&record);
        for (name, kind, required) in columns() {
            let fits = match (&object[&name], kind.as_str()) {
                (Value::Null, _) => !required,
                (Value::String(_), "TEXT") => true,
                (Value::Number(number), "INTEGER") => number.is_u64(),
                _ => false,
            };
            assert!(fits, "{name}: {} is no {kind}", object[&name]);
        }
    }
}

#[test]
fn what_is_unknown_is_null() {
    let object = object(&UsageRecord::default());
    for name in ["model", "provider", "upstream_model", "error_class", "cost_pico_usd", "ttft_ms", "cost_source"] {
        assert_eq!(object[name], Value::Null, "{name}");
    }
}

#[test]
fn the_table_is_strict_and_holds_no_prompt_and_no_key() {
    assert!(MIGRATION.contains(") STRICT, WITHOUT ROWID;"));
    for (name, ..) in columns() {
        for forbidden in ["prompt", "message", "content", "answer", "key", "header", "body"] {
            assert!(!name.contains(forbidden) || name == "prompt_tokens", "{name}");
        }
    }
}

#[test]
fn a_cost_above_what_the_tables_hold_is_the_largest_that_they_do() {
    let json = |cost| object(&UsageRecord { cost_pico_usd: Some(cost), ..full() })["cost_pico_usd"].to_string();
    assert_eq!([json(u64::MAX), json((1 << 63) - 1)], ["9223372036854775807"; 2]);
    assert_eq!(json((1 << 63) - 2), "9223372036854775806");
}
