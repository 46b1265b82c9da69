//! Where requests may go: a list of origins, and nothing beside it.
//!
//! The list comes from the settings that the connector's own form marks with `x-connector-origin`, and from
//! what the person at the host adds. https everywhere; plain http for loopback alone, named with its port.
//! Nothing is sent to any other place: not to one that an answer links to, and not after a redirect, which no
//! transport follows.

mod origin;
mod settings;

use std::collections::BTreeSet;

use http::Uri;

pub use origin::Origin;

/// What makes a connection itself: its settings without those that the form marks as advanced, and with each origin
/// in one spelling. None where form or settings are not JSON.
#[must_use]
pub fn identity(connection_schema: &str, settings: &str) -> Option<String> {
    let form = serde_json::from_str(connection_schema).ok()?;
    let mut settings = serde_json::from_str(settings).ok()?;
    settings::reduce(&form, &form, &mut settings, 0);
    Some(settings.to_string())
}

/// The remote system behind a connection, whoever signs in there: the origins that the form marks without patterns,
/// one after the other. Empty where there are none.
#[must_use]
pub fn remote(connection_schema: &str, settings: &str) -> String {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let (form, settings) = (read(connection_schema), read(settings));
    let own = settings::marked(&form, &settings).into_iter().filter(|marked| marked.patterns.is_none());
    let origins = own.filter_map(|marked| Origin::https(marked.text).or_else(|| Origin::http(marked.text)));
    origins.map(|origin| origin.to_string()).collect::<Vec<_>>().join(" ")
}

/// An allow-list of origins. Allows nothing at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    origins: BTreeSet<Origin>,
    /// Named by a setting whose patterns they do not fit.
    unexpected: BTreeSet<Origin>,
}

/// A request to a place that is not on the list. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Another host, or another port.
    #[error("{origin} is not among the hosts that this connection may talk to")]
    NotListed {
        /// Where it was to go.
        origin: Origin,
    },
    /// A setting names it, and the connector's form expects another kind of host there: a mistake, or
    /// somebody who wants to have the credentials.
    #[error(
        "the connection names {}, which is not where its form expects that address to lead",
        origin.host()
    )]
    Unexpected {
        /// Where it was to go.
        origin: Origin,
    },
    /// Plain http.
    #[error(
        "{origin} is plain http, which is allowed for loopback alone, and only where host and port are named for it"
    )]
    PlainHttp {
        /// Where it was to go.
        origin: Origin,
    },
    /// No origin can be read from it.
    #[error("a request without a host, or with a user name in its address, goes nowhere")]
    NoOrigin,
}

/// Something that cannot be put on the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Neither a host name nor an https address.
    #[error("{text:?} is not a host: give a name such as example.com, a name with a port, or an https address")]
    NotAHost {
        /// As given.
        text: String,
    },
    /// Plain http to another machine.
    #[error(
        "plain http to {text:?} is not allowed: only loopback (localhost, 127.0.0.0/8, ::1) may be talked to without TLS"
    )]
    NotLoopback {
        /// As given.
        text: String,
    },
    /// The schema or the settings are not JSON.
    #[error("the {what} is not JSON: {reason}")]
    NotJson {
        /// Which of them.
        what: &'static str,
        /// Where and how; none of its text.
        reason: String,
    },
}

