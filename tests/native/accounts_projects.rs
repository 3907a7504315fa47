//! New project ids: how many an isolate takes in, and that known ones always pass.

use opengateway::accounts::projects::{MOST_KNOWN, Projects};

const START: u64 = 1_700_000_000_000;

#[test]
fn so_many_new_projects_come_in_a_minute_and_known_ones_always() {
    let mut projects = Projects::default();
    for name in ["a", "b", "a", "b", "a"] {
        assert_eq!(projects.admit(name, 2, START), Ok(()));
    }
    assert_eq!(projects.admit("c", 2, START + 10_000), Err(50_000), "until the minute is over");
    assert_eq!(projects.admit("a", 2, START + 10_000), Ok(()));
    assert_eq!(projects.admit("c", 2, START + 60_000), Ok(()));
    assert_eq!(projects.admit("d", 2, START + 60_000), Ok(()));
    assert_eq!(projects.admit("e", 2, START + 119_999), Err(1));
}

#[test]
fn a_clock_that_goes_back_locks_nobody_out_for_longer() {
    let mut projects = Projects::default();
    assert_eq!(projects.admit("a", 1, START), Ok(()));
    assert_eq!(projects.admit("b", 1, START - 5_000), Err(60_000));
}

#[test]
fn memory_is_bounded_and_projects_in_use_are_remembered() {
    let mut projects = Projects::default();
    let many = 5 * MOST_KNOWN;
    for index in 0..many {
        assert_eq!(projects.admit(&index.to_string(), u64::MAX, START), Ok(()));
        assert_eq!(projects.admit("busy", u64::MAX, START), Ok(()));
    }
    assert_eq!(projects.admit("busy", 0, START), Ok(()));
    assert_eq!(projects.admit(&(many - 1).to_string(), 0, START), Ok(()), "the last ones, too");
    assert!(projects.admit("0", 0, START).is_err(), "the first ones are forgotten");
}
