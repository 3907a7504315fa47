//! One request on its way through its candidates, up to the answer that the client gets.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::ask::{Asked, Asker};
use super::attempt::Answered;
use super::chat::Answer;
use super::format::is_misformatted;
use super::ports::{HealthPort, Ports};
use super::served::{answer_headers, record_of, speed, trail_headers, tried};
use super::stream::{Committed, Leg, Relay, StreamAccount};
use super::trail::{End, Trail};
use super::{custom, headers};
use crate::catalog::model::Effort;
use crate::dialect::classify::Failure;
use crate::dialect::effort::effort_of;
use crate::dialect::encoded::{AppliedEffort, applied};
use crate::dialect::openai::reply;
use crate::health::circuit::{Admission, Permit, Standing};
use crate::health::outcome::Outcome;
use crate::openai::exclude::without_reasoning;
use crate::routing::exhaustion::{self, CLIENT_CLOSED, Failed};
use crate::routing::failover::{Budget, Failover, Slot, Step, Try, Verdict};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::usage::price::usd;
use crate::usage::record::UsageRecord;
use crate::usage::render::{Usage, usage_json};

/// A candidate that is being asked.
type Asking<'s, 'r, R> = Pin<Box<dyn Future<Output = Result<Asked<'r, R>, Failure>> + 's>>;

/// One request on its way through its candidates.
pub(super) struct Run<'r, 'c, P> {
    pub(super) asker: Asker<'r, P>,
    pub(super) candidates: &'r [Candidate<'c>],
    /// The permit with which it probes candidates that are broken.
    pub(super) permit: Permit,
}

/// What has been tried so far.
#[derive(Default)]
struct Progress<'r, 'c> {
    trail: Trail,
    failed: Vec<Failed>,
    last: Option<&'r Candidate<'c>>,
    /// What the attempt cost that lost to another one.
    lost: Option<Usage>,
}

