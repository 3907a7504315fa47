//! A stream from its first token to its end: which relay carries it, what its end means, and what goes into the accounts.

use super::chat::Incoming;
use super::headers::Header;
use super::ports::{HealthPort, Ports};
use super::resume::Resumed;
use super::served::{Served, speed};
use super::setup::Gateway;
use super::trail::{End, Trail};
use crate::catalog::provider::StreamUsage;
use crate::config::Secret;
use crate::dialect::classify::Failure;
use crate::dialect::openai::reply::error_in_success;
use crate::health::circuit::Permit;
use crate::health::outcome::Outcome;
use crate::openai::request::ChatRequest;
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::sse::encode::{EVENT_END, error_event};
use crate::sse::gate::Gate;
use crate::sse::rewrite::{Rewriter, UsageChunk, UsageMembers, UsagePolicy};
use crate::sse::scan::{StreamEnd, StreamScan};
use crate::sse::splice::{Asked, Splice};
use crate::sse::transcript::Transcript;
use crate::usage::charge::Charge;
use crate::usage::render::{Usage, usage_json};
use crate::usage::tokens::TokenUsage;

/// The status of a stream.
const OK: u16 = 200;

/// A stream that the client is about to get.
pub struct Committed<R> {
    /// The response headers.
    pub headers: Vec<Header>,
    /// The provider's part.
    pub leg: Leg<R>,
    /// What is needed when it has ended.
    pub account: StreamAccount,
    /// The request, where somebody else may go on with the answer if it is cut.
    pub request: Option<Incoming>,
}

/// One provider's part of a stream; as a rule there is only one.
pub struct Leg<R> {
    /// What is written first.
    pub prefix: Vec<u8>,
    /// The rest of the provider's reply.
    pub reply: R,
    /// How the rest is carried.
    pub relay: Relay,
    /// The longest silence between two chunks, in milliseconds. Signs of life alone make it longer, but not without end: see
    /// [`STANDSTILL_IDLE_LIMITS`](crate::sse::standstill::STANDSTILL_IDLE_LIMITS).
    pub idle_ms: u64,
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
    /// Nothing came for longer than the idle timeout, or nothing but signs of life for some times as long.
    Stalled,
    /// The client left.
    ClientClosed,
}

/// How a stream went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client has the whole answer.
    Whole,
    /// It is not whole.
    Failed(ErrorClass),
    /// It went on with another answer than the client has the beginning of, which is nobody's fault.
    Diverged,
}

/// What the end of a leg means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it went.
    pub verdict: Verdict,
    /// What is still written, whatever follows.
    pub closing: Vec<u8>,
    /// What the client has, if somebody else can go on with it.
    pub so_far: Option<Transcript>,
    /// What is written if nobody does: a stream never ends without a word after a failure.
    pub error_event: String,
}

impl Ended {
    pub(super) fn new(verdict: Verdict, closing: Vec<u8>) -> Self {
        Self { verdict, closing, so_far: None, error_event: String::new() }
    }
}

/// Whether the bytes of a stream must change for this client.
fn usage_policy(request: &ChatRequest<'_>, served: &Served, earlier: &[Usage]) -> UsagePolicy<UsageDetails> {
    let unasked = !request.include_usage && !request.usage_details;
    if served.stream_usage == StreamUsage::Trailing && unasked {
        UsagePolicy::Drop
    } else if request.usage_details || !earlier.is_empty() {
        let metadata = request.usage_details;
        UsagePolicy::Rewrite(UsageDetails { served: served.clone(), earlier: earlier.to_vec(), metadata })
    } else {
        UsagePolicy::Keep
    }
}

impl Relay {
    /// The relay for a stream behind an open gate, and what is written first.
    pub fn begin(request: &ChatRequest<'_>, served: &Served, gate: Gate) -> (Self, Vec<u8>) {
        match usage_policy(request, served, &[]) {
            UsagePolicy::Keep if !gate.is_translated() && !request.reasoning.exclude => {
                let (bytes, scan) = gate.into_parts();
                (Self::Native(Box::new(scan)), bytes)
            }
            policy @ (UsagePolicy::Keep | UsagePolicy::Drop | UsagePolicy::Rewrite(_)) => {
                Self::rewriting(Rewriter::new(policy, served.expected), gate)
            }
        }
    }

    /// The relay for a stream that goes on with `so_far`, and what is written first. `earlier` is what was used before.
    pub fn join(
        request: &ChatRequest<'_>,
        served: &Served,
        gate: Gate,
        earlier: &[Usage],
        (so_far, asked): (Transcript, Asked),
    ) -> (Self, Vec<u8>) {
        let policy = usage_policy(request, served, earlier);
        Self::rewriting(Rewriter::joining(policy, served.expected, Splice::new(so_far, asked)), gate)
    }

