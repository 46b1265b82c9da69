//! What must never be seen, in every spelling in which it might be: plain, in JSON, in a URL, in XML, in base64.
//!
//! A set of secrets starts with the connection's settings and learns tokens as they pass. It promises that
//! none of their known spellings is left in a text that it has gone over. It never prints one, not even in
//! `Debug`. Values of fewer than four bytes are only taken out of the places that are known to hold secrets
//! (headers, forms), since they would tear holes into everything else.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::exact::{Exact, parse_json};

/// What stands where a secret stood.
pub const PLACEHOLDER: &str = "[secret]";

/// Members of JSON and fields of forms that hold secrets whatever the connection says (RFC 6749, RFC 7523,
/// RFC 7636).
const SECRET_NAMES: &[&str] = &[
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "assertion",
    "client_assertion",
    "password",
    "private_key",
    "code_verifier",
];

/// Headers that carry credentials; a recording leaves them out.
pub const SECRET_HEADERS: &[&str] = &["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Shorter values are not looked for in free text.
const SHORTEST: usize = 4;

/// Shortest piece of base64 that is looked for: eight characters stand for six bytes.
const SHORTEST_BASE64: usize = 8;

/// A line of a key shorter than this is too common a text to be looked for by itself.
const SHORTEST_LINE: usize = 16;

/// What encoders of URLs leave alone: RFC 3986, `encodeURIComponent`, and forms.
const RFC3986: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const COMPONENT: &AsciiSet = &RFC3986.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// A set of secrets, shared by all that write something down.
#[derive(Default)]
pub struct Secrets {
    /// Settings that the connection's form marks `writeOnly`.
    names: BTreeSet<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    spellings: BTreeSet<String>,
    finder: Option<AhoCorasick>,
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

    /// Adds one secret, with the lines of a key each for itself.
    pub fn learn(&self, secret: &str) {
        if secret.contains(PLACEHOLDER) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.spellings.len();
        spell(secret, &mut state.spellings);
        if secret.trim().contains('\n') {
            for line in
                secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"))
            {
                spell(line, &mut state.spellings);
            }
        }
        if state.spellings.len() != before {
            state.finder = None;
        }
    }

    /// Adds the texts of a session, which is JSON that only its connector understands: all that are long
    /// enough to be a token.
    pub fn learn_session(&self, value: &str) {
        fn texts(value: &Exact, secrets: &Secrets) {
            match value {
                Exact::Text(text) if text.len() >= SHORTEST_LINE => secrets.learn(text),
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
            if credentials.len() >= SHORTEST_BASE64 {
                self.learn(credentials);
            }
        } else {
            let cookies = value.split(';').take(if name == "cookie" { usize::MAX } else { 1 });
            for (_, value) in cookies.filter_map(|cookie| cookie.split_once('=')) {
                if value.len() >= SHORTEST_LINE {
                    self.learn(value.trim());
                }
            }
        }
    }

    /// Adds the members of a JSON text that always hold secrets, such as `access_token`.
    pub fn learn_json(&self, text: &str) {
        // Parsing a page of records for nothing is what this saves.
        if !SECRET_NAMES.iter().any(|name| text.contains(name)) {
            return;
        }
        if let Ok(value) = parse_json(text) {
            value.named_texts(&mut |name, text| {
                if is_secret_name(name) && text.len() >= SHORTEST_BASE64 {
                    self.learn(text);
                }
            });
        }
    }

    /// The same text without a secret in it.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        match self.finder() {
            Some(finder) => finder.replace_all(text, &vec![PLACEHOLDER; finder.patterns_len()]),
            None => text.to_owned(),
        }
    }

    /// The same bytes without a secret in them.
    #[must_use]
    pub fn clean_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match self.finder() {
            Some(finder) => finder.replace_all_bytes(bytes, &vec![PLACEHOLDER.as_bytes(); finder.patterns_len()]),
            None => bytes.to_vec(),
        }
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

    fn finder(&self) -> Option<AhoCorasick> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.finder.is_none() && !state.spellings.is_empty() {
            state.finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&state.spellings).ok();
        }
        state.finder.clone()
    }
}

/// Whether a member or a field of that name always holds a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| secret.eq_ignore_ascii_case(name))
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

