//! The wire format that clients speak: OpenAI's chat completions, read leniently and answered strictly.

pub mod error;
pub mod exclude;
mod fields;
pub mod finish_reason;
mod marks;
mod messages;
mod plugins;
mod preferences;
pub mod request;
mod response_format;
mod tools;
mod wishes;
