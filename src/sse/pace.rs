//! Whether the chunks of a stream come so fast that they had better be taken many at a time. To be woken costs far more
//! than to rewrite, so a fast stream is let pile up for a moment while it is rewritten; a slow one is not held back.

/// How long chunks pile up, in milliseconds: a frame of a screen, so that nobody sees it. At a token a millisecond half as
/// long costs some 15 % more CPU.
pub const GULP_MS: u64 = 16;
/// Chunks that are at most so many milliseconds apart are fast: two at a time are the fewest that pay for a timer.
const FAST_GAP_MS: u64 = GULP_MS / 2;
/// So many fast chunks in a row are a fast stream. What a model writes in fewer is over before anything is saved.
const BURST_CHUNKS: u64 = 16;
/// As much as this at one time is not what a model writes: 5000 tokens a second are three quarters of it in [`GULP_MS`].
/// What comes faster is not let pile up: nobody knows how much it would be.
pub const GULP_BYTES: usize = 32 * 1024;

/// How to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Now,
    /// After [`GULP_MS`], in which the platform reads ahead.
    Later,
    /// At once, and nothing shall be read ahead any more.
    Alone,
}

/// The pace of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    stage: Stage,
    /// When the last chunk came.
    last_ms: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Chunks come one by one. So many of them, and so many bytes, have come since then.
    Single { since_ms: u64, chunks: u64, bytes: usize },
    /// They come fast, or did until a moment ago.
    Gulps { rested: bool },
    /// Nothing is read ahead any more.
    Alone,
}

impl Pace {
    /// At the start of a stream, in milliseconds since any time.
    pub const fn new(now_ms: u64) -> Self {
        Self { stage: Stage::Single { since_ms: now_ms, chunks: 0, bytes: 0 }, last_ms: now_ms }
    }

    /// Takes what was read now: so many bytes, in which so many events ended.
    pub fn came(&mut self, bytes: usize, events: u64, now_ms: u64) -> Next {
        let gap_ms = now_ms.saturating_sub(self.last_ms);
        self.last_ms = now_ms;
        match &mut self.stage {
            Stage::Single { since_ms, chunks, bytes: window } => {
                *chunks += 1;
                *window += bytes;
                if *chunks < BURST_CHUNKS {
                    return Next::Now;
                }
                let took_ms = now_ms.saturating_sub(*since_ms);
                if took_ms > BURST_CHUNKS * FAST_GAP_MS || *window > GULP_BYTES {
                    self.stage = Stage::Single { since_ms: now_ms, chunks: 0, bytes: 0 };
                    return Next::Now;
                }
                self.stage = Stage::Gulps { rested: true };
                Next::Later
            }
            Stage::Gulps { .. } if bytes >= GULP_BYTES => {
                self.stage = Stage::Alone;
                Next::Alone
            }
            Stage::Gulps { rested } => {
                *rested = if *rested { events > 1 } else { gap_ms <= FAST_GAP_MS };
                if *rested { Next::Later } else { Next::Now }
            }
            Stage::Alone => Next::Alone,
        }
    }

    /// The client takes its time, or nothing can be read ahead: from now on it is read only what is written.
    pub const fn stop(&mut self) {
        self.stage = Stage::Alone;
    }
}
