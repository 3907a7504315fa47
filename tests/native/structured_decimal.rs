//! Numbers as they are written.

use std::cmp::Ordering;

use opengateway::structured::decimal::Decimal;
use proptest::prelude::*;

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
}

#[test]
fn what_is_written_in_several_ways_is_one_number() {
    for (one, other) in [
        ("0", "-0"),
        ("0", "0.000e5"),
        ("1", "1.0"),
        ("1000", "1e3"),
        ("0.1", "1E-1"),
        ("-12.50", "-1.25e+1"),
        ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
    ] {
        assert_eq!(number(one), number(other), "{one} {other}");
    }
    for text in ["", "-", ".", "e5", "1e", "1e+", "0x1", "1 ", "NaN", "1e5.0"] {
        assert_eq!(Decimal::parse(text), None, "{text}");
    }
}

#[test]
fn numbers_are_in_order_however_long_they_are() {
    let ordered = [
        "-1e999999999999999999999",
        "-1000000000000000000000001",
        "-1000000000000000000000000",
        "-2.5",
        "-2.49",
        "0",
        "1e-999999999999999999999",
        "0.1",
        "0.10000000000000000000000001",
        "12",
        "123",
        "1e300",
        "1e99999999",
    ];
    for (at, one) in ordered.iter().enumerate() {
        for (place, other) in ordered.iter().enumerate() {
            assert_eq!(number(one).cmp(&number(other)), at.cmp(&place), "{one} {other}");
        }
    }
}

#[test]
fn multiples_are_exact() {
    for (value, divisor, expected) in [
        ("0.3", "0.1", Some(true)),
        ("1.1", "0.01", Some(true)),
        ("0.35", "0.1", Some(false)),
        ("19.99", "0.01", Some(true)),
        ("-9", "3", Some(true)),
        ("10", "3", Some(false)),
        ("0", "7", Some(true)),
        ("1e400", "7", Some(false)),
        ("7e400", "7", Some(true)),
        ("1e400", "1024", Some(true)),
        ("1e9", "1024", Some(false)),
        ("123456789012345678901234567891", "3", Some(false)),
        ("123456789012345678901234567890", "3", Some(true)),
        ("1", "0", None),
        ("1", "0.1234567890123456789", None),
    ] {
        assert_eq!(number(value).is_multiple_of(&number(divisor)), expected, "{value} {divisor}");
    }
}

proptest! {
    #[test]
    fn it_agrees_with_integers(one in -100_000_i64..100_000, other in -100_000_i64..100_000, shift in 0_usize..6) {
        // Both with the point moved by as many places.
        let write = |value: i64| {
            let digits = format!("{:06}", value.abs());
            let (whole, fraction) = digits.split_at(digits.len() - shift);
            format!("{}{whole}{}{fraction}", if value < 0 { "-" } else { "" }, if shift > 0 { "." } else { "" })
        };
        // Our own zeros in front, which JSON does not have, do no harm.
        let (a, b) = (number(&write(one)), number(&write(other)));
        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        prop_assert_eq!(a == b, a.cmp(&b) == Ordering::Equal);
        prop_assert_eq!(a.is_multiple_of(&b), (other != 0).then(|| one % other == 0));
        prop_assert_eq!(a.is_whole(), one % 10_i64.pow(shift as u32) == 0);
    }
}
