//! `POST /oauth2/v1/token`: who asks, by which grant, for which scope (FACTS 2.3, RFC 6749).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::clients::{self, Client, Grant};
use super::tokens::{Grantee, challenge};
use super::{Form, Identity, Rules, TOKEN_SECONDS, Unusable};
use crate::auth::jwt::{self, Jwt};
use crate::auth::{self, Access};
use crate::pod::Arrival;
use crate::rest::answer::Answer;

pub(super) const PATH: &str = "/oauth2/v1/token";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const AUDIENCE: &str = "https://identity.oraclecloud.com/";

/// A request refused (RFC 6749, 5.2).
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// What the log says and the answer does not.
    why: Option<String>,
}

impl Refused {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.into(), why: None }
    }

    fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    fn grant(description: &str, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::new("invalid_grant", description) }
    }

    fn scope() -> Self {
        Self::new("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
    }

    fn client(why: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            why: Some(why.to_owned()),
            ..Self::new("invalid_client", "Client authentication failed.")
        }
    }
}

impl From<Unusable> for Refused {
    fn from(Unusable(description): Unusable) -> Self {
        Self::request(description)
    }
}

pub(super) fn answer(identity: &mut Identity, arrival: &Arrival, rules: Rules, now: Timestamp) -> Answer {
    let refused = match grant(identity, arrival, rules, now) {
        Ok(body) => return json(StatusCode::OK, &body),
        Err(refused) => refused,
    };
    let ecid = digest(&SHA256, format!("{now} {}", identity.token_requests).as_bytes());
    let ecid: String = ecid.as_ref().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let body = json!({"error": refused.error, "error_description": refused.description, "ecid": ecid});
    let mut answer = json(refused.status, &body);
    answer.refusal = Some(refused.why.unwrap_or(refused.description));
    if refused.status == StatusCode::UNAUTHORIZED {
        return answer.header(header::WWW_AUTHENTICATE, "Basic realm=\"OAUTH\"");
    }
    answer
}

fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    Answer::new(status, "application/json;charset=UTF-8", body.to_string()).header(header::CACHE_CONTROL, "no-store")
}

fn grant(
    identity: &mut Identity,
    arrival: &Arrival,
    rules: Rules,
    now: Timestamp,
) -> Result<serde_json::Value, Refused> {
    let form = form(arrival)?;
    let client = client(identity, arrival, &form, now)?;
    let grant = required(&form, "grant_type")?;
    let grant =
        Grant::parse(grant).ok_or_else(|| Refused::new("unsupported_grant_type", "The grant type isn't supported."))?;
    if !client.grants.contains(&grant) {
        return Err(Refused::new("unauthorized_client", "The client isn't allowed to use this grant type."));
    }
    let grantee = match grant {
        Grant::ClientCredentials => own(client, &form)?,
        Grant::JwtBearer => asserted(identity, client, &form, now)?,
        Grant::AuthorizationCode => authorized(identity, client, &form, now)?,
        Grant::RefreshToken => refreshed(identity, client, &form)?,
    };
    let seconds = rules.token_seconds.unwrap_or(TOKEN_SECONDS);
    let token = identity.tokens.issue(&grantee, now, seconds);
    let mut body = json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds});
    if grantee.scope.split(' ').any(|part| part == clients::OFFLINE)
        && let Some(members) = body.as_object_mut()
    {
        members.insert("refresh_token".to_owned(), identity.tokens.issue_refresh(grantee, now).into());
    }
    Ok(body)
}

fn form(arrival: &Arrival) -> Result<Form, Refused> {
    let content_type = arrival.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refused::request("The content type must be application/x-www-form-urlencoded."));
    }
    if !arrival.query.is_empty() {
        return Err(Refused::request("Parameters belong in the body."));
    }
    let body = std::str::from_utf8(&arrival.body).map_err(|_| Refused::request("The body isn't UTF-8."))?;
    Ok(Form::parse(body)?)
}

fn required<'f>(form: &'f Form, name: &str) -> Result<&'f str, Refused> {
    form.get(name).ok_or_else(|| Refused::request(format!("The parameter {name} is missing.")))
}

/// The client, authenticated in one way and not in two (RFC 6749, 2.3).
fn client(identity: &Identity, arrival: &Arrival, form: &Form, now: Timestamp) -> Result<&'static Client, Refused> {
    let header = arrival.headers.get(header::AUTHORIZATION);
    let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
    let ways = [header.is_some(), secret.is_some(), assertion.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(Refused::request("The client authenticates in more than one way."));
    }
    if form.get("client_assertion_type").is_some_and(|kind| kind != ASSERTION_TYPE) {
        return Err(Refused::request("The client assertion type isn't supported."));
    }
    if form.get("client_assertion_type").is_some() != assertion.is_some() {
        return Err(Refused::request("A client assertion and its type go together."));
    }
    let named = form.get("client_id");
    if let Some(assertion) = assertion {
        let client = signed(identity, assertion, now).map_err(|why| Refused::client(&why))?;
        return match named {
            Some(id) if id != client.id => Err(Refused::client("client_id isn't the assertion's issuer")),
            _ => Ok(client),
        };
    }
    let (id, secret) = match header.map(|value| basic(value.as_bytes())) {
        Some(given) => given.ok_or_else(|| Refused::client("the Authorization header isn't Basic"))?,
        None => (
            named.ok_or_else(|| Refused::client("no client is named"))?.to_owned(),
            secret.ok_or_else(|| Refused::client("the client shows no secret"))?.to_owned(),
        ),
    };
    if named.is_some_and(|named| named != id) {
        return Err(Refused::request("client_id differs from the Authorization header."));
    }
    let client = clients::find(&id).ok_or_else(|| Refused::client("the client is unknown"))?;
    if client.secret != secret {
        return Err(Refused::client("the client's secret is wrong"));
    }
    if client.secret_expired {
        let mut refused = Refused::client("the client's secret has expired");
        refused.description = "Client authentication failed. The client secret has expired.".to_owned();
        return Err(refused);
    }
    Ok(client)
}

