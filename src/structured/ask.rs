//! How a candidate is asked for an answer in JSON, and the request that asks it so.

use std::borrow::Cow;

use crate::catalog::model::ModelSpec;
use crate::catalog::provider::ProviderSpec;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, push_string};
use crate::openai::request::{ChatRequest, RequestError, ResponseFormat};
use crate::routing::requirements::Requirements;

/// What makes a candidate answer in the format that the client wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatBy {
    /// Its own `response_format`, or nothing where the answer is plain text.
    #[default]
    Itself,
    /// Its JSON mode, and the schema in an instruction.
    JsonMode,
    /// A tool that it must call: the arguments are the answer.
    Tool,
    /// An instruction alone.
    Instruction,
}

/// The name of the tool whose arguments are the answer.
pub const TOOL_NAME: &str = "json";

impl FormatBy {
    /// How `model` at `provider` is asked for what `requirements` say.
    pub fn of(requirements: &Requirements, provider: &ProviderSpec, model: &ModelSpec) -> Self {
        let can = model.capabilities;
        let is_dropped = |name: &str| provider.drops.iter().chain(model.drops.iter()).any(|drop| *drop == name);
        match requirements.response_format {
            ResponseFormat::JsonObject if !can.json_object => Self::Instruction,
            ResponseFormat::JsonSchema if !requirements.keeps_schema(provider, model) => {
                // Who has schemas, but does not take this one, is not forced to call a tool: it may be thinking.
                if can.json_schema {
                    Self::Instruction
                } else if can.json_object {
                    Self::JsonMode
                } else if requirements.answer_fits_tool && can.tools && !is_dropped("tool_choice") {
                    Self::Tool
                } else {
                    Self::Instruction
                }
            }
            ResponseFormat::Text | ResponseFormat::JsonObject | ResponseFormat::JsonSchema => Self::Itself,
        }
    }

    /// Whether the format is brought about by other means than the provider's own.
    pub const fn is_emulated(self) -> bool {
        match self {
            Self::Itself => false,
            Self::JsonMode | Self::Tool | Self::Instruction => true,
        }
    }
}

/// Whether the answer may be the arguments of a tool: they are always an object, and the client must have no tools of its
/// own.
pub fn fits_tool(request: &ChatRequest<'_>) -> bool {
    let schema = request.schema.as_deref().unwrap_or_default();
    let free = request.get("tools").is_none() && request.web_search.is_none();
    free && member(schema, "type") == Some("\"object\"")
}

/// The request whose body is `body`, as a candidate is asked that brings the format about in this way. Its reply comes in
/// one piece, since all of it is needed before any of it is known to be right.
///
/// # Errors
/// None where `body` was read before.
pub fn adapted(body: &str, by: FormatBy, schema: Option<&str>) -> Result<String, Box<RequestError>> {
    let mut out = String::with_capacity(body.len() + 512);
    let mut object = ObjectWriter::new(&mut out);
    let mut reader = Reader::new(body);
    let instruction = match by {
        FormatBy::Itself | FormatBy::Tool => None,
        FormatBy::JsonMode | FormatBy::Instruction => Some(instruction(schema)),
    };
    reader.object::<Box<RequestError>>(|reader, key| {
        let value = reader.skip()?;
        match key.decode().unwrap_or_default().as_ref() {
            "stream" | "stream_options" => {}
            "response_format" if by.is_emulated() => {}
            "tools" | "tool_choice" | "parallel_tool_calls" if by == FormatBy::Tool => {}
            "messages" => match &instruction {
                Some(instruction) => object.raw("messages", &instructed(value, instruction)?),
                None => object.raw("messages", value),
            },
            _ => object.verbatim(key.quoted(), value),
        }
        Ok(())
    })?;
    match by {
        FormatBy::Itself | FormatBy::Instruction => {}
        FormatBy::JsonMode => object.raw("response_format", r#"{"type":"json_object"}"#),
        FormatBy::Tool => {
            tool(object.key("tools"), schema.unwrap_or("{}"));
            object.raw("tool_choice", r#"{"type":"function","function":{"name":"json"}}"#);
        }
    }
    object.end();
    Ok(out)
}

/// What a model is told that cannot be held to a format.
pub fn instruction(schema: Option<&str>) -> String {
    match schema {
        Some(schema) => [
            "Answer with JSON that follows this JSON Schema, and with nothing else: no explanation, no Markdown.\n",
            schema,
        ]
        .concat(),
        None => "Answer with one JSON object, and with nothing else: no explanation, no Markdown.".to_owned(),
    }
}

fn tool(tools: &mut String, schema: &str) {
    tools.push('[');
    let mut tool = ObjectWriter::new(tools);
    tool.string("type", "function");
    let mut function = ObjectWriter::new(tool.key("function"));
    function.string("name", TOOL_NAME);
    function.string("description", "Gives the answer. Call it once, with the whole answer as its arguments.");
    function.raw("parameters", schema);
    function.end();
    tool.end();
    tools.push(']');
}

/// The messages with an instruction behind the client's own, if it has any: not every model takes a second one.
pub(crate) fn instructed(messages: &str, instruction: &str) -> Result<String, ReadError> {
    let mut out = String::with_capacity(messages.len() + instruction.len() + 64);
    out.push('[');
    Reader::new(messages).array::<ReadError>(|reader, index| {
        let message = reader.skip()?;
        if index > 0 {
            out.push(',');
            out.push_str(message);
            return Ok(());
        }
        match with_instruction(message, instruction)? {
            Some(joined) => out.push_str(&joined),
            None => {
                let mut system = ObjectWriter::new(&mut out);
                system.string("role", "system");
                system.string("content", instruction);
                system.end();
                out.push(',');
                out.push_str(message);
            }
        }
        Ok(())
    })?;
    out.push(']');
    Ok(out)
}

/// A first message that is an instruction, with another one behind it.
fn with_instruction(message: &str, instruction: &str) -> Result<Option<String>, ReadError> {
    let role = member(message, "role");
    let is_instruction = role.is_some_and(|role| ["\"system\"", "\"developer\""].contains(&role));
    let Some(content) = member(message, "content").filter(|_| is_instruction) else { return Ok(None) };
    let joined: Cow<'_, str> = match Reader::new(content).peek()? {
        Kind::String => {
            let mut more = String::new();
            push_string(&mut more, instruction);
            let begun = content.strip_suffix('"').unwrap_or_default();
            [begun, "\\n\\n", more.strip_prefix('"').unwrap_or_default()].concat().into()
        }
        Kind::Array => {
            let mut parts = content.strip_suffix(']').unwrap_or_default().trim_ascii_end().to_owned();
            if parts.len() > 1 {
                parts.push(',');
            }
            let mut part = ObjectWriter::new(&mut parts);
            part.string("type", "text");
            part.string("text", instruction);
            part.end();
            parts.push(']');
            parts.into()
        }
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => return Ok(None),
    };
    let mut out = String::with_capacity(message.len() + joined.len());
    let mut object = ObjectWriter::new(&mut out);
    Reader::new(message).object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        object.verbatim(key.quoted(), if key.is("content") { &joined } else { value });
        Ok(())
    })?;
    object.end();
    Ok(Some(out))
}

/// The member of an object, as it is written.
pub(crate) fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut found = None;
    let mut reader = Reader::new(object);
    let read = reader.object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        if key.is(name) {
            found = Some(value);
        }
        Ok(())
    });
    found.filter(|_| read.is_ok())
}
