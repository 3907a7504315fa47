//! A whole (non-streamed) reply: judged, and with the gateway's own members put into it.

use crate::catalog::provider::ProviderSpec;
use crate::dialect::classify::{self, ErrorBody, Failure};
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str};
use crate::openai::finish_reason::is_failure;
use crate::routing::failure::ErrorClass;
use crate::usage::charge::Charge;
use crate::usage::tokens::TokenUsage;

/// A chat completion that is fit to be sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion<'a> {
    members: Vec<(Str<'a>, &'a str)>,
    /// The provider's `usage` object, if it sent one.
    pub usage: Option<&'a str>,
    /// The tokens in it.
    pub tokens: Option<TokenUsage>,
    /// What the provider says in it that the answer cost.
    pub charge: Option<Charge>,
    /// Bytes of text in the answers, for an estimate where `tokens` is missing.
    pub text_bytes: u64,
}

/// What one choice holds.
#[derive(Debug, Default)]
struct Choice<'a> {
    finish_reason: Option<Str<'a>>,
    error: Option<&'a str>,
    has_answer: bool,
    text_bytes: u64,
}

/// Judges the body of a 2xx reply.
///
/// # Errors
/// A [`Failure`] for an error in a 200, for what is no completion, and for one without any answer in it.
pub fn judge<'a>(
    body: &'a [u8],
    status: u16,
    provider: &ProviderSpec,
    secret: Option<&str>,
) -> Result<Completion<'a>, Failure> {
    let invalid = |message: &str| Failure::told(ErrorClass::InvalidReply, Some(status), message);
    let text = std::str::from_utf8(body).map_err(|_| invalid("the reply is not UTF-8"))?;
    if text.trim_ascii().is_empty() {
        return Err(invalid("the reply is empty"));
    }
    let completion = read(text).map_err(|_| invalid("the reply is not a JSON object"))?;
    let (members, choices) = completion;
    let member =
        |name: &str| members.iter().find(|(key, value)| key.is(name) && *value != "null").map(|(_, value)| *value);
    let in_choice = choices.iter().find_map(|choice| choice.error);
    if let Some(error) = member("error").or(in_choice) {
        return Err(error_in_success(error, text, status, provider, secret));
    }
    let broken = |choice: &Choice<'_>| choice.finish_reason.is_some_and(|reason| is_failure(reason.raw()));
    if choices.is_empty() {
        return Err(invalid("the reply has no choices"));
    }
    if choices.iter().any(broken) {
        return Err(invalid("the provider broke off the answer"));
    }
    // An empty text with the reason "stop" is a fault of the provider. With "length" or "content_filter" it is true.
    let empty = |choice: &Choice<'_>| {
        !choice.has_answer && choice.finish_reason.is_none_or(|reason| reason.is("stop") || reason.is("tool_calls"))
    };
    if choices.iter().all(empty) {
        return Err(invalid("the answer is empty"));
    }
    let usage = member("usage");
    let tokens = usage.and_then(|usage| TokenUsage::parse(usage, provider.reasoning_tokens));
    let charge = usage.and_then(|usage| Charge::parse(usage, provider.reported_cost));
    let text_bytes = choices.iter().map(|choice| choice.text_bytes).sum();
    Ok(Completion { members, usage, tokens, charge, text_bytes })
}

/// An error object in a 200: its own numeric code says what it is, where it has one.
pub fn error_in_success(
    error: &str,
    whole: &str,
    status: u16,
    provider: &ProviderSpec,
    secret: Option<&str>,
) -> Failure {
    let mut body = ErrorBody::parse(format!("{{\"error\":{error}}}").as_bytes());
    if body.message.is_none() {
        body = ErrorBody::parse(whole.as_bytes());
    }
    error_body_in_success(&body, status, provider, secret)
}

/// The same for an error body that was read already.
pub fn error_body_in_success(body: &ErrorBody, status: u16, provider: &ProviderSpec, secret: Option<&str>) -> Failure {
    let code = body.code.as_deref().and_then(|code| code.parse::<u16>().ok()).filter(|code| (400..600).contains(code));
    let judged = classify::error_reply(provider, code.unwrap_or(status), body, None, secret);
    Failure { status: Some(status), ..judged }
}

