//! What the use cases need of the database. `edge/d1.rs` provides it on Workers; tests provide fakes.

use std::future::Future;

use crate::accounts::failure::D1Failure;
use crate::accounts::sql::{Outcome, Statement};
use crate::json::{ReadError, Reader};
use crate::openai::error::{ApiError, ErrorType};

/// When it is worth to ask again: D1 comes back within seconds after most faults.
const RETRY_AFTER_MS: u64 = 2_000;

/// The accounts' database.
pub trait Database {
    /// Runs statements as one transaction, within a bounded time; one outcome for each.
    fn batch(&self, statements: Vec<Statement>) -> impl Future<Output = Result<Vec<Outcome>, D1Failure>>;
}

/// The members of a row that a statement made as a JSON array, each as JSON text.
///
/// # Errors
/// When it is no array.
pub fn members(row: &str) -> Result<Vec<&str>, D1Failure> {
    let mut members = Vec::with_capacity(32);
    let read = Reader::new(row).array::<ReadError>(|reader, _| {
        members.push(reader.skip()?);
        Ok(())
    });
    read.map(|()| members).map_err(|_| unreadable())
}

/// A row that does not fit the code, which is no fault of who asks.
pub fn unreadable() -> D1Failure {
    D1Failure::Failed { problem: "a row has not the form that the statement gives it".to_owned() }
}

/// What the client is told when the accounts cannot be read; the problem is for the log.
pub fn unavailable(failure: &D1Failure) -> ApiError {
    let error = |message: &str| ApiError::new(503, ErrorType::Server, "accounts_unavailable", message);
    match failure {
        D1Failure::NotBound => ApiError {
            should_retry: Some(false),
            ..error("This gateway keeps no accounts. Its operator must bind a D1 database as DB.")
        },
        D1Failure::Failed { .. } => ApiError {
            retry_after_ms: Some(RETRY_AFTER_MS),
            ..error(
                "The accounts cannot be read at this moment. Try again soon; the operator finds the reason in the log.",
            )
        },
    }
}
