//! What one instance of a component gets from its host, and nothing more: HTTP through the policy, the
//! run's clock, randomness, `/files` where a directory is lent. No environment, no arguments, no sockets.

use std::sync::Arc;

use tokio::sync::Notify;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::broken::tell_codes;
use super::clocks::{GuestTime, HasTime, InFlight, WallClock};
use super::files::open_files_alone;
use super::hooks::Hooks;
use super::inline::write_inline;
use super::memory::Meter;
use super::stderr::Stderr;
use super::{CallError, Run};

/// The state behind one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
    time: GuestTime,
    memory: Meter,
    stderr: Stderr,
    stop: Arc<Notify>,
    inline_files: bool,
}

impl Guest {
    /// Where in its source the guest panicked, if it did.
    pub(crate) fn panicked_at(&self) -> Option<String> {
        self.stderr.panicked_at()
    }

    /// Notified once the call is to end because nobody can answer it.
    pub(crate) fn stop(&self) -> Arc<Notify> {
        Arc::clone(&self.stop)
    }

    /// Whether lent files are written on the thread of the call.
    pub(super) fn writes_inline(&self) -> bool {
        self.inline_files
    }

    /// Why it was stopped, if it was.
    pub(crate) fn unexpected(&self) -> Option<String> {
        self.hooks.unexpected()
    }
}

/// A fresh store for one call.
#[allow(clippy::result_large_err, reason = "once a call, and a box would be in the way of matching on it")]
pub(crate) fn store(engine: &wasmtime::Engine, run: &Run) -> Result<Store<Guest>, CallError> {
    let stderr = Stderr::default();
    let mut wasi = WasiCtx::builder();
    wasi.stderr(stderr.clone())
        .wall_clock(WallClock::new(Arc::clone(&run.clock)))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .allow_blocking_current_thread(run.inline_files);
    if let Some(directory) = &run.files {
        wasi.preopened_dir(directory, "/files", FsPerms::ReadWrite)
            .map_err(|cause| CallError::Files { path: directory.clone(), reason: cause.root_cause().to_string() })?;
    }
    let in_flight = InFlight::default();
    let stop = Arc::new(Notify::new());
    let guest = Guest {
        wasi: wasi.build(),
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
        hooks: Hooks::new(run, in_flight.clone(), Arc::clone(&stop)),
        time: GuestTime::new(Arc::clone(&run.clock), in_flight),
        memory: Meter::new(run.limits.memory, Arc::clone(&run.seen)),
        stderr,
        stop,
        inline_files: run.inline_files,
    };
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.memory);
    store.set_epoch_deadline(1);
    // Yielding lets the deadline, and everything else on this thread, have its turn.
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
    if let Some(fuel) = run.limits.fuel {
        // Fails only on an engine that does not count, which this is not.
        let _ = store.set_fuel(fuel);
    }
    Ok(store)
}

/// All that a component may import.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    // wasmtime's own timers sleep; the run's clock may be one that does not.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<Guest, HasTime>(&mut linker, |guest| guest.time.view(&mut guest.table))?;
    tell_codes(&mut linker)?;
    open_files_alone(&mut linker)?;
    write_inline(&mut linker)?;
    Ok(linker)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
