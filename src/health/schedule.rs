//! When an isolate talks to the health object: one message at a time, no more often than needed, and never so that a
//! request waits for an object that does not answer.

/// A view of this age is renewed beside the request that finds it.
pub const REFRESH_MS: u64 = 1_000;
/// A view of this age is renewed before a request uses it: no request routes by what is older, unless the object is away.
pub const STALE_MS: u64 = 2_000;
/// The longest that a request waits for the object, all in all: less than a tenth of the time to a first token.
pub const WAIT_MS: u64 = 100;
/// How long a message may take. A request that began one may have died with it, so then it counts as lost.
pub const SYNC_TIMEOUT_MS: u32 = 2_000;
/// Messages of bad news begin at least this far apart, or an outage under load would be a message for each request.
pub const PACE_MS: u64 = 50;
/// After a failed message nobody waits for the object, and only one request in this time tries it again.
pub const AWAY_MS: u64 = 2_000;
/// For this long after the object last failed to answer, nobody waits for it before it has answered: it is tried beside
/// the requests, or some of them would wait in vain at each try. Longer than two tries in a row take to fail.
pub const DOUBT_MS: u64 = 10_000;

/// One request's patience with the object: of all its waits together, since it may wait for news, tickets and permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    spent_ms: u64,
}

impl Patience {
    /// How long it lasts, in milliseconds.
    pub const fn left_ms(self) -> u64 {
        WAIT_MS.saturating_sub(self.spent_ms)
    }

    /// What it is after a wait of so many milliseconds.
    #[must_use]
    pub const fn after(self, ms: u64) -> Self {
        Self { spent_ms: self.spent_ms.saturating_add(ms) }
    }

    /// Whether nothing of it is spent: only then does its end say that the object is too slow.
    pub const fn is_whole(self) -> bool {
        self.spent_ms == 0
    }
}

/// The times of the messages, in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub struct Schedule {
    /// When the last message began that was answered.
    synced_ms: Option<u64>,
    /// When the last message began.
    begun_ms: Option<u64>,
    in_flight: bool,
    /// When the object last failed to answer in time.
    away_ms: Option<u64>,
}

const fn since(at_ms: Option<u64>, now_ms: u64) -> u64 {
    match at_ms {
        Some(at_ms) => now_ms.saturating_sub(at_ms),
        None => u64::MAX,
    }
}

impl Schedule {
    /// Whether the view is young enough to route by.
    pub const fn is_fresh(&self, now_ms: u64) -> bool {
        since(self.synced_ms, now_ms) < STALE_MS
    }

    /// Whether the view should be renewed beside a request.
    pub const fn wants_refresh(&self, now_ms: u64) -> bool {
        since(self.synced_ms, now_ms) >= REFRESH_MS && !self.is_away(now_ms) && !self.is_busy(now_ms)
    }

    /// Whether a message is on its way.
    pub const fn is_busy(&self, now_ms: u64) -> bool {
        self.in_flight && since(self.begun_ms, now_ms) < SYNC_TIMEOUT_MS as u64
    }

    /// Whether the object did not answer lately.
    pub const fn is_away(&self, now_ms: u64) -> bool {
        since(self.away_ms, now_ms) < AWAY_MS
    }

    /// Whether the object did not answer the last time, so that it is not worth a wait.
    pub const fn is_doubtful(&self, now_ms: u64) -> bool {
        since(self.away_ms, now_ms) < DOUBT_MS
    }

    /// How long bad news still waits, in milliseconds.
    pub const fn pace_ms(&self, now_ms: u64) -> u64 {
        PACE_MS.saturating_sub(since(self.begun_ms, now_ms))
    }

    /// A message begins.
    pub const fn begin(&mut self, now_ms: u64) {
        self.begun_ms = Some(now_ms);
        self.in_flight = true;
    }

    /// The message that began at `begun_ms` was answered.
    pub const fn answered(&mut self, begun_ms: u64) {
        self.in_flight = false;
        self.synced_ms = Some(begun_ms);
        self.away_ms = None;
    }

    /// The message failed.
    pub const fn failed(&mut self, now_ms: u64) {
        self.in_flight = false;
        self.away_ms = Some(now_ms);
    }

    /// A request waited in vain; the message may still be answered.
    pub const fn too_slow(&mut self, now_ms: u64) {
        self.away_ms = Some(now_ms);
    }
}
