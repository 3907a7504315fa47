//! How much a model is asked to think, and whether to show it, in the fields of its provider. What is asked is decided by
//! [`applied`], once for the body, the header and the timeouts; [`write()`] only spells it.

use crate::catalog::model::{Effort, ModelSpec};
use crate::catalog::provider::ProviderSpec;
use crate::catalog::reasoning::{ReasoningControl, ReasoningText};
use crate::dialect::effort::{budget_of, clamp, effort_of, is_step, nearest};
use crate::dialect::encoded::AppliedEffort;
use crate::json::ObjectWriter;
use crate::openai::request::ChatRequest;

/// What the request says, whoever answers it.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    /// `reasoning.enabled: true` and no more: to think, as much as it likes.
    On,
    Effort(Effort),
    Budget(u32),
    /// The client did not say it of this model in so many words: [`ChatRequest::implied_effort`].
    Implied(Effort),
}

impl Asked {
    fn of(request: &ChatRequest<'_>, model: &ModelSpec) -> Self {
        let wish = &request.reasoning;
        match (wish.enabled, wish.max_tokens, wish.effort) {
            (Some(false), _, _) => Self::Effort(Effort::None),
            (_, Some(tokens), _) => Self::Budget(tokens),
            (_, None, Some(effort)) => Self::Effort(effort),
            (Some(true), None, None) => Self::On,
            (None, None, None) => request.implied_effort(model).map_or(Self::Nothing, Self::Implied),
        }
    }
}

fn control(provider: &ProviderSpec, model: &ModelSpec) -> ReasoningControl {
    model.reasoning.control.unwrap_or(provider.reasoning.control)
}

/// How much the model is asked to think: the client's wish, else what `min_reasoning_level` or the model's name asks for, moved to what the
/// model has. Nothing where the client speaks the provider's own fields.
pub fn applied(request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) -> AppliedEffort {
    let control = control(provider, model);
    if control == ReasoningControl::EffortWithoutTools && request.tools > 0 {
        return AppliedEffort::Effort(Effort::None);
    }
    let asked = Asked::of(request, model);
    if matches!(asked, Asked::Nothing) {
        return AppliedEffort::None;
    }
    let fields: &[&str] = match control {
        ReasoningControl::Effort
        | ReasoningControl::EffortWithoutTools
        | ReasoningControl::Object
        | ReasoningControl::Enabled => &[],
        ReasoningControl::EffortOrTokens | ReasoningControl::Thinking => &["thinking"],
        ReasoningControl::EnableThinking | ReasoningControl::TemplateThinking => {
            &["chat_template_kwargs", "reasoning_budget"]
        }
        ReasoningControl::Google => &["extra_body"],
    };
    if fields.iter().any(|field| request.get(field).is_some()) {
        return AppliedEffort::None;
    }
    let efforts = &model.efforts;
    let thinking = |effort: Option<Effort>| effort.map_or(AppliedEffort::None, AppliedEffort::Effort);
    let budgets = model.reasoning.budget.filter(|_| control.takes_budget());
    // Without a scale, an effort is a budget where there is one.
    let range = budgets.filter(|_| !efforts.iter().any(|effort| is_step(*effort)));
    let room = model.max_output.map_or(u32::MAX, |most| most.saturating_sub(1));
    let budget = |tokens: u32| AppliedEffort::Budget(tokens.min(room));
    match asked {
        Asked::Nothing => AppliedEffort::None,
        Asked::Budget(tokens) => match budgets {
            Some(range) => budget(clamp(tokens, range)),
            None if control == ReasoningControl::Object && model.capabilities.reasoning => budget(tokens),
            None => thinking(nearest(effort_of(tokens), efforts)),
        },
        Asked::Effort(Effort::None) => match range.filter(|_| !efforts.contains(&Effort::None)) {
            Some(range) => budget(range.min),
            None => thinking(nearest(Effort::None, efforts)),
        },
        Asked::Effort(effort) | Asked::Implied(effort) => match range.filter(|_| effort != Effort::Default) {
            Some(range) => budget(budget_of(effort, range)),
            None => thinking(nearest(effort, efforts)),
        },
        Asked::On => {
            let has_scale = efforts.iter().any(|effort| is_step(*effort));
            let is_switched = match control {
                ReasoningControl::Effort | ReasoningControl::EffortWithoutTools | ReasoningControl::Google => false,
                ReasoningControl::EffortOrTokens
                | ReasoningControl::Object
                | ReasoningControl::Enabled
                | ReasoningControl::Thinking
                | ReasoningControl::EnableThinking
                | ReasoningControl::TemplateThinking => true,
            };
            let is_switch = efforts.contains(&Effort::None) && is_switched;
            if efforts.contains(&Effort::Default) && !has_scale || is_switch {
                AppliedEffort::Effort(Effort::Default)
            } else if efforts.contains(&Effort::None) {
                // Off may be its default (gpt-5.1), and an effort is the only switch.
                thinking(nearest(Effort::Medium, efforts))
            } else {
                // It always thinks, or nobody can tell it to.
                AppliedEffort::None
            }
        }
    }
}

