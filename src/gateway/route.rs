//! Which use case a method and a path mean.

use super::query::percent_decode;
use crate::openai::error::{ApiError, ErrorType};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/chat/completions`.
    ChatCompletions,
    /// `GET /v1/models`.
    Models,
    /// `GET /v1/models/{id}`; ids may hold slashes.
    Model(String),
    /// `GET /v1/providers`.
    Providers,
    /// `GET /v1/analytics`: sums of the accounts.
    Analytics,
    /// `GET /v1/generations/{id}`: one request of the accounts.
    Generation(String),
    /// `GET /health`: liveness, for anybody.
    Health,
    /// `OPTIONS` of a known path: a browser asks before it sends.
    Preflight {
        /// The methods of the path.
        allow: &'static str,
    },
    /// A known path with another method.
    WrongMethod {
        /// The methods of the path.
        allow: &'static str,
    },
    /// Nothing is there.
    NotFound,
}

const POST: &str = "POST, OPTIONS";
const GET: &str = "GET, HEAD, OPTIONS";

impl Route {
    /// Reads a request line. Every path works with and without `/v1`, and with a slash at its end.
    pub fn parse(method: &str, path: &str) -> Self {
        let bare = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        let (route, allow) = match bare {
            "/chat/completions" => (Self::ChatCompletions, POST),
            "/models" => (Self::Models, GET),
            "/providers" => (Self::Providers, GET),
            "/health" => (Self::Health, GET),
            "/analytics" => (Self::Analytics, GET),
            _ => match (id_below("/models/", bare), id_below("/generations/", bare)) {
                (Some(id), _) => (Self::Model(id), GET),
                (_, Some(id)) => (Self::Generation(id), GET),
                (None, None) => return Self::NotFound,
            },
        };
        let allowed = allow.split(", ").any(|allowed| allowed == method);
        match method {
            "OPTIONS" => Self::Preflight { allow },
            _ if allowed => route,
            _ => Self::WrongMethod { allow },
        }
    }
}

/// What stands below a folder, percent-decoded.
fn id_below(folder: &str, path: &str) -> Option<String> {
    path.strip_prefix(folder).and_then(percent_decode).filter(|id| !id.is_empty())
}

/// The 404 for a path that is not there.
pub fn not_found(method: &str, path: &str) -> ApiError {
    let path: String = path.chars().take(120).collect();
    ApiError::new(
        404,
        ErrorType::InvalidRequest,
        "unknown_url",
        format!(
            "Unknown request: {method} {path}. There are POST /v1/chat/completions, GET /v1/models, \
             GET /v1/models/{{id}}, GET /v1/providers, GET /v1/analytics, GET /v1/generations/{{id}} and GET /health; \
             the base URL of an OpenAI client ends in /v1."
        ),
    )
}

/// The 405 for a known path with another method.
pub fn wrong_method(method: &str, allow: &'static str) -> ApiError {
    ApiError {
        allow: Some(allow),
        ..ApiError::new(
            405,
            ErrorType::InvalidRequest,
            "method_not_allowed",
            format!("{method} is not allowed here; allowed: {allow}."),
        )
    }
}

/// The host (without its port) and the path (without query and fragment) of an absolute URL, as the platform writes it.
pub fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let path = path.find(['?', '#']).map_or(path, |at| path.split_at(at).0);
    let host = match authority.rfind(']') {
        // An IPv6 address has colons of its own.
        Some(bracket) => authority.split_at(bracket + 1).0,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    (host, if path.is_empty() { "/" } else { path })
}
