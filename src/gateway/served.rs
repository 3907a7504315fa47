//! Who answers a request, and all that headers, metadata and accounts tell of it.

use super::headers::{self, Header};
use super::ports::Ports;
use super::trail::{End, Trail, Tried};
use crate::catalog::provider::StreamUsage;
use crate::dialect::encoded::Encoded;
use crate::json::ObjectWriter;
use crate::routing::plan::Candidate;
use crate::routing::tokens;
use crate::sse::scan::Expected;
use crate::usage::charge::Charge;
use crate::usage::price::Tariff;
use crate::usage::record::UsageRecord;
use crate::usage::render::Usage;
use crate::usage::tokens::TokenUsage;

/// Who answers a request, and all that headers, metadata and accounts need of it.
#[derive(Clone, Debug)]
pub struct Served {
    /// The provider's id.
    pub provider: String,
    /// The catalogue id of the model.
    pub model: String,
    /// The provider's own id of it.
    pub upstream_model: String,
    /// The provider that the client pinned.
    pub requested_provider: Option<String>,
    /// What it is priced by.
    pub tariff: Tariff,
    /// Estimated prompt tokens, for an answer that tells no usage.
    pub prompt_estimate: u64,
    /// What is known of its streams.
    pub expected: Expected,
    /// Where the usage of a stream comes.
    pub stream_usage: StreamUsage,
    /// `metadata` of the reply, as JSON.
    pub metadata: String,
    /// The record, filled as far as it is known.
    pub record: UsageRecord,
}

impl Served {
    /// Puts the request into the accounts.
    pub fn account(self, ports: &impl Ports, usage: &Usage, status: u16, now_ms: u64) {
        let latency_ms = now_ms.saturating_sub(self.record.created_at);
        ports.account(used(UsageRecord { status, latency_ms, ..self.record }, usage));
    }

    /// The use of an answer by what the provider told of its tokens and of what it charges, or else by the length of its text.
    pub fn usage(&self, told: Option<TokenUsage>, charge: Option<&Charge>, text_bytes: u64) -> Usage {
        let (tokens, estimated) = tokens::settle(told, text_bytes, self.prompt_estimate);
        Usage { tokens, estimated, cost: self.tariff.cost(&tokens, charge) }
    }
}

/// Completion tokens a second, where they were told.
pub fn speed(usage: &Usage, took_ms: u64) -> Option<u64> {
    if usage.estimated { None } else { usage.tokens.completion.saturating_mul(1000).checked_div(took_ms) }
}

/// `metadata` of a reply.
pub fn metadata_json(served: &Served, routing: &str) -> String {
    let mut out = String::with_capacity(256 + routing.len());
    let mut metadata = ObjectWriter::new(&mut out);
    metadata.string("requested_model", &served.record.requested_model);
    metadata.optional_string("requested_provider", served.requested_provider.as_deref());
    metadata.string("used_model", &served.model);
    metadata.string("used_provider", &served.provider);
    metadata.string("underlying_used_model", &served.upstream_model);
    metadata.raw("routing", routing);
    metadata.end();
    out
}

pub(super) fn tried(candidate: &Candidate<'_>, status: Option<u16>, end: End) -> Tried {
    Tried { provider: candidate.provider.id.to_string(), model: candidate.model.id.to_string(), status, end }
}

/// The record with what was used.
pub(super) fn used(record: UsageRecord, usage: &Usage) -> UsageRecord {
    UsageRecord {
        prompt_tokens: usage.tokens.prompt,
        completion_tokens: usage.tokens.completion,
        cached_tokens: usage.tokens.cached,
        reasoning_tokens: usage.tokens.reasoning,
        cost_pico_usd: usage.cost.map(|cost| cost.total),
        cost_source: usage.cost.map(|cost| cost.source.as_str()),
        estimated: usage.estimated,
        ..record
    }
}

pub(super) fn record_of(record: &UsageRecord, trail: &Trail, candidate: Option<&Candidate<'_>>) -> UsageRecord {
    UsageRecord {
        model: candidate.map(|candidate| candidate.model.id.to_string()),
        provider: candidate.map(|candidate| candidate.provider.id.to_string()),
        upstream_model: candidate.map(|candidate| candidate.model.upstream_id.to_string()),
        attempts: trail.attempts(),
        trail: trail.summary(),
        ..record.clone()
    }
}

pub(super) fn trail_headers(trail: &Trail) -> Vec<Header> {
    vec![(headers::ATTEMPTS, trail.0.len().to_string()), (headers::TRAIL, headers::value(&trail.summary()))]
}

pub(super) fn answer_headers(served: &Served, encoded: &Encoded<'_>, trail: &Trail) -> Vec<Header> {
    let mut all = trail_headers(trail);
    all.push((headers::PROVIDER, headers::value(&served.provider)));
    all.push((headers::MODEL, headers::value(&served.upstream_model)));
    all.push((headers::REASONING_EFFORT, encoded.effort.header()));
    if !encoded.dropped.is_empty() {
        all.push((headers::DROPPED_PARAMS, headers::list(&encoded.dropped)));
    }
    all
}
