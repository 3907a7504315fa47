//! How long the gateway waits and how much it holds: the defaults, their reasons, and the bounds of what may be set.

use super::env::Vars;
use super::error::ConfigError;
use super::price::pico_of_usd;

const KB: u64 = 1024;
const MB: u64 = 1024 * KB;

/// A hosted model that has said nothing for this long is queued or hangs, and another provider answers sooner.
pub const DEFAULT_FIRST_TOKEN_TIMEOUT_MS: u64 = 30_000;
/// A reasoning model may think silently before its first token, since some providers hide the reasoning.
pub const DEFAULT_REASONING_FIRST_TOKEN_TIMEOUT_MS: u64 = 120_000;
/// Even slow models write a token a second; a pause this long in the middle of an answer is a dead connection.
pub const DEFAULT_STREAM_IDLE_TIMEOUT_MS: u64 = 20_000;
/// A reasoning model may stop to think in the middle of its answer, between two tool calls or two thoughts of which the
/// provider shows only summaries; the pauses that were seen last seconds, so a minute of silence is a dead connection.
pub const DEFAULT_REASONING_STREAM_IDLE_TIMEOUT_MS: u64 = 60_000;
/// A reply that is not streamed comes as a whole: this is 6,000 tokens at 50 tokens a second.
pub const DEFAULT_REQUEST_TIMEOUT_MS: u64 = 120_000;
/// The OpenAI SDKs give up after ten minutes by themselves.
pub const DEFAULT_REASONING_REQUEST_TIMEOUT_MS: u64 = 600_000;
/// An hour: no client waits longer, so a larger number is a slip of the keyboard.
pub const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// Room for several images in one request, and still only a twelfth of an isolate's memory.
pub const DEFAULT_MAX_BODY_BYTES: u64 = 10 * MB;
/// What Cloudflare itself takes on the Free and Pro plans (developers.cloudflare.com/workers/platform/limits).
pub const LARGEST_BODY_BYTES: u64 = 100 * MB;
/// A body exists twice while it is sent (here, for the next provider, and as this one wants it), and the memory of WebAssembly
/// never shrinks: workerd grew by 2.5 times the bodies of five requests of 9.4 MB that were sent at the same time, and by 3.8 times
/// when it had them in one piece. So this keeps all of them within [`ISOLATE_MEMORY_BYTES`].
pub const DEFAULT_INFLIGHT_BYTES_MAX: u64 = 32 * MB;
/// Longer than any text answer by far; beyond it the upstream is broken or hostile.
pub const DEFAULT_MAX_REPLY_BYTES: u64 = 16 * MB;
/// What an isolate has for all its requests together (developers.cloudflare.com/workers/platform/limits).
pub const ISOLATE_MEMORY_BYTES: u64 = 128 * MB;

/// A quarter of a year: long enough to look into last quarter's bill. The daily sums stay for ever.
pub const DEFAULT_RETENTION_DAYS: u64 = 90;
/// Ten years, the longest that bookkeeping asks for. More is a slip of the keyboard.
pub const MAX_RETENTION_DAYS: u64 = 3_650;

/// Nine of ten answers of a hosted model begin within two or three seconds; who has said nothing after eight is queued.
pub const DEFAULT_HEDGE_AFTER_MS: u64 = 8_000;
/// In pico-dollars: a cent, the prompt of 60,000 tokens at the price of a small model. A hedge pays its prompt twice.
pub const DEFAULT_HEDGE_MAX_PICO_USD: u64 = 10_000_000_000;
/// In pico-dollars: a thousand dollars, far above any prompt's price. More is a slip of the keyboard.
pub const LARGEST_HEDGE_MAX_PICO_USD: u64 = 1_000_000_000_000_000;

/// How long to wait, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `FIRST_TOKEN_TIMEOUT_MS`: from the request to the first token of a stream, headers included.
    pub first_token_ms: u64,
    /// `REASONING_FIRST_TOKEN_TIMEOUT_MS`: the same for reasoning models.
    pub reasoning_first_token_ms: u64,
    /// `STREAM_IDLE_TIMEOUT_MS`: between two chunks of a stream.
    pub stream_idle_ms: u64,
    /// `REASONING_STREAM_IDLE_TIMEOUT_MS`: the same for reasoning models.
    pub reasoning_stream_idle_ms: u64,
    /// `REQUEST_TIMEOUT_MS`: from the request to the whole reply where it is not streamed.
    pub request_ms: u64,
    /// `REASONING_REQUEST_TIMEOUT_MS`: the same for reasoning models.
    pub reasoning_request_ms: u64,
    /// `HEADERS_TIMEOUT_MS`: from the request to the response headers of a stream. Unset: as long as the first token may
    /// take. (A reply that is not streamed sends its headers with its body.)
    pub headers_ms: u64,
    /// `FAILOVER_DEADLINE_MS`: from the request to the end of its last attempt, up to the first token of a stream; the first
    /// attempt and the first failover have their whole time all the same. `None` = what
    /// [`crate::routing::failover::Budget`] says.
    pub deadline_ms: Option<u64>,
    /// `HEDGE_AFTER_MS`: from the request to the start of a second candidate beside a silent first one. 0 = never.
    pub hedge_after_ms: u64,
}

