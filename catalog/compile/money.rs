//! Prices as exact integers.

use std::fmt;

/// Decimal places of a pico-dollar per token in USD per million tokens: 1e-12 x 1e6 = 1e-6.
const PLACES: usize = 6;

/// Why a text is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PriceError {
    NotDecimal,
    TooFine,
    TooLarge,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDecimal => write!(f, "write a plain decimal number of USD per million tokens, like 0.15"),
            Self::TooFine => write!(f, "at most {PLACES} decimals, so that it is whole pico-dollars a token"),
            Self::TooLarge => write!(f, "too large to be a price"),
        }
    }
}

/// USD per million tokens, as decimal text, to pico-dollars per token. No float is involved.
pub(crate) fn pico_dollars(usd_per_million: &str) -> Result<u64, PriceError> {
    let (whole, decimals) = usd_per_million.split_once('.').unwrap_or((usd_per_million, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(decimals) {
        return Err(PriceError::NotDecimal);
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > PLACES {
        return Err(PriceError::TooFine);
    }
    format!("{whole}{decimals:0<PLACES$}").parse().map_err(|_| PriceError::TooLarge)
}
