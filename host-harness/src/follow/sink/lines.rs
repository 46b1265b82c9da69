//! Lines into a writer that others share, as standard output. A slow reader holds up whoever writes.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

use super::{Batch, Sink, SinkError};

/// Writes lines, and flushes them.
pub struct Lines {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    name: String,
}

impl Lines {
    /// A sink over a writer that people call `name`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, name: &str) -> Self {
        Self { out: Arc::new(Mutex::new(out)), name: name.to_owned() }
    }
}

impl Sink for Lines {
    fn take<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), SinkError>> {
        let (out, name) = (Arc::clone(&self.out), self.name.clone());
        let mut text = batch.lines.join("\n");
        text.push('\n');
        Box::pin(async move {
            // A reader that does not read must not hold up the clock or an interrupt.
            let written = tokio::task::spawn_blocking(move || {
                let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            });
            let written = written.await.unwrap_or_else(|_| Err(std::io::Error::other("the writer broke off")));
            written.map_err(|error| SinkError::new(format!("{name} cannot be written: {error}")))
        })
    }
}
