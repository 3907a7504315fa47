//! Workers AI's own form, in which its older models answer: `{"response": text, "tool_calls": [{"name", "arguments"}], "usage":
//! {...}}`, over HTTP at `/ai/run` within `result`, and in a stream pieces of the same until `[DONE]` (developers.cloudflare.com/workers-ai/features/function-calling; cloudflare/ai, workers-ai-provider 3.1.12).
//!
//! It has no finish reason. An answer that used up its limit of tokens is told as cut by it, never as whole.

use crate::json::{Kind, ObjectWriter, ReadError, Reader, pick, push_number, push_string};
use crate::openai::finish_reason::to_openai;

/// What stands in every completion and chunk of OpenAI's, and tells whole replies and chunks of OpenAI's form from this one: in
/// a text it would have its quotes escaped.
const CHOICES: &str = "\"choices\"";

/// What this form does not say of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untold<'m> {
    /// The provider's name of the model.
    pub model: &'m str,
    /// When it was asked, milliseconds since the Unix epoch; the completion is named by it.
    pub now_ms: u64,
    /// The most tokens that it may have.
    pub limit: Option<u64>,
}

/// A stream in this form.
#[derive(Clone, Debug)]
pub(super) struct Native {
    model: String,
    now_ms: u64,
    limit: Option<u64>,
    /// A piece in this form has come.
    begun: bool,
    called: bool,
    reason: Option<String>,
    usage: Option<String>,
}

/// The members that are of interest, as JSON.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    response: Option<&'a str>,
    calls: Option<&'a str>,
    usage: Option<&'a str>,
    reason: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// Reads a reply or a piece of one; `None` for what is in another form, or an error.
    fn read(json: &'a str) -> Option<Self> {
        if json.contains(CHOICES) {
            return None;
        }
        let names = ["response", "tool_calls", "usage", "finish_reason", "error", "result"];
        let [response, calls, usage, reason, error, result] = pick(json, names).ok()?;
        if error.is_some() {
            return None;
        }
        let calls = calls.filter(|calls| calls.starts_with('['));
        let usage = usage.filter(|usage| usage.starts_with('{'));
        match (response, calls, usage) {
            (None, None, None) => Self::read(result.filter(|result| result.starts_with('{'))?),
            _ => Some(Self { response, calls, usage, reason }),
        }
    }

    /// OpenAI's calls, if there are any.
    fn calls(&self) -> Option<String> {
        let mut calls = String::new();
        write_calls(self.calls?, &mut calls).ok()?;
        Some(calls).filter(|calls| calls != "[]")
    }

    /// Its own finish reason.
    fn reason(&self) -> Option<String> {
        Some(Reader::new(self.reason?).string().ok()?.decode_lossy().into_owned())
    }
}

/// A whole reply as a completion; `None` where it is in another form.
pub fn native_reply(body: &str, untold: Untold<'_>) -> Option<String> {
    let said = Said::read(body)?;
    let calls = said.calls();
    let mut message = String::new();
    let mut object = ObjectWriter::new(&mut message);
    object.string("role", "assistant");
    match said.response.filter(|text| calls.is_none() || *text != "\"\"") {
        Some(text) => write_text(text, object.key("content")),
        None => object.raw("content", "null"),
    }
    if let Some(calls) = &calls {
        object.raw("tool_calls", calls);
    }
    object.end();
    let reason = reason(said.reason().as_deref(), calls.is_some(), untold.limit, said.usage);
    let choices = choices(("message", &message), Some(reason));
    Some(completion("chat.completion", (untold.model, untold.now_ms), &choices, said.usage))
}

impl Native {
    pub(super) fn new(untold: Untold<'_>) -> Self {
        let Untold { model, now_ms, limit } = untold;
        let (model, reason, usage) = (model.to_owned(), None, None);
        Self { model, now_ms, limit, begun: false, called: false, reason, usage }
    }

    /// A piece as a chunk; `None` where it is in another form. What it says of the end is kept until that comes.
    pub(super) fn chunk(&mut self, data: &str) -> Option<String> {
        let said = Said::read(data)?;
        let calls = said.calls();
        self.reason = said.reason().or_else(|| self.reason.take());
        self.usage = said.usage.map(str::to_owned).or_else(|| self.usage.take());
        self.called |= calls.is_some();
        let mut delta = String::new();
        let mut object = ObjectWriter::new(&mut delta);
        if !std::mem::replace(&mut self.begun, true) {
            object.string("role", "assistant");
        }
        if let Some(text) = said.response {
            write_text(text, object.key("content"));
        }
        if let Some(calls) = &calls {
            object.raw("tool_calls", calls);
        }
        object.end();
        Some(self.written(&choices(("delta", &delta), None), None))
    }

