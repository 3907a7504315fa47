//! How the replies of a provider become OpenAI's, before anything else reads them.

use std::borrow::Cow;

use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{Dialect, ProviderSpec};
use crate::openai::request::ChatRequest;
use crate::sse::translate::Translator;

/// What a translation is made with. Small, since every attempt has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    dialect: Dialect,
    /// `created` of a completion whose provider does not tell it, in seconds since the Unix epoch.
    created: u64,
}

impl Translation {
    /// For the answer of `model` at `provider` to `request`.
    pub fn new(provider: &ProviderSpec, _model: &ModelSpec, _request: &ChatRequest<'_>, now_ms: u64) -> Self {
        Self { dialect: provider.dialect, created: now_ms / 1000 }
    }

    /// The body of a whole 2xx reply in OpenAI's form. What cannot be read stays as it is: it is judged after this.
    pub fn reply<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        match self.dialect {
            Dialect::OpenAi | Dialect::Anthropic => Cow::Borrowed(body),
        }
    }

    /// Who translates a stream; `None` where it is OpenAI's already, so that it can be relayed natively.
    pub fn stream(&self) -> Translator {
        match self.dialect {
            Dialect::OpenAi | Dialect::Anthropic => None,
        }
    }
}
