//! A whole reply: Anthropic's message as OpenAI's chat completion. Source of the shape:
//! platform.claude.com/docs/en/api/messages.

use super::blocks::{Block, Kind, characters, explanation, filled, finish_reason, push_annotation, push_detail, word};
use super::usage::MessageUsage;
use crate::json::{ObjectWriter, ReadError, Reader, pick, push_string};

/// What a translation is made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `created` of the completion, in seconds since the Unix epoch: Anthropic does not tell it.
    pub created: u64,
}

/// The completion that a message is. `None` for what is no whole message, an error among it.
pub fn translate(body: &[u8], options: Options) -> Option<Vec<u8>> {
    let text = str::from_utf8(body).ok()?;
    let names = ["type", "id", "model", "content", "stop_reason", "stop_details", "usage"];
    let [kind, id, model, content, stop_reason, stop_details, usage] = pick(text, names).ok()?;
    if word(kind) != "message" {
        return None;
    }
    let mut answer = Answer::default();
    Reader::new(content?)
        .array::<ReadError>(|reader, _| {
            answer.add(&Block::read(reader.skip()?));
            Ok(())
        })
        .ok()?;

    let mut out = String::with_capacity(text.len() + 512);
    let mut completion = ObjectWriter::new(&mut out);
    completion.raw("id", filled(id).unwrap_or("\"\""));
    completion.string("object", "chat.completion");
    completion.number("created", options.created);
    completion.raw("model", filled(model).unwrap_or("\"\""));
    let choices = completion.key("choices");
    choices.push('[');
    let mut choice = ObjectWriter::new(choices);
    choice.number("index", 0);
    answer.write(choice.key("message"), explanation(stop_details));
    choice.raw("logprobs", "null");
    let reason = filled(stop_reason).map(|reason| finish_reason(word(Some(reason)), !answer.calls.is_empty()));
    choice.optional_string("finish_reason", reason);
    choice.end();
    choices.push(']');
    if let Some(raw) = usage {
        let mut usage = MessageUsage::default();
        usage.add(raw);
        usage.write(completion.key("usage"));
    }
    completion.end();
    Some(out.into_bytes())
}

/// A message's parts, gathered. Texts are without quotes, escapes as they are written; lists without brackets.
#[derive(Debug, Default)]
struct Answer {
    any_text: bool,
    text: String,
    characters: u64,
    annotations: String,
    reasoning: String,
    details: String,
    /// How many blocks there were, those that are not shown too.
    blocks: u64,
    calls: String,
}

impl Answer {
    fn add(&mut self, block: &Block<'_>) {
        match block.kind {
            Kind::Text => self.add_text(block),
            Kind::Thinking => {
                self.reasoning.push_str(word(block.text));
                let members = [("text", block.text.or(Some("\"\""))), ("signature", block.signature)];
                self.add_detail("reasoning.text", &members);
            }
            Kind::Redacted => self.add_detail("reasoning.encrypted", &[("data", block.text)]),
            Kind::ToolUse => {
                comma(&mut self.calls);
                let mut call = ObjectWriter::new(&mut self.calls);
                call.raw("id", block.id.unwrap_or("\"\""));
                call.string("type", "function");
                let mut function = ObjectWriter::new(call.key("function"));
                function.raw("name", block.name.unwrap_or("\"\""));
                push_string(function.key("arguments"), block.input.unwrap_or("{}"));
                function.end();
                call.end();
            }
            Kind::Hidden => {}
        }
        self.blocks += 1;
    }

    fn add_text(&mut self, block: &Block<'_>) {
        self.any_text = true;
        self.text.push_str(word(block.text));
        let from = self.characters;
        self.characters += block.text.map_or(0, characters);
        let place = (from, self.characters);
        if let Some(citations) = block.citations {
            // The whole body was read before, so this can be read as well.
            let _read = Reader::new(citations).array::<ReadError>(|reader, _| {
                push_annotation(&mut self.annotations, reader.skip()?, place);
                Ok(())
            });
        }
    }

    fn add_detail(&mut self, kind: &str, members: &[(&str, Option<&str>)]) {
        comma(&mut self.details);
        push_detail(&mut self.details, kind, members, (self.blocks, true));
    }

    fn write(&self, out: &mut String, refusal: Option<&str>) {
        let mut message = ObjectWriter::new(out);
        message.string("role", "assistant");
        if self.any_text {
            bracket(message.key("content"), "\"", &self.text, "\"");
        } else {
            message.raw("content", "null");
        }
        message.raw("refusal", refusal.unwrap_or("null"));
        if !self.reasoning.is_empty() {
            bracket(message.key("reasoning"), "\"", &self.reasoning, "\"");
        }
        for (name, items) in
            [("reasoning_details", &self.details), ("tool_calls", &self.calls), ("annotations", &self.annotations)]
        {
            if !items.is_empty() {
                bracket(message.key(name), "[", items, "]");
            }
        }
        message.end();
    }
}

fn comma(items: &mut String) {
    if !items.is_empty() {
        items.push(',');
    }
}

fn bracket(out: &mut String, open: &str, text: &str, close: &str) {
    out.push_str(open);
    out.push_str(text);
    out.push_str(close);
}
