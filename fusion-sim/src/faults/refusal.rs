//! E1, E3, E4, E5: requests refused though nothing is wrong with them.

use std::time::Duration;

use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Before, Fault};
use crate::auth;
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::error::PodError;
use crate::rest::negotiate::Negotiated;

/// E1: 406 without a body where framework 4 and up is asked for JSON errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotAcceptable {}

impl Fault for NotAcceptable {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let (negotiated, _) = Negotiated::read(&arrival.headers, arrival.framework_default);
        negotiated.json_errors().then(|| Before::Instead(Answer::empty(StatusCode::NOT_ACCEPTABLE)))
    }
}

/// E3: the sign-in is over; a bearer that was presented stays refused, Basic credentials do not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignedOut {}

impl Fault for SignedOut {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::SignedOut(auth::unauthorized()))
    }
}

/// E4: a row just created is not found for `seconds` (default 5), or, with `{"privilege": true}`, nothing is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotVisible {
    #[serde(default)]
    privilege: bool,
    #[serde(default = "five")]
    seconds: u64,
    /// Paths of rows created, and until when they are not found.
    #[serde(skip)]
    created: Vec<(String, Timestamp)>,
}

fn five() -> u64 {
    5
}

impl Fault for NotVisible {
    fn before(&mut self, arrival: &Arrival, now: Timestamp) -> Option<Before> {
        self.created.retain(|(_, until)| now < *until);
        let young = arrival.method == http::Method::GET
            && self.created.iter().any(|(path, _)| arrival.path.starts_with(path.as_str()));
        if !self.privilege && !young {
            return None;
        }
        let (negotiated, _) = Negotiated::read(&arrival.headers, arrival.framework_default);
        Some(Before::Instead(PodError::not_found().answer(&negotiated)))
    }

    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, now: Timestamp) -> bool {
        if answer.status == StatusCode::CREATED
            && let Some((_, value)) = answer.headers.iter().find(|(name, _)| *name == header::LOCATION)
            && let Some((_, path)) =
                value.to_str().ok().and_then(|href| href.get(8..)).and_then(|rest| rest.split_once('/'))
            && let Ok(wait) = SignedDuration::try_from(Duration::from_secs(self.seconds))
            && let Ok(until) = now.checked_add(wait)
        {
            self.created.push((format!("/{path}"), until));
        }
        // Only the answers that are not found count.
        false
    }
}

/// E5: the user lacks the function privilege; 403 as HTML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forbidden {}

impl Fault for Forbidden {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::Instead(Answer::html(StatusCode::FORBIDDEN, "Forbidden")))
    }
}
