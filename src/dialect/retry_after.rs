//! How long a provider asks to be left alone, in whatever form it says so.

use super::reset::whole;
use crate::json::decimal;

/// The longest time that is believed: a day and a bit, for daily quotas. Anything above is a date in the wrong unit.
pub const MAX_RETRY_AFTER_MS: u64 = 25 * 60 * 60 * 1000;

/// Milliseconds from now, from the headers of a reply (looked up by lower-case name).
pub fn from_headers(header: &dyn Fn(&str) -> Option<String>, now_ms: u64) -> Option<u64> {
    let milliseconds = |name: &str| header(name).and_then(|text| whole(decimal(text.trim())?));
    let ms = milliseconds("retry-after-ms")
        .or_else(|| milliseconds("x-ms-retry-after-ms"))
        .or_else(|| header("retry-after").and_then(|text| retry_after(text.trim(), now_ms)))?;
    Some(ms.min(MAX_RETRY_AFTER_MS))
}

/// Seconds, or an HTTP date.
fn retry_after(text: &str, now_ms: u64) -> Option<u64> {
    if let Some(seconds) = decimal(text) {
        return positive_seconds(seconds);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let at = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(u64::try_from(at.as_millis()).ok()?.saturating_sub(now_ms))
}

/// A duration such as `34.4s`, as Google writes it in the body.
pub fn from_seconds_text(text: &str) -> Option<u64> {
    positive_seconds(text.trim().strip_suffix('s').and_then(decimal)?).map(|ms| ms.min(MAX_RETRY_AFTER_MS))
}

fn positive_seconds(seconds: f64) -> Option<u64> {
    whole(seconds * 1000.0)
}
