//! How long to leave a provider alone, in every form that it may say so.

use opengateway::dialect::retry_after::{MAX_RETRY_AFTER_MS, from_headers, from_seconds_text};
use proptest::prelude::*;

/// Tue, 14 Nov 2023 22:13:20 GMT.
const NOW: u64 = 1_700_000_000_000;

fn of(headers: &[(&str, &str)]) -> Option<u64> {
    let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    from_headers(&header, NOW)
}

#[test]
fn seconds_and_dates_are_milliseconds_from_now() {
    for (text, ms) in [
        ("7", 7000),
        (" 7 ", 7000),
        ("0", 0),
        ("0.25", 250),
        ("1.0001", 1001),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10_000),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Tuesday, 14-Nov-23 22:13:30 GMT", 10_000),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ] {
        assert_eq!(of(&[("retry-after", text)]), Some(ms), "{text}");
    }
}

#[test]
fn garbage_says_nothing() {
    for text in ["", "soon", "-1", "-0.5", "NaN", "inf", "infinity", "1e999", "7 seconds", "0x10", "Tue, 99 Nov 2023"] {
        assert_eq!(of(&[("retry-after", text)]), None, "{text}");
        assert_eq!(of(&[("retry-after-ms", text)]), None, "{text}");
    }
    assert_eq!(of(&[]), None);
}

#[test]
fn milliseconds_go_before_seconds() {
    assert_eq!(of(&[("retry-after", "9"), ("retry-after-ms", "1200")]), Some(1200));
    assert_eq!(of(&[("retry-after", "9"), ("x-ms-retry-after-ms", "1300")]), Some(1300));
    assert_eq!(of(&[("x-ms-retry-after-ms", "1300"), ("retry-after-ms", "1200")]), Some(1200));
    assert_eq!(of(&[("retry-after", "9"), ("retry-after-ms", "soon")]), Some(9000), "garbage hides nothing");
    assert_eq!(of(&[("retry-after-ms", "0.4")]), Some(1), "rounded up");
}

#[test]
fn nothing_is_waited_for_longer_than_a_daily_quota() {
    for text in ["9999999999", "1e30", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        assert_eq!(of(&[("retry-after", text)]), Some(MAX_RETRY_AFTER_MS), "{text}");
    }
    assert_eq!(of(&[("retry-after-ms", "1741305600000")]), Some(MAX_RETRY_AFTER_MS));
    assert_eq!(from_seconds_text("9999999999s"), Some(MAX_RETRY_AFTER_MS));
}

#[test]
fn a_duration_in_a_body_needs_its_unit() {
    assert_eq!(from_seconds_text(" 34.4s "), Some(34_400));
    assert_eq!(from_seconds_text("0s"), Some(0));
    for text in ["34.4", "s", "-3s", "34.4ms", "1m", "nans"] {
        assert_eq!(from_seconds_text(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn whole_milliseconds_stay_what_they_are(ms in 0..MAX_RETRY_AFTER_MS) {
        prop_assert_eq!(of(&[("retry-after-ms", &ms.to_string())]), Some(ms));
    }

    #[test]
    fn no_header_makes_it_panic(text in ".*") {
        prop_assert!(of(&[("retry-after", &text)]).is_none_or(|ms| ms <= MAX_RETRY_AFTER_MS));
    }
}
