//! The attempt loop as a state machine. It is told what happened and the time, and says what to do next; whoever
//! drives it only executes.
//!
//! It ends at the first token: what happens to a stream after that is not its business.

use super::failure::ErrorClass;

/// Attempts in all when `auto` chose the candidates.
pub const MAX_ATTEMPTS_AUTO: u32 = 4;
/// Attempts in all when the client named models: it may have listed several.
pub const MAX_ATTEMPTS: u32 = 6;
/// No new attempt starts this long after the request came (the first failover excepted), unless the first-token
/// timeout needs longer: a client that waits longer has usually given up.
pub const MIN_DEADLINE_MS: u64 = 45_000;
/// The longest `Retry-After` that is waited out for a pinned model.
pub const MAX_WAIT_OUT_MS: u64 = 5_000;
/// The least wait before the same candidate is tried again after a fault of its server.
pub const RETRY_MIN_MS: u64 = 250;
/// The most; the jitter between them keeps the retries of many clients apart.
pub const RETRY_MAX_MS: u64 = 750;

/// No attempt starts with less time than this before the deadline: it could only fail.
pub const MIN_ATTEMPT_MS: u64 = 1_000;

/// What the machine knows of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The client asked for exactly this one.
    pub pinned: bool,
    /// Its context window, where known.
    pub context_window: Option<u32>,
    /// How long one attempt at it may take: to the first token of a stream, to the whole reply otherwise.
    pub timeout_ms: u64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Try this candidate now, for at most so long.
    Try {
        /// Its index.
        candidate: usize,
        /// Milliseconds that the attempt may take.
        timeout_ms: u64,
        /// The request's deadline leaves less than the candidate's own timeout: when it runs out, that says nothing
        /// about the provider.
        shortened: bool,
        /// It was put off before, and nobody else is left: better a second probe of it than no answer.
        insist: bool,
    },
    /// Wait, then ask again.
    Wait {
        /// Milliseconds to wait.
        ms: u64,
    },
    /// Nothing is left to try.
    Stop,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why it failed.
    pub class: ErrorClass,
    /// How long the provider asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// A random number for the jitter.
    pub random: u64,
}

/// What a class means for the same candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    No,
    OnceIfPinned,
    WaitOutIfPinned,
}

/// What a class means for the other candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Next,
    LargerWindow,
    Once,
    None,
}

