//! One look at a `chat.completion.chunk`: what it tells about the stream, without building it. What it does not know
//! it passes over, since the chunk itself goes on as it came.

use std::fmt;

use super::decoder::Event;
use crate::json::{Kind, ReadError, Reader, Str};
use crate::openai::finish_reason::is_failure;

/// Why an event is no chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// The data is not UTF-8.
    NotUtf8,
    /// The data is JSON of another kind, or no JSON from its first byte.
    NotAnObject,
    /// The data is not valid JSON.
    Json(ReadError),
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("a chunk is not valid UTF-8"),
            Self::NotAnObject => f.write_str("a chunk is not a JSON object"),
            Self::Json(error) => write!(f, "a chunk cannot be read: {error}"),
        }
    }
}

impl std::error::Error for ChunkError {}

impl From<ReadError> for ChunkError {
    fn from(error: ReadError) -> Self {
        Self::Json(error)
    }
}

/// What one `data` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// `[DONE]`
    Done,
    /// A JSON object.
    Delta(ChunkPeek<'a>),
}

/// What a chunk tells. Spans are the JSON text as it stands in the chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkPeek<'a> {
    /// The completion's id; Azure's first chunk has an empty one.
    pub id: Option<Str<'a>>,
    /// The model's name.
    pub model: Option<Str<'a>>,
    /// When the completion began, as JSON.
    pub created: Option<&'a str>,
    /// `choices` is not empty.
    pub has_choices: bool,
    /// A delta carries text, content parts, audio or images.
    pub content: bool,
    /// The text of a delta, where it is a string with something in it.
    pub text: Option<Str<'a>>,
    /// There is output that is neither text nor reasoning of the first choice: it cannot be taken up by somebody else.
    pub more_than_text: bool,
    /// A delta carries reasoning.
    pub reasoning: bool,
    /// A delta carries a part of a tool call.
    pub tool_calls: bool,
    /// A delta carries a refusal.
    pub refusal: bool,
    /// The first finish reason in the chunk, escapes as they are written.
    pub finish_reason: Option<&'a str>,
    /// The indexes of the choices in the chunk, one bit each; see [`index_bit`].
    pub seen: u128,
    /// The indexes of the choices that have a finish reason here.
    pub finished: u128,
    /// The usage object, or else Groq's `x_groq.usage`.
    pub usage: Option<&'a str>,
    /// An error in a chunk's place: the top-level `error` (an object or a string), that of a choice (OpenRouter), or the
    /// whole chunk where only its `object` or a finish reason says `error`.
    pub error: Option<&'a str>,
    /// The length of text, reasoning, refusals and tool arguments in bytes, escapes counted as they are written. For
    /// estimates of tokens.
    pub text_bytes: usize,
}

impl<'a> Chunk<'a> {
    /// Reads an event's data; `None` where it has none.
    pub fn of(event: &Event<'a>) -> Option<Result<Self, ChunkError>> {
        Some(match event.data? {
            Ok(data) => match (peek(data), event.event) {
                // Servers that name their events tell an error by the name alone.
                (Ok(Self::Delta(chunk)), Some("error")) => {
                    Ok(Self::Delta(ChunkPeek { error: chunk.error.or(Some(data)), ..chunk }))
                }
                (read, _) => read,
            },
            Err(_) => Err(ChunkError::NotUtf8),
        })
    }
}

impl ChunkPeek<'_> {
    /// Whether the chunk carries a part of the answer, so that a client has something to show.
    pub const fn has_output(&self) -> bool {
        self.content || self.reasoning || self.tool_calls || self.refusal
    }
}

/// The bit of a choice. OpenAI allows 128 choices, so every real index has its own; a larger one shares the last bit.
fn index_bit(index: usize) -> u128 {
    1 << index.min(127)
}

