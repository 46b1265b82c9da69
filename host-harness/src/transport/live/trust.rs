//! Whose certificates are believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A file with certificates that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// It is not there, or may not be read.
    #[error("the certificates in {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// The system's word for it.
        cause: std::io::Error,
    },
    /// It holds no certificate in PEM.
    #[error("{} holds no certificate: it must be PEM, with -----BEGIN CERTIFICATE----- lines", path.display())]
    NoCertificate {
        /// As given.
        path: PathBuf,
    },
}

pub(super) fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let text = std::fs::read(path).map_err(|cause| CaError::Unreadable { path: path.to_owned(), cause })?;
    let none = || CaError::NoCertificate { path: path.to_owned() };
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| none())?;
    if found.is_empty() || !found.iter().all(is_certificate) {
        return Err(none());
    }
    Ok(found)
}

fn is_certificate(der: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(der.clone()).is_ok()
}

/// The system's roots (Mozilla's where the system has none) and `extra`.
pub(super) fn roots(extra: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots.add_parsable_certificates(extra.iter().cloned());
    roots
}

/// TLS that believes these.
pub(super) fn config(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| cause.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
