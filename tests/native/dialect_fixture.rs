//! A provider that changes nothing and a model that can do everything; tests change what they are about.

use std::borrow::Cow;

use crate::config_fixture::provider;
use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use opengateway::catalog::price::Prices;
use opengateway::catalog::provider::{KeyPolicy, OutputLimitName, ProviderSpec, StreamUsage, Text, Texts};
use opengateway::catalog::reasoning::ModelReasoning;
use opengateway::dialect::encoded::{self, AppliedEffort};
use opengateway::openai::request::ChatRequest;

/// [`encoded::Encoded`] with its body in one piece.
#[derive(Debug, PartialEq)]
pub(crate) struct Encoded {
    pub(crate) body: String,
    pub(crate) dropped: Vec<String>,
    pub(crate) effort: AppliedEffort,
}

/// [`encoded::encode`].
pub(crate) fn encode(
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    so_far: Option<&str>,
) -> Encoded {
    let encoded = encoded::encode(request, provider, model, so_far);
    Encoded { body: encoded.body.whole().into_owned(), dropped: encoded.dropped, effort: encoded.effort }
}

pub(crate) fn texts(items: &[&'static str]) -> Texts {
    items.iter().map(|item| Text::Borrowed(*item)).collect()
}

pub(crate) fn pairs(items: &[(&'static str, &'static str)]) -> Cow<'static, [(Text, Text)]> {
    items.iter().map(|(a, b)| (Text::Borrowed(*a), Text::Borrowed(*b))).collect()
}

/// A provider that takes everything.
pub(crate) fn plain() -> ProviderSpec {
    ProviderSpec {
        multiple_choices: true,
        image_urls: true,
        stream_usage: StreamUsage::Trailing,
        stream_options: true,
        output_limit: OutputLimitName::Either,
        ..provider("plain", "https://plain.test/v1", KeyPolicy::Required, &["PLAIN_API_KEY"])
    }
}

/// The row of a built-in provider.
pub(crate) fn row(id: &str) -> ProviderSpec {
    Catalog::builtin().provider(id).unwrap_or_else(|| panic!("no provider {id}")).clone()
}

/// A model that can do everything, with at most 1000 tokens of an answer.
pub(crate) fn able() -> ModelSpec {
    ModelSpec {
        id: "able".into(),
        provider: "plain".into(),
        upstream_id: "vendor/able-1".into(),
        context_window: Some(100_000),
        max_output: Some(1000),
        prices: Some(Prices::of_tokens(150_000, 600_000, Some(75_000))),
        capabilities: Capabilities {
            tools: true,
            json_object: true,
            json_schema: true,
            vision: true,
            reasoning: true,
            web_search: false,
            image_output: true,
            audio_output: true,
        },
        efforts: Cow::Borrowed(&[Effort::Low, Effort::Medium, Effort::High]),
        reasoning: ModelReasoning::AS_PROVIDER,
        reasoning_level: ReasoningLevel::High,
        free: false,
        auto: true,
        drops: Cow::Borrowed(&[]),
        mends: Cow::Borrowed(&[]),
        thinking: Thinking::None,
    }
}
