//! What the use cases need of the database. `edge/d1.rs` provides it on Workers; tests provide fakes.

use std::future::Future;

use crate::accounts::failure::D1Failure;
use crate::accounts::sql::{Outcome, Statement};
use crate::openai::error::{ApiError, ErrorType};

/// When it is worth to ask again: D1 comes back within seconds after most faults.
const RETRY_AFTER_MS: u64 = 2_000;

/// The accounts' database.
pub trait Database {
    /// Runs statements as one transaction, within a bounded time; one outcome for each.
    fn batch(&self, statements: Vec<Statement>) -> impl Future<Output = Result<Vec<Outcome>, D1Failure>>;
}

/// What the client is told when the accounts cannot be read; the problem is for the log.
pub fn unavailable(failure: &D1Failure) -> ApiError {
    let error = |message: &str| ApiError::new(503, ErrorType::Server, "accounts_unavailable", message);
    match failure {
        D1Failure::NotBound => ApiError {
            should_retry: Some(false),
            ..error("This gateway keeps no accounts. Its operator must bind a D1 database as DB.")
        },
        D1Failure::Unavailable { .. } | D1Failure::Refused { .. } => ApiError {
            retry_after_ms: Some(RETRY_AFTER_MS),
            ..error(
                "The accounts cannot be read at this moment. Try again soon; the operator finds the reason in the log.",
            )
        },
    }
}
