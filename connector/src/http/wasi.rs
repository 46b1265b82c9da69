//! `wasi:http` and `wasi:clocks` behind the door.
//!
//! These are waki's bindings and not its client: the client knows a connect timeout alone, writes the whole
//! body before it looks for an answer (so an early 401 or 413 is lost), and folds every failure into one.
//! Exactly-once writes need to know whether a request can have arrived.

use std::io::{self, BufRead, BufReader, Read};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use waki::bindings::wasi::clocks::monotonic_clock;
use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method as WasiMethod, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme,
};
use waki::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

use super::{Door, Incoming, Method, Pending, Request, Response, SendError, Stream};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(20);
/// What is asked of the host at once; wasmtime hands out at most this.
const PIECE: u64 = 256 * 1024;
/// What is taken from a body that is made while it is sent, at once.
const CHUNK: usize = 64 * 1024;

/// See the module.
pub struct Wasi;

impl Door for Wasi {
    fn start(&self, request: Request) -> Pending<'_> {
        let answer = begin(&request, None);
        Pending::new(move || receive(&request, &head(&answer?)?))
    }

    fn send(&self, request: &Request) -> Result<Response, SendError> {
        receive(request, &head(&begin(request, None)?)?)
    }

    fn open(&self, request: &Request, body: Option<Stream>) -> Result<Incoming, SendError> {
        let answer = head(&begin(request, body)?)?;
        let (head, declared) = fields(&answer);
        let incoming = answer.consume().map_err(|()| defect("the body of the answer"))?;
        let stream = incoming.stream().map_err(|()| defect("the body of the answer"))?;
        Ok(Incoming { head, body: Box::new(Reader { stream, _body: incoming, _answer: answer, left: declared }) })
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    fn unix_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or(0)
    }

    fn wait(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        monotonic_clock::subscribe_duration(nanos).block();
    }
}

/// Hands the request to the host, which goes on with it while the guest does something else.
fn begin(request: &Request, stream: Option<Stream>) -> Result<FutureIncomingResponse, SendError> {
    let mut length = request.body.as_ref().and_then(|body| u64::try_from(body.len()).ok());
    let mut made;
    let mut whole = request.body.as_deref().unwrap_or_default();
    let source: &mut dyn BufRead = match stream {
        Some(stream) => {
            length = Some(stream.len);
            made = BufReader::with_capacity(CHUNK, (stream.open)().map_err(|error| unmade(&error))?.take(stream.len));
            &mut made
        }
        None => &mut whole,
    };
    let outgoing = prepare(request, length)?;
    let body = outgoing.body().map_err(|()| defect("the body of the request"))?;
    let answer = outgoing_handler::handle(outgoing, Some(options(request)?)).map_err(|code| told(&code, false))?;
    write(body, source, length.unwrap_or(0), &answer)?;
    Ok(answer)
}

fn prepare(request: &Request, length: Option<u64>) -> Result<OutgoingRequest, SendError> {
    let mut entries: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
    if let Some(length) = length {
        entries.push(("content-length".to_owned(), length.to_string().into_bytes()));
    }
    let fields = Fields::from_list(&entries).map_err(|_| defect("a header field"))?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
    };
    outgoing.set_method(&method).map_err(|()| defect("the method"))?;
    let scheme = if request.secure { Scheme::Https } else { Scheme::Http };
    outgoing.set_scheme(Some(&scheme)).map_err(|()| defect("the scheme"))?;
    outgoing.set_authority(Some(&request.authority)).map_err(|()| defect("the host"))?;
    outgoing.set_path_with_query(Some(&request.path)).map_err(|()| defect("the path"))?;
    Ok(outgoing)
}

fn options(request: &Request) -> Result<RequestOptions, SendError> {
    let options = RequestOptions::new();
    let nanos = |duration: Duration| Some(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    options
        .set_connect_timeout(nanos(CONNECT.min(request.patience)))
        .and_then(|()| options.set_first_byte_timeout(nanos(request.patience)))
        .and_then(|()| options.set_between_bytes_timeout(nanos(request.patience)))
        .map_err(|()| defect("a timeout"))?;
    Ok(options)
}

/// Writes the body, and stops where the answer is already there: the pod need not read it to refuse it.
fn write(
    body: OutgoingBody,
    source: &mut dyn BufRead,
    length: u64,
    answer: &FutureIncomingResponse,
) -> Result<(), SendError> {
    if length > 0 {
        let stream = body.write().map_err(|()| defect("the body of the request"))?;
        match write_all(&stream, source, length, answer) {
            Ok(()) => {}
            // The answer tells more than the broken stream does.
            Err(Stopped::Stream) => {
                drop(stream);
                drop(body);
                return Ok(());
            }
            // A body that ends short of its length is no request: the pod takes nothing of it.
            Err(Stopped::Source(error)) => return Err(unmade(&error)),
        }
    }
    match OutgoingBody::finish(body, None) {
        Ok(()) => Ok(()),
        Err(ErrorCode::HttpRequestBodySize(_)) => Ok(()),
        Err(code) => Err(told(&code, true)),
    }
}

/// Why a body was not written to its end.
enum Stopped {
    /// The stream was closed, or the answer is there.
    Stream,
    /// Its bytes could not be had.
    Source(io::Error),
}

impl From<StreamError> for Stopped {
    fn from(_: StreamError) -> Self {
        Self::Stream
    }
}

fn write_all(
    stream: &OutputStream,
    source: &mut dyn BufRead,
    mut left: u64,
    answer: &FutureIncomingResponse,
) -> Result<(), Stopped> {
    let writable = stream.subscribe();
    let answered = answer.subscribe();
    while left > 0 {
        let rest = source.fill_buf().map_err(Stopped::Source)?;
        if rest.is_empty() {
            return Err(Stopped::Source(io::ErrorKind::UnexpectedEof.into()));
        }
        waki::bindings::wasi::io::poll::poll(&[&writable, &answered]);
        if answered.ready() && !writable.ready() {
            return Err(Stopped::Stream);
        }
        let allowed = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        let (piece, _) = rest.split_at(rest.len().min(allowed));
        stream.write(piece)?;
        let written = piece.len();
        source.consume(written);
        left = left.saturating_sub(u64::try_from(written).unwrap_or(u64::MAX));
    }
    stream.flush()?;
    writable.block();
    Ok(stream.check_write().map(|_| ())?)
}

fn unmade(error: &io::Error) -> SendError {
    SendError::NotSent(format!("the body of the request could not be read to its end ({error})"))
}

fn head(answer: &FutureIncomingResponse) -> Result<IncomingResponse, SendError> {
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(told(&code, true)),
        Some(Err(())) | None => Err(SendError::Broken("the host gave no answer".to_owned())),
    }
}

