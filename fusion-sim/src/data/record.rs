//! A row before it has an attribute order: named values and named children.

use crate::data::random::Life;
use crate::model::{Resource, Row, Value};

/// Values by attribute name; what is not named is null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    cells: Vec<(&'static str, Value)>,
    children: Vec<(&'static str, Vec<Record>)>,
    version: i32,
}

impl Record {
    /// Nothing set.
    pub(crate) fn new() -> Self {
        Self { version: 1, ..Self::default() }
    }

    /// Sets a value.
    pub(crate) fn set(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.cells.push((name, value.into()));
        self
    }

    /// Adds the rows of a child.
    pub(crate) fn child(mut self, name: &'static str, rows: Vec<Record>) -> Self {
        self.children.push((name, rows));
        self
    }

    /// Sets who wrote the row and when.
    pub(crate) fn life(mut self, life: &Life) -> Self {
        self.version = life.version;
        self.set("CreatedBy", super::people::OPERATOR)
            .set("CreationDate", life.created)
            .set("LastUpdatedBy", super::people::OPERATOR)
            .set("LastUpdateDate", life.updated)
    }

    /// The row, in the resource's order.
    pub(crate) fn row(self, resource: &Resource) -> Row {
        let mut row = Row::empty(resource);
        row.version = self.version;
        for (name, value) in self.cells {
            row.set(resource, name, value);
        }
        row.children = children(resource, self.children);
        row
    }

    #[cfg(test)]
    pub(crate) fn strangers(&self, resource: &Resource) -> Vec<String> {
        let mut found: Vec<String> = self
            .cells
            .iter()
            .filter(|(name, _)| resource.attribute(name).is_none())
            .map(|(name, _)| format!("{}.{name}", resource.name))
            .collect();
        for (name, rows) in &self.children {
            match resource.child(name) {
                Some(child) => found.extend(rows.iter().flat_map(|row| row.strangers(child))),
                None => found.push(format!("{}/{name}", resource.name)),
            }
        }
        found
    }
}

/// The rows of every child of the resource, in its order; those not given are empty.
pub(crate) fn children(resource: &Resource, given: Vec<(&'static str, Vec<Record>)>) -> Vec<(String, Vec<Row>)> {
    let mut given = given;
    resource
        .children
        .iter()
        .map(|child| {
            let at = given.iter().position(|(name, _)| *name == child.name);
            let rows = at.map(|at| given.swap_remove(at).1).unwrap_or_default();
            (child.name.clone(), rows.into_iter().map(|record| record.row(child)).collect())
        })
        .collect()
}
