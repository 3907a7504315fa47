//! Where a string of a document needs a look. A base64 image is megabytes of bytes that need none, so many are passed at
//! a time: whole blocks by vectors where there are any, then eight bytes in a register.

/// How many leading bytes are neither a quote, nor a backslash, nor a control character.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;

    let mut at = plain_blocks(bytes);
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special =
            zero_byte(word ^ (ONES * u64::from(b'"'))) | zero_byte(word ^ (ONES * u64::from(b'\\'))) | control;
        if special != 0 {
            // The lowest flagged byte is exact; higher ones may be borrow artefacts.
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(rest.len())
}

/// How many leading bytes are whole blocks of such bytes.
#[cfg(target_feature = "simd128")]
fn plain_blocks(bytes: &[u8]) -> usize {
    use std::arch::wasm32::{u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_any_true, v128_or};

    /// Two vectors, so that they share what a turn of the loop costs.
    const BLOCK_BYTES: usize = 32;

    let special = |low: [u8; 8], high: [u8; 8]| {
        let bytes = u64x2(u64::from_le_bytes(low), u64::from_le_bytes(high));
        let is = |byte| u8x16_eq(bytes, u8x16_splat(byte));
        v128_or(u8x16_lt(bytes, u8x16_splat(0x20)), v128_or(is(b'"'), is(b'\\')))
    };
    let is_plain = |block: &&[u8; BLOCK_BYTES]| match block.as_chunks() {
        ([a, b, c, d], _) => !v128_any_true(v128_or(special(*a, *b), special(*c, *d))),
        _ => false,
    };
    bytes.as_chunks().0.iter().take_while(is_plain).count() * BLOCK_BYTES
}

#[cfg(not(target_feature = "simd128"))]
const fn plain_blocks(_: &[u8]) -> usize {
    0
}
