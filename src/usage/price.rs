//! What an answer costs: integer pico-dollars (1e-12 USD) from list prices, never a float.

use std::ops::Add;

use super::tokens::TokenUsage;
use crate::catalog::price::Prices;
use crate::json::{push_digit, push_number};

/// Pico-dollars in a dollar.
const PICO_IN_USD: u64 = 1_000_000_000_000;

/// The cost of one answer in pico-dollars, by what it was for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Prompt tokens that were not read from a cache.
    pub input: u64,
    /// Prompt tokens that were.
    pub cached_input: u64,
    /// Completion tokens, reasoning included.
    pub output: u64,
    /// What is paid for the request itself.
    pub request: u64,
}

impl Cost {
    /// The list price of `tokens`.
    pub fn of(tokens: &TokenUsage, prices: &Prices) -> Self {
        let rates = prices.rates(tokens.prompt);
        let cached = tokens.cached.min(tokens.prompt);
        Self {
            input: tokens.prompt.saturating_sub(cached).saturating_mul(rates.input),
            cached_input: cached.saturating_mul(rates.cached_input.unwrap_or(rates.input)),
            output: tokens.completion.saturating_mul(rates.output),
            request: 0,
        }
    }

    /// The sum.
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.cached_input).saturating_add(self.output).saturating_add(self.request)
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            output: self.output.saturating_add(other.output),
            request: self.request.saturating_add(other.request),
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