const fn rule(class: ErrorClass) -> (Again, Others) {
    match class {
        ErrorClass::Connect | ErrorClass::ServerError | ErrorClass::Overloaded => (Again::OnceIfPinned, Others::Next),
        ErrorClass::RateLimited => (Again::WaitOutIfPinned, Others::Next),
        ErrorClass::Timeout
        | ErrorClass::TooLargeForPlan
        | ErrorClass::QuotaExhausted
        | ErrorClass::BadKey
        | ErrorClass::Billing
        | ErrorClass::ModelUnavailable
        | ErrorClass::InvalidReply
        | ErrorClass::ModelMisbehaved
        | ErrorClass::StreamCut => (Again::No, Others::Next),
        ErrorClass::ContextLength => (Again::No, Others::LargerWindow),
        ErrorClass::BadRequest => (Again::No, Others::Once),
        ErrorClass::ContentFilter | ErrorClass::ClientClosed => (Again::No, Others::None),
    }
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Failover {
    slots: Vec<Slot>,
    /// The slots in the order in which they are tried; those that were put off stand there again at the end.
    order: Vec<usize>,
    at: usize,
    attempts: u32,
    /// Candidates that were tried, the present one included.
    tried: u32,
    max_attempts: u32,
    deadline_ms: u64,
    /// The candidate was tried again already.
    repeated: bool,
    /// Wait until then before the same candidate is tried again.
    wait_until_ms: Option<u64>,
    /// Only candidates with a window above this one.
    window_above: u32,
    /// A provider refused a parameter; the next refusal ends it.
    refused: bool,
    stopped: bool,
}

impl Failover {
    /// A machine over `slots` in plan order, for a request that came at `now_ms`.
    pub fn new(slots: Vec<Slot>, auto: bool, now_ms: u64) -> Self {
        // One timeout and one failover after it always fit.
        let longest = slots.first().map_or(0, |slot| slot.timeout_ms).saturating_mul(2);
        Self {
            order: (0..slots.len()).collect(),
            slots,
            at: 0,
            attempts: 0,
            tried: 0,
            max_attempts: if auto { MAX_ATTEMPTS_AUTO } else { MAX_ATTEMPTS },
            deadline_ms: now_ms.saturating_add(longest.max(MIN_DEADLINE_MS)),
            repeated: false,
            wait_until_ms: None,
            window_above: 0,
            refused: false,
            stopped: false,
        }
    }

    /// What to do now.
    pub fn next(&mut self, now_ms: u64) -> Step {
        if self.stopped || self.attempts >= self.max_attempts {
            return Step::Stop;
        }
        if let Some(until_ms) = self.wait_until_ms {
            if now_ms < until_ms {
                return Step::Wait { ms: until_ms - now_ms };
            }
            self.wait_until_ms = None;
        }
        while let Some((candidate, slot)) = self.current() {
            // The first attempt and the first failover are always allowed, and in full.
            let in_full = !self.repeated && self.tried < 2;
            let left_ms = self.deadline_ms.saturating_sub(now_ms);
            let timeout_ms = if in_full { slot.timeout_ms } else { slot.timeout_ms.min(left_ms) };
            let shortened = timeout_ms < slot.timeout_ms;
            if !self.large_enough(&slot) || (self.repeated && shortened && left_ms < MIN_ATTEMPT_MS) {
                self.advance();
                continue;
            }
            if timeout_ms == 0 || (shortened && timeout_ms < MIN_ATTEMPT_MS) {
                return Step::Stop;
            }
            self.attempts += 1;
            self.tried += u32::from(!self.repeated);
            return Step::Try { candidate, timeout_ms, shortened, insist: self.at >= self.slots.len() };
        }
        Step::Stop
    }

    fn large_enough(&self, slot: &Slot) -> bool {
        self.window_above == 0 || slot.context_window.is_none_or(|window| window > self.window_above)
    }

    fn advance(&mut self) {
        self.at += 1;
        self.repeated = false;
        self.wait_until_ms = None;
    }

    fn current(&self) -> Option<(usize, Slot)> {
        let candidate = *self.order.get(self.at)?;
        Some((candidate, *self.slots.get(candidate)?))
    }

    /// The candidate given by [`Step::Try`] is put off until all others failed, since another request is probing it. It
    /// does not count as an attempt. One that had its attempt already does not come back.
    pub fn put_off(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
        self.tried = self.tried.saturating_sub(u32::from(!self.repeated));
        if let Some((candidate, _)) = self.current().filter(|_| self.at < self.slots.len() && !self.repeated) {
            self.order.push(candidate);
        }
        self.advance();
    }

    /// The attempt given by [`Step::Try`] failed.
    pub fn report(&mut self, verdict: Verdict, now_ms: u64) {
        let Some((_, slot)) = self.current() else {
            self.stopped = true;
            return;
        };
        let (again, others) = rule(verdict.class);
        if slot.pinned
            && !self.repeated
            && let Some(wait_ms) = self.wait_for_same(again, verdict, now_ms)
        {
            self.repeated = true;
            self.wait_until_ms = Some(now_ms.saturating_add(wait_ms));
            return;
        }
        match others {
            Others::Next => {}
            Others::LargerWindow => {
                // Where a window is unknown, any other candidate may be larger.
                self.window_above = self.window_above.max(slot.context_window.unwrap_or(0));
            }
            Others::Once => {
                self.stopped |= self.refused;
                self.refused = true;
            }
            Others::None => self.stopped = true,
        }
        self.advance();
    }

    /// How long to wait before the same candidate is tried again; `None` = it is not.
    fn wait_for_same(&self, again: Again, verdict: Verdict, now_ms: u64) -> Option<u64> {
        let left_ms = self.deadline_ms.saturating_sub(now_ms);
        let wait_ms = match again {
            Again::No => return None,
            Again::OnceIfPinned => RETRY_MIN_MS + verdict.random % (RETRY_MAX_MS - RETRY_MIN_MS + 1),
            Again::WaitOutIfPinned => verdict.retry_after_ms.filter(|&ms| ms <= MAX_WAIT_OUT_MS)?,
        };
        (wait_ms < left_ms).then_some(wait_ms)
    }

    /// Attempts so far.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}
