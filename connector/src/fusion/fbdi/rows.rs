//! The rows of one table, from CSVs or from nested records, one after the other: for building, and for finding
//! them again.

use std::borrow::Cow;

use tabular::delimited::Reader;

use super::findings::{Findings, Place};
use super::input::{Inputs, faulty, unreadable};
use super::layout::FileLayout;
use super::nested;
use super::plan::Plan;
use super::row::{Cell, text};
use super::{Object, Severity, Source};
use crate::problem::Result;

/// Where rows go.
pub trait Taker {
    /// Takes a row; its cells are sorted and none is empty. Where `plain` is given, cells that are borrowed lie in
    /// it with commas between them alone.
    ///
    /// # Errors
    /// What ends the reading.
    fn take(&mut self, place: Place<'_>, cells: &mut Vec<Cell<'_>>, plain: Option<&[u8]>) -> Result<()>;

    /// Takes the record that is read, if it passes as it stands: all of it, at once. Its text is UTF-8.
    ///
    /// # Errors
    /// What ends the reading.
    fn pass(&mut self, _plan: &Plan, _place: Place<'_>, _reader: &Reader<'_>) -> Result<bool> {
        Ok(false)
    }

    /// Where it is told what is wrong, if anybody wants to know.
    fn findings(&mut self) -> Option<&mut Findings>;
}

/// An input that is ready to be read.
pub struct Rows<'a> {
    /// What is imported.
    pub object: &'a Object,
    /// Its layouts.
    pub layouts: &'a [FileLayout],
    /// Where the rows come from.
    pub source: &'a Source<'a>,
    /// Its CSVs.
    pub inputs: &'a Inputs<'a>,
    /// How they are read.
    pub plans: &'a [Plan],
    /// What made keys begin with.
    pub prefix: &'a str,
}

impl Rows<'_> {
    /// Tells all rows of the object's table.
    ///
    /// # Errors
    /// An input that cannot be read, with its place; those of the taker.
    pub fn each(&self, table: usize, taker: &mut dyn Taker) -> Result<()> {
        match self.source {
            Source::Rows(records) => nested::each(self, records, table, taker),
            Source::Files(_) | Source::Zip(_) => {
                self.plans.iter().filter(|plan| plan.table == table).try_for_each(|plan| self.csv(plan, taker))
            }
        }
    }

    fn csv(&self, plan: &Plan, taker: &mut dyn Taker) -> Result<()> {
        let Some(input) = self.inputs.list.get(plan.input) else { return Ok(()) };
        let mut reader = self.inputs.open(input)?;
        let fault = |fault| faulty(&input.name, &fault);
        if plan.header {
            reader.advance().map_err(fault)?;
        }
        let (mut unicode, mut latin) = (false, false);
        while reader.advance().map_err(fault)? {
            let place = Place { file: &input.name, row: reader.row(), pointer: None };
            if !reader.is_ascii() {
                let line = reader.line();
                let mixed = |told: String| unreadable(&input.name, &told).remedy("Save the file as CSV in UTF-8.");
                match std::str::from_utf8(reader.raw()) {
                    Ok(_) if latin => return Err(mixed(format!("line {line} is UTF-8, and lines before it are not"))),
                    Ok(_) => unicode = true,
                    Err(error) if unicode => {
                        let column = error.valid_up_to() + 1;
                        return Err(mixed(format!(
                            "line {line}, column {column} is not UTF-8, and lines before it are"
                        )));
                    }
                    Err(_) if latin => {}
                    Err(_) => {
                        latin = true;
                        if let Some(findings) = taker.findings() {
                            findings.repaired(place, "", "not_utf8", || {
                                "The file is not UTF-8; it is read as Windows-1252 (Latin-1) and sent as UTF-8"
                                    .to_owned()
                            });
                        }
                    }
                }
            }
            let foreign = latin && !reader.is_ascii();
            if !foreign && taker.pass(plan, place, &reader)? {
                continue;
            }
            let mut cells: Vec<Cell<'_>> = Vec::with_capacity(reader.cells().len() + 4);
            for cell in reader.cells() {
                let bytes = reader.bytes(*cell);
                let column = match usize::try_from(cell.column).ok().and_then(|at| plan.columns.get(at)) {
                    Some(Some(column)) => *column,
                    // A column without a title, or that was told to be unknown already.
                    Some(None) => continue,
                    None if bytes.trim_ascii() == b"END" => continue,
                    // Of an untested layout the end is not known.
                    None if !plan.header && !self.object.tested => cell.column,
                    None => {
                        if let Some(findings) = taker.findings() {
                            let message =
                                format!("The row has more cells than there are columns ({}).", plan.columns.len());
                            findings.tell(Severity::Refuse, place, None, "too_many_cells", message);
                        }
                        break;
                    }
                };
                let value = match foreign {
                    true if !bytes.is_ascii() => Cow::Owned(text(bytes).into_owned().into_bytes()),
                    _ => Cow::Borrowed(bytes),
                };
                cells.push((column, value));
            }
            if !plan.in_order {
                cells.sort_unstable_by_key(|(column, _)| *column);
            }
            if !cells.is_empty() {
                let plain = (plan.straight && reader.is_plain()).then(|| reader.raw());
                taker.take(place, &mut cells, plain)?;
            }
        }
        Ok(())
    }
}
