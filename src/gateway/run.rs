//! One request on its way through its candidates, up to the answer that the client gets.

use super::ask::{Asked, Asker};
use super::attempt::Answered;
use super::chat::Answer;
use super::headers;
use super::ports::{HealthPort, Ports};
use super::served::{answer_headers, record_of, speed, trail_headers, tried};
use super::stream::{Committed, Leg, Relay, StreamAccount};
use super::trail::{End, Trail};
use crate::dialect::classify::Failure;
use crate::dialect::openai::reply;
use crate::health::circuit::{Admission, Permit};
use crate::health::outcome::Outcome;
use crate::routing::exhaustion::{self, CLIENT_CLOSED, Failed};
use crate::routing::failover::{Failover, Slot, Step, Verdict};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::routing::tokens;
use crate::usage::price::usd;
use crate::usage::record::UsageRecord;
use crate::usage::render::usage_json;

/// One request on its way through its candidates.
pub(super) struct Run<'r, 'c, P> {
    pub(super) asker: Asker<'r, P>,
    pub(super) candidates: &'r [Candidate<'c>],
    /// The permit with which it probes candidates that are broken.
    pub(super) permit: Permit,
}

/// What has been tried so far.
struct Progress<'r, 'c> {
    trail: Trail,
    failed: Vec<Failed>,
    last: Option<&'r Candidate<'c>>,
}

impl<'r, 'c, P: Ports> Run<'r, 'c, P> {
    pub(super) async fn run(&self, record: UsageRecord) -> Answer<P::Reply> {
        let mut failover = self.failover();
        let mut progress = Progress { trail: Trail::default(), failed: Vec::new(), last: None };
        loop {
            match failover.next(self.asker.ports.now_ms()) {
                Step::Wait { ms } => {
                    self.asker.ports.sleep(ms).await;
                    if self.asker.ports.client_gone() {
                        progress.client_left();
                        return self.exhausted(record, &progress);
                    }
                }
                Step::Stop => return self.exhausted(record, &progress),
                Step::Try { candidate, timeout_ms, shortened, insist } => {
                    let Some(candidate) = self.candidates.get(candidate) else {
                        return self.exhausted(record, &progress);
                    };
                    let (provider, model) = (&candidate.provider.id, &candidate.model.upstream_id);
                    let admission = self.asker.ports.health().admit(provider, model, self.permit).await;
                    if admission == Admission::Busy && !insist {
                        failover.put_off();
                        continue;
                    }
                    let permit = (admission == Admission::Probe).then_some(self.permit);
                    let failure = match self.attempt(candidate, timeout_ms, permit, &record, &mut progress).await {
                        Ok(answer) => return answer,
                        Err(failure) => failure,
                    };
                    let now_ms = self.asker.ports.now_ms();
                    let (class, retry_after_ms) = (failure.class, failure.retry_after_ms);
                    let outcome = if shortened && class == ErrorClass::Timeout {
                        Outcome::Inconclusive
                    } else {
                        Outcome::of_failure(class, failure.status, retry_after_ms, now_ms)
                    };
                    self.asker.ports.health().record(provider, model, outcome, permit, now_ms);
                    progress.failed(candidate, failure);
                    failover.report(Verdict { class, retry_after_ms, random: self.asker.ports.random() }, now_ms);
                }
            }
        }
    }

    fn failover(&self) -> Failover {
        let timeouts = &self.asker.gateway.config.timeouts;
        let slots = self.candidates.iter().map(|candidate| Slot {
            pinned: candidate.pinned,
            context_window: candidate.model.context_window,
            timeout_ms: timeouts.attempt(self.asker.request.stream, candidate.model.capabilities.reasoning),
        });
        let auto = self.candidates.first().is_some_and(|candidate| candidate.auto);
        Failover::new(slots.collect(), auto, self.asker.incoming.received_ms)
    }

    /// One attempt, up to the answer that the client gets.
    async fn attempt(
        &self,
        candidate: &Candidate<'_>,
        timeout_ms: u64,
        permit: Option<Permit>,
        record: &UsageRecord,
        progress: &mut Progress<'r, 'c>,
    ) -> Result<Answer<P::Reply>, Failure> {
        let asked = self.asker.ask(candidate, timeout_ms, None).await?;
        self.answer(candidate, asked, permit, record, progress)
    }

