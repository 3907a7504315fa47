//! The `messages` of a request: checked and measured in the one pass that reads the body, and forwarded as they
//! stand. Only a message in a lenient form (tool calls as a string, a `null` member) is written anew.

use std::ops::Range;

use super::fields::{self, RequestError};
use crate::json::{Kind, ObjectWriter, Reader, Str};

/// What routing needs to know of the messages, and where they stand in the body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Messages<'a> {
    /// The array as the client sent it.
    raw: &'a str,
    /// Messages in a lenient form: where they stand in `raw`, and what is sent instead.
    patches: Vec<(Range<usize>, String)>,
    /// How many messages there are.
    pub count: usize,
    /// Bytes of text in them, escapes counted as written.
    pub text_bytes: usize,
    /// How many image parts there are.
    pub images: usize,
    /// Whether one of the images is an `http(s)` URL that the provider would have to fetch.
    pub image_urls: bool,
}

const ROLES: &str = "one of system, developer, user, assistant, tool";

impl<'a> Messages<'a> {
    /// Reads the array that comes next.
    pub(super) fn read(reader: &mut Reader<'a>, body: &'a str) -> Result<Self, RequestError> {
        if reader.peek()? != Kind::Array {
            let raw = reader.skip()?;
            return Err(match raw {
                "null" => RequestError::Missing { param: "messages".into() },
                _ => fields::array("messages", raw).err().unwrap_or(RequestError::Missing { param: "messages".into() }),
            });
        }
        let start = reader.offset();
        let mut messages = Self::default();
        reader.array::<RequestError>(|reader, index| {
            if reader.peek()? != Kind::Object {
                let found = reader.peek()?.as_str();
                return Err(RequestError::Type { param: format!("messages[{index}]"), expected: "an object", found });
            }
            let from = reader.offset();
            let lenient = messages.message(reader, index)?;
            messages.count += 1;
            if lenient {
                let raw = body.get(from..reader.offset()).unwrap_or_default();
                messages.patches.push((from - start..reader.offset() - start, strict_message(raw, index)?));
            }
            Ok(())
        })?;
        if messages.count == 0 {
            return Err(RequestError::value("messages", "an array with at least one message", "an empty array"));
        }
        messages.raw = body.get(start..reader.offset()).unwrap_or_default();
        Ok(messages)
    }

    /// Reads one message; true if it must be written anew.
    fn message(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<bool, RequestError> {
        let path = |member: &str| format!("messages[{index}].{member}");
        let mut role: Option<Str<'a>> = None;
        let (mut content, mut tool_calls, mut call_id) = (false, false, false);
        let mut lenient = false;
        reader.object::<RequestError>(|reader, key| {
            let kind = reader.peek()?;
            if kind == Kind::Null {
                lenient |= !key.is("content");
                reader.skip()?;
                return Ok(());
            }
            let expect = |wanted: Kind, member: &str, expected: &'static str| match kind == wanted {
                true => Ok(()),
                false => Err(RequestError::Type { param: path(member), expected, found: kind.as_str() }),
            };
            if key.is("role") {
                expect(Kind::String, "role", "a string")?;
                role = Some(reader.string()?);
            } else if key.is("content") {
                content = true;
                self.content(reader, kind, index)?;
            } else if key.is("tool_calls") {
                tool_calls = true;
                if kind == Kind::String {
                    lenient = true;
                } else {
                    expect(Kind::Array, "tool_calls", "an array")?;
                }
                self.text_bytes += reader.skip()?.len();
            } else if key.is("tool_call_id") {
                expect(Kind::String, "tool_call_id", "a string")?;
                call_id = !reader.string()?.is_empty();
            } else if key.is("name") {
                expect(Kind::String, "name", "a string")?;
                reader.skip()?;
            } else {
                reader.skip()?;
            }
            Ok(())
        })?;
        let role = role.ok_or_else(|| RequestError::Missing { param: path("role") })?;
        match role.decode().as_deref() {
            Some("assistant") => {}
            Some("tool") => {
                if !call_id {
                    return Err(RequestError::Missing { param: path("tool_call_id") });
                }
            }
            Some("system" | "developer" | "user") => {}
            _ => return Err(RequestError::value(path("role"), ROLES, role.quoted())),
        }
        if !content && !role.is("assistant") {
            return Err(RequestError::Missing { param: path("content") });
        }
        Ok(lenient)
    }

