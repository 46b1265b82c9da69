//! E11, an echo of secrets, and bodies that are not what their headers promise.

use http::{StatusCode, header};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Before, Fault};
use crate::pod::Arrival;
use crate::rest::answer::Answer;

const ERROR: &str = "application/vnd.oracle.adf.error+json";

/// The shape of an error's body.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Style {
    #[default]
    Text,
    Html,
    Empty,
    /// `status` a string, `o:errorCode`.
    Json,
    /// `status` a number, `o:errorCode`.
    JsonNumber,
    /// `status` a string, `code`.
    JsonCode,
}

/// E11: `{"style": "json_number", "status": 400, "detail": "…", "code": "27014"}` instead of the answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OddError {
    #[serde(default)]
    style: Style,
    #[serde(default = "bad_request")]
    status: u16,
    #[serde(default = "required")]
    detail: String,
    #[serde(default = "required_code")]
    code: String,
}

fn bad_request() -> u16 {
    400
}

fn required() -> String {
    "Attribute InvoiceNumber in Invoice is required.".to_owned()
}

fn required_code() -> String {
    "27014".to_owned()
}

impl Fault for OddError {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let title = status.canonical_reason().unwrap_or("Error");
        let json = |status_value: serde_json::Value, code: &str| {
            let body = serde_json::json!({"title": title, "status": status_value,
                "o:errorDetails": [{"detail": self.detail, code: self.code, "o:errorPath": "/"}]});
            Answer::new(status, ERROR, body.to_string())
        };
        Some(Before::Instead(match self.style {
            Style::Text => Answer::new(status, "text/plain;charset=UTF-8", self.detail.clone()),
            Style::Html => Answer::html(status, title),
            Style::Empty => Answer::empty(status),
            Style::Json => json(self.status.to_string().into(), "o:errorCode"),
            Style::JsonNumber => json(self.status.into(), "o:errorCode"),
            Style::JsonCode => json(self.status.to_string().into(), "code"),
        }))
    }
}

/// `broken_body`: 200, and not JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrokenBody {}

impl Fault for BrokenBody {
    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, _now: Timestamp) -> bool {
        answer.body = b"{\n  \"items\" : [ oracle.jbo.JboException\n".to_vec();
        true
    }
}

/// `large_body`: `{"bytes": 70000000}` of JSON blanks before the body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LargeBody {
    bytes: usize,
}

impl Fault for LargeBody {
    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, _now: Timestamp) -> bool {
        let body = std::mem::replace(&mut answer.body, vec![b' '; self.bytes]);
        answer.body.extend_from_slice(&body);
        true
    }
}

/// `cut_body`: the connection breaks after `{"bytes": 100}` (default half) of the body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CutBody {
    #[serde(default)]
    bytes: Option<usize>,
}

impl Fault for CutBody {
    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, _now: Timestamp) -> bool {
        answer.cut = Some(self.bytes.unwrap_or(answer.body.len() / 2).min(answer.body.len()));
        true
    }
}

/// `slow`: the answer takes `{"seconds": 60}` of the pod's clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slow {
    seconds: u64,
}

impl Fault for Slow {
    fn after(&mut self, _arrival: &Arrival, answer: &mut Answer, _now: Timestamp) -> bool {
        answer.delay = std::time::Duration::from_secs(self.seconds);
        true
    }
}

/// `html_page`: 200 with a sign-in page where JSON was asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HtmlPage {}

impl Fault for HtmlPage {
    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::Instead(Answer::html(StatusCode::OK, "Sign In")))
    }
}

/// `secret_echo`: `{"status": 400}` and a text that repeats the Authorization header and the body, as they came and
/// percent-encoded; the identity domain does so too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretEcho {
    #[serde(default = "bad_request")]
    status: u16,
}

impl Fault for SecretEcho {
    fn concerns(&self, _arrival: &Arrival) -> bool {
        true
    }

    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let header = arrival.headers.get(header::AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let header = header.unwrap_or_default();
        let body = String::from_utf8_lossy(&arrival.body);
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let text = format!(
            "The request isn't valid: Authorization: {header}\n{}\n{body}\n{}\n",
            encode(&header),
            encode(&body),
        );
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        Some(Before::Instead(Answer::new(status, "text/plain;charset=UTF-8", text)))
    }
}
