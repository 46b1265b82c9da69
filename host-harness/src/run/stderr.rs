//! What a guest writes to stderr: read for the place of a panic, and otherwise forgotten.
//!
//! The words of a panic may hold anything, a secret too. The place in the source cannot, so that is all that
//! leaves this room.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};

/// A stderr that listens for panics. Clones share what was heard.
#[derive(Clone, Default)]
pub(crate) struct Stderr {
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    tail: Vec<u8>,
    place: Option<String>,
}

/// As Rust's standard library says it: `thread 'main' panicked at src/lib.rs:12:5:`.
const MARK: &[u8] = b"panicked at ";
/// A mark and a path that is cut by the end of one write must still be found in the next.
const TAIL: usize = 512;
const LONGEST_PLACE: usize = 200;
/// Permit for one write; there is nothing to wait for.
const PERMIT: usize = 64 * 1024;

impl Stderr {
    /// `file:line:column` of the last panic.
    pub(crate) fn panicked_at(&self) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).place.clone()
    }

    fn hear(&self, bytes: &[u8]) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.tail.extend_from_slice(bytes);
        if let Some(place) = last_place(&heard.tail) {
            heard.place = Some(place);
        }
        let spare = heard.tail.len().saturating_sub(TAIL);
        heard.tail.drain(..spare);
    }
}

fn last_place(text: &[u8]) -> Option<String> {
    let start = text.windows(MARK.len()).rposition(|window| window == MARK)?.checked_add(MARK.len())?;
    let line = text.get(start..)?.split(|byte| *byte == b'\n').next()?;
    let place = std::str::from_utf8(line).ok()?.strip_suffix(':')?;
    is_place(place).then(|| place.to_owned())
}

fn is_place(text: &str) -> bool {
    let mut parts = text.rsplitn(3, ':');
    let number =
        |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let (column, line) = (number(parts.next()), number(parts.next()));
    let file = parts.next().is_some_and(|file| {
        file.ends_with(".rs") && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./\\".contains(&b))
    });
    column && line && file && text.len() <= LONGEST_PLACE
}

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Stderr {
    async fn ready(&mut self) {}
}

impl OutputStream for Stderr {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        self.hear(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(PERMIT)
    }
}

impl AsyncWrite for Stderr {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.hear(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(writes: &[&str]) -> Option<String> {
        let stderr = Stderr::default();
        for write in writes {
            stderr.hear(write.as_bytes());
        }
        stderr.panicked_at()
    }

    #[test]
    fn the_place_of_a_panic_is_kept_and_its_words_are_not() {
        let place = heard(&["\nthread '<unnamed>' (1) panicked at connector/src/http.rs:40:9:\npassword is hunter2\n"]);
        assert_eq!(place.as_deref(), Some("connector/src/http.rs:40:9"));
    }

    #[test]
    fn a_place_is_found_across_writes() {
        assert_eq!(heard(&["thread 'main' pani", "cked at a.rs:", "1:2:\nwords"]).as_deref(), Some("a.rs:1:2"));
    }

    #[test]
    fn what_does_not_look_like_a_place_is_forgotten() {
        assert_eq!(heard(&["panicked at hunter2:\n"]), None);
        assert_eq!(heard(&["panicked at hunter 2.rs:1:1:\n"]), None);
        assert_eq!(heard(&["nothing of note"]), None);
    }
}
