//! What the gateway knows of a provider, as data. A provider that speaks a known dialect is a row here, never code.

use std::borrow::Cow;

use super::quirk::Quirks;
use super::reasoning::ReasoningSpec;
use crate::routing::failure::ErrorClass;

/// A string that is static in the compiled-in catalogue and owned where it comes from `GATEWAY_CONFIG`.
pub type Text = Cow<'static, str>;
/// A list of such strings.
pub type Texts = Cow<'static, [Text]>;

/// What the names of members of `stream_options` begin with in `drops`, `accepts` and `x-gateway-dropped-params`.
pub const STREAM_OPTIONS: &str = "stream_options.";

/// Body fields that the gateway writes by itself from what the client asked for, and those that say what the answer is:
/// no row adds them.
pub const GATEWAY_FIELDS: [&str; 9] = [
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

/// The wire format that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat completions: `POST {base}/chat/completions`.
    OpenAi,
    /// Anthropic's Messages: `POST {base}/messages`.
    Anthropic,
}

impl Dialect {
    /// The path behind a provider's base URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::OpenAi => "/chat/completions",
            Self::Anthropic => "/messages",
        }
    }
}

/// The header that carries the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer {key}`.
    Bearer,
    /// `x-api-key: {key}`.
    XApiKey,
    /// `api-key: {key}`.
    ApiKey,
}

/// Where behind its base URL a provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// At its dialect's path.
    Usual,
    /// As Azure OpenAI is: at `/openai/v1` and the dialect's path, or, where an API version is set, at
    /// `/openai/deployments/{model}/chat/completions?api-version={version}`. The model's own id is a deployment's name.
    Azure,
    /// At its dialect's path, or through the binding `AI` of Cloudflare Workers where that is there and no key is set.
    WorkersAi,
}

/// What the address of a model begins with that is reached through the binding `AI`: no address at all.
pub const AI_BINDING: &str = "binding:AI/";

/// What a provider does with body fields it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPolicy {
    /// Unknown fields are ignored or understood: they pass verbatim.
    Open,
    /// Unknown fields are refused: only the fields in [`ProviderSpec::accepts`] are sent.
    Strict,
}

/// Where the token usage of a stream comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamUsage {
    /// In the last chunk that has a choice, so no client is surprised by it.
    InLastChoice,
    /// In a chunk of its own (`choices: []`) after the last choice, when `stream_options.include_usage` asks for it.
    Trailing,
    /// Never: tokens are estimated.
    None,
}

/// Whether list prices depend on the time of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriceHours {
    /// They do not.
    #[default]
    Same,
    /// The rows have DeepSeek's off-peak prices: at its peak hours they are twice that. `usage/hours.rs` has them.
    DeepSeekPeak,
}

/// Whether a provider counts reasoning among the tokens of the answer, as OpenAI does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningTokens {
    /// `completion_tokens` has them.
    #[default]
    InCompletion,
    /// `completion_tokens` leaves them out, so they are added; at times `prompt_tokens` leaves out those that were cached (xAI).
    BesideCompletion,
    /// They may stand nowhere but in `total_tokens`, so what that has beyond the others is the answer's (Gemini).
    InTotal,
}

/// How a provider tells in `usage` what an answer cost, which then counts instead of its list price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportedCost {
    /// It does not.
    #[default]
    None,
    /// `cost` in USD, with `cost_details` and `is_byok` (OpenRouter).
    Usd,
    /// `cost_in_usd_ticks` (xAI).
    Ticks,
}

/// How a provider is made to go on with an answer whose beginning is given to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// Not at all, as far as is documented: it is asked from the start.
    None,
    /// By a last message of the role `assistant`.
    Assistant,
    /// By such a message with the member `"prefix": true`.
    Prefix,
    /// By such a message, with `continue_final_message` and without `add_generation_prompt` in the body.
    ContinueFinalMessage,
}

