//! XML that others push, as JSON: for messages whose shape nobody has written down.
//!
//! An element becomes an object of its attributes (`@name`) and children, or its text where it has none; what is
//! there several times becomes a list; prefixes are left out. Text stays text, so that nothing loses a digit. A
//! document type is refused, so there are no entities but the five; depth and number of elements are bounded.

use serde_json::{Map, Value};

use super::soap::unescaped;

/// How deep elements stand in each other: envelopes and records are far from it.
const MOST_DEPTH: usize = 64;
/// Elements of one message: those of a record with hundreds of children.
const MOST_ELEMENTS: usize = 20_000;

/// An element that has begun.
struct Open<'t> {
    name: &'t str,
    members: Map<String, Value>,
    text: String,
}

/// The name of the outermost element, without its prefix, and what is in it. `None` for what is not well-formed,
/// has a document type, or is beyond the bounds.
pub fn read(text: &str) -> Option<(String, Value)> {
    let mut rest = text.trim_start_matches('\u{feff}');
    let (mut open, mut root, mut count): (Vec<Open>, Option<(String, Value)>, usize) = (Vec::new(), None, 0);
    while let Some((before, after)) = rest.split_once('<') {
        match open.last_mut() {
            Some(element) => element.text.push_str(&unescaped(before)),
            None if before.trim().is_empty() => {}
            None => return None,
        }
        if let Some(raw) = after.strip_prefix("![CDATA[") {
            let (raw, behind) = raw.split_once("]]>")?;
            open.last_mut()?.text.push_str(raw);
            rest = behind;
            continue;
        }
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        if let Some(instruction) = after.strip_prefix('?') {
            rest = instruction.split_once("?>")?.1;
            continue;
        }
        let (tag, behind) = tag(after)?;
        rest = behind;
        let closes = tag.strip_prefix('/');
        if closes.is_none() {
            count += 1;
            let lone = tag.strip_suffix('/');
            let element = begun(lone.unwrap_or(tag))?;
            if open.len() >= MOST_DEPTH || count > MOST_ELEMENTS || open.is_empty() && root.is_some() {
                return None;
            }
            open.push(element);
            if lone.is_none() {
                continue;
            }
        }
        let element = open.pop()?;
        if closes.is_some_and(|name| name.trim_end() != element.name) {
            return None;
        }
        let (name, value) = (local(element.name).to_owned(), ended(element.members, &element.text));
        match open.last_mut() {
            Some(parent) => add(&mut parent.members, name, value),
            None => root = Some((name, value)),
        }
    }
    root.filter(|_| open.is_empty() && rest.trim().is_empty())
}

/// A name without its prefix.
pub fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// What stands between `<` and the `>` that is in no attribute's value, and what comes behind it.
fn tag(text: &str) -> Option<(&str, &str)> {
    let mut quoted = None;
    let end = text.find(|c| {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            None if matches!(c, '"' | '\'') => quoted = Some(c),
            _ => {}
        }
        c == '>' && quoted.is_none()
    })?;
    let (tag, behind) = text.split_at_checked(end)?;
    Some((tag, behind.strip_prefix('>')?))
}

fn begun(tag: &str) -> Option<Open<'_>> {
    let (name, mut rest) = tag.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((tag, ""));
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if name.is_empty() || !name.chars().all(fine) {
        return None;
    }
    let mut members = Map::new();
    while !rest.trim().is_empty() {
        let (attribute, value) = rest.split_once('=')?;
        let (attribute, value) = (attribute.trim(), value.trim_start());
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = value.strip_prefix(quote)?.split_once(quote)?;
        if attribute != "xmlns" && !attribute.starts_with("xmlns:") {
            members.insert(format!("@{}", local(attribute)), unescaped(value).into());
        }
        rest = behind;
    }
    Some(Open { name, members, text: String::new() })
}

fn ended(mut members: Map<String, Value>, text: &str) -> Value {
    let text = text.trim();
    if members.is_empty() {
        return text.into();
    }
    if !text.is_empty() {
        members.insert("#text".to_owned(), text.into());
    }
    Value::Object(members)
}

/// No element is a list by itself, so a list is what came several times.
fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        None => drop(members.insert(name, value)),
        Some(Value::Array(several)) => several.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_become_members_and_several_a_list() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!-- x --><n:a xmlns:n=\"u\" n:id='1&gt;>2'><b>1.10</b><b> x &amp;amp; y </b><c/><d><![CDATA[<e>]]></d>t</n:a>\n";
        let (name, value) = read(text).unwrap();
        assert_eq!(name, "a");
        assert_eq!(value, json!({"@id": "1>>2", "b": ["1.10", "x &amp; y"], "c": "", "d": "<e>", "#text": "t"}));
    }

    #[test]
    fn what_is_not_well_formed_or_means_to_be_large_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
        let many = format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS));
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>"#;
        for text in [bomb, "<a>", "<a></b>", "<a/><b/>", "x<a/>", "<a/>x", "<a b></a>", "<>", "", "hello", &deep, &many]
        {
            assert!(read(text).is_none(), "{}", crate::text::shorten(text, 60));
        }
        assert!(read(&many.replacen("<b/>", "", 1)).is_some());
    }

    proptest! {
        #[test]
        fn nothing_traps(text in "[<>/a:!&;#x=\"'\\-\\[\\]CDAT?0-9é ]{0,80}") {
            let _ = read(&text);
        }

        #[test]
        fn text_comes_through(text in "[^\\p{Cc}&<>]{0,40}") {
            let (_, value) = read(&format!("<a>{text}</a>")).unwrap();
            prop_assert_eq!(value.as_str().unwrap(), text.trim());
        }
    }
}
