//! What the client is told when nobody answered.

use opengateway::health::outcome::{QUOTA_BENCH_MS, RATE_LIMIT_MS};
use opengateway::openai::error::{ApiError, ErrorType};
use opengateway::routing::exhaustion::{Failed, error, out_of_time};
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

use ErrorClass::{
    BadKey, BadRequest, Billing, ClientClosed, Connect, ContentFilter, ContextLength, InvalidReply, ModelMisbehaved,
    ModelUnavailable, Overloaded, QuotaExhausted, RateLimited, ServerError, StreamCut, Timeout, TooLargeForPlan,
};

const PROVIDERS: [&str; 4] = ["groq", "cerebras", "groq", "nvidia"];

fn attempt(class: ErrorClass, provider: &str) -> Failed {
    Failed {
        class,
        provider: provider.to_owned(),
        message: Some(format!("words of {provider}")),
        param: Some("top_k".to_owned()),
        retry_after_ms: None,
    }
}

fn failed(classes: &[ErrorClass]) -> Vec<Failed> {
    classes.iter().zip(PROVIDERS.iter().cycle()).map(|(class, provider)| attempt(*class, provider)).collect()
}

fn told(classes: &[ErrorClass]) -> ApiError {
    error(&failed(classes))
}

fn short(classes: &[ErrorClass]) -> (u16, &'static str) {
    let api = told(classes);
    (api.status, api.code)
}

#[test]
fn one_class_alone_has_one_answer() {
    for class in ErrorClass::ALL {
        let (status, code, error_type) = match class {
            BadKey => (502, "provider_authentication_failed", ErrorType::Server),
            Billing => (502, "provider_billing_failed", ErrorType::Server),
            ModelUnavailable => (404, "model_not_found", ErrorType::InvalidRequest),
            ContextLength => (400, "context_length_exceeded", ErrorType::InvalidRequest),
            BadRequest => (400, "provider_refused_request", ErrorType::InvalidRequest),
            ContentFilter => (400, "content_filter", ErrorType::InvalidRequest),
            RateLimited | QuotaExhausted => (429, "rate_limit_exceeded", ErrorType::RateLimit),
            TooLargeForPlan => (429, "request_too_large_for_plan", ErrorType::RateLimit),
            Overloaded => (503, "provider_overloaded", ErrorType::Server),
            Timeout => (504, "provider_timeout", ErrorType::Server),
            ClientClosed => (499, "client_closed", ErrorType::InvalidRequest),
            ModelMisbehaved => (502, "invalid_model_output", ErrorType::Server),
            Connect | ServerError | InvalidReply | StreamCut => (502, "provider_error", ErrorType::Server),
        };
        for count in 1..4 {
            let api = told(&vec![class; count]);
            assert_eq!((api.status, api.code, api.error_type), (status, code, error_type), "{class:?} x {count}");
        }
    }
}

#[test]
fn mixed_failures_have_the_answer_that_is_true_of_all() {
    for (classes, answer) in [
        (&[RateLimited, QuotaExhausted, TooLargeForPlan][..], (429, "rate_limit_exceeded")),
        (&[RateLimited, Overloaded], (502, "provider_error")),
        (&[RateLimited, Connect], (502, "provider_error")),
        (&[BadKey, Billing], (502, "provider_error")),
        (&[Timeout, Overloaded], (502, "provider_error")),
        (&[ModelUnavailable, BadKey], (502, "provider_error")),
        (&[ServerError, ContentFilter], (400, "content_filter")),
        (&[BadRequest, ServerError], (502, "provider_error")),
        (&[BadRequest, BadRequest], (400, "provider_refused_request")),
        (&[ServerError, BadRequest], (400, "provider_refused_request")),
    ] {
        assert_eq!(short(classes), answer, "{classes:?}");
    }
}

#[test]
fn a_model_that_was_too_small_does_not_decide_where_others_were_tried() {
    for class in ErrorClass::ALL {
        let alone = short(&[class]);
        assert_eq!(short(&[ContextLength, class]), alone, "{class:?} after it");
        assert_eq!(short(&[class, ContextLength]), alone, "{class:?} before it");
    }
    let api = told(&[ContextLength, BadKey]);
    assert!(api.message.starts_with("cerebras refused the gateway's key"), "{}", api.message);
}

#[test]
fn the_fields_that_the_caller_can_mend_are_named() {
    assert_eq!(told(&[BadRequest]).param.as_deref(), Some("top_k"));
    assert_eq!(told(&[ContextLength]).param.as_deref(), Some("messages"));
    assert_eq!(told(&[ModelUnavailable]).param.as_deref(), Some("model"));
    assert_eq!(told(&[ServerError]).param, None);
}

