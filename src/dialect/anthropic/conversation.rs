//! The messages of a request as Anthropic takes them: users and assistants take turns, results of tools are a user's and come
//! first, what the system says stands outside or, later in the conversation, behind a user's turn. Sources:
//! platform.claude.com/docs/en/api/messages, /docs/en/agents-and-tools/tool-use/handle-tool-calls and
//! /docs/en/build-with-claude/mid-conversation-system-messages.

use std::borrow::Cow;

use super::marks::Marks;
use super::parts::{comma, push_part, push_text};
use super::thoughts::interleave;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, pick, push_digit, push_string};
use crate::openai::request::ChatRequest;
use crate::structured::heal::{Extent, heal};

/// What asks for another answer behind one, where a model does not go on with what it is given.
const CONTINUE: &str = "Continue.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    User,
    Assistant,
}

/// A message that is not closed yet.
#[derive(Clone, Copy, Debug)]
struct Turn {
    role: Role,
    /// Behind the results of tools that it begins with.
    results_end: usize,
    has_results: bool,
    /// It begins with a thought.
    thought: bool,
}

/// What a model takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// It goes on with an answer that is the last message.
    pub(super) prefills: bool,
    /// It takes what the system says in the middle of the conversation there.
    pub(super) system_in_place: bool,
    /// Thoughts of earlier answers go back.
    pub(super) thoughts: bool,
}

/// The arrays `system` and `messages`, being written.
#[derive(Debug)]
pub(super) struct Conversation<'o> {
    messages: &'o mut String,
    /// The items of `system`.
    pub(super) system: String,
    turn: Option<Turn>,
    /// Results of tools that came behind something else of the user's turn: they go before it when it is closed, all at
    /// once, since that may have megabytes.
    late_results: String,
    /// What the system said since the last user's turn was closed, for models that take it in its place.
    late_system: String,
    ways: Ways,
    /// The marks of a prompt cache so far.
    pub(super) marks: Marks,
    /// Thoughts go back.
    pub(super) has_thoughts: bool,
    /// Arguments of calls were no object and are not, or not whole, in what is sent.
    pub(super) lost_arguments: bool,
    /// The last answer began with a thought.
    answered_with_thought: bool,
}

impl<'o> Conversation<'o> {
    /// Writes the messages of `request`.
    pub(super) fn write(request: &ChatRequest<'_>, messages: &'o mut String, marks: Marks, ways: Ways) -> Self {
        messages.push('[');
        let mut conversation = Self {
            messages,
            system: String::new(),
            turn: None,
            late_results: String::new(),
            late_system: String::new(),
            ways,
            marks,
            has_thoughts: false,
            lost_arguments: false,
            answered_with_thought: false,
        };
        let last = request.messages.count.saturating_sub(1);
        request
            .messages
            .each(&mut |reader, source, index| conversation.message(reader, source, ways.prefills && index == last));
        conversation
    }

    /// Whether calls are being answered that were made without a thought.
    pub(super) fn answers_thoughtless_calls(&self) -> bool {
        self.turn.is_some_and(|turn| turn.has_results) && !self.answered_with_thought
    }

    /// Ends `messages`, with the beginning of the answer and with what the model is told at the end, if there is any.
    pub(super) fn end(mut self, so_far: Option<&str>, instructions: &[String], prefills: bool) -> String {
        if self.turn.is_none() && !self.system.is_empty() {
            // A conversation of nothing but instructions: there must be a message, and this one is nobody's invention.
            let said = std::mem::take(&mut self.system);
            self.open(Role::User).push_str(&said);
        }
        if let Some(text) = so_far {
            self.say(Role::Assistant, text);
        }
        if self.turn.is_some_and(|turn| turn.role == Role::Assistant) && !prefills {
            self.say(Role::User, CONTINUE);
        }
        for instruction in instructions {
            self.say(Role::User, instruction);
        }
        self.close();
        self.messages.push(']');
        self.system
    }

