//! The body of a request to Anthropic's Messages, made of OpenAI's. Source: platform.claude.com/docs/en/api/messages.

use std::borrow::Cow;

use super::conversation::{Conversation, Ways};
use super::marks::Marks;
use super::thinking::Plan;
use super::{is_bound, schema, tools};
use crate::catalog::model::{ModelSpec, Thinking};
use crate::catalog::provider::{Prefill, ProviderSpec};
use crate::dialect::encoded::{AppliedEffort, Encoded};
use crate::dialect::openai::params;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, push_string};
use crate::openai::request::{ChatRequest, MessageMember};
use crate::routing::tokens;
use crate::structured::ask::instruction;

/// The output limit where neither the client nor the model's row says one, in tokens: Anthropic requires it. Every model that
/// speaks this format writes as much.
const MAX_TOKENS: u32 = 8192;
/// Fields that are never left out: an answer in another form than asked for would be an untrue one.
const KEPT: [&str; 2] = ["response_format", "n"];

/// What is told where arguments in earlier answers are no object and cannot be made one: the provider takes no other.
pub const LOST_ARGUMENTS: &str = "messages.tool_calls.arguments";

/// How much `model` is asked to think, but for a tool that must be called, which may rule it out.
pub fn applied(request: &ChatRequest<'_>, model: &ModelSpec) -> AppliedEffort {
    Plan::new(request, model, false).told
}

/// Writes the body for `model` at `provider`, which is to go on with the answer `so_far`, if there is one.
pub fn encode<'a>(
    request: &ChatRequest<'a>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    so_far: Option<&str>,
) -> Encoded<'a> {
    let takes = |name: &str| {
        params::takes(provider, name, params::renamed(provider, name))
            && !params::has(&model.drops, name)
            && (model.capabilities.tools || !params::TOOL_FIELDS.contains(&name))
    };
    let choice = tools::Choice::of(request);
    let offered = request.get("tools").filter(|_| takes("tools"));
    let forced = offered.is_some() && choice.is_forced();
    let takes_forced = tools::takes_forced(model);
    let mut plan = Plan::new(request, model, forced && takes_forced);
    let mut dropped = left_out_of_messages(request, provider, model, &plan);
    let prefills = provider.prefill == Prefill::Assistant && !is_newer(model) && !plan.is_on();

    let mut out = String::with_capacity(request.messages.len() + request.tool_bytes + 512);
    let mut body = ObjectWriter::new(&mut out);
    body.string("model", &model.upstream_id);
    let mut marks = Marks::new();
    if let Some(mark) = request.get("cache_control").filter(|_| takes("cache_control")) {
        marks.write(&mut body, Some(mark));
    }
    let mut list = String::new();
    if let Some(raw) = offered {
        tools::push_tools(&mut list, raw, &choice, model, &mut marks);
    }
    if let Some(search) = &request.web_search {
        if model.capabilities.web_search {
            tools::push_web_search(&mut list, search);
        } else {
            dropped.push(if search.options.is_some() { "web_search_options" } else { "web_search" }.to_owned());
        }
    }
    if !list.is_empty() {
        let tools = body.key("tools");
        tools.push('[');
        tools.push_str(&list);
        tools.push(']');
    }
    if offered.is_some() {
        choice.write(&mut body, takes_forced);
    }
    let ways = Ways {
        prefills: prefills && so_far.is_none(),
        // What is put before a thought that is bound to its conversation voids it.
        system_in_place: is_bound(model),
        thoughts: plan.keeps_thoughts(),
    };
    let conversation = Conversation::write(request, body.key("messages"), marks, ways);
    let binds = conversation.has_thoughts && is_bound(model);
    if conversation.marks.overflowed() {
        dropped.push("cache_control".to_owned());
    }
    if conversation.lost_arguments {
        dropped.push(LOST_ARGUMENTS.to_owned());
    }
    if conversation.answers_thoughtless_calls() {
        plan.without_budget(request);
    }
    let mut instructions = Vec::new();
    if forced && !takes_forced {
        instructions.push(choice.instruction());
    }
    let schema = request.schema.as_deref().and_then(schema::fit);
    if request.schema.is_some() && schema.is_none() {
        instructions.push(instruction(request.schema.as_deref()));
    }
    let system = conversation.end(so_far, &instructions, prefills);
    if !system.is_empty() {
        let out = body.key("system");
        out.push('[');
        out.push_str(&system);
        out.push(']');
    }
    let limit = request.output_limit.or(model.max_output).or(provider.default_output).unwrap_or(MAX_TOKENS);
    let limit = plan.fit_limit(model.max_output.map_or(limit, |most| limit.min(most)), model.max_output);
    let written = so_far.map_or(0, |text| tokens::of_text(text.len() as u64));
    body.number("max_tokens", u64::from(limit).saturating_sub(written).max(1));
    if request.stream {
        body.boolean("stream", true);
    }
    plan.write(&mut body, request.reasoning.exclude, binds);
    output_config(&mut body, schema.as_deref(), &plan);
    if plan.refused {
        dropped.push(request.reasoning.param().to_owned());
    }
    if plan.effort_refused {
        dropped.push("effort".to_owned());
    }
    let mut user = None;
    for (key, value) in &request.fields {
        let Some(name) = key.decode() else { continue };
        let sent = match name.as_ref() {
            kept if KEPT.contains(&kept) => true,
            name if !takes(name) || params::is_above_limit(provider, name, value) => false,
            "tools" | "tool_choice" | "parallel_tool_calls" | "cache_control" => true,
            "temperature" | "top_p" | "top_k" if plan.is_on() => false,
            // One of the two, not both.
            "top_p" if request.get("temperature").is_some_and(|_| takes("temperature")) => false,
            "stop" => stop(&mut body, value),
            "user" | "safety_identifier" => {
                user.get_or_insert(value);
                true
            }
            "service_tier" => service_tier(&mut body, value),
            name => {
                let value = params::in_form(provider, name, value).unwrap_or(Cow::Borrowed(value));
                body.raw(params::renamed(provider, name).unwrap_or(name), &value);
                true
            }
        };
        if !sent {
            dropped.push(name.into_owned());
        }
    }
    if let Some(user) = user {
        let mut metadata = ObjectWriter::new(body.key("metadata"));
        metadata.raw("user_id", user);
        metadata.end();
    }
    for (name, json) in provider.adds.iter().filter(|(name, _)| request.get(name).is_none()) {
        body.raw(name, json);
    }
    body.end();
    Encoded { body: out.into(), dropped, effort: plan.told }
}