/// A way in which replies and streams differ from OpenAI's, and what is done about it; `dialect/openai/mend` does it. A
/// provider without any is relayed as it is. The first four are about reasoning alone: they are off for models that are
/// known not to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The reasoning text is called `reasoning_content`, in all replies or some: it becomes `reasoning`.
    ReasoningContent,
    /// Content may be an array: its parts of the type `thinking` become `reasoning`, those of the type `text` a string.
    ContentParts,
    /// Content may begin with `<think>...</think>`, which becomes `reasoning`.
    ThinkTags,
    /// The same with `<thought>...</thought>`, where `extra_content.google.thought` says so as well.
    ThoughtTags,
    /// Tool calls may lack `index`, `id` or `type`, have an object for `arguments`, or end with `stop`.
    ToolCalls,
    /// It has finish reasons of its own.
    FinishReasons,
    /// A message or the first delta may lack its `role`.
    Roles,
    /// It may answer in Workers AI's own form: `{"response": text}`.
    NativeForm,
    /// What was found in the web stands in `executed_tools`, as Groq has it: it becomes `annotations`, beside what came. Off
    /// where nobody searches.
    SearchResults,
}

impl Mend {
    /// Every variant, with its name in the catalogue and in `GATEWAY_CONFIG`.
    pub const ALL: [(&'static str, Self); 9] = [
        ("reasoning_content", Self::ReasoningContent),
        ("content_parts", Self::ContentParts),
        ("think_tags", Self::ThinkTags),
        ("thought_tags", Self::ThoughtTags),
        ("tool_calls", Self::ToolCalls),
        ("finish_reasons", Self::FinishReasons),
        ("roles", Self::Roles),
        ("native_form", Self::NativeForm),
        ("search_results", Self::SearchResults),
    ];
}

/// A list of them.
pub type MendList = Cow<'static, [Mend]>;

/// The name under which a provider takes the output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLimitName {
    /// Both names are taken: the client's choice is kept.
    Either,
    /// `max_tokens` only.
    MaxTokens,
    /// `max_completion_tokens` only.
    MaxCompletionTokens,
}

/// The names of the headers by which a provider tells what is left to the account; `dialect/headroom.rs` has them. Only the
/// names of its row are read of a provider's reply: each costs about a microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaHeaders {
    /// It tells nothing.
    None,
    /// OpenAI's, which most providers have.
    OpenAi,
    /// By day and minute.
    Cerebras,
    /// OpenAI's for requests, and the same by day.
    SambaNova,
    /// By minute, without a reset.
    Mistral,
    /// OpenAI's for requests, and tokens of the prompt.
    Fireworks,
    /// One limit without a kind, which is one of requests.
    Plain,
    /// Anthropic's.
    Anthropic,
}

impl QuotaHeaders {
    /// Every variant, in the order of the list in `edge/platform.js`.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::OpenAi,
        Self::Cerebras,
        Self::SambaNova,
        Self::Mistral,
        Self::Fireworks,
        Self::Plain,
        Self::Anthropic,
    ];

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> u8 {
        self as u8
    }
}

/// When the quotas of a provider's day begin anew, where it does not say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaReset {
    /// At 00:00 UTC.
    UtcMidnight,
    /// At 00:00 in California. Taken for 08:00 UTC the whole year, which is right in winter and an hour late in summer: an
    /// hour of quota is given away then, and a change of the law on clocks never costs a day.
    PacificMidnight,
}

impl QuotaReset {
    /// Milliseconds after 00:00 UTC.
    const fn of_day_ms(self) -> u64 {
        match self {
            Self::UtcMidnight => 0,
            Self::PacificMidnight => 8 * 60 * 60 * 1000,
        }
    }

    /// The time after which a quota that was used up at `now_ms` is there again. It is some minutes late: counters begin
    /// anew a while after midnight, and a refusal at one minute past it is still one of the day before.
    pub const fn after(self, now_ms: u64) -> u64 {
        let late_ms = self.of_day_ms() + RESET_MARGIN_MS;
        now_ms.saturating_sub(late_ms) / DAY_MS * DAY_MS + DAY_MS + late_ms
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How late a provider's counters may be, its clock and ours together.
pub const RESET_MARGIN_MS: u64 = 5 * 60 * 1000;

/// Whether a provider can be used without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPolicy {
    /// On when its key is there.
    Required,
    /// On when its base URL (or its key) is set: self-hosted servers.
    Optional,
}

/// One line of a provider's error table: all the conditions that are set must hold. The first line that matches wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRule {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The body's `error.code`, compared as text (some providers send numbers).
    pub code: Option<Text>,
    /// The body's `error.type` (or `status` at Google).
    pub error_type: Option<Text>,
    /// A lower-case substring of the whole body, compared without regard to case. The reason often stands outside of
    /// `error.message`: Gemini's `quotaId`, OpenRouter's `metadata.raw`, NVIDIA's `detail`.
    pub message: Option<Text>,
    /// The class it means.
    pub class: ErrorClass,
}

