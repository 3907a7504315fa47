//! A hash that is quick, the same everywhere and no secret: for numbers and ids that are made of other ids.

/// FNV-1a over the bytes of `text`.
pub fn fnv_1a(text: &str) -> u64 {
    text.bytes().map(u64::from).fold(0xcbf2_9ce4_8422_2325, fnv_1a_of)
}

/// The hash of what `hash` is of with one number more behind it.
pub const fn fnv_1a_of(hash: u64, next: u64) -> u64 {
    (hash ^ next).wrapping_mul(0x0100_0000_01b3)
}
