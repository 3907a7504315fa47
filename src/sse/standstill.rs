//! A stream that goes on without getting any further: comments, pings and empty chunks keep its connection alive, and
//! may do so for ever. They are life, but not for ever: it is counted how long nothing else has come.

/// For how many idle limits of its stream a provider may send nothing but signs of life. Whoever searches the web or
/// thinks in secret in the middle of an answer says so for a minute or two, and Claude keeps an argument of a tool call back until it
/// is whole (platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming): 36,000 tokens took 330 s
/// (github.com/github/copilot-cli, issue 4286). With the default limits there are 200 s, and ten minutes where the model
/// reasons. A multiple, so that whoever waits less for a silence waits less for this as well.
pub const STANDSTILL_IDLE_LIMITS: u64 = 10;

/// So many bytes of one event are progress although it has not ended, such as those of a picture for a slow client. More
/// than any sign of life has.
const STEP_BYTES: usize = 64 * 1024;

/// How far a stream has got. Two are the same if nothing came between them that is a part of the answer, or tells of its
/// end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    text_bytes: u64,
    steps: u64,
    held: usize,
}

impl Progress {
    /// With text of so many bytes, so many chunks that were more than signs of life, and so many bytes of an event that has
    /// not ended.
    pub(super) const fn new(text_bytes: u64, steps: u64, held_bytes: usize) -> Self {
        Self { text_bytes, steps, held: held_bytes / STEP_BYTES }
    }
}

/// How long one stream has stood still. Times are milliseconds since any moment.
#[derive(Clone, Copy, Debug)]
pub struct Standstill {
    limit_ms: u64,
    since_ms: u64,
    at: Progress,
}

impl Standstill {
    /// Of a stream that has got to `at`, and may be silent for `idle_ms` milliseconds.
    pub const fn new(idle_ms: u64, at: Progress, now_ms: u64) -> Self {
        Self { limit_ms: idle_ms.saturating_mul(STANDSTILL_IDLE_LIMITS), since_ms: now_ms, at }
    }

    /// Bytes came, and with them it has got to `at`. Returns whether it has stood still for too long.
    pub fn came(&mut self, at: Progress, now_ms: u64) -> bool {
        if at != self.at {
            *self = Self { since_ms: now_ms, at, ..*self };
        }
        now_ms.saturating_sub(self.since_ms) >= self.limit_ms
    }

    /// For so many milliseconds the client was waited for, and not the provider.
    pub const fn excuse(&mut self, ms: u64) {
        self.since_ms = self.since_ms.saturating_add(ms);
    }
}
