//! What can be wrong in the catalogue's files, and how a person is told.

use std::fmt;

use super::money::PriceError;
use super::provider::MESSAGE_MEMBERS;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    pub(crate) kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    Syntax { message: String },
    MissingField { field: &'static str },
    UnknownField { field: String, known: Vec<&'static str> },
    WrongType { field: String, wanted: &'static str },
    UnknownWord { field: &'static str, word: String, known: Vec<&'static str> },
    BadProviderId { id: String },
    BadModelId { id: String },
    Reserved { name: String },
    BadBaseUrl { url: String },
    NoKeyVariable,
    NotLowerCase { field: &'static str, text: String },
    EmptyRule,
    NeverDropped { field: String },
    UnknownMember { field: String },
    GatewayField { field: String },
    NotJson { field: String, message: String },
    AcceptsWithoutStrict,
    StrictWithoutField { field: String },
    DuplicateProvider { id: String, first: Place },
    DuplicateVariable { name: String, first: Place },
    UnknownProvider { id: String },
    DuplicateModel { provider: String, upstream_id: String, first: Place },
    AmbiguousModel { provider: String, name: String, other: Place },
    MissingPrice,
    Price { field: &'static str, text: String, error: PriceError },
    TiersWithoutPrice,
    TiersOutOfOrder,
    TierPrices { field: &'static str },
    OutputAboveWindow { max_output: u32, context_window: u32 },
    EffortsWithoutReasoning,
    EffortsOutOfOrder,
    BadBudget,
    BudgetNotTaken { control: &'static str },
    AliasToNothing { alias: String, target: String },
    AliasToAlias { alias: String, target: String },
    AliasEffort { alias: String, target: String },
    AliasShadowsModel { alias: String, model: Place },
    RetiredLives { name: String, other: Place },
    NotADay { text: String },
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => write!(f, "not TOML: {message}"),
            Self::MissingField { field } => write!(f, "`{field}` is missing: add it"),
            Self::UnknownField { field, known } => {
                write!(f, "unknown field `{field}`: the fields here are {}", known.join(", "))
            }
            Self::WrongType { field, wanted } => write!(f, "`{field}` must be {wanted}"),
            Self::UnknownWord { field, word, known } => {
                write!(f, "`{field}` does not know \"{word}\": use one of {}", known.join(", "))
            }
            Self::BadProviderId { id } => {
                write!(f, "provider id \"{id}\": use lower-case letters, digits and hyphens")
            }
            Self::BadModelId { id } => write!(
                f,
                "model id \"{id}\": it must not be empty or contain a slash, which separates a provider from a model"
            ),
            Self::Reserved { name } => {
                write!(f, "\"{name}\" has a meaning of its own for clients: choose another name")
            }
            Self::BadBaseUrl { url } => write!(
                f,
                "base_url \"{url}\": it must begin with https:// (http:// for localhost) and not end with a slash"
            ),
            Self::NoKeyVariable => write!(f, "`key_vars` is empty: name the variable that holds the key"),
            Self::NotLowerCase { field, text } => {
                write!(f, "`{field}` is compared in lower case: write \"{}\"", text.to_lowercase())
            }
            Self::EmptyRule => {
                write!(f, "this error rule matches everything: give it a status, code, error_type or message")
            }
            Self::NeverDropped { field } => write!(
                f,
                "`{field}` may not be dropped, as the answer would not be what was asked for: say in the capabilities or in \
                 multiple_choices what the provider lacks"
            ),
            Self::UnknownMember { field } => {
                write!(f, "`{field}` cannot be dropped: inside of a field there are {}", MESSAGE_MEMBERS.join(", "))
            }
            Self::GatewayField { field } => {
                write!(f, "`{field}` is written by the gateway itself: it cannot be in `adds`")
            }
            Self::NotJson { field, message } => {
                write!(f, "`adds` has no JSON for `{field}` ({message}): write text as '\"text\"'")
            }
            Self::AcceptsWithoutStrict => write!(f, "`accepts` counts only with body = \"strict\": remove one of them"),
            Self::StrictWithoutField { field } => {
                write!(f, "a strict body must be able to carry `{field}`: add it to `accepts`")
            }
            Self::DuplicateProvider { id, first } => {
                write!(f, "provider \"{id}\" is already at {first}: remove one of them")
            }
            Self::DuplicateVariable { name, first } => {
                write!(f, "the variable {name} already belongs to the provider at {first}: choose another name")
            }
            Self::UnknownProvider { id } => {
                write!(f, "there is no provider \"{id}\": add it to providers.toml or correct the name")
            }
            Self::DuplicateModel { provider, upstream_id, first } => write!(
                f,
                "{provider} already has \"{upstream_id}\" at {first}: remove one of them or correct `upstream_id`"
            ),
            Self::AmbiguousModel { provider, name, other } => write!(
                f,
                "{provider}/{name} means two different models: here it is the catalogue id, at {other} the provider's own id"
            ),
            Self::MissingPrice => write!(
                f,
                "`price` is missing: write price = {{ input = 0.1, output = 0.4 }} in USD per million tokens, or \
                 price = \"unknown\" where nobody knows it"
            ),
            Self::Price { field, text, error } => write!(f, "price `{field}` = {text}: {error}"),
            Self::TiersWithoutPrice => write!(f, "`price_tiers` counts only with a known `price`: remove one of them"),
            Self::TiersOutOfOrder => write!(f, "`above` must rise from tier to tier"),
            Self::TierPrices { field } => {
                write!(f, "a tier must price what `price` prices by the token, and nothing else: see `{field}`")
            }
            Self::OutputAboveWindow { max_output, context_window } => write!(
                f,
                "max_output {max_output} is above context_window {context_window}: prompt and answer share the window"
            ),
            Self::EffortsWithoutReasoning => {
                write!(f, "`efforts` needs the capability \"reasoning\": add it or remove the efforts and `reasoning`")
            }
            Self::EffortsOutOfOrder => write!(
                f,
                "`efforts` must go from lowest to highest, each once: none, minimal, low, medium, high, xhigh, max, default"
            ),
            Self::BadBudget => write!(f, "`budget` is a range of tokens: write {{ min = 1024, max = 32768 }}"),
            Self::BudgetNotTaken { control } => {
                write!(f, "`budget` is never sent by the control \"{control}\": remove it or name another `control`")
            }
            Self::AliasToNothing { alias, target } => write!(
                f,
                "alias \"{alias}\" leads to \"{target}\", which is neither a catalogue id nor provider/model: name one that exists"
            ),
            Self::AliasToAlias { alias, target } => write!(
                f,
                "alias \"{alias}\" leads to \"{target}\", which is an alias itself: name the model that it leads to"
            ),
            Self::AliasEffort { alias, target } => write!(
                f,
                "alias \"{alias}\" has an effort that no row with the id \"{target}\" knows: name one that is among its efforts"
            ),
            Self::RetiredLives { name, other } => {
                write!(f, "\"{name}\" is retired, but {other} has that name: remove it from [retired]")
            }
            Self::NotADay { text } => write!(f, "\"{text}\" is no day like 2026-10-23"),
            Self::AliasShadowsModel { alias, model } => {
                write!(f, "alias \"{alias}\" would hide the model of that name at {model}: remove the alias")
            }
        }
    }
}
