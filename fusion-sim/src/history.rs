//! What was changed on the pod, by whom, from what to what: what audit history and HCM's feeds are made of.
//!
//! Every write of a request leaves its differences here, whether anybody audits them or not. Bounded: the oldest
//! are forgotten, as a pod's retention does. Never holds what changed by itself (imports, background processes).

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::{self, Place};
use crate::model::{Resource, Row, Type, Value};
use crate::store::Context;

/// Changes kept: more than any test makes, and some tens of megabytes at most.
const KEPT: usize = 50_000;
/// Set by every write, and no news.
const WHO: [&str; 7] = [
    "CreatedBy",
    "CreationDate",
    "CreationDateTime",
    "LastUpdatedBy",
    "LastUpdateDate",
    "LastUpdateDateTime",
    "LastUpdateLogin",
];
/// What people know a record by.
const NAMES: [&str; 10] = [
    "PersonNumber",
    "Username",
    "InvoiceNumber",
    "SupplierNumber",
    "Supplier",
    "OrderNumber",
    "ReceiptNumber",
    "TransactionNumber",
    "ProjectNumber",
    "BatchName",
];

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Insert,
    Update,
    Delete,
}

/// One row that was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Shared by all rows that one write changed.
    pub(crate) number: u64,
    #[serde(with = "crate::saved::text")]
    pub(crate) at: Timestamp,
    pub(crate) user: String,
    pub(crate) kind: Kind,
    /// Root, resource and children: `fscm/invoices/invoiceLines`.
    pub(crate) path: String,
    /// Key and names of the record that the row belongs to.
    pub(crate) about: Vec<(String, Value)>,
    /// Attribute, value before, value after.
    pub(crate) values: Vec<(String, Value, Value)>,
}

impl Change {
    /// An attribute's value before and after, where it changed.
    pub(crate) fn value(&self, name: &str) -> Option<(&Value, &Value)> {
        self.values.iter().find(|(known, ..)| known == name).map(|(_, before, after)| (before, after))
    }
}

/// All changes, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct History {
    changes: VecDeque<Change>,
    writes: u64,
}

impl History {
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.changes.iter()
    }

    /// Keeps what a write made of a record; `table` is its root and resource.
    pub(crate) fn add(
        &mut self,
        (table, resource): (&str, &Resource),
        before: Option<&Row>,
        after: Option<&Row>,
        context: &Context,
    ) {
        let mut found = Vec::new();
        let places = [before, after].map(|row| row.map(|row| Place::top(resource, row)));
        let [old, new] = &places;
        compare(table.to_owned(), resource, old.as_ref(), new.as_ref(), &mut found);
        let Some(row) = after.or(before).filter(|_| !found.is_empty()) else { return };
        let names = keys::attributes(resource).into_iter().chain(["PersonId"]).chain(NAMES);
        let mut about: Vec<(String, Value)> = Vec::new();
        for name in names {
            let value = row.get(resource, name).filter(|value| **value != Value::Null);
            if let Some(value) = value.filter(|_| !about.iter().any(|(known, _)| known == name)) {
                about.push((name.to_owned(), value.clone()));
            }
        }
        self.writes = self.writes.saturating_add(1);
        self.changes.extend(found.into_iter().map(|(path, kind, values)| Change {
            number: self.writes,
            at: context.now,
            user: context.user.clone(),
            kind,
            path,
            about: about.clone(),
            values,
        }));
        let over = self.changes.len().saturating_sub(KEPT);
        self.changes.drain(..over);
    }
}

type Found = (String, Kind, Vec<(String, Value, Value)>);

/// The differences between a row and what became of it, then those of its children.
fn compare(
    path: String,
    resource: &Resource,
    before: Option<&Place<'_>>,
    after: Option<&Place<'_>>,
    found: &mut Vec<Found>,
) {
    let kind = match (before, after) {
        (None, Some(_)) => Kind::Insert,
        (Some(_), Some(_)) => Kind::Update,
        (Some(_), None) => Kind::Delete,
        (None, None) => return,
    };
    let value = |place: Option<&Place<'_>>, name: &str| {
        place.and_then(|place| place.row.get(resource, name)).cloned().unwrap_or(Value::Null)
    };
    let told = resource.attributes.iter().filter(|one| one.kind != Type::Attachment && !WHO.contains(&&*one.name));
    let values: Vec<(String, Value, Value)> = told
        .map(|one| (one.name.clone(), value(before, &one.name), value(after, &one.name)))
        .filter(|(_, old, new)| old != new)
        .collect();
    if !values.is_empty() {
        found.push((path.clone(), kind, values));
    }
    for child in &resource.children {
        let rows = |place: Option<&'_ Place<'_>>| -> Vec<(String, Row)> {
            let Some(place) = place else { return Vec::new() };
            let rows = place.row.child(&child.name).iter();
            rows.map(|row| (keys::child_identity(place, child, row), row.clone())).collect()
        };
        let (old, mut new) = (rows(before), rows(after));
        let below = format!("{path}/{}", child.name);
        for (identity, row) in &old {
            let at = new.iter().position(|(known, _)| known == identity);
            let match_ = at.map(|at| new.remove(at).1);
            let was = before.map(|place| place.child(child, row));
            let is = after.zip(match_.as_ref()).map(|(place, row)| place.child(child, row));
            compare(below.clone(), child, was.as_ref(), is.as_ref(), found);
        }
        for (_, row) in &new {
            let is = after.map(|place| place.child(child, row));
            compare(below.clone(), child, None, is.as_ref(), found);
        }
    }
}
