//! Finds providers, models and aliases, in the compiled-in tables and in what an operator added to them. What a name
//! in a request means is for `routing/target.rs` to say.
//!
//! The tables hold some hundred rows, so every search is a plain walk through them.

use std::borrow::Cow;
use std::fmt;

use super::model::{Effort, ModelSpec};
use super::provider::{ProviderSpec, Text};
use super::tables;

/// Providers, models and aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    providers: Cow<'static, [ProviderSpec]>,
    models: Cow<'static, [ModelSpec]>,
    aliases: Cow<'static, [(Text, Text)]>,
}

/// What an operator adds to the compiled-in catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Providers with ids of their own.
    pub providers: Vec<ProviderSpec>,
    /// Models of these or of compiled-in providers.
    pub models: Vec<ModelSpec>,
    /// `(name, catalogue id or provider/model)`. A compiled-in alias of the same name gives way.
    pub aliases: Vec<(Text, Text)>,
}

/// Why rows cannot be part of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogError {
    /// A provider of this id exists.
    DuplicateProvider {
        /// The provider's id.
        id: Text,
    },
    /// A model names a provider that does not exist.
    UnknownProvider {
        /// The id it names.
        provider: Text,
        /// The model's own id there.
        upstream_id: Text,
    },
    /// The provider has a model of this own id.
    DuplicateModel {
        /// The provider's id.
        provider: Text,
        /// The model's own id there.
        upstream_id: Text,
    },
    /// Two of the added aliases have this name.
    DuplicateAlias {
        /// The alias.
        name: Text,
    },
    /// A model has the alias's name and would be hidden by it.
    AliasShadowsModel {
        /// The alias.
        name: Text,
    },
    /// An alias leads to no model.
    AliasToNothing {
        /// The alias.
        name: Text,
        /// What it leads to.
        target: Text,
    },
    /// There is no such model to change.
    UnknownModel {
        /// The provider's id.
        provider: Text,
        /// A catalogue id or the provider's own id.
        name: Text,
    },
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateProvider { id } => {
                write!(f, "there is already a provider \"{id}\": choose another name")
            }
            Self::UnknownProvider { provider, upstream_id } => {
                write!(f, "model \"{upstream_id}\": there is no provider \"{provider}\"")
            }
            Self::DuplicateModel { provider, upstream_id } => {
                write!(f, "{provider} already has a model \"{upstream_id}\"")
            }
            Self::DuplicateAlias { name } => write!(f, "alias \"{name}\" is given twice"),
            Self::AliasShadowsModel { name } => {
                write!(f, "alias \"{name}\" is the name of a model: choose another name")
            }
            Self::AliasToNothing { name, target } => {
                write!(f, "alias \"{name}\" leads to \"{target}\", which is neither a model nor provider/model")
            }
            Self::UnknownModel { provider, name } => {
                write!(f, "{provider} has no model \"{name}\"")
            }
        }
    }
}

impl std::error::Error for CatalogError {}

impl Catalog {
    /// The compiled-in catalogue.
    pub fn builtin() -> Self {
        Self {
            providers: Cow::Borrowed(tables::PROVIDERS),
            models: Cow::Borrowed(tables::models()),
            aliases: Cow::Borrowed(tables::aliases()),
        }
    }

    /// All providers; their order is the order of the catalogue.
    pub fn providers(&self) -> &[ProviderSpec] {
        &self.providers
    }

    /// All models: the compiled-in ones in the order of their providers, then the added ones.
    pub fn models(&self) -> &[ModelSpec] {
        &self.models
    }

    /// All aliases and what they lead to.
    pub fn aliases(&self) -> &[(Text, Text)] {
        &self.aliases
    }

    /// The provider of this id.
    pub fn provider(&self, id: &str) -> Option<&ProviderSpec> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// The provider's place in [`Self::providers`].
    pub fn provider_index(&self, id: &str) -> Option<usize> {
        self.providers.iter().position(|provider| provider.id == id)
    }

    /// The rows of a catalogue id: one or more for each provider that serves the model.
    pub fn models_by_id<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a ModelSpec> {
        self.models.iter().filter(move |model| model.id == id)
    }

