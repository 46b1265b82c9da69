//! Connection settings: the form that a person fills in, and what it means once it is checked.
//!
//! A [`Settings`] that exists is usable: its host is parsed, its numbers are in range. Secrets leave this
//! room only towards [`crate::auth`], and [`Secrets`] takes them out of any text that the pod sends back.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::Credentials;
use crate::contract::FieldProblem;
use crate::forms;
use crate::problem::{Failure, Result};

/// The connection form.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(title = "Oracle Fusion connection", deny_unknown_fields)]
pub struct Form {
    /// Host name of the pod, as in servername.fa.us2.oraclecloud.com; also an https address with a port.
    #[schemars(title = "Host", length(min = 1), extend("examples" = ["servername.fa.us2.oraclecloud.com"]))]
    #[schemars(extend("x-connector-origin" = true, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub host: String,
    /// How to sign in.
    #[schemars(title = "Sign in with", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub auth: Auth,
    /// Language of the texts that the pod answers, as in en or de. Display values come in it.
    #[schemars(title = "Language", pattern("^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"))]
    #[schemars(extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub language: Option<String>,
    /// REST framework version that is sent with every call.
    #[schemars(title = "REST framework version", range(min = 1, max = 9))]
    #[schemars(extend("default" = 4, "x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub rest_framework_version: Option<u8>,
    /// Version segment of resource addresses.
    #[schemars(title = "API version", pattern("^(latest|[0-9]+(\\.[0-9]+)*)$"))]
    #[schemars(extend("default" = "11.13.18.05", "x-connector-visibility" = "advanced", "x-connector-order" = 5))]
    pub api_version: Option<String>,
    /// Reads date-effective resources as of this day (yyyy-MM-dd) where the input names none.
    #[schemars(title = "Effective date", extend("format" = "date", "x-connector-visibility" = "advanced", "x-connector-order" = 6))]
    pub effective_date: Option<String>,
    /// Refuses every operation that is not a read, before anything is sent.
    #[schemars(title = "Read only", extend("default" = false, "x-connector-visibility" = "advanced", "x-connector-order" = 7))]
    pub read_only: Option<bool>,
}

/// How to sign in.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(title = "Sign-in")]
pub enum Auth {
    /// User name and password of a Fusion user.
    #[schemars(title = "User name and password")]
    Basic {
        /// User name of the Fusion user.
        #[schemars(title = "User name", length(min = 1), extend("x-connector-order" = 1))]
        username: String,
        /// Password of the Fusion user.
        #[schemars(title = "Password", length(min = 1), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 2))]
        password: String,
    },
    /// A JWT that is signed with a key of which the pod knows the certificate. No token endpoint is needed.
    #[schemars(title = "Signed JWT")]
    Jwt {
        /// Trusted issuer, as in Security Console > API Authentication.
        #[schemars(title = "Issuer", length(min = 1), extend("x-connector-order" = 1))]
        issuer: String,
        /// User name of the Fusion user as whom to work.
        #[schemars(title = "User name", length(min = 1), extend("x-connector-order" = 2))]
        username: String,
        /// RSA private key in PEM (PKCS#1 or PKCS#8), without a passphrase.
        #[schemars(title = "Private key", length(min = 1), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 3))]
        private_key: String,
        /// SHA-1 fingerprint of the certificate that the pod knows, in hex or base64; or the certificate in PEM.
        #[schemars(title = "Certificate fingerprint", length(min = 1), extend("x-connector-order" = 4))]
        certificate_fingerprint: String,
    },
    /// An application of the identity domain, for which the pod has a user of the same name.
    #[schemars(title = "OAuth client credentials")]
    OauthClientCredentials {
        /// Token endpoint of the identity domain.
        #[schemars(title = "Token address", length(min = 1), extend("examples" = ["https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token"]))]
        #[schemars(extend("x-connector-origin" = true, "x-connector-order" = 1))]
        token_url: String,
        /// Client id of the application; a Fusion user of this name must exist.
        #[schemars(title = "Client id", length(min = 1), extend("x-connector-order" = 2))]
        client_id: String,
        /// Client secret of the application.
        #[schemars(title = "Client secret", length(min = 1), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 3))]
        client_secret: String,
        /// Scope, as the application's resources show it.
        #[schemars(title = "Scope", length(min = 1), extend("x-connector-order" = 4))]
        scope: String,
    },
}

