//! What can be imported in bulk: each object's files and how they hang together, its job, UCM account,
//! interface id and parameters (FACTS 3.5).
//!
//! The lists of parameters are those that FACTS knows to have run. Where none is known, the object asks for the
//! whole list as text, and every object takes such a text (`parameter_list`) instead of its named parameters.

use std::collections::BTreeMap;

use super::layout::FileLayout;
use crate::problem::{Failure, Result};

mod table;
pub use table::OBJECTS;

/// A business object that one load imports.
#[derive(Debug)]
pub struct Object {
    /// How it is chosen, as `ap_invoices`.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its files, parents before children.
    pub tables: &'static [Table],
    /// `ERP_INTERFACE_OPTIONS_ID`.
    pub interface_id: u32,
    /// UCM account in the dollar form with the final `$`.
    pub account: &'static str,
    /// `<package>,<definition>`.
    pub job: &'static str,
    /// The slots of the job's parameter list in order; empty where they are not known.
    pub parameters: &'static [Parameter],
    /// What stands in a slot that nobody filled: `#NULL`, or nothing.
    pub absent: &'static str,
    /// Whether the import refuses a second load of the same business keys (FACTS 3.8).
    pub refuses_duplicates: bool,
    /// Whether the layout and the job were tried against a loader; else they are an `untested layout`.
    pub tested: bool,
    /// The column that must equal the parameter [`From::GroupId`] (T4).
    pub group_column: Option<&'static str>,
    /// The column that must equal the parameter [`From::Source`] (T4).
    pub source_column: Option<&'static str>,
    /// The checks beyond columns and types.
    pub checks: Checks,
}

/// One file of an object.
#[derive(Debug)]
pub struct Table {
    /// Oracle's name of its file.
    pub file: &'static str,
    /// The column that children refer to; empty where there is none. Nested rows get one made.
    pub key: &'static str,
    /// The place of its parent among the object's tables, and the column that holds the parent's key (or
    /// nothing, where rows are joined by business columns).
    pub parent: Option<(usize, &'static str)>,
    /// Under which names its rows are nested in their parents' (bare: no case, no underscores).
    pub lists: &'static [&'static str],
    /// Columns that must be filled.
    pub required: &'static [&'static str],
    /// Columns with what is written where they are blank.
    pub defaults: &'static [(&'static str, &'static str)],
    /// The columns by which people and the pod name a row.
    pub document: &'static [&'static str],
}

/// Which checks across rows an object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// None but the generic: children need their parents.
    Generic,
    /// Payables invoices: sums of lines, and numbers that come twice for a supplier.
    Invoices,
    /// Journals: debits equal credits for each group, ledger, currency and date.
    Journals,
}

/// One slot of a job's parameter list.
#[derive(Debug)]
pub struct Parameter {
    /// How it is asked for, snake_case.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its place, from 1.
    pub slot: usize,
    /// What stands there where nothing is given.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
    /// Where its value comes from.
    pub from: From,
}

/// Where a parameter's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The form asks for it.
    Asked,
    /// The load's group id.
    GroupId,
    /// The rows' source, which the form may also give.
    Source,
    /// It is always this.
    Fixed(&'static str),
}

/// All objects, the tested ones first.
pub fn objects() -> &'static [Object] {
    OBJECTS
}

/// The object of that id.
pub fn object(id: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|object| object.id == id)
}

impl Object {
    /// The layouts of its files, in the order of `tables`.
    pub fn files(&self) -> Vec<FileLayout> {
        self.tables.iter().filter_map(|table| FileLayout::of(table.file)).collect()
    }

    /// The positional parameter list: every slot is kept, since dropping one shifts all behind it (F3).
    ///
    /// # Errors
    /// Parameters that the job does not know, lacks, or that hold a comma, each at its place below
    /// `/parameters`.
    pub fn parameter_list(&self, given: &BTreeMap<String, String>, group_id: Option<&str>) -> Result<String> {
        if let Some(whole) = given.get("parameter_list") {
            return Ok(whole.clone());
        }
        let mut faults = Vec::new();
        let mut fault = |name: &str, message: String| {
            faults.push(crate::contract::FieldProblem { pointer: format!("/parameters/{name}"), message });
        };
        for name in given.keys() {
            let known = |parameter: &&Parameter| parameter.name == name && parameter.from.is_asked();
            if !self.parameters.iter().any(|parameter| known(&parameter)) {
                let asked = self.parameters.iter().filter(|parameter| parameter.from.is_asked());
                let names: Vec<&str> = asked.map(|parameter| parameter.name).chain(["parameter_list"]).collect();
                fault(name, format!("the import of {} has no such parameter; it has {}", self.title, names.join(", ")));
            }
        }
        if self.parameters.is_empty() {
            fault(
                "parameter_list",
                format!("is needed: which parameters {} takes is not built in; give them all, with commas", self.job),
            );
        }
        let mut slots = Vec::new();
        for parameter in self.parameters {
            let value = match parameter.from {
                From::Fixed(text) => Some(text),
                From::GroupId => group_id,
                From::Asked | From::Source => {
                    given.get(parameter.name).map(String::as_str).filter(|text| !text.is_empty())
                }
            };
            let value = value.or(parameter.default);
            if parameter.required && value.is_none() {
                fault(parameter.name, format!("is needed: {}", parameter.title));
            }
            let value = value.unwrap_or(self.absent);
            if value.contains([',', '\n', '\r']) {
                fault(
                    parameter.name,
                    "must not hold a comma or a line end: values are told apart by commas".to_owned(),
                );
            }
            slots.push(value);
        }
        if faults.is_empty() { Ok(slots.join(",")) } else { Err(Failure::invalid_fields("input", faults)) }
    }

