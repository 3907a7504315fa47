//! Anthropic's Messages: `POST {base}/messages`. Replies and streams become OpenAI's here, so that nothing else has to know
//! of them.

pub mod blocks;
pub mod reply;
pub mod stream;
pub mod usage;