impl Policy {
    /// A list with nothing on it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The origins that filled-in settings name, by the form that they fill in.
    ///
    /// `connection_schema` is `manifest.connection-schema`, `settings` the JSON of the form. A marked setting
    /// counts in the form's variants that the settings choose, at any depth. Its value is a host name, one with
    /// a port, or the https address of a page, of which only the origin counts. Values that are none of these,
    /// plain http among them, allow nothing; the connector says what is wrong with them.
    ///
    /// The mark is `true`, or a list of host patterns such as `["*.id.example.com"]`, where `*` stands for one
    /// label or more. A setting marked with patterns allows a host that fits one of them, or the origin that a
    /// setting marked `true` names; any other needs [`allow_host`](Self::allow_host).
    ///
    /// # Errors
    /// [`PolicyError::NotJson`].
    pub fn from_settings(connection_schema: &str, settings: &str) -> Result<Self, PolicyError> {
        let read = |what, text: &str| {
            serde_json::from_str(text).map_err(|cause: serde_json::Error| PolicyError::NotJson {
                what,
                // serde_json's own words may quote the text, and settings hold secrets.
                reason: format!("line {}, column {}", cause.line(), cause.column()),
            })
        };
        let schema = read("connection form", connection_schema)?;
        let settings = read("text of the settings", settings)?;
        let named: Vec<_> = settings::marked(&schema, &settings)
            .into_iter()
            .filter_map(|marked| Some((Origin::https(marked.text)?, marked.patterns)))
            .collect();
        let (origins, others) = named.into_iter().partition::<Vec<_>, _>(|(origin, patterns)| {
            patterns.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| origin.fits(pattern)))
        });
        let only = |named: Vec<(Origin, _)>| named.into_iter().map(|(origin, _)| origin).collect();
        Ok(Self { origins: only(origins), unexpected: only(others) })
    }

    /// Allows https to a host: `HOST`, `HOST:PORT` or an https address.
    ///
    /// # Errors
    /// [`PolicyError::NotAHost`].
    pub fn allow_host(&mut self, host: &str) -> Result<(), PolicyError> {
        let origin = Origin::https(host).ok_or_else(|| PolicyError::NotAHost { text: host.to_owned() })?;
        self.origins.insert(origin);
        Ok(())
    }

    /// Allows plain http to a port of this machine: `HOST:PORT`, with or without `http://` before it.
    ///
    /// # Errors
    /// [`PolicyError::NotAHost`], and [`PolicyError::NotLoopback`] for any other machine.
    pub fn allow_http(&mut self, authority: &str) -> Result<(), PolicyError> {
        let origin = Origin::http(authority).ok_or_else(|| PolicyError::NotAHost { text: authority.to_owned() })?;
        if !origin.is_loopback() {
            return Err(PolicyError::NotLoopback { text: authority.to_owned() });
        }
        self.origins.insert(origin);
        Ok(())
    }

    /// What is on the list.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.origins.iter()
    }

    /// Whether a request to this absolute URI may be sent.
    ///
    /// # Errors
    /// [`Denied`], which names the place.
    pub fn check(&self, uri: &Uri) -> Result<(), Denied> {
        let origin = Origin::of(uri).ok_or(Denied::NoOrigin)?;
        if self.origins.contains(&origin) {
            Ok(())
        } else if self.unexpected.contains(&origin) {
            Err(Denied::Unexpected { origin })
        } else if origin.is_https() {
            Err(Denied::NotListed { origin })
        } else {
            Err(Denied::PlainHttp { origin })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const SCHEMA: &str = r##"{
        "type": "object",
        "properties": {
            "host": {"type": "string", "x-connector-origin": true},
            "note": {"type": "string"},
            "auth": {"$ref": "#/$defs/Auth"}
        },
        "$defs": {"Auth": {"oneOf": [
            {"type": "object", "properties": {"type": {"const": "basic"}, "username": {"type": "string"}}},
            {"type": "object", "properties": {
                "type": {"const": "oauth"}, "token_url": {"type": "string", "x-connector-origin": true}}}
        ]}}
    }"##;

    fn from(settings: &str) -> Vec<String> {
        Policy::from_settings(SCHEMA, settings).unwrap().origins().map(ToString::to_string).collect()
    }

    #[test]
    fn the_list_comes_from_the_marked_settings_of_the_chosen_variant() {
        assert_eq!(
            from(r#"{"host": "Pod.Example.com", "note": "elsewhere.example.com"}"#),
            ["https://pod.example.com"]
        );
        assert_eq!(
            from(
                r#"{"host": "https://pod.example.com:8443/", "auth": {"type": "oauth", "token_url": "https://id.example.com/oauth2/v1/token"}}"#
            ),
            ["https://id.example.com", "https://pod.example.com:8443"]
        );
        assert_eq!(
            from(r#"{"host": "pod.example.com", "auth": {"type": "basic", "token_url": "https://id.example.com/"}}"#),
            ["https://pod.example.com"]
        );
    }

    #[test]
    fn a_setting_with_patterns_is_believed_within_them() {
        let schema = r#"{"properties": {
            "host": {"x-connector-origin": true}, "token_url": {"x-connector-origin": ["*.id.example.com", "*.id.*.example.com"]}}}"#;
        let policy = |token_url: &str| {
            let settings = serde_json::json!({"host": "pod.example.com/home", "token_url": token_url});
            Policy::from_settings(schema, &settings.to_string()).unwrap()
        };
        let check = |policy: &Policy, uri: &str| policy.check(&uri.parse().unwrap());
        for own in
            ["https://a.id.example.com/token", "https://a.id.us.example.com/token", "https://pod.example.com/token"]
        {
            assert_eq!(check(&policy(own), own), Ok(()));
        }
        let mut elsewhere = policy("https://evil.example.net/token");
        let denied = check(&elsewhere, "https://evil.example.net/token").unwrap_err();
        assert!(matches!(denied, Denied::Unexpected { .. }) && denied.to_string().contains("evil.example.net"));
        assert!(matches!(check(&elsewhere, "https://x.example.net/"), Err(Denied::NotListed { .. })));
        elsewhere.allow_host("evil.example.net").unwrap();
        assert_eq!(check(&elsewhere, "https://evil.example.net/token"), Ok(()));
        // Of this machine, only what is allowed by name and port.
        let mut here = policy("http://127.0.0.1:8080/token");
        assert!(check(&here, "http://127.0.0.1:8080/token").is_err());
        here.allow_http("127.0.0.1:8080").unwrap();
        assert_eq!(check(&here, "http://127.0.0.1:8080/token"), Ok(()));
    }

    #[test]
    fn settings_that_name_no_host_allow_nothing() {
        for settings in [
            r#"{"host": "http://pod.example.com"}"#,
            r#"{"host": "user:secret@pod.example.com"}"#,
            r#"{"host": "ftp://pod.example.com"}"#,
            r#"{"host": ""}"#,
            r#"{"host": 7}"#,
            "{}",
            "[]",
        ] {
            assert_eq!(from(settings), Vec::<String>::new(), "{settings}");
        }
    }

    #[test]
    fn settings_that_are_not_json_are_told_without_their_text() {
        let told = Policy::from_settings(SCHEMA, "hunter2").unwrap_err().to_string();
        assert!(told.contains("line 1") && !told.contains("hunter"), "{told}");
    }

    #[test]
    fn plain_http_is_for_loopback_that_is_named() {
        let mut policy = Policy::new();
        assert!(matches!(policy.allow_http("pod.example.com:80"), Err(PolicyError::NotLoopback { .. })));
        assert!(matches!(policy.allow_http("192.168.0.1:80"), Err(PolicyError::NotLoopback { .. })));
        policy.allow_http("127.0.0.1:8080").unwrap();
        policy.allow_http("http://[::1]:8081").unwrap();
        assert!(policy.check(&Uri::from_static("http://127.0.0.1:8080/x")).is_ok());
        assert!(policy.check(&Uri::from_static("http://[::1]:8081/x")).is_ok());
        let denied = policy.check(&Uri::from_static("http://127.0.0.1:8082/x")).unwrap_err().to_string();
        assert!(denied.starts_with("http://127.0.0.1:8082 is plain http"), "{denied}");
        assert!(policy.check(&Uri::from_static("https://127.0.0.1:8080/x")).is_err());
    }

    #[test]
    fn an_address_with_a_user_name_goes_nowhere() {
        let mut policy = Policy::new();
        policy.allow_host("pod.example.com").unwrap();
        assert_eq!(policy.check(&Uri::from_static("https://pod.example.com@evil.example.com/")), Err(Denied::NoOrigin));
        assert_eq!(policy.check(&Uri::from_static("https://evil@pod.example.com/")), Err(Denied::NoOrigin));
        assert_eq!(policy.check(&Uri::from_static("/relative")), Err(Denied::NoOrigin));
    }

    proptest! {
        #[test]
        fn no_origin_passes_but_the_listed_one(scheme in "https?", host in "[a-z.]{1,12}|[0-9.]{3,9}", port in proptest::option::of(1u16..)) {
            let mut policy = Policy::new();
            policy.allow_host("pod.example.com").unwrap();
            let authority = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            if let Ok(uri) = format!("{scheme}://{authority}/path").parse::<Uri>() {
                let listed = scheme == "https" && host.trim_end_matches('.') == "pod.example.com" && port.unwrap_or(443) == 443;
                prop_assert_eq!(policy.check(&uri).is_ok(), listed);
            }
        }

        #[test]
        fn what_may_be_listed_may_be_reached(host in "[a-zA-Z][a-zA-Z0-9-]{0,10}[a-z]\\.example\\.com", port in 1u16..) {
            let mut policy = Policy::new();
            policy.allow_host(&format!("{host}:{port}")).unwrap();
            let uri: Uri = format!("https://{host}:{port}/a?b=c").parse().unwrap();
            prop_assert!(policy.check(&uri).is_ok());
        }
    }
}
