//! Why the configuration is refused, in words for the operator: which variable, what it holds, what is allowed. No
//! message holds a secret. Problems inside JSON are in [`super::json_error`].

use std::fmt;

use super::base_url::BaseUrlError;
use super::json_error::JsonProblem;
use crate::project::ProjectIdError;

/// The longest piece of a value that a message repeats, in characters.
const MAX_SHOWN: usize = 60;

/// A variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Not a whole number, or one out of bounds.
    Number {
        /// The variable.
        var: &'static str,
        /// What it holds.
        value: String,
        /// The smallest value that is allowed.
        min: u64,
        /// The largest value that is allowed.
        max: u64,
    },
    /// `INFLIGHT_BYTES_MAX` is below `MAX_BODY_BYTES`, so the largest request would never be let in.
    InflightBelowBody {
        /// `INFLIGHT_BYTES_MAX`, in bytes.
        inflight: u64,
        /// `MAX_BODY_BYTES`, in bytes.
        body: u64,
    },
    /// It stands in an address, and is more than letters, digits and hyphens.
    NotAPartOfUrl {
        /// The variable.
        var: String,
        /// What it holds.
        value: String,
    },
    /// None of the values that are allowed.
    Value {
        /// The variable.
        var: &'static str,
        /// What it holds.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Not a project id.
    ProjectId {
        /// The variable.
        var: &'static str,
        /// What is wrong with it.
        problem: ProjectIdError,
    },
    /// Not an origin as browsers send it.
    Origin {
        /// The variable.
        var: &'static str,
        /// The member of the list.
        value: String,
    },
    /// Neither in the catalogue nor in `GATEWAY_CONFIG`.
    UnknownProvider {
        /// The variable.
        var: &'static str,
        /// The member of the list.
        value: String,
        /// The ids that there are.
        known: Vec<String>,
    },
    /// No model. An alias is none either.
    UnknownModel {
        /// The variable.
        var: &'static str,
        /// The member of the list.
        value: String,
    },
    /// A key with a space, a line break or something else that is not visible ASCII. It is not repeated here.
    Secret {
        /// The variable.
        var: String,
    },
    /// Not a base URL. It is not repeated here, since it may hold a password.
    BaseUrl {
        /// The variable.
        var: String,
        /// What is wrong with it.
        problem: BaseUrlError,
    },
    /// The provider has a key but no address.
    BaseUrlMissing {
        /// The provider's id.
        provider: String,
        /// The variable that should hold the address.
        var: String,
    },
    /// Something in a variable that holds JSON.
    Json {
        /// The variable.
        var: &'static str,
        /// Where in the document; empty for the document itself.
        path: String,
        /// What is wrong there.
        problem: JsonProblem,
    },
}

/// A value in quotes, cut to what is needed to recognise it.
pub(super) fn shown(value: &str) -> String {
    let mut start: String = value.chars().take(MAX_SHOWN).collect();
    if start.len() < value.len() {
        start.push('…');
    }
    format!("{start:?}")
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { var, value, min, max } => {
                write!(f, "{var} is {}; set it to a whole number from {min} to {max}", shown(value))
            }
            Self::InflightBelowBody { inflight, body } => write!(
                f,
                "INFLIGHT_BYTES_MAX is {inflight}, less than MAX_BODY_BYTES ({body}); raise the first or lower \
                 the second"
            ),
            Self::Value { var, value, allowed } => write!(f, "{var} is {}; set it to {allowed}", shown(value)),
            Self::NotAPartOfUrl { var, value } => {
                write!(f, "{var} is {}; it may have letters, digits and hyphens only", shown(value))
            }
            Self::ProjectId { var, problem } => write!(f, "{var}: {problem}"),
            Self::Origin { var, value } => write!(
                f,
                "{var} holds {}; write origins as browsers send them (https://app.example.com: lower case, no path, no \
                 slash at the end, no default port), separated by commas, or `*` alone",
                shown(value)
            ),
            Self::UnknownProvider { var, value, known } => {
                write!(f, "{var} names {}, which is no provider; there are: {}", shown(value), known.join(", "))
            }
            Self::UnknownModel { var, value } => write!(
                f,
                "{var} names {}, which is no model; write `provider/model` or a model's id, no alias \
                 and not `auto`",
                shown(value)
            ),
            Self::Secret { var } => write!(
                f,
                "{var} holds a key with a space, a line break or a character that is not ASCII; set it again without"
            ),
            Self::BaseUrl { var, problem } => write!(f, "{var}: {problem}"),
            Self::BaseUrlMissing { provider, var } => {
                write!(f, "the provider `{provider}` has a key but no address; set {var} to its base URL")
            }
            Self::Json { var, path, problem } if path.is_empty() => write!(f, "{var}: {problem}"),
            Self::Json { var, path, problem } => write!(f, "{var}: {path}: {problem}"),
        }
    }
}

impl std::error::Error for ConfigError {}
