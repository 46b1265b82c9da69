//! A client at an identity domain: three grants, two ways to prove who the client is (FACTS 2.3, RFC 6749,
//! 7521 and 7523), and the session that comes of it.
//!
//! Only [`Client::sign_in`] uses up a refresh token, since only its caller can hand the next one back.

pub mod code;
mod endpoint;
mod remedy;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::basic;
use super::key::{Fault, Key, Life};
use crate::contract::{ProblemKind, Session};
use crate::problem::{Failure, Result};
use crate::settings::Secrets;
pub use endpoint::{Asking, Endpoint};
use endpoint::{Granted, Refused, is_token, percent};

/// A session is not used any more this many seconds before it ends, or a tenth of its life where it is short.
const MARGIN: i64 = 60;
/// What an assertion is for: any identity domain takes this name for itself.
const AUDIENCE: &str = "https://identity.oraclecloud.com/";
/// Clocks that differ by more are told, and an assertion that was refused is signed again by the other one.
const SKEW_MS: i64 = 30_000;
const VERSION: u32 = 2;

/// A client at an identity domain.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
    /// Name of the application.
    pub id: String,
    proof: Proof,
    scope: String,
    /// As whom, and by what right.
    pub grant: Grant,
}

/// How the client shows that it is the one.
#[derive(Clone)]
pub enum Proof {
    /// With its secret.
    Secret(String),
    /// With an assertion that its key signs.
    Assertion(Box<Key>),
}

/// By what right a token is given.
#[derive(Clone)]
pub enum Grant {
    /// As the client itself.
    ClientCredentials,
    /// As a user, for whom the client signs.
    Assertion {
        /// User name in the identity domain and in Fusion.
        username: String,
        /// The key that signs.
        key: Box<Key>,
    },
    /// As the person who signed in with a browser.
    Code {
        /// Where the browser goes.
        authorize: Endpoint,
        /// What the settings bring along; the one in the session is newer.
        refresh: Option<String>,
    },
}

/// A token and how long it is good.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The access token.
    pub text: String,
    /// Seconds since 1970; `None` where the endpoint does not say.
    pub expires: Option<i64>,
    /// From when on a session is better not used.
    pub stale: Option<i64>,
    /// When it was given, in seconds since 1970.
    pub issued: i64,
    /// What gets the next one.
    pub refresh: Option<String>,
}

