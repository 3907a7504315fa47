//! Content as an array of parts (docs.mistral.ai, reasoning): `{"type":"thinking","thinking":[{"type":"text","text":...}]}`
//! and `{"type":"text","text":...}`. Other parts (`reference`) hold no text and are left out.

use crate::json::{Kind, ReadError, Reader};

/// The text of `array` and the thoughts in it, escapes as they are written.
pub(super) fn read(array: &str, reasoning: &mut String, content: &mut String) -> Result<(), ReadError> {
    Reader::new(array).array::<ReadError>(|reader, _| part(reader, reasoning, content))
}

fn part(reader: &mut Reader<'_>, reasoning: &mut String, content: &mut String) -> Result<(), ReadError> {
    match reader.peek()? {
        Kind::String => content.push_str(reader.string()?.raw()),
        Kind::Object => reader.object::<ReadError>(|reader, key| {
            match reader.peek()? {
                Kind::String if key.is("text") => content.push_str(reader.string()?.raw()),
                Kind::String if key.is("thinking") => reasoning.push_str(reader.string()?.raw()),
                Kind::Array if key.is("thinking") => {
                    // What stands in a thought is one.
                    let mut thought = String::new();
                    let mut deeper = String::new();
                    reader.array::<ReadError>(|reader, _| part(reader, &mut deeper, &mut thought))?;
                    reasoning.push_str(&deeper);
                    reasoning.push_str(&thought);
                }
                Kind::Object | Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => {
                    reader.skip()?;
                }
            }
            Ok(())
        })?,
        Kind::Array | Kind::Number | Kind::Bool | Kind::Null => {
            reader.skip()?;
        }
    }
    Ok(())
}
