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
/// The same before the client's own deadline, which may be shorter than a second as a whole. The first attempt always
/// starts.
pub const MIN_HURRIED_MS: u64 = 100;

/// What the machine knows of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The client asked for exactly this one.
    pub pinned: bool,
    /// The same number for all candidates of one provider.
    pub provider: usize,
    /// Its context window, where known.
    pub context_window: Option<u32>,
    /// It is not to be asked before then, milliseconds since the Unix epoch; 0 = now.
    pub not_before_ms: u64,
    /// How long one attempt at it may take: to the first token of a stream, to the whole reply otherwise.
    pub timeout_ms: u64,
    /// It is asked for a stream.
    pub streams: bool,
    /// How long it is waited for alone, in milliseconds: then the next candidate is started beside it. `None` = always.
    pub hedge_after_ms: Option<u64>,
    /// It is cheap enough to be started beside another one.
    pub beside: bool,
}

/// What a request may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// `auto` chose the candidates.
    pub auto: bool,
    /// When the request came, milliseconds since the Unix epoch.
    pub received_ms: u64,
    /// No later attempt than the first failover runs longer than so many milliseconds after that. `None` =
    /// [`MIN_DEADLINE_MS`], or twice the first candidate's timeout where that is longer.
    pub deadline_ms: Option<u64>,
    /// No attempt at all runs longer than so many milliseconds after that: the client says so.
    pub client_ms: Option<u64>,
    /// No stream may take longer than so many milliseconds to its first token: the client says so.
    pub attempt_ms: Option<u64>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Try this one now.
    Try(Try),
    /// Wait, then ask again.
    Wait {
        /// Milliseconds to wait.
        ms: u64,
    },
    /// Nothing is left to try.
    Stop,
}

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// The index of the candidate.
    pub candidate: usize,
    /// Milliseconds that the attempt may take.
    pub timeout_ms: u64,
    /// A deadline or the client leaves it less than its own timeout: when it runs out, that says nothing about the provider.
    pub shortened: bool,
    /// It was put off before, and nobody else is left: better a second probe of it than no answer.
    pub insist: bool,
    /// If it has not answered after so many milliseconds, [`Failover::hedge`] is to be asked.
    pub hedge_after_ms: Option<u64>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why it failed.
    pub class: ErrorClass,
    /// How long the provider asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Its circuit is open: others are better than to ask it again.
    pub resting: bool,
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

/// Whether all models of the provider fail alike.
const fn is_whole_provider(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Connect | ErrorClass::BadKey | ErrorClass::Billing)
}

/// An attempt that is on its way.
#[derive(Clone, Copy, Debug)]
struct Out {
    candidate: usize,
    repeated: bool,
    insist: bool,
}

/// The machine. One attempt is on its way at a time, or two of them where the second one hedges the first.
#[derive(Clone, Debug)]
pub struct Failover {
    slots: Vec<Slot>,
    /// The slots in the order in which they are tried.
    order: Vec<usize>,
    /// Those that were put off: they come after all others.
    put_off: Vec<usize>,
    /// How many of `order` and `put_off` were begun.
    at: usize,
    out: Vec<Out>,
    /// The candidate that is tried again, and when.
    again: Option<(usize, u64)>,
    attempts: u32,
    /// Candidates that were tried.
    tried: u32,
    max_attempts: u32,
    deadline_ms: u64,
    client_deadline_ms: u64,
    attempt_ms: u64,
    /// Only candidates with a window above this one.
    window_above: u32,
    /// A provider refused a parameter; the next refusal ends it.
    refused: bool,
    stopped: bool,
    out_of_time: bool,
}

impl Failover {
    /// A machine over `slots` in plan order.
    pub fn new(slots: Vec<Slot>, budget: Budget) -> Self {
        // One timeout and one failover after it always fit.
        let longest = slots.first().map_or(0, |slot| slot.timeout_ms).saturating_mul(2);
        let deadline_ms = budget.deadline_ms.unwrap_or(longest.max(MIN_DEADLINE_MS));
        Self {
            order: (0..slots.len()).collect(),
            put_off: Vec::new(),
            slots,
            at: 0,
            out: Vec::new(),
            again: None,
            attempts: 0,
            tried: 0,
            max_attempts: if budget.auto { MAX_ATTEMPTS_AUTO } else { MAX_ATTEMPTS },
            deadline_ms: budget.received_ms.saturating_add(deadline_ms),
            client_deadline_ms: budget.client_ms.map_or(u64::MAX, |ms| budget.received_ms.saturating_add(ms)),
            attempt_ms: budget.attempt_ms.unwrap_or(u64::MAX),
            window_above: 0,
            refused: false,
            stopped: false,
            out_of_time: false,
        }
    }

    /// What to do when no attempt is on its way.
    pub fn next(&mut self, now_ms: u64) -> Step {
        if self.stopped || self.attempts >= self.max_attempts {
            return Step::Stop;
        }
        if let Some((candidate, at_ms)) = self.again {
            if now_ms < at_ms {
                return Step::Wait { ms: at_ms - now_ms };
            }
            self.again = None;
            let insist = self.following().is_none();
            if let Some(attempt) = self.begin(Out { candidate, repeated: true, insist }, now_ms) {
                return Step::Try(attempt);
            }
        }
        let (at, candidate) = loop {
            let Some((at, candidate)) = self.following() else { return Step::Stop };
            let not_before_ms = self.slots.get(candidate).map_or(0, |slot| slot.not_before_ms);
            if now_ms < not_before_ms && not_before_ms < self.deadline_ms.min(self.client_deadline_ms) {
                return Step::Wait { ms: not_before_ms - now_ms };
            }
            self.at = at + 1;
            if now_ms >= not_before_ms {
                break (at, candidate);
            }
        };
        let attempt = self.begin(Out { candidate, repeated: false, insist: at >= self.order.len() }, now_ms);
        // Who has no time for this one has none for another one either.
        self.stopped |= attempt.is_none();
        attempt.map_or(Step::Stop, Step::Try)
    }

