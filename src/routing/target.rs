//! What a model name means: `auto`, a catalogue id, a pin (`provider/id`), a provider's own id, or an alias.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use crate::catalog::lookup::Catalog;
use crate::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use crate::catalog::provider::ProviderSpec;
use crate::catalog::reasoning::ModelReasoning;
use crate::openai::request::AUTO;

/// A model at a provider. Small, since a plan moves hundreds of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer<'c> {
    /// A row of the catalogue.
    Listed(&'c ModelSpec),
    /// A model that no row names.
    Unlisted(Rc<ModelSpec>),
}

impl Deref for Offer<'_> {
    type Target = ModelSpec;

    fn deref(&self) -> &ModelSpec {
        match self {
            Self::Listed(model) => model,
            Self::Unlisted(model) => model,
        }
    }
}

/// What the client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'c> {
    /// Whatever fits best.
    Auto,
    /// These offers of one model.
    Model {
        /// The offers, in catalogue order; never empty.
        offers: Vec<Offer<'c>>,
        /// The provider that the client named.
        pinned: Option<&'c ProviderSpec>,
    },
}

/// A model name that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownModel {
    /// The name as the client sent it.
    pub name: String,
    /// The provider in front of the slash, where it is one that exists.
    pub provider: Option<String>,
    /// The day on which the model was removed, `YYYY-MM-DD`, if there was one of that name.
    pub retired: Option<&'static str>,
}

impl<'c> Target<'c> {
    /// Looks `name` up. The order is: `auto`, catalogue id, pin, a provider's own id, alias, and last any model of a
    /// provider that takes any.
    ///
    /// # Errors
    /// [`UnknownModel`] if none of them fits.
    pub fn resolve(name: &str, catalog: &'c Catalog) -> Result<Self, UnknownModel> {
        let name = name.trim();
        if name == AUTO {
            return Ok(Self::Auto);
        }
        if let Some(target) = Self::by_row(name, catalog) {
            return Ok(target);
        }
        if let Some(target) = catalog.alias(name) {
            // An alias names a row or a pin, never another alias.
            return Self::by_row(target, catalog)
                .or_else(|| Self::any_model(target, catalog))
                .ok_or_else(|| UnknownModel { name: name.to_owned(), provider: None, retired: None });
        }
        Self::any_model(name, catalog).ok_or_else(|| {
            let pin = name.split_once('/').and_then(|(id, model)| Some((catalog.provider(id)?, model)));
            UnknownModel {
                name: name.to_owned(),
                provider: pin.map(|(provider, _)| provider.id.to_string()),
                retired: Catalog::retired(name).or_else(|| Catalog::retired(pin?.1)),
            }
        })
    }

    fn by_row(name: &str, catalog: &'c Catalog) -> Option<Self> {
        let model = |offers: Vec<&'c ModelSpec>, pinned| {
            let offers: Vec<_> = offers.into_iter().map(Offer::Listed).collect();
            (!offers.is_empty()).then_some(Self::Model { offers, pinned })
        };
        model(catalog.models_by_id(name).collect(), None)
            .or_else(|| {
                let (provider, rest) = name.split_once('/')?;
                let provider = catalog.provider(provider)?;
                let at = |id: &str| catalog.model_at(&provider.id, id).collect::<Vec<_>>();
                model(at(rest), Some(provider)).or_else(|| {
                    let target = catalog.alias(rest)?;
                    model(at(target), Some(provider)).or_else(|| model(at(behind(provider, target)?), Some(provider)))
                })
            })
            .or_else(|| model(catalog.models_by_upstream_id(name).collect(), None))
    }

    fn any_model(name: &str, catalog: &'c Catalog) -> Option<Self> {
        let (id, model) = name.split_once('/')?;
        let provider = catalog.provider(id).filter(|provider| provider.any_model && !model.is_empty())?;
        let model = catalog.alias(model).and_then(|target| behind(provider, target)).unwrap_or(model);
        Some(Self::unlisted(provider, model))
    }

    /// Some model of a provider, of which nothing more is known.
    pub fn unlisted(provider: &'c ProviderSpec, model: &str) -> Self {
        Self::Model { offers: vec![Offer::Unlisted(Rc::new(unlisted(provider, model)))], pinned: Some(provider) }
    }

    /// The id of the provider that the client pinned.
    pub fn pinned_provider(&self) -> Option<&'c str> {
        match self {
            Self::Auto => None,
            Self::Model { pinned, .. } => pinned.map(|provider| provider.id.as_ref()),
        }
    }
}

/// What stands behind this provider's id in an alias that leads to a pin of it.
fn behind<'t>(provider: &ProviderSpec, target: &'t str) -> Option<&'t str> {
    target.strip_prefix(&*provider.id)?.strip_prefix('/')
}

/// A model that no row names, at a provider that takes any: nothing is known of it, so nothing is ruled out, and its
/// price is unknown rather than zero.
fn unlisted(provider: &ProviderSpec, model: &str) -> ModelSpec {
    ModelSpec {
        id: Cow::Owned(model.to_owned()),
        provider: provider.id.clone(),
        upstream_id: Cow::Owned(model.to_owned()),
        context_window: None,
        max_output: None,
        prices: None,
        capabilities: Capabilities::UNKNOWN,
        efforts: Cow::Borrowed(&Effort::ALL),
        reasoning: ModelReasoning::AS_PROVIDER,
        reasoning_level: ReasoningLevel::High,
        free: false,
        auto: false,
        drops: Cow::Borrowed(&[]),
        mends: Cow::Borrowed(&[]),
        thinking: Thinking::None,
    }
}
