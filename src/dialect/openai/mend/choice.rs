//! One choice of a reply or a chunk: its message or delta, and its finish reason.

use super::calls::{Calls, Place};
use super::tags::{Pair, Split, THINK, THOUGHT, Tags};
use super::{Mends, parts, sources};
use crate::catalog::provider::Mend;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, push_string};
use crate::openai::finish_reason::to_openai;

/// The most choices that are told apart: OpenAI takes 128 for `n`. The pieces of any more go on as they are.
const MAX_CHOICES: usize = 128;

/// What is known of the choices of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    known: Vec<Choice>,
}

/// What is known of one.
#[derive(Clone, Debug, Default)]
struct Choice {
    index: usize,
    tags: Tags,
    calls: Calls,
    /// Its first piece has come, so its role is told.
    begun: bool,
}

/// A member: its name, what kind of value it has, and the value.
type Member<'a> = (Str<'a>, Kind, &'a str);

/// A message or delta. Texts have their escapes as they are written, and are empty where there are none.
#[derive(Default)]
struct Body<'a> {
    members: Vec<Member<'a>>,
    content: Option<(Kind, &'a str)>,
    reasoning: &'a str,
    reasoning_content: &'a str,
    calls: &'a str,
    extra: &'a str,
    executed: &'a str,
    annotated: bool,
    role: bool,
}

impl Choices {
    /// Whether no content can be thought any more, of `expected` choices.
    pub(super) fn are_settled(&self, expected: usize) -> bool {
        self.known.len() >= expected && self.known.iter().all(|choice| choice.tags.is_settled())
    }

    /// Whether any of them has called tools.
    pub(super) fn have_called(&self) -> bool {
        self.known.iter().any(|choice| choice.calls.any())
    }

    /// Whether `expected` choices have begun.
    pub(super) fn have_begun(&self, expected: usize) -> bool {
        self.known.len() >= expected && self.known.iter().all(|choice| choice.begun)
    }

    /// Whether a piece of a text is held, which the end of the choice would release.
    pub(super) fn hold(&self) -> bool {
        self.known.iter().any(|choice| choice.tags.holds())
    }

    /// The choices whose end was not told, with what is held of their texts.
    pub(super) fn release(&mut self, out: &mut String) {
        for choice in &mut self.known {
            let mut split = Split::default();
            choice.tags.end(&mut split);
            if split == Split::default() {
                continue;
            }
            if out.ends_with('}') {
                out.push(',');
            }
            let mut object = ObjectWriter::new(out);
            object.number("index", choice.index as u64);
            let mut delta = ObjectWriter::new(object.key("delta"));
            for (name, text) in [("content", &split.content), ("reasoning", &split.reasoning)] {
                if !text.is_empty() {
                    delta.string(name, text);
                }
            }
            delta.end();
            object.raw("finish_reason", "null");
            object.end();
        }
    }

    /// Writes one choice as it should be, and says whether it was not.
    pub(super) fn write(
        &mut self,
        raw: &str,
        mends: Mends,
        place: Place<'_>,
        out: &mut String,
    ) -> Result<bool, ReadError> {
        let members = members(raw)?;
        let member = |name: &str| members.iter().find(|(key, _, _)| key.is(name));
        let index = member("index").and_then(|(_, _, value)| value.parse().ok()).unwrap_or(place.choice);
        let reason = match member("finish_reason") {
            Some((_, Kind::String, value)) => Reader::new(value).string()?.decode().filter(|reason| !reason.is_empty()),
            _ => None,
        };
        let name = if place.pieces { "delta" } else { "message" };
        let given = member(name).filter(|(_, kind, _)| *kind == Kind::Object).map(|(_, _, value)| *value);
        let Some(choice) = self.of(index) else {
            out.push_str(raw);
            return Ok(false);
        };
        let mut body = String::new();
        let ended = reason.is_some() || !place.pieces;
        let mut changed =
            choice.body(given.unwrap_or("{}"), mends, Place { choice: index, ..place }, ended, &mut body)?;
        let word = reason.and_then(|reason| choice.reason(&reason, mends));
        let mut object = ObjectWriter::new(out);
        for (key, kind, value) in &members {
            match word {
                Some(word) if key.is("finish_reason") => object.string("finish_reason", word),
                _ if key.is(name) && *kind == Kind::Object => object.raw(name, &body),
                _ => object.verbatim(key.quoted(), value),
            }
        }
        if given.is_none() && changed {
            object.raw(name, &body);
        }
        object.end();
        changed |= word.is_some();
        Ok(changed)
    }

