//! Asks one candidate on behalf of a request.

use super::attempt::{Answered, Attempt};
use super::chat::Incoming;
use super::ports::{Ports, UpstreamCall};
use super::served::{Served, metadata_json, record_of, tried};
use super::setup::Gateway;
use super::trail::{End, Trail};
use super::wishes::Patience;
use crate::catalog::provider::{Auth, Dialect};
use crate::config::{ProviderAccess, Secret};
use crate::dialect::anthropic;
use crate::dialect::classify::Failure;
use crate::dialect::encoded::{Encoded, encode};
use crate::dialect::openai::reply::Completion;
use crate::dialect::translation::Translation;
use crate::openai::request::{ChatRequest, ResponseFormat};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::routing::tokens;
use crate::sse::scan::Expected;
use crate::structured::schema::Schema;
use crate::usage::hours;
use crate::usage::price::Tariff;
use crate::usage::record::UsageRecord;
use crate::usage::render::Usage;
use crate::usage::tokens::TokenUsage;

/// What is asked, and with what.
#[derive(Clone, Copy)]
pub(super) struct Asker<'r, P> {
    pub(super) gateway: &'r Gateway,
    pub(super) ports: &'r P,
    pub(super) incoming: &'r Incoming,
    /// How the client's own endpoint is called, if it named one.
    pub(super) custom: Option<&'r ProviderAccess>,
    pub(super) request: &'r ChatRequest<'r>,
    pub(super) requested_provider: Option<&'r str>,
    pub(super) prompt_tokens: u64,
    pub(super) patience: Patience,
    /// What answers are held to.
    pub(super) schema: Option<&'r Schema>,
}

/// A candidate that answers.
pub(super) struct Asked<'r, R> {
    pub(super) answered: Answered<R>,
    /// What was sent, without the body.
    pub(super) encoded: Encoded<'static>,
    /// When it was asked, milliseconds since the Unix epoch.
    pub(super) started_ms: u64,
    /// The key that was sent.
    pub(super) secret: Option<&'r Secret>,
}

