//! Writing a lent file on the thread of the call ([`super::Run::inline_files`]).
//!
//! wasmtime-wasi reads and flushes there when it is told to, but starts a thread for each `write` of a stream, and
//! that is what a guest's standard library calls, with a flush behind it. Here the write waits for the flush.

use bytes::Bytes;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{Descriptor, ErrorCode, HostDescriptor as _};
use wasmtime_wasi::p2::{DynOutputStream, FsResult, OutputStream, Pollable, StreamError, StreamResult};

use super::files::INTERFACE;
use super::guest::Guest;

type Opened = wasmtime::Result<(Result<Resource<DynOutputStream>, ErrorCode>,)>;

/// Replaces the functions that begin to write. The linker must allow shadowing.
pub(super) fn write_inline(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store, (file, offset): (Resource<Descriptor>, u64)| {
            let guest = store.data_mut();
            let stream = guest.filesystem().write_via_stream(file, offset);
            wrapped(guest, stream)
        },
    )?;
    interface.func_wrap("[method]descriptor.append-via-stream", |mut store, (file,): (Resource<Descriptor>,)| {
        let guest = store.data_mut();
        let stream = guest.filesystem().append_via_stream(file);
        wrapped(guest, stream)
    })
}

fn wrapped(guest: &mut Guest, stream: FsResult<Resource<DynOutputStream>>) -> Opened {
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => return Ok((Err(error.downcast()?),)),
    };
    if !guest.writes_inline() {
        return Ok((Ok(stream),));
    }
    let table = guest.filesystem().table;
    let inner = table.delete(stream)?;
    let inline: DynOutputStream = Box::new(Inline { inner, waiting: None, failed: None });
    Ok((Ok(table.push(inline)?),))
}

struct Inline {
    inner: DynOutputStream,
    /// What was written and is to be stored.
    waiting: Option<Bytes>,
    failed: Option<StreamError>,
}

#[async_trait]
impl Pollable for Inline {
    async fn ready(&mut self) {
        if let Some(bytes) = self.waiting.take() {
            self.failed = self.inner.blocking_write_and_flush(bytes).await.err();
        }
    }
}

#[async_trait]
impl OutputStream for Inline {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.waiting.is_some() {
            return Err(StreamError::trap("a write before the one before it was stored"));
        }
        self.waiting = Some(bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.flush()?;
        if self.waiting.is_some() { Ok(0) } else { self.inner.check_write() }
    }

    async fn cancel(&mut self) {
        // A guest that lets a stream go has written all the same.
        self.ready().await;
        self.inner.cancel().await;
    }
}