    fn of(&mut self, index: usize) -> Option<&mut Choice> {
        let at = self.known.iter().position(|choice| choice.index == index);
        if at.is_none() && self.known.len() < MAX_CHOICES {
            self.known.push(Choice { index, ..Choice::default() });
            return self.known.last_mut();
        }
        self.known.get_mut(at?)
    }
}

impl Choice {
    /// The finish reason to tell instead of `reason`, if it is another one.
    fn reason(&self, reason: &str, mends: Mends) -> Option<&'static str> {
        let word = if mends.has(Mend::FinishReasons) { to_openai(reason) } else { None };
        match word.unwrap_or(reason) {
            "stop" if mends.has(Mend::ToolCalls) && self.calls.any() => Some("tool_calls"),
            _ => word.filter(|word| *word != reason),
        }
    }

    /// Writes a message or delta as it should be, and says whether it was not. `ended`: nothing follows it.
    fn body(
        &mut self,
        raw: &str,
        mends: Mends,
        place: Place<'_>,
        ended: bool,
        out: &mut String,
    ) -> Result<bool, ReadError> {
        let body = Body::read(raw)?;
        let extra = if mends.has(Mend::ThoughtTags) { without_thought(body.extra)? } else { Extra::Same };
        let (mut text, mut thoughts) = (String::new(), String::new());
        let mut changed = self.content(&body, mends, place.pieces && extra != Extra::Same, &mut text, &mut thoughts)?;
        if ended && mends.tags() {
            let mut split = Split::default();
            self.tags.end(&mut split);
            if split != Split::default() && !changed {
                // What was held comes before what this piece has; and a settled piece stands as it is.
                changed = true;
            }
            push_escaped(&mut text, &split.content);
            push_escaped(&mut thoughts, &split.reasoning);
        }
        let content = changed.then_some(text);
        let theirs = if mends.has(Mend::ReasoningContent) { body.reasoning_content } else { "" };
        let reasoning = (!theirs.is_empty() || !thoughts.is_empty()).then(|| {
            // The same text twice, or one of them.
            let told = if theirs.len() > body.reasoning.len() { theirs } else { body.reasoning };
            told.to_owned() + &thoughts
        });
        let mut calls = String::new();
        let called =
            mends.has(Mend::ToolCalls) && !body.calls.is_empty() && self.calls.write(body.calls, place, &mut calls)?;
        let role = mends.has(Mend::Roles) && !body.role && !self.begun;
        self.begun = true;
        let mut annotations = String::new();
        if mends.has(Mend::SearchResults) && !body.executed.is_empty() && !body.annotated {
            sources::read(body.executed, &mut annotations)?;
        }
        changed |= reasoning.is_some() || called || role || extra != Extra::Same || !annotations.is_empty();
        let mut object = ObjectWriter::new(out);
        if role {
            object.string("role", "assistant");
        }
        let mut written = false;
        for (key, _, value) in &body.members {
            if key.is("content") && content.is_some() {
                written = true;
                let text = content.as_deref().unwrap_or_default();
                if !text.is_empty() {
                    quoted(text, object.key("content"));
                } else if !place.pieces {
                    object.raw("content", if body.calls.is_empty() { "\"\"" } else { "null" });
                } else if reasoning.is_none() {
                    object.raw("content", "\"\"");
                }
            } else if key.is("tool_calls") && called {
                object.raw("tool_calls", &calls);
            } else if key.is("extra_content") && extra != Extra::Same {
                if let Extra::Left(left) = &extra {
                    object.raw("extra_content", left);
                }
            } else if !(reasoning.is_some() && key.is("reasoning") || !theirs.is_empty() && key.is("reasoning_content"))
            {
                object.verbatim(key.quoted(), value);
            }
        }
        match &content {
            Some(text) if !written && !text.is_empty() => quoted(text, object.key("content")),
            _ => {}
        }
        if let Some(reasoning) = &reasoning {
            quoted(reasoning, object.key("reasoning"));
        }
        if !annotations.is_empty() {
            object.raw("annotations", &format!("[{annotations}]"));
        }
        object.end();
        Ok(changed)
    }

    /// Appends the text of the content and the thoughts in it, and says whether that is not what stands there. `thought`: the
    /// provider says that this piece is one.
    fn content(
        &mut self,
        body: &Body<'_>,
        mends: Mends,
        thought: bool,
        text: &mut String,
        thoughts: &mut String,
    ) -> Result<bool, ReadError> {
        match body.content {
            Some((Kind::Array, array)) if mends.has(Mend::ContentParts) => {
                parts::read(array, thoughts, text)?;
                Ok(true)
            }
            Some((Kind::String, raw)) if mends.tags() && (thought || !self.tags.is_settled()) => {
                let given = Reader::new(raw).string()?;
                let pair: Pair = if mends.has(Mend::ThoughtTags) { THOUGHT } else { THINK };
                let mut split = Split::default();
                match given.decode() {
                    Some(decoded) if thought => self.tags.begin_thought(&decoded, pair, &mut split),
                    Some(decoded) => self.tags.push(&decoded, pair, &mut split),
                    // Half of a character, which goes on as it is written.
                    None => self.tags.pass(&mut split),
                }
                push_escaped(text, &split.content);
                push_escaped(thoughts, &split.reasoning);
                match given.decode() {
                    Some(decoded) => Ok(*decoded != *split.content),
                    None => {
                        let into = if self.tags.is_open() { thoughts } else { text };
                        into.push_str(given.raw());
                        Ok(true)
                    }
                }
            }
            _ => Ok(false),
        }
    }
}

