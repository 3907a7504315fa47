//! JSON read where it lies: one strict pass that checks the grammar and hands out spans of the input, so that what is
//! only forwarded is neither copied nor parsed. Small typed values inside a span are left to `serde_json`.

mod error;
mod reader;
mod text;
mod write;

pub use error::{ReadError, ReadErrorKind};
pub use reader::{Kind, MAX_DEPTH, Reader};
pub use text::Str;
pub use write::{ObjectWriter, push_string};
