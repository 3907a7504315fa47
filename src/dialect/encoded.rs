//! A request as a provider gets it, whatever its dialect.

use super::request_body::RequestBody;
use super::{anthropic, openai};
use crate::catalog::model::{Effort, ModelSpec};
use crate::catalog::provider::{Dialect, ProviderSpec};
use crate::json::push_number;
use crate::openai::request::{ChatRequest, MessageMember};

/// Writes the body for `model` at `provider`, which is to go on with the answer `so_far`, if there is one.
pub fn encode<'a>(
    request: &ChatRequest<'a>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    so_far: Option<&str>,
) -> Encoded<'a> {
    match provider.dialect {
        Dialect::OpenAi => openai::encode::encode(request, provider, model, so_far),
        Dialect::Anthropic => anthropic::encode::encode(request, provider, model, so_far),
    }
}

/// How much the model is asked to think, as [`Encoded::effort`] will tell it.
pub fn applied(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) -> AppliedEffort {
    match provider.dialect {
        Dialect::OpenAi => openai::reasoning::applied(request, provider, model),
        Dialect::Anthropic => anthropic::encode::applied(request, model),
    }
}

/// A request as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<'a> {
    /// The JSON body.
    pub body: RequestBody<'a>,
    /// The fields that were left out because this provider or model does not take them, as the client spelt them.
    pub dropped: Vec<String>,
    /// How much the model is asked to think.
    pub effort: AppliedEffort,
}

impl Encoded<'_> {
    /// All but the body.
    pub fn without_body(self) -> Encoded<'static> {
        Encoded { body: RequestBody::default(), dropped: self.dropped, effort: self.effort }
    }
}

/// How much a model is asked to think: what `x-gateway-reasoning-effort` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppliedEffort {
    /// Nothing was said about it: the model does what it does by itself.
    #[default]
    None,
    /// An effort; [`Effort::None`] is no thinking at all, [`Effort::Default`] thinking as much as it likes.
    Effort(Effort),
    /// At most so many tokens of thought.
    Budget(u32),
}

impl AppliedEffort {
    /// The value of the header: `none`, `high`, `budget:2048`.
    pub fn header(self) -> String {
        match self {
            Self::None => Effort::None.as_str().to_owned(),
            Self::Effort(effort) => effort.as_str().to_owned(),
            Self::Budget(tokens) => {
                let mut value = String::from("budget:");
                push_number(&mut value, tokens.into());
                value
            }
        }
    }
}

/// The parameters of `request` that this provider and model do not take, for a client that requires all of them:
/// [`Encoded::dropped`], but for what stands in earlier answers, which clients send back without having chosen it.
pub fn unsupported(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) -> Vec<String> {
    let mut dropped = match provider.dialect {
        Dialect::OpenAi => openai::params::dropped(request, provider, model),
        Dialect::Anthropic => anthropic::encode::encode(request, provider, model, None).dropped,
    };
    let of_answers = |name: &String| {
        let mut members = MessageMember::ALL.into_iter().filter(|member| *member != MessageMember::Name);
        name == anthropic::encode::LOST_ARGUMENTS || members.any(|member| member.path() == name)
    };
    dropped.retain(|name| !of_answers(name));
    dropped
}
