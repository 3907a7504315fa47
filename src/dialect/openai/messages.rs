//! The messages as a provider wants them: without the members that it refuses, with the roles that it knows, and with
//! contents and ids of tool calls in its form. Messages that have nothing of this are never looked at again.

use std::borrow::Cow;

use memchr::memchr2_iter;

use super::params;
use super::thoughts::{self, Place, Thoughts};
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{Prefill, ProviderSpec};
use crate::catalog::quirk::Quirk;
use crate::dialect::encoded::AppliedEffort;
use crate::dialect::request_body::LONG_BODY_BYTES;
use crate::hash::fnv_1a;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, push_string, rewrite_objects};
use crate::openai::request::{ChatRequest, EXTRA_CONTENT, MessageMarks, MessageMember, MessageTrait, ResponseFormat};
use crate::structured::ask::{instructed, instruction, member};

/// What stands between two texts of one message that are made one.
const BETWEEN_TEXTS: &str = "\n";

/// The quirks that are about messages, and what has to be there for each.
const CHANGES: [(Quirk, MessageTrait); 4] = [
    (Quirk::NoDeveloperRole, MessageTrait::Developer),
    (Quirk::NineCharacterCallIds, MessageTrait::CallId),
    (Quirk::NoNullContent, MessageTrait::NoContent),
    (Quirk::NoTextParts, MessageTrait::TextParts),
];

/// What a message with tool calls may have that is changed in the calls.
const CALLS: [MessageTrait; 3] = [MessageTrait::CallId, MessageTrait::ExtraContent, MessageTrait::Calls];

/// Writes the array, at its end the beginning of the answer if there is one.
pub(super) fn write(
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    applied: AppliedEffort,
    so_far: Option<&str>,
    out: &mut String,
) {
    let changes = changes(request, provider, model);
    let place = Place::of(provider, model);
    let start = out.len();
    // Messages were read before, so that writing them anew cannot fail.
    request.messages.write(changes, &|message, todo| changed(message, todo, place).ok(), out);
    if thoughts::are_needed(request, provider, model, applied) {
        let filled = thoughts::fill(out, start);
        debug_assert!(filled.is_ok(), "it was written here");
    }
    if must_say_json(request, provider)
        && !says_json(out.get(start..).unwrap_or_default())
        && let Ok(told) = instructed(out.get(start..).unwrap_or_default(), &instruction(None))
    {
        out.truncate(start);
        out.push_str(&told);
    }
    if let Some(text) = so_far {
        prefill(provider.prefill, text, out);
    }
}

/// The array as the client sent it, if it is long and nothing of it is changed for this provider.
pub(super) fn as_they_stand<'a>(
    request: &ChatRequest<'a>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    applied: AppliedEffort,
    so_far: Option<&str>,
) -> Option<&'a str> {
    let is_long = request.messages.len() >= LONG_BODY_BYTES;
    if !is_long
        || so_far.is_some()
        || must_say_json(request, provider)
        || thoughts::are_needed(request, provider, model, applied)
    {
        return None;
    }
    request.messages.unchanged(changes(request, provider, model))
}

/// What of the messages is not for this provider as it stands.
fn changes(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) -> MessageMarks {
    let left_out = params::members_left_out(request, provider, model);
    let mut changes = MessageMarks::default();
    changes.members = request
        .messages
        .marks
        .members
        .filter(|member| left_out.has(member) || thoughts::is_moved(provider, model, member));
    for (_, needed) in CHANGES.into_iter().filter(|(quirk, _)| provider.quirks.has(*quirk)) {
        changes.insert(needed);
    }
    if !provider.quirks.has(Quirk::CacheMarks) {
        changes.insert(MessageTrait::CacheMark);
    }
    if !provider.quirks.has(Quirk::CallSignatures) {
        changes.insert(MessageTrait::ExtraContent);
    } else if wants_signatures(model) {
        changes.insert(MessageTrait::Calls);
    }
    changes
}

