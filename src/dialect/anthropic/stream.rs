//! A stream: Anthropic's events as OpenAI's chunks. Source of the events:
//! platform.claude.com/docs/en/build-with-claude/streaming.
//!
//! The finish reason, the usage and `[DONE]` are written at `message_stop` and nowhere else: a stream that ends without it is
//! a cut one, whatever it said before.

use super::blocks::{Block, Kind, characters, explanation, filled, finish_reason, push_annotation, push_detail, word};
use super::reply::Options;
use super::usage::{MessageUsage, inside};
use crate::json::{ObjectWriter, ReadError, Reader, pick, push_number, push_string};
use crate::sse::decoder::{Decoder, EventTooLarge};
use crate::sse::encode::{DONE, EVENT_END};
use crate::sse::translate::Translate;

/// What is written for an event that cannot be read, so that those behind the translator see one as well: it is no chunk,
/// and no client gets it.
const UNREADABLE: &str = "data: unreadable\n\n";
/// A comment, which every client passes over: Anthropic's `ping` keeps the connection of a long thought alive.
const PING: &str = ": ping\n\n";
/// How much of the citations of one text is kept until it has ended; what is beyond is left out. A citation quotes 150
/// characters at most, so there is room for some hundred.
const MAX_CITATION_BYTES: usize = 64 * 1024;

/// The translator of one stream.
#[derive(Debug)]
pub struct MessageStream {
    options: Options,
    decoder: Decoder,
    /// What every chunk begins with, up to its `choices`; empty before `message_start`.
    head: String,
    block: Open,
    /// How many blocks began, those that are not shown too.
    blocks: u64,
    /// How many calls began: the index of the next one.
    calls: u64,
    /// How many characters the text has so far.
    characters: u64,
    usage: Option<MessageUsage>,
    stop_reason: Option<String>,
    /// Why the model refused, as JSON.
    refusal: Option<String>,
    /// It has said that it is over, or broke.
    over: bool,
}

/// The content block that is being written. There is one at a time.
#[derive(Debug)]
struct Open {
    /// Its `index`, as JSON.
    index: String,
    kind: Option<Kind>,
    /// Where its text begins, in characters.
    from: u64,
    /// The citations so far, as a JSON array without brackets.
    citations: String,
    /// A call that has no input yet.
    without_input: bool,
    /// A thought that has no text yet.
    without_text: bool,
}

impl Open {
    const fn none() -> Self {
        Self {
            index: String::new(),
            kind: None,
            from: 0,
            citations: String::new(),
            without_input: false,
            without_text: true,
        }
    }
}

/// An event that is not what it says.
#[derive(Debug)]
struct Unreadable;

impl From<ReadError> for Unreadable {
    fn from(_: ReadError) -> Self {
        Self
    }
}

