//! Reads what a provider's or model's row says about reasoning: `reasoning = { ... }`.

use super::fields::{Fields, Word};
use super::problem::ProblemKind;

const CONTROLS: [Word; 9] = [
    ("effort", "Effort"),
    ("effort_without_tools", "EffortWithoutTools"),
    ("effort_or_tokens", "EffortOrTokens"),
    ("object", "Object"),
    ("enabled", "Enabled"),
    ("thinking", "Thinking"),
    ("enable_thinking", "EnableThinking"),
    ("template_thinking", "TemplateThinking"),
    ("google", "Google"),
];
const TEXTS: [Word; 4] = [
    ("as_is", "AsIs"),
    ("include_reasoning", "IncludeReasoning"),
    ("reasoning_format", "ReasoningFormat"),
    ("parsed_format", "ParsedFormat"),
];
const HISTORIES: [Word; 7] = [
    ("as_sent", "AsSent"),
    ("refused", "Refused"),
    ("reasoning", "Reasoning"),
    ("reasoning_content", "ReasoningContent"),
    ("reasoning_content_always", "ReasoningContentAlways"),
    ("details", "Details"),
    ("thinking_parts", "ThinkingParts"),
];
/// The controls that take a number of tokens of a model that says its range.
const BUDGETS: [&str; 4] = ["EffortOrTokens", "EnableThinking", "TemplateThinking", "Google"];

/// A provider's. The fields hold the names of variants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reasoning {
    pub(crate) control: &'static str,
    pub(crate) text: &'static str,
    pub(crate) history: &'static str,
}

/// What a model changes of it, and its budget in tokens: least and most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelReasoning {
    pub(crate) control: Option<&'static str>,
    pub(crate) text: Option<&'static str>,
    pub(crate) budget: Option<(u32, u32)>,
}

/// A provider's; what it leaves out is as OpenAI's field has it.
pub(crate) fn read_reasoning(fields: &mut Fields<'_>) -> Reasoning {
    let mut reasoning = Reasoning { control: "Effort", text: "AsIs", history: "AsSent" };
    if let Some(mut fields) = fields.table("reasoning") {
        reasoning.control = fields.word_or("control", &CONTROLS, reasoning.control);
        reasoning.text = fields.word_or("text", &TEXTS, reasoning.text);
        reasoning.history = fields.word_or("history", &HISTORIES, reasoning.history);
        fields.finish();
    }
    reasoning
}

pub(crate) fn read_model_reasoning(fields: &mut Fields<'_>) -> Option<ModelReasoning> {
    let mut fields = fields.table("reasoning")?;
    let reasoning = ModelReasoning {
        control: fields.optional_word("control", &CONTROLS),
        text: fields.optional_word("text", &TEXTS),
        budget: fields.table("budget").map(read_budget),
    };
    fields.finish();
    Some(reasoning)
}

fn read_budget(mut fields: Fields<'_>) -> (u32, u32) {
    let (min, max) = (fields.count("min"), fields.count("max"));
    if max > 0 && min > max {
        fields.report(ProblemKind::BadBudget);
    }
    fields.finish();
    (min, max)
}

/// Whether a model that is told by `control` can be given a budget.
pub(crate) fn takes_budget(control: &str) -> bool {
    BUDGETS.contains(&control)
}
