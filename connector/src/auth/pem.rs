//! PEM as people paste it, and the little of DER that tells an RSA key from anything else.
//!
//! Forms lose line breaks, turn them into `\n` in two characters, or drop every space; all of these are
//! read. Nothing here keeps or shows what it read.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::fusion::moment::Timestamp;
use crate::fusion::time;

/// Base64 with padding or without, and with stray last bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const SHORT_TIME: u8 = 0x17;
const LONG_TIME: u8 = 0x18;

/// One armoured block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands after BEGIN, without spaces: `RSAPRIVATEKEY`.
    pub label: String,
    /// What it holds; `None` where it is encrypted or not base64.
    pub der: Option<Vec<u8>>,
}

/// The blocks of a text, in order; text around them does not count.
pub fn blocks(text: &str) -> Vec<Block> {
    let text = unescape(text);
    let mut rest = text.as_str();
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once("-----BEGIN") {
        let Some((label, after)) = after.split_once("-----") else { break };
        let (body, after) = after.split_once("-----END").unwrap_or((after, ""));
        found.push(Block { label: label.split_whitespace().collect(), der: base64(body) });
        rest = after;
    }
    found
}

/// Base64 in either alphabet, padded or not, with spaces in it.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        plain.push(match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        });
    }
    LENIENT.decode(plain.trim_end_matches('=')).ok()
}

/// The text with `\n` in two characters made a line break, and without quotes around it.
pub fn unescape(text: &str) -> String {
    text.trim()
        .trim_matches(['"', '\''])
        .replace("\\r", "\n")
        .replace("\\n", "\n")
        .replace(['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2212}'], "-")
}

/// An RSA private key as PKCS#1, with the bytes by which a certificate holds its public half.
#[derive(Debug, PartialEq, Eq)]
pub struct RsaKey {
    /// `RSAPrivateKey` of RFC 8017.
    pub pkcs1: Vec<u8>,
    /// Modulus and exponent as they stand in a certificate, one after the other.
    pub public: Vec<u8>,
    /// Length of the modulus.
    pub bits: usize,
}

impl RsaKey {
    /// Reads PKCS#1 or PKCS#8 in DER; `None` for anything else.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, outer, _) = element(der, SEQUENCE)?;
        let (_, version, rest) = element(outer, INTEGER)?;
        if version != [0] {
            return None;
        }
        if let Some((_, _, rest)) = element(rest, SEQUENCE) {
            let (_, inner, _) = element(rest, OCTETS)?;
            // One wrapping is what PKCS#8 has; a second one is somebody's joke.
            return if inner.len() < der.len() { Self::read_pkcs1(inner) } else { None };
        }
        Self::read_pkcs1(der)
    }

    fn read_pkcs1(der: &[u8]) -> Option<Self> {
        let (whole, outer, _) = element(der, SEQUENCE)?;
        let (_, _, rest) = element(outer, INTEGER)?;
        let (modulus, digits, rest) = element(rest, INTEGER)?;
        let (exponent, _, rest) = element(rest, INTEGER)?;
        element(rest, INTEGER)?;
        let bits = digits.iter().skip_while(|byte| **byte == 0).count() * 8;
        Some(Self { pkcs1: whole.to_vec(), public: [modulus, exponent].concat(), bits })
    }

    /// Whether a certificate (DER) is for this key.
    pub fn belongs_to(&self, certificate: &[u8]) -> bool {
        certificate.windows(self.public.len()).any(|window| window == self.public)
    }
}

/// Whether a private key in DER is one of an elliptic curve: PKCS#8 that names `id-ecPublicKey`, or SEC1.
pub fn is_elliptic(der: &[u8]) -> bool {
    const NAME: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let Some((_, outer, _)) = element(der, SEQUENCE) else { return false };
    let Some((_, version, rest)) = element(outer, INTEGER) else { return false };
    match element(rest, SEQUENCE) {
        Some((_, algorithm, _)) => algorithm.starts_with(NAME),
        None => version == [1] && element(rest, OCTETS).is_some(),
    }
}

/// Whether a private key in DER (PKCS#8) is one of Ed25519 or Ed448.
pub fn is_edwards(der: &[u8]) -> bool {
    let Some((_, outer, _)) = element(der, SEQUENCE) else { return false };
    let Some((_, _, rest)) = element(outer, INTEGER) else { return false };
    element(rest, SEQUENCE).is_some_and(|(_, algorithm, _)| algorithm.starts_with(&[0x06, 0x03, 0x2b, 0x65]))
}

