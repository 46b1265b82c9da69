//! Signed tokens that somebody else made: read strictly, then held against a certificate and a clock (FACTS 2.2, 12).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value as JsonValue};

use super::certificate::Certificate;

/// How far `iat` may lie ahead of the clock, in seconds (FACTS 12).
const AHEAD: i64 = 5;

/// How long a JWT for the pod lives at most, in seconds; clients in production count an hour from now and date `iat`
/// back by a minute (FACTS 2.2), which is why the two are not one bound.
pub(crate) const BEARER: Life = Life { from_iat: 3_660, from_now: Some(3_600) };

/// How long an assertion for the identity domain lives at most, in seconds (FACTS 2.3).
pub(crate) const ASSERTION: Life = Life { from_iat: 300, from_now: None };

/// Bounds of `exp`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    from_iat: i64,
    from_now: Option<i64>,
}

/// A token, read and not yet believed.
#[derive(Debug)]
pub(crate) struct Jwt<'t> {
    header: Map<String, JsonValue>,
    claims: Map<String, JsonValue>,
    signed: &'t str,
    signature: Vec<u8>,
}

impl<'t> Jwt<'t> {
    /// Reads a token; the error names the part and nothing of what stands in it.
    pub(crate) fn parse(token: &'t str) -> Result<Self, String> {
        let (signed, signature) = token.rsplit_once('.').ok_or("it isn't a JWT")?;
        let (header, claims) = signed.split_once('.').ok_or("it isn't a JWT")?;
        Ok(Self {
            header: object("header", header)?,
            claims: object("payload", claims)?,
            signed,
            signature: segment("signature", signature)?,
        })
    }

    /// A claim that is text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, String> {
        let claim = self.claims.get(name).ok_or_else(|| format!("the claim {name} is missing"))?;
        claim.as_str().ok_or_else(|| format!("the claim {name} isn't text"))
    }

    /// Whether it is meant for that audience.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        match self.claims.get("aud") {
            Some(JsonValue::String(one)) => one == audience,
            Some(JsonValue::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// Believes the token or says why not.
    pub(crate) fn check(&self, certificate: &Certificate, now: Timestamp, life: Life) -> Result<(), String> {
        if self.header.get("alg").and_then(JsonValue::as_str) != Some("RS256") {
            return Err("the header's alg isn't RS256".to_owned());
        }
        let x5t = self.header.get("x5t").and_then(JsonValue::as_str).ok_or("the header has no x5t")?;
        if !certificate.is(x5t) {
            return Err("x5t isn't the thumbprint of the certificate that was registered".to_owned());
        }
        if !certificate.verifies(self.signed.as_bytes(), &self.signature) {
            return Err("the signature isn't that of the certificate's key".to_owned());
        }
        let (now, issued, expires) = (now.as_second(), self.seconds("iat")?, self.seconds("exp")?);
        if issued > now.saturating_add(AHEAD) {
            return Err(format!("iat lies {} s ahead of the clock", issued.saturating_sub(now)));
        }
        if expires <= now {
            return Err(format!("it expired {} s ago", now.saturating_sub(expires)));
        }
        let lives = expires.saturating_sub(issued);
        let ahead = expires.saturating_sub(now);
        if lives > life.from_iat || life.from_now.is_some_and(|most| ahead > most.saturating_add(AHEAD)) {
            return Err(format!("it lives too long: {lives} s"));
        }
        Ok(())
    }

    fn seconds(&self, name: &str) -> Result<i64, String> {
        let claim = self.claims.get(name).ok_or_else(|| format!("the claim {name} is missing"))?;
        claim.as_i64().ok_or_else(|| format!("the claim {name} isn't a whole number of seconds"))
    }
}

fn segment(name: &str, text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("the {name} isn't unpadded base64url"))
}

fn object(name: &str, text: &str) -> Result<Map<String, JsonValue>, String> {
    serde_json::from_slice(&segment(name, text)?).map_err(|_| format!("the {name} isn't a JSON object"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_audience_stands_alone_or_in_a_list() {
        for (aud, meant) in [("\"a\"", true), ("[\"b\", \"a\"]", true), ("[]", false), ("\"ab\"", false), ("1", false)]
        {
            let claims = URL_SAFE_NO_PAD.encode(format!("{{\"aud\": {aud}}}"));
            let token = format!("e30.{claims}.AA");
            assert_eq!(Jwt::parse(&token).unwrap().is_for("a"), meant, "{aud}");
        }
    }

    #[test]
    fn parts_that_are_no_objects_are_named() {
        for (token, why) in [
            ("W10.e30.AA", "the header isn't a JSON object"),
            ("e30.e3.AA", "the payload isn't unpadded base64url"),
            ("e30.e30.A+A", "the signature isn't unpadded base64url"),
            ("e30.AA", "it isn't a JWT"),
            ("e30.e30.e30.AA", "the payload isn't unpadded base64url"),
        ] {
            assert_eq!(Jwt::parse(token).unwrap_err(), why, "{token}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_being_repeated(token in "[A-Za-z0-9_.=-]{9,80}") {
            if let Err(why) = Jwt::parse(&token) {
                prop_assert!(!why.contains(&token));
            }
        }
    }
}
