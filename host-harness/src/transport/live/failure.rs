//! From the errors of hyper, rustls and the system to a [`Failure`] that names the place and the reason.

use std::error::Error;
use std::io;

use http::Uri;
use rustls::CertificateError;

use crate::transport::Failure;

/// `host:port`.
pub(super) fn authority(uri: &Uri) -> String {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    format!("{}:{port}", uri.host().unwrap_or_default())
}

/// No connection came about.
pub(super) fn of_connecting(cause: &(dyn Error + 'static), authority: &str) -> Failure {
    let authority = authority.to_owned();
    if let Some(failure) = find::<Failure>(cause) {
        return failure.clone();
    }
    if let Some(tls) = find::<rustls::Error>(cause) {
        return of_tls(tls, authority);
    }
    Failure::Unreachable { authority, reason: innermost(cause) }
}

/// A request got no answer.
pub(super) fn of_request(cause: &hyper_util::client::legacy::Error, authority: &str) -> Failure {
    if let Some(failure) = find::<Failure>(cause) {
        return failure.clone();
    }
    // TLS 1.3 lets the other side refuse after the connection counts as made.
    if let Some(tls) = find::<rustls::Error>(cause) {
        return of_tls(tls, authority.to_owned());
    }
    if cause.is_connect() {
        return of_connecting(cause, authority);
    }
    of_body(cause, authority)
}

/// An exchange broke off.
pub(super) fn of_body(cause: &(dyn Error + 'static), authority: &str) -> Failure {
    Failure::Broken { authority: authority.to_owned(), reason: innermost(cause) }
}

fn of_tls(error: &rustls::Error, authority: String) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(why) => Failure::Certificate { authority, reason: of_certificate(why) },
        rustls::Error::NoCertificatesPresented => {
            Failure::Certificate { authority, reason: "the server shows none".into() }
        }
        other => Failure::Tls { authority, reason: other.to_string() },
    }
}

fn of_certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".into(),
        CertificateError::NotValidForName => "it is for another name".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("it is for another name: {}, not {}", presented.join(", "), expected.to_str())
        }
        CertificateError::UnknownIssuer => "its issuer is not trusted".into(),
        CertificateError::Revoked => "it was revoked".into(),
        // An issuer that is not marked as one, such as a self-signed server certificate given as an authority.
        other => other.to_string(),
    }
}

/// The first error of a kind among the causes. An `io::Error` hides what it was made of from `source`.
fn find<'e, E: Error + 'static>(cause: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(cause);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        next = inside(cause);
    }
    None
}

fn inside<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match held {
        Some(held) => Some(held),
        None => cause.source(),
    }
}

fn innermost(cause: &(dyn Error + 'static)) -> String {
    let mut last = cause;
    while let Some(next) = inside(last) {
        last = next;
    }
    last.to_string()
}
