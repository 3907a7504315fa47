//! `reasoning: {"exclude": true}`: the client wants no reasoning text, whatever the provider makes of that wish. It is taken
//! out at the last step, so that all before it (first token, silence, estimates of tokens) sees that there is some.

use crate::json::{Kind, ObjectWriter, ReadError, Reader, rewrite_objects};

/// A reply or a chunk without reasoning text; `None` where there is none in it. What is encrypted stays: it is no text, and
/// the provider may need it in the next turn.
pub fn without_reasoning(json: &str) -> Option<String> {
    if !json.contains("\"reasoning") {
        return None;
    }
    let mut out = String::with_capacity(json.len());
    let excluded = completion(json, &mut out).unwrap_or(false);
    excluded.then_some(out)
}

/// Writes it without, and says whether there was any.
fn completion(json: &str, out: &mut String) -> Result<bool, ReadError> {
    let mut excluded = false;
    let mut object = ObjectWriter::new(out);
    Reader::new(json).object::<ReadError>(|reader, key| {
        if !key.is("choices") || reader.peek()? != Kind::Array {
            object.verbatim(key.quoted(), reader.skip()?);
            return Ok(());
        }
        let out = object.key("choices");
        rewrite_objects(reader, out, &mut |reader, _, out| {
            let mut choice = ObjectWriter::new(out);
            reader.object::<ReadError>(|reader, key| {
                if (key.is("message") || key.is("delta")) && reader.peek()? == Kind::Object {
                    let name = if key.is("delta") { "delta" } else { "message" };
                    excluded |= message(reader, choice.key(name))?;
                } else {
                    choice.verbatim(key.quoted(), reader.skip()?);
                }
                Ok(())
            })?;
            choice.end();
            Ok(())
        })
    })?;
    object.end();
    Ok(excluded)
}

fn message(reader: &mut Reader<'_>, out: &mut String) -> Result<bool, ReadError> {
    let mut excluded = false;
    let mut message = ObjectWriter::new(out);
    reader.object::<ReadError>(|reader, key| {
        let details = key.is("reasoning_details") && reader.peek()? == Kind::Array;
        let value = reader.skip()?;
        if details {
            let left = encrypted(value)?;
            if left != "[]" {
                message.raw("reasoning_details", &left);
            }
        } else if !key.is("reasoning") && !key.is("reasoning_content") {
            message.verbatim(key.quoted(), value);
            return Ok(());
        }
        excluded = true;
        Ok(())
    })?;
    message.end();
    Ok(excluded)
}

/// The items of `reasoning_details` that hold no text.
fn encrypted(details: &str) -> Result<String, ReadError> {
    let mut left = String::from("[");
    Reader::new(details).array::<ReadError>(|reader, _| {
        let item = reader.skip()?;
        let mut is_text = true;
        if item.starts_with('{') {
            Reader::new(item).object::<ReadError>(|reader, key| {
                let value = reader.skip()?;
                is_text &= !(key.is("type") && value == "\"reasoning.encrypted\"");
                Ok(())
            })?;
        }
        if !is_text {
            if left.len() > 1 {
                left.push(',');
            }
            left.push_str(item);
        }
        Ok(())
    })?;
    left.push(']');
    Ok(left)
}
