//! Takes secrets out of texts: in every spelling in which they travel, and in pieces.
//!
//! A server may echo what it was sent, whole or cut off anywhere, plain, in JSON, in an address, in XML or in
//! base64. So each spelling of a secret is looked for, and of a longer one every piece of twelve bytes. None
//! of it is ever printed, not even in `Debug`. Both sides use it: the component for what it tells, the host
//! for what it writes down.
//!
//! ```
//! let mut redactor = redaction::Redactor::default();
//! redactor.add("correct horse battery");
//! assert_eq!(redactor.clean("401: correct%20horse%20bat"), "401: [secret]");
//! ```

mod spelling;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use memchr::memmem;

/// What stands where a secret stood.
pub const PLACEHOLDER: &str = "[secret]";

/// Bytes of the smallest piece of a longer spelling that is looked for.
const PIECE: usize = 12;

/// A set of secrets. Cheap to fill; what is looked for is worked out when a text is first gone over.
#[derive(Clone, Default)]
pub struct Redactor {
    spellings: BTreeSet<String>,
    sought: Option<Sought>,
}

#[derive(Clone, Default)]
struct Sought {
    /// Spellings shorter than a piece.
    short: Vec<String>,
    pieces: HashSet<[u8; PIECE]>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

impl Redactor {
    /// Adds one secret. Fewer than three bytes would tear holes into everything else, and are left alone; so is
    /// a placeholder. Of a key in PEM the body counts, since everybody knows its first and last lines.
    pub fn add(&mut self, secret: &str) {
        if secret.contains(PLACEHOLDER) {
            return;
        }
        let before = self.spellings.len();
        match spelling::pem_body(secret) {
            Some(body) => {
                let lines: Vec<&str> = body.split_whitespace().collect();
                // With the breaks that it had, with none, and with the usual ones.
                for body in [body.trim().to_owned(), lines.concat(), lines.join("\n")] {
                    spelling::all(&body, &mut self.spellings);
                }
            }
            None => spelling::all(secret, &mut self.spellings),
        }
        if self.spellings.len() != before {
            self.sought = None;
        }
    }

    /// The text without a secret in it.
    #[must_use]
    pub fn clean(&mut self, text: &str) -> String {
        let mut spans = self.spans(text.as_bytes());
        for span in &mut spans {
            // A piece may begin and end within a character.
            while !text.is_char_boundary(span.start) {
                span.start = span.start.saturating_sub(1);
            }
            while !text.is_char_boundary(span.end) {
                span.end = span.end.saturating_add(1);
            }
        }
        let cleaned = without(text.as_bytes(), &spans);
        match String::from_utf8(cleaned.into_owned()) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// The bytes without a secret in them.
    #[must_use]
    pub fn clean_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let spans = self.spans(bytes);
        without(bytes, &spans).into_owned()
    }

