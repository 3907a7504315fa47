//! Anthropic's `usage`, and OpenAI's made of it. Source: platform.claude.com/docs/en/api/messages and
//! /docs/en/build-with-claude/prompt-caching.

use crate::json::{Kind, ObjectWriter, ReadError, Reader, pick};

/// Tokens as Anthropic counts them: `input`, what is read from the cache and what is written to it exclude each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageUsage {
    /// Prompt tokens that have nothing to do with the cache.
    pub input: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache, for five minutes or an hour.
    pub cache_write: u64,
    /// Those of them that are kept for an hour.
    pub cache_write_1h: u64,
    /// Tokens of the answer, thoughts included.
    pub output: u64,
    /// Tokens of thought.
    pub thinking: u64,
    /// Web searches, each of which is billed.
    pub searches: u64,
}

impl MessageUsage {
    /// Takes a `usage` object. Its numbers are sums up to now, not increments: the counts of a stream's later events take
    /// the place of earlier ones, and what they leave out stays. What cannot be read is passed over.
    pub fn add(&mut self, raw: &str) {
        let Some(mut told) = Self::counts(raw) else { return };
        if let Some(sum) = Self::iterations(raw) {
            told.raise(&sum);
        }
        self.raise(&told);
    }

    /// The counts of one object, without its iterations.
    fn counts(raw: &str) -> Option<Self> {
        let names = [
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "output_tokens",
            "cache_creation",
            "output_tokens_details",
            "server_tool_use",
        ];
        let [input, read, write, output, creation, details, server] = pick(raw, names).ok()?;
        let [short, long] = inside(creation, ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]);
        let [thinking] = inside(details, ["thinking_tokens"]);
        let [searches] = inside(server, ["web_search_requests"]);
        Some(Self {
            input: count(input),
            cache_read: count(read),
            cache_write: count(write).max(count(short).saturating_add(count(long))),
            cache_write_1h: count(long),
            output: count(output),
            thinking: count(thinking),
            searches: count(searches),
        })
    }

    /// What the `iterations` add up to: the counts beside them leave out what a compaction took. `None` where there are none,
    /// or where another model took over, since then the counts beside them are the whole.
    fn iterations(raw: &str) -> Option<Self> {
        let [iterations] = pick(raw, ["iterations"]).ok()?;
        let mut sum = Self::default();
        let mut fell_back = false;
        Reader::new(iterations?)
            .array::<ReadError>(|reader, _| {
                let item = reader.skip()?;
                match inside(Some(item), ["type"]) {
                    [Some(r#""message""# | r#""compaction""#)] => {
                        sum.plus(&Self::counts(item).unwrap_or_default());
                    }
                    [Some(r#""fallback_message""#)] => fell_back = true,
                    // An advisor is another model, with prices of its own.
                    _ => {}
                }
                Ok(())
            })
            .ok()?;
        Some(sum).filter(|_| !fell_back)
    }

    fn each(&mut self, other: &Self, merge: impl Fn(u64, u64) -> u64) {
        for (own, other) in [
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.output, other.output),
            (&mut self.thinking, other.thinking),
            (&mut self.searches, other.searches),
        ] {
            *own = merge(*own, other);
        }
    }

    fn raise(&mut self, other: &Self) {
        self.each(other, u64::max);
    }

    fn plus(&mut self, other: &Self) {
        self.each(other, u64::saturating_add);
    }

    /// Appends OpenAI's `usage` object. `prompt_tokens` is everything, cached and written included.
    pub fn write(&self, out: &mut String) {
        let prompt = self.input.saturating_add(self.cache_read).saturating_add(self.cache_write);
        let mut usage = ObjectWriter::new(out);
        usage.number("prompt_tokens", prompt);
        usage.number("completion_tokens", self.output);
        usage.number("total_tokens", prompt.saturating_add(self.output));
        let mut details = ObjectWriter::new(usage.key("prompt_tokens_details"));
        details.number("cached_tokens", self.cache_read);
        if self.cache_write > 0 {
            details.number("cache_write_tokens", self.cache_write);
        }
        if self.cache_write_1h > 0 {
            details.number("cache_write_1h_tokens", self.cache_write_1h);
        }
        details.end();
        let mut details = ObjectWriter::new(usage.key("completion_tokens_details"));
        details.number("reasoning_tokens", self.thinking);
        details.end();
        if self.searches > 0 {
            usage.number("web_search_requests", self.searches);
        }
        usage.end();
    }
}

/// Members of an object inside, none where it is no object.
pub(super) fn inside<'a, const N: usize>(object: Option<&'a str>, names: [&str; N]) -> [Option<&'a str>; N] {
    let object = object.filter(|raw| Reader::new(raw).peek() == Ok(Kind::Object));
    object.and_then(|raw| pick(raw, names).ok()).unwrap_or([None; N])
}

/// A whole number; 0 for anything else.
fn count(raw: Option<&str>) -> u64 {
    raw.and_then(|raw| raw.parse().ok()).unwrap_or(0)
}
