//! Why something could not be remembered or recalled: one case for each thing that another remedy helps.

use std::path::PathBuf;

/// Why something could not be remembered or recalled. Whatever it is, nothing in the place was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateError {
    /// Another process works with this file.
    #[error("{} is in use by another process", file.display())]
    InUse {
        /// Which file.
        file: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{} was written by a later version of this program (its schema is {found}, this program knows {known})", file.display())]
    TooNew {
        /// Which file.
        file: PathBuf,
        /// Version of the schema in it.
        found: i64,
        /// Latest version that is known here.
        known: i64,
    },
    /// The file was written by an earlier version, and was opened for looking alone.
    #[error("{} was written by an earlier version of this program (its schema is {found}, this program's is {known})", file.display())]
    TooOld {
        /// Which file.
        file: PathBuf,
        /// Version of the schema in it.
        found: i64,
        /// The version that is wanted.
        known: i64,
    },
    /// There is something else in that place.
    #[error("{} does not hold state: {reason}", file.display())]
    NotState {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such file, and it was opened for looking alone.
    #[error("there is no state in {}", file.display())]
    Missing {
        /// Which file.
        file: PathBuf,
    },
    /// It is state, and parts of it are damaged.
    #[error("{} is damaged: {reason}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// It, or what stands beside it while it is in use, was taken away under the program's hands.
    #[error("{} was removed or replaced while it was in use", file.display())]
    Gone {
        /// Which of them.
        file: PathBuf,
    },
    /// There is no room left for it.
    #[error("there is no room left for {}", file.display())]
    Full {
        /// Which file.
        file: PathBuf,
    },
    /// It may be read and not written.
    #[error("{} cannot be written: it is read-only", file.display())]
    ReadOnly {
        /// Which file.
        file: PathBuf,
    },
    /// Sessions are kept sealed, and no key was given.
    #[error("{} keeps sessions under a key, and it was not given", file.display())]
    NoKey {
        /// Which file.
        file: PathBuf,
    },
    /// The sessions in it are sealed with another key.
    #[error("the sessions in {} are sealed with another key", file.display())]
    OtherKey {
        /// Which file.
        file: PathBuf,
    },
    /// It has several names, under which two could write without knowing of each other.
    #[error("{} is one of several names (hard links) of the same file", file.display())]
    Linked {
        /// Which file.
        file: PathBuf,
    },
    /// The disk, or the database on it, does not do what it should.
    #[error("{} cannot be read or written: {reason}", file.display())]
    Broken {
        /// Which file.
        file: PathBuf,
        /// The system's word for it.
        reason: String,
    },
}

impl StateError {
    /// Whether the place itself is lost: whoever goes on with it would hand over what nothing remembers.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::Damaged { .. })
    }
}
