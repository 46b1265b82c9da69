//! What stands at the door instead of the pod: sign-in pages, redirects, another pillar, a clock that is wrong, an
//! identity domain that does not answer as it should (FACTS 7, 8; issue reports of people connecting).

use std::time::Duration;

use http::{StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Before, Fault};
use crate::identity::IDENTITY_HOST;
use crate::pod::Arrival;
use crate::rest::answer::Answer;

fn is_token(arrival: &Arrival) -> bool {
    arrival.path.ends_with("/oauth2/v1/token")
}

fn below(arrival: &Arrival, roots: &[&str]) -> bool {
    arrival.path.split('/').nth(1).is_some_and(|first| roots.contains(&first))
}

/// `sign_in_page`: REST answers 200 with a page that asks for a password.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInPage {}

impl Fault for SignInPage {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let page = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign In</title></head><body>\
            <form method=\"post\" action=\"/oam/server/auth_cred_submit\"><input name=\"userid\">\
            <input name=\"password\" type=\"password\"></form></body></html>\n";
        Some(Before::Instead(Answer::new(StatusCode::OK, "text/html; charset=UTF-8", page)))
    }
}

/// `sso_redirect`: 302 to the identity domain's sign-in page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SsoRedirect {}

impl Fault for SsoRedirect {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let location = format!("https://{IDENTITY_HOST}/ui/v1/signin");
        Some(Before::Instead(Answer::html(StatusCode::FOUND, "Found").header(header::LOCATION, &location)))
    }
}

/// `wrong_pillar`: ERP and HCM are not on this host, CX is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrongPillar {}

impl Fault for WrongPillar {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let other = below(arrival, &["fscmRestApi", "hcmRestApi"]);
        other.then(|| Before::Instead(Answer::html(StatusCode::NOT_FOUND, "Not Found")))
    }
}

/// `clock_skew`: `{"seconds": -600}`: pod and identity domain are so far ahead of the shared clock, in `Date`, in
/// what they sign and in what they verify.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockSkew {
    seconds: i64,
}

impl Fault for ClockSkew {
    fn concerns(&self, _arrival: &Arrival) -> bool {
        true
    }

    fn skew(&self) -> i64 {
        self.seconds
    }
}

/// `no_roles_api`: neither user accounts nor SCIM can be found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoRolesApi {}

impl Fault for NoRolesApi {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let roles = arrival.path.split('/').any(|segment| segment == "userAccounts" || segment == "scim");
        roles.then(|| Before::Instead(Answer::html(StatusCode::NOT_FOUND, "Not Found")))
    }
}

/// `consent_denied`: the browser comes back with `access_denied`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentDenied {}

impl Fault for ConsentDenied {
    fn concerns(&self, arrival: &Arrival) -> bool {
        arrival.path.ends_with("/oauth2/v1/authorize")
    }

    fn tune(&self, tuning: &mut super::Tuning) -> bool {
        tuning.consent_denied = true;
        true
    }
}

/// `token_html`: `{"status": 200}`: the token endpoint answers with a page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenHtml {
    #[serde(default = "ok")]
    status: u16,
}

fn ok() -> u16 {
    200
}

impl Fault for TokenHtml {
    fn concerns(&self, arrival: &Arrival) -> bool {
        is_token(arrival)
    }

    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        Some(Before::Instead(Answer::html(status, "Oracle Identity Cloud Service")))
    }
}

/// `token_slow`: `{"seconds": 60}`: a token is issued, and its answer takes so long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenSlow {
    seconds: u64,
}

impl Fault for TokenSlow {
    fn concerns(&self, arrival: &Arrival) -> bool {
        is_token(arrival)
    }

    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, _now: Timestamp) -> bool {
        answer.delay = Duration::from_secs(self.seconds);
        true
    }
}

/// `token_unavailable`: `{"status": 503, "retry_after": "3"}` from the token endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenUnavailable {
    #[serde(default = "unavailable")]
    status: u16,
    #[serde(default)]
    retry_after: Option<String>,
}

fn unavailable() -> u16 {
    503
}

impl Fault for TokenUnavailable {
    fn concerns(&self, arrival: &Arrival) -> bool {
        is_token(arrival)
    }

    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let answer = Answer::html(status, status.canonical_reason().unwrap_or("Service Unavailable"));
        Some(Before::Instead(match &self.retry_after {
            Some(text) => answer.header(header::RETRY_AFTER, text),
            None => answer,
        }))
    }
}
