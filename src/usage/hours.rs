//! List prices that depend on when a request is made.

use crate::accounts::day::Day;
use crate::catalog::provider::PriceHours;

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// 1970-01-01 was a Thursday, three days after a Monday.
const EPOCH_WEEKDAY: i64 = 3;

/// When DeepSeek's prices are twice as high: hours UTC, Monday to Friday, but for China's public holidays
/// (api-docs.deepseek.com/quick_start/pricing, 2026-11).
const DEEPSEEK_PEAK: [(u64, u64); 2] = [(1, 4), (6, 10)];

/// Days, as `MM-DD` from first to last, on which one of China's public holidays may fall or may be moved to. Which do is
/// decreed each year, so the price of these days' peak hours is unknown. New Year, the Spring Festival (the new moon between
/// 21 January and 20 February, with its eve and a week), Qingming, Labour Day, the Dragon Boat Festival (28 May to 25 June),
/// the Mid-Autumn Festival (7 September to 8 October) and the National Day, each with some days around it.
const PERHAPS_HOLIDAYS: [(&str, &str); 7] = [
    ("01-01", "01-04"),
    ("01-18", "03-02"),
    ("04-02", "04-08"),
    ("04-27", "05-06"),
    ("05-26", "06-28"),
    ("09-05", "10-10"),
    ("12-29", "12-31"),
];

/// What the list prices of a request that came at `now_ms` (since the Unix epoch) are multiplied by; `None` where nobody
/// here knows.
pub fn factor(hours: PriceHours, now_ms: u64) -> Option<u64> {
    match hours {
        PriceHours::Same => Some(1),
        PriceHours::DeepSeekPeak => {
            let day = Day::of(now_ms);
            let hour = now_ms / HOUR_MS % 24;
            let weekday = (day.since(Day::of(0)) + EPOCH_WEEKDAY).rem_euclid(7);
            if weekday > 4 || !DEEPSEEK_PEAK.iter().any(|(from, to)| (*from..*to).contains(&hour)) {
                return Some(1);
            }
            let date = day.to_string();
            let date = date.get(5..).unwrap_or_default();
            let perhaps_holiday = PERHAPS_HOLIDAYS.iter().any(|(first, last)| (*first..=*last).contains(&date));
            if perhaps_holiday { None } else { Some(2) }
        }
    }
}
