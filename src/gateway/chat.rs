//! `POST /v1/chat/completions`: read, plan, run.

use super::ask::Asker;
use super::custom::{self, CustomHeaders};
use super::format::schema;
use super::headers::Header;
use super::health_now::HealthNow;
use super::ports::{HealthPort, Ports};
use super::project::{self, ProjectNames};
use super::refusal::{check_preferences, refusal, unknown_model};
use super::run::Run;
use super::setup::Gateway;
use super::stream::Committed;
use super::wishes::HeaderWishes;
use crate::catalog::model::Effort;
use crate::config::ProviderAccess;
use crate::dialect::encoded::unsupported;
use crate::hash::fnv_1a;
use crate::health::circuit::Permit;
use crate::openai::error::ApiError;
use crate::openai::request::{AUTO, ChatRequest};
use crate::routing::plan::{Candidate, PlanError, Planner};
use crate::routing::requirements::Requirements;
use crate::routing::target::Target;
use crate::usage::record::UsageRecord;

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
    /// What the client wishes in headers.
    pub wishes: HeaderWishes,
    /// An endpoint of its own.
    pub custom: CustomHeaders,
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
    /// A whole reply, told as a stream.
    Replayed {
        /// The response headers.
        headers: Vec<Header>,
        /// The events.
        body: Vec<u8>,
    },
    /// A stream.
    Stream(Box<Committed<R>>),
}

/// Answers a request.
pub async fn chat<P: Ports>(gateway: &Gateway, ports: &P, incoming: Incoming) -> Answer<P::Reply> {
    let refuse = |error: ApiError| Answer::Error { error, headers: Vec::new() };
    let mut request = match ChatRequest::parse(&incoming.body) {
        Ok(request) => request,
        Err(error) => return refuse(error.into()),
    };
    let names = ProjectNames {
        body: request.project_id.as_deref(),
        header: incoming.project_header.as_deref(),
        openai_header: incoming.openai_project_header.as_deref(),
    };
    request.named_efforts = named_efforts(&request, gateway);
    let project = match project::resolve(names, gateway.config.default_project_id.as_ref()) {
        Ok(project) => project,
        Err(error) => return refuse(error),
    };
    let checked = check_preferences(&request.preferences, gateway);
    let custom = match incoming.custom.access(gateway) {
        Ok(custom) => custom,
        Err(error) => return refuse(error),
    };
    let targets = match checked.and_then(|()| targets(&request, gateway, custom.as_ref())) {
        Ok(targets) => targets,
        Err(error) => return refuse(error),
    };
    let patience = match incoming.wishes.patience() {
        Ok(patience) => patience,
        Err(error) => return refuse(error),
    };
    if let Err(error) = incoming.wishes.join(&mut request.preferences, &targets, gateway) {
        return refuse(error);
    }
    if let Err(error) = project::admit(ports, &project, &gateway.config) {
        return refuse(error);
    }
    let record = UsageRecord {
        id: incoming.request_id.clone(),
        project_id: project.as_str().to_owned(),
        created_at: incoming.received_ms,
        requested_model: request.model.to_string(),
        stream: request.stream,
        ..UsageRecord::default()
    };
    let requirements = Requirements::detect(&request);
    let seed = seed(&incoming.request_id);
    let plan = candidates(gateway, ports, &request, &requirements, &targets, seed).await;
    let mut candidates = match plan {
        Ok(candidates) => candidates,
        Err(error) => {
            let (error, class) = refusal(&error, &request, gateway, ports.now_ms());
            if let Some(class) = class {
                // The request was right and nobody could take it: that belongs into the accounts.
                ports.account(UsageRecord { status: error.status, error_class: Some(class.as_str()), ..record });
            }
            return refuse(error);
        }
    };
    let schema = match schema(&request, &mut candidates) {
        Ok(schema) => schema,
        Err(error) => return refuse(error),
    };
    let asker = Asker {
        gateway,
        ports,
        incoming: &incoming,
        custom: custom.as_ref(),
        request: &request,
        requested_provider: targets.first().and_then(Target::pinned_provider),
        prompt_tokens: requirements.prompt_tokens,
        patience,
        schema: schema.as_ref(),
    };
    let resumable = asker.is_resumable();
    let mut answer = Run { asker, candidates: &candidates, permit: Permit(seed) }.run(record).await;
    if let Answer::Stream(stream) = &mut answer {
        stream.request = resumable.then_some(incoming);
    }
    answer
}

/// Who may answer, in order, by the health of this moment.
pub(super) async fn candidates<'c, P: Ports>(
    gateway: &'c Gateway,
    ports: &P,
    request: &ChatRequest<'_>,
    requirements: &Requirements,
    targets: &[Target<'c>],
    seed: u64,
) -> Result<Vec<Candidate<'c>>, PlanError> {
    ports.health().refreshed().await;
    let health = HealthNow::new(ports.health(), seed, ports.now_ms());
    let planner = Planner {
        catalog: &gateway.catalog,
        // It is only asked for by a request that says where it is.
        configured: &|provider| provider == custom::PROVIDER || gateway.is_configured(provider),
        health: &health,
        auto_models: &gateway.config.auto_models,
        requirements,
        preferences: &request.preferences,
        left_out: &|provider, model| unsupported(request, provider, model),
    };
    let plan = planner.plan(targets);
    if !health.misses_tickets() {
        return plan;
    }
    health.get_tickets().await;
    planner.plan(targets)
}

pub(super) fn targets<'c>(
    request: &ChatRequest<'_>,
    gateway: &'c Gateway,
    custom: Option<&ProviderAccess>,
) -> Result<Vec<Target<'c>>, ApiError> {
    if custom.is_some() {
        return custom::targets(request, gateway);
    }
    let main = Target::resolve(&request.model, &gateway.catalog).map_err(|unknown| unknown_model(&unknown, "model"))?;
    let mut targets = vec![main];
    for (index, name) in request.models.iter().enumerate() {
        let param = format!("models[{index}]");
        targets.push(Target::resolve(name, &gateway.catalog).map_err(|unknown| unknown_model(&unknown, &param))?);
    }
    Ok(targets)
}

/// What the names of the models say of their thinking.
pub(super) fn named_efforts<'c>(request: &ChatRequest<'_>, gateway: &'c Gateway) -> Vec<(&'c str, Effort)> {
    let catalog = &gateway.catalog;
    let mut efforts: Vec<(&str, Effort)> = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    for name in std::iter::once(&*request.model).chain(request.models.iter().map(String::as_str)) {
        let Some((model, effort)) = catalog.named_effort(name) else {
            let name = name.trim();
            plain.push(catalog.alias(name).unwrap_or(name));
            continue;
        };
        // Who names the model itself before its mode means the model itself, and `auto` is any model.
        let is_named =
            |name: &&str| *name == AUTO || *name == model || name.split_once('/').is_some_and(|(_, id)| id == model);
        if !plain.iter().any(is_named) {
            efforts.push((model, effort));
        }
    }
    efforts
}

/// A number of the request's own, made of its id.
pub(super) fn seed(request_id: &str) -> u64 {
    // Nobody chooses the ids but the gateway.
    fnv_1a(request_id)
}
