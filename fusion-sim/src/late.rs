//! Writes that the edge gave up on, and that the pod still does (FACTS 8, E7); and how they are saved.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auth::{self, User};
use crate::pod::Arrival;

/// A write still to be done, by whom it was sent.
pub(crate) struct Late {
    pub(crate) arrival: Arrival,
    pub(crate) user: &'static User,
    pub(crate) after_requests: u64,
    pub(crate) at: Option<Timestamp>,
}

/// A [`Late`] as saved: who sent it instead of the credential.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedLate {
    username: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    after_requests: u64,
    at: Option<String>,
}

impl SavedLate {
    pub(crate) fn new(late: &Late) -> Self {
        let arrival = &late.arrival;
        let headers = arrival.headers.iter().filter(|(name, _)| *name != header::AUTHORIZATION);
        Self {
            username: late.user.username.to_owned(),
            method: arrival.method.to_string(),
            path: arrival.path.clone(),
            query: arrival.query.clone(),
            headers: headers
                .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
                .collect(),
            body: arrival.body.to_vec(),
            after_requests: late.after_requests,
            at: late.at.map(|at| at.to_string()),
        }
    }

    /// None for what no pod saves: a method or a user that does not exist.
    pub(crate) fn late(self, framework_default: u8) -> Option<Late> {
        let user = auth::find(&self.username)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
        let arrival = Arrival {
            method: Method::from_bytes(self.method.as_bytes()).ok()?,
            path: self.path,
            query: self.query,
            headers,
            body: self.body.into(),
            framework_default,
        };
        let at = self.at.and_then(|at| at.parse().ok());
        Some(Late { arrival, user, after_requests: self.after_requests, at })
    }
}
