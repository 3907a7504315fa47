//! What becomes of each parameter of a request at a provider and model: the one place that decides it. The encoder obeys it,
//! routing asks it where the client requires that nothing be left out, and the README's table is made from it.

use std::borrow::Cow;

use super::reasoning;
use super::thoughts;
use crate::catalog::model::{Effort, ModelSpec};
use crate::catalog::provider::{BodyPolicy, ProviderSpec, STREAM_OPTIONS, Text};
use crate::catalog::quirk::Quirk;
use crate::dialect::encoded::AppliedEffort;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, decimal};
use crate::openai::request::{ChatRequest, MessageMembers, MessageTrait, ToolChoice};

/// Fields that make no sense without tools.
pub(in crate::dialect) const TOOL_FIELDS: [&str; 5] =
    ["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"];
/// Fields that a model refuses because it thinks; where it is told not to, it takes them: OpenAI's from gpt-5.1 on
/// (vercel/ai's package for OpenAI, 2026-08).
const SAMPLING: [&str; 4] = ["temperature", "top_p", "logprobs", "top_logprobs"];

const THOUGHTLESS: AppliedEffort = AppliedEffort::Effort(Effort::None);

/// What becomes of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate<'p> {
    /// It is sent, under this name where the provider has another one, and as this JSON where it wants another value.
    Sent {
        /// The provider's name.
        name: Option<&'p str>,
        /// What is sent instead of the client's value.
        value: Option<Cow<'p, str>>,
    },
    /// It is not sent, and nothing is lost by it.
    Omitted,
    /// It is not sent, and the client is told.
    Dropped,
}

/// What becomes of the field `name` with the JSON `value`.
pub(super) fn fate<'p>(
    request: &ChatRequest<'_>,
    provider: &'p ProviderSpec,
    model: &ModelSpec,
    name: &str,
    value: &str,
) -> Fate<'p> {
    let renamed = renamed(provider, name);
    match name {
        // The default; those who know no other value may not know the field either.
        "n" if request.n == 1 && !provider.multiple_choices => return Fate::Omitted,
        // Never left out: an answer in another form than asked for would be an untrue one.
        "n" | "response_format" => {}
        _ if is_dropped(request, provider, model, name, renamed, value) => return Fate::Dropped,
        // The client sends it under the provider's own name as well, and no field may be there twice.
        _ if renamed.is_some_and(|to| request.get(to).is_some()) => return Fate::Omitted,
        _ => {}
    }
    Fate::Sent { name: renamed, value: in_form(provider, name, value) }
}

fn is_dropped(
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    name: &str,
    renamed: Option<&str>,
    value: &str,
) -> bool {
    let refused_by_model = || {
        let quiet = || SAMPLING.contains(&name) && reasoning::applied(request, provider, model) == THOUGHTLESS;
        has(&model.drops, name) && !quiet()
    };
    let without_tools = || {
        let lacks = !model.capabilities.tools && TOOL_FIELDS.contains(&name);
        // Without its `tool_choice` a model that must not call a tool would be free to.
        lacks || name == "tools" && request.tool_choice == ToolChoice::None && has(&provider.drops, "tool_choice")
    };
    let can = model.capabilities;
    let lacks_output = match name {
        "modalities" => request.image_output && !can.image_output || request.audio_output && !can.audio_output,
        "audio" => !can.audio_output,
        _ => false,
    };
    let refused = !takes(provider, name, renamed) || refused_by_model();
    refused || lacks_output || without_tools() || is_above_limit(provider, name, value)
}

/// Every parameter that is left out of `request` at this provider and model though the client might miss it, as the client
/// spelt it; `messages.name` for that member of any message.
pub fn dropped(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) -> Vec<String> {
    let members = members_left_out(request, provider, model);
    let mut dropped: Vec<String> = members.iter().map(|member| member.path().to_owned()).collect();
    if reasoning::is_refused(request, model, reasoning::applied(request, provider, model)) {
        dropped.push(request.reasoning.param().to_owned());
    }
    if request.computational_effort.is_some() {
        // Anthropic's alone.
        dropped.push("effort".to_owned());
    }
    if request.web_search.as_ref().is_some_and(|search| search.options.is_some()) {
        // No provider's tool takes OpenAI's options.
        dropped.push("web_search_options".to_owned());
    }
    if is_stripped(request, provider) {
        dropped.push(CACHE_CONTROL.to_owned());
    }
    if let Some(options) = &request.stream_options {
        let read = Reader::new(options).object::<ReadError>(|reader, key| {
            let value = reader.skip()?;
            let name = key.decode_lossy();
            if name != "include_usage" && value != "null" && !takes_stream_option(provider, &name) {
                dropped.push(format!("{STREAM_OPTIONS}{name}"));
            }
            Ok(())
        });
        debug_assert!(read.is_ok(), "it was read before");
    }
    for (key, value) in &request.fields {
        if let Some(name) = key.decode()
            && fate(request, provider, model, &name, value) == Fate::Dropped
        {
            dropped.push(name.into_owned());
        }
    }
    dropped
}

/// Whether the request has anything but fields that could be left out.
pub(super) fn has_more_than_fields(request: &ChatRequest<'_>) -> bool {
    let members = request.messages.marks.members != MessageMembers::default();
    members
        || request.stream_options.is_some()
        || request.web_search.is_some()
        || request.computational_effort.is_some()
        || request.messages.marks.has(MessageTrait::CacheMark)
        || !request.reasoning.is_silent()
}

/// The members of messages that are left out.
pub(super) fn members_left_out(
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
) -> MessageMembers {
    let is_left_out = |path: &str| has(&provider.drops, path) || has(&model.drops, path);
    let members = request.messages.marks.members;
    members.filter(|member| is_left_out(member.path()) || thoughts::is_left_out(provider, model, member))
}

