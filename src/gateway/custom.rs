//! An endpoint of the client's own, named in its request's headers: the request goes there alone, with the client's key or
//! none, never with one of the gateway's, and only to hosts that the operator allows. Its health is nobody else's business.

use std::fmt;

use super::setup::Gateway;
use crate::config::{CustomHosts, EndpointError, ProviderAccess, Secret};
use crate::health::view::UNWATCHED;
use crate::openai::error::{ApiError, ErrorType};
use crate::openai::request::{AUTO, ChatRequest, RequestError};
use crate::routing::target::Target;

/// The address of the endpoint: what stands before `/chat/completions`.
pub const ENDPOINT: &str = "x-opengateway-vllm-endpoint";
/// The key that it gets.
pub const API_KEY: &str = "x-opengateway-vllm-api-key";
/// The provider's id in headers, metadata and accounts.
pub const PROVIDER: &str = UNWATCHED;
/// What such an endpoint is taken to be like; clients that know the gateway write `vllm/MODEL`.
pub(super) const LIKE: &str = "vllm";

/// These headers as they came; one that is empty is absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders {
    /// [`ENDPOINT`].
    pub endpoint: Option<String>,
    /// [`API_KEY`].
    pub api_key: Option<String>,
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomHeaders").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl CustomHeaders {
    /// How the client's endpoint is called; `None` where it names none.
    ///
    /// # Errors
    /// 400 for what is no address or no key, 403 for what the operator has not allowed.
    pub fn access(&self, gateway: &Gateway) -> Result<Option<ProviderAccess>, ApiError> {
        let Some(endpoint) = &self.endpoint else {
            return match &self.api_key {
                None => Ok(None),
                Some(_) => Err(ApiError::invalid(
                    "missing_required_parameter",
                    format!("`{API_KEY}` is sent without `{ENDPOINT}`. Send both, or neither."),
                )
                .with_param(ENDPOINT)),
            };
        };
        let base_url = gateway.config.custom_hosts.check(endpoint).map_err(refusal)?;
        let key = self.api_key.as_deref().map(|key| {
            Secret::parse(key).ok_or_else(|| RequestError::value(API_KEY, "visible ASCII", "something else"))
        });
        Ok(Some(ProviderAccess::new(&gateway.custom, base_url, key.transpose()?)))
    }
}

fn refusal(error: EndpointError) -> ApiError {
    let refused = |message: String| {
        ApiError::new(403, ErrorType::Permission, "custom_endpoint_not_allowed", message).with_param(ENDPOINT)
    };
    let var = CustomHosts::VAR;
    match error {
        EndpointError::Malformed(problem) => {
            ApiError::invalid("invalid_value", format!("`{ENDPOINT}` is no base URL: {problem}.")).with_param(ENDPOINT)
        }
        EndpointError::Refused { host } => refused(format!(
            "`{host}` is not a host that this gateway's operator allows in `{ENDPOINT}`; it would have to be in {var}."
        )),
        EndpointError::UserInfo => {
            refused(format!("`{ENDPOINT}` must have no user name or password in it; send the key in `{API_KEY}`."))
        }
        EndpointError::PlainHttp => {
            refused(format!("`{ENDPOINT}` must begin with `https://`, unless its host is a private address."))
        }
    }
}

/// The endpoint answers with a redirect, which could lead anywhere.
fn redirects() -> ApiError {
    let message =
        format!("The endpoint in `{ENDPOINT}` redirects, and redirects are not followed. Name its last address.");
    ApiError::new(403, ErrorType::Permission, "custom_endpoint_redirects", message).with_param(ENDPOINT)
}

/// The error of a request to the client's own endpoint: whose key is refused and whose account is empty is another's there.
pub(super) fn in_other_words(error: ApiError, status: Option<u16>) -> ApiError {
    let message = match error.code {
        _ if status.is_some_and(|status| (300..400).contains(&status)) => return redirects(),
        "provider_authentication_failed" => format!("The endpoint in `{ENDPOINT}` refused the key in `{API_KEY}`."),
        "provider_billing_failed" => {
            format!("The endpoint in `{ENDPOINT}` says that the account of the key in `{API_KEY}` has no credit left.")
        }
        _ => return error,
    };
    ApiError { message, ..error }
}

/// What the client asks its own endpoint for: the model that it names, and its fallbacks.
///
/// # Errors
/// 400 where it names none, or providers as well: nobody but the endpoint is asked.
pub(super) fn targets<'c>(request: &ChatRequest<'_>, gateway: &'c Gateway) -> Result<Vec<Target<'c>>, ApiError> {
    if !request.preferences.only.is_empty() {
        let message = format!("`{ENDPOINT}` is asked alone, so providers cannot be chosen. Leave one of them out.");
        return Err(ApiError::invalid("invalid_value", message).with_param("provider.only"));
    }
    let named = std::iter::once(request.model.as_ref()).chain(request.models.iter().map(String::as_str));
    let targets = named.enumerate().map(|(index, name)| {
        let name = name.trim();
        let bare = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
        let model = bare(PROVIDER).or_else(|| bare(LIKE)).unwrap_or(name);
        if model == AUTO || model.is_empty() {
            let param = index.checked_sub(1).map_or_else(|| "model".to_owned(), |index| format!("models[{index}]"));
            let message = format!("With `{ENDPOINT}` the model must be named: the one that your endpoint serves.");
            return Err(ApiError::invalid("invalid_value", message).with_param(param));
        }
        Ok(Target::unlisted(&gateway.custom, model))
    });
    targets.collect()
}
