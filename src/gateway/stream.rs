//! A stream from its first token to its end: which relay carries it, what is written when it ends, and what goes into
//! the accounts.

use super::headers::Header;
use super::ports::{HealthPort, Ports};
use super::served::{Served, speed};
use super::trail::Trail;
use crate::catalog::provider::StreamUsage;
use crate::config::Secret;
use crate::dialect::classify::ErrorBody;
use crate::dialect::scrub::scrub;
use crate::health::circuit::Permit;
use crate::health::outcome::Outcome;
use crate::openai::request::ChatRequest;
use crate::routing::failure::ErrorClass;
use crate::routing::tokens;
use crate::sse::encode::{EVENT_END, error_event};
use crate::sse::gate::Gate;
use crate::sse::rewrite::{Rewriter, UsageChunk, UsageMembers, UsagePolicy};
use crate::sse::scan::{StreamEnd, StreamScan};
use crate::usage::render::{Usage, usage_json};
use crate::usage::tokens::TokenUsage;

/// A stream that the client is about to get.
pub struct Committed<R> {
    /// The response headers.
    pub headers: Vec<Header>,
    /// What is written first.
    pub prefix: Vec<u8>,
    /// The rest of the provider's reply.
    pub reply: R,
    /// How the rest is carried.
    pub relay: Relay,
    /// The longest silence between two chunks, in milliseconds.
    pub idle_ms: u64,
    /// What is needed when it has ended.
    pub account: StreamAccount,
}

/// How a stream is carried to the client.
pub enum Relay {
    /// Natively, byte for byte; the scan is fed with a copy now and then.
    Native(Box<StreamScan>),
    /// Through the isolate, since bytes must change.
    Rewriting(Box<Rewriter<UsageDetails>>),
}

/// Why no more bytes come from the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// The body ended.
    Finished,
    /// The connection broke, or an event was too large to be held.
    Broken,
    /// Nothing came for longer than the idle timeout.
    Stalled,
    /// The client left.
    ClientClosed,
}

/// How a stream went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client has the whole answer.
    Whole,
    /// The client was told that it is cut.
    Failed(ErrorClass),
}

/// Whether the bytes of a stream must change for this client.
fn usage_policy(request: &ChatRequest<'_>, served: &Served) -> UsagePolicy<UsageDetails> {
    if request.usage_details {
        UsagePolicy::Rewrite(UsageDetails { served: served.clone() })
    } else if served.stream_usage == StreamUsage::Trailing && !request.include_usage {
        UsagePolicy::Drop
    } else {
        UsagePolicy::Keep
    }
}

impl Relay {
    /// The relay for a stream behind an open gate, and what is written first.
    pub fn begin(request: &ChatRequest<'_>, served: &Served, gate: Gate) -> (Self, Vec<u8>) {
        match usage_policy(request, served) {
            UsagePolicy::Keep => {
                let (bytes, scan) = gate.into_parts();
                (Self::Native(Box::new(scan)), bytes)
            }
            policy @ (UsagePolicy::Drop | UsagePolicy::Rewrite(_)) => {
                let mut rewriter = Rewriter::new(policy, served.expected);
                let mut prefix = Vec::new();
                // An event too large to be held was seen by the gate, which holds no larger ones.
                let _held = rewriter.push(&gate.into_bytes(), &mut prefix);
                (Self::Rewriting(Box::new(rewriter)), prefix)
            }
        }
    }

    /// What the stream has said so far.
    pub fn scan(&self) -> &StreamScan {
        match self {
            Self::Native(scan) => scan,
            Self::Rewriting(rewriter) => rewriter.scan(),
        }
    }

