//! What was found, told one by one where it is to be acted on and summed up where it was repaired.

use std::collections::BTreeMap;

use super::{Finding, MOST_FINDINGS, Severity};

/// Where something stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The input file.
    pub file: &'a str,
    /// The row, counted as in [`Finding::row`].
    pub row: u64,
    /// JSON pointer of the record, for nested records.
    pub pointer: Option<&'a str>,
}

/// Findings of one build.
#[derive(Default)]
pub struct Findings {
    list: Vec<Finding>,
    refused: usize,
    warned: usize,
    untold: u64,
    /// File, column and code; how many, the first row and what it says.
    repaired: BTreeMap<(String, String, &'static str), (u64, u64, String)>,
}

impl Findings {
    /// Something that is to be acted on.
    pub fn tell(
        &mut self,
        severity: Severity,
        place: Place<'_>,
        column: Option<String>,
        code: &'static str,
        message: String,
    ) {
        let count = if severity == Severity::Refuse { &mut self.refused } else { &mut self.warned };
        *count += 1;
        if *count > MOST_FINDINGS {
            self.untold += 1;
            return;
        }
        let pointer = place.pointer.map(|pointer| match &column {
            Some(column) => format!("{pointer}/{column}"),
            None => pointer.to_owned(),
        });
        let row = (place.row > 0).then_some(place.row);
        self.list.push(Finding { file: place.file.to_owned(), row, column, pointer, severity, code, message });
    }

    /// Something that was repaired; what is the same for many rows is told once.
    pub fn repaired(&mut self, place: Place<'_>, column: &str, code: &'static str, what: impl FnOnce() -> String) {
        if let Some((count, ..)) = self.repaired.get_mut(&(place.file.to_owned(), column.to_owned(), code)) {
            *count += 1;
            return;
        }
        self.repaired.insert((place.file.to_owned(), column.to_owned(), code), (1, place.row, what()));
    }

    /// All of them, and how many are not told one by one.
    pub fn finish(mut self) -> (Vec<Finding>, u64) {
        for ((file, column, code), (count, row, what)) in self.repaired {
            let message = if count > 1 { format!("{what} (and {} more rows)", count - 1) } else { what };
            let column = (!column.is_empty()).then_some(column);
            let row = (row > 0).then_some(row);
            self.list.push(Finding { file, row, column, pointer: None, severity: Severity::Repaired, code, message });
        }
        (self.list, self.untold)
    }
}
