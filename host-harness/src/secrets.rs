//! What must never be seen, in every spelling and in every longer piece ([`redaction`] says which).
//!
//! A set of secrets starts with the connection's settings and learns tokens as they pass. It promises that
//! none of them is left in a text that it has gone over. It never prints one, not even in `Debug`. Values of
//! fewer than three bytes are only taken out of the places that are known to hold secrets (headers, forms),
//! since they would tear holes into everything else.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use redaction::PLACEHOLDER;
use redaction::Redactor;

use crate::exact::{Exact, parse_json};

/// Members of JSON and fields of forms that hold secrets whatever the connection says (RFC 6749, RFC 7523,
/// RFC 7636).
const SECRET_NAMES: &[&str] = &[
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "assertion",
    "client_assertion",
    "pwd",
    "private_key",
    "code_verifier",
];

/// How names of passwords end, as `newPassword` of a user.
const PASSWORD: &str = "password";

/// Headers that carry credentials; a recording leaves them out.
pub const SECRET_HEADERS: &[&str] = &["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Shorter members of a body are too common a text to be looked for.
const SHORTEST_TOKEN: usize = 6;

/// A text of a session, or a cookie, shorter than this is too common a text to be looked for by itself.
const SHORTEST_TEXT: usize = 16;

/// A set of secrets, shared by all that write something down.
#[derive(Default)]
pub struct Secrets {
    /// Settings that the connection's form marks `writeOnly`.
    names: BTreeSet<String>,
    known: Mutex<Redactor>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// The secrets of a filled-in connection form: every text under a name that the form marks `writeOnly`
    /// anywhere, or that always holds a secret.
    #[must_use]
    pub fn of_connection(settings: &Exact, schema: &Exact) -> Self {
        let mut names = BTreeSet::new();
        write_only(schema, &mut names);
        let secrets = Self { names, ..Self::default() };
        settings.named_texts(&mut |name, text| {
            if secrets.is_secret(name) {
                secrets.learn(text);
            }
        });
        secrets
    }

    /// Whether a setting of that name holds a secret.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.names.contains(name) || is_secret_name(name)
    }

    /// Adds one secret, which may be a key in PEM.
    pub fn learn(&self, secret: &str) {
        self.known().add(secret);
    }

    /// Adds the texts of a session, which is JSON that only its connector understands: all that are long
    /// enough to be a token.
    pub fn learn_session(&self, value: &str) {
        fn texts(value: &Exact, secrets: &Secrets) {
            match value {
                Exact::Text(text) if text.len() >= SHORTEST_TEXT => secrets.learn(text),
                Exact::Array(items) => items.iter().for_each(|item| texts(item, secrets)),
                Exact::Object(members) => members.iter().for_each(|(_, value)| texts(value, secrets)),
                _ => {}
            }
        }
        match parse_json(value) {
            Ok(value) => texts(&value, self),
            Err(_) => self.learn(value),
        }
    }

    /// Adds what a header that carries credentials holds: of `Basic x` and `Bearer x` the `x`, of a cookie
    /// its value.
    pub fn learn_header(&self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        if !SECRET_HEADERS.contains(&name.as_str()) {
            return;
        }
        if name.ends_with("authorization") {
            let credentials = value.split_once(' ').map_or(value, |(_, credentials)| credentials).trim();
            if credentials.len() >= SHORTEST_TOKEN {
                self.learn(credentials);
            }
        } else {
            let cookies = value.split(';').take(if name == "cookie" { usize::MAX } else { 1 });
            for (_, value) in cookies.filter_map(|cookie| cookie.split_once('=')) {
                if value.len() >= SHORTEST_TEXT {
                    self.learn(value.trim());
                }
            }
        }
    }

    /// Adds the members of a JSON text that always hold secrets, such as `access_token`.
    pub fn learn_json(&self, text: &str) {
        // Parsing a page of records for nothing is what this saves.
        let named = |name: &&str| text.contains(*name);
        if !SECRET_NAMES.iter().chain(&["assword", "ASSWORD"]).any(named) {
            return;
        }
        if let Ok(value) = parse_json(text) {
            value.named_texts(&mut |name, text| {
                if is_secret_name(name) && text.len() >= SHORTEST_TOKEN {
                    self.learn(text);
                }
            });
        }
    }

    /// The same text without a secret in it.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.known().clean(text)
    }

    /// The same bytes without a secret in them.
    #[must_use]
    pub fn clean_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.known().clean_bytes(bytes)
    }

    /// The pairs of a form or a query, with the values of those that hold secrets taken out by name and the
    /// rest gone over. `code` counts as a secret where the other pairs show an authorization code.
    #[must_use]
    pub fn clean_pairs(&self, pairs: &[(String, String)]) -> Vec<(String, String)> {
        let grants = pairs.iter().any(|(name, _)| matches!(name.as_str(), "grant_type" | "code_verifier" | "state"));
        pairs
            .iter()
            .map(|(name, value)| {
                let secret = is_secret_name(name) || (grants && name == "code");
                (name.clone(), if secret { PLACEHOLDER.to_owned() } else { self.clean(value) })
            })
            .collect()
    }

    fn known(&self) -> MutexGuard<'_, Redactor> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a member or a field of that name always holds a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let end = name.len().checked_sub(PASSWORD.len()).and_then(|at| name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(PASSWORD))
        || SECRET_NAMES.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// The names of all properties that a JSON Schema marks `writeOnly`, at any depth.