/// Whether the provider takes this member of `stream_options`; `include_usage` is the gateway's own to send.
pub(super) fn takes_stream_option(provider: &ProviderSpec, member: &str) -> bool {
    let names = |name: &Text| name.strip_prefix(STREAM_OPTIONS) == Some(member);
    provider.stream_options
        && !provider.drops.iter().any(names)
        && (provider.body == BodyPolicy::Open || provider.accepts.iter().any(names))
}

/// The name under which the provider takes a field, where it is another one.
pub(in crate::dialect) fn renamed<'p>(provider: &'p ProviderSpec, name: &str) -> Option<&'p str> {
    provider.renames.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_ref())
}

pub(crate) fn takes(provider: &ProviderSpec, name: &str, renamed: Option<&str>) -> bool {
    let known = provider.body == BodyPolicy::Open || has(&provider.accepts, renamed.unwrap_or(name));
    known && !has(&provider.drops, name)
}

pub(in crate::dialect) fn has(names: &[Text], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

pub(in crate::dialect) fn is_above_limit(provider: &ProviderSpec, name: &str, value: &str) -> bool {
    let Some((_, most)) = provider.limits.iter().find(|(field, _)| field == name) else { return false };
    let mut reader = Reader::new(value);
    match reader.peek() {
        Ok(Kind::Number) => decimal(value).is_some_and(|number| number > f64::from(*most)),
        Ok(Kind::Array) => {
            let mut count = 0_u32;
            let read = reader.array::<ReadError>(|reader, _| {
                count += 1;
                reader.skip().map(|_| ())
            });
            read.is_ok() && count > *most
        }
        Ok(Kind::Object | Kind::String | Kind::Bool | Kind::Null) | Err(_) => false,
    }
}

/// What is sent instead of the value, where the provider wants it in another form.
pub(in crate::dialect) fn in_form<'p>(provider: &'p ProviderSpec, name: &str, value: &str) -> Option<Cow<'p, str>> {
    if let Some((_, most)) = provider.clamps.iter().find(|(field, _)| field == name) {
        return (decimal(value) > decimal(most)).then_some(Cow::Borrowed(most));
    }
    let has = |quirk| provider.quirks.has(quirk);
    match name {
        "stop" if value.starts_with('"') && has(Quirk::StopList) => Some(Cow::Owned(format!("[{value}]"))),
        "tool_choice" if value == "\"required\"" && has(Quirk::AnyForRequired) => Some(Cow::Borrowed("\"any\"")),
        "tools" => {
            let marked = !has(Quirk::CacheMarks) && value.contains(CACHE_CONTROL);
            let bare = if marked { tools_without_marks(value).ok() } else { None };
            let given = bare.as_deref().unwrap_or(value);
            if has(Quirk::NoAdditionalProperties) && given.contains(ADDITIONAL_PROPERTIES) {
                let mut out = String::with_capacity(given.len());
                let read = without_additional_properties(&mut Reader::new(given), &mut out);
                return read.is_ok().then_some(Cow::Owned(out));
            }
            bare.map(Cow::Owned)
        }
        _ => None,
    }
}

/// A mark of what is to be kept in a prompt cache.
const CACHE_CONTROL: &str = "cache_control";

/// Whether there are marks of a prompt cache in the messages that this provider does not know.
fn is_stripped(request: &ChatRequest<'_>, provider: &ProviderSpec) -> bool {
    request.messages.marks.has(MessageTrait::CacheMark) && !provider.quirks.has(Quirk::CacheMarks)
}

/// The tools without marks of a prompt cache; a parameter of that name is none.
fn tools_without_marks(tools: &str) -> Result<String, ReadError> {
    let mut out = String::with_capacity(tools.len());
    out.push('[');
    Reader::new(tools).array::<ReadError>(|reader, index| {
        if index > 0 {
            out.push(',');
        }
        let mut tool = ObjectWriter::new(&mut out);
        reader.object::<ReadError>(|reader, key| {
            let value = reader.skip()?;
            if key.is("function") {
                let mut function = ObjectWriter::new(tool.key("function"));
                Reader::new(value).object::<ReadError>(|reader, key| {
                    let value = reader.skip()?;
                    if !key.is(CACHE_CONTROL) {
                        function.verbatim(key.quoted(), value);
                    }
                    Ok(())
                })?;
                function.end();
            } else if !key.is(CACHE_CONTROL) {
                tool.verbatim(key.quoted(), value);
            }
            Ok(())
        })?;
        tool.end();
        Ok(())
    })?;
    out.push(']');
    Ok(out)
}

const ADDITIONAL_PROPERTIES: &str = "additionalProperties";

/// Copies a value without the members `"additionalProperties": false` at any depth; the reader bounds the depth.
fn without_additional_properties(reader: &mut Reader<'_>, out: &mut String) -> Result<(), ReadError> {
    match reader.peek()? {
        Kind::Object => {
            let mut object = ObjectWriter::new(out);
            reader.object::<ReadError>(|reader, key| {
                if key.is(ADDITIONAL_PROPERTIES) && reader.clone().skip()? == "false" {
                    return reader.skip().map(|_| ());
                }
                without_additional_properties(reader, object.value_of(key.quoted()))
            })?;
            object.end();
        }
        Kind::Array => {
            out.push('[');
            reader.array::<ReadError>(|reader, index| {
                if index > 0 {
                    out.push(',');
                }
                without_additional_properties(reader, out)
            })?;
            out.push(']');
        }
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => out.push_str(reader.skip()?),
    }
    Ok(())
}
