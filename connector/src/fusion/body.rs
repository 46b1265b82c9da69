//! One page's body: where in it the rows stand, and why a body is none.
//!
//! Rows stay text, and a body is scanned once. What can be told from its last kilobytes alone (`tail`) is a
//! guess, good enough to ask for the next page early and never for more.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::record;

/// How much of a body's end is looked at for a guess: an envelope's own members, with its links.
const TAIL: usize = 4096;
/// How far from the end the last row's key is looked for.
const LAST_ROW: usize = 64 << 10;

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

/// A row of a page, or the place of one that the pod could not write.
pub enum Entry {
    /// In which body, and where in it.
    Row(usize, Range<usize>),
    /// Unreadable.
    Skipped,
}

/// A page in memory: the bodies as they came, and where in them the rows stand.
#[derive(Default)]
pub struct Page {
    /// As they came; more than one where a page had to be halved.
    pub bodies: Vec<String>,
    /// In the order of the answer.
    pub entries: Vec<Entry>,
    /// Whether there are more rows behind, as said or inferred.
    pub more: bool,
    /// The pod said so itself.
    pub promised: bool,
    /// The estimated total, where asked for.
    pub total: Option<u64>,
}

impl Page {
    /// The text of a row; `None` for one that could not be read.
    pub fn row(&self, entry: &Entry) -> Option<&str> {
        match entry {
            Entry::Row(body, range) => self.bodies.get(*body)?.get(range.clone()),
            Entry::Skipped => None,
        }
    }

    /// The first row that could be read.
    pub fn first(&self) -> Option<&str> {
        self.entries.iter().find_map(|entry| self.row(entry))
    }

    /// Appends the page that follows.
    pub fn append(&mut self, next: Self) {
        let shift = self.bodies.len();
        self.bodies.extend(next.bodies);
        self.entries.extend(next.entries.into_iter().map(|entry| match entry {
            Entry::Row(body, range) => Entry::Row(body + shift, range),
            Entry::Skipped => Entry::Skipped,
        }));
        self.more = next.more;
        self.promised = next.promised;
    }
}

/// Why a body is no page.
pub struct Broken {
    /// It began as one.
    pub is_page: bool,
    /// For people.
    pub reason: String,
    /// The key that the pod wrote where it broke off.
    pub key: Option<String>,
}

/// Reads a page of which `want` rows were asked for.
///
/// # Errors
/// [`Broken`].
pub fn parse(body: Vec<u8>, want: usize) -> Result<Page, Broken> {
    let body = match json_rows::text(body) {
        Ok(body) => body,
        Err((bytes, error)) => return Err(why(&String::from_utf8_lossy(&bytes), &error)),
    };
    // Of the rows only their places matter; a parser reads what stands around them, and all of a body that breaks off.
    let cut = json_rows::cut(&body, "items");
    let around = cut.as_ref().map_or(body.as_str(), |cut| cut.rest.as_str());
    let envelope: Envelope = match crate::json::from_str(around) {
        Ok(envelope) => envelope,
        Err(error) => return Err(why(&body, &error)),
    };
    let count = cut.as_ref().map_or(envelope.items.len(), |cut| cut.rows.len());
    let allowed = envelope.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(want);
    let more = envelope.has_more.unwrap_or(count > 0 && count >= allowed.min(want));
    let promised = envelope.has_more == Some(true);
    let total = envelope.total_results;
    let start = body.as_ptr().addr();
    let place = |raw: &&RawValue| {
        let at = raw.get().as_ptr().addr().saturating_sub(start);
        at..at + raw.get().len()
    };
    let rows = match cut {
        Some(cut) => cut.rows,
        None => envelope.items.iter().map(place).collect(),
    };
    let entries = rows.into_iter().map(|range| Entry::Row(0, range)).collect();
    Ok(Page { bodies: vec![body], entries, more, promised, total })
}

/// A row that is no row: the page stands in a list within it (P4).
pub struct Wrapped {
    /// Rows in the list.
    pub rows: usize,
    /// Whether there are more behind them.
    pub more: bool,
    /// There are rows, and the list is empty: it was not expanded.
    pub hidden: bool,
}

/// Tells a wrapper by its own `Limit` and `Offset`; `None` for any other row.
pub fn wrapped(row: &str) -> Option<Wrapped> {
    let number = |raw: &RawValue| raw.get().parse::<usize>().ok();
    let [limit, offset] = record::pick(row, ["Limit", "Offset"]);
    let (limit, offset) = (number(limit?)?, number(offset?)?);
    let record::Members(members) = serde_json::from_str(row).ok()?;
    let (mut rows, mut total) = (0, None);
    for (name, raw) in members {
        let list: Option<Vec<&RawValue>> = match raw.get().as_bytes().first() {
            Some(b'[') => serde_json::from_str(raw.get()).ok(),
            Some(b'{') => crate::json::from_str::<Envelope>(raw.get()).ok().map(|envelope| envelope.items),
            _ => None,
        };
        rows = rows.max(list.map_or(0, |list| list.len()));
        if name.starts_with("Total") {
            total = total.or(number(raw));
        }
    }
    let more = rows > 0 && total.map_or(rows >= limit, |total| offset + rows < total);
    Some(Wrapped { rows, more, hidden: rows == 0 && total.is_some_and(|total| total > offset) })
}

/// What the end of a page seems to say: the count of its rows, where more are promised, and the number that
/// stands at the last mention of `attribute`.
pub fn tail(body: &[u8], attribute: &str) -> Option<(usize, Option<String>)> {
    let end = body.get(body.len().saturating_sub(TAIL)..)?;
    if after(end, "hasMore")? != "true" {
        return None;
    }
    let last = body.get(body.len().saturating_sub(LAST_ROW)..)?;
    let key = after(last, attribute).filter(|key| key.bytes().all(|byte| byte.is_ascii_digit()));
    Some((after(end, "count")?.parse().ok()?, key.map(str::to_owned)))
}

/// The bare value behind the last mention of a member.
fn after<'b>(body: &'b [u8], name: &str) -> Option<&'b str> {
    let mark = format!("\"{name}\"");
    let at = body.windows(mark.len()).rposition(|window| window == mark.as_bytes())?;
    let rest = body.get(at + mark.len()..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    std::str::from_utf8(rest.get(..length)?).ok().filter(|value| !value.is_empty())
}

/// Why a body is no page, with what the pod wrote where it broke off.
fn why(text: &str, error: &dyn std::fmt::Display) -> Broken {
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
    fn the_end_of_a_page_is_guessed() {
        let body = br#"{"items":[{"Id" : 7},{"Id" : 12, "x":[]}],"count" : 2,"hasMore" : true,"limit":2}"#;
        assert_eq!(tail(body, "Id"), Some((2, Some("12".to_owned()))));
        assert_eq!(tail(body, "Other"), Some((2, None)));
        assert_eq!(tail(br#"{"items":[],"count":0,"hasMore":false}"#, "Id"), None);
    }

    proptest! {
        #[test]
        fn any_body_is_a_page_or_told(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = tail(&body, "Id");
            let _ = parse(body, 10);
        }
    }
}
