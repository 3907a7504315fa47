//! Models as they are compiled in: a [`ModelSpec`] holds some twenty pointers and lengths, which are bytes that no
//! compression makes small, and there are many models. These rows and one text with all names are a third of that; they are
//! unpacked once in an isolate, in some microseconds.

use std::borrow::Cow;

use super::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use super::price::{Extra, PriceTier, Prices, Rates};
use super::provider::{Mend, ProviderSpec, Text};
use super::reasoning::ModelReasoning;

/// A [`ModelSpec`] without its names; the fields mean what they mean there.
pub(super) struct PackedModel {
    /// The place of its provider in the table of providers.
    pub(super) provider: u8,
    pub(super) context_window: Option<u32>,
    pub(super) max_output: Option<u32>,
    pub(super) prices: Option<PackedPrices>,
    pub(super) capabilities: Capabilities,
    pub(super) efforts: &'static [Effort],
    pub(super) reasoning: ModelReasoning,
    pub(super) reasoning_level: ReasoningLevel,
    pub(super) free: bool,
    pub(super) auto: bool,
    pub(super) drops: &'static [Text],
    pub(super) mends: &'static [Mend],
    pub(super) thinking: Thinking,
}

/// [`Prices`]. No token costs more than a `u32` holds, 4,294 USD per million; one that did would not compile.
pub(super) struct PackedPrices {
    pub(super) input: u32,
    pub(super) output: u32,
    pub(super) cached_input: Option<u32>,
    pub(super) extras: &'static [(Extra, u64)],
    pub(super) tiers: &'static [PriceTier],
}

/// The two of each line.
pub(super) fn pairs(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.split('\n').filter_map(|line| line.split_once('\t'))
}

/// The models of `rows`; `names` has the names of each, the provider's own empty where it is the id.
pub(super) fn models(
    providers: &'static [ProviderSpec],
    rows: &'static [PackedModel],
    names: &'static str,
) -> Vec<ModelSpec> {
    let model = |(row, (id, own)): (&'static PackedModel, (&'static str, &'static str))| ModelSpec {
        id: Cow::Borrowed(id),
        provider: providers.get(usize::from(row.provider)).map(|provider| provider.id.clone()).unwrap_or_default(),
        upstream_id: Cow::Borrowed(if own.is_empty() { id } else { own }),
        context_window: row.context_window,
        max_output: row.max_output,
        prices: row.prices.as_ref().map(prices),
        capabilities: row.capabilities,
        efforts: Cow::Borrowed(row.efforts),
        reasoning: row.reasoning,
        reasoning_level: row.reasoning_level,
        free: row.free,
        auto: row.auto,
        drops: Cow::Borrowed(row.drops),
        mends: Cow::Borrowed(row.mends),
        thinking: row.thinking,
    };
    rows.iter().zip(pairs(names)).map(model).collect()
}

fn prices(row: &'static PackedPrices) -> Prices {
    Prices {
        base: Rates {
            input: row.input.into(),
            output: row.output.into(),
            cached_input: row.cached_input.map(u64::from),
            extras: Cow::Borrowed(row.extras),
        },
        tiers: Cow::Borrowed(row.tiers),
    }
}
