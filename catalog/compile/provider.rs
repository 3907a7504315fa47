//! Reads `providers.toml`, and checks what can be checked of one row alone.

use super::fields::{Fields, File, Word};
use super::problem::{Place, ProblemKind};
use super::reasoning::{Reasoning, read_reasoning};

const DIALECTS: [Word; 2] = [("openai", "OpenAi"), ("anthropic", "Anthropic")];
const AUTHS: [Word; 3] = [("bearer", "Bearer"), ("x_api_key", "XApiKey"), ("api_key", "ApiKey")];
const ENDPOINTS: [Word; 3] = [("usual", "Usual"), ("azure", "Azure"), ("workers_ai", "WorkersAi")];
const KEY_POLICIES: [Word; 2] = [("required", "Required"), ("optional", "Optional")];
const BODY_POLICIES: [Word; 2] = [("open", "Open"), ("strict", "Strict")];
const STREAM_USAGES: [Word; 3] = [("in_last_choice", "InLastChoice"), ("trailing", "Trailing"), ("none", "None")];
const OUTPUT_LIMITS: [Word; 3] =
    [("either", "Either"), ("max_tokens", "MaxTokens"), ("max_completion_tokens", "MaxCompletionTokens")];
const PREFILLS: [Word; 4] = [
    ("none", "None"),
    ("assistant", "Assistant"),
    ("prefix", "Prefix"),
    ("continue_final_message", "ContinueFinalMessage"),
];

/// `src/catalog/provider.rs` has the same list, and a test holds the two together.
pub(crate) const MENDS: [Word; 9] = [
    ("reasoning_content", "ReasoningContent"),
    ("content_parts", "ContentParts"),
    ("think_tags", "ThinkTags"),
    ("thought_tags", "ThoughtTags"),
    ("tool_calls", "ToolCalls"),
    ("finish_reasons", "FinishReasons"),
    ("roles", "Roles"),
    ("native_form", "NativeForm"),
    ("search_results", "SearchResults"),
];
const QUOTA_HEADERS: [Word; 8] = [
    ("none", "None"),
    ("openai", "OpenAi"),
    ("cerebras", "Cerebras"),
    ("sambanova", "SambaNova"),
    ("mistral", "Mistral"),
    ("fireworks", "Fireworks"),
    ("plain", "Plain"),
    ("anthropic", "Anthropic"),
];
const PRICE_HOURS: [Word; 2] = [("same", "Same"), ("deepseek_peak", "DeepSeekPeak")];
const REASONING_TOKENS: [Word; 3] =
    [("in_completion", "InCompletion"), ("beside_completion", "BesideCompletion"), ("in_total", "InTotal")];
const REPORTED_COSTS: [Word; 3] = [("none", "None"), ("usd", "Usd"), ("ticks", "Ticks")];
const QUOTA_RESETS: [Word; 2] = [("utc_midnight", "UtcMidnight"), ("pacific_midnight", "PacificMidnight")];

/// The quirks of `src/catalog/quirk.rs`; a test holds the two lists together.
pub(crate) const QUIRKS: [Word; 12] = [
    ("no_developer_role", "NoDeveloperRole"),
    ("no_null_content", "NoNullContent"),
    ("no_text_parts", "NoTextParts"),
    ("nine_character_call_ids", "NineCharacterCallIds"),
    ("any_for_required", "AnyForRequired"),
    ("no_additional_properties", "NoAdditionalProperties"),
    ("one_call_at_a_time", "OneCallAtATime"),
    ("stop_list", "StopList"),
    ("require_parameters", "RequireParameters"),
    ("cache_marks", "CacheMarks"),
    ("call_signatures", "CallSignatures"),
    ("json_in_prompt", "JsonInPrompt"),
];

/// The classes of `src/routing/failure.rs`; a test holds the two lists together.
pub(crate) const ERROR_CLASSES: [Word; 17] = [
    ("connect", "Connect"),
    ("server_error", "ServerError"),
    ("overloaded", "Overloaded"),
    ("rate_limited", "RateLimited"),
    ("too_large_for_plan", "TooLargeForPlan"),
    ("quota_exhausted", "QuotaExhausted"),
    ("bad_key", "BadKey"),
    ("billing", "Billing"),
    ("model_unavailable", "ModelUnavailable"),
    ("context_length", "ContextLength"),
    ("bad_request", "BadRequest"),
    ("content_filter", "ContentFilter"),
    ("invalid_reply", "InvalidReply"),
    ("model_misbehaved", "ModelMisbehaved"),
    ("timeout", "Timeout"),
    ("stream_cut", "StreamCut"),
    ("client_closed", "ClientClosed"),
];

