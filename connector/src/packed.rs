//! The long texts of the component, which it holds packed (`build.rs`): forms, layouts, tables.

use std::io::{Cursor, Read};

const TEXTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/texts.zip"));

/// The text of this name. The bytes are our own: only a name that `build.rs` does not write answers nothing, and
/// tests hold every text against what it was made of.
pub fn text(name: &str) -> String {
    let mut source = Cursor::new(TEXTS);
    let mut text = String::new();
    let entries = tabular::zip::entries(&mut source).unwrap_or_default();
    if let Some(entry) = entries.iter().find(|entry| entry.name == name)
        && let Ok(mut file) = tabular::zip::open(source, entry)
        && file.read_to_string(&mut text).is_err()
    {
        text.clear();
    }
    text
}
