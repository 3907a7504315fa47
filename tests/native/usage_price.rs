//! Costs in exact decimals.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::price::{Extra, PriceTier, Prices, Rates};
use opengateway::json::{fixed, pick};
use opengateway::usage::charge::Charge;
use opengateway::usage::price::{Cost, CostSource, Tariff, usd};
use opengateway::usage::render::{Usage, usage_json};
use opengateway::usage::tokens::TokenUsage;
use proptest::prelude::*;

const PRICES: Prices = Prices::of_tokens(150_000, 600_000, Some(75_000));

fn tokens(prompt: u64, cached: u64, completion: u64, reasoning: u64) -> TokenUsage {
    TokenUsage { prompt, completion, total: prompt + completion, cached, reasoning, ..TokenUsage::default() }
}

fn tariff(prices: Prices) -> Tariff {
    Tariff { prices: Some(prices), free: false, factor: 1, images: 0, untold_searches: false }
}

/// The cost at list price.
fn list(tokens: &TokenUsage, prices: &Prices) -> Cost {
    tariff(prices.clone()).cost(tokens, None).unwrap()
}

/// Input, cached input, output and request.
fn parts(cost: &Cost) -> [Option<u64>; 4] {
    [cost.input, cost.cached_input, cost.output, cost.request]
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
    let cost = list(&tokens(1000, 400, 50, 20), &PRICES);
    assert_eq!(parts(&cost), [Some(600 * 150_000), Some(400 * 75_000), Some(50 * 600_000), Some(0)]);
    assert_eq!(cost.source, CostSource::Catalog);
    assert_eq!(cost.total, 150_000_000);
    assert_eq!(usd(cost.total), "0.00015");
}

#[test]
fn cached_tokens_cost_the_full_price_where_no_other_is_known() {
    let cost = list(&tokens(10, 4, 0, 0), &Prices::of_tokens(150_000, 600_000, None));
    assert_eq!((cost.input, cost.cached_input), (Some(6 * 150_000), Some(4 * 150_000)));
}

#[test]
fn a_free_cache_is_not_an_unknown_one() {
    let cost = list(&tokens(10, 4, 0, 0), &Prices::of_tokens(150_000, 600_000, Some(0)));
    assert_eq!((cost.input, cost.cached_input), (Some(6 * 150_000), Some(0)));
}

#[test]
fn reasoning_is_part_of_the_output_and_paid_once() {
    assert_eq!(list(&tokens(0, 0, 100, 100), &PRICES), list(&tokens(0, 0, 100, 0), &PRICES));
}

#[test]
fn more_cached_tokens_than_prompt_tokens_cost_no_more_than_the_prompt() {
    let cost = list(&tokens(10, 99, 0, 0), &PRICES);
    assert_eq!((cost.input, cost.cached_input), (Some(0), Some(10 * 75_000)));
}

#[test]
fn an_absurd_cost_is_a_large_one_and_never_a_small_one() {
    let huge = Prices::of_tokens(u64::MAX, u64::MAX, Some(u64::MAX));
    assert_eq!(list(&tokens(9, 3, 9, 0), &huge).total, u64::MAX);
}

/// Prices with everything that can have one.
fn full(extras: &[(Extra, u64)]) -> Prices {
    let base = Rates { extras: extras.to_vec().into(), ..Rates::of_tokens(150_001, 600_000, Some(75_000)) };
    Prices { base, tiers: Vec::new().into() }
}

#[test]
fn what_is_written_to_a_cache_costs_more_by_default_and_its_own_price_where_it_has_one() {
    let written = TokenUsage { cache_write: 70, cache_write_1h: 30, ..tokens(110, 10, 0, 0) };
    // 40 tokens for five minutes at 5/4, 30 for an hour at twice the price, 30 as they are.
    let cost = list(&written, &full(&[]));
    assert_eq!(cost.input, Some(30 * 150_001 + 40 * 150_001 * 5 / 4 + 30 * 2 * 150_001));
    assert_eq!(cost.cached_input, Some(10 * 75_000));
    let cost = list(&written, &full(&[(Extra::CacheWrite, 7), (Extra::CacheWrite1h, 9)]));
    assert_eq!(cost.input, Some(30 * 150_001 + 40 * 7 + 30 * 9));
}

#[test]
fn five_quarters_that_are_no_whole_pico_dollars_are_rounded_once_for_all_tokens() {
    for (count, quarters) in [(1, 750_005_u64), (2, 1_500_010), (3, 2_250_015), (4, 3_000_020)] {
        let cost = list(&TokenUsage { cache_write: count, ..tokens(count, 0, 0, 0) }, &full(&[]));
        assert_eq!(cost.input, Some((quarters + 2) / 4), "{count}");
    }
}