/// `HEDGE_MAX_USD`, in pico-dollars: what the prompt of a second candidate may cost at most.
pub(super) fn hedge_max_pico_usd(vars: &Vars<'_>) -> Result<u64, Box<ConfigError>> {
    const VAR: &str = "HEDGE_MAX_USD";
    let Some(value) = vars.text(VAR) else { return Ok(DEFAULT_HEDGE_MAX_PICO_USD) };
    let pico = pico_of_usd(&value).filter(|&pico| pico <= LARGEST_HEDGE_MAX_PICO_USD);
    pico.ok_or_else(|| {
        Box::new(ConfigError::Value { var: VAR, value, allowed: "US dollars from 0 to 1000, such as 0.01" })
    })
}

/// How much to hold, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_BODY_BYTES`: of one request.
    pub max_body_bytes: u64,
    /// `INFLIGHT_BYTES_MAX`: of all request bodies in an isolate together.
    pub inflight_bytes_max: u64,
    /// `MAX_REPLY_BYTES`: of one reply that is not streamed.
    pub max_reply_bytes: u64,
}

impl Timeouts {
    /// How long one attempt may take: to the first token of a stream, to the whole reply otherwise.
    pub const fn attempt(&self, stream: bool, reasoning: bool) -> u64 {
        match (stream, reasoning) {
            (true, false) => self.first_token_ms,
            (true, true) => self.reasoning_first_token_ms,
            (false, false) => self.request_ms,
            (false, true) => self.reasoning_request_ms,
        }
    }

    /// The longest silence between two chunks of a stream.
    pub const fn stream_idle(&self, reasoning: bool) -> u64 {
        if reasoning { self.reasoning_stream_idle_ms } else { self.stream_idle_ms }
    }

    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Box<ConfigError>> {
        const DEADLINE: &str = "FAILOVER_DEADLINE_MS";
        let timeout = |name, default| vars.number(name, default, 1, MAX_TIMEOUT_MS);
        // Who sets a time and not that of reasoning models means all models.
        let both = |(name, default), (reasoning, reasoning_default)| {
            let ms = timeout(name, default)?;
            let reasoning_default = if vars.text(name).is_some() { ms } else { reasoning_default };
            Ok::<_, Box<ConfigError>>((ms, timeout(reasoning, reasoning_default)?))
        };
        let (first_token_ms, reasoning_first_token_ms) = both(
            ("FIRST_TOKEN_TIMEOUT_MS", DEFAULT_FIRST_TOKEN_TIMEOUT_MS),
            ("REASONING_FIRST_TOKEN_TIMEOUT_MS", DEFAULT_REASONING_FIRST_TOKEN_TIMEOUT_MS),
        )?;
        let (stream_idle_ms, reasoning_stream_idle_ms) = both(
            ("STREAM_IDLE_TIMEOUT_MS", DEFAULT_STREAM_IDLE_TIMEOUT_MS),
            ("REASONING_STREAM_IDLE_TIMEOUT_MS", DEFAULT_REASONING_STREAM_IDLE_TIMEOUT_MS),
        )?;
        let (request_ms, reasoning_request_ms) = both(
            ("REQUEST_TIMEOUT_MS", DEFAULT_REQUEST_TIMEOUT_MS),
            ("REASONING_REQUEST_TIMEOUT_MS", DEFAULT_REASONING_REQUEST_TIMEOUT_MS),
        )?;
        Ok(Self {
            first_token_ms,
            reasoning_first_token_ms,
            stream_idle_ms,
            reasoning_stream_idle_ms,
            request_ms,
            reasoning_request_ms,
            headers_ms: timeout("HEADERS_TIMEOUT_MS", MAX_TIMEOUT_MS)?,
            deadline_ms: vars.text(DEADLINE).map(|_| timeout(DEADLINE, 0)).transpose()?,
            hedge_after_ms: vars.number("HEDGE_AFTER_MS", DEFAULT_HEDGE_AFTER_MS, 0, MAX_TIMEOUT_MS)?,
        })
    }
}

impl Limits {
    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Box<ConfigError>> {
        let bytes = |name, default, max| vars.number(name, default, 1, max);
        let limits = Self {
            max_body_bytes: bytes("MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES, LARGEST_BODY_BYTES)?,
            inflight_bytes_max: bytes("INFLIGHT_BYTES_MAX", DEFAULT_INFLIGHT_BYTES_MAX, ISOLATE_MEMORY_BYTES)?,
            max_reply_bytes: bytes("MAX_REPLY_BYTES", DEFAULT_MAX_REPLY_BYTES, ISOLATE_MEMORY_BYTES)?,
        };
        if limits.inflight_bytes_max < limits.max_body_bytes {
            return Err(ConfigError::InflightBelowBody {
                inflight: limits.inflight_bytes_max,
                body: limits.max_body_bytes,
            }
            .into());
        }
        Ok(limits)
    }
}

/// `RETENTION_DAYS`: how many days a request's row is kept.
pub(super) fn retention_days(vars: &Vars<'_>) -> Result<u64, Box<ConfigError>> {
    vars.number("RETENTION_DAYS", DEFAULT_RETENTION_DAYS, 1, MAX_RETENTION_DAYS)
}
