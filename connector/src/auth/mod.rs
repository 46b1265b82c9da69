//! Signing in: settings go in, what stands in `Authorization` comes out.
//!
//! A [`Signer`] lives as long as a call. It signs in when the first request is made, at most once where
//! nothing is refused, and once more for each token that the pod took and then refused (E3). A sign-in that
//! uses something up (a refresh token) is left to [`Credentials::sign_in`], whose caller keeps what comes.

mod basic;
mod fingerprint;
mod jwt;
mod key;
mod oauth;
mod pem;
mod rs256;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::contract::{Authorization, ProblemKind, Session};
use crate::http::Door;
use crate::problem::{Failure, Result};
use crate::settings::{Auth, Secrets};
use key::{Fault, Key};
use oauth::{Asking, Client, Endpoint, Grant, Proof};

pub use oauth::skewed;

/// Checked credentials.
#[derive(Clone)]
pub enum Credentials {
    /// The value of `Authorization`, the same for every request.
    Basic {
        /// As it is sent.
        header: String,
        /// The Fusion user.
        username: String,
    },
    /// Signs its own tokens.
    Jwt(Box<jwt::Issuer>),
    /// Fetches tokens.
    Oauth(Box<Client>),
}

impl Credentials {
    /// Checks what the form holds.
    ///
    /// # Errors
    /// The member of `auth` that is wrong, a sentence that says why, and what to do.
    pub fn parse(auth: &Auth) -> std::result::Result<Self, Fault> {
        let client = match auth {
            Auth::Basic { username, password } => {
                let header = basic::authorization(username, password);
                return Ok(Self::Basic { header, username: username.clone() });
            }
            Auth::Jwt { issuer, username, private_key, certificate_fingerprint } => {
                return jwt::Issuer::new(issuer, username, private_key, certificate_fingerprint)
                    .map(|issuer| Self::Jwt(Box::new(issuer)));
            }
            Auth::OauthClientCredentials { token_url, client_id, client_secret, scope } => {
                Client::new(token_url, client_id, secret(client_secret), scope, Grant::ClientCredentials)
            }
            Auth::OauthJwtAssertion {
                token_url,
                client_id,
                client_secret,
                username,
                private_key,
                certificate_fingerprint,
                certificate_alias,
                scope,
            } => {
                let key = Box::new(Key::new(private_key, certificate_fingerprint, certificate_alias.as_deref())?);
                let given = client_secret.as_deref().filter(|text| !text.trim().is_empty());
                let proof = given.map_or_else(|| Proof::Assertion(key.clone()), secret);
                let grant = Grant::Assertion { username: username.trim().to_owned(), key };
                Client::new(token_url, client_id, proof, scope, grant)
            }
            Auth::OauthAuthorizationCode {
                token_url,
                authorize_url,
                client_id,
                client_secret,
                scope,
                refresh_token,
            } => {
                let authorize = Endpoint::authorize(authorize_url, token_url)?;
                let refresh = refresh_token.as_deref().map(str::trim).filter(|text| !text.is_empty());
                let grant = Grant::Code { authorize, refresh: refresh.map(str::to_owned) };
                Client::new(token_url, client_id, secret(client_secret), scope, grant)
            }
        };
        client.map(|client| Self::Oauth(Box::new(client)))
    }

    /// Adds what no text may show.
    pub fn hide_in(&self, auth: &Auth, secrets: &Secrets) {
        match auth {
            Auth::Basic { password, .. } => secrets.add(password),
            Auth::Jwt { private_key, .. } => secrets.add(private_key),
            Auth::OauthClientCredentials { client_secret, .. } | Auth::OauthAuthorizationCode { client_secret, .. } => {
                secrets.add(client_secret);
                secrets.add(client_secret.trim());
            }
            Auth::OauthJwtAssertion { client_secret, private_key, .. } => {
                secrets.add(private_key);
                client_secret.iter().for_each(|secret| secrets.add(secret.trim()));
            }
        }
        match self {
            Self::Basic { header, .. } => secrets.add(header.strip_prefix("Basic ").unwrap_or(header)),
            Self::Oauth(client) => client.hide_in(secrets),
            Self::Jwt(_) => {}
        }
    }

