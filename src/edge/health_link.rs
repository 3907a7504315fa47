//! An isolate's side of the health of providers: when it talks to the health object, and what a request waits for. What
//! is said and what follows from it is `health/view.rs`.
//!
//! I/O belongs to the request that began it, and no request can wake another one. So a message is sent by one request,
//! in a task of its own, and others that need its answer look again after a short while.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::select;
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::Env;
use worker::worker_sys::Context;

use super::health_object::SYNC;
use super::isolate::Isolate;
use super::js::words;
use super::ports::{now_ms, spawn};
use super::task::{settled, sleep};
use super::{log, object};
use crate::gateway::ports::HealthPort;
use crate::health::circuit::{Admission, Permit, Standing};
use crate::health::headroom::Headroom;
use crate::health::message::{SyncReply, SyncRequest};
use crate::health::outcome::Outcome;
use crate::health::reserved::Reservation;
use crate::health::schedule::{Patience, SYNC_TIMEOUT_MS};
use crate::health::view::HealthView;

/// The binding of the health objects.
pub(super) const HEALTH: &str = "HEALTH";
/// The object's name where the platform does not say on which continent the request is: locally.
const NOWHERE: &str = "local";
/// How often a request looks whether another one's message was answered.
const POLL_MS: u64 = 5;
/// When bad news looks for the first time whether the message before it has ended; then it waits twice as long each time.
const URGENT_POLL_MS: u64 = 20;

/// One request's link to the health object.
#[derive(Clone)]
pub(super) struct HealthLink {
    isolate: Rc<Isolate>,
    env: Env,
    context: Rc<Context>,
    patience: Cell<Patience>,
}

/// The continent that a request came in on. There is one object for each: near its callers, and not one for the world.
fn continent(request: &Request) -> String {
    let cf = Reflect::get(request, &"cf".into()).ok().filter(|cf| cf.is_object());
    let continent = cf.and_then(|cf| Reflect::get(&cf, &"continent".into()).ok()?.as_string());
    continent.unwrap_or_else(|| NOWHERE.to_owned())
}

impl HealthLink {
    /// The link of `request`, whose continent is taken for the isolate's own.
    pub(super) fn new(isolate: Rc<Isolate>, env: Env, context: Rc<Context>, request: &Request) -> Self {
        isolate.health_object.get_or_init(|| continent(request));
        Self { isolate, env, context, patience: Cell::default() }
    }

    /// Under what name the health of a provider is kept.
    fn health_id<'p>(&'p self, provider: &'p str) -> &'p str {
        let access = self.isolate.gateway().ok().and_then(|gateway| gateway.config.access(provider));
        access.map_or(provider, |access| &access.health_id)
    }

    /// Every circuit that is seen from here goes through `read`.
    pub(super) fn read<T>(&self, read: impl FnOnce(&HealthView) -> T) -> T {
        read(&self.isolate.health.borrow())
    }

    /// Sends one message and takes its answer in. It begins here and now, before anything can wait, so that who looks next
    /// sees that a message is on its way.
    fn sync(self) -> impl Future<Output = ()> {
        let begun_ms = now_ms();
        let request = self.isolate.health.borrow_mut().begin(begun_ms);
        self.exchange(request, begun_ms)
    }

    async fn exchange(self, request: SyncRequest, begun_ms: u64) {
        let answer = self.send(&request).await;
        let mut view = self.isolate.health.borrow_mut();
        match answer {
            Ok(reply) => view.answered(reply, request.batch, begun_ms, now_ms()),
            Err(problem) => {
                view.failed(now_ms());
                drop(view);
                log::error("health_object_unreachable", &[("problem", &problem)]);
            }
        }
    }

    async fn send(&self, request: &SyncRequest) -> Result<SyncReply, String> {
        let namespace = object::namespace(&self.env, HEALTH).ok_or("there is no such binding")?;
        let name = self.isolate.health_object.get().map_or(NOWHERE, String::as_str);
        let answer = async {
            let response = object::post(&namespace, name, SYNC, &request.to_json(), SYNC_TIMEOUT_MS).await?;
            Ok::<_, JsValue>(settled(&response.text()?).await?.as_string().unwrap_or_default())
        };
        let answer = answer.await.map_err(|problem| words(&problem))?;
        SyncReply::from_json(&answer).ok_or_else(|| "it answered something else".to_owned())
    }

