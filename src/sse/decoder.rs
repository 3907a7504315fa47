//! Server-sent events out of bytes that are split anywhere. Each event comes with its raw bytes, so that it can be
//! forwarded as it came. `id` and `retry` are left in the raw bytes: no chat completion stream is ever reconnected to.

use std::fmt;
use std::mem;
use std::ops::Range;
use std::str::Utf8Error;

use memchr::memchr2;

/// The largest event that is taken, comments included. Deltas are a few hundred bytes, but some models send a whole
/// picture in one (a 4 MB PNG is 5.6 MB of base64); and an isolate has 128 MB for all of its requests.
pub const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// What the buffer of unfinished events keeps between events, so that one picture is not paid for until the end.
const KEPT_CAPACITY: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An event exceeds [`MAX_EVENT_BYTES`]. Nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge;

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of the stream exceeds {MAX_EVENT_BYTES} bytes")
    }
}

impl std::error::Error for EventTooLarge {}

/// Everything up to and including one blank line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// All bytes, with comments, line ends and the blank line. All `raw` one after another are the stream.
    pub raw: &'a [u8],
    /// The `data` lines joined by line feeds; `None` where there are none (only comments, or only a blank line).
    pub data: Option<Result<&'a str, Utf8Error>>,
    /// The last `event` line that is text.
    pub event: Option<&'a str>,
}

/// An incremental decoder. Lines end with LF, CRLF or CR; a byte order mark at the start is passed over.
///
/// A CR at the very end of what was pushed may be half a CRLF, so a blank line that ends there is known to be one only
/// when the next byte comes.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The bytes of the event that has not ended yet.
    pending: Vec<u8>,
    block: Block,
    overflowed: bool,
}

/// What is known of the event being read. Offsets count from its first byte.
#[derive(Clone, Debug, Default)]
struct Block {
    /// The stream's first line is behind us, and with it the place for a byte order mark.
    begun: bool,
    /// Where the current line starts.
    line_start: usize,
    /// Up to where there is no line end.
    searched: usize,
    /// The value of the first `data` line.
    data: Range<usize>,
    data_lines: usize,
    /// All `data` values joined, where there is more than one.
    joined: Vec<u8>,
    event: Range<usize>,
    /// The bytes end with the CR of a blank line.
    awaits_line_feed: bool,
}

impl Decoder {
    /// Takes the next bytes and hands out each event that they finish. Where nothing was pending, the events borrow
    /// from `bytes` and only the unfinished rest is copied.
    ///
    /// # Errors
    /// When an event is larger than [`MAX_EVENT_BYTES`], and ever after.
    pub fn push(&mut self, bytes: &[u8], on_event: &mut impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        if self.overflowed {
            return Err(EventTooLarge);
        }
        if self.pending.is_empty() {
            let taken = self.dispatch(bytes, on_event);
            self.pending.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        } else {
            let mut pending = mem::take(&mut self.pending);
            pending.extend_from_slice(bytes);
            let taken = self.dispatch(&pending, on_event);
            if taken > 0 {
                pending.drain(..taken);
                pending.shrink_to(KEPT_CAPACITY);
            }
            self.pending = pending;
        }
        self.overflowed |= self.pending.len() > MAX_EVENT_BYTES;
        if self.overflowed {
            self.pending = Vec::new();
            return Err(EventTooLarge);
        }
        Ok(())
    }

    /// The bytes of the event that has not ended yet.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Whether a reader that got every byte up to now is left inside an event.
    pub fn is_inside_event(&self) -> bool {
        self.overflowed || !(self.pending.is_empty() || self.block.awaits_line_feed)
    }

    /// Whether an event starts with the next byte, and the stream's first one has ended.
    pub fn is_between_events(&self) -> bool {
        self.pending.is_empty() && self.block.begun && !self.overflowed
    }

    /// Whether an event was too large.
    pub fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// The unfinished event as it would be if a blank line came now; its raw bytes include that blank line. `None`
    /// where nothing is pending.
    pub fn tail<R>(&self, read: impl FnOnce(Event<'_>) -> R) -> Option<R> {
        if self.pending.is_empty() {
            return None;
        }
        let mut read = Some(read);
        let mut result = None;
        let closed = self.clone().push(b"\n\n", &mut |event| {
            if let Some(read) = read.take() {
                result = Some(read(event));
            }
        });
        closed.ok().and(result)
    }

    /// Hands out the whole events at the start of `bytes`, which start where the current event does. Returns how many
    /// bytes they are.
    fn dispatch(&mut self, bytes: &[u8], on_event: &mut impl FnMut(Event<'_>)) -> usize {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let Some(raw) = self.block.advance(rest).and_then(|end| rest.get(..end)) else {
                return taken;
            };
            if raw.len() > MAX_EVENT_BYTES {
                self.overflowed = true;
                return taken;
            }
            on_event(self.block.event(raw));
            self.block.reset();
            taken += raw.len();
        }
    }
}

impl Block {
    /// Reads on in `bytes`, of which the event's first are already known. Returns where the event ends, if it does.
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        self.awaits_line_feed = false;
        loop {
            let unread = bytes.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr2(b'\n', b'\r', unread) else {
                self.searched = bytes.len();
                return None;
            };
            let line_end = self.searched + found;
            let line = self.line_start + self.mark_length(bytes)..line_end;
            let next = match (unread.get(found), unread.get(found + 1)) {
                (Some(b'\r'), None) => {
                    self.searched = line_end;
                    self.awaits_line_feed = line.is_empty();
                    return None;
                }
                (Some(b'\r'), Some(b'\n')) => line_end + 2,
                _ => line_end + 1,
            };
            self.begun = true;
            if line.is_empty() {
                return Some(next);
            }
            self.field(bytes, line);
            self.line_start = next;
            self.searched = next;
        }
    }

    fn mark_length(&self, bytes: &[u8]) -> usize {
        if !self.begun && bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
    }

    fn field(&mut self, bytes: &[u8], line: Range<usize>) {
        let text = bytes.get(line.clone()).unwrap_or_default();
        if let Some(value) = field_value(text, b"data") {
            let value = line.end - value.len()..line.end;
            match self.data_lines {
                0 => self.data = value,
                lines => {
                    if lines == 1 {
                        self.joined.extend_from_slice(bytes.get(self.data.clone()).unwrap_or_default());
                    }
                    self.joined.push(b'\n');
                    self.joined.extend_from_slice(bytes.get(value).unwrap_or_default());
                }
            }
            self.data_lines += 1;
        } else if let Some(value) = field_value(text, b"event") {
            self.event = line.end - value.len()..line.end;
        }
    }

    fn event<'a>(&'a self, raw: &'a [u8]) -> Event<'a> {
        let data = match self.data_lines {
            0 => None,
            1 => raw.get(self.data.clone()),
            _ => Some(self.joined.as_slice()),
        };
        let event = raw.get(self.event.clone()).unwrap_or_default();
        Event {
            raw,
            data: data.map(str::from_utf8),
            event: str::from_utf8(event).ok().filter(|event| !event.is_empty()),
        }
    }

    fn reset(&mut self) {
        let mut joined = mem::take(&mut self.joined);
        joined.clear();
        joined.shrink_to(KEPT_CAPACITY);
        *self = Self { begun: true, joined, ..Self::default() };
    }
}

/// The value of a line if its field is `name`, without the one space that may follow the colon.
fn field_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}
