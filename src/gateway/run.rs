//! One request on its way through its candidates, up to the answer that the client gets.

use super::attempt::{Answered, Attempt};
use super::chat::{Answer, Incoming};
use super::headers;
use super::ports::{HealthPort, Ports, UpstreamCall};
use super::served::{Served, answer_headers, metadata_json, record_of, speed, trail_headers, tried};
use super::setup::Gateway;
use super::stream::{Committed, Relay, StreamAccount};
use super::trail::{End, Trail};
use crate::dialect::classify::Failure;
use crate::dialect::openai::encode::encode;
use crate::dialect::openai::{self, reply};
use crate::health::circuit::{Admission, Permit};
use crate::health::outcome::Outcome;
use crate::openai::request::ChatRequest;
use crate::routing::exhaustion::{self, CLIENT_CLOSED, Failed};
use crate::routing::failover::{Failover, Slot, Step, Verdict};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::routing::tokens;
use crate::sse::scan::Expected;
use crate::usage::price::usd;
use crate::usage::record::UsageRecord;
use crate::usage::render::usage_json;

/// One request on its way through its candidates.
pub(super) struct Run<'r, 'c, P> {
    pub(super) gateway: &'r Gateway,
    pub(super) ports: &'r P,
    pub(super) incoming: &'r Incoming,
    pub(super) request: &'r ChatRequest<'r>,
    pub(super) candidates: &'r [Candidate<'c>],
    pub(super) requested_provider: Option<&'r str>,
    pub(super) prompt_tokens: u64,
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
            match failover.next(self.ports.now_ms()) {
                Step::Wait { ms } => {
                    self.ports.sleep(ms).await;
                    if self.ports.client_gone() {
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
                    let admission = self.ports.health().admit(provider, model, self.permit).await;
                    if admission == Admission::Busy && !insist {
                        failover.put_off();
                        continue;
                    }
                    let permit = (admission == Admission::Probe).then_some(self.permit);
                    let failure = match self.attempt(candidate, timeout_ms, permit, &record, &mut progress).await {
                        Ok(answer) => return answer,
                        Err(failure) => failure,
                    };
                    let now_ms = self.ports.now_ms();
                    let (class, retry_after_ms) = (failure.class, failure.retry_after_ms);
                    let outcome = if shortened && class == ErrorClass::Timeout {
                        Outcome::Inconclusive
                    } else {
                        Outcome::of_failure(class, failure.status, retry_after_ms, now_ms)
                    };
                    self.ports.health().record(provider, model, outcome, permit, now_ms);
                    progress.failed(candidate, failure);
                    failover.report(Verdict { class, retry_after_ms, random: self.ports.random() }, now_ms);
                }
            }
        }
    }

    fn failover(&self) -> Failover {
        let timeouts = &self.gateway.config.timeouts;
        let slots = self.candidates.iter().map(|candidate| Slot {
            pinned: candidate.pinned,
            context_window: candidate.model.context_window,
            timeout_ms: timeouts.attempt(self.request.stream, candidate.model.capabilities.reasoning),
        });
        let auto = self.candidates.first().is_some_and(|candidate| candidate.auto);
        Failover::new(slots.collect(), auto, self.incoming.received_ms)
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
        let started_ms = self.ports.now_ms();
        let provider = candidate.provider;
        let Some(access) = self.gateway.config.access(&provider.id) else {
            return Err(Failure::bare(ErrorClass::Connect, None));
        };
        let secret = access.key.as_ref().map(|key| key.expose());
        let mut encoded = encode(self.request, provider, &candidate.model);
        let call = UpstreamCall {
            url: format!("{}{}", access.base_url, openai::PATH),
            headers: self.upstream_headers(candidate, secret),
            body: std::mem::take(&mut encoded.body),
        };
        let attempt = Attempt {
            provider,
            upstream_model: &candidate.model.upstream_id,
            stream: self.request.stream,
            expected: self.expected(candidate),
            timeout_ms,
            max_reply_bytes: self.gateway.config.limits.max_reply_bytes,
            secret,
        };
        match attempt.make(self.ports, call).await? {
            Answered::Whole { status, body } => {
                let completion = reply::judge(&body, status, provider, secret)?;
                let mut served = self.served(candidate, status, record, progress);
                let now_ms = self.ports.now_ms();
                let took_ms = now_ms.saturating_sub(started_ms);
                let (tokens, estimated) = tokens::settle(completion.tokens, completion.text_bytes, self.prompt_tokens);
                let outcome = Outcome::success(Some(took_ms), speed(&tokens, estimated, took_ms));
                self.ports.health().record(&provider.id, &candidate.model.upstream_id, outcome, permit, now_ms);
                let usage = served.usage(tokens, estimated);
                let mut headers = answer_headers(&served, &encoded, &progress.trail);
                if let Some(cost) = &usage.cost {
                    headers.push((headers::COST_USD, usd(cost.total())));
                }
                let body = completion.with(&usage_json(&usage, completion.usage), &served.metadata);
                let gone = self.ports.client_gone();
                if gone {
                    served.record.error_class = Some(ErrorClass::ClientClosed.as_str());
                }
                served.account(self.ports, &usage, if gone { CLIENT_CLOSED } else { 200 }, now_ms);
                Ok(Answer::Whole { headers, body })
            }
            Answered::Stream { gate, reply } => {
                let mut served = self.served(candidate, 200, record, progress);
                let now_ms = self.ports.now_ms();
                let outcome = Outcome::FirstToken { after_ms: now_ms.saturating_sub(started_ms) };
                self.ports.health().record(&provider.id, &candidate.model.upstream_id, outcome, permit, now_ms);
                served.record.ttft_ms = Some(now_ms.saturating_sub(self.incoming.received_ms));
                let (relay, prefix) = Relay::begin(self.request, &served, *gate);
                let headers = answer_headers(&served, &encoded, &progress.trail);
                let account = StreamAccount {
                    served,
                    permit,
                    prompt_estimate: self.prompt_tokens,
                    attempt_started_ms: started_ms,
                    secret: access.key.clone(),
                    trail: std::mem::take(&mut progress.trail),
                };
                let idle_ms = self.gateway.config.timeouts.stream_idle(candidate.model.capabilities.reasoning);
                Ok(Answer::Stream(Box::new(Committed { headers, prefix, reply, relay, idle_ms, account })))
            }
        }
    }

    fn expected(&self, candidate: &Candidate<'_>) -> Expected {
        Expected {
            choices: self.request.n,
            reasoning_outside_completion: candidate.provider.reasoning_outside_completion,
            resumable: false,
        }
    }

    /// Every header that a provider sees: the gateway's own, and those of the client's that its row lists.
    fn upstream_headers(&self, candidate: &Candidate<'_>, secret: Option<&str>) -> Vec<(String, String)> {
        let accept = if self.request.stream { "text/event-stream" } else { "application/json" };
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), accept.to_owned()),
            ("user-agent".to_owned(), concat!("opengateway/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        if let Some(secret) = secret {
            headers.push(("authorization".to_owned(), format!("Bearer {secret}")));
        }
        let allowed = &candidate.provider.forward_headers;
        let forwarded =
            self.incoming.forwardable.iter().filter(|(name, _)| allowed.iter().any(|header| header == name));
        headers.extend(forwarded.cloned());
        headers
    }

    /// The successful candidate, with everything that is told of it.
    fn served(
        &self,
        candidate: &Candidate<'_>,
        status: u16,
        record: &UsageRecord,
        progress: &mut Progress<'r, 'c>,
    ) -> Served {
        progress.trail.push(tried(candidate, Some(status), End::Answered));
        let (provider, model) = (candidate.provider, &candidate.model);
        let free_tier = &self.gateway.config.free_tier_providers;
        let mut served = Served {
            provider: provider.id.to_string(),
            model: model.id.to_string(),
            upstream_model: model.upstream_id.to_string(),
            requested_provider: self.requested_provider.map(str::to_owned),
            // Another tier has other prices, which the catalogue does not know.
            prices: model.prices.filter(|_| !self.request.other_service_tier),
            free: model.free && free_tier.iter().any(|id| *id == provider.id),
            expected: self.expected(candidate),
            stream_usage: provider.stream_usage,
            metadata: String::new(),
            record: record_of(record, &progress.trail, Some(candidate)),
        };
        served.metadata = metadata_json(&served, &progress.trail.routing_json());
        served
    }

    fn exhausted(&self, record: UsageRecord, progress: &Progress<'r, 'c>) -> Answer<P::Reply> {
        let mut error = exhaustion::error(&progress.failed);
        error.metadata = Some(format!("{{\"routing\":{}}}", progress.trail.routing_json()));
        let now_ms = self.ports.now_ms();
        let last = progress.failed.last();
        self.ports.account(UsageRecord {
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
