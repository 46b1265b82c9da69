//! The one directory that a host may lend, `/files`.
//!
//! A path is relative to it and stays inside. What is written stands under its name only once it is whole;
//! a file of that name is replaced, so that a repeated call leaves one file.

mod encoded;

pub use encoded::Encoded;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::contract::ProblemKind;
use crate::problem::{Failure, Result};

/// Where a host lends it (the contract).
#[cfg(not(test))]
const ROOT: &str = "/files";

/// The longest name that is made of a name from elsewhere.
const LONGEST: usize = 120;

/// A file that is being written. Dropped before [`Kept::finish`], nothing of it stays.
pub struct Kept {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    done: bool,
    /// Its path inside the directory.
    pub name: String,
}

/// The directory.
#[cfg(not(test))]
pub fn root() -> PathBuf {
    PathBuf::from(ROOT)
}

/// A directory of the test's own thread stands for it.
#[cfg(test)]
pub fn root() -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id()).replace(|c: char| !c.is_ascii_alphanumeric(), "");
    std::env::temp_dir().join(format!("lent-{}-{thread}", std::process::id()))
}

/// Whether the host lends a directory.
pub fn lent() -> bool {
    root().is_dir()
}

/// Opens a file and tells its length; `at` is the JSON pointer of `path` in the input.
///
/// # Errors
/// `invalid-input` for a path that leaves the directory, and where there is no such file.
pub fn open(at: &str, path: &str) -> Result<(File, u64)> {
    let place = inside(at, path)?;
    let opened = File::open(place).and_then(|file| {
        let about = file.metadata()?;
        if about.is_file() { Ok((file, about.len())) } else { Err(io::Error::other("it is not a file")) }
    });
    opened.map_err(|error| {
        let said = if lent() { error.to_string() } else { "no directory is lent".to_owned() };
        Failure::invalid(at, format!("{path:?} cannot be read: {said}"))
            .remedy("Name a file inside the directory that the host lends as /files (harness --files DIR), relative to it; or give the contents as text or base64.")
    })
}

/// Begins a file of that name, which may come from elsewhere: what no name may hold is replaced.
///
/// # Errors
/// `unavailable` where it cannot be written.
pub fn create(name: &str) -> Result<Kept> {
    let mut name: String =
        name.chars().map(|c| if c.is_control() || r#"/\:*?"<>|"#.contains(c) { '_' } else { c }).collect();
    while name.len() > LONGEST {
        name.remove(0);
    }
    if name.is_empty() || name.starts_with('.') {
        name.insert(0, '_');
    }
    let whole = root().join(&name);
    let part = root().join(format!("{name}.part"));
    let file = File::create(&part).map_err(|error| unwritable(&name, &error))?;
    Ok(Kept { file, part, whole, done: false, name })
}

impl Kept {
    /// Puts it under its name.
    ///
    /// # Errors
    /// `unavailable` where it cannot be written.
    pub fn finish(mut self) -> Result<String> {
        self.file
            .flush()
            .and_then(|()| std::fs::rename(&self.part, &self.whole))
            .map_err(|e| unwritable(&self.name, &e))?;
        self.done = true;
        Ok(std::mem::take(&mut self.name))
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.done {
            // It is nobody's: an error here has nobody to go to.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

fn inside(at: &str, path: &str) -> Result<PathBuf> {
    let relative = path.strip_prefix("/files/").unwrap_or(path);
    let leaves = relative.is_empty()
        || relative.contains(['\\', '\0'])
        || relative.split('/').any(|step| matches!(step, "" | "." | ".."));
    if leaves {
        return Err(Failure::invalid(at, format!("{path:?} is not a path inside the lent directory")));
    }
    Ok(root().join(Path::new(relative)))
}

fn unwritable(name: &str, error: &io::Error) -> Failure {
    Failure::permanent(
        ProblemKind::Unavailable,
        format!("{name:?} could not be written to the lent directory ({error})."),
    )
    .remedy("Check that the directory is there, may be written to and has room.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside() {
        for path in ["", "/etc/passwd", "../a", "a/../b", "a//b", "a\\b", ".", "/files/"] {
            assert_eq!(open("/path", path).unwrap_err().problem.fields.first().unwrap().pointer, "/path", "{path}");
        }
        assert!(
            open("/path", "none.pdf").unwrap_err().problem.fields.first().unwrap().message.contains("no directory")
        );
    }

    #[test]
    fn a_file_stands_there_only_once_it_is_whole() {
        std::fs::create_dir_all(root()).unwrap();
        let mut kept = create("../a:b.pdf").unwrap();
        kept.write_all(b"abc").unwrap();
        assert!(open("", ".._a_b.pdf").is_err());
        drop(kept);
        assert_eq!(std::fs::read_dir(root()).unwrap().count(), 0);
        let mut kept = create("a.pdf").unwrap();
        kept.write_all(b"abc").unwrap();
        let name = kept.finish().unwrap();
        assert_eq!(open("", &name).unwrap().1, 3);
        std::fs::remove_dir_all(root()).unwrap();
    }
}
