//! Values that must never be printed: provider keys as they are, the gateway's own keys as digests only.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The key of a provider. It has no `Display`, and its `Debug` hides it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes visible ASCII only: a line break would end the header that the key is sent in, and begin another.
    pub fn parse(text: &str) -> Option<Self> {
        is_visible_ascii(text).then(|| Self(text.to_owned()))
    }

    /// The key itself, to be put into a request header and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The SHA-256 of one of the gateway's own keys.
#[derive(Clone)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of `key`.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A short key can be found from its digest.
        f.write_str("KeyDigest(***)")
    }
}

/// Tells one list of texts from another, and is too short to find them by.
pub(super) fn fingerprint(texts: &[&str]) -> u32 {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    let [first, second, third, fourth, ..]: [u8; 32] = digest.finalize().into();
    u32::from_be_bytes([first, second, third, fourth])
}

/// Whether `presented` is one of the keys. The time it takes depends on how many keys there are, not on which one fits
/// nor on how much of it does.
pub(super) fn is_one_of(keys: &[KeyDigest], presented: &[u8]) -> bool {
    let presented = KeyDigest::of(presented);
    let found = keys.iter().fold(Choice::from(0), |found, key| found | key.0.ct_eq(&presented.0));
    bool::from(found)
}

/// Whether `text` is at least one character and each is visible ASCII.
pub(super) fn is_visible_ascii(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
