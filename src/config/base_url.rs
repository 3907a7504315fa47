//! The address of a provider, checked character by character. What is accepted here means the same to every URL
//! parser, so the host that was checked is the host that is called. It resolves nothing and fetches nothing.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest host name that DNS can carry.
const MAX_HOST_LENGTH: usize = 253;
/// The longest label between two dots of a host name (RFC 1035).
const MAX_LABEL_LENGTH: usize = 63;
/// The part that the gateway adds by itself; operators often copy it along.
const ENDPOINT: &str = "/chat/completions";

/// What is wrong with a text that should be a base URL. None holds the text, since it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseUrlError {
    /// A space, a control character, a backslash, or anything else that belongs into no URL or is not ASCII.
    Character(char),
    /// Neither `https://` nor `http://` in front.
    Scheme,
    /// A user name or a password before the host.
    UserInfo,
    /// A `?`.
    Query,
    /// A `#`.
    Fragment,
    /// The host is missing, or is neither a host name, nor a dotted IPv4 address, nor an IPv6 address in brackets.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// A `%` without two hexadecimal digits after it.
    Percent,
    /// `http` to a host that is not this machine: the key and the prompts would travel in the clear.
    PlainHttp {
        /// The host.
        host: String,
    },
    /// It ends with the path that the gateway adds.
    IncludesEndpoint,
}

/// Checks a base URL and returns it with scheme and host in lower case and without trailing slashes.
///
/// # Errors
/// Everything but `https://host[:port][/path]`, or the same with `http` where the host is loopback.
pub fn parse_base_url(text: &str) -> Result<String, BaseUrlError> {
    let fits_a_url = |character: &char| {
        character.is_ascii_graphic() && !matches!(character, '\\' | '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}')
    };
    if let Some(character) = text.chars().find(|character| !fits_a_url(character)) {
        return Err(BaseUrlError::Character(character));
    }
    let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => "https",
        "http" => "http",
        _ => return Err(BaseUrlError::Scheme),
    };
    if rest.contains('?') {
        return Err(BaseUrlError::Query);
    }
    if rest.contains('#') {
        return Err(BaseUrlError::Fragment);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err(BaseUrlError::UserInfo);
    }
    let (host, port) = split_port(authority)?;
    let host = Host::parse(host).ok_or(BaseUrlError::Host)?;
    if scheme == "http" && !host.is_loopback() {
        return Err(BaseUrlError::PlainHttp { host: host.to_string() });
    }
    if !escapes_are_whole(path) {
        return Err(BaseUrlError::Percent);
    }
    let mut url = format!("{scheme}://{host}");
    if let Some(port) = port {
        url.push_str(&format!(":{port}"));
    }
    url.push('/');
    url.push_str(path);
    url.truncate(url.trim_end_matches('/').len());
    if url.ends_with(ENDPOINT) { Err(BaseUrlError::IncludesEndpoint) } else { Ok(url) }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), BaseUrlError> {
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

fn escapes_are_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        let mut hexadecimal = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        hexadecimal() && hexadecimal()
    })
}

enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
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

    fn is_loopback(&self) -> bool {
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

impl fmt::Display for BaseUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(character) => write!(f, "the character {character:?} cannot stand in a base URL"),
            Self::Scheme => f.write_str("a base URL begins with `https://` (or `http://` on this machine)"),
            Self::UserInfo => f.write_str("a base URL has no user name or password; the key has its own variable"),
            Self::Query => f.write_str("a base URL has no `?` part"),
            Self::Fragment => f.write_str("a base URL has no `#` part"),
            Self::Host => f.write_str(
                "the host must be a host name, a dotted IPv4 address such as 127.0.0.1, or an IPv6 address in brackets",
            ),
            Self::Port => f.write_str("the port must be a number from 1 to 65535"),
            Self::Percent => f.write_str("`%` must be followed by two hexadecimal digits"),
            Self::PlainHttp { host } => {
                write!(f, "`{host}` is not this machine, so its base URL must begin with `https://`")
            }
            Self::IncludesEndpoint => write!(f, "leave `{ENDPOINT}` out: the gateway adds it"),
        }
    }
}

impl std::error::Error for BaseUrlError {}
