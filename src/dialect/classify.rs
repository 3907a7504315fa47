//! Puts a provider's error reply into an [`ErrorClass`]: first by the provider's own row, then by what all providers
//! have in common, and by the HTTP status only at last.

use crate::json::Value;

use super::scrub::scrub;
use super::{reset, retry_after};
use crate::catalog::provider::{ErrorRule, ProviderSpec};
use crate::routing::failure::ErrorClass;

/// The most bytes of an error body that are read: the longest real ones (FastAPI's validation lists) are a few KB.
pub const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;

/// What an error body says, whatever its shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// `error.message`, `detail`, `title`: the text for people.
    pub message: Option<String>,
    /// `error.code` as text.
    pub code: Option<String>,
    /// `error.type`, or Google's `status`.
    pub error_type: Option<String>,
    /// `error.param`.
    pub param: Option<String>,
    /// How long to wait, where the body says so, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// When the limit begins anew, as OpenRouter says it: `error.metadata.headers["X-RateLimit-Reset"]`.
    reset: Option<String>,
    /// `error.details[].reason` at Google.
    reason: Option<String>,
    /// All of the body in lower case, for the texts that are looked for anywhere in it.
    haystack: String,
}

/// A judged failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub class: ErrorClass,
    /// The HTTP status that the provider sent, if it answered at all.
    pub status: Option<u16>,
    /// The provider's words, scrubbed.
    pub message: Option<String>,
    /// The field that the provider named.
    pub param: Option<String>,
    /// How long the provider asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// A failure that comes with no words of the provider's.
    pub const fn bare(class: ErrorClass, status: Option<u16>) -> Self {
        Self { class, status, message: None, param: None, retry_after_ms: None }
    }

    /// A failure whose reason the gateway itself found.
    pub fn told(class: ErrorClass, status: Option<u16>, message: &str) -> Self {
        Self { message: Some(message.to_owned()), ..Self::bare(class, status) }
    }

    /// With the provider's own clock where a quota of the day is used up and it does not say for how long.
    #[must_use]
    pub fn to_reset(self, provider: &ProviderSpec, now_ms: u64) -> Self {
        let reset = provider.quota_reset.filter(|_| self.class == ErrorClass::QuotaExhausted);
        let wait_ms = reset.map(|reset| reset.after(now_ms).saturating_sub(now_ms));
        Self { retry_after_ms: self.retry_after_ms.or(wait_ms), ..self }
    }
}

impl ErrorBody {
    /// Reads a body leniently. What is no JSON has only a haystack.
    pub fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body.get(..MAX_ERROR_BODY_BYTES).unwrap_or(body));
        // ASCII alone, as are the words that are looked for: the tables for the rest of Unicode weigh 11 KB gzip.
        let mut parsed = Self { haystack: text.to_ascii_lowercase(), ..Self::default() };
        if let Ok(value) = Value::parse(&text) {
            parsed.read(&value);
        }
        parsed
    }

    fn read(&mut self, value: &Value) {
        // Google's compatible endpoint wraps the object in an array of one.
        let outer = value.as_array().and_then(|items| items.first()).unwrap_or(value);
        let inner = ["error", "fault"].iter().find_map(|key| outer.get(key)).filter(|inner| !inner.is_null());
        let inner =
            inner.or_else(|| outer.get("errors").and_then(|errors| errors.as_array()?.first())).unwrap_or(outer);
        let text = |key: &str| [inner, outer].into_iter().find_map(|level| level.get(key).and_then(as_text));
        let inside = |path: &[&str]| path.iter().try_fold(inner, |value, name| value.get(name)).and_then(as_text);
        // What the binding `AI` of Cloudflare Workers passes on (workerd, ai-api.ts).
        self.code = text("code").or_else(|| text("internalCode")).or_else(|| inside(&["innererror", "code"]));
        self.error_type = text("status").filter(|status| status.parse::<u16>().is_err()).or_else(|| text("type"));
        self.param = text("param");
        self.message = inner
            .as_str()
            .and_then(|_| as_text(inner))
            // OpenRouter keeps the real provider's words there.
            .or_else(|| inside(&["metadata", "raw"]))
            .or_else(|| ["message", "faultstring", "detail", "title"].iter().find_map(|key| text(key)))
            .or_else(|| ["message", "detail"].iter().find_map(|key| inner.get(key).and_then(as_list)));
        self.reset = inside(&["metadata", "headers", "X-RateLimit-Reset"]);
        let details = inner.get("details").and_then(Value::as_array);
        self.reason = details.and_then(|details| details.iter().find_map(|item| item.get("reason").and_then(as_text)));
        self.retry_after_ms = details.and_then(|details| {
            details.iter().find_map(|item| retry_after::from_seconds_text(item.get("retryDelay")?.as_str()?))
        });
    }

    /// For how long the limit lasts that the body tells of, in milliseconds.
    pub fn reset_after_ms(&self, now_ms: u64) -> Option<u64> {
        Some(reset::parse(self.reset.as_deref()?, now_ms)?.saturating_sub(now_ms))
    }

    /// Whether the body says `text` (lower case) anywhere.
    fn says(&self, text: &str) -> bool {
        self.haystack.contains(text)
    }

    /// Whether the message begins with `text` (lower case). Providers repeat what a client wrote (a field's name, a
    /// value) inside their messages, but not at the beginning.
    fn begins(&self, text: &str) -> bool {
        self.message.as_deref().is_some_and(|message| starts_with(message.trim_start(), text))
    }

    /// The same behind the first word, which is the model's name where a message is about a model.
    fn begins_behind_a_name(&self, text: &str) -> bool {
        let message = self.message.as_deref().and_then(|message| message.trim_start().split_once(' '));
        message.is_some_and(|(_, rest)| starts_with(rest, text))
    }

    fn is(&self, code: &str) -> bool {
        let same = |field: &Option<String>| field.as_deref().is_some_and(|field| field.eq_ignore_ascii_case(code));
        same(&self.code) || same(&self.error_type) || same(&self.reason)
    }
}

