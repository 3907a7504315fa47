//! The ledger of one project: a Durable Object whose SQLite keeps what isolates were told is safe, until an alarm has
//! written it into D1. `accounts/outbox.rs` and `accounts/flush.rs` decide; here is the storage and the alarm.

use std::cell::RefCell;

use js_sys::{Array, JsString};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response, ResponseInit};
use worker::Env;

use super::drain::{Drain, Stage};
use super::isolate::variable;
use super::js::{ObjectState, ObjectStorage, Sql, words};
use super::log;
use super::ports::now_ms;
use super::task::settled;
use crate::accounts::flush::{Flush, backoff_ms};
use crate::accounts::outbox::{self, Batch, Row, Waiting};
use crate::config::AccountSettings;
use crate::json::ObjectWriter;

/// Where isolates send their messages, each the text of a JSON array of records.
pub(super) const COMMIT: &str = "https://ledger/commit";
/// What the object has to say, for its operator.
const STATUS: &str = "https://ledger/status";
/// The answer to a message that is safe.
pub(super) const ACCEPTED: u16 = 204;
/// The answer when the outbox is full.
pub(super) const FULL: u16 = 507;

/// How many calls to D1 one alarm makes before it asks for the next one: each is two statements, and the Free plan
/// allows 50 in one go.
const CALLS_PER_ALARM: u32 = 20;

/// The object. It is exported by hand: the macro of `worker` brings its own requests and errors, 3 KB gzip of them.
#[wasm_bindgen]
pub struct LedgerObject {
    storage: ObjectStorage,
    sql: Sql,
    env: Env,
    /// The name of the object.
    project: String,
    /// From a message to its way into D1, in milliseconds.
    flush_after_ms: u64,
    memory: RefCell<Memory>,
}

/// What is known without asking the storage.
#[derive(Default)]
struct Memory {
    /// The tables are there, and `waiting` is right.
    ready: bool,
    waiting: Waiting,
    alarm: Alarm,
    /// A flush that goes on in the next alarm.
    drain: Option<Drain>,
    /// How often in a row D1 was out.
    failures: u32,
    // Since the object started:
    messages: u64,
    records: u64,
    d1_calls: u64,
    d1_rows_written: u64,
}

/// What is known of the alarm.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Alarm {
    /// Nothing: the object has just started.
    #[default]
    Unknown,
    /// There is none.
    Unset,
    /// It will come, or it is there and sees to the next one itself.
    Set,
}

/// How an alarm ended.
enum End {
    /// What was there when it began is in D1.
    Flushed,
    /// It has made its calls, and there is more to do.
    More,
    /// D1 is out.
    Out,
}

#[wasm_bindgen]
impl LedgerObject {
    /// Called by the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: Env) -> Self {
        let state: ObjectState = state.unchecked_into();
        // A value that cannot be used is refused where requests come in, and its name told there.
        let settings = AccountSettings::read(&|name| variable(&env, name)).unwrap_or_default();
        let (storage, project) = (state.storage(), state.id().name().unwrap_or_default());
        Self {
            sql: storage.sql(),
            storage,
            env,
            project,
            flush_after_ms: settings.flush_after_ms,
            memory: RefCell::default(),
        }
    }

    /// A message from an isolate or a question from an operator.
    ///
    /// # Errors
    /// When the storage fails; nothing is acknowledged then.
    pub async fn fetch(&self, request: Request) -> Result<Response, JsValue> {
        match request.url().as_str() {
            COMMIT => self.commit(settled(&request.text()?).await?.unchecked_into()).await,
            STATUS => self.status(),
            _ => empty(404),
        }
    }

    /// Writes into D1. Whatever fails there is tried again by an alarm of its own: the platform would try a few times and
    /// then forget the alarm.
    ///
    /// # Errors
    /// When the next alarm cannot be set: then the platform's tries are better than none.
    pub async fn alarm(&self) -> Result<(), JsValue> {
        // A message that comes in the meantime need not set one: this one sees to the next.
        self.memory.borrow_mut().alarm = Alarm::Set;
        let end = self.flush().await.unwrap_or_else(|problem| {
            self.log("outbox_not_usable", &words(&problem));
            End::Out
        });
        let after_ms = {
            let mut memory = self.memory.borrow_mut();
            memory.alarm = Alarm::Unset;
            match end {
                // As long as nothing gets in, the pauses grow, however many alarms it takes to find out.
                End::Out => memory.failures = memory.failures.saturating_add(1),
                End::Flushed => memory.failures = 0,
                End::More => {}
            }
            match end {
                End::Flushed if memory.waiting.rows == 0 => return Ok(()),
                End::Flushed => self.flush_after_ms,
                End::More => 0,
                End::Out => backoff_ms(memory.failures),
            }
        };
        self.set_alarm(after_ms).await.inspect_err(|problem| self.log("alarm_not_set", &words(problem)))
    }
}