    fn message<'a>(&mut self, reader: &mut Reader<'a>, source: &'a str, is_prefill: bool) -> Result<(), ReadError> {
        let mut role: Option<Cow<'a, str>> = None;
        let (mut content, mut calls, mut call_id, mut details) = (None, None, None, None);
        reader.object::<ReadError>(|reader, key| {
            match key.decode_lossy().as_ref() {
                "role" => role = Some(reader.string()?.decode_lossy()),
                // Images may be large, so they are written as they are read.
                "content" if role.as_deref() == Some("user") => self.user(reader, source)?,
                "content" => content = Some(reader.skip()?),
                "tool_calls" => calls = Some(reader.skip()?),
                "tool_call_id" => call_id = Some(reader.string()?),
                "reasoning_details" => details = Some(reader.skip()?),
                _ => drop(reader.skip()?),
            }
            Ok(())
        })?;
        match (role.as_deref(), content, call_id) {
            (Some("system" | "developer"), Some(content), _) => {
                let is_late = self.ways.system_in_place && self.turn.is_some();
                let out = if is_late { &mut self.late_system } else { &mut self.system };
                push_content(out, &mut Reader::new(content), content, &mut self.marks)
            }
            (Some("user"), Some(content), _) => self.user(&mut Reader::new(content), content),
            (Some("tool"), content, Some(id)) => self.result(id, content.unwrap_or("\"\"")),
            (Some("assistant"), content, _) => self.answer(content, calls, details, is_prefill),
            _ => Ok(()),
        }
    }

    /// The open message of `role`, in which the next block is to be written.
    fn open(&mut self, role: Role) -> &mut String {
        if self.turn.is_none_or(|turn| turn.role != role) {
            self.close();
            comma(self.messages);
            self.messages.push_str(match role {
                Role::User => r#"{"role":"user","content":["#,
                Role::Assistant => r#"{"role":"assistant","content":["#,
            });
            self.turn = Some(Turn { role, results_end: self.messages.len(), has_results: false, thought: false });
        }
        self.messages
    }

    fn close(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        if !self.late_results.is_empty() {
            let mut results = std::mem::take(&mut self.late_results);
            // There is something behind them; before them only other results.
            let is_first = self.messages.get(..turn.results_end).is_some_and(|before| before.ends_with('['));
            results.insert(if is_first { results.len() } else { 0 }, ',');
            self.messages.insert_str(turn.results_end, &results);
        }
        self.messages.push_str("]}");
        match turn.role {
            Role::Assistant => self.answered_with_thought = turn.thought,
            // It may only stand behind a user's turn and before an answer or the end.
            Role::User if !self.late_system.is_empty() => {
                self.messages.push_str(r#",{"role":"system","content":["#);
                self.messages.push_str(&std::mem::take(&mut self.late_system));
                self.messages.push_str("]}");
            }
            Role::User => {}
        }
    }

    fn say(&mut self, role: Role, text: &str) {
        let out = self.open(role);
        comma(out);
        let mut block = ObjectWriter::new(out);
        block.string("type", "text");
        block.string("text", text);
        block.end();
    }

    fn user<'a>(&mut self, reader: &mut Reader<'a>, source: &'a str) -> Result<(), ReadError> {
        let (before, turn) = (self.messages.len(), self.turn);
        let mut marks = self.marks;
        let out = self.open(Role::User);
        let opened = out.len();
        push_content(out, reader, source, &mut marks)?;
        self.marks = marks;
        if self.messages.len() == opened && turn.is_none_or(|turn| turn.role != Role::User) {
            // Nothing was said, and a message must say something.
            self.messages.truncate(before);
            self.turn = turn;
        }
        Ok(())
    }

    /// A tool's result. All that answer one message must stand in one, before anything else.
    fn result(&mut self, id: Str<'_>, content: &str) -> Result<(), ReadError> {
        self.open(Role::User);
        let Some(turn) = &mut self.turn else { return Ok(()) };
        let is_late = turn.results_end < self.messages.len();
        let out = if is_late { &mut self.late_results } else { &mut *self.messages };
        comma(out);
        let mut result = ObjectWriter::new(out);
        result.string("type", "tool_result");
        push_id(result.key("tool_use_id"), id);
        let mut reader = Reader::new(content);
        match reader.peek()? {
            Kind::Array => {
                let out = result.key("content");
                out.push('[');
                push_content(out, &mut reader, content, &mut self.marks)?;
                out.push(']');
            }
            Kind::String => result.raw("content", content),
            Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {}
        }
        result.end();
        turn.has_results = true;
        if !is_late {
            turn.results_end = self.messages.len();
        }
        Ok(())
    }

    fn answer(
        &mut self,
        content: Option<&str>,
        calls: Option<&str>,
        details: Option<&str>,
        is_prefill: bool,
    ) -> Result<(), ReadError> {
        let mut blocks = Vec::new();
        if let Some(content) = content {
            answer_texts(content, is_prefill, &mut self.marks, &mut blocks)?;
        }
        if let Some(calls) = calls {
            Reader::new(calls).array::<ReadError>(|reader, _| {
                blocks.extend(call(reader.skip()?, &mut self.lost_arguments));
                Ok(())
            })?;
        }
        let (blocks, thought) = interleave(details.filter(|_| self.ways.thoughts), blocks);
        if blocks.is_empty() {
            return Ok(());
        }
        self.has_thoughts |= thought;
        let is_new = self.turn.is_none_or(|turn| turn.role != Role::Assistant);
        let out = self.open(Role::Assistant);
        for block in blocks {
            comma(out);
            out.push_str(&block);
        }
        if let Some(turn) = &mut self.turn {
            turn.thought |= is_new && thought;
        }
        Ok(())
    }
}

