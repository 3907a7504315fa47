//! The `usage` object that clients get.

use opengateway::usage::price::{Cost, CostSource};
use opengateway::usage::render::{Usage, usage_json};
use opengateway::usage::tokens::TokenUsage;
use serde_json::Value;

const TOKENS: TokenUsage = TokenUsage {
    prompt: 1000,
    completion: 50,
    total: 1050,
    cached: 400,
    cache_write: 0,
    cache_write_1h: 0,
    reasoning: 20,
    searches: 0,
    audio: 0,
};
const COST: Cost = Cost {
    total: 150_000_005,
    input: Some(90_000_000),
    cached_input: Some(30_000_000),
    output: Some(30_000_000),
    request: Some(5),
    source: CostSource::Catalog,
};

fn priced() -> Usage {
    Usage { tokens: TOKENS, estimated: false, cost: Some(COST) }
}

#[test]
fn usage_has_this_form() {
    let wanted = concat!(
        r#"{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"reasoning_tokens":20,"#,
        r#""prompt_tokens_details":{"cached_tokens":400},"#,
        r#""cost_usd_total":0.000150000005,"cost_usd_input":0.00009,"cost_usd_output":0.00003,"#,
        r#""cost_usd_cached_input":0.00003,"cost_usd_request":0.000000000005,"cost_source":"catalog"}"#,
    );
    assert_eq!(usage_json(&priced(), None), wanted);
    assert_eq!(usage_json(&priced(), Some("{}")), wanted);
}

#[test]
fn an_unknown_price_is_null_and_not_zero() {
    let usage = usage_json(&Usage { cost: None, ..priced() }, None);
    let usage: Value = serde_json::from_str(&usage).unwrap();
    for part in ["total", "input", "output", "cached_input", "request"] {
        assert_eq!(usage.get(format!("cost_usd_{part}")), Some(&Value::Null), "{part}");
    }
    assert_eq!(usage.get("cost_source"), Some(&Value::Null));
    let free = Cost { total: 0, input: Some(0), ..COST };
    let free = usage_json(&Usage { cost: Some(free), ..priced() }, None);
    assert!(free.contains(r#""cost_usd_total":0,"cost_usd_input":0,"#), "{free}");
}

#[test]
fn a_provider_that_tells_the_cost_is_named_and_parts_that_nobody_knows_are_null() {
    let cost = Cost { input: None, cached_input: None, source: CostSource::Provider, ..COST };
    let usage = usage_json(&Usage { cost: Some(cost), ..priced() }, None);
    let wanted = concat!(
        r#""cost_usd_total":0.000150000005,"cost_usd_input":null,"cost_usd_output":0.00003,"#,
        r#""cost_usd_cached_input":null,"cost_usd_request":0.000000000005,"cost_source":"provider"}"#,
    );
    assert!(usage.ends_with(wanted), "{usage}");
}

#[test]
fn what_was_written_to_a_cache_and_searched_is_told_where_there_is_any() {
    let tokens = TokenUsage { cache_write: 9, cache_write_1h: 4, searches: 2, ..TOKENS };
    let upstream = r#"{"prompt_tokens_details":{"cache_write_tokens":1,"audio_tokens":5},"web_search_requests":7}"#;
    for upstream in [None, Some(upstream)] {
        let usage = usage_json(&Usage { tokens, ..priced() }, upstream);
        let wanted = r#""prompt_tokens_details":{"cached_tokens":400,"cache_write_tokens":9,"cache_write_1h_tokens":4"#;
        assert!(usage.contains(wanted) && usage.contains(r#""web_search_requests":2,"#), "{usage}");
        assert_eq!(
            (usage.matches("web_search").count(), usage.matches("cache_write_tokens").count()),
            (1, 1),
            "{usage}"
        );
    }
}

#[test]
fn an_estimate_says_that_it_is_one() {
    let estimated = usage_json(&Usage { estimated: true, ..priced() }, None);
    assert!(estimated.ends_with(r#","estimated":true}"#), "{estimated}");
    assert!(!usage_json(&priced(), None).contains("estimated"));
}

#[test]
fn what_the_provider_tells_beside_the_counts_stays_as_it_was_written() {
    let upstream = r#"{ "prompt_tokens": 7, "queue_time": 0.0170, "prompt_tokens_details": {"audio_tokens" : 0, "cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 3, "x": null}, "cost": 1.0e-3, "num_sources_used": 0 }"#;
    let usage = usage_json(&priced(), Some(upstream));
    assert!(usage.starts_with(r#"{"prompt_tokens":1000,"#));
    for kept in [
        r#""prompt_tokens_details":{"cached_tokens":400,"audio_tokens":0}"#,
        r#""queue_time":0.0170,"#,
        r#""completion_tokens_details":{"reasoning_tokens":20,"x":null}"#,
        r#""cost":1.0e-3,"#,
        r#""num_sources_used":0"#,
    ] {
        assert!(usage.contains(kept), "{kept} in {usage}");
    }
}

#[test]
fn no_member_is_there_twice_even_where_the_provider_calls_its_own_like_the_gateways() {
    let upstream = r#"{"cost_usd_total":9,"cost_source":"them","estimated":false,"reasoning_tokens":1,"total_t\u006fkens":1,
        "prompt_tokens_details":{"cached_t\u006fkens":1}}"#;
    let usage = usage_json(&priced(), Some(upstream));
    let object: serde_json::Map<String, Value> = serde_json::from_str(&usage).unwrap();
    assert_eq!(object.len(), 11, "{usage}");
    assert_eq!(object["cost_source"], "catalog");
    assert_eq!(object["prompt_tokens_details"].as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(usage.matches("kens\"").count(), 5, "{usage}");
}

#[test]
fn a_usage_that_is_no_object_is_passed_over() {
    for upstream in ["null", "[]", "7", "\"x\"", "", "{\"a\":", r#"{"prompt_tokens_details":null}"#] {
        assert_eq!(usage_json(&priced(), Some(upstream)), usage_json(&priced(), None), "{upstream}");
    }
}
