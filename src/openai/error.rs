//! OpenAI's error object: the one shape in which every refusal and failure leaves the gateway.

use crate::json::ObjectWriter;

/// OpenAI's error types, as its SDKs and its documentation name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The request is wrong: 400, 404, 405, 413.
    InvalidRequest,
    /// The key is missing or wrong: 401.
    Authentication,
    /// The key is right and the request is still not allowed: 403.
    Permission,
    /// Too many requests: 429.
    RateLimit,
    /// The gateway or every provider failed: 5xx.
    Server,
}

impl ErrorType {
    /// The value of `error.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::RateLimit => "rate_limit_error",
            Self::Server => "server_error",
        }
    }
}

/// An error as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `error.type`.
    pub error_type: ErrorType,
    /// `error.code`: a stable word to program against.
    pub code: &'static str,
    /// `error.message`: what is wrong and what to do about it.
    pub message: String,
    /// `error.param`: the field at fault.
    pub param: Option<String>,
    /// `error.metadata`: JSON text of an object, where there is more to tell.
    pub metadata: Option<String>,
    /// Whether OpenAI's SDKs should try again; sent as `x-should-retry` where it differs from what they would do.
    pub should_retry: Option<bool>,
    /// Milliseconds after which another try may succeed; sent as `retry-after` and `retry-after-ms`.
    pub retry_after_ms: Option<u64>,
    /// The methods that are allowed, for a 405.
    pub allow: Option<&'static str>,
}

impl ApiError {
    /// An error with the fields that every error has.
    pub fn new(status: u16, error_type: ErrorType, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error_type,
            code,
            message: message.into(),
            param: None,
            metadata: None,
            should_retry: None,
            retry_after_ms: None,
            allow: None,
        }
    }

    /// A 400 that names no field.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, ErrorType::InvalidRequest, code, message)
    }

    /// The same error, naming the field at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// `{"error":{"message","type","param","code"[,"metadata"]}}`, the request id beside it.
    pub fn to_json(&self, request_id: &str) -> String {
        let mut out = String::with_capacity(256);
        let mut body = ObjectWriter::new(&mut out);
        let mut error = ObjectWriter::new(body.key("error"));
        error.string("message", &self.message);
        error.string("type", self.error_type.as_str());
        error.optional_string("param", self.param.as_deref());
        error.string("code", self.code);
        if let Some(metadata) = &self.metadata {
            error.raw("metadata", metadata);
        }
        error.end();
        body.string("request_id", request_id);
        body.end();
        out
    }
}