impl LedgerObject {
    /// Takes a message in. There is no await between its admission and the call that sets the alarm: all of it is stored,
    /// or nothing.
    async fn commit(&self, text: JsString) -> Result<Response, JsValue> {
        if self.memory.borrow().alarm == Alarm::Unknown {
            let alarm = settled(&self.storage.alarm()?).await?;
            self.memory.borrow_mut().alarm = if alarm.is_null() { Alarm::Unset } else { Alarm::Set };
        }
        self.prepare()?;
        let message = String::from(&text);
        let (records, bytes) = (outbox::count(&message), message.len() as u64);
        if !self.memory.borrow().waiting.admits(bytes) {
            self.count("refused", records)?;
            self.log("outbox_full", &format!("{records} records refused"));
            return empty(FULL);
        }
        self.sql.exec(outbox::INSERT, &Array::of3(&number(records), &number(bytes), &text))?;
        {
            let mut memory = self.memory.borrow_mut();
            memory.waiting.add(records, bytes);
            memory.messages += 1;
            memory.records += records;
        }
        if self.memory.borrow().alarm != Alarm::Set {
            self.set_alarm(self.flush_after_ms).await?;
        }
        empty(ACCEPTED)
    }

    async fn set_alarm(&self, after_ms: u64) -> Result<(), JsValue> {
        self.memory.borrow_mut().alarm = Alarm::Set;
        let set = match self.storage.set_alarm(float(now_ms().saturating_add(after_ms))) {
            Ok(promise) => settled(&promise).await,
            Err(problem) => Err(problem),
        };
        if set.is_err() {
            self.memory.borrow_mut().alarm = Alarm::Unset;
        }
        set.map(|_| ())
    }

    /// Writes what waits into D1, but not what comes in the meantime: that would go in dribs and drabs.
    async fn flush(&self) -> Result<End, JsValue> {
        self.prepare()?;
        let newest = self.figures(outbox::NEWEST)?[0];
        let mut drain = self.memory.borrow_mut().drain.take();
        for _ in 0..CALLS_PER_ALARM {
            let mut current = match drain.take() {
                Some(drain) => drain,
                None => match self.oldest(newest)? {
                    rows if rows.is_empty() => return Ok(End::Flushed),
                    rows => Drain::new(Flush::new(rows)),
                },
            };
            let stage = current.step(&self.env, &self.project).await;
            self.settle(&mut current)?;
            match stage {
                Stage::Going => {
                    self.memory.borrow_mut().d1_calls += 1;
                    drain = Some(current);
                }
                Stage::Done => {}
                Stage::Out => {
                    self.log(
                        "d1_is_out",
                        current.failure.as_ref().map(|failure| failure.problem()).unwrap_or_default(),
                    );
                    return Ok(End::Out);
                }
            }
        }
        self.memory.borrow_mut().drain = drain;
        Ok(End::More)
    }

    /// Deletes what is in D1, and counts.
    fn settle(&self, drain: &mut Drain) -> Result<(), JsValue> {
        let rows = drain.flush.take_settled();
        if !rows.is_empty() {
            let mut numbers = String::new();
            for row in &rows {
                numbers.push(if numbers.is_empty() { '[' } else { ',' });
                numbers.push_str(&row.seq.to_string());
            }
            numbers.push(']');
            self.sql.exec(outbox::DELETE, &Array::of1(&JsValue::from_str(&numbers)))?;
        }
        let dead_letters = std::mem::take(&mut drain.dead_letters);
        if dead_letters > 0 {
            self.count("dead_letters", dead_letters)?;
        }
        let mut memory = self.memory.borrow_mut();
        if !rows.is_empty() {
            memory.failures = 0;
        }
        for row in &rows {
            memory.waiting.remove(row.count, row.records.len() as u64);
        }
        memory.d1_rows_written += std::mem::take(&mut drain.rows_written);
        Ok(())
    }

