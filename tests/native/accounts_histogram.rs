//! Percentiles of counts in buckets.

use opengateway::accounts::histogram::{BOUNDS_MS, BUCKETS, Histogram};
use proptest::prelude::*;

fn of(counts: &[(usize, u64)]) -> Histogram {
    let mut histogram = Histogram::default();
    for (bucket, count) in counts {
        histogram.0[*bucket] = *count;
    }
    histogram
}

/// As the SQL counts them.
fn counted(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.0[BOUNDS_MS.iter().position(|bound| value <= bound).unwrap_or(BUCKETS - 1)] += 1;
    }
    histogram
}

#[test]
fn the_bounds_grow_and_one_bucket_is_open() {
    assert!(BOUNDS_MS.is_sorted_by(|one, next| one < next));
    assert_eq!(BOUNDS_MS.len() + 1, BUCKETS);
}

#[test]
fn nothing_counted_has_no_percentile() {
    assert_eq!(Histogram::default().percentile(50), None);
}

#[test]
fn inside_a_bucket_values_are_spread_evenly() {
    for (counts, percent, wanted) in [
        (&[(0, 10)][..], 50, 25),
        (&[(0, 10)], 100, 50),
        (&[(0, 1)], 95, 47),
        (&[(4, 4)], 50, 250),
        (&[(4, 1)], 1, 201),
        (&[(0, 50), (1, 50)], 50, 50),
        (&[(0, 50), (1, 50)], 51, 51),
        (&[(0, 90), (10, 10)], 95, 1_750),
        (&[(3, 99), (19, 1)], 99, 200),
        (&[(3, 98), (19, 2)], 99, 90_000),
        (&[(0, 1), (19, 1)], 0, 0),
        (&[(0, 1)], 400, 50),
    ] {
        assert_eq!(of(counts).percentile(percent), Some(wanted), "p{percent} of {counts:?}");
    }
}

#[test]
fn the_open_bucket_answers_its_lower_bound() {
    assert_eq!(of(&[(20, 3)]).percentile(50), Some(120_000));
    assert_eq!(of(&[(0, 1), (20, 99)]).percentile(95), Some(120_000));
}

#[test]
fn absurd_counts_do_no_harm() {
    let full = Histogram([u64::MAX; BUCKETS]);
    assert!(full.percentile(99).is_some());
}

proptest! {
    #[test]
    fn a_percentile_is_in_the_bucket_of_the_true_one(
        values in prop::collection::vec(0_u64..200_000, 1..200),
        percent in 1_u64..=100,
    ) {
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let rank = (values.len() as u64 * percent).div_ceil(100);
        let truth = sorted[usize::try_from(rank).unwrap() - 1];
        let bucket = BOUNDS_MS.iter().position(|bound| truth <= *bound);
        let found = counted(&values).percentile(percent).unwrap();
        let lower = bucket.map_or(120_000, |bucket| bucket.checked_sub(1).map_or(0, |below| BOUNDS_MS[below]));
        let upper = bucket.map_or(120_000, |bucket| BOUNDS_MS[bucket]);
        prop_assert!((lower..=upper).contains(&found), "{truth} became {found}");
    }

    #[test]
    fn a_higher_percentile_is_never_lower(counts in prop::collection::vec(0_u64..50, BUCKETS)) {
        let histogram = Histogram(counts.try_into().unwrap());
        let all: Vec<_> = (0..=100).map(|percent| histogram.percentile(percent)).collect();
        prop_assert!(all.is_sorted());
    }
}
