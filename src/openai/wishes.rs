//! What a client asks for beyond OpenAI's own parameters: how much to think, and a web search.

use std::borrow::Cow;

use super::fields::{self, RequestError};
use crate::catalog::model::Effort;
use crate::json::Reader;

/// How much the model is to think: `reasoning_effort`, and `reasoning: {effort, max_tokens, exclude, enabled}`, which wins
/// where both say something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReasoningWish {
    /// The effort.
    pub effort: Option<Effort>,
    /// The most tokens of thought; beats the effort.
    pub max_tokens: Option<u32>,
    /// The client does not want to see the thoughts.
    pub exclude: bool,
    /// `reasoning.enabled`: whether to think at all, at the model's own effort.
    pub enabled: Option<bool>,
    /// The effort is the object's.
    of_object: bool,
    /// `reasoning` was sent.
    is_object: bool,
}

impl ReasoningWish {
    /// The parameter that the client used, as it is named where it cannot be had.
    pub const fn param(&self) -> &'static str {
        if self.is_object { "reasoning" } else { "reasoning_effort" }
    }

    /// Whether nothing was asked about how much to think.
    pub const fn is_silent(&self) -> bool {
        self.effort.is_none() && self.max_tokens.is_none() && self.enabled.is_none()
    }

    pub(super) const fn add_effort(&mut self, effort: Effort) {
        if !self.of_object {
            self.effort = Some(effort);
        }
    }

    pub(super) fn add_object(&mut self, raw: &str) -> Result<(), Box<RequestError>> {
        self.is_object = true;
        Reader::new(raw).object::<Box<RequestError>>(|reader, key| {
            let value = reader.skip()?;
            match (key.decode().unwrap_or_default().as_ref(), value) {
                (_, "null") => {}
                ("effort", _) => {
                    self.effort = Some(effort("reasoning.effort", value)?);
                    self.of_object = true;
                }
                ("max_tokens", _) => {
                    let allowed = "an integer from 1 to 4294967295";
                    let limit = fields::integer("reasoning.max_tokens", value, (1, u32::MAX), allowed)?;
                    self.max_tokens = Some(limit);
                }
                ("exclude", _) => self.exclude = fields::boolean("reasoning.exclude", value)?,
                ("enabled", _) => self.enabled = Some(fields::boolean("reasoning.enabled", value)?),
                // OpenAI's Responses API has these; here the thoughts come as the provider gives them.
                ("summary" | "generate_summary", _) => {}
                (other, _) => {
                    let allowed = "an object with `effort`, `max_tokens`, `exclude`, `enabled`";
                    return Err(RequestError::value("reasoning", allowed, other));
                }
            }
            Ok(())
        })
    }
}

/// The model may search the web, as the client asked for it: `web_search: true`, a tool of type `web_search`,
/// `web_search_options`, or the plugin `web`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSearch<'a> {
    /// The JSON of the tool, where it came as one.
    pub tool: Option<&'a str>,
    /// The JSON of `web_search_options`.
    pub options: Option<Cow<'a, str>>,
}

/// A reasoning effort.
pub(super) fn effort(param: &str, raw: &str) -> Result<Effort, Box<RequestError>> {
    let text = fields::string(param, raw)?;
    Effort::parse(&text).ok_or_else(|| {
        RequestError::value(param, "one of none, minimal, low, medium, high, xhigh, max, default", &text)
    })
}

/// Anthropic's `output_config.effort`.
pub(super) fn computational_effort(param: &str, raw: &str) -> Result<Effort, Box<RequestError>> {
    let text = fields::string(param, raw)?;
    let known = [Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh, Effort::Max];
    let effort = known.into_iter().find(|effort| effort.as_str() == text);
    effort.ok_or_else(|| RequestError::value(param, "one of low, medium, high, xhigh, max", &text))
}