/// Whether what the client asks for is not what `applied` does.
pub fn is_refused(request: &ChatRequest<'_>, model: &ModelSpec, applied: AppliedEffort) -> bool {
    let is_off = match applied {
        AppliedEffort::None => false,
        AppliedEffort::Effort(Effort::None) => true,
        AppliedEffort::Effort(_) | AppliedEffort::Budget(_) => return false,
    };
    match Asked::of(request, model) {
        Asked::Nothing | Asked::Implied(_) => false,
        Asked::Effort(Effort::None) => model.capabilities.reasoning && !is_off,
        // Not to say it is what it asks for.
        Asked::Effort(Effort::Default) => is_off,
        Asked::On => is_off || !model.capabilities.reasoning,
        Asked::Effort(_) | Asked::Budget(_) => true,
    }
}

/// The output limit with room for the thoughts: providers count both, so a limit that the thoughts would use up is raised by
/// them.
pub fn output_limit(limit: u32, request: &ChatRequest<'_>, applied: AppliedEffort) -> u32 {
    let budget = match applied {
        AppliedEffort::None | AppliedEffort::Effort(Effort::None) => None,
        AppliedEffort::Budget(tokens) => Some(tokens),
        AppliedEffort::Effort(_) => request.reasoning.max_tokens,
    };
    budget.filter(|tokens| limit <= *tokens).map_or(limit, |tokens| limit.saturating_add(tokens))
}

/// Writes the fields of what is `applied`, and those that keep the thoughts away or bring them in a field of their own.
pub fn write(
    body: &mut ObjectWriter<'_>,
    request: &ChatRequest<'_>,
    provider: &ProviderSpec,
    model: &ModelSpec,
    applied: AppliedEffort,
) {
    let has_switch = model.efforts.contains(&Effort::None) || model.efforts.contains(&Effort::Default);
    let step = match applied {
        AppliedEffort::Effort(effort) if is_step(effort) => Some(effort),
        AppliedEffort::None | AppliedEffort::Effort(_) | AppliedEffort::Budget(_) => None,
    };
    // The switch: nothing is said, off, or on.
    let on = match applied {
        AppliedEffort::None => None,
        AppliedEffort::Effort(effort) => Some(effort != Effort::None).filter(|_| has_switch),
        AppliedEffort::Budget(_) => Some(true).filter(|_| has_switch),
    };
    match control(provider, model) {
        ReasoningControl::Effort | ReasoningControl::EffortWithoutTools => effort(body, applied),
        ReasoningControl::EffortOrTokens => match applied {
            AppliedEffort::Effort(Effort::Default) => thinking(body, true),
            AppliedEffort::Budget(tokens) => body.number("reasoning_effort", tokens.into()),
            AppliedEffort::None | AppliedEffort::Effort(_) => effort(body, applied),
        },
        ReasoningControl::Object => object(body, request, model, applied),
        ReasoningControl::Enabled => {
            if let Some(on) = on {
                let mut reasoning = ObjectWriter::new(body.key("reasoning"));
                reasoning.boolean("enabled", on);
                reasoning.end();
            }
            scale(body, step);
        }
        ReasoningControl::Thinking => {
            if let Some(on) = on {
                thinking(body, on);
            }
            scale(body, step);
        }
        ReasoningControl::EnableThinking => template(body, "enable_thinking", on, step, applied),
        ReasoningControl::TemplateThinking => template(body, "thinking", on, step, applied),
        ReasoningControl::Google => google(body, request, model, applied),
    }
    text(body, request, provider, model);
}

