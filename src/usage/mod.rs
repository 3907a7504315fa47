//! What a request used.

pub mod tokens;