impl<'r, P: Ports> Asker<'r, P> {
    /// Asks `candidate`, to go on with the answer `so_far` if there is one, and waits `timeout_ms` at most for the whole
    /// reply or the first token of a stream.
    pub(super) async fn ask(
        &self,
        candidate: &Candidate<'_>,
        timeout_ms: u64,
        so_far: Option<&str>,
    ) -> Result<Asked<'r, P::Reply>, Failure> {
        let started_ms = self.ports.now_ms();
        let provider = candidate.provider;
        let Some(access) = self.custom.or_else(|| self.gateway.config.access(&provider.id)) else {
            return Err(Failure::bare(ErrorClass::Connect, None));
        };
        let secret = access.key.as_ref();
        let exposed = secret.map(|key| key.expose());
        let adapted = self.adapted(candidate);
        let mut adapted = adapted.as_ref().and_then(|body| ChatRequest::parse(body.as_bytes()).ok());
        if let Some(adapted) = &mut adapted {
            adapted.named_efforts.clone_from(&self.request.named_efforts);
        }
        let mut encoded = encode(adapted.as_ref().unwrap_or(self.request), provider, &candidate.model, so_far);
        let mut body = std::mem::take(&mut encoded.body);
        if adapted.is_some() {
            body = body.into_owned();
        }
        let encoded = encoded.without_body();
        drop(adapted);
        let call = UpstreamCall {
            url: access.url(provider, &candidate.model.upstream_id),
            headers: self.upstream_headers(candidate, exposed),
            body,
            quota_headers: provider.quota_headers,
        };
        let attempt = Attempt {
            provider,
            upstream_model: &candidate.model.upstream_id,
            stream: self.streams(candidate),
            expected: self.expected(candidate),
            translation: self.translation(candidate),
            timeout_ms,
            headers_ms: self.gateway.config.timeouts.headers_ms,
            tokens: tokens::of_request(
                self.prompt_tokens,
                self.request.output_limit.unwrap_or(0).into(),
                &candidate.model,
            ),
            max_reply_bytes: self.gateway.config.limits.max_reply_bytes,
            secret: exposed,
        };
        let answered = attempt.make(self.ports, call).await?;
        Ok(Asked { answered, encoded, started_ms, secret })
    }

    /// How long the candidate has, in milliseconds: to the first token of a stream, to the whole reply otherwise.
    pub(super) fn timeout_ms(&self, candidate: &Candidate<'_>) -> u64 {
        let timeouts = &self.gateway.config.timeouts;
        timeouts.attempt(self.streams(candidate), candidate.model.capabilities.reasoning)
    }

    /// The longest silence of a stream between two chunks, in milliseconds.
    pub(super) fn idle_ms(&self, candidate: &Candidate<'_>) -> u64 {
        let own_ms = self.gateway.config.timeouts.stream_idle(candidate.model.capabilities.reasoning);
        self.patience.stream_idle_ms.map_or(own_ms, |ms| ms.min(own_ms))
    }

    /// The operator has free use of it.
    fn is_free(&self, candidate: &Candidate<'_>) -> bool {
        let free_tier = &self.gateway.config.free_tier_providers;
        candidate.model.free && free_tier.iter().any(|id| *id == candidate.provider.id)
    }

    /// What the answer of this candidate is priced by.
    fn tariff(&self, candidate: &Candidate<'_>) -> Tariff {
        let model = &candidate.model;
        let factor = hours::factor(candidate.provider.price_hours, self.incoming.received_ms);
        // Another service tier has other prices, and so may sound; the catalogue does not know them.
        let is_known = factor.is_some() && !self.request.other_service_tier && !self.request.messages.audio;
        Tariff {
            prices: model.prices.clone().filter(|_| is_known),
            factor: factor.unwrap_or(1),
            free: self.is_free(candidate),
            images: self.request.messages.images as u64,
            untold_searches: self.request.web_search.is_some()
                && model.capabilities.web_search
                && !tells_searches(candidate.provider.dialect),
        }
    }

    /// The prompt by its estimate, as somebody pays for it who never sees the answer; the cost is `None` where nobody knows.
    pub(super) fn prompt_usage(&self, candidate: &Candidate<'_>) -> Usage {
        let tokens = TokenUsage { prompt: self.prompt_tokens, total: self.prompt_tokens, ..TokenUsage::default() };
        Usage { tokens, estimated: true, cost: self.tariff(candidate).cost(&tokens, None) }
    }

    /// The use of a whole reply by what the provider told of it, or else by the length of its text.
    pub(super) fn usage(&self, candidate: &Candidate<'_>, completion: &Completion<'_>) -> Usage {
        let (tokens, estimated) = tokens::settle(completion.tokens, completion.text_bytes, self.prompt_tokens);
        Usage { tokens, estimated, cost: self.tariff(candidate).cost(&tokens, completion.charge.as_ref()) }
    }

    /// How the candidate's replies become OpenAI's.
    pub(super) fn translation<'t>(&self, candidate: &'t Candidate<'_>) -> Translation<'t> {
        Translation::new(candidate.provider, &candidate.model, self.request, self.ports.now_ms())
    }

    fn expected(&self, candidate: &Candidate<'_>) -> Expected {
        Expected {
            choices: self.request.n,
            reasoning_tokens: candidate.provider.reasoning_tokens,
            reported_cost: candidate.provider.reported_cost,
            resumable: self.is_resumable(),
            without_reasoning: self.request.reasoning.exclude,
        }
    }

    /// Whether somebody else may go on with the answer if it is cut: only with one text.
    pub(super) fn is_resumable(&self) -> bool {
        self.request.stream && self.request.n == 1 && self.request.response_format == ResponseFormat::Text
    }

    /// Every header that a provider sees: the gateway's own, and those of the client's that its row lists.
    fn upstream_headers(&self, candidate: &Candidate<'_>, secret: Option<&str>) -> Vec<(String, String)> {
        let accept = if self.streams(candidate) { "text/event-stream" } else { "application/json" };
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), accept.to_owned()),
            ("user-agent".to_owned(), concat!("opengateway/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        headers.extend(secret.map(|secret| match candidate.provider.auth {
            Auth::Bearer => ("authorization".to_owned(), format!("Bearer {secret}")),
            Auth::XApiKey => ("x-api-key".to_owned(), secret.to_owned()),
            Auth::ApiKey => ("api-key".to_owned(), secret.to_owned()),
        }));
        if candidate.provider.dialect == Dialect::Anthropic {
            let own = anthropic::headers(&candidate.model).into_iter().flatten();
            headers.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let allowed = &candidate.provider.forward_headers;
        let forwarded =
            self.incoming.forwardable.iter().filter(|(name, _)| allowed.iter().any(|header| header == name));
        headers.extend(forwarded.cloned());
        headers
    }

    /// The candidate that answers, with everything that is told of it; it is the last one of the trail.
    pub(super) fn served(
        &self,
        candidate: &Candidate<'_>,
        status: u16,
        record: &UsageRecord,
        trail: &mut Trail,
    ) -> Served {
        trail.push(tried(candidate, Some(status), End::Answered));
        let (provider, model) = (candidate.provider, &candidate.model);
        let mut served = Served {
            provider: provider.id.to_string(),
            model: model.id.to_string(),
            upstream_model: model.upstream_id.to_string(),
            requested_provider: self.requested_provider.map(str::to_owned),
            tariff: self.tariff(candidate),
            prompt_estimate: self.prompt_tokens,
            expected: self.expected(candidate),
            stream_usage: provider.stream_usage,
            metadata: String::new(),
            record: record_of(record, trail, Some(candidate)),
        };
        served.metadata = metadata_json(&served, &trail.routing_json());
        served
    }
}

/// Whether replies say how often the model searched the web, so that none is told of means none.
const fn tells_searches(dialect: Dialect) -> bool {
    match dialect {
        Dialect::OpenAi => false,
        Dialect::Anthropic => true,
    }
}
