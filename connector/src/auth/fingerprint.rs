//! The certificate's SHA-1 fingerprint, in each of the spellings in which people have it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};

use super::pem;

/// SHA-1 of a certificate in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 20]);

/// What a person gave: the fingerprint, and the certificate where it was that.
#[derive(Debug)]
pub struct Given {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The certificate in DER.
    pub certificate: Option<Vec<u8>>,
}

impl Fingerprint {
    /// As it stands in `x5t`: base64url without padding, which RFC 7515 4.1.7 asks for. Pods take standard
    /// base64 as well and compare after normalising (FACTS 2.2).
    pub fn x5t(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Reads hex with or without colons, base64 or base64url, padded or not, or the certificate itself; of several
/// certificates the one that `is_ours`, else the first.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read(text: &str, is_ours: impl Fn(&[u8]) -> bool) -> Result<Given, String> {
    let blocks = pem::blocks(text);
    let certificates = || blocks.iter().filter(|block| block.label.ends_with("CERTIFICATE"));
    let ours = certificates().find(|block| block.der.as_deref().is_some_and(&is_ours));
    if let Some(block) = ours.or_else(|| certificates().next()) {
        let der = block.der.clone().filter(|der| der.first() == Some(&0x30));
        return der.map(of_certificate).ok_or_else(|| "the certificate is damaged: it is not base64".to_owned());
    }
    if blocks.iter().any(|block| block.label.ends_with("REQUEST")) {
        return Err("this is a request for a certificate; the certificate itself is expected".to_owned());
    }
    if !blocks.is_empty() {
        return Err("this is a key; the certificate's fingerprint, or the certificate, is expected".to_owned());
    }
    // Copied from a page, a fingerprint may bring marks along that nobody sees.
    let visible = |c: &char| !c.is_whitespace() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}');
    let text: String = pem::unescape(text).chars().filter(visible).collect();
    let text = after_name(&text);
    let digits: String = text.chars().filter(|letter| !matches!(letter, ':' | '-')).collect();
    if digits.chars().all(|letter| letter.is_ascii_hexdigit()) {
        match digits.len() {
            40 => return sized(hex(&digits)),
            32 => return Err("this is an MD5 fingerprint; the SHA-1 fingerprint is expected".to_owned()),
            64 => return Err(TOO_LONG.to_owned()),
            128 => return Err("this is a SHA-512 fingerprint; the SHA-1 fingerprint is expected".to_owned()),
            _ => {}
        }
    }
    match pem::base64(text) {
        Some(der) if der.len() > 100 && der.first() == Some(&0x30) => Ok(of_certificate(der)),
        Some(bytes) if bytes.len() == 32 => Err(TOO_LONG.to_owned()),
        bytes => sized(bytes),
    }
}

const TOO_LONG: &str = "this is a SHA-256 fingerprint; the SHA-1 fingerprint is expected";

/// `openssl x509 -fingerprint` puts a name before it.
fn after_name(text: &str) -> &str {
    match text.split_once(['=', ':']) {
        Some((name, rest)) if name.to_ascii_lowercase().starts_with("sha") && !rest.is_empty() => rest,
        _ => text,
    }
}

fn of_certificate(der: Vec<u8>) -> Given {
    Given { fingerprint: Fingerprint(Sha1::digest(&der).into()), certificate: Some(der) }
}

fn sized(bytes: Option<Vec<u8>>) -> Result<Given, String> {
    let bytes: Option<[u8; 20]> = bytes.and_then(|bytes| bytes.try_into().ok());
    let fingerprint = bytes.map(Fingerprint).ok_or_else(|| {
        "this is neither a SHA-1 fingerprint (40 hex digits, or base64 of 20 bytes) nor a certificate".to_owned()
    })?;
    Ok(Given { fingerprint, certificate: None })
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = nibbles?;
    pairs.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |sum, nibble| sum * 16 + nibble)).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    use proptest::prelude::*;

    fn read_any(text: &str) -> Result<Given, String> {
        super::read(text, |_| false)
    }

    const CERTIFICATE: &str = include_str!("testdata/certificate.pem");

    #[test]
    fn a_certificate_is_its_own_fingerprint() {
        // `openssl x509 -in certificate.pem -noout -fingerprint -sha1`
        let told = include_str!("testdata/certificate.sha1");
        let given = read_any(CERTIFICATE).unwrap();
        assert_eq!(given.fingerprint, read_any(told).unwrap().fingerprint);
        let one_line = CERTIFICATE.lines().collect::<Vec<_>>().join("\\n");
        assert_eq!(read_any(&one_line).unwrap().fingerprint, given.fingerprint);
        let bare: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(read_any(&bare).unwrap().fingerprint, given.fingerprint);
    }

    #[test]
    fn what_is_no_fingerprint_is_told() {
        assert!(read_any(&"ab".repeat(32)).unwrap_err().contains("SHA-256"));
        assert!(read_any(&STANDARD.encode([7; 32])).unwrap_err().contains("SHA-256"));
        assert!(
            read_any("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").unwrap_err().contains("a key")
        );
        for wrong in ["", "zz", "abcd", "é", "12:34"] {
            assert!(read_any(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn each_spelling_is_read(bytes in any::<[u8; 20]>()) {
            let plain: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let colons = bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
            for spelling in [
                plain.clone(),
                plain.to_uppercase(),
                colons.clone(),
                format!("SHA1 Fingerprint={colons}\n"),
                format!("sha1 Fingerprint={colons}"),
                STANDARD.encode(bytes),
                STANDARD_NO_PAD.encode(bytes),
                URL_SAFE.encode(bytes),
                URL_SAFE_NO_PAD.encode(bytes),
            ] {
                prop_assert_eq!(read_any(&spelling).unwrap().fingerprint, Fingerprint(bytes), "{}", spelling);
            }
        }

        #[test]
        fn no_text_trips_the_reader(text in ".{0,80}") {
            let _ = read_any(&text);
        }
    }
}
