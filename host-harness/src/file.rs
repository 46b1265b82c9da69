//! Files that are there whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The name under which a file is written before it takes its place.
fn beside(file: &Path) -> PathBuf {
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(beside)
}

/// Whether [`replace`] could write this file now; the file stays as it is.
///
/// # Errors
/// The system's.
pub fn can_replace(file: &Path) -> std::io::Result<()> {
    let beside = &beside(file);
    std::fs::File::create(beside).and_then(|_| std::fs::remove_file(beside))
}

/// Writes a file beside the one that it then takes the place of, so that a reader sees the old or the new, and
/// a crash leaves one of them. `mode` is that of a new file on Unix, such as `0o600`.
///
/// # Errors
/// The system's; what was there before is then still there.
pub fn replace(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let beside = &beside(file);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(beside).and_then(|mut out| {
        out.write_all(bytes)?;
        out.sync_all()
    });
    written.and_then(|()| std::fs::rename(beside, file)).inspect_err(|_| {
        // What could not be finished helps nobody; the error that counts is the first.
        let _ = std::fs::remove_file(beside);
    })
}
