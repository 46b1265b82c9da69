//! Where the browser comes back to after a sign-in: a listener on this machine that waits for what belongs to it.
//!
//! Whoever can reach this machine's ports can call here, so what comes may be forged, and the wait goes on. Other
//! paths are not found, and a request that brings neither a code nor an error changes nothing. The page
//! that the browser then sees says done or failed, and repeats nothing of what it brought.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
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

/// A listener that is open to browsers, one after the other.
pub struct Door {
    listener: TcpListener,
    asked: Arc<Asked>,
    arrivals: mpsc::Receiver<Arrived>,
    connections: JoinSet<()>,
}

/// What a browser brought; it waits for its page.
pub struct Arrived {
    /// Without the question mark. Holds a code.
    pub query: String,
    page: oneshot::Sender<Shown>,
}

/// What became of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Done,
    Failed,
    /// It does not belong to the sign-in that is waited for, which goes on.
    Refused,
}

struct Asked {
    path: String,
    arrivals: mpsc::Sender<Arrived>,
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

    /// Opens it.
    pub fn open(self) -> Door {
        let (sender, arrivals) = mpsc::channel(1);
        let asked = Arc::new(Asked { path: self.path, arrivals: sender });
        Door { listener: self.listener, asked, arrivals, connections: JoinSet::new() }
    }
}

impl Door {
    /// Waits for the next browser that brings something.
    pub async fn wait(&mut self) -> Arrived {
        loop {
            tokio::select! {
                biased;
                Some(arrived) = self.arrivals.recv() => return arrived,
                Some(_) = self.connections.join_next() => {}
                Ok((stream, _)) = self.listener.accept() => {
                    let asked = Arc::clone(&self.asked);
                    let service = service_fn(move |request| answer(Arc::clone(&asked), request));
                    let mut server = http1::Builder::new();
                    server.timer(TokioTimer::new()).header_read_timeout(HEADERS).keep_alive(false);
                    let served = server.serve_connection(TokioIo::new(stream), service);
                    // A connection that breaks is the browser's affair: it comes again.
                    self.connections.spawn(async move { drop(served.await) });
                }
            }
        }
    }

    /// Lets go of the browsers once they have their pages. Who comes too late is told so.
    pub async fn close(self) {
        let Self { mut connections, arrivals, .. } = self;
        drop(arrivals);
        let _ = tokio::time::timeout(PARTING, async { while connections.join_next().await.is_some() {} }).await;
    }
}

impl Arrived {
    /// Shows the browser how it ended.
    pub fn answer(self, shown: Shown) {
        let _ = self.page.send(shown);
    }
}

async fn answer<B>(asked: Arc<Asked>, request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let query = request.uri().query().unwrap_or_default();
    if request.uri().path() != asked.path {
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
    let sent = asked.arrivals.send(Arrived { query: query.to_owned(), page: sender }).await;
    let shown = if sent.is_ok() { ended.await.ok() } else { None };
    Ok(match shown {
        Some(Shown::Done) => page(StatusCode::OK, "Done", "The sign-in is complete. You can close this window."),
        Some(Shown::Failed) => {
            page(StatusCode::OK, "Failed", "The sign-in failed. The terminal where it was started says why.")
        }
        Some(Shown::Refused) => {
            let text =
                "This does not belong to the sign-in that is waited for. Go to the address in the terminal again.";
            page(StatusCode::BAD_REQUEST, "Failed", text)
        }
        None => page(StatusCode::CONFLICT, "Already here", "This sign-in has already come back."),
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