    /// The rows that carry a provider's own id. Several providers may use the same one (`openai/gpt-oss-120b`).
    pub fn models_by_upstream_id<'a>(&'a self, upstream_id: &str) -> impl Iterator<Item = &'a ModelSpec> {
        self.models.iter().filter(move |model| model.upstream_id == upstream_id)
    }

    /// The rows of one provider that a pin means: by catalogue id (then there may be two, a free and a paid offer of one
    /// model) or by the provider's own id.
    pub fn model_at<'a>(&'a self, provider: &str, name: &str) -> impl Iterator<Item = &'a ModelSpec> {
        self.models.iter().filter(move |model| model.provider == provider && is_called(model, name))
    }

    /// What an alias leads to: a catalogue id, or `provider/model`. Look for a row of the name first: an operator's model
    /// may have the name of a compiled-in alias, and then the model is meant.
    pub fn alias(&self, name: &str) -> Option<&str> {
        let (_, target) = self.aliases.iter().find(|(alias, _)| alias == name)?;
        Some(target)
    }

    /// The model that an alias, alone or behind a provider, leads to, and how much it thinks under that name where the client
    /// says nothing of it; `None` where the name says nothing either, as an operator's own.
    pub fn named_effort(&self, name: &str) -> Option<(&str, Effort)> {
        let name = name.trim();
        let alone = |name| Some((name, tables::alias_effort(name)?));
        let (alias, effort) = alone(name).or_else(|| alone(name.split_once('/')?.1))?;
        let mut known = self.aliases.iter().filter(|(known, _)| known == alias);
        // An operator's alias of that name comes before it.
        known.next().filter(|_| known.next().is_none()).map(|(_, target)| (&**target, effort))
    }

    /// The day on which the compiled-in rows of this name were removed, `YYYY-MM-DD`, if the model is gone and nobody has
    /// named its successor (then it would be an alias).
    pub fn retired(name: &str) -> Option<&'static str> {
        tables::retired().find(|(retired, _)| *retired == name).map(|(_, day)| day)
    }

    /// This catalogue with an operator's rows. Their models come after the compiled-in ones.
    ///
    /// # Errors
    ///
    /// The first row that does not fit.
    pub fn with(mut self, additions: Additions) -> Result<Self, CatalogError> {
        for provider in additions.providers {
            if self.provider(&provider.id).is_some() {
                return Err(CatalogError::DuplicateProvider { id: provider.id });
            }
            self.providers.to_mut().push(provider);
        }
        for model in additions.models {
            let ModelSpec { provider, upstream_id, .. } = &model;
            if self.provider(provider).is_none() {
                return Err(CatalogError::UnknownProvider {
                    provider: provider.clone(),
                    upstream_id: upstream_id.clone(),
                });
            }
            let is_same = |other: &ModelSpec| other.provider == *provider && other.upstream_id == *upstream_id;
            if self.models.iter().any(is_same) {
                return Err(CatalogError::DuplicateModel {
                    provider: provider.clone(),
                    upstream_id: upstream_id.clone(),
                });
            }
            self.models.to_mut().push(model);
        }
        self.add_aliases(additions.aliases)?;
        Ok(self)
    }

    /// This catalogue with the rows that `provider/name` means changed by `change`. It may change anything but the
    /// provider.
    ///
    /// # Errors
    ///
    /// [`CatalogError::UnknownModel`], and [`CatalogError::DuplicateModel`] where the provider has another row of the new
    /// own id.
    pub fn with_changed_model(
        mut self,
        provider: &str,
        name: &str,
        mut change: impl FnMut(&mut ModelSpec),
    ) -> Result<Self, CatalogError> {
        if self.model_at(provider, name).next().is_none() {
            return Err(CatalogError::UnknownModel {
                provider: Cow::Owned(provider.to_owned()),
                name: Cow::Owned(name.to_owned()),
            });
        }
        let rows = self.models.to_mut().iter_mut();
        let mut renamed = Vec::new();
        for model in rows.filter(|model| model.provider == provider && is_called(model, name)) {
            let (provider, upstream_id) = (model.provider.clone(), model.upstream_id.clone());
            change(model);
            model.provider = provider;
            if model.upstream_id != upstream_id {
                renamed.push(model.upstream_id.clone());
            }
        }
        for upstream_id in renamed {
            let same =
                self.models.iter().filter(|model| model.provider == provider && model.upstream_id == upstream_id);
            if same.count() > 1 {
                return Err(CatalogError::DuplicateModel { provider: Cow::Owned(provider.to_owned()), upstream_id });
            }
        }
        Ok(self)
    }

    fn add_aliases(&mut self, aliases: Vec<(Text, Text)>) -> Result<(), CatalogError> {
        for (position, (name, target)) in aliases.iter().enumerate() {
            if aliases.iter().take(position).any(|(earlier, _)| earlier == name) {
                return Err(CatalogError::DuplicateAlias { name: name.clone() });
            }
            if self.models.iter().any(|model| is_called(model, name)) {
                return Err(CatalogError::AliasShadowsModel { name: name.clone() });
            }
            if !self.leads_to_model(target) {
                return Err(CatalogError::AliasToNothing { name: name.clone(), target: target.clone() });
            }
        }
        // Before the compiled-in ones, so that they are found first.
        if !aliases.is_empty() {
            self.aliases.to_mut().splice(0..0, aliases);
        }
        Ok(())
    }

    /// Whether an alias may lead there. A provider that takes any model has all of them.
    fn leads_to_model(&self, target: &str) -> bool {
        self.models_by_id(target).next().is_some()
            || target.split_once('/').is_some_and(|(provider, name)| {
                self.provider(provider).is_some_and(|provider| provider.any_model)
                    || self.model_at(provider, name).next().is_some()
            })
    }
}

fn is_called(model: &ModelSpec, name: &str) -> bool {
    model.id == name || model.upstream_id == name
}
