//! Writes the tables as Rust text. Providers are `const` data as they are used; models and aliases, of which there are
//! many, are written small: their names as one text, the rest of a model as a row of `src/catalog/packed.rs`.

use super::Catalogue;
use super::alias::{Alias, Retired};
use super::model::{CAPABILITIES, Model};
use super::price::{Prices, Rates};
use super::provider::{ErrorRule, Provider};
use super::reasoning::{ModelReasoning, Reasoning};

pub(crate) fn emit(catalogue: &Catalogue) -> String {
    let mut aliases: Vec<&Alias> = catalogue.aliases.iter().collect();
    aliases.sort_by(|a, b| a.name.cmp(&b.name));
    let mut retired: Vec<&Retired> = catalogue.retired.iter().collect();
    retired.sort_by(|a, b| a.name.cmp(&b.name));
    [
        "// Written by build.rs from catalog/*.toml.\n\n".to_owned(),
        table(
            "The providers, in the order of `catalog/providers.toml`.",
            "PROVIDERS: &[ProviderSpec]",
            catalogue.providers.iter().map(provider),
        ),
        table(
            "The models without their names, by provider in the order of [`PROVIDERS`], then in the order of their file.",
            "MODEL_ROWS: &[PackedModel]",
            catalogue.models.iter().map(|row| model(row, &catalogue.providers)),
        ),
        names(
            "The id of each of [`MODEL_ROWS`], and the provider's own where that is another one.",
            "MODEL_NAMES",
            catalogue.models.iter().map(|row| (&*row.id, if row.upstream_id == row.id { "" } else { &*row.upstream_id })),
        ),
        names(
            "The aliases and what they lead to, sorted by name.",
            "ALIASES",
            aliases.iter().map(|alias| (&*alias.name, &*alias.target)),
        ),
        table(
            "How much the model thinks under an alias where the client says nothing of it, sorted by name.",
            "ALIAS_EFFORTS: &[(&str, Effort)]",
            aliases.iter().filter_map(|alias| Some(format!("({:?}, Effort::{})", alias.name, alias.effort?))),
        ),
        names(
            "The models that are gone without a successor, and the day on which each was removed, sorted by name.",
            "RETIRED",
            retired.into_iter().map(|model| (&*model.name, &*model.day)),
        ),
    ]
    .concat()
}

fn table(doc: &str, declaration: &str, rows: impl Iterator<Item = String>) -> String {
    let visible = if declaration.starts_with("PROVIDERS") { "pub " } else { "" };
    let rows: String = rows.map(|row| format!("    {row},\n")).collect();
    format!("/// {doc}\n{visible}static {declaration} = &[\n{rows}];\n\n")
}

/// Pairs as one text: one a line, a tab between the two.
fn names<'a>(doc: &str, name: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let lines: Vec<String> = pairs.map(|(a, b)| format!("{a}\t{b}")).collect();
    format!("/// {doc}\nstatic {name}: &str = {:?};\n\n", lines.join("\n"))
}

fn text(text: &str) -> String {
    format!("Cow::Borrowed({text:?})")
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("Cow::Borrowed(&[{}])", items.collect::<Vec<_>>().join(", "))
}

fn texts(items: &[String]) -> String {
    list(items.iter().map(|item| text(item)))
}

fn optional<T>(value: Option<T>, write: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("Some({})", write(value)))
}

fn provider(row: &Provider) -> String {
    let pairs = |pairs: &[(String, String)]| list(pairs.iter().map(|(a, b)| format!("({}, {})", text(a), text(b))));
    format!(
        "ProviderSpec {{ id: {}, name: {}, dialect: Dialect::{}, auth: Auth::{}, endpoint: Endpoint::{}, \
         api_version: Cow::Borrowed(\"\"), base_url: {}, base_url_var: {}, key_vars: {}, \
         key: KeyPolicy::{}, any_model: {}, multiple_choices: {}, image_urls: {}, stream_usage: StreamUsage::{}, \
         stream_options: {}, output_limit: OutputLimitName::{}, default_output: {}, reasoning_tokens: ReasoningTokens::{}, reported_cost: ReportedCost::{}, price_hours: PriceHours::{}, reasoning: {}, prefill: Prefill::{}, mends: {}, body: BodyPolicy::{}, \
         accepts: {}, drops: {}, renames: {}, adds: {}, clamps: {}, limits: {}, quirks: Quirks::of(&[{}]), web_search_tool: {}, forward_headers: {}, \
         quota_headers: QuotaHeaders::{}, quota_reset: {}, errors: {} }}",
        text(&row.id),
        text(&row.name),
        row.dialect,
        row.auth,
        row.endpoint,
        text(&row.base_url),
        text(&row.base_url_var),
        texts(&row.key_vars),
        row.key,
        row.any_model,
        row.multiple_choices,
        row.image_urls,
        row.stream_usage,
        row.stream_options,
        row.output_limit,
        optional(row.default_output, |tokens| tokens.to_string()),
        row.reasoning_tokens,
        row.reported_cost,
        row.price_hours,
        reasoning(row.reasoning),
        row.prefill,
        mends(&row.mends),
        row.body,
        texts(&row.accepts),
        texts(&row.drops),
        pairs(&row.renames),
        pairs(&row.adds),
        pairs(&row.clamps),
        list(row.limits.iter().map(|(field, most)| format!("({}, {most})", text(field)))),
        row.quirks.iter().map(|quirk| format!("Quirk::{quirk}")).collect::<Vec<_>>().join(", "),
        text(row.web_search_tool.as_deref().unwrap_or_default()),
        texts(&row.forward_headers),
        row.quota_headers,
        optional(row.quota_reset, |reset| format!("QuotaReset::{reset}")),
        list(row.errors.iter().map(error_rule)),
    )
}

