//! What the outcome of one attempt means for the health of the candidate.

use crate::json::Value;

use super::headroom::Headroom;
use super::wire;
use crate::json::ObjectWriter;
use crate::routing::failure::ErrorClass;

/// How long a refused key is left alone: long enough not to bother the provider with it, short enough that a key which
/// the operator mended is used again without a deployment.
pub const KEY_BENCH_MS: u64 = 10 * 60 * 1000;
/// How long a model is left alone that the provider says it does not serve.
pub const MODEL_BENCH_MS: u64 = 10 * 60 * 1000;
/// How long a used-up quota is left alone when the provider does not say when it resets.
pub const QUOTA_BENCH_MS: u64 = 60 * 60 * 1000;
/// How long a rate limit is taken to last when the provider does not say: most are counted by the minute, and the
/// providers that send no `Retry-After` recover within seconds.
pub const RATE_LIMIT_MS: u64 = 10 * 1000;

/// One observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A stream began: it is up again, but nobody knows yet whether the answer will be whole.
    FirstToken {
        /// Milliseconds from the request to the first token.
        after_ms: u64,
    },
    /// It answered in full.
    Success {
        /// Milliseconds from the request to the reply, where no [`Self::FirstToken`] told it before.
        after_ms: Option<u64>,
        /// Completion tokens a second over the whole request, where known.
        tokens_per_second: Option<u64>,
        /// How many times; the times of several are their mean.
        count: u32,
    },
    /// It failed. By slowness ([`ErrorClass::Timeout`]), a probe of it costs the client a whole timeout.
    Failure {
        /// How.
        class: ErrorClass,
    },
    /// It answered, but with something unusable, or was so slow that another one was faster: counts in the failure rate, not
    /// as a failure in a row.
    SoftFailure {
        /// How.
        class: ErrorClass,
    },
    /// It asks to be left alone until then; the time is known.
    Limited {
        /// Milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// It will fail until then, whatever is asked of this model.
    Benched {
        /// Milliseconds since the Unix epoch.
        until_ms: u64,
        /// Why.
        class: ErrorClass,
        /// The whole provider, not only this model.
        provider_wide: bool,
    },
    /// What is left to the operator's account, as the provider told it.
    Headroom(Headroom),
    /// It says nothing about the provider: the client left, or was itself at fault.
    Inconclusive,
}

impl Outcome {
    /// One whole answer.
    pub const fn success(after_ms: Option<u64>, tokens_per_second: Option<u64>) -> Self {
        Self::Success { after_ms, tokens_per_second, count: 1 }
    }

    /// What a failure of `class` means; nothing where the caller is to blame.
    /// `status` is the provider's, if it answered; `retry_after_ms` is what it asked for, from now.
    pub fn of_failure(class: ErrorClass, status: Option<u16>, retry_after_ms: Option<u64>, now_ms: u64) -> Self {
        let until = |default: u64| now_ms.saturating_add(retry_after_ms.unwrap_or(default));
        match class {
            ErrorClass::Connect
            | ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::StreamCut
            | ErrorClass::Timeout => Self::Failure { class },
            ErrorClass::InvalidReply | ErrorClass::ModelMisbehaved => Self::SoftFailure { class },
            ErrorClass::RateLimited => Self::Limited { until_ms: until(RATE_LIMIT_MS) },
            ErrorClass::QuotaExhausted => {
                Self::Benched { until_ms: until(QUOTA_BENCH_MS), class, provider_wide: false }
            }
            // A 403 may be about this request alone (a region, a guardrail, a model), and so may an error inside of a 200,
            // which is often another server's behind the provider: no client must be able to bench a provider for everybody.
            ErrorClass::BadKey if status == Some(403) => Self::SoftFailure { class },
            ErrorClass::BadKey | ErrorClass::Billing if matches!(status, Some(200..=299)) => {
                Self::SoftFailure { class }
            }
            ErrorClass::BadKey | ErrorClass::Billing => {
                Self::Benched { until_ms: now_ms.saturating_add(KEY_BENCH_MS), class, provider_wide: true }
            }
            ErrorClass::ModelUnavailable => {
                Self::Benched { until_ms: now_ms.saturating_add(MODEL_BENCH_MS), class, provider_wide: false }
            }
            ErrorClass::TooLargeForPlan
            | ErrorClass::ContextLength
            | ErrorClass::BadRequest
            | ErrorClass::ContentFilter
            | ErrorClass::ClientClosed => Self::Inconclusive,
        }
    }
}

impl Outcome {
    /// As JSON: the name of the outcome, with its figures beside it.
    pub(super) fn write(&self, out: &mut String) {
        let mut outcome = ObjectWriter::new(out);
        match *self {
            Self::FirstToken { after_ms } => {
                outcome.string("kind", "first_token");
                outcome.number("after_ms", after_ms);
            }
            Self::Success { after_ms, tokens_per_second, count } => {
                outcome.string("kind", "success");
                outcome.optional_number("after_ms", after_ms);
                outcome.optional_number("tokens_per_second", tokens_per_second);
                outcome.number("count", count.into());
            }
            Self::Failure { class } => {
                outcome.string("kind", "failure");
                outcome.string("class", class.as_str());
            }
            Self::SoftFailure { class } => {
                outcome.string("kind", "soft_failure");
                outcome.string("class", class.as_str());
            }
            Self::Limited { until_ms } => {
                outcome.string("kind", "limited");
                outcome.number("until_ms", until_ms);
            }
            Self::Benched { until_ms, class, provider_wide } => {
                outcome.string("kind", "benched");
                outcome.number("until_ms", until_ms);
                outcome.string("class", class.as_str());
                outcome.boolean("provider_wide", provider_wide);
            }
            Self::Headroom(headroom) => {
                outcome.string("kind", "headroom");
                headroom.write(outcome.key("left"));
            }
            Self::Inconclusive => outcome.string("kind", "inconclusive"),
        }
        outcome.end();
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        let class = || ErrorClass::of_name(wire::text(value, "class")?);
        Some(match wire::text(value, "kind")? {
            "first_token" => Self::FirstToken { after_ms: wire::number(value, "after_ms")? },
            "success" => Self::Success {
                after_ms: wire::optional_number(value, "after_ms")?,
                tokens_per_second: wire::optional_number(value, "tokens_per_second")?,
                count: u32::try_from(wire::number(value, "count")?).ok()?,
            },
            "failure" => Self::Failure { class: class()? },
            "soft_failure" => Self::SoftFailure { class: class()? },
            "limited" => Self::Limited { until_ms: wire::number(value, "until_ms")? },
            "benched" => Self::Benched {
                until_ms: wire::number(value, "until_ms")?,
                class: class()?,
                provider_wide: wire::boolean(value, "provider_wide")?,
            },
            "headroom" => Self::Headroom(Headroom::read(value.get("left")?)?),
            "inconclusive" => Self::Inconclusive,
            _ => return None,
        })
    }
}
