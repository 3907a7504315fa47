//! What the gateway knows of a model at one provider: limits, prices, capabilities.

use std::borrow::Cow;

use super::price::Prices;
use super::provider::{MendList, Text, Texts};

/// What a model can do beyond text in, text out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Function tools.
    pub tools: bool,
    /// `response_format: {"type": "json_object"}`.
    pub json_object: bool,
    /// `response_format: {"type": "json_schema"}`.
    pub json_schema: bool,
    /// Image parts in messages.
    pub vision: bool,
    /// Thinks before it answers.
    pub reasoning: bool,
    /// Searches the web by itself.
    pub web_search: bool,
}

impl Capabilities {
    /// Of a model of which nobody has said what it can do: nothing is ruled out, the provider decides.
    pub const UNKNOWN: Self =
        Self { tools: true, json_object: true, json_schema: true, vision: true, reasoning: false, web_search: false };
}

/// A rough three-way measure of how well a model reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasoningLevel {
    /// Small and quick models.
    Low,
    /// Good models.
    Medium,
    /// The strongest models.
    High,
}

/// How much a reasoning model is asked to think, lowest first. `Default` is what some providers call "on".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// The usual amount.
    Medium,
    /// Much.
    High,
    /// Very much.
    Xhigh,
    /// All it can.
    Max,
    /// The provider's own default, where it offers no scale.
    Default,
}

/// One model at one provider. `(provider, upstream_id)` is unique, `id` is shared by all who serve the same model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSpec {
    /// The catalogue id: the same for the same model at every provider.
    pub id: Text,
    /// The provider's id.
    pub provider: Text,
    /// The provider's own id of the model.
    pub upstream_id: Text,
    /// Tokens of prompt and answer together; `None` where nobody knows (a self-hosted model).
    pub context_window: Option<u32>,
    /// The longest answer in tokens, where known.
    pub max_output: Option<u32>,
    /// List prices; `None` where unknown: the cost is then `null`, never 0.
    pub prices: Option<Prices>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The values that its effort field takes, lowest first; empty where it has no such field.
    pub efforts: Cow<'static, [Effort]>,
    /// How well it reasons.
    pub reasoning_level: ReasoningLevel,
    /// The provider gives recurring free use of it.
    pub free: bool,
    /// May be chosen by `auto`; false for moderation models, agents and other special cases.
    pub auto: bool,
    /// Fields that this model refuses beyond those of its provider's row.
    pub drops: Texts,
    /// How its replies differ beyond what its provider's row says.
    pub mends: MendList,
}

impl ReasoningLevel {
    /// The name in requests, in the catalogue and in `GET /v1/models`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|level| level.as_str() == name)
    }
}

impl Effort {
    /// Every effort, lowest first.
    pub const ALL: [Self; 8] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max, Self::Default];

    /// The name in requests and in the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
            Self::Default => "default",
        }
    }

    /// The effort of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == name)
    }
}
