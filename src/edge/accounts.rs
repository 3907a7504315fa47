//! Puts requests into D1.

use std::time::Duration;

use worker::{Delay, Env};

use super::{d1, log};
use crate::usage::record::UsageRecord;

/// The waits between the tries of one write. D1 answers again within seconds after most faults, and the platform lets
/// a request live on for 30 seconds at most, the tries included.
const RETRY_MS: [u64; 3] = [200, 1_000, 5_000];

/// Writes one record, trying again for a while. What cannot be written is logged whole, so that it is not lost.
pub(super) async fn write(env: &Env, record: UsageRecord) {
    let json = record.to_json();
    let records = format!("[{json}]");
    let mut problem = String::new();
    for wait_ms in std::iter::once(0).chain(RETRY_MS) {
        if wait_ms > 0 {
            Delay::from(Duration::from_millis(wait_ms)).await;
        }
        match d1::flush(env, &records).await {
            Ok(_) => return,
            Err(failure) => problem = failure.problem().to_owned(),
        }
    }
    log::error("record_not_written", &[("problem", &problem), ("record", &json)]);
}
