//! One chat request in a task of its own, from its body to the end of its answer.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker::Env;
use worker::worker_sys::Context;

use super::isolate::Isolate;
use super::js::{Debt, IdentityTransformStream, pay};
use super::ports::WorkerPorts;
use super::relay::Relaying;
use super::respond::{Responder, header};
use super::timer::Timer;
use super::{body, task};
use crate::gateway::chat::{Answer, Incoming, chat};
use crate::gateway::custom::CustomHeaders;
use crate::gateway::deliver::deliver;
use crate::gateway::headers::Header;
use crate::gateway::wishes::HeaderWishes;
use crate::openai::error::ApiError;

/// The task.
pub(super) struct ChatTask {
    /// The request, whose body is still to be read.
    pub(super) request: Request,
    /// What the isolate keeps.
    pub(super) isolate: Rc<Isolate>,
    /// The bindings.
    pub(super) env: Env,
    /// The platform's promise to let work go on after the response.
    pub(super) context: Rc<Context>,
    /// Makes the response.
    pub(super) responder: Responder,
    /// The length of the body that the client announced.
    pub(super) content_length: Option<u64>,
    /// The `x-gateway-project-id` header.
    pub(super) project_header: Option<String>,
    /// The `OpenAI-Project` header.
    pub(super) openai_project_header: Option<String>,
    /// What the client wishes in headers.
    pub(super) wishes: HeaderWishes,
    /// An endpoint of the client's own.
    pub(super) custom: CustomHeaders,
    /// When it came, milliseconds since the Unix epoch.
    pub(super) received_ms: u64,
}

impl ChatTask {
    /// Settles `answer` with the response, and goes on until the accounts have the request.
    pub(super) async fn run(self, answer: Debt) {
        // Where the client left, nobody takes the response.
        let reply = |response: Result<Response, JsValue>| pay(&answer, &self.responder.surely(response));
        let error = |error: ApiError, headers: &[Header]| reply(self.responder.error(&error, headers));
        let gateway = match self.isolate.gateway() {
            Ok(gateway) => gateway,
            Err(refused) => return error(refused, &[]),
        };
        let timer = Timer::default();
        let limits = &gateway.config.limits;
        let read = body::read(&self.request, self.content_length, &self.isolate, limits, &timer).await;
        let (body, held) = match read {
            Ok(read) => read,
            Err(refused) => return error(refused, &[]),
        };
        let request_id = self.responder.request_id();
        let incoming = Incoming {
            body,
            request_id: request_id.to_owned(),
            received_ms: self.received_ms,
            project_header: self.project_header.clone(),
            openai_project_header: self.openai_project_header.clone(),
            wishes: self.wishes.clone(),
            custom: self.custom.clone(),
            forwardable: self.forwardable(),
        };
        let (isolate, context) = (Rc::clone(&self.isolate), Rc::clone(&self.context));
        // Not the method of that name: it copies the request.
        let client = Clone::clone(&self.request);
        let ports = WorkerPorts::new(isolate, self.env.clone(), context, client, timer);
        let answered = chat(gateway, &ports, incoming).await;
        match answered {
            Answer::Error { error: failed, headers } => error(failed, &headers),
            Answer::Whole { headers, body } => reply(self.responder.json(200, &body, &headers)),
            Answer::Replayed { headers, body } => reply(self.responder.events(&body, &headers)),
            Answer::Stream(mut stream) => {
                let pass_through = IdentityTransformStream::new();
                let headers = std::mem::take(&mut stream.headers);
                let kept = self.isolate.keep(stream.request.take(), held);
                // The stream goes on when the handler's own promise is settled.
                let streamed = task::owe();
                let _begun = self.context.wait_until(&streamed.promise());
                reply(self.responder.stream(&pass_through.readable(), &headers));
                let relaying = Relaying::new(&ports, pass_through.writable());
                deliver(gateway, &ports, &relaying, *stream, &kept, request_id).await;
                pay(&streamed, &JsValue::UNDEFINED);
            }
        }
    }

    /// The client's headers that some provider may see.
    fn forwardable(&self) -> Vec<(String, String)> {
        let names = self.isolate.forwarded.iter();
        names.filter_map(|name| Some((name.clone(), header(&self.request, name)?))).collect()
    }
}