/// Scheme and authority of the pod: the only place to which requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `https`, or `http` for loopback.
    pub secure: bool,
    /// `host` or `host:port`, lower-case, without user information.
    pub authority: String,
}

/// Checked settings.
#[derive(Clone)]
pub struct Settings {
    /// Where the pod is.
    pub origin: Origin,
    /// How to sign in.
    pub auth: Credentials,
    /// `Accept-Language`; English where nothing is chosen, so that codes and texts are predictable (I9).
    pub language: String,
    /// `REST-Framework-Version`.
    pub framework: u8,
    /// Version segment.
    pub api_version: String,
    /// `effectiveDate` where the input names none.
    pub effective_date: Option<String>,
    /// Whether writes are refused.
    pub read_only: bool,
    /// What must not appear in any text.
    pub secrets: Secrets,
}

impl Settings {
    /// Checks settings against their form and parses them.
    ///
    /// # Errors
    /// `invalid-input`, with a JSON pointer for each fault.
    pub fn parse(text: &str) -> Result<Self> {
        let form: Form = forms::parse("connection settings", &forms::schema::<Form>(), text)?;
        let origin = Origin::parse(&form.host).map_err(|why| {
            Failure::invalid_fields("connection settings", vec![FieldProblem { pointer: "/host".into(), message: why }])
                .remedy("Give the host name of the pod, as in servername.fa.us2.oraclecloud.com.")
        })?;
        // Both go into requests as they are, so what stands in them is checked here; a form's pattern is for
        // renderers.
        let words = [("language", form.language.as_deref()), ("api_version", form.api_version.as_deref())];
        for (name, value) in words {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == if name == "language" { '-' } else { '.' };
            if value.is_some_and(|value| value.is_empty() || value.starts_with('.') || !value.chars().all(fits)) {
                let message = "this is not one; leave the field empty for the usual".to_owned();
                let problem = FieldProblem { pointer: format!("/{name}"), message };
                return Err(Failure::invalid_fields("connection settings", vec![problem]));
            }
        }
        let auth = Credentials::parse(&form.auth).map_err(|(member, message, remedy)| {
            let problem = FieldProblem { pointer: format!("/auth/{member}"), message };
            Failure::invalid_fields("connection settings", vec![problem]).remedy(remedy)
        })?;
        let secrets = Secrets::default();
        auth.hide_in(&form.auth, &secrets);
        Ok(Self {
            origin,
            auth,
            language: form.language.unwrap_or_else(|| "en".to_owned()),
            framework: form.rest_framework_version.unwrap_or(4),
            api_version: form.api_version.unwrap_or_else(|| "11.13.18.05".to_owned()),
            effective_date: form.effective_date,
            read_only: form.read_only.unwrap_or(false),
            secrets,
        })
    }
}

impl Origin {
    /// Parses `host`, `host:port`, `https://host[:port][/]`, or `http://` with a loopback host.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        let (secure, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, _)) => return Err(format!("{scheme} is not a way to reach a pod; use https")),
            None => (true, text),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => (host, Some(port)),
            _ => (authority.as_str(), None),
        };
        let bracketed = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let fine = match bracketed {
            Some(inner) => !inner.is_empty() && inner.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.'),
            None => {
                !host.is_empty()
                    && host.len() <= 253
                    && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_')
                    && !host.starts_with(['.', '-'])
                    && !host.contains("..")
            }
        };
        if !fine {
            return Err("this is not a host name; leave out paths, user names and spaces".to_owned());
        }
        if let Some(port) = port
            && (port.parse::<u16>().is_err() || port == "0")
        {
            return Err(format!("{port} is not a port"));
        }
        if !secure && !is_loopback(bracketed.unwrap_or(host)) {
            return Err(
                "plain http is for loopback alone, since the password would travel in the clear; use https".to_owned()
            );
        }
        Ok(Self { secure, authority })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Values that no text of ours may show, in each spelling in which they travel. Tokens join during a call.
