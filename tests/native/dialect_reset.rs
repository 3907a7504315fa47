//! When a limit begins anew, in every form that a provider may say so.

use opengateway::dialect::reset::parse;
use opengateway::dialect::retry_after::MAX_RETRY_AFTER_MS;
use proptest::prelude::*;

/// 2023-11-14T22:13:20Z.
const NOW: u64 = 1_700_000_000_000;

/// Milliseconds from now.
fn of(text: &str) -> Option<u64> {
    parse(text, NOW).map(|at_ms| at_ms - NOW)
}

#[test]
fn every_form_is_a_time() {
    for (text, ms) in [
        // Seconds from now: Cerebras, Together, SambaNova.
        ("0", 0),
        ("7", 7_000),
        (" 7 ", 7_000),
        ("33011.382867", 33_011_383),
        ("0.0001", 1),
        // Since the epoch: in seconds, and in milliseconds at OpenRouter.
        ("1700000007", 7_000),
        ("1700000007.5", 7_500),
        ("1700000007500", 7_500),
        // Durations: OpenAI, Groq.
        ("1s", 1_000),
        ("6m0s", 360_000),
        ("1m2.5s", 62_500),
        ("2m59.56s", 179_560),
        ("59.7ms", 60),
        ("825ms", 825),
        ("0s", 0),
        ("1h2m3s", 3_723_000),
        ("4h17m", 15_420_000),
        ("1d1h", 90_000_000),
        // Dates: Anthropic.
        ("2023-11-14T22:13:27Z", 7_000),
        ("2023-11-14T22:13:27.5Z", 7_500),
        ("2023-11-14T23:13:27+01:00", 7_000),
        ("2023-11-15T00:13:27+02:00", 7_000),
        ("2023-11-14T14:13:27-08:00", 7_000),
        ("2023-11-14T22:13:27", 7_000),
        ("2023-11-15T00:00:00Z", 6_400_000),
    ] {
        assert_eq!(of(text), Some(ms), "{text}");
    }
}

#[test]
fn what_is_past_is_now_and_what_is_far_is_no_further_than_a_daily_quota() {
    for past in ["1600000000", "1600000000000", "2023-11-14T22:13:19Z", "1999-01-01T00:00:00Z"] {
        assert_eq!(of(past), Some(0), "{past}");
    }
    for far in ["90001", "999999999", "1800000000", "1800000000000", "26h", "2d", "9999-12-31T00:00:00Z", "1e300"] {
        assert_eq!(of(far), Some(MAX_RETRY_AFTER_MS), "{far}");
    }
}

#[test]
fn garbage_says_nothing() {
    for text in [
        "",
        " ",
        "soon",
        "-1",
        "-1s",
        "1m-2s",
        "NaN",
        "inf",
        "1x",
        "s",
        "1m2",
        "5 minutes",
        "T",
        "2023-11-14T",
        "2023-02-30T00:00:00Z",
        "2023-11-14T22:13:27+x",
        "2023-11-14Tx",
        "1us",
    ] {
        assert!(of(text).is_none(), "{text}: {:?}", of(text));
    }
}

proptest! {
    #[test]
    fn no_header_makes_it_panic_or_wait_for_ever(text in ".*") {
        prop_assert!(of(&text).is_none_or(|ms| ms <= MAX_RETRY_AFTER_MS));
    }

    #[test]
    fn the_forms_of_one_time_agree(ms in 0..MAX_RETRY_AFTER_MS) {
        let forms = [
            format!("{}", NOW + ms),
            format!("{ms}ms"),
            format!("{}s{}ms", ms / 1000, ms % 1000),
            format!("{}m{}s{}ms", ms / 60_000, ms / 1000 % 60, ms % 1000),
        ];
        for form in forms {
            prop_assert_eq!(of(&form), Some(ms), "{}", form);
        }
    }
}
