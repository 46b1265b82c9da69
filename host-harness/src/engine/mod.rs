//! Compiling and loading components.
//!
//! Owns wasmtime's engines, its compile cache and the thread that interrupts guests. An [`Engine`] is made
//! once and shared; a [`Connector`] is loaded once and called any number of times, from any thread. Nothing
//! here knows what a connector connects to.

mod load;
mod ticker;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{Cache, CacheConfig, Config, InstanceAllocationStrategy, PoolingAllocationConfig};

pub(crate) use load::Metering;
pub use load::{Connector, LoadError};

use ticker::{Busy, Ticker};

/// Where compiled code is kept between processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CompileCache {
    /// In the user's cache directory, where wasmtime's own tools keep theirs.
    #[default]
    User,
    /// In this directory, which is made when it is missing.
    In(PathBuf),
    /// Nowhere: every process compiles anew (0.3–0.4 s for a component of 1 MB).
    Off,
}

/// How an [`Engine`] is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where compiled code is kept.
    pub cache: CompileCache,
    /// How many calls may run at the same time; more wait for their turn. Each reserves 4 GiB of address space (not of memory) in the
    /// pool; where that much cannot be reserved, memory is mapped for each call instead.
    pub concurrent_calls: u32,
    /// Bytes of memory that each place of the pool keeps from one call to the next, cleared. What is not kept is
    /// given back and asked for again page by page, which takes a tenth of the time of a long read
    /// (docs/performance.md). 0 gives all of it back.
    pub kept_memory: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { cache: CompileCache::User, concurrent_calls: 128, kept_memory: 0 }
    }
}

/// Compiles components and runs them. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    options: EngineOptions,
    cache: Option<Cache>,
    plain: wasmtime::Engine,
    /// Counting fuel changes the code that is generated and costs speed, so it has an engine of its own,
    /// made when the first call sets a limit.
    metered: OnceLock<wasmtime::Engine>,
    ticker: Ticker,
    /// The pool refuses what it has no room for, and a refused call would look like a defect.
    turns: Semaphore,
}

/// A call's place among those that run.
pub(crate) struct Turn<'e> {
    _busy: Busy,
    _permit: Option<SemaphorePermit<'e>>,
}

/// wasmtime cannot run here.
#[derive(Debug, thiserror::Error)]
#[error("WebAssembly cannot be set up on this machine: {0}")]
pub struct SetupError(String);

impl Engine {
    /// An engine with the default [`EngineOptions`].
    ///
    /// # Errors
    /// [`SetupError`] where wasmtime does not support this machine.
    pub fn new() -> Result<Self, SetupError> {
        Self::with_options(EngineOptions::default())
    }

    /// An engine.
    ///
    /// A compile cache that cannot be opened is gone without.
    ///
    /// # Errors
    /// [`SetupError`] where wasmtime does not support this machine.
    pub fn with_options(options: EngineOptions) -> Result<Self, SetupError> {
        let cache = open_cache(&options.cache);
        let plain = set_up(&options, cache.as_ref(), Metering::Off)?;
        let ticker = Ticker::start(plain.clone()).map_err(|cause| SetupError(cause.to_string()))?;
        let turns = Semaphore::new(usize::try_from(options.concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS));
        Ok(Self { inner: Arc::new(Inner { options, cache, plain, metered: OnceLock::new(), ticker, turns }) })
    }

    /// The wasmtime engine that counts fuel, or the one that does not.
    pub(crate) fn wasmtime(&self, metering: Metering) -> Result<&wasmtime::Engine, SetupError> {
        let inner = &self.inner;
        match metering {
            Metering::Off => Ok(&inner.plain),
            Metering::On => {
                if let Some(engine) = inner.metered.get() {
                    return Ok(engine);
                }
                let made = set_up(&inner.options, inner.cache.as_ref(), Metering::On)?;
                let engine = inner.metered.get_or_init(|| made);
                inner.ticker.also(engine.clone());
                Ok(engine)
            }
        }
    }

    /// Waits until there is room for one more call, and keeps the ticker ticking for as long as the answer lives.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        // Fails only once closed, which never happens.
        let permit = self.inner.turns.acquire().await.ok();
        Turn { _busy: self.inner.ticker.busy(), _permit: permit }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

fn open_cache(choice: &CompileCache) -> Option<Cache> {
    let mut config = CacheConfig::new();
    match choice {
        CompileCache::Off => return None,
        CompileCache::User => {}
        CompileCache::In(directory) => {
            config.with_directory(directory);
        }
    }
    Cache::new(config).ok()
}

fn set_up(options: &EngineOptions, cache: Option<&Cache>, metering: Metering) -> Result<wasmtime::Engine, SetupError> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.consume_fuel(metering == Metering::On);
    config.cache(cache.cloned());
    // Guests are told where a panic was by their own words on stderr; backtraces would only cost time.
    config.wasm_backtrace_max_frames(None);

    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(options.concurrent_calls)
        .total_stacks(options.concurrent_calls)
        .total_memories(options.concurrent_calls.saturating_mul(2))
        // A component is a handful of core instances (its own and the shims around it), most without memory.
        .total_core_instances(options.concurrent_calls.saturating_mul(16))
        .total_tables(options.concurrent_calls.saturating_mul(16))
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(options.kept_memory);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime::Engine::new(&config)
        .or_else(|_| {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            wasmtime::Engine::new(&config)
        })
        .map_err(|cause| SetupError(format!("{cause:#}")))
}

/// Entries in one table of functions; the largest component here has some thousands.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
