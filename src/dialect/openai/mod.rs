//! OpenAI's chat completions, as most providers speak them with small differences that their rows name.

pub mod encode;
pub mod mend;
mod messages;
pub mod params;
pub mod reasoning;
pub mod reply;
mod search;
mod thoughts;
