//! The circuit breaker of one (provider, model): Closed -> Open -> HalfOpen -> Closed, with a single probe at a time,
//! and the times until which the provider asked to be left alone.

use super::outcome::Outcome;
use crate::routing::failure::ErrorClass;

/// Failures in a row that open the circuit.
pub const FAILURES_IN_A_ROW: u32 = 3;
/// The least number of outcomes in the window for the failure rate to count.
pub const RATE_MIN_OUTCOMES: u32 = 8;
/// The window of the failure rate.
pub const RATE_WINDOW_MS: u64 = 60_000;
/// The first time that a circuit stays open; it doubles with each failed probe.
pub const OPEN_MIN_MS: u64 = 5_000;
/// The longest time that a circuit stays open: a provider is back in use this long after it recovered, at the latest.
pub const OPEN_MAX_MS: u64 = 20_000;
/// How long a probe may be out before another one is allowed: longer than any first-token timeout a probe waits for.
pub const PROBE_MS: u64 = 120_000;
/// For this long after a failure by slowness a probe goes last, since it costs its client a whole timeout; after that
/// it takes its turn like any other, or it would never recover while others are healthy.
pub const SLOW_PROBE_LAST_MS: u64 = 60_000;
/// The least number of outcomes in the window from which a closed circuit can count as degraded.
pub const DEGRADED_MIN_OUTCOMES: u32 = 4;

const BUCKETS: usize = 6;
const BUCKET_MS: u64 = RATE_WINDOW_MS / BUCKETS as u64;

/// How a candidate stands, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Use it.
    Healthy,
    /// Use it where nothing healthy is left.
    Degraded,
    /// Its time is up: one request may try it.
    Probe {
        /// The probe goes last: it failed by slowness not long ago.
        last: bool,
    },
    /// Not before then, but nobody knows whether it would fail.
    Open {
        /// Milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// Not before then: the provider said so.
    Limited {
        /// Milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// Not before then: it would fail for this reason.
    Benched {
        /// Milliseconds since the Unix epoch.
        until_ms: u64,
        /// Why.
        class: ErrorClass,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    /// `now / BUCKET_MS` at the time of its first outcome.
    epoch: u64,
    ok: u32,
    failed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures_in_a_row: u32 },
    Open { since_ms: u64, for_ms: u64 },
    HalfOpen { probe_since_ms: u64, for_ms: u64 },
}

/// The breaker itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circuit {
    state: State,
    slow_failure_ms: Option<u64>,
    limited_until_ms: u64,
    benched: Option<(u64, ErrorClass)>,
    buckets: [Bucket; BUCKETS],
    first_token_ms: Option<u64>,
    tokens_per_second: Option<u64>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            state: State::Closed { failures_in_a_row: 0 },
            slow_failure_ms: None,
            limited_until_ms: 0,
            benched: None,
            buckets: [Bucket::default(); BUCKETS],
            first_token_ms: None,
            tokens_per_second: None,
        }
    }
}

impl Circuit {
    /// How it stands at `now_ms`.
    pub fn standing(&self, now_ms: u64) -> Standing {
        if let Some((until_ms, class)) = self.benched
            && now_ms < until_ms
        {
            return Standing::Benched { until_ms, class };
        }
        if now_ms < self.limited_until_ms {
            return Standing::Limited { until_ms: self.limited_until_ms };
        }
        match self.state {
            State::Closed { .. } => {
                let (ok, failed) = self.window(now_ms);
                // A quarter of failures: clearly worse than a healthy provider, not yet worth opening for.
                let degraded = ok + failed >= DEGRADED_MIN_OUTCOMES && failed * 4 >= ok + failed;
                if degraded { Standing::Degraded } else { Standing::Healthy }
            }
            State::Open { since_ms, for_ms } => self.probe_after(since_ms.saturating_add(for_ms), now_ms),
            State::HalfOpen { probe_since_ms, .. } => self.probe_after(probe_since_ms.saturating_add(PROBE_MS), now_ms),
        }
    }

    fn probe_after(&self, until_ms: u64, now_ms: u64) -> Standing {
        if now_ms < until_ms {
            return Standing::Open { until_ms };
        }
        let last = self.slow_failure_ms.is_some_and(|at| now_ms < at.saturating_add(SLOW_PROBE_LAST_MS));
        Standing::Probe { last }
    }

