//! One exchange over `wasi:http`: `{"url", "body", "timeout_ms", "connect_ms", "first_byte_ms", "between_ms"}` in,
//! `{"status", "bytes", "text"}` out; a body makes it a POST.

use serde_json::{Value, json};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::poll::poll;
use wasip2::io::streams::StreamError;

use crate::{Error, Outcome, ProblemKind, number, permanent, problem};

const MILLISECOND: u64 = 1_000_000;
const CHUNK: u64 = 64 * 1024;

pub fn fetches(input: &Value) -> Result<Outcome, Error> {
    let Some((status, bytes)) = exchange(input)? else {
        return Ok(Outcome::Done(json!({"timed_out": true}).to_string()));
    };
    let start = String::from_utf8_lossy(bytes.get(..100).unwrap_or(&bytes)).into_owned();
    Ok(Outcome::Done(json!({"status": status, "bytes": bytes.len(), "text": start}).to_string()))
}

/// Status and body; none where the timer that the input asks for went off before.
pub fn exchange(input: &Value) -> Result<Option<(u16, Vec<u8>)>, Error> {
    let response = match send(input) {
        Ok(Some(response)) => response,
        Ok(None) => return Ok(None),
        Err(code) => return Err(refused(&code)),
    };
    let status = response.status();
    let body = response.consume().map_err(|()| permanent(ProblemKind::Internal, "the body is gone"))?;
    let bytes = read(&body).map_err(|reason| permanent(ProblemKind::UnexpectedResponse, &reason))?;
    Ok(Some((status, bytes)))
}

fn refused(code: &ErrorCode) -> Error {
    let told = problem(ProblemKind::Unavailable, &format!("{code:?}"));
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::TlsCertificateError => Error::Permanent(told),
        _ => Error::Transient(told),
    }
}

/// None where the timer that the input asks for went off before the answer came.
fn send(input: &Value) -> Result<Option<IncomingResponse>, ErrorCode> {
    let url = input["url"].as_str().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = OutgoingRequest::new(Fields::new());
    let fits = |result: Result<(), ()>| result.map_err(|()| ErrorCode::HttpRequestUriInvalid);
    fits(request.set_scheme(Some(&if scheme == "http" { Scheme::Http } else { Scheme::Https })))?;
    fits(request.set_authority(Some(authority)))?;
    fits(request.set_path_with_query(Some(&format!("/{path}"))))?;

    let answer = match input["body"].as_str() {
        None => handle(request, Some(options(input)))?,
        Some(text) => {
            fits(request.set_method(&Method::Post))?;
            let body = fits_or(request.body())?;
            let answer = handle(request, Some(options(input)))?;
            write(&body, text.as_bytes());
            OutgoingBody::finish(body, None)?;
            answer
        }
    };
    let mut ready = vec![answer.subscribe()];
    if let Some(ms) = input["timeout_ms"].as_u64() {
        ready.push(subscribe_duration(ms * MILLISECOND));
    }
    let found = poll(&ready.iter().collect::<Vec<_>>());
    if !found.contains(&0) {
        return Ok(None);
    }
    match answer.get() {
        Some(Ok(response)) => response.map(Some),
        _ => Err(ErrorCode::InternalError(None)),
    }
}

fn fits_or<T>(result: Result<T, ()>) -> Result<T, ErrorCode> {
    result.map_err(|()| ErrorCode::InternalError(None))
}

fn options(input: &Value) -> RequestOptions {
    let options = RequestOptions::new();
    for (name, set) in [
        ("connect_ms", RequestOptions::set_connect_timeout as fn(&RequestOptions, Option<u64>) -> Result<(), ()>),
        ("first_byte_ms", RequestOptions::set_first_byte_timeout),
        ("between_ms", RequestOptions::set_between_bytes_timeout),
    ] {
        if number(input, name) > 0 {
            // Every host of this guest supports these.
            let _ = set(&options, Some(number(input, name) * MILLISECOND));
        }
    }
    options
}

fn write(body: &OutgoingBody, bytes: &[u8]) {
    let Ok(stream) = body.write() else { return };
    for chunk in bytes.chunks(4096) {
        // A server may answer before it has read everything; its answer says the rest.
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
}

fn read(body: &IncomingBody) -> Result<Vec<u8>, String> {
    let stream = body.stream().map_err(|()| "the body is gone".to_owned())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(format!("the body broke off: {code:?}"));
            }
        }
    }
}
