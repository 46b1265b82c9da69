//! Nested records as rows: an invoice with its lines becomes a row of one file and rows of another, joined by a
//! key that is made where none is given.
//!
//! The records stay text and are read once for each file, so that memory holds one record. Keys are made by
//! counting, and come out the same each time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Severity;
use super::findings::Place;
use super::layout::bare;
use super::plan::position;
use super::row::{Cell, put};
use super::rows::{Rows, Taker};
use crate::fusion::record::Members;
use crate::problem::{Failure, Result};
use crate::text::nearest;

/// What the rows are called in findings.
pub const FILE: &str = "rows";

/// How deep records nest at most: an order, its lines, their schedules, their distributions, and one more.
const DEEPEST: usize = 5;

/// Tells the rows of `table`.
///
/// # Errors
/// Text that is no list of records; those of the taker.
pub fn each(rows: &Rows<'_>, records: &str, table: usize, taker: &mut dyn Taker) -> Result<()> {
    let mut walk = Walk {
        rows,
        target: table,
        made: vec![0; rows.object.tables.len()],
        titles: vec![HashMap::new(); rows.object.tables.len()],
        taker,
    };
    records_of(records, &mut |index, record| {
        let top = Top { index, depth: 0 };
        walk.record(0, record, top, &format!("/{index}"), &[], None)
    })
}

/// Calls `each` for every record of a list, with its place from 0; a single record is a list of one.
pub fn records_of<'r>(records: &'r str, each: &mut dyn FnMut(usize, &'r RawValue) -> Result<()>) -> Result<()> {
    struct List<'c, 'r> {
        each: &'c mut dyn FnMut(usize, &'r RawValue) -> Result<()>,
        failed: &'c mut Option<Failure>,
    }
    impl<'r> Visitor<'r> for List<'_, 'r> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
            formatter.write_str("a list of records")
        }

        fn visit_seq<A: SeqAccess<'r>>(self, mut list: A) -> std::result::Result<(), A::Error> {
            let mut index = 0;
            while let Some(record) = list.next_element::<&'r RawValue>()? {
                if let Err(failure) = (self.each)(index, record) {
                    *self.failed = Some(failure);
                    return Err(A::Error::custom("a record failed"));
                }
                index += 1;
            }
            Ok(())
        }
    }
    let mut failed = None;
    let read = if records.trim_start().starts_with('{') {
        let record = serde_json::from_str::<&RawValue>(records);
        record.map(|record| failed = each(0, record).err())
    } else {
        serde_json::Deserializer::from_str(records).deserialize_seq(List { each, failed: &mut failed })
    };
    match (failed, read) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(Failure::invalid("/rows", format!("they are no list of records: {error}"))),
        (None, Ok(())) => Ok(()),
    }
}

#[derive(Clone, Copy)]
struct Top {
    index: usize,
    depth: usize,
}

struct Walk<'w, 'a> {
    rows: &'w Rows<'a>,
    target: usize,
    /// Rows of each table so far, for made keys.
    made: Vec<u64>,
    titles: Vec<HashMap<String, Option<u32>>>,
    taker: &'w mut dyn Taker,
}

impl Walk<'_, '_> {
    fn record(
        &mut self,
        table: usize,
        record: &RawValue,
        top: Top,
        pointer: &str,
        inherited: &[(u32, String)],
        parent: Option<&str>,
    ) -> Result<()> {
        let row = u64::try_from(top.index).unwrap_or(u64::MAX).saturating_add(1);
        let place = Place { file: FILE, row, pointer: Some(pointer) };
        let told = table == self.target;
        let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(record.get()) else {
            if told || top.depth == 0 && self.target == 0 {
                self.tell(place, None, "not_a_record", "It is no record: an object with columns is needed.".to_owned());
            }
            return Ok(());
        };
        let mut cells: Vec<(u32, String)> = inherited.to_vec();
        let mut own: Vec<u32> = Vec::new();
        let mut lists = Vec::new();
        for (name, value) in members {
            match value.get().as_bytes().first() {
                Some(b'[') => match self.list(table, &name) {
                    Some(child) if top.depth < DEEPEST => lists.push((child, name, value)),
                    _ if told => {
                        let message = format!("{} has no list \"{name}\" below this record.", self.rows.object.title);
                        self.tell(place, Some(name), "unknown_list", message);
                    }
                    _ => {}
                },
                Some(b'{') if told && self.list(table, &name).is_some() => self.unknown(table, place, name),
                Some(b'{') if told => {
                    let message = format!("\"{name}\" is a record where a value is needed.");
                    self.tell(place, Some(name), "not_a_value", message);
                }
                Some(b'{' | b'n') | None => {}
                Some(first) => {
                    let text = match first {
                        b'"' => serde_json::from_str::<String>(value.get()).unwrap_or_default(),
                        b't' => "Y".to_owned(),
                        b'f' => "N".to_owned(),
                        _ => value.get().to_owned(),
                    };
                    match self.column(table, &name) {
                        _ if text.is_empty() => {}
                        Some(column) if own.contains(&column) && !told => {}
                        Some(column) if own.contains(&column) => {
                            let message = format!("\"{name}\" means a column that the record has already.");
                            self.tell(place, Some(name), "column_twice", message);
                        }
                        Some(column) => {
                            let bare = matches!(first, b't' | b'f') && !self.is_text(table, column);
                            // As it was written, so that it is refused by its own name.
                            let text = if bare { value.get().to_owned() } else { text };
                            own.push(column);
                            cells.retain(|(other, _)| *other != column);
                            cells.push((column, text));
                        }
                        None if told => self.unknown(table, place, name),
                        None => {}
                    }
                }
            }
        }
        let next = Top { depth: top.depth + 1, ..top };
        // A record with a list of its own kind is what its rows have in common, and no row itself.
        if lists.iter().any(|(child, ..)| *child == table) {
            return lists.iter().try_for_each(|(child, name, list)| {
                let inherited = if *child == table { cells.as_slice() } else { &[] };
                self.list_of(*child, list, next, &format!("{pointer}/{name}"), inherited, None)
            });
        }
        let key = self.key(table, &mut cells);
        if told {
            let mut taken: Vec<Cell<'_>> =
                cells.iter().map(|(column, text)| (*column, Cow::Borrowed(text.as_bytes()))).collect();
            taken.sort_unstable_by_key(|(column, _)| *column);
            if let (Some(column), Some(parent)) = (self.parent_column(table), parent)
                && super::row::find(&taken, column).is_none()
            {
                put(&mut taken, column, parent.as_bytes());
            }
            if !taken.is_empty() {
                self.taker.take(place, &mut taken, None)?;
            }
        }
        lists.iter().try_for_each(|(child, name, list)| {
            self.list_of(*child, list, next, &format!("{pointer}/{name}"), &[], key.as_deref())
        })
    }

