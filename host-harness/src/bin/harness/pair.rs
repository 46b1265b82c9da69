//! A private key and the self-signed certificate that belongs to it, as remote systems take them to know us by.

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, date_time_ymd};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rustls::pki_types::PrivatePkcs8KeyDer;
use sha1::{Digest as _, Sha1};

/// What RS256 asks for at least (RFC 7518, 3.3), and the forms of the remote systems take.
const BITS: usize = 2048;

/// A key with its certificate.
pub struct Pair {
    /// PKCS#8. Secret.
    pub private_key_pem: String,
    pub certificate_pem: String,
    /// SHA-1 of the certificate in DER: hexadecimal with colons, as OpenSSL prints it.
    pub fingerprint: String,
    /// The day on which the certificate ends.
    pub ends: String,
}

impl Pair {
    /// A new one for that common name, good from today for so many days.
    ///
    /// # Errors
    /// A name or a time that no certificate can hold.
    pub fn new(name: &str, days: u32) -> anyhow::Result<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, BITS).context("this machine makes no key")?;
        let der = key.to_pkcs8_der().context("the key cannot be written")?;
        let signer =
            KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_bytes()), &PKCS_RSA_SHA256)?;

        let mut certificate = CertificateParams::default();
        certificate.distinguished_name = DistinguishedName::new();
        certificate.distinguished_name.push(DnType::CommonName, name);
        certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let ends = today.checked_add(jiff::Span::new().try_days(days)?).context("that is too many days")?;
        let number = |part: i8| u8::try_from(part);
        certificate.not_before = date_time_ymd(today.year().into(), number(today.month())?, number(today.day())?);
        certificate.not_after = date_time_ymd(ends.year().into(), number(ends.month())?, number(ends.day())?);
        let certificate = certificate.self_signed(&signer)?;
        Ok(Self {
            private_key_pem: key.to_pkcs8_pem(LineEnding::LF).context("the key cannot be written")?.to_string(),
            certificate_pem: certificate.pem().replace("\r\n", "\n"),
            fingerprint: fingerprint(certificate.der()),
            ends: ends.to_string(),
        })
    }
}

fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = Sha1::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}
