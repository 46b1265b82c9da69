//! Whether a state file is still the one that was opened: what is committed to a removed one is committed into
//! nothing, and a second process lets itself in where the lock is gone.

use std::path::{Path, PathBuf};

use crate::state::StateError;

/// What stands beside a file while it is in use: its log with the log's index, and the lock.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".lock"];

/// The files of an open state file, as they were.
pub struct Place {
    files: Vec<(PathBuf, Identity)>,
}

type Identity = (u64, u64);

impl Place {
    /// Remembers the file and what stands beside it now.
    pub fn of(file: &Path) -> Self {
        let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let beside = BESIDE.iter().map(|ending| {
            let mut name = real.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        });
        let known = |path: PathBuf| identity(&path).map(|identity| (path, identity));
        Self { files: std::iter::once(file.to_owned()).chain(beside).filter_map(known).collect() }
    }

    /// Looks whether they are all there, which costs some microseconds.
    ///
    /// # Errors
    /// [`StateError::Gone`] with the first that is not.
    pub fn held(&self) -> Result<(), StateError> {
        match self.files.iter().find(|(path, known)| identity(path) != Some(*known)) {
            Some((gone, _)) => Err(StateError::Gone { file: gone.clone() }),
            None => Ok(()),
        }
    }
}

/// Device and number of a file; none where there is none.
fn identity(path: &Path) -> Option<Identity> {
    let known = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let identity = (std::os::unix::fs::MetadataExt::dev(&known), std::os::unix::fs::MetadataExt::ino(&known));
    // Elsewhere a file that is open is neither removed nor replaced.
    #[cfg(not(unix))]
    let identity = (0, u64::from(known.is_file()));
    Some(identity)
}
