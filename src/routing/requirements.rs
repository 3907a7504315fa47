//! What a request needs of a model, read off the request itself.

use std::fmt;

use super::affinity::Affinity;
use super::tokens;
use crate::catalog::model::{ModelSpec, ReasoningLevel};
use crate::catalog::price::Prices;
use crate::catalog::provider::{Dialect, ProviderSpec};
use crate::catalog::reasoning::ReasoningControl;
use crate::dialect::anthropic::takes_schema;
use crate::dialect::openai::params::takes;
use crate::openai::request::{ChatRequest, ResponseFormat, ToolChoice};
use crate::structured::ask::fits_tool;

/// Everything that a candidate must be able to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Tools are offered and may be called.
    pub tools: bool,
    /// A tool must be called, so tools cannot be left out.
    pub forced_tool: bool,
    /// The answer's format.
    pub response_format: ResponseFormat,
    /// The answer may be the arguments of a tool, where the model has no JSON schemas.
    pub answer_fits_tool: bool,
    /// There is no schema, or one that leaves the names of an object's members open: not everybody promises to follow it.
    pub open_schema: bool,
    /// The prompt has images.
    pub vision: bool,
    /// The prompt has images by URL.
    pub image_urls: bool,
    /// Estimated prompt tokens.
    pub prompt_tokens: u64,
    /// The client's output limit.
    pub output_tokens: u64,
    /// More than one answer.
    pub choices: bool,
    /// The least reasoning level.
    pub min_reasoning_level: Option<ReasoningLevel>,
    /// Only models with free use.
    pub free_only: bool,
    /// No reasoning models.
    pub no_reasoning: bool,
    /// The model must be able to search the web.
    pub web_search: bool,
    /// The answer shall have images.
    pub image_output: bool,
    /// The answer shall be spoken.
    pub audio_output: bool,
    /// Whom requests like this one prefer.
    pub affinity: Option<Affinity>,
}

/// One need that a candidate does not meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Function tools.
    Tools,
    /// JSON mode.
    JsonObject,
    /// Structured output.
    JsonSchema,
    /// Images.
    Vision,
    /// Images by URL.
    ImageUrls,
    /// `n` above 1.
    Choices,
    /// A window that holds prompt and answer.
    Context {
        /// Tokens needed.
        tokens: u64,
    },
    /// A reasoning level.
    ReasoningLevel(ReasoningLevel),
    /// Free use.
    Free,
    /// Not a reasoning model.
    NoReasoning,
    /// A search of the web.
    WebSearch,
    /// Images in the answer.
    ImageOutput,
    /// A spoken answer.
    AudioOutput,
    /// A parameter that would be left out, where the client requires all of them.
    Parameter {
        /// The parameter as the client spelt it.
        name: String,
    },
}

impl Need {
    /// The request field that asks for it.
    pub fn param(&self) -> &str {
        match self {
            Self::Tools => "tools",
            Self::JsonObject | Self::JsonSchema => "response_format",
            Self::Vision | Self::ImageUrls | Self::Context { .. } => "messages",
            Self::Choices => "n",
            Self::ReasoningLevel(_) => "min_reasoning_level",
            Self::Free => "free_models_only",
            Self::NoReasoning => "no_reasoning",
            Self::WebSearch => "web_search",
            Self::ImageOutput | Self::AudioOutput => "modalities",
            Self::Parameter { name } => name,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tools => f.write_str("tools"),
            Self::JsonObject => f.write_str("JSON mode"),
            Self::JsonSchema => f.write_str("a JSON schema"),
            Self::Vision => f.write_str("images"),
            Self::ImageUrls => f.write_str("images by URL (send data URIs)"),
            Self::Choices => f.write_str("n above 1"),
            Self::Context { tokens } => write!(f, "a context window of about {tokens} tokens"),
            Self::ReasoningLevel(level) => write!(f, "a reasoning level of at least {}", level.as_str()),
            Self::Free => f.write_str("free use"),
            Self::NoReasoning => f.write_str("no reasoning"),
            Self::WebSearch => f.write_str("a web search"),
            Self::ImageOutput => f.write_str("images in the answer"),
            Self::AudioOutput => f.write_str("sound in the answer"),
            Self::Parameter { name } => write!(f, "the parameter `{name}`"),
        }
    }
}

