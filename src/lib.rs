//! An LLM gateway for Cloudflare Workers.

pub mod catalog;
pub mod routing;
