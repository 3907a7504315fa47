//! Request ids as keys: UUIDv7 texts, which sort by the time at which they were made.

/// The lowest id of a millisecond since the Unix epoch: every id made before it is lower, every later one is higher.
pub fn lowest_at(ms: u64) -> String {
    format!("{:08x}-{:04x}-7000-8000-000000000000", ms >> 16 & 0xffff_ffff, ms & 0xffff)
}

/// `text` as an id is written in the tables, if it has the form of one: the hexadecimal digits of a UUID, in lower case.
pub fn parse(text: &str) -> Option<String> {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    (text.len() == 36 && text.bytes().enumerate().all(fits)).then(|| text.to_ascii_lowercase())
}
