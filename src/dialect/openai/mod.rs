//! OpenAI's chat completions, as most providers speak them with small differences that their rows name.

pub mod encode;
pub mod reply;

/// The path after a provider's base URL.
pub const PATH: &str = "/chat/completions";
