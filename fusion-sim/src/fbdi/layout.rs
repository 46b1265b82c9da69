//! The control files: which interface files there are, and their columns in order (FACTS 3.6).
//!
//! Owns the reading of `metadata/fbdi.layouts.txt`. Promises one layout for each file name, found by its exact case.
//! Never looks at a file.

use std::collections::HashMap;
use std::sync::OnceLock;

const TEXT: &str = include_str!("../../metadata/fbdi.layouts.txt");
/// The longest text of a column whose length no source tells: what a text column of the database holds.
const LONGEST: usize = 4_000;

/// What a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text of at most so many characters.
    Text(usize),
    /// A number with decimal point.
    Number,
    /// A number without a fraction.
    Whole,
    /// `YYYY/MM/DD`
    Date,
    /// `YYYY/MM/DD`, or with a time of day.
    Moment,
    /// `MM/DD/YYYY` (Grants, FACTS 3.6)
    AmericanDate,
}

/// One column of an interface file.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The table's name of it; none where no source names the position.
    pub(crate) name: Option<String>,
    pub(crate) kind: Kind,
    /// The table refuses a row without it.
    pub(crate) required: bool,
}

/// One interface file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// `ApInvoicesInterface.csv`
    pub(crate) file: String,
    /// `AP_INVOICES_INTERFACE`
    pub(crate) table: String,
    /// Interface ids whose archives may hold it.
    pub(crate) interfaces: Vec<u32>,
    pub(crate) columns: Vec<Column>,
    places: HashMap<String, u16>,
}

impl Layout {
    /// The place of a column.
    pub(crate) fn place(&self, name: &str) -> Option<u16> {
        self.places.get(name).copied()
    }

    /// `ApInvoicesInterface`
    pub(crate) fn stem(&self) -> &str {
        self.file.strip_suffix(".csv").unwrap_or(&self.file)
    }

    /// Whether the table keeps this column's values apart.
    pub(crate) fn unique(&self) -> Option<(&'static str, &'static str)> {
        (self.table == "AP_INVOICES_INTERFACE").then_some(("INVOICE_ID", "AP_INVOICES_INTERFACE_U1"))
    }
}

/// Every layout.
pub(crate) fn all() -> &'static [Layout] {
    static LAYOUTS: OnceLock<Vec<Layout>> = OnceLock::new();
    LAYOUTS.get_or_init(|| read(TEXT))
}

/// The layout of an interface table.
pub(crate) fn of_table(table: &str) -> Option<&'static Layout> {
    all().iter().find(|layout| layout.table == table)
}

/// The layouts that an interface takes.
pub(crate) fn of_interface(id: u32) -> impl Iterator<Item = &'static Layout> {
    all().iter().filter(move |layout| layout.interfaces.contains(&id))
}

fn read(text: &str) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix("F\t") {
            let mut parts = header.split('\t');
            layouts.push(Layout {
                file: parts.next().unwrap_or_default().to_owned(),
                table: parts.next().unwrap_or_default().to_owned(),
                interfaces: parts.next().unwrap_or_default().split(',').filter_map(|id| id.parse().ok()).collect(),
                columns: Vec::new(),
                places: HashMap::new(),
            });
        } else if let Some(layout) = layouts.last_mut() {
            line.split_whitespace().for_each(|word| columns(word, &mut layout.columns));
        }
    }
    for layout in &mut layouts {
        let named = layout.columns.iter().enumerate();
        layout.places =
            named.filter_map(|(at, column)| Some((column.name.clone()?, u16::try_from(at).ok()?))).collect();
    }
    layouts
}

/// Adds what a word stands for: a column, a run of columns (`ATTRIBUTE1..15:d`), or places without a name (`-*7`).
fn columns(word: &str, into: &mut Vec<Column>) {
    if let Some(count) = word.strip_prefix("-*") {
        let blank = Column { name: None, kind: Kind::Text(LONGEST), required: false };
        into.extend(std::iter::repeat_n(blank, count.parse().unwrap_or(0)));
        return;
    }
    let (word, required) = word.strip_suffix('!').map_or((word, false), |word| (word, true));
    let (names, kind) = word.split_once(':').unwrap_or((word, ""));
    let kind = match kind {
        "n" => Kind::Number,
        "i" => Kind::Whole,
        "d" => Kind::Date,
        "s" => Kind::Moment,
        "u" => Kind::AmericanDate,
        text => Kind::Text(text.strip_prefix('t').and_then(|length| length.parse().ok()).unwrap_or(LONGEST)),
    };
    let mut push = |name: String| into.push(Column { name: Some(name), kind, required });
    let Some((first, last)) = names.split_once("..") else { return push(names.to_owned()) };
    let stem = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let from: u32 = first.strip_prefix(stem).and_then(|number| number.parse().ok()).unwrap_or(1);
    for number in from..=last.parse().unwrap_or(from) {
        push(format!("{stem}{number}"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn columns_stand_where_the_published_order_has_them() {
        // FACTS 3.6, counted from 1.
        for (table, column, position) in [
            ("AP_INVOICES_INTERFACE", "INVOICE_ID", 1),
            ("AP_INVOICES_INTERFACE", "GROUP_ID", 13),
            ("AP_INVOICES_INTERFACE", "TERMS_NAME", 20),
            ("AP_INVOICES_INTERFACE", "GL_DATE", 24),
            ("AP_INVOICES_INTERFACE", "PAYMENT_METHOD_CODE", 25),
            ("AP_INVOICES_INTERFACE", "INTERCOMPANY_CROSSCHARGE_FLAG", 135),
            ("AP_INVOICE_LINES_INTERFACE", "DIST_CODE_CONCATENATED", 22),
            ("AP_INVOICE_LINES_INTERFACE", "ACCOUNTING_DATE", 24),
            ("AP_INVOICE_LINES_INTERFACE", "RCV_TRANSACTION_ID", 164),
            ("GL_INTERFACE", "ENTERED_DR", 39),
            ("GL_INTERFACE", "REFERENCE1", 43),
            ("GL_INTERFACE", "REFERENCE10", 52),
            ("GL_INTERFACE", "REFERENCE21", 53),
            ("GL_INTERFACE", "GROUP_ID", 67),
            ("GL_INTERFACE", "LEDGER_NAME", 92),
            ("GL_INTERFACE", "PERIOD_NAME", 95),
        ] {
            assert_eq!(of_table(table).unwrap().place(column), Some(position - 1), "{table}.{column}");
        }
        assert_eq!(of_table("GL_INTERFACE").unwrap().columns.len(), 149);
    }

    #[test]
    fn every_file_has_its_own_name_table_and_interface_and_no_column_stands_twice() {
        assert_eq!(all().len(), 35);
        for layout in all() {
            assert!(!layout.interfaces.is_empty() && layout.file.ends_with(".csv"), "{}", layout.file);
            let alike = |other: &&Layout| other.file == layout.file || other.table == layout.table;
            assert_eq!(all().iter().filter(alike).count(), 1);
            let named = layout.columns.iter().filter(|column| column.name.is_some()).count();
            assert_eq!(named, layout.places.len(), "{}", layout.file);
        }
    }
}
