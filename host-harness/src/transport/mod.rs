//! Where a guest's HTTP requests go once the host has let them pass.
//!
//! One trait, five implementations: a real client, a mounted router, a script, a recorder around any of
//! them, and a replayer. A transport never decides whether a request is allowed; `policy` has done so.

pub mod exchange;
pub mod live;
pub mod mounted;
mod player;
pub mod recorder;
pub mod replayer;
pub mod script;

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;

use crate::policy::Denied;

/// A body in motion, either way.
pub type Body = UnsyncBoxBody<Bytes, Failure>;

/// How long to wait, each counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS.
    pub connect: Duration,
    /// From the last byte sent to the head of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer's body.
    pub between_bytes: Duration,
}

impl Default for Timeouts {
    /// 30 s, 5 minutes, 1 minute: a server that computes for minutes before it answers is not uncommon, one
    /// that pauses for a minute within an answer is gone.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            first_byte: Duration::from_secs(5 * 60),
            between_bytes: Duration::from_secs(60),
        }
    }
}

/// What can be wrong with a certificate, as far as it takes another remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Its time is over, or this machine's clock is ahead.
    Expired,
    /// Its time has not come, or this machine's clock is behind.
    NotYetValid,
    /// It is for another name than the one that was asked for.
    OtherName,
    /// Nobody here trusts the authority that issued it.
    UnknownIssuer,
    /// It was changed after it was signed, or is signed by another key than it says.
    Damaged,
    /// Anything else, and what a recording holds.
    Other,
}

/// Why there is no answer, or why one broke off.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The name does not resolve.
    #[error("the name {host} does not resolve")]
    Unresolved {
        /// Host as asked for.
        host: String,
    },
    /// Nobody listens there, or the network is down.
    #[error("{authority} does not accept connections: {reason}")]
    Unreachable {
        /// `host:port`.
        authority: String,
        /// The system's word for it.
        reason: String,
    },
    /// The certificate does not verify.
    #[error("the certificate of {authority} does not verify: {reason}")]
    Certificate {
        /// `host:port`.
        authority: String,
        /// What is wrong with it, in a word.
        fault: CertificateFault,
        /// The same in people's words: "it …".
        reason: String,
    },
    /// TLS failed otherwise.
    #[error("TLS with {authority} failed: {reason}")]
    Tls {
        /// `host:port`.
        authority: String,
        /// What went wrong.
        reason: String,
    },
    /// Too slow.
    #[error("no answer from {authority} in time ({phase})")]
    TimedOut {
        /// `host:port`.
        authority: String,
        /// `connect`, `first byte` or `between bytes`.
        phase: &'static str,
    },
    /// The connection broke after the request was sent, at least in part.
    #[error("the connection to {authority} broke: {reason}")]
    Broken {
        /// `host:port`.
        authority: String,
        /// How.
        reason: String,
    },
    /// A script or a recording has no such exchange. Not the remote system's doing: the run ends with it.
    #[error("{0}")]
    Unexpected(String),
    /// The policy of the host does not allow this request; nothing was sent.
    #[error("{0}")]
    Denied(Denied),
}

/// The way to the remote system.
pub trait Transport: Send + Sync + 'static {
    /// Sends one request with an absolute URI; answers once the head of the response is there.
    ///
    /// # Errors
    /// A [`Failure`] where there is no answer; a body may still fail with one later.
    fn send(
        &self,
        request: http::Request<Body>,
        timeouts: Timeouts,
    ) -> BoxFuture<'static, Result<http::Response<Body>, Failure>>;
}
