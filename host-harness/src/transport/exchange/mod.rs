//! One exchange in writing: what is expected of a request, and what it is answered.
//!
//! Scripts and recordings share this form, so a recording can be edited by hand into a script. It is JSON or
//! YAML; the types here are what both sides agree on, `parse` reads them, `write` writes them, `compare`
//! holds a request against one.

mod compare;
mod parse;
mod write;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use super::{Body, Failure};
use crate::exact::Exact;

pub use self::compare::{Difference, differences, likeness};
pub use self::parse::{FormatError, parse, read, read_request};
pub use self::write::write;

/// A list of exchanges, from a script or of a run.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    /// The id of the recorded call; a script has none.
    pub call_id: Option<String>,
    /// When the recorded run began.
    pub started_at: Option<Timestamp>,
    /// Any order will do.
    pub any_order: bool,
    /// In their order.
    pub exchanges: Vec<Exchange>,
}

/// One request with its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The time at which the answer came, of a recording.
    pub clock: Option<Timestamp>,
    /// What the request must be like.
    pub request: Expected,
    /// What it is answered.
    pub response: Answer,
}

/// What a request must be like; what is none is not compared.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// `GET` and so on.
    pub method: Option<String>,
    /// `host` or `host:port`.
    pub host: Option<String>,
    /// Without the query, percent-encoded or not.
    pub path: Option<String>,
    /// Decoded pairs; their order does not count.
    pub query: Option<Vec<(String, String)>>,
    /// Names with the value that one header of that name must have, or none where there must be none.
    pub headers: Vec<(String, Option<String>)>,
    /// The whole body.
    pub body: Option<Content>,
}

/// A body in writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Compared by meaning, numbers by their spelling; sent without spaces.
    Json(Exact),
    /// Byte for byte.
    Text(String),
    /// Byte for byte, written in base64.
    Bytes(Bytes),
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// In their order; a name may stand more than once.
    pub headers: Vec<(String, String)>,
    /// None is an empty body.
    pub body: Option<Content>,
    /// How long it takes until the head is there.
    pub delay: Duration,
    /// After how many bytes of the body the connection breaks.
    pub break_after: Option<usize>,
    /// There is no answer at all, and this is why. Status, headers and body are then without meaning.
    pub failure: Option<Failure>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: None, delay: Duration::ZERO, break_after: None, failure: None }
    }
}

impl Content {
    /// The bytes that go over the wire.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Json(value) => Bytes::from(value.to_string()),
            Self::Text(text) => Bytes::from(text.clone()),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }

    /// The most readable form that keeps every byte: JSON where that is spelt without spaces, else text,
    /// else bytes. None where there is nothing.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(Self::Bytes(Bytes::copy_from_slice(bytes)));
        };
        if text.starts_with(['{', '['])
            && let Ok(value) = crate::exact::parse_json(text)
            && value.to_string() == text
        {
            return Some(Self::Json(value));
        }
        Some(Self::Text(text.to_owned()))
    }
}

/// A request that was sent, with all of its body.
#[derive(Clone, Debug)]
pub struct Sent {
    /// `GET` and so on.
    pub method: String,
    /// `host` or `host:port`.
    pub authority: String,
    /// Without the query, as sent.
    pub path: String,
    /// Decoded pairs.
    pub query: Vec<(String, String)>,
    /// As sent, names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Bytes,
}

impl Sent {
    /// Takes a request apart and reads its body to the end.
    ///
    /// # Errors
    /// The [`Failure`] with which the body broke off.
    pub async fn of(request: http::Request<Body>) -> Result<(Self, http::request::Parts), Failure> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let sent = Self {
            method: parts.method.as_str().to_owned(),
            authority: parts.uri.authority().map(ToString::to_string).unwrap_or_default(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(pairs).unwrap_or_default(),
            headers,
            body,
        };
        Ok((sent, parts))
    }

    /// Whether the body is a form, as a token endpoint takes it.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, value)| name == "content-type" && value.starts_with("application/x-www-form-urlencoded"))
    }
}

/// The decoded pairs of a query or a form.
#[must_use]
pub fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
