//! Signing in: without a word where the settings name no `token_url`, else with one POST there that carries the
//! old session, or `first`. It answers `{"token", "expires_in"}`; 401 and 503 are refusals.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::connections::Authorization;
use crate::{Connection, Error, Outcome, ProblemKind, Session, fetch, permanent, problem, read};

/// A sign-in in the browser lasts this long.
const HOUR: u64 = 3600;

pub fn authenticate(connection: Connection) -> Result<Session, Error> {
    let settings = read(&connection.settings)?;
    let Some(url) = settings["token_url"].as_str() else {
        return Ok(Session { value: json!({"signed": "in"}).to_string(), expires_at: None });
    };
    let old = connection.session.map_or_else(|| "first".to_owned(), |session| session.value);
    let lost = || permanent(ProblemKind::UnexpectedResponse, "no token came");
    let (status, body) = fetch::exchange(&json!({"url": url, "body": old}))?.ok_or_else(lost)?;
    match status {
        401 => return Err(permanent(ProblemKind::Unauthenticated, "the credentials are not taken")),
        503 => return Err(Error::Transient(problem(ProblemKind::Unavailable, "the token endpoint is busy"))),
        _ => {}
    }
    let answer: Value = serde_json::from_slice(&body).map_err(|_| lost())?;
    let expires_at = answer["expires_in"].as_u64().map(|seconds| now() + seconds);
    Ok(Session { value: json!({"token": answer["token"]}).to_string(), expires_at })
}

pub fn authorize_url(settings: &str, redirect_uri: &str) -> Result<Authorization, Error> {
    if read(settings)?["no_browser"] == true {
        return Err(permanent(ProblemKind::Unsupported, "these settings sign in without a browser"));
    }
    Ok(Authorization {
        url: format!("https://example.com/authorize?redirect_uri={redirect_uri}&state=kept-state"),
        keep: json!({"state": "kept-state", "verifier": "kept-verifier-0123456789"}).to_string(),
    })
}

pub fn complete(keep: &str, query: &str) -> Result<Session, Error> {
    let keep = read(keep)?;
    let find = |name: &str| query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
    if find("state").map(|(_, state)| state) != keep["state"].as_str() {
        return Err(permanent(ProblemKind::InvalidInput, "the state is another"));
    }
    match find("code") {
        Some((_, code)) => Ok(Session { value: json!({"token": code}).to_string(), expires_at: Some(now() + HOUR) }),
        None => Err(permanent(ProblemKind::Unauthenticated, &format!("the browser came back with {query}"))),
    }
}

/// Takes any session but the one that the input calls dead.
pub fn guarded(connection: &Connection, input: &Value) -> Result<Outcome, Error> {
    let token = connection.session.as_ref().map(|session| read(&session.value)).transpose()?;
    let token = token.map_or(Value::Null, |session| session["token"].clone());
    if token.is_null() || token == input["dead"] {
        return Err(Error::Transient(problem(ProblemKind::Unauthenticated, "the session is dead")));
    }
    Ok(Outcome::Done(json!({"token": token}).to_string()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
