//! What an isolate is made of once: the configuration and the catalogue with the operator's additions.

use super::custom::{LIKE, PROVIDER};
use crate::catalog::lookup::{Catalog, CatalogError};
use crate::catalog::provider::{ProviderSpec, Text, Texts};
use crate::config::{Builtin, Config, ConfigError};
use crate::openai::error::{ApiError, ErrorType};

/// A configured gateway.
#[derive(Debug)]
pub struct Gateway {
    /// The configuration.
    pub config: Config,
    /// Every provider, model and alias.
    pub catalog: Catalog,
    /// What is taken for granted of a client's own endpoint: what a vLLM server does.
    pub custom: ProviderSpec,
}

/// The configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// A variable has a bad value.
    Config(Box<ConfigError>),
    /// `GATEWAY_CONFIG` does not fit the compiled-in catalogue.
    Catalog(CatalogError),
    /// The catalogue lacks the provider that clients' own endpoints are taken to be like.
    NoCustomProvider,
}

impl Gateway {
    /// Reads the configuration through `var`, which returns the text of a variable or secret.
    ///
    /// # Errors
    /// [`SetupError`], naming the variable.
    pub fn new(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, SetupError> {
        let builtin = Catalog::builtin();
        let config = Config::from_vars(var, Builtin::from(&builtin)).map_err(SetupError::Config)?;
        let catalog = config.catalog.join(builtin).map_err(SetupError::Catalog)?;
        let vllm = catalog.provider(LIKE).cloned().ok_or(SetupError::NoCustomProvider)?;
        let (id, name) = (Text::Borrowed(PROVIDER), Text::Borrowed("Custom endpoint"));
        let custom = ProviderSpec { id, name, forward_headers: Texts::default(), ..vllm };
        Ok(Self { config, catalog, custom })
    }

    /// The provider of that id, a client's own endpoint included.
    pub fn provider(&self, id: &str) -> Option<&ProviderSpec> {
        if id == PROVIDER { Some(&self.custom) } else { self.catalog.provider(id) }
    }

    /// Whether a provider is on.
    pub fn is_configured(&self, provider: &str) -> bool {
        self.config.access(provider).is_some()
    }

    /// The headers of clients that some configured provider may see, lower-case.
    pub fn forwarded_headers(&self) -> Vec<String> {
        let on = self.catalog.providers().iter().filter(|provider| self.is_configured(&provider.id));
        let mut names: Vec<String> = on.flat_map(|on| on.forward_headers.iter()).map(ToString::to_string).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl From<&SetupError> for ApiError {
    fn from(error: &SetupError) -> Self {
        let what = match error {
            SetupError::Config(error) => error.to_string(),
            SetupError::Catalog(error) => format!("GATEWAY_CONFIG: {error}"),
            SetupError::NoCustomProvider => format!("The catalogue has no provider `{LIKE}`."),
        };
        Self {
            should_retry: Some(false),
            ..Self::new(
                503,
                ErrorType::Server,
                "gateway_misconfigured",
                format!("The gateway's configuration cannot be used; its operator must mend it. {what}"),
            )
        }
    }
}
