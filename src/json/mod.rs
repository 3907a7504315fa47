//! JSON read where it lies: one strict pass that checks the grammar and hands out spans of the input, so that what is
//! only forwarded is neither copied nor parsed.

mod error;
mod fixed;
mod number;
mod pick;
mod plain;
mod reader;
mod text;
mod value;
mod write;

pub use error::{ReadError, ReadErrorKind};
pub use fixed::{Fixed, fixed};
pub use number::decimal;
pub use pick::pick;
pub use reader::{Kind, MAX_DEPTH, Reader};
pub use text::Str;
pub use value::Value;
pub(crate) use write::push_digit;
pub use write::{ObjectWriter, push_number, push_string, rewrite_objects};
