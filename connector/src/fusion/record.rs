//! Records as raw JSON: picked from, and rewritten only where a child's envelope is to become a list.
//!
//! A record's text is never turned into values: numbers keep their spelling, members their order.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::page::Envelope;

/// The raw values of some members, in the order asked for; `None` where one is absent.
pub fn pick<'r, const N: usize>(record: &'r str, names: [&str; N]) -> [Option<&'r RawValue>; N] {
    struct Picker<'n, const N: usize>([&'n str; N]);
    impl<'r, const N: usize> Visitor<'r> for Picker<'_, N> {
        type Value = [Option<&'r RawValue>; N];

        fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
            formatter.write_str("a record")
        }

        fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            while let Some(name) = map.next_key::<std::borrow::Cow<'r, str>>()? {
                match self.0.iter().position(|wanted| *wanted == name).and_then(|at| found.get_mut(at)) {
                    Some(place) => *place = Some(map.next_value()?),
                    None => drop(map.next_value::<IgnoredAny>()?),
                }
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(record).deserialize_map(Picker(names)).unwrap_or([None; N])
}

/// The text of a key or of a name: a string's content, a number's spelling; `None` for null and the rest.
pub fn plain(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).ok(),
        Some(b'-' | b'0'..=b'9' | b't' | b'f') => Some(text.to_owned()),
        _ => None,
    }
}

/// Members of an object in their order.
pub struct Members<'r>(pub Vec<(String, &'r RawValue)>);

impl<'r> Deserialize<'r> for Members<'r> {
    fn deserialize<D: Deserializer<'r>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collector;
        impl<'r> Visitor<'r> for Collector {
            type Value = Members<'r>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collector)
    }
}

/// Rows of an expanded child that frameworks 1 and 2 give at most, without a sign (P9).
const CUT: usize = 25;

/// Appends a record, with each child envelope (framework 3 and later) as a plain list. `cut` is called with
/// the name of a child that the pod did not send whole (P9), as in `lines.distributions`.
pub fn flatten(record: &str, out: &mut String, cut: &mut dyn FnMut(&str)) {
    flatten_whole(record, "", false, out, &mut |child, _| {
        if child.cut {
            cut(child.path);
        }
        false
    });
}

/// A child as it stands in a record.
pub struct Came<'r> {
    /// Its name behind those that it stands in, as in `lines.distributions`.
    pub path: &'r str,
    /// Whether there are more rows than these.
    pub cut: bool,
    text: &'r str,
}

impl Came<'_> {
    /// Whether a child of one of its rows says that there are more. A text that looks like it counts as well.
    pub fn cut_below(&self) -> bool {
        let mut ends = self.text.split("\"hasMore\"").skip(1);
        !self.cut
            && ends
                .any(|end| end.trim_start().strip_prefix(':').is_some_and(|end| end.trim_start().starts_with("true")))
    }
}

/// The same; `whole` may append the list of a child as it should be, and tells whether it did. `unsigned` says
/// that lists come without a sign of being cut (frameworks 1 and 2). `below` is the path of the record.
pub fn flatten_whole(
    record: &str,
    below: &str,
    unsigned: bool,
    out: &mut String,
    whole: &mut dyn FnMut(&Came, &mut String) -> bool,
) {
    match serde_json::from_str::<Members>(record) {
        Ok(Members(members)) if members.iter().any(|(_, raw)| child(raw, unsigned).is_some()) => {
            out.push('{');
            for (index, (name, raw)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(name).unwrap_or_default());
                out.push(':');
                let Some((rows, cut)) = child(raw, unsigned) else {
                    out.push_str(raw.get());
                    continue;
                };
                let path = if below.is_empty() { name.clone() } else { format!("{below}.{name}") };
                let begin = out.len();
                if whole(&Came { path: &path, cut, text: raw.get() }, out) {
                    continue;
                }
                out.truncate(begin);
                out.push('[');
                for (at, row) in rows.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    flatten_whole(row.get(), &path, unsigned, out, whole);
                }
                out.push(']');
            }
            out.push('}');
        }
        _ => out.push_str(record),
    }
}

