//! The circuit breaker of one (provider, model): Closed -> Open -> HalfOpen -> Closed, with a single probe at a time,
//! and the times until which the provider asked to be left alone.

use super::headroom::{Headroom, Load};
use super::outcome::Outcome;
use super::window::Window;
use crate::routing::failure::ErrorClass;

/// Failures in a row that open the circuit.
pub const FAILURES_IN_A_ROW: u32 = 3;
/// The least number of outcomes in the window for the failure rate to count.
pub const RATE_MIN_OUTCOMES: u32 = 8;
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

/// A stored circuit that nobody has probed for so long after its time was up is of a model or a key that is not used any
/// more.
pub const FORGOTTEN_MS: u64 = 24 * 60 * 60 * 1000;

/// Names one probe, so that nobody else's outcome is taken for it. Whoever asks for a permit makes it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit(pub u64);

/// What a request is told that is about to use a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The circuit is closed: no permit is needed.
    Free,
    /// The request is the probe; its outcome decides.
    Probe,
    /// Another request is probing it.
    Busy,
}

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
    /// By its own figures nothing is left there until then. Providers miscount, so it is better than no answer.
    Spent {
        /// Milliseconds since the Unix epoch.
        until_ms: u64,
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

/// The state of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Closed {
        /// Failures since the last whole answer.
        failures_in_a_row: u32,
    },
    /// It failed too often.
    Open {
        /// Milliseconds since the Unix epoch.
        since_ms: u64,
        /// How long it stays open, in milliseconds.
        for_ms: u64,
    },
    /// A probe is out.
    HalfOpen {
        /// When the probe began, milliseconds since the Unix epoch.
        probe_since_ms: u64,
        /// How long it was open before, in milliseconds.
        for_ms: u64,
        /// Whose the probe is.
        permit: Permit,
    },
}

/// Until when it is left alone, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bench {
    /// Milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// Why.
    pub class: ErrorClass,
}

/// A failure that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastError {
    /// What it was.
    pub class: ErrorClass,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// The breaker itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circuit {
    pub(super) state: State,
    pub(super) slow_failure_ms: Option<u64>,
    pub(super) limited_until_ms: u64,
    pub(super) benched: Option<Bench>,
    pub(super) window: Window,
    pub(super) first_token_ms: Option<u64>,
    pub(super) tokens_per_second: Option<u64>,
    pub(super) last_error: Option<LastError>,
    pub(super) headroom: Option<Headroom>,
}

/// The part of a circuit that outlives its owner; see [`Circuit::lasting`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    state: Option<State>,
    limited_until_ms: u64,
    benched: Option<Bench>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            state: State::Closed { failures_in_a_row: 0 },
            slow_failure_ms: None,
            limited_until_ms: 0,
            benched: None,
            window: Window::default(),
            first_token_ms: None,
            tokens_per_second: None,
            last_error: None,
            headroom: None,
        }
    }
}

impl Circuit {
    /// How it stands at `now_ms` for one request.
    pub fn standing(&self, now_ms: u64) -> Standing {
        self.standing_for(Load::ONE, now_ms)
    }

    /// The same for a request that makes this load, together with all that the provider may not have counted yet.
    pub fn standing_for(&self, load: Load, now_ms: u64) -> Standing {
        let standing = self.standing_by_outcomes(now_ms);
        let usable = matches!(standing, Standing::Healthy | Standing::Degraded | Standing::Probe { .. });
        let spent = self.headroom.filter(|_| usable).and_then(|headroom| headroom.spent_until_ms(load, now_ms));
        spent.map_or(standing, |until_ms| Standing::Spent { until_ms })
    }

