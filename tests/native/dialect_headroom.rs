//! What providers say of the requests and tokens that are left, and until when.

use opengateway::catalog::Catalog;
use opengateway::catalog::provider::QuotaHeaders;
use opengateway::dialect::headroom::{from_headers, names};
use opengateway::health::headroom::{Headroom, Left};

const NOW: u64 = 1_700_000_000_000;

/// What is left and when it begins anew, in milliseconds from now.
type Told = Option<(u64, Option<u64>)>;

fn of(quota: QuotaHeaders, headers: &[(&str, &str)]) -> Option<(Told, Told)> {
    let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let told = |left: Option<Left>| {
        let Left { left, reset_ms, at_ms } = left?;
        assert_eq!(at_ms, NOW);
        Some((left, reset_ms.map(|reset_ms| reset_ms - NOW)))
    };
    from_headers(quota, &header, NOW).map(|Headroom { requests, tokens }| (told(requests), told(tokens)))
}

fn row(provider: &str) -> QuotaHeaders {
    Catalog::builtin().provider(provider).unwrap().quota_headers
}

/// Provider, its headers, requests, tokens; as its documentation or a reply that somebody caught shows them.
type Case = (&'static str, &'static [(&'static str, &'static str)], Told, Told);

const CASES: [Case; 12] = [
    (
        "groq",
        &[
            ("x-ratelimit-remaining-requests", "14370"),
            ("x-ratelimit-reset-requests", "2m59.56s"),
            ("x-ratelimit-remaining-tokens", "17997"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ],
        Some((14_370, Some(179_560))),
        Some((17_997, Some(7_660))),
    ),
    (
        "openai",
        &[
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ],
        Some((59, Some(1_000))),
        Some((149_984, Some(360_000))),
    ),
    (
        "xai",
        &[("x-ratelimit-remaining-requests", "479"), ("x-ratelimit-remaining-tokens", "1999000")],
        Some((479, None)),
        Some((1_999_000, None)),
    ),
    (
        "cerebras",
        &[
            ("x-ratelimit-remaining-requests-day", "14399"),
            ("x-ratelimit-reset-requests-day", "33011.382867"),
            ("x-ratelimit-remaining-tokens-minute", "59900"),
            ("x-ratelimit-reset-tokens-minute", "11.382867"),
        ],
        Some((14_399, Some(33_011_383))),
        Some((59_900, Some(11_383))),
    ),
    (
        "cerebras",
        &[
            ("x-ratelimit-remaining-requests-day", "90"),
            ("x-ratelimit-reset-requests-day", "33011.3"),
            ("x-ratelimit-remaining-requests-minute", "4"),
            ("x-ratelimit-reset-requests-minute", "45.5"),
        ],
        Some((4, Some(45_500))),
        None,
    ),
    (
        "sambanova",
        &[
            ("x-ratelimit-remaining-requests", "42"),
            ("x-ratelimit-reset-requests", "1700000030"),
            ("x-ratelimit-remaining-requests-day", "41"),
            ("x-ratelimit-reset-requests-day", "4h17m"),
        ],
        Some((41, Some(15_420_000))),
        None,
    ),
    (
        "mistral",
        &[("x-ratelimit-remaining-req-minute", "717"), ("x-ratelimit-remaining-tokens-minute", "4999911")],
        Some((717, None)),
        Some((4_999_911, None)),
    ),
    (
        "openrouter",
        &[("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000042000")],
        Some((0, Some(42_000))),
        None,
    ),
    (
        "together",
        &[("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1"), ("x-tokenlimit-remaining", "2900")],
        Some((9, Some(1_000))),
        Some((2_900, None)),
    ),
    (
        "fireworks",
        &[("x-ratelimit-remaining-requests", "599"), ("x-ratelimit-remaining-tokens-prompt", "59000")],
        Some((599, None)),
        Some((59_000, None)),
    ),
    // Says nothing by itself; what some proxy before it says is not meant.
    ("nvidia", &[("x-ratelimit-remaining-requests", "5")], None, None),
    ("gemini", &[("x-ratelimit-remaining-requests", "5")], None, None),
];

#[test]
fn every_provider_is_read_by_its_own_names() {
    for (provider, headers, requests, tokens) in CASES {
        let wanted = (requests.is_some() || tokens.is_some()).then_some((requests, tokens));
        assert_eq!(of(row(provider), headers), wanted, "{provider}: {headers:?}");
    }
}

#[test]
fn anthropics_names_and_dates_are_read() {
    let headers = [
        ("anthropic-ratelimit-requests-remaining", "49"),
        ("anthropic-ratelimit-requests-reset", "2023-11-14T22:13:21Z"),
        ("anthropic-ratelimit-tokens-remaining", "39000"),
        ("anthropic-ratelimit-tokens-reset", "2023-11-14T22:14:20Z"),
    ];
    assert_eq!(of(QuotaHeaders::Anthropic, &headers), Some((Some((49, Some(1_000))), Some((39_000, Some(60_000))))));
}

#[test]
fn of_two_periods_the_one_counts_that_is_over_first() {
    let of = |minute: &str, day: &str| {
        let headers = [
            ("x-ratelimit-remaining-requests", minute),
            ("x-ratelimit-reset-requests", "60"),
            ("x-ratelimit-remaining-requests-day", day),
            ("x-ratelimit-reset-requests-day", "300"),
        ];
        of(QuotaHeaders::SambaNova, &headers).unwrap().0
    };
    assert_eq!(of("5", "9"), Some((5, Some(60_000))));
    assert_eq!(of("9", "5"), Some((5, Some(300_000))));
    assert_eq!(of("0", "0"), Some((0, Some(300_000))), "the one that lasts longer");
    assert_eq!(of("junk", "5"), Some((5, Some(300_000))));
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
        let told = of(QuotaHeaders::OpenAi, &[("x-ratelimit-remaining-tokens", text)]);
        assert_eq!(told, Some((None, Some((number, None)))), "{text}");
    }
}

#[test]
fn junk_says_nothing() {
    for text in
        ["", " ", ".", ".5", "-1", "-1.0", "1e3", "1,000", "12 tokens", "NaN", "unlimited", "18446744073709551616"]
    {
        let junk = ("x-ratelimit-remaining-tokens", text);
        assert_eq!(of(QuotaHeaders::OpenAi, &[junk, ("x-ratelimit-reset-tokens", "6s")]), None, "{text}");
        let beside = [junk, ("x-ratelimit-remaining-requests", "7")];
        assert_eq!(of(QuotaHeaders::OpenAi, &beside), Some((Some((7, None)), None)), "{text}");
        let reset = [("x-ratelimit-remaining-requests", "7"), ("x-ratelimit-reset-requests", text)];
        assert_eq!(of(QuotaHeaders::OpenAi, &reset).unwrap().0.unwrap().0, 7, "{text}");
    }
}

#[test]
fn the_edge_reads_the_names_of_every_list() {
    let platform = include_str!("../../src/edge/platform.js");
    let table = platform.split("const QUOTA = [").nth(1).unwrap().split("].map(").next().unwrap();
    let lists: Vec<Vec<&str>> = table
        .split('[')
        .skip(1)
        .map(|list| list.split(']').next().unwrap().split('\'').skip(1).step_by(2).collect())
        .collect();
    assert_eq!(lists, QuotaHeaders::ALL.map(|quota| names(quota).iter().map(|name| name.left).collect::<Vec<_>>()));
    for (index, quota) in QuotaHeaders::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(quota.index()), index);
        assert!(names(quota).iter().all(|name| name.reset == name.left.replace("remaining", "reset")), "{quota:?}");
    }
}
