//! How the replies of a provider become OpenAI's, before anything else reads them.

use std::borrow::Cow;

use super::anthropic::reply::{self, Options};
use super::anthropic::stream::MessageStream;
use super::openai::encode::output_limit;
use super::openai::mend::{Mender, Mends, Untold, mend_reply, native_reply};
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{Dialect, Mend, ProviderSpec};
use crate::openai::request::ChatRequest;
use crate::sse::translate::Translator;

/// What a translation is made with. Small, since every attempt has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation<'m> {
    dialect: Dialect,
    options: Options,
    /// How the provider differs from OpenAI's form.
    mends: Mends,
    /// What the provider's own form does not say, if it has one.
    untold: Untold<'m>,
    /// How many choices are asked for.
    choices: u32,
}

impl<'m> Translation<'m> {
    /// For the answer of `model` at `provider` to `request`.
    pub fn new(provider: &ProviderSpec, model: &'m ModelSpec, request: &ChatRequest<'_>, now_ms: u64) -> Self {
        let options = Options { created: now_ms / 1000 };
        let mends = Mends::of(provider, model, request);
        let untold = if mends.has(Mend::NativeForm) {
            let limit = output_limit(request, provider, model).map(u64::from);
            Untold { model: &model.upstream_id, now_ms, limit }
        } else {
            Untold::default()
        };
        Self { dialect: provider.dialect, options, mends, untold, choices: request.n }
    }

    /// The body of a whole 2xx reply in OpenAI's form. What cannot be read stays as it is: it is judged after this.
    pub fn reply<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        match self.dialect {
            Dialect::OpenAi => {
                let Some(text) = str::from_utf8(body).ok().filter(|_| !self.mends.is_empty()) else {
                    return Cow::Borrowed(body);
                };
                let is_native = self.mends.has(Mend::NativeForm);
                let native = if is_native { native_reply(text, self.untold) } else { None };
                let mended = mend_reply(native.as_deref().unwrap_or(text), self.mends).or(native);
                mended.map_or(Cow::Borrowed(body), |reply| Cow::Owned(reply.into_bytes()))
            }
            Dialect::Anthropic => reply::translate(body, self.options).map_or(Cow::Borrowed(body), Cow::Owned),
        }
    }

    /// Who translates a stream; `None` where it is OpenAI's already, so that it can be relayed natively.
    pub fn stream(&self) -> Translator {
        match self.dialect {
            Dialect::OpenAi if self.mends.is_empty() => None,
            Dialect::OpenAi => Some(Box::new(Mender::new(self.mends, self.choices, self.untold))),
            Dialect::Anthropic => Some(Box::new(MessageStream::new(self.options))),
        }
    }
}
