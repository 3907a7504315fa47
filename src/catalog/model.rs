//! What the gateway knows of a model at one provider: limits, prices, capabilities.

use std::borrow::Cow;

use super::price::Prices;
use super::provider::{MendList, Text, Texts};
use super::reasoning::ModelReasoning;

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
    /// Returns images where it is asked for them.
    pub image_output: bool,
    /// Returns sound where it is asked for it.
    pub audio_output: bool,
}

impl Capabilities {
    /// Of a model of which nobody has said what it can do: nothing is ruled out, the provider decides.
    pub const UNKNOWN: Self = Self {
        tools: true,
        json_object: true,
        json_schema: true,
        vision: true,
        reasoning: false,
        web_search: false,
        image_output: true,
        audio_output: true,
    };
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

/// How a model that speaks Anthropic's Messages is made to think, and what that rules out. Sources:
/// platform.claude.com/docs/en/build-with-claude/thinking, /effort, /preserved-thinking and the migration guides of the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// There is no such control.
    #[default]
    None,
    /// Off unless it is given a number of tokens (4.5 and earlier).
    Budget,
    /// Off unless it is asked for; takes either an effort or a number of tokens (4.6).
    Either,
    /// Off unless it is asked for, by an effort (Opus 4.7 and 4.8).
    Adaptive,
    /// On, by an effort, unless it is disabled, which it can be up to the effort `high` (Opus 5, Sonnet 5).
    DefaultOn,
    /// Always on, by an effort (Fable 5).
    Always,
    /// The same; thoughts that go back are bound to the conversation, and no call of a tool can be forced (Opus 5.5, Fable 5.1).
    Bound,
    /// The same, but with the effort `high` or a lower one it can be kept to thinking between calls of tools (Sonnet 5.5).
    BoundBetweenTools,
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
    /// How much it can be told to think, lowest first: [`Effort::None`] where it can be kept from it, [`Effort::Default`]
    /// where it is only switched on. Empty where it cannot be told.
    pub efforts: Cow<'static, [Effort]>,
    /// How it is told, where not as its provider's row says.
    pub reasoning: ModelReasoning,
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
    /// How it is made to think, where its provider speaks Anthropic's Messages.
    pub thinking: Thinking,
}

impl Thinking {
    /// Every variant with its name in the catalogue and in `GATEWAY_CONFIG`.
    pub const WORDS: [(&'static str, Self); 8] = [
        ("none", Self::None),
        ("budget", Self::Budget),
        ("either", Self::Either),
        ("adaptive", Self::Adaptive),
        ("default_on", Self::DefaultOn),
        ("always", Self::Always),
        ("bound", Self::Bound),
        ("bound_between_tools", Self::BoundBetweenTools),
    ];
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
