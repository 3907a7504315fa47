//! Reads `models/*.toml`, and checks what can be checked of one row alone.

use super::fields::{Fields, File, Word};
use super::price::{self, Prices};
use super::problem::{Place, ProblemKind};
use super::provider::{MENDS, read_drops};
use super::reasoning::{ModelReasoning, read_model_reasoning};

/// The words of `capabilities`: each is the name of its field in the struct, too.
pub(crate) const CAPABILITIES: [Word; 8] = [
    ("tools", "tools"),
    ("json_object", "json_object"),
    ("json_schema", "json_schema"),
    ("vision", "vision"),
    ("reasoning", "reasoning"),
    ("web_search", "web_search"),
    ("image_output", "image_output"),
    ("audio_output", "audio_output"),
];
/// Lowest first.
pub(crate) const EFFORTS: [Word; 8] = [
    ("none", "None"),
    ("minimal", "Minimal"),
    ("low", "Low"),
    ("medium", "Medium"),
    ("high", "High"),
    ("xhigh", "Xhigh"),
    ("max", "Max"),
    ("default", "Default"),
];
/// `src/catalog/model.rs` has the same list, and a test holds the two together.
pub(crate) const THINKING: [Word; 8] = [
    ("none", "None"),
    ("budget", "Budget"),
    ("either", "Either"),
    ("adaptive", "Adaptive"),
    ("default_on", "DefaultOn"),
    ("always", "Always"),
    ("bound", "Bound"),
    ("bound_between_tools", "BoundBetweenTools"),
];
const REASONING_LEVELS: [Word; 3] = [("low", "Low"), ("medium", "Medium"), ("high", "High")];

/// Names that clients use for something else than a model.
pub(crate) const RESERVED: [&str; 1] = ["auto"];

/// A row of `MODELS`. Enum fields hold the name of the variant.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) upstream_id: String,
    pub(crate) context_window: Option<u32>,
    pub(crate) max_output: Option<u32>,
    pub(crate) prices: Option<Prices>,
    pub(crate) capabilities: Vec<&'static str>,
    pub(crate) efforts: Vec<&'static str>,
    pub(crate) reasoning: Option<ModelReasoning>,
    pub(crate) reasoning_level: &'static str,
    pub(crate) free: bool,
    pub(crate) auto: bool,
    pub(crate) drops: Vec<String>,
    pub(crate) mends: Vec<&'static str>,
    pub(crate) thinking: &'static str,
}

pub(crate) fn read(file: &File<'_>) -> Vec<Model> {
    let document = file.parse();
    let mut root = Fields::new(file, document.span(), document.get_ref());
    let provider = root.text("provider");
    let models = root.tables("model").into_iter().map(|fields| read_model(&provider, file, fields)).collect();
    root.finish();
    models
}

fn read_model<'a>(provider: &str, file: &'a File<'a>, mut fields: Fields<'a>) -> Model {
    let id = fields.text("id");
    let model = Model {
        place: fields.place(),
        provider: provider.to_owned(),
        upstream_id: fields.optional_text("upstream_id").unwrap_or_else(|| id.clone()),
        id,
        context_window: fields.tokens("context_window"),
        max_output: fields.tokens("max_output"),
        prices: price::read(file, &mut fields),
        capabilities: fields.words("capabilities", &CAPABILITIES),
        efforts: fields.words("efforts", &EFFORTS),
        reasoning: read_model_reasoning(&mut fields),
        reasoning_level: fields.word("reasoning_level", &REASONING_LEVELS),
        free: fields.flag_or("free", false),
        auto: fields.flag_or("auto", true),
        drops: read_drops(&mut fields),
        mends: fields.words("mends", &MENDS),
        thinking: fields.word_or("thinking", &THINKING, "None"),
    };
    check(&model, &fields);
    fields.finish();
    model
}

fn check(model: &Model, fields: &Fields<'_>) {
    if model.id.is_empty() || model.id.contains('/') {
        fields.report(ProblemKind::BadModelId { id: model.id.clone() });
    }
    if RESERVED.contains(&model.id.as_str()) {
        fields.report(ProblemKind::Reserved { name: model.id.clone() });
    }
    if let (Some(max_output), Some(context_window)) = (model.max_output, model.context_window)
        && max_output > context_window
    {
        fields.report(ProblemKind::OutputAboveWindow { max_output, context_window });
    }
    let controlled = !model.efforts.is_empty() || model.reasoning.is_some();
    if controlled && !model.capabilities.contains(&"reasoning") {
        fields.report(ProblemKind::EffortsWithoutReasoning);
    }
    let rank = |effort: &&str| EFFORTS.iter().position(|(_, variant)| variant == effort);
    if !model.efforts.iter().map(rank).is_sorted_by(|a, b| a < b) {
        fields.report(ProblemKind::EffortsOutOfOrder);
    }
}
