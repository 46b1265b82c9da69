//! The identity domain in front of the pod: tokens for applications and for users (FACTS 2.3).
//!
//! Owns what was registered (certificates) and what was handed out. Answers below `/oauth2/v1/` whatever the host.
//! Never lets anybody in itself: that is the pod's, which asks here whose a bearer is.

mod authorize;
pub mod clients;
mod token;
mod tokens;

use std::collections::BTreeMap;

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};

use crate::auth::USERS;
use crate::auth::certificate::Certificate;
use crate::auth::jwt::{self, Jwt};
use crate::pod::{Arrival, HOST};
use crate::rest::answer::Answer;
use clients::CLIENTS;
use tokens::Tokens;

/// Host of the identity domain; the router answers its paths under any.
pub const IDENTITY_HOST: &str = "idcs-sim.identity.oraclecloud.com";

/// The issuer that [`Pod::settings_for`](crate::Pod::settings_for) names for `jwt`.
pub const ISSUER: &str = "SimulatedIssuer";

/// How long access tokens live where the scenario does not say, in seconds (FACTS 2.3).
const TOKEN_SECONDS: u64 = 3_600;

const BELOW: &str = "/oauth2/v1/";

/// The domain's state, and the certificates that the pod trusts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Identity {
    /// Certificates of trusted issuers, for bearers at the pod.
    issuers: BTreeMap<String, Certificate>,
    /// Certificates of clients, for assertions at the domain.
    clients: BTreeMap<String, Certificate>,
    tokens: Tokens,
    token_requests: u64,
}

/// What a scenario changes of the domain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// How long access tokens live, in seconds.
    pub(crate) token_seconds: Option<u64>,
    /// The user doesn't consent.
    pub(crate) consent_denied: bool,
}

/// Whether a path is one of the domain's.
pub(crate) fn is_below(path: &str) -> bool {
    path.starts_with(BELOW)
}

impl Identity {
    pub(crate) fn trust(&mut self, issuer: &str, certificate: Certificate) {
        self.issuers.insert(issuer.to_owned(), certificate);
    }

    pub(crate) fn trust_client(&mut self, client: &str, certificate: Certificate) {
        self.clients.insert(client.to_owned(), certificate);
    }

    pub(crate) fn sign_ins(&self) -> u64 {
        self.tokens.sign_ins()
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.token_requests
    }

    /// Counts a request at the token endpoint, whatever becomes of it.
    pub(crate) fn arrived(&mut self, arrival: &Arrival) {
        if arrival.path == token::PATH {
            self.token_requests = self.token_requests.saturating_add(1);
        }
    }

    /// The user name that a bearer stands for, or why it stands for nobody.
    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Result<String, String> {
        if self.tokens.is_dead(token) {
            return Err("the bearer was ended by the pod".to_owned());
        }
        if let Some(subject) = self.tokens.subject(token, now) {
            return subject.map(str::to_owned);
        }
        let jwt = Jwt::parse(token)?;
        let certificate = self.issuers.get(jwt.text("iss")?).ok_or("the issuer isn't trusted")?;
        jwt.check(certificate, now, jwt::BEARER)?;
        Ok(jwt.text("prn")?.to_owned())
    }

    /// Notes that a bearer let somebody in.
    pub(crate) fn accepted(&mut self, token: &str) {
        self.tokens.accept(token);
    }

    /// Refuses a bearer for ever.
    pub(crate) fn kill(&mut self, token: &str) {
        self.tokens.kill(token);
    }

    /// Answers a request at the domain.
    pub(crate) fn answer(&mut self, arrival: &Arrival, rules: Rules, now: Timestamp) -> Answer {
        match (arrival.path.as_str(), &arrival.method) {
            (token::PATH, &Method::POST) => token::answer(self, arrival, rules, now),
            (token::PATH, _) => not_allowed("POST"),
            (authorize::PATH, &Method::GET) => authorize::answer(self, arrival, rules, now),
            (authorize::PATH, _) => not_allowed("GET"),
            _ => Answer::html(StatusCode::NOT_FOUND, "Not Found"),
        }
    }
}

/// Connection settings of a kind, as far as they are known here.
pub(crate) fn settings(kind: &str, token_origin: &str) -> Option<JsonValue> {
    let ([user, ..], [client, ..]) = (USERS, CLIENTS);
    let mut auth = match kind {
        "basic" => json!({"username": user.username, "password": user.password}),
        "jwt" => json!({"issuer": ISSUER, "username": user.username}),
        _ => json!({
            "token_url": format!("{token_origin}{}", token::PATH),
            "client_id": client.id, "client_secret": client.secret, "scope": clients::scope(),
        }),
    };
    let members = auth.as_object_mut()?;
    match kind {
        "basic" | "jwt" | "oauth_client_credentials" => {}
        "oauth_jwt_assertion" => {
            members.insert("username".to_owned(), user.username.into());
        }
        "oauth_authorization_code" => {
            members.insert("authorize_url".to_owned(), format!("{token_origin}{}", authorize::PATH).into());
            members.insert("scope".to_owned(), format!("{} {}", clients::scope(), clients::OFFLINE).into());
        }
        _ => return None,
    }
    members.insert("type".to_owned(), kind.into());
    Some(json!({"host": HOST, "auth": auth}))
}

fn not_allowed(allow: &str) -> Answer {
    Answer::html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").header(header::ALLOW, allow)
}

/// Why a form or a query can't be taken as it is.
#[derive(Debug)]
struct Unusable(String);

/// Parameters, each at most once; those without a value count as left out (RFC 6749, 3.1 and 3.2).
#[derive(Debug, Default)]
struct Form(BTreeMap<String, String>);

impl Form {
    fn parse(text: &str) -> Result<Self, Unusable> {
        let pairs = crate::rest::params::split(text)
            .map_err(|_| Unusable("The parameters aren't valid: they aren't UTF-8.".to_owned()))?;
        let mut form = Self::default();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            if form.0.contains_key(&name) {
                return Err(Unusable(format!("The parameter {name} is repeated.")));
            }
            form.0.insert(name, value);
        }
        Ok(form)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_parameter_without_a_value_counts_as_left_out_and_a_second_one_is_refused() {
        let form = Form::parse("scope=&client_id=a%20b+c&state=x").unwrap();
        assert_eq!((form.get("scope"), form.get("client_id")), (None, Some("a b c")));
        assert_eq!(Form::parse("scope=a&scope=b").unwrap_err().0, "The parameter scope is repeated.");
        assert!(Form::parse("scope=%FF").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c=&%+0-9F]{0,40}") {
            let _ = Form::parse(&text);
        }
    }
}
