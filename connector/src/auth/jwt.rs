//! A JWT of our own as the bearer: no token endpoint, the pod trusts the certificate (FACTS 2.2).

use serde::Serialize;

use super::key::{Fault, Key, Life};
use crate::problem::Result;

/// Not used any more this long before it ends, so that it is still good when it arrives.
const MARGIN: i64 = 30;

/// Who signs, and as whom.
#[derive(Clone)]
pub struct Issuer {
    issuer: String,
    /// The Fusion user.
    pub username: String,
    key: Key,
}

/// A signed token.
#[derive(Clone)]
pub struct Token {
    /// The JWT.
    pub text: String,
    life: Life,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    prn: &'a str,
    iat: i64,
    exp: i64,
}

impl Issuer {
    /// Reads the key and the fingerprint.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn new(
        issuer: &str,
        username: &str,
        private_key: &str,
        certificate_fingerprint: &str,
    ) -> std::result::Result<Self, Fault> {
        let key = Key::new(private_key, certificate_fingerprint, None)?;
        Ok(Self { issuer: issuer.trim().to_owned(), username: username.trim().to_owned(), key })
    }

    /// Signs a token that is good from now, in seconds since 1970.
    ///
    /// # Errors
    /// Those of [`Key::sign`].
    pub fn sign(&self, now: i64) -> Result<Token> {
        let life = Life::of_its_own(now);
        let claims = Claims { iss: &self.issuer, prn: &self.username, iat: life.from, exp: life.to };
        Ok(Token { text: self.key.sign(&claims, now)?, life })
    }
}

impl Token {
    /// Whether it is good at that time, in seconds since 1970.
    pub fn is_good(&self, now: i64) -> bool {
        self.life.from <= now && now < self.life.to.saturating_sub(MARGIN)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::key::tests::{CERTIFICATE, PEM, verified};
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_767_225_600;

    #[test]
    fn a_token_says_who_and_until_when() {
        let token = Issuer::new(" issuer", "fin.user ", PEM, CERTIFICATE).unwrap().sign(NOW).unwrap();
        let (_, claims) = verified(&token.text);
        let Life { from, to } = token.life;
        assert_eq!(claims, json!({"iss": "issuer", "prn": "fin.user", "iat": from, "exp": to}));
        assert!(NOW - 70 < from && from <= NOW - 10 && (240..=300).contains(&(to - from)));
        assert!(token.is_good(NOW) && token.is_good(NOW + 120));
        assert!(!token.is_good(NOW + 290) && !token.is_good(NOW - 80));
    }
}
