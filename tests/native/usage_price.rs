//! Costs in exact decimals.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::price::Prices;
use opengateway::usage::price::{Cost, usd};
use opengateway::usage::tokens::TokenUsage;
use proptest::prelude::*;

const PRICES: Prices = Prices::of_tokens(150_000, 600_000, Some(75_000));

fn tokens(prompt: u64, cached: u64, completion: u64, reasoning: u64) -> TokenUsage {
    TokenUsage { prompt, completion, total: prompt + completion, cached, reasoning }
}

#[test]
fn dollars_are_written_exactly_and_without_an_exponent() {
    for (pico, text) in [
        (0, "0"),
        (1, "0.000000000001"),
        (10, "0.00000000001"),
        (150_000, "0.00000015"),
        (123_456_789_012, "0.123456789012"),
        (999_999_999_999, "0.999999999999"),
        (1_000_000_000_000, "1"),
        (1_500_000_000_000, "1.5"),
        (10_000_000_000_000, "10"),
        // 2^53 + 1: a float would lose the last digit.
        (9_007_199_254_740_993, "9007.199254740993"),
        (u64::MAX, "18446744.073709551615"),
    ] {
        assert_eq!(usd(pico), text);
    }
}

#[test]
fn each_part_of_the_cost_has_its_own_price() {
    let cost = Cost::of(&tokens(1000, 400, 50, 20), &PRICES);
    assert_eq!(cost, Cost { input: 600 * 150_000, cached_input: 400 * 75_000, output: 50 * 600_000, request: 0 });
    assert_eq!(cost.total(), 150_000_000);
    assert_eq!(usd(cost.total()), "0.00015");
}

#[test]
fn cached_tokens_cost_the_full_price_where_no_other_is_known() {
    let cost = Cost::of(&tokens(10, 4, 0, 0), &Prices::of_tokens(150_000, 600_000, None));
    assert_eq!((cost.input, cost.cached_input), (6 * 150_000, 4 * 150_000));
}

#[test]
fn a_free_cache_is_not_an_unknown_one() {
    let cost = Cost::of(&tokens(10, 4, 0, 0), &Prices::of_tokens(150_000, 600_000, Some(0)));
    assert_eq!((cost.input, cost.cached_input), (6 * 150_000, 0));
}

#[test]
fn reasoning_is_part_of_the_output_and_paid_once() {
    assert_eq!(Cost::of(&tokens(0, 0, 100, 100), &PRICES), Cost::of(&tokens(0, 0, 100, 0), &PRICES));
}

#[test]
fn more_cached_tokens_than_prompt_tokens_cost_no_more_than_the_prompt() {
    let cost = Cost::of(&tokens(10, 99, 0, 0), &PRICES);
    assert_eq!((cost.input, cost.cached_input), (0, 10 * 75_000));
}

#[test]
fn an_absurd_cost_is_a_large_one_and_never_a_small_one() {
    let huge = Prices::of_tokens(u64::MAX, u64::MAX, Some(u64::MAX));
    assert_eq!(Cost::of(&tokens(9, 3, 9, 0), &huge).total(), u64::MAX);
}

#[test]
fn every_price_of_the_catalogue_is_a_whole_number_that_reads_as_it_was_written() {
    for model in Catalog::builtin().models() {
        let Some(prices) = &model.prices else { continue };
        // A million tokens of the dearest model stay far below what a u64 holds.
        assert!(prices.base.input.max(prices.base.output) < 10_000_000_000, "{}", model.id);
        assert!(prices.base.cached_input.is_none_or(|cached| cached <= prices.base.input), "{}", model.id);
    }
}

/// Reads a decimal number of dollars with integers alone.
fn pico(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

proptest! {
    #[test]
    fn dollars_read_back_are_the_same(amount in any::<u64>()) {
        let text = usd(amount);
        prop_assert_eq!(pico(&text), amount);
        prop_assert!(serde_json::from_str::<serde_json::Number>(&text).is_ok(), "{} is no JSON number", text);
    }

    #[test]
    fn the_parts_add_up_to_the_whole(prompt in 0u64..1 << 22, cached in 0u64..1 << 22, completion in 0u64..1 << 22) {
        let cost = Cost::of(&tokens(prompt, cached, completion, 0), &PRICES);
        let paid = cost.input + cost.cached_input;
        prop_assert!(paid <= prompt * PRICES.base.input && paid >= prompt * PRICES.base.cached_input.unwrap());
        prop_assert_eq!(cost.total(), paid + completion * PRICES.base.output);
    }
}
