//! A whole reply told as a stream: for a client that asked for one where all of the answer had to be there before any of
//! it was known to be right.

use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, push_number};
use crate::sse::encode::{DONE, push_data};

/// How much text a chunk has: readers of lines stop at 64 KB at the earliest, and a text may be twice as long when it is
/// escaped.
const CHUNK_CHARS: usize = 8 * 1024;

/// What the chunk at the end tells, which has no choices: `usage` and perhaps `metadata`, both JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail<'a> {
    /// The usage.
    pub usage: &'a str,
    /// The metadata.
    pub metadata: Option<&'a str>,
}

/// What comes behind the text in a message; everything else comes before it.
const BEHIND_TEXT: [&str; 3] = ["annotations", "images", "audio"];

/// The events of a reply, `[DONE]` included.
///
/// # Errors
/// None where `reply` was read before.
pub fn events(reply: &str, tail: Option<Tail<'_>>) -> Result<Vec<u8>, ReadError> {
    let mut own = Vec::new();
    let mut choices = "[]";
    Reader::new(reply).object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        if key.is("choices") {
            choices = value;
        } else if !["object", "usage", "metadata"].iter().any(|name| key.is(name)) {
            own.push((key, value));
        }
        Ok(())
    })?;
    let mut stream = Stream { own, out: Vec::with_capacity(reply.len() * 2) };
    Reader::new(choices).array::<ReadError>(|reader, index| stream.choice(reader, index))?;
    if let Some(Tail { usage, metadata }) = tail {
        stream.event("[]", |chunk| {
            chunk.raw("usage", usage);
            if let Some(metadata) = metadata {
                chunk.raw("metadata", metadata);
            }
        });
    }
    stream.out.extend_from_slice(DONE.as_bytes());
    Ok(stream.out)
}

/// The events so far.
struct Stream<'a> {
    /// Members that each chunk has: `id`, `created`, `model`.
    own: Vec<(Str<'a>, &'a str)>,
    out: Vec<u8>,
}

impl<'a> Stream<'a> {
    fn event(&mut self, choices: &str, more: impl FnOnce(&mut ObjectWriter<'_>)) {
        let mut json = String::with_capacity(choices.len() + 256);
        let mut chunk = ObjectWriter::new(&mut json);
        for (key, value) in &self.own {
            chunk.verbatim(key.quoted(), value);
        }
        chunk.string("object", "chat.completion.chunk");
        chunk.raw("choices", choices);
        more(&mut chunk);
        chunk.end();
        push_data(&json, &mut self.out);
    }

    /// A chunk of a choice; `members` = what else the choice has.
    fn delta(&mut self, index: &str, delta: &str, finish: &str, members: &[(Str<'_>, &str)]) {
        let mut json = String::with_capacity(delta.len() + 64);
        json.push('[');
        let mut choice = ObjectWriter::new(&mut json);
        choice.raw("index", index);
        choice.raw("delta", delta);
        for (key, value) in members {
            choice.verbatim(key.quoted(), value);
        }
        choice.raw("finish_reason", finish);
        choice.end();
        json.push(']');
        self.event(&json, |_| {});
    }

    fn choice(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<(), ReadError> {
        let place = index.to_string();
        let (mut index, mut message, mut finish, mut others) = (place.as_str(), "{}", "null", Vec::new());
        reader.object::<ReadError>(|reader, key| {
            let value = reader.skip()?;
            if key.is("index") {
                index = value;
            } else if key.is("message") {
                message = value;
            } else if key.is("finish_reason") {
                finish = value;
            } else if value != "null" {
                others.push((key, value));
            }
            Ok(())
        })?;
        let (mut before, mut behind) = (String::new(), String::new());
        let mut first = ObjectWriter::new(&mut before);
        let mut last = ObjectWriter::new(&mut behind);
        first.string("role", "assistant");
        let mut content = None;
        let mut is_last = false;
        Reader::new(message).object::<ReadError>(|reader, key| {
            let kind = reader.peek()?;
            let value = reader.skip()?;
            if key.is("content") && kind == Kind::String {
                content = Reader::new(value).string().ok();
            } else if key.is("tool_calls") && kind == Kind::Array {
                calls(value, last.key("tool_calls"))?;
                is_last = true;
            } else if BEHIND_TEXT.iter().any(|name| key.is(name)) {
                last.verbatim(key.quoted(), value);
                is_last = true;
            } else if kind != Kind::Null && !key.is("role") {
                first.verbatim(key.quoted(), value);
            }
            Ok(())
        })?;
        first.end();
        last.end();
        self.delta(index, &before, "null", &[]);
        let content = content.map(Str::decode_lossy).unwrap_or_default();
        let mut rest = content.as_ref();
        while !rest.is_empty() {
            let end = rest.char_indices().nth(CHUNK_CHARS).map_or(rest.len(), |(at, _)| at);
            let (text, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let mut delta = String::with_capacity(text.len() + 16);
            let mut object = ObjectWriter::new(&mut delta);
            object.string("content", text);
            object.end();
            self.delta(index, &delta, "null", &[]);
            rest = behind;
        }
        if is_last {
            self.delta(index, &behind, "null", &[]);
        }
        self.delta(index, "{}", finish, &others);
        Ok(())
    }
}

/// Calls of tools as a stream has them: each with its index.
fn calls(raw: &str, out: &mut String) -> Result<(), ReadError> {
    out.push('[');
    Reader::new(raw).array::<ReadError>(|reader, index| {
        let call = reader.skip()?;
        out.push_str(if index > 0 { ",{\"index\":" } else { "{\"index\":" });
        push_number(out, index as u64);
        Reader::new(call).object::<ReadError>(|reader, key| {
            let value = reader.skip()?;
            if !key.is("index") {
                out.push(',');
                out.push_str(key.quoted());
                out.push(':');
                out.push_str(value);
            }
            Ok(())
        })?;
        out.push('}');
        Ok(())
    })?;
    out.push(']');
    Ok(())
}
