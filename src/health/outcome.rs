//! What the outcome of one attempt means for the health of the candidate.

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
    },
    /// It failed.
    Failure {
        /// It failed by being slow: a probe of it costs the client a whole timeout.
        slow: bool,
    },
    /// It answered, but with something unusable: counts in the failure rate, not as a failure in a row.
    SoftFailure,
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
}

impl Outcome {
    /// What a failure of `class` means; `None` where the caller is to blame.
    /// `status` is the provider's, if it answered; `retry_after_ms` is what it asked for, from now.
    pub fn of_failure(
        class: ErrorClass,
        status: Option<u16>,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) -> Option<Self> {
        let until = |default: u64| now_ms.saturating_add(retry_after_ms.unwrap_or(default));
        match class {
            ErrorClass::Connect | ErrorClass::ServerError | ErrorClass::Overloaded | ErrorClass::StreamCut => {
                Some(Self::Failure { slow: false })
            }
            ErrorClass::Timeout => Some(Self::Failure { slow: true }),
            ErrorClass::InvalidReply | ErrorClass::ModelMisbehaved => Some(Self::SoftFailure),
            ErrorClass::RateLimited => Some(Self::Limited { until_ms: until(RATE_LIMIT_MS) }),
            ErrorClass::QuotaExhausted => {
                Some(Self::Benched { until_ms: until(QUOTA_BENCH_MS), class, provider_wide: false })
            }
            // A 403 may be about this request alone (a region, a guardrail, a model), and so may an error inside of a 200,
            // which is often another server's behind the provider: no client must be able to bench a provider for everybody.
            ErrorClass::BadKey if matches!(status, Some(200..=299 | 403)) => Some(Self::SoftFailure),
            ErrorClass::BadKey | ErrorClass::Billing => {
                Some(Self::Benched { until_ms: now_ms.saturating_add(KEY_BENCH_MS), class, provider_wide: true })
            }
            ErrorClass::ModelUnavailable => {
                Some(Self::Benched { until_ms: now_ms.saturating_add(MODEL_BENCH_MS), class, provider_wide: false })
            }
            ErrorClass::TooLargeForPlan
            | ErrorClass::ContextLength
            | ErrorClass::BadRequest
            | ErrorClass::ContentFilter
            | ErrorClass::ClientClosed => None,
        }
    }
}
