//! Where the rows of a page stand, found many bytes at a time.
//!
//! Owns one question: given `{"items":[ … ], …}`, where is each row, and is all of it JSON? Rows are checked as a
//! parser would check them and never made into values: the bits of 64 bytes tell strings from the rest (as simdjson
//! does, arXiv:1902.08318), and only what stands outside strings is looked at one by one. Says no rather than guess:
//! whoever gets `None` reads the page with a parser, which also knows how to say what is wrong.

mod block;
mod line;
mod text;
mod tokens;

use std::ops::Range;

pub use line::one_line;
pub use text::text;

use tokens::{Tokens, is_scalar};

/// Containers within containers that are followed; a page of records has a handful.
const DEEPEST: u32 = 60;

/// A page, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where each row stands in the text.
    pub rows: Vec<Range<usize>>,
    /// The page without its rows: the list is empty. It is for a parser to read.
    pub rest: String,
    /// No line break stands within or between the rows.
    pub one_line: bool,
}

/// Cuts a page whose first member is the list of its rows, and each row an object. `None` where it is anything else,
/// or where a row is no JSON.
#[must_use]
pub fn cut(text: &str, list: &str) -> Option<Cut> {
    cut_by(text, list, rows)
}

/// As [`cut`], for a page whose writer promises that it is JSON: rows are not checked, only their ends are found. A page
/// that is none may be cut anywhere.
#[must_use]
pub fn cut_json(text: &str, list: &str) -> Option<Cut> {
    cut_by(text, list, ends)
}

fn cut_by(text: &str, list: &str, find: fn(&[u8], usize) -> Option<Found>) -> Option<Cut> {
    let begin = begin_of_list(text, list)?;
    let Found { rows, end, one_line } = find(text.as_bytes(), begin)?;
    let mut rest = text.get(..begin)?.to_owned();
    rest.push_str(text.get(end..)?);
    Some(Cut { rows, rest, one_line })
}

struct Found {
    rows: Vec<Range<usize>>,
    /// Where the bracket stands that closes their list.
    end: usize,
    one_line: bool,
}

/// The place behind the bracket of the list.
fn begin_of_list(text: &str, list: &str) -> Option<usize> {
    let blanks = [' ', '\t', '\n', '\r'];
    let rest = text.trim_start_matches(blanks).strip_prefix('{')?;
    let rest = rest.trim_start_matches(blanks).strip_prefix('"')?.strip_prefix(list)?.strip_prefix('"')?;
    let rest = rest.trim_start_matches(blanks).strip_prefix(':')?;
    let rest = rest.trim_start_matches(blanks).strip_prefix('[')?;
    Some(text.len() - rest.len())
}

/// The rows of the list that begins at `begin` as their brackets tell them.
fn ends(text: &[u8], begin: usize) -> Option<Found> {
    let mut rows = Vec::new();
    let (mut row, mut depth) = (begin, 0_u32);
    let mut tokens = Tokens::new(text, begin);
    loop {
        let (base, mut brackets) = tokens.brackets()?;
        while brackets != 0 {
            let at = base + usize::try_from(brackets.trailing_zeros()).ok()?;
            brackets &= brackets - 1;
            match (text.get(at)?, depth) {
                (b'{', 0) => (row, depth) = (at, 1),
                (b'}', 1) => {
                    depth = 0;
                    rows.push(row..at + 1);
                }
                (b']', 0) => return Some(Found { rows, end: at, one_line: !tokens.broken }),
                (_, 0) => return None,
                (b'{' | b'[', _) => depth = depth.checked_add(1)?,
                _ => depth -= 1,
            }
        }
    }
}

/// The rows of the list that begins at `begin`, checked. Goes by place rather than by a table of states: the members of
/// rows come in the same order, and a processor that has seen one row foresees the branches of the next.
fn rows(text: &[u8], begin: usize) -> Option<Found> {
    let mut rows = Vec::new();
    let mut row = begin;
    // One bit for each container that is open, the innermost lowest: set where it is an object.
    let (mut open, mut depth): (u64, u32) = (0, 0);
    let mut empty = true;
    let mut tokens = Tokens::new(text, begin);
    loop {
        let (mut at, mut byte) = tokens.next()?;
        if !(empty && byte == closing(open)) {
            if open & 1 == 1 {
                if byte != b'"' || tokens.next()?.1 != b':' {
                    return None;
                }
                (at, byte) = tokens.next()?;
            }
            if byte == b'{' || byte == b'[' {
                let object = byte == b'{';
                if depth == DEEPEST || (depth == 0 && !object) {
                    return None;
                }
                if depth == 0 {
                    row = at;
                }
                depth += 1;
                open = open << 1 | u64::from(object);
                empty = true;
                continue;
            }
            if depth == 0 || (byte != b'"' && !is_scalar(text.get(at..)?)) {
                return None;
            }
            (at, byte) = tokens.next()?;
        }
        while byte != b',' {
            if byte != closing(open) {
                return None;
            }
            if depth == 0 {
                return Some(Found { rows, end: at, one_line: !tokens.broken });
            }
            depth -= 1;
            open >>= 1;
            if depth == 0 {
                rows.push(row..at + 1);
            }
            (at, byte) = tokens.next()?;
        }
        empty = false;
    }
}

