//! Signing in: settings go in, what stands in `Authorization` comes out.
//!
//! A [`Signer`] lives as long as a call. It signs in when the first request is made, at most once where
//! nothing is refused, and once more for each token that the pod took and then refused (E3).

mod basic;
mod fingerprint;
mod jwt;
mod oauth;
mod pem;
mod rs256;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::contract::Session;
use crate::http::Door;
use crate::problem::{Failure, Result};
use crate::settings::{Auth, Secrets};

/// Checked credentials.
#[derive(Clone)]
pub enum Credentials {
    /// The value of `Authorization`, the same for every request.
    Basic(String),
    /// Signs its own tokens.
    Jwt(Box<jwt::Key>),
    /// Fetches tokens.
    ClientCredentials(Box<oauth::Client>),
}

impl Credentials {
    /// Checks what the form holds.
    ///
    /// # Errors
    /// The member of `auth` that is wrong, a sentence that says why, and what to do.
    pub fn parse(auth: &Auth) -> std::result::Result<Self, (&'static str, String, &'static str)> {
        match auth {
            Auth::Basic { username, password } => Ok(Self::Basic(basic::authorization(username, password))),
            Auth::Jwt { issuer, username, private_key, certificate_fingerprint } => {
                jwt::Key::new(issuer, username, private_key, certificate_fingerprint)
                    .map(|key| Self::Jwt(Box::new(key)))
                    .map_err(|(member, why)| {
                        let remedy = if member == "private_key" { jwt::KEY_REMEDY } else { FINGERPRINT_REMEDY };
                        (member, why, remedy)
                    })
            }
            Auth::OauthClientCredentials { token_url, client_id, client_secret, scope } => {
                oauth::Client::new(token_url, client_id, client_secret, scope)
                    .map(|client| Self::ClientCredentials(Box::new(client)))
                    .map_err(|why| ("token_url", why, TOKEN_URL_REMEDY))
            }
        }
    }

    /// Adds what no text may show.
    pub fn hide_in(&self, auth: &Auth, secrets: &Secrets) {
        match auth {
            Auth::Basic { password, .. } => secrets.add(password),
            Auth::Jwt { private_key, .. } => {
                let text = pem::unescape(private_key);
                let lines = text.split_whitespace().filter(|line| line.len() >= 16 && !line.contains("-----"));
                lines.for_each(|line| secrets.add(line));
                secrets.add(private_key);
            }
            Auth::OauthClientCredentials { client_secret, .. } => {
                secrets.add(client_secret);
                secrets.add(client_secret.trim());
            }
        }
        let header = match self {
            Self::Basic(header) => header.clone(),
            Self::ClientCredentials(client) => client.authorization(),
            Self::Jwt(_) => return,
        };
        secrets.add(header.strip_prefix("Basic ").unwrap_or(&header));
    }

    /// The Fusion user as whom requests are made; for client credentials that is the client id (FACTS 2.3).
    pub fn username(&self) -> Option<String> {
        match self {
            Self::Basic(header) => basic::username(header),
            Self::Jwt(key) => Some(key.username.clone()),
            Self::ClientCredentials(client) => Some(client.id.clone()),
        }
    }

    /// Whether a password travels with each request.
    pub fn is_basic(&self) -> bool {
        matches!(self, Self::Basic(_))
    }

