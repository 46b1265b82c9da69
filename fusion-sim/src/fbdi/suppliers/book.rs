//! The pod's suppliers while an import changes them, and the row that it reads.
//!
//! Promises that a name is found in any case, and that what no two suppliers share is known without a search.

use std::collections::{BTreeSet, HashMap};

use crate::fbdi::layout::Layout;
use crate::fbdi::reference::text;
use crate::fbdi::tables::Line;
use crate::metadata;
use crate::model::{Resource, Root, Row};
use crate::store::Store;

/// The pod's suppliers, read once for a run and written back as far as they were changed.
pub(super) struct Book {
    pub(super) resource: &'static Resource,
    pub(super) rows: Vec<Row>,
    pub(super) by_name: HashMap<String, usize>,
    taken: HashMap<&'static str, BTreeSet<String>>,
    pub(super) changed: BTreeSet<usize>,
}

/// What no two suppliers have in common.
const UNIQUE: [&str; 3] = ["SupplierNumber", "TaxpayerId", "TaxRegistrationNumber"];

impl Book {
    pub(super) fn new(store: &Store) -> Option<Self> {
        let resource = metadata::resource(Root::Fscm, "suppliers")?;
        let mut book = Self {
            resource,
            rows: Vec::new(),
            by_name: HashMap::new(),
            taken: HashMap::new(),
            changed: BTreeSet::new(),
        };
        store.scan(resource).for_each(|row| book.list(row));
        Some(book)
    }

    pub(super) fn list(&mut self, row: Row) {
        if let Some(name) = text(self.resource, &row, "Supplier") {
            self.by_name.insert(name.to_lowercase(), self.rows.len());
        }
        for name in UNIQUE {
            if let Some(value) = text(self.resource, &row, name) {
                self.taken.entry(name).or_default().insert(value.to_lowercase());
            }
        }
        self.rows.push(row);
    }

    /// Names are the same in any case.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    pub(super) fn is_taken(&self, attribute: &str, value: &str) -> bool {
        self.taken.get(attribute).is_some_and(|values| values.contains(&value.to_lowercase()))
    }
}

/// One row under examination.
pub(super) struct Given<'a> {
    pub(super) layout: &'static Layout,
    pub(super) line: &'a mut Line,
}

impl Given<'_> {
    pub(super) fn get(&self, column: &str) -> Option<String> {
        self.line.get(self.layout, column).map(str::to_owned)
    }

    pub(super) fn reject(&mut self, column: &str, message: &str) {
        self.line.reject(self.layout, message, column);
    }

    pub(super) fn need(&mut self, column: &str, title: &str) -> Option<String> {
        let value = self.get(column);
        if value.is_none() {
            self.reject(column, &format!("You must provide a value for the {title} attribute."));
        }
        value
    }

    /// `true` for CREATE, `false` for UPDATE.
    pub(super) fn creates(&mut self) -> Option<bool> {
        match self.need("IMPORT_ACTION", "Import Action")?.as_str() {
            "CREATE" => Some(true),
            "UPDATE" => Some(false),
            _ => {
                self.reject("IMPORT_ACTION", "The import action must be CREATE or UPDATE.");
                None
            }
        }
    }
}
