//! What the identity domain has handed out, and to whom. Tokens are kept as digests alone.
//!
//! They are made from a counter and the clock, so that the same exchanges happen each time; nothing here is secret
//! beyond the simulation.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long an authorization code lives, in seconds.
const CODE_SECONDS: i64 = 60;

/// How long an access token is remembered after its end, in seconds, so that its refusal says what it was.
const KEPT: i64 = 86_400;

/// For whom something was handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grantee {
    pub(crate) client: String,
    /// User name; the client's id where there is no user.
    pub(crate) subject: String,
    pub(crate) scope: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Access {
    subject: String,
    /// Unix seconds.
    expires: i64,
}

/// An authorization code that was not yet used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) grantee: Grantee,
    pub(crate) redirect_uri: String,
    /// PKCE, S256.
    pub(crate) challenge: String,
    expires: i64,
}

/// All tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    counter: u64,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Grantee>,
    codes: BTreeMap<String, Code>,
    /// Bearers that are refused for ever.
    dead: BTreeSet<String>,
    /// Bearers of others that were accepted.
    accepted: BTreeSet<String>,
    issued: u64,
}

fn key(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

/// The S256 challenge of a verifier (RFC 7636, 4.6).
pub(crate) fn challenge(verifier: &str) -> String {
    key(verifier)
}

impl Tokens {
    /// A new access token for so many seconds.
    pub(crate) fn issue(&mut self, grantee: &Grantee, now: Timestamp, seconds: u64) -> String {
        let issued = now.as_second();
        let expires = issued.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
        let by_user = grantee.subject != grantee.client;
        let thumbprint = self.secret(now, 1);
        let header = json!({"x5t#S256": thumbprint, "x5t": thumbprint, "kid": "SIGNING_KEY", "alg": "RS256"});
        let claims = json!({
            "client_tenantname": TENANT, "sub_mappingattr": "userName", "iss": "https://identity.oraclecloud.com/",
            "tok_type": "AT", "client_id": grantee.client, "aud": [format!("https://{}:443", crate::pod::HOST)],
            "sub_type": if by_user { "user" } else { "client" }, "clientAppRoles": ["Authenticated Client"],
            "scope": "urn:opc:resource:consumer::all", "sub": grantee.subject, "user.tenant.name": TENANT,
            "client_guid": key(&grantee.client), "client_name": grantee.client, "tenant": TENANT,
            "exp": expires, "iat": issued, "jti": self.secret(now, 1),
        });
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.{}", encode(header), encode(claims), self.secret(now, 8));
        self.access.retain(|_, access| access.expires.saturating_add(KEPT) > issued);
        self.access.insert(key(&token), Access { subject: grantee.subject.clone(), expires });
        self.issued = self.issued.saturating_add(1);
        token
    }

    /// A new refresh token.
    pub(crate) fn issue_refresh(&mut self, grantee: Grantee, now: Timestamp) -> String {
        let token = self.secret(now, 2);
        self.refresh.insert(key(&token), grantee);
        token
    }

    /// For whom a refresh token is that still lives.
    pub(crate) fn refreshable(&self, token: &str) -> Option<&Grantee> {
        self.refresh.get(&key(token))
    }

    /// Ends a refresh token.
    pub(crate) fn end_refresh(&mut self, token: &str) {
        self.refresh.remove(&key(token));
    }

    /// A new authorization code.
    pub(crate) fn issue_code(
        &mut self,
        grantee: Grantee,
        redirect_uri: String,
        challenge: String,
        now: Timestamp,
    ) -> String {
        let code = self.secret(now, 1);
        let expires = now.as_second().saturating_add(CODE_SECONDS);
        self.codes.retain(|_, code| code.expires > now.as_second());
        self.codes.insert(key(&code), Code { grantee, redirect_uri, challenge, expires });
        code
    }

    /// What a code stands for, the first time that it is shown and while it lives.
    pub(crate) fn take_code(&mut self, code: &str, now: Timestamp) -> Option<Code> {
        self.codes.remove(&key(code)).filter(|code| now.as_second() < code.expires)
    }

    /// Whose access token it is; `None` for a token that is not of this domain, or was forgotten after its end.
    pub(crate) fn subject(&self, token: &str, now: Timestamp) -> Option<Result<&str, String>> {
        let access = self.access.get(&key(token))?;
        let over = now.as_second().saturating_sub(access.expires);
        Some(if over >= 0 { Err(format!("the access token expired {over} s ago")) } else { Ok(&access.subject) })
    }

    /// Refuses a bearer from now on.
    pub(crate) fn kill(&mut self, token: &str) {
        self.access.remove(&key(token));
        self.dead.insert(key(token));
    }

    pub(crate) fn is_dead(&self, token: &str) -> bool {
        self.dead.contains(&key(token))
    }

    /// Notes that a bearer signed somebody in; those issued here are counted already.
    pub(crate) fn accept(&mut self, token: &str) {
        let key = key(token);
        if !self.access.contains_key(&key) {
            self.accepted.insert(key);
        }
    }

    /// Access tokens issued, and bearers of others accepted.
    pub(crate) fn sign_ins(&self) -> u64 {
        self.issued.saturating_add(u64::try_from(self.accepted.len()).unwrap_or(u64::MAX))
    }

    /// So many times 32 bytes that were never handed out before, as base64url.
    fn secret(&mut self, now: Timestamp, blocks: u8) -> String {
        self.counter = self.counter.saturating_add(1);
        let bytes: Vec<u8> = (0..blocks)
            .flat_map(|block| {
                let text = format!("fusion-sim {} {block} {}", self.counter, now.as_second());
                digest(&SHA256, text.as_bytes()).as_ref().to_vec()
            })
            .collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

const TENANT: &str = "idcs-sim";
