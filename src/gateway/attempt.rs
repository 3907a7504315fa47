//! One attempt at one candidate: send, wait, judge. Up to the whole reply, or to the first token of a stream.

use std::future::Future;
use std::pin::pin;

use futures::future::{Either, select};

use super::ports::{Ports, TransportError, UpstreamCall, UpstreamReply};
use super::reserved::Reserved;
use crate::catalog::provider::ProviderSpec;
use crate::dialect::classify::{self, ErrorBody, Failure, MAX_ERROR_BODY_BYTES};
use crate::dialect::openai::reply::{error_body_in_success, error_in_success};
use crate::dialect::translation::Translation;
use crate::dialect::{headroom, retry_after};
use crate::health::headroom::{Headroom, MAX_BELIEVED_MS};
use crate::routing::failure::ErrorClass;
use crate::sse::gate::{Gate, GateFailure, GateState};
use crate::sse::scan::Expected;

/// How long the body of an error is waited for: it comes with its headers as a rule, and the status alone is enough to
/// go on.
const MAX_ERROR_BODY_MS: u64 = 2_000;

/// The status of a rate limit.
const TOO_MANY_REQUESTS: u16 = 429;

/// What an attempt needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Who is called.
    pub provider: &'a ProviderSpec,
    /// The provider's own id of the model that is asked for.
    pub upstream_model: &'a str,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// What is known of the stream.
    pub expected: Expected,
    /// How its replies become OpenAI's.
    pub translation: Translation<'a>,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long the headers of a stream may take, in milliseconds.
    pub headers_ms: u64,
    /// Tokens of prompt and answer, as the provider may count them.
    pub tokens: u64,
    /// The most bytes of a whole reply.
    pub max_reply_bytes: u64,
    /// The key that is sent, so that it can be taken out of the provider's texts.
    pub secret: Option<&'a str>,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Answered<R> {
    /// The whole body of a 2xx reply, not yet judged.
    Whole {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// A stream whose first token is there.
    Stream {
        /// What came so far, and what it says.
        gate: Box<Gate>,
        /// The rest.
        reply: R,
    },
}