/// Appends the blocks of a content: a text or parts.
fn push_content<'a>(
    out: &mut String,
    reader: &mut Reader<'a>,
    source: &'a str,
    marks: &mut Marks,
) -> Result<(), ReadError> {
    match reader.peek()? {
        Kind::String => push_text(out, reader.string()?, None, marks),
        Kind::Array => reader.array::<ReadError>(|reader, _| push_part(out, reader, source, marks))?,
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => drop(reader.skip()?),
    }
    Ok(())
}

/// The blocks of an answer's content, each by itself. What a model is to go on with must not end with white space.
fn answer_texts(content: &str, is_prefill: bool, marks: &mut Marks, blocks: &mut Vec<String>) -> Result<(), ReadError> {
    let mut reader = Reader::new(content);
    if is_prefill && reader.peek()? == Kind::String {
        let text = reader.string()?.decode_lossy();
        let text = text.trim_end();
        if !text.is_empty() {
            let mut block = String::new();
            let mut object = ObjectWriter::new(&mut block);
            object.string("type", "text");
            object.string("text", text);
            object.end();
            blocks.push(block);
        }
        return Ok(());
    }
    let mut add = |write: &mut dyn FnMut(&mut String) -> Result<(), ReadError>| {
        let mut block = String::new();
        write(&mut block)?;
        if !block.is_empty() {
            blocks.push(block);
        }
        Ok(())
    };
    match reader.peek()? {
        Kind::Array => reader.array(|reader, _| add(&mut |block| push_part(block, reader, content, marks))),
        Kind::String | Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            add(&mut |block| push_content(block, &mut reader, content, marks))
        }
    }
}

/// The block of a call. `lost`: its arguments were no object, or one that was cut off. Words beside an object are no arguments.
fn call(raw: &str, lost: &mut bool) -> Option<String> {
    let [id, function] = pick(raw, ["id", "function"]).ok()?;
    let [name, arguments] = pick(function?, ["name", "arguments"]).ok()?;
    let mut out = String::with_capacity(raw.len() + 16);
    let mut block = ObjectWriter::new(&mut out);
    block.string("type", "tool_use");
    push_id(block.key("id"), Reader::new(id?).string().ok()?);
    block.raw("name", name.unwrap_or("\"\""));
    let text = arguments.and_then(|arguments| Reader::new(arguments).string().ok()).map(Str::decode_lossy);
    let input = text.as_deref().or(arguments).unwrap_or_default();
    // What is no object cannot be sent. A model wrote it, and was maybe cut off.
    match input.trim() {
        "" | "null" => block.raw("input", "{}"),
        object if is_object(object) => block.raw("input", object),
        other => {
            let healed = heal(other, &mut is_object);
            *lost |= healed.as_ref().is_none_or(|healed| healed.extent == Extent::Cut);
            block.raw("input", healed.as_ref().map_or("{}", |healed| &healed.json));
        }
    }
    block.end();
    Some(out)
}

fn is_object(json: &str) -> bool {
    pick(json, [""]).is_ok()
}

/// Appends the id of a call. Those of other providers may have characters that are an error there.
fn push_id(out: &mut String, id: Str<'_>) {
    let text = id.decode_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !text.is_empty() && text.bytes().all(is_plain) {
        push_string(out, &text);
        return;
    }
    // Each by its number, so that different ids stay different.
    out.push_str("\"id");
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('_');
            for digit in [byte / 100, byte / 10 % 10, byte % 10] {
                push_digit(out, digit.into());
            }
        }
    }
    out.push('"');
}