/// The provider wants the word JSON in the messages for an answer of this format.
fn must_say_json(request: &ChatRequest<'_>, provider: &ProviderSpec) -> bool {
    request.response_format == ResponseFormat::JsonObject && provider.quirks.has(Quirk::JsonInPrompt)
}

/// One message with what is in `todo` left out or put into the provider's form; its thoughts go to `place`.
fn changed(message: &str, todo: MessageMarks, place: Place) -> Result<String, ReadError> {
    let mut out = String::with_capacity(message.len());
    let mut written = ObjectWriter::new(&mut out);
    if todo.has(MessageTrait::NoContent) {
        written.string("content", "");
    }
    let is_thoughtful = todo.members.iter().any(thoughts::is_thought);
    let mut thoughts = Thoughts::default();
    // What stays for the end: a content that thoughts may be put into, or that is nothing without them.
    let mut content = None;
    let (mut has_content, mut has_calls, mut has_place) = (todo.has(MessageTrait::NoContent), false, false);
    Reader::new(message).object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        let is_left_out = |member: &MessageMember| todo.members.has(*member) && key.is(member.key());
        if let Some(member) = MessageMember::ALL.into_iter().find(is_left_out) {
            return if thoughts::is_thought(member) { thoughts.add(member, value) } else { Ok(()) };
        }
        if key.is("content") {
            if todo.has(MessageTrait::NoContent) {
                return Ok(());
            }
            if is_thoughtful && (place == Place::Content || value == "null") {
                content = Some(value);
                return Ok(());
            }
            has_content = true;
        }
        has_calls |= key.is("tool_calls");
        has_place |= matches!(place, Place::Member(member) if key.is(member.key()));
        if key.is("role") && todo.has(MessageTrait::Developer) {
            written.string("role", "system");
        } else if key.is("content") && todo.has(MessageTrait::TextParts) {
            written.string("content", &joined(value)?);
        } else if key.is("content") && todo.has(MessageTrait::CacheMark) && value.starts_with('[') {
            unmarked(value, written.key("content"))?;
        } else if key.is("cache_control") && todo.has(MessageTrait::CacheMark)
            || key.is(EXTRA_CONTENT) && todo.has(MessageTrait::ExtraContent)
        {
        } else if key.is("tool_call_id") && todo.has(MessageTrait::CallId) {
            call_id(value, written.key("tool_call_id"))?;
        } else if key.is("tool_calls") && CALLS.into_iter().any(|of| todo.has(of)) {
            calls(value, todo, written.key("tool_calls"))?;
        } else {
            written.verbatim(key.quoted(), value);
        }
        Ok(())
    })?;
    if is_thoughtful {
        match place {
            Place::Content => thoughts.write_content(content, &mut written),
            // There was nothing but thoughts, and a message must have something.
            Place::Nowhere if !has_content && !has_calls => written.string("content", ""),
            Place::AsSent | Place::Nowhere | Place::Member(_) => {
                if let Some(content) = content {
                    written.raw("content", content);
                }
            }
        }
        if let Place::Member(member) = place
            && !has_place
        {
            thoughts.write(member, &mut written);
        }
    }
    written.end();
    Ok(out)
}

/// A list of parts without marks of a prompt cache.
fn unmarked(parts: &str, out: &mut String) -> Result<(), ReadError> {
    rewrite_objects(&mut Reader::new(parts), out, &mut |reader, _, out| {
        let mut part = ObjectWriter::new(out);
        reader.object::<ReadError>(|reader, key| {
            let value = reader.skip()?;
            if !key.is("cache_control") {
                part.verbatim(key.quoted(), value);
            }
            Ok(())
        })?;
        part.end();
        Ok(())
    })
}

