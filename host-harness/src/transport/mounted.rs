//! A router inside this process: requests reach it without a socket.
//!
//! It sees what it would see behind a real listener: a path for a target, and the authority in `Host`. The
//! router answers when it answers; where the run's clock is told, the time that it claims to have taken is
//! held against the time-outs, so that a slow answer times out without anybody waiting.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt;
use tower::util::ServiceExt;

use super::{Body, Failure, Timeouts, Transport};
use crate::clock::Clock;

/// A [`tower::Service`] (an axum `Router`, say) as a transport.
pub struct Mounted<S> {
    service: S,
    clock: Option<Arc<dyn Clock>>,
}

impl<S> Mounted<S> {
    /// Mounts a service.
    pub fn new(service: S) -> Self {
        Self { service, clock: None }
    }

    /// Holds the time that passes on this clock while the service answers against the time-outs.
    #[must_use]
    pub fn on(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }
}

impl<S, B> Transport for Mounted<S>
where
    S: tower::Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Display,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Display,
{
    fn send(&self, request: Request<Body>, timeouts: Timeouts) -> BoxFuture<'static, Result<Response<Body>, Failure>> {
        let service = self.service.clone();
        let clock = self.clock.clone();
        Box::pin(async move {
            let (request, authority) = as_received(request)?;
            let broken = {
                let authority = authority.clone();
                move |reason: String| Failure::Broken { authority: authority.clone(), reason }
            };
            let start = clock.as_ref().map(|clock| clock.monotonic());
            let response = service.oneshot(request).await.map_err(|cause| broken(cause.to_string()))?;
            if let (Some(clock), Some(start)) = (clock, start)
                && clock.monotonic().saturating_sub(start) > timeouts.first_byte
            {
                return Err(Failure::TimedOut { authority, phase: "first byte" });
            }
            Ok(response.map(|body| body.map_err(move |cause| broken(cause.to_string())).boxed_unsync()))
        })
    }
}

/// The request as a server's parser would hand it on, and `host:port` for messages.
fn as_received(mut request: Request<Body>) -> Result<(Request<Body>, String), Failure> {
    let authority = request.uri().authority().map_or_else(String::new, ToString::to_string);
    if !request.headers().contains_key(HOST)
        && let Ok(host) = HeaderValue::from_str(&authority)
    {
        request.headers_mut().insert(HOST, host);
    }
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target: Uri = target.parse().map_err(|_| Failure::Broken {
        authority: authority.clone(),
        reason: "the request has no path that a server would take".into(),
    })?;
    *request.uri_mut() = target;
    Ok((request, authority))
}