/// An attempt on its way.
#[derive(Clone, Copy)]
struct Begun<'r, 'c> {
    attempt: Try,
    candidate: &'r Candidate<'c>,
    /// The permit of the probe that it is.
    permit: Option<Permit>,
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
            hedge_after_ms: Some(timeouts.hedge_after_ms)
                .filter(|&ms| self.asker.streams(candidate) && ms > 0 && !self.thinks_long(candidate)),
            // What a provider gives away is not too dear because nobody knows its price.
            beside: self
                .asker
                .prompt_usage(candidate)
                .cost
                .map_or(candidate.model.free, |cost| cost.total <= config.hedge_max_pico_usd),
        };
        // What is mended has no first token that anybody sees.
        let streams = self.candidates.first().is_some_and(|candidate| self.asker.streams(candidate));
        let budget = Budget {
            // Who lists providers chooses them, as far as the list goes.
            auto: self.candidates.first().is_some_and(|candidate| candidate.auto)
                && self.asker.request.preferences.order.is_empty(),
            received_ms: self.asker.incoming.received_ms,
            deadline_ms: timeouts.deadline_ms,
            client_ms: self.asker.patience.total_ms,
            attempt_ms: self.asker.patience.first_token_ms.filter(|_| streams),
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
        progress.lost = Some(self.asker.prompt_usage(begun.candidate));
    }

    fn record(&self, begun: Begun<'_, '_>, outcome: Outcome) {
        let candidate = begun.candidate;
        let (provider, model) = (&candidate.provider.id, &candidate.model.upstream_id);
        self.asker.ports.health().record(provider, model, outcome, begun.permit, self.asker.ports.now_ms());
    }

    /// What the client gets of a candidate that answers.
    fn answer(
        &self,
        begun: Begun<'r, 'c>,
        asked: Asked<'r, P::Reply>,
        record: &UsageRecord,
        progress: &mut Progress<'r, 'c>,
    ) -> Result<Answer<P::Reply>, Failure> {
        let Begun { candidate, permit, .. } = begun;
        let Asked { answered, encoded, started_ms, secret } = asked;
        let Asker { ports, incoming, request, .. } = self.asker;
        let provider = candidate.provider;
        match answered {
            Answered::Whole { status, body } => {
                let body = self.asker.translation(candidate).reply(&body);
                let completion = reply::judge(&body, status, provider, secret.map(|key| key.expose()))?;
                let choices = self.asker.healed(candidate, &completion, status)?;
                let completion = completion.with_choices(&choices);
                let mut served = self.asker.served(candidate, status, record, &mut progress.trail);
                let now_ms = ports.now_ms();
                let took_ms = now_ms.saturating_sub(started_ms);
                let usage = served.usage(completion.tokens, completion.charge.as_ref(), completion.text_bytes);
                self.record(begun, Outcome::success(Some(took_ms), speed(&usage, took_ms)));
                let mut headers = answer_headers(&served, &encoded, &progress.trail);
                let told = usage_json(&usage, completion.usage);
                let mut body = completion.with(&told, &served.metadata);
                if request.reasoning.exclude {
                    body = without_reasoning(&body).unwrap_or(body);
                }
                let answer = if request.stream {
                    served.record.ttft_ms = Some(now_ms.saturating_sub(incoming.received_ms));
                    let body = self.asker.replayed(&body, completion.usage, &told, &served.metadata);
                    Answer::Replayed { headers, body }
                } else {
                    if let Some(cost) = &usage.cost {
                        headers.push((headers::COST_USD, usd(cost.total)));
                    }
                    Answer::Whole { headers, body }
                };
                let gone = ports.client_gone();
                if gone {
                    served.record.error_class = Some(ErrorClass::ClientClosed.as_str());
                }
                let usage = progress.lost.map_or(usage, |lost| usage.with(&[lost]));
                served.account(ports, &usage, if gone { CLIENT_CLOSED } else { 200 }, now_ms);
                Ok(answer)
            }
            Answered::Stream { gate, reply } => {
                let mut served = self.asker.served(candidate, 200, record, &mut progress.trail);
                let now_ms = ports.now_ms();
                self.record(begun, Outcome::FirstToken { after_ms: now_ms.saturating_sub(started_ms) });
                served.record.ttft_ms = Some(now_ms.saturating_sub(incoming.received_ms));
                let (relay, prefix) = Relay::begin(request, &served, *gate);
                let headers = answer_headers(&served, &encoded, &progress.trail);
                let idle_ms = self.asker.idle_ms(candidate);
                let own_idle_ms =
                    self.asker.gateway.config.timeouts.stream_idle(candidate.model.capabilities.reasoning);
                let account = StreamAccount {
                    served,
                    permit,
                    attempt_started_ms: started_ms,
                    secret: secret.cloned(),
                    trail: std::mem::take(&mut progress.trail),
                    used: Vec::new(),
                    resumes: Vec::new(),
                    lost: progress.lost,
                    impatient: idle_ms < own_idle_ms,
                };
                let leg = Leg { prefix, reply, relay, idle_ms };
                Ok(Answer::Stream(Box::new(Committed { headers, leg, account, request: None })))
            }
        }
    }

    /// Nobody was asked: the one whose limit ends soonest, for which the request cannot wait.
    fn limited(&self, now_ms: u64) -> Option<Failed> {
        let until_ms = |candidate: &&Candidate<'_>| candidate.not_before_ms.unwrap_or(u64::MAX);
        let soonest = self.candidates.iter().min_by_key(until_ms)?;
        Some(Failed {
            class: ErrorClass::RateLimited,
            provider: soonest.provider.id.to_string(),
            message: None,
            param: None,
            retry_after_ms: Some(soonest.not_before_ms?.saturating_sub(now_ms)),
        })
    }

    /// Nobody answered; in the time that the client gave, if that is what ran out.
    fn exhausted(&self, record: UsageRecord, progress: &Progress<'r, 'c>, client_ms: Option<u64>) -> Answer<P::Reply> {
        let mut error = match client_ms {
            Some(ms) => exhaustion::out_of_time(&progress.failed, ms),
            None => exhaustion::error(&progress.failed),
        };
        if self.asker.custom.is_some()
            && progress.trail.last_status().is_some_and(|status| (300..400).contains(&status))
        {
            error = custom::redirects();
        }
        error.metadata = Some(format!("{{\"routing\":{}}}", progress.trail.routing_json()));
        let now_ms = self.asker.ports.now_ms();
        let class = progress.failed.last().map(|failed| failed.class);
        let class = class.or(client_ms.map(|_| ErrorClass::Timeout));
        self.asker.ports.account(UsageRecord {
            status: error.status,
            error_class: class.map(ErrorClass::as_str),
            latency_ms: now_ms.saturating_sub(record.created_at),
            ..record_of(&record, &progress.trail, progress.last)
        });
        Answer::Error { error, headers: trail_headers(&progress.trail) }
    }
}

impl<'r, 'c> Progress<'r, 'c> {
    /// An attempt failed. Where the one before it decided the answer it was only still on its way, and stays before that.
    fn failed(&mut self, candidate: &'r Candidate<'c>, failure: Failure, decided: bool) {
        self.last = Some(candidate);
        self.trail.push(tried(candidate, failure.status, End::Failed(failure.class)));
        let place = self.failed.len().saturating_sub(usize::from(decided));
        let failed = Failed {
            class: failure.class,
            provider: candidate.provider.id.to_string(),
            message: failure.message,
            param: failure.param,
            retry_after_ms: failure.retry_after_ms,
        };
        self.failed.insert(place, failed);
    }

    /// The client left while nobody was being asked.
    fn client_left(&mut self) {
        self.failed.push(Failed {
            class: ErrorClass::ClientClosed,
            provider: String::new(),
            message: None,
            param: None,
            retry_after_ms: None,
        });
    }
}
