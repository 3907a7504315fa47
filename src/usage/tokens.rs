//! Token counts as one provider reports them, brought to one meaning: `prompt` includes what was read from the cache,
//! `completion` includes reasoning. Nothing here knows prices.

use std::ops::{Add, AddAssign};

use crate::json::{Kind, ReadError, Reader, decimal};

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
    /// Tokens of the answer that are reasoning.
    pub reasoning: u64,
}

/// The counts as they are written, before they are brought to one meaning.
#[derive(Default)]
struct Reported {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: u64,
    reasoning: u64,
}

impl TokenUsage {
    /// Reads a raw `usage` object leniently: unknown members, strings, nulls and absurd numbers are passed over.
    /// `None` where neither prompt nor completion tokens are given.
    ///
    /// `reasoning_outside_completion` is for xAI, which leaves reasoning out of `completion_tokens`, and at times the
    /// cached tokens out of `prompt_tokens`.
    pub fn parse(raw: &str, reasoning_outside_completion: bool) -> Option<Self> {
        let reported = Reported::read(raw).ok()?;
        if reported.prompt.is_none() && reported.completion.is_none() {
            return None;
        }
        let mut usage = Self {
            prompt: reported.prompt.unwrap_or(0),
            completion: reported.completion.unwrap_or(0),
            total: 0,
            cached: reported.cached,
            reasoning: reported.reasoning,
        };
        if reasoning_outside_completion {
            usage.completion += usage.reasoning;
            if usage.cached > usage.prompt {
                usage.prompt += usage.cached;
            }
        }
        usage.cached = usage.cached.min(usage.prompt);
        let sum = usage.prompt + usage.completion;
        usage.total = if reasoning_outside_completion { sum } else { reported.total.unwrap_or(sum).max(sum) };
        Some(usage)
    }
}

impl Reported {
    fn read(raw: &str) -> Result<Self, ReadError> {
        let mut reported = Self::default();
        Reader::new(raw).object::<ReadError>(|reader, key| {
            match key.decode().as_deref().unwrap_or_default() {
                "prompt_tokens" => reported.prompt = count(reader)?.or(reported.prompt),
                "completion_tokens" => reported.completion = count(reader)?.or(reported.completion),
                "total_tokens" => reported.total = count(reader)?.or(reported.total),
                "num_cached_tokens" | "prompt_cache_hit_tokens" | "cached_tokens" => {
                    reported.cached = count(reader)?.unwrap_or(0).max(reported.cached);
                }
                "reasoning_tokens" => reported.reasoning = count(reader)?.unwrap_or(0).max(reported.reasoning),
                "prompt_tokens_details" | "prompt_token_details" => {
                    reported.cached = detail(reader, "cached_tokens")?.max(reported.cached);
                }
                "completion_tokens_details" => {
                    reported.reasoning = detail(reader, "reasoning_tokens")?.max(reported.reasoning);
                }
                _ => {
                    reader.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(reported)
    }
}

/// The count called `name` in the object that comes next; 0 if it is not there.
fn detail(reader: &mut Reader<'_>, name: &str) -> Result<u64, ReadError> {
    if reader.peek()? != Kind::Object {
        reader.skip()?;
        return Ok(0);
    }
    let mut found = 0;
    reader.object::<ReadError>(|reader, key| {
        if key.is(name) {
            found = count(reader)?.unwrap_or(0);
        } else {
            reader.skip()?;
        }
        Ok(())
    })?;
    Ok(found)
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
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

impl AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
