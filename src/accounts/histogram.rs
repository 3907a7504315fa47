//! Histograms of fixed buckets. D1 has no percentiles, and sums of days must be able to be added up: counts per bucket can.

/// The upper bounds of the buckets in milliseconds, inclusive; one more bucket holds all that is longer. Each is a quarter
/// to a half above the one before it, and twice that one at both ends: so far off a percentile may be. They reach from a
/// cache's answer to a long reasoning. They are column positions in `usage_daily`: another set needs a migration.
pub const BOUNDS_MS: [u64; BUCKETS - 1] = [
    50, 100, 150, 200, 300, 400, 600, 800, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 20_000, 30_000,
    60_000, 120_000,
];

/// The number of buckets, the open one at the end included.
pub const BUCKETS: usize = 21;

/// How many fell into each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram(pub [u64; BUCKETS]);

impl Histogram {
    /// The value in milliseconds that `percent` of all do not exceed, as if those of a bucket were spread evenly over it.
    /// The open bucket answers its lower bound, since nobody knows how long its members took. `None` = nothing counted.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let total = self.0.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        if total == 0 {
            return None;
        }
        // In hundredths of one member, so that no fraction is lost.
        let rank = total.saturating_mul(percent.min(100));
        let (mut below, mut lower) = (0_u64, 0_u64);
        for (count, upper) in self.0.iter().zip(BOUNDS_MS) {
            let here = count.saturating_mul(100);
            let inside = rank.saturating_sub(below);
            if here > 0 && inside <= here {
                return Some(lower + (upper - lower).saturating_mul(inside) / here);
            }
            below = below.saturating_add(here);
            lower = upper;
        }
        Some(lower)
    }
}
