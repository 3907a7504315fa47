//! An LLM gateway for Cloudflare Workers.

pub mod catalog;
pub mod json;
pub mod routing;
pub mod sse;
pub mod usage;
