//! What each provider's documented error bodies mean. A class decides who is tried next and who is left alone for how
//! long, so a wrong line here is an outage or a false answer.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::provider::{QuotaReset, RESET_MARGIN_MS};
use opengateway::dialect::classify::{ErrorBody, Failure, error_reply};
use opengateway::routing::failure::ErrorClass;
use opengateway::routing::failure::ErrorClass::*;

use crate::dialect_fixture::{plain, row};

fn judged(provider: &str, status: u16, body: &str) -> Failure {
    error_reply(&row(provider), status, &ErrorBody::parse(body.as_bytes()), None, None)
}

/// The message that people are told.
fn told(provider: &str, body: &str) -> Option<String> {
    judged(provider, 400, body).message
}

#[test]
fn every_documented_error_body_has_its_class() {
    let table = include_str!("../fixtures/errors.txt");
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [provider, status, class, body] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let body = if body == "-" { "" } else { body };
        assert_eq!(judged(provider, status.parse().unwrap(), body).class.as_str(), class, "{line}");
    }
}

#[test]
fn every_provider_has_documented_error_bodies() {
    for provider in Catalog::builtin().providers() {
        let line = format!("\n{} ", provider.id);
        assert!(include_str!("../fixtures/errors.txt").contains(&line), "{}", provider.id);
    }
}

