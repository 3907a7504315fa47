//! What the client is told when there is nobody to ask.

use crate::openai::error::{ApiError, ErrorType};
use crate::openai::request::ChatRequest;
use crate::routing::exhaustion::{self, Failed, MAX_OBEYED_MS};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::PlanError;
use crate::routing::requirements::Need;
use crate::routing::target::UnknownModel;

pub(super) fn unknown_model(unknown: &UnknownModel, param: &str) -> ApiError {
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
pub(super) fn refusal(error: &PlanError, request: &ChatRequest<'_>, now_ms: u64) -> (ApiError, Option<ErrorClass>) {
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