impl Attempt<'_> {
    /// Makes the attempt.
    ///
    /// # Errors
    /// The judged [`Failure`].
    pub async fn make<P: Ports>(&self, ports: &P, call: UpstreamCall<'_>) -> Result<Answered<P::Reply>, Failure> {
        let work = self.work(ports, call);
        let outcome = race(ports.sleep(self.timeout_ms), work).await;
        let outcome = outcome
            .unwrap_or_else(|| Err(self.late(if self.stream { "first token" } else { "reply" }, self.timeout_ms)));
        match outcome {
            // Whatever broke, it broke because the client left.
            Err(_) if ports.client_gone() => Err(Failure::bare(ErrorClass::ClientClosed, None)),
            other => other,
        }
    }

    fn late(&self, what: &str, ms: u64) -> Failure {
        Failure::told(ErrorClass::Timeout, None, &format!("no {what} within {ms} ms"))
    }

    async fn work<P: Ports>(&self, ports: &P, call: UpstreamCall<'_>) -> Result<Answered<P::Reply>, Failure> {
        let (provider, quota) = (self.provider, call.quota_headers);
        let reserved = Reserved::new(ports.health(), &provider.id, self.upstream_model, self.tokens, ports.now_ms());
        // The headers of a whole reply come with its body.
        let headers_ms = if self.stream { self.headers_ms.min(self.timeout_ms) } else { self.timeout_ms };
        let reply = race(ports.sleep(headers_ms), ports.send(call))
            .await
            .ok_or_else(|| self.late("headers", headers_ms))?
            .map_err(|_| Failure::told(ErrorClass::Connect, None, "the connection failed before any reply"))?;
        let now_ms = ports.now_ms();
        let headroom = headroom::from_headers(quota, &|name| reply.header(name), now_ms);
        reserved.answered(headroom, now_ms);
        let status = reply.status();
        if !(200..300).contains(&status) {
            return Err(self.refused(ports, reply, headroom).await);
        }
        if self.stream { self.first_token(reply, status).await } else { self.whole(reply, status).await }
    }

    async fn refused<R: UpstreamReply>(&self, ports: &impl Ports, mut reply: R, left: Option<Headroom>) -> Failure {
        let status = reply.status();
        let now_ms = ports.now_ms();
        let reset_ms = left.filter(|_| status == TOO_MANY_REQUESTS).and_then(|left| left.empty_until_ms());
        let asked_ms = retry_after::from_headers(&|name| reply.header(name), now_ms);
        // A body that breaks off or does not end still says what it says.
        let mut body = Vec::new();
        let read = async {
            while body.len() < MAX_ERROR_BODY_BYTES {
                match reply.chunk().await {
                    Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                    Ok(None) | Err(TransportError { .. }) => break,
                }
            }
        };
        let _ended = race(ports.sleep(MAX_ERROR_BODY_MS), read).await;
        if (300..400).contains(&status) {
            return Failure::told(
                ErrorClass::ServerError,
                Some(status),
                "the provider's address redirects, and redirects are not followed; its base URL must be mended",
            );
        }
        let body = ErrorBody::parse(&body);
        let reset_ms = reset_ms.map(|reset_ms| reset_ms.saturating_sub(now_ms)).or_else(|| body.reset_after_ms(now_ms));
        let mut failure = classify::error_reply(self.provider, status, &body, asked_ms.or(reset_ms), self.secret);
        if asked_ms.is_none() && failure.class == ErrorClass::RateLimited {
            // A reset may be when the bucket is full again, and the next request fits long before.
            failure.retry_after_ms = failure.retry_after_ms.map(|ms| ms.min(MAX_BELIEVED_MS));
        }
        failure
    }

    async fn whole<R: UpstreamReply>(&self, mut reply: R, status: u16) -> Result<Answered<R>, Failure> {
        let broken = |message: &str| Failure::told(ErrorClass::InvalidReply, Some(status), message);
        let mut body = Vec::new();
        loop {
            let chunk = reply.chunk().await;
            let chunk = chunk.map_err(|_| Failure::told(ErrorClass::Connect, Some(status), "the reply broke off"))?;
            let Some(bytes) = chunk else { return Ok(Answered::Whole { status, body }) };
            if (body.len() + bytes.len()) as u64 > self.max_reply_bytes {
                return Err(broken("the reply is larger than MAX_REPLY_BYTES"));
            }
            if body.is_empty() {
                body = bytes;
            } else {
                body.extend_from_slice(&bytes);
            }
        }
    }

    async fn first_token<R: UpstreamReply>(&self, mut reply: R, status: u16) -> Result<Answered<R>, Failure> {
        let mut gate = Gate::new(self.expected, self.translation.stream());
        loop {
            let state = match reply.chunk().await {
                Ok(Some(bytes)) => gate.push(&bytes),
                Ok(None) => gate.end(),
                Err(TransportError { .. }) => {
                    let message = "the stream broke off before its first token";
                    return Err(Failure::told(ErrorClass::StreamCut, Some(status), message));
                }
            };
            match state {
                GateState::Waiting => {}
                GateState::Open => return Ok(Answered::Stream { gate: Box::new(gate), reply }),
                GateState::Failed(failure) if is_true_answer(failure) => {
                    return Ok(Answered::Stream { gate: Box::new(gate), reply });
                }
                GateState::Failed(failure) => {
                    let failure = failure.clone();
                    return Err(self.gate_failure(&failure, &gate, status));
                }
            }
        }
    }

    fn gate_failure(&self, failure: &GateFailure, gate: &Gate, status: u16) -> Failure {
        let invalid = |message: &str| Failure::told(ErrorClass::InvalidReply, Some(status), message);
        match failure {
            GateFailure::InBandError { raw } => error_in_success(raw, raw, status, self.provider, self.secret),
            GateFailure::NotAStream => {
                let body = ErrorBody::parse(gate.body());
                if body.message.is_some() {
                    return error_body_in_success(&body, status, self.provider, self.secret);
                }
                invalid("the reply is not an event stream")
            }
            GateFailure::Empty { .. } | GateFailure::ContentFilter => invalid("the stream ended without an answer"),
            GateFailure::Malformed => invalid("the stream has events that are no chunks"),
            GateFailure::TooLarge => invalid("the stream sent too much before its first token"),
        }
    }
}

/// An answer without text that is true all the same: hidden reasoning used up the limit, or a filter held the text
/// back. The finish reason tells the client, and another candidate would do no better.
fn is_true_answer(failure: &GateFailure) -> bool {
    match failure {
        GateFailure::Empty { finish_reason } => finish_reason.as_deref() == Some("length"),
        GateFailure::ContentFilter => true,
        GateFailure::InBandError { .. } | GateFailure::NotAStream | GateFailure::Malformed | GateFailure::TooLarge => {
            false
        }
    }
}

/// `work`'s output, or `None` if `timer` was first; `work` is dropped then.
async fn race<T>(timer: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(timer)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}