/// Id and secret, each form-encoded before they are joined (RFC 6749, 2.3.1).
fn basic(value: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let decode = |text: &str| Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned());
    Some((decode(id)?, decode(secret)?))
}

/// The client that signed an assertion about itself (RFC 7523, 3).
fn signed(identity: &Identity, assertion: &str, now: Timestamp) -> Result<&'static Client, String> {
    let jwt = Jwt::parse(assertion)?;
    let issuer = jwt.text("iss")?;
    let client = clients::find(issuer).ok_or("the client assertion's issuer is no client")?;
    if jwt.text("sub")? != issuer {
        return Err("the client assertion's sub isn't its iss".to_owned());
    }
    verify(identity, client, &jwt, now)?;
    Ok(client)
}

fn verify(identity: &Identity, client: &Client, jwt: &Jwt<'_>, now: Timestamp) -> Result<(), String> {
    if !jwt.is_for(AUDIENCE) {
        return Err(format!("aud isn't {AUDIENCE}"));
    }
    let certificate = identity.clients.get(client.id).ok_or("the client has no certificate registered")?;
    jwt.check(certificate, now, jwt::ASSERTION)
}

fn scope(form: &Form, with_user: bool) -> Result<String, Refused> {
    let text = form.get("scope").ok_or_else(Refused::scope)?;
    clients::granted(text, with_user).ok_or_else(Refused::scope)?;
    Ok(text.to_owned())
}

fn own(client: &Client, form: &Form) -> Result<Grantee, Refused> {
    Ok(Grantee { client: client.id.to_owned(), subject: client.id.to_owned(), scope: scope(form, false)? })
}

fn asserted(identity: &Identity, client: &Client, form: &Form, now: Timestamp) -> Result<Grantee, Refused> {
    const DESCRIPTION: &str = "The assertion isn't valid.";
    let refused = |why: String| Refused::grant(DESCRIPTION, why);
    let jwt = Jwt::parse(required(form, "assertion")?).map_err(refused)?;
    if jwt.text("iss").map_err(refused)? != client.id {
        return Err(refused("iss isn't the client".to_owned()));
    }
    verify(identity, client, &jwt, now).map_err(refused)?;
    let subject = jwt.text("sub").map_err(refused)?;
    known(subject)?;
    Ok(Grantee { client: client.id.to_owned(), subject: subject.to_owned(), scope: scope(form, true)? })
}

/// Refuses a user whom the domain does not vouch for.
fn known(username: &str) -> Result<(), Refused> {
    match auth::find(username).map(|user| user.access) {
        None => Err(Refused::grant("The user isn't known or isn't active.", "the user is unknown")),
        Some(access @ (Access::Locked | Access::Suspended)) => {
            Err(Refused::grant("The user isn't known or isn't active.", access.barred().unwrap_or_default()))
        }
        Some(_) => Ok(()),
    }
}

fn authorized(identity: &mut Identity, client: &Client, form: &Form, now: Timestamp) -> Result<Grantee, Refused> {
    const DESCRIPTION: &str = "The authorization code isn't valid.";
    let (code, redirect_uri) = (required(form, "code")?, required(form, "redirect_uri")?);
    let verifier = required(form, "code_verifier")?;
    let code = identity.tokens.take_code(code, now);
    let code = code.ok_or_else(|| Refused::grant(DESCRIPTION, "the code is unknown, used or over"))?;
    let why = if code.grantee.client != client.id {
        "the code is another client's"
    } else if code.redirect_uri != redirect_uri {
        "redirect_uri isn't that of the authorization"
    } else if !is_verifier(verifier) || challenge(verifier) != code.challenge {
        "code_verifier isn't that of the challenge"
    } else {
        return Ok(code.grantee);
    };
    Err(Refused::grant(DESCRIPTION, why))
}

/// RFC 7636, 4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// Ends the token shown; the answer brings its successor.
fn refreshed(identity: &mut Identity, client: &Client, form: &Form) -> Result<Grantee, Refused> {
    let token = required(form, "refresh_token")?;
    let grantee = identity.tokens.refreshable(token).filter(|grantee| grantee.client == client.id).cloned();
    let grantee = grantee.ok_or_else(|| {
        Refused::grant("The refresh token isn't valid.", "the refresh token is unknown, used, or another client's")
    })?;
    known(&grantee.subject)?;
    let wanted = form.get("scope").unwrap_or(&grantee.scope);
    if !wanted.split(' ').all(|part| grantee.scope.split(' ').any(|known| known == part)) {
        return Err(Refused::scope());
    }
    identity.tokens.end_refresh(token);
    Ok(grantee)
}