/// Dropping one of these would change what the answer is.
const NEVER_DROPPED: [&str; 5] = ["model", "messages", "stream", "response_format", "n"];

/// What no row adds: `src/catalog/provider.rs` has the same list, and a test holds the two together.
pub(crate) const GATEWAY_FIELDS: [&str; 9] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "reasoning_effort",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "n",
];

/// What may be dropped of every message: `src/openai/messages.rs` has the same list, and a test holds the two together.
pub(crate) const MESSAGE_MEMBERS: [&str; 8] = [
    "messages.name",
    "messages.reasoning",
    "messages.reasoning_content",
    "messages.reasoning_details",
    "messages.annotations",
    "messages.refusal",
    "messages.images",
    "messages.audio",
];

/// A row of `PROVIDERS`. Enum fields hold the name of the variant.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) dialect: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) endpoint: &'static str,
    pub(crate) base_url: String,
    pub(crate) base_url_var: String,
    pub(crate) key_vars: Vec<String>,
    pub(crate) key: &'static str,
    pub(crate) any_model: bool,
    pub(crate) multiple_choices: bool,
    pub(crate) image_urls: bool,
    pub(crate) stream_usage: &'static str,
    pub(crate) stream_options: bool,
    pub(crate) output_limit: &'static str,
    pub(crate) default_output: Option<u32>,
    pub(crate) reasoning_tokens: &'static str,
    pub(crate) reported_cost: &'static str,
    pub(crate) price_hours: &'static str,
    pub(crate) reasoning: Reasoning,
    pub(crate) prefill: &'static str,
    pub(crate) mends: Vec<&'static str>,
    pub(crate) body: &'static str,
    pub(crate) accepts: Vec<String>,
    pub(crate) drops: Vec<String>,
    pub(crate) renames: Vec<(String, String)>,
    /// The field and its JSON text.
    pub(crate) adds: Vec<(String, String)>,
    /// The field and its JSON number.
    pub(crate) clamps: Vec<(String, String)>,
    pub(crate) limits: Vec<(String, u32)>,
    pub(crate) quirks: Vec<&'static str>,
    pub(crate) web_search_tool: Option<String>,
    pub(crate) forward_headers: Vec<String>,
    pub(crate) quota_headers: &'static str,
    pub(crate) quota_reset: Option<&'static str>,
    pub(crate) errors: Vec<ErrorRule>,
}

/// A line of a provider's error table.
#[derive(Debug)]
pub(crate) struct ErrorRule {
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) error_type: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) class: &'static str,
}

pub(crate) fn read(file: &File<'_>) -> Vec<Provider> {
    let document = file.parse();
    let mut root = Fields::new(file, document.span(), document.get_ref());
    let providers = root.tables("provider").into_iter().map(read_provider).collect();
    root.finish();
    providers
}

fn read_provider(mut fields: Fields<'_>) -> Provider {
    let provider = Provider {
        place: fields.place(),
        id: fields.text("id"),
        name: fields.text("name"),
        dialect: fields.word("dialect", &DIALECTS),
        auth: fields.word_or("auth", &AUTHS, "Bearer"),
        endpoint: fields.word_or("endpoint", &ENDPOINTS, "Usual"),
        base_url: fields.text("base_url"),
        base_url_var: fields.text("base_url_var"),
        key_vars: fields.texts("key_vars"),
        key: fields.word("key", &KEY_POLICIES),
        any_model: fields.flag("any_model"),
        multiple_choices: fields.flag("multiple_choices"),
        image_urls: fields.flag("image_urls"),
        stream_usage: fields.word("stream_usage", &STREAM_USAGES),
        stream_options: fields.flag("stream_options"),
        output_limit: fields.word("output_limit", &OUTPUT_LIMITS),
        default_output: fields.optional_count("default_output"),
        reasoning_tokens: fields.word_or("reasoning_tokens", &REASONING_TOKENS, "InCompletion"),
        reported_cost: fields.word_or("reported_cost", &REPORTED_COSTS, "None"),
        price_hours: fields.word_or("price_hours", &PRICE_HOURS, "Same"),
        reasoning: read_reasoning(&mut fields),
        prefill: fields.word_or("prefill", &PREFILLS, "None"),
        mends: fields.words("mends", &MENDS),
        body: fields.word("body", &BODY_POLICIES),
        accepts: fields.texts("accepts"),
        drops: read_drops(&mut fields),
        renames: fields.pairs("renames").into_iter().map(|(_, name, theirs)| (name, theirs)).collect(),
        adds: read_adds(&mut fields),
        clamps: fields.numbers("clamps"),
        limits: fields.counts("limits"),
        quirks: fields.words("quirks", &QUIRKS),
        web_search_tool: fields.optional_text("web_search_tool"),
        forward_headers: fields.texts("forward_headers"),
        quota_headers: fields.word("quota_headers", &QUOTA_HEADERS),
        quota_reset: fields.optional_word("quota_reset", &QUOTA_RESETS),
        errors: fields.tables("errors").into_iter().map(read_rule).collect(),
    };
    check(&provider, &fields);
    fields.finish();
    provider
}

