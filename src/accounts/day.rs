//! Days of the calendar, UTC, as `usage_daily` writes them. Nothing here knows what day it is.

use std::fmt;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Days of 400 years, after which the calendar repeats itself.
const CYCLE_DAYS: i64 = 146_097;
/// Days from 0000-03-01, where the cycles below begin, to 1970-01-01.
const EPOCH: i64 = 719_468;

/// A day, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// The day of a time in milliseconds since the Unix epoch.
    pub fn of(ms: u64) -> Self {
        Self(i64::try_from(ms / DAY_MS).unwrap_or_default())
    }

    /// Reads `YYYY-MM-DD`; `None` for any other form and for a day that the calendar does not have.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
        };
        let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        // Years begin in March, so that the day that is not always there is the last one.
        let year = if month > 2 { year } else { year - 1 };
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let (cycle, in_cycle) = (year.div_euclid(400), year.rem_euclid(400));
        let found = Self(cycle * CYCLE_DAYS + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + of_year - EPOCH);
        // A 30th of February would be some other day.
        (dashes && found.to_string() == text).then_some(found)
    }

    /// So many days later; earlier where it is negative.
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// How many days this one is after `other`.
    pub const fn since(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from_march = self.0 + EPOCH;
        let (cycle, day) = (from_march.div_euclid(CYCLE_DAYS), from_march.rem_euclid(CYCLE_DAYS));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = cycle * 400 + year + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{:02}", of_year - (153 * from_march + 2) / 5 + 1)
    }
}