/// The day on which a certificate (DER) ends, in seconds since 1970; `None` where it cannot be read.
pub fn ends(certificate: &[u8]) -> Option<i64> {
    let (_, outer, _) = element(certificate, SEQUENCE)?;
    let (_, body, _) = element(outer, SEQUENCE)?;
    // Version (in certificates of today), serial number, algorithm, issuer, validity (RFC 5280 4.1).
    let rest = element(body, VERSION).map_or(body, |(_, _, rest)| rest);
    let (_, _, rest) = element(rest, INTEGER)?;
    let (_, _, rest) = element(rest, SEQUENCE)?;
    let (_, _, rest) = element(rest, SEQUENCE)?;
    let (_, validity, _) = element(rest, SEQUENCE)?;
    let [from_short, from_long] = [SHORT_TIME, LONG_TIME].map(|tag| element(validity, tag));
    let (_, _, rest) = from_short.or(from_long)?;
    let text = |tag| element(rest, tag).and_then(|(_, text, _)| std::str::from_utf8(text).ok());
    let whole = match text(SHORT_TIME) {
        // Two digits of the year, of which 50 and more are those of 1950 and later.
        Some(short) => format!("{}{short}", if short < "50" { "20" } else { "19" }),
        None => text(LONG_TIME)?.to_owned(),
    };
    let (day, time) = (whole.get(..8)?, whole.get(8..14)?);
    time::instant(&format!("{day}T{time}Z")).map(Timestamp::as_second)
}

/// The element at the beginning: with its head, without it, and what comes after.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, head) = match first {
        0..=0x7f => (usize::from(first), 2),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let bytes = rest.get(..count)?;
            (bytes.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte)), 2 + count)
        }
        _ => return None,
    };
    let end = head.checked_add(length)?;
    Some((der.get(..end)?, der.get(head..end)?, der.get(end..)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PKCS1: &str = include_str!("testdata/rsa.pkcs1.pem");
    const PKCS8: &str = include_str!("testdata/rsa.pkcs8.pem");
    const CERTIFICATE: &str = include_str!("testdata/certificate.pem");
    const OTHER: &str = include_str!("testdata/other.pkcs1.pem");

    fn key(text: &str) -> RsaKey {
        RsaKey::read(blocks(text)[0].der.as_ref().unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_tells_when_it_ends() {
        // `openssl x509 -in certificate.pem -noout -enddate`
        let told = include_str!("testdata/certificate.enddate").trim();
        let told = told.strip_prefix("notAfter=").unwrap();
        let at = jiff::civil::DateTime::strptime("%b %d %H:%M:%S %Y GMT", told).unwrap();
        let at = jiff::tz::TimeZone::UTC.to_timestamp(at).unwrap().as_second();
        assert_eq!(ends(blocks(CERTIFICATE)[0].der.as_ref().unwrap()), Some(at));
        assert_eq!(ends(b"nonsense"), None);
    }

    #[test]
    fn both_containers_hold_the_same_key() {
        assert_eq!(key(PKCS1), key(PKCS8));
        assert_eq!(key(PKCS1).bits, 2048);
    }

    #[test]
    fn a_certificate_tells_whose_it_is() {
        let certificate = blocks(CERTIFICATE).remove(0).der.unwrap();
        assert!(key(PKCS1).belongs_to(&certificate));
        assert!(!key(OTHER).belongs_to(&certificate));
        assert_eq!(RsaKey::read(&certificate), None);
    }

    proptest! {
        #[test]
        fn keys_survive_what_forms_do_to_line_breaks(
            broken in prop::sample::select(vec!["\n", "\r\n", "\\n", "\\r\\n", " ", "", "\t", "\n\n  "]),
            around in prop::sample::select(vec!["", "\"", " ", "\n"]),
            pkcs8 in any::<bool>(),
        ) {
            let text = if pkcs8 { PKCS8 } else { PKCS1 };
            let mangled = format!("{around}{}{around}", text.lines().collect::<Vec<_>>().join(broken));
            prop_assert_eq!(key(&mangled), key(PKCS1));
        }

        #[test]
        fn keys_survive_the_loss_of_every_space(pkcs8 in any::<bool>()) {
            let text = if pkcs8 { PKCS8 } else { PKCS1 };
            let mangled: String = text.split_whitespace().collect();
            prop_assert_eq!(key(&mangled), key(PKCS1));
        }

        #[test]
        fn no_bytes_trip_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,64}") {
            let _ = RsaKey::read(&bytes);
            let _ = ends(&bytes);
            let _ = blocks(&text);
        }
    }
}
