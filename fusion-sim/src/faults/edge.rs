//! E6, E7, E9: what stands between client and pod throttles, gives up, or refuses a method.

use std::time::Duration;

use http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Before, Fault};
use crate::pod::Arrival;
use crate::rest::answer::Answer;

fn status(code: u16, otherwise: StatusCode) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(otherwise)
}

/// E6: `{"status": 503, "retry_after": "3"}`; with `"date": true` the header is the date that lies so many
/// seconds ahead; without `retry_after` there is no header.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Throttled {
    #[serde(default = "too_many")]
    status: u16,
    #[serde(default)]
    retry_after: Option<serde_json::Value>,
    #[serde(default)]
    date: bool,
}

fn too_many() -> u16 {
    429
}

impl Fault for Throttled {
    fn before(&mut self, _arrival: &Arrival, now: Timestamp) -> Option<Before> {
        let answer = Answer::html(status(self.status, StatusCode::TOO_MANY_REQUESTS), "Too Many Requests");
        let text = match &self.retry_after {
            None => return Some(Before::Instead(answer)),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let text = match text.parse::<i64>() {
            Ok(seconds) if self.date => http_date(now, seconds),
            _ => text,
        };
        Some(Before::Instead(answer.header(header::RETRY_AFTER, &text)))
    }
}

/// RFC 9110, section 5.6.7.
fn http_date(now: Timestamp, seconds: i64) -> String {
    let at = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// When the pod does what the edge gave up waiting for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Commit {
    #[default]
    Before,
    Never,
    Later,
}

/// E7: `{"status": 504, "commit": "before" | "never" | "later", "requests": 2, "seconds": 60}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edge {
    #[serde(default = "timeout")]
    status: u16,
    #[serde(default)]
    commit: Commit,
    /// With `later`: done before the request that comes after so many (default 1).
    #[serde(default)]
    requests: Option<u64>,
    /// With `later`: done when so much time has passed.
    #[serde(default)]
    seconds: Option<u64>,
}

fn timeout() -> u16 {
    504
}

impl Fault for Edge {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let status = status(self.status, StatusCode::GATEWAY_TIMEOUT);
        let answer = Answer::html(status, status.canonical_reason().unwrap_or("Gateway Time-out"));
        Some(match self.commit {
            Commit::Before => Before::AnswerLost(answer),
            Commit::Never => Before::Instead(answer),
            Commit::Later => Before::Later {
                answer,
                requests: self.requests.unwrap_or(if self.seconds.is_some() { u64::MAX } else { 1 }),
                wait: self.seconds.map(Duration::from_secs),
            },
        })
    }
}

/// E9: a proxy refuses PATCH (`{"status": 405}`); a POST that says it is one passes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoPatch {
    #[serde(default = "not_allowed")]
    status: u16,
}

fn not_allowed() -> u16 {
    405
}

impl Fault for NoPatch {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let status = status(self.status, StatusCode::METHOD_NOT_ALLOWED);
        (arrival.method == Method::PATCH).then(|| Before::Instead(Answer::html(status, "Method Not Allowed")))
    }
}
