//! Who comes in: Basic, JWT bearers of trusted issuers, access tokens of the identity domain (FACTS 2.1 to 2.3).
//!
//! Promises that nothing of a credential stands in the reason of a refusal.

pub(crate) mod certificate;
pub(crate) mod jwt;
pub mod roles;
mod users;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use crate::identity::Identity;
use crate::rest::answer::Answer;

pub(crate) use users::find;
pub use users::{Access, USERS, User};

/// The user of a request, or why nobody comes in.
pub(crate) fn user(headers: &HeaderMap, identity: &mut Identity, now: Timestamp) -> Result<&'static User, String> {
    let value = headers.get(header::AUTHORIZATION).ok_or("there is no Authorization header")?;
    let value = value.to_str().map_err(|_| "the Authorization header isn't ASCII")?;
    let (scheme, credential) = value.split_once(' ').ok_or("the Authorization header names no scheme")?;
    if scheme.eq_ignore_ascii_case("basic") {
        return admitted(basic(credential)?);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("the Authorization header is neither Basic nor Bearer".to_owned());
    }
    let token = credential.trim();
    let username = identity.bearer(token, now)?;
    let user = admitted(find(&username).ok_or("the token's user isn't a user of the pod")?)?;
    identity.accepted(token);
    Ok(user)
}

/// The user of a username token in a message, or why nobody comes in.
pub(crate) fn token_user(username: &str, password: &str) -> Result<&'static User, String> {
    admitted(by_password(username, password)?)
}

fn admitted(user: &'static User) -> Result<&'static User, String> {
    user.access.barred().map_or(Ok(user), |why| Err(why.to_owned()))
}

/// The bearer token that a request presents.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn basic(encoded: &str) -> Result<&'static User, String> {
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or("the Basic credentials can't be decoded")?;
    let (username, password) = decoded.split_once(':').ok_or("the Basic credentials hold no colon")?;
    by_password(username, password)
}

/// The user of that name and password, in or not.
fn by_password(username: &str, password: &str) -> Result<&'static User, String> {
    let user = find(username).ok_or("the user is unknown")?;
    if user.password.is_empty() || user.password != password {
        return Err("the password is wrong".to_owned());
    }
    Ok(user)
}

/// The answer to whoever is not signed in (FACTS 1.11).
pub(crate) fn unauthorized() -> Answer {
    Answer::html(StatusCode::UNAUTHORIZED, "Unauthorized").header(header::WWW_AUTHENTICATE, "Basic realm=\"owsm\"")
}
