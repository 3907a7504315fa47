//! Anthropic's Messages: `POST {base}/messages`. Requests are made of OpenAI's, and replies and streams become OpenAI's here, so
//! that nothing else has to know of them.

pub mod blocks;
mod conversation;
pub mod encode;
mod marks;
mod parts;
pub mod reply;
mod schema;
pub mod stream;
mod thinking;
mod thoughts;
mod tools;
pub mod usage;

pub use schema::takes_schema;

use crate::catalog::model::{ModelSpec, Thinking};

/// The version of the API. Source: platform.claude.com/docs/en/api/versioning.
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
/// Lets a request say what becomes of thoughts that are bound to another conversation. Source:
/// platform.claude.com/docs/en/build-with-claude/preserved-thinking.
const BINDING: (&str, &str) = ("anthropic-beta", "thinking-binding-controls-2026-08-01");

/// The headers that a request must have beside its key.
pub fn headers(model: &ModelSpec) -> [Option<(&'static str, &'static str)>; 2] {
    [Some(VERSION), is_bound(model).then_some(BINDING)]
}

/// Whether thoughts that go back to the model are bound to their conversation.
const fn is_bound(model: &ModelSpec) -> bool {
    matches!(model.thinking, Thinking::Bound | Thinking::BoundBetweenTools)
}
