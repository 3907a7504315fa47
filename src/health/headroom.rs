//! What a provider says of the requests and tokens that are left to the operator's account, and for how long that is
//! believed.

use super::wire;
use crate::json::{ObjectWriter, Value};

/// How long figures are believed of which the provider does not say when they change: as long as a rate limit is taken to
/// last that comes without a time, see [`RATE_LIMIT_MS`](super::outcome::RATE_LIMIT_MS).
pub const UNTOLD_MS: u64 = 10 * 1000;
/// The longest that figures are believed, whatever the reset. Groq and OpenAI tell when their bucket will be *full* again,
/// for a day's requests in a day, and the next request fits long before: so it is tried again now and then. Where nothing
/// was left after all, the 429 says how long to wait.
pub const MAX_BELIEVED_MS: u64 = 10 * 60 * 1000;

/// What is left of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Requests or tokens, in the provider's own period.
    pub left: u64,
    /// When the period ends, where it was told. Milliseconds since the Unix epoch.
    pub reset_ms: Option<u64>,
    /// When the provider said so, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What is left to the operator's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headroom {
    /// Requests.
    pub requests: Option<Left>,
    /// Tokens.
    pub tokens: Option<Left>,
}

/// What must fit into it: a request, and those before it that the provider may not have counted yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests.
    pub requests: u64,
    /// Tokens, prompt and answer.
    pub tokens: u64,
}

impl Load {
    /// One request of unknown size.
    pub const ONE: Self = Self { requests: 1, tokens: 1 };

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }
}

impl Left {
    /// Until when it is believed, milliseconds since the Unix epoch.
    pub const fn until_ms(&self) -> u64 {
        let until_ms = match self.reset_ms {
            Some(reset_ms) => reset_ms,
            None => self.at_ms.saturating_add(UNTOLD_MS),
        };
        let longest_ms = self.at_ms.saturating_add(MAX_BELIEVED_MS);
        if until_ms < longest_ms { until_ms } else { longest_ms }
    }

    /// Of two periods the one that ends first with requests that are refused.
    #[must_use]
    pub const fn tighter(self, other: Self) -> Self {
        let other_is = other.left < self.left || (other.left == self.left && other.until_ms() > self.until_ms());
        if other_is { other } else { self }
    }
}

impl Headroom {
    /// Until when there is no room for `load`, in milliseconds since the Unix epoch; `None` where there is, and where
    /// nothing is known.
    pub fn spent_until_ms(&self, load: Load, now_ms: u64) -> Option<u64> {
        let spent = |left: Option<Left>, wanted: u64| {
            left.filter(|left| left.left < wanted).map(|left| left.until_ms()).filter(|until_ms| now_ms < *until_ms)
        };
        spent(self.requests, load.requests).max(spent(self.tokens, load.tokens))
    }

    /// When that is over of which nothing is left, where it was told: the answer to a request that was refused for it.
    pub fn empty_until_ms(&self) -> Option<u64> {
        let empty = |left: Option<Left>| left.filter(|left| left.left == 0)?.reset_ms;
        empty(self.requests).max(empty(self.tokens))
    }

    /// Whether nothing is left of something.
    pub fn is_empty(&self) -> bool {
        [self.requests, self.tokens].into_iter().flatten().any(|left| left.left == 0)
    }

    /// Whether `other` is nothing new while these figures are believed. Who has nothing left says so with each answer, and
    /// need not be told on each time.
    pub fn says(&self, other: &Self, now_ms: u64) -> bool {
        let says = |one: Option<Left>, other: Option<Left>| match (one, other) {
            (Some(one), Some(other)) => one.left == other.left && now_ms < one.until_ms(),
            (one, other) => one.is_none() && other.is_none(),
        };
        says(self.requests, other.requests) && says(self.tokens, other.tokens)
    }

    /// The newer figures of each kind.
    #[must_use]
    pub fn newest(self, other: Self) -> Self {
        Self::each(self, other, |one, other| if other.at_ms >= one.at_ms { other } else { one })
    }

    /// What is known when a request that was sent at `sent_ms` brings `told`. Of requests that were under way together
    /// nobody knows whose figures the provider wrote last, so the lesser ones count.
    #[must_use]
    pub fn with(self, told: Self, sent_ms: u64, now_ms: u64) -> Self {
        Self::each(self, told, |known, told| {
            let overlapping = known.at_ms >= sent_ms && now_ms < known.until_ms();
            if overlapping && known.left < told.left { known } else { told }
        })
    }

    /// What is known when a request that was sent at `sent_ms` ends without figures: it counts all the same. Its tokens do
    /// not: nobody knows whether the provider counted them, and a client that leaves may have claimed any number.
    #[must_use]
    pub fn without(self, sent_ms: u64) -> Self {
        let counted = |left: Left| Left { left: left.left.saturating_sub(u64::from(sent_ms >= left.at_ms)), ..left };
        Self { requests: self.requests.map(counted), ..self }
    }

    fn each(one: Self, other: Self, both: impl Fn(Left, Left) -> Left) -> Self {
        let join = |one: Option<Left>, other: Option<Left>| match (one, other) {
            (Some(one), Some(other)) => Some(both(one, other)),
            (one, other) => one.or(other),
        };
        Self { requests: join(one.requests, other.requests), tokens: join(one.tokens, other.tokens) }
    }

    /// When the provider last said something of it, milliseconds since the Unix epoch.
    pub fn at_ms(&self) -> Option<u64> {
        let at_ms = |left: Left| left.at_ms;
        self.requests.map(at_ms).max(self.tokens.map(at_ms))
    }

    pub(super) fn write(&self, out: &mut String) {
        let mut headroom = ObjectWriter::new(out);
        headroom.optional_number("requests", self.requests.map(|left| left.left));
        headroom.optional_number("tokens", self.tokens.map(|left| left.left));
        headroom.number("at_ms", self.at_ms().unwrap_or(0));
        headroom.optional_number("requests_reset_ms", self.requests.and_then(|left| left.reset_ms));
        headroom.optional_number("requests_at_ms", self.requests.map(|left| left.at_ms));
        headroom.optional_number("tokens_reset_ms", self.tokens.and_then(|left| left.reset_ms));
        headroom.optional_number("tokens_at_ms", self.tokens.map(|left| left.at_ms));
        headroom.end();
    }

    /// Reads [`Self::write`], and what versions before it wrote: those knew of no reset, and had one time for both.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let at_ms = wire::number(value, "at_ms")?;
        let left = |left: &str, reset_ms: &str, told_ms: &str| {
            let left = wire::optional_number(value, left)?;
            let reset_ms = wire::number(value, reset_ms);
            Some(left.map(|left| Left { left, reset_ms, at_ms: wire::number(value, told_ms).unwrap_or(at_ms) }))
        };
        Some(Self {
            requests: left("requests", "requests_reset_ms", "requests_at_ms")?,
            tokens: left("tokens", "tokens_reset_ms", "tokens_at_ms")?,
        })
    }
}
