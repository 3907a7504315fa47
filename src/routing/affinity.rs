//! Requests that share a prompt prefer the same provider, whose cache has it: by rendezvous hashing, so that when one provider
//! is left out only its own requests move, and no state is kept.

use crate::hash::fnv_1a;
use crate::openai::request::ChatRequest;

/// What requests have in common that belong together: a digest of `prompt_cache_key`, else of `session_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity(u64);

impl Affinity {
    /// Of `request`, if it names one.
    pub fn of(request: &ChatRequest<'_>) -> Option<Self> {
        let key = request.prompt_cache_key.as_deref().or(request.session_id.as_deref())?;
        Some(Self(digest(0, key)))
    }

    /// How much these requests are drawn to `provider`: the highest is preferred.
    pub fn draw(self, provider: &str) -> u64 {
        digest(self.0, provider)
    }
}

/// FNV-1a, and the finalizer of SplitMix64: alike names must not have alike digests.
fn digest(seed: u64, text: &str) -> u64 {
    let hash = fnv_1a(text) ^ seed;
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}
