//! Hosts and ports of URLs, in the one form that every URL parser reads alike.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::base_url::BaseUrlError;

/// The longest host name that DNS can carry.
const MAX_HOST_LENGTH: usize = 253;
/// The longest label between two dots of a host name (RFC 1035).
const MAX_LABEL_LENGTH: usize = 63;

/// `host[:port]`.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<u16>), BaseUrlError> {
    // The colons of an IPv6 address stand inside its brackets.
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or(BaseUrlError::Host)? + 1;
        let (host, rest) = authority.split_at_checked(end).ok_or(BaseUrlError::Host)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, port),
            None if rest.is_empty() => return Ok((host, None)),
            None => return Err(BaseUrlError::Host),
        }
    } else {
        match authority.split_once(':') {
            Some(parts) => parts,
            None => return Ok((authority, None)),
        }
    };
    // `u16::from_str` takes a leading plus sign.
    let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits_only && number > 0 => Ok((host, Some(number))),
        _ => Err(BaseUrlError::Port),
    }
}

/// A host as it stands in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name, in lower case.
    Name(String),
    /// A dotted IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a name or an address; `None` where URL parsers could read it in two ways.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[') {
            return address.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next()?;
        let hexadecimal =
            last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit()) {
            // URL parsers read such a name as a number (`127.1`, `2130706433`): only the dotted form is unambiguous.
            return name.parse().ok().map(Self::V4);
        }
        (name.len() <= MAX_HOST_LENGTH && name.split('.').all(is_label)).then_some(Self::Name(name))
    }

    /// This machine, or an address that is routed on no public network.
    pub(super) fn is_private(&self) -> bool {
        self.is_loopback()
            || match self {
                Self::Name(_) => false,
                Self::V4(address) => address.is_private() || address.is_link_local(),
                Self::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
            }
    }

    /// This machine.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL_LENGTH
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}