/// Reads one event's data in one pass.
///
/// # Errors
/// When it is neither `[DONE]` nor a valid JSON object.
pub fn peek(data: &str) -> Result<Chunk<'_>, ChunkError> {
    if data.trim() == "[DONE]" {
        return Ok(Chunk::Done);
    }
    if !data.trim_start().starts_with('{') {
        return Err(ChunkError::NotAnObject);
    }
    let mut chunk = ChunkPeek::default();
    let mut groq = Groq::default();
    let mut choice_error = None;
    let mut is_error_object = false;
    let mut reader = Reader::new(data);
    reader.object::<ReadError>(|reader, key| {
        match key.decode().as_deref().unwrap_or_default() {
            "id" => chunk.id = string(reader)?,
            "model" => chunk.model = string(reader)?,
            "created" => chunk.created = span_of(reader, Kind::Number)?,
            "object" => is_error_object = string(reader)?.is_some_and(|object| object.is("error")),
            "usage" => chunk.usage = span_of(reader, Kind::Object)?,
            "error" => chunk.error = error_span(reader)?,
            "x_groq" if reader.peek()? == Kind::Object => groq = Groq::read(reader)?,
            "choices" if reader.peek()? == Kind::Array => reader.array::<ReadError>(|reader, position| {
                let choice = Choice::read(reader, position, &mut chunk)?;
                choice_error = choice_error.or(choice.error);
                chunk.has_choices = true;
                chunk.more_than_text |= choice.index > 0;
                chunk.seen |= index_bit(choice.index);
                if let Some(reason) = choice.finish_reason {
                    chunk.finished |= index_bit(choice.index);
                    chunk.finish_reason = chunk.finish_reason.or(Some(reason));
                    if is_failure(reason) {
                        is_error_object = true;
                    }
                }
                Ok(())
            })?,
            _ => {
                reader.skip()?;
            }
        }
        Ok(())
    })?;
    reader.end()?;
    chunk.usage = chunk.usage.or(groq.usage);
    chunk.error = chunk.error.or(choice_error).or(groq.error).or(is_error_object.then_some(data));
    Ok(Chunk::Delta(chunk))
}