    /// What the client gets of a candidate that answers.
    fn answer(
        &self,
        candidate: &Candidate<'_>,
        asked: Asked<'r, P::Reply>,
        permit: Option<Permit>,
        record: &UsageRecord,
        progress: &mut Progress<'r, 'c>,
    ) -> Result<Answer<P::Reply>, Failure> {
        let Asked { answered, encoded, started_ms, secret } = asked;
        let Asker { gateway, ports, incoming, request, prompt_tokens, .. } = self.asker;
        let provider = candidate.provider;
        match answered {
            Answered::Whole { status, body } => {
                let completion = reply::judge(&body, status, provider, secret.map(|key| key.expose()))?;
                let mut served = self.asker.served(candidate, status, record, &mut progress.trail);
                let now_ms = ports.now_ms();
                let took_ms = now_ms.saturating_sub(started_ms);
                let (tokens, estimated) = tokens::settle(completion.tokens, completion.text_bytes, prompt_tokens);
                let outcome = Outcome::success(Some(took_ms), speed(&tokens, estimated, took_ms));
                ports.health().record(&provider.id, &candidate.model.upstream_id, outcome, permit, now_ms);
                let usage = served.usage(tokens, estimated);
                let mut headers = answer_headers(&served, &encoded, &progress.trail);
                if let Some(cost) = &usage.cost {
                    headers.push((headers::COST_USD, usd(cost.total())));
                }
                let body = completion.with(&usage_json(&usage, completion.usage), &served.metadata);
                let gone = ports.client_gone();
                if gone {
                    served.record.error_class = Some(ErrorClass::ClientClosed.as_str());
                }
                served.account(ports, &usage, if gone { CLIENT_CLOSED } else { 200 }, now_ms);
                Ok(Answer::Whole { headers, body })
            }
            Answered::Stream { gate, reply } => {
                let mut served = self.asker.served(candidate, 200, record, &mut progress.trail);
                let now_ms = ports.now_ms();
                let outcome = Outcome::FirstToken { after_ms: now_ms.saturating_sub(started_ms) };
                ports.health().record(&provider.id, &candidate.model.upstream_id, outcome, permit, now_ms);
                served.record.ttft_ms = Some(now_ms.saturating_sub(incoming.received_ms));
                let (relay, prefix) = Relay::begin(request, &served, *gate);
                let headers = answer_headers(&served, &encoded, &progress.trail);
                let account = StreamAccount {
                    served,
                    permit,
                    prompt_estimate: prompt_tokens,
                    attempt_started_ms: started_ms,
                    secret: secret.cloned(),
                    trail: std::mem::take(&mut progress.trail),
                    used: Vec::new(),
                    resumes: Vec::new(),
                };
                let idle_ms = gateway.config.timeouts.stream_idle(candidate.model.capabilities.reasoning);
                let leg = Leg { prefix, reply, relay, idle_ms };
                Ok(Answer::Stream(Box::new(Committed { headers, leg, account, request: None })))
            }
        }
    }

    fn exhausted(&self, record: UsageRecord, progress: &Progress<'r, 'c>) -> Answer<P::Reply> {
        let mut error = exhaustion::error(&progress.failed);
        error.metadata = Some(format!("{{\"routing\":{}}}", progress.trail.routing_json()));
        let now_ms = self.asker.ports.now_ms();
        let last = progress.failed.last();
        self.asker.ports.account(UsageRecord {
            status: error.status,
            error_class: last.map(|failed| failed.class.as_str()),
            latency_ms: now_ms.saturating_sub(record.created_at),
            ..record_of(&record, &progress.trail, progress.last)
        });
        Answer::Error { error, headers: trail_headers(&progress.trail) }
    }
}

impl<'r, 'c> Progress<'r, 'c> {
    fn failed(&mut self, candidate: &'r Candidate<'c>, failure: Failure) {
        self.last = Some(candidate);
        self.trail.push(tried(candidate, failure.status, End::Failed(failure.class)));
        self.failed.push(Failed {
            class: failure.class,
            provider: candidate.provider.id.to_string(),
            message: failure.message,
            param: failure.param,
            retry_after_ms: failure.retry_after_ms,
        });
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
