//! The README's table "parameter x provider": measured at the encoder, row by row of the catalogue, so that it says what is
//! sent and not what somebody remembers.
//!
//! `npm run docs:params` (that is `UPDATE_README=1 cargo test --test native readme_params`) writes it anew.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::ModelSpec;
use opengateway::catalog::provider::ProviderSpec;
use opengateway::openai::request::ChatRequest;
use serde_json::{Map, Value, json};

use crate::dialect_fixture::{able, encode};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- parameters: written by `npm run docs:params` -->\n";
const END: &str = "<!-- /parameters -->\n";

const SENT: &str = "✓";
const LEFT_OUT: &str = "–";

/// The parameters in the order of the table, each with a value that every provider would have to refuse, clamp or take.
fn parameters() -> Vec<(&'static str, Value)> {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    vec![
        ("max_tokens", json!(7)),
        ("max_completion_tokens", json!(7)),
        ("temperature", json!(2)),
        ("top_p", json!(0.5)),
        ("n", json!(2)),
        ("stop", json!(["x"])),
        ("seed", json!(7)),
        ("presence_penalty", json!(1)),
        ("frequency_penalty", json!(1)),
        ("logit_bias", json!({"1": 1})),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(1)),
        ("tools", tools),
        ("tool_choice", json!("required")),
        ("parallel_tool_calls", json!(false)),
        ("user", json!("u")),
        ("safety_identifier", json!("u")),
        ("service_tier", json!("auto")),
        ("prompt_cache_key", json!("k")),
        ("prompt_cache_retention", json!("24h")),
        ("store", json!(false)),
        ("metadata", json!({"a": "b"})),
        ("prediction", json!({"type": "content", "content": "x"})),
        ("modalities", json!(["text", "audio"])),
        ("audio", json!({"voice": "x", "format": "wav"})),
        ("verbosity", json!("low")),
        ("top_k", json!(1000)),
        ("min_p", json!(0.1)),
        ("top_a", json!(0.1)),
        ("repetition_penalty", json!(1.1)),
    ]
}

/// What is sent for a request, and what of it is left out.
fn sent(request: &Map<String, Value>, provider: &ProviderSpec) -> (Map<String, Value>, Vec<String>) {
    let request = serde_json::to_vec(request).unwrap();
    let encoded = encode(&ChatRequest::parse(&request).unwrap(), provider, &model(), None);
    (serde_json::from_str(&encoded.body).unwrap(), encoded.dropped)
}

/// A model that adds no rules of its own.
fn model() -> ModelSpec {
    ModelSpec { max_output: None, ..able() }
}

fn request(name: &str, value: Value) -> Map<String, Value> {
    let mut request = Map::new();
    request.insert("messages".into(), json!([{"role": "user", "content": "hi"}]));
    if name.starts_with("tool_choice") || name == "parallel_tool_calls" {
        request.insert("tools".into(), json!([{"type": "function", "function": {"name": "f"}}]));
    }
    request.insert(name.into(), value);
    request
}

/// The most of a count that is still sent.
fn most(name: &str, provider: &ProviderSpec, up_to: usize, value: impl Fn(usize) -> Value) -> Option<usize> {
    (1..=up_to).rev().find(|count| sent(&request(name, value(*count)), provider).1.is_empty())
}

fn cell(name: &str, value: &Value, provider: &ProviderSpec) -> String {
    let limited = |most: Option<usize>, all: usize| match most {
        Some(most) if most == all => SENT.to_owned(),
        Some(most) => format!("≤ {most}"),
        None => LEFT_OUT.to_owned(),
    };
    match name {
        "n" => return if provider.multiple_choices { SENT.to_owned() } else { "1".to_owned() },
        "stop" => return limited(most(name, provider, 64, |count| json!(vec!["x"; count])), 64),
        "top_logprobs" => return limited(most(name, provider, 20, |count| json!(count)), 20),
        _ => {}
    }
    let with = request(name, value.clone());
    let mut without = with.clone();
    without.remove(name);
    let (body, dropped) = sent(&with, provider);
    let (base, _) = sent(&without, provider);
    if dropped.iter().any(|dropped| dropped == name) {
        return LEFT_OUT.to_owned();
    }
    match body.get(name) {
        Some(sent) if sent == value => SENT.to_owned(),
        Some(Value::Number(most)) => format!("≤ {most}"),
        Some(Value::String(other)) => format!("`{other}`"),
        // In the form of another dialect.
        Some(Value::Array(_) | Value::Object(_)) => SENT.to_owned(),
        Some(other) => panic!("{name} at {} is sent as {other}", provider.id),
        None => {
            let other = body.keys().find(|key| base.get(*key) != body.get(*key));
            format!("`{}`", other.unwrap_or_else(|| panic!("{name} at {} is neither sent nor dropped", provider.id)))
        }
    }
}

