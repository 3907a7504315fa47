//! The minute over which attempts are counted.

use opengateway::health::window::{RATE_WINDOW_MS, Window};

use crate::health_fixture::NOW;

#[test]
fn what_happened_within_the_last_minute_counts() {
    let mut window = Window::default();
    assert_eq!(window.totals(NOW), (0, 0));
    window.count(true, 3, NOW);
    window.count(false, 1, NOW + 25_000);
    assert_eq!(window.totals(NOW + 25_000), (3, 1));
    assert_eq!(window.totals(NOW + RATE_WINDOW_MS - 1), (3, 1));
    assert_eq!(window.totals(NOW + RATE_WINDOW_MS), (0, 1), "the first ten seconds leave together");
    assert_eq!(window.totals(NOW + 2 * RATE_WINDOW_MS), (0, 0));
}

#[test]
fn a_minute_later_the_place_of_old_counts_is_used_again() {
    let mut window = Window::default();
    window.count(true, 3, NOW);
    window.count(false, 2, NOW + RATE_WINDOW_MS);
    assert_eq!(window.totals(NOW + RATE_WINDOW_MS), (0, 2));
}

#[test]
fn counts_stop_at_their_largest_figure() {
    let mut window = Window::default();
    for slot in 0..6 {
        window.count(true, u32::MAX, NOW + slot * 10_000);
        window.count(true, 1, NOW + slot * 10_000);
    }
    assert_eq!(window.totals(NOW + 50_000), (u32::MAX, 0));
}
