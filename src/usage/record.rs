//! One request in the accounts. No prompt, no answer, no key: only who asked, who answered, how much and how long.

use crate::json::ObjectWriter;

/// What is kept of one accepted request. Its JSON is what the D1 statement reads, so its names are column names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageRecord {
    /// The request id, a UUID.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// When the request came, milliseconds since the Unix epoch.
    pub created_at: u64,
    /// The model as the client asked for it.
    pub requested_model: String,
    /// The catalogue id of the model that answered, or of the last one tried.
    pub model: Option<String>,
    /// The provider that answered, or the last one tried.
    pub provider: Option<String>,
    /// The provider's own id of the model.
    pub upstream_model: Option<String>,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The HTTP status that the client got.
    pub status: u16,
    /// Why it failed, or `stream_cut` or `client_closed` for a stream that did after its 200; `None` = a whole answer.
    pub error_class: Option<&'static str>,
    /// Attempts at providers.
    pub attempts: u32,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: u64,
    /// Tokens of the prompt that came from the provider's cache.
    pub cached_tokens: u64,
    /// Tokens of the answer that were reasoning.
    pub reasoning_tokens: u64,
    /// What it cost in pico-dollars; `None` where the price is unknown.
    pub cost_pico_usd: Option<u64>,
    /// Who says so, as in `usage.cost_source`; `None` where the price is unknown.
    pub cost_source: Option<&'static str>,
    /// The provider told no tokens: they are estimated.
    pub estimated: bool,
    /// Milliseconds from the request to the end of the answer.
    pub latency_ms: u64,
    /// Milliseconds from the request to the first token of a stream.
    pub ttft_ms: Option<u64>,
    /// The attempts, as in `x-gateway-trail`.
    pub trail: String,
}

impl UsageRecord {
    /// The line of a request in the log, made of the record's `json`: the same names, but for the id, which all lines of
    /// the log call `request_id`.
    pub fn log_line(json: &str) -> String {
        let rest = json.strip_prefix("{\"id\"").unwrap_or_default();
        format!("{{\"level\":\"info\",\"event\":\"request\",\"request_id\"{rest}")
    }

    /// The record as JSON.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512);
        let mut record = ObjectWriter::new(&mut out);
        record.string("id", &self.id);
        record.string("project_id", &self.project_id);
        record.number("created_at", self.created_at);
        record.string("requested_model", &self.requested_model);
        record.optional_string("model", self.model.as_deref());
        record.optional_string("provider", self.provider.as_deref());
        record.optional_string("upstream_model", self.upstream_model.as_deref());
        record.number("stream", self.stream.into());
        record.number("status", self.status.into());
        record.optional_string("error_class", self.error_class);
        record.number("attempts", self.attempts.into());
        record.number("prompt_tokens", self.prompt_tokens);
        record.number("completion_tokens", self.completion_tokens);
        record.number("cached_tokens", self.cached_tokens);
        record.number("reasoning_tokens", self.reasoning_tokens);
        // The largest integer of SQLite, 9.2 million USD: above it the row would be refused.
        record.optional_number("cost_pico_usd", self.cost_pico_usd.map(|cost| cost.min(i64::MAX.unsigned_abs())));
        record.number("estimated", self.estimated.into());
        record.number("latency_ms", self.latency_ms);
        record.optional_number("ttft_ms", self.ttft_ms);
        record.string("trail", &self.trail);
        record.optional_string("cost_source", self.cost_source);
        record.end();
        out
    }
}
