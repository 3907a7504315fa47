//! Days of the calendar.

use opengateway::accounts::day::Day;
use proptest::prelude::*;

#[test]
fn a_time_belongs_to_its_day_utc() {
    for (ms, day) in [
        (0, "1970-01-01"),
        (86_399_999, "1970-01-01"),
        (86_400_000, "1970-01-02"),
        (951_782_400_000, "2000-02-29"),
        (1_709_164_799_999, "2024-02-28"),
        (1_791_331_199_999, "2026-10-06"),
        (4_107_542_400_000, "2100-03-01"),
    ] {
        assert_eq!(Day::of(ms).to_string(), day);
        assert_eq!(Day::parse(day), Some(Day::of(ms)));
    }
}

#[test]
fn only_days_of_the_calendar_in_one_form_are_taken() {
    for good in ["2024-02-29", "2000-02-29", "1999-12-31", "0001-01-01", "9999-12-31", "1969-12-31"] {
        assert_eq!(Day::parse(good).unwrap().to_string(), good);
    }
    for bad in [
        "",
        "2026",
        "2026-10",
        "2026-1-6",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-13-01",
        "2026-00-10",
        "2026-10-00",
        "2026-10-32",
        "26-10-06",
        "2026/10/06",
        "2026-10-06T00:00:00Z",
        " 2026-10-06",
        "2026-10-6 ",
        "+026-10-06",
        "2026-10-0é",
        "２０２６-10-06",
        "today",
    ] {
        assert_eq!(Day::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn days_are_counted_over_months_and_leap_years() {
    let day = |text| Day::parse(text).unwrap();
    assert_eq!(day("2024-03-01").since(day("2024-02-28")), 2);
    assert_eq!(day("2026-03-01").since(day("2026-02-28")), 1);
    assert_eq!(day("2025-01-01").since(day("2024-01-01")), 366);
    assert_eq!(day("2026-10-06").plus(-29), day("2026-09-07"));
    assert_eq!(day("2026-10-06").since(day("2026-10-07")), -1);
}

proptest! {
    #[test]
    fn every_day_is_read_as_it_is_written(days in 0_i64..2_900_000) {
        let day = Day::of(0).plus(days);
        prop_assert_eq!(Day::parse(&day.to_string()), Some(day));
    }

    #[test]
    fn days_sort_as_their_texts(one in 0_u64..250_000_000_000_000, other in 0_u64..250_000_000_000_000) {
        let (one, other) = (Day::of(one), Day::of(other));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,14}") {
        Day::parse(&text);
    }
}
