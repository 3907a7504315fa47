//! What D1's errors mean. The texts are what local D1 throws.

use opengateway::accounts::failure::D1Failure;

#[test]
fn what_the_data_are_to_blame_for_is_refused() {
    for problem in [
        "D1_ERROR: NOT NULL constraint failed: requests.project_id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_NOTNULL)",
        "D1_ERROR: cannot store TEXT value in INTEGER column requests.status: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_DATATYPE)",
        "D1_ERROR: malformed JSON: SQLITE_ERROR",
        "D1_ERROR: integer overflow: SQLITE_ERROR",
        "D1_ERROR: string or blob too big: SQLITE_TOOBIG",
    ] {
        let failure = D1Failure::of(problem.to_owned());
        assert_eq!(failure, D1Failure::Refused { problem: problem.to_owned() });
        assert_eq!(failure.problem(), problem);
    }
}

#[test]
fn everything_else_may_pass() {
    for problem in [
        "D1_ERROR: no such table: requests: SQLITE_ERROR",
        "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
        "D1_ERROR: Network connection lost.",
        "no answer within 5000 ms",
        "",
    ] {
        assert_eq!(D1Failure::of(problem.to_owned()), D1Failure::Unavailable { problem: problem.to_owned() });
    }
    assert!(D1Failure::NotBound.problem().contains("DB"));
}
