//! Deleting what is too old.

use opengateway::accounts::failure::D1Failure;
use opengateway::accounts::request_id::lowest_at;
use opengateway::accounts::sql::{self, Outcome, Param, Statement};
use opengateway::gateway::retention::{Deleted, MAX_ROUNDS, ROUND_ROWS, run};

use crate::gateway_database::{FakeDatabase, outage, ready};

const NOW_MS: u64 = 1_790_000_000_000;

fn deleted(rows: u64) -> Result<Vec<Outcome>, D1Failure> {
    Ok(vec![Outcome { changes: rows, ..Outcome::default() }])
}

#[test]
fn what_is_older_than_so_many_days_goes() {
    let database = FakeDatabase::new([deleted(2), deleted(5)]);
    assert_eq!(ready(run(&database, 90, NOW_MS)), Ok(Deleted { rows: 7, done: true }));
    let cutoff_ms = NOW_MS - 90 * 86_400_000;
    let most = Param::Number(ROUND_ROWS);
    assert_eq!(
        *database.asked.borrow(),
        [
            [Statement::new(sql::DELETE_DEAD_LETTERS, vec![Param::Number(cutoff_ms), most.clone()])],
            [Statement::new(sql::DELETE_REQUESTS, vec![Param::Text(lowest_at(cutoff_ms)), most])],
        ]
    );
}

#[test]
fn it_goes_on_while_a_round_is_full() {
    let database = FakeDatabase::new([deleted(0), deleted(ROUND_ROWS), deleted(ROUND_ROWS), deleted(1)]);
    assert_eq!(ready(run(&database, 1, NOW_MS)), Ok(Deleted { rows: 2 * ROUND_ROWS + 1, done: true }));
    assert_eq!(database.asked.borrow().len(), 4);
}

#[test]
fn one_run_has_a_bound_that_the_free_plan_allows() {
    let database = FakeDatabase::new([deleted(ROUND_ROWS)]);
    assert_eq!(ready(run(&database, 1, NOW_MS)), Ok(Deleted { rows: MAX_ROUNDS * ROUND_ROWS, done: false }));
    assert!(database.asked.borrow().len() < 50);
}

#[test]
fn a_failure_ends_the_run() {
    let database = FakeDatabase::new([deleted(0), deleted(ROUND_ROWS), Err(outage())]);
    assert_eq!(ready(run(&database, 1, NOW_MS)), Err(outage()));
    assert_eq!(database.asked.borrow().len(), 3);
}

#[test]
fn a_time_before_all_days_deletes_nothing_by_mistake() {
    let database = FakeDatabase::new([deleted(0)]);
    assert_eq!(ready(run(&database, 3650, 5)), Ok(Deleted { rows: 0, done: true }));
    assert_eq!(database.asked.borrow()[1][0].params[0], Param::Text(lowest_at(0)));
}
