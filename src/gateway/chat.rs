//! `POST /v1/chat/completions`: read, plan, try, answer, account.

use super::attempt::{Answered, Attempt};
use super::headers::{self, Header};
use super::ports::{HealthPort, Ports, UpstreamCall};
use super::project::{self, ProjectNames};
use super::setup::Gateway;
use super::stream::{Committed, Relay, StreamAccount, metadata_json, speed};
use super::trail::{Trail, Tried};
use crate::catalog::model::Prices;
use crate::catalog::provider::StreamUsage;
use crate::dialect::classify::Failure;
use crate::dialect::openai::encode::{Encoded, encode};
use crate::dialect::openai::{self, reply};
use crate::health::circuit::Standing;
use crate::health::outcome::Outcome;
use crate::openai::error::{ApiError, ErrorType};
use crate::openai::request::ChatRequest;
use crate::routing::exhaustion::{self, Failed, MAX_OBEYED_MS};
use crate::routing::failover::{Failover, Slot, Step, Verdict};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::{Candidate, Health, PlanError, Planner};
use crate::routing::requirements::{Need, Requirements};
use crate::routing::target::{Target, UnknownModel};
use crate::routing::tokens;
use crate::sse::scan::Expected;
use crate::usage::price::usd;
use crate::usage::record::UsageRecord;
use crate::usage::render::{Usage, usage_json};
use crate::usage::tokens::TokenUsage;

/// A request as it came in.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The body.
    pub body: Vec<u8>,
    /// The id that the gateway gave it, a UUID.
    pub request_id: String,
    /// When it came, milliseconds since the Unix epoch.
    pub received_ms: u64,
    /// The `x-gateway-project-id` header.
    pub project_header: Option<String>,
    /// The `OpenAI-Project` header.
    pub openai_project_header: Option<String>,
    /// The client's headers that some provider may see, lower-case.
    pub forwardable: Vec<(String, String)>,
}

/// What the client gets.
pub enum Answer<R> {
    /// An error.
    Error {
        /// The error.
        error: ApiError,
        /// Response headers that tell what was tried.
        headers: Vec<Header>,
    },
    /// A whole reply.
    Whole {
        /// The response headers.
        headers: Vec<Header>,
        /// The JSON.
        body: String,
    },
    /// A stream.
    Stream(Box<Committed<R>>),
}

/// Who answers a request, and all that headers, metadata and accounts need of it.
#[derive(Clone, Debug)]
pub struct Served {
    /// The provider's id.
    pub provider: String,
    /// The catalogue id of the model.
    pub model: String,
    /// The provider's own id of it.
    pub upstream_model: String,
    /// The provider that the client pinned.
    pub requested_provider: Option<String>,
    /// List prices, where known.
    pub prices: Option<Prices>,
    /// The operator has free use of it.
    pub free: bool,
    /// What is known of its streams.
    pub expected: Expected,
    /// Where the usage of a stream comes.
    pub stream_usage: StreamUsage,
    /// `metadata` of the reply, as JSON.
    pub metadata: String,
    /// The record, filled as far as it is known.
    pub record: UsageRecord,
}

impl Served {
    /// Puts the request into the accounts.
    pub fn account(self, ports: &impl Ports, usage: &Usage, status: u16, now_ms: u64) {
        ports.account(UsageRecord {
            status,
            prompt_tokens: usage.tokens.prompt,
            completion_tokens: usage.tokens.completion,
            cached_tokens: usage.tokens.cached,
            reasoning_tokens: usage.tokens.reasoning,
            cost_pico_usd: usage.cost.map(|cost| cost.total()),
            estimated: usage.estimated,
            latency_ms: now_ms.saturating_sub(self.record.created_at),
            ..self.record
        });
    }
}

