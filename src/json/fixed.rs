//! Decimal numbers as whole numbers of their smallest unit, for money. No float is involved.

/// A decimal number in units of a power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The whole units; half a unit and more is rounded up.
    pub units: u64,
    /// Nothing was rounded.
    pub exact: bool,
}

/// Reads a JSON number, with an exponent or without, as units of `10^-decimals`. `None` for what is negative, does not fit
/// `u64`, or is no number.
pub fn fixed(number: &str, decimals: u8) -> Option<Fixed> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // Where the unit stands: this many digits are whole units, and a negative number of digits is missing before it.
    let units_end = i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(decimals.into())?;
    let mut read = Fixed { units: 0, exact: true };
    let mut at = 0_i64;
    for digit in whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0')) {
        if digit > 9 {
            return None;
        }
        if at < units_end {
            read.units = read.units.checked_mul(10)?.checked_add(digit.into())?;
        } else {
            read.exact &= digit == 0;
            // The first digit behind the unit decides.
            read.units = read.units.checked_add(u64::from(at == units_end && digit >= 5))?;
        }
        at += 1;
    }
    if at == 0 {
        return None;
    }
    while at < units_end && read.units > 0 {
        read.units = read.units.checked_mul(10)?;
        at += 1;
    }
    Some(read)
}
