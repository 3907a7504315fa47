//! The prices of a model in `GATEWAY_CONFIG`: `price` and `price_tiers` as in the catalogue, or the three flat names for
//! what nearly every model has.

use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::price::PriceUnit;
use super::walker::{Object, Walker};
use crate::catalog::price::{Extra, PriceTier, Prices, Rates};

/// The members of a model that say prices of tokens, and those of `price` and of a tier.
struct Names {
    input: &'static str,
    output: &'static str,
    cached_input: &'static str,
}

const FLAT: Names =
    Names { input: "input_usd_per_mtok", output: "output_usd_per_mtok", cached_input: "cached_input_usd_per_mtok" };
const NESTED: Names = Names { input: "input", output: "output", cached_input: "cached_input" };

const PRICE_KEYS: &[&str] =
    &["input", "output", "cached_input", "cache_write", "cache_write_1h", "request", "search", "image"];
const TIER_KEYS: &[&str] = &["above", "input", "output", "cached_input", "cache_write", "cache_write_1h"];

/// The prices that a model's row says; none where it says nothing of them.
pub(super) fn prices(row: &Object<'_>) -> Result<Option<Prices>, Box<ConfigError>> {
    const TIERS: &str = "price_tiers";
    let flat = rates(row, &FLAT)?;
    let nested = row.optional("price", |json| {
        let price = json.object(PRICE_KEYS)?;
        rates(&price, &NESTED)?.ok_or_else(|| missing(&price, NESTED.input))
    })?;
    if flat.is_some() && nested.is_some() {
        return Err(row.wrong(FLAT.input, JsonProblem::PricedTwice));
    }
    match (nested.or(flat), row.get(TIERS)) {
        (Some(base), tiers) => {
            let tiers = tiers.map_or(Ok(Vec::new()), |json| price_tiers(json, &base))?;
            Ok(Some(Prices { base, tiers: tiers.into() }))
        }
        (None, Some(_)) => Err(row.wrong(TIERS, JsonProblem::PriceMissing { key: "price" })),
        (None, None) => Ok(None),
    }
}

fn missing(object: &Object<'_>, key: &'static str) -> Box<ConfigError> {
    object.wrong(key, JsonProblem::Missing { expected: "a price" })
}

fn rates(object: &Object<'_>, names: &Names) -> Result<Option<Rates>, Box<ConfigError>> {
    let of_tokens = |json: &Walker<'_>| amount(json, PriceUnit::MillionTokens);
    let cached_input = object.optional(names.cached_input, of_tokens)?;
    let mut extras = Vec::new();
    for (name, extra) in Extra::ALL {
        let unit = if extra.is_of_tokens() { PriceUnit::MillionTokens } else { PriceUnit::Each };
        extras.extend(object.optional(name, |json| amount(json, unit))?.map(|pico| (extra, pico)));
    }
    let complaint = |key, missing| Err(object.wrong(key, JsonProblem::PriceMissing { key: missing }));
    match (object.optional(names.input, of_tokens)?, object.optional(names.output, of_tokens)?) {
        (Some(input), Some(output)) => Ok(Some(Rates { input, output, cached_input, extras: extras.into() })),
        (Some(_), None) => complaint(names.input, names.output),
        (None, Some(_)) => complaint(names.output, names.input),
        (None, None) if cached_input.is_some() => complaint(names.cached_input, names.input),
        (None, None) => Ok(None),
    }
}

fn price_tiers(json: &Walker<'_>, base: &Rates) -> Result<Vec<PriceTier>, Box<ConfigError>> {
    let mut tiers: Vec<PriceTier> = Vec::new();
    for element in json.array()? {
        let tier = element.object(TIER_KEYS)?;
        let above = tier.required("above", "a number of prompt tokens")?.count()?;
        if tiers.last().is_some_and(|earlier| earlier.above >= above) {
            return Err(tier.wrong("above", JsonProblem::TiersOutOfOrder));
        }
        let rates = rates(&tier, &NESTED)?.ok_or_else(|| missing(&tier, NESTED.input))?;
        let mut pairs = vec![("cached_input", base.cached_input.is_some(), rates.cached_input.is_some())];
        let of_tokens = Extra::ALL.into_iter().filter(|(_, extra)| extra.is_of_tokens());
        pairs.extend(of_tokens.map(|(name, extra)| (name, base.extra(extra).is_some(), rates.extra(extra).is_some())));
        if let Some((key, ..)) = pairs.into_iter().find(|(_, in_base, in_tier)| in_base != in_tier) {
            return Err(tier.wrong(key, JsonProblem::TierPrices { key }));
        }
        tiers.push(PriceTier { above, rates });
    }
    Ok(tiers)
}

fn amount(json: &Walker<'_>, unit: PriceUnit) -> Result<u64, Box<ConfigError>> {
    let number = json.number()?;
    match unit.pico_dollars(number) {
        Some(pico) => Ok(pico),
        None => json.wrong(JsonProblem::NotAPrice { found: number.to_owned(), unit }),
    }
}
