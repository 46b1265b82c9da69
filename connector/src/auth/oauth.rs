//! Client credentials at an identity domain: a token request, its answer, and what a refusal means
//! (FACTS 2.3, RFC 6749).
//!
//! One request is one try: who asks again, and when, is decided by [`super::Signer`].

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::basic;
use crate::contract::{ProblemKind, Session};
use crate::http::{Door, Method, Request, Response, SendError};
use crate::problem::{Failure, Result};
use crate::settings::{Origin, Secrets};
use crate::text::shorten;

/// Unreserved characters of RFC 3986 stay.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Tokens are some kilobytes.
const MOST_BYTES: usize = 1 << 20;
/// A session is not used any more this many seconds before it ends, or a tenth of its life where it is short.
const MARGIN: i64 = 60;

/// A client at an identity domain.
#[derive(Clone)]
pub struct Client {
    /// Where the token endpoint is.
    pub origin: Origin,
    path: String,
    /// Client id, which is the name of the Fusion user.
    pub id: String,
    secret: String,
    scope: String,
}

/// A token and how long it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The access token.
    pub text: String,
    /// Seconds since 1970; `None` where the endpoint does not say.
    pub expires: Option<i64>,
    /// From when on a session is better not used.
    pub stale: Option<i64>,
}

/// Our session value. `version` is counted up when its shape changes.
#[derive(Deserialize)]
struct Kept {
    version: u32,
    settings: String,
    token: String,
    expires: Option<i64>,
    stale: Option<i64>,
}

const VERSION: u32 = 1;

