//! Refusals as bodies: text lines, or structured JSON from framework 4 on where the client accepts it (FACTS 1.11).

use http::StatusCode;

use super::answer::Answer;
use super::json::Json;
use super::negotiate::Negotiated;
use crate::query::QueryError;
use crate::store::Refusal;

/// A request refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodError {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    /// Numeric without `JBO-`, or a product's own such as `AP-810245`.
    pub(crate) code: Option<String>,
    pub(crate) path: Option<String>,
    /// Sent along, as the ETag of a 412 or the Allow of a 405.
    pub(crate) header: Option<Box<(http::HeaderName, String)>>,
}

impl PodError {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), code: None, path: None, header: None }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "The requested resource doesn't exist or you don't have access to it.")
    }

    pub(crate) fn not_allowed(allow: &str) -> Self {
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "The method isn't allowed for this resource.");
        error.header = Some(Box::new((http::header::ALLOW, allow.to_owned())));
        error
    }

    pub(crate) fn answer(&self, negotiated: &Negotiated) -> Answer {
        let answer = if negotiated.json_errors() {
            Answer::new(self.status, "application/vnd.oracle.adf.error+json", self.json())
        } else {
            Answer::new(self.status, "text/plain;charset=UTF-8", self.detail.clone())
        };
        match self.header.as_deref() {
            Some((name, value)) => answer.header(name.clone(), value),
            None => answer,
        }
    }

    fn json(&self) -> Vec<u8> {
        let mut json = Json::default();
        json.object();
        json.member("title", self.status.canonical_reason().unwrap_or("Error"));
        json.member("status", self.status.as_str());
        json.name("o:errorDetails");
        json.array();
        json.element();
        json.object();
        json.member("detail", &self.detail);
        if let Some(code) = &self.code {
            json.member("o:errorCode", code);
        }
        if let Some(path) = &self.path {
            json.member("o:errorPath", path);
        }
        json.end_object();
        json.end_array();
        json.end_object();
        json.finish()
    }
}

impl From<QueryError> for PodError {
    fn from(error: QueryError) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<Refusal> for PodError {
    fn from(refusal: Refusal) -> Self {
        Self {
            status: StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST),
            detail: refusal.detail,
            code: refusal.code,
            path: refusal.path,
            header: None,
        }
    }
}
