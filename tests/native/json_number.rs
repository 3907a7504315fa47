//! Decimal numbers, against the standard library.

use opengateway::json::{decimal, push_number};
use proptest::prelude::*;

#[test]
fn whole_numbers_are_written_as_the_standard_library_writes_them() {
    let near_powers = (0..20).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) + 1]);
    for value in near_powers.chain([u64::MAX - 1, u64::MAX]) {
        let mut text = String::from("=");
        push_number(&mut text, value);
        assert_eq!(text, format!("={value}"));
    }
}

#[test]
fn what_clients_and_providers_write_is_read_exactly() {
    for text in [
        "0",
        "-0",
        "0.1",
        "0.7",
        "1",
        "1.0",
        "2.000",
        "1e0",
        "1E+2",
        "-1.5e-3",
        "34.4",
        "9007199254740993",
        "0.30000000000000004",
    ] {
        assert_eq!(decimal(text), text.parse::<f64>().ok(), "{text}");
    }
    assert_eq!(decimal("1e400").map(f64::is_infinite), Some(true));
    assert_eq!(decimal("1e-999999999999"), Some(0.0));
    assert_eq!(decimal("0e99"), Some(0.0));
}

#[test]
fn what_is_no_number_is_none() {
    for text in
        ["", "-", "+", ".", "1.", ".5", "1e", "1e+", "e5", "1 ", " 1", "1x", "inf", "NaN", "0x1", "1_0", "--1", "1.2.3"]
    {
        assert_eq!(decimal(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_float_is_read_to_twelve_digits(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
        let read = decimal(&format!("{value:e}")).unwrap();
        prop_assert!((read - value).abs() <= value.abs() * 1e-12, "{read:e} for {value:e}");
    }

    #[test]
    fn whole_numbers_and_short_decimals_are_exact(whole in -9_007_199_254_740_992_i64..=9_007_199_254_740_992, places in 0..15_usize) {
        let digits = format!("{:0width$}", whole.abs(), width = places + 1);
        let (integer, fraction) = digits.split_at(digits.len() - places);
        let text = format!("{}{integer}{}{fraction}", if whole < 0 { "-" } else { "" }, if places > 0 { "." } else { "" });
        prop_assert_eq!(decimal(&text), text.parse::<f64>().ok());
    }
}
