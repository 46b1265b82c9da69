//! What no text of ours may show.
//!
//! A server may echo what it was sent, whole or in part, in any of the spellings in which it travelled. So a
//! text is searched for every piece of a secret and not for the whole alone. Nothing here can be printed.

use std::cell::RefCell;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes of the smallest piece of a longer secret that is hidden.
const PIECE: usize = 12;
/// What stands in place of a secret.
const MARK: &str = "[secret]";
/// As forms are encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

type Pieces = HashSet<[u8; PIECE]>;

/// See the module. Tokens join during a call.
#[derive(Clone, Default)]
pub struct Secrets {
    known: RefCell<Vec<String>>,
    /// What is searched for; made when a text is first to be searched, since most calls end without one.
    sought: RefCell<Option<Sought>>,
}

#[derive(Clone, Default)]
struct Sought {
    /// Spellings that are shorter than a piece, the longest first.
    short: Vec<String>,
    pieces: Pieces,
}

impl Secrets {
    /// Adds one. One or two characters would blot out every text that holds them, and are not hidden.
    pub fn add(&self, secret: &str) {
        let mut known = self.known.borrow_mut();
        if secret.chars().count() >= 3 && !known.iter().any(|text| text == secret) {
            known.push(secret.to_owned());
            *self.sought.borrow_mut() = None;
        }
    }

    /// Adds a key in PEM, whose first and last lines are no secret.
    pub fn add_key(&self, pem: &str) {
        let body: String = pem
            .replace("\\r", "\n")
            .replace("\\n", "\n")
            .split("-----")
            .filter(|part| !part.contains("BEGIN ") && !part.contains("END ") && part.trim().len() > PIECE)
            .collect();
        self.add(&body.split_whitespace().collect::<String>());
        // As lines too, since a piece may reach over the end of one; and the same with `\n` in two characters.
        self.add(body.trim());
        self.add(&body.trim().replace('\n', "\\n"));
    }

    /// The text with each secret, and each longer piece of one, replaced by `[secret]`.
    pub fn hide(&self, text: &str) -> String {
        let mut sought = self.sought.borrow_mut();
        let sought = sought.get_or_insert_with(|| Sought::of(&self.known.borrow()));
        let mut hidden = without_pieces(text, &sought.pieces);
        for short in &sought.short {
            if hidden.contains(short.as_str()) {
                hidden = hidden.replace(short.as_str(), MARK);
            }
        }
        hidden
    }
}

impl Sought {
    fn of(known: &[String]) -> Self {
        let mut sought = Self::default();
        for spelling in known.iter().flat_map(|secret| spellings(secret)) {
            if spelling.len() < PIECE {
                sought.short.push(spelling);
            } else {
                sought
                    .pieces
                    .extend(spelling.as_bytes().windows(PIECE).filter_map(|piece| <[u8; PIECE]>::try_from(piece).ok()));
            }
        }
        sought.short.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        sought.short.dedup();
        sought
    }
}

/// How a secret may be spelt: as it is, in addresses, in JSON, and in base64 wherever it begins in what was
/// encoded.
fn spellings(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or_default();
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form = utf8_percent_encode(secret, UNRESERVED).to_string();
    let mut all = vec![
        secret.to_owned(),
        json.to_owned(),
        json.replace('/', "\\/"),
        form.replace("%20", "+"),
        percent.to_lowercase(),
        percent,
        form,
        secret.trim_end_matches('=').to_owned(),
    ];
    for before in 0..3usize {
        let shifted = [vec![0; before], secret.as_bytes().to_vec()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            // The letters at both ends also hold bits of what stands beside the secret.
            let (from, over) = ([0, 2, 3].get(before).copied().unwrap_or(0), usize::from(shifted.len() % 3 != 0));
            let inner = encoded.get(from..encoded.len().saturating_sub(over)).unwrap_or_default();
            if inner.len() >= 8 {
                all.push(inner.to_owned());
            }
        }
    }
    all.retain(|spelling| spelling.chars().count() >= 3);
    all.sort();
    all.dedup();
    all
}

