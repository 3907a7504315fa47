//! Which providers are on, at which address and with which key.

use super::base_url::parse_base_url;
use super::configured;
use super::env::Vars;
use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::secret::{self, Secret};
use crate::catalog::provider::{KeyPolicy, ProviderSpec, Text};

/// What is needed to call a provider that is on.
#[derive(Clone, Debug)]
pub struct ProviderAccess {
    /// What stands before `/chat/completions`, checked, without a trailing slash.
    pub base_url: String,
    /// The key; none for a server that asks for none.
    pub key: Option<Secret>,
    /// Under what name the health of this provider is kept: its id and a digest of address and key. With another key it is
    /// another provider: what the old one was refused for says nothing of the new one.
    pub health_id: String,
}

impl ProviderAccess {
    /// Of a provider at `base_url`, which was checked.
    pub fn new(spec: &ProviderSpec, base_url: String, key: Option<Secret>) -> Self {
        let secret = key.as_ref().map_or("", Secret::expose);
        let health_id = format!("{}#{:08x}", spec.id, secret::fingerprint(&[&base_url, secret]));
        Self { base_url, key, health_id }
    }
}

/// The providers that are on, each with its id, in catalogue order. A dozen at most, so a list is the quickest map.
pub(super) type Accesses = Vec<(Text, ProviderAccess)>;

pub(super) fn from_vars(
    vars: &Vars<'_>,
    builtin: &[ProviderSpec],
    configured: &[ProviderSpec],
) -> Result<Accesses, ConfigError> {
    let mut accesses = Accesses::new();
    for spec in builtin {
        if let Some(access) = of_builtin(vars, spec)? {
            accesses.push((spec.id.clone(), access));
        }
    }
    for spec in configured {
        accesses.push((spec.id.clone(), of_configured(vars, spec)?));
    }
    Ok(accesses)
}

fn of_builtin(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<Option<ProviderAccess>, ConfigError> {
    let key = first_key(vars, spec)?;
    // A wrong address is told even while the provider is off, so that setting its key is not what breaks the gateway.
    let address = vars.text(&spec.base_url_var);
    let address = address.map(|address| checked(spec, &address)).transpose()?;
    let on = match spec.key {
        KeyPolicy::Required => key.is_some(),
        KeyPolicy::Optional => key.is_some() || address.is_some(),
    };
    let base_url = match address {
        _ if !on => return Ok(None),
        Some(address) => address,
        None if spec.base_url.is_empty() => {
            return Err(ConfigError::BaseUrlMissing {
                provider: spec.id.to_string(),
                var: spec.base_url_var.to_string(),
            });
        }
        None => checked(spec, &spec.base_url)?,
    };
    Ok(Some(ProviderAccess::new(spec, base_url, key)))
}

/// A provider of `GATEWAY_CONFIG` is on because it is there.
fn of_configured(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<ProviderAccess, ConfigError> {
    let key = first_key(vars, spec)?;
    match (spec.key_vars.first(), &key) {
        (Some(var), None) => Err(ConfigError::Json {
            var: configured::VAR,
            path: format!("providers.{}.key", spec.id),
            problem: JsonProblem::SecretUnset { var: var.to_string() },
        }),
        _ => Ok(ProviderAccess::new(spec, spec.base_url.to_string(), key)),
    }
}

fn first_key(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<Option<Secret>, ConfigError> {
    for var in spec.key_vars.iter() {
        if let Some(key) = vars.secret(var)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn checked(spec: &ProviderSpec, address: &str) -> Result<String, ConfigError> {
    parse_base_url(address).map_err(|problem| ConfigError::BaseUrl { var: spec.base_url_var.to_string(), problem })
}
