//! Prices from decimal text to whole pico-dollars, without a float in between.

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
        scaled(number, self.decimals().into()).filter(|&pico| pico <= self.max() * whole)
    }
}

/// Decimals of a dollar that are whole pico-dollars.
const USD_DECIMALS: u8 = 12;
/// More digits than any price has; it keeps the arithmetic within `u64`.
const MAX_DIGITS: usize = 18;

/// Pico-dollars from plain decimal text of USD; none where it is anything else or has more than twelve decimals.
pub(super) fn pico_of_usd(text: &str) -> Option<u64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['e', 'E']);
    if plain { scaled(text, USD_DECIMALS.into()) } else { None }
}

/// A decimal number times ten to the power of `decimals`; none where that is no whole number, or a very large one.
fn scaled(number: &str, decimals: i64) -> Option<u64> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    if digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let written = i64::try_from(fraction.len()).ok()?;
    let shift = decimals.checked_add(exponent.parse().ok()?)?.checked_sub(written)?;
    let value: u64 = digits.parse().ok()?;
    let scale = 10_u64.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
    if shift >= 0 {
        value.checked_mul(scale)
    } else if value.is_multiple_of(scale) {
        Some(value / scale)
    } else {
        None
    }
}