/// Answers a request.
pub async fn chat<P: Ports>(gateway: &Gateway, ports: &P, incoming: Incoming) -> Answer<P::Reply> {
    let refuse = |error: ApiError| Answer::Error { error, headers: Vec::new() };
    let request = match ChatRequest::parse(&incoming.body) {
        Ok(request) => request,
        Err(error) => return refuse(error.into()),
    };
    let names = ProjectNames {
        body: request.project_id.as_deref(),
        header: incoming.project_header.as_deref(),
        openai_header: incoming.openai_project_header.as_deref(),
    };
    let project = match project::resolve(names, gateway.config.default_project_id.as_ref()) {
        Ok(project) => project,
        Err(error) => return refuse(error),
    };
    let targets = match targets(&request, gateway) {
        Ok(targets) => targets,
        Err(error) => return refuse(error),
    };
    let record = UsageRecord {
        id: incoming.request_id.clone(),
        project_id: project.as_str().to_owned(),
        created_at: incoming.received_ms,
        requested_model: request.model.to_string(),
        stream: request.stream,
        ..UsageRecord::default()
    };
    let requirements = Requirements::detect(&request);
    let now_ms = ports.now_ms();
    let planner = Planner {
        catalog: &gateway.catalog,
        configured: &|provider| gateway.is_configured(provider),
        health: &HealthNow { port: ports.health(), now_ms },
        auto_models: &gateway.config.auto_models,
        requirements: &requirements,
        preferences: &request.preferences,
    };
    let candidates = match planner.plan(&targets) {
        Ok(candidates) => candidates,
        Err(error) => {
            let (error, class) = refusal(&error, &request, now_ms);
            if let Some(class) = class {
                // The request was right and nobody could take it: that belongs into the accounts.
                ports.account(UsageRecord { status: error.status, error_class: Some(class.as_str()), ..record });
            }
            return refuse(error);
        }
    };
    let run = Run {
        gateway,
        ports,
        incoming: &incoming,
        request: &request,
        candidates: &candidates,
        requested_provider: targets.first().and_then(Target::pinned_provider),
        prompt_tokens: requirements.prompt_tokens,
    };
    run.run(record).await
}

fn targets<'c>(request: &ChatRequest<'_>, gateway: &'c Gateway) -> Result<Vec<Target<'c>>, ApiError> {
    let main = Target::resolve(&request.model, &gateway.catalog).map_err(|unknown| unknown_model(&unknown, "model"))?;
    let mut targets = vec![main];
    for (index, name) in request.models.iter().enumerate() {
        let param = format!("models[{index}]");
        targets.push(Target::resolve(name, &gateway.catalog).map_err(|unknown| unknown_model(&unknown, &param))?);
    }
    Ok(targets)
}

fn unknown_model(unknown: &UnknownModel, param: &str) -> ApiError {
    let name: String = unknown.name.chars().take(120).collect();
    let hint = match &unknown.provider {
        Some(provider) => format!("The provider {provider} has no model of that name in the catalogue."),
        None => "It is neither a catalogue id, nor `provider/model`, nor an alias.".to_owned(),
    };
    ApiError::new(
        404,
        ErrorType::InvalidRequest,
        "model_not_found",
        format!("The model `{name}` does not exist. {hint} GET /v1/models lists what there is; `auto` chooses."),
    )
    .with_param(param)
}

/// What the client is told when there is no candidate, and the class for the accounts if the request was right.
fn refusal(error: &PlanError, request: &ChatRequest<'_>, now_ms: u64) -> (ApiError, Option<ErrorClass>) {
    let model = &request.model;
    match error {
        PlanError::NoCapableModel { unmet } => {
            let needs: Vec<String> = unmet.iter().map(ToString::to_string).collect();
            let message = format!("No model that `{model}` stands for can do this: it needs {}.", needs.join(", "));
            let too_long = unmet.iter().all(|need| matches!(need, Need::Context { .. }));
            let code = if too_long { "context_length_exceeded" } else { "no_capable_model" };
            let api = ApiError::invalid(code, message);
            let param = unmet.first().map(|need| need.param());
            (param.map_or(api.clone(), |param| api.with_param(param)), None)
        }
        PlanError::NotConfigured { providers } => {
            let ways: Vec<String> = providers.iter().map(|(id, variable)| format!("{id} ({variable})")).collect();
            let message = if ways.is_empty() {
                "No provider is configured. The operator must set a provider's key.".to_owned()
            } else {
                format!("No provider of `{model}` is configured. The operator can turn on: {}.", ways.join(", "))
            };
            let api = ApiError::new(503, ErrorType::Server, "provider_not_configured", message);
            (ApiError { should_retry: Some(false), ..api }, None)
        }
        PlanError::Excluded => {
            let message = format!("`provider` (`only`, `ignore`) leaves no configured provider for `{model}`.");
            (ApiError::invalid("no_provider_allowed", message).with_param("provider"), None)
        }
        PlanError::Limited { until_ms } => {
            let message = format!("Every provider that could answer `{model}` is rate-limited. Try again later.");
            let api = ApiError::new(429, ErrorType::RateLimit, "rate_limit_exceeded", message);
            let wait_ms = until_ms.saturating_sub(now_ms).max(1);
            let should_retry = (wait_ms > MAX_OBEYED_MS).then_some(false);
            (ApiError { retry_after_ms: Some(wait_ms), should_retry, ..api }, Some(ErrorClass::RateLimited))
        }
        PlanError::Benched { reasons, until_ms } => {
            let failed: Vec<Failed> = reasons
                .iter()
                .map(|(provider, class)| Failed {
                    class: *class,
                    provider: provider.clone(),
                    message: None,
                    param: None,
                    retry_after_ms: Some(until_ms.saturating_sub(now_ms)),
                })
                .collect();
            (exhaustion::error(&failed), failed.first().map(|failed| failed.class))
        }
    }
}

