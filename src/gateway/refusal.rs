//! What the client is told when there is nobody to ask.

use super::setup::Gateway;
use super::wishes::FAILOVER_SEQUENCE;
use crate::openai::error::{ApiError, ErrorType};
use crate::openai::request::{AUTO, ChatRequest, ProviderPreferences};
use crate::routing::exhaustion::{self, Failed, MAX_OBEYED_MS};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::PlanError;
use crate::routing::requirements::Need;
use crate::routing::target::UnknownModel;

pub(super) fn unknown_model(unknown: &UnknownModel, param: &str) -> ApiError {
    let name: String = unknown.name.chars().take(120).collect();
    if let Some(day) = unknown.retired {
        let message = format!(
            "The model `{name}` was retired: no provider here serves it since {day}, and no successor of it is named. \
             GET /v1/models lists what there is; `auto` chooses."
        );
        return ApiError::new(404, ErrorType::InvalidRequest, "model_not_found", message).with_param(param);
    }
    let hint = match &unknown.provider {
        Some(provider) => format!("The provider {provider} has no model of that name in the catalogue."),
        None => match name.split_once('/') {
            Some((provider, _)) => format!("There is no provider `{provider}`, and no provider calls a model so."),
            None => "It is neither a catalogue id, nor `provider/model`, nor an alias.".to_owned(),
        },
    };
    ApiError::new(
        404,
        ErrorType::InvalidRequest,
        "model_not_found",
        format!("The model `{name}` does not exist. {hint} GET /v1/models lists what there is; `auto` chooses."),
    )
    .with_param(param)
}

/// A configured provider that takes any model, and of which no model may be chosen by `auto`.
fn any_model_provider(gateway: &Gateway) -> Option<&str> {
    let any_model = |id: &&str| gateway.catalog.provider(id).is_some_and(|provider| provider.any_model);
    gateway.config.providers_on().find(any_model)
}

/// Refuses names of providers that do not exist: a wish that is misspelt must not be taken for granted.
pub(super) fn check_preferences(wishes: &ProviderPreferences, gateway: &Gateway) -> Result<(), ApiError> {
    for (param, names) in [("order", &wishes.order), ("only", &wishes.only), ("ignore", &wishes.ignore)] {
        if let Some(name) = names.iter().find(|name| gateway.catalog.provider(name).is_none()) {
            let message = no_such_provider(name, gateway);
            return Err(ApiError::invalid("invalid_value", message).with_param(format!("provider.{param}")));
        }
    }
    Ok(())
}

pub(super) fn no_such_provider(name: &str, gateway: &Gateway) -> String {
    let known: Vec<&str> = gateway.catalog.providers().iter().map(|provider| provider.id.as_ref()).collect();
    let name: String = name.chars().take(40).collect();
    format!("There is no provider `{name}`; there are {}.", known.join(", "))
}

/// What the client is told when there is no candidate, and the class for the accounts if the request was right.
pub(super) fn refusal(
    error: &PlanError,
    request: &ChatRequest<'_>,
    gateway: &Gateway,
    now_ms: u64,
) -> (ApiError, Option<ErrorClass>) {
    let model = &request.model;
    match error {
        PlanError::NoCapableModel { unmet } => {
            let needs: Vec<String> = unmet.iter().map(ToString::to_string).collect();
            let message = format!(
                "No model that `{model}` stands for can do this: it needs {}. GET /v1/models tells what each model can do.",
                needs.join(", ")
            );
            let too_long = unmet.iter().all(|need| matches!(need, Need::Context { .. }));
            let code = if too_long { "context_length_exceeded" } else { "no_capable_model" };
            let api = ApiError::invalid(code, message);
            let param = unmet.first().map(Need::param);
            (param.map_or(api.clone(), |param| api.with_param(param)), None)
        }
        PlanError::NotConfigured { providers } => {
            let ways: Vec<String> = providers.iter().map(|(id, variable)| format!("{id} ({variable})")).collect();
            let message = if let Some(own) = any_model_provider(gateway).filter(|_| model == AUTO) {
                format!(
                    "`{AUTO}` has no model to choose from: {own} takes any, and nobody has said which. Ask for \
                     `{own}/MODEL`; the operator can set AUTO_MODELS={own}/MODEL."
                )
            } else {
                format!("No provider of `{model}` is configured. The operator can turn on: {}.", ways.join(", "))
            };
            let api = ApiError::new(503, ErrorType::Server, "provider_not_configured", message);
            (ApiError { should_retry: Some(false), ..api }, None)
        }
        PlanError::Excluded => {
            let on: Vec<&str> = gateway.config.providers_on().collect();
            let message = format!(
                "`provider` (`only`, `order`, `ignore`) or `{FAILOVER_SEQUENCE}` leaves no configured provider for \
                 `{model}`. Configured: {}.",
                on.join(", ")
            );
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
            let mut api = exhaustion::error(&failed);
            let minutes = until_ms.saturating_sub(now_ms).div_ceil(60_000);
            api.message
                .push_str(&format!(" That was found out before; it is asked again in {minutes} min at the latest."));
            (api, failed.first().map(|failed| failed.class))
        }
    }
}
