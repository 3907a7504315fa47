//! The thoughts of earlier answers, which clients send back as `reasoning`, `reasoning_content` or `reasoning_details`,
//! under the name that the provider wants.

use std::borrow::Cow;

use crate::catalog::model::{Effort, ModelSpec};
use crate::catalog::provider::ProviderSpec;
use crate::catalog::reasoning::ReasoningHistory;
use crate::dialect::encoded::AppliedEffort;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, push_string};
use crate::openai::request::{ChatRequest, MessageMember};

/// What stands for thoughts that are lost, where there must be some: DeepSeek refuses a history without them, an empty text
/// among them, and takes a space (NousResearch/hermes-agent#17341).
const LOST: &str = "\" \"";

/// Where thoughts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where they are.
    AsSent,
    /// Nowhere.
    Nowhere,
    /// Into this member of the message.
    Member(MessageMember),
    /// Into the content, as its first part.
    Content,
}

/// How thoughts go back to this model. One that does not think takes none, but for a server that takes what it is sent.
fn history(provider: &ProviderSpec, model: &ModelSpec) -> ReasoningHistory {
    let history = provider.reasoning.history;
    match history {
        ReasoningHistory::AsSent | ReasoningHistory::Details => history,
        ReasoningHistory::Refused
        | ReasoningHistory::Reasoning
        | ReasoningHistory::ReasoningContent
        | ReasoningHistory::ReasoningContentAlways
        | ReasoningHistory::ThinkingParts => {
            if model.capabilities.reasoning {
                history
            } else {
                ReasoningHistory::Refused
            }
        }
    }
}

impl Place {
    /// Where the thoughts of earlier answers go at this provider and model.
    pub(super) fn of(provider: &ProviderSpec, model: &ModelSpec) -> Self {
        match history(provider, model) {
            ReasoningHistory::AsSent => Self::AsSent,
            ReasoningHistory::Refused => Self::Nowhere,
            ReasoningHistory::Reasoning | ReasoningHistory::Details => Self::Member(MessageMember::Reasoning),
            ReasoningHistory::ReasoningContent | ReasoningHistory::ReasoningContentAlways => {
                Self::Member(MessageMember::ReasoningContent)
            }
            ReasoningHistory::ThinkingParts => Self::Content,
        }
    }
}

/// Whether a message's member is not sent under its own name.
pub(super) fn is_moved(provider: &ProviderSpec, model: &ModelSpec, member: MessageMember) -> bool {
    match Place::of(provider, model) {
        Place::AsSent => false,
        Place::Nowhere | Place::Content => is_thought(member),
        Place::Member(place) => is_thought(member) && member != place && !keeps_details(provider, member),
    }
}

/// Whether a member is not sent at all: the text of thoughts goes on under another name, what is signed or encrypted is of
/// use only to who made it.
pub(super) fn is_left_out(provider: &ProviderSpec, model: &ModelSpec, member: MessageMember) -> bool {
    match Place::of(provider, model) {
        Place::AsSent => false,
        Place::Nowhere => is_thought(member),
        Place::Member(_) | Place::Content => {
            member == MessageMember::ReasoningDetails && !keeps_details(provider, member)
        }
    }
}

fn keeps_details(provider: &ProviderSpec, member: MessageMember) -> bool {
    member == MessageMember::ReasoningDetails && provider.reasoning.history == ReasoningHistory::Details
}

/// Whether a member of a message is the reasoning of an earlier answer.
pub(super) fn is_thought(member: MessageMember) -> bool {
    [MessageMember::Reasoning, MessageMember::ReasoningContent, MessageMember::ReasoningDetails].contains(&member)
}

/// The thoughts of one message that are to go elsewhere.
#[derive(Debug, Default)]
pub(super) struct Thoughts<'m> {
    /// The text, as JSON.
    text: Option<Cow<'m, str>>,
    /// It is made of the details, and any other name says it better.
    of_details: bool,
}

impl<'m> Thoughts<'m> {
    /// Takes up a member of the message.
    pub(super) fn add(&mut self, member: MessageMember, value: &'m str) -> Result<(), ReadError> {
        if member == MessageMember::ReasoningDetails {
            if self.text.is_none() {
                self.text = of_details(value)?.map(Cow::Owned);
                self.of_details = true;
            }
        } else if value.starts_with('"') && value.len() > 2 && (self.text.is_none() || self.of_details) {
            self.text = Some(Cow::Borrowed(value));
            self.of_details = false;
        }
        Ok(())
    }

