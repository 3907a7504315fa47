//! One request on its way through its candidates, up to the answer that the client gets.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::answer::Progress;
use super::ask::{Asked, Asker};
use super::chat::Answer;
use super::format::is_misformatted;
use super::ports::{HealthPort, Ports};
use super::served::tried;
use super::trail::End;
use crate::catalog::model::Effort;
use crate::dialect::classify::Failure;
use crate::dialect::effort::effort_of;
use crate::dialect::encoded::{AppliedEffort, applied};
use crate::health::circuit::{Admission, Permit, Standing};
use crate::health::outcome::Outcome;
use crate::routing::failover::{Budget, Failover, Slot, Step, Try, Verdict};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::usage::record::UsageRecord;

/// A candidate that is being asked.
type Asking<'s, 'r, R> = Pin<Box<dyn Future<Output = Result<Asked<'r, R>, Failure>> + 's>>;

/// One request on its way through its candidates.
pub(super) struct Run<'r, 'c, P> {
    pub(super) asker: Asker<'r, P>,
    pub(super) candidates: &'r [Candidate<'c>],
    /// The permit with which it probes candidates that are broken.
    pub(super) permit: Permit,
}

/// An attempt on its way.
#[derive(Clone, Copy)]
pub(super) struct Begun<'r, 'c> {
    attempt: Try,
    pub(super) candidate: &'r Candidate<'c>,
    /// The permit of the probe that it is.
    pub(super) permit: Option<Permit>,
    started_ms: u64,
    /// When its time is over.
    until_ms: u64,
}

impl<'r, 'c, P: Ports> Run<'r, 'c, P> {
    pub(super) async fn run(&self, record: UsageRecord) -> Answer<P::Reply> {
        let mut failover = self.failover();
        let mut progress = Progress::default();
        // One attempt, or two of which the second hedges the first.
        let mut out: Vec<(Begun<'r, 'c>, Asking<'_, 'r, P::Reply>)> = Vec::new();
        let mut hedge_at_ms: Option<u64> = None;
        loop {
            let now_ms = self.asker.ports.now_ms();
            let attempt = if out.is_empty() {
                match failover.next(now_ms) {
                    Step::Try(attempt) => Some(attempt),
                    Step::Wait { ms } => {
                        self.asker.ports.sleep(ms).await;
                        if !self.asker.ports.client_gone() {
                            continue;
                        }
                        progress.client_left();
                        return self.exhausted(record, &progress, None);
                    }
                    Step::Stop => {
                        let client_ms = self.asker.patience.total_ms.filter(|_| failover.out_of_time(now_ms));
                        if client_ms.is_none() && progress.failed.is_empty() {
                            progress.failed.extend(self.limited(now_ms));
                        }
                        return self.exhausted(record, &progress, client_ms);
                    }
                }
            } else {
                hedge_at_ms.filter(|&at_ms| at_ms <= now_ms).and_then(|_| failover.hedge(now_ms))
            };
            if let Some(attempt) = attempt {
                let Some(begun) = self.begin(attempt, now_ms).await else {
                    failover.put_off(attempt.candidate);
                    continue;
                };
                hedge_at_ms = attempt.hedge_after_ms.map(|ms| begun.started_ms.saturating_add(ms));
                out.push((begun, self.ask(begun)));
            } else {
                // Nobody is there for it.
                hedge_at_ms = None;
            }
            let Some((at, result)) = self.first_of(&mut out, hedge_at_ms).await else { continue };
            let (begun, _) = out.swap_remove(at);
            if result.is_ok()
                && let Some((other, _)) = out.pop()
            {
                self.lost(other, &mut progress);
            }
            if let Some(answer) = self.settle(begun, result, &mut failover, &mut progress, &record) {
                return answer;
            }
            if at > 0 {
                // The first one is as silent as before: the next one takes the hedge's place.
                hedge_at_ms = Some(self.asker.ports.now_ms());
            }
        }
    }

    /// Asks whether the candidate may be used now; `None` = another request is probing it, or it is to be left alone.
    async fn begin(&self, attempt: Try, now_ms: u64) -> Option<Begun<'r, 'c>> {
        let candidate = self.candidates.get(attempt.candidate)?;
        let (provider, model) = (&candidate.provider.id, &candidate.model.upstream_id);
        let admission = self.asker.ports.health().admit(provider, model, self.permit, attempt.insist).await;
        if admission == Admission::Busy && !attempt.insist {
            return None;
        }
        let permit = (admission == Admission::Probe).then_some(self.permit);
        let until_ms = now_ms.saturating_add(attempt.timeout_ms);
        Some(Begun { attempt, candidate, permit, started_ms: self.asker.ports.now_ms(), until_ms })
    }

    /// Asks the candidate, for as long as it may take.
    fn ask(&self, begun: Begun<'r, 'c>) -> Asking<'_, 'r, P::Reply> {
        let asker = &self.asker;
        Box::pin(async move {
            let left_ms = begun.until_ms.saturating_sub(asker.ports.now_ms());
            asker.ask(begun.candidate, left_ms, None).await
        })
    }

    /// Who answers or fails first, and how; `None` = it is time for a hedge.
    async fn first_of(
        &self,
        out: &mut [(Begun<'r, 'c>, Asking<'_, 'r, P::Reply>)],
        hedge_at_ms: Option<u64>,
    ) -> Option<(usize, Result<Asked<'r, P::Reply>, Failure>)> {
        let mut hedge =
            pin!(self.asker.ports.sleep(hedge_at_ms.unwrap_or(0).saturating_sub(self.asker.ports.now_ms())));
        poll_fn(|context| {
            for (at, (_, asking)) in out.iter_mut().enumerate() {
                if let Poll::Ready(result) = asking.as_mut().poll(context) {
                    return Poll::Ready(Some((at, result)));
                }
            }
            let waits = hedge_at_ms.is_none() || hedge.as_mut().poll(context).is_pending();
            if waits { Poll::Pending } else { Poll::Ready(None) }
        })
        .await
    }

