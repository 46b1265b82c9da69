//! Reading a collection from end to end: no row skipped, none repeated, no page trusted blindly.
//!
//! Pages follow the key where it can be compared (`q=…;Key > last`), since an offset over a live table
//! shifts under one's feet (FACTS 1.12, P6); else the offset. The server's limit counts and not ours (P1),
//! a page without `hasMore` is judged by its length (P2), a short page is not the end (P5), a page that
//! breaks off is halved until the row that breaks it stands alone (P8).

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::address::Address;
use super::pod::{Doing, Pod};
use super::record;
use super::target::Target;
use crate::contract::{ProblemKind, Warning};
use crate::problem::{Failure, Result, warning};

/// What a pod gives at most (FACTS 1.4).
pub const PAGE: usize = 500;
/// What one answer holds at most (the contract).
pub const ANSWER_BYTES: usize = 8 << 20;
/// Rows that may be left out of one answer before it is no answer any more.
const BROKEN_ROWS: usize = 20;

/// A page's envelope. Its rows stay text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a> {
    /// Rows.
    #[serde(borrow)]
    pub items: Vec<&'a RawValue>,
    /// Rows in this page.
    pub count: Option<u64>,
    /// Whether there are more.
    pub has_more: Option<bool>,
    /// What the server allowed.
    pub limit: Option<u64>,
    /// Estimated rows in all.
    pub total_results: Option<u64>,
}

/// Where reading goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// Behind this key, and behind as many rows after it that could not be read.
    #[serde(rename = "k")]
    After(String, usize),
    /// At this offset.
    #[serde(rename = "o")]
    Offset(usize),
}

/// What a search asks for, page by page.
pub struct Search<'a> {
    /// What is being done, for errors, as in "search invoices".
    pub what: String,
    /// The resource.
    pub target: &'a Target,
    /// Terms of `q`, joined with `;`.
    pub terms: Vec<String>,
    /// All parameters that stay the same.
    pub fixed: Address,
    /// `orderBy`.
    pub order: Option<String>,
    /// The attribute that pages follow, where they follow a key.
    pub keyset: Option<String>,
    /// Ask for the total.
    pub total: bool,
}

/// How reading ended.
#[derive(Debug, Default)]
pub struct End {
    /// Where to go on; none at the end.
    pub next: Option<Position>,
    /// The estimated total, where asked for.
    pub total: Option<u64>,
    /// What was lost sight of.
    pub warnings: Vec<Warning>,
}

enum Entry {
    Row(usize, Range<usize>),
    Skipped,
}

/// A page in memory: the bodies as they came, and where in them the rows stand.
#[derive(Default)]
struct Page {
    bodies: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    more: bool,
    /// The pod said so itself.
    promised: bool,
    total: Option<u64>,
}

impl Page {
    fn row(&self, entry: &Entry) -> Option<&str> {
        match entry {
            Entry::Row(body, range) => std::str::from_utf8(self.bodies.get(*body)?.get(range.clone())?).ok(),
            Entry::Skipped => None,
        }
    }
}

