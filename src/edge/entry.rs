//! Where requests come in.

use std::rc::Rc;

use web_sys::{AbortSignal, Request, Response};
use worker::wasm_bindgen::JsValue;
use worker::{Context, Env, event};

use super::isolate::Isolate;
use super::js::IdentityTransformStream;
use super::ports::{WorkerPorts, now_ms};
use super::respond::Responder;
use super::{body, log, relay};
use crate::gateway::auth::{Credentials, authorize};
use crate::gateway::chat::{Answer, Incoming, chat};
use crate::gateway::models;
use crate::gateway::route::{Route, host_and_path, not_found, wrong_method};
use crate::gateway::setup::Gateway;
use crate::openai::error::{ApiError, ErrorType};

/// The body of `GET /health`.
const HEALTHY: &str = "{\"status\":\"ok\"}";

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let isolate = Isolate::get(&env);
    let cors = isolate.gateway().ok().map(|gateway| &gateway.config.cors_origins);
    let responder = Responder::new(uuid::Uuid::new_v4().to_string(), header(&request, "origin").as_deref(), cors);
    let call = Call { request: &request, isolate: &isolate, responder: &responder };
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

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

/// One request on its way in.
struct Call<'r> {
    request: &'r Request,
    isolate: &'r Rc<Isolate>,
    responder: &'r Responder,
}

impl Call<'_> {
    async fn answer(&self, env: Env, context: Context) -> Result<Response, JsValue> {
        let received_ms = now_ms();
        let (method, url) = (self.request.method(), self.request.url());
        let (host, path) = host_and_path(&url);
        let route = Route::parse(&method, path);
        match &route {
            Route::Health => return self.responder.json(200, HEALTHY, &[]),
            Route::NotFound => return self.responder.error(&not_found(&method, path), &[]),
            Route::WrongMethod { allow } => return self.responder.error(&wrong_method(&method, allow), &[]),
            Route::Preflight { allow } => {
                let wanted = header(self.request, "access-control-request-headers");
                return self.responder.preflight(allow, wanted.as_deref());
            }
            Route::ChatCompletions | Route::Models | Route::Model(_) => {}
        }
        let gateway = match self.admitted(host) {
            Ok(gateway) => gateway,
            Err(error) => return self.responder.error(&error, &[]),
        };
        match route {
            Route::Models => self.responder.json(200, &models::list(gateway), &[]),
            Route::Model(id) => match models::retrieve(gateway, &id) {
                Ok(model) => self.responder.json(200, &model, &[]),
                Err(error) => self.responder.error(&error, &[]),
            },
            Route::ChatCompletions => self.chat(gateway, env, context, received_ms).await,
            Route::Health | Route::NotFound | Route::WrongMethod { .. } | Route::Preflight { .. } => {
                self.responder.error(&not_found(&method, path), &[])
            }
        }
    }

    fn admitted(&self, host: &str) -> Result<&Gateway, ApiError> {
        let gateway = self.isolate.gateway()?;
        let (authorization, api_key) = (header(self.request, "authorization"), header(self.request, "x-api-key"));
        let shown = Credentials { authorization: authorization.as_deref(), api_key: api_key.as_deref(), host };
        authorize(&gateway.config, shown)?;
        Ok(gateway)
    }

    async fn chat(&self, gateway: &Gateway, env: Env, context: Context, received_ms: u64) -> Result<Response, JsValue> {
        let (body, held) = match body::read(self.request, self.isolate, &gateway.config.limits).await {
            Ok(read) => read,
            Err(error) => return self.responder.error(&error, &[]),
        };
        let incoming = Incoming {
            body,
            request_id: self.responder.request_id().to_owned(),
            received_ms,
            project_header: header(self.request, "x-gateway-project-id"),
            openai_project_header: header(self.request, "openai-project"),
            forwardable: self.forwardable(gateway),
        };
        // Typed as always there; it is only with the compatibility flag `enable_request_signal`.
        let client = Some(self.request.signal()).filter(|signal: &AbortSignal| signal.is_truthy());
        let context = Rc::new(context);
        let ports = WorkerPorts::new(Rc::clone(self.isolate), env, Rc::clone(&context), client);
        let answer = chat(gateway, &ports, incoming).await;
        drop(held);
        match answer {
            Answer::Error { error, headers } => self.responder.error(&error, &headers),
            Answer::Whole { headers, body } => self.responder.json(200, &body, &headers),
            Answer::Stream(stream) => {
                let pass_through = IdentityTransformStream::new();
                let response = self.responder.stream(&pass_through.readable(), &stream.headers)?;
                let idle_ms = gateway.config.timeouts.stream_idle_ms;
                let request_id = self.responder.request_id().to_owned();
                context.wait_until(async move {
                    relay::run(&ports, *stream, pass_through.writable(), idle_ms, &request_id).await;
                });
                Ok(response)
            }
        }
    }

    /// The client's headers that some provider may see.
    fn forwardable(&self, gateway: &Gateway) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for name in gateway.catalog.providers().iter().flat_map(|provider| provider.forward_headers.iter()) {
            if !found.iter().any(|(known, _)| known == name)
                && let Some(value) = header(self.request, name)
            {
                found.push((name.to_string(), value));
            }
        }
        found
    }
}