#[test]
fn what_a_provider_refused_is_told_although_another_one_decides() {
    assert_eq!(
        told(&[BadRequest, ServerError]).message,
        "No provider could answer (groq, cerebras). The last one: cerebras: words of cerebras \
         The request was refused before: groq: words of groq"
    );
    let silent = Failed { message: None, ..attempt(BadRequest, "groq") };
    let message = error(&[silent, attempt(Connect, "cerebras")]).message;
    assert!(message.ends_with("The request was refused before: groq failed (bad_request)."), "{message}");
    assert_eq!(short(&[BadRequest, ServerError]), (502, "provider_error"));
    assert!(!told(&[Timeout, ServerError]).message.contains("refused"));
}

#[test]
fn the_providers_words_and_names_are_told_once() {
    assert_eq!(
        told(&[ServerError, Timeout, Connect]).message,
        "No provider could answer (groq, cerebras). The last one: groq: words of groq"
    );
    let silent = Failed { message: None, ..attempt(InvalidReply, "groq") };
    assert!(error(&[silent]).message.ends_with("groq failed (invalid_reply)."));
}

#[test]
fn without_an_attempt_it_is_a_503() {
    let api = error(&[]);
    assert_eq!((api.status, api.code, api.should_retry), (503, "no_provider_available", None));
}

#[test]
fn the_soonest_wait_is_told_and_a_limit_always_has_one() {
    let wait = |class, retry_after_ms| Failed { retry_after_ms, ..attempt(class, "groq") };
    for (attempts, expected) in [
        (vec![wait(RateLimited, Some(9_000)), wait(RateLimited, Some(2_000))], Some(2_000)),
        (vec![wait(RateLimited, None)], Some(RATE_LIMIT_MS)),
        (vec![wait(QuotaExhausted, None)], Some(QUOTA_BENCH_MS)),
        (vec![wait(QuotaExhausted, Some(5)), wait(RateLimited, None)], Some(5)),
        (vec![wait(RateLimited, Some(30_000)), wait(TooLargeForPlan, Some(1))], Some(30_000)),
        (vec![wait(ContextLength, Some(1)), wait(RateLimited, Some(7))], Some(7)),
        (vec![wait(Overloaded, Some(3_000)), wait(Overloaded, None)], Some(3_000)),
        (vec![wait(Overloaded, None)], None),
        (vec![wait(Timeout, Some(3_000))], None),
        (vec![wait(BadKey, Some(3_000))], None),
    ] {
        assert_eq!(error(&attempts).retry_after_ms, expected, "{attempts:?}");
    }
}

#[test]
fn sdks_are_told_not_to_try_again_where_it_is_in_vain() {
    for (classes, should_retry) in [
        (&[BadKey][..], Some(false)),
        (&[Billing], Some(false)),
        (&[TooLargeForPlan], Some(false)),
        (&[QuotaExhausted], Some(false)),
        (&[BadKey, Billing, ModelUnavailable], Some(false)),
        (&[RateLimited], None),
        (&[QuotaExhausted, RateLimited], None),
        (&[BadKey, ServerError], None),
        (&[Overloaded], None),
        (&[Timeout], None),
        (&[ServerError], None),
        // A 400 and a 404 are not tried again anyway.
        (&[BadRequest], None),
        (&[ModelUnavailable], None),
    ] {
        assert_eq!(told(classes).should_retry, should_retry, "{classes:?}");
    }
}

#[test]
fn when_the_clients_own_time_is_over_that_is_what_it_is_told_unless_it_must_mend_the_request() {
    for class in ErrorClass::ALL {
        let tried = failed(&[ServerError, class]);
        let api = out_of_time(&tried, 1_500);
        if [ContentFilter, BadRequest, ClientClosed].contains(&class) {
            assert_eq!(api, error(&tried), "{class:?}");
            continue;
        }
        assert_eq!((api.status, api.code, api.error_type), (504, "provider_timeout", ErrorType::Server), "{class:?}");
        let words =
            "No provider answered within the 1500 ms that the request's own timeout allows (asked: groq, cerebras).";
        assert_eq!(api.message, words);
    }
    assert!(out_of_time(&[], 1).message.ends_with("(nobody was asked)."));
}

proptest! {
    #[test]
    fn it_is_never_our_fault_and_never_another_partys_refusal(
        classes in prop::collection::vec((0..ErrorClass::ALL.len()).prop_map(|at| ErrorClass::ALL[at]), 0..7),
    ) {
        let api = told(&classes);
        prop_assert!(![500, 401, 403].contains(&api.status));
        prop_assert!((400..600).contains(&api.status));
        prop_assert!(!api.code.is_empty() && !api.message.is_empty());
        if api.status == 429 {
            prop_assert!(api.retry_after_ms.is_some() || api.should_retry == Some(false));
        }
    }
}
