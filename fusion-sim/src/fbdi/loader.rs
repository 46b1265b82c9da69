//! The load job: records into interface tables, and a log in the loader's own manner.
//!
//! Promises that each refused record is named with its number, column and reason, and that what was loaded stands in
//! the table in the order of the file. Never repairs anything.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::fbdi::archive::{self, Found};
use crate::fbdi::layout::Layout;
use crate::fbdi::tables::Line;
use crate::fbdi::{FileLoad, Load, record, value};
use crate::store::Store;

/// Loads every file of an upload. Where one cannot be, none is: the archive is judged as a whole (FACTS 8, F1).
pub(super) fn load(store: &mut Store, load: &Load<'_>) -> Vec<FileLoad> {
    match archive::open(load.interface_id, load.document, load.file_name) {
        Ok(found) => found.into_iter().map(|found| file(store, &found, load)).collect(),
        Err(message) => vec![FileLoad {
            name: load.file_name.to_owned(),
            rows_read: 0,
            rows_loaded: 0,
            rows_failed: 0,
            log: format!(
                "Load Interface File for Import\nRequest ID: {}\nFile: {}\n\nERROR: {message}\n0 rows were loaded.\n",
                load.load_request_id, load.file_name
            ),
            state: "ERROR",
        }],
    }
}

struct Progress {
    read: u64,
    failed: u64,
    empty: u64,
    log: String,
    taken: HashSet<String>,
}

fn file(store: &mut Store, found: &Found, load: &Load<'_>) -> FileLoad {
    let layout = found.layout;
    let mut progress =
        Progress { read: 0, failed: 0, empty: 0, log: header(layout, load), taken: taken(store, layout) };
    let mut lines = Vec::new();
    let mut raw: Vec<&[u8]> = found.bytes.split(|byte| *byte == b'\n').collect();
    if raw.last().is_some_and(|last| last.is_empty()) {
        raw.pop();
    }
    for bytes in raw {
        progress.read += 1;
        // A record ends with its line; that of Windows ends with CR as well (FACTS 3.6: `END` and CR).
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        match row(layout, &String::from_utf8_lossy(bytes), &mut progress.taken) {
            Ok(cells) if cells.is_empty() => progress.empty += 1,
            Ok(cells) => {
                lines.push(Line {
                    load: load.load_request_id,
                    record: progress.read,
                    status: None,
                    reasons: Vec::new(),
                    cells,
                });
            }
            Err(reason) => {
                progress.failed += 1;
                let (record, table) = (progress.read, &layout.table);
                let _ = writeln!(progress.log, "Record {record}: Rejected - Error on table {table}{reason}");
            }
        }
    }
    let loaded = u64::try_from(lines.len()).unwrap_or(0);
    store.tables_mut().add(&layout.table, lines);
    footer(&mut progress, layout, loaded);
    let state = match (progress.failed, loaded) {
        (0, _) => "SUCCEEDED",
        (_, 0) => "ERROR",
        _ => "WARNING",
    };
    FileLoad {
        name: layout.file.clone(),
        rows_read: progress.read,
        rows_loaded: loaded,
        rows_failed: progress.failed,
        log: progress.log,
        state,
    }
}

/// The values of the column that the table keeps apart, as they are there now.
fn taken(store: &Store, layout: &Layout) -> HashSet<String> {
    let Some((column, _)) = layout.unique() else { return HashSet::new() };
    store.tables().rows(&layout.table).iter().filter_map(|line| line.get(layout, column)).map(str::to_owned).collect()
}

/// A record's values; empty where no field is set. The error goes on from `Error on table T`.
fn row(layout: &Layout, line: &str, taken: &mut HashSet<String>) -> Result<Vec<(u16, Box<str>)>, String> {
    let column_name = |at: usize| {
        let name = layout.columns.get(at).and_then(|column| column.name.as_deref());
        name.map_or_else(|| format!("COLUMN{}", at + 1), str::to_owned)
    };
    let mut fields = record::fields(line).map_err(|(at, broken)| format!(", column {}.\n{broken}", column_name(at)))?;
    // The mark that templates put behind the last column (FACTS 3.6).
    if fields.last().and_then(Option::as_deref).is_some_and(|last| last.trim() == "END") {
        fields.pop();
    }
    let (named, surplus) = fields.split_at(fields.len().min(layout.columns.len()));
    if surplus.iter().any(Option::is_some) {
        let (found, known) = (fields.len(), layout.columns.len());
        return Err(format!(".\nthe record has {found} fields, the control file {known} columns"));
    }
    let mut cells = Vec::new();
    for ((at, column), field) in layout.columns.iter().enumerate().zip(named) {
        let Some(field) = field else { continue };
        let read = value::read(column, &layout.table, field);
        let read = read.map_err(|message| format!(", column {}.\n{message}", column_name(at)))?;
        if let (Some(value), Ok(place)) = (read, u16::try_from(at)) {
            cells.push((place, value.into_boxed_str()));
        }
    }
    if cells.is_empty() {
        return Ok(cells);
    }
    let set = |at: usize| cells.iter().find(|(place, _)| usize::from(*place) == at);
    for (at, column) in layout.columns.iter().enumerate().filter(|(_, column)| column.required) {
        if set(at).is_none() {
            let (table, name) = (&layout.table, column.name.as_deref().unwrap_or_default());
            return Err(format!(
                ", column {name}.\nORA-01400: cannot insert NULL into (\"FUSION\".\"{table}\".\"{name}\")"
            ));
        }
    }
    if let Some((name, index)) = layout.unique()
        && let Some((_, value)) = layout.place(name).and_then(|place| set(usize::from(place)))
        && !taken.insert(value.to_string())
    {
        return Err(format!(".\nORA-00001: unique constraint (FUSION.{index}) violated"));
    }
    Ok(cells)
}

fn header(layout: &Layout, load: &Load<'_>) -> String {
    let (stem, table, request) = (layout.stem(), &layout.table, load.load_request_id);
    format!(
        "SQL*Loader: Release 19.0.0.0.0 - Production on {now}\n\nLoad request: {request}\nControl File:   {stem}.ctl\n\
         Data File:      {stem}.csv\n  Bad File:     {stem}.bad\n  Discard File: none specified\n\n\
         Table {table}, loaded from every logical record.\nInsert option in effect for this table: APPEND\n\
         TRAILING NULLCOLS option in effect\n\n",
        now = load.now.strftime("%a %b %d %H:%M:%S %Y"),
    )
}

fn footer(progress: &mut Progress, layout: &Layout, loaded: u64) {
    let (read, failed, empty) = (progress.read, progress.failed, progress.empty);
    let rows = |count: u64| if count == 1 { "Row" } else { "Rows" };
    let _ = write!(
        progress.log,
        "\nTable {table}:\n  {loaded} {} successfully loaded.\n  {failed} {} not loaded due to data errors.\n  0 Rows \
         not loaded because all WHEN clauses were failed.\n  {empty} {} not loaded because all fields were null.\n\n\
         Total logical records skipped: {skipped:>10}\nTotal logical records read: {read:>13}\n\
         Total logical records rejected: {failed:>9}\nTotal logical records discarded: {empty:>8}\n",
        rows(loaded),
        rows(failed),
        rows(empty),
        table = layout.table,
        skipped = 0,
    );
}
