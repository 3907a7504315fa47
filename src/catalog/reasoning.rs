//! How a provider is told how much a model shall think, whether to show it, and how thoughts go back to it, as data.
//!
//! What a model can be told is on its row: `efforts` (`none` where it can be kept from thinking, `default` where it is only
//! switched on) and `budget`. This is how that is spelt.

/// The fields that say how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningControl {
    /// `reasoning_effort: "high"`: OpenAI's, which most have. A budget becomes the nearest effort.
    Effort,
    /// The same, and with functions among the tools it must be `none`, said or not: anything else is 400 "Function tools with
    /// reasoning_effort are not supported for ..., use /v1/responses or set reasoning_effort to 'none'" (OpenAI's chat
    /// completions from gpt-5.4 on; openai/openai-openapi#541, BerriAI/litellm#34569, can1357/oh-my-pi#11052).
    EffortWithoutTools,
    /// The same as [`Self::Effort`], which takes a number of tokens as well, and `thinking: {"type":"enabled"}` to switch it on (Fireworks).
    EffortOrTokens,
    /// `reasoning: {effort | max_tokens | enabled, exclude}` (OpenRouter, which turns either into what the model knows).
    Object,
    /// `reasoning: {"enabled": bool}`, with `reasoning_effort` beside it on models that have a scale (Together).
    Enabled,
    /// `thinking: {"type": "enabled" | "disabled"}`, with `reasoning_effort` beside it (DeepSeek).
    Thinking,
    /// `chat_template_kwargs: {"enable_thinking": bool}`, with `reasoning_effort` beside it on models that have a scale, and
    /// `reasoning_budget` on those that have a budget (SambaNova, NVIDIA, vLLM: Qwen, GLM, Nemotron, MiniMax).
    EnableThinking,
    /// The same with `chat_template_kwargs: {"thinking": bool}` (DeepSeek and Kimi on those servers).
    TemplateThinking,
    /// `reasoning_effort`, or `extra_body.google.thinking_config`, never both: a level or a budget, and whether the thoughts
    /// come (Gemini).
    Google,
}

impl ReasoningControl {
    /// Whether a number of tokens can be said by it, to a model that says its range.
    pub const fn takes_budget(self) -> bool {
        matches!(self, Self::EffortOrTokens | Self::EnableThinking | Self::TemplateThinking | Self::Google)
    }
}

/// The field that says whether the thoughts come with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningText {
    /// There is none, or it is part of the control: the gateway takes out what the client does not want.
    AsIs,
    /// `include_reasoning: false` keeps them away (Groq's gpt-oss).
    IncludeReasoning,
    /// `reasoning_format: "hidden"` keeps them away (Cerebras).
    ReasoningFormat,
    /// The same, and without `"parsed"` they come inside the text (Qwen at Groq and Cerebras).
    ParsedFormat,
}

/// How the thoughts of earlier answers go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningHistory {
    /// As the client sent them: the server is the operator's own, or understands every name.
    AsSent,
    /// Not at all: other members than its own are refused.
    Refused,
    /// As the message's `reasoning`.
    Reasoning,
    /// As the message's `reasoning_content`.
    ReasoningContent,
    /// The same, and every earlier answer must have some where tools are offered and the model thinks (DeepSeek).
    ReasoningContentAlways,
    /// As `reasoning`, and the signed or encrypted `reasoning_details` as they came (OpenRouter).
    Details,
    /// As a part of the content, `{"type":"thinking","thinking":[{"type":"text",...}]}` (Mistral).
    ThinkingParts,
}

/// The range of a model's thinking budget, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasoningBudget {
    /// The least.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// What a provider's row says about reasoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasoningSpec {
    /// How it is told how much to think.
    pub control: ReasoningControl,
    /// How it is told whether to show it.
    pub text: ReasoningText,
    /// How earlier thoughts go back to it.
    pub history: ReasoningHistory,
}

impl ReasoningSpec {
    /// What a server of the operator's own does where nothing else is said.
    pub const PLAIN: Self =
        Self { control: ReasoningControl::Effort, text: ReasoningText::AsIs, history: ReasoningHistory::AsSent };
}

/// What a model's row says about reasoning beyond its efforts; what is none is as its provider does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelReasoning {
    /// How it is told how much to think.
    pub control: Option<ReasoningControl>,
    /// How it is told whether to show it.
    pub text: Option<ReasoningText>,
    /// The thinking budget that it takes.
    pub budget: Option<ReasoningBudget>,
}

impl ModelReasoning {
    /// As its provider does it.
    pub const AS_PROVIDER: Self = Self { control: None, text: None, budget: None };
}
