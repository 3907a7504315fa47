//! What the use cases need of the world. `edge/` provides it on Workers; tests provide fakes.

use std::future::Future;

use crate::catalog::provider::QuotaHeaders;
use crate::dialect::request_body::RequestBody;
use crate::health::circuit::{Admission, Permit, Standing};
use crate::health::headroom::Headroom;
use crate::health::outcome::Outcome;
use crate::health::reserved::Reservation;
use crate::project::ProjectId;
use crate::usage::record::UsageRecord;

/// A call to a provider: always a `POST` of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamCall<'a> {
    /// The whole address.
    pub url: String,
    /// Every header that is sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: RequestBody<'a>,
    /// The names by which the reply tells what is left: [`UpstreamReply::header`] has them at hand.
    pub quota_headers: QuotaHeaders,
}

/// The connection failed: before the headers, or in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What the platform says of it. It may name the address, so it is for the log alone.
    pub detail: String,
}

/// A provider's reply whose headers are there. Dropping it gives the rest of the body up.
pub trait UpstreamReply {
    /// The HTTP status.
    fn status(&self) -> u16;
    /// A header, by its lower-case name.
    fn header(&self, name: &str) -> Option<String>;
    /// The next piece of the body; `None` at its end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, TransportError>>;
}

/// The world.
pub trait Ports {
    /// A provider's reply.
    type Reply: UpstreamReply;

    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// A random number, for jitter only.
    fn random(&self) -> u64;
    /// Returns after so many milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;
    /// Sends a call. Dropping the future aborts it.
    fn send(&self, call: UpstreamCall<'_>) -> impl Future<Output = Result<Self::Reply, TransportError>>;
    /// Whether the client is known to have left.
    fn client_gone(&self) -> bool;
    /// The health of providers.
    fn health(&self) -> &impl HealthPort;
    /// Lets a project in, unless it is new and `most_new` new ones came in this minute; else the milliseconds to wait.
    fn admit_project(&self, project: &ProjectId, most_new: u64) -> Result<(), u64>;
    /// Puts a request into the accounts. It must not be lost, and the client does not wait for it.
    fn account(&self, record: UsageRecord);
}

/// The health of providers and the round-robin cursors, whoever keeps them.
pub trait HealthPort {
    /// How a candidate stands for a request of so many tokens, prompt and answer.
    fn standing(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Standing;
    /// A request of so many tokens is sent to a candidate: until it is settled, it counts against what is left there.
    fn reserve(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Reservation;
    /// The request was answered, with what the provider told of what is left; or it ended without that.
    fn settle(&self, provider: &str, model: &str, reservation: Reservation, told: Option<Headroom>, now_ms: u64);
    /// The mean time to its first token in milliseconds, where known.
    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64>;
    /// Its mean speed in completion tokens a second, where known.
    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64>;
    /// Sees to it that what is known is young enough to route by. Waits a short while at most, and never fails.
    fn refreshed(&self) -> impl Future<Output = ()>;
    /// The next round-robin ticket of `key`; `None` where none is at hand.
    fn ticket(&self, key: &str) -> Option<u64>;
    /// Gets tickets of these cursors. Waits a short while at most, and may come back with none.
    fn lease(&self, keys: &[String], seed: u64) -> impl Future<Output = ()>;
    /// A ticket of `key` when none could be got: after the last one, or from `seed` on where nothing is known.
    fn overdraw(&self, key: &str, seed: u64) -> u64;
    /// Asks for the permit to use a candidate, which matters where it is broken: one whose time is not up is only given to
    /// who insists, having nobody else left. Waits a short while at most.
    fn admit(&self, provider: &str, model: &str, permit: Permit, insist: bool) -> impl Future<Output = Admission>;
    /// Takes an outcome in, with the permit of the probe it is the outcome of.
    fn record(&self, provider: &str, model: &str, outcome: Outcome, permit: Option<Permit>, now_ms: u64);
}
