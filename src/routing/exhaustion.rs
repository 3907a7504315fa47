//! What the client is told when no candidate answered: one status for the whole of what was tried.

use super::failure::ErrorClass;
use crate::health::outcome::{QUOTA_BENCH_MS, RATE_LIMIT_MS};
use crate::openai::error::{ApiError, ErrorType};

/// The part of a failed attempt that decides the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why it failed.
    pub class: ErrorClass,
    /// The provider's id.
    pub provider: String,
    /// The provider's own words, scrubbed of keys.
    pub message: Option<String>,
    /// The field that the provider named.
    pub param: Option<String>,
    /// How long the provider asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// The status of a request whose client left, in the accounts alone: nobody is there to read it. nginx's number for it.
pub const CLIENT_CLOSED: u16 = 499;

/// The longest `Retry-After` that OpenAI's SDKs obey; above it they try again at once, in vain.
pub const MAX_OBEYED_MS: u64 = 60 * 1000;

impl Failed {
    /// How long it will fail: what the provider said, else what [`crate::health`] takes it for.
    fn wait_ms(&self) -> Option<u64> {
        match self.class {
            ErrorClass::RateLimited => Some(self.retry_after_ms.unwrap_or(RATE_LIMIT_MS)),
            ErrorClass::QuotaExhausted => Some(self.retry_after_ms.unwrap_or(QUOTA_BENCH_MS)),
            // Waiting does not make the request smaller.
            ErrorClass::TooLargeForPlan => None,
            ErrorClass::Connect
            | ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::BadKey
            | ErrorClass::Billing
            | ErrorClass::ModelUnavailable
            | ErrorClass::ContextLength
            | ErrorClass::BadRequest
            | ErrorClass::ContentFilter
            | ErrorClass::InvalidReply
            | ErrorClass::ModelMisbehaved
            | ErrorClass::Timeout
            | ErrorClass::StreamCut
            | ErrorClass::ClientClosed => self.retry_after_ms,
        }
    }
}

/// What only the operator can mend, so that trying again is in vain.
const OPERATORS: [ErrorClass; 4] =
    [ErrorClass::BadKey, ErrorClass::Billing, ErrorClass::ModelUnavailable, ErrorClass::TooLargeForPlan];