#[derive(Clone, Default)]
pub struct Secrets(RefCell<Vec<String>>);

impl Secrets {
    /// Adds one, as it is and as JSON and addresses spell it.
    pub fn add(&self, secret: &str) {
        // A secret of one or two characters would blot out every text that holds them.
        if secret.chars().count() < 3 {
            return;
        }
        let encoded = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        let escaped = serde_json::to_string(secret).unwrap_or_default();
        let escaped =
            escaped.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or_default().to_owned();
        let mut known = self.0.borrow_mut();
        for spelling in [secret.to_owned(), encoded, escaped, secret.trim_end_matches('=').to_owned()] {
            if !spelling.is_empty() && !known.contains(&spelling) {
                known.push(spelling);
            }
        }
        // The longest first, so that no tail of a longer spelling is left standing.
        known.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// The text with each secret replaced by `[secret]`.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in self.0.borrow().iter() {
            if hidden.contains(secret.as_str()) {
                hidden = hidden.replace(secret.as_str(), "[secret]");
            }
        }
        hidden
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn hosts_are_taken_in_the_ways_people_write_them() {
        for (given, secure, authority) in [
            ("pod.fa.us2.oraclecloud.com", true, "pod.fa.us2.oraclecloud.com"),
            (" https://Pod.fa.us2.oraclecloud.com/ ", true, "pod.fa.us2.oraclecloud.com"),
            ("pod.example:8443", true, "pod.example:8443"),
            ("http://127.0.0.1:8080", false, "127.0.0.1:8080"),
            ("http://[::1]:8080", false, "[::1]:8080"),
            ("http://localhost", false, "localhost"),
        ] {
            assert_eq!(Origin::parse(given).unwrap(), Origin { secure, authority: authority.into() }, "{given}");
        }
    }

    #[test]
    fn hosts_that_could_lead_elsewhere_are_refused() {
        for given in [
            "",
            "http://pod.example",
            "https://a@b",
            "pod/path",
            "pod?x",
            "pod#x",
            "ftp://pod",
            "pod:0",
            "pod:99999",
            "pod.example:",
            "a b",
            "https://",
            "pod\\x",
            "..",
            "[::1",
            "pod:80:80",
        ] {
            assert!(Origin::parse(given).is_err(), "{given}");
        }
    }

    #[test]
    fn what_goes_into_requests_as_it_is_is_checked() {
        for (name, value) in
            [("language", "en\r\nx: y"), ("api_version", "../x"), ("api_version", "1/2"), ("language", "")]
        {
            let text = serde_json::json!({"host": "pod", "auth": {"type": "basic", "username": "u", "password": "p1234"}, name: value});
            let failure = Settings::parse(&text.to_string()).err().unwrap();
            assert_eq!(failure.problem.fields.first().unwrap().pointer, format!("/{name}"));
        }
    }

    #[test]
    fn secrets_are_hidden_in_each_spelling() {
        let auth = Auth::Basic { username: "u".into(), password: "pä\"ss/w".into() };
        let secrets = Secrets::default();
        Credentials::parse(&auth).unwrap().hide_in(&auth, &secrets);
        let basic = STANDARD.encode("u:pä\"ss/w");
        let text = format!("a pä\"ss/w b p%C3%A4%22ss%2Fw c pä\\\"ss/w d {basic}");
        let hidden = secrets.hide(&text);
        assert_eq!(hidden, "a [secret] b [secret] c [secret] d [secret]");
    }
}
