//! JSON text to [`Exact`] and back.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Exact, NotExact};

/// How deep a value may nest; what a script or an answer of a remote system never reaches.
const DEEPEST: usize = 100;

/// Reads one JSON value.
///
/// # Errors
/// [`NotExact`] with line and column where the text is not JSON, or nests deeper than 100.
pub fn parse(text: &str) -> Result<Exact, NotExact> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| NotExact(error.to_string()))?;
    value(raw, 0)
}

fn value(raw: &RawValue, depth: usize) -> Result<Exact, NotExact> {
    if depth > DEEPEST {
        return Err(NotExact(format!("it nests deeper than {DEEPEST}")));
    }
    let text = raw.get();
    let broken = |error: serde_json::Error| NotExact(error.to_string());
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> = serde_json::from_str(text).map_err(broken)?;
            Exact::Object(
                members
                    .0
                    .into_iter()
                    .map(|(name, raw)| Ok((name, value(raw, depth + 1)?)))
                    .collect::<Result<_, NotExact>>()?,
            )
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(broken)?;
            Exact::Array(items.into_iter().map(|raw| value(raw, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Exact::Text(serde_json::from_str(text).map_err(broken)?),
        Some(b't') => Exact::Bool(true),
        Some(b'f') => Exact::Bool(false),
        Some(b'n') => Exact::Null,
        _ => Exact::Number(text.to_owned()),
    })
}

/// An object's members in their order, duplicates kept, values untouched.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Text as JSON writes it, quotes included.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

pub(super) fn write_compact(value: &Exact, out: &mut String) {
    match value {
        Exact::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_compact(item, out);
            }
            out.push(']');
        }
        Exact::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(name));
                out.push(':');
                write_compact(value, out);
            }
            out.push('}');
        }
        scalar => write_scalar(scalar, out),
    }
}

pub(super) fn write_pretty(value: &Exact, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Exact::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write_pretty(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Exact::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                out.push_str(&quoted(name));
                out.push_str(": ");
                write_pretty(value, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => write_compact(other, out),
    }
}

fn write_scalar(value: &Exact, out: &mut String) {
    match value {
        Exact::Bool(true) => out.push_str("true"),
        Exact::Bool(false) => out.push_str("false"),
        Exact::Number(spelling) => out.push_str(spelling),
        Exact::Text(text) => out.push_str(&quoted(text)),
        _ => out.push_str("null"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_come_out_as_they_were_spelt() {
        let text = r#"{"id":300000012345678901,"amount":0.10,"rate":1E+2,"list":[-0.0,1.500]}"#;
        assert_eq!(parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn members_keep_their_order_and_may_repeat() {
        let text = r#"{"b":1,"a":2,"b":3}"#;
        assert_eq!(parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn order_does_not_count_and_spelling_does() {
        let parse = |text| parse(text).unwrap();
        assert!(parse(r#"{"a":1,"b":[{"c":1,"d":2}]}"#).same(&parse(r#"{"b":[{"d":2,"c":1}],"a":1}"#)));
        assert!(!parse("0.10").same(&parse("0.1")));
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        assert!(parse("{\"a\": ").unwrap_err().to_string().contains("line 1"));
        assert!(parse("").is_err());
        assert!(parse("1 2").is_err());
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow() {
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&format!("{}{}", "[".repeat(110), "]".repeat(110))).is_err());
    }

    pub(crate) fn any_value() -> impl Strategy<Value = Exact> {
        let leaf = prop_oneof![
            Just(Exact::Null),
            any::<bool>().prop_map(Exact::Bool),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?".prop_map(Exact::Number),
            ".*".prop_map(Exact::Text),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Exact::Array),
                prop::collection::vec((".*", inner), 0..6).prop_map(Exact::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_back_the_same(value in any_value()) {
            prop_assert_eq!(parse(&value.to_string()).unwrap(), value.clone());
            prop_assert_eq!(parse(&value.pretty()).unwrap(), value);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
