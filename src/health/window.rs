//! How many attempts succeeded and failed in the last minute.

use crate::json::Value;

/// The window of the failure rate.
pub const RATE_WINDOW_MS: u64 = 60_000;

const BUCKETS: usize = 6;
const BUCKET_MS: u64 = RATE_WINDOW_MS / BUCKETS as u64;

/// `[epoch, ok, failed]`, where the epoch is `now / BUCKET_MS` at the time of the first outcome in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket(u64, u32, u32);

/// A ring of buckets over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window([Bucket; BUCKETS]);

impl Window {
    /// Counts `count` outcomes of one kind.
    pub fn count(&mut self, ok: bool, count: u32, now_ms: u64) {
        let epoch = now_ms / BUCKET_MS;
        if let Some(bucket) = self.0.get_mut((epoch % BUCKETS as u64) as usize) {
            if bucket.0 != epoch {
                *bucket = Bucket(epoch, 0, 0);
            }
            let side = if ok { &mut bucket.1 } else { &mut bucket.2 };
            *side = side.saturating_add(count);
        }
    }

    /// Successes and failures in the window.
    pub fn totals(&self, now_ms: u64) -> (u32, u32) {
        let newest = now_ms / BUCKET_MS;
        self.0
            .iter()
            .filter(|bucket| newest.saturating_sub(bucket.0) < BUCKETS as u64)
            .fold((0, 0), |(ok, failed), bucket| (ok.saturating_add(bucket.1), failed.saturating_add(bucket.2)))
    }
}

impl Window {
    pub(super) fn write(&self, out: &mut String) {
        for (index, Bucket(epoch, ok, failed)) in self.0.iter().enumerate() {
            out.push_str(if index == 0 { "[" } else { "," });
            out.push_str(&format!("[{epoch},{ok},{failed}]"));
        }
        out.push(']');
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        let mut window = Self::default();
        let buckets = value.as_array().filter(|buckets| buckets.len() == BUCKETS)?;
        for (bucket, value) in window.0.iter_mut().zip(buckets) {
            let [epoch, ok, failed] = value.as_array()? else { return None };
            let count = |value: &Value| u32::try_from(value.as_u64()?).ok();
            *bucket = Bucket(epoch.as_u64()?, count(ok)?, count(failed)?);
        }
        Some(window)
    }
}
