//! Where requests come in.

use std::future::Future;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Request;
use worker::Env;
use worker::worker_sys::Context;

use super::chat_task::ChatTask;
use super::d1::D1;
use super::health_link::HealthLink;
use super::isolate::Isolate;
use super::js::{self, pay};
use super::ports::now_ms;
use super::respond::{Responder, header};
use super::{entropy, log, task};
use crate::gateway::accounts::{self, Question, Refusal};
use crate::gateway::auth::{Credentials, authorize};
use crate::gateway::custom::CustomHeaders;
use crate::gateway::ports::HealthPort;
use crate::gateway::route::{Route, host_and_path, not_found, wrong_method};
use crate::gateway::setup::Gateway;
use crate::gateway::wishes::HeaderWishes;
use crate::gateway::{models, providers, query};
use crate::openai::error::ApiError;

/// The body of `GET /health`.
const HEALTHY: &str = "{\"status\":\"ok\"}";

/// The handler: a response, or the promise of one. It is no `async fn`: only a chat request waits for anything, and that
/// is a task with a promise of its own.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "called by the platform")]
pub fn fetch(request: Request, env: Env, context: Context) -> Result<JsValue, JsValue> {
    let received_ms = now_ms();
    let isolate = Isolate::get(&env);
    let cors = isolate.gateway().ok().map(|gateway| &gateway.config.cors_origins);
    let head = js::head(&request)?;
    let head = Head::parse(&head);
    let responder = Responder::new(request_id(received_ms), head.origin, cors);
    let call = Call { head, request, isolate: Rc::clone(&isolate), responder };
    call.answer(env, context, received_ms)
}

/// A UUIDv7: the accounts are sorted by it, so it begins with the time.
fn request_id(received_ms: u64) -> String {
    uuid::Builder::from_unix_timestamp_millis(received_ms, &entropy::take()).into_uuid().to_string()
}

/// What is read of every request.
struct Head<'h> {
    method: &'h str,
    url: &'h str,
    authorization: Option<&'h str>,
    api_key: Option<&'h str>,
    content_length: Option<&'h str>,
    project: Option<&'h str>,
    openai_project: Option<&'h str>,
    origin: Option<&'h str>,
    wishes: HeaderWishes,
    custom: CustomHeaders,
}

impl<'h> Head<'h> {
    /// Reads what `head` of `platform.js` wrote.
    fn parse(text: &'h str) -> Self {
        let mut parts = text.split(js::SEPARATOR);
        let (method, url) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut header = || parts.next().filter(|value| !value.is_empty());
        Self {
            method,
            url,
            authorization: header(),
            api_key: header(),
            content_length: header(),
            project: header(),
            openai_project: header(),
            origin: header(),
            wishes: HeaderWishes {
                failover_sequence: header().map(str::to_owned),
                timeout: header().map(str::to_owned),
                own_timeout: header().map(str::to_owned),
                first_token_timeout: header().map(str::to_owned),
                stream_idle_timeout: header().map(str::to_owned),
            },
            custom: CustomHeaders { endpoint: header().map(str::to_owned), api_key: header().map(str::to_owned) },
        }
    }
}

/// One request on its way in.
struct Call<'h> {
    head: Head<'h>,
    request: Request,
    isolate: Rc<Isolate>,
    responder: Responder,
}

