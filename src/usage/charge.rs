//! What a provider says itself that an answer cost.

use crate::catalog::provider::ReportedCost;
use crate::json::{Kind, Reader, fixed, pick};

/// USD to pico-dollars.
const USD_DECIMALS: u8 = 12;
/// xAI's ticks to pico-dollars: 10^10 of them are a dollar (docs.x.ai/developers/cost-tracking).
const TICK_DECIMALS: u8 = 2;

/// What a provider says that an answer cost, in pico-dollars. A number with more digits is rounded to the nearest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// All of it; `None` where it says that somebody else charges for it too, and not how much.
    pub total: Option<u64>,
    /// What the prompt cost, cached or not.
    pub prompt: Option<u64>,
    /// What the answer cost.
    pub completion: Option<u64>,
}

impl Charge {
    /// What a raw `usage` object says, where the provider's row knows that it does; `None` where it says nothing.
    pub fn parse(raw: &str, reported: ReportedCost) -> Option<Self> {
        match reported {
            ReportedCost::None => None,
            ReportedCost::Usd => Self::usd(raw),
            ReportedCost::Ticks => {
                let [ticks] = pick(raw, ["cost_in_usd_ticks"]).ok()?;
                Some(Self { total: Some(amount(ticks?, TICK_DECIMALS)?), ..Self::default() })
            }
        }
    }

    /// OpenRouter's: `cost` is what it charges the account. With a key of the operator's own at the provider behind it
    /// (`is_byok`) that is only its fee, and the provider charges `upstream_inference_cost` beside it; without one that is
    /// what `cost` already has in it (openrouter.ai/docs/cookbook/administration/usage-accounting#cost-breakdown).
    fn usd(raw: &str) -> Option<Self> {
        let [cost, details, is_byok] = pick(raw, ["cost", "cost_details", "is_byok"]).ok()?;
        let cost = amount(cost?, USD_DECIMALS)?;
        let names =
            ["upstream_inference_cost", "upstream_inference_prompt_cost", "upstream_inference_completions_cost"];
        let details = details.filter(|raw| Reader::new(raw).peek() == Ok(Kind::Object));
        let [upstream, prompt, completion] = details.and_then(|raw| pick(raw, names).ok()).unwrap_or_default();
        let amount = |raw: Option<&str>| raw.and_then(|raw| amount(raw, USD_DECIMALS));
        let total = if is_byok == Some("true") {
            amount(upstream).and_then(|upstream| cost.checked_add(upstream))
        } else {
            Some(cost)
        };
        Some(Self { total, prompt: amount(prompt), completion: amount(completion) })
    }
}

/// A number that is not negative.
fn amount(raw: &str, decimals: u8) -> Option<u64> {
    fixed(raw, decimals).map(|read| read.units)
}
