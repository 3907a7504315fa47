//! The `usage` object of a reply: the provider's own members as they stand, with the counts made alike for every
//! provider and the cost beside them.

use super::price::{Cost, usd};
use super::tokens::TokenUsage;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str};

/// What is known of the use of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The tokens.
    pub tokens: TokenUsage,
    /// The provider told no tokens: they are estimated.
    pub estimated: bool,
    /// What it costs; `None` where the price is unknown.
    pub cost: Option<Cost>,
}

impl Usage {
    /// The use of this answer and of `earlier` ones together; their cost is unknown where that of one is.
    pub fn with(self, earlier: &[Self]) -> Self {
        earlier.iter().fold(self, |sum, one| Self {
            tokens: sum.tokens + one.tokens,
            estimated: sum.estimated || one.estimated,
            cost: sum.cost.zip(one.cost).map(|(sum, one)| sum + one),
        })
    }
}

/// The members that are written here, whatever the provider wrote.
const OWN: [&str; 12] = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "reasoning_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "cost_usd_total",
    "cost_usd_input",
    "cost_usd_output",
    "cost_usd_cached_input",
    "cost_usd_request",
    "cost_source",
];

/// The JSON of `usage`. `upstream` is the provider's own object, if it sent one.
pub fn usage_json(usage: &Usage, upstream: Option<&str>) -> String {
    let members = upstream.map(object_members).unwrap_or_default();
    let tokens = &usage.tokens;
    let mut out = String::with_capacity(384);
    let mut object = ObjectWriter::new(&mut out);
    object.number("prompt_tokens", tokens.prompt);
    object.number("completion_tokens", tokens.completion);
    object.number("total_tokens", tokens.total);
    object.number("reasoning_tokens", tokens.reasoning);
    let member = |name: &str| members.iter().find(|(key, _)| key.is(name)).map(|(_, value)| *value);
    let prompt_details = member("prompt_tokens_details");
    details(object.key("prompt_tokens_details"), "cached_tokens", tokens.cached, prompt_details);
    if let Some(value) = member("completion_tokens_details") {
        details(object.key("completion_tokens_details"), "reasoning_tokens", tokens.reasoning, Some(value));
    }
    for (key, value) in members.iter().filter(|(key, _)| !OWN.iter().any(|own| key.is(own)) && !key.is("estimated")) {
        object.verbatim(key.quoted(), value);
    }
    match &usage.cost {
        Some(cost) => {
            object.raw("cost_usd_total", &usd(cost.total()));
            object.raw("cost_usd_input", &usd(cost.input));
            object.raw("cost_usd_output", &usd(cost.output));
            object.raw("cost_usd_cached_input", &usd(cost.cached_input));
            object.raw("cost_usd_request", &usd(cost.request));
            object.string("cost_source", "catalog");
        }
        None => {
            for key in
                ["cost_usd_total", "cost_usd_input", "cost_usd_output", "cost_usd_cached_input", "cost_usd_request"]
            {
                object.raw(key, "null");
            }
            object.raw("cost_source", "null");
        }
    }
    if usage.estimated {
        object.boolean("estimated", true);
    }
    object.end();
    out
}

/// Writes details with `count` under `name`, and the provider's own beside it.
fn details(out: &mut String, name: &str, count: u64, upstream: Option<&str>) {
    let mut object = ObjectWriter::new(out);
    object.number(name, count);
    for (key, value) in upstream.map(object_members).unwrap_or_default().iter().filter(|(key, _)| !key.is(name)) {
        object.verbatim(key.quoted(), value);
    }
    object.end();
}

/// The members of an object that was read before; empty for anything else.
fn object_members(raw: &str) -> Vec<(Str<'_>, &str)> {
    let mut members = Vec::new();
    let mut reader = Reader::new(raw);
    if reader.peek() == Ok(Kind::Object) {
        let read = reader.object::<ReadError>(|reader, key| {
            members.push((key, reader.skip()?));
            Ok(())
        });
        if read.is_err() {
            members.clear();
        }
    }
    members
}
