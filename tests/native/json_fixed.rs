//! Decimal numbers in units of money.

use opengateway::json::fixed;
use proptest::prelude::*;

#[test]
fn numbers_are_read_exactly_or_to_the_nearest_unit() {
    for (text, decimals, units, exact) in [
        ("0", 12, 0, true),
        ("0.000", 0, 0, true),
        ("1", 6, 1_000_000, true),
        ("1.5", 0, 2, false),
        ("1.4999999999999999999999999999999", 0, 1, false),
        ("0.5", 0, 1, false),
        ("0.05", 0, 0, false),
        ("9e-2", 0, 0, false),
        ("99e-2", 0, 1, false),
        ("12e-1", 1, 12, true),
        ("1.2300e2", 0, 123, true),
        ("0.00000000000000000000000001e26", 0, 1, true),
        ("100000000000000000000000000e-26", 0, 1, true),
        ("0e99999999999", 12, 0, true),
        ("1e-99999999999", 12, 0, false),
        ("18446744073709551615", 0, u64::MAX, true),
        ("1844674407370955161.5", 1, u64::MAX, true),
    ] {
        let read = fixed(text, decimals).map(|read| (read.units, read.exact));
        assert_eq!(read, Some((units, exact)), "{text} in 10^-{decimals}");
    }
}

#[test]
fn what_is_negative_too_large_or_no_number_is_refused() {
    for text in
        ["", ".", "-1", "-0", "+1", "1.2.3", "x", "1x", "1e", "1e1.5", "1e99999999999", "18446744073709551616", "1e20"]
    {
        assert_eq!(fixed(text, 0), None, "{text}");
    }
    assert_eq!(fixed("18446744073709551615.5", 0), None, "rounded up it does not fit");
    assert_eq!(fixed("1e99999999999999999999999", 0), None);
}

proptest! {
    #[test]
    fn every_amount_is_read_as_it_was_written(units in any::<u64>(), decimals in 0u8..15, zeros in 0usize..30) {
        let (padding, power) = ("0".repeat(zeros), -i64::from(decimals));
        let digits = units.to_string();
        let (behind, before) = (power - zeros as i64, power + (zeros + digits.len()) as i64);
        // The same amount with zeros behind it, and behind the point with zeros before it.
        for text in [format!("{digits}{padding}e{behind}"), format!("0.{padding}{digits}e{before}")] {
            prop_assert_eq!(fixed(&text, decimals).map(|read| (read.units, read.exact)), Some((units, true)), "{}", text);
        }
    }
}
