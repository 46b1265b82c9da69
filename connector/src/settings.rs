//! Connection settings: the form that a person fills in, and what it means once it is checked.
//!
//! A [`Settings`] that exists is usable: its host is parsed, its numbers are in range. Secrets leave this
//! room only towards [`crate::auth`], and [`Secrets`] takes them out of any text that the pod sends back.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::Credentials;
use crate::contract::FieldProblem;
use crate::forms;
use crate::problem::{Failure, Result};
pub use crate::secrets::Secrets;

/// The connection form.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(title = "Oracle Fusion connection", deny_unknown_fields)]
pub struct Form {
    /// Host name of the pod, as in servername.fa.us2.oraclecloud.com; also an https address with a port.
    #[schemars(title = "Host", length(min = 1, max = 2000), extend("examples" = ["servername.fa.us2.oraclecloud.com"]))]
    #[schemars(extend("x-connector-origin" = true, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub host: String,
    /// How to sign in.
    #[schemars(title = "Sign in with", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub auth: Auth,
    /// Language of the texts that the pod answers, as in en or de. Display values come in it.
    #[schemars(title = "Language", length(max = 35), pattern("^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"))]
    #[schemars(extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub language: Option<String>,
    /// REST framework version that is sent with every call.
    #[schemars(title = "REST framework version", range(min = 1, max = 9))]
    #[schemars(extend("default" = 4, "x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub rest_framework_version: Option<u8>,
    /// Version segment of resource addresses.
    #[schemars(title = "API version", length(max = 40), pattern("^(latest|[0-9]+(\\.[0-9]+)*)$"))]
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
#[schemars(title = "Sign-in", deny_unknown_fields)]
pub enum Auth {
    /// User name and password of a Fusion user.
    #[schemars(title = "User name and password")]
    Basic {
        /// User name of the Fusion user.
        #[schemars(title = "User name", length(min = 1, max = 2000), extend("x-connector-order" = 1))]
        username: String,
        /// Password of the Fusion user.
        #[schemars(title = "Password", length(min = 1, max = 4000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 2))]
        password: String,
    },
    /// A JWT that is signed with a key of which the pod knows the certificate. No token endpoint is needed.
    #[schemars(title = "Signed JWT")]
    Jwt {
        /// Trusted issuer, as in Security Console > API Authentication.
        #[schemars(title = "Issuer", length(min = 1, max = 2000), extend("x-connector-order" = 1))]
        issuer: String,
        /// User name of the Fusion user as whom to work.
        #[schemars(title = "User name", length(min = 1, max = 2000), extend("x-connector-order" = 2))]
        username: String,
        /// RSA private key in PEM (PKCS#1 or PKCS#8), without a passphrase.
        #[schemars(title = "Private key", length(min = 1, max = 40000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 3))]
        private_key: String,
        /// SHA-1 fingerprint of the certificate that the pod knows, in hex or base64; or the certificate in PEM.
        #[schemars(title = "Certificate fingerprint", length(min = 1, max = 100000), extend("x-connector-order" = 4))]
        certificate_fingerprint: String,
    },
    /// An application of the identity domain, for which the pod has a user of the same name.
    #[schemars(title = "OAuth client credentials")]
    OauthClientCredentials {
        /// Token endpoint of the identity domain.
        #[schemars(title = "Token address", length(min = 1, max = 2000), extend("examples" = ["https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token"]))]
        #[schemars(extend("x-connector-origin" = IDENTITY_DOMAINS, "x-connector-order" = 1))]
        token_url: String,
        /// Client id of the application; a Fusion user of this name must exist.
        #[schemars(title = "Client id", length(min = 1, max = 2000), extend("x-connector-order" = 2))]
        client_id: String,
        /// Client secret of the application.
        #[schemars(title = "Client secret", length(min = 1, max = 4000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 3))]
        client_secret: String,
        /// Scope, as the application's resources show it.
        #[schemars(title = "Scope", length(min = 1, max = 4000), extend("x-connector-order" = 4))]
        scope: String,
    },
    /// An application of the identity domain that works as a user, for whom it signs.
    #[schemars(title = "OAuth user assertion")]
    OauthJwtAssertion {
        /// Token endpoint of the identity domain.
        #[schemars(title = "Token address", length(min = 1, max = 2000), extend("examples" = ["https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token"]))]
        #[schemars(extend("x-connector-origin" = IDENTITY_DOMAINS, "x-connector-order" = 1))]
        token_url: String,
        /// Client id of the application.
        #[schemars(title = "Client id", length(min = 1, max = 2000), extend("x-connector-order" = 2))]
        client_id: String,
        /// Client secret of the application. Left empty, the application proves itself with the same key.
        #[schemars(title = "Client secret", length(max = 4000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 3))]
        client_secret: Option<String>,
        /// Name of the user as whom to work, in the identity domain and in Fusion.
        #[schemars(title = "User name", length(min = 1, max = 2000), extend("x-connector-order" = 4))]
        username: String,
        /// RSA private key in PEM (PKCS#1 or PKCS#8), without a passphrase.
        #[schemars(title = "Private key", length(min = 1, max = 40000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 5))]
        private_key: String,
        /// SHA-1 fingerprint of the certificate that the application knows, in hex or base64; or the certificate in PEM.
        #[schemars(title = "Certificate fingerprint", length(min = 1, max = 100000), extend("x-connector-order" = 6))]
        certificate_fingerprint: String,
        /// Alias under which the certificate was imported at the application.
        #[schemars(title = "Certificate alias", length(max = 2000), extend("x-connector-order" = 7))]
        certificate_alias: Option<String>,
        /// Scope, as the application's resources show it.
        #[schemars(title = "Scope", length(min = 1, max = 4000), extend("x-connector-order" = 8))]
        scope: String,
    },
    /// A person signs in with a browser, and the connection works as that person.
    #[schemars(title = "OAuth in the browser")]
    OauthAuthorizationCode {
        /// Token endpoint of the identity domain.
        #[schemars(title = "Token address", length(min = 1, max = 2000), extend("examples" = ["https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token"]))]
        #[schemars(extend("x-connector-origin" = IDENTITY_DOMAINS, "x-connector-order" = 1))]
        token_url: String,
        /// Address of the identity domain to which the browser goes.
        #[schemars(title = "Sign-in address", length(min = 1, max = 2000), extend("examples" = ["https://idcs-0123.identity.oraclecloud.com/oauth2/v1/authorize"]))]
        #[schemars(extend("x-connector-order" = 2))]
        authorize_url: String,
        /// Client id of the application.
        #[schemars(title = "Client id", length(min = 1, max = 2000), extend("x-connector-order" = 3))]
        client_id: String,
        /// Client secret of the application.
        #[schemars(title = "Client secret", length(min = 1, max = 4000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 4))]
        client_secret: String,
        /// Scope, as the application's resources show it. offline_access is added to it.
        #[schemars(title = "Scope", length(min = 1, max = 4000), extend("x-connector-order" = 5))]
        scope: String,
        /// Refresh token from elsewhere. Left empty, the sign-in with the browser brings one.
        #[schemars(title = "Refresh token", length(max = 20000), extend("format" = "password", "writeOnly" = true, "x-connector-order" = 6))]
        refresh_token: Option<String>,
    },
}

/// Hosts of identity domains; a token address that leads elsewhere needs the host's own leave, since the
/// client secret goes there.
const IDENTITY_DOMAINS: [&str; 2] = ["*.identity.oraclecloud.com", "*.identity.*.oraclecloud.com"];

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
        let form: Form = forms::parse_settings(&forms::written::connection(), text)?;
        let origin = Origin::of_pod(&form.host).map_err(|why| {
            Failure::invalid_fields("connection settings", vec![FieldProblem { pointer: "/host".into(), message: why }])
                .remedy("Give the host name of the pod, as in servername.fa.us2.oraclecloud.com: sign in to Fusion with a browser, and copy it from the address bar.")
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
    /// Parses `host`, `host:port`, the https address of any page of the pod, or `http://` with a loopback
    /// host; spaces around it, what follows the host, and the dot of a full name are dropped.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        // A query may hold another address; a scheme stands before everything else.
        let scheme = text.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '#']));
        let (secure, rest) = match scheme {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, _)) => return Err(format!("{scheme} is not a way to reach a pod; use https")),
            None => (true, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        if authority.contains('@') {
            return Err("this holds a user name or is an e-mail address; give the host name alone".to_owned());
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => (host, Some(port)),
            _ => (authority.as_str(), None),
        };
        let host = host.strip_suffix('.').unwrap_or(host);
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
            return Err("this is not a host name; leave out spaces and everything that is not the host".to_owned());
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
        let authority = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { secure, authority })
    }

    /// The same for the pod itself: names of Oracle's that are no pod's are explained.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn of_pod(text: &str) -> std::result::Result<Self, String> {
        let origin = Self::parse(text)?;
        let host = origin.authority.as_str();
        if host.starts_with("idcs-") || host.contains(".identity.") {
            return Err("this is the identity domain, where tokens come from; the pod itself is wanted here".to_owned());
        }
        if host.starts_with("login.") || host.starts_with("login-") {
            return Err(
                "this is a sign-in host; the pod itself is wanted here, which is in the address bar after signing in"
                    .to_owned(),
            );
        }
        if host == "oracle.com" || host.ends_with(".oracle.com") {
            return Err("this is a page of Oracle's for everybody; the pod has a host name of its own".to_owned());
        }
        Ok(origin)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_in_the_ways_people_write_them() {
        for (given, secure, authority) in [
            ("pod.fa.us2.oraclecloud.com", true, "pod.fa.us2.oraclecloud.com"),
            (" https://Pod.fa.us2.oraclecloud.com/ ", true, "pod.fa.us2.oraclecloud.com"),
            ("pod.example:8443", true, "pod.example:8443"),
            ("http://127.0.0.1:8080", false, "127.0.0.1:8080"),
            ("http://[::1]:8080", false, "[::1]:8080"),
            ("http://localhost", false, "localhost"),
            ("https://pod.example/fscmUI/faces/FuseWelcome?next=https://other.example#x", true, "pod.example"),
            ("pod.example/homePage?a@b", true, "pod.example"),
            (" pod.example. ", true, "pod.example"),
            ("https://pod.example.:8443/", true, "pod.example:8443"),
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
    fn what_is_filled_in_wrongly_is_pointed_to_and_never_repeated() {
        for (auth, pointer) in [
            (serde_json::json!({"type": "basic", "username": "u", "password": 48_151_623}), "/auth/password"),
            (serde_json::json!({"type": "basic", "username": "u", "pasword": "48151623"}), "/auth/password"),
            (serde_json::json!({"type": "jwt", "isuer": "48151623"}), "/auth/issuer"),
            (serde_json::json!("48151623"), "/auth"),
            (serde_json::json!({"type": "Basic", "password": "48151623"}), "/auth/type"),
            (serde_json::json!({"password": "48151623"}), "/auth/type"),
            (
                serde_json::json!({"type": "basic", "username": "u".repeat(140_000), "password": "48151623"}),
                "/auth/username",
            ),
        ] {
            let text = serde_json::json!({"host": "pod.example", "auth": auth}).to_string();
            let failure = Settings::parse(&text).err().unwrap();
            let told = format!("{:?}", failure.problem);
            assert_eq!(failure.problem.fields.first().unwrap().pointer, pointer, "{told}");
            assert!(!told.contains("48151623") && failure.problem.remedy.is_some(), "{told}");
        }
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"p1234","user":"x"}}"#;
        assert_eq!(Settings::parse(text).err().unwrap().problem.fields.first().unwrap().pointer, "/auth/user");
    }

    #[test]
    fn hosts_that_are_no_pods_are_explained() {
        for (given, word) in [
            ("https://idcs-0123.identity.oraclecloud.com/ui/v1/signin", "identity domain"),
            ("login-abcd-saasfaprod1.fa.ocs.oraclecloud.com", "sign-in host"),
            ("https://cloud.oracle.com/?region=eu", "for everybody"),
            ("casey.brown@example.com", "e-mail"),
        ] {
            assert!(Origin::of_pod(given).unwrap_err().contains(word), "{given}");
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
}
