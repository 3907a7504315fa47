//! Every variable: good, bad, at its bounds.

use opengateway::config::{Config, CorsOrigins, limits};
use opengateway::project::{ProjectId, ProjectIdError};
use opengateway::usage::record::UsageRecord;

use crate::config_fixture::{config, refusal};

fn number(var: &str, value: &str) -> Result<u64, String> {
    let config = config(&[(var, value)]).map_err(|error| error.to_string())?;
    Ok(read(&config, var))
}

fn read(config: &Config, var: &str) -> u64 {
    match var {
        "FIRST_TOKEN_TIMEOUT_MS" => config.timeouts.first_token_ms,
        "REASONING_FIRST_TOKEN_TIMEOUT_MS" => config.timeouts.reasoning_first_token_ms,
        "STREAM_IDLE_TIMEOUT_MS" => config.timeouts.stream_idle_ms,
        "REASONING_STREAM_IDLE_TIMEOUT_MS" => config.timeouts.reasoning_stream_idle_ms,
        "REQUEST_TIMEOUT_MS" => config.timeouts.request_ms,
        "HEADERS_TIMEOUT_MS" => config.timeouts.headers_ms,
        "REASONING_REQUEST_TIMEOUT_MS" => config.timeouts.reasoning_request_ms,
        "MAX_BODY_BYTES" => config.limits.max_body_bytes,
        "INFLIGHT_BYTES_MAX" => config.limits.inflight_bytes_max,
        "MAX_REPLY_BYTES" => config.limits.max_reply_bytes,
        "RETENTION_DAYS" => config.retention_days,
        "LEDGER_FLUSH_MS" => config.accounts.flush_after_ms,
        "NEW_PROJECTS_PER_MINUTE" => config.accounts.new_projects_per_minute,
        other => panic!("{other} is no number"),
    }
}

/// Variable, default, smallest and largest value (each with all other variables unset).
const NUMBERS: [(&str, u64, u64, u64); 13] = [
    ("FIRST_TOKEN_TIMEOUT_MS", 30_000, 1, 3_600_000),
    ("REASONING_FIRST_TOKEN_TIMEOUT_MS", 120_000, 1, 3_600_000),
    ("STREAM_IDLE_TIMEOUT_MS", 20_000, 1, 3_600_000),
    ("REASONING_STREAM_IDLE_TIMEOUT_MS", 60_000, 1, 3_600_000),
    ("REQUEST_TIMEOUT_MS", 120_000, 1, 3_600_000),
    ("HEADERS_TIMEOUT_MS", 3_600_000, 1, 3_600_000),
    ("REASONING_REQUEST_TIMEOUT_MS", 600_000, 1, 3_600_000),
    ("MAX_BODY_BYTES", 10 * 1024 * 1024, 1, 32 * 1024 * 1024),
    ("INFLIGHT_BYTES_MAX", 32 * 1024 * 1024, 10 * 1024 * 1024, 128 * 1024 * 1024),
    ("MAX_REPLY_BYTES", 16 * 1024 * 1024, 1, 128 * 1024 * 1024),
    ("RETENTION_DAYS", 90, 1, 3650),
    ("LEDGER_FLUSH_MS", 5_000, 1, 60_000),
    ("NEW_PROJECTS_PER_MINUTE", 1_000, 1, 1_000_000),
];

#[test]
fn numbers_have_defaults_and_bounds() {
    let unset = config(&[]).unwrap();
    for (var, default, min, max) in NUMBERS {
        assert_eq!(read(&unset, var), default, "{var}");
        assert_eq!(number(var, ""), Ok(default), "{var}: empty is unset");
        assert_eq!(number(var, "  "), Ok(default), "{var}: blank is unset");
        for good in [min, max] {
            assert_eq!(number(var, &good.to_string()), Ok(good), "{var}");
        }
        assert_eq!(number(var, &format!(" {max}\n")), Ok(max), "{var}: trimmed");
        for out in [min - 1, max + 1] {
            let message = number(var, &out.to_string()).unwrap_err();
            assert!(message.contains(var) && message.contains(&out.to_string()), "{message}");
        }
        for bad in ["-1", "+1", "1e3", "1_000", "10MB", "1.5", "0x10", "99999999999999999999999", "thirty"] {
            let message = number(var, bad).unwrap_err();
            assert!(
                message.starts_with(&format!("{var} is {bad:?}; set it to a whole number from 1 to ")),
                "{message}"
            );
        }
    }
}

#[test]
fn the_largest_body_must_fit_the_bytes_in_flight() {
    assert_eq!(
        refusal(&[("MAX_BODY_BYTES", "2000"), ("INFLIGHT_BYTES_MAX", "1999")]),
        "INFLIGHT_BYTES_MAX is 1999, less than MAX_BODY_BYTES (2000); raise the first or lower the second"
    );
    let largest = limits::LARGEST_BODY_BYTES.to_string();
    let equal = config(&[("MAX_BODY_BYTES", &largest), ("INFLIGHT_BYTES_MAX", &largest)]).unwrap();
    assert_eq!(equal.limits.max_body_bytes, equal.limits.inflight_bytes_max);
    let above = (limits::LARGEST_BODY_BYTES + 1).to_string();
    let message = refusal(&[("MAX_BODY_BYTES", &above), ("INFLIGHT_BYTES_MAX", &above)]);
    assert!(message.starts_with("MAX_BODY_BYTES is"), "{message}");
}