fn mends(names: &[&str]) -> String {
    list(names.iter().map(|name| format!("Mend::{name}")))
}

fn reasoning(row: Reasoning) -> String {
    format!(
        "ReasoningSpec {{ control: ReasoningControl::{}, text: ReasoningText::{}, history: ReasoningHistory::{} }}",
        row.control, row.text, row.history
    )
}

fn model_reasoning(row: ModelReasoning) -> String {
    format!(
        "ModelReasoning {{ control: {}, text: {}, budget: {} }}",
        optional(row.control, |control| format!("ReasoningControl::{control}")),
        optional(row.text, |text| format!("ReasoningText::{text}")),
        optional(row.budget, |(min, max)| format!("ReasoningBudget {{ min: {min}, max: {max} }}")),
    )
}

fn error_rule(rule: &ErrorRule) -> String {
    format!(
        "ErrorRule {{ status: {}, code: {}, error_type: {}, message: {}, class: ErrorClass::{} }}",
        optional(rule.status, |status| status.to_string()),
        optional(rule.code.as_deref(), text),
        optional(rule.error_type.as_deref(), text),
        optional(rule.message.as_deref(), text),
        rule.class,
    )
}

fn slice(items: impl Iterator<Item = String>) -> String {
    format!("&[{}]", items.collect::<Vec<_>>().join(", "))
}

fn model(row: &Model, providers: &[Provider]) -> String {
    let provider = providers.iter().position(|provider| provider.id == row.provider).unwrap_or(usize::MAX);
    let capabilities: Vec<String> =
        CAPABILITIES.iter().map(|(name, _)| format!("{name}: {}", row.capabilities.contains(name))).collect();
    let prices = optional(row.prices.as_ref(), prices);
    format!(
        "PackedModel {{ provider: {provider}, context_window: {}, max_output: {}, prices: {prices}, \
         capabilities: Capabilities {{ {} }}, efforts: {}, reasoning: {}, reasoning_level: ReasoningLevel::{}, free: {}, auto: {}, drops: {}, mends: {}, thinking: Thinking::{} }}",
        optional(row.context_window, |tokens| tokens.to_string()),
        optional(row.max_output, |tokens| tokens.to_string()),
        capabilities.join(", "),
        slice(row.efforts.iter().map(|effort| format!("Effort::{effort}"))),
        row.reasoning.map_or_else(|| "ModelReasoning::AS_PROVIDER".to_owned(), model_reasoning),
        row.reasoning_level,
        row.free,
        row.auto,
        slice(row.drops.iter().map(|field| text(field))),
        slice(row.mends.iter().map(|mend| format!("Mend::{mend}"))),
        row.thinking,
    )
}

fn prices(prices: &Prices) -> String {
    let tier = |(above, tier): &(u32, Rates)| format!("price::PriceTier {{ above: {above}, rates: {} }}", rates(tier));
    let base = &prices.base;
    format!(
        "PackedPrices {{ input: {}, output: {}, cached_input: {}, extras: {}, tiers: {} }}",
        base.input,
        base.output,
        optional(base.cached_input, |price| price.to_string()),
        slice(base.extras.iter().map(extra)),
        slice(prices.tiers.iter().map(tier)),
    )
}

fn rates(rates: &Rates) -> String {
    format!(
        "price::Rates {{ input: {}, output: {}, cached_input: {}, extras: {} }}",
        rates.input,
        rates.output,
        optional(rates.cached_input, |price| price.to_string()),
        list(rates.extras.iter().map(extra)),
    )
}

fn extra((extra, price): &(&str, u64)) -> String {
    format!("(price::Extra::{extra}, {price})")
}