/// Appends a record, whose children are lists already, without its `links` and theirs.
pub fn without_links(record: &str, out: &mut String) {
    let Ok(Members(members)) = serde_json::from_str::<Members>(record) else { return out.push_str(record) };
    let begin = out.len();
    for (name, raw) in members.iter().filter(|(name, _)| name != "links") {
        out.push(if out.len() == begin { '{' } else { ',' });
        out.push_str(&serde_json::to_string(name).unwrap_or_default());
        out.push(':');
        let rows: Vec<&RawValue> = match raw.get().starts_with('[') {
            true => serde_json::from_str(raw.get()).unwrap_or_default(),
            false => Vec::new(),
        };
        if rows.is_empty() || !rows.iter().all(|row| row.get().starts_with('{')) {
            out.push_str(raw.get());
            continue;
        }
        for (index, row) in rows.iter().enumerate() {
            out.push(if index == 0 { '[' } else { ',' });
            without_links(row.get(), out);
        }
        out.push(']');
    }
    out.push_str(if out.len() == begin { "{}" } else { "}" });
}

/// The rows of a child, and whether there are more than these.
fn child(raw: &RawValue, unsigned: bool) -> Option<(Vec<&RawValue>, bool)> {
    if let Some(envelope) = is_envelope(raw) {
        return Some((envelope.items, envelope.has_more == Some(true)));
    }
    if !unsigned || !raw.get().starts_with('[') {
        return None;
    }
    let rows: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
    (rows.len() == CUT && rows.iter().all(|row| row.get().starts_with('{'))).then_some((rows, true))
}

/// A child's collection: an object with `items`, and `count` or `hasMore`.
fn is_envelope(raw: &RawValue) -> Option<Envelope<'_>> {
    let text = raw.get();
    if !text.starts_with('{') || !text.contains("\"items\"") {
        return None;
    }
    let envelope: Envelope = crate::json::from_str(text).ok()?;
    (envelope.count.is_some() || envelope.has_more.is_some()).then_some(envelope)
}

/// The key in the `self` link of a row, decoded; a link is read as text and never followed.
pub fn key_in_links(record: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Link {
        rel: Option<String>,
        href: Option<String>,
    }
    let [links] = pick(record, ["links"]);
    let links: Vec<Link> = crate::json::from_str(links?.get()).ok()?;
    let href = links.into_iter().find(|link| link.rel.as_deref() == Some("self"))?.href?;
    let path = href.split(['?', '#']).next()?;
    let last = path.rsplit('/').next().filter(|segment| !segment.is_empty())?;
    Some(percent_encoding::percent_decode_str(last).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn members_are_picked_with_their_spelling() {
        let record = r#"{"Other" : {"InvoiceId":1}, "InvoiceId" : 300000000000000001,"Amount":0.10}"#;
        let [id, amount, none] = pick(record, ["InvoiceId", "Amount", "Missing"]);
        assert_eq!(id.unwrap().get(), "300000000000000001");
        assert_eq!(amount.unwrap().get(), "0.10");
        assert!(none.is_none());
        assert!(pick("[1]", ["x"])[0].is_none());
    }

    #[test]
    fn children_become_lists_and_the_rest_stays_as_it_is() {
        let record = r#"{"A": 1.50, "lines": {"items": [{"N": 1, "d": {"items": [{"D":0.10}], "count": 1, "hasMore": true}}], "count": 1, "hasMore": false}, "o": {"items": 3}}"#;
        let (mut out, mut cut) = (String::new(), Vec::new());
        flatten(record, &mut out, &mut |child| cut.push(child.to_owned()));
        assert_eq!(out, r#"{"A":1.50,"lines":[{"N":1,"d":[{"D":0.10}]}],"o":{"items": 3}}"#);
        assert_eq!(cut, ["lines.d"]);
        let plain = r#"{ "A" : [ 1 ] }"#;
        let mut same = String::new();
        flatten(plain, &mut same, &mut |_| {});
        assert_eq!(same, plain);
    }

    #[test]
    fn the_key_is_read_from_the_self_link() {
        let record =
            r#"{"links":[{"rel":"canonical","href":"x/y"},{"rel":"self","href":"https://h:443/a/b/OPS%3A300"}]}"#;
        assert_eq!(key_in_links(record).as_deref(), Some("OPS:300"));
        assert_eq!(key_in_links("{}"), None);
    }
}
