//! What was found, told one by one where it is to be acted on and summed up where it was repaired.

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
    repaired: Vec<Repaired>,
}

/// What was repaired alike in many rows.
struct Repaired {
    file: String,
    column: String,
    code: &'static str,
    count: u64,
    first: u64,
    what: String,
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

    /// Something that was repaired; what is the same for many rows is told once. Answers its place for
    /// [`Findings::again`].
    pub fn repaired(
        &mut self,
        place: Place<'_>,
        column: &str,
        code: &'static str,
        what: impl FnOnce() -> String,
    ) -> usize {
        let alike = |one: &Repaired| one.code == code && one.column == column && one.file == place.file;
        let at = self.repaired.iter().position(alike).unwrap_or_else(|| {
            self.repaired.push(Repaired {
                file: place.file.to_owned(),
                column: column.to_owned(),
                code,
                count: 0,
                first: place.row,
                what: what(),
            });
            self.repaired.len() - 1
        });
        self.again(at);
        at
    }

    /// What was repaired in one row more: for what is on the way of every row, as a blank that is filled.
    pub fn again(&mut self, at: usize) {
        if let Some(known) = self.repaired.get_mut(at) {
            known.count += 1;
        }
    }

    /// All of them, and how many are not told one by one.
    pub fn finish(mut self) -> (Vec<Finding>, u64) {
        for Repaired { file, column, code, count, first, what } in self.repaired {
            let message = match count {
                0 | 1 => what,
                2 => format!("{what} (and 1 more row)"),
                _ => format!("{what} (and {} more rows)", count - 1),
            };
            let column = (!column.is_empty()).then_some(column);
            let row = (first > 0).then_some(first);
            self.list.push(Finding { file, row, column, pointer: None, severity: Severity::Repaired, code, message });
        }
        (self.list, self.untold)
    }
}