    fn rewriting(mut rewriter: Rewriter<UsageDetails>, gate: Gate) -> (Self, Vec<u8>) {
        let mut prefix = Vec::new();
        // An event too large to be held was seen by the gate, which holds no larger ones.
        let (bytes, translator) = gate.into_bytes();
        let _held = rewriter.push(&bytes, &mut prefix);
        rewriter.translate(translator);
        (Self::Rewriting(Box::new(rewriter)), prefix)
    }

    /// What the stream has said so far.
    pub fn scan(&self) -> &StreamScan {
        match self {
            Self::Native(scan) => scan,
            Self::Rewriting(rewriter) => rewriter.scan(),
        }
    }

    /// Whether the provider sent an error, or something that is no chunk, in the middle of the answer.
    pub fn blames_provider(&self) -> bool {
        self.scan().error().is_some() || self.scan().lost_a_piece()
    }

    /// Ends the leg. `judge` says what an error is that the provider reported in the stream.
    pub fn end(&mut self, body: BodyEnd, request_id: &str, judge: &impl Fn(&str) -> Failure) -> Ended {
        let mut closing = Vec::new();
        let end = match self {
            Self::Native(scan) => scan.end(),
            Self::Rewriting(rewriter) => rewriter.finish(&mut closing),
        };
        let told = self.scan().error().map(judge);
        let class = told.as_ref().map_or(ErrorClass::StreamCut, |told| after_commit(told.class));
        if body == BodyEnd::ClientClosed {
            // SDKs hang up at what they cannot read. That it was there is the provider's doing.
            let class = match self.scan().lost_a_piece() {
                true => ErrorClass::InvalidReply,
                false if told.is_some() => class,
                false => ErrorClass::ClientClosed,
            };
            return Ended::new(Verdict::Failed(class), Vec::new());
        }
        match end {
            StreamEnd::Complete { append } => {
                closing.extend_from_slice(append.as_bytes());
                // Natively relayed, a client has the event that is no chunk, and its parser has told.
                let whole = !self.scan().lost_a_piece();
                Ended::new(if whole { Verdict::Whole } else { Verdict::Failed(ErrorClass::InvalidReply) }, closing)
            }
            StreamEnd::ErrorEvent { append } => {
                closing.extend_from_slice(append.as_bytes());
                Ended::new(Verdict::Failed(class), closing)
            }
            StreamEnd::Cut { mid_event } => {
                if mid_event {
                    closing.extend_from_slice(EVENT_END.as_bytes());
                }
                let (so_far, diverged) = match self {
                    Self::Native(scan) => (scan.transcript(), false),
                    Self::Rewriting(rewriter) => (rewriter.transcript(), rewriter.has_diverged()),
                };
                Ended {
                    verdict: if diverged { Verdict::Diverged } else { Verdict::Failed(class) },
                    closing,
                    // What one provider does not let its model say is not asked of the next one.
                    so_far: so_far.filter(|_| class != ErrorClass::ContentFilter).cloned(),
                    error_event: cut(body, request_id, told, class),
                }
            }
        }
    }
}

/// What an error is that a provider reports in the middle of an answer: a cut one, unless the caller is to blame.
const fn after_commit(class: ErrorClass) -> ErrorClass {
    match class {
        ErrorClass::TooLargeForPlan
        | ErrorClass::ContextLength
        | ErrorClass::BadRequest
        | ErrorClass::ContentFilter => class,
        ErrorClass::Connect
        | ErrorClass::ServerError
        | ErrorClass::Overloaded
        | ErrorClass::RateLimited
        | ErrorClass::QuotaExhausted
        | ErrorClass::BadKey
        | ErrorClass::Billing
        | ErrorClass::ModelUnavailable
        | ErrorClass::InvalidReply
        | ErrorClass::ModelMisbehaved
        | ErrorClass::Timeout
        | ErrorClass::StreamCut
        | ErrorClass::ClientClosed => ErrorClass::StreamCut,
    }
}

/// Tells the client that the answer is cut, and what the provider `told` of it.
fn cut(body: BodyEnd, request_id: &str, told: Option<Failure>, class: ErrorClass) -> String {
    let said = told.and_then(|told| told.message);
    let message = match body {
        _ if class == ErrorClass::ContentFilter => "A content filter broke the answer off. It is not complete.",
        _ if said.is_some() => "The provider reported an error in the middle of the answer.",
        BodyEnd::Stalled => "The provider went silent in the middle of the answer. It is not complete.",
        BodyEnd::Finished | BodyEnd::Broken | BodyEnd::ClientClosed => {
            "The provider broke the answer off. It is not complete."
        }
    };
    let (kind, code) = if class == ErrorClass::ContentFilter {
        ("invalid_request_error", ErrorClass::ContentFilter)
    } else {
        ("server_error", ErrorClass::StreamCut)
    };
    let message = format!("{message}{}", said.map(|said| format!(" It said: {said}")).unwrap_or_default());
    error_event(&message, kind, Some(code.as_str()), request_id)
}

