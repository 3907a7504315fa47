//! `provider` of a request: the client's wishes about providers.

use super::fields::{self, RequestError};
use crate::json::Reader;

/// What to sort equal candidates by instead of rotating over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Cheapest first.
    Price,
    /// Shortest time to first token first.
    Latency,
    /// Most tokens a second first.
    Throughput,
}

/// `provider: {order, only, ignore, sort, allow_fallbacks, require_parameters}`: the client's wishes about providers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderPreferences {
    /// These first, in this order.
    pub order: Vec<String>,
    /// Only these; empty = all.
    pub only: Vec<String>,
    /// Never these.
    pub ignore: Vec<String>,
    /// Sort by this instead of rotating.
    pub sort: Option<Sort>,
    /// False: only the first candidate is tried.
    pub no_fallbacks: bool,
    /// Only candidates that take every parameter of the request.
    pub require_parameters: bool,
}

/// Reads `provider`.
pub(super) fn preferences(raw: &str) -> Result<ProviderPreferences, Box<RequestError>> {
    let mut preferences = ProviderPreferences::default();
    Reader::new(raw).object::<Box<RequestError>>(|reader, key| {
        let value = reader.skip()?;
        let name = key.decode().unwrap_or_default();
        let param = format!("provider.{name}");
        match (name.as_ref(), value) {
            (_, "null") => {}
            ("order", _) => preferences.order = fields::strings(&param, value)?,
            ("only", _) => preferences.only = fields::strings(&param, value)?,
            ("ignore", _) => preferences.ignore = fields::strings(&param, value)?,
            ("allow_fallbacks", _) => preferences.no_fallbacks = !fields::boolean(&param, value)?,
            ("require_parameters", _) => preferences.require_parameters = fields::boolean(&param, value)?,
            ("sort", _) => {
                preferences.sort = Some(match fields::string(&param, value)?.as_ref() {
                    "price" => Sort::Price,
                    "latency" => Sort::Latency,
                    "throughput" => Sort::Throughput,
                    other => return Err(RequestError::value(param, "one of price, latency, throughput", other)),
                });
            }
            // A wish that is not understood must not be taken for granted.
            _ => {
                return Err(RequestError::value(
                    "provider",
                    "an object with `order`, `only`, `ignore`, `sort`, `allow_fallbacks`, `require_parameters`",
                    &name,
                ));
            }
        }
        Ok(())
    })?;
    Ok(preferences)
}
