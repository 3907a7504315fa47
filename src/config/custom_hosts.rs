//! `CUSTOM_ENDPOINT_HOSTS`: where a client may send its own requests through the gateway.

use super::base_url::{Address, BaseUrlError};
use super::env::Vars;
use super::error::ConfigError;
use super::host::{Host, split_port};

/// The hosts that the operator allows; none by default.
#[derive(Clone, Debug, Default)]
pub struct CustomHosts(Vec<(Host, Option<u16>)>);

/// Why an endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// No address.
    Malformed(BaseUrlError),
    /// The operator has not allowed it.
    Refused {
        /// What would have to be listed: `host` or `host:port`.
        host: String,
    },
    /// It has a user name or a password in it.
    UserInfo,
    /// `http` to a host whose address is public: the key and the prompts would travel in the clear.
    PlainHttp,
}

impl CustomHosts {
    /// The variable.
    pub const VAR: &str = "CUSTOM_ENDPOINT_HOSTS";

    pub(super) fn from_vars(vars: &Vars<'_>) -> Result<Self, Box<ConfigError>> {
        let entry = |text: String| {
            let (host, port) = split_port(&text).ok()?;
            Some((Host::parse(host)?, port))
        };
        let entries = vars.list(Self::VAR).into_iter().map(|text| {
            entry(text.clone()).ok_or_else(|| {
                Box::new(ConfigError::Value {
                    var: Self::VAR,
                    value: text,
                    allowed: "hosts, each `host` or `host:port`, comma-separated",
                })
            })
        });
        entries.collect::<Result<_, _>>().map(Self)
    }

    /// The base URL of an endpoint that is allowed: `https://host[:port][/path]`, or `http` to an address that is not
    /// public. An entry without a port allows the usual one of the scheme alone.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn check(&self, endpoint: &str) -> Result<String, EndpointError> {
        let address = Address::parse(endpoint).map_err(|problem| {
            if problem == BaseUrlError::UserInfo { EndpointError::UserInfo } else { EndpointError::Malformed(problem) }
        })?;
        let usual = if address.is_https { 443 } else { 80 };
        let port = address.port.unwrap_or(usual);
        let is_listed = |(host, listed): &(Host, Option<u16>)| *host == address.host && listed.unwrap_or(usual) == port;
        if !self.0.iter().any(is_listed) {
            let host = match address.port {
                Some(port) => format!("{}:{port}", address.host),
                None => address.host.to_string(),
            };
            return Err(EndpointError::Refused { host });
        }
        if !address.is_https && !address.host.is_private() {
            return Err(EndpointError::PlainHttp);
        }
        Ok(address.without_endpoint())
    }
}
