//! Which of the object's tables each CSV of the input fills, and which column goes where: found from the name
//! and the first record alone.

use tabular::delimited::Reader;

use super::findings::{Findings, Place};
use super::input::{Form, Input, Inputs, faulty, unreadable};
use super::layout::FileLayout;
use super::{Object, Severity};
use crate::problem::{Failure, Result};
use crate::text::nearest;

/// How a CSV is read.
pub struct Plan {
    /// Its place in [`Inputs::list`].
    pub input: usize,
    /// Its table in the object.
    pub table: usize,
    /// Whether the first record is a header row.
    pub header: bool,
    /// Where each column goes in the layout; `None` for one that is left out.
    pub columns: Vec<Option<u32>>,
    /// The titles of the person, as they stand in the header row.
    pub titles: Vec<String>,
    /// Whether columns keep their order, so that cells need not be sorted.
    pub in_order: bool,
    /// Whether they do and none is left out in between, so that a record's cells may be copied as they stand.
    pub straight: bool,
    /// How the file is written.
    pub form: Form,
}

/// Plans for all CSVs, in the order of the input; one that holds nothing has none.
///
/// # Errors
/// A CSV that cannot be read, or of which nobody can say what it is.
pub fn plan(
    object: &Object,
    layouts: &[FileLayout],
    inputs: &Inputs<'_>,
    findings: &mut Findings,
) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for (at, input) in inputs.list.iter().enumerate() {
        let (mut reader, form) = inputs.formed(input)?;
        let place = Place { file: &input.name, row: 0, pointer: None };
        if !reader.advance().map_err(|fault| faulty(&input.name, &fault))? {
            findings.tell(Severity::Warn, place, None, "empty_file", "The file holds no rows.".to_owned());
            continue;
        }
        let titles = record(&reader);
        let named = layouts.iter().position(|layout| layout.is_called(&input.name));
        let decided = match named {
            Some(table) => Ok((table, layouts.get(table).is_some_and(|layout| is_header(layout, &titles)))),
            None => guess(object, layouts, input, &titles),
        };
        if !matches!(decided, Ok((_, true))) {
            not_the_first(layouts, &mut reader, input, &titles)?;
        }
        let (table, header) = decided?;
        let Some(layout) = layouts.get(table) else { continue };
        if named.is_none() {
            findings.repaired(place, "", "file_recognised", || format!("The file is taken as {}.", layout.name));
        } else if !input.name.ends_with(layout.name) || input.name.contains(['/', '\\']) {
            findings.repaired(place, "", "file_renamed", || {
                format!("The file is sent as {}, at the zip's root.", layout.name)
            });
        }
        for (code, what) in form.repaired() {
            findings.repaired(place, "", code, || what.to_owned());
        }
        let columns =
            if header { from_titles(layout, &titles, &input.name, findings) } else { by_place(layout, &input.name) };
        let places: Vec<u32> = columns.iter().flatten().copied().collect();
        let in_order = places.is_sorted();
        let straight = in_order && columns.iter().all(Option::is_some);
        plans.push(Plan { input: at, table, header, columns, titles, in_order, straight, form });
    }
    Ok(plans)
}

/// The cells of the current record, the empty ones included.
pub fn record(reader: &Reader<'_>) -> Vec<String> {
    let cell = |column| super::row::text(reader.column(column)).trim().to_owned();
    (0..reader.width()).map(cell).collect()
}

/// Whether a record holds titles: two that are known, or half of them, or one among words without a gap.
fn is_header(layout: &FileLayout, titles: &[String]) -> bool {
    let (known, filled) = count(layout, titles);
    let words = || titles.iter().all(|title| !title.is_empty() && !title.contains(|letter: char| letter.is_numeric()));
    known >= 2 && known * 4 >= filled || known > 0 && (known * 2 >= filled || words())
}

