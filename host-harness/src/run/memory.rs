//! How much memory a guest may hold, and the finding that it wanted more.
//!
//! A guest that asks for too much is ended at once: so the finding is exact, where a refused `memory.grow`
//! would surface as one trap among others.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::Seen;

/// A guest asked for more memory than it may hold.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("out of memory")]
pub(crate) struct OutOfMemory;

/// Counts the bytes of all memories and tables of one instance.
pub(crate) struct Meter {
    limit: usize,
    held: usize,
    seen: Arc<Seen>,
}

impl Meter {
    pub(crate) fn new(limit: usize, seen: Arc<Seen>) -> Self {
        Self { limit, held: 0, seen }
    }

    fn grow(&mut self, by: usize) -> wasmtime::Result<bool> {
        let held = self.held.saturating_add(by);
        if held > self.limit {
            return Err(OutOfMemory.into());
        }
        self.held = held;
        self.seen.held(held);
        Ok(true)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current))
    }

    fn memory_grow_failed(&mut self, _cause: wasmtime::Error) -> wasmtime::Result<()> {
        Err(OutOfMemory.into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current).saturating_mul(size_of::<usize>()))
    }

    fn table_grow_failed(&mut self, _cause: wasmtime::Error) -> wasmtime::Result<()> {
        Err(OutOfMemory.into())
    }
}
