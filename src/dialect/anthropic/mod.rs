//! Anthropic's Messages: `POST {base}/messages`. Requests are made of OpenAI's, and replies and streams become OpenAI's here, so
//! that nothing else has to know of them.

pub mod blocks;
mod conversation;
pub mod encode;
mod marks;
mod parts;
pub mod reply;
mod schema;
pub mod stream;
mod thinking;
mod thoughts;
mod tools;
pub mod usage;
