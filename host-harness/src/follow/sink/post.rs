//! A POST for each batch, signed as Standard Webhooks has it, so that ready-made libraries verify it.
//!
//! The body is `{"id": "…", "events": [ … ]}`. `webhook-id` is the same when the same events are offered again;
//! `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::Uri;
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use ring::hmac;

use super::{Batch, Sink, SinkError};
use crate::transport::live::Live;
use crate::transport::{Timeouts, Transport};

/// An address that answers later than this has not taken it.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    first_byte: Duration::from_secs(30),
    between_bytes: Duration::from_secs(30),
};

/// Signs what is sent.
#[derive(Clone)]
pub struct Signing(hmac::Key);

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing(..)")
    }
}

/// Nothing can be sent like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// What is no address.
    #[error("it is no http or https address")]
    NoAddress,
    /// Plain http would show business data to whoever listens.
    #[error("plain http is for this machine alone")]
    PlainHttp,
    /// Too short to keep anybody out.
    #[error("a secret to sign with is base64 of 24 to 64 bytes, with `whsec_` before it or without")]
    NoSecret,
}

impl Signing {
    /// Reads a secret as Standard Webhooks has it: base64 of 24 to 64 bytes, `whsec_` before it or not.
    ///
    /// # Errors
    /// [`PostError::NoSecret`].
    pub fn read(secret: &str) -> Result<Self, PostError> {
        let secret = secret.trim();
        let bytes =
            STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map_err(|_| PostError::NoSecret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(PostError::NoSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// Posts batches to an address.
#[derive(Clone, Debug)]
pub struct Post {
    address: Uri,
    signing: Option<Signing>,
    live: Live,
}

impl Post {
    /// A sink that posts to `address`, https or this machine.
    ///
    /// # Errors
    /// [`PostError::NoAddress`], [`PostError::PlainHttp`].
    pub fn new(address: &str, signing: Option<Signing>, live: Live) -> Result<Self, PostError> {
        let parsed = url::Url::parse(address).map_err(|_| PostError::NoAddress)?;
        let here = match parsed.host().ok_or(PostError::NoAddress)? {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        };
        match parsed.scheme() {
            "https" => {}
            "http" if here => {}
            "http" => return Err(PostError::PlainHttp),
            _ => return Err(PostError::NoAddress),
        }
        let address = parsed.as_str().parse().map_err(|_| PostError::NoAddress)?;
        Ok(Self { address, signing, live })
    }

    fn name(&self) -> String {
        // The path may hold a secret, as those of chat services do.
        self.address.authority().map(ToString::to_string).unwrap_or_default()
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let body = format!("{{\"id\":\"{}\",\"events\":[{}]}}", batch.id, batch.lines.join(","));
        let seconds = Timestamp::now().as_second();
        let mut request = http::Request::post(self.address.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &batch.id)
            .header("webhook-timestamp", seconds.to_string());
        if let Some(signing) = &self.signing {
            request = request.header("webhook-signature", signing.sign(&batch.id, seconds, &body));
        }
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        let request = request.body(body).map_err(|error| SinkError::new(format!("{}: {error}", self.name())))?;
        let answer = self.live.send(request, TIMEOUTS).await.map_err(|error| SinkError::new(error.to_string()))?;
        if answer.status().is_success() {
            // Read to its end, the connection can be used again; a body that does not end changes nothing.
            let _ = tokio::time::timeout(
                TIMEOUTS.connect,
                http_body_util::Limited::new(answer.into_body(), 65_536).collect(),
            )
            .await;
            return Ok(());
        }
        let told = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = told.and_then(|told| told.trim().parse().ok()).map(Duration::from_secs);
        let message = format!("{} answered {}", self.name(), answer.status());
        Err(SinkError { message, retry_after })
    }
}

impl Sink for Post {
    fn take<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let signing = Signing::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signing.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(Signing::read("c2hvcnQ=").unwrap_err(), PostError::NoSecret);
        assert_eq!(format!("{signing:?}"), "Signing(..)");
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let refused = |address: &str| Post::new(address, None, Live::new()).map(|_| ()).unwrap_err();
        assert_eq!(refused("http://example.com/x"), PostError::PlainHttp);
        assert_eq!(refused("ftp://example.com/x"), PostError::NoAddress);
        assert_eq!(refused("example.com"), PostError::NoAddress);
        for fits in ["https://example.com/x?y=1", "http://127.0.0.1:80/", "http://[::1]:80/", "http://localhost/"] {
            assert!(Post::new(fits, None, Live::new()).is_ok(), "{fits}");
        }
    }
}
