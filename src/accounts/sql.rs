//! The statements, and what goes in and comes out. They stand in `sql/*.sql`, which the tests run in a real SQLite.
//!
//! Records come as the text of a JSON array in `?1`, whatever their number: a parameter for each value would end at D1's
//! 100 parameters. What is read comes as the text of a JSON array that SQLite made, since a number of JavaScript would
//! round what is above 2^53.

use std::borrow::Cow;

/// Writes the records of a JSON array. One that is there already is left as it is, so a repeated write changes nothing;
/// of two with one id the first counts.
pub const INSERT: &str = include_str!("sql/insert.sql");

/// Adds the records of a JSON array to the daily sums, without those that are in `requests` already. Before [`INSERT`] in
/// the same transaction each record is counted once, however often a write is repeated.
///
/// A sum of money stops at the largest integer (9.2 million USD a row) instead of failing the write: a provider that
/// reports absurd numbers must not keep other requests out of the accounts. Hence the sum in two parts: SQLite fails at an
/// overflow of `sum`, and goes on with a float at one of `+` and `*`.
pub const ROLLUP: &str = include_str!("sql/rollup.sql");

/// Keeps a record that the tables refuse: its id, its project, milliseconds since the Unix epoch, D1's words, its text.
pub const DEAD_LETTER: &str = include_str!("sql/dead_letter.sql");

/// Deletes at most `?2` of the requests whose id is below `?1`.
pub const DELETE_REQUESTS: &str = include_str!("sql/delete_requests.sql");

/// Deletes at most `?2` of the dead letters from before `?1`, milliseconds since the Unix epoch.
pub const DELETE_DEAD_LETTERS: &str = include_str!("sql/delete_dead_letters.sql");

/// The request whose id is `?1`: what [`GENERATION_FACTS`] names, then prompt, completion, all, cached and reasoning
/// tokens, pico-dollars, who says so, whether the tokens are estimated, and the trail.
pub const GENERATION: &str = include_str!("sql/generation.sql");

/// The first members of a row of [`GENERATION`].
pub const GENERATION_FACTS: [&str; 13] = [
    "id",
    "project_id",
    "created_at",
    "requested_model",
    "model",
    "provider",
    "upstream_model",
    "stream",
    "status",
    "error_class",
    "attempts",
    "latency_ms",
    "ttft_ms",
];

/// The one column of a statement that reads.
pub const ROW: &str = "row";

/// A statement with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The text, with `?1` and so on for the values.
    pub sql: Cow<'static, str>,
    /// The values.
    pub params: Vec<Param>,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// A text.
    Text(String),
    /// A whole number below 2^53. D1 gets it as a float: cast it to an integer where it is stored or compared.
    Number(u64),
}

impl Statement {
    /// A statement with these values.
    pub fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Param>) -> Self {
        Self { sql: sql.into(), params }
    }
}

/// What a statement came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its rows, each the one text that the statement made of it.
    pub rows: Vec<String>,
    /// Rows that it inserted, updated or deleted.
    pub changes: u64,
    /// Rows that D1 wrote for it, those of indexes included: what its plans count.
    pub rows_written: u64,
}
