//! Name resolution, TCP and TLS, within the connect time-out of the request that asked for the connection.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::Service;

use super::body::Progress;
use super::failure;
use crate::transport::{Failure, Timeouts};

/// What a new connection owes to the request that it is made for.
#[derive(Clone)]
pub(super) struct Connecting {
    pub(super) timeout: Duration,
    pub(super) progress: Arc<Progress>,
}

tokio::task_local! {
    // The pool makes connections; this is how it is told for which request without a pool for each time-out.
    static CONNECTING: Connecting;
}

/// Runs a request so that a connection made for it knows it.
pub(super) fn within<T>(connecting: Connecting, request: impl Future<Output = T>) -> impl Future<Output = T> {
    CONNECTING.scope(connecting, request)
}

/// Makes connections for the pool.
#[derive(Clone, Debug)]
pub(super) struct Connect {
    inner: HttpsConnector<HttpConnector<Resolver>>,
}

impl Connect {
    pub(super) fn new(tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let inner =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions().wrap_connector(tcp);
        Self { inner }
    }
}

impl Service<Uri> for Connect {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Self::Response, Failure>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        // Neither of the two inside ever has anything to wait for.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let authority = failure::authority(&uri);
        let connecting = CONNECTING.try_with(Clone::clone).ok();
        let timeout = connecting.as_ref().map_or_else(|| Timeouts::default().connect, |connecting| connecting.timeout);
        let making = connecting.map(|connecting| connecting.progress.connecting());
        let connect = self.inner.call(uri);
        Box::pin(async move {
            let ended = tokio::time::timeout(timeout, connect).await;
            drop(making);
            match ended {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(cause)) => Err(failure::of_connecting(cause.as_ref(), &authority)),
                Err(_) => Err(Failure::TimedOut { authority, phase: "connect" }),
            }
        })
    }
}

/// The system's resolver, whose failure says which name it was.
#[derive(Clone, Debug)]
pub(super) struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found: io::Result<Vec<_>> = tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect);
            match found {
                Ok(addresses) if !addresses.is_empty() => Ok(addresses.into_iter()),
                _ => Err(Failure::Unresolved { host: name.as_str().to_owned() }),
            }
        })
    }
}
