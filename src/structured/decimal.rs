//! Numbers exactly as they are written: what a schema bounds is compared digit by digit, so that `0.1` is a multiple of
//! `0.01` and an id of twenty digits is itself.

use std::cmp::Ordering;

/// Powers of ten beyond this are all the same: no schema bounds them.
const MAX_POWER: i64 = 1 << 40;
/// The most digits of a divisor whose remainders fit 64 bits with one digit more.
const MAX_DIVISOR_DIGITS: usize = 18;
/// A divisor of so many digits is below 2^60, so that further powers of ten bring in no factor 2 or 5 that it could have.
const MAX_TENS: i64 = 60;

/// A decimal number: `digits` times ten to the power of `power`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    power: i64,
}

impl Decimal {
    /// Reads a number as JSON writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (unsigned.get(..at)?, exponent(unsigned.get(at + 1..)?)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = [whole, fraction].concat();
        if written.is_empty() || !written.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let from_first = written.trim_start_matches('0');
        let digits = from_first.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: String::new(), power: 0 });
        }
        let power = exponent - length(fraction) + length(from_first) - length(digits);
        Some(Self { negative, digits: digits.to_owned(), power })
    }

    /// Whether it is a whole number; `1.0` and `1e3` are.
    pub const fn is_whole(&self) -> bool {
        self.power >= 0
    }

    /// Whether it is a multiple of `divisor`; `None` where the divisor is zero, or too long to tell.
    pub fn is_multiple_of(&self, divisor: &Self) -> Option<bool> {
        if divisor.digits.is_empty() || divisor.digits.len() > MAX_DIVISOR_DIGITS {
            return None;
        }
        if self.digits.is_empty() {
            return Some(true);
        }
        // The digits end with no zero, so they are no multiple of the divisor's with a zero behind.
        let tens = self.power - divisor.power;
        if tens < 0 {
            return Some(false);
        }
        let by: u64 = divisor.digits.parse().ok()?;
        let next = |rest: u64, digit: u8| (rest * 10 + u64::from(digit - b'0')) % by;
        let rest = self.digits.bytes().fold(0, next);
        Some((0..tens.min(MAX_TENS)).fold(rest, |rest, _| next(rest, b'0')) == 0)
    }
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).unwrap_or(MAX_POWER)
}

fn exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.parse().unwrap_or(MAX_POWER).min(MAX_POWER);
    Some(if negative { -value } else { value })
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let magnitude = |number: &Self| number.power + length(&number.digits);
        let sizes = || magnitude(self).cmp(&magnitude(other)).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => sizes(),
            _ => sizes().reverse(),
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
