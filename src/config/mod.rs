//! What the operator set: every variable and secret, read once, checked, and typed. A value that cannot be used is an
//! error that names its variable; none is ignored. It reads through a function that it is given, and knows nothing of
//! Workers; the bindings (`DB`, `HEALTH`, ...) are the edge's.

mod access;
pub mod accounts;
mod base_url;
mod configured;
mod cors;
mod custom_hosts;
mod env;
mod error;
mod host;
mod json_error;
pub mod limits;
mod log;
mod models_json;
mod price;
mod prices_json;
mod providers_json;
mod secret;
mod walker;

pub use access::{AI_BINDING_VAR, ProviderAccess};
pub use accounts::AccountSettings;
pub use base_url::{BaseUrlError, parse_base_url};
pub use configured::{Builtin, ConfiguredCatalog, ModelOverride};
pub use cors::CorsOrigins;
pub use custom_hosts::{CustomHosts, EndpointError};
pub use error::ConfigError;
pub use json_error::JsonProblem;
pub use limits::{Limits, Timeouts};
pub use log::LogRequests;
pub use models_json::ModelChanges;
pub use price::PriceUnit;
pub use secret::{KeyDigest, Secret};

use crate::project::ProjectId;
use env::Vars;
use walker::Walker;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `GATEWAY_API_KEY`: the keys that clients may present. None: nobody gets in.
    pub api_keys: Vec<KeyDigest>,
    /// `GATEWAY_DEMO`: no key is asked for from this machine.
    pub demo: bool,
    /// `DEFAULT_PROJECT_ID`: the project of a request that names none.
    pub default_project_id: Option<ProjectId>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// `HEDGE_MAX_USD`, in pico-dollars: what the prompt of a second candidate may cost.
    pub hedge_max_pico_usd: u64,
    /// How much to hold.
    pub limits: Limits,
    /// `RETENTION_DAYS`: how many days a request's row is kept.
    pub retention_days: u64,
    /// `LOG_REQUESTS`.
    pub log_requests: LogRequests,
    /// How the accounts are kept.
    pub accounts: AccountSettings,
    /// `CORS_ORIGINS`.
    pub cors_origins: CorsOrigins,
    /// `CUSTOM_ENDPOINT_HOSTS`.
    pub custom_hosts: CustomHosts,
    /// `AUTO_MODELS`: what `auto` chooses from, in order, instead of the price tiers. Empty: the price tiers.
    pub auto_models: Vec<String>,
    /// `FREE_TIER_PROVIDERS`: ids of the providers whose free models cost this operator nothing.
    pub free_tier_providers: Vec<String>,
    /// `GATEWAY_CONFIG`.
    pub catalog: ConfiguredCatalog,
    providers: access::Accesses,
}

impl Config {
    /// Reads everything through `var`, which returns the text of a variable or secret. An empty one counts as unset.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn from_vars(var: &dyn Fn(&str) -> Option<String>, builtin: Builtin<'_>) -> Result<Self, Box<ConfigError>> {
        let vars = Vars::new(var);
        let catalog = match vars.document(configured::VAR) {
            Some(text) => ConfiguredCatalog::parse(&text, builtin)?,
            None => ConfiguredCatalog::default(),
        };
        Ok(Self {
            api_keys: api_keys(&vars)?,
            demo: vars.switch("GATEWAY_DEMO")?,
            default_project_id: default_project_id(&vars)?,
            timeouts: Timeouts::from_vars(&vars)?,
            hedge_max_pico_usd: limits::hedge_max_pico_usd(&vars)?,
            limits: Limits::from_vars(&vars)?,
            retention_days: limits::retention_days(&vars)?,
            log_requests: LogRequests::from_vars(&vars)?,
            accounts: AccountSettings::from_vars(&vars)?,
            cors_origins: CorsOrigins::from_vars(&vars)?,
            custom_hosts: CustomHosts::from_vars(&vars)?,
            auto_models: auto_models(&vars, &catalog, builtin)?,
            free_tier_providers: free_tier_providers(&vars, &catalog, builtin)?,
            providers: access::from_vars(&vars, builtin.providers, &catalog.providers)?,
            catalog,
        })
    }

    /// Whether `presented` is one of [`Self::api_keys`], in a time that tells nothing about them but their number.
    pub fn authorizes(&self, presented: &[u8]) -> bool {
        secret::is_one_of(&self.api_keys, presented)
    }

    /// How to call a provider; none while it is off.
    pub fn access(&self, provider: &str) -> Option<&ProviderAccess> {
        self.providers.iter().find(|(id, _)| id == provider).map(|(_, access)| access)
    }

    /// The ids of the providers that are on, in catalogue order.
    pub fn providers_on(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().map(|(id, _)| id.as_ref())
    }
}

fn api_keys(vars: &Vars<'_>) -> Result<Vec<KeyDigest>, Box<ConfigError>> {
    const VAR: &str = "GATEWAY_API_KEY";
    let digest = |key: String| match Secret::parse(&key) {
        Some(key) => Ok(KeyDigest::of(key.expose().as_bytes())),
        None => Err(ConfigError::Secret { var: VAR.to_owned() }.into()),
    };
    vars.list(VAR).into_iter().map(digest).collect()
}

fn default_project_id(vars: &Vars<'_>) -> Result<Option<ProjectId>, Box<ConfigError>> {
    const VAR: &str = "DEFAULT_PROJECT_ID";
    let parse = |text: String| {
        ProjectId::parse(&text).map_err(|problem| Box::new(ConfigError::ProjectId { var: VAR, problem }))
    };
    vars.text(VAR).map(parse).transpose()
}

fn auto_models(
    vars: &Vars<'_>,
    catalog: &ConfiguredCatalog,
    builtin: Builtin<'_>,
) -> Result<Vec<String>, Box<ConfigError>> {
    const VAR: &str = "AUTO_MODELS";
    let models = match vars.text(VAR) {
        Some(text) if text.starts_with('[') => Walker::parse(VAR, &text)?.names()?,
        _ => vars.list(VAR),
    };
    match models.iter().find(|name| !catalog.has_model(name, builtin)) {
        Some(value) => Err(ConfigError::UnknownModel { var: VAR, value: value.clone() }.into()),
        None => Ok(models),
    }
}

fn free_tier_providers(
    vars: &Vars<'_>,
    catalog: &ConfiguredCatalog,
    builtin: Builtin<'_>,
) -> Result<Vec<String>, Box<ConfigError>> {
    const VAR: &str = "FREE_TIER_PROVIDERS";
    let known = || builtin.providers.iter().chain(&catalog.providers).map(|spec| spec.id.to_string());
    let named = vars.list(VAR);
    match named.iter().find(|id| !known().any(|known| known == **id)) {
        Some(value) => {
            Err(ConfigError::UnknownProvider { var: VAR, value: value.clone(), known: known().collect() }.into())
        }
        None => Ok(named),
    }
}