/// Our session value. `version` is counted up when its shape changes.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    settings: String,
    token: String,
    issued: i64,
    expires: Option<i64>,
    stale: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl Client {
    /// Parses the token address; blanks around what was pasted do not count.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn new(token_url: &str, id: &str, proof: Proof, scope: &str, grant: Grant) -> std::result::Result<Self, Fault> {
        let endpoint = Endpoint::parse(token_url, remedy::TOKEN_EXAMPLE)
            .map_err(|why| ("token_url", why, remedy::TOKEN_ADDRESS))?;
        let [id, scope] = [id, scope].map(|text| text.trim().to_owned());
        Ok(Self { endpoint, id, proof, scope, grant })
    }

    /// Where the token endpoint is.
    pub fn host(&self) -> &str {
        &self.endpoint.origin.authority
    }

    /// What else travels, besides what the form holds.
    pub fn hide_in(&self, secrets: &Secrets) {
        if let Proof::Secret(_) = self.proof {
            self.authorization().inspect(|value| secrets.add(value.trim_start_matches("Basic ")));
        }
        if let Grant::Code { refresh: Some(refresh), .. } = &self.grant {
            secrets.add(refresh);
        }
    }

    /// Whether a token can be had without a person and without using anything up.
    pub fn signs_in_alone(&self) -> bool {
        !matches!(self.grant, Grant::Code { .. })
    }

    /// The user of the pod; `None` where only a token tells.
    pub fn username(&self) -> Option<&str> {
        match &self.grant {
            Grant::ClientCredentials => Some(&self.id),
            Grant::Assertion { username, .. } => Some(username),
            Grant::Code { .. } => None,
        }
    }

    /// A token by the settings alone.
    ///
    /// # Errors
    /// Those of the token endpoint; `unauthenticated` where a browser is needed.
    pub fn token(&self, asking: Asking) -> Result<Token> {
        if !self.signs_in_alone() {
            return Err(self.nobody_signed_in());
        }
        self.by_either_clock(asking, |client, now| client.granted(asking, now))
    }

    /// A fresh session; `old` is the one before, whose refresh token is used up by this.
    ///
    /// # Errors
    /// Those of the token endpoint; `unauthenticated` where a browser is needed.
    pub fn sign_in(&self, asking: Asking, old: Option<&Session>) -> Result<Session> {
        let token = match &self.grant {
            Grant::Code { refresh, .. } => {
                let old = old.and_then(|session| self.ours(session)).and_then(|kept| kept.refresh);
                let Some(refresh) = old.or_else(|| refresh.clone()) else { return Err(self.nobody_signed_in()) };
                asking.secrets.add(&refresh);
                self.refreshed(asking, refresh)?
            }
            _ => self.token(asking)?,
        };
        Ok(self.session(&token))
    }

    /// What the host is to keep.
    pub fn session(&self, token: &Token) -> Session {
        let kept = Kept {
            version: VERSION,
            settings: self.mark(),
            token: token.text.clone(),
            issued: token.issued,
            expires: token.expires,
            stale: token.stale,
            refresh: token.refresh.clone(),
        };
        Session {
            value: serde_json::to_string(&kept).unwrap_or_default(),
            expires_at: token.expires.and_then(|end| u64::try_from(end).ok()),
        }
    }

    /// The token in a session, where it is ours, of these settings, and still good.
    pub fn kept(&self, session: &Session, now: i64) -> Option<Token> {
        let Kept { token, issued, expires, stale, refresh, .. } = self.ours(session)?;
        let good = is_token(&token) && stale.is_none_or(|stale| now < stale);
        good.then_some(Token { text: token, expires, stale, issued, refresh })
    }

    /// Whether a next session can be had without a person.
    pub fn can_refresh(&self, session: Option<&Session>) -> bool {
        match &self.grant {
            Grant::Code { refresh, .. } => {
                refresh.is_some()
                    || session.and_then(|session| self.ours(session)).is_some_and(|kept| kept.refresh.is_some())
            }
            _ => true,
        }
    }

    /// There is no token, and none can be had without a person.
    pub fn nobody_signed_in(&self) -> Failure {
        Failure::permanent(
            ProblemKind::Unauthenticated,
            "Could not sign in: nobody has signed in with a browser for this connection yet, or that sign-in has ended.",
        )
        .remedy("Sign in with a browser: harness authorize --connection FILE, or the engine's own button. So that it lasts longer than an hour, allow the grant type Refresh token in the application's OAuth configuration.")
    }

    fn ours(&self, session: &Session) -> Option<Kept> {
        let kept: Kept = crate::json::from_str(&session.value).ok()?;
        (kept.version == VERSION && kept.settings == self.mark()).then_some(kept)
    }

    fn granted(&self, asking: Asking, now: i64) -> std::result::Result<Token, Refused> {
        let user;
        let form = match &self.grant {
            Grant::Assertion { username, key } => {
                user = self.assertion(key, username, now, asking.secrets).map_err(unclocked)?;
                vec![("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", user.as_str())]
            }
            _ => vec![("grant_type", "client_credentials")],
        };
        self.ask(asking, now, [form, vec![("scope", self.scope.as_str())]].concat())
    }

    /// Uses up a refresh token. Where no next one is given, the present one stays good.
    fn refreshed(&self, asking: Asking, refresh: String) -> Result<Token> {
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let token = self.by_either_clock(asking, |client, now| client.ask(asking, now, form.clone()))?;
        Ok(Token { refresh: token.refresh.or(Some(refresh)), ..token })
    }

    /// Asks, and where an assertion was refused by a clock that differs from ours, asks once more by that one.
    fn by_either_clock(
        &self,
        asking: Asking,
        ask: impl Fn(&Self, i64) -> std::result::Result<Token, Refused>,
    ) -> Result<Token> {
        let ours = asking.door.unix_ms();
        let refused = match ask(self, seconds(ours)) {
            Ok(token) => return Ok(token),
            Err(refused) => refused,
        };
        let Some(theirs) = refused.clock_ms.filter(|theirs| (theirs - ours).abs() > SKEW_MS) else {
            return Err(refused.failure);
        };
        let refused_for_good = refused.failure.kind() == ProblemKind::Unauthenticated;
        if self.signs_assertions() && refused_for_good {
            match ask(self, seconds(theirs)) {
                Ok(token) => return Ok(token),
                Err(again) => return Err(skewed(again.failure, theirs - ours)),
            }
        }
        Err(skewed(refused.failure, theirs - ours))
    }

    fn signs_assertions(&self) -> bool {
        matches!(self.proof, Proof::Assertion(_)) || matches!(self.grant, Grant::Assertion { .. })
    }

    fn ask(&self, asking: Asking, now: i64, form: Vec<(&str, &str)>) -> std::result::Result<Token, Refused> {
        let mut form = form;
        let client;
        if let Proof::Assertion(key) = &self.proof {
            client = self.assertion(key, &self.id, now, asking.secrets).map_err(unclocked)?;
            form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
            form.push(("client_assertion", client.as_str()));
            form.push(("client_id", &self.id));
        }
        let remedy = |code: &str, said: &str| remedy::of(self, code, said);
        let Granted { token, lives, refresh } = self.endpoint.ask(asking, self.authorization(), &form, &remedy)?;
        // A token's life is counted on our own clock, as the next call will.
        let issued = seconds(asking.door.unix_ms());
        let expires = lives.map(|life| issued.saturating_add(life.max(0)));
        let stale = lives.zip(expires).map(|(life, end)| end.saturating_sub(MARGIN.min(life / 10)));
        Ok(Token { text: token, expires, stale, issued, refresh })
    }

    /// The client's own `Authorization`, each part encoded as RFC 6749 2.3.1 asks.
    fn authorization(&self) -> Option<String> {
        match &self.proof {
            Proof::Secret(secret) => Some(basic::authorization(&percent(&self.id), &percent(secret))),
            Proof::Assertion(_) => None,
        }
    }

    fn assertion(&self, key: &Key, subject: &str, now: i64, secrets: &Secrets) -> Result<String> {
        let life = Life::at(now);
        let claims = Claims { iss: &self.id, sub: subject, aud: AUDIENCE, iat: life.from, exp: life.to };
        let text = key.sign(&claims, now)?;
        secrets.add(&text);
        Ok(text)
    }

    /// Tells settings apart without telling what they are.
    fn mark(&self) -> String {
        let key = |key: &Key| key.x5t().to_owned();
        let proof = match &self.proof {
            Proof::Secret(secret) => secret.clone(),
            Proof::Assertion(proof) => key(proof),
        };
        let grant = match &self.grant {
            Grant::ClientCredentials => json!("client_credentials"),
            Grant::Assertion { username, key: user } => json!([username, key(user)]),
            Grant::Code { authorize, refresh } => json!([authorize.origin.authority, authorize.path, refresh]),
        };
        let Endpoint { origin, path } = &self.endpoint;
        let parts = json!([origin.secure, origin.authority, path, self.id, proof, self.scope, grant]);
        hex(&Sha256::digest(parts.to_string()))
    }
}

