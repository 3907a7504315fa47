//! `GET /v1/models`: OpenAI's list, with what the catalogue knows beside it.

use super::refusal::unknown_model;
use super::setup::Gateway;
use crate::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel};
use crate::catalog::price::{Extra, Prices, Rates};
use crate::json::{ObjectWriter, push_string};
use crate::openai::error::ApiError;
use crate::openai::request::AUTO;
use crate::routing::requirements::is_free;
use crate::routing::target::{Offer, Target};
use crate::usage::price::usd;

/// `created` of every model, which OpenAI's type requires: the day of the catalogue's facts, 2026-11-01, in seconds
/// since the Unix epoch. Release dates are not in the catalogue.
pub const CREATED: u64 = 1_793_491_200;
/// `owned_by` of `auto`.
const GATEWAY: &str = "opengateway";

/// The list of all models, `auto` first.
pub fn list(gateway: &Gateway) -> String {
    let mut out = String::from("{\"object\":\"list\",\"data\":[");
    auto(gateway, &mut out);
    for model in gateway.catalog.models() {
        let mut offers = gateway.catalog.models_by_id(&model.id).peekable();
        // Each model once, where its first offer stands.
        if offers.peek().is_some_and(|first| std::ptr::eq(*first, model)) {
            out.push(',');
            entry(gateway, &model.id, &offers.collect::<Vec<_>>(), &mut out);
        }
    }
    out.push_str("]}");
    out
}

/// One model, by any name that a request may use.
///
/// # Errors
/// 404 for a name that means nothing.
pub fn retrieve(gateway: &Gateway, id: &str) -> Result<String, ApiError> {
    let mut out = String::new();
    match Target::resolve(id, &gateway.catalog) {
        Ok(Target::Auto) => auto(gateway, &mut out),
        Ok(Target::Model { offers, .. }) => {
            let offers: Vec<&ModelSpec> = offers.iter().map(|offer| &**offer).collect();
            entry(gateway, id, &offers, &mut out);
        }
        Err(unknown) => return Err(unknown_model(&unknown, "model")),
    }
    Ok(out)
}

fn auto(gateway: &Gateway, out: &mut String) {
    let named = gateway.config.auto_models.iter().filter_map(|name| Target::resolve(name, &gateway.catalog).ok());
    let named = named.filter_map(|target| match target {
        Target::Auto => None,
        Target::Model { offers, .. } => Some(offers),
    });
    let mut offers: Vec<Offer<'_>> = named.flatten().collect();
    if offers.is_empty() {
        offers = gateway.catalog.models().iter().filter(|model| model.auto).map(Offer::Listed).collect();
    }
    offers.retain(|model| gateway.is_configured(&model.provider));
    let mut object = head(AUTO, GATEWAY, out);
    facts(&mut object, &offers.iter().map(|offer| &**offer).collect::<Vec<_>>());
    object.raw("pricing", "null");
    object.raw("providers", "[]");
    object.end();
}

fn entry(gateway: &Gateway, id: &str, offers: &[&ModelSpec], out: &mut String) {
    let owner = offers.first().map_or(GATEWAY, |model| model.provider.as_ref());
    let mut object = head(id, owner, out);
    facts(&mut object, offers);
    // The cheapest price that is known, at three prompt tokens to one of the answer.
    let cheapest = offers.iter().filter_map(|model| model.prices.as_ref()).min_by_key(|prices| prices.blended());
    pricing(object.key("pricing"), cheapest);
    let list = object.key("providers");
    list.push('[');
    for (index, model) in offers.iter().enumerate() {
        if index > 0 {
            list.push(',');
        }
        let mut offer = ObjectWriter::new(list);
        offer.string("id", &model.provider);
        offer.string("upstream_id", &model.upstream_id);
        offer.boolean("configured", gateway.is_configured(&model.provider));
        limit(&mut offer, "context_window", model.context_window);
        limit(&mut offer, "max_output_tokens", model.max_output);
        capabilities(offer.key("capabilities"), model.capabilities);
        offer.boolean("free", is_free(model));
        pricing(offer.key("pricing"), model.prices.as_ref());
        offer.end();
    }
    list.push(']');
    object.end();
}

