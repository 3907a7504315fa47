//! The body of the request to a provider: the client's own fields verbatim, but for what the provider's row and the
//! model's row say.

use super::params::{self, Fate};
use super::{messages, reasoning, search};
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{OutputLimitName, Prefill, ProviderSpec, StreamUsage};
use crate::catalog::quirk::Quirk;
use crate::dialect::encoded::Encoded;
use crate::dialect::request_body::RequestBody;
use crate::json::{ObjectWriter, ReadError, Reader, Str};
use crate::openai::request::ChatRequest;
use crate::routing::tokens;

/// Whether a model may make several calls at once.
const PARALLEL_TOOL_CALLS: &str = "parallel_tool_calls";

/// What makes vLLM go on with the last message.
const CONTINUE_FINAL_MESSAGE: [(&str, &str); 2] =
    [("continue_final_message", "true"), ("add_generation_prompt", "false")];

/// Writes the body for `model` at `provider`, which is to go on with the answer `so_far`, if there is one.
pub fn encode<'a>(
    request: &ChatRequest<'a>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    so_far: Option<&str>,
) -> Encoded<'a> {
    let effort = reasoning::applied(request, provider, model);
    let long = messages::as_they_stand(request, provider, model, effort, so_far);
    let fields: usize = request.fields.iter().map(|(key, value)| key.quoted().len() + value.len() + 2).sum();
    let written = if long.is_none() { request.messages.len() } else { 0 };
    let mut out = String::with_capacity(fields + written + 256);
    let mut body = ObjectWriter::new(&mut out);
    body.string("model", &model.upstream_id);
    let place = body.key("messages");
    if long.is_none() {
        messages::write(request, provider, model, effort, so_far, place);
    }
    let at = place.len();
    if request.stream {
        body.boolean("stream", true);
        stream_options(&mut body, request, provider);
    }
    if let Some(limit) = output_limit(request, provider, model) {
        let name = match provider.output_limit {
            OutputLimitName::MaxTokens => "max_tokens",
            OutputLimitName::MaxCompletionTokens => "max_completion_tokens",
            OutputLimitName::Either if request.old_limit_name => "max_tokens",
            OutputLimitName::Either => "max_completion_tokens",
        };
        let limit = u64::from(limit);
        let written = so_far.map_or(0, |text| tokens::of_text(text.len() as u64));
        body.number(name, limit.saturating_sub(written).max(1));
    }
    reasoning::write(&mut body, request, provider, model, effort);
    let mut complete = !params::has_more_than_fields(request);
    let mut search_tool = search::tool(request, provider, model);
    for (key, value) in &request.fields {
        let Some(name) = key.decode() else { continue };
        match params::fate(request, provider, model, &name, value) {
            Fate::Sent { name, value: other } => {
                let value = other.as_deref().unwrap_or(value);
                match name {
                    None if key.is("tools")
                        && let Some(tool) = search_tool.take() =>
                    {
                        body.raw("tools", &search::joined(value, tool));
                    }
                    Some(name) => body.raw(name, value),
                    None => body.verbatim(key.quoted(), value),
                }
            }
            Fate::Omitted => {}
            Fate::Dropped => complete = false,
        }
    }
    if let Some(tool) = search_tool {
        body.raw("tools", &search::joined("[]", tool));
    }
    let continues = so_far.is_some() && provider.prefill == Prefill::ContinueFinalMessage;
    for (name, json) in CONTINUE_FINAL_MESSAGE.iter().filter(|(name, _)| continues && request.get(name).is_none()) {
        body.raw(name, json);
    }
    let is_sent_as = |key: &Str<'_>, name: &str| {
        key.decode().is_some_and(|key| params::renamed(provider, &key).unwrap_or(&key) == name)
    };
    for (name, json) in provider.adds.iter() {
        if !request.fields.iter().any(|(key, _)| is_sent_as(key, name)) {
            body.raw(name, json);
        }
    }
    if provider.quirks.has(Quirk::OneCallAtATime)
        && request.tools > 0
        && model.capabilities.tools
        && request.get(PARALLEL_TOOL_CALLS).is_none()
    {
        body.raw(PARALLEL_TOOL_CALLS, "false");
    }
    if request.preferences.require_parameters && provider.quirks.has(Quirk::RequireParameters) {
        body.raw("provider", "{\"require_parameters\":true}");
    }
    body.end();
    let dropped = if complete { Vec::new() } else { params::dropped(request, provider, model) };
    Encoded { body: RequestBody::new(out, at, long.unwrap_or_default()), dropped, effort }
}

/// The most tokens of an answer that `model` is asked for, thoughts included; `None` = the provider's own.
pub fn output_limit(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) -> Option<u32> {
    let limit = request.output_limit.or(default_output(provider, model))?;
    let limit = reasoning::output_limit(limit, request, reasoning::applied(request, provider, model));
    Some(model.max_output.map_or(limit, |most| limit.min(most)))
}

/// The output limit where the client sends none; never more than half of the window, since the prompt needs room in it.
fn default_output(provider: &ProviderSpec, model: &ModelSpec) -> Option<u32> {
    let half = model.context_window.map_or(u32::MAX, |window| window / 2);
    provider.default_output.map(|limit| limit.min(half))
}

/// Asks for usage in the stream wherever it must be asked for: the accounts need it even if the client does not.
fn stream_options(body: &mut ObjectWriter<'_>, request: &ChatRequest<'_>, provider: &ProviderSpec) {
    if !provider.stream_options {
        return;
    }
    let ask = request.include_usage || provider.stream_usage != StreamUsage::None;
    let Some(options) = &request.stream_options else {
        if ask {
            body.raw("stream_options", "{\"include_usage\":true}");
        }
        return;
    };
    let mut merged = String::with_capacity(options.len() + 24);
    let mut object = ObjectWriter::new(&mut merged);
    object.boolean("include_usage", ask);
    let read = Reader::new(options).object::<ReadError>(|reader, key| {
        let value = reader.skip()?;
        let is_sent = || params::takes_stream_option(provider, &key.decode_lossy());
        if !key.is("include_usage") && value != "null" && is_sent() {
            object.verbatim(key.quoted(), value);
        }
        Ok(())
    });
    object.end();
    if read.is_ok() {
        body.raw("stream_options", &merged);
    }
}