    fn list_of(
        &mut self,
        table: usize,
        list: &RawValue,
        top: Top,
        pointer: &str,
        inherited: &[(u32, String)],
        parent: Option<&str>,
    ) -> Result<()> {
        records_of(list.get(), &mut |at, record| {
            self.record(table, record, top, &format!("{pointer}/{at}"), inherited, parent)
        })
    }

    /// The key that children refer to; made where the object has one and the record does not.
    fn key(&mut self, table: usize, cells: &mut Vec<(u32, String)>) -> Option<String> {
        let name = self.rows.object.tables.get(table).map(|table| table.key).filter(|key| !key.is_empty())?;
        let column = self.column(table, name)?;
        let count = self.made.get_mut(table)?;
        *count += 1;
        if let Some((_, given)) = cells.iter().find(|(other, _)| *other == column) {
            return Some(given.clone());
        }
        let made = format!("{}{count:07}", self.rows.prefix);
        cells.push((column, made.clone()));
        Some(made)
    }

    fn is_text(&self, table: usize, column: u32) -> bool {
        let column = usize::try_from(column).ok();
        let column = column.and_then(|at| self.rows.layouts.get(table)?.columns.get(at));
        column.is_none_or(|column| column.kind == super::layout::Kind::Text)
    }

    fn parent_column(&mut self, table: usize) -> Option<u32> {
        let (_, name) = self.rows.object.tables.get(table)?.parent?;
        self.column(table, name)
    }

    fn column(&mut self, table: usize, title: &str) -> Option<u32> {
        let titles = self.titles.get_mut(table)?;
        if let Some(known) = titles.get(title) {
            return *known;
        }
        let found = position(self.rows.layouts.get(table)?, title);
        titles.insert(title.to_owned(), found);
        found
    }

    /// The table whose rows stand under this name in a record of `table`.
    fn list(&self, table: usize, name: &str) -> Option<usize> {
        let wanted = bare(name);
        let tables = self.rows.object.tables.iter().zip(self.rows.layouts).enumerate();
        tables
            .filter(|(at, (one, _))| *at == table || one.parent.is_none_or(|(parent, _)| parent == table))
            .find(|(_, (one, layout))| one.lists.contains(&wanted.as_str()) || layout.is_called(name))
            .map(|(at, _)| at)
    }

    fn unknown(&mut self, table: usize, place: Place<'_>, name: String) {
        let Some(layout) = self.rows.layouts.get(table) else { return };
        if self.list(table, &name).is_some() {
            let message = format!("\"{name}\" is not a list; a list of records is expected.");
            return self.tell(place, Some(name), "not_a_list", message);
        }
        let names: Vec<String> = layout.columns.iter().map(super::layout::Column::name).collect();
        let near = nearest(&name, names.iter().map(String::as_str), 3).join(", ");
        let near = if near.is_empty() { String::new() } else { format!(" Did you mean {near}?") };
        let message = format!("{} has no column \"{name}\".{near}", layout.name);
        self.tell(place, Some(name), "unknown_column", message);
    }

    fn tell(&mut self, place: Place<'_>, column: Option<String>, code: &'static str, message: String) {
        if let Some(findings) = self.taker.findings() {
            findings.tell(Severity::Refuse, place, column, code, message);
        }
    }
}