type Members<'a> = Vec<(Str<'a>, &'a str)>;

fn read(text: &str) -> Result<(Members<'_>, Vec<Choice<'_>>), ReadError> {
    let mut members = Vec::new();
    let mut choices = Vec::new();
    let mut reader = Reader::new(text);
    reader.object::<ReadError>(|reader, key| {
        reader.peek()?;
        let start = reader.offset();
        if key.is("choices") && reader.peek()? == Kind::Array {
            reader.array::<ReadError>(|reader, _| {
                choices.push(choice(reader)?);
                Ok(())
            })?;
        } else {
            reader.skip()?;
        }
        members.push((key, text.get(start..reader.offset()).unwrap_or_default()));
        Ok(())
    })?;
    reader.end()?;
    Ok((members, choices))
}

fn choice<'a>(reader: &mut Reader<'a>) -> Result<Choice<'a>, ReadError> {
    let mut choice = Choice::default();
    if reader.peek()? != Kind::Object {
        reader.skip()?;
        return Ok(choice);
    }
    reader.object::<ReadError>(|reader, key| {
        let kind = reader.peek()?;
        if key.is("finish_reason") && kind == Kind::String {
            choice.finish_reason = Some(reader.string()?);
        } else if key.is("error") && kind != Kind::Null {
            choice.error = Some(reader.skip()?);
        } else if key.is("message") && kind == Kind::Object {
            reader.object::<ReadError>(|reader, key| message_member(reader, key, &mut choice))?;
        } else {
            reader.skip()?;
        }
        Ok(())
    })?;
    Ok(choice)
}

/// Any of these, not empty, is an answer.
const ANSWERS: [&str; 9] = [
    "content",
    "reasoning",
    "reasoning_content",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
    "images",
    "reasoning_details",
];

/// Those whose bytes say nothing about tokens.
const NO_TEXT: [&str; 3] = ["audio", "images", "reasoning_details"];

fn message_member<'a>(reader: &mut Reader<'a>, key: Str<'a>, choice: &mut Choice<'a>) -> Result<(), ReadError> {
    let kind = reader.peek()?;
    let raw = reader.skip()?;
    if !ANSWERS.iter().any(|name| key.is(name)) {
        return Ok(());
    }
    let filled = match kind {
        Kind::String => raw.len() > 2,
        Kind::Array | Kind::Object => raw.bytes().any(|byte| !byte.is_ascii_whitespace() && !b"[]{}".contains(&byte)),
        Kind::Number | Kind::Bool | Kind::Null => false,
    };
    if filled {
        choice.has_answer = true;
        // Nobody is charged for a picture by the letters that it takes, and details repeat the reasoning.
        if !NO_TEXT.iter().any(|name| key.is(name)) {
            choice.text_bytes += raw.len().saturating_sub(2) as u64;
        }
    }
    Ok(())
}

impl<'a> Completion<'a> {
    /// The array `choices`.
    pub fn choices(&self) -> &'a str {
        let choices = self.members.iter().find(|(key, _)| key.is("choices"));
        choices.map_or("[]", |(_, value)| value)
    }

    /// With another array `choices`.
    #[must_use]
    pub fn with_choices(mut self, choices: &'a str) -> Self {
        for (key, value) in &mut self.members {
            if key.is("choices") {
                *value = choices;
            }
        }
        self
    }

    /// The reply with `usage` and `metadata` in place, everything else as the provider wrote it.
    pub fn with(&self, usage: &str, metadata: &str) -> String {
        let size: usize = self.members.iter().map(|(key, value)| key.quoted().len() + value.len() + 2).sum();
        let mut out = String::with_capacity(size + usage.len() + metadata.len() + 32);
        let mut reply = ObjectWriter::new(&mut out);
        for (key, value) in &self.members {
            if !key.is("usage") && !key.is("metadata") {
                reply.verbatim(key.quoted(), value);
            }
        }
        reply.raw("usage", usage);
        reply.raw("metadata", metadata);
        reply.end();
        out
    }
}
