//! The way of a usage record from its request to its project's ledger, and past a ledger that cannot be had: to D1, or
//! into the log.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;

use futures::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::Env;

use super::drain::{Drain, Stage};
use super::js::words;
use super::ledger_object::{ACCEPTED, COMMIT, FULL};
use super::ports::now_ms;
use super::task::sleep;
use super::{log, object};
use crate::accounts::courier::{DATABASE_MS, LEDGER_MS, Message, Route, Sent};
use crate::accounts::couriers::{Added, Couriers, Step, Ticket};
use crate::accounts::failure::D1Failure;
use crate::accounts::flush::Flush;
use crate::accounts::outbox::Row;

/// The binding of the ledgers.
const BINDING: &str = "LEDGER";

/// Gives a record, as JSON, to its project's courier. With a ticket in return the request has to [`watch`].
pub(super) fn add(couriers: &RefCell<Couriers>, project: &str, record: String) -> Option<Ticket> {
    let (added, orphans) = couriers.borrow_mut().add(project, record, now_ms());
    not_written("nobody watches over it any more", &orphans);
    match added {
        Added::Watched(ticket) => Some(ticket),
        Added::Entrusted => None,
        Added::Full(record) => {
            not_written("too many records wait", &[record]);
            None
        }
    }
}

/// Watches over a group of records until they are settled. Nothing here waits for another request: the platform would
/// forget this one in its sleep.
pub(super) async fn watch(env: &Env, couriers: &RefCell<Couriers>, mut ticket: Ticket) {
    loop {
        let step = couriers.borrow_mut().step(&mut ticket, now_ms());
        match step {
            Step::Done => return,
            Step::Sleep(ms) => sleep(ms).await,
            Step::Send(message) => {
                let (id, (sent, problem)) = (message.id, send(env, ticket.project(), message).await);
                let given_up = couriers.borrow_mut().end(ticket.project(), id, sent, now_ms());
                not_written(&problem, &given_up);
            }
            Step::Log(records) => not_written("neither the ledger nor D1 took it in time", &records),
        }
    }
}

/// What nobody takes is logged whole, a line for each record, so that it is not lost: an operator can still write it.
fn not_written(problem: &str, records: &[String]) {
    for record in records {
        log::error("record_not_written", &[("problem", problem), ("record", record)]);
    }
}

/// Sends a message; returns how that went, and what the problem was.
async fn send(env: &Env, project: &str, message: Message) -> (Sent, String) {
    let (place, sent) = match message.route {
        Route::Ledger => ("the ledger", to_ledger(env, project, &message.records).await),
        Route::Database => ("D1", in_time(to_database(env, project, message.records)).await),
    };
    let Err(NotSent { sent, problem }) = sent else { return (Sent::Accepted, String::new()) };
    let problem = format!("{place}: {problem}");
    log::error("records_not_taken", &[("project_id", project), ("problem", &problem)]);
    (sent, problem)
}

struct NotSent {
    sent: Sent,
    problem: String,
}

impl From<JsValue> for NotSent {
    fn from(error: JsValue) -> Self {
        Self { sent: Sent::Failed, problem: words(&error) }
    }
}

async fn to_ledger(env: &Env, project: &str, records: &str) -> Result<(), NotSent> {
    let Some(namespace) = object::namespace(env, BINDING) else {
        return Err(NotSent { sent: Sent::Unavailable, problem: format!("there is no binding {BINDING}") });
    };
    match object::post(&namespace, project, COMMIT, records, LEDGER_MS).await?.status() {
        ACCEPTED => Ok(()),
        FULL => Err(NotSent { sent: Sent::Unavailable, problem: "the outbox is full".to_owned() }),
        status => Err(NotSent { sent: Sent::Failed, problem: format!("it answered {status}") }),
    }
}

/// `writing`, unless it takes longer than [`DATABASE_MS`]: then there must be time left for the next try, and for the log.
async fn in_time(writing: impl Future<Output = Result<(), NotSent>>) -> Result<(), NotSent> {
    match select(pin!(writing), pin!(sleep(DATABASE_MS))).await {
        Either::Left((written, _)) => written,
        Either::Right(((), _)) => {
            Err(NotSent { sent: Sent::Failed, problem: format!("not done within {DATABASE_MS} ms") })
        }
    }
}

/// Writes the records into D1, as the ledger would. Stopped half-way, it can be done again: records count once.
async fn to_database(env: &Env, project: &str, records: String) -> Result<(), NotSent> {
    let mut drain = Drain::new(Flush::new(vec![Row { seq: 1, count: 0, records }]));
    loop {
        match drain.step(env, project).await {
            Stage::Done => return Ok(()),
            Stage::Going => {}
            Stage::Out => break,
        }
    }
    let missing = matches!(drain.failure, Some(D1Failure::NotBound));
    let problem = drain.failure.as_ref().map(D1Failure::problem).unwrap_or_default().to_owned();
    Err(NotSent { sent: if missing { Sent::Unavailable } else { Sent::Failed }, problem })
}
