//! Where the browser comes back to after a sign-in: a listener on this machine that waits for one request.
//!
//! Other paths are not found, and a request that brings neither a code nor an error changes nothing. The page
//! that the browser then sees says done or failed, and repeats nothing of what it brought.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// A browser sends its few headers at once.
const HEADERS: Duration = Duration::from_secs(10);
/// For the page to reach the browser once it is written.
const PARTING: Duration = Duration::from_secs(1);

/// A bound listener.
pub struct Callback {
    listener: TcpListener,
    path: String,
}

/// What a browser brought; it waits for its page.
pub struct Arrived {
    /// Without the question mark. Holds a code.
    pub query: String,
    page: oneshot::Sender<bool>,
    connections: JoinSet<()>,
}

struct Door {
    path: String,
    taken: AtomicBool,
    arrivals: mpsc::Sender<(String, oneshot::Sender<bool>)>,
}

impl Callback {
    /// Binds a listener on loopback; port 0 takes a free one.
    ///
    /// # Errors
    /// The system's.
    pub async fn bind(listen: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(listen).await?, path: "/callback".to_owned() })
    }

    /// The same that waits at another path.
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Waits for the browser.
    pub async fn wait(self) -> Arrived {
        let (arrivals, mut arrived) = mpsc::channel(1);
        let door = Arc::new(Door { path: self.path, taken: AtomicBool::new(false), arrivals });
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some((query, page)) = arrived.recv() => return Arrived { query, page, connections },
                Some(_) = connections.join_next() => {}
                Ok((stream, _)) = self.listener.accept() => {
                    let door = Arc::clone(&door);
                    let service = service_fn(move |request| answer(Arc::clone(&door), request));
                    let mut server = http1::Builder::new();
                    server.timer(TokioTimer::new()).header_read_timeout(HEADERS).keep_alive(false);
                    let served = server.serve_connection(TokioIo::new(stream), service);
                    // A connection that breaks is the browser's affair: it comes again.
                    connections.spawn(async move { drop(served.await) });
                }
            }
        }
    }
}

impl Arrived {
    /// Shows the browser how it ended, and lets go of it.
    pub async fn answer(mut self, done: bool) {
        let _ = self.page.send(done);
        let _ = tokio::time::timeout(PARTING, async { while self.connections.join_next().await.is_some() {} }).await;
    }
}

async fn answer<B>(door: Arc<Door>, request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let query = request.uri().query().unwrap_or_default();
    if request.uri().path() != door.path {
        return Ok(page(StatusCode::NOT_FOUND, "Not found", "Nothing is here."));
    }
    if request.method() != Method::GET {
        return Ok(page(StatusCode::METHOD_NOT_ALLOWED, "Not understood", "The browser comes back here with GET."));
    }
    if !query.split('&').any(|pair| pair.starts_with("code=") || pair.starts_with("error=")) {
        let text = "Neither a code nor an error came with this address. The sign-in is still waited for.";
        return Ok(page(StatusCode::BAD_REQUEST, "Not understood", text));
    }
    let (sender, ended) = oneshot::channel();
    let first = !door.taken.swap(true, Ordering::SeqCst);
    if !first || door.arrivals.send((query.to_owned(), sender)).await.is_err() {
        return Ok(page(StatusCode::CONFLICT, "Already here", "This sign-in has already come back."));
    }
    Ok(match ended.await {
        Ok(true) => page(StatusCode::OK, "Done", "The sign-in is complete. You can close this window."),
        _ => page(StatusCode::OK, "Failed", "The sign-in failed. The terminal where it was started says why."),
    })
}

fn page(status: StatusCode, title: &str, text: &str) -> Response<Full<Bytes>> {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1><p>{text}</p></body></html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(html)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        // The address holds a code: it goes neither into a cache nor to another site.
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    response
}
