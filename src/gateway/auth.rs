//! Who may come in.

use crate::config::Config;
use crate::openai::error::{ApiError, ErrorType};

/// What a request shows of its sender.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `x-api-key` header.
    pub api_key: Option<&'a str>,
    /// The host that the request was sent to, without its port.
    pub host: &'a str,
}

/// Lets a request in or says why not.
///
/// # Errors
/// 401 without a key or with a wrong one; 503 while the operator has set none: the gateway is never open by accident.
pub fn authorize(config: &Config, shown: Credentials<'_>) -> Result<(), ApiError> {
    // Demo mode opens a gateway that has no key yet; it never overrules one.
    if config.demo && config.api_keys.is_empty() && is_loopback(shown.host) {
        return Ok(());
    }
    if config.api_keys.is_empty() {
        return Err(ApiError {
            should_retry: Some(false),
            ..ApiError::new(
                503,
                ErrorType::Server,
                "gateway_not_configured",
                "No key is configured, so nobody is let in. The operator must set GATEWAY_API_KEY.",
            )
        });
    }
    let bearer = shown.authorization.and_then(|text| {
        let (scheme, key) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let key = bearer.or(shown.api_key.map(str::trim)).filter(|key| !key.is_empty());
    let refused = |message: &str| ApiError::new(401, ErrorType::Authentication, "invalid_api_key", message);
    match key {
        None => Err(refused("No key was sent. Send the gateway's key as `Authorization: Bearer KEY`.")),
        Some(key) if config.authorizes(key.as_bytes()) => Ok(()),
        Some(_) => Err(refused("The key is not one of this gateway's keys (GATEWAY_API_KEY).")),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
