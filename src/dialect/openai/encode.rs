//! The body of the request to a provider: the client's own fields verbatim, but for what the provider's row and the
//! model's row say.

use super::reasoning;
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{BodyPolicy, OutputLimitName, Prefill, ProviderSpec, StreamUsage};
use crate::dialect::encoded::Encoded;
use crate::json::{ObjectWriter, ReadError, Reader, Str};
use crate::openai::request::ChatRequest;
use crate::routing::tokens;

/// Fields that are never left out: an answer in another form than asked for would be an untrue one.
const KEPT: [&str; 2] = ["response_format", "n"];
/// Fields that make no sense without tools.
const TOOL_FIELDS: [&str; 3] = ["tools", "tool_choice", "parallel_tool_calls"];

/// What makes vLLM go on with the last message.
const CONTINUE_FINAL_MESSAGE: [(&str, &str); 2] =
    [("continue_final_message", "true"), ("add_generation_prompt", "false")];

/// Writes the body for `model` at `provider`, which is to go on with the answer `so_far`, if there is one.
pub fn encode(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec, so_far: Option<&str>) -> Encoded {
    let is_dropped = |name: &str| provider.drops.iter().chain(model.drops.iter()).any(|drop| *drop == name);
    let left_out = request.messages.members.filter(|member| is_dropped(member.path()));
    let mut dropped: Vec<String> = left_out.iter().map(|member| member.path().to_owned()).collect();
    let fields: usize = request.fields.iter().map(|(key, value)| key.quoted().len() + value.len() + 2).sum();
    let mut out = String::with_capacity(fields + request.messages.len() + 256);
    let mut body = ObjectWriter::new(&mut out);
    body.string("model", &model.upstream_id);
    let messages = body.key("messages");
    request.messages.write(left_out, messages);
    if let Some(text) = so_far {
        prefill(provider.prefill, text, messages);
    }
    if request.stream {
        body.boolean("stream", true);
        stream_options(&mut body, request, provider);
    }
    let effort = reasoning::applied(request, provider, model);
    if let Some(limit) = request.output_limit.or(default_output(provider, model)) {
        let name = match provider.output_limit {
            OutputLimitName::MaxTokens => "max_tokens",
            OutputLimitName::MaxCompletionTokens => "max_completion_tokens",
            OutputLimitName::Either if request.old_limit_name => "max_tokens",
            OutputLimitName::Either => "max_completion_tokens",
        };
        let limit = reasoning::output_limit(limit, request, effort);
        let limit = u64::from(model.max_output.map_or(limit, |most| limit.min(most)));
        let written = so_far.map_or(0, |text| tokens::of_text(text.len() as u64));
        body.number(name, limit.saturating_sub(written).max(1));
    }
    reasoning::write(&mut body, request, provider, model, effort);
    if reasoning::is_refused(request, model, effort) {
        dropped.push(request.reasoning.param().to_owned());
    }
    let renamed = |name: &str| provider.renames.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_ref());
    let is_sent_as = |key: &Str<'_>, name: &str| key.decode().is_some_and(|key| renamed(&key).unwrap_or(&key) == name);
    for (key, value) in &request.fields {
        let Some(name) = key.decode() else { continue };
        let renamed = renamed(&name);
        let sent = renamed.unwrap_or(&name);
        if name == "n" && request.n == 1 && !provider.multiple_choices {
            // The default; those who know no other value may not know the field either.
            continue;
        }
        let refused = is_dropped(&name)
            || (provider.body == BodyPolicy::Strict && !provider.accepts.iter().any(|field| field == sent))
            || (!model.capabilities.tools && TOOL_FIELDS.contains(&name.as_ref()));
        if refused && !KEPT.contains(&name.as_ref()) {
            dropped.push(name.into_owned());
            continue;
        }
        match renamed {
            // The client sends it under the provider's own name as well, and no field may be there twice.
            Some(to) if request.fields.iter().any(|(key, _)| key.is(to)) => {}
            Some(to) => body.raw(to, value),
            None => body.verbatim(key.quoted(), value),
        }
    }
    let continues = so_far.is_some() && provider.prefill == Prefill::ContinueFinalMessage;
    for (name, json) in CONTINUE_FINAL_MESSAGE.iter().filter(|(name, _)| continues && request.get(name).is_none()) {
        body.raw(name, json);
    }
    for (name, json) in provider.adds.iter() {
        if !request.fields.iter().any(|(key, _)| is_sent_as(key, name)) {
            body.raw(name, json);
        }
    }
    body.end();
    Encoded { body: out, dropped, effort }
}

/// The output limit where the client sends none; never more than half of the window, since the prompt needs room in it.
fn default_output(provider: &ProviderSpec, model: &ModelSpec) -> Option<u32> {
    let half = model.context_window.map_or(u32::MAX, |window| window / 2);
    provider.default_output.map(|limit| limit.min(half))
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
        if !key.is("include_usage") && value != "null" {
            object.verbatim(key.quoted(), value);
        }
        Ok(())
    });
    object.end();
    if read.is_ok() {
        body.raw("stream_options", &merged);
    }
}