    /// Writes them as a member.
    pub(super) fn write(&self, place: MessageMember, message: &mut ObjectWriter<'_>) {
        if let Some(text) = &self.text {
            message.raw(place.key(), text);
        }
    }

    /// Writes them and `content` as one list of parts; `content` alone where there are none.
    pub(super) fn write_content(&self, content: Option<&str>, message: &mut ObjectWriter<'_>) {
        let Some(text) = &self.text else {
            if let Some(content) = content {
                message.raw("content", content);
            }
            return;
        };
        let parts = message.key("content");
        parts.push('[');
        let mut part = ObjectWriter::new(parts);
        part.string("type", "thinking");
        let thinking = part.key("thinking");
        thinking.push('[');
        text_part(text, thinking);
        thinking.push(']');
        part.boolean("closed", true);
        part.end();
        let content = content.unwrap_or_default();
        if let Some(others) = content.strip_prefix('[') {
            if !others.trim_start().starts_with(']') {
                parts.push(',');
            }
            parts.push_str(others);
            return;
        }
        if content.starts_with('"') && content.len() > 2 {
            parts.push(',');
            text_part(content, parts);
        }
        parts.push(']');
    }
}

fn text_part(text: &str, out: &mut String) {
    let mut part = ObjectWriter::new(out);
    part.string("type", "text");
    part.raw("text", text);
    part.end();
}

/// The texts and summaries in `reasoning_details` as one JSON string.
fn of_details(details: &str) -> Result<Option<String>, ReadError> {
    let mut text = String::new();
    let mut reader = Reader::new(details);
    if reader.peek()? == Kind::Array {
        reader.array::<ReadError>(|reader, _| {
            if reader.peek()? != Kind::Object {
                reader.skip()?;
                return Ok(());
            }
            reader.object::<ReadError>(|reader, key| {
                if (key.is("text") || key.is("summary")) && reader.peek()? == Kind::String {
                    text.push_str(&reader.string()?.decode_lossy());
                } else {
                    reader.skip()?;
                }
                Ok(())
            })
        })?;
    }
    if text.is_empty() {
        return Ok(None);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    push_string(&mut quoted, &text);
    Ok(Some(quoted))
}

/// Whether every earlier answer must have thoughts: with tools, where the model thinks.
pub(super) fn are_needed(
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    applied: AppliedEffort,
) -> bool {
    history(provider, model) == ReasoningHistory::ReasoningContentAlways
        && request.tools > 0
        && applied != AppliedEffort::Effort(Effort::None)
}

/// Gives the assistant's messages in the array that begins at `start` of `out` thoughts where they have none.
pub(super) fn fill(out: &mut String, start: usize) -> Result<(), ReadError> {
    let array = out.get(start..).unwrap_or_default();
    // Where something is put in, and up to where what stands there is left out.
    let mut gaps: Vec<(usize, usize)> = Vec::new();
    let mut reader = Reader::new(array);
    reader.array::<ReadError>(|reader, _| {
        let (mut is_assistant, mut has_thoughts, mut empty) = (false, false, None);
        reader.object::<ReadError>(|reader, key| {
            reader.peek()?;
            let from = reader.offset();
            let value = reader.skip()?;
            if key.is("role") {
                is_assistant = value == "\"assistant\"";
            } else if key.is(MessageMember::ReasoningContent.key()) {
                has_thoughts = value.len() > 2;
                empty = Some((from, reader.offset()));
            }
            Ok(())
        })?;
        if is_assistant && !has_thoughts {
            // Before the brace that closes the message.
            let end = reader.offset().saturating_sub(1);
            gaps.push(empty.unwrap_or((end, end)));
        }
        Ok(())
    })?;
    if gaps.is_empty() {
        return Ok(());
    }
    let mut filled = String::with_capacity(array.len() + gaps.len() * 32);
    let mut from = 0;
    for (at, until) in gaps {
        filled.push_str(array.get(from..at).unwrap_or_default());
        if at == until {
            filled.push_str(",\"reasoning_content\":");
        }
        filled.push_str(LOST);
        from = until;
    }
    filled.push_str(array.get(from..).unwrap_or_default());
    out.truncate(start);
    out.push_str(&filled);
    Ok(())
}
