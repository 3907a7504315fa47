//! The providers of `GATEWAY_CONFIG`: servers of the operator's own that speak a known dialect. What is left out is
//! what a vLLM-like server does.

use std::borrow::Cow;

use super::base_url::parse_base_url;
use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::models_json::{control, drops, mends, row, texts};
use super::walker::{Object, Walker};
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{
    Auth, BodyPolicy, Dialect, Endpoint, GATEWAY_FIELDS, KeyPolicy, Mend, OutputLimitName, Prefill, PriceHours,
    ProviderSpec, QuotaHeaders, ReasoningTokens, ReportedCost, StreamUsage, Text, Texts,
};
use crate::catalog::quirk::{Quirk, Quirks};
use crate::catalog::reasoning::{ReasoningHistory, ReasoningSpec};
use crate::health::view::UNWATCHED;

const KEYS: &[&str] = &[
    "dialect",
    "auth",
    "endpoint",
    "api_version",
    "base_url",
    "key",
    "open",
    "any_model",
    "models",
    "stream_usage",
    "stream_options",
    "reasoning",
    "reasoning_history",
    "prefill",
    "mends",
    "output_limit",
    "default_output",
    "multiple_choices",
    "image_urls",
    "drops",
    "renames",
    "adds",
    "accepts",
    "clamps",
    "limits",
    "quirks",
    "web_search_tool",
    "quota_headers",
];
/// The longest provider id: it stands in every pin, log line and usage record.
const MAX_PROVIDER_ID_LENGTH: usize = 32;
/// Where the gateway's own keys are; no provider may be sent them.
const OWN_PREFIX: &str = "GATEWAY_";

const DIALECTS: &[(&str, Dialect)] = &[("openai", Dialect::OpenAi), ("anthropic", Dialect::Anthropic)];
const AUTHS: &[(&str, Auth)] = &[("bearer", Auth::Bearer), ("x_api_key", Auth::XApiKey), ("api_key", Auth::ApiKey)];
const ENDPOINTS: &[(&str, Endpoint)] = &[("usual", Endpoint::Usual), ("azure", Endpoint::Azure)];
const STREAM_USAGES: &[(&str, StreamUsage)] =
    &[("in_last_choice", StreamUsage::InLastChoice), ("trailing", StreamUsage::Trailing), ("none", StreamUsage::None)];
const PREFILLS: &[(&str, Prefill)] = &[
    ("none", Prefill::None),
    ("assistant", Prefill::Assistant),
    ("prefix", Prefill::Prefix),
    ("continue_final_message", Prefill::ContinueFinalMessage),
];
const HISTORIES: &[(&str, ReasoningHistory)] = &[
    ("as_sent", ReasoningHistory::AsSent),
    ("refused", ReasoningHistory::Refused),
    ("reasoning", ReasoningHistory::Reasoning),
    ("reasoning_content", ReasoningHistory::ReasoningContent),
    ("reasoning_content_always", ReasoningHistory::ReasoningContentAlways),
    ("details", ReasoningHistory::Details),
    ("thinking_parts", ReasoningHistory::ThinkingParts),
];
const OUTPUT_LIMITS: &[(&str, OutputLimitName)] = &[
    ("either", OutputLimitName::Either),
    ("max_tokens", OutputLimitName::MaxTokens),
    ("max_completion_tokens", OutputLimitName::MaxCompletionTokens),
];

/// What an own server may do that the operator said nothing of: vLLM has called the reasoning text by either name, and leaves
/// it in the content where no `--reasoning-parser` is given.
const OWN_SERVER_MENDS: [Mend; 2] = [Mend::ReasoningContent, Mend::ThinkTags];

const QUOTA_HEADERS: &[(&str, QuotaHeaders)] = &[
    ("none", QuotaHeaders::None),
    ("openai", QuotaHeaders::OpenAi),
    ("cerebras", QuotaHeaders::Cerebras),
    ("sambanova", QuotaHeaders::SambaNova),
    ("mistral", QuotaHeaders::Mistral),
    ("fireworks", QuotaHeaders::Fireworks),
    ("plain", QuotaHeaders::Plain),
    ("anthropic", QuotaHeaders::Anthropic),
];

