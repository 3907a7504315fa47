//! Token counts as one provider reports them, brought to one meaning: `prompt` includes what was read from the cache,
//! `completion` includes reasoning. Nothing here knows prices.

use std::ops::{Add, AddAssign};

use crate::catalog::provider::ReasoningTokens;
use crate::json::{Kind, ReadError, Reader, Str, decimal};

/// A larger count is a provider's mistake (a timestamp, a negative number gone round) and is ignored. The largest
/// windows are a few million tokens, so 2^40 leaves room for any sum that a provider could mean.
const MAX_COUNT: u64 = 1 << 40;

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// Tokens of the answer, reasoning included.
    pub completion: u64,
    /// The provider's total, at least `prompt + completion`.
    pub total: u64,
    /// Tokens of the prompt that were read from the provider's cache; never more than `prompt`.
    pub cached: u64,
    /// Tokens of the prompt that were written to the provider's cache, for however long; none of them was read from it.
    pub cache_write: u64,
    /// Those of them that stay there for an hour, at most [`Self::cache_write`].
    pub cache_write_1h: u64,
    /// Tokens of the answer that are reasoning.
    pub reasoning: u64,
    /// Web searches that the provider tells of.
    pub searches: u64,
    /// Tokens of prompt or answer that are sound.
    pub audio: u64,
}

/// The counts as they are written, before they are brought to one meaning.
#[derive(Default)]
struct Reported {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: u64,
    cache_write: u64,
    cache_write_1h: u64,
    /// Anthropic's name for what is written for five minutes.
    cache_write_5m: u64,
    reasoning: u64,
    searches: u64,
    audio: u64,
}

/// Objects inside of `usage` that hold counts, and inside of those. OpenAI's, LiteLLM's and Anthropic's names; OpenRouter has
/// some of each (openrouter.ai/docs/cookbook/administration/usage-accounting).
const DETAILS: [&str; 6] = [
    "prompt_tokens_details",
    "prompt_token_details",
    "completion_tokens_details",
    "cache_creation_token_details",
    "cache_creation",
    "server_tool_use",
];
/// How deep those stand.
const DETAILS_DEPTH: u8 = 2;

impl TokenUsage {
    /// Reads a raw `usage` object leniently: unknown members, strings, nulls and absurd numbers are passed over.
    /// `None` where neither prompt nor completion tokens are given.
    ///
    /// `reasoning` says where the provider counts it.
    pub fn parse(raw: &str, reasoning: ReasoningTokens) -> Option<Self> {
        let mut reported = Reported::default();
        Reader::new(raw).object::<ReadError>(|reader, key| reported.member(reader, key, 0)).ok()?;
        if reported.prompt.is_none() && reported.completion.is_none() {
            return None;
        }
        let mut usage = Self {
            prompt: reported.prompt.unwrap_or(0),
            completion: reported.completion.unwrap_or(0),
            total: 0,
            cached: reported.cached,
            cache_write: reported.cache_write.max(reported.cache_write_5m + reported.cache_write_1h),
            cache_write_1h: reported.cache_write_1h,
            reasoning: reported.reasoning,
            searches: reported.searches,
            audio: reported.audio,
        };
        match (reasoning, reported.prompt.and(reported.total)) {
            (ReasoningTokens::BesideCompletion, _) => {
                usage.completion += usage.reasoning;
                if usage.cached > usage.prompt {
                    usage.prompt += usage.cached;
                }
            }
            (ReasoningTokens::InTotal, Some(total)) => {
                let uncounted = total.saturating_sub(usage.prompt + usage.completion);
                usage.completion += uncounted;
                usage.reasoning = usage.reasoning.max(uncounted);
            }
            (ReasoningTokens::InTotal, None) | (ReasoningTokens::InCompletion, _) => {}
        }
        usage.cached = usage.cached.min(usage.prompt);
        usage.cache_write = usage.cache_write.min(usage.prompt - usage.cached);
        usage.cache_write_1h = usage.cache_write_1h.min(usage.cache_write);
        let sum = usage.prompt + usage.completion;
        usage.total = match reasoning {
            ReasoningTokens::BesideCompletion => sum,
            ReasoningTokens::InCompletion | ReasoningTokens::InTotal => reported.total.unwrap_or(sum).max(sum),
        };
        Some(usage)
    }
}

impl Reported {
    /// Takes a member of `usage`, or of an object inside of it. The same count by two names is the larger of both.
    fn member(&mut self, reader: &mut Reader<'_>, key: Str<'_>, depth: u8) -> Result<(), ReadError> {
        let name = key.decode().unwrap_or_default();
        let name = name.as_ref();
        if depth == 0 {
            let sum = match name {
                "prompt_tokens" => Some(&mut self.prompt),
                "completion_tokens" => Some(&mut self.completion),
                "total_tokens" => Some(&mut self.total),
                _ => None,
            };
            if let Some(sum) = sum {
                *sum = count(reader)?.or(*sum);
                return Ok(());
            }
        }
        let part = match name {
            "num_cached_tokens" | "prompt_cache_hit_tokens" | "cached_tokens" | "cache_read_input_tokens" => {
                &mut self.cached
            }
            "cache_write_tokens" | "cache_creation_tokens" | "cache_creation_input_tokens" => &mut self.cache_write,
            "cache_write_1h_tokens" | "ephemeral_1h_input_tokens" => &mut self.cache_write_1h,
            "ephemeral_5m_input_tokens" => &mut self.cache_write_5m,
            "reasoning_tokens" => &mut self.reasoning,
            "web_search_requests" => &mut self.searches,
            "audio_tokens" => &mut self.audio,
            _ if DETAILS.contains(&name) && depth < DETAILS_DEPTH && reader.peek()? == Kind::Object => {
                return reader.object::<ReadError>(|reader, key| self.member(reader, key, depth + 1));
            }
            _ => {
                reader.skip()?;
                return Ok(());
            }
        };
        *part = count(reader)?.unwrap_or(0).max(*part);
        Ok(())
    }
}

/// The next value as a count: a whole or a decimal number between 0 and [`MAX_COUNT`].
fn count(reader: &mut Reader<'_>) -> Result<Option<u64>, ReadError> {
    let kind = reader.peek()?;
    let text = reader.skip()?;
    if kind != Kind::Number {
        return Ok(None);
    }
    let whole = text.parse::<u64>().ok().or_else(|| {
        let number = decimal(text)?.round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a whole number within 0..=2^40 fits both types"
        )]
        let whole = (0.0..=MAX_COUNT as f64).contains(&number).then_some(number as u64);
        whole
    });
    Ok(whole.filter(|&count| count <= MAX_COUNT))
}

impl Add for TokenUsage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            completion: self.completion.saturating_add(other.completion),
            total: self.total.saturating_add(other.total),
            cached: self.cached.saturating_add(other.cached),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            searches: self.searches.saturating_add(other.searches),
            audio: self.audio.saturating_add(other.audio),
        }
    }
}

impl AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