fn starts_with(message: &str, text: &str) -> bool {
    message.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.clone()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What says what is wrong in a form of its own, such as FastAPI's list of findings.
fn as_list(value: &Value) -> Option<String> {
    matches!(value, Value::Array(_) | Value::Object(_)).then(|| value.to_json())
}

/// Judges an error reply. `secret` is the key that was sent, so that it can be taken out of the provider's text.
pub fn error_reply(
    provider: &ProviderSpec,
    status: u16,
    body: &ErrorBody,
    retry_after_ms: Option<u64>,
    secret: Option<&str>,
) -> Failure {
    let by_rule = provider.errors.iter().find(|rule| matches(rule, status, body)).map(|rule| rule.class);
    let class = by_rule.or_else(|| by_words(status, body)).unwrap_or_else(|| by_status(status));
    // Google tells to come back in half a minute, whichever quota it is.
    let of_a_day = class == ErrorClass::QuotaExhausted && provider.quota_reset.is_some();
    Failure {
        class,
        status: Some(status),
        message: body.message.as_deref().map(|message| scrub(message, secret)),
        param: body.param.as_deref().map(|param| scrub(param, secret)),
        retry_after_ms: retry_after_ms.or(body.retry_after_ms.filter(|_| !of_a_day)),
    }
}

fn matches(rule: &ErrorRule, status: u16, body: &ErrorBody) -> bool {
    let same = |wanted: &Option<crate::catalog::provider::Text>, found: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| found.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
    };
    rule.status.is_none_or(|wanted| wanted == status)
        && (same(&rule.code, &body.code) || same(&rule.code, &body.reason))
        && same(&rule.error_type, &body.error_type)
        && rule.message.as_ref().is_none_or(|text| {
            // What benches a provider or a model for everybody must not be in a client's hands, and these statuses are
            // where clients are quoted. A code beside the text is the provider's own word.
            let quotes =
                matches!(status, 200..=299 | 400 | 404 | 422) && rule.code.is_none() && rule.error_type.is_none();
            if quotes && matches!(rule.class, ErrorClass::BadKey | ErrorClass::Billing) {
                body.begins(text)
            } else if quotes && rule.class == ErrorClass::ModelUnavailable {
                body.begins(text) || body.begins_behind_a_name(text)
            } else {
                body.says(text)
            }
        })
}

/// Texts by which providers say that a prompt is too long; the sources are in the catalogue's facts.
const TOO_LONG: [&str; 17] = [
    "context_length_exceeded",
    "prompt is too long",
    "input is too long",
    "maximum context length",
    "exceeds the context window",
    "exceed context limit",
    "exceeds the maximum number of tokens allowed",
    "maximum prompt length",
    "reduce the length of the messages",
    "too large for model with",
    "longer than the model's context length",
    "`max_new_tokens` must be",
    "exceeds the available context size",
    "greater than the context length",
    "context length exceeded",
    "token limit exceeded",
    "exceeds max length",
];

/// Texts by which providers say that a quota of a day or a month is used up, not only one of a minute.
const LONG_QUOTA: [&str; 12] = [
    "perday",
    "per day",
    "per-day",
    "daily limit",
    "daily quota",
    "daily free allocation",
    "(rpd)",
    "(tpd)",
    "monthly limit",
    "monthly quota",
    "request_quota_exceeded_day",
    "free-models-per-day",
];

/// What the words of an error mean at any provider.
fn by_words(status: u16, body: &ErrorBody) -> Option<ErrorClass> {
    if body.is("content_filter")
        || body.is("content_policy_violation")
        || body.is("moderation_blocked")
        || body.says("responsibleaipolicyviolation")
    {
        return Some(ErrorClass::ContentFilter);
    }
    match status {
        200..=299 | 400 | 413 | 422 if TOO_LONG.iter().any(|text| body.says(text)) => Some(ErrorClass::ContextLength),
        400 if body.is("invalid_api_key") || body.begins("api key not valid") || body.begins("incorrect api key") => {
            Some(ErrorClass::BadKey)
        }
        400 if body.is("model_decommissioned") || body.is("model_not_found") || body.is("model_deprecated") => {
            Some(ErrorClass::ModelUnavailable)
        }
        403 if body.says("does not have access") || body.says("requires a subscription") => {
            Some(ErrorClass::ModelUnavailable)
        }
        429 if body.is("insufficient_quota") => Some(ErrorClass::Billing),
        429 if body.says("request too large") => Some(ErrorClass::TooLargeForPlan),
        429 if LONG_QUOTA.iter().any(|text| body.says(text)) => Some(ErrorClass::QuotaExhausted),
        _ => None,
    }
}

/// What a status means where the body says nothing.
fn by_status(status: u16) -> ErrorClass {
    match status {
        // An error body that came with a success.
        200..=299 => ErrorClass::InvalidReply,
        // 431: of headers only those are large that the client sent to be forwarded.
        400 | 405 | 406 | 411 | 415 | 416 | 422 | 431 => ErrorClass::BadRequest,
        401 | 403 | 407 => ErrorClass::BadKey,
        402 => ErrorClass::Billing,
        404 | 410 | 451 => ErrorClass::ModelUnavailable,
        413 | 414 => ErrorClass::ContextLength,
        429 | 498 => ErrorClass::RateLimited,
        503 | 529 => ErrorClass::Overloaded,
        // Redirects are not followed; 408, 409, 424, 425 and everything unheard of is a fault over there.
        _ => ErrorClass::ServerError,
    }
}
