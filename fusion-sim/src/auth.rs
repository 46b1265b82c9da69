//! Who may sign in: Basic against a few known users (FACTS 2.1, 2.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};

use crate::rest::answer::Answer;

/// What becomes of a user's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Sees and does everything.
    Full,
    /// Lacks the function privilege: 403, or 404 where pods answer so.
    NoPrivilege,
    /// Data security hides every row: 200 and empty.
    NoData,
    /// The account is locked: 401.
    Locked,
    /// The password has expired: 401.
    Expired,
}

/// A user of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Sign-in name, compared in any case.
    pub username: &'static str,
    /// Password.
    pub password: &'static str,
    /// What becomes of the user's requests.
    pub access: Access,
}

/// Every user; the first is the one of [`Pod::settings`](crate::Pod::settings).
pub const USERS: [User; 6] = [
    User { username: "integration.user", password: "Simulated-1", access: Access::Full },
    User { username: "zoë.müller", password: "pässwörd:€1", access: Access::Full },
    User { username: "no.privilege", password: "Simulated-1", access: Access::NoPrivilege },
    User { username: "no.data", password: "Simulated-1", access: Access::NoData },
    User { username: "locked.user", password: "Simulated-1", access: Access::Locked },
    User { username: "expired.user", password: "Simulated-1", access: Access::Expired },
];

/// The user of a request, if one may come in.
pub(crate) fn user(headers: &HeaderMap) -> Option<&'static User> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    let user = USERS.iter().find(|user| user.username.to_lowercase() == username.to_lowercase())?;
    let may = user.password == password && !matches!(user.access, Access::Locked | Access::Expired);
    may.then_some(user)
}

/// The header that signs a user in.
pub(crate) fn basic(user: &User) -> Option<http::HeaderValue> {
    let encoded = STANDARD.encode(format!("{}:{}", user.username, user.password));
    let mut value = http::HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The answer to whoever is not signed in (FACTS 1.11).
pub(crate) fn unauthorized() -> Answer {
    Answer::html(StatusCode::UNAUTHORIZED, "Unauthorized").header(header::WWW_AUTHENTICATE, "Basic realm=\"owsm\"")
}
