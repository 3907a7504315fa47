//! Which web pages may call the gateway from a browser (`CORS_ORIGINS`). Which headers an answer carries is the edge's.

use super::env::Vars;
use super::error::ConfigError;

const VAR: &str = "CORS_ORIGINS";

/// The origins that may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin: `CORS_ORIGINS=*`.
    Any,
    /// These only; none where the variable is unset.
    Only(Vec<String>),
}

impl CorsOrigins {
    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Box<ConfigError>> {
        let origins = vars.list(VAR);
        if origins == ["*"] {
            return Ok(Self::Any);
        }
        match origins.iter().find(|origin| !is_origin(origin)) {
            Some(value) => Err(ConfigError::Origin { var: VAR, value: value.clone() }.into()),
            None => Ok(Self::Only(origins)),
        }
    }

    /// The value of `access-control-allow-origin` for a request from `origin`; none where it may not read the answer.
    pub fn allowed<'a>(&self, origin: &'a str) -> Option<&'a str> {
        match self {
            Self::Any => Some("*"),
            Self::Only(origins) => origins.iter().any(|allowed| allowed == origin).then_some(origin),
        }
    }
}

/// Whether a browser could send this: anything else would never match and be silently useless.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let default_port = match scheme {
        "https" => authority.ends_with(":443"),
        "http" => authority.ends_with(":80"),
        _ => false,
    };
    let in_scheme = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    let in_authority = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
    };
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(in_scheme)
        && !authority.is_empty()
        && authority.bytes().all(in_authority)
        && !default_port
}
