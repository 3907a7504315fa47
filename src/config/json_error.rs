//! What can be wrong at one place of a JSON variable.

use std::fmt;

use super::base_url::BaseUrlError;
use super::error::shown;
use super::price::PriceUnit;

/// What is wrong at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonProblem {
    /// Not JSON.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// Another kind of value.
    WrongKind {
        /// What is expected, with its article.
        expected: &'static str,
        /// The kind that is there, with its article.
        found: &'static str,
    },
    /// A key that means nothing here.
    UnknownKey {
        /// The keys that do.
        known: &'static [&'static str],
    },
    /// A key for the second time in its object.
    DuplicateKey,
    /// A key that must be there is not.
    Missing {
        /// What is expected.
        expected: &'static str,
    },
    /// None of the words that are allowed.
    NotOneOf {
        /// The word that is there.
        found: String,
        /// Those that are allowed.
        allowed: Vec<&'static str>,
    },
    /// Not a whole number from `min` to `max`.
    NotANumber {
        /// What is there.
        found: String,
        /// The smallest value that is allowed.
        min: u32,
        /// The largest value that is allowed.
        max: u32,
    },
    /// Not a price: negative, too high, or with too many decimals.
    NotAPrice {
        /// What is there.
        found: String,
        /// What it should be.
        unit: PriceUnit,
    },
    /// A price that means nothing without another one.
    PriceMissing {
        /// The key of the other one.
        key: &'static str,
    },
    /// Prices by both of their names.
    PricedTwice,
    /// A tier is not above the one before it.
    TiersOutOfOrder,
    /// A tier without the price of something that the base tier prices by the token, or the other way round.
    TierPrices {
        /// The name of that price.
        key: &'static str,
    },
    /// Empty, or with something else than visible ASCII.
    NotAName,
    /// Not a provider id.
    NotAProviderId,
    /// The id of a provider that is built in.
    BuiltInProvider {
        /// The variable that changes that provider's address; empty where it has none.
        base_url_var: String,
    },
    /// Not a base URL.
    BaseUrl(BaseUrlError),
    /// Not the name of a secret. What is there is not repeated: it may be the secret itself.
    NotASecretName,
    /// The variable of that name is not set.
    SecretUnset {
        /// The variable.
        var: String,
    },
    /// The same for the second time.
    Duplicate {
        /// What came twice.
        name: String,
    },
    /// `max_output` is above `context_window`.
    OutputAboveWindow,
    /// Efforts for a model without the capability `reasoning`.
    EffortsWithoutReasoning,
    /// `accepts` together with `"open": true`, which sends everything.
    AcceptsWithOpenBody,
    /// `"open": false` without `accepts`: nothing would be sent.
    StrictWithoutAccepts,
    /// A field that the gateway writes by itself.
    GatewayField,
    /// An alias that is `auto` or the name of a model, which it would hide.
    NameTaken,
    /// No such provider.
    UnknownProvider {
        /// Its id.
        id: String,
    },
    /// No such model.
    UnknownModel {
        /// Its name.
        name: String,
    },
    /// Several offers of a provider have that catalogue id.
    AmbiguousModel {
        /// The provider's own ids of them.
        offers: Vec<String>,
    },
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => write!(f, "not valid JSON at line {line}, column {column}"),
            Self::WrongKind { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::UnknownKey { known } => write!(f, "unknown key; known here: {}", known.join(", ")),
            Self::DuplicateKey => f.write_str("the key is there twice; keep one"),
            Self::Missing { expected } => write!(f, "missing; expected {expected}"),
            Self::NotOneOf { found, allowed } => {
                write!(f, "expected one of {}, found {}", allowed.join(", "), shown(found))
            }
            Self::NotANumber { found, min, max } => {
                write!(f, "expected a whole number from {min} to {max}, found {}", shown(found))
            }
            Self::NotAPrice { found, unit } => write!(
                f,
                "expected {}, from 0 to {} with at most {} decimals, found {}",
                unit.as_str(),
                unit.max(),
                unit.decimals(),
                shown(found)
            ),
            Self::PriceMissing { key } => write!(f, "`{key}` must be set as well, or the cost would be wrong"),
            Self::PricedTwice => f.write_str("`price` already says it; keep one of them"),
            Self::TiersOutOfOrder => f.write_str("`above` must rise from tier to tier"),
            Self::TierPrices { key } => {
                write!(f, "a tier must price what `price` prices by the token, and nothing else: see `{key}`")
            }
            Self::NotAName => f.write_str("expected a name of visible ASCII characters without spaces"),
            Self::NotAProviderId => {
                f.write_str("a provider's id has 1 to 32 characters: lower-case letters, digits and `-`")
            }
            Self::BuiltInProvider { base_url_var } if base_url_var.is_empty() => {
                f.write_str("this provider is built in; choose another id")
            }
            Self::BuiltInProvider { base_url_var } => {
                write!(f, "this provider is built in; set {base_url_var} to change its address, or choose another id")
            }
            Self::BaseUrl(problem) => problem.fmt(f),
            Self::NotASecretName => f.write_str(
                "expected the name of the secret that holds the key, not the key: capital letters, digits and `_`, not \
                 beginning with a digit or `GATEWAY_`",
            ),
            Self::SecretUnset { var } => write!(f, "the secret {var} is not set; set it or leave `key` out"),
            Self::Duplicate { name } => write!(f, "{} is there twice; keep one", shown(name)),
            Self::OutputAboveWindow => f.write_str("`max_output` must not be above `context_window`"),
            Self::EffortsWithoutReasoning => f.write_str("efforts need `reasoning` in `capabilities`"),
            Self::AcceptsWithOpenBody => {
                f.write_str("an open body takes every field; set `open` to false or leave this out")
            }
            Self::StrictWithoutAccepts => f.write_str("a body that is not open needs `accepts`, the fields it takes"),
            Self::GatewayField => f.write_str("the gateway writes this field by itself; leave it out"),
            Self::NameTaken => f.write_str("this already is the name of a model; choose another name"),
            Self::UnknownProvider { id } => write!(f, "there is no provider {}", shown(id)),
            Self::UnknownModel { name } => write!(
                f,
                "there is no model {}; write `provider/model` or a model's id; your own models are listed \
                 in `providers`",
                shown(name)
            ),
            Self::AmbiguousModel { offers } => {
                write!(f, "several offers have this id; name one by the provider's own id: {}", offers.join(", "))
            }
        }
    }
}
