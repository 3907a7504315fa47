//! Which requests have a line in the log (`LOG_REQUESTS`).

use super::env::Vars;
use super::error::ConfigError;
use crate::usage::record::UsageRecord;

/// Which requests have a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRequests {
    /// All that are in the accounts.
    All,
    /// Those of them that failed, in the middle of a stream too.
    Failed,
    /// None.
    None,
}

impl LogRequests {
    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Box<ConfigError>> {
        const VAR: &str = "LOG_REQUESTS";
        match vars.text(VAR).as_deref() {
            None | Some("all") => Ok(Self::All),
            Some("failed") => Ok(Self::Failed),
            Some("none") => Ok(Self::None),
            Some(value) => {
                let allowed = "all, failed or none";
                Err(ConfigError::Value { var: VAR, value: value.to_owned(), allowed }.into())
            }
        }
    }

    /// Whether this one has a line.
    pub const fn includes(self, record: &UsageRecord) -> bool {
        match self {
            Self::All => true,
            Self::Failed => record.status >= 400 || record.error_class.is_some(),
            Self::None => false,
        }
    }
}
