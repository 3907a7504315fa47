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
const OWN: [&str; 13] = [
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
    "web_search_requests",
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
    let written = [
        ("cached_tokens", Some(tokens.cached)),
        ("cache_write_tokens", Some(tokens.cache_write).filter(|&count| count > 0)),
        ("cache_write_1h_tokens", Some(tokens.cache_write_1h).filter(|&count| count > 0)),
    ];
    details(object.key("prompt_tokens_details"), &written, prompt_details);
    if let Some(value) = member("completion_tokens_details") {
        details(object.key("completion_tokens_details"), &[("reasoning_tokens", Some(tokens.reasoning))], Some(value));
    }
    if tokens.searches > 0 {
        object.number("web_search_requests", tokens.searches);
    }
    for (key, value) in members.iter().filter(|(key, _)| !OWN.iter().any(|own| key.is(own)) && !key.is("estimated")) {
        object.verbatim(key.quoted(), value);
    }
    let cost = usage.cost.as_ref();
    for (key, amount) in [
        ("cost_usd_total", cost.map(|cost| cost.total)),
        ("cost_usd_input", cost.and_then(|cost| cost.input)),
        ("cost_usd_output", cost.and_then(|cost| cost.output)),
        ("cost_usd_cached_input", cost.and_then(|cost| cost.cached_input)),
        ("cost_usd_request", cost.and_then(|cost| cost.request)),
    ] {
        match amount {
            Some(pico) => object.raw(key, &usd(pico)),
            None => object.raw(key, "null"),
        }
    }
    object.optional_string("cost_source", cost.map(|cost| cost.source.as_str()));
    if usage.estimated {
        object.boolean("estimated", true);
    }
    object.end();
    out
}

/// Writes details with these counts, as far as there are any, and the provider's own beside them.
fn details(out: &mut String, counts: &[(&str, Option<u64>)], upstream: Option<&str>) {
    let mut object = ObjectWriter::new(out);
    let known = counts.iter().filter_map(|&(name, count)| Some((name, count?)));
    for (name, count) in known.clone() {
        object.number(name, count);
    }
    for (key, value) in upstream.map(object_members).unwrap_or_default() {
        if !known.clone().any(|(name, _)| key.is(name)) {
            object.verbatim(key.quoted(), value);
        }
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
