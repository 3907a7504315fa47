//! The formats that providers speak: write a request, judge a reply. One module a format; what all of them share is
//! beside them.

pub mod annotation;
pub mod anthropic;
pub mod classify;
pub mod effort;
pub mod encoded;
pub mod headroom;
pub mod openai;
pub mod request_body;
pub mod reset;
pub mod retry_after;
pub mod scrub;
pub mod translation;
