//! What became of the rows of a load: counts and rejections, whichever source the pod yields (FACTS 3.6, 3.7).
//!
//! Interface rows are asked first, since they are data; the log zip is text whose layout nobody promises, so
//! each reader takes what it recognises and leaves the rest. A number that nobody told stays unknown: success
//! is what arrived, not what the job said (T4).

pub mod codes;
pub mod interface;
pub mod target;
pub mod texts;

use super::fbdi::Wanted;

/// One row that did not get in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// Oracle's name of its file or table, where told.
    pub table: Option<String>,
    /// Number of its line in the CSV that was sent.
    pub line: Option<u64>,
    /// Columns by which it is found in the input.
    pub keys: Vec<(String, String)>,
    /// How many rows with these columns come before it.
    pub nth: u64,
    /// Its document as people call it; empty where nobody said.
    pub key: String,
    /// Code, as the pod says it.
    pub code: String,
    /// What the pod says beside the code.
    pub message: String,
}

impl Rejection {
    /// The row that it speaks of; `None` where nothing tells which it is.
    pub fn wanted(&self) -> Option<Wanted> {
        (self.line.is_some() || !self.keys.is_empty()).then(|| Wanted {
            table: self.table.clone(),
            keys: self.keys.clone(),
            line: self.line,
            nth: self.nth,
        })
    }
}

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows in the interface tables.
    pub loaded: Option<u64>,
    /// Rows, or documents, that became records.
    pub imported: Option<u64>,
    /// Those that did not.
    pub rejected: Option<u64>,
    /// Each of them, as far as told.
    pub rejections: Vec<Rejection>,
    /// What the jobs say for themselves, a few lines: that nothing was selected, errors.
    pub said: Vec<String>,
}

impl Found {
    /// Adds a rejection once.
    pub fn reject(&mut self, rejection: Rejection) {
        if self.rejections.len() < MOST && !self.rejections.contains(&rejection) {
            self.rejections.push(rejection);
        }
    }

    /// Keeps a line once.
    pub fn say(&mut self, line: &str) {
        let line = crate::text::shorten(line.trim(), 200);
        if self.said.len() < 5 && !self.said.contains(&line) {
            self.said.push(line);
        }
    }
}

/// Rejections that are told one by one.
pub const MOST: usize = 1_000;