#[test]
fn shapes_of_others_are_understood_without_a_row() {
    let provider = plain();
    for (status, body, class, message) in [
        (
            400,
            r#"{"error":{"message":"filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ContentFilter,
            Some("filtered"),
        ),
        (
            400,
            r#"{"error":{"message":"filtered","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ContentFilter,
            Some("filtered"),
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Overloaded,
            Some("Overloaded"),
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#,
            ContextLength,
            Some("prompt is too long: 9 tokens > 8 maximum"),
        ),
        (
            429,
            r#"{"success":false,"errors":[{"code":3036,"message":"you have used up your daily free allocation of 10,000 neurons"}],"result":null}"#,
            QuotaExhausted,
            Some("you have used up your daily free allocation of 10,000 neurons"),
        ),
        (404, r#"{"errors":[]}"#, ModelUnavailable, None),
        (400, r#"{"error":true,"message":"no"}"#, BadRequest, Some("no")),
        (400, "[]", BadRequest, None),
        (400, "7", BadRequest, None),
    ] {
        let failure = error_reply(&provider, status, &ErrorBody::parse(body.as_bytes()), None, None);
        assert_eq!((failure.class, failure.message.as_deref()), (class, message), "{body}");
    }
}

#[test]
fn without_any_words_the_status_decides() {
    for (status, class) in [
        (400, BadRequest),
        (401, BadKey),
        (402, Billing),
        (403, BadKey),
        (404, ModelUnavailable),
        (405, BadRequest),
        (407, BadKey),
        (408, ServerError),
        (409, ServerError),
        (410, ModelUnavailable),
        (411, BadRequest),
        (413, ContextLength),
        (415, BadRequest),
        (418, ServerError),
        (422, BadRequest),
        (424, ServerError),
        (425, ServerError),
        (429, RateLimited),
        (451, ModelUnavailable),
        (498, RateLimited),
        (499, ServerError),
        (500, ServerError),
        (502, ServerError),
        (503, Overloaded),
        (504, ServerError),
        (520, ServerError),
        (524, ServerError),
        (529, Overloaded),
        (599, ServerError),
    ] {
        for body in ["", "<html><h1>Sorry</h1></html>", "{}", "null", "{\"error\":null}", "\u{feff}", "{\"error\":"] {
            let failure = error_reply(&plain(), status, &ErrorBody::parse(body.as_bytes()), None, None);
            assert_eq!((failure.class, failure.message), (class, None), "{status} {body:?}");
        }
    }
}

#[test]
fn the_message_is_what_a_person_can_use() {
    let real = r#"{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"quota of model x"}}}"#;
    assert_eq!(told("openrouter", real).as_deref(), Some("quota of model x"));
    assert_eq!(told("nvidia", r#"{"title":"Bad Request","status":400,"detail":"why"}"#).as_deref(), Some("why"));
    assert_eq!(told("nvidia", r#"{"title":"Bad Request","status":400}"#).as_deref(), Some("Bad Request"));
    assert_eq!(told("fireworks", r#"{"fault":{"faultstring":"Invalid ApiKey"}}"#).as_deref(), Some("Invalid ApiKey"));
    assert_eq!(told("sambanova", r#"{"error":"plain text"}"#).as_deref(), Some("plain text"));
    let list = r#"{"detail":[{"loc":["body","x"],"msg":"Extra inputs"}]}"#;
    assert_eq!(told("nvidia", list).as_deref(), Some(r#"[{"loc":["body","x"],"msg":"Extra inputs"}]"#));
}

#[test]
fn a_message_that_says_nothing_is_none() {
    for body in [r#"{"error":""}"#, r#"{"message":null}"#, r#"{"error":{"message":null}}"#, r#"{"detail":null}"#] {
        assert_eq!(told("vllm", body), None, "{body}");
    }
}

#[test]
fn the_field_at_fault_is_kept_whatever_its_shape() {
    let param = |body: &str| judged("openai", 400, body).param;
    assert_eq!(param(r#"{"error":{"message":"m","param":"max_tokens"}}"#).as_deref(), Some("max_tokens"));
    assert_eq!(param(r#"{"message":"m","param":"messages"}"#).as_deref(), Some("messages"));
    assert_eq!(param(r#"{"error":{"message":"m","param":3}}"#).as_deref(), Some("3"));
    assert_eq!(param(r#"{"error":{"message":"m","param":{"a":1}}}"#), None);
    assert_eq!(param(r#"{"error":{"message":"m","param":null}}"#), None);
}

#[test]
fn a_wait_comes_from_the_headers_else_from_the_body() {
    let body = r#"[{"error":{"code":429,"message":"m","details":[{"@type":"a"},{"retryDelay":"34.4s"}]}}]"#;
    let wait = |headers, body: &str| {
        error_reply(&row("gemini"), 429, &ErrorBody::parse(body.as_bytes()), headers, None).retry_after_ms
    };
    assert_eq!(wait(None, body), Some(34_400));
    assert_eq!(wait(Some(7), body), Some(7));
    for delay in ["34.4", "s", "-1s", "NaNs", "infs", ""] {
        assert_eq!(wait(None, &body.replace("34.4s", delay)), None, "{delay}");
    }
    assert_eq!(wait(None, r#"{"error":{"details":{"retryDelay":"1s"}}}"#), None);
    assert_eq!(wait(None, r#"{"error":{"details":[{"retryDelay":7},null,{"retryDelay":"1s"}]}}"#), Some(1000));
}

/// 2026-11-21T12:00:00Z.
const NOON: u64 = 1_795_262_400_000;
const HOUR_MS: u64 = 60 * 60 * 1000;

#[test]
fn a_quota_of_the_day_lasts_as_long_as_the_provider_says_else_to_the_reset_of_its_row() {
    let perday = r#"[{"error":{"message":"m","details":[{"quotaId":"RequestsPerDay"},{"retryDelay":"36s"}]}}]"#;
    let plainly = r#"{"error":{"message":"requests per day (RPD): limit 1000"}}"#;
    let late_ms = RESET_MARGIN_MS;
    for (provider, body, told, wait_ms) in [
        // Google's delay is one of a minute, whatever the quota.
        ("gemini", perday, None, Some(20 * HOUR_MS + late_ms)),
        ("gemini", perday, Some(7_000), Some(7_000)),
        ("openrouter", r#"{"error":{"message":"free-models-per-day"}}"#, None, Some(12 * HOUR_MS + late_ms)),
        ("groq", plainly, None, None),
        ("groq", plainly, Some(86_400), Some(86_400)),
    ] {
        let failure = error_reply(&row(provider), 429, &ErrorBody::parse(body.as_bytes()), told, None);
        let failure = failure.to_reset(&row(provider), NOON);
        assert_eq!(
            (failure.class, failure.retry_after_ms),
            (ErrorClass::QuotaExhausted, wait_ms),
            "{provider} {told:?}"
        );
    }
    let of_a_minute = perday.replace("PerDay", "PerMinute");
    let failure = error_reply(&row("gemini"), 429, &ErrorBody::parse(of_a_minute.as_bytes()), None, None);
    let failure = failure.to_reset(&row("gemini"), NOON);
    assert_eq!((failure.class, failure.retry_after_ms), (ErrorClass::RateLimited, Some(36_000)));
}

#[test]
fn a_day_begins_anew_some_minutes_after_midnight_and_no_refusal_just_after_it_costs_another_day() {
    const MIDNIGHT: u64 = NOON - 12 * HOUR_MS;
    let late = RESET_MARGIN_MS;
    for (reset, now_ms, wanted) in [
        (QuotaReset::UtcMidnight, NOON, MIDNIGHT + 24 * HOUR_MS + late),
        (QuotaReset::UtcMidnight, MIDNIGHT - 1, MIDNIGHT + late),
        (QuotaReset::UtcMidnight, MIDNIGHT, MIDNIGHT + late),
        (QuotaReset::UtcMidnight, MIDNIGHT + late - 1, MIDNIGHT + late),
        (QuotaReset::UtcMidnight, MIDNIGHT + late, MIDNIGHT + 24 * HOUR_MS + late),
        (QuotaReset::PacificMidnight, NOON, MIDNIGHT + 32 * HOUR_MS + late),
        (QuotaReset::PacificMidnight, MIDNIGHT + HOUR_MS, MIDNIGHT + 8 * HOUR_MS + late),
        (QuotaReset::PacificMidnight, MIDNIGHT + 8 * HOUR_MS, MIDNIGHT + 8 * HOUR_MS + late),
    ] {
        assert_eq!(reset.after(now_ms), wanted, "{reset:?} at {now_ms}");
    }
}

#[test]
fn openrouter_tells_the_reset_in_the_body() {
    let body = |reset: &str| {
        let headers =
            format!(r#"{{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":{reset}}}"#);
        format!(r#"{{"error":{{"code":429,"message":"free-models-per-min","metadata":{{"headers":{headers}}}}}}}"#)
    };
    let after = |text: &str| ErrorBody::parse(body(text).as_bytes()).reset_after_ms(NOON);
    assert_eq!(after(&format!("\"{}\"", NOON + 42_000)), Some(42_000));
    assert_eq!(after(&format!("{}", NOON + 42_000)), Some(42_000));
    assert_eq!(after("\"soon\""), None);
    assert_eq!(ErrorBody::parse(b"{}").reset_after_ms(NOON), None);
}

#[test]
fn the_key_that_was_sent_is_in_no_message() {
    let body = r#"{"error":{"message":"bad key q1w2e3r4t5","param":"q1w2e3r4t5"}}"#;
    let failure = error_reply(&plain(), 401, &ErrorBody::parse(body.as_bytes()), None, Some("q1w2e3r4t5"));
    assert!(!format!("{failure:?}").contains("q1w2e3"), "{failure:?}");
}

#[test]
fn an_endless_body_is_read_only_so_far() {
    let long = format!("{{\"error\":{{\"message\":\"{}\"}}}}", "ä".repeat(100_000));
    let failure = judged("openai", 503, &long);
    assert_eq!((failure.class, failure.message), (Overloaded, None));
}

/// What a rule benches by its text alone, a client must not be able to say through a provider's mouth.
#[test]
fn what_a_client_wrote_benches_nobody_where_a_provider_quotes_it() {
    let quoted = |words: &str| {
        format!(
            r#"{{"error":{{"message":"Unrecognized request argument supplied: {words}","type":"invalid_request_error"}}}}"#
        )
    };
    for provider in Catalog::builtin().providers() {
        let texts = provider.errors.iter().filter_map(|rule| rule.message.as_deref());
        for words in
            texts.chain(["incorrect api key", "api key not valid", "billing", "insufficient_quota", "invalid_api_key"])
        {
            for (status, usual) in [(400, BadRequest), (404, ModelUnavailable), (422, BadRequest), (200, InvalidReply)]
            {
                let class =
                    error_reply(provider, status, &ErrorBody::parse(quoted(words).as_bytes()), None, None).class;
                let benches = matches!(class, BadKey | Billing | QuotaExhausted | ModelUnavailable);
                assert!(!benches || class == usual, "{} {status} {words}: {class:?}", provider.id);
            }
        }
    }
}

#[test]
fn what_a_provider_says_by_itself_benches_whom_it_means() {
    for (provider, status, message, class) in [
        ("xai", 400, "Incorrect API key provided: xa***. You can obtain one at https://console.x.ai.", BadKey),
        ("xai", 400, "  incorrect API KEY provided", BadKey),
        ("gemini", 400, "API key not valid. Please pass a valid API key.", BadKey),
        ("gemini", 400, "The field `API key not valid` is unknown", BadRequest),
        ("groq", 400, "Incorrect API key provided", BadKey),
        ("groq", 400, "Incorrect", BadRequest),
        ("groq", 400, "Inc\u{f6}rrect API key provided", BadRequest),
        ("openai", 400, "This is not a chat model and thus not supported", ModelUnavailable),
        ("openai", 400, "Unknown parameter: 'this is not a chat model'.", BadRequest),
        ("openrouter", 400, "foo/bar is not a valid model ID", ModelUnavailable),
        ("openrouter", 400, "Unknown key 'x is not a valid model id'", BadRequest),
        ("openrouter", 404, "No endpoints found that support tool use", BadRequest),
        ("openrouter", 404, "No allowed providers are available for the selected model", ModelUnavailable),
    ] {
        let body = serde_json::json!({"error": {"message": message}}).to_string();
        assert_eq!(judged(provider, status, &body).class, class, "{provider} {status} {message}");
    }
}

#[test]
fn a_code_is_the_providers_own_word_wherever_it_stands() {
    let body = r#"{"error":{"message":"no","code":"invalid_api_key"}}"#;
    assert_eq!(judged("openai", 400, body).class, BadKey);
    let body = r#"{"error":{"message":"no","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    assert_eq!(judged("gemini", 400, body).class, BadKey);
    let body = r#"{"error":{"message":"no","code":"model_decommissioned"}}"#;
    assert_eq!(judged("groq", 400, body).class, ModelUnavailable);
}
