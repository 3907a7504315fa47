//! Provider texts made fit for clients and logs: without keys, and not longer than needed.

use std::borrow::Cow;

/// The longest provider text that is passed on, in characters: enough for every reason seen, too short for a page.
pub const MAX_TEXT_CHARS: usize = 500;
/// What stands in place of a key.
const REDACTED: &str = "[redacted]";
/// The beginnings of keys that providers hand out. Masked ones (`sk-ab***cd`) are taken out too.
const KEY_PREFIXES: [&str; 14] =
    ["sk-", "sk_", "gsk_", "AIza", "xai-", "csk-", "nvapi-", "fw_", "hf_", "pk-", "rk-", "tgp_", "r8_", "eyJ"];
/// The least length of a run that looks like a key by its beginning alone.
const MIN_KEY_CHARS: usize = 8;
/// The least length of a piece of the real key that counts as the key.
const MIN_SECRET_PIECE: usize = 6;

/// `text` in one line, shortened, with `secret` and everything that looks like a key taken out.
pub fn scrub(text: &str, secret: Option<&str>) -> String {
    let secret = secret.filter(|secret| secret.len() >= MIN_SECRET_PIECE);
    // As a whole first: a key of the operator's own server may have any characters.
    let text = match secret {
        Some(secret) if text.contains(secret) => Cow::Owned(text.replace(secret, REDACTED)),
        Some(_) | None => Cow::Borrowed(text),
    };
    let mut out = String::with_capacity(text.len().min(MAX_TEXT_CHARS));
    let mut after_bearer = false;
    for word in text.split_inclusive(|c: char| !is_key_char(c)) {
        let end = word.trim_end_matches(|c: char| !is_key_char(c)).len();
        let (run, separator) = word.split_at(end);
        if after_bearer && !run.is_empty() || is_key(run, secret) {
            out.push_str(REDACTED);
        } else {
            out.push_str(run);
        }
        out.extend(separator.chars().map(|c| if c.is_control() { ' ' } else { c }));
        if !run.is_empty() {
            after_bearer = run.eq_ignore_ascii_case("bearer");
        }
    }
    match out.char_indices().nth(MAX_TEXT_CHARS) {
        Some((at, _)) => {
            out.truncate(at);
            out.push('…');
            out
        }
        None => out,
    }
}

/// The characters that keys are made of, and the stars that mask them.
fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '+' | '=')
}

fn is_key(run: &str, secret: Option<&str>) -> bool {
    // A key may end in `=`, and one in an address comes after it: `?key=AIza...`.
    let mut pieces = run.split('=');
    pieces.any(|piece| piece.len() >= MIN_KEY_CHARS && KEY_PREFIXES.iter().any(|prefix| piece.starts_with(prefix)))
        // A masked form that begins like the key itself.
        || run.contains('*')
            && secret.and_then(|secret| secret.get(..MIN_SECRET_PIECE)).is_some_and(|piece| run.contains(piece))
}