/// What ends the innermost container.
fn closing(open: u64) -> u8 {
    if open & 1 == 1 { b'}' } else { b']' }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn cut_texts(text: &str) -> Option<(Vec<&str>, String)> {
        cut(text, "items").map(|cut| (cut.rows.into_iter().map(|range| &text[range]).collect(), cut.rest))
    }

    #[test]
    fn rows_are_found_whatever_stands_in_their_strings() {
        let text = r#" { "items" : [{"a":"}],[{\"","b":[1,{"c":-0.5e+3}]} ,
            {}, {"d\\":"\\", "e": true}], "hasMore" : false}"#;
        let (rows, rest) = cut_texts(text).unwrap();
        assert_eq!(rows, [r#"{"a":"}],[{\"","b":[1,{"c":-0.5e+3}]}"#, "{}", r#"{"d\\":"\\", "e": true}"#]);
        assert_eq!(rest, r#" { "items" : [], "hasMore" : false}"#);
        assert_eq!(cut_texts(r#"{"items":[]}"#).unwrap().0, [""; 0]);
        assert!(!cut(text, "items").unwrap().one_line);
        assert!(cut(r#"{"items":[{"a" : 1}, {}]}"#, "items").unwrap().one_line);
    }

    #[test]
    fn what_is_no_page_of_records_is_left_to_a_parser() {
        for text in [
            "",
            "[]",
            r#"{"count":1,"items":[{}]}"#,
            r#"{"items":[1]}"#,
            r#"{"items":[{}"#,
            r#"{"items":[{},]}"#,
            r#"{"items":[{}{}]}"#,
            r#"{"items":[{"a"}]}"#,
            r#"{"items":[{"a":01}]}"#,
            r#"{"items":[{"a":1x}]}"#,
            r#"{"items":[{"a":"x"y}]}"#,
            r#"{"items":[{"a":"\x"}]}"#,
            r#"{"items":[{"a":"\u12g4"}]}"#,
            "{\"items\":[{\"a\":\"\n\"}]}",
            r#"{"items":[{"A":1},{"B": Too many objects match the primary key oracle.jbo.Key[300 ]."#,
        ] {
            assert_eq!(cut_texts(text), None, "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
            "[ -~\\n\\t\"\\\\é{}\\[\\]:,]{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"\\\\]{0,8}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn each_row_is_what_a_parser_reads(
            rows in proptest::collection::vec(proptest::collection::btree_map("[a-z\"\\\\]{0,8}", json(), 0..6), 0..8),
            pretty in any::<bool>(),
        ) {
            let rows: Vec<Value> = rows.into_iter().map(|row| Value::Object(row.into_iter().collect())).collect();
            let page = serde_json::json!({"items": rows, "more": true});
            let text = if pretty { serde_json::to_string_pretty(&page) } else { serde_json::to_string(&page) }.unwrap();
            let (found, rest) = cut_texts(&text).unwrap();
            prop_assert_eq!(cut_json(&text, "items"), cut(&text, "items"));
            let found: Vec<Value> = found.into_iter().map(|row| serde_json::from_str(row).unwrap()).collect();
            prop_assert_eq!(found, rows);
            prop_assert_eq!(serde_json::from_str::<Value>(&rest).unwrap(), serde_json::json!({"items": [], "more": true}));
        }

        #[test]
        fn what_is_cut_is_json(
            rows in proptest::collection::vec(json(), 0..4),
            at in any::<prop::sample::Index>(),
            put in "[ \"\\\\{}\\[\\]:,a0.eE+\\-\\n\\x01u]{0,2}",
            take in 0..3_usize,
        ) {
            let mut text: Vec<char> = serde_json::json!({"items": rows}).to_string().chars().collect();
            let at = at.index(text.len());
            text.splice(at..(at + take).min(text.len()), put.chars());
            let text: String = text.into_iter().collect();
            let _ = cut_json(&text, "items");
            if let Some((found, rest)) = cut_texts(&text) {
                for row in found {
                    prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(row).is_ok(), "{} in {}", row, text);
                }
                let _ = rest;
            }
        }
    }
}
