//! `wasi:http` and `wasi:clocks` behind the door.
//!
//! These are waki's bindings and not its client: the client knows a connect timeout alone, writes the whole
//! body before it looks for an answer (so an early 401 or 413 is lost), and folds every failure into one.
//! Exactly-once writes need to know whether a request can have arrived.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use waki::bindings::wasi::clocks::monotonic_clock;
use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method as WasiMethod, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use waki::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

use super::{Door, Method, Pending, Request, Response, SendError};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(20);
/// What is asked of the host at once; wasmtime hands out at most this.
const PIECE: u64 = 256 * 1024;

/// See the module.
pub struct Wasi;

impl Door for Wasi {
    fn start(&self, request: Request) -> Pending<'_> {
        let answer = begin(&request);
        Pending::new(move || receive(&request, &head(&answer?)?))
    }

    fn send(&self, request: &Request) -> Result<Response, SendError> {
        receive(request, &head(&begin(request)?)?)
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
fn begin(request: &Request) -> Result<FutureIncomingResponse, SendError> {
    let outgoing = prepare(request)?;
    let body = outgoing.body().map_err(|()| defect("the body of the request"))?;
    let answer = outgoing_handler::handle(outgoing, Some(options(request)?)).map_err(|code| told(&code, false))?;
    write(body, request.body.as_deref().unwrap_or_default(), &answer)?;
    Ok(answer)
}

fn prepare(request: &Request) -> Result<OutgoingRequest, SendError> {
    let mut entries: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
    if let Some(body) = &request.body {
        entries.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    }
    let fields = Fields::from_list(&entries).map_err(|_| defect("a header field"))?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.method {
        Method::Get => WasiMethod::Get,
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
fn write(body: OutgoingBody, bytes: &[u8], answer: &FutureIncomingResponse) -> Result<(), SendError> {
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| defect("the body of the request"))?;
        match write_all(&stream, bytes, answer) {
            Ok(()) => {}
            // The answer tells more than the broken stream does.
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => {
                drop(stream);
                drop(body);
                return Ok(());
            }
        }
    }
    match OutgoingBody::finish(body, None) {
        Ok(()) => Ok(()),
        Err(ErrorCode::HttpRequestBodySize(_)) => Ok(()),
        Err(code) => Err(told(&code, true)),
    }
}

fn write_all(stream: &OutputStream, mut rest: &[u8], answer: &FutureIncomingResponse) -> Result<(), StreamError> {
    let writable = stream.subscribe();
    let answered = answer.subscribe();
    while !rest.is_empty() {
        waki::bindings::wasi::io::poll::poll(&[&writable, &answered]);
        if answered.ready() && !writable.ready() {
            return Err(StreamError::Closed);
        }
        let allowed = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        let (piece, later) = rest.split_at(rest.len().min(allowed));
        stream.write(piece)?;
        rest = later;
    }
    stream.flush()?;
    writable.block();
    stream.check_write().map(|_| ())
}

fn head(answer: &FutureIncomingResponse) -> Result<IncomingResponse, SendError> {
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(told(&code, true)),
        Some(Err(())) | None => Err(SendError::Broken("the host gave no answer".to_owned())),
    }
}

fn receive(request: &Request, answer: &IncomingResponse) -> Result<Response, SendError> {
    let headers: Vec<(String, String)> = answer
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let declared =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse::<usize>().ok());
    if declared.is_some_and(|size| size > request.most) {
        return Err(SendError::TooLarge(request.most));
    }
    let incoming = answer.consume().map_err(|()| defect("the body of the answer"))?;
    let stream = incoming.stream().map_err(|()| defect("the body of the answer"))?;
    let body = read(&stream, declared, request.most)?;
    Ok(Response { status: answer.status(), headers, body })
}

fn read(stream: &InputStream, declared: Option<usize>, most: usize) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::with_capacity(declared.unwrap_or(0));
    loop {
        match stream.blocking_read(PIECE) {
            Ok(piece) if body.len() + piece.len() > most => return Err(SendError::TooLarge(most)),
            Ok(piece) if body.is_empty() && body.capacity() < piece.len() => body = piece,
            Ok(piece) => body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match waki::bindings::wasi::http::types::http_error_code(&error) {
                    Some(code) => told(&code, true),
                    None => SendError::Broken(error.to_debug_string()),
                });
            }
        }
    }
    match declared {
        Some(size) if body.len() < size => {
            Err(SendError::Broken(format!("the answer ended after {} of {size} bytes", body.len())))
        }
        _ => Ok(body),
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
