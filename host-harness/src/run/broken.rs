//! Why an answer's body broke off, told to the guest.
//!
//! wasmtime-wasi-http 48 keeps its own error in the stream and looks for a `wasi:http` code there, so
//! `http-error-code` always answers none. This puts a working one in its place.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::IoError;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiHttpView};

use super::guest::Guest;

/// As wasmtime-wasi-http 48 names it; the test of a body that breaks off fails where that changes.
const INTERFACE: &str = "wasi:http/types@0.2.12";

/// Replaces `http-error-code`. The linker must allow shadowing.
pub(super) fn tell_codes(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap("http-error-code", |mut store, (error,): (Resource<IoError>,)| {
        let error = store.data_mut().http().table.get(&error)?;
        let code = error.downcast_ref::<ErrorCode>().cloned();
        Ok((code.or_else(|| error.downcast_ref::<Error>().map(code_of)),))
    })
}

/// Those that a transport's body can end with; the rest has no better name.
fn code_of(error: &Error) -> ErrorCode {
    match error {
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::TlsProtocolError => ErrorCode::TlsProtocolError,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::HttpResponseBodySize(size) => ErrorCode::HttpResponseBodySize(*size),
        Error::InternalError(words) => ErrorCode::InternalError(words.clone()),
        _ => ErrorCode::HttpProtocolError,
    }
}