impl<'a> Body<'a> {
    fn read(raw: &'a str) -> Result<Self, ReadError> {
        let mut body = Self { members: members(raw)?, ..Self::default() };
        for (key, kind, value) in &body.members {
            let text = || if *kind == Kind::String { inner(value) } else { "" };
            match key.decode().as_deref().unwrap_or_default() {
                "role" => body.role = *kind == Kind::String,
                "content" => body.content = Some((*kind, value)),
                "reasoning" => body.reasoning = text(),
                "reasoning_content" => body.reasoning_content = text(),
                "tool_calls" if *kind == Kind::Array && !inner(value).trim_ascii().is_empty() => body.calls = value,
                "extra_content" if *kind == Kind::Object => body.extra = value,
                "executed_tools" if *kind == Kind::Array => body.executed = value,
                "annotations" => body.annotated = *kind == Kind::Array,
                _ => {}
            }
        }
        Ok(body)
    }
}

/// What is left of `extra_content`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Extra {
    /// There was no mark of a thought in it.
    Same,
    /// Nothing but the mark was in it.
    Nothing,
    /// So much.
    Left(String),
}

/// `extra_content` without `google.thought`, which is about content that stands elsewhere now: sent back with the answer it
/// would make that a thought. A signature beside it stays.
fn without_thought(extra: &str) -> Result<Extra, ReadError> {
    let mut marked = false;
    let (mut out, mut any) = (String::new(), false);
    if extra.is_empty() {
        return Ok(Extra::Same);
    }
    let mut outer = ObjectWriter::new(&mut out);
    for (key, kind, value) in members(extra)? {
        if !key.is("google") || kind != Kind::Object {
            any = true;
            outer.verbatim(key.quoted(), value);
            continue;
        }
        let google = members(value)?;
        let left: Vec<&Member<'_>> = google.iter().filter(|(key, _, _)| !key.is("thought")).collect();
        marked |= google.iter().any(|(key, _, value)| key.is("thought") && *value == "true");
        if left.is_empty() {
            continue;
        }
        any = true;
        let mut inner = ObjectWriter::new(outer.key("google"));
        for (key, _, value) in left {
            inner.verbatim(key.quoted(), value);
        }
        inner.end();
    }
    outer.end();
    Ok(match (marked, any) {
        (false, _) => Extra::Same,
        (true, false) => Extra::Nothing,
        (true, true) => Extra::Left(out),
    })
}

fn members(object: &str) -> Result<Vec<Member<'_>>, ReadError> {
    let mut members = Vec::new();
    Reader::new(object).object::<ReadError>(|reader, key| {
        let kind = reader.peek()?;
        members.push((key, kind, reader.skip()?));
        Ok(())
    })?;
    Ok(members)
}

/// What stands between the first and the last character, quotes or brackets.
fn inner(value: &str) -> &str {
    value.get(1..value.len().saturating_sub(1)).unwrap_or_default()
}

/// Appends a text as it is written in a JSON string.
fn push_escaped(out: &mut String, text: &str) {
    if !text.is_empty() {
        let mut quoted = String::with_capacity(text.len() + 2);
        push_string(&mut quoted, text);
        out.push_str(inner(&quoted));
    }
}

/// Appends a JSON string of a text that has its escapes.
fn quoted(escaped: &str, out: &mut String) {
    out.push('"');
    out.push_str(escaped);
    out.push('"');
}
