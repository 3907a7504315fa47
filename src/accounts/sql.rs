//! The statements that write. Records come as the text of a JSON array in `?1`, whatever their number: a statement with a
//! parameter for each value would end at D1's 100 parameters.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::OnceLock;

use super::histogram::BOUNDS_MS;

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

/// The one column of a statement that reads: each row is the text of a JSON array that SQLite made. A number of JavaScript
/// would round what is above 2^53.
pub const ROW: &str = "row";

/// The largest integer of SQLite. A sum of money stops there (9.2 million USD a row) instead of failing the whole write:
/// a provider that reports absurd numbers must not keep other requests out of the accounts.
pub const LARGEST: i64 = i64::MAX;

/// Writes the records of a JSON array. One that is there already is left as it is, so a repeated write changes nothing;
/// of two with one id the first counts.
pub const INSERT: &str = "INSERT INTO requests (id, project_id, created_at, requested_model, model, provider, \
    upstream_model, stream, status, error_class, attempts, prompt_tokens, completion_tokens, cached_tokens, \
    reasoning_tokens, cost_pico_usd, estimated, latency_ms, ttft_ms, trail) \
    SELECT value ->> 'id', value ->> 'project_id', value ->> 'created_at', value ->> 'requested_model', \
    value ->> 'model', value ->> 'provider', value ->> 'upstream_model', value ->> 'stream', value ->> 'status', \
    value ->> 'error_class', value ->> 'attempts', value ->> 'prompt_tokens', value ->> 'completion_tokens', \
    value ->> 'cached_tokens', value ->> 'reasoning_tokens', value ->> 'cost_pico_usd', value ->> 'estimated', \
    value ->> 'latency_ms', value ->> 'ttft_ms', value ->> 'trail' \
    FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING";

/// Keeps a record that the tables refuse: its id, its project, milliseconds since the Unix epoch, D1's words, its text.
pub const DEAD_LETTER: &str = "INSERT INTO dead_letters (id, project_id, failed_at, problem, record) \
    VALUES (?1, ?2, CAST(?3 AS INTEGER), ?4, ?5) ON CONFLICT (id) DO NOTHING";

/// Deletes at most `?2` of the requests whose id is below `?1`.
pub const DELETE_REQUESTS: &str =
    "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE id < ?1 ORDER BY id LIMIT CAST(?2 AS INTEGER))";

/// Deletes at most `?2` of the dead letters from before `?1`, milliseconds since the Unix epoch.
pub const DELETE_DEAD_LETTERS: &str = "DELETE FROM dead_letters WHERE id IN \
    (SELECT id FROM dead_letters WHERE failed_at < CAST(?1 AS INTEGER) LIMIT CAST(?2 AS INTEGER))";

/// The key of `usage_daily`.
const KEY: &str = "project_id, day, provider, model, error_class";

/// The members of a record that the daily sums need.
const READ: [&str; 14] = [
    "id",
    "project_id",
    "created_at",
    "provider",
    "model",
    "error_class",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_pico_usd",
    "estimated",
    "latency_ms",
    "ttft_ms",
];

/// Adds the records of a JSON array to the daily sums, without those that are in `requests` already. Together with
/// [`INSERT`], after it and in the same transaction, each record is counted once, however often a write is repeated.
pub fn rollup() -> &'static str {
    static SQL: OnceLock<String> = OnceLock::new();
    SQL.get_or_init(write_rollup)
}

/// The histograms' columns, `latency_00` and so on, with the column whose values they count and their bucket.
pub(super) fn histogram_columns() -> impl Iterator<Item = (String, &'static str, usize)> {
    let of = |name: &'static str, column: &'static str| {
        (0..=BOUNDS_MS.len()).map(move |bucket| (format!("{name}_{bucket:02}"), column, bucket))
    };
    of("latency", "latency_ms").chain(of("ttft", "ttft_ms"))
}

/// The sum of a column of money. Its parts are summed up apart from each other, since SQLite fails at an overflow of
/// `sum`, but goes on with a float at one of `+` and `*`.
pub(super) fn money_sum(column: &str) -> String {
    format!("min({LARGEST}, ifnull(sum({column} / 1000000) * 1000000 + sum({column} % 1000000), 0))")
}

fn write_rollup() -> String {
    // Each member of a record is read once. The group is the record's id: of two with one id the first counts, as above.
    let read: Vec<String> = READ.iter().map(|name| format!("value ->> '{name}' AS {name}")).collect();
    let mut sums = vec![("requests".to_owned(), "count(*)".to_owned())];
    for name in ["prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"] {
        sums.push((name.to_owned(), format!("sum({name})")));
    }
    sums.push(("cost_pico_usd".to_owned(), money_sum("cost_pico_usd")));
    let unpriced = "sum(cost_pico_usd IS NULL AND prompt_tokens + completion_tokens > 0)";
    sums.push(("unpriced".to_owned(), unpriced.to_owned()));
    sums.push(("estimated".to_owned(), "sum(estimated)".to_owned()));
    for (name, column, bucket) in histogram_columns() {
        let above = bucket.checked_sub(1).and_then(|below| BOUNDS_MS.get(below));
        let above = above.map(|bound| format!("{column} > {bound}"));
        let within = BOUNDS_MS.get(bucket).map(|bound| format!("{column} <= {bound}"));
        let range: Vec<String> = above.into_iter().chain(within).collect();
        sums.push((name, format!("count(*) FILTER (WHERE {})", range.join(" AND "))));
    }
    let list = |part: fn(&(String, String)) -> String| sums.iter().map(part).collect::<Vec<_>>().join(", ");
    let mut sql = String::with_capacity(8 * 1024);
    let written = write!(
        sql,
        "INSERT INTO usage_daily ({KEY}, {}) WITH r AS MATERIALIZED (SELECT {}, min(key) FROM json_each(?1) GROUP BY 1) \
         SELECT project_id, date(created_at / 1000, 'unixepoch'), ifnull(provider, ''), ifnull(model, ''), \
         ifnull(error_class, ''), {} FROM r WHERE NOT EXISTS (SELECT 1 FROM requests WHERE requests.id = r.id) \
         GROUP BY 1, 2, 3, 4, 5 ON CONFLICT ({KEY}) DO UPDATE SET {}",
        list(|(name, _)| name.clone()),
        read.join(", "),
        list(|(_, sum)| sum.clone()),
        list(|(name, _)| match name.as_str() {
            "cost_pico_usd" => format!("{name} = min({LARGEST}, {name} + excluded.{name})"),
            _ => format!("{name} = {name} + excluded.{name}"),
        }),
    );
    debug_assert!(written.is_ok(), "a String takes everything");
    sql
}