impl MessageStream {
    /// At the start of a stream.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            decoder: Decoder::default(),
            head: String::new(),
            block: Open::none(),
            blocks: 0,
            calls: 0,
            characters: 0,
            usage: None,
            stop_reason: None,
            refusal: None,
            over: false,
        }
    }

    fn take(&mut self, data: &str, name: Option<&str>, out: &mut String) {
        if self.over {
            return;
        }
        if self.event(data, name, out).is_err() {
            self.over = true;
            out.push_str(UNREADABLE);
        }
    }

    fn event(&mut self, data: &str, name: Option<&str>, out: &mut String) -> Result<(), Unreadable> {
        let names = ["type", "message", "index", "content_block", "delta", "usage", "error"];
        let [kind, message, index, block, delta, usage, error] = pick(data, names)?;
        match word(kind) {
            "message_start" => self.start(message.ok_or(Unreadable)?, out)?,
            "content_block_start" => self.open(index, &Block::read(block.ok_or(Unreadable)?), out)?,
            "content_block_delta" => self.delta(index, delta.ok_or(Unreadable)?, out)?,
            "content_block_stop" => self.close(out),
            "message_delta" => {
                let [reason, details] = inside(delta, ["stop_reason", "stop_details"]);
                self.note(reason, details, usage);
            }
            "message_stop" => self.stop(out)?,
            "ping" => out.push_str(PING),
            "error" => self.error(error.unwrap_or(data), out),
            _ if name == Some("error") => self.error(error.unwrap_or(data), out),
            // New kinds of events come without a new version of the API.
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, message: &str, out: &mut String) -> Result<(), Unreadable> {
        let names = ["id", "model", "content", "stop_reason", "stop_details", "usage"];
        let [id, model, content, reason, details, usage] = pick(message, names)?;
        self.note(reason, details, usage);
        // Some servers send it twice.
        if !self.head.is_empty() {
            return Ok(());
        }
        let mut head = ObjectWriter::new(&mut self.head);
        head.raw("id", filled(id).unwrap_or("\"\""));
        head.string("object", "chat.completion.chunk");
        head.number("created", self.options.created);
        head.raw("model", filled(model).unwrap_or("\"\""));
        head.key("choices");
        self.chunk(out, r#""role":"assistant","content":"""#);
        // A message that goes on after a tool of the provider's begins with the blocks that are there already.
        if let Some(content) = content {
            Reader::new(content).array::<Unreadable>(|reader, _| {
                self.open(None, &Block::read(reader.skip()?), out)?;
                self.close(out);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Takes what an event tells about the message as a whole.
    fn note(&mut self, stop_reason: Option<&str>, stop_details: Option<&str>, usage: Option<&str>) {
        if let Some(reason) = filled(stop_reason) {
            self.stop_reason = Some(word(Some(reason)).to_owned());
        }
        if let Some(explanation) = explanation(stop_details) {
            self.refusal = Some(explanation.to_owned());
        }
        if let Some(raw) = usage {
            self.usage.get_or_insert_default().add(raw);
        }
    }

    fn open(&mut self, index: Option<&str>, block: &Block<'_>, out: &mut String) -> Result<(), Unreadable> {
        if self.head.is_empty() {
            return Err(Unreadable);
        }
        self.close(out);
        let kind = block.kind;
        self.blocks += 1;
        self.block = Open {
            index: index.unwrap_or_default().to_owned(),
            kind: Some(kind),
            from: self.characters,
            without_input: kind == Kind::ToolUse,
            ..Open::none()
        };
        match kind {
            Kind::Text => {
                self.text(block.text, out);
                let cited = block.citations.map(Reader::new);
                if let Some(mut citations) = cited {
                    citations.array::<ReadError>(|reader, _| {
                        self.cite(reader.skip()?);
                        Ok(())
                    })?;
                }
            }
            Kind::Thinking => {
                self.think(block.text, out);
                self.sign(block.signature, out);
            }
            Kind::Redacted => {
                self.detail("reasoning.encrypted", &[("data", block.text)], ("", true), out);
            }
            Kind::ToolUse => {
                self.calls += 1;
                let mut call = String::new();
                let mut members = ObjectWriter::new(&mut call);
                members.number("index", self.calls - 1);
                members.raw("id", block.id.unwrap_or("\"\""));
                members.string("type", "function");
                let mut function = ObjectWriter::new(members.key("function"));
                function.raw("name", block.name.unwrap_or("\"\""));
                function.string("arguments", "");
                function.end();
                members.end();
                self.listed(r#""tool_calls":["#, &call, out);
                if let Some(input) = block.input.filter(|input| *input != "{}" && input.starts_with('{')) {
                    let mut quoted = String::new();
                    push_string(&mut quoted, input);
                    self.arguments(&quoted, out);
                }
            }
            Kind::Hidden => {}
        }
        Ok(())
    }

    fn delta(&mut self, index: Option<&str>, delta: &str, out: &mut String) -> Result<(), Unreadable> {
        let Some(kind) = self.block.kind else { return Err(Unreadable) };
        // What belongs to another block would end up in the wrong call.
        if index.is_some_and(|index| index != self.block.index) {
            return Err(Unreadable);
        }
        let names = ["type", "text", "thinking", "signature", "partial_json", "citation"];
        let [what, text, thinking, signature, input, citation] = pick(delta, names)?;
        match (kind, word(what)) {
            (Kind::Text, "text_delta") => self.text(filled(text), out),
            (Kind::Text, "citations_delta") => self.cite(citation.unwrap_or_default()),
            (Kind::Thinking, "thinking_delta") => self.think(filled(thinking), out),
            (Kind::Thinking, "signature_delta") => self.sign(filled(signature), out),
            (Kind::ToolUse, "input_json_delta") => {
                if let Some(piece) = filled(input) {
                    self.arguments(piece, out);
                }
            }
            // What is not the client's, and new kinds of deltas.
            (Kind::Text | Kind::Thinking | Kind::Redacted | Kind::ToolUse | Kind::Hidden, _) => {}
        }
        Ok(())
    }

    /// Ends the block that is open, if there is one.
    fn close(&mut self, out: &mut String) {
        if self.block.without_input {
            self.arguments(r#""{}""#, out);
        }
        let block = std::mem::replace(&mut self.block, Open::none());
        let mut annotations = String::new();
        // What was gathered is JSON.
        let _read = Reader::new(&block.citations).array::<ReadError>(|reader, _| {
            push_annotation(&mut annotations, reader.skip()?, (block.from, self.characters));
            Ok(())
        });
        if !annotations.is_empty() {
            self.listed(r#""annotations":["#, &annotations, out);
        }
    }

    fn text(&mut self, text: Option<&str>, out: &mut String) {
        let Some(text) = text else { return };
        self.characters += characters(text);
        self.begin(out);
        out.push_str(r#""content":"#);
        out.push_str(text);
        self.end_chunk(out);
    }

    fn cite(&mut self, citation: &str) {
        let citations = &mut self.block.citations;
        if citation.is_empty() || citations.len() + citation.len() > MAX_CITATION_BYTES {
            return;
        }
        if citations.is_empty() {
            citations.push('[');
        } else {
            citations.pop();
            citations.push(',');
        }
        citations.push_str(citation);
        citations.push(']');
    }

    fn think(&mut self, text: Option<&str>, out: &mut String) {
        if let Some(text) = text {
            let first = std::mem::take(&mut self.block.without_text);
            let mut before = String::from(r#""reasoning":"#);
            before.push_str(text);
            before.push(',');
            self.detail("reasoning.text", &[("text", Some(text))], (&before, first), out);
        }
    }

    /// A thought whose text is withheld says that it is empty, for one without any text is one that a client has not kept whole.
    fn sign(&self, signature: Option<&str>, out: &mut String) {
        if signature.is_some() {
            let first = self.block.without_text;
            let text = first.then_some("\"\"");
            self.detail("reasoning.text", &[("text", text), ("signature", signature)], ("", first), out);
        }
    }

    /// A chunk with one item of reasoning details, which belongs to the block that is open. `before` are members before it,
    /// `first` says whether it is the block's first.
    fn detail(&self, kind: &str, members: &[(&str, Option<&str>)], (before, first): (&str, bool), out: &mut String) {
        let mut item = String::new();
        push_detail(&mut item, kind, members, (self.blocks.saturating_sub(1), first));
        self.begin(out);
        out.push_str(before);
        out.push_str(r#""reasoning_details":["#);
        out.push_str(&item);
        out.push(']');
        self.end_chunk(out);
    }

    /// A chunk with a piece of the input of the last call. `piece` is a JSON string.
    fn arguments(&mut self, piece: &str, out: &mut String) {
        self.block.without_input = false;
        self.begin(out);
        out.push_str(r#""tool_calls":[{"index":"#);
        push_number(out, self.calls.saturating_sub(1));
        out.push_str(r#","function":{"arguments":"#);
        out.push_str(piece);
        out.push_str("}}]");
        self.end_chunk(out);
    }

    fn listed(&self, open: &str, items: &str, out: &mut String) {
        self.begin(out);
        out.push_str(open);
        out.push_str(items);
        out.push(']');
        self.end_chunk(out);
    }

    fn chunk(&self, out: &mut String, delta: &str) {
        self.begin(out);
        out.push_str(delta);
        self.end_chunk(out);
    }

    /// A chunk up to the members of its delta.
    fn begin(&self, out: &mut String) {
        self.push_head(out);
        out.push_str(r#"[{"index":0,"delta":{"#);
    }

    fn push_head(&self, out: &mut String) {
        out.push_str("data: ");
        out.push_str(&self.head);
    }

    fn end_chunk(&self, out: &mut String) {
        out.push_str(r#"},"finish_reason":null}]}"#);
        out.push_str(EVENT_END);
    }

    fn stop(&mut self, out: &mut String) -> Result<(), Unreadable> {
        if self.head.is_empty() {
            return Err(Unreadable);
        }
        self.close(out);
        self.over = true;
        if let Some(reason) = &self.stop_reason {
            self.begin(out);
            if let Some(refusal) = &self.refusal {
                out.push_str(r#""refusal":"#);
                out.push_str(refusal);
            }
            out.push_str(r#"},"finish_reason":""#);
            out.push_str(finish_reason(reason, self.calls > 0));
            out.push_str("\"}]}");
            out.push_str(EVENT_END);
        }
        if let Some(usage) = &self.usage {
            self.push_head(out);
            out.push_str(r#"[],"usage":"#);
            usage.write(out);
            out.push('}');
            out.push_str(EVENT_END);
        }
        out.push_str(DONE);
        Ok(())
    }

    /// What the provider says of an error, as it says it.
    fn error(&mut self, error: &str, out: &mut String) {
        self.over = true;
        out.push_str(r#"data: {"error":"#);
        // Line breaks of a JSON document stand between its tokens alone; in an event they would end the line.
        out.extend(error.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        out.push('}');
        out.push_str(EVENT_END);
    }
}

impl Translate for MessageStream {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EventTooLarge> {
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut events = String::new();
        let pushed = decoder.push(bytes, &mut |event| match event.data {
            Some(Ok(data)) => self.take(data, event.event, &mut events),
            Some(Err(_)) => self.take("", None, &mut events),
            None => {}
        });
        self.decoder = decoder;
        out.extend_from_slice(events.as_bytes());
        pushed
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let decoder = std::mem::take(&mut self.decoder);
        let mut events = String::new();
        // Half an event is none: what was cut off is seen by the end that is missing.
        let _whole = decoder.tail(|event| {
            if let Some(data) = event.data.and_then(Result::ok).filter(|data| pick(data, []).is_ok()) {
                self.take(data, event.event, &mut events);
            }
        });
        out.extend_from_slice(events.as_bytes());
    }
}
