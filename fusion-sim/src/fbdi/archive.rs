//! What was uploaded, opened: the interface files of a zip, or the one file that a CSV is.
//!
//! Promises that every file is one that the interface's control files name, exactly so spelt and at the root
//! (FACTS 3.6, F1). Never reads more than a pod takes.

use std::io::{Cursor, Read as _};

use crate::fbdi::layout::{self, Layout};

/// The most that an archive may hold when it is unpacked, so that a small one cannot fill the memory.
const MOST: u64 = 1 << 30;

/// An interface file as it was found.
pub(crate) struct Found {
    pub(crate) layout: &'static Layout,
    pub(crate) bytes: Vec<u8>,
}

/// The names in what was uploaded, as far as each is to be loaded or refused; none where it is a broken archive.
pub(crate) fn names(document: &[u8], file_name: &str) -> Vec<String> {
    if !is_zip(document) {
        return vec![file_name.to_owned()];
    }
    let Ok(archive) = zip::ZipArchive::new(Cursor::new(document)) else { return Vec::new() };
    let names = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
    names.filter(|name| !is_properties(name)).collect()
}

/// Opens what was uploaded.
///
/// # Errors
/// What the log of the load says.
pub(crate) fn open(interface: u32, document: &[u8], file_name: &str) -> Result<Vec<Found>, String> {
    if !is_zip(document) {
        let layout = find(interface, file_name)?;
        return Ok(vec![Found { layout, bytes: document.to_vec() }]);
    }
    let broken = |error: zip::result::ZipError| format!("The file {file_name} can't be unzipped: {error}.");
    let mut archive = zip::ZipArchive::new(Cursor::new(document)).map_err(broken)?;
    let mut found: Vec<Found> = Vec::new();
    let mut left = MOST;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        if is_properties(&name) {
            continue;
        }
        if entry.is_dir() || name.contains(['/', '\\']) {
            return Err(format!(
                "The file {name} in {file_name} isn't at the root of the compressed file. The data files must not be \
                 in a folder."
            ));
        }
        let layout = find(interface, &name)?;
        let mut bytes = Vec::new();
        let read = entry.by_ref().take(left).read_to_end(&mut bytes);
        let read = read.map_err(|error| format!("The file {name} in {file_name} can't be unzipped: {error}."))?;
        left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        if left == 0 {
            return Err(format!("The data in {file_name} exceeds the maximum size."));
        }
        found.push(Found { layout, bytes });
    }
    if found.is_empty() {
        return Err(format!("No data file was found in {file_name}."));
    }
    Ok(found)
}

/// It comes with scheduled loads and is no data (FACTS 3.6).
fn is_properties(name: &str) -> bool {
    name.to_lowercase().ends_with(".properties") && !name.contains('/')
}

fn is_zip(document: &[u8]) -> bool {
    document.starts_with(b"PK")
}

fn find(interface: u32, name: &str) -> Result<&'static Layout, String> {
    layout::of_interface(interface).find(|layout| layout.file == name).ok_or_else(|| {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        format!(
            "The control file {stem}.ctl for the data file {name} wasn't found for the interface {interface}. File \
             names are case-sensitive."
        )
    })
}
