//! The `messages` of a request: checked and measured in the one pass that reads the body, and forwarded as they
//! stand. Only a message in a lenient form (tool calls as a string, a `null` member) is written anew, and one that has
//! something which its provider wants otherwise: that is noted here, and changed in `dialect/`.

use std::ops::Range;

use super::fields::{self, RequestError};
use super::marks::{MessageMarks, MessageMember, MessageTrait};
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str};

/// What routing needs to know of the messages, and where they stand in the body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Messages<'a> {
    /// The array as the client sent it.
    raw: &'a str,
    /// The messages that may have to be written anew.
    noted: Vec<Noted>,
    /// What there is in any message that some providers refuse or want otherwise.
    pub marks: MessageMarks,
    /// How many messages there are.
    pub count: usize,
    /// Bytes of text in them, escapes resolved; those of tool calls as they are written.
    pub text_bytes: usize,
    /// How many image parts there are.
    pub images: usize,
    /// Whether there is sound, whose tokens have a price of their own at many models.
    pub audio: bool,
    /// There is a `cache_control` in the message that is being read.
    has_cache_mark: bool,
    /// Whether one of the images is an `http(s)` URL that the provider would have to fetch.
    pub image_urls: bool,
}

/// A message that may have to be written anew.
#[derive(Debug, PartialEq, Eq)]
struct Noted {
    /// Where it stands in the array.
    range: Range<usize>,
    /// What it has that some providers refuse or want otherwise.
    marks: MessageMarks,
    /// What is sent instead of a lenient form.
    strict: Option<String>,
}

/// What a provider adds to a message or to a tool call beyond OpenAI's members: Gemini, its signatures of thoughts.
pub const EXTRA_CONTENT: &str = "extra_content";

const ROLES: &str = "one of system, developer, user, assistant, tool";

impl<'a> Messages<'a> {
    /// Reads the array that comes next.
    pub(super) fn read(reader: &mut Reader<'a>, body: &'a str) -> Result<Self, Box<RequestError>> {
        if reader.peek()? != Kind::Array {
            let missing = || Box::new(RequestError::Missing { param: "messages".into() });
            let raw = reader.skip()?;
            return Err(match raw {
                "null" => missing(),
                _ => fields::array("messages", raw).err().unwrap_or_else(missing),
            });
        }
        let start = reader.offset();
        let mut messages = Self::default();
        reader.array::<Box<RequestError>>(|reader, index| {
            if reader.peek()? != Kind::Object {
                let found = reader.peek()?.as_str();
                return Err(
                    RequestError::Type { param: format!("messages[{index}]"), expected: "an object", found }.into()
                );
            }
            let from = reader.offset();
            let (lenient, marks) = messages.message(reader, index)?;
            messages.count += 1;
            if lenient || !marks.is_empty() {
                messages.marks.add(marks);
                let raw = body.get(from..reader.offset()).unwrap_or_default();
                let strict = lenient.then(|| strict_message(raw, index)).transpose()?;
                let range = from - start..reader.offset() - start;
                messages.noted.push(Noted { range, marks, strict });
            }
            Ok(())
        })?;
        if messages.count == 0 {
            return Err(RequestError::value("messages", "an array with at least one message", "an empty array"));
        }
        messages.raw = body.get(start..reader.offset()).unwrap_or_default();
        Ok(messages)
    }

