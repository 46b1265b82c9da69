//! The key that signs, and the certificate by which others know it.
//!
//! A [`Key`] that exists can sign RS256, and belongs to the certificate where one was given. Nothing is sent
//! here, and nothing shows what it holds.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::rand_core::{OsRng, RngCore as _};
use serde::Serialize;

use super::fingerprint;
use super::pem::{self, RsaKey};
use super::rs256;
use crate::contract::ProblemKind;
use crate::fusion::moment::Timestamp;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// How far `iat` lies back, so that a clock of ours that is a little ahead does no harm.
const BACK: i64 = 10;
/// Five minutes, as the identity domain allows at most (FACTS 2.3) and integrations in the field use.
const LIFETIME: i64 = 300;

/// What to do about a key that cannot be read.
pub const KEY_REMEDY: &str = "Paste the whole RSA key in PEM, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----, without a passphrase (openssl rsa -in key.pem -out plain.pem).";
/// What to do about a key of another kind.
const NEW_KEY_REMEDY: &str = "Make an RSA key of 2048 bits with its certificate (harness certificate new --out DIR, or the commands in docs/connecting.md), and register that certificate.";
/// What to do about a file's name in place of its content.
const FILE_REMEDY: &str = "Write {\"$file\": \"path\"} in the connection file, or paste the content of the file.";
/// What to do about a fingerprint that cannot be read, or a certificate of another key.
pub const FINGERPRINT_REMEDY: &str = "Give the SHA-1 fingerprint of the certificate that was uploaded (openssl x509 -in certificate.pem -noout -fingerprint -sha1), or paste the certificate in PEM, and the private key that belongs to it.";

/// Why there is no key: the member of the form, a sentence that says why, and what to do.
pub type Fault = (&'static str, String, &'static str);

/// See the module.
#[derive(Clone)]
pub struct Key {
    x5t: String,
    alias: Option<String>,
    key: EncodingKey,
    /// When the certificate ends, where it was given; seconds since 1970.
    ends: Option<i64>,
}

/// From when until when a token is good, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// `iat`
    pub from: i64,
    /// `exp`
    pub to: i64,
}

impl Life {
    /// A life that begins now.
    pub fn at(now: i64) -> Self {
        let from = now.saturating_sub(BACK);
        Self { from, to: from.saturating_add(LIFETIME) }
    }

    /// One that differs from others of the same second: a signature tells nothing apart that has the same
    /// times, and where a token has been ended its equals are dead as well.
    pub fn of_its_own(now: i64) -> Self {
        let mut bytes = [0; 2];
        OsRng.fill_bytes(&mut bytes);
        let [earlier, shorter] = bytes.map(|byte| i64::from(byte) % 60);
        let Self { from, to } = Self::at(now.saturating_sub(earlier));
        Self { from, to: to.saturating_sub(shorter) }
    }
}

impl Key {
    /// Reads the key and the fingerprint. `alias` goes out as `kid`.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn new(
        private_key: &str,
        certificate_fingerprint: &str,
        alias: Option<&str>,
    ) -> std::result::Result<Self, Fault> {
        let key = read(private_key).map_err(|(why, remedy)| ("private_key", why, remedy))?;
        let wrong = |why| ("certificate_fingerprint", why, FINGERPRINT_REMEDY);
        let given =
            fingerprint::read(certificate_fingerprint, |certificate| key.belongs_to(certificate)).map_err(wrong)?;
        if given.certificate.as_ref().is_some_and(|certificate| !key.belongs_to(certificate)) {
            return Err(wrong("the certificate is not for this private key".to_owned()));
        }
        Ok(Self {
            x5t: given.fingerprint.x5t(),
            alias: alias.map(|alias| alias.trim().to_owned()).filter(|alias| !alias.is_empty()),
            key: EncodingKey::from_rsa_der(&key.pkcs1),
            ends: given.certificate.as_deref().and_then(pem::ends),
        })
    }

    /// The certificate's SHA-1 as it stands in `x5t`.
    pub fn x5t(&self) -> &str {
        &self.x5t
    }

    /// A JWT with these claims, at that time.
    ///
    /// # Errors
    /// `unauthenticated` where the certificate has ended, `invalid-input` for a key with which nothing can be
    /// signed.
    pub fn sign(&self, claims: &impl Serialize, now: i64) -> Result<String> {
        if let Some(ends) = self.ends.filter(|ends| *ends < now) {
            let at = Timestamp::from_second(ends).map(time::in_event).unwrap_or_default();
            let day = at.split('T').next().unwrap_or_default();
            return Err(Failure::permanent(
                ProblemKind::Unauthenticated,
                format!("Could not sign in: the certificate ended on {day}."),
            )
            .remedy("Make a new key and certificate (harness certificate new --out DIR), register the certificate beside the old one, and put both into the connection. If the day is not past, set the engine's clock right."));
        }
        let header = Header { x5t: Some(self.x5t.clone()), kid: self.alias.clone(), ..Header::new(Algorithm::RS256) };
        rs256::install();
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| {
            Failure::invalid("/auth/private_key", "nothing can be signed with this RSA key").remedy(KEY_REMEDY)
        })
    }
}

