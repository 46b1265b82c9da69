//! `GET /oauth2/v1/authorize`: a browser is sent here, the simulated user consents at once (FACTS 2.3, RFC 7636).
//!
//! Never sends a browser to an address that the client has not registered.

use http::{StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::clients::{self, Grant};
use super::tokens::Grantee;
use super::{Form, Identity, Rules, Unusable};
use crate::auth::USERS;
use crate::pod::Arrival;
use crate::rest::answer::Answer;

pub(super) const PATH: &str = "/oauth2/v1/authorize";

pub(super) fn answer(identity: &mut Identity, arrival: &Arrival, rules: Rules, now: Timestamp) -> Answer {
    let form = match Form::parse(&arrival.query) {
        Ok(form) => form,
        Err(Unusable(why)) => return page(&why),
    };
    let Some(client) = form.get("client_id").and_then(clients::find) else {
        return page("The client isn't known.");
    };
    let Some(redirect_uri) = form.get("redirect_uri").filter(|uri| clients::may_redirect(uri)) else {
        return page("The redirect address isn't registered for this client.");
    };
    let outcome = consent(identity, client, redirect_uri, &form, rules, now);
    let (mut parts, refusal) = match outcome {
        Ok(code) => (vec![("code", code)], None),
        Err((error, why)) => (vec![("error", error.to_owned()), ("error_description", why.to_owned())], Some(why)),
    };
    parts.extend(form.get("state").map(|state| ("state", state.to_owned())));
    let query: Vec<String> =
        parts.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))).collect();
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    let mut answer = Answer::empty(StatusCode::FOUND)
        .header(header::LOCATION, &format!("{redirect_uri}{joint}{}", query.join("&")))
        .header(header::CACHE_CONTROL, "no-store");
    answer.refusal = refusal.map(str::to_owned);
    answer
}

/// A page instead of a redirect.
fn page(why: &str) -> Answer {
    let mut answer = Answer::html(StatusCode::BAD_REQUEST, "Bad Request");
    answer.refusal = Some(why.to_owned());
    answer
}

/// A code, or error and description.
fn consent(
    identity: &mut Identity,
    client: &clients::Client,
    redirect_uri: &str,
    form: &Form,
    rules: Rules,
    now: Timestamp,
) -> Result<String, (&'static str, &'static str)> {
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "The response type isn't supported.")),
        None => return Err(("invalid_request", "The parameter response_type is missing.")),
    }
    if !client.grants.contains(&Grant::AuthorizationCode) {
        return Err(("unauthorized_client", "The client isn't allowed to use this grant type."));
    }
    let scope = form.get("scope").filter(|scope| clients::granted(scope, true).is_some());
    let scope = scope.ok_or(("invalid_scope", "The requested scope is invalid, unknown, or malformed."))?;
    let challenge = form.get("code_challenge").filter(|text| is_challenge(text));
    let challenge = challenge.ok_or(("invalid_request", "The client must send a code_challenge."))?;
    if form.get("code_challenge_method") != Some("S256") {
        return Err(("invalid_request", "The code_challenge_method must be S256."));
    }
    if rules.consent_denied {
        return Err(("access_denied", "The user denied the request."));
    }
    let [user, ..] = USERS;
    let grantee = Grantee { client: client.id.to_owned(), subject: user.username.to_owned(), scope: scope.to_owned() };
    Ok(identity.tokens.issue_code(grantee, redirect_uri.to_owned(), challenge.to_owned(), now))
}

/// A SHA-256 digest as base64url (RFC 7636, 4.2).
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
