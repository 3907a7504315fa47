//! How the accounts are kept: the defaults, their reasons, and the bounds of what may be set.

use super::env::Vars;
use super::error::ConfigError;

/// How long a ledger collects before it writes into D1. What is acknowledged is safe in the ledger already; a longer wait
/// saves written rows, since all requests of a project then share those of the daily sums, and shows them later.
pub const DEFAULT_FLUSH_AFTER_MS: u64 = 5_000;
/// A minute: whoever looks at the accounts should not have to wait longer.
pub const MAX_FLUSH_AFTER_MS: u64 = 60_000;

/// Each new project is a Durable Object, and whoever holds a key can invent names. A real list of tenants passes within
/// a minute or a few.
pub const DEFAULT_NEW_PROJECTS_PER_MINUTE: u64 = 1_000;
/// More than an isolate can answer requests in a minute: no cap.
pub const MAX_NEW_PROJECTS_PER_MINUTE: u64 = 1_000_000;

/// How the accounts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// `LEDGER_FLUSH_MS`: from a usage record to its project's next write into D1, in milliseconds.
    pub flush_after_ms: u64,
    /// `NEW_PROJECTS_PER_MINUTE`: how many project ids that it does not know an isolate takes in a minute.
    pub new_projects_per_minute: u64,
}

impl AccountSettings {
    /// Reads the settings alone, for a Durable Object, which needs nothing else.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn read(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, Box<ConfigError>> {
        Self::from_vars(&Vars::new(var))
    }

    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Box<ConfigError>> {
        let number = |name, default, max| vars.number(name, default, 1, max);
        Ok(Self {
            flush_after_ms: number("LEDGER_FLUSH_MS", DEFAULT_FLUSH_AFTER_MS, MAX_FLUSH_AFTER_MS)?,
            new_projects_per_minute: number(
                "NEW_PROJECTS_PER_MINUTE",
                DEFAULT_NEW_PROJECTS_PER_MINUTE,
                MAX_NEW_PROJECTS_PER_MINUTE,
            )?,
        })
    }
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self { flush_after_ms: DEFAULT_FLUSH_AFTER_MS, new_projects_per_minute: DEFAULT_NEW_PROJECTS_PER_MINUTE }
    }
}