    /// Talks to the object until the view is as wanted, for as long as the request's patience lasts, and not while the
    /// object is away.
    async fn until(&self, is_done: impl Fn(&HealthView) -> bool) {
        let begun_ms = now_ms();
        let patience = self.patience.get();
        loop {
            let now = now_ms();
            self.patience.set(patience.after(now.saturating_sub(begun_ms)));
            let left_ms = self.patience.get().left_ms();
            let (busy, doubtful) = {
                let mut view = self.isolate.health.borrow_mut();
                if is_done(&view) || view.schedule.is_away(now) {
                    return;
                }
                if left_ms == 0 {
                    if patience.is_whole() {
                        view.schedule.too_slow(now);
                    }
                    return;
                }
                (view.schedule.is_busy(now), view.schedule.is_doubtful(now))
            };
            if doubtful {
                if !busy {
                    spawn(&self.context, self.clone().sync());
                }
                return;
            }
            if busy {
                sleep(POLL_MS.min(left_ms)).await;
                continue;
            }
            let (sender, receiver) = oneshot::channel();
            let message = self.clone().sync();
            spawn(&self.context, async move {
                message.await;
                // Nobody waits any more where it took too long.
                let _told = sender.send(());
            });
            select(receiver, pin!(sleep(left_ms))).await;
        }
    }

    fn tell_if_urgent(&self) {
        if self.isolate.has_health_object && self.read(HealthView::has_urgent_news) {
            spawn(&self.context, self.clone().tell());
        }
    }

    /// Tells bad news: at once, or when the message before it has ended. Where that fails it is kept for later.
    async fn tell(self) {
        let mut poll_ms = URGENT_POLL_MS;
        loop {
            let now = now_ms();
            let wait_ms = {
                let view = self.isolate.health.borrow();
                if !view.has_urgent_news() {
                    return;
                }
                if view.schedule.is_busy(now) {
                    // An object that is only slow will hear it. There may be many who wait to tell it.
                    poll_ms *= 2;
                    poll_ms / 2
                } else if view.schedule.is_away(now) {
                    return;
                } else {
                    view.schedule.pace_ms(now)
                }
            };
            if wait_ms == 0 {
                self.clone().sync().await;
            } else {
                sleep(wait_ms).await;
            }
        }
    }
}

impl HealthPort for HealthLink {
    fn standing(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Standing {
        self.isolate.health.borrow().standing(self.health_id(provider), model, tokens, now_ms)
    }

    fn reserve(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Reservation {
        self.isolate.health.borrow_mut().reserve(self.health_id(provider), model, tokens, now_ms)
    }

    fn settle(&self, provider: &str, model: &str, reservation: Reservation, told: Option<Headroom>, now_ms: u64) {
        self.isolate.health.borrow_mut().settle(self.health_id(provider), model, reservation, told, now_ms);
        self.tell_if_urgent();
    }

    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.isolate.health.borrow().first_token_ms(self.health_id(provider), model)
    }

    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.isolate.health.borrow().tokens_per_second(self.health_id(provider), model)
    }

    async fn refreshed(&self) {
        if !self.isolate.has_health_object {
            return;
        }
        let (fresh, wanted) = self.read(|view| {
            let now = now_ms();
            (view.schedule.is_fresh(now), view.wants_refresh(now))
        });
        if !fresh {
            self.until(|view| view.schedule.is_fresh(now_ms())).await;
        } else if wanted {
            spawn(&self.context, self.clone().sync());
        }
    }

    fn ticket(&self, key: &str) -> Option<u64> {
        self.isolate.health.borrow_mut().leases().ticket(key)
    }

    async fn lease(&self, keys: &[String], seed: u64) {
        if !self.isolate.has_health_object {
            return;
        }
        for key in keys {
            self.isolate.health.borrow_mut().leases().wish(key, seed);
        }
        self.until(|view| keys.iter().all(|key| view.has_tickets(key))).await;
    }

    fn overdraw(&self, key: &str, seed: u64) -> u64 {
        self.isolate.health.borrow_mut().leases().overdraw(key, seed)
    }

    async fn admit(&self, provider: &str, model: &str, permit: Permit, insist: bool) -> Admission {
        let provider = self.health_id(provider);
        if !insist && self.read(|view| view.rests(provider, model, now_ms())) {
            return Admission::Busy;
        }
        if let Some(known) = self.read(|view| view.admission(provider, model, permit)) {
            return known;
        }
        if self.isolate.has_health_object {
            self.isolate.health.borrow_mut().wish_probe(provider, model, permit);
            self.until(|view| !view.is_wished(permit)).await;
        }
        self.isolate.health.borrow_mut().admit(provider, model, permit, now_ms())
    }

    fn record(&self, provider: &str, model: &str, outcome: Outcome, permit: Option<Permit>, now_ms: u64) {
        if let Outcome::Benched { class, until_ms, provider_wide } = outcome {
            // A client may never notice, where another provider answers: the operator must.
            let for_ms = until_ms.saturating_sub(now_ms).to_string();
            let fields = [("provider", provider), ("model", model), ("class", class.as_str()), ("for_ms", &for_ms)];
            log::error(if provider_wide { "provider_benched" } else { "model_benched" }, &fields);
        }
        let provider = self.health_id(provider);
        self.isolate.health.borrow_mut().record(provider, model, outcome, permit, now_ms);
        self.tell_if_urgent();
    }
}