    /// Reads one message: whether it is in a lenient form, and what it has that some providers refuse or want otherwise.
    fn message(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<(bool, MessageMarks), Box<RequestError>> {
        let path = |member: &str| format!("messages[{index}].{member}");
        let mut role: Option<Str<'a>> = None;
        let (mut content, mut call_id) = (false, false);
        let mut lenient = false;
        let mut marks = MessageMarks::default();
        self.has_cache_mark = false;
        reader.object::<Box<RequestError>>(|reader, key| {
            let kind = reader.peek()?;
            if kind == Kind::Null {
                lenient |= !key.is("content");
                reader.skip()?;
                return Ok(());
            }
            let expect = |wanted: Kind, member: &str, expected: &'static str| match kind == wanted {
                true => Ok(()),
                false => Err(Box::new(RequestError::Type { param: path(member), expected, found: kind.as_str() })),
            };
            if key.is("role") {
                expect(Kind::String, "role", "a string")?;
                role = Some(reader.string()?);
            } else if key.is("content") {
                content = true;
                if self.content(reader, kind, index)? {
                    marks.insert(MessageTrait::TextParts);
                }
            } else if key.is("tool_calls") {
                if kind == Kind::String {
                    lenient = true;
                } else {
                    expect(Kind::Array, "tool_calls", "an array")?;
                }
                let calls = reader.skip()?;
                self.text_bytes += calls.len();
                marks.insert(MessageTrait::CallId);
                marks.insert(MessageTrait::Calls);
                if calls.contains(EXTRA_CONTENT) {
                    marks.insert(MessageTrait::ExtraContent);
                }
            } else if key.is("tool_call_id") {
                expect(Kind::String, "tool_call_id", "a string")?;
                marks.insert(MessageTrait::CallId);
                call_id = !reader.string()?.is_empty();
            } else if key.is("name") {
                expect(Kind::String, "name", "a string")?;
                marks.members.insert(MessageMember::Name);
                reader.skip()?;
            } else {
                self.has_cache_mark |= key.is("cache_control");
                if key.is(EXTRA_CONTENT) {
                    marks.insert(MessageTrait::ExtraContent);
                }
                if let Some(member) = MessageMember::ALL.into_iter().find(|member| key.is(member.key())) {
                    marks.members.insert(member);
                }
                reader.skip()?;
            }
            Ok(())
        })?;
        if self.has_cache_mark {
            marks.insert(MessageTrait::CacheMark);
        }
        let role = role.ok_or_else(|| RequestError::Missing { param: path("role") })?;
        match role.decode().as_deref() {
            Some("assistant") if !content => marks.insert(MessageTrait::NoContent),
            Some("developer") => marks.insert(MessageTrait::Developer),
            Some("tool") => {
                if !call_id {
                    return Err(RequestError::Missing { param: path("tool_call_id") }.into());
                }
            }
            Some("system" | "user" | "assistant") => {}
            _ => return Err(RequestError::value(path("role"), ROLES, role.quoted())),
        }
        if !content && !role.is("assistant") {
            return Err(RequestError::Missing { param: path("content") }.into());
        }
        Ok((lenient, marks))
    }

    /// Reads a content: whether it is a list of nothing but texts.
    fn content(&mut self, reader: &mut Reader<'a>, kind: Kind, index: usize) -> Result<bool, Box<RequestError>> {
        match kind {
            Kind::String => {
                self.text_bytes += reader.string()?.text_len();
                Ok(false)
            }
            Kind::Array => {
                let mut all_text = true;
                reader.array::<Box<RequestError>>(|reader, part| {
                    all_text &= self.part(reader, index, part)?;
                    Ok(())
                })?;
                Ok(all_text)
            }
            Kind::Object | Kind::Number | Kind::Bool | Kind::Null => Err(Box::new(RequestError::Type {
                param: format!("messages[{index}].content"),
                expected: "a string or an array of parts",
                found: kind.as_str(),
            })),
        }
    }

