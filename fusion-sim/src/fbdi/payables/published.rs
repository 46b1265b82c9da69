//! Rows of the interface tables as REST shows them: `payablesInterfaceInvoices` with lines and rejections (FACTS 3.6).
//!
//! Owns the way from a column to an attribute. Promises that a row that waits can be read, and is gone once it is
//! imported or purged. A change over REST does not reach the interface table.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{HEADERS, LINES, Layouts};
use crate::fbdi::layout::Layout;
use crate::fbdi::reference;
use crate::fbdi::tables::{Line, Reason};
use crate::keys::{self, KeyValues, Place};
use crate::metadata;
use crate::model::{Resource, Root, Row};
use crate::store::Store;

const RESOURCE: &str = "payablesInterfaceInvoices";

/// Shows what a load left behind that no import took.
pub(in crate::fbdi) fn publish(store: &mut Store, load: u64, now: Timestamp) {
    let Some(layouts) = Layouts::new() else { return };
    let untouched = |line: &&Line| line.load == load && line.status.is_none();
    let headers: Vec<Line> = store.tables().rows(HEADERS).iter().filter(untouched).cloned().collect();
    if headers.is_empty() {
        return;
    }
    let mut lines: std::collections::HashMap<String, Vec<Line>> = std::collections::HashMap::new();
    for line in store.tables().rows(LINES).iter().filter(untouched) {
        let id = line.get(layouts.line, "INVOICE_ID").unwrap_or_default().to_owned();
        lines.entry(id).or_default().push(line.clone());
    }
    for header in headers {
        let own = lines.remove(header.get(layouts.header, "INVOICE_ID").unwrap_or_default()).unwrap_or_default();
        put(store, layouts, &header, &own, (None, now));
    }
}

/// Takes away what a load, or every load, left behind.
pub(in crate::fbdi) fn unpublish(store: &mut Store, load: Option<u64>) {
    let Some(layouts) = Layouts::new() else { return };
    let of_load = |line: &&Line| load.is_none_or(|load| line.load == load);
    let headers: Vec<Line> = store.tables().rows(HEADERS).iter().filter(of_load).cloned().collect();
    headers.iter().for_each(|header| remove(store, layouts, header));
}

/// Takes one row away.
pub(super) fn remove(store: &mut Store, layouts: Layouts, header: &Line) {
    let Some(resource) = metadata::resource(Root::Fscm, RESOURCE) else { return };
    // It may never have been shown.
    let _ = store.delete(resource, &key(resource, layouts.header, header));
}

fn key(resource: &Resource, layout: &Layout, header: &Line) -> KeyValues {
    let mut row = Row::empty(resource);
    identify(resource, layout, header, &mut row);
    keys::of(&Place::top(resource, &row), Date::ZERO)
}

fn identify(resource: &Resource, layout: &Layout, header: &Line, row: &mut Row) {
    let id = header.get(layout, "INVOICE_ID").and_then(|id| id.parse::<i64>().ok());
    row.set(resource, "InvoiceId", id.into());
    row.set(resource, "LoadRequestId", i64::try_from(header.load).ok().into());
}

/// Shows one row with its lines and the reasons of the last import.
pub(super) fn put(
    store: &mut Store,
    layouts: Layouts,
    header: &Line,
    lines: &[Line],
    (request, now): (Option<u64>, Timestamp),
) {
    let Some(resource) = metadata::resource(Root::Fscm, RESOURCE) else { return };
    let mut row = show(resource, layouts.header, header, now);
    identify(resource, layouts.header, header, &mut row);
    let unit = header.get(layouts.header, "OPERATING_UNIT");
    let unit = reference::units(store).into_iter().find(|known| Some(known.name.as_str()) == unit);
    row.set(resource, "OrgId", unit.map(|unit| unit.id).into());
    row.set(resource, "Status", header.status.clone().into());
    row.set(resource, "ImportRequestId", request.and_then(|request| i64::try_from(request).ok()).into());
    for child in &resource.children {
        let made = match child.name.as_str() {
            "interfaceInvoiceRejections" => rejections(child, &header.reasons),
            "interfaceInvoiceLines" => lines
                .iter()
                .map(|line| {
                    let mut made = show(child, layouts.line, line, now);
                    identify(child, layouts.line, line, &mut made);
                    made.set(child, "InvoiceLineId", store.next_id().into());
                    for grandchild in &child.children {
                        let rows = made.child_mut(&grandchild.name);
                        if grandchild.name == "interfaceInvoiceLineRejections" {
                            *rows = rejections(grandchild, &line.reasons);
                        }
                    }
                    made
                })
                .collect(),
            _ => Vec::new(),
        };
        *row.child_mut(&child.name) = made;
    }
    store.insert(resource, row);
}

fn rejections(child: &Resource, reasons: &[Reason]) -> Vec<Row> {
    let made = reasons.iter().map(|reason| {
        let mut row = Row::empty(child);
        row.set(child, "RejectionDescription", reason.code.as_str().into());
        row.set(child, "TokenNameOne", reason.column.as_str().into());
        row.set(child, "TokenValueOne", reason.value.as_str().into());
        row
    });
    made.collect()
}

/// The columns that have an attribute of the same name or a known other one.
fn show(resource: &Resource, layout: &Layout, line: &Line, now: Timestamp) -> Row {
    let mut row = Row::empty(resource);
    for (place, value) in &line.cells {
        let column = layout.columns.get(usize::from(*place)).and_then(|column| column.name.as_deref());
        let Some(name) = column.map(attribute) else { continue };
        let Some(attribute) = resource.attribute(&name) else { continue };
        row.set(resource, &name, reference::typed(attribute.kind, value));
    }
    for name in ["CreationDate", "LastUpdateDate"] {
        row.set(resource, name, now.into());
    }
    row
}

/// `VENDOR_SITE_CODE` → `VendorSiteCode`
fn attribute(column: &str) -> String {
    match column {
        "INVOICE_NUM" => return "InvoiceNumber".to_owned(),
        "VENDOR_NUM" => return "VendorNumber".to_owned(),
        "VOUCHER_NUM" => return "VoucherNumber".to_owned(),
        "PO_NUMBER" => return "PONumber".to_owned(),
        "PO_LINE_NUMBER" => return "POLineNumber".to_owned(),
        _ => {}
    }
    let mut name = String::with_capacity(column.len());
    for word in column.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next());
        name.extend(letters.flat_map(char::to_lowercase));
    }
    name
}
