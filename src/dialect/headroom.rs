//! What a provider's headers say of the requests and tokens that are left to the operator's account.

use super::reset;
use crate::catalog::provider::QuotaHeaders;
use crate::health::headroom::{Headroom, Left};

/// What a header counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

/// A limit's two headers: how much of it is left, and when it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaHeader {
    /// What is counted.
    pub counted: Counted,
    /// The name of what is left.
    pub left: &'static str,
    /// The name of the reset.
    pub reset: &'static str,
}

macro_rules! quota {
    ($counted:ident, $before:literal, $after:literal) => {
        QuotaHeader {
            counted: Counted::$counted,
            left: concat!($before, "remaining", $after),
            reset: concat!($before, "reset", $after),
        }
    };
}

/// The headers of each kind of row; `edge/platform.js` has the same lists, and a test holds the two together. Groq's requests
/// are those of a day and its tokens those of a minute; a reset is when the bucket is full again there and at OpenAI.
pub const fn names(quota: QuotaHeaders) -> &'static [QuotaHeader] {
    match quota {
        QuotaHeaders::None => &[],
        QuotaHeaders::OpenAi => {
            &[quota!(Requests, "x-ratelimit-", "-requests"), quota!(Tokens, "x-ratelimit-", "-tokens")]
        }
        QuotaHeaders::Cerebras => &[
            quota!(Requests, "x-ratelimit-", "-requests-day"),
            quota!(Requests, "x-ratelimit-", "-requests-minute"),
            quota!(Tokens, "x-ratelimit-", "-tokens-minute"),
        ],
        QuotaHeaders::SambaNova => {
            &[quota!(Requests, "x-ratelimit-", "-requests"), quota!(Requests, "x-ratelimit-", "-requests-day")]
        }
        QuotaHeaders::Mistral => {
            &[quota!(Requests, "x-ratelimit-", "-req-minute"), quota!(Tokens, "x-ratelimit-", "-tokens-minute")]
        }
        QuotaHeaders::Fireworks => {
            &[quota!(Requests, "x-ratelimit-", "-requests"), quota!(Tokens, "x-ratelimit-", "-tokens-prompt")]
        }
        QuotaHeaders::Plain => &[quota!(Requests, "x-ratelimit-", ""), quota!(Tokens, "x-tokenlimit-", "")],
        QuotaHeaders::Anthropic => {
            &[quota!(Requests, "anthropic-ratelimit-requests-", ""), quota!(Tokens, "anthropic-ratelimit-tokens-", "")]
        }
    }
}

/// Reads what is left, of several periods the one that is over first; `None` where the provider says nothing of it.
pub fn from_headers(quota: QuotaHeaders, header: &dyn Fn(&str) -> Option<String>, now_ms: u64) -> Option<Headroom> {
    let mut headroom = Headroom::default();
    for name in names(quota) {
        // Some providers write whole numbers with a fraction.
        let left = header(name.left).and_then(|text| text.trim().split('.').next()?.parse::<u64>().ok());
        let Some(left) = left else { continue };
        let reset_ms = header(name.reset).and_then(|text| reset::parse(&text, now_ms));
        let left = Left { left, reset_ms, at_ms: now_ms };
        let known = match name.counted {
            Counted::Requests => &mut headroom.requests,
            Counted::Tokens => &mut headroom.tokens,
        };
        *known = Some(known.map_or(left, |known| known.tighter(left)));
    }
    (headroom != Headroom::default()).then_some(headroom)
}
