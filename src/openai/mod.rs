//! The wire format that clients speak: OpenAI's chat completions, read leniently and answered strictly.

pub mod error;
pub mod exclude;
mod fields;
pub mod finish_reason;
mod messages;
mod plugins;
pub mod request;
mod tools;
mod wishes;