    /// Takes the permit for one request. Closed circuits always give it, half-open ones to one request at a time. An
    /// open one gives it too: who asks has nothing better left.
    pub fn admit(&mut self, now_ms: u64) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { for_ms, .. } => {
                self.state = State::HalfOpen { probe_since_ms: now_ms, for_ms };
                true
            }
            State::HalfOpen { probe_since_ms, for_ms } => {
                let free = now_ms >= probe_since_ms.saturating_add(PROBE_MS);
                if free {
                    self.state = State::HalfOpen { probe_since_ms: now_ms, for_ms };
                }
                free
            }
        }
    }

    /// Gives a permit back whose request ended without saying anything about the provider (the client left, or was
    /// itself at fault).
    pub fn release(&mut self, now_ms: u64) {
        if let State::HalfOpen { for_ms, .. } = self.state {
            self.state = State::Open { since_ms: now_ms.saturating_sub(for_ms), for_ms };
        }
    }

    /// Takes one outcome in.
    pub fn record(&mut self, outcome: Outcome, now_ms: u64) {
        match outcome {
            Outcome::FirstToken { after_ms } => {
                average(&mut self.first_token_ms, after_ms);
                self.benched = None;
                self.slow_failure_ms = None;
                // Failures in a row stay: a provider that cuts every stream begins every one of them. So the next failure
                // opens it again.
                if self.is_broken() {
                    self.close(FAILURES_IN_A_ROW - 1);
                }
            }
            Outcome::Success { after_ms, tokens_per_second } => {
                if self.is_broken() {
                    self.close(0);
                }
                self.count(true, now_ms);
                self.benched = None;
                self.slow_failure_ms = None;
                self.state = State::Closed { failures_in_a_row: 0 };
                if let Some(after_ms) = after_ms {
                    average(&mut self.first_token_ms, after_ms);
                }
                if let Some(speed) = tokens_per_second {
                    average(&mut self.tokens_per_second, speed);
                }
            }
            Outcome::Failure { slow } => {
                self.count(false, now_ms);
                self.slow_failure_ms = slow.then_some(now_ms);
                self.fail(true, now_ms);
            }
            Outcome::SoftFailure => {
                self.count(false, now_ms);
                self.fail(false, now_ms);
            }
            Outcome::Limited { until_ms } => {
                self.limited_until_ms = self.limited_until_ms.max(until_ms);
                self.release(now_ms);
            }
            Outcome::Benched { until_ms, class, .. } => {
                self.benched = Some((until_ms, class));
                self.release(now_ms);
            }
        }
    }

    const fn is_broken(&self) -> bool {
        matches!(self.state, State::Open { .. } | State::HalfOpen { .. })
    }

    /// It has recovered: the failures that opened it must not count as degraded, or keep it out for the rest of their
    /// window.
    fn close(&mut self, failures_in_a_row: u32) {
        self.state = State::Closed { failures_in_a_row };
        self.buckets = [Bucket::default(); BUCKETS];
    }

    fn fail(&mut self, in_a_row: bool, now_ms: u64) {
        let open = |for_ms: u64| State::Open { since_ms: now_ms, for_ms };
        self.state = match self.state {
            State::Closed { failures_in_a_row } => {
                let failures_in_a_row = failures_in_a_row + u32::from(in_a_row);
                let (ok, failed) = self.window(now_ms);
                let rate = ok + failed >= RATE_MIN_OUTCOMES && failed * 2 > ok + failed;
                if failures_in_a_row >= FAILURES_IN_A_ROW || rate {
                    open(OPEN_MIN_MS)
                } else {
                    State::Closed { failures_in_a_row }
                }
            }
            // A straggler that was sent before the circuit opened changes nothing.
            State::Open { since_ms, for_ms } => State::Open { since_ms, for_ms },
            State::HalfOpen { for_ms, .. } => open((for_ms * 2).min(OPEN_MAX_MS)),
        };
    }

    fn count(&mut self, ok: bool, now_ms: u64) {
        let epoch = now_ms / BUCKET_MS;
        if let Some(bucket) = self.buckets.get_mut((epoch % BUCKETS as u64) as usize) {
            if bucket.epoch != epoch {
                *bucket = Bucket { epoch, ok: 0, failed: 0 };
            }
            if ok { bucket.ok += 1 } else { bucket.failed += 1 }
        }
    }

    /// Successes and failures in the window.
    fn window(&self, now_ms: u64) -> (u32, u32) {
        let newest = now_ms / BUCKET_MS;
        self.buckets
            .iter()
            .filter(|bucket| newest.saturating_sub(bucket.epoch) < BUCKETS as u64)
            .fold((0, 0), |(ok, failed), bucket| (ok + bucket.ok, failed + bucket.failed))
    }

    /// The mean time to the first token, where anything is known.
    pub const fn first_token_ms(&self) -> Option<u64> {
        self.first_token_ms
    }

    /// The mean speed in completion tokens a second, where anything is known.
    pub const fn tokens_per_second(&self) -> Option<u64> {
        self.tokens_per_second
    }
}

/// An exponential mean with a weight of 1/4: it follows a change within a few requests.
fn average(mean: &mut Option<u64>, sample: u64) {
    *mean = Some(mean.map_or(sample, |mean| (mean.saturating_mul(3).saturating_add(sample)) / 4));
}