/// Models of 4.6 and later: they refuse to go on with an answer that is given to them.
const fn is_newer(model: &ModelSpec) -> bool {
    !matches!(model.thinking, Thinking::None | Thinking::Budget)
}

/// The members of messages that cannot be sent: a thought needs its signature, which is in the details only.
fn left_out_of_messages(
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    plan: &Plan,
) -> Vec<String> {
    let members = request.messages.marks.members;
    let has_details = members.iter().any(|member| member == MessageMember::ReasoningDetails);
    let left_out = members.filter(|member| match member {
        MessageMember::Reasoning | MessageMember::ReasoningContent => !has_details,
        MessageMember::ReasoningDetails => {
            !plan.keeps_thoughts()
                || params::has(&provider.drops, member.path())
                || params::has(&model.drops, member.path())
        }
        MessageMember::Name
        | MessageMember::Annotations
        | MessageMember::Refusal
        | MessageMember::Images
        | MessageMember::Audio => true,
    });
    left_out.iter().map(|member| member.path().to_owned()).collect()
}

fn output_config(body: &mut ObjectWriter<'_>, schema: Option<&str>, plan: &Plan) {
    if plan.effort.is_none() && schema.is_none() {
        return;
    }
    let mut config = ObjectWriter::new(body.key("output_config"));
    if let Some(effort) = plan.effort {
        config.string("effort", effort.as_str());
    }
    if let Some(schema) = schema {
        let mut format = ObjectWriter::new(config.key("format"));
        format.string("type", "json_schema");
        format.raw("schema", schema);
        format.end();
    }
    config.end();
}

/// Sequences of nothing but white space are an error there; without one that is sent, the field was not.
fn stop(body: &mut ObjectWriter<'_>, value: &str) -> bool {
    let mut reader = Reader::new(value);
    let mut sequences = String::new();
    let mut add = |reader: &mut Reader<'_>| {
        let text = reader.string()?.decode_lossy();
        if !text.trim().is_empty() {
            sequences.push(if sequences.is_empty() { '[' } else { ',' });
            push_string(&mut sequences, &text);
        }
        Ok(())
    };
    // It was checked when the request was read.
    let read: Result<(), ReadError> = match reader.peek() {
        Ok(Kind::Array) => reader.array(|reader, _| add(reader)),
        _ => add(&mut reader),
    };
    if read.is_err() || sequences.is_empty() {
        return false;
    }
    sequences.push(']');
    body.raw("stop_sequences", &sequences);
    true
}

/// OpenAI's `default` is the standard tier.
fn service_tier(body: &mut ObjectWriter<'_>, value: &str) -> bool {
    let tier = match value {
        "\"auto\"" => "auto",
        "\"default\"" | "\"standard\"" | "\"standard_only\"" => "standard_only",
        _ => return false,
    };
    body.string("service_tier", tier);
    true
}