fn without_pieces(text: &str, pieces: &Pieces) -> String {
    let mut hidden = String::with_capacity(text.len());
    // Up to where the last mark stands for the text.
    let mut end = None;
    for (at, window) in text.as_bytes().windows(PIECE).enumerate() {
        if !<[u8; PIECE]>::try_from(window).is_ok_and(|piece| pieces.contains(&piece)) {
            continue;
        }
        if end.is_none_or(|end| at > end) {
            hidden.push_str(text.get(ceil(text, end.unwrap_or(0))..floor(text, at)).unwrap_or_default());
            hidden.push_str(MARK);
        }
        end = Some(at + PIECE);
    }
    hidden.push_str(text.get(ceil(text, end.unwrap_or(0))..).unwrap_or_default());
    hidden
}

/// The nearest place between characters, downwards.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The nearest place between characters, upwards.
fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn hide(secret: &str, text: &str) -> String {
        let secrets = Secrets::default();
        secrets.add(secret);
        secrets.hide(text)
    }

    #[test]
    fn short_secrets_are_hidden_whole_in_each_spelling() {
        let text = "a pä\"ss/w b p%C3%A4%22ss%2Fw c pä\\\"ss/w d";
        assert_eq!(hide("pä\"ss/w", text), "a [secret] b [secret] c [secret] d");
        assert_eq!(hide("pw", "a pw b"), "a pw b");
        assert_eq!(hide("ab cd", "x ab+cd y"), "x [secret] y");
    }

    #[test]
    fn keys_are_hidden_in_lines_and_their_first_line_is_not() {
        let pem = include_str!("auth/testdata/rsa.pkcs8.pem");
        let secrets = Secrets::default();
        secrets.add_key(pem);
        assert_eq!(secrets.hide(pem), "-----BEGIN PRIVATE KEY-----\n[secret]\n-----END PRIVATE KEY-----\n");
        let one_line = pem.replace('\n', "\\n");
        assert!(!secrets.hide(&one_line).contains(&pem[100..112]));
        assert_eq!(
            secrets.hide("paste from -----BEGIN PRIVATE KEY----- on"),
            "paste from -----BEGIN PRIVATE KEY----- on"
        );
    }

    #[test]
    fn what_stands_beside_a_secret_is_shown() {
        assert_eq!(hide("0123456789abcdef", "0123456789abcdef"), "[secret]");
        assert_eq!(hide("0123456789abcdef", "é0123456789abcdefé0123456789abcdef ü"), "é[secret]é[secret] ü");
        assert_eq!(hide("0123456789abcdef", "nothing of it: 0123456789a"), "nothing of it: 0123456789a");
    }

    proptest! {
        #[test]
        fn no_piece_of_sixteen_characters_is_left(
            secret in "[ -~]{16,60}", before in "[a-z{:]{0,5}", after in "[a-z}]{0,5}", from in 0usize..40,
        ) {
            let around = format!("{before}{secret}{after}");
            let spelt = [
                secret.clone(),
                utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string(),
                serde_json::to_string(&secret).unwrap(),
                STANDARD.encode(&around),
                URL_SAFE_NO_PAD.encode(&around),
                secret[from.min(secret.len() - 16)..].to_owned(),
            ];
            for spelling in spelt {
                let hidden = hide(&secret, &format!("{before} {spelling} {after}"));
                let known = spellings(&secret);
                let left = known.iter().flat_map(|known| known.as_bytes().windows(16)).any(|piece| {
                    hidden.contains(std::str::from_utf8(piece).unwrap())
                });
                prop_assert!(!left, "{hidden}");
            }
        }

        #[test]
        fn any_text_is_searched(secret in ".{3,30}", text in ".{0,60}") {
            let _ = hide(&secret, &format!("{text}{secret}{text}"));
        }
    }
}