/// Status and header fields, and the length that they promise.
fn fields(answer: &IncomingResponse) -> (Response, Option<usize>) {
    let headers: Vec<(String, String)> = answer
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let response = Response { status: answer.status(), headers, body: Vec::new() };
    let declared = response.header("content-length").and_then(|value| value.parse().ok());
    (response, declared)
}

fn receive(request: &Request, answer: &IncomingResponse) -> Result<Response, SendError> {
    let (mut response, declared) = fields(answer);
    // Of a HEAD it is the length of the body that does not come.
    let declared = declared.filter(|_| request.method != Method::Head);
    if declared.is_some_and(|size| size > request.most) {
        return Err(SendError::TooLarge(request.most));
    }
    let incoming = answer.consume().map_err(|()| defect("the body of the answer"))?;
    let stream = incoming.stream().map_err(|()| defect("the body of the answer"))?;
    response.body = read(&stream, declared, request.most)?;
    Ok(response)
}

fn read(stream: &InputStream, declared: Option<usize>, most: usize) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::with_capacity(declared.unwrap_or(0));
    loop {
        match stream.blocking_read(PIECE) {
            Ok(piece) if body.len() + piece.len() > most => return Err(SendError::TooLarge(most)),
            Ok(piece) if body.is_empty() && body.capacity() < piece.len() => body = piece,
            Ok(piece) => body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(broken(&error)),
        }
    }
    match declared {
        Some(size) if body.len() < size => {
            Err(SendError::Broken(format!("the answer ended after {} of {size} bytes", body.len())))
        }
        _ => Ok(body),
    }
}

/// A body that is read as it comes. The fields are dropped in this order: children before what they belong to.
struct Reader {
    stream: InputStream,
    _body: IncomingBody,
    _answer: IncomingResponse,
    left: Option<usize>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = u64::try_from(buffer.len()).unwrap_or(PIECE).min(PIECE);
        if most == 0 {
            return Ok(0);
        }
        loop {
            let piece = match self.stream.blocking_read(most) {
                Ok(piece) if piece.is_empty() => continue,
                Ok(piece) => piece,
                Err(StreamError::Closed) => match self.left {
                    Some(left) if left > 0 => {
                        let error = SendError::Broken(format!("the answer ended {left} bytes before its end"));
                        return Err(io::Error::other(error));
                    }
                    _ => return Ok(0),
                },
                Err(error) => return Err(io::Error::other(broken(&error))),
            };
            self.left = self.left.map(|left| left.saturating_sub(piece.len()));
            if let Some(place) = buffer.get_mut(..piece.len()) {
                place.copy_from_slice(&piece);
            }
            return Ok(piece.len());
        }
    }
}

fn broken(error: &StreamError) -> SendError {
    match error {
        StreamError::Closed => SendError::Broken("the connection broke".to_owned()),
        StreamError::LastOperationFailed(error) => match waki::bindings::wasi::http::types::http_error_code(error) {
            Some(code) => told(&code, true),
            None => SendError::Broken(error.to_debug_string()),
        },
    }
}

/// What a failure means for what was asked. `sent` tells whether the request was on its way.
fn told(code: &ErrorCode, sent: bool) -> SendError {
    match code {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            SendError::NoName("its name does not resolve".to_owned())
        }
        ErrorCode::ConnectionRefused => SendError::NotSent("it refuses connections".to_owned()),
        ErrorCode::ConnectionTimeout => SendError::NotSent("no connection was made in time".to_owned()),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable | ErrorCode::ConnectionLimitReached => {
            SendError::NotSent(format!("no connection could be made ({code:?})"))
        }
        ErrorCode::TlsCertificateError => SendError::Tls("its certificate does not verify".to_owned()),
        ErrorCode::TlsProtocolError => SendError::Tls("TLS could not be agreed on".to_owned()),
        // An alert may also come after the request did.
        ErrorCode::TlsAlertReceived(_) if sent => SendError::Broken("TLS was broken off".to_owned()),
        ErrorCode::TlsAlertReceived(_) => SendError::Tls("TLS could not be agreed on".to_owned()),
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            SendError::Denied("the engine that runs this connector does not allow requests to it".to_owned())
        }
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout => {
            SendError::TimedOut("no answer came in time".to_owned())
        }
        ErrorCode::ConnectionTerminated => SendError::Broken("the connection broke".to_owned()),
        other if sent => SendError::Broken(format!("no whole answer came ({other:?})")),
        other => SendError::NotSent(format!("the request could not be sent ({other:?})")),
    }
}

fn defect(what: &str) -> SendError {
    SendError::NotSent(format!("the engine did not take {what}"))
}
