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
    /// Of `HOST`, `HOST:PORT` or the https address of a page, as people paste them: spaces around it, the path
    /// with what follows it and the dot of a fully qualified name are dropped. None for anything else, and none
    /// for an address with a user name.
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

    /// Whether the host is a name that fits a pattern, in which `*` stands for one or more labels, as in
    /// `*.id.example.com`. An IP address fits none.
    #[must_use]
    pub fn fits(&self, pattern: &str) -> bool {
        if self.host.starts_with('[') || self.host.parse::<IpAddr>().is_ok() {
            return false;
        }
        let labels: Vec<&str> = self.host.split('.').collect();
        // Up to which labels the parts of the pattern so far may reach; one more entry than there are labels.
        let mut reached: Vec<bool> = std::iter::once(true).chain(labels.iter().map(|_| false)).collect();
        for part in pattern.trim().trim_end_matches('.').split('.') {
            let mut within = false;
            let next = labels.iter().zip(&reached).map(|(label, before)| {
                within = (part == "*" && within) || *before;
                within && (part == "*" || label.eq_ignore_ascii_case(part))
            });
            reached = std::iter::once(false).chain(next).collect();
        }
        reached.last().copied().unwrap_or_default()
    }

    fn parse(text: &str, scheme: &str) -> Option<Self> {
        let text = text.trim();
        // A query may hold another address; a scheme stands before everything else.
        let bare = text.split_once("://").is_none_or(|(before, _)| before.contains(['/', '?', '#']));
        let url = if bare { Url::parse(&format!("{scheme}://{text}")) } else { Url::parse(text) }.ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        // Where a backslash stands programs differ in what the host is.
        if url.scheme() != scheme || !plain || text.contains('\\') {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_paste_is_understood() {
        for text in [
            "pod.example.com",
            "  Pod.Example.com.\n",
            "pod.example.com/",
            "https://pod.example.com/fscmUI/faces/FuseWelcome?_afrLoop=1&u=https://else.example.com/#top",
            "pod.example.com/fscmUI?u=https://else.example.com",
            "HTTPS://pod.example.com.:443/",
        ] {
            assert_eq!(Origin::https(text).unwrap().to_string(), "https://pod.example.com", "{text}");
        }
        assert_eq!(Origin::https("pod.example.com:8443/x").unwrap().port(), 8443);
    }

    #[test]
    fn what_names_no_https_host_is_not() {
        for text in [
            "",
            ".",
            "/",
            "http://pod.example.com/",
            "user@pod.example.com",
            "https://user:secret@pod.example.com/",
            "ftp://pod.example.com",
            "pod.example.com\\@evil.example.com",
            "pod example com",
            "pod.example.com:99999",
        ] {
            assert_eq!(Origin::https(text), None, "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_one_label_or_more() {
        let fits = |host: &str, pattern: &str| Origin::https(host).unwrap().fits(pattern);
        assert!(fits("idcs-1.id.example.com", "*.id.example.com"));
        assert!(fits("IDCS-1.us.id.example.com:8443", "*.ID.example.com"));
        assert!(fits("a.id.us-1.example.com", "*.id.*.example.com"));
        assert!(fits("a.b.id.us.west.example.com", "*.id.*.example.com"));
        assert!(fits("id.example.com", "id.example.com"));
        for (host, pattern) in [
            ("id.example.com", "*.id.example.com"),
            ("evilid.example.com", "*.id.example.com"),
            ("a.id.example.com.evil.com", "*.id.example.com"),
            ("a.id.example.com", "*.id.*.example.com"),
            ("a.id.example.com", "*.example"),
            ("a.id.example.com", ""),
            ("127.0.0.1", "*"),
            ("[::1]", "*"),
        ] {
            assert!(!fits(host, pattern), "{host} {pattern}");
        }
    }

    proptest! {
        #[test]
        fn pasting_never_leads_elsewhere(host in "[a-z]{1,5}\\.example\\.com", rest in "[/?#][ -~]{0,20}") {
            if let Some(origin) = Origin::https(&format!("{host}{rest}")) {
                prop_assert_eq!(origin.host(), host);
            }
        }

        #[test]
        fn a_name_fits_itself_and_what_stands_below_a_star(labels in proptest::collection::vec("[a-z]{1,3}", 1..5)) {
            let name = labels.join(".");
            let below = format!("*.{name}");
            let whole = format!("x.{name}");
            let origin = Origin::https(&whole).unwrap();
            prop_assert!(origin.fits(&whole) && origin.fits(&below) && origin.fits("*"));
            prop_assert!(!Origin::https(&name).unwrap().fits(&below));
        }
    }
}
