//! Which providers are on, at which address and with which key.

use super::base_url::parse_base_url;
use super::configured;
use super::env::Vars;
use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::secret::{self, Secret};
use crate::catalog::provider::{AI_BINDING, Endpoint, KeyPolicy, ProviderSpec, Text};

/// Whether there is a binding `AI`; no variable of the operator's.
pub const AI_BINDING_VAR: &str = "AI";

/// The API version of Azure OpenAI's deployments; unset: its API without versions.
const AZURE_API_VERSION: &str = "AZURE_OPENAI_API_VERSION";

/// What is needed to call a provider that is on.
#[derive(Clone, Debug)]
pub struct ProviderAccess {
    /// What stands before `/chat/completions`, checked, without a trailing slash.
    pub base_url: String,
    /// The API version, where it asks for one.
    pub api_version: Option<String>,
    /// The key; none for a server that asks for none.
    pub key: Option<Secret>,
    /// Under what name the health of this provider is kept: its id and a digest of address and key. With another key it is
    /// another provider: what the old one was refused for says nothing of the new one.
    pub health_id: String,
}

impl ProviderAccess {
    /// Of a provider at `base_url`, which was checked.
    pub fn new(spec: &ProviderSpec, mut base_url: String, key: Option<Secret>) -> Self {
        if spec.endpoint == Endpoint::Azure {
            // Operators copy it from Azure's portal with the path that is added here.
            let resource = ["/openai/v1", "/openai"].iter().find_map(|path| base_url.strip_suffix(path));
            base_url.truncate(resource.map_or(base_url.len(), str::len));
        }
        let secret = key.as_ref().map_or("", Secret::expose);
        let health_id = format!("{}#{:08x}", spec.id, secret::fingerprint(&[&base_url, secret]));
        let api_version = Some(spec.api_version.to_string()).filter(|version| !version.is_empty());
        Self { base_url, api_version, key, health_id }
    }

    /// The address at which `model`, the provider's own id, is asked.
    pub fn url(&self, provider: &ProviderSpec, model: &str) -> String {
        let mut url = String::with_capacity(self.base_url.len() + 64);
        url.push_str(&self.base_url);
        match (provider.endpoint, &self.api_version) {
            (Endpoint::WorkersAi, _) if self.base_url == AI_BINDING => url.push_str(model),
            (Endpoint::Usual | Endpoint::WorkersAi, _) => url.push_str(provider.dialect.path()),
            (Endpoint::Azure, None) => {
                url.push_str("/openai/v1");
                url.push_str(provider.dialect.path());
            }
            (Endpoint::Azure, Some(version)) => {
                url.push_str("/openai/deployments/");
                push_segment(model, &mut url);
                url.push_str(provider.dialect.path());
                url.push_str("?api-version=");
                url.push_str(version);
            }
        }
        url
    }
}

/// The providers that are on, each with its id, in catalogue order. A dozen at most, so a list is the quickest map.
pub(super) type Accesses = Vec<(Text, ProviderAccess)>;

pub(super) fn from_vars(
    vars: &Vars<'_>,
    builtin: &[ProviderSpec],
    configured: &[ProviderSpec],
) -> Result<Accesses, Box<ConfigError>> {
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

fn of_builtin(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<Option<ProviderAccess>, Box<ConfigError>> {
    let key = first_key(vars, spec)?;
    // A wrong address is told even while the provider is off, so that setting its key is not what breaks the gateway.
    let address = vars.text(&spec.base_url_var);
    let address = address.map(|address| checked(spec, &address)).transpose()?;
    let on = match spec.key {
        KeyPolicy::Required => key.is_some(),
        KeyPolicy::Optional => key.is_some() || address.is_some(),
    };
    let base_url = match address {
        _ if !on && spec.endpoint == Endpoint::WorkersAi && vars.text(AI_BINDING_VAR).is_some() => {
            AI_BINDING.to_owned()
        }
        _ if !on => return Ok(None),
        Some(address) => address,
        None if spec.base_url.is_empty() => {
            return Err(ConfigError::BaseUrlMissing {
                provider: spec.id.to_string(),
                var: spec.base_url_var.to_string(),
            }
            .into());
        }
        None => checked(spec, &expanded(vars, spec)?)?,
    };
    let api_version = match spec.endpoint {
        Endpoint::Usual | Endpoint::WorkersAi => None,
        Endpoint::Azure => api_version(vars)?,
    };
    Ok(Some(ProviderAccess { api_version, ..ProviderAccess::new(spec, base_url, key) }))
}

/// The row's base URL with the variables that it names in it.
fn expanded(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<String, Box<ConfigError>> {
    let Some((before, rest)) = spec.base_url.split_once('{') else { return Ok(spec.base_url.to_string()) };
    let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
    let missing = || ConfigError::BaseUrlMissing {
        provider: spec.id.to_string(),
        var: format!("{name} or {}", spec.base_url_var),
    };
    let value = vars.text(name).ok_or_else(missing)?;
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        Ok(format!("{before}{value}{after}"))
    } else {
        Err(ConfigError::NotAPartOfUrl { var: name.to_owned(), value }.into())
    }
}

fn api_version(vars: &Vars<'_>) -> Result<Option<String>, Box<ConfigError>> {
    let version = vars.text(AZURE_API_VERSION);
    match version.filter(|version| !is_api_version(version)) {
        None => Ok(vars.text(AZURE_API_VERSION)),
        Some(value) => {
            Err(ConfigError::Value { var: AZURE_API_VERSION, value, allowed: "a version such as 2024-10-21" }.into())
        }
    }
}

/// Whether it may stand in a query as it is.
pub(super) fn is_api_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// One segment of a path: whatever is not unreserved (RFC 3986) is percent-encoded, so that no name leads elsewhere.
fn push_segment(text: &str, url: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    let only_dots = text.bytes().all(|byte| byte == b'.');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || (byte == b'.' && !only_dots) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push(digit(byte >> 4));
            url.push(digit(byte & 15));
        }
    }
}

/// A provider of `GATEWAY_CONFIG` is on because it is there.
fn of_configured(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<ProviderAccess, Box<ConfigError>> {
    let key = first_key(vars, spec)?;
    match (spec.key_vars.first(), &key) {
        (Some(var), None) => Err(Box::new(ConfigError::Json {
            var: configured::VAR,
            path: format!("providers.{}.key", spec.id),
            problem: JsonProblem::SecretUnset { var: var.to_string() },
        })),
        _ => Ok(ProviderAccess::new(spec, spec.base_url.to_string(), key)),
    }
}

fn first_key(vars: &Vars<'_>, spec: &ProviderSpec) -> Result<Option<Secret>, Box<ConfigError>> {
    for var in spec.key_vars.iter() {
        if let Some(key) = vars.secret(var)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn checked(spec: &ProviderSpec, address: &str) -> Result<String, Box<ConfigError>> {
    parse_base_url(address)
        .map_err(|problem| Box::new(ConfigError::BaseUrl { var: spec.base_url_var.to_string(), problem }))
}
