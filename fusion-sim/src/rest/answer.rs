//! What a handler answers, before it becomes bytes on a wire.

use http::{HeaderName, HeaderValue, StatusCode};

/// An answer of the pod.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// None for an answer without a body.
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Vec<u8>,
    /// How long it takes on the pod's clock.
    pub(crate) delay: std::time::Duration,
    /// The connection breaks after this many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// Why a sign-in was refused: for the log, not for the wire.
    pub(crate) refusal: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: Some(content_type.to_owned()),
            headers: Vec::new(),
            body: body.into(),
            delay: std::time::Duration::ZERO,
            cut: None,
            refusal: None,
        }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            content_type: None,
            headers: Vec::new(),
            body: Vec::new(),
            delay: std::time::Duration::ZERO,
            cut: None,
            refusal: None,
        }
    }

    pub(crate) fn html(status: StatusCode, title: &str) -> Self {
        let body = format!(
            "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head><title>{code} {title}</title></head>\n<body><h1>{title}</h1></body></html>\n",
            code = status.as_u16(),
        );
        Self::new(status, "text/html; charset=UTF-8", body)
    }

    /// Adds a header; one that HTTP cannot carry is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}
