//! A JWT of our own as the bearer: no token endpoint, the pod trusts the certificate (FACTS 2.2).
//!
//! A [`Key`] that exists can sign, and belongs to the certificate where one was given. Nothing is sent here.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use serde::Serialize;

use super::fingerprint;
use super::pem::{self, RsaKey};
use super::rs256;
use crate::problem::{Failure, Result};

/// Five minutes, as the identity domain allows at most and integrations in the field use.
const LIFETIME: i64 = 300;
/// How far `iat` lies back, so that a clock of ours that is a little ahead does no harm.
const BACK: i64 = 10;
/// Not used any more this long before it ends, so that it is still good when it arrives.
const MARGIN: i64 = 30;

/// What signs, and as whom.
#[derive(Clone)]
pub struct Key {
    issuer: String,
    /// The Fusion user.
    pub username: String,
    x5t: String,
    key: EncodingKey,
}

/// A signed token.
#[derive(Clone)]
pub struct Token {
    /// The JWT.
    pub text: String,
    issued: i64,
    expires: i64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    prn: &'a str,
    iat: i64,
    exp: i64,
}

impl Key {
    /// Reads the key and the fingerprint.
    ///
    /// # Errors
    /// The member of the form that is wrong, and a sentence that says why.
    pub fn new(
        issuer: &str,
        username: &str,
        private_key: &str,
        certificate_fingerprint: &str,
    ) -> std::result::Result<Self, (&'static str, String)> {
        let key = read_key(private_key).map_err(|why| ("private_key", why))?;
        let wrong = |why| ("certificate_fingerprint", why);
        let given = fingerprint::read(certificate_fingerprint).map_err(wrong)?;
        if given.certificate.is_some_and(|certificate| !key.belongs_to(&certificate)) {
            return Err(wrong("the certificate is not for this private key".to_owned()));
        }
        Ok(Self {
            issuer: issuer.trim().to_owned(),
            username: username.trim().to_owned(),
            x5t: given.fingerprint.x5t(),
            key: EncodingKey::from_rsa_der(&key.pkcs1),
        })
    }

    /// Signs a token that is good from now, in seconds since 1970.
    ///
    /// # Errors
    /// `invalid-input` for a key with which nothing can be signed.
    pub fn sign(&self, now: i64) -> Result<Token> {
        let issued = now.saturating_sub(BACK);
        let expires = issued.saturating_add(LIFETIME);
        let header = Header { x5t: Some(self.x5t.clone()), ..Header::new(Algorithm::RS256) };
        let claims = Claims { iss: &self.issuer, prn: &self.username, iat: issued, exp: expires };
        rs256::install();
        let text = jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| {
            Failure::invalid("/auth/private_key", "nothing can be signed with this RSA key").remedy(KEY_REMEDY)
        })?;
        Ok(Token { text, issued, expires })
    }
}

impl Token {
    /// Whether it is good at that time, in seconds since 1970.
    pub fn is_good(&self, now: i64) -> bool {
        self.issued <= now && now < self.expires.saturating_sub(MARGIN)
    }
}

/// What to do about a key that cannot be read.
pub const KEY_REMEDY: &str = "Paste the whole RSA key in PEM, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----, without a passphrase (openssl rsa -in key.pem -out plain.pem).";

fn read_key(text: &str) -> std::result::Result<RsaKey, String> {
    let blocks = pem::blocks(text);
    let der = match blocks.iter().find(|block| block.label.ends_with("PRIVATEKEY")) {
        Some(block) if block.label == "ENCRYPTEDPRIVATEKEY" || text.contains("Proc-Type: 4,ENCRYPTED") => {
            return Err("the key is locked with a passphrase".to_owned());
        }
        Some(block) if block.label == "ECPRIVATEKEY" || block.label == "OPENSSHPRIVATEKEY" => {
            return Err("this is not an RSA key in PEM (PKCS#1 or PKCS#8)".to_owned());
        }
        Some(block) => block.der.clone(),
        None if blocks.is_empty() => pem::base64(&pem::unescape(text)),
        None => return Err("this is a certificate or a public key; the private key is expected".to_owned()),
    };
    let der = der.ok_or("this is no private key in PEM")?;
    let key = RsaKey::read(&der).ok_or("this is no RSA private key (PKCS#1 or PKCS#8), or a part of it is missing")?;
    // RFC 7518 3.3 asks for 2048 bits; pods take no smaller certificate either.
    if key.bits < 2048 {
        return Err(format!("the key has {} bits; RS256 needs 2048 or more", key.bits));
    }
    Ok(key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::{Value, json};

    const KEY: &str = include_str!("testdata/rsa.pkcs8.pem");
    const CERTIFICATE: &str = include_str!("testdata/certificate.pem");
    const NOW: i64 = 1_767_225_600;

    fn why(key: &str, fingerprint: &str) -> (&'static str, String) {
        Key::new("issuer", "user", key, fingerprint).err().unwrap()
    }

    #[test]
    fn a_token_verifies_and_says_who() {
        let token = Key::new("issuer", "fin.user", KEY, CERTIFICATE).unwrap().sign(NOW).unwrap();
        let part = |index: usize| -> Value {
            let part = token.text.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let x5t = fingerprint::read(CERTIFICATE).unwrap().fingerprint.x5t();
        assert_eq!(part(0), json!({"typ": "JWT", "alg": "RS256", "x5t": x5t}));
        assert_eq!(part(1), json!({"iss": "issuer", "prn": "fin.user", "iat": NOW - 10, "exp": NOW + 290}));
        let public = RsaKey::read(pem::blocks(KEY)[0].der.as_ref().unwrap()).unwrap().public;
        let length = u16::try_from(public.len()).unwrap().to_be_bytes();
        let der = [&[0x30, 0x82, length[0], length[1]], public.as_slice()].concat();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        jsonwebtoken::decode::<Value>(&token.text, &DecodingKey::from_rsa_der(&der), &rules).unwrap();
        assert!(token.is_good(NOW) && token.is_good(NOW + 250));
        assert!(!token.is_good(NOW + 290) && !token.is_good(NOW - 60));
    }

    #[test]
    fn what_does_not_fit_is_found_before_anything_is_sent() {
        let hex = "00".repeat(20);
        assert_eq!(why("nonsense", &hex).0, "private_key");
        assert!(why(CERTIFICATE, &hex).1.contains("certificate"));
        assert!(why(include_str!("testdata/other.pkcs1.pem"), &hex).1.contains("1024 bits"));
        let locked = KEY.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
        assert!(why(&locked, &hex).1.contains("passphrase"));
        assert_eq!(why(KEY, "xyz").0, "certificate_fingerprint");
        let other = include_str!("testdata/other.certificate.pem");
        assert_eq!(why(KEY, other).1, "the certificate is not for this private key");
    }
}
