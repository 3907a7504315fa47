//! Reads `price` and `price_tiers` of a model.

use toml::Spanned;
use toml::de::DeValue;

use super::fields::{Fields, File, Word};
use super::money::Unit;
use super::problem::ProblemKind;

/// Extras that are priced by the token, and the variants they are.
const TOKEN_EXTRAS: [Word; 2] = [("cache_write", "CacheWrite"), ("cache_write_1h", "CacheWrite1h")];
/// Extras that are priced by the piece.
const PIECE_EXTRAS: [Word; 3] = [("request", "Request"), ("search", "Search"), ("image", "Image")];

/// Pico-dollars per token, and for each of the extras, whose variant is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cached_input: Option<u64>,
    pub(crate) extras: Vec<(&'static str, u64)>,
}

/// The prices of a short prompt, and those above a number of prompt tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) base: Rates,
    pub(crate) tiers: Vec<(u32, Rates)>,
}

/// The prices of a model; none where it says that they are unknown.
pub(crate) fn read<'a>(file: &'a File<'a>, fields: &mut Fields<'a>) -> Option<Prices> {
    let tiers = fields.tables("price_tiers");
    let Some(value) = fields.get("price") else {
        fields.report(ProblemKind::MissingPrice);
        return None;
    };
    if value.get_ref().as_str() == Some("unknown") {
        if !tiers.is_empty() {
            fields.report(ProblemKind::TiersWithoutPrice);
        }
        return None;
    }
    let Some(table) = value.get_ref().as_table() else {
        let field = "price".to_owned();
        let wanted = "a table like { input = 0.1, output = 0.4 }, or \"unknown\"";
        fields.report_at(value, ProblemKind::WrongType { field, wanted });
        return None;
    };
    let mut price = Fields::new(file, value.span(), table);
    let mut base = read_rates(&mut price);
    read_extras(&PIECE_EXTRAS, Unit::Each, &mut price, &mut base);
    price.finish();
    let mut read = Vec::new();
    for mut tier in tiers {
        let above = tier.count("above");
        let rates = read_rates(&mut tier);
        if read.last().is_some_and(|(earlier, _)| *earlier >= above) {
            tier.report(ProblemKind::TiersOutOfOrder);
        }
        if let Some(field) = unequal(&base, &rates) {
            tier.report(ProblemKind::TierPrices { field });
        }
        tier.finish();
        read.push((above, rates));
    }
    Some(Prices { base, tiers: read })
}

/// What only one of them prices by the token.
fn unequal(base: &Rates, tier: &Rates) -> Option<&'static str> {
    let has = |rates: &Rates, variant: &str| rates.extras.iter().any(|(extra, _)| *extra == variant);
    if base.cached_input.is_some() != tier.cached_input.is_some() {
        return Some("cached_input");
    }
    let extra = TOKEN_EXTRAS.iter().find(|(_, variant)| has(base, variant) != has(tier, variant));
    extra.map(|(field, _)| *field)
}

fn read_rates(price: &mut Fields<'_>) -> Rates {
    let input = read_amount("input", Unit::MillionTokens, price);
    let output = read_amount("output", Unit::MillionTokens, price);
    let cached_input = read_amount("cached_input", Unit::MillionTokens, price).flatten();
    if input.is_none() || output.is_none() {
        price.report(ProblemKind::MissingPrice);
    }
    let (input, output) = (input.flatten().unwrap_or_default(), output.flatten().unwrap_or_default());
    let mut rates = Rates { input, output, cached_input, extras: Vec::new() };
    read_extras(&TOKEN_EXTRAS, Unit::MillionTokens, price, &mut rates);
    rates
}

fn read_extras(words: &[Word], unit: Unit, price: &mut Fields<'_>, rates: &mut Rates) {
    for &(field, variant) in words {
        rates.extras.extend(read_amount(field, unit, price).flatten().map(|amount| (variant, amount)));
    }
}

/// The number as it is written, since a float would not be exact; `None` where it is not there, `Some(None)` where it is
/// no price, which is reported.
fn read_amount(field: &'static str, unit: Unit, fields: &mut Fields<'_>) -> Option<Option<u64>> {
    let value = fields.get(field)?;
    Some(amount(field, unit, value, fields))
}

fn amount(field: &'static str, unit: Unit, value: &Spanned<DeValue<'_>>, fields: &Fields<'_>) -> Option<u64> {
    let number = value.get_ref();
    let decimal = number.as_integer().filter(|integer| integer.radix() == 10);
    let text = decimal.map(|integer| integer.as_str()).or_else(|| number.as_float().map(|float| float.as_str()));
    let Some(text) = text else {
        let (field, wanted) = (field.to_owned(), unit.wanted());
        fields.report_at(value, ProblemKind::WrongType { field, wanted });
        return None;
    };
    match unit.pico_dollars(text) {
        Ok(amount) => Some(amount),
        Err(error) => {
            let text = text.to_owned();
            fields.report_at(value, ProblemKind::Price { field, text, error });
            None
        }
    }
}
