//! The compiled-in tables, written by `build.rs` from `catalog/`. The providers are constant data; models and aliases are
//! unpacked when they are first asked for.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use super::packed::{self, PackedModel, PackedPrices};
use super::price;
use super::provider::{
    Auth, BodyPolicy, Dialect, Endpoint, ErrorRule, KeyPolicy, Mend, OutputLimitName, Prefill, PriceHours,
    ProviderSpec, QuotaHeaders, QuotaReset, ReasoningTokens, ReportedCost, StreamUsage, Text,
};
use super::quirk::{Quirk, Quirks};
use super::reasoning::{
    ModelReasoning, ReasoningBudget, ReasoningControl, ReasoningHistory, ReasoningSpec, ReasoningText,
};
use crate::routing::failure::ErrorClass;

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// The models, by provider in the order of [`PROVIDERS`], then in the order of their file.
pub fn models() -> &'static [ModelSpec] {
    static MODELS: OnceLock<Vec<ModelSpec>> = OnceLock::new();
    MODELS.get_or_init(|| packed::models(PROVIDERS, MODEL_ROWS, MODEL_NAMES))
}

/// The aliases and what they lead to, sorted by name.
pub fn aliases() -> &'static [(Text, Text)] {
    static PAIRS: OnceLock<Vec<(Text, Text)>> = OnceLock::new();
    PAIRS.get_or_init(|| packed::pairs(ALIASES).map(|(name, target)| (name.into(), target.into())).collect())
}

/// How much the model thinks under a compiled-in alias, where its name says so.
pub fn alias_effort(name: &str) -> Option<Effort> {
    ALIAS_EFFORTS.iter().find(|(alias, _)| *alias == name).map(|(_, effort)| *effort)
}

/// The models that are gone without a successor, and the day on which each was removed, sorted by name.
pub fn retired() -> impl Iterator<Item = (&'static str, &'static str)> {
    packed::pairs(RETIRED)
}
