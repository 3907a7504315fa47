//! The health object: one a continent. It takes the isolates' messages in turn; what they mean is `health/coordinator.rs`.

use std::cell::{Cell, RefCell};

use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};

use super::js::{ObjectState, Sql, words};
use super::log;
use super::ports::{now_ms, random_id};
use super::task::settled;
use crate::health::circuit::Circuit;
use crate::health::coordinator::{Change, Coordinator};
use crate::health::message::SyncRequest;
use crate::json::ObjectWriter;

/// Where isolates send their messages; the answer is JSON, and a message that is none of theirs has an empty one.
pub(super) const SYNC: &str = "https://health/sync";

/// What an eviction must not forget; see [`Change`].
const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS circuits (provider TEXT NOT NULL, model TEXT NOT NULL, circuit TEXT NOT NULL, \
     PRIMARY KEY (provider, model)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS cursors (key TEXT NOT NULL PRIMARY KEY, next TEXT NOT NULL) STRICT, WITHOUT ROWID",
];

/// The object. It is exported by hand, as the ledger is.
#[wasm_bindgen]
pub struct HealthObject {
    sql: Sql,
    coordinator: RefCell<Coordinator>,
    messages: Cell<u64>,
}

#[wasm_bindgen]
impl HealthObject {
    /// Called by the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, _env: JsValue) -> Self {
        let sql = state.unchecked_into::<ObjectState>().storage().sql();
        let mut coordinator = Coordinator::new(random_id());
        if let Err(problem) = restore(&sql, &mut coordinator) {
            // It goes on with what it learns from now on.
            log::error("health_not_restored", &[("problem", &words(&problem))]);
        }
        Self { sql, coordinator: RefCell::new(coordinator), messages: Cell::new(0) }
    }

    /// A message from an isolate, or a question from an operator: how many messages there were since it started.
    ///
    /// # Errors
    /// When the message does not arrive.
    pub async fn fetch(&self, request: Request) -> Result<Response, JsValue> {
        if request.url() != SYNC {
            let mut figures = String::new();
            let mut object = ObjectWriter::new(&mut figures);
            object.number("messages", self.messages.get());
            object.end();
            return Response::new_with_opt_str(Some(&figures));
        }
        let body = settled(&request.text()?).await?.as_string().unwrap_or_default();
        // From here on nothing waits: a message is taken in as a whole.
        self.messages.set(self.messages.get().saturating_add(1));
        let Some(message) = SyncRequest::from_json(&body) else { return Response::new() };
        let (reply, changes) = self.coordinator.borrow_mut().sync(&message, now_ms());
        for change in changes {
            if let Err(problem) = store(&self.sql, &change) {
                log::error("health_not_stored", &[("problem", &words(&problem))]);
            }
        }
        Response::new_with_opt_str(Some(&reply.to_json()))
    }
}

fn store(sql: &Sql, change: &Change) -> Result<(), JsValue> {
    let (statement, values): (&str, &[&str]) = match change {
        Change::Circuit { provider, model, circuit } => (
            "INSERT INTO circuits VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET circuit = excluded.circuit",
            &[provider, model, &circuit.to_json()],
        ),
        Change::Closed { provider, model } => {
            ("DELETE FROM circuits WHERE provider = ? AND model = ?", &[provider, model])
        }
        Change::Forget { provider } => ("DELETE FROM circuits WHERE provider = ?", &[provider]),
        Change::Cursor { key, next } => (
            "INSERT INTO cursors VALUES (?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
            &[key, &next.to_string()],
        ),
        Change::ClearCursors => ("DELETE FROM cursors", &[]),
    };
    let values: Array = values.iter().map(|value| JsValue::from_str(value)).collect();
    sql.exec(statement, &values).map(|_| ())
}

fn restore(sql: &Sql, coordinator: &mut Coordinator) -> Result<(), JsValue> {
    let mut over = Vec::new();
    for table in TABLES {
        sql.exec(table, &Array::new())?;
    }
    for_each_row(sql, "SELECT provider, model, circuit FROM circuits", |[provider, model, circuit]| {
        // A row of another version of this program is of no use.
        if let Some(circuit) = Circuit::from_json(&circuit) {
            over.extend(coordinator.restore_circuit(&provider, &model, circuit, now_ms()));
        }
    })?;
    for change in over {
        store(sql, &change)?;
    }
    for_each_row(sql, "SELECT key, next, '' FROM cursors", |[key, next, _]| {
        if let Ok(next) = next.parse() {
            coordinator.restore_cursor(&key, next);
        }
    })
}

fn for_each_row(sql: &Sql, query: &str, mut take: impl FnMut([String; 3])) -> Result<(), JsValue> {
    let rows = sql.exec(query, &Array::new())?.raw()?;
    loop {
        let next = rows.next()?;
        if next.done() {
            return Ok(());
        }
        let row: Array = next.value().unchecked_into();
        take([0, 1, 2].map(|index| row.get(index).as_string().unwrap_or_default()));
    }
}
