//! The statement that sums up `usage_daily`. All arithmetic is SQLite's, on integers.

use super::day::Day;
use super::sql::{Param, Statement};

/// What a row of a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// A day.
    Day,
    /// A provider.
    Provider,
    /// A model, by its catalogue id.
    Model,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Provider, Self::Model];

    /// Its name, which is its column's name, too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }
}

/// The sum of everything. By class first: the figures of whole answers stand apart from those of failed ones. The two
/// histograms are arrays of their own, since D1 takes 32 arguments a function.
const REPORT: &str = include_str!("sql/report.sql");

/// The counts in a row, after the group's key: whole numbers, but for `failed`, an object of failed requests by class.
/// After them come pico-dollars and the histograms of latency and of the time to the first token, of whole answers.
pub const COUNTS: [&str; 9] = [
    "requests",
    "succeeded",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "unpriced_requests",
    "estimated_requests",
];

/// The sums of `project` (of all projects without one) over the days from `from` to `to`: of everything, as one row, or
/// of each group, in the order of its keys, at most `limit` of them.
pub fn sums(project: Option<&str>, from: Day, to: Day, group: Option<GroupBy>, limit: u64) -> Statement {
    let mut sql = REPORT.to_owned();
    let mut params = vec![Param::Text(from.to_string()), Param::Text(to.to_string()), Param::Number(limit)];
    if let Some(group) = group {
        sql = sql.replacen("/*key*/''", group.as_str(), 1);
    }
    if let Some(project) = project {
        sql = sql.replacen("/*project*/", "project_id = ?4 AND", 1);
        params.push(Param::Text(project.to_owned()));
    }
    Statement::new(sql, params)
}