#[test]
fn requests_searches_and_images_are_paid_by_the_piece() {
    let prices = full(&[(Extra::Request, 5_000_000_001), (Extra::Search, 14_000_000_000), (Extra::Image, 3)]);
    let searched = TokenUsage { searches: 2, ..tokens(0, 0, 0, 0) };
    let cost = Tariff { images: 4, ..tariff(prices) }.cost(&searched, None).unwrap();
    assert_eq!((cost.request, cost.total), (Some(33_000_000_013), 33_000_000_013));
}

#[test]
fn a_search_without_a_known_price_or_number_makes_the_cost_unknown() {
    let searched = TokenUsage { searches: 1, ..tokens(5, 0, 5, 0) };
    assert_eq!(tariff(PRICES).cost(&searched, None), None);
    let untold = |prices| Tariff { untold_searches: true, ..tariff(prices) };
    assert_eq!(untold(PRICES).cost(&tokens(5, 0, 5, 0), None), None);
    assert_eq!(untold(full(&[(Extra::Search, 1)])).cost(&tokens(5, 0, 5, 0), None), None);
    // It does not matter how many there were.
    assert!(untold(full(&[(Extra::Search, 0)])).cost(&tokens(5, 0, 5, 0), None).is_some());
    assert!(untold(full(&[(Extra::Search, 1)])).cost(&searched, None).is_some());
}

#[test]
fn sound_makes_the_cost_unknown_unless_the_provider_tells_it() {
    let sound = TokenUsage { audio: 1, ..tokens(5, 0, 5, 0) };
    assert_eq!(tariff(PRICES).cost(&sound, None), None);
    let charge = Charge { total: Some(7), ..Charge::default() };
    assert_eq!(tariff(PRICES).cost(&sound, Some(&charge)).map(|cost| cost.total), Some(7));
    assert_eq!(Tariff { free: true, ..tariff(PRICES) }.cost(&sound, None).map(|cost| cost.total), Some(0));
}

#[test]
fn a_long_prompt_is_at_the_price_of_its_tier_as_a_whole() {
    let tier = |above, factor| PriceTier { above, rates: Rates::of_tokens(factor, 10 * factor, Some(factor / 2)) };
    let base = Rates { extras: vec![(Extra::Request, 1)].into(), ..Rates::of_tokens(2, 20, Some(1)) };
    let prices = Prices { base, tiers: vec![tier(100, 4), tier(200, 8)].into() };
    for (prompt, factor) in [(0, 2), (100, 2), (101, 4), (200, 4), (201, 8), (1 << 40, 8)] {
        // Cached tokens count for the tier.
        let cost = list(&tokens(prompt, prompt, 3, 0), &prices);
        assert_eq!(parts(&cost), [Some(0), Some(prompt * factor / 2), Some(30 * factor), Some(1)], "{prompt}");
    }
}

#[test]
fn at_a_time_when_prices_are_twice_as_high_every_part_is() {
    let used = tokens(1000, 400, 50, 20);
    let (once, twice) = (list(&used, &PRICES), Tariff { factor: 2, ..tariff(PRICES) }.cost(&used, None).unwrap());
    assert_eq!(twice.total, 2 * once.total);
    assert_eq!(parts(&twice), parts(&once).map(|part| part.map(|amount| 2 * amount)));
}

#[test]
fn what_the_provider_charges_wins_and_says_so() {
    let charge = |total| Charge { total: Some(total), ..Charge::default() };
    let free = Tariff { free: true, ..tariff(PRICES) };
    let cost = free.cost(&tokens(10, 0, 5, 0), Some(&charge(7))).unwrap();
    assert_eq!((cost.total, cost.source, parts(&cost)), (7, CostSource::Provider, [None; 4]));
    let cost = Tariff { prices: None, ..tariff(PRICES) }.cost(&tokens(10, 0, 5, 0), Some(&charge(0))).unwrap();
    assert_eq!((cost.total, parts(&cost)), (0, [Some(0); 4]), "all parts of nothing are nothing");
    assert_eq!(tariff(PRICES).cost(&tokens(10, 0, 5, 0), Some(&Charge::default())), None);
    assert_eq!(
        free.cost(&tokens(10, 0, 5, 0), None).map(|cost| (cost.total, cost.source)),
        Some((0, CostSource::Catalog))
    );
}