/// The texts of a list of parts as one.
fn joined(parts: &str) -> Result<String, ReadError> {
    let mut texts = String::with_capacity(parts.len());
    Reader::new(parts).array::<ReadError>(|reader, index| {
        if index > 0 {
            texts.push_str(BETWEEN_TEXTS);
        }
        reader.object(|reader, key| {
            if key.is("text") && reader.peek()? == Kind::String {
                texts.push_str(&reader.string()?.decode_lossy());
            } else {
                reader.skip()?;
            }
            Ok(())
        })
    })?;
    Ok(texts)
}

/// What Google takes where the signature of a thought is lost (ai.google.dev/gemini-api/docs/thought-signatures).
const LOST_SIGNATURE: &str = r#"{"google":{"thought_signature":"skip_thought_signature_validator"}}"#;

/// Whether the model refuses a history whose calls are not signed: Gemini 3 and later, which are the ones that are told a
/// level of thought and not a budget.
fn wants_signatures(model: &ModelSpec) -> bool {
    !model.efforts.is_empty() && model.reasoning.budget.is_none()
}

/// Whether the word JSON stands anywhere in the messages.
fn says_json(messages: &str) -> bool {
    let messages = messages.as_bytes();
    // From one j to the next: there may be megabytes of images.
    memchr2_iter(b'j', b'J', messages)
        .any(|at| messages.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b"json")))
}

/// A list of tool calls as the provider wants it: with ids of nine characters, without what is for another provider, or with
/// a signature on the first one, which is the one that must have it.
fn calls(raw: &str, todo: MessageMarks, out: &mut String) -> Result<(), ReadError> {
    rewrite_objects(&mut Reader::new(raw), out, &mut |reader, index, out| {
        let mut call = ObjectWriter::new(out);
        let mut is_signed = index > 0 || !todo.has(MessageTrait::Calls);
        reader.object::<ReadError>(|reader, key| {
            let value = reader.skip()?;
            if key.is("id") && todo.has(MessageTrait::CallId) {
                return call_id(value, call.key("id"));
            }
            if key.is(EXTRA_CONTENT) {
                let is_kept = !todo.has(MessageTrait::ExtraContent) && (is_signed || has_signature(value));
                if !is_kept {
                    return Ok(());
                }
                is_signed = true;
            }
            call.verbatim(key.quoted(), value);
            Ok(())
        })?;
        if !is_signed {
            call.raw(EXTRA_CONTENT, LOST_SIGNATURE);
        }
        call.end();
        Ok(())
    })
}

/// Whether an `extra_content` has the signature of a thought.
fn has_signature(extra: &str) -> bool {
    let google = member(extra, "google").unwrap_or_default();
    member(google, "thought_signature").is_some_and(|signature| signature.starts_with('"') && signature.len() > 2)
}

/// An id of a tool call, as JSON.
fn call_id(raw: &str, out: &mut String) -> Result<(), ReadError> {
    let mut reader = Reader::new(raw);
    if reader.peek()? == Kind::String {
        push_string(out, &nine_characters(&reader.string()?.decode_lossy()));
    } else {
        out.push_str(raw);
    }
    Ok(())
}

/// The id itself, if it is nine letters and digits, else nine that are made of it: always the same ones, so that an answer
/// finds its call whichever message they stand in.
fn nine_characters(id: &str) -> Cow<'_, str> {
    const LENGTH: usize = 9;
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(id);
    }
    let mut rest = fnv_1a(id);
    let digits = (0..LENGTH).map(|_| {
        let digit = rest % DIGITS.len() as u64;
        rest /= DIGITS.len() as u64;
        usize::try_from(digit).ok().and_then(|at| DIGITS.get(at)).copied().map_or('0', char::from)
    });
    Cow::Owned(digits.collect())
}

/// Adds the beginning of the answer to the array `messages`.
fn prefill(prefill: Prefill, text: &str, messages: &mut String) {
    if messages.pop() != Some(']') {
        return;
    }
    messages.push(',');
    let mut message = ObjectWriter::new(messages);
    message.string("role", "assistant");
    message.string("content", text);
    if prefill == Prefill::Prefix {
        message.boolean("prefix", true);
    }
    message.end();
    messages.push(']');
}
