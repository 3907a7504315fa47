//! Prices are read exactly or not at all.

use proptest::prelude::*;

use super::compile::money::{PriceError, pico_dollars};
use super::{ALIASES, MODELS, PROVIDER, compile, model_problem};

#[test]
fn a_missing_price_is_refused_and_an_unknown_one_is_not_zero() {
    let price = "price = { input = 0.15, output = 2 }";
    assert!(model_problem(price, "").starts_with("models.toml:3: `price` is missing: "));
    assert!(model_problem("input = 0.15, ", "").starts_with("models.toml:8: `price` is missing: "));
    assert!(model_problem(price, "price = 0.15").contains("`price` must be a table"));
    let models = MODELS.replace(price, "price = \"unknown\"");
    let catalogue = compile(PROVIDER, &models, ALIASES).unwrap();
    assert_eq!(catalogue.models.first().unwrap().prices, None);
}

#[test]
fn a_price_that_is_not_whole_pico_dollars_is_refused() {
    assert_eq!(
        model_problem("0.15", "0.1500001"),
        "models.toml:8: price `input` = 0.1500001: at most 6 decimals, so that it is whole pico-dollars a token"
    );
    assert!(model_problem("0.15", "1e-3").contains("write a plain decimal number"));
    assert!(model_problem("0.15", "\"0.15\"").contains("`input` must be a number of USD per million tokens"));
    assert!(model_problem("0.15", "0x10").contains("`input` must be a number of USD per million tokens"));
}

#[test]
fn decimal_text_becomes_whole_pico_dollars_a_token() {
    let cases = [
        ("0", 0),
        ("0.0", 0),
        ("3", 3_000_000),
        ("0.15", 150_000),
        ("0.003625", 3_625),
        ("0.76006", 760_060),
        ("10.500000000", 10_500_000),
        ("0.1", 100_000),
    ];
    for (text, amount) in cases {
        assert_eq!(pico_dollars(text), Ok(amount), "{text}");
    }
}

#[test]
fn text_that_is_no_price_is_refused() {
    for text in ["", ".5", "5.", "-1", "+1", "1e3", "1_000", "inf", "nan", "0.1.2", " 1"] {
        assert_eq!(pico_dollars(text), Err(PriceError::NotDecimal), "{text}");
    }
    assert_eq!(pico_dollars("0.0000001"), Err(PriceError::TooFine));
    assert_eq!(pico_dollars("99999999999999999999"), Err(PriceError::TooLarge));
}

proptest! {
    #[test]
    fn every_number_with_six_decimals_is_read_exactly(whole in 0u64..1_000_000, decimals in 0u64..1_000_000) {
        prop_assert_eq!(pico_dollars(&format!("{whole}.{decimals:06}")), Ok(whole * 1_000_000 + decimals));
    }
}