    /// What to do where the pod accepts neither.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Basic { .. } => {
                "Check user name and password in the connection, and in Security Console > Users that the account is active and its password has not expired."
            }
            Self::Jwt(_) => {
                "Check in Security Console > API Authentication that a provider of type JWT has exactly this issuer as its trusted issuer and this certificate among its inbound public certificates; in Security Console > Users that the user is active; and that the clock of the engine is right."
            }
            Self::Oauth(client) => match &client.grant {
                Grant::ClientCredentials => {
                    "The token was issued, but the pod does not take it. With client credentials the pod looks for a user whose name is the client id: create that user in Security Console > Users with the roles that are needed; and check that the scope is that of this pod."
                }
                Grant::Assertion { .. } | Grant::Code { .. } => {
                    "The token was issued, but the pod does not take it. Check in Security Console > Users that a user of the same name as in the identity domain exists and is active, and that the scope is that of this pod."
                }
            },
        }
    }

    /// Whether a user name and a password are sent as they are.
    pub fn is_basic(&self) -> bool {
        matches!(self, Self::Basic { .. })
    }

    /// Whether a call can sign in by itself.
    pub fn signs_in_alone(&self) -> bool {
        match self {
            Self::Basic { .. } | Self::Jwt(_) => true,
            Self::Oauth(client) => client.signs_in_alone(),
        }
    }

    /// Where tokens come from, if they come from anywhere.
    pub fn token_host(&self) -> Option<&str> {
        match self {
            Self::Oauth(client) => Some(client.host()),
            _ => None,
        }
    }

    /// A fresh session. `old` is the one before; a refresh token rides in it.
    ///
    /// # Errors
    /// Those of signing in.
    pub fn sign_in(&self, door: &dyn Door, secrets: &Secrets, old: Option<&Session>) -> Result<Session> {
        match self {
            Self::Basic { .. } => Ok(Session { value: r#"{"type":"basic"}"#.to_owned(), expires_at: None }),
            // Every call signs for itself, which costs less than keeping a token of five minutes.
            Self::Jwt(_) => Ok(Session { value: r#"{"type":"jwt"}"#.to_owned(), expires_at: None }),
            Self::Oauth(client) => client.sign_in(Asking { door, patience: PATIENCE, secrets }, old),
        }
    }

    /// Where to send a browser. Sends nothing itself.
    ///
    /// # Errors
    /// `unsupported` where no browser is needed, `invalid-input` for a redirect address that is none.
    pub fn authorize_url(&self, redirect_uri: &str) -> Result<Authorization> {
        match self {
            Self::Oauth(client) => client.authorize_url(redirect_uri),
            _ => Err(oauth::code::no_browser()),
        }
    }

    /// The session that the browser's return is good for.
    ///
    /// # Errors
    /// Those of [`Client::complete`].
    pub fn complete(
        &self,
        door: &dyn Door,
        secrets: &Secrets,
        redirect_uri: &str,
        keep: &str,
        query: &str,
    ) -> Result<Session> {
        match self {
            Self::Oauth(client) => {
                client.complete(Asking { door, patience: PATIENCE, secrets }, redirect_uri, keep, query)
            }
            _ => Err(oauth::code::no_browser()),
        }
    }
}

fn secret(text: &str) -> Proof {
    Proof::Secret(text.trim().to_owned())
}

/// How long a token endpoint may take where the call has no deadline.
const PATIENCE: Duration = Duration::from_secs(30);
/// A token that is no older, and was refused at once, was not refused for its age.
const FRESH_SECONDS: i64 = 60;

enum State {
    Fresh,
    Jwt(jwt::Token),
    Bearer(oauth::Token),
    Failed(Failure),
}

/// What a call brings along.
#[derive(Clone, Copy, Default)]
pub struct Brought<'a> {
    /// What `authenticate` answered last.
    pub session: Option<&'a Session>,
    /// Which try of the same call this is.
    pub attempt: u32,
}

/// Signs the requests of one call.
pub struct Signer<'a> {
    credentials: &'a Credentials,
    secrets: &'a Secrets,
    brought: Brought<'a>,
    state: RefCell<State>,
    renewed: Cell<bool>,
    /// Whether the pod took the present token at least once.
    taken: Cell<bool>,
}

impl<'a> Signer<'a> {
    /// A signer that uses the session where it is of these settings and still good.
    pub fn new(credentials: &'a Credentials, secrets: &'a Secrets, brought: Brought<'a>, unix_ms: i64) -> Self {
        let kept = match (credentials, brought.session) {
            (Credentials::Oauth(client), Some(session)) => client.kept(session, seconds(unix_ms)),
            _ => None,
        };
        let state = kept.map_or(State::Fresh, |token| {
            secrets.add(&token.text);
            token.refresh.iter().for_each(|refresh| secrets.add(refresh));
            State::Bearer(token)
        });
        Self {
            credentials,
            secrets,
            brought,
            state: RefCell::new(state),
            renewed: Cell::new(false),
            taken: Cell::new(false),
        }
    }

    /// The value of `Authorization`. `unix_ms` is the best clock there is, `left` what is left of the call.
    ///
    /// # Errors
    /// Those of signing in; the same again for the rest of the call.
    pub fn authorization(&self, door: &dyn Door, unix_ms: i64, left: Option<Duration>) -> Result<String> {
        let mut state = self.state.borrow_mut();
        let now = seconds(unix_ms);
        match (self.credentials, &*state) {
            (Credentials::Basic { header, .. }, _) => return Ok(header.clone()),
            (_, State::Failed(failure)) => return Err(failure.clone()),
            (_, State::Jwt(token)) if token.is_good(now) => return Ok(format!("Bearer {}", token.text)),
            (_, State::Bearer(token)) => return Ok(format!("Bearer {}", token.text)),
            _ => {}
        }
        let signed = match self.credentials {
            Credentials::Basic { header, .. } => return Ok(header.clone()),
            Credentials::Jwt(issuer) => issuer.sign(now).map(|token| (token.text.clone(), State::Jwt(token))),
            Credentials::Oauth(client) if !client.signs_in_alone() => Err(self.ended(client)),
            Credentials::Oauth(client) => {
                let patience = left.map_or(PATIENCE, |left| left.min(PATIENCE));
                client
                    .token(Asking { door, patience, secrets: self.secrets })
                    .map(|token| (token.text.clone(), State::Bearer(token)))
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
        let alone = match self.credentials {
            Credentials::Basic { .. } => false,
            Credentials::Jwt(_) => true,
            Credentials::Oauth(client) => client.signs_in_alone(),
        };
        if !alone || (self.renewed.get() && !self.taken.get()) {
            return false;
        }
        self.renewed.set(true);
        self.taken.set(false);
        *self.state.borrow_mut() = State::Fresh;
        true
    }

    /// After a 401 that ends the call: whether the host can renew what the call cannot. A new token that is
    /// refused at once, in a call that is already repeated, was not refused for its age.
    pub fn host_may_renew(&self, unix_ms: i64) -> bool {
        let Credentials::Oauth(client) = self.credentials else { return false };
        if client.signs_in_alone() || !client.can_refresh(self.brought.session) {
            return false;
        }
        let fresh = match &*self.state.borrow() {
            State::Bearer(token) => seconds(unix_ms).saturating_sub(token.issued) < FRESH_SECONDS,
            _ => false,
        };
        self.taken.get() || !fresh || self.brought.attempt == 0
    }

    /// As whom the pod is asked, where that is known.
    pub fn username(&self) -> Option<String> {
        match (self.credentials, &*self.state.borrow()) {
            (Credentials::Basic { username, .. }, _) => Some(username.clone()),
            (Credentials::Jwt(issuer), _) => Some(issuer.username.clone()),
            (Credentials::Oauth(client), State::Bearer(token)) => {
                client.username().map(str::to_owned).or_else(|| oauth::subject(&token.text))
            }
            (Credentials::Oauth(client), _) => client.username().map(str::to_owned),
        }
    }

    /// What to do where the pod accepts no token.
    pub fn remedy(&self) -> &'static str {
        self.credentials.remedy()
    }

    /// No token, and the settings alone do not suffice for one.
    fn ended(&self, client: &Client) -> Failure {
        if !client.can_refresh(self.brought.session) {
            return client.nobody_signed_in();
        }
        Failure::transient(
            ProblemKind::Unauthenticated,
            "The session has ended, and a call may not use up the refresh token, since it could not hand the next one back.",
        )
        .remedy("Sign in again (authenticate), keep the session that it answers, and repeat the call with it.")
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
    use crate::contract::{Call, Connection, ProblemKind, Session};
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
        let header = |request: &crate::http::Request| {
            request.headers.iter().find(|(name, _)| *name == "authorization").map(|(_, value)| value.clone()).unwrap()
        };
        door.sent.borrow().iter().map(header).collect()
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

    fn code(refresh: &str) -> String {
        value!({"host": "pod.example", "auth": {"type": "oauth_authorization_code",
            "token_url": "https://idcs.example/oauth2/v1/token", "authorize_url": "https://idcs.example/oauth2/v1/authorize",
            "client_id": "id", "client_secret": "secret-1", "scope": "s", "refresh_token": refresh}})
        .to_string()
    }

    fn signed_in(door: &Fake) -> Session {
        authenticate(door, &Connection { settings: code("refresh-1"), session: None }).unwrap()
    }

    fn call(attempt: u32) -> Call {
        Call { id: "c".into(), attempt, remaining_ms: None }
    }

    #[test]
    fn a_call_never_uses_up_a_refresh_token() {
        let settings = Settings::parse(&code("refresh-1")).unwrap();
        let door = Fake::new([json(200, "{}")]);
        let failure = Pod::new(&door, &settings, None).unwrap().get(DOING, &Address::fixed("/x")).unwrap_err();
        assert_eq!((failure.kind(), failure.again), (ProblemKind::Unauthenticated, true));
        let settings = Settings::parse(&code("")).unwrap();
        let failure = Pod::new(&door, &settings, None).unwrap().get(DOING, &Address::fixed("/x")).unwrap_err();
        assert_eq!((failure.kind(), failure.again), (ProblemKind::Unauthenticated, false));
        assert_eq!(door.sent.borrow().len(), 0);
    }

    #[test]
    fn a_session_that_dies_in_a_call_is_the_hosts_to_renew_and_a_new_one_that_is_refused_is_not() {
        let settings = Settings::parse(&code("refresh-1")).unwrap();
        let refused = || typed(401, "", "");
        let again = |attempt: u32, answers: Vec<_>| {
            let door = Fake::new([json(200, TOKEN)].into_iter().chain(answers));
            let session = signed_in(&door);
            let call = call(attempt);
            let pod = Pod::with_session(&door, &settings, Some(&call), Some(&session)).unwrap();
            let mut outcome = pod.get(DOING, &Address::fixed("/x"));
            while outcome.is_ok() {
                outcome = pod.get(DOING, &Address::fixed("/x"));
            }
            let failure = outcome.unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::Unauthenticated);
            assert_eq!(door.waited(), std::time::Duration::ZERO, "it is not the call that repeats");
            failure.again
        };
        assert!(again(0, vec![refused()]));
        assert!(again(1, vec![json(200, "{}"), refused()]));
        assert!(!again(1, vec![refused()]));
    }

    #[test]
    fn a_clock_that_is_wrong_is_named() {
        let settings = Settings::parse(&jwt()).unwrap();
        let refused = || {
            let mut refused = typed(401, "", "");
            refused.as_mut().unwrap().headers.push(("date".into(), "Thu, 01 Jan 2026 00:10:00 GMT".into()));
            refused
        };
        let door = Fake::new([refused(), refused()]);
        let failure = Pod::new(&door, &settings, None).unwrap().get(DOING, &Address::fixed("/x")).unwrap_err();
        assert!(failure.problem.message.contains("600 seconds behind"), "{}", failure.problem.message);
        assert!(failure.problem.remedy.unwrap().starts_with("Set the engine's clock right"));
    }

    #[test]
    fn the_user_is_known_where_the_settings_or_the_token_tell() {
        let user = |text: &str| {
            let settings = Settings::parse(text).unwrap();
            Pod::new(&Fake::new([]), &settings, None).unwrap().username()
        };
        assert_eq!(user(&jwt()).as_deref(), Some("u"));
        assert_eq!(user(&oauth()).as_deref(), Some("id"));
        assert_eq!(user(&code("r")), None);
        let settings = Settings::parse(&code("refresh-1")).unwrap();
        let token = TOKEN.replace("token-one", "e30.eyJzdWIiOiJjYXNleS5icm93biJ9.x");
        let door = Fake::new([json(200, &token)]);
        let session = signed_in(&door);
        let pod = Pod::with_session(&door, &settings, None, Some(&session)).unwrap();
        assert_eq!(pod.username().as_deref(), Some("casey.brown"));
    }
}
