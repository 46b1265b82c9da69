//! An origin: scheme, host and port, spelt one way.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use url::{Host, Url};

/// Where a request goes: scheme, host in lower case, port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

impl Origin {
    /// Of `HOST`, `HOST:PORT` or an https address of which the path is ignored; none for anything else.
    #[must_use]
    pub fn https(text: &str) -> Option<Self> {
        Self::parse(text, "https")
    }

    /// The same for plain http.
    #[must_use]
    pub fn http(text: &str) -> Option<Self> {
        Self::parse(text, "http")
    }

    /// Of an absolute URI; none for one without a host, with a user name, or of another scheme.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok()?,
            // `host:` has a colon and no port.
            None if https => HTTPS_PORT,
            None => HTTP_PORT,
        };
        Some(Self { https, host: spelt(authority.host())?, port })
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Host name in lower case, or IP address, of IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is this machine: `localhost`, `127.0.0.0/8` or `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn parse(text: &str, scheme: &str) -> Option<Self> {
        let text = text.trim();
        let bare = !text.contains("://");
        let url = if bare { Url::parse(&format!("{scheme}://{text}")) } else { Url::parse(text) }.ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        // A bare name is a name and no more; of an address, only the origin counts.
        let whole = !bare || (url.path() == "/" && !text.contains(['/', '?', '#', '\\']));
        if url.scheme() != scheme || !plain || !whole {
            return None;
        }
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => format!("[{address}]"),
        };
        Some(Self { https: scheme == "https", host: spelt(&host)?, port: url.port_or_known_default()? })
    }
}

/// Lower case, without the dot of a fully qualified name, IPv6 in its short form.
fn spelt(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = inner.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.https { ("https", HTTPS_PORT) } else { ("http", HTTP_PORT) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}
