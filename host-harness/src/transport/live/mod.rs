//! The real network: a pool of connections, TLS by rustls, HTTP/1.1 and HTTP/2.
//!
//! Follows no redirect, repeats nothing that may have reached the other side, and tells a certificate that
//! does not verify apart from every other failure. Whether a request may be sent is not decided here.

mod body;
mod connect;
mod failure;
mod trust;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::HOST;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use self::body::{Outgoing, Paced, Progress};
use self::connect::{Connect, Connecting};
use super::{Body, Failure, Timeouts, Transport};

pub use self::trust::CaError;

/// A pooled HTTP client. Clones share the pool.
#[derive(Clone, Debug, Default)]
pub struct Live {
    extra: Vec<CertificateDer<'static>>,
    idle: Option<Duration>,
    clients: Arc<Clients>,
}

/// Made with the first request of each kind: reading the system's certificates takes longer than a whole command that
/// sends nothing, and http needs none.
#[derive(Debug, Default)]
struct Clients {
    http: OnceLock<Client<Connect, Outgoing>>,
    https: OnceLock<Client<Connect, Outgoing>>,
}

impl Live {
    /// A client that trusts the issuers that the system trusts, or Mozilla's list where the system has none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, trusting the certificates in these PEM files beside them.
    ///
    /// # Errors
    /// [`CaError`] where a file cannot be read or holds no certificate.
    pub fn trusting(ca_files: impl IntoIterator<Item = PathBuf>) -> Result<Self, CaError> {
        let mut extra = Vec::new();
        for file in ca_files {
            extra.extend(trust::read(&file)?);
        }
        Ok(Self { extra, ..Self::default() })
    }

    /// The same with a pool of its own that closes connections which nobody has used for this long; 90 seconds
    /// otherwise. Whoever asks many hosts, each now and then, holds a file for each of those that are kept.
    #[must_use]
    pub fn closing_idle_after(self, idle: Duration) -> Self {
        Self { idle: Some(idle), clients: Arc::default(), ..self }
    }

    fn client(&self, scheme: Option<&Scheme>) -> Result<&Client<Connect, Outgoing>, String> {
        let plain = scheme == Some(&Scheme::HTTP);
        let place = if plain { &self.clients.http } else { &self.clients.https };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let roots = if plain { RootCertStore::empty() } else { trust::roots(&self.extra) };
        let connect = Connect::new(trust::config(roots)?);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        if let Some(idle) = self.idle {
            builder.pool_idle_timeout(idle);
        }
        let client = builder.build(connect);
        Ok(place.get_or_init(|| client))
    }
}

impl Transport for Live {
    fn send(&self, request: Request<Body>, timeouts: Timeouts) -> BoxFuture<'static, Result<Response<Body>, Failure>> {
        let live = self.clone();
        Box::pin(async move {
            let authority = failure::authority(request.uri());
            let client = live
                .client(request.uri().scheme())
                .map_err(|reason| Failure::Tls { authority: authority.clone(), reason })?;
            let progress = Arc::new(Progress::default());
            let mut request = request.map(|body| Outgoing::new(body, Arc::clone(&progress)));
            // The client writes it as the version of the connection wants it.
            request.headers_mut().remove(HOST);
            let connecting = Connecting { timeout: timeouts.connect, progress: Arc::clone(&progress) };
            let answer = connect::within(connecting, client.request(request));
            let response = tokio::select! {
                answer = answer => answer.map_err(|cause| failure::of_request(&cause, &authority))?,
                () = progress.silent_for(timeouts.first_byte) => {
                    return Err(Failure::TimedOut { authority, phase: "first byte" });
                }
            };
            Ok(response.map(|body| Paced::new(body, authority, timeouts.between_bytes).boxed_unsync()))
        })
    }
}
