//! The models of `GATEWAY_CONFIG`: rows of the operator's own, and changes of rows that are built in.

use std::borrow::Cow;

use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::prices_json::prices;
use super::walker::{Object, Walker};
use crate::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use crate::catalog::price::Prices;
use crate::catalog::provider::{Mend, MendList, STREAM_OPTIONS, Text, Texts};
use crate::catalog::reasoning::{ModelReasoning, ReasoningBudget, ReasoningControl};
use crate::openai::request::MessageMember;

const ROW_KEYS: &[&str] = &[
    "id",
    "upstream_id",
    "context_window",
    "max_output",
    "price",
    "price_tiers",
    "input_usd_per_mtok",
    "output_usd_per_mtok",
    "cached_input_usd_per_mtok",
    "capabilities",
    "reasoning_efforts",
    "reasoning",
    "reasoning_budget",
    "reasoning_level",
    "free",
    "auto",
    "drops",
    "mends",
    "thinking",
];

const CHANGE_KEYS: &[&str] = &[
    "upstream_id",
    "context_window",
    "max_output",
    "price",
    "price_tiers",
    "input_usd_per_mtok",
    "output_usd_per_mtok",
    "cached_input_usd_per_mtok",
    "capabilities",
    "free",
    "auto",
];

/// What an operator says of a model; what is none keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelChanges {
    /// The provider's own id: the name of the operator's deployment.
    pub upstream_id: Option<String>,
    /// Tokens of prompt and answer together.
    pub context_window: Option<u32>,
    /// The longest answer in tokens.
    pub max_output: Option<u32>,
    /// All list prices at once.
    pub prices: Option<Prices>,
    /// All capabilities at once.
    pub capabilities: Option<Capabilities>,
    /// Recurring free use.
    pub free: Option<bool>,
    /// May be chosen by `auto`.
    pub auto: Option<bool>,
}

impl ModelChanges {
    pub(super) fn parse(json: &Walker<'_>) -> Result<Self, Box<ConfigError>> {
        Self::read(&json.object(CHANGE_KEYS)?)
    }

    fn read(object: &Object<'_>) -> Result<Self, Box<ConfigError>> {
        let changes = Self {
            upstream_id: object.optional("upstream_id", Walker::name)?,
            context_window: object.optional("context_window", Walker::count)?,
            max_output: object.optional("max_output", Walker::count)?,
            prices: prices(object)?,
            capabilities: object.optional("capabilities", capabilities)?,
            free: object.optional("free", Walker::boolean)?,
            auto: object.optional("auto", Walker::boolean)?,
        };
        match (changes.max_output, changes.context_window) {
            (Some(output), Some(window)) if output > window => {
                Err(object.wrong("max_output", JsonProblem::OutputAboveWindow))
            }
            _ => Ok(changes),
        }
    }

    /// Puts the changes into a row.
    pub fn apply(&self, model: &mut ModelSpec) {
        if let Some(id) = &self.upstream_id {
            model.upstream_id = Text::Owned(id.clone());
        }
        model.context_window = self.context_window.or(model.context_window);
        model.max_output = self.max_output.or(model.max_output);
        if let Some(prices) = &self.prices {
            model.prices = Some(prices.clone());
        }
        model.free = self.free.unwrap_or(model.free);
        model.auto = self.auto.unwrap_or(model.auto);
        if let Some(capabilities) = self.capabilities {
            model.capabilities = capabilities;
            if !capabilities.reasoning {
                model.efforts = Cow::Borrowed(&[]);
                model.reasoning = ModelReasoning::AS_PROVIDER;
            }
        }
    }
}

/// One row of `providers.<id>.models`. A model with nothing but an id is a text model of unknown size and price.
pub(super) fn row(provider: &Text, json: &Walker<'_>) -> Result<ModelSpec, Box<ConfigError>> {
    let object = json.object(ROW_KEYS)?;
    let id = object.required("id", "the model's id")?.name()?;
    let upstream_id = object.optional("upstream_id", Walker::name)?.unwrap_or_else(|| id.clone());
    let mut model = ModelSpec {
        id: id.into(),
        provider: provider.clone(),
        upstream_id: upstream_id.into(),
        context_window: None,
        max_output: None,
        prices: None,
        capabilities: Capabilities::UNKNOWN,
        efforts: object.optional("reasoning_efforts", efforts)?.unwrap_or_default().into(),
        reasoning: ModelReasoning {
            control: object.optional("reasoning", control)?,
            budget: object.optional("reasoning_budget", budget)?,
            ..ModelReasoning::AS_PROVIDER
        },
        reasoning_level: object.optional("reasoning_level", reasoning_level)?.unwrap_or(ReasoningLevel::Low),
        free: false,
        auto: true,
        drops: object.optional("drops", drops)?.unwrap_or_default(),
        mends: object.optional("mends", mends)?.unwrap_or_default(),
        thinking: object.optional("thinking", |json| json.word(&Thinking::WORDS))?.unwrap_or_default(),
    };
    let changes = ModelChanges::read(&object)?;
    if !model.efforts.is_empty() && !changes.capabilities.unwrap_or_default().reasoning {
        return Err(object.wrong("reasoning_efforts", JsonProblem::EffortsWithoutReasoning));
    }
    changes.apply(&mut model);
    Ok(model)
}

