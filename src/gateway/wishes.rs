//! What a client asks for in request headers: which providers in which order, and how long it waits.

use super::custom;
use super::refusal::no_such_provider;
use super::setup::Gateway;
use crate::json::Reader;
use crate::openai::error::ApiError;
use crate::openai::request::{ProviderPreferences, RequestError};
use crate::routing::target::Target;

/// The only providers that may be used, in order: a JSON array of their ids.
pub const FAILOVER_SEQUENCE: &str = "x-opengateway-failover-sequence";
/// The milliseconds that the client waits for the first token of a stream, or for the whole reply.
pub const TIMEOUT: &str = "x-gateway-timeout";
/// The same under another name; the smaller one counts.
pub const OWN_TIMEOUT: &str = "x-opengateway-timeout";
/// The milliseconds that one provider has until the first token of a stream.
pub const FIRST_TOKEN_TIMEOUT: &str = "x-gateway-first-token-timeout";
/// The milliseconds that a stream may be silent.
pub const STREAM_IDLE_TIMEOUT: &str = "x-gateway-stream-idle-timeout";

/// These headers as they came; one that is empty is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderWishes {
    /// [`FAILOVER_SEQUENCE`].
    pub failover_sequence: Option<String>,
    /// [`TIMEOUT`].
    pub timeout: Option<String>,
    /// [`OWN_TIMEOUT`].
    pub own_timeout: Option<String>,
    /// [`FIRST_TOKEN_TIMEOUT`].
    pub first_token_timeout: Option<String>,
    /// [`STREAM_IDLE_TIMEOUT`].
    pub stream_idle_timeout: Option<String>,
}

impl HeaderWishes {
    /// Makes the failover sequence part of what the body wishes: nobody else may be used, and this is the order.
    ///
    /// # Errors
    /// A 400 that says what to do.
    pub fn join(
        &self,
        wishes: &mut ProviderPreferences,
        targets: &[Target<'_>],
        gateway: &Gateway,
    ) -> Result<(), ApiError> {
        let Some(text) = &self.failover_sequence else { return Ok(()) };
        let refuse = |message: String| Err(ApiError::invalid("invalid_value", message).with_param(FAILOVER_SEQUENCE));
        let Some(sequence) = strings(text).filter(|sequence| !sequence.is_empty()) else {
            let allowed = "a JSON array of at least one provider id, such as [\"groq\",\"cerebras\"]";
            return Err(RequestError::value(FAILOVER_SEQUENCE, allowed, text).into());
        };
        if let Some(name) = sequence.iter().find(|name| gateway.catalog.provider(name).is_none()) {
            return refuse(no_such_provider(name, gateway));
        }
        let pins = targets.iter().filter_map(Target::pinned_provider);
        if let Some(pinned) = pins.into_iter().find(|&pinned| !sequence.iter().any(|id| id == pinned)) {
            if pinned == custom::PROVIDER {
                let endpoint = custom::ENDPOINT;
                return refuse(format!("`{endpoint}` is asked alone, so there is no sequence. Leave one of them out."));
            }
            return refuse(format!(
                "The request asks for a model of {pinned}, which `{FAILOVER_SEQUENCE}` leaves out. Add {pinned} to it, or \
                 name the model without its provider."
            ));
        }
        if wishes.only.is_empty() {
            wishes.only.clone_from(&sequence);
        } else {
            wishes.only.retain(|id| sequence.contains(id));
            if wishes.only.is_empty() {
                return refuse(format!(
                    "`{FAILOVER_SEQUENCE}` and `provider.only` have no provider in common. Leave one of them out."
                ));
            }
        }
        wishes.order = sequence;
        Ok(())
    }

    /// How long the client waits.
    ///
    /// # Errors
    /// A 400 that names the header.
    pub fn patience(&self) -> Result<Patience, ApiError> {
        let (total, own) = (milliseconds(TIMEOUT, &self.timeout)?, milliseconds(OWN_TIMEOUT, &self.own_timeout)?);
        Ok(Patience {
            total_ms: total.into_iter().chain(own).min(),
            first_token_ms: milliseconds(FIRST_TOKEN_TIMEOUT, &self.first_token_timeout)?,
            stream_idle_ms: milliseconds(STREAM_IDLE_TIMEOUT, &self.stream_idle_timeout)?,
        })
    }
}

/// How long a client waits, in milliseconds; `None` = as long as the gateway does. What it waits longer counts for
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// For the first token of a stream or for the whole reply, all attempts together.
    pub total_ms: Option<u64>,
    /// For the first token of a stream by one provider.
    pub first_token_ms: Option<u64>,
    /// Between two chunks of a stream.
    pub stream_idle_ms: Option<u64>,
}

fn milliseconds(name: &'static str, value: &Option<String>) -> Result<Option<u64>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    // `u64::from_str` takes a leading plus sign.
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse().ok().filter(|&ms: &u64| digits && ms > 0) {
        Some(ms) => Ok(Some(ms)),
        None => {
            let allowed = "a whole number of milliseconds above 0, such as 15000";
            Err(RequestError::value(name, allowed, value).into())
        }
    }
}

/// The members of a JSON array of strings; `None` where it is anything else.
fn strings(text: &str) -> Option<Vec<String>> {
    let mut reader = Reader::new(text);
    let mut list = Vec::new();
    let read = reader.array::<Box<RequestError>>(|reader, _| {
        let text = reader.string()?.decode();
        list.push(text.ok_or(RequestError::NotAnObject)?.into_owned());
        Ok(())
    });
    (read.is_ok() && reader.end().is_ok()).then_some(list)
}
