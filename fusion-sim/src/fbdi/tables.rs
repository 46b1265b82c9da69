//! The interface tables: rows between load and import, as sparse as the files they came from.
//!
//! Promises that a row stays until it is imported or purged (FACTS 3.8). Never knows what a row means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fbdi::layout::Layout;

/// Why a row was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    /// `INVALID SUPPLIER`, `EF04`
    pub(crate) code: String,
    /// The column at fault; empty where none is.
    pub(crate) column: String,
    /// What stood there.
    pub(crate) value: String,
}

/// A row of an interface table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The load that brought it.
    pub(crate) load: u64,
    /// Its record in the file, counted from 1.
    pub(crate) record: u64,
    /// What the last import made of it: none before, `REJECTED`, or codes of errors.
    pub(crate) status: Option<String>,
    /// Why the last import left it here.
    #[serde(default)]
    pub(crate) reasons: Vec<Reason>,
    /// Place of the column and value, for values that are set.
    pub(crate) cells: Vec<(u16, Box<str>)>,
}

impl Line {
    /// Notes why the row stays.
    pub(crate) fn reject(&mut self, layout: &Layout, code: &str, column: &str) {
        let value = self.get(layout, column).unwrap_or_default().to_owned();
        self.reasons.push(Reason { code: code.to_owned(), column: column.to_owned(), value });
    }

    /// The value of a column.
    pub(crate) fn get(&self, layout: &Layout, name: &str) -> Option<&str> {
        let place = layout.place(name)?;
        let at = self.cells.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.cells.get(at).map(|(_, value)| &**value)
    }
}

/// Every interface table of a pod.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tables {
    rows: BTreeMap<String, Vec<Line>>,
}

impl Tables {
    /// The rows of a table.
    pub(crate) fn rows(&self, table: &str) -> &[Line] {
        self.rows.get(table).map_or(&[], Vec::as_slice)
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, table: &str, lines: Vec<Line>) {
        self.rows.entry(table.to_owned()).or_default().extend(lines);
    }

    /// Takes all rows out, to be put back as far as they stay.
    pub(crate) fn take(&mut self, table: &str) -> Vec<Line> {
        self.rows.remove(table).unwrap_or_default()
    }

    /// Removes what a load, or every load, left in a table; how many rows there were.
    pub(crate) fn purge(&mut self, table: &str, load: Option<u64>) -> u64 {
        let Some(rows) = self.rows.get_mut(table) else { return 0 };
        let before = rows.len();
        rows.retain(|line| load.is_some_and(|load| line.load != load));
        u64::try_from(before - rows.len()).unwrap_or(0)
    }
}