impl Search<'_> {
    fn doing(&self) -> Doing<'_> {
        Doing { what: &self.what, object: &self.target.name }
    }

    /// The first position.
    pub fn start(&self) -> Position {
        match self.keyset {
            Some(_) => Position::After(String::new(), 0),
            None => Position::Offset(0),
        }
    }

    /// Hands over rows from `position` on: at most `limit`, at most 8 MiB, and no longer than there is time.
    ///
    /// # Errors
    /// Those of a read, where nothing was handed over yet; afterwards the end says where to go on.
    pub fn read(&self, pod: &Pod, position: Position, limit: usize, take: &mut dyn FnMut(&str)) -> Result<End> {
        let mut end = End::default();
        let mut position = position;
        let (mut taken, mut bytes, mut broken) = (0, 0, 0);
        let mut first_before: Option<String> = None;
        let mut promised = false;
        loop {
            let want = (limit - taken).min(PAGE);
            let page = match self.page(pod, &position, 0, want, &mut end.warnings, &mut broken) {
                Ok(page) => page,
                Err(failure) if taken > 0 && failure.again => {
                    end.warnings.push(warning(
                        "stopped_early",
                        format!(
                            "{} The rows read so far are whole; the cursor goes on behind them.",
                            failure.problem.message
                        ),
                        None,
                    ));
                    end.next = Some(position);
                    return Ok(end);
                }
                Err(failure) => return Err(failure),
            };
            end.total = end.total.or(page.total);
            let first = page.entries.iter().find_map(|entry| page.row(entry)).map(str::to_owned);
            if first.is_some() && first == first_before {
                return Err(Failure::permanent(
                    ProblemKind::UnexpectedResponse,
                    format!(
                        "Could not {}: the pod answers the same page again and again (it ignores where to go on).",
                        self.what
                    ),
                )
                .remedy("Narrow the search with conditions, or use a finder that pages by itself."));
            }
            let mut full = false;
            for entry in &page.entries {
                match page.row(entry) {
                    Some(row) => {
                        if taken > 0 && bytes + row.len() > ANSWER_BYTES {
                            full = true;
                            break;
                        }
                        take(row);
                        taken += 1;
                        bytes += row.len();
                        position = self.behind(position, row)?;
                    }
                    None => {
                        position = match position {
                            Position::After(key, skipped) => Position::After(key, skipped + 1),
                            Position::Offset(offset) => Position::Offset(offset + 1),
                        };
                    }
                }
            }
            if full {
                end.next = Some(position);
                return Ok(end);
            }
            if page.entries.is_empty() && (page.more || promised) {
                end.warnings.push(warning("truncated", "The pod says that there are more rows and gives none: what it holds beyond this point is not in the answer.", None));
                return Ok(end);
            }
            if !page.more {
                return Ok(end);
            }
            if taken >= limit || !pod.has_time() {
                end.next = Some(position);
                return Ok(end);
            }
            first_before = first;
            promised = page.promised;
        }
    }

    /// One page from the beginning, behind `skip` rows; hands over `None` for a row that cannot be read.
    /// Answers whether there are more.
    ///
    /// # Errors
    /// Those of a read.
    pub fn one(
        &self,
        pod: &Pod,
        skip: usize,
        want: usize,
        warnings: &mut Vec<Warning>,
        take: &mut dyn FnMut(Option<&str>),
    ) -> Result<bool> {
        let page = self.page(pod, &Position::Offset(skip), 0, want, warnings, &mut 0)?;
        for entry in &page.entries {
            take(page.row(entry));
        }
        Ok(page.more)
    }

    fn behind(&self, position: Position, row: &str) -> Result<Position> {
        let Some(attribute) = &self.keyset else {
            return Ok(match position {
                Position::Offset(offset) => Position::Offset(offset + 1),
                after @ Position::After(..) => after,
            });
        };
        let [key] = record::pick(row, [attribute.as_str()]);
        match key.and_then(record::plain) {
            Some(key) if is_number(&key) => Ok(Position::After(key, 0)),
            _ => Err(Failure::permanent(
                ProblemKind::UnexpectedResponse,
                format!("Could not {}: a row came without its key {attribute}.", self.what),
            )),
        }
    }

    fn address(&self, position: &Position, more: usize, want: usize) -> Address {
        let mut terms = self.terms.clone();
        let mut offset = more;
        match (position, &self.keyset) {
            (Position::After(key, skipped), Some(attribute)) => {
                if !key.is_empty() {
                    terms.push(format!("{attribute} > {key}"));
                }
                offset += skipped;
            }
            (Position::Offset(at), _) => offset += at,
            (Position::After(..), None) => {}
        }
        let mut address = self.fixed.clone();
        if !terms.is_empty() {
            address = address.param("q", &terms.join(";"));
        }
        if let Some(order) = &self.order {
            address = address.param("orderBy", order);
        }
        if self.total && *position == self.start() && more == 0 {
            address = address.param("totalResults", "true");
        }
        address = address.param("limit", &want.to_string());
        if offset > 0 {
            address = address.param("offset", &offset.to_string());
        }
        address
    }

    fn page(
        &self,
        pod: &Pod,
        position: &Position,
        more: usize,
        want: usize,
        warnings: &mut Vec<Warning>,
        broken: &mut usize,
    ) -> Result<Page> {
        let address = self.address(position, more, want);
        let outcome = pod.get(self.doing(), &address);
        let body = match outcome {
            Ok(response) => response.body,
            // Too much for one answer: half as many rows.
            Err(failure)
                if failure.kind() == ProblemKind::TooLarge && want > 1 && failure.problem.http_status.is_none() =>
            {
                return self.page(pod, position, more, want / 2, warnings, broken);
            }
            Err(failure) => return Err(failure),
        };
        let told = match parse(body, want) {
            Ok(page) => return Ok(page),
            Err(told) => told,
        };
        if !told.is_page {
            return Err(pod.unexpected(
                self.doing(),
                &format!("the body of {} is not a list of records ({})", address.path(), told.reason),
            ));
        }
        if want > 1 {
            let half = want / 2;
            let mut left = self.page(pod, position, more, half, warnings, broken)?;
            if left.more || left.entries.len() >= half {
                let read = left.entries.len();
                let right = self.page(pod, position, more + read, want - half, warnings, broken)?;
                let shift = left.bodies.len();
                left.bodies.extend(right.bodies);
                left.entries.extend(right.entries.into_iter().map(|entry| match entry {
                    Entry::Row(body, range) => Entry::Row(body + shift, range),
                    Entry::Skipped => Entry::Skipped,
                }));
                left.more = right.more;
                left.promised = right.promised;
            }
            return Ok(left);
        }
        *broken += 1;
        if *broken > BROKEN_ROWS {
            return Err(
                pod.unexpected(self.doing(), &format!("more than {BROKEN_ROWS} rows cannot be read ({})", told.reason))
            );
        }
        warnings.push(warning(
            "row_unreadable",
            format!(
                "The pod could not write one row of {} ({}); the row is left out.",
                self.target.name,
                pod.settings.secrets.hide(&told.reason)
            ),
            told.key,
        ));
        Ok(Page { entries: vec![Entry::Skipped], more: true, ..Page::default() })
    }
}

