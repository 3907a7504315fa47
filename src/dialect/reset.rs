//! When a limit begins anew, in whatever form a provider says so.

use super::retry_after::MAX_RETRY_AFTER_MS;
use crate::accounts::day::Day;
use crate::json::decimal;

/// From here on a number is seconds since the Unix epoch: so many seconds from now would be 30 years.
const EPOCH_SECONDS: f64 = 1e9;
/// From here on it is milliseconds since the Unix epoch; as seconds it would be the year 33658.
const EPOCH_MS: f64 = 1e12;

/// Milliseconds since the Unix epoch, from now on and [`MAX_RETRY_AFTER_MS`] ahead at most. The forms: `7.66` (seconds from
/// now), `1741305600` and `1741305600000` (seconds and milliseconds since the epoch), `1h2m59.56s` and `825ms`, and
/// `2026-11-01T00:00:00Z`.
pub fn parse(text: &str, now_ms: u64) -> Option<u64> {
    let text = text.trim();
    let at_ms = match decimal(text) {
        Some(number) if number >= EPOCH_MS => whole(number)?,
        Some(number) if number >= EPOCH_SECONDS => whole(number * 1000.0)?,
        Some(seconds) => now_ms.saturating_add(whole(seconds * 1000.0)?),
        None if text.contains('T') => date_time(text)?,
        None => now_ms.saturating_add(whole(duration_ms(text)?)?),
    };
    Some(at_ms.clamp(now_ms, now_ms.saturating_add(MAX_RETRY_AFTER_MS)))
}

/// Milliseconds of `1h2m59.56s`: Go's way to write a duration.
fn duration_ms(mut text: &str) -> Option<f64> {
    if text.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !text.is_empty() {
        let (number, rest) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
        let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
        let unit_ms = match unit {
            "d" => 86_400_000.0,
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            _ => return None,
        };
        sum += decimal(number).filter(|number| *number >= 0.0)? * unit_ms;
        text = rest;
    }
    Some(sum)
}

/// `2026-11-01T00:00:00Z`, with a fraction or not, and with an offset in place of the `Z` or not.
fn date_time(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let day_ms = u64::try_from(Day::parse(date)?.since(Day::of(0))).ok()?.saturating_mul(86_400_000);
    let (clock, offset_ms) = match time.find(['Z', '+', '-']) {
        Some(at) => (time.get(..at)?, offset_ms(time.get(at..)?)?),
        None => (time, 0.0),
    };
    whole(clock_ms(clock)? - offset_ms).map(|ms| day_ms.saturating_add(ms)).or_else(|| {
        // East of Greenwich a day begins in the day before.
        day_ms.checked_sub(whole(offset_ms - clock_ms(clock)?)?)
    })
}

fn offset_ms(text: &str) -> Option<f64> {
    match text.strip_prefix('-') {
        Some(west) => Some(-clock_ms(west)?),
        None if text == "Z" => Some(0.0),
        None => clock_ms(text.strip_prefix('+')?),
    }
}

/// Milliseconds of `hh:mm` or `hh:mm:ss.fff`.
fn clock_ms(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let mut part = || parts.next().map_or(Some(0.0), decimal);
    Some(part()? * 3_600_000.0 + part()? * 60_000.0 + part()? * 1000.0)
}

/// Whole milliseconds, rounded up; `None` for what is negative, infinite or no number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite and not negative; `as` saturates")]
pub(super) fn whole(ms: f64) -> Option<u64> {
    (ms.is_finite() && ms >= 0.0).then(|| ms.ceil() as u64)
}
