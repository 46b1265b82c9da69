//! From the errors of hyper, rustls and the system to a [`Failure`] that names the place and the reason.

use std::error::Error;
use std::io;

use http::Uri;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use crate::transport::{CertificateFault, Failure};

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
        rustls::Error::InvalidCertificate(why) => {
            let (fault, reason) = of_certificate(why);
            Failure::Certificate { authority, fault, reason }
        }
        rustls::Error::NoCertificatesPresented => {
            let reason = "the server shows none".to_owned();
            Failure::Certificate { authority, fault: CertificateFault::Other, reason }
        }
        other => Failure::Tls { authority, reason: other.to_string() },
    }
}

fn of_certificate(why: &CertificateError) -> (CertificateFault, String) {
    use CertificateFault::{Damaged, Expired, NotYetValid, Other, OtherName, UnknownIssuer};
    match why {
        CertificateError::Expired => (Expired, "it has expired".into()),
        CertificateError::ExpiredContext { time, not_after } => {
            (Expired, format!("it expired on {}, and this machine's date is {}", day(*not_after), day(*time)))
        }
        CertificateError::NotValidYet => (NotYetValid, "it is not valid yet".into()),
        CertificateError::NotValidYetContext { time, not_before } => {
            let (from, today) = (day(*not_before), day(*time));
            (NotYetValid, format!("it is not valid before {from}, and this machine's date is {today}"))
        }
        CertificateError::NotValidForName => (OtherName, "it is issued for another name".into()),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| plain(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            (OtherName, format!("it is issued for another name: for {names}, and not for {}", expected.to_str()))
        }
        CertificateError::UnknownIssuer => {
            (UnknownIssuer, "it is issued by an authority that is not trusted here".into())
        }
        CertificateError::BadSignature => {
            (Damaged, "its signature is damaged, or is not that of the authority that it names".into())
        }
        CertificateError::BadEncoding => (Damaged, "it is damaged, and cannot be read".into()),
        CertificateError::Revoked => (Other, "its issuer has revoked it".into()),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            (Other, "it is not issued for servers".into())
        }
        // A certificate that signs for itself is its own authority.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            (UnknownIssuer, "it is an authority's own certificate, and not one for a server".into())
        }
        other => (Other, format!("it is not made as a server's certificate has to be ({other})")),
    }
}

fn day(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an unknown day".to_owned(), |time| time.to_zoned(TimeZone::UTC).date().to_string())
}

/// The name alone of `DnsName("pod.example.com")` or `IpAddress(192.0.2.1)`.
fn plain(presented: &str) -> &str {
    let inside = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(presented).trim_matches('"')
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_plain_words() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let said = |why: &CertificateError| of_certificate(why).1;
        insta::assert_snapshot!(said(&CertificateError::ExpiredContext { time: at(1_800_000_000), not_after: at(1_609_459_200) }), @"it expired on 2021-01-01, and this machine's date is 2027-01-15");
        insta::assert_snapshot!(said(&CertificateError::NotValidYetContext { time: at(0), not_before: at(1_609_459_200) }), @"it is not valid before 2021-01-01, and this machine's date is 1970-01-01");
        let expected = ServerName::try_from("pod.example.com").map(|name| name.to_owned());
        let presented = vec![r#"DnsName("a.example.com")"#.to_owned(), "IpAddress(192.0.2.1)".to_owned()];
        if let Ok(expected) = expected {
            insta::assert_snapshot!(said(&CertificateError::NotValidForNameContext { expected, presented }), @"it is issued for another name: for a.example.com, 192.0.2.1, and not for pod.example.com");
        }
        assert_eq!(of_certificate(&CertificateError::BadSignature).0, CertificateFault::Damaged);
        insta::assert_snapshot!(said(&CertificateError::UnknownIssuer), @"it is issued by an authority that is not trusted here");
    }
}
