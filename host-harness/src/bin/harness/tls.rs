//! A certificate for a server on this machine, from an issuer that nobody trusts until told to.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::args::BadCertificate;

/// What a server needs to speak TLS, and the issuer's certificate in PEM for those who are to trust it. With a
/// fault, what a client should refuse.
///
/// # Errors
/// The library's; none is known to happen.
pub fn for_server_on(address: IpAddr, fault: Option<BadCertificate>) -> anyhow::Result<(TlsAcceptor, String)> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "harness sim");
    let ca_key = KeyPair::generate()?;
    let ca_pem = match fault {
        Some(BadCertificate::Unknown) => {
            let mut other = ca.clone();
            other.distinguished_name.push(DnType::CommonName, "another than that of harness sim");
            other.self_signed(&KeyPair::generate()?)?.pem()
        }
        _ => ca.self_signed(&ca_key)?.pem(),
    };
    let issuer = Issuer::new(ca, ca_key);

    let names = match fault {
        Some(BadCertificate::WrongName) => vec!["elsewhere.example.com".to_owned()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), address.to_string()],
    };
    let key = KeyPair::generate()?;
    let mut certificate = CertificateParams::new(names)?;
    if fault == Some(BadCertificate::Expired) {
        certificate.not_before = date_time_ymd(2020, 1, 1);
        certificate.not_after = date_time_ymd(2021, 1, 1);
    }
    let certificate = certificate.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .context("the certificate does not fit its key")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), ca_pem))
}
