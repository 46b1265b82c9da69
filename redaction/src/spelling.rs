//! The spellings in which a secret travels.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Shorter spellings are not looked for.
const SHORTEST: usize = 3;
/// Shortest piece of base64 that is looked for: eight characters stand for six bytes.
const SHORTEST_BASE64: usize = 8;

/// What encoders of addresses leave alone: RFC 3986, `encodeURIComponent`, and forms.
const RFC3986: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const COMPONENT: &AsciiSet = &RFC3986.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// What stands between the first and the last line of PEM, also where line breaks were lost or are written as
/// `\n`; `None` for any other text.
pub(crate) fn pem_body(text: &str) -> Option<String> {
    // Not by the dashes: word processors change them.
    let (_, rest) = text.split_once("BEGIN ")?;
    let (_, rest) = rest.split_once("KEY")?;
    let body = rest.split_once("END ").map_or(rest, |(body, _)| body);
    let dash = |c: char| c == '-' || ('\u{2010}'..='\u{2015}').contains(&c) || c == '\u{2212}';
    Some(body.trim_matches(dash).replace("\\r", "\n").replace("\\n", "\n"))
}

/// Adds every spelling of a secret that is long enough to be looked for.
pub(crate) fn all(secret: &str, spellings: &mut BTreeSet<String>) {
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
    add(secret.trim_end_matches('=').to_owned());
    for set in [RFC3986, COMPONENT, FORM, NON_ALPHANUMERIC] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        add(encoded.replace("%20", "+"));
        add(lower_hex(&encoded));
        add(encoded);
    }
    let json = unquoted(secret);
    add(json.replace('/', "\\/"));
    add(ascii_json(&json, false));
    add(ascii_json(&json, true));
    add(json);
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    add(xml.replace('"', "&quot;").replace('\'', "&#39;"));
    add(xml.replace('"', "&quot;").replace('\'', "&apos;"));
    add(xml);
    for piece in base64_pieces(secret.as_bytes()) {
        spellings.insert(piece);
    }
}

fn unquoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&json).to_owned()
}

/// JSON text with everything beyond ASCII escaped, as Python writes it.
fn ascii_json(json: &str, upper: bool) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
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