fn read(text: &str) -> std::result::Result<RsaKey, (String, &'static str)> {
    const CURVE: &str =
        "this is a key of an elliptic curve; pods and identity domains know the certificate of an RSA key";
    let other = |why: &str| (why.to_owned(), NEW_KEY_REMEDY);
    let wrong = |why: &str| (why.to_owned(), KEY_REMEDY);
    let blocks = pem::blocks(text);
    let der = match blocks.iter().find(|block| block.label.ends_with("PRIVATEKEY")) {
        Some(block) if block.label == "ENCRYPTEDPRIVATEKEY" || text.contains("Proc-Type: 4,ENCRYPTED") => {
            return Err(wrong("the key is locked with a passphrase"));
        }
        Some(block) if block.label == "ECPRIVATEKEY" => return Err(other(CURVE)),
        Some(block) if block.label == "OPENSSHPRIVATEKEY" => {
            return Err(other("this is a key for SSH; an RSA key in PEM (PKCS#1 or PKCS#8) is expected"));
        }
        Some(block) => block.der.clone(),
        None if blocks.is_empty() => pem::base64(&pem::unescape(text)).filter(|der| der.first() == Some(&0x30)),
        None => return Err(wrong("this is a certificate or a public key; the private key is expected")),
    };
    let Some(der) = der else {
        let path =
            text.trim().len() < 300 && [".pem", ".key", ".der", ".p8"].iter().any(|end| text.trim().ends_with(end));
        return Err(if path {
            ("this is the name of a file; its content is expected".to_owned(), FILE_REMEDY)
        } else {
            wrong("this is no private key in PEM")
        });
    };
    if pem::is_elliptic(&der) || pem::is_edwards(&der) {
        return Err(other(CURVE));
    }
    let key = RsaKey::read(&der)
        .ok_or_else(|| wrong("this is no RSA private key (PKCS#1 or PKCS#8), or a part of it is missing"))?;
    // RFC 7518 3.3 asks for 2048 bits; pods take no smaller certificate either.
    if key.bits < 2048 {
        return Err((format!("the key has {} bits; RS256 needs 2048 or more", key.bits), NEW_KEY_REMEDY));
    }
    Ok(key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::{Value, json};

    const NOW: i64 = 1_767_225_600;

    pub const PEM: &str = include_str!("testdata/rsa.pkcs8.pem");
    pub const CERTIFICATE: &str = include_str!("testdata/certificate.pem");

    /// Header and claims of a JWT that verifies with the test key.
    pub fn verified(token: &str) -> (Value, Value) {
        let part = |index: usize| -> Value {
            let part = token.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let public = RsaKey::read(pem::blocks(PEM)[0].der.as_ref().unwrap()).unwrap().public;
        let length = u16::try_from(public.len()).unwrap().to_be_bytes();
        let der = [&[0x30, 0x82, length[0], length[1]], public.as_slice()].concat();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        rs256::install();
        jsonwebtoken::decode::<Value>(token, &DecodingKey::from_rsa_der(&der), &rules).unwrap();
        (part(0), part(1))
    }

    fn why(key: &str, fingerprint: &str) -> (&'static str, String) {
        let (member, why, _) = Key::new(key, fingerprint, None).err().unwrap();
        (member, why)
    }

    #[test]
    fn what_is_signed_verifies_and_names_the_certificate() {
        let x5t = fingerprint::read(CERTIFICATE, |_| true).unwrap().fingerprint.x5t();
        let token = Key::new(PEM, CERTIFICATE, None).unwrap().sign(&json!({"a": 1}), NOW).unwrap();
        assert_eq!(verified(&token), (json!({"typ": "JWT", "alg": "RS256", "x5t": x5t}), json!({"a": 1})));
        let token = Key::new(PEM, CERTIFICATE, Some(" fin-key ")).unwrap().sign(&json!({}), NOW).unwrap();
        assert_eq!(verified(&token).0["kid"], "fin-key");
    }

    #[test]
    fn a_certificate_that_has_ended_signs_nothing() {
        let key = Key::new(PEM, CERTIFICATE, None).ok().unwrap();
        let failure = key.sign(&json!({}), i64::from(u32::MAX) * 2).unwrap_err();
        assert!(failure.problem.message.contains("the certificate ended on"), "{}", failure.problem.message);
    }

    #[test]
    fn a_chain_is_searched_for_the_certificate_of_the_key() {
        let chain = format!("{}{CERTIFICATE}", include_str!("testdata/other.certificate.pem"));
        assert_eq!(
            Key::new(PEM, &chain, None).ok().unwrap().x5t(),
            Key::new(PEM, CERTIFICATE, None).ok().unwrap().x5t()
        );
    }

    #[test]
    fn what_does_not_fit_is_found_before_anything_is_sent() {
        let hex = "00".repeat(20);
        assert_eq!(why("nonsense", &hex).0, "private_key");
        assert!(why(CERTIFICATE, &hex).1.contains("certificate"));
        assert!(why(include_str!("testdata/other.pkcs1.pem"), &hex).1.contains("1024 bits"));
        let locked = PEM.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
        assert!(why(&locked, &hex).1.contains("passphrase"));
        for curve in [include_str!("testdata/ec.sec1.pem"), include_str!("testdata/ec.pkcs8.pem")] {
            assert!(why(curve, &hex).1.contains("elliptic"), "{}", why(curve, &hex).1);
        }
        let (_, told, remedy) = Key::new("keys/private-key.pem", &hex, None).err().unwrap();
        assert!(told.contains("name of a file") && remedy.contains("$file"));
        assert_eq!(why(PEM, "xyz").0, "certificate_fingerprint");
        let other = include_str!("testdata/other.certificate.pem");
        assert_eq!(why(PEM, other).1, "the certificate is not for this private key");
    }
}
