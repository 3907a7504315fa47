//! The answers of a whole reply, mended and held to their format.

use super::ask::{FormatBy, TOOL_NAME};
use super::check::Work;
use super::heal::{Extent, MAX_TEXT_BYTES, heal};
use super::schema::{Schema, Violation};
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, push_string};

/// What an answer must be.
#[derive(Clone, Copy, Debug)]
pub enum Rule<'s> {
    /// One JSON object.
    Object,
    /// What a schema says.
    Schema(&'s Schema),
}

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no JSON in it, or none that can be read in one way alone.
    NotJson,
    /// It breaks off, and the provider says that it is whole.
    BrokenOff,
    /// It does not follow its schema.
    Violates(Violation),
    /// It is longer than [`MAX_TEXT_BYTES`].
    TooLong,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotJson => f.write_str("the answer is not the JSON that was asked for"),
            Self::BrokenOff => f.write_str("the JSON of the answer breaks off"),
            Self::Violates(violation) => write!(f, "the answer does not follow the schema: {violation}"),
            Self::TooLong => write!(f, "the answer is longer than {MAX_TEXT_BYTES} bytes"),
        }
    }
}

impl From<ReadError> for Unusable {
    fn from(_: ReadError) -> Self {
        Self::NotJson
    }
}

impl Rule<'_> {
    fn check(self, json: &str, work: &mut Work) -> Result<(), Unusable> {
        match self {
            Self::Object if json.starts_with('{') => Ok(()),
            Self::Object => Err(Unusable::NotJson),
            Self::Schema(schema) => schema.check(json, work).map_err(Unusable::Violates),
        }
    }

    /// The JSON of an answer. `cut` = the provider says that it broke off at a limit.
    ///
    /// # Errors
    /// Why there is none.
    pub fn heal(self, text: &str, cut: bool, work: &mut Work) -> Result<String, Unusable> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Unusable::TooLong);
        }
        let mut why = Unusable::NotJson;
        let healed = heal(text, &mut |json| match self.check(json, work) {
            Ok(()) => true,
            Err(unusable) => {
                why = unusable;
                false
            }
        });
        match healed {
            Some(healed) if healed.extent != Extent::Cut || cut => Ok(healed.json.into_owned()),
            Some(_) => Err(Unusable::BrokenOff),
            None => Err(why),
        }
    }
}

type Members<'a> = Vec<(Str<'a>, &'a str)>;

fn members<'a>(object: &'a str) -> Result<Members<'a>, ReadError> {
    let mut members = Vec::new();
    Reader::new(object).object::<ReadError>(|reader, key| {
        members.push((key, reader.skip()?));
        Ok(())
    })?;
    Ok(members)
}

fn member<'a>(members: &[(Str<'a>, &'a str)], name: &str) -> Option<&'a str> {
    members.iter().find(|(key, value)| key.is(name) && *value != "null").map(|(_, value)| *value)
}

fn text(raw: &str) -> Option<String> {
    let mut reader = Reader::new(raw);
    let is_string = reader.peek() == Ok(Kind::String);
    is_string.then(|| reader.string().ok().map(|text| text.decode_lossy().into_owned())).flatten()
}

/// The array `choices` of a reply with every answer mended; `by` = how it was asked for. A refusal, what a filter held back
/// and a call of the client's own tools are no answers in that format, and stay.
///
/// # Errors
/// Why one of the answers cannot be used.
pub fn healed_choices(choices: &str, rule: Rule<'_>, by: FormatBy) -> Result<String, Unusable> {
    let mut work = Work::default();
    let mut out = String::with_capacity(choices.len());
    out.push('[');
    Reader::new(choices).array::<Unusable>(|reader, index| {
        if index > 0 {
            out.push(',');
        }
        choice(reader.skip()?, rule, by, &mut work, &mut out)
    })?;
    out.push(']');
    Ok(out)
}

fn choice(raw: &str, rule: Rule<'_>, by: FormatBy, work: &mut Work, out: &mut String) -> Result<(), Unusable> {
    let choice = members(raw)?;
    let message = members(member(&choice, "message").unwrap_or("{}"))?;
    let finish = member(&choice, "finish_reason").unwrap_or_default();
    let refusal = member(&message, "refusal").is_some_and(|refusal| refusal != "\"\"");
    let calls = member(&message, "tool_calls").filter(|calls| calls.bytes().any(|byte| byte == b'{'));
    let own_tool = by == FormatBy::Tool;
    let called = calls.is_some() || member(&message, "function_call").is_some();
    if refusal || finish == "\"content_filter\"" || (called && !own_tool) {
        out.push_str(raw);
        return Ok(());
    }
    let arguments = calls.filter(|_| own_tool).map(arguments).transpose()?.flatten();
    let content = arguments.or_else(|| member(&message, "content").and_then(text)).unwrap_or_default();
    let json = rule.heal(&content, finish == "\"length\"", work)?;
    let mut object = ObjectWriter::new(out);
    for (key, value) in &choice {
        if key.is("message") {
            let mut healed = ObjectWriter::new(object.key("message"));
            for (key, value) in &message {
                if !(key.is("content") || own_tool && key.is("tool_calls")) {
                    healed.verbatim(key.quoted(), value);
                }
            }
            push_string(healed.key("content"), &json);
            healed.end();
        } else if key.is("finish_reason") && own_tool && finish == "\"tool_calls\"" {
            object.string("finish_reason", "stop");
        } else {
            object.verbatim(key.quoted(), value);
        }
    }
    object.end();
    Ok(())
}

/// The arguments of the gateway's own tool, if that is what was called. Nobody knows which of two different ones is meant.
fn arguments(calls: &str) -> Result<Option<String>, Unusable> {
    let mut found: Option<String> = None;
    Reader::new(calls).array::<Unusable>(|reader, _| {
        let call = members(reader.skip()?)?;
        let function = members(member(&call, "function").unwrap_or("{}"))?;
        if member(&function, "name").and_then(text).is_some_and(|name| name == TOOL_NAME) {
            let arguments = member(&function, "arguments").and_then(text).unwrap_or_default();
            if found.as_ref().is_some_and(|known| *known != arguments) {
                return Err(Unusable::NotJson);
            }
            found = Some(arguments);
        }
        Ok(())
    })?;
    Ok(found)
}
