//! One chat request in a task of its own, from its body to the end of its answer.

use std::rc::Rc;

use futures::channel::oneshot;
use web_sys::{ReadableStream, Request};
use worker::{Context, Env};

use super::isolate::Isolate;
use super::js::IdentityTransformStream;
use super::ports::WorkerPorts;
use super::respond::header;
use super::{body, relay};
use crate::gateway::chat::{Answer, Incoming, chat};
use crate::gateway::headers::Header;
use crate::gateway::setup::Gateway;
use crate::openai::error::ApiError;

/// What the handler makes a response of.
pub(super) enum Reply {
    /// An error, and headers that tell what was tried.
    Error { error: ApiError, headers: Vec<Header> },
    /// A whole reply.
    Whole { headers: Vec<Header>, body: String },
    /// A stream that the task fills.
    Stream { headers: Vec<Header>, readable: ReadableStream },
}

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
    /// The id of the request.
    pub(super) request_id: String,
    /// When it came, milliseconds since the Unix epoch.
    pub(super) received_ms: u64,
}

impl ChatTask {
    /// Answers through `sender`, and goes on until the accounts have the request.
    pub(super) async fn run(self, sender: oneshot::Sender<Reply>) {
        // Nobody receives only where the client left, and then it is accounted for as that.
        let reply = |reply: Reply| drop(sender.send(reply));
        let gateway = match self.isolate.gateway() {
            Ok(gateway) => gateway,
            Err(error) => return reply(Reply::Error { error, headers: Vec::new() }),
        };
        let (body, held) = match body::read(&self.request, &self.isolate, &gateway.config.limits).await {
            Ok(read) => read,
            Err(error) => return reply(Reply::Error { error, headers: Vec::new() }),
        };
        let incoming = Incoming {
            body,
            request_id: self.request_id.clone(),
            received_ms: self.received_ms,
            project_header: header(&self.request, "x-gateway-project-id"),
            openai_project_header: header(&self.request, "openai-project"),
            forwardable: self.forwardable(gateway),
        };
        let (isolate, context) = (Rc::clone(&self.isolate), Rc::clone(&self.context));
        let ports = WorkerPorts::new(isolate, self.env.clone(), context, &self.request);
        let answer = chat(gateway, &ports, incoming).await;
        drop(held);
        match answer {
            Answer::Error { error, headers } => reply(Reply::Error { error, headers }),
            Answer::Whole { headers, body } => reply(Reply::Whole { headers, body }),
            Answer::Stream(mut stream) => {
                let pass_through = IdentityTransformStream::new();
                let headers = std::mem::take(&mut stream.headers);
                reply(Reply::Stream { headers, readable: pass_through.readable() });
                let idle_ms = gateway.config.timeouts.stream_idle_ms;
                relay::run(&ports, *stream, pass_through.writable(), idle_ms, &self.request_id).await;
            }
        }
    }

    /// The client's headers that some provider may see.
    fn forwardable(&self, gateway: &Gateway) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for name in gateway.catalog.providers().iter().flat_map(|provider| provider.forward_headers.iter()) {
            if !found.iter().any(|(known, _)| known == name)
                && let Some(value) = header(&self.request, name)
            {
                found.push((name.to_string(), value));
            }
        }
        found
    }
}