/// Makes the usage chunk of a client that sent `usage: {"include": true}`, or whose answer had several legs.
#[derive(Clone, Debug)]
pub struct UsageDetails {
    served: Served,
    /// What the legs before this one used.
    earlier: Vec<Usage>,
    /// The client wants the metadata as well.
    metadata: bool,
}

impl UsageChunk for UsageDetails {
    fn members(&mut self, upstream: &str, text_bytes: u64) -> UsageMembers {
        let expected = &self.served.expected;
        let told = TokenUsage::parse(upstream, expected.reasoning_tokens);
        let charge = Charge::parse(upstream, expected.reported_cost).filter(|_| told.is_some());
        // Made as the accounts make it.
        let usage = self.served.usage(told, charge.as_ref(), text_bytes);
        let usage = usage_json(&usage.with(&self.earlier), Some(upstream));
        UsageMembers { usage, metadata: self.metadata.then(|| self.served.metadata.clone()) }
    }
}

/// What is needed to account for a stream when it has ended.
#[derive(Clone, Debug)]
pub struct StreamAccount {
    /// Who serves it.
    pub served: Served,
    /// The permit of the probe that it is.
    pub permit: Option<Permit>,
    /// When the attempt began, milliseconds since the Unix epoch.
    pub attempt_started_ms: u64,
    /// The key that was sent.
    pub secret: Option<Secret>,
    /// What was tried, up to this stream's own success.
    pub trail: Trail,
    /// What each leg that has ended used.
    pub used: Vec<Usage>,
    /// Who was asked to go on with it.
    pub resumes: Vec<Resumed>,
    /// What an attempt cost that lost to this one; the client's `usage` does not tell it.
    pub lost: Option<Usage>,
    /// The client says how long a stream may be silent, so that a stall may be its own doing.
    pub impatient: bool,
}

impl StreamAccount {
    /// What an error is that the provider reported in the stream, as JSON.
    pub fn judge(&self, gateway: &Gateway, error: &str) -> Failure {
        let secret = self.secret.as_ref().map(|key| key.expose());
        match gateway.provider(&self.served.provider) {
            Some(provider) => error_in_success(error, error, OK, provider, secret),
            None => Failure::bare(ErrorClass::StreamCut, Some(OK)),
        }
    }

    /// Whether this candidate is the one that serves it.
    pub(super) fn is_by(&self, candidate: &Candidate<'_>) -> bool {
        candidate.provider.id == self.served.provider && candidate.model.upstream_id == self.served.upstream_model
    }

    /// A leg ended: tells the health of its provider, and adds up what it used.
    pub fn leg_ended(&mut self, ports: &impl Ports, scan: &StreamScan, end: BodyEnd, verdict: Verdict) {
        let now_ms = ports.now_ms();
        let used = self.served.usage(scan.usage(), scan.charge(), scan.text_bytes());
        self.used.push(used);
        let took_ms = now_ms.saturating_sub(self.attempt_started_ms);
        let outcome = match verdict {
            Verdict::Whole => Outcome::success(None, speed(&used, took_ms)),
            Verdict::Failed(class) => {
                self.trail.end_with(End::Failed(class));
                let impatient = self.impatient && end == BodyEnd::Stalled;
                if impatient { Outcome::Inconclusive } else { Outcome::of_failure(class, None, None, now_ms) }
            }
            Verdict::Diverged => {
                self.trail.end_with(End::Diverged);
                Outcome::Inconclusive
            }
        };
        ports.health().record(&self.served.provider, &self.served.upstream_model, outcome, self.permit, now_ms);
    }

    /// The stream ended: puts the request into the accounts.
    pub fn finish(mut self, ports: &impl Ports, verdict: Verdict) {
        self.served.record.error_class = match verdict {
            Verdict::Whole => None,
            Verdict::Failed(class) => Some(class.as_str()),
            Verdict::Diverged => Some(ErrorClass::StreamCut.as_str()),
        };
        self.served.record.attempts = self.trail.attempts();
        self.served.record.trail = self.trail.summary();
        self.used.extend(self.lost);
        let used = self.used.split_first().map(|(first, more)| first.with(more)).unwrap_or_default();
        self.served.account(ports, &used, OK, ports.now_ms());
    }
}
