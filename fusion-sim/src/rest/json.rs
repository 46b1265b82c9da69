//! JSON as a pod prints it: `"name" : value`, two blanks a level, arrays in line (FACTS 1.6).
//!
//! Writes straight into bytes. The caller keeps objects and arrays balanced.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::model::Value;

/// A JSON text being written.
#[derive(Debug, Default)]
pub(crate) struct Json {
    out: Vec<u8>,
    depth: usize,
    /// Whether something stands before in the object or array that is open.
    begun: Vec<bool>,
}

const BLANKS: &[u8] = b"                                                                ";

impl Json {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), ..Self::default() }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Appends bytes past the grammar, for texts that break off.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn object(&mut self) {
        self.out.push(b'{');
        self.depth += 1;
        self.begun.push(false);
    }

    pub(crate) fn end_object(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.begun.pop() == Some(true) {
            self.line();
        } else {
            self.out.push(b' ');
        }
        self.out.push(b'}');
    }

    pub(crate) fn array(&mut self) {
        self.out.push(b'[');
        self.begun.push(false);
    }

    /// Starts the next element of the array.
    pub(crate) fn element(&mut self) {
        let separator: &[u8] = if self.begin() { b", " } else { b" " };
        self.out.extend_from_slice(separator);
    }

    pub(crate) fn end_array(&mut self) {
        self.begun.pop();
        self.out.extend_from_slice(b" ]");
    }

    /// Starts a member of the object; its value follows.
    pub(crate) fn name(&mut self, name: &str) {
        if self.begin() {
            self.out.push(b',');
        }
        self.line();
        self.text(name);
        self.out.extend_from_slice(b" : ");
    }

    pub(crate) fn member(&mut self, name: &str, text: &str) {
        self.name(name);
        self.text(text);
    }

    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.name(name);
        self.raw(if flag { b"true" } else { b"false" });
    }

    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        self.display(number);
    }

    pub(crate) fn texts<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t str>) {
        self.name(name);
        self.array();
        for text in texts {
            self.element();
            self.text(text);
        }
        self.end_array();
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain = 0;
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0..=0x1F => b"",
                _ => continue,
            };
            self.out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
            if escape.is_empty() {
                // Writing into a Vec cannot fail.
                let _ = write!(self.out, "\\u{byte:04X}");
            } else {
                self.out.extend_from_slice(escape);
            }
            plain = at + 1;
        }
        self.out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
        self.out.push(b'"');
    }

    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw(b"null"),
            Value::Boolean(flag) => self.raw(if *flag { b"true" } else { b"false" }),
            Value::Integer(number) => self.display(number),
            Value::Decimal(number) => self.display(number),
            Value::Text(text) => self.text(text),
            Value::Date(date) => {
                self.out.push(b'"');
                self.display(date);
                self.out.push(b'"');
            }
            Value::Timestamp(time) => {
                let mut text = String::with_capacity(32);
                timestamp(*time, &mut text);
                self.text(&text);
            }
            Value::List(values) => {
                self.array();
                for value in values {
                    self.element();
                    self.value(value);
                }
                self.end_array();
            }
        }
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        // Writing into a Vec cannot fail.
        let _ = write!(self.out, "{value}");
    }

    fn begin(&mut self) -> bool {
        self.begun.last_mut().is_some_and(|begun| std::mem::replace(begun, true))
    }

    fn line(&mut self) {
        self.out.push(b'\n');
        let mut width = self.depth * 2;
        while width > 0 {
            let step = width.min(BLANKS.len());
            self.out.extend_from_slice(BLANKS.get(..step).unwrap_or_default());
            width -= step;
        }
    }
}

/// A timestamp as a pod writes it: UTC with its offset, milliseconds only where they are not zero (FACTS 1.12).
fn timestamp(time: jiff::Timestamp, out: &mut String) {
    let civil = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let millis = civil.subsec_nanosecond() / 1_000_000;
    // Writing into a String cannot fail.
    let _ = write!(out, "{}T{:02}:{:02}:{:02}", civil.date(), civil.hour(), civil.minute(), civil.second());
    if millis != 0 {
        let _ = write!(out, ".{millis:03}");
    }
    out.push_str("+00:00");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn prints_as_a_pod_does() {
        let mut json = Json::default();
        json.object();
        json.name("items");
        json.array();
        for id in [1, 2] {
            json.element();
            json.object();
            json.name("InvoiceId");
            json.value(&Value::Integer(id));
            json.name("Note");
            json.value(&Value::Text("a \"b\"\u{1}\n".into()));
            json.end_object();
        }
        json.end_array();
        json.name("none");
        json.array();
        json.end_array();
        json.name("properties");
        json.object();
        json.end_object();
        json.end_object();
        let text = String::from_utf8(json.finish()).unwrap();
        let row = |id| format!("{{\n    \"InvoiceId\" : {id},\n    \"Note\" : \"a \\\"b\\\"\\u0001\\n\"\n  }}");
        assert_eq!(
            text,
            format!("{{\n  \"items\" : [ {}, {} ],\n  \"none\" : [ ],\n  \"properties\" : {{ }}\n}}", row(1), row(2))
        );
    }

    #[test]
    fn milliseconds_are_written_where_there_are_some() {
        for (time, expected) in [
            ("2021-12-21T04:45:15Z", "2021-12-21T04:45:15+00:00"),
            ("2017-02-25T13:03:51.107Z", "2017-02-25T13:03:51.107+00:00"),
        ] {
            let mut text = String::new();
            timestamp(time.parse().unwrap(), &mut text);
            assert_eq!(text, expected);
        }
    }
}
