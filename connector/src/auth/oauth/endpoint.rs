//! One request to a token endpoint, its answer, and what a refusal means (RFC 6749 5, FACTS 2.3).
//!
//! One request is one try: who asks again, and when, is decided by those who know whether it may be repeated.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::contract::ProblemKind;
use crate::fusion::time;
use crate::http::{Door, Method, Request, Response, SendError};
use crate::problem::{Failure, Result};
use crate::settings::{Origin, Secrets};
use crate::text::shorten;

/// Unreserved characters of RFC 3986 stay.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Tokens are some kilobytes.
const MOST_BYTES: usize = 1 << 20;

/// What it takes to ask.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The way out.
    pub door: &'a dyn Door,
    /// How long an answer may take.
    pub patience: Duration,
    /// Takes what is answered, and hides it in what is told.
    pub secrets: &'a Secrets,
}

/// An address of the identity domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub origin: Origin,
    /// Path, with a query where it has one.
    pub path: String,
}

/// What a token endpoint answered.
pub struct Granted {
    /// The access token.
    pub token: String,
    /// How long it is good, in seconds, where the endpoint says.
    pub lives: Option<i64>,
    /// The refresh token, where one was given.
    pub refresh: Option<String>,
}

/// How a token request failed.
pub struct Refused {
    /// What is told.
    pub failure: Failure,
    /// The endpoint's clock in milliseconds since 1970, where it told one.
    pub clock_ms: Option<i64>,
}

