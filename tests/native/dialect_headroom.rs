//! What providers say of the requests and tokens that are left.

use opengateway::dialect::headroom::from_headers;
use opengateway::health::outcome::Headroom;

const NOW: u64 = 1_700_000_000_000;

fn of(headers: &[(&str, &str)]) -> Option<(Option<u64>, Option<u64>)> {
    let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    from_headers(&header, NOW).map(|Headroom { requests, tokens, at_ms }| {
        assert_eq!(at_ms, NOW);
        (requests, tokens)
    })
}

#[test]
fn every_providers_names_are_known() {
    for (headers, left) in [
        (
            &[("x-ratelimit-remaining-requests", "14"), ("x-ratelimit-remaining-tokens", "5600")][..],
            (Some(14), Some(5600)),
        ),
        (
            &[("x-ratelimit-remaining-requests-day", "900"), ("x-ratelimit-remaining-tokens-minute", "60000")],
            (Some(900), Some(60_000)),
        ),
        (&[("x-ratelimit-remaining-requests", "3")], (Some(3), None)),
        (&[("x-ratelimit-remaining-tokens", "3")], (None, Some(3))),
        (&[("x-ratelimit-remaining-requests-day", "0")], (Some(0), None)),
        (&[("x-ratelimit-remaining-tokens-minute", "0")], (None, Some(0))),
        (&[("x-ratelimit-remaining-requests-day", "9"), ("x-ratelimit-remaining-requests", "2")], (Some(2), None)),
    ] {
        assert_eq!(of(headers), Some(left), "{headers:?}");
    }
}

#[test]
fn a_number_may_have_a_fraction_and_blanks_around_it() {
    for (text, number) in [
        ("12", 12),
        (" 12 ", 12),
        ("12.0", 12),
        ("12.9", 12),
        ("12.", 12),
        ("0.7", 0),
        ("007", 7),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(of(&[("x-ratelimit-remaining-tokens", text)]), Some((None, Some(number))), "{text}");
    }
}

#[test]
fn junk_says_nothing() {
    for text in
        ["", " ", ".", ".5", "-1", "-1.0", "1e3", "1,000", "12 tokens", "NaN", "unlimited", "18446744073709551616"]
    {
        assert_eq!(of(&[("x-ratelimit-remaining-tokens", text)]), None, "{text}");
        let beside = [("x-ratelimit-remaining-tokens", text), ("x-ratelimit-remaining-requests", "7")];
        assert_eq!(of(&beside), Some((Some(7), None)), "{text}");
        let second = [("x-ratelimit-remaining-tokens", text), ("x-ratelimit-remaining-tokens-minute", "8")];
        assert_eq!(of(&second), Some((None, Some(8))), "{text}");
    }
}

#[test]
fn other_headers_say_nothing() {
    assert_eq!(of(&[]), None);
    for name in
        ["x-ratelimit-limit-requests", "x-ratelimit-reset-tokens", "retry-after", "X-RateLimit-Remaining-Tokens"]
    {
        assert_eq!(of(&[(name, "7")]), None, "{name}");
    }
}