#[test]
fn the_parts_of_a_charge_are_told_only_where_they_add_up() {
    let used = tokens(1000, 400, 50, 20);
    let same = list(&used, &PRICES);
    let cost = tariff(PRICES).cost(&used, Some(&Charge { total: Some(same.total), ..Charge::default() }));
    assert_eq!(cost, Some(Cost { source: CostSource::Provider, ..same }), "the list price comes to the same");
    let told = Charge { total: Some(100), prompt: Some(60), completion: Some(30) };
    let of = |used, told: Charge| parts(&tariff(PRICES).cost(&used, Some(&told)).unwrap());
    assert_eq!(of(tokens(9, 0, 1, 0), told), [Some(60), Some(0), Some(30), Some(10)]);
    assert_eq!(of(tokens(9, 1, 1, 0), told), [None, None, Some(30), Some(10)], "nobody says what the cached ones cost");
    assert_eq!(
        of(tokens(9, 0, 1, 0), Charge { total: Some(89), ..told }),
        [None; 4],
        "a discount is on nobody knows what"
    );
    assert_eq!(of(tokens(9, 0, 1, 0), Charge { prompt: None, ..told }), [None; 4]);
}

#[test]
fn sums_know_what_all_of_them_know() {
    let known = list(&tokens(10, 4, 3, 0), &PRICES);
    let charged = Cost {
        total: 7,
        input: None,
        cached_input: Some(1),
        output: None,
        request: Some(2),
        source: CostSource::Provider,
    };
    let sum = known + charged;
    assert_eq!(sum.total, known.total + 7);
    assert_eq!(parts(&sum), [None, known.cached_input.map(|cost| cost + 1), None, Some(2)]);
    assert_eq!((sum.source, (charged + charged).source), (CostSource::Catalog, CostSource::Provider));
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

/// Any prices, with three tiers.
fn any_prices() -> impl Strategy<Value = Prices> {
    let rates = (0u64..1 << 30, 0u64..1 << 30, 0u64..1 << 30, 0u64..1 << 30);
    let rates = rates.prop_map(|(input, output, cached, written)| Rates {
        extras: vec![(Extra::CacheWrite, written), (Extra::Request, written), (Extra::Search, cached)].into(),
        ..Rates::of_tokens(input, output, Some(cached))
    });
    (rates.clone(), rates)
        .prop_map(|(base, dear)| Prices { base, tiers: vec![PriceTier { above: 1 << 20, rates: dear }].into() })
}

proptest! {
    #[test]
    fn what_a_reply_tells_is_what_the_accounts_hold(
        prices in any_prices(),
        (prompt, cached, written, hour) in (0u64..1 << 22, 0u64..1 << 22, 0u64..1 << 22, 0u64..1 << 22),
        (completion, searches) in (0u64..1 << 22, 0u64..9),
        charge in proptest::option::of(0u64..1 << 50),
    ) {
        let used = TokenUsage {
            cache_write: written,
            cache_write_1h: hour,
            searches,
            ..tokens(prompt, cached, completion, 0)
        };
        let charge = charge.map(|total| Charge { total: Some(total), ..Charge::default() });
        let cost = tariff(prices).cost(&used, charge.as_ref());
        let reply = usage_json(&Usage { tokens: used, estimated: false, cost }, None);
        // As the next gateway would read it, and as the accounts hold it.
        let told = |name| fixed(pick(&reply, [name]).unwrap()[0].unwrap(), 12).unwrap();
        let total = told("cost_usd_total");
        prop_assert!(total.exact);
        prop_assert_eq!(Some(total.units), cost.map(|cost| cost.total));
        if cost.is_some_and(|cost| cost.input.is_some()) {
            let names = ["cost_usd_input", "cost_usd_cached_input", "cost_usd_output", "cost_usd_request"];
            prop_assert_eq!(names.map(|name| told(name).units).iter().sum::<u64>(), total.units);
        }
    }

    #[test]
    fn dollars_read_back_are_the_same(amount in any::<u64>()) {
        let text = usd(amount);
        prop_assert_eq!(pico(&text), amount);
        prop_assert!(serde_json::from_str::<serde_json::Number>(&text).is_ok(), "{} is no JSON number", text);
    }

    #[test]
    fn the_parts_add_up_to_the_whole(prompt in 0u64..1 << 22, cached in 0u64..1 << 22, completion in 0u64..1 << 22) {
        let cost = list(&tokens(prompt, cached, completion, 0), &PRICES);
        let paid = cost.input.unwrap() + cost.cached_input.unwrap();
        prop_assert!(paid <= prompt * PRICES.base.input && paid >= prompt * PRICES.base.cached_input.unwrap());
        prop_assert_eq!(cost.total, paid + completion * PRICES.base.output);
    }
}
