//! Puts requests into D1.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::{D1Database, Delay, Env};

use super::log;
use crate::usage::record::UsageRecord;

/// The binding of the database.
const DATABASE: &str = "DB";
/// The waits between the tries of one write. D1 answers again within seconds after most faults, and the platform lets
/// a request live on for 30 seconds at most.
const RETRY_MS: [u64; 3] = [200, 1_000, 5_000];

/// How long one try may take: a database that hangs must still leave time for the others, and for the log.
const TRY_MS: u64 = 4_000;

/// Writes the records of a JSON array. A record that is there already is left as it is, so a repeated write counts
/// nothing twice.
const INSERT: &str = "INSERT INTO requests (id, project_id, created_at, requested_model, model, provider, \
    upstream_model, stream, status, error_class, attempts, prompt_tokens, completion_tokens, cached_tokens, \
    reasoning_tokens, cost_pico_usd, estimated, latency_ms, ttft_ms, trail) \
    SELECT value ->> 'id', value ->> 'project_id', value ->> 'created_at', value ->> 'requested_model', \
    value ->> 'model', value ->> 'provider', value ->> 'upstream_model', value ->> 'stream', value ->> 'status', \
    value ->> 'error_class', value ->> 'attempts', value ->> 'prompt_tokens', value ->> 'completion_tokens', \
    value ->> 'cached_tokens', value ->> 'reasoning_tokens', value ->> 'cost_pico_usd', value ->> 'estimated', \
    value ->> 'latency_ms', value ->> 'ttft_ms', value ->> 'trail' \
    FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING";

/// Writes one record, trying again for a while. What cannot be written is logged whole, so that it is not lost.
pub(super) async fn write(env: &Env, record: UsageRecord) {
    let json = record.to_json();
    let mut problem = String::new();
    for wait_ms in std::iter::once(0).chain(RETRY_MS) {
        if wait_ms > 0 {
            Delay::from(Duration::from_millis(wait_ms)).await;
        }
        let timer = Delay::from(Duration::from_millis(TRY_MS));
        match select(pin!(insert(env, &json)), timer).await {
            Either::Left((Ok(()), _)) => return,
            Either::Left((Err(error), _)) => problem = error.to_string(),
            Either::Right(((), _)) => problem = format!("no answer within {TRY_MS} ms"),
        }
    }
    log::error("record_not_written", &[("problem", &problem), ("record", &json)]);
}

async fn insert(env: &Env, json: &str) -> worker::Result<()> {
    let database: D1Database = env.d1(DATABASE)?;
    let records = JsValue::from_str(&format!("[{json}]"));
    database.prepare(INSERT).bind(&[records])?.run().await.map(|_| ())
}