/// A provider: its address, its key, and how it differs from OpenAI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSpec {
    /// The id in pins (`groq/...`), headers and accounts: `[a-z0-9-]+`.
    pub id: Text,
    /// The name people know it by.
    pub name: Text,
    /// The wire format.
    pub dialect: Dialect,
    /// How the key is sent.
    pub auth: Auth,
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// The API version, where the endpoint has one and it is set by the row; else empty.
    pub api_version: Text,
    /// What stands before the dialect's path (`/chat/completions`), without a trailing slash. `{NAME}` stands for the
    /// variable of that name.
    pub base_url: Text,
    /// The variable that overrides `base_url`: `GROQ_BASE_URL`.
    pub base_url_var: Text,
    /// The variables that may hold the key, in order: the first that is set counts.
    pub key_vars: Texts,
    /// Whether it needs a key to be on.
    pub key: KeyPolicy,
    /// `provider/anything` passes even if no row names the model.
    pub any_model: bool,
    /// Takes `n` above 1.
    pub multiple_choices: bool,
    /// Takes `http(s)` image URLs; otherwise only data URIs.
    pub image_urls: bool,
    /// Where the usage of a stream comes.
    pub stream_usage: StreamUsage,
    /// Takes `stream_options`, and sends usage in a stream only (or at least also) when asked by it.
    pub stream_options: bool,
    /// The name of the output limit.
    pub output_limit: OutputLimitName,
    /// The output limit in tokens that is sent where the client sends none, since the provider's own default would cut
    /// answers short.
    pub default_output: Option<u32>,
    /// Where it counts reasoning tokens.
    pub reasoning_tokens: ReasoningTokens,
    /// How it tells what an answer cost.
    pub reported_cost: ReportedCost,
    /// When its list prices hold.
    pub price_hours: PriceHours,
    /// How it is told how much to think, and how thoughts go back to it.
    pub reasoning: ReasoningSpec,
    /// How it goes on with the beginning of an answer. Models that reason are not asked to: they think before they write.
    pub prefill: Prefill,
    /// How its replies and streams differ from OpenAI's.
    pub mends: MendList,
    /// Unknown body fields.
    pub body: BodyPolicy,
    /// With [`BodyPolicy::Strict`]: the fields it takes, after renaming.
    pub accepts: Texts,
    /// Fields it refuses or ignores: dropped and named in `x-gateway-dropped-params`.
    pub drops: Texts,
    /// Fields it calls otherwise: `(OpenAI's name, its name)`.
    pub renames: Cow<'static, [(Text, Text)]>,
    /// Fields that are sent where the client does not send them: `(the provider's name, JSON text)`. For defaults of the
    /// provider's that would make an answer untrue.
    pub adds: Cow<'static, [(Text, Text)]>,
    /// Numbers above what it takes: `(field, JSON number)`. A larger one is sent as this one.
    pub clamps: Cow<'static, [(Text, Text)]>,
    /// The most that it takes of a field, where less would be another wish: `(field, most)`, of a list how many members. Above
    /// that the field counts as one that it does not take.
    pub limits: Cow<'static, [(Text, u32)]>,
    /// What it wants in another form.
    pub quirks: Quirks,
    /// The JSON of the tool by which its models search the web; empty where there is none.
    pub web_search_tool: Text,
    /// Request headers of the client's that it may see, lower-case.
    pub forward_headers: Texts,
    /// The names of the headers that tell what is left.
    pub quota_headers: QuotaHeaders,
    /// When the quotas of a day begin anew; `None` = it says so itself, or nobody knows.
    pub quota_reset: Option<QuotaReset>,
    /// Its error table, tried before the common rules.
    pub errors: Cow<'static, [ErrorRule]>,
}
