//! Questions about the accounts, and their answers. One way through the database for all of them.

use super::analytics::{self, Query};
use super::database::{Database, unavailable};
use super::generations;
use crate::accounts::failure::D1Failure;
use crate::openai::error::ApiError;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// `GET /v1/analytics`.
    Report(Query),
    /// `GET /v1/generations/{id}`, the id being one.
    Generation(String),
}

/// Why a question is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client is told.
    pub error: ApiError,
    /// What the log is told, where it is the database's fault.
    pub problem: Option<String>,
}

impl Question {
    /// What was used: `query` is that of the address, `now_ms` (milliseconds since the Unix epoch) says what day it is.
    ///
    /// # Errors
    /// 400, naming the parameter.
    pub fn report(query: &str, now_ms: u64) -> Result<Self, ApiError> {
        Query::parse(query, now_ms).map(Self::Report)
    }

    /// One request, by its id.
    ///
    /// # Errors
    /// 400 for what is no id.
    pub fn generation(id: &str) -> Result<Self, ApiError> {
        generations::parse(id).map(Self::Generation)
    }
}

/// The answer, as JSON.
///
/// # Errors
/// 404 for a request that is not there; 503 when the database does not answer.
pub async fn answer(database: &impl Database, question: Question) -> Result<String, Refusal> {
    let statements = match &question {
        Question::Report(query) => analytics::statements(query),
        Question::Generation(id) => vec![generations::statement(id)],
    };
    let answer = match (database.batch(statements).await, &question) {
        (Err(failure), _) => Err(failure),
        (Ok(outcomes), Question::Report(query)) => analytics::report(query, &outcomes),
        (Ok(outcomes), Question::Generation(id)) => match outcomes.first().and_then(|outcome| outcome.rows.first()) {
            Some(row) => generations::generation(row),
            None => return Err(Refusal { error: generations::not_found(id), problem: None }),
        },
    };
    answer.map_err(|failure: D1Failure| Refusal {
        error: unavailable(&failure),
        problem: Some(failure.problem().to_owned()),
    })
}