    /// Where secrets stand, in order; they may overlap.
    fn spans(&mut self, bytes: &[u8]) -> Vec<Range<usize>> {
        let spellings = &self.spellings;
        let sought = self.sought.get_or_insert_with(|| Sought::of(spellings));
        let mut spans: Vec<Range<usize>> = Vec::new();
        if !sought.pieces.is_empty() {
            for (at, window) in bytes.windows(PIECE).enumerate() {
                if <[u8; PIECE]>::try_from(window).is_ok_and(|piece| sought.pieces.contains(&piece)) {
                    match spans.last_mut() {
                        Some(last) if at < last.end => last.end = at + PIECE,
                        _ => spans.push(at..at + PIECE),
                    }
                }
            }
        }
        for short in &sought.short {
            spans.extend(memmem::find_iter(bytes, short).map(|at| at..at + short.len()));
        }
        spans.sort_unstable_by_key(|span| span.start);
        spans
    }
}

impl Sought {
    fn of(spellings: &BTreeSet<String>) -> Self {
        let mut sought = Self::default();
        for spelling in spellings {
            if spelling.len() < PIECE {
                sought.short.push(spelling.clone());
            } else {
                let windows = spelling.as_bytes().windows(PIECE);
                sought.pieces.extend(windows.filter_map(|window| <[u8; PIECE]>::try_from(window).ok()));
            }
        }
        sought
    }
}

fn without<'b>(bytes: &'b [u8], spans: &[Range<usize>]) -> Cow<'b, [u8]> {
    if spans.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut end = 0;
    for span in spans {
        if span.end <= end {
            continue;
        }
        // One that overlaps the one before stands under the same mark.
        if span.start >= end {
            out.extend_from_slice(bytes.get(end..span.start).unwrap_or_default());
            out.extend_from_slice(PLACEHOLDER.as_bytes());
        }
        end = span.end;
    }
    out.extend_from_slice(bytes.get(end..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn of(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(secret);
        redactor
    }

    #[test]
    fn short_secrets_are_taken_out_whole_in_each_spelling() {
        let text = "a pä\"ss/w b p%C3%A4%22ss%2Fw c pä\\\"ss/w d";
        assert_eq!(of("pä\"ss/w").clean(text), "a [secret] b [secret] c [secret] d");
        assert_eq!(of("pw").clean("a pw b"), "a pw b");
        assert_eq!(of("ab cd").clean("x ab+cd y"), "x [secret] y");
        assert_eq!(of("hunter22").clean_bytes(b"\xffhunter22\xff"), b"\xff[secret]\xff");
    }

    #[test]
    fn the_body_of_a_key_is_secret_and_its_first_line_is_not() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n";
        let mut redactor = of(pem);
        assert_eq!(redactor.clean(pem), "-----BEGIN PRIVATE KEY-----\n[secret]\n-----END PRIVATE KEY-----\n");
        assert_eq!(redactor.clean("at MIIEvQIBADANBgkqhkiG9w0B, bad key"), "at [secret], bad key");
        for spelt in
            [pem.replace('\n', "\\n"), pem.replace('\n', ""), pem.replace('\n', " "), pem.replace('\n', "\r\n")]
        {
            assert!(!of(&spelt).clean(pem).contains("MIIEv"), "{spelt}");
            assert!(!redactor.clean(&spelt).contains("QIBADANBgkqhkiG9"), "{spelt}");
        }
        let mut changed = of(&pem.replace("-----", "\u{2013}\u{2013}\u{2013}"));
        assert_eq!(changed.clean("from -----BEGIN PRIVATE KEY----- on"), "from -----BEGIN PRIVATE KEY----- on");
        assert!(!changed.clean(pem).contains("MIIEv"));
        assert_eq!(
            redactor.clean("paste from -----BEGIN PRIVATE KEY----- on"),
            "paste from -----BEGIN PRIVATE KEY----- on"
        );
    }

    #[test]
    fn what_stands_beside_a_secret_stays() {
        let mut redactor = of("0123456789abcdef");
        assert_eq!(redactor.clean("0123456789abcdef"), "[secret]");
        assert_eq!(redactor.clean("é0123456789abcdefé0123456789abcdef ü"), "é[secret]é[secret] ü");
        assert_eq!(redactor.clean("not enough of it: 0123456789a"), "not enough of it: 0123456789a");
        assert_eq!(redactor.clean("a [secret] b"), "a [secret] b");
        assert_eq!(format!("{redactor:?}"), "Redactor(..)");
        assert_eq!(of(PLACEHOLDER).clean("a [secret] b"), "a [secret] b");
    }

    proptest! {
        #[test]
        fn no_piece_of_sixteen_characters_is_left(
            secret in "[ -~]{16,60}", before in "[a-z{:]{0,5}", after in "[a-z}]{0,5}", from in 0usize..40, to in 16usize..40,
        ) {
            prop_assume!(secret.trim().len() >= 16 && !secret.contains("secret"));
            let around = format!("{before}{secret}{after}");
            let cut = &secret[from.min(secret.len() - 16)..];
            let spelt = [
                secret.clone(),
                utf8_percent_encode(&secret, NON_ALPHANUMERIC).to_string(),
                serde_json::to_string(&secret).unwrap(),
                STANDARD.encode(&around),
                URL_SAFE.encode(&around),
                cut[..to.min(cut.len())].to_owned(),
            ];
            let mut redactor = of(&secret);
            for spelling in spelt {
                let cleaned = redactor.clean(&format!("{before} {spelling} {after}"));
                let mut known = redactor.spellings.iter().flat_map(|known| known.as_bytes().windows(16));
                let left = known.any(|piece| memmem::find(cleaned.as_bytes(), piece).is_some());
                prop_assert!(!left, "{cleaned}");
            }
        }

        #[test]
        fn no_spelling_of_a_password_is_left(password in "[ -~éü€]{8,24}", user in "[a-z.@]{0,12}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            prop_assume!(password.trim().len() >= 8 && !password.contains("secret"));
            let pair = format!("{user}:{password}");
            for spelling in [password.clone(), STANDARD.encode(&pair), URL_SAFE.encode(&pair), STANDARD.encode(&password)] {
                let text = format!("{before}{spelling}{after}");
                prop_assert!(!of(&password).clean(&text).contains(&spelling), "{spelling} is left");
            }
        }

        #[test]
        fn text_without_a_secret_stays_as_it_is(text in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut redactor = of("Tr0ub4dor&3-which-nobody-generates");
            prop_assert_eq!(redactor.clean(&text), text);
            prop_assert_eq!(redactor.clean_bytes(&bytes), bytes);
        }

        #[test]
        fn any_text_is_gone_over(secret in ".{3,30}", text in ".{0,60}") {
            let _ = of(&secret).clean(&format!("{text}{secret}{text}"));
        }
    }
}
