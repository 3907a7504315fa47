//! Prices from decimal text to whole pico-dollars, without a float in between.

use crate::json::fixed;

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceUnit {
    /// USD per million tokens.
    MillionTokens,
    /// USD for each request, search or image.
    Each,
}

impl PriceUnit {
    /// The highest price that is taken: a dollar a token, a thousand dollars a piece. Above it a unit was mistaken.
    pub const fn max(self) -> u64 {
        match self {
            Self::MillionTokens => 1_000_000,
            Self::Each => 1_000,
        }
    }

    /// How many decimals are whole pico-dollars: USD per million tokens times 1e6 is pico-dollars per token.
    pub const fn decimals(self) -> u8 {
        match self {
            Self::MillionTokens => 6,
            Self::Each => USD_DECIMALS,
        }
    }

    /// As it stands in a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MillionTokens => "USD per million tokens",
            Self::Each => "USD",
        }
    }

    /// Pico-dollars for one token or piece, from a JSON number; none where it is negative, too high, or has too many
    /// decimals.
    pub(super) fn pico_dollars(self, number: &str) -> Option<u64> {
        let whole = 10_u64.pow(self.decimals().into());
        exact(number, self.decimals()).filter(|&pico| pico <= self.max() * whole)
    }
}

/// Decimals of a dollar that are whole pico-dollars.
const USD_DECIMALS: u8 = 12;

/// Pico-dollars from plain decimal text of USD; none where it is anything else or has more than twelve decimals.
pub(super) fn pico_of_usd(text: &str) -> Option<u64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['e', 'E']);
    if plain { exact(text, USD_DECIMALS) } else { None }
}

/// A decimal number in units of `10^-decimals`; none where that is no whole number.
fn exact(number: &str, decimals: u8) -> Option<u64> {
    fixed(number, decimals).filter(|read| read.exact).map(|read| read.units)
}