fn read_rule(mut fields: Fields<'_>) -> ErrorRule {
    let rule = ErrorRule {
        status: fields.optional_status("status"),
        code: fields.optional_text("code"),
        error_type: fields.optional_text("error_type"),
        message: fields.optional_text("message"),
        class: fields.word("class", &ERROR_CLASSES),
    };
    if rule.status.is_none() && rule.code.is_none() && rule.error_type.is_none() && rule.message.is_none() {
        fields.report(ProblemKind::EmptyRule);
    }
    if let Some(message) = &rule.message {
        check_lower_case("message", message, &fields);
    }
    fields.finish();
    rule
}

/// The list `drops` of a provider or model.
pub(crate) fn read_drops(fields: &mut Fields<'_>) -> Vec<String> {
    let drops = fields.texts("drops");
    for field in &drops {
        if NEVER_DROPPED.contains(&field.as_str()) {
            fields.report(ProblemKind::NeverDropped { field: field.clone() });
        }
        let known = MESSAGE_MEMBERS.contains(&field.as_str()) || field.starts_with("stream_options.");
        if field.contains('.') && !known {
            fields.report(ProblemKind::UnknownMember { field: field.clone() });
        }
    }
    drops
}

fn read_adds(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let adds = fields.pairs("adds");
    for (_, field, json) in &adds {
        if GATEWAY_FIELDS.contains(&field.as_str()) {
            fields.report(ProblemKind::GatewayField { field: field.clone() });
        }
        if let Err(error) = serde_json::from_str::<serde_json::Value>(json) {
            fields.report(ProblemKind::NotJson { field: field.clone(), message: error.to_string() });
        }
    }
    adds.into_iter().map(|(_, field, json)| (field, json)).collect()
}

fn check(provider: &Provider, fields: &Fields<'_>) {
    let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if provider.id.is_empty() || !provider.id.bytes().all(is_id) {
        let id = provider.id.clone();
        fields.report(ProblemKind::BadProviderId { id });
    }
    let url = &provider.base_url;
    let is_local = url.starts_with("http://localhost:") || url.starts_with("http://127.0.0.1:");
    if !(url.starts_with("https://") || is_local) || url.ends_with('/') {
        fields.report(ProblemKind::BadBaseUrl { url: url.clone() });
    }
    if provider.key_vars.is_empty() {
        fields.report(ProblemKind::NoKeyVariable);
    }
    for header in &provider.forward_headers {
        check_lower_case("forward_headers", header, fields);
    }
    if provider.body == "Strict" {
        let renamed = provider.renames.iter().map(|(_, theirs)| theirs.as_str());
        let added = provider.adds.iter().map(|(field, _)| field.as_str());
        for field in NEVER_DROPPED.into_iter().chain(renamed).chain(added) {
            if !provider.accepts.iter().any(|accepted| accepted == field) {
                fields.report(ProblemKind::StrictWithoutField { field: field.to_owned() });
            }
        }
    } else if !provider.accepts.is_empty() {
        fields.report(ProblemKind::AcceptsWithoutStrict);
    }
}

fn check_lower_case(field: &'static str, text: &str, fields: &Fields<'_>) {
    if text != text.to_lowercase() {
        let text = text.to_owned();
        fields.report(ProblemKind::NotLowerCase { field, text });
    }
}
