//! A request held against what is expected of one, and told apart so that a person sees the difference.

use percent_encoding::percent_decode_str;
use similar::TextDiff;

use super::{Content, Expected, Sent, pairs};
use crate::exact::{Exact, parse_json};
use crate::secrets::Secrets;

/// One part of a request that is not as expected. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `method`, `host`, `path`, `query`, `header x` or `body`.
    pub part: String,
    /// What was expected, over one or more lines.
    pub expected: String,
    /// What was sent.
    pub found: String,
}

impl Difference {
    /// Lines that begin with `-` for what was expected and `+` for what was sent.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let ends = |text: &str| {
            if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
        };
        let (expected, found) = (ends(&self.expected), ends(&self.found));
        let diff = TextDiff::from_lines(&expected, &found);
        let mut lines = Vec::new();
        for (index, group) in diff.grouped_ops(2).iter().enumerate() {
            if index > 0 {
                lines.push("…".to_owned());
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                lines.push(format!("{} {}", change.tag(), change.value().trim_end_matches('\n')));
            }
        }
        lines
    }
}

/// How alike two texts are, from 0 (not at all) to 1 (equal).
#[must_use]
pub fn likeness(a: &str, b: &str) -> f32 {
    TextDiff::from_chars(a, b).ratio()
}

/// Where the request differs; empty where it fits. Both sides are compared without their secrets, since a
/// recording has none.
#[must_use]
pub fn differences(expected: &Expected, sent: &Sent, secrets: &Secrets) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |part: &str, expected: String, sent: String| {
        found.push(Difference {
            part: part.to_owned(),
            expected: secrets.clean(&expected),
            found: secrets.clean(&sent),
        });
    };
    if let Some(method) = expected.method.as_ref().filter(|method| **method != sent.method) {
        differ("method", method.clone(), sent.method.clone());
    }
    if let Some(host) = expected.host.as_ref().filter(|host| !host.eq_ignore_ascii_case(&sent.authority)) {
        differ("host", host.clone(), sent.authority.clone());
    }
    if let Some(path) = &expected.path
        && secrets.clean(&plain_path(path)) != secrets.clean(&plain_path(&sent.path))
    {
        differ("path", path.clone(), sent.path.clone());
    }
    if let Some(query) = &expected.query {
        let (expected, sent) = (pair_lines(query, secrets), pair_lines(&sent.query, secrets));
        if expected != sent {
            differ("query", expected, sent);
        }
    }
    for (name, wanted) in &expected.headers {
        let values: Vec<&str> = sent
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        let shown = || {
            if values.is_empty() { "(no such header)".to_owned() } else { values.join(", ") }
        };
        match wanted {
            Some(wanted) if !values.contains(&wanted.as_str()) => {
                differ(&format!("header {name}"), wanted.clone(), hidden(name, shown()))
            }
            None if !values.is_empty() => {
                differ(&format!("header {name}"), "(no such header)".to_owned(), hidden(name, shown()))
            }
            _ => {}
        }
    }
    if let Some(body) = &expected.body
        && let Some((expected, sent)) = body_texts(body, sent, secrets)
    {
        differ("body", expected, sent);
    }
    found
}

fn hidden(name: &str, value: String) -> String {
    if crate::secrets::SECRET_HEADERS.contains(&name) { crate::secrets::PLACEHOLDER.to_owned() } else { value }
}

/// Two spellings of one path become one; what would change its meaning stays encoded.
fn plain_path(path: &str) -> String {
    let kept = path.replace("%2F", "%252F").replace("%2f", "%252F").replace("%25", "%2525");
    percent_decode_str(&kept).decode_utf8_lossy().into_owned()
}

/// One pair a line, sorted, so that their order does not count.
fn pair_lines(pairs: &[(String, String)], secrets: &Secrets) -> String {
    let mut lines: Vec<String> =
        secrets.clean_pairs(pairs).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.sort();
    lines.join("\n")
}

