//! Callbacks that the pod would send: kept in a queue, since it has no sockets (FACTS 7).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which of the two messages it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallbackKind {
    /// The SOAP message `onJobCompletion`, sent to `CallbackURL`.
    OnJobCompletion,
    /// The business event of `EnableEvent=Y`, as JSON, sent to who subscribed.
    BulkDataEvent,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Which message.
    pub kind: CallbackKind,
    /// Where it goes; none for an event, whose subscribers the pod does not know.
    pub url: Option<String>,
    /// The request that ended.
    pub request_id: u64,
    /// Who submitted it: the issuer of the message's SAML token.
    pub submitter: String,
    /// What is sent.
    pub body: String,
    /// When it was raised.
    #[serde(with = "crate::saved::text")]
    pub at: Timestamp,
}

impl Callback {
    /// The media type of the body.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self.kind {
            CallbackKind::OnJobCompletion => "text/xml; charset=UTF-8",
            CallbackKind::BulkDataEvent => "application/json",
        }
    }
}