/// A header row that stands behind something else would be loaded as data.
fn not_the_first(layouts: &[FileLayout], reader: &mut Reader<'_>, input: &Input, first: &[String]) -> Result<()> {
    let refused = |what: &str| {
        Err(unreadable(&input.name, what).remedy("Remove what stands before the header row, or before the first row."))
    };
    if first.first().is_some_and(|cell| cell.to_ascii_lowercase().starts_with("sep=")) {
        return refused("its first line (sep=) is a note to a spreadsheet and neither header row nor data");
    }
    for _ in 0..5 {
        if !reader.advance().map_err(|fault| faulty(&input.name, &fault))? {
            break;
        }
        let titles = record(reader);
        let counts = layouts.iter().map(|layout| count(layout, &titles));
        if counts.into_iter().any(|(known, filled)| known >= 2 && known * 2 >= filled) {
            return refused(&format!(
                "its header row is row {}, and row 1 (\"{}\") is neither header row nor data",
                reader.row(),
                crate::text::shorten(&first.join(" "), 60)
            ));
        }
    }
    Ok(())
}

fn count(layout: &FileLayout, titles: &[String]) -> (usize, usize) {
    let filled = titles.iter().filter(|title| !title.is_empty()).count();
    (titles.iter().filter(|title| layout.find(title).is_some()).count(), filled)
}

/// The table whose titles are met best. Without titles its name alone can tell that a file is ready.
fn guess(object: &Object, layouts: &[FileLayout], input: &Input, titles: &[String]) -> Result<(usize, bool)> {
    let scores: Vec<usize> = layouts.iter().map(|layout| count(layout, titles).0).collect();
    let best = scores.iter().copied().max().unwrap_or(0);
    let mut met = scores.iter().enumerate().filter(|(_, score)| **score == best).map(|(table, _)| table);
    match (met.next(), met.next()) {
        (Some(table), None) if layouts.get(table).is_some_and(|layout| is_header(layout, titles)) => Ok((table, true)),
        _ => {
            let names: Vec<&str> = layouts.iter().map(|layout| layout.name).collect();
            Err(unreadable(
                &input.name,
                &format!("neither its name nor a header row tells which file of {} it is", object.title),
            )
            .remedy(format!("Give it a header row with the names of its columns; a file without one has all columns in Oracle's order and is called {}.", names.join(" or "))))
        }
    }
}

fn from_titles(layout: &FileLayout, titles: &[String], file: &str, findings: &mut Findings) -> Vec<Option<u32>> {
    let place = Place { file, row: 1, pointer: None };
    let mut columns: Vec<Option<u32>> = Vec::new();
    for title in titles {
        let found = layout.find(title).and_then(|at| u32::try_from(at).ok());
        match found {
            None if title.is_empty() || title.eq_ignore_ascii_case("END") => {}
            None => {
                let names: Vec<String> = layout.columns.iter().map(super::layout::Column::name).collect();
                let near = nearest(&title.replace(' ', "_"), names.iter().map(String::as_str), 3).join(", ");
                let near = if near.is_empty() { String::new() } else { format!(" Did you mean {near}?") };
                let message = format!("{} has no column \"{title}\".{near}", layout.name);
                findings.tell(Severity::Refuse, place, Some(title.clone()), "unknown_column", message);
            }
            Some(at) if columns.contains(&Some(at)) => {
                let message = format!("\"{title}\" means a column that stands in the header row before.");
                findings.tell(Severity::Refuse, place, Some(title.clone()), "column_twice", message);
            }
            Some(_) => {}
        }
        columns.push(found.filter(|at| !columns.contains(&Some(*at))));
    }
    columns
}

/// Ready files have all columns in Oracle's order; `file` may end with the template's END.
fn by_place(layout: &FileLayout, _file: &str) -> Vec<Option<u32>> {
    (0..layout.columns.len()).map(|at| u32::try_from(at).ok()).collect()
}

/// Where a title or Oracle's name of a column stands.
pub fn position(layout: &FileLayout, title: &str) -> Option<u32> {
    layout.find(title).and_then(|at| u32::try_from(at).ok())
}

/// An import of nothing is refused before anything is sent.
pub fn nothing(object: &Object) -> Failure {
    Failure::invalid("", format!("there is no row to import as {}", object.title))
        .remedy("Give at least one row; header rows and blank lines do not count.")
}