    /// What to do where the pod accepts neither.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Basic(_) => {
                "Check user name and password in the connection, and in Security Console > Users that the account is active and its password has not expired."
            }
            Self::Jwt(_) => {
                "Check in Security Console > API Authentication that a provider of type JWT has exactly this issuer as its trusted issuer and this certificate among its inbound public certificates; in Security Console > Users that the user is active; and that the clock of the engine is right."
            }
            Self::ClientCredentials(_) => {
                "The token was issued, but the pod does not take it. With client credentials the pod looks for a user whose name is the client id: create that user in Security Console > Users with the roles that are needed; and check that the scope is that of this pod."
            }
        }
    }

    /// A fresh session.
    ///
    /// # Errors
    /// Those of signing in.
    pub fn sign_in(&self, door: &dyn Door, secrets: &Secrets) -> Result<Session> {
        match self {
            Self::Basic(_) => Ok(Session { value: r#"{"type":"basic"}"#.to_owned(), expires_at: None }),
            // Every call signs for itself, which costs less than keeping a token of five minutes.
            Self::Jwt(_) => Ok(Session { value: r#"{"type":"jwt"}"#.to_owned(), expires_at: None }),
            Self::ClientCredentials(client) => {
                let token = client.token(door, PATIENCE, seconds(door.unix_ms()), secrets)?;
                Ok(client.session(&token))
            }
        }
    }
}

const FINGERPRINT_REMEDY: &str = "Give the SHA-1 fingerprint of the certificate that was uploaded to the pod (openssl x509 -in certificate.pem -noout -fingerprint -sha1), or paste the certificate in PEM, and the private key that belongs to it.";
const TOKEN_URL_REMEDY: &str = "Give the whole https address of the identity domain's token endpoint, as in https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token.";
/// How long a token endpoint may take where the call has no deadline.
const PATIENCE: Duration = Duration::from_secs(30);

enum State {
    Fresh,
    Jwt(jwt::Token),
    Bearer(String),
    Failed(Failure),
}

/// Signs the requests of one call.
pub struct Signer<'a> {
    credentials: &'a Credentials,
    secrets: &'a Secrets,
    state: RefCell<State>,
    renewed: Cell<bool>,
    /// Whether the pod took the present token at least once.
    taken: Cell<bool>,
}

impl<'a> Signer<'a> {
    /// A signer that uses the session where it is of these settings and still good.
    pub fn new(credentials: &'a Credentials, secrets: &'a Secrets, session: Option<&Session>, unix_ms: i64) -> Self {
        let kept = match (credentials, session) {
            (Credentials::ClientCredentials(client), Some(session)) => client.kept(session, seconds(unix_ms)),
            _ => None,
        };
        let state = kept.map_or(State::Fresh, |token| {
            secrets.add(&token.text);
            State::Bearer(token.text)
        });
        Self { credentials, secrets, state: RefCell::new(state), renewed: Cell::new(false), taken: Cell::new(false) }
    }

    /// The value of `Authorization`. `unix_ms` is the best clock there is, `left` what is left of the call.
    ///
    /// # Errors
    /// Those of signing in; the same again for the rest of the call.
    pub fn authorization(&self, door: &dyn Door, unix_ms: i64, left: Option<Duration>) -> Result<String> {
        let mut state = self.state.borrow_mut();
        let now = seconds(unix_ms);
        match (self.credentials, &*state) {
            (Credentials::Basic(header), _) => return Ok(header.clone()),
            (_, State::Failed(failure)) => return Err(failure.clone()),
            (_, State::Jwt(token)) if token.is_good(now) => return Ok(format!("Bearer {}", token.text)),
            (_, State::Bearer(token)) => return Ok(format!("Bearer {token}")),
            _ => {}
        }
        let signed = match self.credentials {
            Credentials::Basic(header) => return Ok(header.clone()),
            Credentials::Jwt(key) => key.sign(now).map(|token| (token.text.clone(), State::Jwt(token))),
            Credentials::ClientCredentials(client) => {
                let patience = left.map_or(PATIENCE, |left| left.min(PATIENCE));
                // The token's life is counted on our own clock, as the next call will.
                client
                    .token(door, patience, seconds(door.unix_ms()), self.secrets)
                    .map(|token| (token.text.clone(), State::Bearer(token.text)))
            }
        };
        match signed {
            Ok((text, next)) => {
                self.secrets.add(&text);
                *state = next;
                Ok(format!("Bearer {text}"))
            }
            Err(failure) => {
                *state = State::Failed(failure.clone());
                Err(failure)
            }
        }
    }

    /// The pod took the token.
    pub fn accepted(&self) {
        self.taken.set(true);
    }

    /// After a 401: whether another token may help, and the next request is to have one (E3).
    pub fn renew(&self) -> bool {
        if matches!(self.credentials, Credentials::Basic(_)) || (self.renewed.get() && !self.taken.get()) {
            return false;
        }
        self.renewed.set(true);
        self.taken.set(false);
        *self.state.borrow_mut() = State::Fresh;
        true
    }

    /// What to do where the pod accepts no token.
    pub fn remedy(&self) -> &'static str {
        self.credentials.remedy()
    }
}

fn seconds(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(1000)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json as value;

    use crate::connection::authenticate;
    use crate::contract::{Connection, ProblemKind};
    use crate::fusion::address::Address;
    use crate::fusion::pod::{Doing, Pod};
    use crate::http::Method;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    const DOING: Doing = Doing { what: "search invoices", object: "invoices" };
    const TOKEN: &str = r#"{"access_token":"token-one","token_type":"Bearer","expires_in":3600}"#;
    const SECOND: &str = r#"{"access_token":"token-two","token_type":"Bearer","expires_in":3600}"#;

    fn oauth() -> String {
        value!({"host": "pod.example", "auth": {"type": "oauth_client_credentials",
            "token_url": "https://idcs.example/oauth2/v1/token", "client_id": "id", "client_secret": "secret-1", "scope": "s"}})
        .to_string()
    }

    fn jwt() -> String {
        value!({"host": "pod.example", "auth": {"type": "jwt", "issuer": "i", "username": "u",
            "private_key": include_str!("testdata/rsa.pkcs8.pem"), "certificate_fingerprint": include_str!("testdata/certificate.pem")}})
        .to_string()
    }

    fn signed(door: &Fake) -> Vec<String> {
        door.sent.borrow().iter().map(|request| request.headers[0].1.clone()).collect()
    }

    #[test]
    fn one_token_serves_a_whole_call() {
        let settings = Settings::parse(&oauth()).unwrap();
        let door = Fake::new([json(200, TOKEN), json(200, "{}"), json(200, "{}")]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        pod.get(DOING, &Address::fixed("/x")).unwrap();
        pod.get(DOING, &Address::fixed("/y")).unwrap();
        assert_eq!(signed(&door)[1..], ["Bearer token-one", "Bearer token-one"]);
    }

    #[test]
    fn a_session_saves_the_token_request() {
        let door = Fake::new([json(200, TOKEN), json(200, "{}")]);
        let session = authenticate(&door, &Connection { settings: oauth(), session: None }).unwrap();
        assert_eq!(session.expires_at, Some(1_767_225_600 + 3600));
        let settings = Settings::parse(&oauth()).unwrap();
        let pod = Pod::with_session(&door, &settings, None, Some(&session)).unwrap();
        pod.get(DOING, &Address::fixed("/x")).unwrap();
        assert_eq!(signed(&door)[1..], ["Bearer token-one"]);
        assert_eq!(settings.secrets.hide("a token-one b"), "a [secret] b");
    }

    #[test]
    fn a_token_that_dies_is_renewed_and_the_same_request_goes_again() {
        let settings = Settings::parse(&oauth()).unwrap();
        let door =
            Fake::new([json(200, TOKEN), json(200, "{}"), typed(401, "", ""), json(200, SECOND), json(201, "{}")]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        pod.get(DOING, &Address::fixed("/x")).unwrap();
        let written = pod.write(Method::Post, DOING, &Address::fixed("/y"), b"{}").unwrap();
        assert_eq!(written.status, 201);
        let sent = door.sent.borrow();
        assert_eq!((&sent[2].path, &sent[2].body), (&sent[4].path, &sent[4].body));
        assert_eq!(sent[4].headers[0].1, "Bearer token-two");
    }

    #[test]
    fn a_second_refusal_ends_it_with_the_cause() {
        let settings = Settings::parse(&oauth()).unwrap();
        let door = Fake::new([
            json(200, TOKEN),
            typed(401, "", ""),
            json(200, SECOND),
            typed(401, "text/plain", "no user for token-two"),
            typed(401, "", ""),
        ]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let failure = pod.get(DOING, &Address::fixed("/x")).unwrap_err();
        assert_eq!((failure.kind(), failure.again), (ProblemKind::Unauthenticated, false));
        assert!(failure.problem.remedy.unwrap().contains("client id"));
        assert!(!failure.problem.message.contains("token-two"));
        pod.get(DOING, &Address::fixed("/x")).unwrap_err();
        assert_eq!(door.sent.borrow().len(), 5);
    }

    #[test]
    fn a_refused_client_is_asked_for_once_in_a_call() {
        let settings = Settings::parse(&oauth()).unwrap();
        let echo = r#"{"error":"invalid_client","error_description":"bad secret-1"}"#;
        let door = Fake::new([json(401, echo), json(200, TOKEN)]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        for _ in 0..2 {
            let failure = pod.get(DOING, &Address::fixed("/x")).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::Unauthenticated);
            assert_eq!(
                failure.problem.message,
                "Could not sign in: idcs.example answered 401: invalid_client: bad [secret]"
            );
        }
        assert_eq!(door.sent.borrow().len(), 1);
    }

    #[test]
    fn a_jwt_is_signed_once_and_again_by_the_pods_clock() {
        let settings = Settings::parse(&jwt()).unwrap();
        let mut refused = typed(401, "", "");
        refused.as_mut().unwrap().headers.push(("date".into(), "Wed, 31 Dec 2025 23:00:00 GMT".into()));
        let door = Fake::new([json(200, "{}"), json(200, "{}"), refused, json(200, "{}")]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        for _ in 0..3 {
            pod.get(DOING, &Address::fixed("/x")).unwrap();
        }
        let signed = signed(&door);
        assert!(signed[0] == signed[1] && signed[1] == signed[2] && signed[2] != signed[3]);
        let token = signed[3].strip_prefix("Bearer ").unwrap();
        assert_eq!(settings.secrets.hide(token), "[secret]");
    }

    #[test]
    fn faults_of_a_key_point_at_their_field() {
        let text = jwt().replace("BEGIN CERTIFICATE", "BEGIN PUBLIC KEY");
        let failure = Settings::parse(&text).err().unwrap();
        assert_eq!(failure.kind(), ProblemKind::InvalidInput);
        assert_eq!(failure.problem.fields[0].pointer, "/auth/certificate_fingerprint");
        assert!(failure.problem.remedy.is_some());
    }
}