/// How replies differ from OpenAI's.
pub(super) fn mends(json: &Walker<'_>) -> Result<MendList, Box<ConfigError>> {
    let mut mends = Vec::new();
    for element in json.array()? {
        let mend = element.word(&Mend::ALL)?;
        if mends.contains(&mend) {
            return element.wrong(JsonProblem::Duplicate { name: element.name()? });
        }
        mends.push(mend);
    }
    Ok(mends.into())
}

/// Fields to leave out: any of the body, and of the messages those that the gateway can leave out.
pub(super) fn drops(json: &Walker<'_>) -> Result<Texts, Box<ConfigError>> {
    let known = MessageMember::ALL.map(MessageMember::path);
    for element in json.array()? {
        let found = element.name()?;
        if found.contains('.') && !known.contains(&found.as_str()) && !found.starts_with(STREAM_OPTIONS) {
            return element.wrong(JsonProblem::NotOneOf { found, allowed: known.to_vec() });
        }
    }
    texts(json)
}

/// An array of names as the catalogue holds them.
pub(super) fn texts(json: &Walker<'_>) -> Result<Texts, Box<ConfigError>> {
    Ok(json.names()?.into_iter().map(Text::Owned).collect())
}

fn capabilities(json: &Walker<'_>) -> Result<Capabilities, Box<ConfigError>> {
    type Field = fn(&mut Capabilities) -> &mut bool;
    const FIELDS: [(&str, Field); 8] = [
        ("tools", |capabilities| &mut capabilities.tools),
        ("json_object", |capabilities| &mut capabilities.json_object),
        ("json_schema", |capabilities| &mut capabilities.json_schema),
        ("vision", |capabilities| &mut capabilities.vision),
        ("reasoning", |capabilities| &mut capabilities.reasoning),
        ("web_search", |capabilities| &mut capabilities.web_search),
        ("image_output", |capabilities| &mut capabilities.image_output),
        ("audio_output", |capabilities| &mut capabilities.audio_output),
    ];
    let mut capabilities = Capabilities::default();
    for element in json.array()? {
        let has = element.word(&FIELDS)?(&mut capabilities);
        if *has {
            return element.wrong(JsonProblem::Duplicate { name: element.name()? });
        }
        *has = true;
    }
    Ok(capabilities)
}

fn efforts(json: &Walker<'_>) -> Result<Vec<Effort>, Box<ConfigError>> {
    let words = Effort::ALL.map(|effort| (effort.as_str(), effort));
    let mut efforts = Vec::new();
    for element in json.array()? {
        let effort = element.word(&words)?;
        if efforts.contains(&effort) {
            return element.wrong(JsonProblem::Duplicate { name: effort.as_str().to_owned() });
        }
        efforts.push(effort);
    }
    // Lowest first, as everywhere.
    Ok(Effort::ALL.into_iter().filter(|effort| efforts.contains(effort)).collect())
}

const CONTROLS: &[(&str, ReasoningControl)] = &[
    ("effort", ReasoningControl::Effort),
    ("effort_without_tools", ReasoningControl::EffortWithoutTools),
    ("effort_or_tokens", ReasoningControl::EffortOrTokens),
    ("object", ReasoningControl::Object),
    ("enabled", ReasoningControl::Enabled),
    ("thinking", ReasoningControl::Thinking),
    ("enable_thinking", ReasoningControl::EnableThinking),
    ("template_thinking", ReasoningControl::TemplateThinking),
    ("google", ReasoningControl::Google),
];

/// How a provider or one of its models is told how much to think.
pub(super) fn control(json: &Walker<'_>) -> Result<ReasoningControl, Box<ConfigError>> {
    json.word(CONTROLS)
}

fn budget(json: &Walker<'_>) -> Result<ReasoningBudget, Box<ConfigError>> {
    let object = json.object(&["min", "max"])?;
    let max = object.required("max", "the most tokens of thought")?.count()?;
    Ok(ReasoningBudget { min: object.optional("min", Walker::count)?.unwrap_or(1).min(max), max })
}

fn reasoning_level(json: &Walker<'_>) -> Result<ReasoningLevel, Box<ConfigError>> {
    json.word(&[ReasoningLevel::Low, ReasoningLevel::Medium, ReasoningLevel::High].map(|level| (level.as_str(), level)))
}
