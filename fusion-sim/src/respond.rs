//! An answer as it goes onto the wire: headers of every answer, compression, bodies that break off.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::encoding;

/// Headers of every answer, recorded on a live pod (FACTS 1.6).
const ALWAYS: [(&str, &str); 8] = [
    ("x-oracle-dms-rid", "0:5"),
    ("referrer-policy", "origin"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache, no-store, must-revalidate"),
    ("pragma", "no-cache"),
    ("x-xss-protection", "1; mode=block"),
    ("content-language", "en"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
];

/// The response to what arrived; `sequence` makes its trace ids.
pub(crate) fn respond(arrival: &Arrival, mut answer: Answer, sequence: u64, now: Timestamp) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let ids = [("x-oracle-dms-ecid", format!("{sequence:032x}-00000001")), ("akgrn", format!("0.{sequence:08x}"))];
    // Every origin server with a clock sends it (RFC 9110, 6.6.1); clients count Retry-After and changes on it.
    if let Ok(date) = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now)
        && let Ok(value) = HeaderValue::from_str(&date)
    {
        headers.insert(header::DATE, value);
    }
    for (name, value) in ids {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(content_type) = answer.content_type.take()
        && let Ok(value) = HeaderValue::from_str(&content_type)
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
    for (name, value) in answer.headers {
        headers.insert(name, value);
    }
    if answer.cut.is_none()
        && encoding::accepts_gzip(&arrival.headers)
        && let Some(packed) = encoding::pack(&answer.body)
    {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        answer.body = packed;
    }
    let body = match answer.cut {
        None => Body::from(answer.body),
        Some(bytes) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
            answer.body.truncate(bytes);
            Body::new(Cut { first: Some(answer.body.into()), missing: true })
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    response
}

/// A body that breaks off.
struct Cut {
    first: Option<Bytes>,
    missing: bool,
}

/// The connection broke.
#[derive(Debug, thiserror::Error)]
#[error("the simulated connection broke off")]
struct Broken;

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Broken>>> {
        std::task::Poll::Ready(match self.first.take() {
            Some(bytes) => Some(Ok(http_body::Frame::data(bytes))),
            None if std::mem::take(&mut self.missing) => Some(Err(Broken)),
            None => None,
        })
    }
}
