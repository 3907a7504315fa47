//! D1, the database: runs the statements of [`crate::accounts`], each call within a bounded time.

use std::pin::pin;

use futures::future::{Either, select};
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::js::{D1Database, D1Statement, words};
use super::task::{settled, sleep};
use crate::accounts::failure::D1Failure;
use crate::accounts::sql::{self, Outcome, Param, Statement};
use crate::gateway::database::Database;

/// The binding of the database.
const BINDING: &str = "DB";

/// How long D1 may take. It answers within tens of milliseconds and a cold one within two seconds; work after a reply may
/// go on for 30 seconds in all, and must have time left to try again.
const ANSWER_MS: u64 = 5_000;

/// The database of this environment.
pub(super) struct D1<'e>(pub(super) &'e Env);

impl Database for D1<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, D1Failure> {
        batch(self.0, &statements).await
    }
}

/// A record that the tables refuse.
pub(super) struct DeadLetter<'a> {
    /// The record's id, or another unique one where it has none.
    pub(super) id: &'a str,
    /// The project.
    pub(super) project_id: &'a str,
    /// Milliseconds since the Unix epoch.
    pub(super) failed_at: u64,
    /// Why it is refused.
    pub(super) problem: &'a str,
    /// Its whole text.
    pub(super) record: &'a str,
}

/// Writes usage records, `records_json` being the text of a JSON array of them: all or none, and each is counted once,
/// however often this is repeated. Answers how many rows D1 wrote, which is what its plans count.
///
/// # Errors
/// [`D1Failure`]. After [`D1Failure::Failed`] they may be written all the same.
pub(super) async fn flush(env: &Env, records_json: &str) -> Result<u64, D1Failure> {
    let records = || vec![Param::Text(records_json.to_owned())];
    let statements = [Statement::new(sql::ROLLUP, records()), Statement::new(sql::INSERT, records())];
    Ok(batch(env, &statements).await?.iter().map(|outcome| outcome.rows_written).sum())
}

/// Keeps a record that the tables refuse, for a person to look at. Repeated, it changes nothing.
///
/// # Errors
/// [`D1Failure`].
pub(super) async fn dead_letter(env: &Env, letter: DeadLetter<'_>) -> Result<(), D1Failure> {
    let text = |text: &str| Param::Text(text.to_owned());
    let values = vec![
        text(letter.id),
        text(letter.project_id),
        Param::Number(letter.failed_at),
        text(letter.problem),
        text(letter.record),
    ];
    batch(env, &[Statement::new(sql::DEAD_LETTER, values)]).await.map(|_| ())
}

/// Runs statements as one transaction.
async fn batch(env: &Env, statements: &[Statement]) -> Result<Vec<Outcome>, D1Failure> {
    let database = Reflect::get(env, &BINDING.into()).ok().filter(JsValue::is_object).ok_or(D1Failure::NotBound)?;
    let database: D1Database = database.unchecked_into();
    let started = || {
        let bound = Array::new();
        for statement in statements {
            let values = Array::new();
            for param in &statement.params {
                values.push(&match param {
                    Param::Text(text) => JsValue::from_str(text),
                    // A time in milliseconds is a whole number in a float, and the statements cast it to an integer.
                    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                    Param::Number(number) => JsValue::from_f64(*number as f64),
                });
            }
            let statement: D1Statement = database.prepare(&statement.sql)?.bind(&values)?;
            bound.push(&statement);
        }
        database.batch(&bound)
    };
    let answer = settled(&started().map_err(failure)?);
    match select(pin!(answer), pin!(sleep(ANSWER_MS))).await {
        Either::Left((Ok(results), _)) => match results.dyn_into::<Array>() {
            Ok(results) => Ok(results.iter().map(|result| outcome(&result)).collect()),
            Err(other) => Err(failure(other)),
        },
        Either::Left((Err(problem), _)) => Err(failure(problem)),
        Either::Right(((), _)) => Err(D1Failure::Failed { problem: format!("no answer within {ANSWER_MS} ms") }),
    }
}

/// Reads D1's result of one statement. What it does not say counts as nothing.
fn outcome(result: &JsValue) -> Outcome {
    let member = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok();
    let count = |name: &str| {
        let count = member(result, "meta").and_then(|meta| member(&meta, name)?.as_f64()).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = count as u64;
        count
    };
    let rows = member(result, "results").and_then(|rows| rows.dyn_into::<Array>().ok()).unwrap_or_default();
    let row = |row: JsValue| member(&row, sql::ROW)?.as_string();
    Outcome {
        rows: rows.iter().filter_map(row).collect(),
        changes: count("changes"),
        rows_written: count("rows_written"),
    }
}

fn failure(problem: JsValue) -> D1Failure {
    D1Failure::Failed { problem: words(&problem) }
}