/// Thoughts only come when they are asked for, which the effort's field cannot: who says something of them and does not
/// exclude them gets both in one configuration.
fn google(body: &mut ObjectWriter<'_>, request: &ChatRequest<'_>, model: &ModelSpec, applied: AppliedEffort) {
    let wanted = match Asked::of(request, model) {
        Asked::Nothing | Asked::Implied(_) | Asked::Effort(Effort::None) => false,
        Asked::On | Asked::Effort(_) | Asked::Budget(_) => true,
    };
    let show = wanted && !request.reasoning.exclude && !model.efforts.is_empty();
    if !(show || matches!(applied, AppliedEffort::Budget(_))) || request.get("extra_body").is_some() {
        return effort(body, applied);
    }
    let mut extra = ObjectWriter::new(body.key("extra_body"));
    let mut google = ObjectWriter::new(extra.key("google"));
    let mut config = ObjectWriter::new(google.key("thinking_config"));
    match (applied, model.reasoning.budget) {
        (AppliedEffort::None, _) => {}
        (AppliedEffort::Budget(tokens), _) => config.number("thinking_budget", tokens.into()),
        (AppliedEffort::Effort(effort), Some(range)) => {
            config.number("thinking_budget", budget_of(effort, range).into());
        }
        (AppliedEffort::Effort(effort), None) => config.string("thinking_level", effort.as_str()),
    }
    if show {
        config.boolean("include_thoughts", true);
    }
    config.end();
    google.end();
    extra.end();
}

/// The whole wish as one effort, `none` and `default` among them.
fn effort(body: &mut ObjectWriter<'_>, applied: AppliedEffort) {
    if let AppliedEffort::Effort(effort) = applied {
        body.string("reasoning_effort", effort.as_str());
    }
}

/// Only the steps of a scale.
fn scale(body: &mut ObjectWriter<'_>, step: Option<Effort>) {
    if let Some(effort) = step {
        body.string("reasoning_effort", effort.as_str());
    }
}

fn thinking(body: &mut ObjectWriter<'_>, on: bool) {
    let mut thinking = ObjectWriter::new(body.key("thinking"));
    thinking.string("type", if on { "enabled" } else { "disabled" });
    thinking.end();
}

fn object(body: &mut ObjectWriter<'_>, request: &ChatRequest<'_>, model: &ModelSpec, applied: AppliedEffort) {
    let exclude = request.reasoning.exclude && model.capabilities.reasoning;
    if applied == AppliedEffort::None && !exclude {
        return;
    }
    let mut reasoning = ObjectWriter::new(body.key("reasoning"));
    match applied {
        AppliedEffort::None => {}
        AppliedEffort::Effort(Effort::Default) => reasoning.boolean("enabled", true),
        AppliedEffort::Effort(effort) => reasoning.string("effort", effort.as_str()),
        AppliedEffort::Budget(tokens) => reasoning.number("max_tokens", tokens.into()),
    }
    if exclude {
        reasoning.boolean("exclude", true);
    }
    reasoning.end();
}

fn template(body: &mut ObjectWriter<'_>, name: &str, on: Option<bool>, step: Option<Effort>, applied: AppliedEffort) {
    if let Some(on) = on {
        let mut arguments = ObjectWriter::new(body.key("chat_template_kwargs"));
        arguments.boolean(name, on);
        arguments.end();
    }
    if let AppliedEffort::Budget(tokens) = applied {
        body.number("reasoning_budget", tokens.into());
    }
    scale(body, step);
}

fn text(body: &mut ObjectWriter<'_>, request: &ChatRequest<'_>, provider: &ProviderSpec, model: &ModelSpec) {
    let text = model.reasoning.text.unwrap_or(provider.reasoning.text);
    let is_clients = || ["include_reasoning", "reasoning_format"].iter().any(|field| request.get(field).is_some());
    if text == ReasoningText::AsIs || !model.capabilities.reasoning || is_clients() {
        return;
    }
    match (text, request.reasoning.exclude) {
        (ReasoningText::IncludeReasoning, true) => body.boolean("include_reasoning", false),
        (ReasoningText::ReasoningFormat | ReasoningText::ParsedFormat, true) => {
            body.string("reasoning_format", "hidden");
        }
        (ReasoningText::ParsedFormat, false) => body.string("reasoning_format", "parsed"),
        (ReasoningText::AsIs, _) | (ReasoningText::IncludeReasoning | ReasoningText::ReasoningFormat, false) => {}
    }
}
