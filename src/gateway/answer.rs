//! What comes of a run: the answer of a candidate as the client gets it, or the error where nobody answered; and what the
//! accounts are told of either.

use super::ask::{Asked, Asker};
use super::attempt::Answered;
use super::chat::Answer;
use super::ports::Ports;
use super::run::{Begun, Run};
use super::served::{answer_headers, record_of, speed, trail_headers, tried, used};
use super::stream::{Committed, Leg, Relay, StreamAccount};
use super::trail::{End, Trail};
use super::{custom, headers};
use crate::dialect::classify::Failure;
use crate::dialect::openai::reply;
use crate::health::outcome::Outcome;
use crate::openai::exclude::without_reasoning;
use crate::routing::exhaustion::{self, CLIENT_CLOSED, Failed};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::usage::price::usd;
use crate::usage::record::UsageRecord;
use crate::usage::render::{Usage, usage_json};

/// What has been tried so far.
#[derive(Default)]
pub(super) struct Progress<'r, 'c> {
    pub(super) trail: Trail,
    pub(super) failed: Vec<Failed>,
    last: Option<&'r Candidate<'c>>,
    /// What the attempts cost whose answers the client does not get.
    lost: Option<Usage>,
}

impl<'r, 'c, P: Ports> Run<'r, 'c, P> {
    /// What the client gets of a candidate that answers.
    pub(super) fn answer(
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
                let usage = self.asker.usage(candidate, &completion);
                // An answer that nobody can use is paid for all the same.
                let choices =
                    self.asker.healed(candidate, &completion, status).inspect_err(|_| progress.lose(usage))?;
                let completion = completion.with_choices(&choices);
                let mut served = self.asker.served(candidate, status, record, &mut progress.trail);
                let now_ms = ports.now_ms();
                let took_ms = now_ms.saturating_sub(started_ms);
                self.record(begun, Outcome::success(Some(took_ms), speed(&usage, took_ms)));
                let mut headers = answer_headers(&served, &encoded, &progress.trail);
                let told = usage_json(&usage, completion.usage);
                let mut body = completion.with(&told, &served.metadata);
                if request.reasoning.exclude {
                    body = without_reasoning(&body).unwrap_or(body);
                }
                let answer = if request.stream {
                    served.record.ttft_ms = Some(now_ms.saturating_sub(incoming.received_ms));
                    let own = completion.usage.filter(|_| completion.tokens.is_some());
                    let body = self.asker.replayed(&body, own, &told, &served.metadata);
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
    pub(super) fn limited(&self, now_ms: u64) -> Option<Failed> {
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
    pub(super) fn exhausted(
        &self,
        record: UsageRecord,
        progress: &Progress<'r, 'c>,
        client_ms: Option<u64>,
    ) -> Answer<P::Reply> {
        let mut error = match client_ms {
            Some(ms) => exhaustion::out_of_time(&progress.failed, ms),
            None => exhaustion::error(&progress.failed),
        };
        if self.asker.custom.is_some() {
            error = custom::in_other_words(error, progress.trail.last_status());
        }
        error.metadata = Some(format!("{{\"routing\":{}}}", progress.trail.routing_json()));
        let now_ms = self.asker.ports.now_ms();
        let class = progress.failed.last().map(|failed| failed.class);
        let class = class.or(client_ms.map(|_| ErrorClass::Timeout));
        let record = UsageRecord {
            status: error.status,
            error_class: class.map(ErrorClass::as_str),
            latency_ms: now_ms.saturating_sub(record.created_at),
            ..record_of(&record, &progress.trail, progress.last)
        };
        self.asker.ports.account(match &progress.lost {
            Some(lost) => used(record, lost),
            None => record,
        });
        Answer::Error { error, headers: trail_headers(&progress.trail) }
    }
}

impl<'r, 'c> Progress<'r, 'c> {
    /// An attempt failed. Where the one before it decided the answer it was only still on its way, and stays before that.
    pub(super) fn failed(&mut self, candidate: &'r Candidate<'c>, failure: Failure, decided: bool) {
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

    /// The client does not get the answer that was paid for.
    pub(super) fn lose(&mut self, usage: Usage) {
        self.lost = Some(self.lost.map_or(usage, |lost| usage.with(&[lost])));
    }

    /// The client left while nobody was being asked.
    pub(super) fn client_left(&mut self) {
        self.failed.push(Failed {
            class: ErrorClass::ClientClosed,
            provider: String::new(),
            message: None,
            param: None,
            retry_after_ms: None,
        });
    }
}
