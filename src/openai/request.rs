//! A chat completion request: what routing reads is typed, everything else is kept as it stands in the body.
//!
//! It does not decide anything and does not know any provider; `dialect/` writes the upstream's body from it.

use std::borrow::Cow;
use std::collections::HashSet;

pub use super::fields::RequestError;
pub use super::marks::{MessageMarks, MessageMember, MessageMembers, MessageTrait};
pub use super::messages::{EXTRA_CONTENT, Messages};
use super::preferences::preferences;
pub use super::preferences::{ProviderPreferences, Sort};
pub use super::response_format::ResponseFormat;
use super::response_format::{response_format, schema};
use super::tools::{tool_choice, tools};
pub use super::wishes::{ReasoningWish, WebSearch};
use super::{fields, plugins, wishes};
use crate::catalog::model::{Effort, ModelSpec, ReasoningLevel};
use crate::json::{Kind, Reader, Str};

/// Whether the model must, may or must not call a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No call.
    None,
    /// Some tool must be called: `required`, or a named one.
    Forced,
}

/// A top-level field of the body: its key and its value, as they stand or in strict form.
pub type Field<'a> = (Str<'a>, Cow<'a, str>);

/// A chat completion request.
#[derive(Debug, Default)]
pub struct ChatRequest<'a> {
    /// Every field that is sent on as it is: neither the gateway's own, nor `null`, nor one that is typed below and
    /// written by the dialect (`model`, `messages`, `stream`, `stream_options`, the reasoning, the web search, the output
    /// limits).
    pub fields: Vec<Field<'a>>,
    /// What the client asked for: `auto`, a catalogue id, `provider/id` or an alias. `auto` if it said nothing.
    pub model: Cow<'a, str>,
    /// Fallback models, in order.
    pub models: Vec<String>,
    /// The conversation.
    pub messages: Messages<'a>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// `stream_options` as the client sent them; only kept with `stream`.
    pub stream_options: Option<Cow<'a, str>>,
    /// `stream_options.include_usage`: the client wants the usage chunk.
    pub include_usage: bool,
    /// `usage: {"include": true}`: the usage chunk shall carry cost and metadata.
    pub usage_details: bool,
    /// `max_completion_tokens`, else `max_tokens`.
    pub output_limit: Option<u32>,
    /// The client used the old name `max_tokens`.
    pub old_limit_name: bool,
    /// `service_tier` names a tier that is priced otherwise than the standard one.
    pub other_service_tier: bool,
    /// How many answers.
    pub n: u32,
    /// How many tools are offered, the web search not counted.
    pub tools: usize,
    /// Bytes of the `tools` array.
    pub tool_bytes: usize,
    /// Whether a tool must be called.
    pub tool_choice: ToolChoice,
    /// `modalities` has `image`: the answer shall have images.
    pub image_output: bool,
    /// `modalities` has `audio`: the answer shall be spoken.
    pub audio_output: bool,
    /// The format of the answer.
    pub response_format: ResponseFormat,
    /// The JSON of `response_format.json_schema.schema`.
    pub schema: Option<Cow<'a, str>>,
    /// The plugin `response-healing`: the answer is mended and checked against its format.
    pub healing: bool,
    /// How much the model is to think, and whether the client wants to see it.
    pub reasoning: ReasoningWish,
    /// How much models think by the names that the client gave them, where it says nothing more: `(catalogue id, effort)`.
    /// Not in the body: the catalogue knows.
    pub named_efforts: Vec<(&'a str, Effort)>,
    /// Top-level `effort`: Anthropic's computational effort, which is no thinking budget.
    pub computational_effort: Option<Effort>,
    /// The model may search the web.
    pub web_search: Option<WebSearch<'a>>,
    /// `session_id`: requests with the same one prefer the same candidate.
    pub session_id: Option<Cow<'a, str>>,
    /// `prompt_cache_key`, which is sent on as well: the same.
    pub prompt_cache_key: Option<Cow<'a, str>>,
    /// `min_reasoning_level`.
    pub min_reasoning_level: Option<ReasoningLevel>,
    /// `project_id`, not yet checked.
    pub project_id: Option<Cow<'a, str>>,
    /// `provider`.
    pub preferences: ProviderPreferences,
    /// `free_models_only`.
    pub free_only: bool,
    /// `no_reasoning`: keep reasoning models out of `auto`.
    pub no_reasoning: bool,
}

/// The longest name of a model: names are kept as keys of circuits and in the accounts. Real ones have some 80 bytes.
pub const MAX_MODEL_BYTES: usize = 256;
/// The most fallback models: far more than are ever tried.
pub const MAX_FALLBACKS: usize = 16;

/// The values of `service_tier` that mean the standard tier, which list prices are for: OpenAI's and Groq's.
const STANDARD_TIERS: [&str; 4] = ["auto", "default", "standard", "on_demand"];

/// What stands for "no model named".
pub const AUTO: &str = "auto";