    fn standing_by_outcomes(&self, now_ms: u64) -> Standing {
        if let Some(Bench { until_ms, class }) = self.benched
            && now_ms < until_ms
        {
            return Standing::Benched { until_ms, class };
        }
        if now_ms < self.limited_until_ms {
            return Standing::Limited { until_ms: self.limited_until_ms };
        }
        match self.state {
            State::Closed { .. } => {
                let (ok, failed) = self.window.totals(now_ms);
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

    /// Whether it is open and its time not up.
    pub const fn rests(&self, now_ms: u64) -> bool {
        matches!(self.state, State::Open { since_ms, for_ms } if now_ms < since_ms.saturating_add(for_ms))
    }

    /// Takes the permit for one request. Closed circuits need none, half-open ones give it to one request at a time. An
    /// open one gives it too: who asks has nothing better left. Asking again with the same permit changes nothing.
    pub fn admit(&mut self, permit: Permit, now_ms: u64) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Free,
            State::HalfOpen { permit: holder, .. } if holder == permit => Admission::Probe,
            State::HalfOpen { probe_since_ms, .. } if now_ms < probe_since_ms.saturating_add(PROBE_MS) => {
                Admission::Busy
            }
            State::Open { for_ms, .. } | State::HalfOpen { for_ms, .. } => {
                // A probe before its time that fails must not make the time longer.
                let for_ms = if self.rests(now_ms) { for_ms / 2 } else { for_ms };
                self.state = State::HalfOpen { probe_since_ms: now_ms, for_ms, permit };
                Admission::Probe
            }
        }
    }

    /// Takes one outcome in. `permit` is that of the probe it is the outcome of: what was sent before the circuit
    /// opened says nothing about now, so while it is broken only the probe moves it.
    pub fn record(&mut self, outcome: Outcome, permit: Option<Permit>, now_ms: u64) {
        // What is over is not kept for ever, here or in storage.
        if self.limited_until_ms <= now_ms {
            self.limited_until_ms = 0;
        }
        let decides = match self.state {
            State::Closed { .. } => true,
            State::Open { .. } => false,
            State::HalfOpen { permit: holder, .. } => permit == Some(holder),
        };
        match outcome {
            Outcome::FirstToken { after_ms } => {
                average(&mut self.first_token_ms, after_ms);
                self.answered();
                // Failures in a row stay: a provider that cuts every stream begins every one of them. So the next failure
                // opens it again.
                if decides && self.is_broken() {
                    self.close(FAILURES_IN_A_ROW - 1);
                }
            }
            Outcome::Success { after_ms, tokens_per_second, count } => {
                self.answered();
                if decides {
                    if self.is_broken() {
                        self.close(0);
                    }
                    self.state = State::Closed { failures_in_a_row: 0 };
                }
                self.window.count(true, count, now_ms);
                if let Some(after_ms) = after_ms {
                    average(&mut self.first_token_ms, after_ms);
                }
                if let Some(speed) = tokens_per_second {
                    average(&mut self.tokens_per_second, speed);
                }
            }
            Outcome::Failure { class } => {
                self.failed(class, now_ms);
                self.slow_failure_ms = (class == ErrorClass::Timeout).then_some(now_ms);
                if decides {
                    self.fail(true, now_ms);
                }
            }
            Outcome::SoftFailure { class } => {
                self.failed(class, now_ms);
                if class == ErrorClass::Timeout {
                    self.slow_failure_ms = Some(now_ms);
                }
                if decides {
                    self.fail(false, now_ms);
                }
            }
            Outcome::Limited { until_ms } => {
                self.last_error = Some(LastError { class: ErrorClass::RateLimited, at_ms: now_ms });
                self.limited_until_ms = self.limited_until_ms.max(until_ms);
                self.release(permit, now_ms);
            }
            Outcome::Benched { until_ms, class, provider_wide } => {
                self.last_error = Some(LastError { class, at_ms: now_ms });
                self.benched = Some(Bench { until_ms, class });
                self.release(permit, now_ms);
                if provider_wide && !matches!(self.state, State::HalfOpen { .. }) {
                    // When the bench is over, one request finds out whether the key was mended, not all of them.
                    self.state = State::Open { since_ms: now_ms, for_ms: until_ms.saturating_sub(now_ms) };
                }
            }
            Outcome::Headroom(headroom) => {
                self.headroom = Some(self.headroom.map_or(headroom, |known| known.newest(headroom)));
            }
            Outcome::Inconclusive => self.release(permit, now_ms),
        }
    }

    /// Gives the permit back of a probe that ended without saying whether the provider works.
    fn release(&mut self, permit: Option<Permit>, now_ms: u64) {
        if let State::HalfOpen { for_ms, permit: holder, .. } = self.state
            && permit == Some(holder)
        {
            self.state = State::Open { since_ms: now_ms.saturating_sub(for_ms), for_ms };
        }
    }

    /// A probe of a provider that was benched as a whole was answered: the key is good.
    pub(super) fn accepted(&mut self, permit: Permit) {
        if let State::HalfOpen { permit: holder, .. } = self.state
            && permit == holder
        {
            self.answered();
            self.close(0);
        }
    }

    const fn answered(&mut self) {
        self.benched = None;
        self.slow_failure_ms = None;
    }

    fn failed(&mut self, class: ErrorClass, now_ms: u64) {
        self.last_error = Some(LastError { class, at_ms: now_ms });
        self.window.count(false, 1, now_ms);
    }

    const fn is_broken(&self) -> bool {
        matches!(self.state, State::Open { .. } | State::HalfOpen { .. })
    }

    /// It has recovered: the failures that opened it must not count as degraded, or keep it out for the rest of their
    /// window.
    fn close(&mut self, failures_in_a_row: u32) {
        self.state = State::Closed { failures_in_a_row };
        self.window = Window::default();
    }

    fn fail(&mut self, in_a_row: bool, now_ms: u64) {
        let open = |for_ms: u64| State::Open { since_ms: now_ms, for_ms };
        self.state = match self.state {
            State::Closed { failures_in_a_row } => {
                let failures_in_a_row = failures_in_a_row + u32::from(in_a_row);
                let (ok, failed) = self.window.totals(now_ms);
                let rate = ok + failed >= RATE_MIN_OUTCOMES && failed * 2 > ok + failed;
                if failures_in_a_row >= FAILURES_IN_A_ROW || rate {
                    open(OPEN_MIN_MS)
                } else {
                    State::Closed { failures_in_a_row }
                }
            }
            State::Open { since_ms, for_ms } => State::Open { since_ms, for_ms },
            State::HalfOpen { for_ms, .. } => open((for_ms * 2).min(OPEN_MAX_MS)),
        };
    }

    /// What must not be forgotten when the object that keeps it is evicted: whoever was told to wait, waits. Counts and
    /// means come back by themselves.
    pub fn lasting(&self) -> Option<Lasting> {
        let state = match self.state {
            State::Closed { .. } => None,
            broken @ (State::Open { .. } | State::HalfOpen { .. }) => Some(broken),
        };
        let lasting = Lasting { state, limited_until_ms: self.limited_until_ms, benched: self.benched };
        (lasting != Lasting::default()).then_some(lasting)
    }

    /// The state of the breaker.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Successes and failures in the last [`RATE_WINDOW_MS`].
    ///
    /// [`RATE_WINDOW_MS`]: super::window::RATE_WINDOW_MS
    pub fn totals(&self, now_ms: u64) -> (u32, u32) {
        self.window.totals(now_ms)
    }

    /// The failure that was seen last.
    pub const fn last_error(&self) -> Option<LastError> {
        self.last_error
    }

    /// Whether nobody has to wait any more for what [`Self::lasting`] tells.
    pub fn is_over(&self, now_ms: u64) -> bool {
        let state_is_over = match self.state {
            State::Closed { .. } => true,
            State::Open { since_ms: at_ms, for_ms } | State::HalfOpen { probe_since_ms: at_ms, for_ms, .. } => {
                at_ms.saturating_add(for_ms).saturating_add(FORGOTTEN_MS) <= now_ms
            }
        };
        state_is_over && self.limited_until_ms <= now_ms && self.benched.is_none_or(|bench| bench.until_ms <= now_ms)
    }

    /// What the provider said last of requests and tokens that are left.
    pub const fn headroom(&self) -> Option<Headroom> {
        self.headroom
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