impl Endpoint {
    /// Parses the address to which the browser goes: one of the identity domain that issues the tokens, since
    /// whoever is sent elsewhere may give a password away.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn authorize(url: &str, token_url: &str) -> std::result::Result<Self, Fault> {
        let wrong = |why: String| ("authorize_url", why, remedy::AUTHORIZE_ADDRESS);
        let endpoint = Self::parse(url, remedy::AUTHORIZE_EXAMPLE).map_err(wrong)?;
        let tokens =
            Self::parse(token_url, remedy::TOKEN_EXAMPLE).map_err(|why| ("token_url", why, remedy::TOKEN_ADDRESS))?;
        if endpoint.origin != tokens.origin {
            let host = &tokens.origin.authority;
            return Err(wrong(format!("this is another host than that of the token address, {host}")));
        }
        Ok(endpoint)
    }
}

/// Who a token is for, where it is a JWT that says so. Nothing is decided by it: the pod verifies.
pub fn subject(token: &str) -> Option<String> {
    let claims: Value = crate::json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Names the difference of the clocks in a failure; `ahead_ms` is how far the other clock is ahead of ours.
pub fn skewed(mut failure: Failure, ahead_ms: i64) -> Failure {
    if ahead_ms.abs() > SKEW_MS {
        let (far, way) = (ahead_ms.abs() / 1000, if ahead_ms > 0 { "behind" } else { "ahead of" });
        failure.problem.message = format!(
            "{}. The clock of the engine is {far} seconds {way} the server's",
            failure.problem.message.trim_end_matches('.')
        );
        let remedy = failure.problem.remedy.take().unwrap_or_default();
        failure.problem.remedy = Some(format!("Set the engine's clock right first (time synchronisation). {remedy}"));
    }
    failure
}

fn unclocked(failure: Failure) -> Refused {
    Refused { failure, clock_ms: None }
}

fn seconds(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(1000)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::time::Duration;

    use super::super::key::tests::{CERTIFICATE, PEM, verified};
    use super::*;
    use crate::http::fake::{Fake, json as answer};

    const URL: &str = "https://idcs.example/oauth2/v1/token";
    const TOKEN: &str = r#"{"access_token":"tok-1","token_type":"Bearer","expires_in":3600}"#;

    fn client(secret: &str) -> Client {
        Client::new(URL, " id ", Proof::Secret(secret.into()), "scope", Grant::ClientCredentials).ok().unwrap()
    }

    fn asserting(proof: Option<&str>) -> Client {
        let key = Box::new(Key::new(PEM, CERTIFICATE, Some("alias")).ok().unwrap());
        let proof = proof.map_or(Proof::Assertion(key.clone()), |secret| Proof::Secret(secret.into()));
        Client::new(URL, "id", proof, "scope", Grant::Assertion { username: "fin.user".into(), key }).ok().unwrap()
    }

    fn browsing(refresh: Option<&str>) -> Client {
        let authorize = Endpoint::parse("https://idcs.example/oauth2/v1/authorize", "").unwrap();
        let grant = Grant::Code { authorize, refresh: refresh.map(str::to_owned) };
        Client::new(URL, "id", Proof::Secret("s3cret".into()), "scope", grant).ok().unwrap()
    }

    fn form(door: &Fake, index: usize) -> Vec<(String, String)> {
        let sent = door.sent.borrow();
        let body = String::from_utf8(sent[index].body.clone().unwrap()).unwrap();
        body.split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| {
                (name.into(), percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into())
            })
            .collect()
    }

    fn value(form: &[(String, String)], name: &str) -> String {
        form.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap()
    }

    fn asking<'a>(door: &'a Fake, secrets: &'a Secrets) -> Asking<'a> {
        Asking { door, patience: Duration::from_secs(1), secrets }
    }

    #[test]
    fn a_client_asks_as_itself_with_its_secret_in_the_header() {
        let (door, secrets) = (Fake::new([answer(200, TOKEN)]), Secrets::default());
        let token = client("se:cret").token(asking(&door, &secrets)).unwrap();
        assert_eq!((token.expires, token.stale), (Some(1_767_229_200), Some(1_767_229_140)));
        assert_eq!(
            form(&door, 0),
            [("grant_type".into(), "client_credentials".into()), ("scope".into(), "scope".into())]
        );
        let header = ("authorization", basic::authorization("id", "se%3Acret"));
        assert!(door.sent.borrow()[0].headers.contains(&header));
    }

    #[test]
    fn a_user_is_asserted_and_so_is_a_client_without_a_secret() {
        let (door, secrets) = (Fake::new([answer(200, TOKEN), answer(200, TOKEN)]), Secrets::default());
        asserting(Some("s")).token(asking(&door, &secrets)).unwrap();
        let (header, claims) = verified(&value(&form(&door, 0), "assertion"));
        assert_eq!(header["kid"], "alias");
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!("id"), &json!("fin.user"), &json!(AUDIENCE))
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);

        asserting(None).token(asking(&door, &secrets)).unwrap();
        let sent = form(&door, 1);
        assert_eq!(verified(&value(&sent, "client_assertion")).1["sub"], "id");
        assert_eq!(verified(&value(&sent, "assertion")).1["sub"], "fin.user");
        assert!(!door.sent.borrow()[1].headers.iter().any(|(name, _)| *name == "authorization"));
        let hidden = secrets.hide(&value(&sent, "assertion"));
        assert_eq!(hidden, "[secret]");
    }

    #[test]
    fn an_assertion_that_a_clock_refused_is_signed_by_that_clock() {
        let refusal = r#"{"error":"invalid_grant","error_description":"JWT is not valid yet"}"#;
        let by = |date: &str| {
            let mut refused = answer(400, refusal);
            refused.as_mut().unwrap().headers.push(("date".into(), date.into()));
            refused
        };
        let secrets = Secrets::default();
        let door = Fake::new([by("Wed, 31 Dec 2025 23:00:00 GMT"), answer(200, TOKEN)]);
        asserting(None).token(asking(&door, &secrets)).unwrap();
        let claims = verified(&value(&form(&door, 1), "assertion")).1;
        assert_eq!(claims["iat"].as_i64().unwrap(), 1_767_225_600 - 3600 - 10);

        let door = Fake::new([by("Wed, 31 Dec 2025 23:00:00 GMT"), by("Wed, 31 Dec 2025 23:00:00 GMT")]);
        let failure = asserting(None).token(asking(&door, &secrets)).err().unwrap();
        assert!(failure.problem.message.contains("3600 seconds ahead of"), "{}", failure.problem.message);
        let door = Fake::new([by("Thu, 01 Jan 2026 00:00:01 GMT"), answer(200, TOKEN)]);
        assert!(asserting(None).token(asking(&door, &secrets)).is_err());
    }

    #[test]
    fn a_refresh_token_is_used_once_and_the_next_one_is_kept() {
        let second = r#"{"access_token":"tok-2","token_type":"Bearer","expires_in":3600,"refresh_token":"r-3"}"#;
        let door = Fake::new([answer(200, TOKEN), answer(200, second), answer(200, second)]);
        let secrets = Secrets::default();
        let client = browsing(Some("r-1"));
        let first = client.sign_in(asking(&door, &secrets), None).unwrap();
        assert_eq!(value(&form(&door, 0), "refresh_token"), "r-1");
        let next = client.sign_in(asking(&door, &secrets), Some(&first)).unwrap();
        assert_eq!(value(&form(&door, 1), "refresh_token"), "r-1", "none was given, so the first stays good");
        client.sign_in(asking(&door, &secrets), Some(&next)).unwrap();
        assert_eq!(value(&form(&door, 2), "refresh_token"), "r-3");
        assert_eq!(secrets.hide("r-3"), "[secret]");

        let failure = browsing(None).sign_in(asking(&door, &secrets), None).unwrap_err();
        assert_eq!((failure.kind(), failure.again), (ProblemKind::Unauthenticated, false));
        assert!(failure.problem.remedy.unwrap().contains("harness authorize"));
    }

    #[test]
    fn a_session_is_used_by_its_own_settings_alone_and_in_time() {
        let token = Token { text: "tok".into(), expires: Some(2000), stale: Some(1940), issued: 1000, refresh: None };
        let session = client("one").session(&token);
        assert_eq!(session.expires_at, Some(2000));
        assert!(client("one").kept(&session, 1000) == Some(token));
        assert!(client("one").kept(&session, 1950).is_none());
        assert!(client("other").kept(&session, 1000).is_none());
        let other_kind = Session { value: r#"{"type":"basic"}"#.into(), expires_at: None };
        assert!(client("one").kept(&other_kind, 0).is_none());
    }

    #[test]
    fn a_token_tells_for_whom_it_is() {
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(r#"{"sub":"casey.brown"}"#));
        assert_eq!(subject(&token).as_deref(), Some("casey.brown"));
        assert_eq!(subject("opaque"), None);
        assert_eq!(subject("a.b.c"), None);
    }
}
