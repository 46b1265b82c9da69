//! The import of Payables invoices, APXIIMPT (FACTS 3.5 and 3.6).
//!
//! Owns which rows are selected and what becomes of them. Promises that a selected row is an invoice of the pod
//! afterwards, or is left in its table, readable as `payablesInterfaceInvoices`, with each reason.

mod check;
mod invoice;
mod outputs;
mod published;
mod suppliers;

use std::collections::{HashMap, HashSet};

use crate::fbdi::layout::{self, Layout};
use crate::fbdi::tables::Line;
use crate::fbdi::{Import, Run};
use crate::store::Store;

pub(super) use published::{publish, unpublish};

const HEADERS: &str = "AP_INVOICES_INTERFACE";
const LINES: &str = "AP_INVOICE_LINES_INTERFACE";

/// The two control files.
#[derive(Clone, Copy)]
struct Layouts {
    header: &'static Layout,
    line: &'static Layout,
}

impl Layouts {
    fn new() -> Option<Self> {
        Some(Self { header: layout::of_table(HEADERS)?, line: layout::of_table(LINES)? })
    }
}

/// A header with the lines that came in the same load under its INVOICE_ID.
struct Document {
    header: Line,
    lines: Vec<Line>,
}

impl Document {
    fn rejected(&self) -> bool {
        !self.header.reasons.is_empty() || self.lines.iter().any(|line| !line.reasons.is_empty())
    }
}

/// Runs the import over all rows of its import set.
pub(super) fn import(store: &mut Store, run: &Run<'_>) -> Import {
    let Some(layouts) = Layouts::new() else { return outputs::answer(run, &[], &[]) };
    let selection = Selection::new(store, run);
    let (selected, left): (Vec<Line>, Vec<Line>) =
        store.tables_mut().take(HEADERS).into_iter().partition(|line| selection.takes(layouts.header, line));
    store.tables_mut().add(HEADERS, left);
    let documents = with_lines(store, layouts, selected);

    let mut rules = check::Rules::new(store, run);
    let mut used: HashSet<(String, String)> = HashSet::new();
    let (mut imported, mut rejected) = (Vec::new(), Vec::new());
    for mut document in documents {
        document.header.status = None;
        document.header.reasons.clear();
        document.lines.iter_mut().for_each(|line| line.reasons.clear());
        let found = rules.check(store, layouts, &mut document);
        if let Some(key) = found.as_ref().map(|found| (found.supplier.name.clone(), found.number.clone()))
            && !document.rejected()
            && !used.insert(key)
        {
            document.header.reject(layouts.header, "DUPLICATE INVOICE NUMBER", "INVOICE_NUM");
        }
        match found.filter(|_| !document.rejected()) {
            Some(found) => {
                invoice::create(store, layouts, &document, &found, &run.context());
                published::remove(store, layouts, &document.header);
                imported.push(outputs::Shown::new(layouts, &document));
            }
            None => {
                document.header.status = Some("REJECTED".to_owned());
                rejected.push(outputs::Shown::new(layouts, &document));
                keep(store, layouts, document, run);
            }
        }
    }
    outputs::answer(run, &imported, &rejected)
}

/// Which rows belong to the run.
struct Selection {
    /// Names of the business units that the argument allows; none where it is blank.
    units: Option<Vec<String>>,
    source: Option<String>,
    group: Option<String>,
}

impl Selection {
    fn new(store: &Store, run: &Run<'_>) -> Self {
        let units = run.argument(2).map(|wanted| {
            let all = crate::fbdi::reference::units(store).into_iter();
            all.filter(|unit| unit.name == wanted || unit.id.to_string() == wanted).map(|unit| unit.name).collect()
        });
        Self { units, source: run.argument(8).map(str::to_owned), group: run.argument(9).map(str::to_owned) }
    }

    /// SOURCE and GROUP_ID must equal the arguments (T4); without the latter, only rows without one are taken
    /// (FACTS 12).
    fn takes(&self, layout: &Layout, line: &Line) -> bool {
        let of_unit = match (&self.units, line.get(layout, "OPERATING_UNIT")) {
            (Some(units), Some(unit)) => units.iter().any(|name| name == unit),
            _ => true,
        };
        let source = line.get(layout, "SOURCE");
        of_unit
            && source.is_some()
            && source == self.source.as_deref()
            && line.get(layout, "GROUP_ID") == self.group.as_deref()
    }
}

fn with_lines(store: &mut Store, layouts: Layouts, headers: Vec<Line>) -> Vec<Document> {
    let id = |layout: &Layout, line: &Line| (line.load, line.get(layout, "INVOICE_ID").unwrap_or_default().to_owned());
    let places: HashMap<(u64, String), usize> =
        headers.iter().enumerate().map(|(at, header)| (id(layouts.header, header), at)).collect();
    let mut documents: Vec<Document> =
        headers.into_iter().map(|header| Document { header, lines: Vec::new() }).collect();
    let mut orphans = Vec::new();
    for line in store.tables_mut().take(LINES) {
        let at = places.get(&id(layouts.line, &line));
        match at.and_then(|at| documents.get_mut(*at)) {
            Some(document) => document.lines.push(line),
            None => orphans.push(line),
        }
    }
    store.tables_mut().add(LINES, orphans);
    documents
}

/// Puts a rejected document back.
fn keep(store: &mut Store, layouts: Layouts, document: Document, run: &Run<'_>) {
    published::put(store, layouts, &document.header, &document.lines, (Some(run.request_id), run.now));
    store.tables_mut().add(HEADERS, vec![document.header]);
    store.tables_mut().add(LINES, document.lines);
}
