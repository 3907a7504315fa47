//! List prices as the catalogue and `GATEWAY_CONFIG` hold them: whole pico-dollars (1e-12 USD), never a float. What an
//! answer costs is reckoned in `usage::price`.

use std::borrow::Cow;

/// What has a price of its own only at some models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// A prompt token that is written to the provider's cache for five minutes.
    CacheWrite,
    /// A prompt token that is written to the provider's cache for an hour.
    CacheWrite1h,
    /// A request.
    Request,
    /// A web search that the model makes.
    Search,
    /// An image in the prompt.
    Image,
}

/// Prices of tokens in pico-dollars for each (USD per million tokens times 1e6), and what else is priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Prompt tokens.
    pub input: u64,
    /// Completion tokens, reasoning included.
    pub output: u64,
    /// Prompt tokens read from the provider's cache; where unknown, [`Self::input`] counts.
    pub cached_input: Option<u64>,
    /// Everything else that has a price, in pico-dollars for each.
    pub extras: Cow<'static, [(Extra, u64)]>,
}

/// Other token prices for the whole of a request that is longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTier {
    /// The tier is for prompts of more tokens than this, cached ones included.
    pub above: u32,
    /// Its prices; what is not priced by the token is priced as in the base tier.
    pub rates: Rates,
}

/// The list prices of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    /// The prices of a short prompt.
    pub base: Rates,
    /// The prices of longer ones, shortest first.
    pub tiers: Cow<'static, [PriceTier]>,
}

impl Extra {
    /// All of them, and the name of each in `price = {...}`.
    pub const ALL: [(&'static str, Self); 5] = [
        ("cache_write", Self::CacheWrite),
        ("cache_write_1h", Self::CacheWrite1h),
        ("request", Self::Request),
        ("search", Self::Search),
        ("image", Self::Image),
    ];

    /// Priced by the million tokens; the others by the piece.
    pub const fn is_of_tokens(self) -> bool {
        match self {
            Self::CacheWrite | Self::CacheWrite1h => true,
            Self::Request | Self::Search | Self::Image => false,
        }
    }
}

impl Rates {
    /// Prices of nothing but tokens.
    pub const fn of_tokens(input: u64, output: u64, cached_input: Option<u64>) -> Self {
        Self { input, output, cached_input, extras: Cow::Borrowed(&[]) }
    }

    /// The price of an extra, where it has one.
    pub fn extra(&self, extra: Extra) -> Option<u64> {
        self.extras.iter().find(|(kind, _)| *kind == extra).map(|(_, pico)| *pico)
    }
}

impl Prices {
    /// The same prices for prompts of every length, and nothing but tokens has one.
    pub const fn of_tokens(input: u64, output: u64, cached_input: Option<u64>) -> Self {
        Self { base: Rates::of_tokens(input, output, cached_input), tiers: Cow::Borrowed(&[]) }
    }

    /// The token prices of a request with a prompt of so many tokens.
    pub fn rates(&self, prompt_tokens: u64) -> &Rates {
        let tier = self.tiers.iter().rev().find(|tier| prompt_tokens > tier.above.into());
        tier.map_or(&self.base, |tier| &tier.rates)
    }

    /// Three prompt tokens and one of the answer, in pico-dollars: what models are compared by.
    pub fn blended(&self) -> u128 {
        u128::from(self.base.input) * 3 + u128::from(self.base.output)
    }

    /// Nothing that it prices costs anything.
    pub fn are_zero(&self) -> bool {
        let is_free = |rates: &Rates| {
            rates.input == 0
                && rates.output == 0
                && rates.cached_input.is_none_or(|price| price == 0)
                && rates.extras.iter().all(|(_, price)| *price == 0)
        };
        is_free(&self.base) && self.tiers.iter().all(|tier| is_free(&tier.rates))
    }
}
