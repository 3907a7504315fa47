//! An LLM gateway for Cloudflare Workers.

pub mod catalog;
pub mod json;
pub mod openai;
pub mod routing;