/// What is said of messages: their names, the role `developer`, images by URL.
fn of_messages(provider: &ProviderSpec) -> [String; 3] {
    let with = |message: Value| {
        let mut request = Map::new();
        request.insert("messages".into(), json!([message, {"role": "user", "content": "hi"}]));
        sent(&request, provider)
    };
    let named = with(json!({"role": "user", "content": "hi", "name": "ann"})).1.is_empty();
    let (body, _) = with(json!({"role": "developer", "content": "hi"}));
    let role = body["messages"].get(0).and_then(|message| message["role"].as_str());
    let role = role.filter(|_| !body.contains_key("system")).unwrap_or("system");
    [
        if named { SENT } else { LEFT_OUT }.to_owned(),
        if role == "developer" { SENT.to_owned() } else { format!("`{role}`") },
        if provider.image_urls { SENT } else { LEFT_OUT }.to_owned(),
    ]
}

fn row(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |\n", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

fn table(providers: &[ProviderSpec]) -> String {
    let ids = providers.iter().map(|provider| provider.id.to_string());
    let mut table = row(std::iter::once("parameter".to_owned()).chain(ids));
    table.push_str(&format!("|---|{}\n", "---|".repeat(providers.len())));
    for (name, value) in parameters() {
        let cells = providers.iter().map(|provider| cell(name, &value, provider));
        table.push_str(&row(std::iter::once(format!("`{name}`")).chain(cells)));
    }
    for (at, name) in ["`messages[].name`", "role `developer`", "images by URL"].into_iter().enumerate() {
        let cells = providers.iter().map(|provider| of_messages(provider)[at].clone());
        table.push_str(&row(std::iter::once(name.to_owned()).chain(cells)));
    }
    table
}

/// What single models do not take beyond that: one line for each provider and list of parameters.
fn of_models(catalog: &Catalog) -> String {
    let mut lines: Vec<(String, String, Vec<String>)> = Vec::new();
    for model in catalog.models().iter().filter(|model| !model.drops.is_empty()) {
        let drops: Vec<String> = model.drops.iter().map(|name| format!("`{name}`")).collect();
        let (provider, drops) = (model.provider.to_string(), drops.join(", "));
        match lines.iter_mut().find(|(other, known, _)| *other == provider && *known == drops) {
            Some((_, _, models)) => models.push(model.id.to_string()),
            None => lines.push((provider, drops, vec![model.id.to_string()])),
        }
    }
    let mut table = String::from("| provider | models | do not take |\n|---|---|---|\n");
    for (provider, drops, models) in lines {
        table.push_str(&row([provider, models.join(", "), drops]));
    }
    table
}

#[test]
fn the_table_of_parameters_in_the_readme_is_what_the_encoder_does() {
    let catalog = Catalog::builtin();
    let wanted = format!("{}\n{}", table(catalog.providers()), of_models(&catalog));
    let readme = std::fs::read_to_string(README).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the mark where the table begins");
    let (found, after) = rest.split_once(END).expect("the README has the mark where the table ends");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(README, format!("{before}{BEGIN}\n{wanted}\n{END}{after}")).unwrap();
    } else {
        assert_eq!(
            found.trim(),
            wanted.trim(),
            "the table is stale: run `npm run docs:params` and read the difference"
        );
    }
}
