//! The pieces of a message that whole replies and streams have in common: kinds of blocks, thoughts, citations, why a message
//! ended. Strings are handled as they stand in the JSON, quotes and escapes included, and never decoded to be written again.

use super::usage::inside;
use crate::dialect::annotation::push_url_citation;
use crate::json::{ObjectWriter, Reader, Str};

/// What reasoning details are marked with, so that whoever gets them back knows whose they are. OpenRouter's name.
pub const FORMAT: &str = "anthropic-claude-v1";

/// What kind of content block it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text`
    Text,
    /// `thinking`
    Thinking,
    /// `redacted_thinking`
    Redacted,
    /// `tool_use`: a call of a tool that is the client's.
    ToolUse,
    /// What the provider does by itself (`server_tool_use` and the results, `mcp_*`, `compaction`, `fallback`), and whatever is
    /// new: nothing of it is the client's, and Anthropic adds kinds without a new version of the API.
    Hidden,
}

/// The members of a content block that are of interest, as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Its kind.
    pub kind: Kind,
    /// `text`, `thinking` or `data`, whichever the kind has.
    pub text: Option<&'a str>,
    /// `signature` of a thought.
    pub signature: Option<&'a str>,
    /// `id` of a call.
    pub id: Option<&'a str>,
    /// `name` of the tool.
    pub name: Option<&'a str>,
    /// `input` of a call.
    pub input: Option<&'a str>,
    /// `citations` of a text.
    pub citations: Option<&'a str>,
}

impl<'a> Block<'a> {
    /// Reads the JSON of a block; what is none is hidden.
    pub fn read(raw: &'a str) -> Self {
        let names = ["type", "text", "thinking", "data", "signature", "id", "name", "input", "citations"];
        let [kind, text, thinking, data, signature, id, name, input, citations] = inside(Some(raw), names);
        let (kind, text) = match word(kind) {
            "text" => (Kind::Text, text),
            "thinking" => (Kind::Thinking, thinking),
            "redacted_thinking" => (Kind::Redacted, data),
            "tool_use" => (Kind::ToolUse, None),
            _ => (Kind::Hidden, None),
        };
        Self {
            kind,
            text: filled(text),
            signature: filled(signature),
            id: filled(id),
            name: filled(name),
            input,
            citations,
        }
    }
}

/// The string of that JSON, if it is one.
pub(super) fn string(raw: Option<&str>) -> Option<Str<'_>> {
    Reader::new(raw?).string().ok()
}

/// A string with something in it, as JSON.
pub(super) fn filled(raw: Option<&str>) -> Option<&str> {
    string(raw).filter(|text| !text.is_empty()).map(Str::quoted)
}

/// The text of a string that is one of a few known words, and so has no escapes.
pub(super) fn word(raw: Option<&str>) -> &str {
    string(raw).map(Str::raw).unwrap_or_default()
}

/// How many characters a string has.
pub(super) fn characters(quoted: &str) -> u64 {
    string(Some(quoted)).map_or(0, |text| text.decode_lossy().chars().count() as u64)
}

/// OpenAI's finish reason. `calls` tells whether the client got a call: one of the provider's own tools may be what is open.
pub fn finish_reason(stop_reason: &str, calls: bool) -> &'static str {
    match stop_reason {
        "tool_use" if calls => "tool_calls",
        // pause_turn: the provider's own tools used up their turns in the middle of an answer.
        "max_tokens" | "model_context_window_exceeded" | "pause_turn" => "length",
        "refusal" => "content_filter",
        // end_turn, stop_sequence, compaction, and what is new.
        _ => "stop",
    }
}

/// Why the model refused, as JSON: the `explanation` of `stop_details`.
pub(super) fn explanation(stop_details: Option<&str>) -> Option<&str> {
    let [explanation] = inside(stop_details, ["explanation"]);
    filled(explanation)
}

/// Appends an item of `reasoning_details`. `members` are what it holds, `index` is the place of its block among all blocks of
/// the message: thoughts stand between calls, and go back to where they were. Of the pieces of a stream only the `first` one
/// names the format: OpenAI's helper for Python joins the strings of pieces that have one index.
pub(super) fn push_detail(out: &mut String, kind: &str, members: &[(&str, Option<&str>)], (index, first): (u64, bool)) {
    let mut detail = ObjectWriter::new(out);
    detail.string("type", kind);
    for (name, value) in members {
        if let Some(value) = value {
            detail.raw(name, value);
        }
    }
    if first {
        detail.string("format", FORMAT);
    }
    detail.number("index", index);
    detail.end();
}

/// Appends OpenAI's annotation for a citation, and a comma before it if it is not the first, if what is cited has an address.
/// `from` and `to` are the place of the text in the answer, in characters.
pub(super) fn push_annotation(out: &mut String, citation: &str, (from, to): (u64, u64)) {
    let [kind, url, title, cited] = inside(Some(citation), ["type", "url", "title", "cited_text"]);
    let Some(url) = filled(url).filter(|_| word(kind) == "web_search_result_location") else { return };
    push_url_citation(out, (from, to), url, filled(title), filled(cited));
}
