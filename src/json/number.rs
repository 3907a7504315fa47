//! Numbers where a range or a duration is to be checked. The standard library's parser gets the last bit right, which
//! nobody needs here, by a table of 10 KB that does not compress.

/// The most digits whose value fits `u64` whatever they are.
const MAX_DIGITS: usize = 19;
/// Beyond these a float is zero or infinite whatever its digits.
const MAX_EXPONENT: i32 = 400;

/// The value of a decimal number: an optional sign, digits with an optional fraction, an optional exponent. Exact where
/// digits and power of ten are (up to 2^53 and 10^22), else right to some 15 digits. `None` for anything else.
pub fn decimal(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut digits: u64 = 0;
    let mut significant = 0;
    let mut any = false;
    let mut power: i32 = 0;
    let mut in_fraction = false;
    let mut bytes = unsigned.iter();
    let mut end = None;
    for byte in bytes.by_ref() {
        match *byte {
            b'0'..=b'9' => {
                any = true;
                if significant < MAX_DIGITS {
                    digits = digits * 10 + u64::from(byte - b'0');
                    significant += usize::from(digits > 0);
                    power = power.saturating_sub(i32::from(in_fraction));
                } else {
                    power = power.saturating_add(i32::from(!in_fraction));
                }
            }
            b'.' if !in_fraction && any => in_fraction = true,
            other => {
                end = Some(other);
                break;
            }
        }
    }
    match end {
        None => {}
        Some(b'e' | b'E') if any => power = power.saturating_add(exponent(bytes.as_slice())?),
        Some(_) => return None,
    }
    if !any || unsigned.ends_with(b".") {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are enough")]
    let value = scale(digits as f64, power.clamp(-MAX_EXPONENT, MAX_EXPONENT));
    Some(if negative { -value } else { value })
}

fn exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |value: i32, digit: &u8| value.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
    let value = digits.iter().fold(0, add);
    Some(if negative { -value } else { value })
}

/// `value` times ten to this power, by steps that are exact by themselves.
fn scale(mut value: f64, mut power: i32) -> f64 {
    const EXACT: i32 = 22;
    while power > 0 {
        let step = power.min(EXACT);
        value *= ten_to(step);
        power -= step;
    }
    while power < 0 {
        let step = (-power).min(EXACT);
        value /= ten_to(step);
        power += step;
    }
    value
}

fn ten_to(power: i32) -> f64 {
    (0..power).fold(1.0, |value, _| value * 10.0)
}
