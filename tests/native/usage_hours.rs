//! Prices by the hour.

use opengateway::accounts::day::Day;
use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::provider::PriceHours;
use opengateway::usage::hours::factor;

/// The factor of DeepSeek's prices on a day, so many minutes after 00:00 UTC.
fn deepseek(day: &str, minutes: u64) -> Option<u64> {
    let days = Day::parse(day).unwrap().since(Day::of(0));
    factor(PriceHours::DeepSeekPeak, (u64::try_from(days).unwrap() * 24 * 60 + minutes) * 60_000)
}

#[test]
fn deepseek_costs_twice_as_much_at_its_peak_hours() {
    // A Friday.
    for (minutes, expected) in
        [(0, 1), (59, 1), (60, 2), (239, 2), (240, 1), (359, 1), (360, 2), (599, 2), (600, 1), (1439, 1)]
    {
        assert_eq!(deepseek("2026-11-20", minutes), Some(expected), "{minutes}");
    }
}

#[test]
fn weekends_have_no_peak() {
    let week: Vec<_> = (16..=22).map(|day| deepseek(&format!("2026-11-{day}"), 120)).collect();
    assert_eq!(week, [Some(2), Some(2), Some(2), Some(2), Some(2), Some(1), Some(1)], "Monday to Sunday");
}

#[test]
fn at_the_peak_of_what_may_be_a_holiday_nobody_knows_the_price() {
    // China's holidays on weekdays in 2026, and those of the festivals by the moon in other years.
    for day in [
        "2026-01-01",
        "2026-02-16",
        "2026-02-23",
        "2026-04-06",
        "2026-05-01",
        "2026-05-05",
        "2026-06-19",
        "2026-09-25",
        "2026-10-01",
        "2026-10-07",
        "2025-01-28",
        "2025-02-04",
        "2024-02-16",
        "2023-06-22",
        "2025-06-02",
        "2020-10-08",
        "2024-09-17",
        "2022-01-03",
        "2024-12-31",
    ] {
        assert_eq!(deepseek(day, 90), None, "{day}");
        assert_eq!(deepseek(day, 5 * 60), Some(1), "off-peak it is the same: {day}");
    }
}

#[test]
fn only_deepseek_has_hours() {
    let catalog = Catalog::builtin();
    let rows: Vec<_> =
        catalog.providers().iter().filter(|row| row.price_hours != PriceHours::Same).map(|row| &*row.id).collect();
    assert_eq!(rows, ["deepseek"]);
    assert_eq!(factor(PriceHours::Same, 7_200_000), Some(1));
}
