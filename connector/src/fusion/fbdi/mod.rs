//! File-based data import (FBDI): from a person's rows to the zip that a pod takes (FACTS 3).
//!
//! It owns the layouts, reads CSVs, nested JSON rows and ready zips as streams, checks and repairs what it
//! can, and writes the zip. It never sends anything, and its memory does not grow with the input: what does
//! not fit goes into the directory that the host lends. It keeps nothing between calls: which row of the
//! input a rejected one was is found by reading the input again ([`locate`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::contract::{ProblemKind, Warning};
use crate::problem::{Failure, Result};

mod again;
pub mod archive;
mod build;
mod checks;
mod findings;
mod input;
pub mod layout;
mod nested;
pub mod objects;
mod plan;
mod row;
mod rows;
#[cfg(test)]
mod tests;
mod values;

pub use again::{Located, Places, RejectedContent, RejectedFile, Sought, locate, rejected_csv};
pub use archive::Archive;
pub use build::build;
pub use objects::{Object, object, objects};

/// What a load is built from.
pub enum Source<'a> {
    /// Nested records: the text of a JSON array.
    Rows(&'a str),
    /// CSVs, with or without a header row.
    Files(Vec<InputFile<'a>>),
    /// A zip with CSVs.
    Zip(InputFile<'a>),
}

/// A file of the input.
#[derive(Clone)]
pub struct InputFile<'a> {
    /// Its name; it tells which of Oracle's files it is, unless its header does.
    pub name: Cow<'a, str>,
    /// What is in it.
    pub content: Content<'a>,
}

/// What is in a file of the input.
#[derive(Clone)]
pub enum Content<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Base64 of the bytes; white space in it does not count.
    Base64(Cow<'a, str>),
    /// A path inside the lent directory.
    Path(Cow<'a, str>),
    /// An address that the host allows.
    Url(Cow<'a, str>),
}

/// Reads files at addresses, as a stream.
pub trait Urls {
    /// Opens one.
    ///
    /// # Errors
    /// Where it is not allowed, or answers anything but the file.
    fn open<'s>(&'s self, url: &str) -> Result<Box<dyn Read + 's>>;
}

/// What a load is built with.
pub struct Options<'a> {
    /// The call's id; it makes the load's names its own, the same for every attempt.
    pub call_id: &'a str,
    /// The group that the rows are to belong to; where it is not given the rows tell it, else one is made.
    pub group_id: Option<&'a str>,
    /// Parameters of the job by name.
    pub parameters: &'a BTreeMap<String, String>,
    /// The directory that the host lends.
    pub lent: Option<&'a Path>,
}

/// What was built. Where a finding says [`Severity::Refuse`], it is not to be sent.
#[derive(Debug)]
pub struct Built {
    /// The zip.
    pub archive: Archive,
    /// A name for it that no other load has: it begins with [`file_prefix`] of the call.
    pub file_name: String,
    /// Stands for what is loaded and how: the same for the same input, part of the name.
    pub content: String,
    /// The group of the rows; `None` where the object has none.
    pub group_id: Option<String>,
    /// The job's parameters, each in its slot.
    pub parameter_list: String,
    /// Rows written to each CSV, by Oracle's name.
    pub counts: Vec<(&'static str, u64)>,
    /// What was found, in the order of the files; at most [`MOST_FINDINGS`] of each severity.
    pub findings: Vec<Finding>,
    /// Findings that are not told one by one any more.
    pub untold: u64,
    /// What concerns the load as a whole.
    pub warnings: Vec<Warning>,
}

/// How many findings of one severity are told one by one.
pub const MOST_FINDINGS: usize = 500;

impl Built {
    /// Whether it must not be sent.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Refuse)
    }
}

/// Something about a place of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The input file; `rows` for nested records.
    pub file: String,
    /// The row as a spreadsheet numbers it: from 1, a header row included. For nested records the number of
    /// the record in the list, from 1. `None` where it concerns the file.
    pub row: Option<u64>,
    /// Oracle's name of the column, or the person's title where it is none of Oracle's.
    pub column: Option<String>,
    /// JSON pointer below the rows, for nested records, as `/0/lines/2/AMOUNT`.
    pub pointer: Option<String>,
    /// What it means for the load.
    pub severity: Severity,
    /// Stable, snake_case.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a finding means for the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The load must not be sent.
    Refuse,
    /// The pod may refuse it.
    Warn,
    /// It was changed, and nothing is to be done.
    Repaired,
}

/// A row that the pod speaks of.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Oracle's name of its file or table; `None` where it may be in any.
    pub table: Option<String>,
    /// Columns (Oracle's names, or titles as accepted in headers) and values; all must be equal.
    pub keys: Vec<(String, String)>,
    /// The number of its line in the CSV that was sent, from 1; it goes before `keys`.
    pub line: Option<u64>,
    /// How many rows with these keys come before it.
    pub nth: u64,
}

/// Where a row stands in the input, as in [`Finding`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputRow {
    /// The input file; `rows` for nested records.
    pub file: String,
    /// The row, counted as in [`Finding::row`].
    pub row: u64,
    /// JSON pointer below the rows, for nested records.
    pub pointer: Option<String>,
}

/// What every name of a load of this call with this content begins with.
pub fn content_prefix(call_id: &str, content: &str) -> String {
    format!("{}_{content}", file_prefix(call_id))
}

/// What every name of a load of this call begins with; `DocumentIdsByFilePrefixRF` finds it by this.
pub fn file_prefix(call_id: &str) -> String {
    format!("of{}", digits_of(call_id))
}

/// Fifteen digits that stand for a call: a group id that fits every column, the same for every attempt.
pub(crate) fn digits_of(call_id: &str) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(call_id.as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{:015}", 100_000_000_000_000 + number % 900_000_000_000_000)
}

fn no_room(what: &str) -> Failure {
    Failure::permanent(ProblemKind::TooLarge, format!("{what}, and the host lends no directory to put it aside."))
        .remedy("Lend the connector a directory (`harness --files DIR`), or import fewer rows at once.")
}

fn lent_failed(error: &std::io::Error) -> Failure {
    Failure::permanent(ProblemKind::Unavailable, format!("The lent directory does not take or give a file: {error}."))
        .remedy("See that the directory is there, writable and not full.")
}
