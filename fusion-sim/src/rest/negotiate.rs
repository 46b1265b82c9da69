//! Headers of a request: framework version, accepted types, media types of bodies (FACTS 1.2, 1.3).

use http::{HeaderMap, StatusCode, header};

use super::error::PodError;

/// What a body is, by the framework's own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Collection,
    Item,
    Description,
    ActionResult,
}

impl Media {
    fn name(self) -> &'static str {
        match self {
            Media::Collection => "application/vnd.oracle.adf.resourcecollection+json",
            Media::Item => "application/vnd.oracle.adf.resourceitem+json",
            Media::Description => "application/vnd.oracle.adf.description+json",
            Media::ActionResult => "application/vnd.oracle.adf.actionresult+json",
        }
    }
}

const ERROR: &str = "application/vnd.oracle.adf.error+json";

/// What client and pod agree on.
#[derive(Clone, Debug)]
pub(crate) struct Negotiated {
    /// Framework version, 1…9.
    pub(crate) version: u8,
    /// Accepted types with whether their quality is above zero, in lower case.
    accepted: Vec<(String, bool)>,
}

impl Negotiated {
    /// Reads the headers; `default` is the pod's framework version.
    ///
    /// A version that is none comes with the answer to it: what was understood is still needed to word the
    /// refusal.
    pub(crate) fn read(headers: &HeaderMap, default: u8) -> (Self, Result<(), PodError>) {
        let mut accepted = Vec::new();
        for value in headers.get_all(header::ACCEPT) {
            for part in String::from_utf8_lossy(value.as_bytes()).split(',') {
                let mut pieces = part.split(';').map(str::trim);
                let name = pieces.next().unwrap_or_default().to_ascii_lowercase();
                let refused = pieces.any(|piece| {
                    piece.strip_prefix("q=").is_some_and(|quality| quality.trim_matches(['0', '.']).is_empty())
                });
                if !name.is_empty() {
                    accepted.push((name, !refused));
                }
            }
        }
        let (version, outcome) = match headers.get("rest-framework-version") {
            None => (default, Ok(())),
            Some(value) => match value.as_bytes() {
                [digit @ b'1'..=b'9'] => (digit.saturating_sub(b'0'), Ok(())),
                other => {
                    let text = String::from_utf8_lossy(other);
                    let detail = format!(
                        "The value {text} of the REST-Framework-Version header isn't valid. Specify a version from 1 to 9."
                    );
                    (default, Err(PodError::bad(detail)))
                }
            },
        };
        (Self { version, accepted }, outcome)
    }

    /// Whether errors are told as JSON: framework 4 and up, and asked for.
    pub(crate) fn json_errors(&self) -> bool {
        self.version >= 4 && self.asks_error_json()
    }

    /// Whether the error type is among those accepted.
    pub(crate) fn asks_error_json(&self) -> bool {
        self.accepted.iter().any(|(name, wanted)| *wanted && name == ERROR)
    }

    /// The content type of an answer.
    ///
    /// # Errors
    ///
    /// 406 where none of the accepted types fits.
    pub(crate) fn content_type(&self, media: Media) -> Result<&'static str, PodError> {
        if self.accepted.is_empty() || self.suppressed(media) {
            return Ok(media.name());
        }
        for (name, _) in self.accepted.iter().filter(|(_, wanted)| *wanted) {
            match name.as_str() {
                "*/*" | "application/*" => return Ok(media.name()),
                "application/json" => return Ok("application/json"),
                other if other == media.name() => return Ok(media.name()),
                _ => {}
            }
        }
        Err(PodError::new(StatusCode::NOT_ACCEPTABLE, ""))
    }

    /// Whether the client asked to leave the body out (`…resourceitem+json;q=0`, FACTS 1.2).
    pub(crate) fn suppressed(&self, media: Media) -> bool {
        self.accepted.iter().any(|(name, wanted)| !*wanted && name == media.name())
    }
}

/// The media type of a request's body, without parameters.
pub(crate) fn body_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body of another type than JSON or `canonical`.
///
/// # Errors
///
/// 415.
pub(crate) fn expect_body(headers: &HeaderMap, canonical: &str) -> Result<(), PodError> {
    let sent = body_type(headers);
    if sent == "application/json" || sent == canonical {
        return Ok(());
    }
    Err(PodError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The media type of the request body isn't supported."))
}