/// Both bodies in comparable form where they differ.
fn body_texts(expected: &Content, sent: &Sent, secrets: &Secrets) -> Option<(String, String)> {
    let found = String::from_utf8_lossy(&sent.body);
    let (expected, found) = match expected {
        Content::Json(Exact::Object(members)) if sent.is_form() => {
            (pair_lines(&scalar_pairs(members), secrets), pair_lines(&pairs(&found), secrets))
        }
        Content::Json(value) => {
            secrets.learn_json(&found);
            let found = secrets.clean(&found);
            match parse_json(&found) {
                Ok(found) => (
                    parse_json(&secrets.clean(&value.to_string())).unwrap_or_else(|_| value.clone()).sorted().pretty(),
                    found.sorted().pretty(),
                ),
                Err(_) => (value.pretty(), if found.is_empty() { "(no body)".to_owned() } else { found }),
            }
        }
        Content::Text(text) if sent.is_form() => {
            (pair_lines(&pairs(text), secrets), pair_lines(&pairs(&found), secrets))
        }
        Content::Text(text) => {
            secrets.learn_json(&found);
            (secrets.clean(text), secrets.clean(&found))
        }
        Content::Bytes(bytes) => {
            let found = secrets.clean_bytes(&sent.body);
            if secrets.clean_bytes(bytes) == found {
                return None;
            }
            (String::from_utf8_lossy(bytes).into_owned(), String::from_utf8_lossy(&found).into_owned())
        }
    };
    (expected != found).then_some((expected, found))
}

fn scalar_pairs(members: &[(String, Exact)]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in members {
        let items = if let Exact::Array(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
        for item in items {
            pairs.push((name.clone(), item.as_text().map_or_else(|| item.to_string(), str::to_owned)));
        }
    }
    pairs
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;

    use super::super::parse;
    use super::*;

    fn expected(request: &str) -> Expected {
        parse(&format!("[{{\"request\":{request},\"response\":{{}}}}]"), Path::new(""))
            .unwrap()
            .exchanges
            .remove(0)
            .request
    }

    fn sent(body: &str) -> Sent {
        Sent {
            method: "POST".to_owned(),
            authority: "pod.example".to_owned(),
            path: "/api/a%20b/x%2Fy".to_owned(),
            query: pairs("q=A%20%3E%201&limit=25"),
            headers: vec![("rest-framework-version".to_owned(), "4".to_owned())],
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn parts(request: &str, body: &str) -> Vec<String> {
        differences(&expected(request), &sent(body), &Secrets::default())
            .into_iter()
            .map(|difference| difference.part)
            .collect()
    }

    #[test]
    fn what_is_left_out_is_not_compared() {
        assert!(parts("{}", "anything").is_empty());
        assert!(parts(r#"{"method":"POST"}"#, "anything").is_empty());
    }

    #[test]
    fn order_and_encoding_do_not_count() {
        assert!(parts(r#"{"path":"/api/a b/x%2fy","query":{"limit":25,"q":"A > 1"}}"#, "").is_empty());
        assert!(parts(r#"{"query":"limit=25&q=A+>+1"}"#, "").is_empty());
        assert!(parts(r#"{"body":{"a":1,"b":0.10}}"#, r#"{ "b": 0.10, "a": 1 }"#).is_empty());
        assert_eq!(parts(r#"{"path":"/api/a b/x/y"}"#, ""), ["path"]);
    }

    #[test]
    fn every_part_that_differs_is_named() {
        let request = r#"{"method":"GET","host":"other","path":"/b","query":{"limit":26},"headers":{"rest-framework-version":"9","x":"y"},"body":{"a":0.1}}"#;
        assert_eq!(
            parts(request, r#"{"a":0.10}"#),
            ["method", "host", "path", "query", "header rest-framework-version", "header x", "body"]
        );
        assert_eq!(parts(r#"{"headers":{"rest-framework-version":null}}"#, ""), ["header rest-framework-version"]);
    }

    #[test]
    fn a_difference_shows_the_lines_that_matter() {
        let found = differences(
            &expected(r#"{"body":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}}"#),
            &sent(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":7}"#),
            &Secrets::default(),
        );
        assert_eq!(found[0].lines(), ["    \"d\": 4,", "    \"e\": 5,", "-   \"f\": 6", "+   \"f\": 7", "  }"]);
    }

    #[test]
    fn a_form_is_compared_by_its_fields_and_shows_no_secret() {
        let mut form = sent("grant_type=client_credentials&client_secret=abc&scope=a+b");
        form.headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded;charset=UTF-8".to_owned()));
        let secrets = Secrets::default();
        let fits = expected(r#"{"body":{"grant_type":"client_credentials","client_secret":"[secret]","scope":"a b"}}"#);
        assert!(differences(&fits, &form, &secrets).is_empty());
        let not = expected(r#"{"body":{"grant_type":"password","client_secret":"[secret]","scope":"a b"}}"#);
        assert!(!format!("{:?}", differences(&not, &form, &secrets)).contains("abc"));
    }
}
