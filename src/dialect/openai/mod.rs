//! OpenAI's chat completions, as most providers speak them with small differences that their rows name.

pub mod encode;
pub mod mend;
pub mod reasoning;
pub mod reply;
