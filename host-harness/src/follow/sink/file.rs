//! Lines at the end of a file, on the disk before they count as taken.
//!
//! A crash may leave half of a line. It was not acknowledged, so it comes again as a whole: the half is cut off
//! when the file is opened, where it is ours by its looks and no JSON, and otherwise ended with a line break.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

use super::{Batch, Sink, SinkError};

/// How every line of ours begins.
const OURS: &[u8] = b"{\"dedup_key\":";

/// Appends lines to a file.
#[derive(Clone)]
pub struct File {
    path: PathBuf,
    open: Arc<Mutex<Option<std::fs::File>>>,
}

impl File {
    /// A sink into this file, which is made where it is missing.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: Arc::default() }
    }

    fn append(&self, text: &str) -> std::io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // After a failure it is opened anew: half of a line may stand at its end.
        let mut file = match open.take() {
            Some(file) => file,
            None => opened(&self.path)?,
        };
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        *open = Some(file);
        Ok(())
    }
}

fn opened(path: &Path) -> std::io::Result<std::fs::File> {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let length = file.metadata()?.len();
    let mut tail = Vec::new();
    let mut start = length;
    // The last line, in growing pieces from the end.
    while start > 0 && !tail.contains(&b'\n') {
        start = start.saturating_sub(64 * 1024);
        file.seek(SeekFrom::Start(start))?;
        tail.clear();
        (&mut file).take(length - start).read_to_end(&mut tail)?;
    }
    let half = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let rest = tail.get(half..).unwrap_or_default();
    let ours = rest.len().min(OURS.len());
    let whole = serde_json::from_slice::<serde::de::IgnoredAny>(rest).is_ok();
    if !rest.is_empty() && !whole && rest.get(..ours) == OURS.get(..ours) {
        file.set_len(length - u64::try_from(rest.len()).unwrap_or_default())?;
        file.seek(SeekFrom::End(0))?;
    } else {
        file.seek(SeekFrom::End(0))?;
        if !rest.is_empty() {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

impl Sink for File {
    fn take<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), SinkError>> {
        let this = self.clone();
        let mut text = batch.lines.join("\n");
        text.push('\n');
        Box::pin(async move {
            let path = this.path.clone();
            let written = tokio::task::spawn_blocking(move || this.append(&text)).await;
            let written = written.unwrap_or_else(|_| Err(std::io::Error::other("the writer broke off")));
            written.map_err(|error| SinkError::new(format!("{} cannot be written: {error}", path.display())))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn batch(key: &str) -> Batch {
        Batch { id: key.into(), lines: vec![format!("{{\"dedup_key\":\"{key}\"}}")] }
    }

    #[tokio::test]
    async fn half_of_a_line_is_cut_off_and_other_texts_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events");
        for (before, after) in [
            ("{\"dedup_key\":\"a\"}\n{\"dedup_k", "{\"dedup_key\":\"a\"}\n"),
            ("{\"dedup_key\":\"half of the fir", ""),
            ("somebody's notes", "somebody's notes\n"),
            ("whole\n", "whole\n"),
            ("{\"dedup_key\":\"whole\"}", "{\"dedup_key\":\"whole\"}\n"),
            ("", ""),
        ] {
            std::fs::write(&file, before).unwrap();
            let sink = File::new(&file);
            sink.take(&batch("b")).await.unwrap();
            sink.take(&batch("c")).await.unwrap();
            let wanted = format!("{after}{{\"dedup_key\":\"b\"}}\n{{\"dedup_key\":\"c\"}}\n");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), wanted);
        }
        std::fs::write(&file, format!("first\n{{\"dedup_key\":\"{}", "x".repeat(200_000))).unwrap();
        File::new(&file).take(&batch("b")).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "first\n{\"dedup_key\":\"b\"}\n");
        assert!(File::new(&folder.path().join("no/folder")).take(&batch("b")).await.is_err());
    }
}