struct Broken {
    is_page: bool,
    reason: String,
    key: Option<String>,
}

fn parse(body: Vec<u8>, want: usize) -> std::result::Result<Page, Broken> {
    let (ranges, more, promised, total) = {
        let envelope: Envelope = match serde_json::from_slice(&body) {
            Ok(envelope) => envelope,
            Err(error) => return Err(why(&body, &error)),
        };
        let count = envelope.items.len();
        let allowed = envelope.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(want);
        let more = envelope.has_more.unwrap_or(count > 0 && count >= allowed.min(want));
        let start = body.as_ptr().addr();
        let place = |raw: &&RawValue| {
            let at = raw.get().as_ptr().addr().saturating_sub(start);
            at..at + raw.get().len()
        };
        let promised = envelope.has_more == Some(true);
        (envelope.items.iter().map(place).collect::<Vec<_>>(), more, promised, envelope.total_results)
    };
    let entries = ranges.into_iter().map(|range| Entry::Row(0, range)).collect();
    Ok(Page { bodies: vec![body], entries, more, promised, total })
}

/// Why a body is no page, with what the pod wrote where it broke off.
fn why(body: &[u8], error: &serde_json::Error) -> Broken {
    let text = String::from_utf8_lossy(body);
    let is_page = text.trim_start().starts_with('{') && text.contains("\"items\"");
    let tail: String = text.chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
    let start = ["Too many objects", "JBO-", "oracle.jbo"].iter().filter_map(|mark| tail.find(mark)).min();
    let reason = match start.and_then(|at| tail.get(at..)) {
        Some(told) => crate::text::shorten(&told.split_whitespace().collect::<Vec<_>>().join(" "), 200),
        None => format!("it is not JSON: {error}"),
    };
    let key = tail.rsplit_once("Key[").and_then(|(_, rest)| rest.split(']').next()).map(|key| key.trim().to_owned());
    Broken { is_page, reason, key: key.filter(|key| !key.is_empty()) }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a cursor of ours holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Version of this shape.
    v: u8,
    /// Fingerprint of what was asked, since a cursor fits that and nothing else.
    f: String,
    /// Where to go on.
    p: Position,
}

impl Cursor {
    /// The opaque text of a cursor for a question with this fingerprint.
    pub fn write(fingerprint: &str, position: Position) -> String {
        let cursor = Self { v: 1, f: fingerprint.to_owned(), p: position };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    /// Reads a cursor back.
    ///
    /// # Errors
    /// `invalid-input` at `/cursor` for what is no cursor, or one of another question.
    pub fn read(text: &str, fingerprint: &str) -> Result<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match cursor {
            Some(cursor) if cursor.v == 1 && cursor.f == fingerprint => match cursor.p {
                Position::After(key, _) if !key.is_empty() && !is_number(&key) => {
                    Err(Failure::invalid("/cursor", "this is not a cursor that a search answered"))
                }
                position => Ok(position),
            },
            Some(_) => Err(Failure::invalid("/cursor", "this cursor belongs to another search")
                .remedy("Use a cursor only with the input that answered it.")),
            None => Err(Failure::invalid("/cursor", "this is not a cursor that a search answered")
                .remedy("Use next_cursor of the answer before, unchanged; leave cursor out to begin anew.")),
        }
    }
}

/// A fingerprint of texts: 64 bits of FNV-1a. It guards against mistakes, not against malice.
pub fn fingerprint<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for text in texts {
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_page_without_has_more_is_judged_by_its_length() {
        let more = |body: &str, want| parse(body.as_bytes().to_vec(), want).ok().unwrap().more;
        assert!(more(r#"{"items":[{},{}],"count":2}"#, 2));
        assert!(!more(r#"{"items":[{}],"count":1}"#, 2));
        assert!(!more(r#"{"items":[]}"#, 2));
        assert!(more(r#"{"items":[{}],"limit":1}"#, 500));
        assert!(more(r#"{"items":[{}],"hasMore":true,"limit":25}"#, 500));
    }

    #[test]
    fn a_page_that_breaks_off_tells_the_key() {
        let body = br#"{"items":[{"A":1},{"B": Too many objects match the primary key oracle.jbo.Key[300000001 ]."#;
        let told = parse(body.to_vec(), 2).err().unwrap();
        assert!(told.is_page);
        assert_eq!(told.key.as_deref(), Some("300000001"));
        assert!(told.reason.starts_with("Too many objects"), "{}", told.reason);
    }

    #[test]
    fn a_cursor_fits_its_own_question_alone() {
        let position = Position::After("300000000000000001".into(), 2);
        let text = Cursor::write("f", position.clone());
        assert_eq!(Cursor::read(&text, "f").unwrap(), position);
        assert!(Cursor::read(&text, "g").is_err());
        let evil = Cursor::write("f", Position::After("1 or 1=1".into(), 0));
        assert!(Cursor::read(&evil, "f").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC{0,60}") {
            prop_assert!(Cursor::read(&text, "f").is_err());
        }

        #[test]
        fn any_body_is_a_page_or_told(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(body, 10);
        }
    }
}
