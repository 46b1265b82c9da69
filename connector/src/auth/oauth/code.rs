//! Signing in with a browser: where to send it, and what to make of it when it comes back (RFC 6749 4.1, with
//! PKCE of RFC 7636 and the state checked).
//!
//! Nothing is kept here: state and verifier travel in `keep`, which the host holds meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use rsa::rand_core::{OsRng, RngCore as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::endpoint::{Asking, encode};
use super::{Client, Grant, Refused, hex, remedy, seconds};
use crate::contract::{Authorization, ProblemKind, Session};
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// Without it no refresh token is given, and the sign-in ends after an hour (FACTS 2.3).
const OFFLINE: &str = "offline_access";
const VERSION: u32 = 1;

/// What the host holds until the browser is back.
#[derive(Serialize, Deserialize)]
struct Keep {
    version: u32,
    /// Settings and redirect address, as a hash: what is kept is secret as a whole, and these are not.
    bound: String,
    state: String,
    verifier: String,
}

impl Client {
    /// Where to send the browser. Sends nothing itself.
    ///
    /// # Errors
    /// `unsupported` for another grant, `invalid-input` for a redirect address that is none.
    pub fn authorize_url(&self, redirect_uri: &str) -> Result<Authorization> {
        let Grant::Code { authorize, .. } = &self.grant else { return Err(no_browser()) };
        if !redirect_uri.contains("://")
            || redirect_uri.contains('#')
            || !redirect_uri.chars().all(|c| c.is_ascii_graphic())
        {
            return Err(Failure::invalid("/redirect_uri", "this is no address to which a browser can be sent back")
                .remedy("Give the whole address, as it is registered at the application in the identity domain."));
        }
        let (state, verifier) = (random(), random());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let scope = if self.scope.split_whitespace().any(|scope| scope == OFFLINE) {
            self.scope.clone()
        } else {
            format!("{} {OFFLINE}", self.scope)
        };
        let query = encode(&[
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", redirect_uri),
            ("scope", &scope),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let origin = &authorize.origin;
        let scheme = if origin.secure { "https" } else { "http" };
        let joint = if authorize.path.contains('?') { '&' } else { '?' };
        let url = format!("{scheme}://{}{}{joint}{query}", origin.authority, authorize.path);
        let keep = Keep { version: VERSION, bound: self.bound(redirect_uri), state, verifier };
        let keep = serde_json::to_string(&keep).map_err(|_| Failure::internal("Could not write down the state."))?;
        Ok(Authorization { url, keep })
    }

    /// Changes the code with which the browser came back into a session.
    ///
    /// # Errors
    /// `invalid-input` where it is not the browser that was sent, `unauthenticated` where the person or the
    /// identity domain said no.
    pub fn complete(&self, asking: Asking, redirect_uri: &str, keep: &str, query: &str) -> Result<Session> {
        let Grant::Code { .. } = &self.grant else { return Err(no_browser()) };
        let keep: Keep = crate::json::from_str(keep)
            .map_err(|_| Failure::invalid("/keep", "this is not what authorize-url answered").remedy(AGAIN))?;
        if keep.version != VERSION || keep.bound != self.bound(redirect_uri) {
            return Err(Failure::invalid(
                "/keep",
                "the connection or the redirect address was changed while the browser was away",
            )
            .remedy(AGAIN));
        }
        asking.secrets.add(&keep.state);
        asking.secrets.add(&keep.verifier);
        let query = query.trim_start_matches('?');
        if parameter(query, "state").as_deref() != Some(keep.state.as_str()) {
            return Err(Failure::invalid(
                "/callback_query/state",
                "the state is not the one that was sent, so this answer may be somebody else's",
            )
            .remedy(AGAIN));
        }
        if let Some(error) = parameter(query, "error") {
            let told = |text: String| shorten(&asking.secrets.hide(&one_line(&text)), 300);
            let said = parameter(query, "error_description").map(told);
            let cause = said.as_deref().map_or(String::new(), |said| format!(": {said}"));
            let error = shorten(&told(error), 40);
            let mut failure = Failure::permanent(
                ProblemKind::Unauthenticated,
                format!("Could not sign in: the identity domain sent the browser back with {error}{cause}"),
            )
            .remedy(remedy::of(self, &error, &said.unwrap_or_default().to_lowercase()));
            failure.problem.remote_code = Some(error);
            return Err(failure);
        }
        let code = parameter(query, "code")
            .filter(|code| !code.is_empty())
            .ok_or_else(|| Failure::invalid("/callback_query", "the browser came back without a code").remedy(AGAIN))?;
        asking.secrets.add(&code);
        let form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", keep.verifier.as_str()),
        ];
        let now = seconds(asking.door.unix_ms());
        let token = self.ask(asking, now, form).map_err(|Refused { failure, .. }| failure)?;
        Ok(self.session(&token))
    }
}

impl Client {
    fn bound(&self, redirect_uri: &str) -> String {
        hex(&Sha256::digest(format!("{} {redirect_uri}", self.mark())))
    }
}

const AGAIN: &str = "Start the sign-in again (harness authorize --connection FILE, or the engine's own button) and finish it in the same browser.";

/// The settings choose another way to sign in.
pub fn no_browser() -> Failure {
    Failure::permanent(ProblemKind::Unsupported, "The connection signs in without a browser.")
        .remedy("Choose the sign-in oauth_authorization_code in the connection where a person is to sign in.")
}

/// 256 bits as base64url: 43 characters, as RFC 7636 4.1 asks at least.
fn random() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A parameter that occurs once; twice is none, since two readers could take different ones.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut found = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    });
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::time::Duration;

    use super::super::{Endpoint, Proof};
    use super::*;
    use crate::http::fake::{Fake, json as answer};
    use crate::settings::Secrets;
    use proptest::prelude::*;

    const BACK: &str = "http://127.0.0.1:8765/callback";
    const TOKEN: &str = r#"{"access_token":"tok-1","token_type":"Bearer","expires_in":3600,"refresh_token":"r-1"}"#;

    fn client(scope: &str) -> Client {
        let authorize = Endpoint::parse("https://idcs.example/oauth2/v1/authorize", "").unwrap();
        let grant = Grant::Code { authorize, refresh: None };
        let url = "https://idcs.example/oauth2/v1/token";
        Client::new(url, "id", Proof::Secret("s3cret".into()), scope, grant).ok().unwrap()
    }

    fn complete(door: &Fake, redirect: &str, keep: &str, query: &str) -> Result<Session> {
        let secrets = Secrets::default();
        client("a").complete(
            Asking { door, patience: Duration::from_secs(1), secrets: &secrets },
            redirect,
            keep,
            query,
        )
    }

    fn of(url: &str, name: &str) -> String {
        parameter(url.split_once('?').unwrap().1, name).unwrap()
    }

    #[test]
    fn the_browser_is_sent_with_a_challenge_and_its_code_is_changed_with_the_verifier() {
        let sent = client("a").authorize_url(BACK).unwrap();
        assert_eq!(of(&sent.url, "scope"), "a offline_access");
        assert_eq!(of(&sent.url, "redirect_uri"), BACK);
        let door = Fake::new([answer(200, TOKEN)]);
        let query = format!("code=c%2B1&state={}", of(&sent.url, "state"));
        let session = complete(&door, BACK, &sent.keep, &query).unwrap();
        assert_eq!(session.expires_at, Some(1_767_225_600 + 3600));
        let body = String::from_utf8(door.sent.borrow()[0].body.clone().unwrap()).unwrap();
        assert_eq!(parameter(&body, "code").unwrap(), "c+1");
        let verifier = parameter(&body, "code_verifier").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)), of(&sent.url, "code_challenge"));
        assert!(client("a").can_refresh(Some(&session)) && !client("b").can_refresh(Some(&session)));
    }

    #[test]
    fn what_is_not_the_browser_that_was_sent_is_refused_before_anything_is_sent() {
        let sent = client("a").authorize_url(BACK).unwrap();
        let state = of(&sent.url, "state");
        let door = Fake::new([answer(200, TOKEN)]);
        let refused = |redirect: &str, keep: &str, query: &str| complete(&door, redirect, keep, query).unwrap_err();
        for (redirect, keep, query) in [
            (BACK, sent.keep.as_str(), "code=c&state=other".to_owned()),
            (BACK, sent.keep.as_str(), "code=c".to_owned()),
            (BACK, sent.keep.as_str(), format!("code=c&state={state}&state={state}")),
            (BACK, sent.keep.as_str(), format!("state={state}")),
            ("http://127.0.0.1:1/other", sent.keep.as_str(), format!("code=c&state={state}")),
            (BACK, "{}", format!("code=c&state={state}")),
        ] {
            let failure = refused(redirect, keep, &query);
            assert_eq!(failure.kind(), ProblemKind::InvalidInput, "{query}");
            assert!(!failure.problem.message.contains(&state));
        }
        let denied = refused(BACK, &sent.keep, &format!("error=access_denied&error_description=No+way&state={state}"));
        assert_eq!(denied.kind(), ProblemKind::Unauthenticated);
        assert!(denied.problem.message.ends_with("access_denied: No way"));
        assert_eq!(door.sent.borrow().len(), 0);
        assert!(client("a").authorize_url("no address").is_err());
    }

    proptest! {
        #[test]
        fn no_query_trips_the_reader(query in ".{0,80}") {
            let _ = parameter(&query, "state");
        }
    }
}