#[test]
fn the_deadline_of_all_attempts_is_unset_or_a_number() {
    let deadline = |value: &str| config(&[("FAILOVER_DEADLINE_MS", value)]).map(|config| config.timeouts.deadline_ms);
    assert_eq!((deadline(""), deadline("1"), deadline("3600000")), (Ok(None), Ok(Some(1)), Ok(Some(3_600_000))));
    for bad in ["0", "3600001", "soon"] {
        let message = deadline(bad).unwrap_err().to_string();
        assert_eq!(message, format!("FAILOVER_DEADLINE_MS is {bad:?}; set it to a whole number from 1 to 3600000"));
    }
}

#[test]
fn hedging_begins_after_a_time_or_never() {
    let after = |value: &str| config(&[("HEDGE_AFTER_MS", value)]).map(|config| config.timeouts.hedge_after_ms);
    assert_eq!((after(""), after("0"), after("3600000")), (Ok(8_000), Ok(0), Ok(3_600_000)));
    assert_eq!(
        after("-1").unwrap_err().to_string(),
        "HEDGE_AFTER_MS is \"-1\"; set it to a whole number from 0 to 3600000"
    );
}

#[test]
fn what_a_hedge_may_cost_is_exact_to_the_pico_dollar() {
    let most = |value: &str| config(&[("HEDGE_MAX_USD", value)]).map(|config| config.hedge_max_pico_usd);
    for (value, pico) in [
        ("", 10_000_000_000),
        ("0.01", 10_000_000_000),
        (" 0.010 ", 10_000_000_000),
        ("0", 0),
        ("0.000000000001", 1),
        ("1", 1_000_000_000_000),
        ("1000", 1_000_000_000_000_000),
        ("999.999999999999", 999_999_999_999_999),
    ] {
        assert_eq!(most(value), Ok(pico), "{value:?}");
    }
    for bad in ["-1", "+1", ".5", "0.0000000000001", "1000.000000000001", "1e-3", "1,5", "$1", "NaN", "1.2.3"] {
        let message = most(bad).unwrap_err().to_string();
        assert_eq!(message, format!("HEDGE_MAX_USD is {bad:?}; set it to US dollars from 0 to 1000, such as 0.01"));
    }
}

#[test]
fn the_log_has_all_requests_or_those_that_failed_or_none() {
    let record = |status, error_class| UsageRecord { status, error_class, ..UsageRecord::default() };
    let records =
        [record(200, None), record(200, Some("stream_cut")), record(429, Some("rate_limited")), record(503, None)];
    for (value, lines) in
        [("", [true; 4]), ("all", [true; 4]), (" failed ", [false, true, true, true]), ("none", [false; 4])]
    {
        let log = config(&[("LOG_REQUESTS", value)]).unwrap().log_requests;
        assert_eq!(records.clone().map(|record| log.includes(&record)), lines, "{value:?}");
    }
    assert_eq!(refusal(&[("LOG_REQUESTS", "yes")]), "LOG_REQUESTS is \"yes\"; set it to all, failed or none");
}

#[test]
fn a_value_is_cut_in_a_message() {
    let message = refusal(&[("MAX_BODY_BYTES", &"é".repeat(5000))]);
    assert!(message.len() < 300, "{message}");
}

#[test]
fn the_demo_is_on_only_when_it_is_said_so() {
    for (value, demo) in [("", false), ("0", false), ("false", false), ("1", true), ("true", true), (" 1 ", true)] {
        assert_eq!(config(&[("GATEWAY_DEMO", value)]).unwrap().demo, demo, "{value:?}");
    }
    assert_eq!(refusal(&[("GATEWAY_DEMO", "yes")]), "GATEWAY_DEMO is \"yes\"; set it to 1 or 0");
    assert!(!config(&[]).unwrap().demo);
}

#[test]
fn a_project_id_has_its_form() {
    for good in ["a", "A-b_c.9", &"x".repeat(64)] {
        assert_eq!(ProjectId::parse(good).unwrap().as_str(), good);
    }
    for (bad, problem) in [
        ("", ProjectIdError::Empty),
        ("a b", ProjectIdError::Character(' ')),
        ("a/b", ProjectIdError::Character('/')),
        ("é", ProjectIdError::Character('é')),
        ("a\n", ProjectIdError::Character('\n')),
        (&"x".repeat(65), ProjectIdError::TooLong),
    ] {
        assert_eq!(ProjectId::parse(bad), Err(problem), "{bad:?}");
    }
    assert_eq!(config(&[]).unwrap().default_project_id, None);
    let set = config(&[("DEFAULT_PROJECT_ID", "team-1")]).unwrap();
    assert_eq!(set.default_project_id, ProjectId::parse("team-1").ok());
    assert_eq!(
        refusal(&[("DEFAULT_PROJECT_ID", "team 1")]),
        "DEFAULT_PROJECT_ID: a project id has letters, digits, `.`, `_` and `-` only, not ' '"
    );
}