/// Adds every spelling of a secret that is long enough to be looked for.
fn spell(secret: &str, spellings: &mut BTreeSet<String>) {
    if secret.trim().len() < SHORTEST {
        return;
    }
    let mut add = |text: String| {
        if text.len() >= SHORTEST {
            spellings.insert(text);
        }
    };
    add(secret.to_owned());
    add(secret.trim().to_owned());
    for set in [RFC3986, COMPONENT, FORM, NON_ALPHANUMERIC] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        add(encoded.replace("%20", "+"));
        add(lower_hex(&encoded));
        add(encoded);
    }
    let json = unquoted(&crate::exact::quoted(secret));
    add(json.replace('/', "\\/"));
    add(ascii_json(secret, false));
    add(ascii_json(secret, true));
    add(json);
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    add(xml.replace('"', "&quot;").replace('\'', "&#39;"));
    add(xml.replace('"', "&quot;").replace('\'', "&apos;"));
    add(xml);
    for piece in base64_pieces(secret.as_bytes()) {
        spellings.insert(piece);
    }
}

fn unquoted(json: &str) -> String {
    json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json).to_owned()
}

/// JSON text with everything beyond ASCII escaped, as Python writes it.
fn ascii_json(text: &str, upper: bool) -> String {
    let mut out = String::new();
    for character in unquoted(&crate::exact::quoted(text)).chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
            }
        }
    }
    out
}

fn lower_hex(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len());
    let mut hex = 0;
    for character in encoded.chars() {
        out.push(if hex > 0 { character.to_ascii_lowercase() } else { character });
        hex = if character == '%' { 2_u8 } else { hex.saturating_sub(1) };
    }
    out
}

/// What of a base64 text depends on the secret alone, for each of the three places in which it can begin:
/// finds `user:password` whoever the user is.
fn base64_pieces(secret: &[u8]) -> Vec<String> {
    let mut pieces = Vec::new();
    for before in 0..3_usize {
        // The bytes before fill up the first group; of it only what no foreign byte touches is ours.
        let mut padded = vec![0_u8; before];
        padded.extend_from_slice(secret);
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            if let Some(piece) = text.get(first..last).filter(|piece| piece.len() >= SHORTEST_BASE64) {
                pieces.push(piece.to_owned());
            }
        }
    }
    pieces
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

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
    fn each_line_of_a_key_is_a_secret() {
        let secrets = Secrets::default();
        secrets.learn("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n");
        assert_eq!(secrets.clean("at MIIEvQIBADANBgkqhkiG9w0B, bad key"), "at [secret], bad key");
        assert_eq!(secrets.clean("-----BEGIN PRIVATE KEY-----"), "-----BEGIN PRIVATE KEY-----");
    }

    #[test]
    fn tokens_are_learnt_as_they_pass() {
        let secrets = Secrets::default();
        secrets.learn_json(r#"{"access_token":"eyJhbGciOi.J9.abc","expires_in":3600}"#);
        secrets.learn_header("Authorization", "Bearer signed.by.the-guest");
        secrets.learn_header("Set-Cookie", "JSESSIONID=0123456789abcdef; Path=/");
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

    proptest! {
        #[test]
        fn no_spelling_of_a_password_is_left(password in "[ -~éü€]{8,24}", user in "[a-z.@]{0,12}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            prop_assume!(password.trim().len() >= 8 && !password.contains("secret"));
            let secrets = Secrets::default();
            secrets.learn(&password);
            let pair = format!("{user}:{password}");
            let spellings = [
                password.clone(),
                unquoted(&serde_json::to_string(&password).unwrap()),
                utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string(),
                utf8_percent_encode(&password, RFC3986).to_string().to_string(),
                STANDARD.encode(&pair),
                URL_SAFE.encode(&pair),
                STANDARD.encode(&password),
            ];
            for spelling in spellings {
                let text = format!("{before}{spelling}{after}");
                prop_assert!(!secrets.clean(&text).contains(&spelling), "{spelling} is left");
            }
        }

        #[test]
        fn text_without_a_secret_stays_as_it_is(text in ".*") {
            let secrets = Secrets::default();
            secrets.learn("Tr0ub4dor&3-which-nobody-generates");
            prop_assert_eq!(secrets.clean(&text), text);
        }
    }
}
