//! What is kept of an uploaded certificate: its SHA-1 thumbprint and its RSA key (FACTS 2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use x509_parser::pem::parse_x509_pem;
use x509_parser::public_key::PublicKey;

/// An RSA certificate. Whether it is still valid, nobody looks: pods are not known to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    thumbprint: Vec<u8>,
    /// PKCS#1, DER.
    public_key: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate's PEM; the error says what it is instead.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|error| format!("it isn't PEM: {error}"))?;
        if pem.label != "CERTIFICATE" {
            return Err(format!("it is a {}", pem.label));
        }
        let certificate = pem.parse_x509().map_err(|error| format!("it can't be read: {error}"))?;
        let key = certificate.public_key();
        if !matches!(key.parsed(), Ok(PublicKey::RSA(_))) {
            return Err("its key isn't an RSA key".to_owned());
        }
        Ok(Self {
            thumbprint: digest(&SHA1_FOR_LEGACY_USE_ONLY, &pem.contents).as_ref().to_vec(),
            public_key: key.subject_public_key.data.to_vec(),
        })
    }

    /// Whether an `x5t` means this certificate: three spellings are in production, so they are made one first.
    pub(crate) fn is(&self, x5t: &str) -> bool {
        let given = x5t.replace('-', "+").replace('_', "/");
        given.trim_end_matches('=') == STANDARD_NO_PAD.encode(&self.thumbprint)
    }

    /// Whether the certificate's key made the signature (RSASSA-PKCS1-v1_5 with SHA-256).
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key).verify(signed, signature).is_ok()
    }
}