impl<'a> ChatRequest<'a> {
    /// Reads a request body in one pass.
    ///
    /// # Errors
    /// [`RequestError`], naming the field at fault.
    pub fn parse(body: &'a [u8]) -> Result<Self, Box<RequestError>> {
        let text = std::str::from_utf8(body).map_err(|error| RequestError::NotUtf8 { offset: error.valid_up_to() })?;
        if text.trim_ascii().is_empty() {
            return Err(RequestError::Empty.into());
        }
        let mut reader = Reader::new(text);
        if reader.peek()? != Kind::Object {
            reader.skip()?;
            return Err(RequestError::NotAnObject.into());
        }
        let mut request = Self { model: Cow::Borrowed(AUTO), n: 1, ..Self::default() };
        let mut seen: HashSet<Cow<'a, str>> = HashSet::with_capacity(16);
        let mut limits = OutputLimits::default();
        reader.object::<Box<RequestError>>(|reader, key| {
            let name = key
                .decode()
                .ok_or_else(|| RequestError::value("(key)", "a key without lone surrogates", "a broken \\u escape"))?;
            if !seen.insert(name.clone()) {
                return Err(RequestError::DuplicateKey { param: name.into_owned() }.into());
            }
            if name == "messages" {
                request.messages = Messages::read(reader, text)?;
                return Ok(());
            }
            let raw = reader.skip()?;
            if raw == "null" { Ok(()) } else { request.field(key, &name, raw, &mut limits) }
        })?;
        reader.end()?;
        if !seen.contains("messages") {
            return Err(RequestError::Missing { param: "messages".into() }.into());
        }
        if !seen.contains("model") && !request.models.is_empty() {
            // A list alone is the whole choice, first to last.
            request.model = Cow::Owned(request.models.remove(0));
        }
        request.output_limit = limits.new.or(limits.old);
        if request.tools == 0 {
            // Without tools they mean nothing, and some upstreams refuse them then.
            let means_nothing = |key: &Str<'_>| match request.tool_choice {
                ToolChoice::Auto | ToolChoice::None => key.is("tool_choice") || key.is("parallel_tool_calls"),
                ToolChoice::Forced => false,
            };
            request.fields.retain(|(key, _)| !means_nothing(key));
        }
        request.old_limit_name = limits.new.is_none() && limits.old.is_some();
        if !request.stream {
            request.stream_options = None;
            request.include_usage = false;
        }
        Ok(request)
    }

    /// How much the model is to think where the client says nothing about it in so many words: what `min_reasoning_level`
    /// asks for, else what the model's name means.
    pub fn implied_effort(&self, model: &ModelSpec) -> Option<Effort> {
        // Who speaks a provider's own fields has said it, whichever provider is asked.
        const OWN_FIELDS: [&str; 5] =
            ["thinking", "enable_thinking", "chat_template_kwargs", "reasoning_budget", "extra_body"];
        let is_told = || OWN_FIELDS.iter().any(|field| self.get(field).is_some());
        let named = || self.named_efforts.iter().find(|(id, _)| *id == model.id).map(|(_, effort)| *effort);
        let asked = self.min_reasoning_level.map(|level| match level {
            ReasoningLevel::Low => Effort::Low,
            ReasoningLevel::Medium => Effort::Medium,
            ReasoningLevel::High => Effort::High,
        });
        asked.or_else(|| named().filter(|_| !is_told())).filter(|_| model.capabilities.reasoning)
    }

    /// The JSON of a field that is sent on as it is.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.is(name)).map(|(_, value)| value.as_ref())
    }

    fn field(
        &mut self,
        key: Str<'a>,
        name: &str,
        raw: &'a str,
        limits: &mut OutputLimits,
    ) -> Result<(), Box<RequestError>> {
        let mut keep = Cow::Borrowed(raw);
        match name {
            "model" => {
                self.model = fields::string(name, raw)?;
                return model_name(name, &self.model);
            }
            "stream" => {
                self.stream = fields::boolean(name, raw)?;
                return Ok(());
            }
            "stream_options" => {
                let options = fields::structured(name, raw, Kind::Object)?;
                self.include_usage = match fields::member(&options, "include_usage")? {
                    Some(value) => fields::boolean("stream_options.include_usage", value)?,
                    None => false,
                };
                self.stream_options = Some(options);
                return Ok(());
            }
            "max_tokens" | "max_completion_tokens" => {
                let limit = Some(fields::integer(name, raw, (1, u32::MAX), "an integer from 1 to 4294967295")?);
                if name == "max_tokens" {
                    limits.old = limit
                } else {
                    limits.new = limit
                }
                return Ok(());
            }
            "reasoning_effort" => {
                self.reasoning.add_effort(wishes::effort(name, raw)?);
                return Ok(());
            }
            "reasoning" => {
                self.reasoning.add_object(&fields::structured(name, raw, Kind::Object)?)?;
                return Ok(());
            }
            "effort" => {
                self.computational_effort = Some(wishes::computational_effort(name, raw)?);
                return Ok(());
            }
            "web_search" => {
                if fields::boolean(name, raw)? {
                    self.web_search.get_or_insert_default();
                }
                return Ok(());
            }
            "web_search_options" => {
                let options = fields::structured(name, raw, Kind::Object)?;
                self.web_search.get_or_insert_default().options = Some(options);
                return Ok(());
            }
            "plugins" => {
                let read = plugins::read(name, raw)?;
                self.healing |= read.healing;
                if read.web {
                    self.web_search.get_or_insert_default();
                }
                match read.others {
                    Some(others) => keep = others,
                    None => return Ok(()),
                }
            }
            "session_id" => {
                self.session_id = Some(fields::string(name, raw)?).filter(|id| !id.is_empty());
                return Ok(());
            }
            "min_reasoning_level" => {
                self.min_reasoning_level = Some(reasoning_level(&fields::string(name, raw)?)?);
                return Ok(());
            }
            "models" => {
                self.models = fields::strings(name, raw)?;
                if self.models.len() > MAX_FALLBACKS {
                    let found = format!("{} models", self.models.len());
                    return Err(RequestError::value(name, "an array of at most 16 models", &found));
                }
                let mut models = self.models.iter().enumerate();
                return models.try_for_each(|(index, model)| model_name(&format!("models[{index}]"), model));
            }
            "provider" => {
                self.preferences = preferences(&fields::structured(name, raw, Kind::Object)?)?;
                return Ok(());
            }
            "project_id" => {
                self.project_id = Some(fields::string(name, raw)?);
                return Ok(());
            }
            "free_models_only" => {
                self.free_only = fields::boolean(name, raw)?;
                return Ok(());
            }
            "no_reasoning" => {
                self.no_reasoning = fields::boolean(name, raw)?;
                return Ok(());
            }
            "usage" => {
                let usage = fields::structured(name, raw, Kind::Object)?;
                self.usage_details = match fields::member(&usage, "include")? {
                    Some(value) => fields::boolean("usage.include", value)?,
                    None => false,
                };
                return Ok(());
            }
            "temperature" => {
                fields::number(name, raw, (0.0, 2.0), "from 0 to 2")?;
            }
            "top_p" => {
                fields::number(name, raw, (0.0, 1.0), "from 0 to 1")?;
            }
            "frequency_penalty" | "presence_penalty" => {
                fields::number(name, raw, (-2.0, 2.0), "from -2 to 2")?;
            }
            "n" => self.n = fields::integer(name, raw, (1, 128), "an integer from 1 to 128")?,
            "top_logprobs" => {
                fields::integer(name, raw, (0, 20), "an integer from 0 to 20")?;
            }
            "seed" => {
                fields::whole(name, raw)?;
            }
            "logprobs" | "parallel_tool_calls" => {
                fields::boolean(name, raw)?;
            }
            "user" => {
                fields::string(name, raw)?;
            }
            "prompt_cache_key" => {
                self.prompt_cache_key = Some(fields::string(name, raw)?).filter(|key| !key.is_empty());
            }
            "service_tier" => self.other_service_tier = !STANDARD_TIERS.contains(&fields::string(name, raw)?.as_ref()),
            "stop" => fields::stop(name, raw)?,
            "logit_bias" => keep = fields::structured(name, raw, Kind::Object)?,
            "response_format" => {
                keep = fields::structured(name, raw, Kind::Object)?;
                self.response_format = response_format(&keep)?;
                if self.response_format == ResponseFormat::Text {
                    // The default; some upstreams refuse it, Fireworks does with tools.
                    return Ok(());
                }
                self.schema = schema(&keep)?;
            }
            "tools" => {
                let tools = tools(raw)?;
                self.tools = tools.functions;
                self.tool_bytes = raw.len();
                if let Some(search) = tools.web_search {
                    self.web_search.get_or_insert_default().tool = Some(search);
                }
                match tools.others {
                    Some(others) => keep = others,
                    // Groq refuses an empty list; it means the same as none.
                    None => return Ok(()),
                }
            }
            "modalities" => {
                let kinds = fields::strings(name, raw)?;
                self.image_output = kinds.iter().any(|kind| kind == "image");
                self.audio_output = kinds.iter().any(|kind| kind == "audio");
                if kinds.iter().all(|kind| kind == "text") {
                    // The default; some upstreams do not know the field.
                    return Ok(());
                }
            }
            "tool_choice" => {
                let Some(choice) = tool_choice(raw)? else { return Ok(()) };
                self.tool_choice = choice;
            }
            _ => {}
        }
        self.fields.push((key, keep));
        Ok(())
    }
}

#[derive(Default)]
struct OutputLimits {
    old: Option<u32>,
    new: Option<u32>,
}

fn model_name(param: &str, name: &str) -> Result<(), Box<RequestError>> {
    let allowed = "`auto`, a model id or `provider/model`, at most 256 bytes long";
    match name.trim() {
        "" => Err(RequestError::value(param, allowed, "an empty string")),
        name if name.len() > MAX_MODEL_BYTES => Err(RequestError::value(param, allowed, name)),
        _ => Ok(()),
    }
}

fn reasoning_level(text: &str) -> Result<ReasoningLevel, Box<RequestError>> {
    ReasoningLevel::parse(text)
        .ok_or_else(|| RequestError::value("min_reasoning_level", "one of low, medium, high", text))
}
