//! An LLM gateway for Cloudflare Workers.

pub mod catalog;
pub mod dialect;
pub mod health;
pub mod config;
pub mod json;
pub mod openai;
pub mod project;
pub mod routing;
pub mod sse;
pub mod usage;
