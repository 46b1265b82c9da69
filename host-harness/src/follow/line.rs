//! An event as one line of JSON, with the JSON inside it byte for byte.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::contract::triggers::Event;

/// JSON text as itself; text that is not JSON as a string, so that the whole stays readable.
#[must_use]
pub fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(one_line(text))
        .or_else(|_| RawValue::from_string(serde_json::Value::from(text).to_string()))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The same JSON without a line break between its parts; everything else stays as it was spelt.
#[must_use]
pub fn one_line(text: &str) -> String {
    if ![b'\n', b'\r'].iter().any(|end| text.as_bytes().contains(end)) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len());
    if json_rows::one_line(text, &mut line) {
        return line;
    }
    let (mut inside, mut escaped) = (false, false);
    text.chars()
        .filter(|character| {
            if inside {
                inside = escaped || *character != '"';
                escaped = !escaped && *character == '\\';
                return true;
            }
            inside = *character == '"';
            !matches!(character, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

/// What a line says of an event beside the event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks<'a> {
    /// It may have been handed over before: a crash came before it was acknowledged.
    pub repeated: bool,
    /// It is from the trail, and was acknowledged before.
    pub replay: bool,
    /// Whose it is, where one sink takes the events of many.
    pub subscription: Option<&'a str>,
}

/// An event for a line. Marks that do not apply are left out.
#[derive(Serialize)]
pub struct Line<'a> {
    dedup_key: &'a str,
    occurred_at: Option<&'a str>,
    payload: Box<RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replay: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// The line of an event.
    #[must_use]
    pub fn new(event: &'a Event, marks: Marks<'a>) -> Self {
        Self::of(&event.dedup_key, event.occurred_at.as_deref(), &event.payload, marks)
    }

    /// The line of an event by its parts; `payload` is JSON.
    #[must_use]
    pub fn of(dedup_key: &'a str, occurred_at: Option<&'a str>, payload: &str, marks: Marks<'a>) -> Self {
        let Marks { repeated, replay, subscription } = marks;
        Self { dedup_key, occurred_at, payload: raw(payload), repeated, replay, subscription }
    }

    /// As text, without a line break.
    #[must_use]
    pub fn text(&self) -> String {
        // Texts and raw JSON always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
