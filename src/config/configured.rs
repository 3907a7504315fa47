//! What `GATEWAY_CONFIG` adds to the built-in catalogue, and how the two are joined.

use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::models_json::ModelChanges;
use super::providers_json;
use super::walker::Walker;
use crate::catalog::lookup::{Additions, Catalog, CatalogError};
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{ProviderSpec, Text};

/// The variable.
pub(super) const VAR: &str = "GATEWAY_CONFIG";
/// The name that stands for the gateway's own choice.
const AUTO: &str = "auto";
const KEYS: &[&str] = &["providers", "aliases", "models"];

/// The tables that the configuration is read over: those that are compiled in.
#[derive(Clone, Copy, Debug)]
pub struct Builtin<'a> {
    /// Every provider.
    pub providers: &'a [ProviderSpec],
    /// Every model.
    pub models: &'a [ModelSpec],
}

impl<'a> From<&'a Catalog> for Builtin<'a> {
    fn from(catalog: &'a Catalog) -> Self {
        Self { providers: catalog.providers(), models: catalog.models() }
    }
}

/// What the operator adds or changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredCatalog {
    /// Providers with ids of their own.
    pub providers: Vec<ProviderSpec>,
    /// Models of those providers.
    pub models: Vec<ModelSpec>,
    /// Names and what they stand for; they go before the built-in ones.
    pub aliases: Vec<(String, String)>,
    /// Changes of rows.
    pub overrides: Vec<ModelOverride>,
}

/// The changes of one row, which is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOverride {
    /// The provider's id.
    pub provider: String,
    /// The provider's own id of the model.
    pub upstream_id: String,
    /// What changes.
    pub changes: ModelChanges,
}

impl ConfiguredCatalog {
    pub(super) fn parse(text: &str, builtin: Builtin<'_>) -> Result<Self, Box<ConfigError>> {
        let document = Walker::parse(VAR, text)?.object(KEYS)?;
        let mut configured = Self::default();
        if let Some(providers) = document.get("providers") {
            (configured.providers, configured.models) = providers_json::parse(providers, builtin.providers)?;
        }
        if let Some(aliases) = document.get("aliases") {
            configured.aliases = configured.parse_aliases(aliases, builtin)?;
        }
        if let Some(models) = document.get("models") {
            configured.overrides = configured.parse_overrides(models, builtin)?;
        }
        Ok(configured)
    }

    /// `catalog` with everything that is configured: providers, models and aliases added, changes applied.
    ///
    /// # Errors
    /// None where `catalog` has the tables that this was read over.
    pub fn join(&self, catalog: Catalog) -> Result<Catalog, CatalogError> {
        let alias = |(name, target): &(String, String)| (Text::Owned(name.clone()), Text::Owned(target.clone()));
        let catalog = catalog.with(Additions {
            providers: self.providers.clone(),
            models: self.models.clone(),
            aliases: self.aliases.iter().map(alias).collect(),
        })?;
        self.overrides.iter().try_fold(catalog, |catalog, change| {
            catalog.with_changed_model(&change.provider, &change.upstream_id, |model| {
                // The name may be another row's catalogue id as well.
                if model.upstream_id == change.upstream_id {
                    change.changes.apply(model);
                }
            })
        })
    }

    fn parse_overrides(&self, json: &Walker<'_>, builtin: Builtin<'_>) -> Result<Vec<ModelOverride>, Box<ConfigError>> {
        let mut overrides: Vec<ModelOverride> = Vec::new();
        for (name, member) in json.entries()? {
            let changes = ModelChanges::parse(&member)?;
            let (provider, upstream_id) = self.row_of(&name, builtin).or_else(|problem| member.wrong(problem))?;
            if overrides.iter().any(|earlier| earlier.provider == provider && earlier.upstream_id == upstream_id) {
                return member.wrong(JsonProblem::Duplicate { name: format!("{provider}/{upstream_id}") });
            }
            overrides.push(ModelOverride { provider, upstream_id, changes });
        }
        Ok(overrides)
    }

    /// The one row that `provider/model` means: the provider's own id goes before the catalogue's.
    fn row_of(&self, name: &str, builtin: Builtin<'_>) -> Result<(String, String), JsonProblem> {
        let unknown = || JsonProblem::UnknownModel { name: name.to_owned() };
        let (provider, model) = name.split_once('/').ok_or_else(unknown)?;
        if !builtin.providers.iter().chain(&self.providers).any(|spec| spec.id == provider) {
            return Err(JsonProblem::UnknownProvider { id: provider.to_owned() });
        }
        let rows: Vec<&ModelSpec> =
            builtin.models.iter().chain(&self.models).filter(|row| row.provider == provider).collect();
        let offers: Vec<String> = match rows.iter().find(|row| row.upstream_id == model) {
            Some(row) => vec![row.upstream_id.to_string()],
            None => rows.iter().filter(|row| row.id == model).map(|row| row.upstream_id.to_string()).collect(),
        };
        match offers.as_slice() {
            [] => Err(unknown()),
            [upstream_id] => Ok((provider.to_owned(), upstream_id.clone())),
            _ => Err(JsonProblem::AmbiguousModel { offers }),
        }
    }

    fn parse_aliases(
        &self,
        json: &Walker<'_>,
        builtin: Builtin<'_>,
    ) -> Result<Vec<(String, String)>, Box<ConfigError>> {
        let mut aliases = Vec::new();
        for (alias, member) in json.entries()? {
            let mut models = builtin.models.iter().chain(&self.models);
            if alias == AUTO || models.any(|row| row.id == alias || row.upstream_id == alias) {
                return member.wrong(JsonProblem::NameTaken);
            }
            let name = member.name()?;
            if !self.has_model(&name, builtin) {
                return member.wrong(JsonProblem::UnknownModel { name });
            }
            aliases.push((alias.into_owned(), name));
        }
        Ok(aliases)
    }

    /// Whether `name` leads to a model: a catalogue id, or `provider/model`. An alias does not.
    pub(super) fn has_model(&self, name: &str, builtin: Builtin<'_>) -> bool {
        let mut models = builtin.models.iter().chain(&self.models);
        let mut providers = builtin.providers.iter().chain(&self.providers);
        models.clone().any(|row| row.id == name)
            || name.split_once('/').is_some_and(|(provider, model)| {
                providers.any(|spec| spec.id == provider && spec.any_model && !model.is_empty())
                    || models.any(|row| row.provider == provider && (row.id == model || row.upstream_id == model))
            })
    }
}
