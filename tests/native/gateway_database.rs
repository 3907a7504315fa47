//! A database that answers what it is told and remembers what it was asked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use opengateway::accounts::failure::D1Failure;
use opengateway::accounts::sql::{Outcome, Statement};
use opengateway::gateway::database::{Database, members, unavailable, unreadable};

/// The fake. An answer for each call, in order; the last one is repeated.
pub(crate) struct FakeDatabase {
    answers: RefCell<VecDeque<Result<Vec<Outcome>, D1Failure>>>,
    /// The statements of each call.
    pub(crate) asked: RefCell<Vec<Vec<Statement>>>,
}

impl FakeDatabase {
    pub(crate) fn new(answers: impl IntoIterator<Item = Result<Vec<Outcome>, D1Failure>>) -> Self {
        Self { answers: RefCell::new(answers.into_iter().collect()), asked: RefCell::default() }
    }

    /// One answer: the rows of each statement.
    pub(crate) fn with_rows(statements: &[&[&str]]) -> Self {
        let rows = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect();
        Self::new([Ok(statements.iter().map(|own| Outcome { rows: rows(own), ..Outcome::default() }).collect())])
    }
}

impl Database for FakeDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, D1Failure> {
        self.asked.borrow_mut().push(statements);
        let mut answers = self.answers.borrow_mut();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers.front().unwrap().clone() }
    }
}

/// What a future comes to that waits for nothing but the fake.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something else"),
    }
}

pub(crate) fn outage() -> D1Failure {
    D1Failure::Failed { problem: "D1_ERROR: no such table: requests: SQLITE_ERROR".to_owned() }
}

#[test]
fn the_client_learns_that_the_accounts_are_away_and_not_why() {
    let error = unavailable(&outage());
    assert_eq!((error.status, error.code, error.error_type.as_str()), (503, "accounts_unavailable", "server_error"));
    assert!(error.retry_after_ms.is_some() && error.should_retry.is_none());
    assert!(!error.message.contains("table"), "{}", error.message);
}

#[test]
fn a_row_is_taken_apart_as_it_is_written() {
    assert_eq!(members(r#"[1, "a,]", {"b":[2]}]"#), Ok(vec!["1", r#""a,]""#, r#"{"b":[2]}"#]));
    assert_eq!(members("[]"), Ok(vec![]));
    for row in ["", "{}", "[1,2,", "null", "[1 2]"] {
        assert_eq!(members(row), Err(unreadable()), "{row:?}");
    }
}

#[test]
fn without_a_database_waiting_helps_nobody() {
    let error = unavailable(&D1Failure::NotBound);
    assert_eq!((error.status, error.code), (503, "accounts_unavailable"));
    assert_eq!((error.retry_after_ms, error.should_retry), (None, Some(false)));
}
