//! What an invoice import leaves to read: its log, and the report of APXIIMPT_BIP as text, XML and PDF.
//!
//! No source tells the layout of this report (FACTS 12): each rejected document is named by its invoice number and
//! each reason by its code. Whether files lie in a zip within the job's zip (FACTS 3.3) is not decided here.

use std::fmt::Write as _;

use super::{Document, Layouts};
use crate::fbdi::report;
use crate::fbdi::tables::Line;
use crate::fbdi::{Import, Run};

/// A document as reports show it.
pub(super) struct Shown {
    load: u64,
    record: u64,
    invoice: String,
    vendor: String,
    vendor_number: String,
    amount: String,
    currency: String,
    /// Line number where it is a line's, code, column, value.
    reasons: Vec<(Option<String>, String, String, String)>,
}

impl Shown {
    pub(super) fn new(layouts: Layouts, document: &Document) -> Self {
        let header = |column: &str| document.header.get(layouts.header, column).unwrap_or_default().to_owned();
        let reasons = |line: &Line, number: Option<String>| {
            let of = line.reasons.iter();
            of.map(|reason| (number.clone(), reason.code.clone(), reason.column.clone(), reason.value.clone()))
                .collect::<Vec<_>>()
        };
        let mut all = reasons(&document.header, None);
        for line in &document.lines {
            let number = line.get(layouts.line, "LINE_NUMBER").unwrap_or_default().to_owned();
            all.extend(reasons(line, Some(number)));
        }
        Self {
            load: document.header.load,
            record: document.header.record,
            invoice: header("INVOICE_NUM"),
            vendor: header("VENDOR_NAME"),
            vendor_number: header("VENDOR_NUM"),
            amount: header("INVOICE_AMOUNT"),
            currency: header("INVOICE_CURRENCY_CODE"),
            reasons: all,
        }
    }
}

/// The end of the job.
pub(super) fn answer(run: &Run<'_>, imported: &[Shown], rejected: &[Shown]) -> Import {
    let count = |shown: &[Shown]| u64::try_from(shown.len()).unwrap_or(0);
    let (good, bad) = (count(imported), count(rejected));
    let mut log = format!("Import Payables Invoices (APXIIMPT)\nRequest ID: {}\n\nParameters\n", run.request_id);
    for (at, parameter) in run.parameters.iter().enumerate() {
        let _ = writeln!(log, "  {:>2}  {}", at + 1, parameter.as_deref().unwrap_or("(none)"));
    }
    let selected = good.saturating_add(bad);
    let totals = format!("Invoices selected: {selected}\nInvoices imported: {good}\nInvoices rejected: {bad}\n");
    let _ = write!(log, "\n{totals}");
    let stem = run.request_id;
    let xml = xml(run, imported, rejected);
    Import {
        state: if bad == 0 { "SUCCEEDED" } else { "WARNING" },
        log,
        outputs: vec![
            ("report.txt".to_owned(), text(run, &totals, rejected).into_bytes()),
            ("report.xml".to_owned(), xml.into_bytes()),
            ("report.pdf".to_owned(), report::pdf(&format!("Payables import {stem}: {good} imported, {bad} rejected"))),
        ],
        imported: good,
        rejected: bad,
    }
}

fn text(run: &Run<'_>, totals: &str, rejected: &[Shown]) -> String {
    let mut text = format!("Payables Open Interface Import Report\nRequest ID: {}\n\n{totals}", run.request_id);
    if rejected.is_empty() {
        return text;
    }
    text.push_str("\nRejected Invoices\n\nSupplier Name | Supplier Number | Invoice Number | Line | Reason | Value\n");
    for shown in rejected {
        for (line, code, column, value) in &shown.reasons {
            let line = line.as_deref().unwrap_or("-");
            let (vendor, number, invoice) = (&shown.vendor, &shown.vendor_number, &shown.invoice);
            let _ = writeln!(text, "{vendor} | {number} | {invoice} | {line} | {code} | {column} = {value}");
        }
    }
    text
}

fn xml(run: &Run<'_>, imported: &[Shown], rejected: &[Shown]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DATA_DS>\n".to_owned();
    xml.push_str(&report::element("REQUEST_ID", &run.request_id.to_string()));
    for (list, shown) in [("LIST_G_IMPORTED", imported), ("LIST_G_REJECTED", rejected)] {
        let _ = writeln!(xml, "<{list}>");
        for document in shown {
            xml.push_str("<G_INVOICE>\n");
            for (name, value) in [
                ("LOAD_REQUEST_ID", &*document.load.to_string()),
                ("RECORD", &*document.record.to_string()),
                ("VENDOR_NAME", &document.vendor),
                ("VENDOR_NUM", &document.vendor_number),
                ("INVOICE_NUM", &document.invoice),
                ("INVOICE_AMOUNT", &document.amount),
                ("INVOICE_CURRENCY_CODE", &document.currency),
            ] {
                xml.push_str(&report::element(name, value));
            }
            for (line, code, column, value) in &document.reasons {
                xml.push_str("<G_REJECTION>\n");
                xml.push_str(&report::element("LINE_NUMBER", line.as_deref().unwrap_or_default()));
                xml.push_str(&report::element("REJECT_LOOKUP_CODE", code));
                xml.push_str(&report::element("COLUMN_NAME", column));
                xml.push_str(&report::element("COLUMN_VALUE", value));
                xml.push_str("</G_REJECTION>\n");
            }
            xml.push_str("</G_INVOICE>\n");
        }
        let _ = writeln!(xml, "</{list}>");
    }
    xml.push_str("</DATA_DS>\n");
    xml
}
