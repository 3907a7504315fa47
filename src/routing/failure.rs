//! What kinds of failure there are. Every failed attempt is put into one [`ErrorClass`] before anything is decided
//! about it; what follows from a class is `failover.rs`, how a reply is classified is `dialect/`.

/// Why an attempt at a provider failed. The first line of each comment says who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Provider: no connection, or the connection was reset before any headers.
    Connect,
    /// Provider: 500, 502, 504 and the like.
    ServerError,
    /// Provider: 503 and 529, it says that it is overloaded.
    Overloaded,
    /// Provider: 429 and 498, too many requests or tokens for now.
    RateLimited,
    /// Operator: this request is larger than the account's per-minute allowance and can never succeed there.
    TooLargeForPlan,
    /// Operator: a daily or monthly allowance is used up.
    QuotaExhausted,
    /// Operator: the key is missing, wrong or revoked.
    BadKey,
    /// Operator: no credit left.
    Billing,
    /// Operator: the model was retired, is unknown, or is not allowed for this key.
    ModelUnavailable,
    /// Caller: the prompt does not fit the model's window.
    ContextLength,
    /// Caller: the provider refused a parameter or the shape of the request.
    BadRequest,
    /// Caller: a content filter, a safety refusal or a moderated prompt.
    ContentFilter,
    /// Provider: a 200 that is an error, is empty, is not JSON or has no choices.
    InvalidReply,
    /// Provider: the model wrote something unusable (a malformed tool call, invalid JSON in JSON mode).
    ModelMisbehaved,
    /// Provider: no first token, or no reply, within its time.
    Timeout,
    /// Provider: the stream ended or stalled after it began.
    StreamCut,
    /// Caller: the client went away.
    ClientClosed,
}

impl ErrorClass {
    /// Every class, for tables and tests.
    pub const ALL: [Self; 17] = [
        Self::Connect,
        Self::ServerError,
        Self::Overloaded,
        Self::RateLimited,
        Self::TooLargeForPlan,
        Self::QuotaExhausted,
        Self::BadKey,
        Self::Billing,
        Self::ModelUnavailable,
        Self::ContextLength,
        Self::BadRequest,
        Self::ContentFilter,
        Self::InvalidReply,
        Self::ModelMisbehaved,
        Self::Timeout,
        Self::StreamCut,
        Self::ClientClosed,
    ];

    /// The name used in `metadata.routing[].error_type`, in logs, in D1 and in the catalogue's error rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::ServerError => "server_error",
            Self::Overloaded => "overloaded",
            Self::RateLimited => "rate_limited",
            Self::TooLargeForPlan => "too_large_for_plan",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BadKey => "bad_key",
            Self::Billing => "billing",
            Self::ModelUnavailable => "model_unavailable",
            Self::ContextLength => "context_length",
            Self::BadRequest => "bad_request",
            Self::ContentFilter => "content_filter",
            Self::InvalidReply => "invalid_reply",
            Self::ModelMisbehaved => "model_misbehaved",
            Self::Timeout => "timeout",
            Self::StreamCut => "stream_cut",
            Self::ClientClosed => "client_closed",
        }
    }

    /// The class of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}
