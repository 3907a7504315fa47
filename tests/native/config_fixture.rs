//! Variables from a list, and a catalogue small enough to know by heart.

use std::borrow::Cow;

use opengateway::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use opengateway::catalog::price::Prices;
use opengateway::catalog::provider::{
    Auth, BodyPolicy, Dialect, Endpoint, KeyPolicy, OutputLimitName, Prefill, PriceHours, ProviderSpec, QuotaHeaders,
    ReasoningTokens, ReportedCost, StreamUsage, Text,
};
use opengateway::catalog::quirk::Quirks;
use opengateway::catalog::reasoning::{ModelReasoning, ReasoningSpec};
use opengateway::config::{Builtin, Config, ConfigError};

pub(crate) type Vars<'a> = &'a [(&'a str, &'a str)];

/// The configuration from these variables, over a catalogue of three providers: `groq` with two models, `azure` that
/// needs an address of the operator's, and `ollama` that needs no key.
pub(crate) fn config(vars: Vars<'_>) -> Result<Config, Box<ConfigError>> {
    let (providers, models) = catalog();
    let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::from_vars(&var, Builtin { providers: &providers, models: &models })
}

/// The message for the operator.
pub(crate) fn refusal(vars: Vars<'_>) -> String {
    config(vars).expect_err(&format!("{vars:?} is refused")).to_string()
}

/// The message for a `GATEWAY_CONFIG`, without the variable's name in front.
pub(crate) fn json_refusal(json: &str) -> String {
    let message = refusal(&[("GATEWAY_CONFIG", json), ("MY_KEY", "sk-mine")]);
    message.strip_prefix("GATEWAY_CONFIG: ").expect(&message).to_owned()
}

fn catalog() -> (Vec<ProviderSpec>, Vec<ModelSpec>) {
    let providers = vec![
        provider("groq", "https://api.groq.com/openai/v1", KeyPolicy::Required, &["GROQ_API_KEY", "GROQ_KEY"]),
        provider("azure", "", KeyPolicy::Required, &["AZURE_API_KEY"]),
        provider("ollama", "http://localhost:11434/v1", KeyPolicy::Optional, &["OLLAMA_API_KEY"]),
    ];
    let models = vec![
        model("gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        model("qwen", "groq", "qwen-paid"),
        model("qwen", "groq", "qwen-free"),
    ];
    (providers, models)
}

/// A provider with every behaviour at its plainest.
pub(crate) fn provider(
    id: &'static str,
    base_url: &'static str,
    key: KeyPolicy,
    key_vars: &[&'static str],
) -> ProviderSpec {
    ProviderSpec {
        id: id.into(),
        name: id.into(),
        dialect: Dialect::OpenAi,
        auth: Auth::Bearer,
        endpoint: Endpoint::Usual,
        api_version: Text::Borrowed(""),
        base_url: base_url.into(),
        base_url_var: format!("{}_BASE_URL", id.to_uppercase()).into(),
        key_vars: key_vars.iter().map(|var| Text::Borrowed(*var)).collect(),
        key,
        any_model: false,
        multiple_choices: false,
        image_urls: false,
        stream_usage: StreamUsage::InLastChoice,
        stream_options: false,
        output_limit: OutputLimitName::MaxTokens,
        default_output: None,
        reasoning_tokens: ReasoningTokens::InCompletion,
        reported_cost: ReportedCost::None,
        price_hours: PriceHours::Same,
        reasoning: ReasoningSpec::PLAIN,
        prefill: Prefill::None,
        body: BodyPolicy::Open,
        accepts: Cow::Borrowed(&[]),
        drops: Cow::Borrowed(&[]),
        mends: Cow::Borrowed(&[]),
        renames: Cow::Borrowed(&[]),
        adds: Cow::Borrowed(&[]),
        clamps: Cow::Borrowed(&[]),
        limits: Cow::Borrowed(&[]),
        quirks: Quirks::default(),
        web_search_tool: Text::Borrowed(""),
        forward_headers: Cow::Borrowed(&[]),
        quota_headers: QuotaHeaders::None,
        quota_reset: None,
        errors: Cow::Borrowed(&[]),
    }
}

fn model(id: &'static str, provider: &'static str, upstream_id: &'static str) -> ModelSpec {
    ModelSpec {
        id: id.into(),
        provider: provider.into(),
        upstream_id: upstream_id.into(),
        context_window: Some(131_072),
        max_output: Some(65_536),
        prices: Some(Prices::of_tokens(150_000, 600_000, None)),
        capabilities: Capabilities { tools: true, reasoning: true, ..Capabilities::default() },
        efforts: Cow::Borrowed(&[Effort::Low, Effort::High]),
        reasoning: ModelReasoning::AS_PROVIDER,
        reasoning_level: ReasoningLevel::High,
        free: true,
        auto: true,
        drops: Cow::Borrowed(&[]),
        mends: Cow::Borrowed(&[]),
        thinking: Thinking::None,
    }
}
