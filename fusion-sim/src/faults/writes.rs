//! W1, W2, W3, E2, E10, T10, `late_commit`, `payload_limit`: what becomes of writes.

use std::time::Duration;

use http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value as JsonValue};

use super::paging::Tuning;
use super::{Before, Fault};
use crate::payload::{Given, Payload};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::error::PodError;
use crate::rest::negotiate::Negotiated;

fn is_patch(arrival: &Arrival) -> bool {
    let tunnelled = arrival.headers.get("x-http-method-override").is_some_and(|method| method == "PATCH");
    arrival.method == Method::PATCH || (arrival.method == Method::POST && tunnelled)
}

fn refused(arrival: &Arrival, code: &str, detail: String) -> Answer {
    let (negotiated, _) = Negotiated::read(&arrival.headers, arrival.framework_default);
    let mut error = PodError::bad(detail);
    error.code = Some(code.to_owned());
    error.answer(&negotiated)
}

/// W1: a row just created, or else first changed, is busy for `seconds` (default 90): PATCH gets 400 DOO-2686198.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Busy {
    #[serde(default = "ninety")]
    seconds: u64,
    /// Paths of rows, and until when they are busy.
    #[serde(skip)]
    rows: Vec<(String, Timestamp)>,
}

fn ninety() -> u64 {
    90
}

impl Busy {
    fn until(&mut self, path: &str, now: Timestamp) -> Timestamp {
        if let Some((_, until)) = self.rows.iter().find(|(row, _)| path == row || path.starts_with(&format!("{row}/")))
        {
            return *until;
        }
        let wait = SignedDuration::try_from(Duration::from_secs(self.seconds)).unwrap_or(SignedDuration::ZERO);
        let until = now.saturating_add(wait).unwrap_or(now);
        self.rows.push((path.to_owned(), until));
        until
    }
}

impl Fault for Busy {
    fn before(&mut self, arrival: &Arrival, now: Timestamp) -> Option<Before> {
        if !is_patch(arrival) || now >= self.until(&arrival.path, now) {
            return None;
        }
        let detail = "You can't update the order because it's being processed. Try again later. (DOO-2686198)";
        Some(Before::Instead(refused(arrival, "DOO-2686198", detail.to_owned())))
    }

    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, now: Timestamp) -> bool {
        let created = answer.headers.iter().find(|(name, _)| *name == header::LOCATION);
        if answer.status == StatusCode::CREATED
            && let Some((_, value)) = created
            && let Some((_, path)) =
                value.to_str().ok().and_then(|href| href.get(8..)).and_then(|rest| rest.split_once('/'))
        {
            self.until(&format!("/{path}"), now);
        }
        false
    }
}

/// W2: `{"attributes": ["Description"]}` of a PATCH change nothing, and nothing is said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ignored {
    attributes: Vec<String>,
}

impl Fault for Ignored {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.ignored.extend(self.attributes.iter().cloned());
        true
    }
}

/// W3: `{"attribute": "InvoiceNumber", "value": "A-1"}` is stored whatever is sent; without a value an automatic
/// number. The numbers of receivables invoices are always the server's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overridden {
    attribute: String,
    #[serde(default)]
    value: Option<JsonValue>,
}

impl Fault for Overridden {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        let value = self.value.as_ref().map(|value| match value {
            JsonValue::Null => Given::Null,
            JsonValue::Bool(flag) => Given::Boolean(*flag),
            JsonValue::String(text) => Given::Text(text.clone()),
            other => Given::Number(other.to_string()),
        });
        tuning.overridden.push((self.attribute.clone(), value));
        true
    }
}

/// E2: 400 without a body; nothing is done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Blank {}

impl Fault for Blank {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::Instead(Answer::empty(StatusCode::BAD_REQUEST)))
    }
}

/// E10: somebody else changes the row (`{"changes": {"Description": "theirs"}}`) just before a PATCH or DELETE. With
/// `"status": 412` (the default) the pod then judges the write as always: a stale If-Match is refused, without one
/// the last writer wins. With 400 the write is refused as JBO-25014, whatever it says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contended {
    #[serde(default = "precondition_failed")]
    status: u16,
    #[serde(default)]
    changes: Map<String, JsonValue>,
}

fn precondition_failed() -> u16 {
    412
}

impl Fault for Contended {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        if !is_patch(arrival) && arrival.method != Method::DELETE {
            return None;
        }
        let changes = JsonValue::Object(self.changes.clone()).to_string();
        let changes = Payload::parse(changes.as_bytes()).unwrap_or_default();
        Some(Before::Contended { changes, refused: self.status != 412 })
    }
}

/// T10: an action answers 200 with `{"status": "S" | "E", "failures": ["Line 2 …"]}`: with S (the default) it was
/// done but for the failures, which stand in the message alone, at most five of them; with E nothing was done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartlyDone {
    #[serde(default = "success")]
    status: String,
    #[serde(default = "one_failure")]
    failures: Vec<String>,
}

fn success() -> String {
    "S".to_owned()
}

fn one_failure() -> Vec<String> {
    vec!["Line 2: The quantity exceeds the available quantity.".to_owned()]
}

impl PartlyDone {
    fn is_action(arrival: &Arrival) -> bool {
        let old = arrival.headers.get(header::CONTENT_TYPE);
        arrival.method == Method::POST
            && (arrival.path.contains("/action/")
                || old.is_some_and(|value| value.as_bytes().starts_with(b"application/vnd.oracle.adf.action+json")))
    }

    fn body(&self) -> Vec<u8> {
        // The list breaks off after five entries.
        let message = self.failures.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
        let result = serde_json::json!({"result": {"Message": message, "ReturnStatus": self.status}});
        serde_json::to_vec_pretty(&result).unwrap_or_default()
    }
}

impl Fault for PartlyDone {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let nothing_done = self.status == "E" && Self::is_action(arrival);
        nothing_done.then(|| {
            Before::Instead(Answer::new(StatusCode::OK, "application/vnd.oracle.adf.actionresult+json", self.body()))
        })
    }

    fn after(&mut self, arrival: &Arrival, answer: &mut Answer, _now: Timestamp) -> bool {
        let done = Self::is_action(arrival) && answer.status == StatusCode::OK;
        if done {
            answer.body = self.body();
        }
        done
    }
}

/// `late_commit`: a write gets 504 (`status`), and is done only after the connector's first look: before the request
/// that comes after `requests` more (default 2), or when `seconds` have passed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LateCommit {
    #[serde(default = "timeout")]
    status: u16,
    #[serde(default)]
    requests: Option<u64>,
    #[serde(default)]
    seconds: Option<u64>,
}

fn timeout() -> u16 {
    504
}

impl Fault for LateCommit {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        if arrival.method == Method::GET {
            return None;
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::GATEWAY_TIMEOUT);
        Some(Before::Later {
            answer: Answer::html(status, status.canonical_reason().unwrap_or("Gateway Time-out")),
            requests: self.requests.unwrap_or(if self.seconds.is_some() { u64::MAX } else { 2 }),
            wait: self.seconds.map(Duration::from_secs),
        })
    }
}

/// `payload_limit`: bodies of more than `{"bytes": 5000000}` get 413 (FACTS 1.12: guidance of 5 MB, unverified).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayloadLimit {
    #[serde(default = "five_megabytes")]
    bytes: usize,
}

fn five_megabytes() -> usize {
    5_000_000
}

impl Fault for PayloadLimit {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        (arrival.body.len() > self.bytes)
            .then(|| Before::Instead(Answer::html(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large")))
    }
}
