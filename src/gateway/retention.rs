//! Deletes what is older than the operator wants it kept. The daily sums stay.

use super::database::Database;
use crate::accounts::failure::D1Failure;
use crate::accounts::request_id::lowest_at;
use crate::accounts::sql::{self, Param, Statement};

/// Rows deleted by one statement: few enough for a fraction of a second, in which D1 serves nobody else.
pub const ROUND_ROWS: u64 = 20_000;

/// Statements of one run. The Free plan ends an invocation at 50. Together with [`ROUND_ROWS`] a run deletes 880,000
/// requests, more than a database of 10 GB could keep of each day for a month.
pub const MAX_ROUNDS: u64 = 45;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What one run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Rows of `requests` and of `dead_letters`.
    pub rows: u64,
    /// Nothing that is too old is left. Otherwise the next run goes on.
    pub done: bool,
}

/// Deletes the requests and dead letters from more than `days` days before `now_ms` (milliseconds since the Unix epoch).
///
/// # Errors
/// [`D1Failure`]; what was deleted until then stays deleted.
pub async fn run(database: &impl Database, days: u64, now_ms: u64) -> Result<Deleted, D1Failure> {
    let cutoff_ms = now_ms.saturating_sub(days.saturating_mul(DAY_MS));
    let mut rows = 0;
    for round in 0..MAX_ROUNDS {
        // The dead letters first, since they are few, and a run that ends at its bound would never come to them.
        let letters = round == 0;
        let statement = if letters {
            Statement::new(sql::DELETE_DEAD_LETTERS, vec![Param::Number(cutoff_ms), Param::Number(ROUND_ROWS)])
        } else {
            Statement::new(sql::DELETE_REQUESTS, vec![Param::Text(lowest_at(cutoff_ms)), Param::Number(ROUND_ROWS)])
        };
        let outcomes = database.batch(vec![statement]).await?;
        let deleted = outcomes.first().map_or(0, |outcome| outcome.changes);
        rows += deleted;
        if !letters && deleted < ROUND_ROWS {
            return Ok(Deleted { rows, done: true });
        }
    }
    Ok(Deleted { rows, done: false })
}
