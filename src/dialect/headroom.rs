//! What a provider's headers say of the requests and tokens that are left to the operator's account.

use crate::health::outcome::Headroom;

/// Requests left: the names of Groq, OpenAI and others, then of those that count by the day.
const REQUESTS: [&str; 2] = ["x-ratelimit-remaining-requests", "x-ratelimit-remaining-requests-day"];
/// Tokens left: the names of Groq, OpenAI and others, then of Cerebras.
const TOKENS: [&str; 2] = ["x-ratelimit-remaining-tokens", "x-ratelimit-remaining-tokens-minute"];

/// Reads what is left; `None` where the provider says nothing of it.
pub fn from_headers(header: &dyn Fn(&str) -> Option<String>, now_ms: u64) -> Option<Headroom> {
    // Some providers write whole numbers with a fraction.
    let number = |text: String| text.trim().split('.').next().and_then(|whole| whole.parse::<u64>().ok());
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| header(name).and_then(number));
    let (requests, tokens) = (first(REQUESTS), first(TOKENS));
    (requests.is_some() || tokens.is_some()).then_some(Headroom { requests, tokens, at_ms: now_ms })
}
