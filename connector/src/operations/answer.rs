//! Shapes that answers share: a list with its cursor, a single record, warnings.
//!
//! Answers are written as text around the pod's own text of a record, which is copied once.

use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::contract::Warning;
use crate::fusion::page::ANSWER_BYTES;
use crate::fusion::query::Anything;

/// An answer longer than this is taken to become a full one: memory for all of it at once saves copying what there is
/// each time that it grows.
const LONG: usize = 1 << 20;

/// A record, in Fusion's own names.
#[derive(JsonSchema)]
#[schemars(title = "Record", extend("type" = "object"))]
pub struct Record(
    /// Attributes by Fusion's names; children as lists.
    #[allow(dead_code)]
    std::collections::BTreeMap<String, Anything>,
);

/// Something that was lost sight of, ignored or changed.
#[derive(JsonSchema)]
#[schemars(title = "Warning")]
#[allow(dead_code)]
pub struct Told {
    /// For programs.
    code: String,
    /// For people.
    message: String,
    /// Key of the record that it is about; null where it is about none.
    #[schemars(with = "Anything")]
    key: Option<String>,
}

/// Records, and where to go on.
#[derive(JsonSchema)]
#[schemars(title = "Records")]
#[allow(dead_code)]
pub struct RecordList {
    /// The records.
    result: Vec<Record>,
    /// Hand it in as cursor for more; null at the end.
    #[schemars(with = "Anything")]
    next_cursor: Option<String>,
    /// How many there are in all as the pod estimates it, where asked for.
    #[schemars(default)]
    total: Option<u64>,
    /// What was lost sight of.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// One record.
#[derive(JsonSchema)]
#[schemars(title = "Record")]
#[allow(dead_code)]
pub struct SingleRecord {
    /// The record.
    record: Record,
    /// What was found out on the way.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// A list in the making.
pub struct ListWriter {
    text: String,
    empty: bool,
}

impl Default for ListWriter {
    fn default() -> Self {
        Self { text: "{\"result\":[".to_owned(), empty: true }
    }
}

impl ListWriter {
    /// Adds a record through a function that appends its text.
    pub fn push(&mut self, write: impl FnOnce(&mut String)) {
        if !self.empty {
            self.text.push(',');
        }
        self.empty = false;
        if self.text.len() > LONG && self.text.capacity() < ANSWER_BYTES {
            self.text.reserve_exact(ANSWER_BYTES + LONG - self.text.len());
        }
        write(&mut self.text);
    }

    /// The whole answer.
    pub fn finish(mut self, next_cursor: Option<&str>, total: Option<u64>, warnings: &[Warning]) -> String {
        self.text.push_str("],\"next_cursor\":");
        self.text.push_str(&json!(next_cursor).to_string());
        if let Some(total) = total {
            self.text.push_str(&format!(",\"total\":{total}"));
        }
        finish(self.text, warnings)
    }
}

/// The answer that holds one record.
pub fn single(record: &str, warnings: &[Warning]) -> String {
    finish(format!("{{\"record\":{record}"), warnings)
}

fn finish(mut text: String, warnings: &[Warning]) -> String {
    if !warnings.is_empty() {
        let told: Vec<Value> = warnings
            .iter()
            .map(|warning| json!({"code": warning.code, "message": warning.message, "key": warning.key}))
            .collect();
        text.push_str(",\"warnings\":");
        text.push_str(&Value::Array(told).to_string());
    }
    text.push('}');
    text
}
