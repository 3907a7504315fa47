//! Where requests come in.

use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use web_sys::{Request, Response};
use worker::wasm_bindgen::JsValue;
use worker::{Context, Env, event};

use super::chat_task::{ChatTask, Reply};
use super::d1::D1;
use super::health_link::HealthLink;
use super::isolate::Isolate;
use super::log;
use super::ports::{now_ms, spawn};
use super::respond::{Responder, header};
use crate::gateway::accounts::{self, Question, Refusal};
use crate::gateway::auth::{Credentials, authorize};
use crate::gateway::ports::HealthPort;
use crate::gateway::route::{Route, host_and_path, not_found, wrong_method};
use crate::gateway::setup::Gateway;
use crate::gateway::{models, providers, query};
use crate::openai::error::{ApiError, ErrorType};

/// The body of `GET /health`.
const HEALTHY: &str = "{\"status\":\"ok\"}";

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let isolate = Isolate::get(&env);
    let cors = isolate.gateway().ok().map(|gateway| &gateway.config.cors_origins);
    let received_ms = now_ms();
    let responder = Responder::new(request_id(received_ms), header(&request, "origin").as_deref(), cors);
    let call = Call { request: &request, isolate: &isolate, responder: &responder, received_ms };
    let response = call.answer(env, context).await.or_else(|problem| {
        // Only a header that the platform refuses comes here; the client still gets an answer in OpenAI's shape.
        log::error(
            "response_not_built",
            &[("request_id", responder.request_id()), ("problem", &format!("{problem:?}"))],
        );
        let message = "The gateway could not build its response. Report the request id to its operator.";
        responder.error(&ApiError::new(502, ErrorType::Server, "response_not_built", message), &[])
    });
    response.map_err(worker::Error::from)
}

/// One request on its way in.
struct Call<'r> {
    request: &'r Request,
    isolate: &'r Rc<Isolate>,
    responder: &'r Responder,
    /// Milliseconds since the Unix epoch.
    received_ms: u64,
}

/// A UUIDv7: the accounts are sorted by it, so it begins with the time.
fn request_id(received_ms: u64) -> String {
    // The version and the variant of the random one lie where those of the new one come to lie: no random bit is lost.
    let [_, _, _, _, _, _, random @ ..] = uuid::Uuid::new_v4().into_bytes();
    uuid::Builder::from_unix_timestamp_millis(received_ms, &random).into_uuid().to_string()
}

impl Call<'_> {
    async fn answer(&self, env: Env, context: Context) -> Result<Response, JsValue> {
        let (method, url) = (self.request.method(), self.request.url());
        let (host, path) = host_and_path(&url);
        match Route::parse(&method, path) {
            Route::Health => self.responder.json(200, HEALTHY, &[]),
            Route::NotFound => self.responder.error(&not_found(&method, path), &[]),
            Route::WrongMethod { allow } => self.responder.error(&wrong_method(&method, allow), &[]),
            Route::Preflight { allow } => {
                let wanted = header(self.request, "access-control-request-headers");
                self.responder.preflight(allow, wanted.as_deref())
            }
            Route::Models => self.json(self.admitted(host).map(models::list)),
            Route::Model(id) => self.json(self.admitted(host).and_then(|gateway| models::retrieve(gateway, &id))),
            Route::Providers => match self.admitted(host) {
                Ok(gateway) => {
                    let health = HealthLink::new(Rc::clone(self.isolate), env, Rc::new(context), self.request);
                    health.refreshed().await;
                    let list = health.read(|view| providers::list(gateway, view.circuits(), now_ms()));
                    self.responder.json(200, &list, &[])
                }
                Err(error) => self.responder.error(&error, &[]),
            },
            Route::Analytics => {
                let asked = self.admitted(host).and_then(|_| Question::report(query::of(&url), self.received_ms));
                self.accounts(&env, asked).await
            }
            Route::Generation(id) => {
                let asked = self.admitted(host).and_then(|_| Question::generation(&id));
                self.accounts(&env, asked).await
            }
            Route::ChatCompletions => match self.admitted(host) {
                Ok(_) => self.chat(env, context).await,
                Err(error) => self.responder.error(&error, &[]),
            },
        }
    }

    fn json(&self, document: Result<String, ApiError>) -> Result<Response, JsValue> {
        match document {
            Ok(document) => self.responder.json(200, &document, &[]),
            Err(error) => self.responder.error(&error, &[]),
        }
    }

    /// Boxed, so that it is compiled once for both routes and adds nothing to the future of every chat request.
    fn accounts<'s>(
        &'s self,
        env: &'s Env,
        asked: Result<Question, ApiError>,
    ) -> LocalBoxFuture<'s, Result<Response, JsValue>> {
        Box::pin(async move {
            let answer = match asked {
                Ok(question) => accounts::answer(&D1(env), question).await,
                Err(error) => Err(Refusal { error, problem: None }),
            };
            self.json(answer.map_err(|refusal| {
                if let Some(problem) = &refusal.problem {
                    log::error(
                        "accounts_not_read",
                        &[("request_id", self.responder.request_id()), ("problem", problem)],
                    );
                }
                refusal.error
            }))
        })
    }

    fn admitted(&self, host: &str) -> Result<&Gateway, ApiError> {
        let gateway = self.isolate.gateway()?;
        let (authorization, api_key) = (header(self.request, "authorization"), header(self.request, "x-api-key"));
        let shown = Credentials { authorization: authorization.as_deref(), api_key: api_key.as_deref(), host };
        authorize(&gateway.config, shown)?;
        Ok(gateway)
    }

    /// Runs the use case in a task of its own: when a client leaves, the platform forgets the handler where it stands,
    /// and with it the bytes it counts, its probe permit and its line in the accounts. The task lives on.
    async fn chat(&self, env: Env, context: Context) -> Result<Response, JsValue> {
        let (sender, receiver) = oneshot::channel();
        let context = Rc::new(context);
        let task = ChatTask {
            request: Clone::clone(self.request),
            isolate: Rc::clone(self.isolate),
            env,
            context: Rc::clone(&context),
            request_id: self.responder.request_id().to_owned(),
            received_ms: self.received_ms,
        };
        spawn(&context, task.run(sender));
        match receiver.await {
            Ok(Reply::Error { error, headers }) => self.responder.error(&error, &headers),
            Ok(Reply::Whole { headers, body }) => self.responder.json(200, &body, &headers),
            Ok(Reply::Stream { headers, readable }) => self.responder.stream(&readable, &headers),
            Err(oneshot::Canceled) => {
                let message = "The gateway gave this request up. Try again.";
                self.responder.error(&ApiError::new(502, ErrorType::Server, "request_given_up", message), &[])
            }
        }
    }
}