    /// Makes the tables and measures what waits, once.
    fn prepare(&self) -> Result<(), JsValue> {
        if self.memory.borrow().ready {
            return Ok(());
        }
        for statement in outbox::SCHEMA {
            self.sql.exec(statement, &Array::new())?;
        }
        let [rows, records, bytes] = self.figures(outbox::MEASURE)?;
        let mut memory = self.memory.borrow_mut();
        memory.waiting = Waiting { rows, records, bytes };
        memory.ready = true;
        Ok(())
    }

    fn count(&self, name: &str, by: u64) -> Result<(), JsValue> {
        self.sql.exec(outbox::COUNT, &Array::of2(&JsValue::from_str(name), &number(by))).map(|_| ())
    }

    /// The numbers in the first row of an answer.
    fn figures(&self, query: &str) -> Result<[u64; 3], JsValue> {
        let mut figures = [0; 3];
        self.each(query, &Array::new(), |row| {
            figures = [0, 1, 2].map(|index| integer(&row.get(index)));
            false
        })?;
        Ok(figures)
    }

    /// The rows of the next batch, up to this number.
    fn oldest(&self, newest: u64) -> Result<Vec<Row>, JsValue> {
        let mut batch = Batch::default();
        self.each(outbox::OLDEST, &Array::of1(&number(newest)), |row| {
            let records = row.get(2).as_string().unwrap_or_default();
            batch.take(Row { seq: integer(&row.get(0)), count: integer(&row.get(1)), records })
        })?;
        Ok(batch.into_rows())
    }

    /// Hands out each row of an answer until there are none or `take` wants no more.
    fn each(&self, query: &str, values: &Array, mut take: impl FnMut(&Array) -> bool) -> Result<(), JsValue> {
        let rows = self.sql.exec(query, values)?.raw()?;
        loop {
            let next = rows.next()?;
            if next.done() || !take(next.value().unchecked_ref()) {
                return Ok(());
            }
        }
    }

    /// Figures as JSON: what waits, what was refused or put away as bad ever, and the rest since the object started.
    fn status(&self) -> Result<Response, JsValue> {
        self.prepare()?;
        let (mut refused, mut dead_letters) = (0, 0);
        self.each(outbox::COUNTERS, &Array::new(), |row| {
            let value = integer(&row.get(1));
            match row.get(0).as_string().as_deref() {
                Some("refused") => refused = value,
                Some("dead_letters") => dead_letters = value,
                Some(_) | None => {}
            }
            true
        })?;
        let memory = self.memory.borrow();
        let figures = [
            ("waiting_messages", memory.waiting.rows),
            ("waiting_records", memory.waiting.records),
            ("waiting_bytes", memory.waiting.bytes),
            ("refused", refused),
            ("dead_letters", dead_letters),
            ("messages", memory.messages),
            ("records", memory.records),
            ("d1_calls", memory.d1_calls),
            ("d1_rows_written", memory.d1_rows_written),
            ("d1_failures_in_a_row", memory.failures.into()),
        ];
        let mut text = String::with_capacity(256);
        let mut object = ObjectWriter::new(&mut text);
        for (name, figure) in figures {
            object.number(name, figure);
        }
        object.end();
        Response::new_with_opt_str(Some(&text))
    }

    fn log(&self, event: &str, problem: &str) {
        log::error(event, &[("project_id", &self.project), ("problem", problem)]);
    }
}

fn empty(status: u16) -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(status);
    Response::new_with_opt_str_and_init(None, &init)
}

/// Numbers of rows and bytes, and times: far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}

fn number(value: u64) -> JsValue {
    JsValue::from_f64(float(value))
}

fn integer(value: &JsValue) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive")]
    let value = value.as_f64().unwrap_or_default() as u64;
    value
}
