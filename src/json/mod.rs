//! JSON read where it lies: one strict pass that checks the grammar and hands out spans of the input, so that what is
//! only forwarded is neither copied nor parsed. Small typed values inside a span are left to `serde_json`.

mod reader;
mod write;

pub use reader::{Kind, MAX_DEPTH, ReadError, ReadErrorKind, Reader, Str};
pub use write::{ObjectWriter, push_string};