/// Groq's own corner of a chunk.
#[derive(Default)]
struct Groq<'a> {
    usage: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Groq<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ReadError> {
        let mut groq = Self::default();
        reader.object::<ReadError>(|reader, key| {
            match key.decode().as_deref().unwrap_or_default() {
                "usage" => groq.usage = span_of(reader, Kind::Object)?,
                "error" => groq.error = error_span(reader)?,
                _ => {
                    reader.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(groq)
    }
}

/// What one member of `choices` tells about itself.
#[derive(Default)]
struct Choice<'a> {
    index: usize,
    finish_reason: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Choice<'a> {
    /// Reads one choice and notes in `chunk` what its delta carries. A missing index is its position.
    fn read(reader: &mut Reader<'a>, position: usize, chunk: &mut ChunkPeek<'a>) -> Result<Self, ReadError> {
        let mut choice = Self { index: position, ..Self::default() };
        if reader.peek()? != Kind::Object {
            reader.skip()?;
            return Ok(choice);
        }
        reader.object::<ReadError>(|reader, key| {
            match key.decode().as_deref().unwrap_or_default() {
                "index" => choice.index = reader.skip()?.parse().unwrap_or(position),
                "finish_reason" => choice.finish_reason = string(reader)?.map(Str::raw).filter(|raw| !raw.is_empty()),
                "error" => choice.error = error_span(reader)?,
                "delta" if reader.peek()? == Kind::Object => delta(reader, chunk)?,
                "logprobs" => chunk.more_than_text |= span_of(reader, Kind::Object)?.is_some(),
                _ => {
                    reader.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(choice)
    }
}

fn delta<'a>(reader: &mut Reader<'a>, chunk: &mut ChunkPeek<'a>) -> Result<(), ReadError> {
    // Some providers send the same reasoning under two names: the longer one counts.
    let mut reasoning_bytes = 0;
    reader.object::<ReadError>(|reader, key| {
        match key.decode().as_deref().unwrap_or_default() {
            "content" if reader.peek()? == Kind::String => {
                let text = reader.string()?;
                chunk.text_bytes += text.raw_len();
                if !text.is_empty() {
                    chunk.content = true;
                    chunk.text = Some(text);
                }
            }
            "content" => {
                let any = content(reader, &mut chunk.text_bytes)?;
                chunk.content |= any;
                chunk.more_than_text |= any;
            }
            "reasoning" | "reasoning_content" => {
                let length = string(reader)?.map_or(0, Str::raw_len);
                reasoning_bytes = length.max(reasoning_bytes);
                chunk.reasoning |= length > 0;
            }
            "reasoning_details" => chunk.reasoning |= is_filled(reader)?,
            "refusal" => {
                let length = string(reader)?.map_or(0, Str::raw_len);
                chunk.text_bytes += length;
                chunk.refusal |= length > 0;
                chunk.more_than_text |= length > 0;
            }
            "function_call" => chunk.more_than_text |= span_of(reader, Kind::Object)?.is_some(),
            "tool_calls" if reader.peek()? == Kind::Array => {
                reader.array::<ReadError>(|reader, _| {
                    chunk.tool_calls = true;
                    chunk.more_than_text = true;
                    chunk.text_bytes += tool_arguments(reader)?;
                    Ok(())
                })?;
            }
            "audio" | "images" => {
                let any = is_filled(reader)?;
                chunk.content |= any;
                chunk.more_than_text |= any;
            }
            _ => {
                reader.skip()?;
            }
        }
        Ok(())
    })?;
    chunk.text_bytes += reasoning_bytes;
    Ok(())
}

/// Reads `content`, which is a string, or Mistral's array of parts. Returns whether there is any.
fn content(reader: &mut Reader<'_>, text_bytes: &mut usize) -> Result<bool, ReadError> {
    let kind = reader.peek()?;
    if kind == Kind::Array {
        return parts(reader, text_bytes);
    }
    let length = string(reader)?.map_or(0, Str::raw_len);
    *text_bytes += length;
    Ok(length > 0)
}

/// Reads content parts: `{"type":"text","text":...}` and `{"type":"thinking","thinking":[parts]}`. The reader's own
/// bound on nesting bounds the recursion.
fn parts(reader: &mut Reader<'_>, text_bytes: &mut usize) -> Result<bool, ReadError> {
    let mut any = false;
    reader.array::<ReadError>(|reader, _| {
        any = true;
        if reader.peek()? != Kind::Object {
            reader.skip()?;
            return Ok(());
        }
        reader.object::<ReadError>(|reader, key| {
            if key.is("text") || key.is("thinking") {
                content(reader, text_bytes)?;
            } else {
                reader.skip()?;
            }
            Ok(())
        })
    })?;
    Ok(any)
}

/// The length of `function.arguments` of one tool call.
fn tool_arguments(reader: &mut Reader<'_>) -> Result<usize, ReadError> {
    let mut length = 0;
    if reader.peek()? != Kind::Object {
        reader.skip()?;
        return Ok(0);
    }
    reader.object::<ReadError>(|reader, key| {
        if !key.is("function") || reader.peek()? != Kind::Object {
            reader.skip()?;
            return Ok(());
        }
        reader.object::<ReadError>(|reader, key| {
            if key.is("arguments") {
                length = string(reader)?.map_or(0, Str::raw_len);
            } else {
                reader.skip()?;
            }
            Ok(())
        })
    })?;
    Ok(length)
}

/// The next value if it is a string.
fn string<'a>(reader: &mut Reader<'a>) -> Result<Option<Str<'a>>, ReadError> {
    if reader.peek()? == Kind::String {
        return Ok(Some(reader.string()?));
    }
    reader.skip()?;
    Ok(None)
}

/// The next value if it is of that kind.
fn span_of<'a>(reader: &mut Reader<'a>, kind: Kind) -> Result<Option<&'a str>, ReadError> {
    let found = reader.peek()?;
    let span = reader.skip()?;
    Ok((found == kind).then_some(span))
}

/// The next value if it says what went wrong: an object, or a text.
fn error_span<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, ReadError> {
    let kind = reader.peek()?;
    let span = reader.skip()?;
    Ok((kind == Kind::Object || (kind == Kind::String && span != "\"\"")).then_some(span))
}

/// Whether the next value is an array or object with something in it.
fn is_filled(reader: &mut Reader<'_>) -> Result<bool, ReadError> {
    let kind = reader.peek()?;
    let mut inside = reader.skip()?.chars();
    inside.next();
    inside.next_back();
    Ok(matches!(kind, Kind::Array | Kind::Object) && !inside.as_str().trim_ascii().is_empty())
}
