//! A hash that is quick, the same everywhere and no secret: for numbers and ids that are made of other ids.

/// FNV-1a over the bytes of `text`.
pub fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
