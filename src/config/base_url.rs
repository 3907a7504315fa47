//! The address of a provider, checked character by character. What is accepted here means the same to every URL
//! parser, so the host that was checked is the host that is called. It resolves nothing and fetches nothing.

use std::fmt;

use super::host::{Host, split_port};

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
    let address = Address::parse(text)?;
    if !address.is_https && !address.host.is_loopback() {
        return Err(BaseUrlError::PlainHttp { host: address.host.to_string() });
    }
    if address.url.ends_with(ENDPOINT) { Err(BaseUrlError::IncludesEndpoint) } else { Ok(address.url) }
}

/// An address that means the same to every URL parser.
pub(super) struct Address {
    /// Scheme and host in lower case, without trailing slashes.
    pub(super) url: String,
    /// `https`, not `http`.
    pub(super) is_https: bool,
    /// The host.
    pub(super) host: Host,
    /// The port, where it is written.
    pub(super) port: Option<u16>,
}

impl Address {
    /// `http[s]://host[:port][/path]`.
    pub(super) fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let fits_a_url = |character: &char| {
            character.is_ascii_graphic() && !matches!(character, '\\' | '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}')
        };
        if let Some(character) = text.chars().find(|character| !fits_a_url(character)) {
            return Err(BaseUrlError::Character(character));
        }
        let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
        let (scheme, is_https) = match scheme.to_ascii_lowercase().as_str() {
            "https" => ("https", true),
            "http" => ("http", false),
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
        Ok(Self { url, is_https, host, port })
    }

    /// The same without the path that the gateway adds by itself.
    pub(super) fn without_endpoint(mut self) -> String {
        let bare = self.url.strip_suffix(ENDPOINT).map_or(self.url.len(), str::len);
        self.url.truncate(bare);
        self.url
    }
}

fn escapes_are_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        let mut hexadecimal = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        hexadecimal() && hexadecimal()
    })
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
