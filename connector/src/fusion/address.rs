//! Addresses below the pod, encoded: what stands in them can end neither a segment nor a parameter.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::contract::ProblemKind;
use crate::problem::{Failure, Result};

/// Bytes of a path and its query: what an address may have as a whole in what hosts are made of, less the host.
const MOST: usize = 65_000;

/// All that is not unreserved (RFC 3986).
const RESERVED: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In a query: as above, and `:` and `,` stay legible, since `orderBy` and `fields` are made of them.
const IN_QUERY: &AsciiSet = &RESERVED.remove(b':').remove(b',');
/// In a clause that is already encoded where it must be: only what no address may hold.
const RAW: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'&')
    .add(b'+')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A value within a query.
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A value as one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A path and its query, in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    has_query: bool,
}

impl Address {
    /// `/{root}/resources/{version}/{resource}`; all three are checked words.
    pub fn collection(root: &str, version: &str, resource: &str) -> Self {
        Self { text: format!("/{root}/resources/{version}/{resource}"), has_query: false }
    }

    /// A path of our own making.
    pub fn fixed(path: &str) -> Self {
        Self { text: path.to_owned(), has_query: false }
    }

    /// A path of our own making, with a query that is encoded already.
    pub fn asked(path: &str, query: &str) -> Self {
        Self { text: format!("{path}?{query}"), has_query: true }
    }

    /// Adds a segment that is a key.
    ///
    /// # Errors
    /// `invalid-input` at `/key` where the key is empty or would climb.
    pub fn key(mut self, key: &str) -> Result<Self> {
        if key.trim().is_empty() || key == "." || key == ".." || key.chars().any(char::is_control) {
            return Err(Failure::invalid("/key", "this is not the key of a record"));
        }
        self.text.push('/');
        self.text.extend(utf8_percent_encode(key, RESERVED));
        Ok(self)
    }

    /// Adds a fixed segment.
    pub fn segment(mut self, segment: &str) -> Self {
        self.text.push('/');
        self.text.extend(utf8_percent_encode(segment, RESERVED));
        self
    }

    /// Adds a parameter; its value is encoded.
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.begin(name);
        self.text.extend(utf8_percent_encode(value, IN_QUERY));
        self
    }

    /// Adds a parameter whose separators are its own and whose values are encoded already (`finder`, `fields`).
    pub fn clause(mut self, name: &str, value: &str) -> Self {
        self.begin(name);
        self.text.extend(utf8_percent_encode(value, RAW));
        self
    }

    /// The same without a parameter.
    pub fn without(&self, name: &str) -> Self {
        let (path, query) = self.text.split_once('?').unwrap_or((&self.text, ""));
        let kept = query.split('&').filter(|part| part.split('=').next() != Some(name));
        let query = kept.collect::<Vec<_>>().join("&");
        let has_query = !query.is_empty();
        Self { text: if has_query { format!("{path}?{query}") } else { path.to_owned() }, has_query }
    }

    /// Adds variables to the finder, which must be the last parameter.
    pub fn in_finder(mut self, variables: &str) -> Self {
        let begun = self.text.rsplit_once("finder=").is_some_and(|(_, finder)| finder.contains(';'));
        self.text.push(if begun { ',' } else { ';' });
        self.text.push_str(variables);
        self
    }

    fn begin(&mut self, name: &str) {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(name);
        self.text.push('=');
    }

    /// Refuses an address that no host sends on: they take 64 KiB.
    ///
    /// # Errors
    /// `too-large`; nothing was sent.
    pub fn check(&self, what: &str) -> Result<()> {
        let bytes = self.as_str().len();
        if bytes <= MOST {
            return Ok(());
        }
        let told = format!("Could not {what}: its address would have {bytes} bytes, and {MOST} can be sent.");
        Err(Failure::permanent(ProblemKind::TooLarge, told)
            .at("")
            .remedy("Nothing was sent. Ask with fewer values at once, or in ranges (between) instead of lists (in)."))
    }

    /// The encoded path with query.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path without its query, for people.
    pub fn path(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }
}

/// A name that may stand in an address as a resource or a child.
pub fn is_resource_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_encoded() {
        let address = Address::collection("fscmRestApi", "11.13.18.05", "invoices")
            .param("q", "A >= '2026-01-31T10:00:00.000+00:00';B = 'x&y'")
            .param("orderBy", "A:asc,B:desc");
        assert_eq!(
            address.as_str(),
            "/fscmRestApi/resources/11.13.18.05/invoices?q=A%20%3E%3D%20%272026-01-31T10:00:00.000%2B00:00%27%3BB%20%3D%20%27x%26y%27&orderBy=A:asc,B:desc"
        );
        assert_eq!(address.path(), "/fscmRestApi/resources/11.13.18.05/invoices");
    }

    #[test]
    fn keys_stay_one_segment() {
        let made = |key: &str| Address::fixed("/x").key(key).map(|address| address.as_str().to_owned());
        assert_eq!(made("OPS:300").unwrap(), "/x/OPS%3A300");
        assert_eq!(made("a/../b?c#d").unwrap(), "/x/a%2F..%2Fb%3Fc%23d");
        for key in ["", " ", ".", "..", "a\u{0}"] {
            assert!(made(key).is_err(), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_place(value in "\\PC{0,40}") {
            let address = Address::fixed("/x").param("q", &value).param("z", "1");
            let (_, query) = address.as_str().split_once('?').unwrap();
            prop_assert_eq!(query.split('&').count(), 2);
            prop_assert!(address.as_str().is_ascii());
            prop_assert!(!address.as_str().contains(['+', '#', ' ']));
        }
    }
}