    /// The place of the table whose file is called so.
    pub fn table_called(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| FileLayout::of(table.file).is_some_and(|layout| layout.is_called(name)))
    }
}

impl From {
    /// Whether a person may give it.
    pub fn is_asked(self) -> bool {
        matches!(self, Self::Asked | Self::Source)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_column_that_an_object_names_stands_in_its_layout() {
        for object in objects() {
            assert_eq!(object.files().len(), object.tables.len(), "{}", object.id);
            for (table, layout) in object.tables.iter().zip(object.files()) {
                let named =
                    table.required.iter().chain(table.document).chain(table.defaults.iter().map(|(name, _)| name));
                let named = named.chain([&table.key]).chain(table.parent.iter().map(|(_, column)| column));
                for column in named.filter(|column| !column.is_empty()) {
                    assert!(layout.position(column).is_some(), "{} {} {column}", object.id, table.file);
                }
            }
            for column in [object.group_column, object.source_column].into_iter().flatten() {
                assert!(
                    object.files().iter().any(|layout| layout.position(column).is_some()),
                    "{} {column}",
                    object.id
                );
            }
            for (index, parameter) in object.parameters.iter().enumerate() {
                assert_eq!(parameter.slot, index + 1, "{}", object.id);
            }
            assert!(object.account.ends_with('$') && object.job.matches(',').count() == 1, "{}", object.id);
        }
    }

    #[test]
    fn the_table_of_the_docs_is_the_table_of_objects() {
        let docs = include_str!("../../../../docs/bulk-import.md");
        let (_, section) = docs.split_once("\n## Objects\n").unwrap();
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let row = |object: &Object| {
            let files: Vec<String> =
                object.tables.iter().map(|table| format!("`{}`", table.file.trim_end_matches(".csv"))).collect();
            let asked =
                object.parameters.iter().filter(|parameter| parameter.from.is_asked()).map(|parameter| {
                    match (parameter.required, parameter.default) {
                        (true, _) => format!("**`{}`**", parameter.name),
                        (false, Some(default)) => format!("`{}` ({default})", parameter.name),
                        (false, None) => format!("`{}`", parameter.name),
                    }
                });
            let asked = match (object.parameters, asked.collect::<Vec<_>>().join(", ")) {
                ([], _) => "**`parameter_list`**".to_owned(),
                (_, none) if none.is_empty() => "none".to_owned(),
                (_, asked) => asked,
            };
            let layout = if object.tested { "tested" } else { "untested layout" };
            format!("| `{}` | {} | {asked} | {layout} |", object.id, files.join(", "))
        };
        assert_eq!(rows, objects().iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn the_list_that_ran_for_invoices_is_written() {
        let invoices = object("ap_invoices").unwrap();
        let list = invoices
            .parameter_list(
                &given(&[
                    ("business_unit_id", "300000046987012"),
                    ("accounting_date", "2026-01-31"),
                    ("source", "Manual Invoice Entry"),
                    ("ledger_id", "300000046975971"),
                ]),
                Some("90213"),
            )
            .unwrap();
        // FACTS 3.2.
        assert_eq!(
            list,
            "#NULL,300000046987012,N,2026-01-31,#NULL,#NULL,1000,Manual Invoice Entry,90213,N,Y,300000046975971,#NULL,1"
        );
    }

    #[test]
    fn missing_and_unknown_parameters_are_all_named() {
        let failure =
            object("gl_journals").unwrap().parameter_list(&given(&[("colour", "red")]), Some("1")).unwrap_err();
        let places: Vec<&str> = failure.problem.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(
            places,
            ["/parameters/colour", "/parameters/data_access_set_id", "/parameters/source", "/parameters/ledger_id"]
        );
    }

    #[test]
    fn blank_slots_are_kept_as_each_job_wants_them() {
        let orders = object("purchase_orders").unwrap();
        let list =
            orders.parameter_list(&given(&[("procurement_bu", "BU"), ("default_buyer", "B")]), Some("7")).unwrap();
        assert_eq!(list, "BU,B,SUBMIT,,,N,,N,7");
        let whole = object("project_costs").unwrap();
        assert!(whole.parameter_list(&given(&[]), None).is_err());
        assert_eq!(whole.parameter_list(&given(&[("parameter_list", "a,,c")]), None).unwrap(), "a,,c");
    }
}