impl Endpoint {
    /// Parses a whole address; `example` is what one looks like.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(url: &str, example: &str) -> std::result::Result<Self, String> {
        let url = url.trim();
        let start = url.find("://").map_or(0, |at| at + 3);
        let end = url.get(start..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| start + at);
        let (origin, path) = (url.get(..end).unwrap_or_default(), url.get(end..).unwrap_or_default());
        let origin = Origin::parse(origin)?;
        let fine = path.len() > 1
            && path.starts_with('/')
            && path.chars().all(|c| c.is_ascii_graphic() && !"#\\\"<>".contains(c));
        if !fine {
            return Err(format!("this is not a whole address, as in {example}"));
        }
        Ok(Self { origin, path: path.to_owned() })
    }

    /// Sends a form, once. `authorization` is the client's own, where it goes into the header.
    ///
    /// # Errors
    /// `unauthenticated` with the cause, `unavailable` or `timed-out` where there is no answer.
    pub fn ask(
        &self,
        asking: Asking,
        authorization: Option<String>,
        form: &[(&str, &str)],
        remedy: &dyn Fn(&str, &str) -> String,
    ) -> std::result::Result<Granted, Refused> {
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned()),
            ("user-agent", concat!("oracle-fusion-connector/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let request = Request {
            method: Method::Post,
            secure: self.origin.secure,
            authority: self.origin.authority.clone(),
            path: self.path.clone(),
            headers,
            body: Some(encode(form).into_bytes()),
            patience: asking.patience,
            most: MOST_BYTES,
        };
        let response = match asking.door.send(&request) {
            Ok(response) => response,
            Err(error) => return Err(Refused { failure: self.unsent(&error), clock_ms: None }),
        };
        self.read(&response, asking.secrets, remedy).map_err(|failure| Refused {
            failure,
            clock_ms: response.header("date").and_then(time::http_date).map(|date| date.as_millisecond()),
        })
    }

    fn read(&self, response: &Response, secrets: &Secrets, remedy: &dyn Fn(&str, &str) -> String) -> Result<Granted> {
        let body: Value = crate::json::from_slice(&response.body).unwrap_or_default();
        if response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') && response.status < 500 {
            return Err(self.strange("a web page came instead of a token").status(response.status));
        }
        if !(200..300).contains(&response.status) {
            return Err(self.refused(response, &body, secrets, remedy));
        }
        let text = body.get("access_token").and_then(Value::as_str).filter(|token| is_token(token));
        let kind = body.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
        let Some(text) = text.filter(|_| kind.eq_ignore_ascii_case("bearer")) else {
            return Err(self.strange("it answered no bearer token").status(response.status));
        };
        let refresh = body.get("refresh_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        secrets.add(text);
        refresh.inspect(|token| secrets.add(token));
        let lives = body.get("expires_in").and_then(|life| life.as_i64().or_else(|| life.as_str()?.parse().ok()));
        Ok(Granted { token: text.to_owned(), lives, refresh: refresh.map(str::to_owned) })
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
            SendError::NoName(_) | SendError::NotSent(_) | SendError::Broken(_) => {
                Failure::transient(ProblemKind::Unavailable, message)
                    .remedy(format!("Check that the token address is right and that {host} can be reached from here."))
            }
            SendError::Tls(_) => Failure::permanent(ProblemKind::Unavailable, message).remedy(format!(
                "The certificate of {host} must be valid for that name and issued by an authority that the engine trusts."
            )),
            SendError::Denied(_) => Failure::permanent(ProblemKind::Forbidden, message).remedy(format!(
                "Check the token address: an identity domain's host ends in .identity.oraclecloud.com. If {host} is right, allow it in the engine that runs this connector (harness: --allow-host {host})."
            )),
            SendError::TimedOut(_) => Failure::transient(ProblemKind::TimedOut, message)
                .remedy("Try again; if it stays, check the identity domain's state."),
            SendError::TooLarge(_) => self.strange("the answer is far larger than a token"),
        }
    }

    fn refused(
        &self,
        response: &Response,
        body: &Value,
        secrets: &Secrets,
        remedy: &dyn Fn(&str, &str) -> String,
    ) -> Failure {
        let status = response.status;
        let host = &self.origin.authority;
        let told = |name: &str| {
            let text = body.get(name).and_then(Value::as_str)?;
            Some(shorten(&secrets.hide(&text.split_whitespace().collect::<Vec<_>>().join(" ")), 300))
        };
        let (code, description) = (told("error"), told("error_description"));
        let cause = [code.clone(), description.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let cause = if cause.is_empty() { String::new() } else { format!(": {cause}") };
        let message = format!("Could not sign in: {host} answered {status}{cause}");
        let said = description.unwrap_or_default().to_lowercase();
        let mut failure = match (code.as_deref(), status) {
            (_, 429) => Failure::transient(ProblemKind::RateLimited, message),
            (_, 408) => Failure::transient(ProblemKind::TimedOut, message),
            (_, 500..) | (Some("temporarily_unavailable" | "server_error"), _) => {
                Failure::transient(ProblemKind::Unavailable, message)
            }
            (Some(code), _) => Failure::permanent(ProblemKind::Unauthenticated, message).remedy(remedy(code, &said)),
            (None, 401 | 403) => {
                Failure::permanent(ProblemKind::Unauthenticated, message).remedy(remedy("invalid_client", &said))
            }
            (None, 300..=399) => self.strange(&format!("it redirects ({status})")),
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

/// A form as `application/x-www-form-urlencoded` and as the query of an address: spaces are `%20`.
pub fn encode(form: &[(&str, &str)]) -> String {
    form.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>().join("&")
}

/// One part of a form.
pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string()
}

/// `b64token` of RFC 6750, so that nothing else gets into a header.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json as answer, typed};

    const EXAMPLE: &str = "https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token";

    fn ask(door: &Fake) -> Result<Granted> {
        let secrets = Secrets::default();
        let asking = Asking { door, patience: Duration::from_secs(1), secrets: &secrets };
        let endpoint = Endpoint::parse("https://idcs.example/oauth2/v1/token", EXAMPLE).unwrap();
        endpoint
            .ask(asking, Some("Basic eA==".into()), &[("scope", "a b::all")], &|code, said| format!("{code} {said}"))
            .map_err(|refused| refused.failure)
    }

    #[test]
    fn a_token_is_asked_for_as_the_rfc_says() {
        let door = Fake::new([answer(
            200,
            r#"{"access_token":"tok-1","token_type":"bearer","expires_in":3600,"refresh_token":"r"}"#,
        )]);
        let granted = ask(&door).unwrap();
        assert_eq!(
            (granted.token.as_str(), granted.lives, granted.refresh.as_deref()),
            ("tok-1", Some(3600), Some("r"))
        );
        let sent = door.sent.borrow();
        assert_eq!(sent[0].authority, "idcs.example");
        assert_eq!(sent[0].body.as_deref(), Some(b"scope=a%20b%3A%3Aall".as_slice()));
        assert!(sent[0].headers.contains(&("authorization", "Basic eA==".into())));
    }

    #[test]
    fn refusals_are_told_with_their_remedy_and_nothing_is_believed_that_is_no_token() {
        let failure =
            ask(&Fake::new([answer(400, r#"{"error":"invalid_scope","error_description":"No such Scope"}"#)]))
                .err()
                .unwrap();
        assert_eq!((failure.kind(), failure.again), (ProblemKind::Unauthenticated, false));
        assert_eq!(failure.problem.remedy.as_deref(), Some("invalid_scope no such scope"));
        assert_eq!(
            ask(&Fake::new([answer(401, "")])).err().unwrap().problem.remedy.as_deref(),
            Some("invalid_client ")
        );
        assert!(ask(&Fake::new([typed(503, "text/html", "<html>")])).err().unwrap().again);
        for body in ["<html>", "{}", r#"{"access_token":"a\r\nb"}"#, r#"{"access_token":"a","token_type":"mac"}"#] {
            let failure = ask(&Fake::new([answer(200, body)])).err().unwrap();
            assert_eq!(failure.kind(), ProblemKind::UnexpectedResponse, "{body}");
        }
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
            assert!(Endpoint::parse(wrong, EXAMPLE).is_err(), "{wrong}");
        }
        let endpoint = Endpoint::parse(" https://IDCS.example:8443/Token?x=1 ", EXAMPLE).unwrap();
        assert_eq!((endpoint.origin.authority.as_str(), endpoint.path.as_str()), ("idcs.example:8443", "/Token?x=1"));
    }
}
