//! Prices as exact integers.

use std::fmt;

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// USD per million tokens.
    MillionTokens,
    /// USD for each request, search or image.
    Each,
}

impl Unit {
    /// Decimal places that are whole pico-dollars (1e-12 USD): for a million tokens 1e-12 x 1e6 = 1e-6.
    const fn places(self) -> usize {
        match self {
            Self::MillionTokens => 6,
            Self::Each => 12,
        }
    }

    /// As it stands in a sentence.
    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::MillionTokens => "a number of USD per million tokens",
            Self::Each => "a number of USD",
        }
    }

    /// Decimal text to pico-dollars for one token or piece. No float is involved.
    pub(crate) fn pico_dollars(self, usd: &str) -> Result<u64, PriceError> {
        let (whole, decimals) = usd.split_once('.').unwrap_or((usd, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) {
            return Err(PriceError::NotDecimal(self));
        }
        let decimals = decimals.trim_end_matches('0');
        let places = self.places();
        if decimals.len() > places {
            return Err(PriceError::TooFine(self));
        }
        format!("{whole}{decimals:0<places$}").parse().map_err(|_| PriceError::TooLarge)
    }
}

/// Why a text is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PriceError {
    NotDecimal(Unit),
    TooFine(Unit),
    TooLarge,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDecimal(Unit::MillionTokens) => {
                write!(f, "write a plain decimal number of USD per million tokens, like 0.15")
            }
            Self::NotDecimal(Unit::Each) => write!(f, "write a plain decimal number of USD, like 0.01"),
            Self::TooFine(unit) => {
                write!(f, "at most {} decimals, so that it is whole pico-dollars for each", unit.places())
            }
            Self::TooLarge => write!(f, "too large to be a price"),
        }
    }
}
