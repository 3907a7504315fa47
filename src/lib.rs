//! An LLM gateway for Cloudflare Workers: OpenAI's chat completions in front, many providers behind.

pub mod accounts;
pub mod catalog;
pub mod config;
pub mod dialect;
#[cfg(target_arch = "wasm32")]
mod edge;
pub mod gateway;
pub mod hash;
pub mod health;
pub mod json;
pub mod openai;
pub mod project;
pub mod routing;
pub mod sse;
pub mod structured;
pub mod usage;
