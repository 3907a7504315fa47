//! The use cases' ports, on Workers.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use futures::future::poll_immediate;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::Env;
use worker::worker_sys::Context;

use super::fetch::{self, FetchedReply};
use super::health_link::HealthLink;
use super::isolate::Isolate;
use super::js::{self, pay};
use super::timer::Timer;
use super::{ledger, log, task};
use crate::gateway::ports::{HealthPort, Ports, TransportError, UpstreamCall};
use crate::project::ProjectId;
use crate::usage::record::UsageRecord;

/// One request's view of the world.
pub(super) struct WorkerPorts {
    isolate: Rc<Isolate>,
    health: HealthLink,
    env: Env,
    context: Rc<Context>,
    client: Request,
    timer: Timer,
}

impl WorkerPorts {
    /// The ports of the request of `client`.
    pub(super) fn new(isolate: Rc<Isolate>, env: Env, context: Rc<Context>, client: Request, timer: Timer) -> Self {
        let health = HealthLink::new(Rc::clone(&isolate), env.clone(), Rc::clone(&context), &client);
        Self { isolate, health, env, context, client, timer }
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

    async fn send(&self, call: UpstreamCall<'_>) -> Result<FetchedReply, TransportError> {
        let url = call.url.clone();
        let sent = fetch::send(call, &self.client, &self.env).await;
        if let Err(error) = &sent
            && !self.client_gone()
        {
            // Addresses hold no key: a base URL with a user or a query is refused.
            log::error("provider_unreachable", &[("url", &url), ("problem", &error.detail)]);
        }
        sent
    }

    fn client_gone(&self) -> bool {
        js::gone(&self.client).unwrap_or(false)
    }

    fn health(&self) -> &impl HealthPort {
        &self.health
    }

    fn admit_project(&self, project: &ProjectId, most_new: u64) -> Result<(), u64> {
        self.isolate.projects.borrow_mut().admit(project.as_str(), most_new, now_ms())
    }

    fn account(&self, record: UsageRecord) {
        let json = record.to_json();
        if self.isolate.gateway().is_ok_and(|gateway| gateway.config.log_requests.includes(&record)) {
            log::line(&UsageRecord::log_line(&json));
        }
        // Most records are entrusted to other requests: then this one ends at once, which is a good part of its price.
        if let Some(ticket) = ledger::add(&self.isolate.couriers, &record.project_id, json) {
            let (env, isolate) = (self.env.clone(), Rc::clone(&self.isolate));
            spawn(&self.context, async move { ledger::watch(&env, &isolate.couriers, ticket).await });
        }
    }
}

/// A number that nobody else makes up.
pub(super) fn random_id() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^53")]
    let random = (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64;
    random
}

/// Milliseconds since the Unix epoch. On Workers the clock only moves with I/O, so while tasks run it is read once.
pub(super) fn now_ms() -> u64 {
    task::known_time().unwrap_or_else(|| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and positive")]
        let now = js_sys::Date::now() as u64;
        task::know_time(now);
        now
    })
}

/// Lets work go on after the response. The platform only hears of it where the work has to wait for something: to be told
/// costs more than most of the work does.
pub(super) fn spawn(context: &Rc<Context>, work: impl Future<Output = ()> + 'static) {
    let context = Rc::clone(context);
    task::spawn(async move {
        let mut work = pin!(work);
        if poll_immediate(&mut work).await.is_some() {
            return;
        }
        let done = task::owe();
        // The platform refuses only where the request is over; then the work goes on all the same.
        let _refused = context.wait_until(&done.promise());
        work.await;
        pay(&done, &JsValue::UNDEFINED);
    });
}