/// The member `providers`: every provider with its models.
pub(super) fn parse(
    json: &Walker<'_>,
    builtin: &[ProviderSpec],
) -> Result<(Vec<ProviderSpec>, Vec<ModelSpec>), Box<ConfigError>> {
    let mut providers = Vec::new();
    let mut models = Vec::new();
    for (id, member) in json.entries()? {
        // That one is the client's own endpoint, whose health is nobody's.
        if !is_provider_id(&id) || id == UNWATCHED {
            return member.wrong(JsonProblem::NotAProviderId);
        }
        if let Some(spec) = builtin.iter().find(|spec| spec.id == id) {
            return member.wrong(JsonProblem::BuiltInProvider { base_url_var: spec.base_url_var.to_string() });
        }
        let id = Text::Owned(id.into_owned());
        let object = member.object(KEYS)?;
        if let Some(rows) = object.get("models") {
            models.extend(rows_of(&id, rows)?);
        }
        providers.push(provider(id, &object, builtin)?);
    }
    Ok((providers, models))
}

fn provider(id: Text, object: &Object<'_>, builtin: &[ProviderSpec]) -> Result<ProviderSpec, Box<ConfigError>> {
    let key_var = object.optional("key", secret_name)?;
    let dialect = object.optional("dialect", |json| json.word(DIALECTS))?.unwrap_or(Dialect::OpenAi);
    // Another dialect's servers do as its maker does, whose fields are other ones than OpenAI's.
    let maker = match dialect {
        Dialect::OpenAi => None,
        Dialect::Anthropic => builtin.iter().find(|spec| spec.dialect == dialect),
    };
    let says_body = object.get("open").is_some() || object.get("accepts").is_some();
    let (body, accepts) = match maker.filter(|_| !says_body) {
        Some(maker) => (maker.body, maker.accepts.clone()),
        None => body(object)?,
    };
    // What a server of the dialect's own maker takes.
    let endpoint = object.optional("endpoint", |json| json.word(ENDPOINTS))?.unwrap_or(Endpoint::Usual);
    let usual_auth = match (endpoint, dialect) {
        (Endpoint::Azure, _) => Auth::ApiKey,
        (Endpoint::Usual | Endpoint::WorkersAi, Dialect::OpenAi) => Auth::Bearer,
        (Endpoint::Usual | Endpoint::WorkersAi, Dialect::Anthropic) => Auth::XApiKey,
    };
    Ok(ProviderSpec {
        name: id.clone(),
        id,
        dialect,
        auth: object.optional("auth", |json| json.word(AUTHS))?.unwrap_or(usual_auth),
        endpoint,
        api_version: object.optional("api_version", Walker::name)?.map(Text::Owned).unwrap_or_default(),
        base_url: base_url(object.required("base_url", "the address of the server")?)?.into(),
        base_url_var: Text::Borrowed(""),
        key: if key_var.is_some() { KeyPolicy::Required } else { KeyPolicy::Optional },
        key_vars: key_var.into_iter().map(Text::Owned).collect(),
        any_model: object.optional("any_model", Walker::boolean)?.unwrap_or(true),
        multiple_choices: object.optional("multiple_choices", Walker::boolean)?.unwrap_or(maker.is_none()),
        image_urls: object.optional("image_urls", Walker::boolean)?.unwrap_or(true),
        stream_usage: object
            .optional("stream_usage", |json| json.word(STREAM_USAGES))?
            .unwrap_or(StreamUsage::Trailing),
        stream_options: object.optional("stream_options", Walker::boolean)?.unwrap_or(maker.is_none()),
        output_limit: object
            .optional("output_limit", |json| json.word(OUTPUT_LIMITS))?
            .unwrap_or(OutputLimitName::Either),
        default_output: object.optional("default_output", Walker::count)?,
        reasoning_tokens: ReasoningTokens::InCompletion,
        reported_cost: ReportedCost::None,
        price_hours: PriceHours::Same,
        reasoning: ReasoningSpec {
            control: object.optional("reasoning", control)?.unwrap_or(ReasoningSpec::PLAIN.control),
            history: object
                .optional("reasoning_history", |json| json.word(HISTORIES))?
                .unwrap_or(ReasoningSpec::PLAIN.history),
            ..ReasoningSpec::PLAIN
        },
        prefill: object.optional("prefill", |json| json.word(PREFILLS))?.unwrap_or(Prefill::None),
        mends: object.optional("mends", mends)?.unwrap_or(Cow::Borrowed(&OWN_SERVER_MENDS)),
        body,
        accepts,
        drops: object.optional("drops", drops)?.unwrap_or_default(),
        renames: object.optional("renames", renames)?.unwrap_or_default(),
        adds: object.optional("adds", adds)?.unwrap_or_default(),
        clamps: object
            .optional("clamps", clamps)?
            .or_else(|| maker.map(|maker| maker.clamps.clone()))
            .unwrap_or_default(),
        limits: object.optional("limits", limits)?.unwrap_or_default(),
        quirks: object.optional("quirks", quirks)?.unwrap_or_default(),
        web_search_tool: object.optional("web_search_tool", json_object)?.unwrap_or_default(),
        forward_headers: Cow::Borrowed(&[]),
        quota_headers: object
            .optional("quota_headers", |json| json.word(QUOTA_HEADERS))?
            .or_else(|| maker.map(|maker| maker.quota_headers))
            .unwrap_or(QuotaHeaders::OpenAi),
        quota_reset: None,
        errors: maker.map(|maker| maker.errors.clone()).unwrap_or_default(),
    })
}