impl Requirements {
    /// What `request` needs.
    pub fn detect(request: &ChatRequest<'_>) -> Self {
        Self {
            tools: request.tools > 0 && request.tool_choice != ToolChoice::None,
            forced_tool: request.tools > 0 && request.tool_choice == ToolChoice::Forced,
            response_format: request.response_format,
            answer_fits_tool: request.response_format == ResponseFormat::JsonSchema && fits_tool(request),
            open_schema: request.response_format == ResponseFormat::JsonSchema
                && request.schema.as_deref().is_none_or(|schema| !takes_schema(schema)),
            vision: request.messages.images > 0,
            image_urls: request.messages.image_urls,
            prompt_tokens: tokens::of_prompt(request),
            output_tokens: request.output_limit.unwrap_or(0).into(),
            choices: request.n > 1,
            min_reasoning_level: request.min_reasoning_level,
            free_only: request.free_only,
            no_reasoning: request.no_reasoning,
            web_search: request.web_search.is_some(),
            image_output: request.image_output,
            audio_output: request.audio_output,
            affinity: Affinity::of(request),
        }
    }

    /// Every need that `model` at `provider` does not meet; empty = it fits.
    pub fn unmet(&self, provider: &ProviderSpec, model: &ModelSpec) -> Vec<Need> {
        let can = model.capabilities;
        let mut unmet = Vec::new();
        let mut need = |met: bool, need: Need| {
            if !met {
                unmet.push(need);
            }
        };
        need(!self.tools || can.tools, Need::Tools);
        match self.response_format {
            ResponseFormat::Text => {}
            ResponseFormat::JsonObject => need(can.json_object, Need::JsonObject),
            ResponseFormat::JsonSchema => need(self.keeps_schema(provider, model), Need::JsonSchema),
        }
        need(!self.vision || can.vision, Need::Vision);
        need(!self.image_urls || provider.image_urls, Need::ImageUrls);
        need(!self.choices || provider.multiple_choices, Need::Choices);
        let tokens = self.tokens(model);
        need(model.context_window.is_none_or(|window| tokens <= u64::from(window)), Need::Context { tokens });
        if let Some(level) = self.min_reasoning_level {
            // One that does not think where it is given tools is at no level then.
            let control = model.reasoning.control.unwrap_or(provider.reasoning.control);
            let thinks = !self.tools || control != ReasoningControl::EffortWithoutTools;
            need(model.reasoning_level >= level && thinks, Need::ReasoningLevel(level));
        }
        need(!self.free_only || is_free(model), Need::Free);
        need(!self.no_reasoning || !model.capabilities.reasoning, Need::NoReasoning);
        need(!self.web_search || can.web_search, Need::WebSearch);
        if self.image_output || self.audio_output {
            let asked = takes(provider, "modalities", None);
            need(!self.image_output || can.image_output && asked, Need::ImageOutput);
            need(!self.audio_output || can.audio_output && asked, Need::AudioOutput);
        }
        unmet
    }

    /// Whether `model` at `provider` promises by itself that its answer follows the schema.
    pub fn keeps_schema(&self, provider: &ProviderSpec, model: &ModelSpec) -> bool {
        let takes_open = match provider.dialect {
            Dialect::OpenAi => true,
            Dialect::Anthropic => false,
        };
        model.capabilities.json_schema && (takes_open || !self.open_schema)
    }

    /// Tokens of prompt and answer together; see [`tokens::of_request`].
    pub fn tokens(&self, model: &ModelSpec) -> u64 {
        tokens::of_request(self.prompt_tokens, self.output_tokens, model)
    }

    /// A short name of the set of needs: requests with the same one share a round-robin cursor in `auto`.
    pub fn signature(&self) -> String {
        let format = match self.response_format {
            ResponseFormat::Text => '-',
            ResponseFormat::JsonObject => 'j',
            ResponseFormat::JsonSchema => 's',
        };
        let level = self.min_reasoning_level.map_or("-", ReasoningLevel::as_str);
        let flag = |set: bool, letter: char| if set { letter } else { '-' };
        let flags = [
            flag(self.tools, 't'),
            format,
            flag(self.vision, 'v'),
            flag(self.image_urls, 'u'),
            flag(self.choices, 'n'),
            flag(self.free_only, 'f'),
            flag(self.no_reasoning, 'r'),
            flag(self.web_search, 'w'),
            flag(self.image_output, 'i'),
            flag(self.audio_output, 'a'),
        ];
        flags.into_iter().collect::<String>() + level
    }
}

/// Whether a model costs nothing: a recurring free plan, or a price of zero.
pub fn is_free(model: &ModelSpec) -> bool {
    model.free || model.prices.as_ref().is_some_and(Prices::are_zero)
}
