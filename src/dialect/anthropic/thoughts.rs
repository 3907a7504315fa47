//! Thoughts of earlier answers that go back: the client's `reasoning_details` as the blocks that they were. They are signed, so
//! they go back unchanged and where they were, or not at all. Sources: platform.claude.com/docs/en/build-with-claude/thinking and
//! /preserved-thinking.

use super::blocks::{FORMAT, filled, string, word};
use crate::json::{ObjectWriter, ReadError, Reader, pick};

/// A thought, maybe of several pieces of a stream.
#[derive(Debug, Default)]
struct Thought<'a> {
    /// Where among the blocks of its message it was.
    index: Option<usize>,
    /// The text as it is written, without quotes; none was kept where it is absent, which is not the same as an empty one.
    text: Option<String>,
    /// The JSON of the signature.
    signature: Option<&'a str>,
    /// The JSON of what stands for it where it is encrypted.
    data: Option<&'a str>,
}

impl Thought<'_> {
    fn write(&self, out: &mut String) {
        let mut block = ObjectWriter::new(out);
        match self.data {
            Some(data) => {
                block.string("type", "redacted_thinking");
                block.raw("data", data);
            }
            None => {
                block.string("type", "thinking");
                let text = block.key("thinking");
                text.push('"');
                text.push_str(self.text.as_deref().unwrap_or_default());
                text.push('"');
                block.raw("signature", self.signature.unwrap_or("\"\""));
            }
        }
        block.end();
    }
}

/// The blocks of an answer: its texts and calls, `others`, with the thoughts of `details` where they were. Nothing comes of
/// thoughts that are not Anthropic's, or not whole, or whose place is not known any more.
pub(super) fn interleave(details: Option<&str>, others: Vec<String>) -> (Vec<String>, bool) {
    let thoughts = details.map(read).unwrap_or_default();
    if thoughts.is_empty() || !fit(&thoughts, others.len()) {
        return (others, false);
    }
    let first = thoughts.first().and_then(|thought| thought.index).unwrap_or(0) == 0 || others.is_empty();
    let mut blocks = Vec::with_capacity(thoughts.len() + others.len());
    let mut others = others.into_iter();
    for thought in thoughts {
        while thought.index.is_some_and(|index| index > blocks.len()) {
            let Some(other) = others.next() else { break };
            blocks.push(other);
        }
        let mut block = String::with_capacity(thought.text.as_deref().map_or(0, str::len) + 64);
        thought.write(&mut block);
        blocks.push(block);
    }
    blocks.extend(others);
    (blocks, first)
}

/// Whether the blocks before the last thought are all there, and one behind it: blocks that a client never sees (a web
/// search) cannot be put back, and no answer ends with a thought.
fn fit(thoughts: &[Thought<'_>], others: usize) -> bool {
    let Some(last) = thoughts.last().and_then(|thought| thought.index) else { return true };
    let before = (last + 1).saturating_sub(thoughts.len());
    before == 0 || before < others
}

fn read(details: &str) -> Vec<Thought<'_>> {
    let mut thoughts: Vec<Thought<'_>> = Vec::new();
    let read = Reader::new(details).array::<ReadError>(|reader, _| {
        let item = reader.skip()?;
        // What is no object is none of ours.
        let names = ["type", "format", "index", "text", "signature", "data"];
        let [kind, format, index, text, signature, data] = pick(item, names).unwrap_or_default();
        let index = index.and_then(|index| index.parse().ok());
        // Only the first piece of a stream names its format.
        let goes_on = |last: &Thought<'_>| index.is_some() && last.index == index;
        if word(format) != FORMAT && (format.is_some() || !thoughts.last().is_some_and(goes_on)) {
            return Ok(());
        }
        match word(kind) {
            "reasoning.encrypted" => {
                if let Some(data) = filled(data) {
                    thoughts.push(Thought { index, data: Some(data), ..Thought::default() });
                }
            }
            "reasoning.text" => {
                // A client that keeps the pieces of a stream as they came sends them all.
                let is_next = |last: &Thought<'_>| {
                    let open = last.data.is_none() && last.index == index;
                    open && (index.is_some() || last.signature.is_none())
                };
                if !thoughts.last().is_some_and(is_next) {
                    thoughts.push(Thought { index, ..Thought::default() });
                }
                if let Some(thought) = thoughts.last_mut() {
                    if let Some(text) = string(text) {
                        thought.text.get_or_insert_default().push_str(text.raw());
                    }
                    thought.signature = filled(signature).or(thought.signature);
                }
            }
            _ => {}
        }
        Ok(())
    });
    if read.is_err() {
        return Vec::new();
    }
    // Clients that keep the last piece of a stream alone, as OpenAI's own helper for streams does, have a signature and nothing
    // that it is good for: a thought that was changed is an error, one that is missing is none.
    let is_whole =
        |thought: &Thought<'_>| thought.data.is_some() || thought.signature.is_some() && thought.text.is_some();
    thoughts.retain(is_whole);
    thoughts
}
