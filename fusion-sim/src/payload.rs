//! A request's JSON object, read exactly: numbers keep their digits, members their order.
//!
//! Owns the reading of bodies of creates and updates. Promises that no number passes through a
//! float. Never judges what the members mean; that is [`crate::validate`]'s.

use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Objects and arrays inside one another; far above what a resource tree needs, far below what a
/// stack bears.
const MAX_DEPTH: usize = 32;

/// One JSON value of a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Given>),
    /// An object.
    Object(Payload),
}

impl Given {
    /// The number as a whole number, if it is one: `7`, `7.0` and `7e0` are.
    pub fn as_integer(&self) -> Option<i64> {
        let Given::Number(text) = self else { return None };
        text.parse().ok().or_else(|| {
            let whole = decimal(text).filter(Decimal::is_integer)?;
            whole.trunc().normalize().to_string().parse().ok()
        })
    }

    /// The number with its scale.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Given::Number(text) => decimal(text),
            _ => None,
        }
    }

    /// The string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Given::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()
    } else {
        // Digits beyond what a decimal holds are refused, never rounded away.
        Decimal::from_str_exact(text).ok()
    }
}

/// A JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// Name and value, in the order sent; a name sent twice keeps its last value.
    pub members: Vec<(String, Given)>,
}

/// Why a body is not a payload.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but no object.
    #[error("the payload is not a JSON object")]
    NotAnObject,
    /// Too many levels.
    #[error("the payload is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

impl Payload {
    /// Reads a body.
    ///
    /// # Errors
    /// [`PayloadError`] where it is not one JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, PayloadError> {
        let raw: &RawValue = serde_json::from_slice(body)?;
        match given(raw, 0)? {
            Given::Object(payload) => Ok(payload),
            _ => Err(PayloadError::NotAnObject),
        }
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
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
        deserializer.deserialize_map(Reader)
    }
}

fn given(raw: &RawValue, depth: usize) -> Result<Given, PayloadError> {
    if depth > MAX_DEPTH {
        return Err(PayloadError::TooDeep);
    }
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'n') => Given::Null,
        Some(b't') => Given::Boolean(true),
        Some(b'f') => Given::Boolean(false),
        Some(b'"') => Given::Text(serde_json::from_str(text)?),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Given::List(items.into_iter().map(|item| given(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let mut payload = Payload::default();
            for (name, value) in serde_json::from_str::<Members<'_>>(text)?.0 {
                let value = given(value, depth + 1)?;
                match payload.members.iter_mut().find(|(member, _)| *member == name) {
                    Some((_, kept)) => *kept = value,
                    None => payload.members.push((name, value)),
                }
            }
            Given::Object(payload)
        }
        _ => Given::Number(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_scale() {
        let payload =
            Payload::parse(br#"{"a": 300000046987012345, "b": 0.10, "c": 12345678901234567.89, "d": 7.0, "e": 1e3}"#)
                .unwrap();
        assert_eq!(payload.get("a").unwrap().as_integer(), Some(300_000_046_987_012_345));
        assert_eq!(payload.get("b").unwrap().as_decimal().unwrap().to_string(), "0.10");
        assert_eq!(payload.get("c").unwrap().as_decimal().unwrap().to_string(), "12345678901234567.89");
        assert_eq!(payload.get("d").unwrap().as_integer(), Some(7));
        assert_eq!(payload.get("e").unwrap().as_integer(), Some(1000));
        assert_eq!(payload.get("b").unwrap().as_integer(), None);
    }

    #[test]
    fn members_keep_their_order_and_the_last_of_two_counts() {
        let payload = Payload::parse(br#"{"b": [1, {"x": null}], "a": "q\u00e9", "b": true}"#).unwrap();
        assert_eq!(
            payload.members,
            [("b".to_owned(), Given::Boolean(true)), ("a".to_owned(), Given::Text("qé".to_owned()))]
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(matches!(Payload::parse(b"[1]"), Err(PayloadError::NotAnObject)));
        for wrong in ["", "{", "{\"a\":}", "{} x", "\u{feff}{}", "<html>"] {
            assert!(matches!(Payload::parse(wrong.as_bytes()), Err(PayloadError::NotJson(_))), "{wrong}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(60), "]".repeat(60));
        assert!(matches!(Payload::parse(deep.as_bytes()), Err(PayloadError::TooDeep)));
    }

    proptest! {
        #[test]
        fn any_whole_number_comes_back(number: i64) {
            let payload = Payload::parse(format!("{{\"n\":{number}}}").as_bytes()).unwrap();
            prop_assert_eq!(payload.get("n").unwrap().as_integer(), Some(number));
        }

        #[test]
        fn no_body_is_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Payload::parse(&body);
        }
    }
}