fn write_only(schema: &Exact, names: &mut BTreeSet<String>) {
    match schema {
        Exact::Array(items) => items.iter().for_each(|item| write_only(item, names)),
        Exact::Object(members) => {
            for (name, value) in members {
                if let (true, Exact::Object(properties)) = (name == "properties", value) {
                    for (property, schema) in properties {
                        if schema.get("writeOnly") == Some(&Exact::Bool(true)) {
                            names.insert(property.clone());
                        }
                    }
                }
                write_only(value, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn of(settings: &str) -> Secrets {
        let schema = r##"{"properties":{"host":{},"auth":{"oneOf":[{"$ref":"#/$defs/basic"}]}},
            "$defs":{"basic":{"properties":{"username":{},"passphrase":{"writeOnly":true,"format":"password"}}}}}"##;
        Secrets::of_connection(&parse_json(settings).unwrap(), &parse_json(schema).unwrap())
    }

    #[test]
    fn what_the_form_marks_is_taken_out_and_the_rest_stays() {
        let secrets = of(r#"{"host":"pod.example","auth":{"username":"casey","passphrase":"S3cret/é \"x\""}}"#);
        let text = r#"casey@pod.example said {"p":"S3cret/é \"x\""} S3cret%2F%C3%A9%20%22x%22 s"#;
        assert_eq!(secrets.clean(text), r#"casey@pod.example said {"p":"[secret]"} [secret] s"#);
        assert!(!format!("{secrets:?}").contains("S3cret"));
    }

    #[test]
    fn tokens_are_learnt_as_they_pass() {
        let secrets = Secrets::default();
        secrets.learn_json(r#"{"access_token":"eyJhbGciOi.J9.abc","expires_in":3600}"#);
        secrets.learn_header("Authorization", "Bearer signed.by.the-guest");
        secrets.learn_header("Set-Cookie", "JSESSIONID=0123456789abcdef; Path=/");
        secrets.learn_json(r#"{"parameters":[{"newPassword":"Hunter2"}],"pwd":"Hunter3"}"#);
        assert_eq!(secrets.clean("Hunter2 Hunter3 Hunter4"), "[secret] [secret] Hunter4");
        let text = "eyJhbGciOi.J9.abc signed.by.the-guest 0123456789abcdef Path";
        assert_eq!(secrets.clean(text), "[secret] [secret] [secret] Path");
    }

    #[test]
    fn forms_lose_their_secret_fields_and_queries_keep_an_innocent_code() {
        let pairs =
            |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let secrets = Secrets::default();
        let form = secrets.clean_pairs(&pairs(&[
            ("grant_type", "authorization_code"),
            ("code", "abc"),
            ("client_secret", "x"),
        ]));
        assert_eq!(
            form,
            pairs(&[("grant_type", "authorization_code"), ("code", PLACEHOLDER), ("client_secret", PLACEHOLDER)])
        );
        assert_eq!(secrets.clean_pairs(&pairs(&[("code", "US")])), pairs(&[("code", "US")]));
    }

    #[test]
    fn a_placeholder_is_never_learnt() {
        let secrets = Secrets::default();
        secrets.learn(PLACEHOLDER);
        secrets.learn_header("authorization", "Bearer [secret]");
        assert_eq!(secrets.clean("a [secret] b"), "a [secret] b");
    }
}
