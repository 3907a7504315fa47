//! What an answer costs: integer pico-dollars (1e-12 USD), from list prices or by the provider's own word, never a float.

use std::ops::Add;

use super::charge::Charge;
use super::tokens::TokenUsage;
use crate::catalog::price::{Extra, Prices};
use crate::json::{push_digit, push_number};

/// Pico-dollars in a dollar.
const PICO_IN_USD: u64 = 1_000_000_000_000;

/// Who says what an answer cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostSource {
    /// The tokens at list price, or free use by the operator's word.
    Catalog,
    /// The provider.
    Provider,
}

/// The cost of one answer in pico-dollars, by what it was for. The parts that are known never add up to more than the
/// total, and to the total where all of them are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// All of it.
    pub total: u64,
    /// Prompt tokens that were not read from a cache, those written to one included.
    pub input: Option<u64>,
    /// Prompt tokens that were.
    pub cached_input: Option<u64>,
    /// Completion tokens, reasoning included.
    pub output: Option<u64>,
    /// What is paid for the request itself, its images and its searches; of a provider that tells the cost itself, also its
    /// fees.
    pub request: Option<u64>,
    /// Who says so.
    pub source: CostSource,
}

/// What a request is priced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// List prices, where known.
    pub prices: Option<Prices>,
    /// The operator has free use of the model.
    pub free: bool,
    /// What list prices are multiplied by at this time.
    pub factor: u64,
    /// Images in the prompt.
    pub images: u64,
    /// The model may search the web, and the provider does not tell how often it did.
    pub untold_searches: bool,
}

impl Tariff {
    /// What an answer costs: what the provider charges by its own word, else nothing where the operator has free use of the
    /// model, else the list price. `None` where nobody knows all of it.
    pub fn cost(&self, tokens: &TokenUsage, charge: Option<&Charge>) -> Option<Cost> {
        match charge {
            Some(charge) => Cost::charged(charge, tokens, self.list_price(tokens)),
            None if self.free => Some(Cost::of_parts(0, 0, 0, 0)),
            None => self.list_price(tokens),
        }
    }

    fn list_price(&self, tokens: &TokenUsage) -> Option<Cost> {
        let prices = self.prices.as_ref()?;
        let search = prices.base.extra(Extra::Search);
        let untold = self.untold_searches && tokens.searches == 0;
        let unpriced_search = search.is_none() && tokens.searches > 0 || search != Some(0) && untold;
        // Sound has another price than text at many models, and a row has one for all tokens.
        if unpriced_search || tokens.audio > 0 {
            return None;
        }
        Some(Cost::of(tokens, self.images, prices).times(self.factor))
    }
}

impl Cost {
    /// The list price of `tokens` and `images`; of a search without a price it is 0.
    fn of(tokens: &TokenUsage, images: u64, prices: &Prices) -> Self {
        let rates = prices.rates(tokens.prompt);
        let cached = tokens.cached.min(tokens.prompt);
        let written = tokens.cache_write.min(tokens.prompt - cached);
        let hour = tokens.cache_write_1h.min(written);
        let plain = tokens.prompt - cached - written;
        let written_price = match rates.extra(Extra::CacheWrite) {
            Some(price) => (written - hour).saturating_mul(price),
            None => five_quarters((written - hour).saturating_mul(rates.input)),
        };
        let hour_price = rates.extra(Extra::CacheWrite1h).unwrap_or(rates.input.saturating_mul(2));
        let each = |extra| prices.base.extra(extra).unwrap_or(0);
        Self::of_parts(
            plain
                .saturating_mul(rates.input)
                .saturating_add(written_price)
                .saturating_add(hour.saturating_mul(hour_price)),
            cached.saturating_mul(rates.cached_input.unwrap_or(rates.input)),
            tokens.completion.saturating_mul(rates.output),
            each(Extra::Request)
                .saturating_add(tokens.searches.saturating_mul(each(Extra::Search)))
                .saturating_add(images.saturating_mul(each(Extra::Image))),
        )
    }

    /// The cost of which the catalogue knows every part.
    const fn of_parts(input: u64, cached_input: u64, output: u64, request: u64) -> Self {
        Self {
            total: input.saturating_add(cached_input).saturating_add(output).saturating_add(request),
            input: Some(input),
            cached_input: Some(cached_input),
            output: Some(output),
            request: Some(request),
            source: CostSource::Catalog,
        }
    }

    fn times(self, factor: u64) -> Self {
        let times = |part: Option<u64>| part.map(|amount| amount.saturating_mul(factor));
        Self {
            total: self.total.saturating_mul(factor),
            input: times(self.input),
            cached_input: times(self.cached_input),
            output: times(self.output),
            request: times(self.request),
            source: self.source,
        }
    }

    /// What a provider charges by its own word. Its parts are those of the list price where that comes to the same. Else
    /// they are the provider's own, as far as it tells them, and what it charges beyond them is for the request; a prompt of
    /// which a part was cached it does not divide.
    fn charged(charge: &Charge, tokens: &TokenUsage, list: Option<Self>) -> Option<Self> {
        let total = charge.total?;
        let source = CostSource::Provider;
        if let Some(same) = list.filter(|list| list.total == total) {
            return Some(Self { source, ..same });
        }
        if total == 0 {
            return Some(Self { source, ..Self::of_parts(0, 0, 0, 0) });
        }
        let unknown = Self { total, input: None, cached_input: None, output: None, request: None, source };
        let (Some(prompt), Some(output)) = (charge.prompt, charge.completion) else { return Some(unknown) };
        let Some(rest) = total.checked_sub(prompt).and_then(|rest| rest.checked_sub(output)) else {
            return Some(unknown);
        };
        let divided = tokens.cached == 0;
        Some(Self {
            input: divided.then_some(prompt),
            cached_input: divided.then_some(0),
            output: Some(output),
            request: Some(rest),
            ..unknown
        })
    }
}

/// Five quarters of an amount, to the nearest pico-dollar: the price of writing to a cache for five minutes. It comes out
/// even for each price of input that can be divided by four.
fn five_quarters(amount: u64) -> u64 {
    let rounded = (u128::from(amount) * 5 + 2) / 4;
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

impl Add for Cost {
    type Output = Self;

    /// What only one of them knows is not known of both; what one reckons is reckoned.
    fn add(self, other: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        Self {
            total: self.total.saturating_add(other.total),
            input: both(self.input, other.input),
            cached_input: both(self.cached_input, other.cached_input),
            output: both(self.output, other.output),
            request: both(self.request, other.request),
            source: if self.source == other.source { self.source } else { CostSource::Catalog },
        }
    }
}

impl CostSource {
    /// As in `usage.cost_source`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Provider => "provider",
        }
    }
}

/// Pico-dollars as a decimal number of dollars: `0.000123`, without an exponent and without trailing zeros.
pub fn usd(pico: u64) -> String {
    let mut text = String::with_capacity(24);
    push_number(&mut text, pico / PICO_IN_USD);
    let mut fraction = pico % PICO_IN_USD;
    if fraction > 0 {
        text.push('.');
    }
    let mut place = PICO_IN_USD;
    while fraction > 0 {
        place /= 10;
        push_digit(&mut text, fraction / place);
        fraction %= place;
    }
    text
}