fn rows_of(provider: &Text, rows: &Walker<'_>) -> Result<Vec<ModelSpec>, Box<ConfigError>> {
    let mut models: Vec<ModelSpec> = Vec::new();
    for element in rows.array()? {
        let model = row(provider, &element)?;
        let taken = |name: &Text| models.iter().any(|earlier| earlier.id == *name || earlier.upstream_id == *name);
        if let Some(name) = [&model.id, &model.upstream_id].into_iter().find(|name| taken(name)) {
            return element.wrong(JsonProblem::Duplicate { name: name.to_string() });
        }
        models.push(model);
    }
    Ok(models)
}

fn is_provider_id(id: &str) -> bool {
    (1..=MAX_PROVIDER_ID_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn base_url(json: &Walker<'_>) -> Result<String, Box<ConfigError>> {
    parse_base_url(&json.string()?).or_else(|problem| json.wrong(JsonProblem::BaseUrl(problem)))
}

fn secret_name(json: &Walker<'_>) -> Result<String, Box<ConfigError>> {
    let name = json.string()?;
    let fits = name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.starts_with(OWN_PREFIX);
    if fits { Ok(name.into_owned()) } else { json.wrong(JsonProblem::NotASecretName) }
}

fn body(object: &Object<'_>) -> Result<(BodyPolicy, Texts), Box<ConfigError>> {
    let open = object.optional("open", Walker::boolean)?.unwrap_or(true);
    match (open, object.optional("accepts", texts)?) {
        (true, None) => Ok((BodyPolicy::Open, Texts::default())),
        (true, Some(_)) => Err(object.wrong("accepts", JsonProblem::AcceptsWithOpenBody)),
        (false, Some(accepts)) if !accepts.is_empty() => Ok((BodyPolicy::Strict, accepts)),
        (false, _) => Err(object.wrong("accepts", JsonProblem::StrictWithoutAccepts)),
    }
}

fn adds(json: &Walker<'_>) -> Result<Cow<'static, [(Text, Text)]>, Box<ConfigError>> {
    let mut adds = Vec::new();
    for (field, value) in json.entries()? {
        if GATEWAY_FIELDS.contains(&field.as_ref()) {
            return value.wrong(JsonProblem::GatewayField);
        }
        adds.push((Text::Owned(field.into_owned()), Text::Owned(value.json().to_owned())));
    }
    Ok(adds.into())
}

fn json_object(json: &Walker<'_>) -> Result<Text, Box<ConfigError>> {
    json.entries()?;
    Ok(Text::Owned(json.json().to_owned()))
}

fn renames(json: &Walker<'_>) -> Result<Cow<'static, [(Text, Text)]>, Box<ConfigError>> {
    let mut renames = Vec::new();
    for (from, to) in json.entries()? {
        renames.push((Text::Owned(from.into_owned()), Text::Owned(to.name()?)));
    }
    Ok(renames.into())
}

fn clamps(json: &Walker<'_>) -> Result<Cow<'static, [(Text, Text)]>, Box<ConfigError>> {
    let mut clamps = Vec::new();
    for (field, most) in json.entries()? {
        clamps.push((Text::Owned(field.into_owned()), Text::Owned(most.number()?.to_owned())));
    }
    Ok(clamps.into())
}

fn limits(json: &Walker<'_>) -> Result<Cow<'static, [(Text, u32)]>, Box<ConfigError>> {
    let mut limits = Vec::new();
    for (field, most) in json.entries()? {
        limits.push((Text::Owned(field.into_owned()), most.count()?));
    }
    Ok(limits.into())
}

fn quirks(json: &Walker<'_>) -> Result<Quirks, Box<ConfigError>> {
    let words = Quirk::ALL.map(|quirk| (quirk.as_str(), quirk));
    let quirks: Result<Vec<Quirk>, Box<ConfigError>> =
        json.array()?.iter().map(|element| element.word(&words)).collect();
    Ok(Quirks::of(&quirks?))
}
