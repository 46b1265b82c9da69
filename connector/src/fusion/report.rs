//! What became of the rows of a load: counts and rejections, whichever source the pod yields (FACTS 3.6, 3.7).
//!
//! Interface rows are asked first, since they are data; the log zip is text whose layout nobody promises, so
//! each reader takes what it recognises and leaves the rest. A number that nobody told stays unknown: success
//! is what arrived, not what the job said (T4).

pub mod codes;
pub mod interface;
pub mod target;
pub mod texts;

use std::collections::HashSet;

use tabular::keys::Hash;

use super::fbdi::{Sought, Wanted};

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
    /// Whether it never came into an interface table.
    pub fn is_of_loader(&self) -> bool {
        self.code.starts_with("ORA-") || self.code == "NOT LOADED"
    }

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

/// What was found out. Its size does not go with that of the load, but for a hash of each rejected row.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows in the interface tables, by Oracle's name of the table where it was told.
    pub loaded: Vec<(String, u64)>,
    /// Rows, or documents, that became records.
    pub imported: Option<u64>,
    /// Those that did not.
    pub rejected: Option<u64>,
    /// Each of them, as far as told: the first [`MOST`].
    pub rejections: Vec<Rejection>,
    /// The rows of the others.
    pub rest: Sought,
    /// Whether there are others.
    pub more: bool,
    /// Only what the loader refused is taken: of the other rows more is known already.
    pub loader_only: bool,
    /// Marks of what was told.
    seen: HashSet<u128>,
    /// Those of them that were told without their lines.
    unplaced: HashSet<u128>,
    /// What the jobs say for themselves, a few lines: that nothing was selected, errors.
    pub said: Vec<String>,
}

impl Found {
    /// Adds a rejection once, though several reports tell it.
    pub fn reject(&mut self, rejection: Rejection) {
        if self.loader_only && !rejection.is_of_loader() || !self.is_new(&rejection) {
            return;
        }
        if self.rejections.len() < MOST {
            self.rejections.push(rejection);
        } else {
            self.more = true;
            if let Some(wanted) = rejection.wanted() {
                self.rest.add(&wanted);
            }
        }
    }

    fn is_new(&mut self, one: &Rejection) -> bool {
        let mut mark = Hash::default().with(one.key.as_bytes()).with(one.code.as_bytes()).with(&one.nth.to_le_bytes());
        if one.key.is_empty() || one.code == "REJECTED" {
            mark = mark.with(one.message.as_bytes());
        }
        let bare = mark.key();
        let placed = one.line.map(|line| mark.with(&line.to_le_bytes()).key());
        let told = match placed {
            Some(placed) => self.seen.contains(&placed) || self.unplaced.remove(&bare),
            None => self.seen.contains(&bare),
        };
        // Beyond, a hash of the row is kept, which comes to the same.
        if self.rejections.len() < MOST {
            self.seen.insert(bare);
            match placed {
                Some(placed) => self.seen.insert(placed),
                None => !told && self.unplaced.insert(bare),
            };
        }
        !told
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