/// The health port at one point in time, as a plan asks for it.
struct HealthNow<'h, H> {
    port: &'h H,
    now_ms: u64,
}

impl<H: HealthPort> Health for HealthNow<'_, H> {
    fn standing(&self, provider: &str, model: &str) -> Standing {
        self.port.standing(provider, model, self.now_ms)
    }

    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.port.first_token_ms(provider, model)
    }

    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.port.tokens_per_second(provider, model)
    }

    fn ticket(&self, key: &str) -> u64 {
        self.port.ticket(key)
    }
}

/// One request on its way through its candidates.
struct Run<'r, 'c, P> {
    gateway: &'r Gateway,
    ports: &'r P,
    incoming: &'r Incoming,
    request: &'r ChatRequest<'r>,
    candidates: &'r [Candidate<'c>],
    requested_provider: Option<&'r str>,
    prompt_tokens: u64,
}

/// What has been tried so far.
struct Progress<'r, 'c> {
    trail: Trail,
    failed: Vec<Failed>,
    last: Option<&'r Candidate<'c>>,
}

impl<'r, 'c, P: Ports> Run<'r, 'c, P> {
    async fn run(&self, record: UsageRecord) -> Answer<P::Reply> {
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
                    if !self.ports.health().admit(provider, model, self.ports.now_ms()) && !insist {
                        failover.put_off();
                        continue;
                    }
                    let failure = match self.attempt(candidate, timeout_ms, &record, &mut progress).await {
                        Ok(answer) => return answer,
                        Err(failure) => failure,
                    };
                    let now_ms = self.ports.now_ms();
                    let (class, retry_after_ms) = (failure.class, failure.retry_after_ms);
                    let outcome = Outcome::of_failure(class, failure.status, retry_after_ms, now_ms);
                    match outcome.filter(|_| !(shortened && class == ErrorClass::Timeout)) {
                        Some(outcome) => self.ports.health().record(provider, model, outcome, now_ms),
                        None => self.ports.health().release(provider, model, now_ms),
                    }
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
            timeout_ms: match (self.request.stream, candidate.model.capabilities.reasoning) {
                (true, false) => timeouts.first_token_ms,
                (true, true) => timeouts.reasoning_first_token_ms,
                (false, false) => timeouts.request_ms,
                (false, true) => timeouts.reasoning_request_ms,
            },
        });
        let auto = self.candidates.first().is_some_and(|candidate| candidate.auto);
        Failover::new(slots.collect(), auto, self.incoming.received_ms)
    }

    /// One attempt, up to the answer that the client gets.
    async fn attempt(
        &self,
        candidate: &Candidate<'_>,
        timeout_ms: u64,
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
            stream: self.request.stream,
            expected: self.expected(candidate),
            timeout_ms,
            max_reply_bytes: self.gateway.config.limits.max_reply_bytes,
            secret,
        };
        match attempt.make(self.ports, call).await? {
            Answered::Whole { status, body } => {
                let completion = reply::judge(&body, status, provider, secret)?;
                let served = self.served(candidate, status, record, progress);
                let now_ms = self.ports.now_ms();
                let took_ms = now_ms.saturating_sub(started_ms);
                let (tokens, estimated) = match completion.tokens {
                    Some(tokens) => (tokens, false),
                    None => (self.estimate(completion.text_bytes), true),
                };
                let outcome =
                    Outcome::Success { after_ms: Some(took_ms), tokens_per_second: speed(&tokens, estimated, took_ms) };
                self.ports.health().record(&provider.id, &candidate.model.upstream_id, outcome, now_ms);
                let usage = served.usage(tokens, estimated);
                let mut headers = answer_headers(&served, &encoded, &progress.trail);
                if let Some(cost) = &usage.cost {
                    headers.push((headers::COST_USD, usd(cost.total())));
                }
                let body = completion.with(&usage_json(&usage, completion.usage), &served.metadata);
                served.account(self.ports, &usage, 200, now_ms);
                Ok(Answer::Whole { headers, body })
            }
            Answered::Stream { gate, reply } => {
                let mut served = self.served(candidate, 200, record, progress);
                let now_ms = self.ports.now_ms();
                let outcome = Outcome::FirstToken { after_ms: now_ms.saturating_sub(started_ms) };
                self.ports.health().record(&provider.id, &candidate.model.upstream_id, outcome, now_ms);
                served.record.ttft_ms = Some(now_ms.saturating_sub(self.incoming.received_ms));
                let (relay, prefix) = Relay::begin(self.request, &served, *gate);
                let headers = answer_headers(&served, &encoded, &progress.trail);
                let account = StreamAccount {
                    served,
                    prompt_estimate: self.prompt_tokens,
                    attempt_started_ms: started_ms,
                    secret: access.key.clone(),
                };
                Ok(Answer::Stream(Box::new(Committed { headers, prefix, reply, relay, account })))
            }
        }
    }

    fn expected(&self, candidate: &Candidate<'_>) -> Expected {
        Expected {
            choices: self.request.n,
            reasoning_outside_completion: candidate.provider.reasoning_outside_completion,
        }
    }

    fn estimate(&self, text_bytes: u64) -> TokenUsage {
        let completion = tokens::of_text(text_bytes);
        let total = self.prompt_tokens.saturating_add(completion);
        TokenUsage { prompt: self.prompt_tokens, completion, total, ..TokenUsage::default() }
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
        progress.trail.0.push(tried(candidate, Some(status), None));
        let (provider, model) = (candidate.provider, &candidate.model);
        let free_tier = &self.gateway.config.free_tier_providers;
        let mut served = Served {
            provider: provider.id.to_string(),
            model: model.id.to_string(),
            upstream_model: model.upstream_id.to_string(),
            requested_provider: self.requested_provider.map(str::to_owned),
            prices: model.prices,
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
        self.trail.0.push(tried(candidate, failure.status, Some(failure.class)));
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

fn tried(candidate: &Candidate<'_>, status: Option<u16>, class: Option<ErrorClass>) -> Tried {
    Tried { provider: candidate.provider.id.to_string(), model: candidate.model.id.to_string(), status, class }
}

fn record_of(record: &UsageRecord, trail: &Trail, candidate: Option<&Candidate<'_>>) -> UsageRecord {
    UsageRecord {
        model: candidate.map(|candidate| candidate.model.id.to_string()),
        provider: candidate.map(|candidate| candidate.provider.id.to_string()),
        upstream_model: candidate.map(|candidate| candidate.model.upstream_id.to_string()),
        attempts: u32::try_from(trail.0.len()).unwrap_or(u32::MAX),
        trail: trail.summary(),
        ..record.clone()
    }
}

fn trail_headers(trail: &Trail) -> Vec<Header> {
    vec![(headers::ATTEMPTS, trail.0.len().to_string()), (headers::TRAIL, headers::value(&trail.summary()))]
}

fn answer_headers(served: &Served, encoded: &Encoded, trail: &Trail) -> Vec<Header> {
    let mut all = trail_headers(trail);
    all.push((headers::PROVIDER, headers::value(&served.provider)));
    all.push((headers::MODEL, headers::value(&served.upstream_model)));
    all.push((headers::REASONING_EFFORT, encoded.effort.map_or("none", |effort| effort.as_str()).to_owned()));
    if !encoded.dropped.is_empty() {
        all.push((headers::DROPPED_PARAMS, headers::list(&encoded.dropped)));
    }
    all
}