    fn content(&mut self, reader: &mut Reader<'a>, kind: Kind, index: usize) -> Result<(), RequestError> {
        match kind {
            Kind::String => {
                self.text_bytes += reader.string()?.raw_len();
                Ok(())
            }
            Kind::Array => reader.array(|reader, part| self.part(reader, index, part)),
            Kind::Object | Kind::Number | Kind::Bool | Kind::Null => Err(RequestError::Type {
                param: format!("messages[{index}].content"),
                expected: "a string or an array of parts",
                found: kind.as_str(),
            }),
        }
    }

    fn part(&mut self, reader: &mut Reader<'a>, message: usize, index: usize) -> Result<(), RequestError> {
        let path = |member: &str| format!("messages[{message}].content[{index}]{member}");
        let kind = reader.peek()?;
        if kind != Kind::Object {
            return Err(RequestError::Type { param: path(""), expected: "an object", found: kind.as_str() });
        }
        let mut part_type: Option<Str<'a>> = None;
        let (mut text, mut image) = (false, None);
        reader.object::<RequestError>(|reader, key| {
            let kind = reader.peek()?;
            if key.is("type") && kind == Kind::String {
                part_type = Some(reader.string()?);
            } else if key.is("text") && kind == Kind::String {
                text = true;
                self.text_bytes += reader.string()?.raw_len();
            } else if key.is("image_url") && kind == Kind::String {
                image = Some(reader.string()?);
            } else if key.is("image_url") && kind == Kind::Object {
                reader.object::<RequestError>(|reader, key| {
                    if key.is("url") && reader.peek()? == Kind::String {
                        image = Some(reader.string()?);
                    } else {
                        reader.skip()?;
                    }
                    Ok(())
                })?;
            } else {
                reader.skip()?;
            }
            Ok(())
        })?;
        let Some(part_type) = part_type else {
            return Err(RequestError::Missing { param: path(".type") });
        };
        if part_type.is("text") && !text {
            return Err(RequestError::Missing { param: path(".text") });
        }
        if part_type.is("image_url") {
            let url = image.ok_or_else(|| RequestError::Missing { param: path(".image_url.url") })?;
            self.image(url).ok_or_else(|| {
                RequestError::value(path(".image_url.url"), "an http(s) URL or a data URI", url.quoted())
            })?;
        }
        Ok(())
    }

    fn image(&mut self, url: Str<'a>) -> Option<()> {
        let starts = |prefix: &str| {
            let raw = url.raw();
            // `https:\/\/` is how some encoders write slashes; the scheme stands before them.
            raw.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let remote = starts("http:") || starts("https:");
        if !remote && !starts("data:") {
            return None;
        }
        self.images += 1;
        self.image_urls |= remote;
        Some(())
    }

    /// About how many bytes [`Self::write`] writes.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there are no messages; a parsed request always has one.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The array as it is sent on.
    pub fn write(&self, out: &mut String) {
        let mut from = 0;
        for (range, message) in &self.patches {
            out.push_str(self.raw.get(from..range.start).unwrap_or_default());
            out.push_str(message);
            from = range.end;
        }
        out.push_str(self.raw.get(from..).unwrap_or_default());
    }
}

/// One message without its `null` members (an assistant's `content` excepted) and with tool calls as an array.
fn strict_message(raw: &str, index: usize) -> Result<String, RequestError> {
    let mut out = String::with_capacity(raw.len());
    let mut message = ObjectWriter::new(&mut out);
    Reader::new(raw).object::<RequestError>(|reader, key| {
        let value = reader.skip()?;
        if value == "null" && !key.is("content") {
            return Ok(());
        }
        if key.is("tool_calls") {
            let calls = fields::structured(&format!("messages[{index}].tool_calls"), value, Kind::Array)?;
            message.verbatim(key.quoted(), &calls);
        } else {
            message.verbatim(key.quoted(), value);
        }
        Ok(())
    })?;
    message.end();
    Ok(out)
}