    fn failover(&self) -> Failover {
        let config = &self.asker.gateway.config;
        let timeouts = &config.timeouts;
        let slot = |candidate: &Candidate<'_>| Slot {
            pinned: candidate.pinned,
            provider: self.candidates.iter().position(|one| one.provider.id == candidate.provider.id).unwrap_or(0),
            context_window: candidate.model.context_window,
            not_before_ms: candidate.not_before_ms.unwrap_or(0),
            timeout_ms: self.asker.timeout_ms(candidate),
            // What is mended has no first token that anybody sees.
            streams: self.asker.streams(candidate),
            hedge_after_ms: Some(timeouts.hedge_after_ms)
                .filter(|&ms| self.asker.streams(candidate) && ms > 0 && !self.thinks_long(candidate)),
            // Who is asked for all of the answer at once says nothing sooner than the one who is waited for. What a
            // provider gives away is not too dear because nobody knows its price.
            beside: self.asker.streams(candidate)
                && self
                    .asker
                    .prompt_usage(candidate)
                    .cost
                    .map_or(candidate.model.free, |cost| cost.total <= config.hedge_max_pico_usd),
        };
        let budget = Budget {
            // Who lists providers chooses them, as far as the list goes.
            auto: self.candidates.first().is_some_and(|candidate| candidate.auto)
                && self.asker.request.preferences.order.is_empty(),
            received_ms: self.asker.incoming.received_ms,
            deadline_ms: timeouts.deadline_ms,
            client_ms: self.asker.patience.total_ms,
            attempt_ms: self.asker.patience.first_token_ms,
        };
        Failover::new(self.candidates.iter().map(slot).collect(), budget)
    }

    /// A model whose silence before the first token is thought: it was asked for more than a little, or nobody said how
    /// much.
    fn thinks_long(&self, candidate: &Candidate<'_>) -> bool {
        candidate.model.capabilities.reasoning
            && match applied(self.asker.request, candidate.provider, &candidate.model) {
                AppliedEffort::None => true,
                AppliedEffort::Effort(effort) => effort > Effort::Low,
                AppliedEffort::Budget(tokens) => effort_of(tokens) > Effort::Low,
            }
    }

    /// The answer, if `result` is one; else the machine, the trail and the provider's health are told.
    fn settle(
        &self,
        begun: Begun<'r, 'c>,
        result: Result<Asked<'r, P::Reply>, Failure>,
        failover: &mut Failover,
        progress: &mut Progress<'r, 'c>,
        record: &UsageRecord,
    ) -> Option<Answer<P::Reply>> {
        let failure = match result.and_then(|asked| self.answer(begun, asked, record, progress)) {
            Ok(answer) => return Some(answer),
            Err(failure) => failure,
        };
        let now_ms = self.asker.ports.now_ms();
        let failure = failure.to_reset(begun.candidate.provider, now_ms);
        let (class, retry_after_ms) = (failure.class, failure.retry_after_ms);
        let hurried = begun.attempt.shortened && class == ErrorClass::Timeout;
        let outcome = if hurried || is_misformatted(&failure) {
            Outcome::Inconclusive
        } else {
            Outcome::of_failure(class, failure.status, retry_after_ms, now_ms)
        };
        self.record(begun, outcome);
        progress.failed(begun.candidate, failure, failover.is_stopped());
        let resting = self.rests(begun.candidate, now_ms);
        let verdict = Verdict { class, retry_after_ms, resting, random: self.asker.ports.random() };
        failover.report(begun.attempt.candidate, verdict, now_ms);
        None
    }

    /// Whether the candidate's circuit is open.
    fn rests(&self, candidate: &Candidate<'_>, now_ms: u64) -> bool {
        let (provider, model) = (&candidate.provider.id, &candidate.model.upstream_id);
        let standing = self.asker.ports.health().standing(provider, model, 0, now_ms);
        matches!(standing, Standing::Open { .. })
    }

    /// Another attempt was faster; this one's provider is paid for the prompt all the same. Who was silent until it was
    /// hedged and slower with the same prompt than one that began after it is slow: a provider that never answers would else
    /// be asked first by every request, each of which would wait for its hedge. Where the client's hurry began the hedge
    /// earlier, and of the hedge itself, nobody knows.
    fn lost(&self, begun: Begun<'r, 'c>, progress: &mut Progress<'r, 'c>) {
        let is_slow = begun.attempt.hedge_after_ms == Some(self.asker.gateway.config.timeouts.hedge_after_ms);
        let slow = Outcome::SoftFailure { class: ErrorClass::Timeout };
        self.record(begun, if is_slow { slow } else { Outcome::Inconclusive });
        progress.trail.push(tried(begun.candidate, None, End::Hedged));
        progress.lose(self.asker.prompt_usage(begun.candidate));
    }

    pub(super) fn record(&self, begun: Begun<'_, '_>, outcome: Outcome) {
        let candidate = begun.candidate;
        let (provider, model) = (&candidate.provider.id, &candidate.model.upstream_id);
        self.asker.ports.health().record(provider, model, outcome, begun.permit, self.asker.ports.now_ms());
    }
}