    /// The only attempt on its way has not answered yet: what is started beside it, if anything.
    pub fn hedge(&mut self, now_ms: u64) -> Option<Try> {
        let (at, candidate) = self.beside().filter(|_| self.out.len() == 1)?;
        self.at = at + 1;
        self.begin(Out { candidate, repeated: false, insist: false }, now_ms)
    }

    /// The next candidate, with its place.
    fn following(&self) -> Option<(usize, usize)> {
        let mut at = self.at;
        loop {
            let candidate = *self.order.get(at).or_else(|| self.put_off.get(at - self.order.len()))?;
            if self.large_enough(self.slots.get(candidate)?) {
                return Some((at, candidate));
            }
            at += 1;
        }
    }

    /// The next candidate, if it may be started beside another one.
    fn beside(&self) -> Option<(usize, usize)> {
        let next = self.following().filter(|_| !self.stopped && self.attempts < self.max_attempts);
        let may = |slot: &Slot| slot.beside && slot.not_before_ms == 0;
        next.filter(|(at, next)| *at < self.order.len() && self.slots.get(*next).is_some_and(may))
    }

    /// The attempt, unless too little time is left for it.
    fn begin(&mut self, out: Out, now_ms: u64) -> Option<Try> {
        let slot = *self.slots.get(out.candidate)?;
        // The first attempt and the first failover are always allowed, and in full, unless the client says otherwise.
        let in_full = !out.repeated && self.tried < 2;
        let client_ms = self.client_deadline_ms.saturating_sub(now_ms);
        let own_ms = if in_full { u64::MAX } else { self.deadline_ms.saturating_sub(now_ms) };
        let wanted_ms = if slot.streams { slot.timeout_ms.min(self.attempt_ms) } else { slot.timeout_ms };
        let timeout_ms = wanted_ms.min(client_ms).min(own_ms);
        let shortened = timeout_ms < slot.timeout_ms;
        let least_ms = match (self.attempts, own_ms < client_ms) {
            (0, _) => 1,
            (_, true) => MIN_ATTEMPT_MS,
            (_, false) => MIN_HURRIED_MS,
        };
        if timeout_ms == 0 || (timeout_ms < wanted_ms && timeout_ms < least_ms) {
            self.out_of_time |= client_ms <= own_ms;
            return None;
        }
        self.attempts += 1;
        self.tried += u32::from(!out.repeated);
        let hedge_after_ms = slot.hedge_after_ms.filter(|_| self.out.is_empty() && self.beside().is_some());
        // Who has little time shall still see both answers come in time.
        let hedge_after_ms = hedge_after_ms.map(|ms| ms.min(client_ms / 2)).filter(|&ms| ms < timeout_ms);
        self.out.push(out);
        Some(Try { candidate: out.candidate, timeout_ms, shortened, insist: out.insist, hedge_after_ms })
    }

    fn large_enough(&self, slot: &Slot) -> bool {
        self.window_above == 0 || slot.context_window.is_none_or(|window| window > self.window_above)
    }

    /// The attempt at this candidate ended.
    fn ended(&mut self, candidate: usize) -> Option<Out> {
        let at = self.out.iter().position(|out| out.candidate == candidate)?;
        Some(self.out.swap_remove(at))
    }

    /// The candidate that was to be tried is put off until all others failed, since another request is probing it. It
    /// does not count as an attempt. One that had its attempt already does not come back.
    pub fn put_off(&mut self, candidate: usize) {
        let Some(out) = self.ended(candidate) else { return };
        self.attempts = self.attempts.saturating_sub(1);
        self.tried = self.tried.saturating_sub(u32::from(!out.repeated));
        if !out.repeated && !out.insist {
            self.put_off.push(candidate);
        }
    }

    /// The attempt at this candidate failed.
    pub fn report(&mut self, candidate: usize, verdict: Verdict, now_ms: u64) {
        let (Some(out), Some(slot)) = (self.ended(candidate), self.slots.get(candidate).copied()) else {
            self.stopped = true;
            return;
        };
        let (again, others) = rule(verdict.class);
        if slot.pinned
            && !out.repeated
            && self.out.is_empty()
            && !(verdict.resting && self.following().is_some())
            && let Some(wait_ms) = self.wait_for_same(again, verdict, now_ms)
        {
            self.again = Some((candidate, now_ms.saturating_add(wait_ms)));
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
        if is_whole_provider(verdict.class) {
            self.put_behind(slot.provider);
        }
    }

    /// What else this provider offers comes after all others.
    fn put_behind(&mut self, provider: usize) {
        let rest = self.order.split_off(self.at.min(self.order.len()));
        let is_of_it = |candidate: &usize| self.slots.get(*candidate).is_some_and(|slot| slot.provider == provider);
        let (of_it, others): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(is_of_it);
        self.order.extend(others);
        self.order.extend(of_it);
    }

    /// How long to wait before the same candidate is tried again; `None` = it is not.
    fn wait_for_same(&self, again: Again, verdict: Verdict, now_ms: u64) -> Option<u64> {
        let left_ms = self.deadline_ms.min(self.client_deadline_ms).saturating_sub(now_ms);
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

    /// Nobody else is asked, whatever comes of an attempt that is still on its way.
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The client's deadline is over, or kept an attempt from being made.
    pub const fn out_of_time(&self, now_ms: u64) -> bool {
        self.out_of_time || now_ms >= self.client_deadline_ms
    }
}