fn head<'o>(id: &str, owner: &str, out: &'o mut String) -> ObjectWriter<'o> {
    let mut object = ObjectWriter::new(out);
    object.string("id", id);
    object.string("object", "model");
    object.number("created", CREATED);
    object.string("owned_by", owner);
    object
}

/// The best that any of the offers can do; each offer's own facts are in `providers`.
fn facts(object: &mut ObjectWriter<'_>, offers: &[&ModelSpec]) {
    limit(object, "context_window", offers.iter().filter_map(|model| model.context_window).max());
    limit(object, "max_output_tokens", offers.iter().filter_map(|model| model.max_output).max());
    let union = offers.iter().fold(Capabilities::default(), |all, model| {
        let one = model.capabilities;
        Capabilities {
            tools: all.tools || one.tools,
            json_object: all.json_object || one.json_object,
            json_schema: all.json_schema || one.json_schema,
            vision: all.vision || one.vision,
            reasoning: all.reasoning || one.reasoning,
            web_search: all.web_search || one.web_search,
            image_output: all.image_output || one.image_output,
            audio_output: all.audio_output || one.audio_output,
        }
    });
    capabilities(object.key("capabilities"), union);
    let level = offers.iter().map(|model| model.reasoning_level).max();
    object.optional_string("reasoning_level", level.map(ReasoningLevel::as_str));
    let efforts = object.key("reasoning_efforts");
    efforts.push('[');
    let known = Effort::ALL.into_iter().filter(|effort| offers.iter().any(|model| model.efforts.contains(effort)));
    for (index, effort) in known.enumerate() {
        if index > 0 {
            efforts.push(',');
        }
        push_string(efforts, effort.as_str());
    }
    efforts.push(']');
    object.boolean("free", offers.iter().any(|model| is_free(model)));
}

fn limit(object: &mut ObjectWriter<'_>, key: &str, tokens: Option<u32>) {
    match tokens {
        Some(tokens) => object.number(key, tokens.into()),
        None => object.raw(key, "null"),
    }
}

fn capabilities(out: &mut String, can: Capabilities) {
    let mut object = ObjectWriter::new(out);
    object.boolean("tools", can.tools);
    object.boolean("json_object", can.json_object);
    object.boolean("json_schema", can.json_schema);
    object.boolean("vision", can.vision);
    object.boolean("reasoning", can.reasoning);
    object.boolean("web_search", can.web_search);
    object.boolean("image_output", can.image_output);
    object.boolean("audio_output", can.audio_output);
    object.end();
}

/// List prices: of tokens in USD per million, of other things in USD for each. What has no price of its own is left out.
fn pricing(out: &mut String, prices: Option<&Prices>) {
    let Some(prices) = prices else {
        out.push_str("null");
        return;
    };
    let mut object = ObjectWriter::new(out);
    rates(&mut object, &prices.base);
    if !prices.tiers.is_empty() {
        let list = object.key("tiers");
        for (index, tier) in prices.tiers.iter().enumerate() {
            list.push(if index == 0 { '[' } else { ',' });
            let mut object = ObjectWriter::new(list);
            object.number("above_prompt_tokens", tier.above.into());
            rates(&mut object, &tier.rates);
            object.end();
        }
        list.push(']');
    }
    object.end();
}

fn rates(object: &mut ObjectWriter<'_>, rates: &Rates) {
    // Pico-dollars a token, times a million tokens.
    let per_million = |pico: u64| usd(pico.saturating_mul(1_000_000));
    object.raw("input_usd_per_mtok", &per_million(rates.input));
    object.raw("output_usd_per_mtok", &per_million(rates.output));
    match rates.cached_input {
        Some(cached) => object.raw("cached_input_usd_per_mtok", &per_million(cached)),
        None => object.raw("cached_input_usd_per_mtok", "null"),
    }
    for &(extra, pico) in rates.extras.iter() {
        match extra {
            Extra::CacheWrite => object.raw("cache_write_usd_per_mtok", &per_million(pico)),
            Extra::CacheWrite1h => object.raw("cache_write_1h_usd_per_mtok", &per_million(pico)),
            Extra::Request => object.raw("request_usd", &usd(pico)),
            Extra::Search => object.raw("search_usd", &usd(pico)),
            Extra::Image => object.raw("image_usd", &usd(pico)),
        }
    }
}