    /// Ends the stream: what is still written to the client, and how it went. `secret` is taken out of the provider's
    /// texts.
    pub fn end(&mut self, body: BodyEnd, request_id: &str, secret: Option<&str>) -> (Vec<u8>, Verdict) {
        let mut out = Vec::new();
        let end = match self {
            Self::Native(scan) => scan.end(),
            Self::Rewriting(rewriter) => rewriter.finish(&mut out),
        };
        if body == BodyEnd::ClientClosed {
            return (Vec::new(), Verdict::Failed(ErrorClass::ClientClosed));
        }
        match end {
            StreamEnd::Complete { append } => {
                out.extend_from_slice(append.as_bytes());
                // Natively relayed, a client has the event that is no chunk, and its parser has told.
                let whole = !self.scan().lost_a_piece();
                (out, if whole { Verdict::Whole } else { Verdict::Failed(ErrorClass::InvalidReply) })
            }
            StreamEnd::ErrorEvent { append } => {
                out.extend_from_slice(append.as_bytes());
                (out, Verdict::Failed(ErrorClass::StreamCut))
            }
            StreamEnd::Cut { mid_event } => {
                if mid_event {
                    out.extend_from_slice(EVENT_END.as_bytes());
                }
                let told = self.scan().error().map(|error| ErrorBody::parse(error.as_bytes()));
                let told = told.and_then(|body| body.message).map(|message| scrub(&message, secret));
                let message = match body {
                    _ if told.is_some() => "The provider reported an error in the middle of the answer.",
                    BodyEnd::Stalled => "The provider went silent in the middle of the answer. It is not complete.",
                    BodyEnd::Finished | BodyEnd::Broken | BodyEnd::ClientClosed => {
                        "The provider broke the answer off. It is not complete."
                    }
                };
                let message = format!("{message}{}", told.map(|told| format!(" It said: {told}")).unwrap_or_default());
                let event = error_event(&message, "server_error", Some("stream_cut"), request_id);
                out.extend_from_slice(event.as_bytes());
                (out, Verdict::Failed(ErrorClass::StreamCut))
            }
        }
    }
}

/// Makes the usage chunk of a client that sent `usage: {"include": true}`.
#[derive(Clone, Debug)]
pub struct UsageDetails {
    served: Served,
}

impl UsageChunk for UsageDetails {
    fn members(&mut self, upstream: &str) -> UsageMembers {
        let tokens = TokenUsage::parse(upstream, self.served.expected.reasoning_outside_completion);
        let usage = match tokens {
            Some(tokens) => self.served.usage(tokens, false),
            // Tokens that nobody knows have no price.
            None => Usage { estimated: true, ..Usage::default() },
        };
        UsageMembers { usage: usage_json(&usage, Some(upstream)), metadata: Some(self.served.metadata.clone()) }
    }
}

/// What is needed to account for a stream when it has ended.
#[derive(Clone, Debug)]
pub struct StreamAccount {
    /// Who serves it.
    pub served: Served,
    /// The permit of the probe that it is.
    pub permit: Option<Permit>,
    /// Estimated prompt tokens, for a stream that tells no usage.
    pub prompt_estimate: u64,
    /// When the attempt began, milliseconds since the Unix epoch.
    pub attempt_started_ms: u64,
    /// The key that was sent.
    pub secret: Option<Secret>,
    /// What was tried, up to this stream's own success.
    pub trail: Trail,
}

impl StreamAccount {
    /// The stream ended: tells the health of the provider and puts the request into the accounts.
    pub fn finish(mut self, ports: &impl Ports, scan: &StreamScan, verdict: Verdict) {
        let now_ms = ports.now_ms();
        let (tokens, estimated) = tokens::settle(scan.usage(), scan.text_bytes(), self.prompt_estimate);
        let usage = self.served.usage(tokens, estimated);
        let took_ms = now_ms.saturating_sub(self.attempt_started_ms);
        let outcome = match verdict {
            Verdict::Whole => Outcome::success(None, speed(&tokens, estimated, took_ms)),
            Verdict::Failed(class) => Outcome::of_failure(class, None, None, now_ms),
        };
        ports.health().record(&self.served.provider, &self.served.upstream_model, outcome, self.permit, now_ms);
        if let Verdict::Failed(class) = verdict {
            self.served.record.error_class = Some(class.as_str());
            self.trail.end_with(class);
            self.served.record.trail = self.trail.summary();
        }
        self.served.account(ports, &usage, 200, now_ms);
    }
}
