//! The use cases' ports, on Workers.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::AbortSignal;
use worker::{Context, Env};

use super::accounts;
use super::fetch::{self, FetchedReply};
use super::isolate::Isolate;
use super::log;
use super::timer::Timer;
use crate::gateway::ports::{HealthPort, Ports, TransportError, UpstreamCall};
use crate::health::view::HealthView;
use crate::usage::record::UsageRecord;

/// One request's view of the world.
pub(super) struct WorkerPorts {
    isolate: Rc<Isolate>,
    env: Env,
    context: Rc<Context>,
    client: Option<AbortSignal>,
    timer: Timer,
}

impl WorkerPorts {
    /// The ports of a request whose client's leaving is told by `client`.
    pub(super) fn new(
        isolate: Rc<Isolate>,
        env: Env,
        context: Rc<Context>,
        client: Option<AbortSignal>,
        timer: Timer,
    ) -> Self {
        Self { isolate, env, context, client, timer }
    }
}

impl Ports for WorkerPorts {
    type Reply = FetchedReply;

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn random(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^32")]
        let random = (js_sys::Math::random() * 4_294_967_296.0) as u64;
        random
    }

    async fn sleep(&self, ms: u64) {
        self.timer.sleep(ms).await;
    }

    async fn send(&self, call: UpstreamCall) -> Result<FetchedReply, TransportError> {
        let url = call.url.clone();
        let sent = fetch::send(call, self.client.clone()).await;
        if let Err(error) = &sent
            && !self.client_gone()
        {
            // Addresses hold no key: a base URL with a user or a query is refused.
            log::error("provider_unreachable", &[("url", &url), ("problem", &error.detail)]);
        }
        sent
    }

    fn client_gone(&self) -> bool {
        self.client.as_ref().is_some_and(AbortSignal::aborted)
    }

    fn health(&self) -> &impl HealthPort {
        let health: &RefCell<HealthView> = &self.isolate.health;
        health
    }

    fn account(&self, record: UsageRecord) {
        let env = self.env.clone();
        self.context.wait_until(async move { accounts::write(&env, record).await });
    }
}

/// Milliseconds since the Unix epoch. On Workers the clock only moves with I/O.
pub(super) fn now_ms() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive")]
    let now = js_sys::Date::now() as u64;
    now
}
