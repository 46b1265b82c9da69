//! The one door to the network.
//!
//! A [`Door`] sends one request and hands back the whole answer, up to a limit; it also tells the time and
//! waits, since both belong to the host. On wasm it is `wasi:http` and `wasi:clocks`; in unit tests a fake.
//! It follows no redirect, keeps no cookie and repeats nothing: that is decided by those who know what the
//! request means.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

#[cfg(target_family = "wasm")]
mod wasi;
#[cfg(target_family = "wasm")]
pub use wasi::Wasi;

#[cfg(test)]
pub mod fake;

/// HTTP methods that a pod knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads, and answers no body.
    Head,
    /// Creates, and runs actions.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether sending it twice does what sending it once does.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// One request. It carries credentials, so that no `Debug` shows more than where it goes.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// `https`, or `http` to loopback.
    pub secure: bool,
    /// `host` or `host:port`.
    pub authority: String,
    /// Encoded path with query, beginning with a slash.
    pub path: String,
    /// Header fields in order; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body, if any.
    pub body: Option<Vec<u8>>,
    /// How long to wait for the head of the answer, and between two pieces of it.
    pub patience: Duration,
    /// The largest body that is taken.
    pub most: usize,
}

/// A whole answer. It may be a token, so that no `Debug` shows more than its status.
#[derive(Clone, Default)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Header fields; names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{} ..", self.method.as_str(), self.authority, self.path)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} bytes ..", self.status, self.body.len())
    }
}

impl Response {
    /// The first field of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// A body that is made while it is sent, so that nobody holds the whole of it.
#[derive(Clone, Copy)]
pub struct Stream<'a> {
    /// How many bytes it has; they go out as `content-length`.
    pub len: u64,
    /// Begins it from its start: once for each time that it is sent.
    pub open: &'a dyn Fn() -> io::Result<Box<dyn Read + 'a>>,
}

/// An answer whose body is still to be read.
pub struct Incoming {
    /// Status and header fields; its body is empty.
    pub head: Response,
    /// The body, read as it comes. Its errors carry a [`SendError`], which [`SendError::of`] takes out.
    pub body: Box<dyn Read>,
}

impl Incoming {
    /// Reads the body to its end.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] beyond `most` bytes; what broke it off.
    pub fn whole(self, most: usize) -> Result<Response, SendError> {
        let mut response = self.head;
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        self.body.take(limit).read_to_end(&mut response.body).map_err(|error| SendError::of(&error))?;
        if response.body.len() > most { Err(SendError::TooLarge(most)) } else { Ok(response) }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The request did not leave: there is no such name.
    #[error("{0}")]
    NoName(String),
    /// The request did not leave: nobody listens, or the host's network is down.
    #[error("{0}")]
    NotSent(String),
    /// The request did not leave: the certificate does not verify, or TLS could not be agreed on.
    #[error("{0}")]
    Tls(String),
    /// The host that runs this connector does not allow the address.
    #[error("{0}")]
    Denied(String),
    /// It may have arrived, and no answer came in time.
    #[error("{0}")]
    TimedOut(String),
    /// It may have arrived, and the connection broke.
    #[error("{0}")]
    Broken(String),
    /// The answer is larger than what is taken.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl SendError {
    /// What broke a body off.
    pub fn of(error: &io::Error) -> Self {
        let own = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        own.cloned().unwrap_or_else(|| Self::Broken(error.to_string()))
    }

    /// Whether the request may have had its effect.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Broken(_) | Self::TooLarge(_))
    }
}

/// A request that is on its way. Dropped, its answer is not wanted any more.
pub struct Pending<'a>(Box<dyn FnOnce() -> Result<Response, SendError> + 'a>);

impl<'a> Pending<'a> {
    /// From what reads the answer.
    pub fn new(finish: impl FnOnce() -> Result<Response, SendError> + 'a) -> Self {
        Self(Box::new(finish))
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// As for [`Door::send`].
    pub fn finish(self) -> Result<Response, SendError> {
        (self.0)()
    }
}

/// Network and time, as the host gives them.
pub trait Door {
    /// Sends one request without a body and does not wait for the answer, so that work and network overlap.
    fn start(&self, request: Request) -> Pending<'_>;

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// [`SendError`] where there is no whole answer.
    fn send(&self, request: &Request) -> Result<Response, SendError>;

    /// The same with a body that is made while it is sent, which takes the place of the request's own, and
    /// an answer whose body is read by whoever wants it. `most` does not bound it. A door that can do no
    /// better holds both.
    ///
    /// # Errors
    /// [`SendError`] where there is no answer; `NotSent` where the body could not be made.
    fn open(&self, request: &Request, body: Option<Stream>) -> Result<Incoming, SendError> {
        let mut request = request.clone();
        if let Some(stream) = body {
            let mut bytes = Vec::new();
            let read = (stream.open)().and_then(|mut body| body.read_to_end(&mut bytes));
            read.map_err(|error| SendError::NotSent(error.to_string()))?;
            if u64::try_from(bytes.len()).ok() != Some(stream.len) {
                return Err(SendError::NotSent(format!("the body has {} bytes and not {}", bytes.len(), stream.len)));
            }
            request.body = Some(bytes);
        }
        let mut head = self.send(&request)?;
        let body = std::mem::take(&mut head.body);
        Ok(Incoming { head, body: Box::new(io::Cursor::new(body)) })
    }

    /// Time since some fixed moment.
    fn monotonic(&self) -> Duration;

    /// Milliseconds since 1970 in UTC.
    fn unix_ms(&self) -> i64;

    /// Lets time pass.
    fn wait(&self, duration: Duration);
}
