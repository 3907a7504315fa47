//! D1, the database: runs the statements of [`crate::accounts`], each call within a bounded time.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::{Delay, Env};

use super::js::Database;
use crate::accounts::failure::D1Failure;
use crate::accounts::sql::{self, Param, Statement};

/// The binding of the database.
const BINDING: &str = "DB";

/// How long D1 may take. It answers within tens of milliseconds and a cold one within two seconds; work after a reply may
/// go on for 30 seconds in all, and must have time left to try again.
const ANSWER_MS: u64 = 5_000;

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
/// [`D1Failure`]. After [`D1Failure::Unavailable`] they may be written all the same.
pub(super) async fn flush(env: &Env, records_json: &str) -> Result<u64, D1Failure> {
    let records = || vec![Param::Text(records_json.to_owned())];
    let statements = [Statement::new(sql::rollup(), records()), Statement::new(sql::INSERT, records())];
    Ok(batch(env, &statements).await?.iter().map(rows_written).sum())
}

/// Keeps a record that the tables refuse, for a person to look at. Repeated, it changes nothing.
///
/// # Errors
/// [`D1Failure`].
#[expect(dead_code, reason = "the ledger object's")]
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
async fn batch(env: &Env, statements: &[Statement]) -> Result<Vec<JsValue>, D1Failure> {
    let database = Reflect::get(env, &BINDING.into()).ok().filter(JsValue::is_object).ok_or(D1Failure::NotBound)?;
    let database: Database = database.unchecked_into();
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
            bound.push(database.prepare(statement.sql)?.bind(&values)?.as_ref());
        }
        database.batch(&bound)
    };
    let answer = JsFuture::from(started().map_err(failure)?);
    match select(pin!(answer), Delay::from(Duration::from_millis(ANSWER_MS))).await {
        Either::Left((Ok(results), _)) => results.dyn_into::<Array>().map(|results| results.to_vec()).map_err(failure),
        Either::Left((Err(problem), _)) => Err(failure(problem)),
        Either::Right(((), _)) => Err(D1Failure::Unavailable { problem: format!("no answer within {ANSWER_MS} ms") }),
    }
}

/// Rows that a statement wrote, those of indexes included.
fn rows_written(result: &JsValue) -> u64 {
    let member = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok();
    let rows = member(result, "meta").and_then(|meta| member(&meta, "rows_written")?.as_f64()).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let rows = rows as u64;
    rows
}

fn failure(problem: JsValue) -> D1Failure {
    let message = problem.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    D1Failure::of(message.or_else(|| problem.as_string()).unwrap_or_else(|| "an error without words".to_owned()))
}