#[test]
fn any_of_the_keys_opens_and_nothing_else_does() {
    let config = config(&[("GATEWAY_API_KEY", " first, second ,,third,")]).unwrap();
    assert_eq!(config.api_keys.len(), 3);
    for key in ["first", "second", "third"] {
        assert!(config.authorizes(key.as_bytes()), "{key}");
    }
    for key in ["", " ", ",", "firs", "first ", "First", "first, second", "fourth"] {
        assert!(!config.authorizes(key.as_bytes()), "{key:?}");
    }
}

#[test]
fn without_a_key_nobody_gets_in() {
    for value in ["", "   ", ",", " , ,"] {
        let config = config(&[("GATEWAY_API_KEY", value)]).unwrap();
        assert!(config.api_keys.is_empty());
        assert!(!config.authorizes(b"") && !config.authorizes(b","), "{value:?}");
    }
}

#[test]
fn origins_are_exact() {
    let unset = config(&[]).unwrap().cors_origins;
    assert_eq!(unset, CorsOrigins::Only(Vec::new()));
    assert_eq!(unset.allowed("https://app.example.com"), None);

    let any = config(&[("CORS_ORIGINS", "*")]).unwrap().cors_origins;
    assert_eq!(any.allowed("https://app.example.com"), Some("*"));

    let listed = "https://app.example.com, http://localhost:3000,http://[::1]:8080,chrome-extension://abc";
    let some = config(&[("CORS_ORIGINS", listed)]).unwrap().cors_origins;
    for origin in ["https://app.example.com", "http://localhost:3000", "http://[::1]:8080", "chrome-extension://abc"] {
        assert_eq!(some.allowed(origin), Some(origin));
    }
    for origin in ["https://app.example.com.evil.com", "https://app.example.com:8443", "http://localhost", "null", ""] {
        assert_eq!(some.allowed(origin), None, "{origin}");
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_refused() {
    for bad in [
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://user@app.example.com",
        "https://",
        "://x",
        "null",
        "https://*.example.com",
        "https://a.com https://b.com",
        "https://bücher.example",
    ] {
        let message = refusal(&[("CORS_ORIGINS", &format!("https://ok.example,{bad}"))]);
        assert!(message.starts_with(&format!("CORS_ORIGINS holds {bad:?};")), "{message}");
    }
    assert!(refusal(&[("CORS_ORIGINS", "*,https://a.com")]).starts_with("CORS_ORIGINS holds \"*\""));
}

#[test]
fn auto_models_are_a_list_or_a_json_array() {
    let models = |value| config(&[("AUTO_MODELS", value)]).unwrap().auto_models;
    assert!(models("").is_empty());
    let both = ["groq/gpt-oss-120b", "qwen"];
    assert_eq!(models("groq/gpt-oss-120b, qwen"), both);
    assert_eq!(models(r#" ["groq/gpt-oss-120b", "qwen"] "#), both);
    assert_eq!(models("groq/openai/gpt-oss-120b").len(), 1, "a provider's own id");
    for (bad, message) in [
        ("qwen,gpt-9", "AUTO_MODELS names \"gpt-9\", which is no model;"),
        ("auto", "AUTO_MODELS names \"auto\", which is no model;"),
        ("openai/gpt-oss-120b", "AUTO_MODELS names \"openai/gpt-oss-120b\", which is no model;"),
        ("azure/qwen", "AUTO_MODELS names \"azure/qwen\", which is no model;"),
        (r#"["qwen", 1]"#, "AUTO_MODELS: [1]: expected a string, found a number"),
        (r#"["qwen""#, "AUTO_MODELS: not valid JSON at line 1, column 8"),
        (r#"["qwen", "qwen"]"#, "AUTO_MODELS: [1]: \"qwen\" is there twice; keep one"),
    ] {
        let refused = refusal(&[("AUTO_MODELS", bad)]);
        assert!(refused.starts_with(message), "{refused}");
    }
}

#[test]
fn free_tier_providers_must_exist() {
    assert_eq!(config(&[("FREE_TIER_PROVIDERS", "groq, ollama,")]).unwrap().free_tier_providers, ["groq", "ollama"]);
    assert_eq!(
        refusal(&[("FREE_TIER_PROVIDERS", "groq,grok")]),
        "FREE_TIER_PROVIDERS names \"grok\", which is no provider; there are: groq, azure, ollama"
    );
}

#[test]
fn a_time_that_is_set_is_that_of_reasoning_models_too_unless_they_have_their_own() {
    for name in ["FIRST_TOKEN_TIMEOUT_MS", "STREAM_IDLE_TIMEOUT_MS", "REQUEST_TIMEOUT_MS"] {
        let reasoning = format!("REASONING_{name}");
        let both = config(&[(name, "7")]).unwrap();
        assert_eq!((read(&both, name), read(&both, &reasoning)), (7, 7));
        let each = config(&[(name, "7"), (&reasoning, "9")]).unwrap();
        assert_eq!((read(&each, name), read(&each, &reasoning)), (7, 9));
    }
}
