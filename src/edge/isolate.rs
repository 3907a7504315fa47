//! What an isolate keeps between requests: the configuration, its view of the providers' health, and how many bytes of
//! request bodies it holds. A trap throws all of it away, and the next request builds it anew.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use wasm_bindgen::JsValue;
use worker::Env;

use super::health_link::HEALTH;
use super::object;
use super::ports::random_id;
use crate::accounts::couriers::Couriers;
use crate::accounts::projects::Projects;
use crate::config::AI_BINDING_VAR;
use crate::gateway::chat::Incoming;
use crate::gateway::deliver::Kept;
use crate::gateway::setup::{Gateway, SetupError};
use crate::health::view::HealthView;
use crate::openai::error::{ApiError, ErrorType};

/// What a client may wait when the isolate holds too many bytes: the bodies of the requests before it are let go once
/// their answers begin.
const BUSY_RETRY_MS: u64 = 1_000;

/// A variable or secret, as text.
pub(super) fn variable(env: &Env, name: &str) -> Option<String> {
    js_sys::Reflect::get(env, &name.into()).ok()?.as_string()
}

/// Something if there is a binding of that name.
fn bound(env: &Env, name: &str) -> Option<String> {
    js_sys::Reflect::get(env, &name.into()).ok().filter(JsValue::is_truthy).map(|_| name.to_owned())
}

/// The isolate's own state.
pub(super) struct Isolate {
    gateway: Result<Gateway, SetupError>,
    /// The headers of clients that some configured provider may see.
    pub(super) forwarded: Vec<String>,
    /// How providers and models are doing, as seen from here.
    pub(super) health: RefCell<HealthView>,
    /// Usage records on their way to the ledgers.
    pub(super) couriers: RefCell<Couriers>,
    /// The project ids that were seen.
    pub(super) projects: RefCell<Projects>,
    /// Whether there is a health object to talk to; else the isolate is alone with its view.
    pub(super) has_health_object: bool,
    /// The name of the health object that it talks to; known from its first request on.
    pub(super) health_object: OnceCell<String>,
    inflight_bytes: Cell<u64>,
    /// The requests that are kept while their answers stream, oldest first.
    kept: RefCell<VecDeque<Weak<KeptRequest>>>,
}

thread_local! {
    static ISOLATE: OnceCell<Rc<Isolate>> = const { OnceCell::new() };
}

impl Isolate {
    /// The one of this isolate; made at its first request, since variables are only known then.
    pub(super) fn get(env: &Env) -> Rc<Self> {
        ISOLATE.with(|cell| {
            Rc::clone(cell.get_or_init(|| {
                let gateway =
                    Gateway::new(&|name| if name == AI_BINDING_VAR { bound(env, name) } else { variable(env, name) });
                let forwarded = gateway.as_ref().map(Gateway::forwarded_headers).unwrap_or_default();
                Rc::new(Self {
                    gateway,
                    forwarded,
                    health: RefCell::new(HealthView::new(random_id())),
                    has_health_object: object::namespace(env, HEALTH).is_some(),
                    health_object: OnceCell::new(),
                    couriers: RefCell::default(),
                    projects: RefCell::default(),
                    inflight_bytes: Cell::new(0),
                    kept: RefCell::default(),
                })
            }))
        })
    }

    /// The configured gateway.
    ///
    /// # Errors
    /// 503 if the configuration cannot be used.
    pub(super) fn gateway(&self) -> Result<&Gateway, ApiError> {
        self.gateway.as_ref().map_err(ApiError::from)
    }

    /// Counts `bytes` of a request body until the guard is dropped.
    ///
    /// # Errors
    /// 503 if the isolate holds too many already.
    pub(super) fn hold(self: &Rc<Self>, bytes: u64, most: u64) -> Result<Held, ApiError> {
        // What is kept in case an answer breaks off goes first, the oldest before the others.
        while self.inflight_bytes.get().saturating_add(bytes) > most {
            let Some(oldest) = self.kept.borrow_mut().pop_front() else { break };
            if let Some(oldest) = oldest.upgrade() {
                oldest.release();
            }
        }
        let held = self.inflight_bytes.get().saturating_add(bytes);
        if held > most {
            let message = "The gateway holds too many request bodies at this moment. Try again soon.";
            let error = ApiError::new(503, ErrorType::Server, "gateway_busy", message);
            return Err(ApiError { retry_after_ms: Some(BUSY_RETRY_MS), ..error });
        }
        self.inflight_bytes.set(held);
        Ok(Held { isolate: Rc::clone(self), bytes })
    }

    /// Keeps a request whose answer streams until its memory is needed, with its bytes counted.
    pub(super) fn keep(&self, request: Option<Incoming>, held: Vec<Held>) -> Rc<KeptRequest> {
        let is_kept = request.is_some();
        let kept = Rc::new(Kept::new(request, held));
        if is_kept {
            let mut all = self.kept.borrow_mut();
            // Now and then those that have ended by themselves are cleared away.
            if all.len().is_power_of_two() {
                all.retain(|kept| kept.strong_count() > 0);
            }
            all.push_back(Rc::downgrade(&kept));
        }
        kept
    }
}

/// A request that is kept while its answer streams, with its bytes counted.
type KeptRequest = Kept<Vec<Held>>;

/// Bytes that are counted as long as it lives.
pub(super) struct Held {
    isolate: Rc<Isolate>,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let counter = &self.isolate.inflight_bytes;
        counter.set(counter.get().saturating_sub(self.bytes));
    }
}
