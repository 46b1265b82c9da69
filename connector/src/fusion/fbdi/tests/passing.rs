//! Rows that pass at once come out as those that go cell by cell.

use super::*;
use proptest::prelude::*;

const HEADS: &[(&str, &[&str])] = &[
    ("INVOICE_ID", &["1", "2", "3", "3", "", " 4", "#NULL"]),
    ("OPERATING_UNIT", &["Vision", "", "V\\nx", "M\u{fc}nchen", "a b "]),
    ("SOURCE", &["S", "S", "S", "", "T"]),
    ("INVOICE_NUM", &["A-1", "A-2", "A-3", ""]),
    ("INVOICE_AMOUNT", &["10", "10.50", "-7", "1.500", "0.125", "1.500.25", "x", "#NULL", ""]),
    ("INVOICE_DATE", &["2026/01/31", "2026/01/31", "2026-01-31", "2026/02/30", "31/01/26", ""]),
    ("VENDOR_NAME", &["Acme", ""]),
    ("VENDOR_NUM", &["7", ""]),
    ("GROUP_ID", &["", "", "", "G", "H"]),
    ("CALC_TAX_DURING_IMPORT_FLAG", &["Y", "", ""]),
];
const LINES: &[(&str, &[&str])] = &[
    ("INVOICE_ID", &["1", "2", "3", "9", ""]),
    ("LINE_NUMBER", &["1", "2", "3", "3.0", "1.5", "x"]),
    ("LINE_TYPE_LOOKUP_CODE", &["ITEM", "", "TAX"]),
    ("AMOUNT", &["10", "5.25", "1.500", "12345678901234567890123456789", "", "y"]),
];
const JOURNAL: &[(&str, &[&str])] = &[
    ("STATUS", &["NEW", ""]),
    ("LEDGER_ID", &["1", "2", ""]),
    ("ACCOUNTING_DATE", &["2026/01/31", "2026-01-31"]),
    ("CURRENCY_CODE", &["USD", "STAT", "EUR"]),
    ("ACTUAL_FLAG", &["A", "", "B"]),
    ("ENTERED_DR", &["10", "", "1 000.5"]),
    ("ENTERED_CR", &["10", "", "10.00"]),
    ("GROUP_ID", &["", "5", "5", "6"]),
];

type Rows = Vec<Vec<prop::sample::Index>>;

fn rows(columns: usize) -> impl Strategy<Value = Rows> {
    prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), columns), 1..12)
}

/// In `order`, with an empty column between, and each cell quoted where it is to be taken cell by cell.
fn csv(columns: &[(&str, &[&str])], rows: &Rows, turned: usize, quote: &str, end: &str) -> String {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.rotate_left(turned % columns.len());
    let line = |cells: Vec<&str>| format!("{}{end}\n", cells.join(",,"));
    let mut text = line(order.iter().map(|at| columns[*at].0).collect());
    for row in rows {
        let cells: Vec<String> =
            order.iter().map(|at| format!("{quote}{}{quote}", row[*at].get(columns[*at].1))).collect();
        text.push_str(&line(cells.iter().map(String::as_str).collect()));
    }
    text
}

proptest! {
    #[test]
    fn rows_that_pass_as_they_stand_are_what_they_are_cell_by_cell(
        heads in rows(HEADS.len()), lines in rows(LINES.len()), journal in rows(JOURNAL.len()),
        turned in 0_usize..20, end in prop::sample::select(vec!["", ",END", ",,"]),
    ) {
        let turned = turned.saturating_sub(10);
        let built = |quote: &str| {
            let csv = |columns, rows| csv(columns, rows, turned, quote, end);
            let (heads, lines, journal) = (csv(HEADS, &heads), csv(LINES, &lines), csv(JOURNAL, &journal));
            let invoices = files(&[("ApInvoicesInterface.csv", heads.as_str()), ("ApInvoiceLinesInterface.csv", lines.as_str())]);
            let journals = files(&[("GlInterface.csv", journal.as_str())]);
            [try_build("ap_invoices", &invoices, None), try_build("gl_journals", &journals, None)].map(|built| {
                built.map_or_else(|failure| (failure.problem.message.clone(), Vec::new(), Vec::new()),
                    |built| (built.content.clone(), unzip(&built), built.findings))
            })
        };
        prop_assert_eq!(built(""), built("\""));
    }
}