    /// Reads a part: whether it is a text.
    fn part(&mut self, reader: &mut Reader<'a>, message: usize, index: usize) -> Result<bool, Box<RequestError>> {
        let path = |member: &str| format!("messages[{message}].content[{index}]{member}");
        let kind = reader.peek()?;
        if kind != Kind::Object {
            return Err(RequestError::Type { param: path(""), expected: "an object", found: kind.as_str() }.into());
        }
        let mut part_type: Option<Str<'a>> = None;
        let (mut text, mut image) = (false, None);
        reader.object::<Box<RequestError>>(|reader, key| {
            let kind = reader.peek()?;
            if key.is("type") && kind == Kind::String {
                part_type = Some(reader.string()?);
            } else if key.is("text") && kind == Kind::String {
                text = true;
                self.text_bytes += reader.string()?.text_len();
            } else if key.is("image_url") && kind == Kind::String {
                image = Some(reader.string()?);
            } else if key.is("image_url") && kind == Kind::Object {
                reader.object::<Box<RequestError>>(|reader, key| {
                    if key.is("url") && reader.peek()? == Kind::String {
                        image = Some(reader.string()?);
                    } else {
                        reader.skip()?;
                    }
                    Ok(())
                })?;
            } else {
                self.has_cache_mark |= key.is("cache_control") && kind != Kind::Null;
                reader.skip()?;
            }
            Ok(())
        })?;
        let Some(part_type) = part_type else {
            return Err(RequestError::Missing { param: path(".type") }.into());
        };
        if part_type.is("text") && !text {
            return Err(RequestError::Missing { param: path(".text") }.into());
        }
        if part_type.is("image_url") {
            let url = image.ok_or_else(|| Box::new(RequestError::Missing { param: path(".image_url.url") }))?;
            self.image(url).ok_or_else(|| {
                RequestError::value(path(".image_url.url"), "an http(s) URL or a data URI", url.quoted())
            })?;
        }
        self.audio |= part_type.is("input_audio") || part_type.is("audio_url");
        Ok(part_type.is("text"))
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

    /// Reads one message after the other, each in its strict form, with the text that the reader reads and its index.
    pub fn each(&self, read: &mut dyn for<'r> FnMut(&mut Reader<'r>, &'r str, usize) -> Result<(), ReadError>) {
        let mut noted = self.noted.iter().peekable();
        // All of it was read before, so it can be read as well.
        let _read = Reader::new(self.raw).array::<ReadError>(|reader, index| {
            reader.peek()?;
            let start = reader.offset();
            match noted.next_if(|noted| noted.range.start == start).and_then(|noted| noted.strict.as_deref()) {
                Some(strict) => {
                    reader.skip()?;
                    read(&mut Reader::new(strict), strict, index)
                }
                None => read(reader, self.raw, index),
            }
        });
    }

    /// The array as the client sent it, if that is how it is sent on where `changes` are made.
    pub fn unchanged(&self, changes: MessageMarks) -> Option<&'a str> {
        let is_kept = |noted: &Noted| noted.strict.is_none() && noted.marks.and(changes).is_empty();
        self.noted.iter().all(is_kept).then_some(self.raw)
    }

    /// The array as it is sent on: `change` is asked to write each message anew that has something of `changes`, with what
    /// that is. What it cannot write is sent as it stands.
    pub fn write(
        &self,
        changes: MessageMarks,
        change: &dyn Fn(&str, MessageMarks) -> Option<String>,
        out: &mut String,
    ) {
        let mut from = 0;
        for noted in &self.noted {
            let todo = noted.marks.and(changes);
            if todo.is_empty() && noted.strict.is_none() {
                continue;
            }
            out.push_str(self.raw.get(from..noted.range.start).unwrap_or_default());
            from = noted.range.end;
            let strict = noted.strict.as_deref().or_else(|| self.raw.get(noted.range.clone())).unwrap_or_default();
            let changed = if todo.is_empty() { None } else { change(strict, todo) };
            out.push_str(changed.as_deref().unwrap_or(strict));
        }
        out.push_str(self.raw.get(from..).unwrap_or_default());
    }
}

/// One message without its `null` members (an assistant's `content` excepted), and with tool calls as an array.
fn strict_message(raw: &str, index: usize) -> Result<String, Box<RequestError>> {
    let mut out = String::with_capacity(raw.len());
    let mut message = ObjectWriter::new(&mut out);
    Reader::new(raw).object::<Box<RequestError>>(|reader, key| {
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