/// The error for a request whose every attempt failed. `failed` is in order of the attempts.
///
/// Never a 500, and never the 401 or 403 of another party.
pub fn error(failed: &[Failed]) -> ApiError {
    // A model that was too small could never have answered: where others were tried, theirs is the story.
    let could: Vec<&Failed> = failed.iter().filter(|attempt| attempt.class != ErrorClass::ContextLength).collect();
    let judged = if could.is_empty() { failed.iter().collect() } else { could };
    let Some(last) = judged.last() else {
        return ApiError::new(503, ErrorType::Server, "no_provider_available", "No provider is available. Try again.");
    };
    let all = |classes: &[ErrorClass]| judged.iter().all(|attempt| classes.contains(&attempt.class));
    let said = |attempt: &Failed| match &attempt.message {
        Some(message) => format!("{}: {message}", attempt.provider),
        None => format!("{} failed ({}).", attempt.provider, attempt.class.as_str()),
    };
    let soonest = judged.iter().filter_map(|attempt| attempt.wait_ms()).min();

    // What the caller can mend comes first, whatever was tried before it.
    match last.class {
        ErrorClass::ContentFilter => {
            return ApiError::invalid(
                "content_filter",
                format!("The prompt or the answer was refused by a content filter. {}", said(last)),
            );
        }
        ErrorClass::BadRequest => {
            let api = ApiError::invalid("provider_refused_request", format!("The request was refused. {}", said(last)));
            return match &last.param {
                Some(param) => api.with_param(param.clone()),
                None => api,
            };
        }
        ErrorClass::ClientClosed => {
            return ApiError::new(
                CLIENT_CLOSED,
                ErrorType::InvalidRequest,
                "client_closed",
                "The client closed the request.",
            );
        }
        ErrorClass::Connect
        | ErrorClass::ServerError
        | ErrorClass::Overloaded
        | ErrorClass::RateLimited
        | ErrorClass::TooLargeForPlan
        | ErrorClass::QuotaExhausted
        | ErrorClass::BadKey
        | ErrorClass::Billing
        | ErrorClass::ModelUnavailable
        | ErrorClass::ContextLength
        | ErrorClass::InvalidReply
        | ErrorClass::ModelMisbehaved
        | ErrorClass::Timeout
        | ErrorClass::StreamCut => {}
    }
    if all(&[ErrorClass::ContextLength]) {
        return ApiError::invalid(
            "context_length_exceeded",
            format!("The prompt is too long for every model that could be used. Shorten it. {}", said(last)),
        )
        .with_param("messages");
    }
    if all(&[ErrorClass::BadKey]) {
        return ApiError {
            should_retry: Some(false),
            ..ApiError::new(
                502,
                ErrorType::Server,
                "provider_authentication_failed",
                format!(
                    "{} refused the gateway's key. The operator must renew it; your own key is fine.",
                    names(&judged)
                ),
            )
        };
    }
    if all(&[ErrorClass::Billing]) {
        return ApiError {
            should_retry: Some(false),
            ..ApiError::new(
                502,
                ErrorType::Server,
                "provider_billing_failed",
                format!(
                    "{} has no credit left for the gateway's account. The operator must top it up.",
                    names(&judged)
                ),
            )
        };
    }
    if all(&[ErrorClass::ModelUnavailable]) {
        return ApiError::new(
            404,
            ErrorType::InvalidRequest,
            "model_not_found",
            format!("The model is not available (any more). {}", said(last)),
        )
        .with_param("model");
    }
    if all(&[ErrorClass::TooLargeForPlan]) {
        return ApiError {
            should_retry: Some(false),
            ..ApiError::new(
                429,
                ErrorType::RateLimit,
                "request_too_large_for_plan",
                format!("The request is larger than the account's rate limit allows at all. {}", said(last)),
            )
        };
    }
    if all(&[ErrorClass::RateLimited, ErrorClass::QuotaExhausted, ErrorClass::TooLargeForPlan]) {
        return ApiError {
            retry_after_ms: soonest,
            should_retry: soonest.filter(|&wait_ms| wait_ms > MAX_OBEYED_MS).map(|_| false),
            ..ApiError::new(
                429,
                ErrorType::RateLimit,
                "rate_limit_exceeded",
                format!("Every provider that could answer is rate-limited ({}). {}", names(&judged), said(last)),
            )
        };
    }
    if all(&[ErrorClass::Overloaded]) {
        return ApiError {
            retry_after_ms: soonest,
            ..ApiError::new(
                503,
                ErrorType::Server,
                "provider_overloaded",
                format!("Every provider that could answer is overloaded ({}). Try again soon.", names(&judged)),
            )
        };
    }
    if all(&[ErrorClass::Timeout]) {
        return ApiError::new(
            504,
            ErrorType::Server,
            "provider_timeout",
            format!("No provider answered in time ({}).", names(&judged)),
        );
    }
    if last.class == ErrorClass::ModelMisbehaved {
        return ApiError::new(
            502,
            ErrorType::Server,
            "invalid_model_output",
            format!("No model wrote a usable answer ({}). The last one: {}", names(&judged), said(last)),
        );
    }
    // What a provider refused the client may mend, although another provider's fault decides the status.
    let refused = judged.iter().find(|attempt| attempt.class == ErrorClass::BadRequest);
    let refusal =
        refused.map(|attempt| format!(" The request was refused before: {}", said(attempt))).unwrap_or_default();
    ApiError {
        should_retry: all(&OPERATORS).then_some(false),
        ..ApiError::new(
            502,
            ErrorType::Server,
            "provider_error",
            format!("No provider could answer ({}). The last one: {}{refusal}", names(&judged), said(last)),
        )
    }
}

/// The error for a request that the client itself gave `ms` milliseconds, which are over. `failed` is in order of the
/// attempts, if any were made.
pub fn out_of_time(failed: &[Failed], ms: u64) -> ApiError {
    let callers = [ErrorClass::ContentFilter, ErrorClass::BadRequest, ErrorClass::ClientClosed];
    if failed.last().is_some_and(|last| callers.contains(&last.class)) {
        return error(failed);
    }
    let tried = names(&failed.iter().collect::<Vec<_>>());
    let tried = if tried.is_empty() { "nobody was asked".to_owned() } else { format!("asked: {tried}") };
    let message = format!("No provider answered within the {ms} ms that the request's own timeout allows ({tried}).");
    ApiError::new(504, ErrorType::Server, "provider_timeout", message)
}

/// The providers that were tried, each once.
fn names(failed: &[&Failed]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for attempt in failed {
        if !names.contains(&attempt.provider.as_str()) {
            names.push(&attempt.provider);
        }
    }
    names.join(", ")
}