impl Call<'_> {
    fn answer(self, env: Env, context: Context, received_ms: u64) -> Result<JsValue, JsValue> {
        let method = self.head.method;
        let (host, path) = host_and_path(self.head.url);
        let response = match Route::parse(method, path) {
            Route::Health => self.responder.json(200, HEALTHY, &[]),
            Route::NotFound => self.responder.error(&not_found(method, path), &[]),
            Route::WrongMethod { allow } => self.responder.error(&wrong_method(method, allow), &[]),
            Route::Preflight { allow } => {
                let wanted = header(&self.request, "access-control-request-headers");
                self.responder.preflight(allow, wanted.as_deref())
            }
            Route::Models => self.responder.document(self.admitted(host).map(models::list)),
            Route::Model(id) => {
                self.responder.document(self.admitted(host).and_then(|gateway| models::retrieve(gateway, &id)))
            }
            Route::Providers => match self.admitted(host).map(|_| ()) {
                Ok(()) => return Ok(self.providers(env, context)),
                Err(error) => self.responder.error(&error, &[]),
            },
            Route::Analytics => {
                let asked = self.admitted(host).map(|_| ());
                let asked = asked.and_then(|()| Question::report(query::of(self.head.url), received_ms));
                return Ok(self.accounts(env, &context, asked));
            }
            Route::Generation(id) => {
                let asked = self.admitted(host).and_then(|_| Question::generation(&id));
                return Ok(self.accounts(env, &context, asked));
            }
            Route::ChatCompletions => match self.admitted(host).map(|_| ()) {
                Ok(()) => return self.chat(env, context, received_ms),
                Err(error) => self.responder.error(&error, &[]),
            },
        };
        Ok(self.responder.surely(response))
    }

    fn admitted(&self, host: &str) -> Result<&Gateway, ApiError> {
        let gateway = self.isolate.gateway()?;
        let shown = Credentials { authorization: self.head.authorization, api_key: self.head.api_key, host };
        authorize(&gateway.config, shown)?;
        Ok(gateway)
    }

    fn providers(self, env: Env, context: Context) -> JsValue {
        let context = Rc::new(context);
        let health = HealthLink::new(Rc::clone(&self.isolate), env, Rc::clone(&context), &self.request);
        let isolate = self.isolate;
        later(&context, self.responder, async move {
            health.refreshed().await;
            let gateway = isolate.gateway()?;
            Ok(health.read(|view| providers::list(gateway, &view.circuits(), now_ms())))
        })
    }

    /// What the accounts say.
    fn accounts(self, env: Env, context: &Context, asked: Result<Question, ApiError>) -> JsValue {
        let request_id = self.responder.request_id().to_owned();
        later(context, self.responder, async move {
            accounts::answer(&D1(&env), asked?).await.map_err(|Refusal { error, problem }| {
                if let Some(problem) = problem {
                    log::error("accounts_not_read", &[("request_id", &request_id), ("problem", &problem)]);
                }
                error
            })
        })
    }

    /// Runs the use case in a task that the platform is told to wait for: when a client leaves, the platform forgets
    /// whatever only its handler waits for, and with it the bytes it counts, its probe permit and its line in the
    /// accounts. The task lives on.
    fn chat(self, env: Env, context: Context, received_ms: u64) -> Result<JsValue, JsValue> {
        let answer = task::owe();
        let promise = answer.promise();
        context.wait_until(&promise)?;
        let own = |header: Option<&str>| header.map(str::to_owned);
        let task = ChatTask {
            content_length: self.head.content_length.and_then(|text| text.parse().ok()),
            project_header: own(self.head.project),
            openai_project_header: own(self.head.openai_project),
            wishes: self.head.wishes,
            custom: self.head.custom,
            request: self.request,
            isolate: self.isolate,
            env,
            context: Rc::new(context),
            responder: self.responder,
            received_ms,
        };
        task::spawn(task.run(answer));
        Ok(promise.into())
    }
}

/// The promise of a response with a document that must be waited for. The platform is told to wait for it as well: a task
/// that it forgot because its client left would stay in the isolate's memory for ever.
fn later(
    context: &Context,
    responder: Responder,
    document: impl Future<Output = Result<String, ApiError>> + 'static,
) -> JsValue {
    let answer = task::owe();
    let promise = answer.promise();
    let _refused = context.wait_until(&promise);
    task::spawn(async move {
        let document = document.await;
        pay(&answer, &responder.surely(responder.document(document)));
    });
    promise.into()
}
