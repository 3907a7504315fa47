//! What the cron trigger of `wrangler.toml` runs once a day.

use worker::{Env, ScheduleContext, ScheduledEvent, event};

use super::d1::D1;
use super::isolate::Isolate;
use super::log;
use crate::gateway::retention;

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive")]
    let now_ms = event.schedule() as u64;
    let isolate = Isolate::get(&env);
    let problem = match isolate.gateway() {
        // A wrong RETENTION_DAYS must delete nothing.
        Err(misconfigured) => misconfigured.message,
        Ok(gateway) => match retention::run(&D1(&env), gateway.config.retention_days, now_ms).await {
            Ok(deleted) if deleted.done => return,
            Ok(deleted) => format!("{} rows deleted and not done; the next run goes on", deleted.rows),
            Err(failure) => failure.problem().to_owned(),
        },
    };
    log::error("retention_incomplete", &[("problem", &problem)]);
}
