//! Prices are read exactly or not at all.

use proptest::prelude::*;

use super::compile::money::{PriceError, Unit};
use super::compile::price::Rates;
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
        "models.toml:8: price `input` = 0.1500001: at most 6 decimals, so that it is whole pico-dollars for each"
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
        assert_eq!(Unit::MillionTokens.pico_dollars(text), Ok(amount), "{text}");
    }
}

#[test]
fn text_that_is_no_price_is_refused() {
    for text in ["", ".5", "5.", "-1", "+1", "1e3", "1_000", "inf", "nan", "0.1.2", " 1"] {
        assert_eq!(Unit::MillionTokens.pico_dollars(text), Err(PriceError::NotDecimal(Unit::MillionTokens)), "{text}");
    }
    assert_eq!(Unit::MillionTokens.pico_dollars("0.0000001"), Err(PriceError::TooFine(Unit::MillionTokens)));
    assert_eq!(Unit::MillionTokens.pico_dollars("99999999999999999999"), Err(PriceError::TooLarge));
}

#[test]
fn what_is_priced_by_the_piece_has_twelve_decimals() {
    assert_eq!(Unit::Each.pico_dollars("0.014"), Ok(14_000_000_000));
    assert_eq!(Unit::Each.pico_dollars("0.000000000001"), Ok(1));
    assert_eq!(Unit::Each.pico_dollars("0.0000000000001"), Err(PriceError::TooFine(Unit::Each)));
    let extra = |price: &str| model_problem("output = 2 }", &format!("output = 2, {price} }}"));
    assert_eq!(
        extra("search = 1e-2"),
        "models.toml:8: price `search` = 1e-2: write a plain decimal number of USD, like 0.01"
    );
    assert!(extra("image = true").contains("`image` must be a number of USD"));
    assert!(extra("audio = 1").contains("unknown field `audio`"));
}

#[test]
fn everything_that_may_have_a_price_is_read() {
    let price = "{ input = 1, output = 2, cached_input = 0.1, cache_write = 1.25, cache_write_1h = 2, request = 0.005, search = 0.01, image = 0.002 }\nprice_tiers = [{ above = 200000, input = 2, output = 3, cached_input = 0.2, cache_write = 2.5, cache_write_1h = 4 }, { above = 400000, input = 4, output = 5, cached_input = 0.4, cache_write = 5, cache_write_1h = 8 }]";
    let models = MODELS.replace("{ input = 0.15, output = 2 }", price);
    let catalogue = compile(PROVIDER, &models, ALIASES).unwrap();
    let prices = catalogue.models.first().unwrap().prices.clone().unwrap();
    let of_tokens = |factor: u64| vec![("CacheWrite", 1_250_000 * factor), ("CacheWrite1h", 2_000_000 * factor)];
    let mut extras = of_tokens(1);
    extras.extend([("Request", 5_000_000_000), ("Search", 10_000_000_000), ("Image", 2_000_000_000)]);
    assert_eq!(prices.base, Rates { input: 1_000_000, output: 2_000_000, cached_input: Some(100_000), extras });
    let tier = |factor, output| Rates {
        input: 1_000_000 * factor,
        output,
        cached_input: Some(100_000 * factor),
        extras: of_tokens(factor),
    };
    assert_eq!(prices.tiers, [(200_000, tier(2, 3_000_000)), (400_000, tier(4, 5_000_000))]);
}

#[test]
fn a_tier_prices_the_same_tokens_as_the_base_and_tiers_rise() {
    let tiers = |tiers: &str| model_problem("capabilities =", &format!("price_tiers = [{tiers}]\ncapabilities ="));
    let tier = "{ above = 9, input = 1, output = 1 }";
    assert!(tiers(&format!("{tier}, {tier}")).contains("`above` must rise from tier to tier"));
    assert!(tiers("{ above = 9, input = 1, output = 1, cached_input = 1 }").contains("see `cached_input`"));
    assert!(tiers("{ above = 9, input = 1, output = 1, cache_write_1h = 1 }").contains("see `cache_write_1h`"));
    assert!(tiers("{ input = 1, output = 1 }").contains("`above` is missing"));
    assert!(tiers("{ above = 9, input = 1 }").contains("`price` is missing"));
    assert!(tiers("{ above = 9, input = 1, output = 1, search = 1 }").contains("unknown field `search`"));
    let unknown = model_problem("{ input = 0.15, output = 2 }", &format!("\"unknown\"\nprice_tiers = [{tier}]"));
    assert!(unknown.contains("`price_tiers` counts only with a known `price`"));
}

proptest! {
    #[test]
    fn every_number_with_six_decimals_is_read_exactly(whole in 0u64..1_000_000, decimals in 0u64..1_000_000) {
        prop_assert_eq!(Unit::MillionTokens.pico_dollars(&format!("{whole}.{decimals:06}")), Ok(whole * 1_000_000 + decimals));
    }
}
