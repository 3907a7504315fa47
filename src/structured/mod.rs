//! Answers that must be JSON: how a model that has no such mode is asked for it, how what it writes is mended and held to
//! its schema, and how a whole reply is told as a stream.
//!
//! Nothing here asks anybody; `gateway/` does.

pub mod ask;
pub mod check;
mod children;
pub mod decimal;
pub mod heal;
mod lenient;
mod pattern;
pub mod replay;
pub mod reply;
pub mod schema;
mod unevaluated;