impl Client {
    /// Parses the endpoint's address.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn new(token_url: &str, id: &str, secret: &str, scope: &str) -> std::result::Result<Self, String> {
        let url = token_url.trim();
        let start = url.find("://").map_or(0, |at| at + 3);
        let end = url.get(start..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| start + at);
        let (origin, path) = (url.get(..end).unwrap_or_default(), url.get(end..).unwrap_or_default());
        let origin = Origin::parse(origin)?;
        let fine = path.len() > 1
            && path.starts_with('/')
            && path.chars().all(|c| c.is_ascii_graphic() && !"#\\\"<>".contains(c));
        if !fine {
            return Err("this is not the whole address of a token endpoint, as in https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token".to_owned());
        }
        let [id, secret, scope] = [id, secret, scope].map(|text| text.trim().to_owned());
        Ok(Self { origin, path: path.to_owned(), id, secret, scope })
    }

    /// The client's own `Authorization`, each part encoded as RFC 6749 2.3.1 asks.
    pub fn authorization(&self) -> String {
        let [id, secret] = [&self.id, &self.secret].map(|part| utf8_percent_encode(part, FORM).to_string());
        basic::authorization(&id, &secret)
    }

    /// Asks for a token, once. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// `unauthenticated` with the cause, `unavailable` or `timed-out` where there is no answer.
    pub fn token(&self, door: &dyn Door, patience: Duration, now: i64, secrets: &Secrets) -> Result<Token> {
        let scope = utf8_percent_encode(&self.scope, FORM);
        let request = Request {
            method: Method::Post,
            secure: self.origin.secure,
            authority: self.origin.authority.clone(),
            path: self.path.clone(),
            headers: vec![
                ("authorization", self.authorization()),
                ("accept", "application/json".to_owned()),
                ("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned()),
                ("user-agent", concat!("oracle-fusion-connector/", env!("CARGO_PKG_VERSION")).to_owned()),
            ],
            body: Some(format!("grant_type=client_credentials&scope={scope}").into_bytes()),
            patience,
            most: MOST_BYTES,
        };
        let response = door.send(&request).map_err(|error| self.unsent(&error))?;
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if !(200..300).contains(&response.status) {
            return Err(self.refused(&response, &body, secrets));
        }
        let text = body.get("access_token").and_then(Value::as_str).filter(|token| is_token(token));
        let kind = body.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
        let Some(text) = text.filter(|_| kind.eq_ignore_ascii_case("bearer")) else {
            return Err(self.strange("it answered no bearer token").status(response.status));
        };
        secrets.add(text);
        let lives = body.get("expires_in").and_then(|life| life.as_i64().or_else(|| life.as_str()?.parse().ok()));
        let expires = lives.map(|life| now.saturating_add(life.max(0)));
        let stale = lives.zip(expires).map(|(life, end)| end.saturating_sub(MARGIN.min(life / 10)));
        Ok(Token { text: text.to_owned(), expires, stale })
    }

    /// What the host is to keep.
    pub fn session(&self, token: &Token) -> Session {
        let value = json!({
            "version": VERSION,
            "type": "oauth_client_credentials",
            "settings": self.mark(),
            "token": token.text,
            "expires": token.expires,
            "stale": token.stale,
        });
        Session { value: value.to_string(), expires_at: token.expires.and_then(|end| u64::try_from(end).ok()) }
    }

    /// The token in a session, where it is ours, of these settings, and still good.
    pub fn kept(&self, session: &Session, now: i64) -> Option<Token> {
        let kept: Kept = serde_json::from_str(&session.value).ok()?;
        let ours = kept.version == VERSION && kept.settings == self.mark() && is_token(&kept.token);
        let good = kept.stale.is_none_or(|stale| now < stale);
        (ours && good).then_some(Token { text: kept.token, expires: kept.expires, stale: kept.stale })
    }

    /// Tells settings apart without telling what they are.
    fn mark(&self) -> String {
        let parts = json!([self.origin.secure, self.origin.authority, self.path, self.id, self.secret, self.scope]);
        Sha256::digest(parts.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn strange(&self, what: &str) -> Failure {
        let host = &self.origin.authority;
        Failure::permanent(
            ProblemKind::UnexpectedResponse,
            format!("Could not sign in: {host} did not answer as a token endpoint does: {what}."),
        )
        .remedy("Check the token address in the connection: https, the identity domain's host, and /oauth2/v1/token.")
    }

    fn unsent(&self, error: &SendError) -> Failure {
        let host = &self.origin.authority;
        let message =
            format!("Could not sign in: {host}: {error} ({}).", self.path.split('?').next().unwrap_or_default());
        match error {
            SendError::NotSent(_) | SendError::Broken(_) => Failure::transient(ProblemKind::Unavailable, message)
                .remedy(format!("Check that the token address is right and that {host} can be reached from here.")),
            SendError::Certificate(_) => Failure::permanent(ProblemKind::Unavailable, message).remedy(format!(
                "The certificate of {host} must be valid for that name and issued by an authority that the engine trusts."
            )),
            SendError::Denied(_) => Failure::permanent(ProblemKind::Forbidden, message)
                .remedy(format!("Allow {host} in the engine that runs this connector.")),
            SendError::TimedOut(_) => Failure::transient(ProblemKind::TimedOut, message)
                .remedy("Try again; if it stays, check the identity domain's state."),
            SendError::TooLarge(_) => self.strange("the answer is far larger than a token"),
        }
    }

    fn refused(&self, response: &Response, body: &Value, secrets: &Secrets) -> Failure {
        let status = response.status;
        let host = &self.origin.authority;
        let told = |name: &str| {
            let text = body.get(name).and_then(Value::as_str)?;
            Some(shorten(&secrets.hide(&text.split_whitespace().collect::<Vec<_>>().join(" ")), 300))
        };
        let code = told("error");
        let cause = [code.clone(), told("error_description")].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let cause = if cause.is_empty() { String::new() } else { format!(": {cause}") };
        let message = format!("Could not sign in: {host} answered {status}{cause}");
        let mut failure = match (code.as_deref(), status) {
            (_, 429) => Failure::transient(ProblemKind::RateLimited, message),
            (_, 408) => Failure::transient(ProblemKind::TimedOut, message),
            (_, 500..) | (Some("temporarily_unavailable" | "server_error"), _) => {
                Failure::transient(ProblemKind::Unavailable, message)
            }
            (Some(code), _) => Failure::permanent(ProblemKind::Unauthenticated, message).remedy(remedy(code)),
            (None, 401 | 403) => {
                Failure::permanent(ProblemKind::Unauthenticated, message).remedy(remedy("invalid_client"))
            }
            (None, _) => self.strange(&format!("it answered {status} without the reason that RFC 6749 asks for")),
        };
        let after = response.header("retry-after").and_then(|after| after.trim().parse::<u64>().ok());
        failure.problem.retry_after_ms = after.and_then(|seconds| seconds.checked_mul(1000));
        failure.problem.http_status = Some(status);
        failure.problem.remote_code = code.map(|code| shorten(&code, 40));
        failure.problem.trace_id = told("ecid").map(|ecid| shorten(&ecid, 120));
        failure
    }
}

/// What to do about each refusal of RFC 6749 5.2.
fn remedy(code: &str) -> &'static str {
    match code {
        "invalid_client" => {
            "Check client id and client secret against the confidential application in the identity domain (Integrated applications > the application > OAuth configuration), that it is activated, and that the secret was not regenerated."
        }
        "invalid_scope" => {
            "Copy the scope from the application's Resources in the identity domain as it stands there, audience and scope in one (as in https://pod:443urn:opc:resource:consumer::all), and allow the application that resource."
        }
        "unauthorized_client" | "unsupported_grant_type" => {
            "Allow the grant type Client credentials in the application's OAuth configuration in the identity domain."
        }
        _ => "Check token address, client id, client secret and scope against the application in the identity domain.",
    }
}

/// `b64token` of RFC 6750, so that nothing else gets into a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json as answer, typed};

    fn client() -> Client {
        Client::new("https://idcs.example/oauth2/v1/token", "id", "se:cret", "a b::all").unwrap()
    }

    fn ask(door: &Fake) -> Result<Token> {
        client().token(door, Duration::from_secs(1), 1000, &Secrets::default())
    }

    #[test]
    fn a_token_is_asked_for_as_the_rfc_says() {
        let door = Fake::new([answer(200, r#"{"access_token":"tok-1","token_type":"bearer","expires_in":3600}"#)]);
        let token = ask(&door).unwrap();
        assert_eq!(token, Token { text: "tok-1".into(), expires: Some(4600), stale: Some(4540) });
        let sent = door.sent.borrow();
        assert_eq!(sent[0].authority, "idcs.example");
        assert_eq!(sent[0].body.as_deref(), Some(b"grant_type=client_credentials&scope=a%20b%3A%3Aall".as_slice()));
        assert_eq!(sent[0].headers[0].1, basic::authorization("id", "se%3Acret"));
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (status, body, word) in [
            (
                401,
                r#"{"error":"invalid_client","error_description":"Client authentication failed.","ecid":"e"}"#,
                "client secret",
            ),
            (400, r#"{"error":"invalid_scope","error_description":"x"}"#, "Resources"),
            (400, r#"{"error":"unsupported_grant_type"}"#, "grant type"),
            (401, "", "client secret"),
        ] {
            let failure = ask(&Fake::new([answer(status, body)])).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::Unauthenticated, "{body}");
            assert!(!failure.again && failure.problem.remedy.unwrap().contains(word), "{body}");
        }
        assert!(ask(&Fake::new([typed(503, "text/html", "<html>")])).unwrap_err().again);
        for body in ["<html>", "{}", r#"{"access_token":"a\r\nb"}"#, r#"{"access_token":"a","token_type":"mac"}"#] {
            let failure = ask(&Fake::new([answer(200, body)])).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::UnexpectedResponse, "{body}");
        }
    }

    #[test]
    fn a_session_is_used_by_its_own_settings_alone_and_in_time() {
        let token = Token { text: "tok".into(), expires: Some(2000), stale: Some(1940) };
        let session = client().session(&token);
        assert_eq!(session.expires_at, Some(2000));
        assert_eq!(client().kept(&session, 1000), Some(token));
        assert_eq!(client().kept(&session, 1950), None);
        let other = Client::new("https://idcs.example/oauth2/v1/token", "id", "other", "a b::all").unwrap();
        assert_eq!(other.kept(&session, 1000), None);
        assert_eq!(client().kept(&Session { value: r#"{"type":"basic"}"#.into(), expires_at: None }, 0), None);
    }

    #[test]
    fn addresses_that_are_not_whole_are_refused() {
        for wrong in [
            "idcs.example",
            "https://idcs.example/",
            "http://idcs.example/token",
            "https://a@b/t",
            "https://b/t#x",
            "https://b/t t",
            "",
        ] {
            assert!(Client::new(wrong, "i", "s", "x").is_err(), "{wrong}");
        }
        let client = Client::new(" https://IDCS.example:8443/Token?x=1 ", "i", "s", "x").unwrap();
        assert_eq!((client.origin.authority.as_str(), client.path.as_str()), ("idcs.example:8443", "/Token?x=1"));
    }
}