    /// The stream says that it has ended: the chunk that tells why, and the one with the usage. Nothing for a stream in another
    /// form.
    pub(super) fn done(&mut self) -> Option<(String, Option<String>)> {
        if !std::mem::take(&mut self.begun) {
            return None;
        }
        let reason = reason(self.reason.as_deref(), self.called, self.limit, self.usage.as_deref());
        let last = self.written(&choices(("delta", "{}"), Some(reason)), None);
        let usage = self.usage.take();
        Some((last, usage.map(|usage| self.written("[]", Some(&usage)))))
    }

    fn written(&self, choices: &str, usage: Option<&str>) -> String {
        completion("chat.completion.chunk", (&self.model, self.now_ms), choices, usage)
    }
}

fn completion(kind: &str, (model, now_ms): (&str, u64), choices: &str, usage: Option<&str>) -> String {
    let mut out = String::with_capacity(choices.len() + 256);
    let mut object = ObjectWriter::new(&mut out);
    let id = object.key("id");
    id.push_str("\"chatcmpl-");
    push_number(id, now_ms);
    id.push('"');
    object.string("object", kind);
    object.number("created", now_ms / 1000);
    object.string("model", model);
    object.raw("choices", choices);
    if let Some(usage) = usage {
        object.raw("usage", usage);
    }
    object.end();
    out
}

/// An array of one choice, whose message or delta is given with its name.
fn choices((name, said): (&str, &str), reason: Option<&str>) -> String {
    let mut out = String::with_capacity(said.len() + 64);
    out.push('[');
    let mut choice = ObjectWriter::new(&mut out);
    choice.number("index", 0);
    choice.raw(name, said);
    choice.optional_string("finish_reason", reason);
    choice.end();
    out.push(']');
    out
}

/// Why the answer ended, as far as that is known.
fn reason(told: Option<&str>, called: bool, limit: Option<u64>, usage: Option<&str>) -> &'static str {
    let used_up = || {
        let [tokens] = pick(usage?, ["completion_tokens"]).ok()?;
        Some(tokens?.parse::<u64>().ok()? >= limit?)
    };
    match told.and_then(to_openai) {
        Some("stop") | None if called => "tool_calls",
        Some("stop") | None if used_up() == Some(true) => "length",
        Some(word) => word,
        None => "stop",
    }
}

/// A text; what is none is its JSON: an answer in JSON mode is an object, one that is a number a number.
fn write_text(value: &str, out: &mut String) {
    if value.starts_with('"') { out.push_str(value) } else { push_string(out, value) }
}

/// The calls as OpenAI's, without those of which nothing is told: they end a call in a stream.
fn write_calls(array: &str, out: &mut String) -> Result<(), ReadError> {
    out.push('[');
    Reader::new(array).array::<ReadError>(|reader, _| {
        let kind = reader.peek()?;
        let call = reader.skip()?;
        if kind != Kind::Object {
            return Ok(());
        }
        let [id, index, name, arguments, function] = pick(call, ["id", "index", "name", "arguments", "function"])?;
        let [inner_name, inner_arguments] =
            pick(function.filter(|function| function.starts_with('{')).unwrap_or("{}"), ["name", "arguments"])?;
        let filled = |value: Option<&'_ str>| value.is_some_and(|value| value != "\"\"");
        let (name, arguments) = (inner_name.or(name), inner_arguments.or(arguments));
        if ![id, name, arguments].into_iter().any(filled) {
            return Ok(());
        }
        if out.len() > 1 {
            out.push(',');
        }
        let mut object = ObjectWriter::new(out);
        for (name, value) in [("index", index), ("id", id)] {
            if let Some(value) = value {
                object.raw(name, value);
            }
        }
        object.string("type", "function");
        let mut function = ObjectWriter::new(object.key("function"));
        if let Some(name) = name {
            function.raw("name", name);
        }
        write_text(arguments.unwrap_or("\"\""), function.key("arguments"));
        function.end();
        object.end();
        Ok(())
    })?;
    out.push(']');
    Ok(())
}
