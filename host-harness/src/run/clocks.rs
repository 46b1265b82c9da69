//! `wasi:clocks` over the run's [`Clock`].
//!
//! On the system's clock a guest's wait sleeps. On a told clock it moves the clock on, but only once nothing
//! else can happen: an answer that is on its way to the guest arrives before any timer beside it goes off.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::clocks::HostWallClock;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::clock::Clock;

/// How many requests are waiting for the head of their answer.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    count: watch::Sender<usize>,
}

impl Default for InFlight {
    fn default() -> Self {
        Self { count: watch::Sender::new(0) }
    }
}

impl InFlight {
    /// One more, for as long as the answer lives.
    pub(crate) fn enter(&self) -> Flight {
        self.count.send_modify(|count| *count += 1);
        Flight { count: self.count.clone() }
    }
}

/// A request that is waiting for the head of its answer.
pub(crate) struct Flight {
    count: watch::Sender<usize>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// The guest's wall clock.
pub(crate) struct WallClock {
    clock: Arc<dyn Clock>,
}

impl WallClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        // `wasi:clocks/wall-clock` cannot say a time before 1970.
        Duration::try_from(self.clock.now().as_duration()).unwrap_or_default()
    }
}

/// The guest's monotonic clock and its timers.
pub(crate) struct GuestTime {
    clock: Arc<dyn Clock>,
    in_flight: InFlight,
}

impl GuestTime {
    pub(crate) fn new(clock: Arc<dyn Clock>, in_flight: InFlight) -> Self {
        Self { clock, in_flight }
    }

    pub(crate) fn view<'a>(&'a self, table: &'a mut ResourceTable) -> TimeView<'a> {
        TimeView { time: self, table }
    }
}

/// Names [`TimeView`] to the linker.
pub(crate) struct HasTime;

impl HasData for HasTime {
    type Data<'a> = TimeView<'a>;
}

/// Borrowed from a store for one call of `wasi:clocks/monotonic-clock`.
pub(crate) struct TimeView<'a> {
    time: &'a GuestTime,
    table: &'a mut ResourceTable,
}

impl TimeView<'_> {
    fn until(&mut self, moment: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let timer =
            Timer { clock: Arc::clone(&self.time.clock), in_flight: self.time.in_flight.count.subscribe(), moment };
        let timer = self.table.push(timer)?;
        subscribe(self.table, timer)
    }
}

impl monotonic_clock::Host for TimeView<'_> {
    fn now(&mut self) -> wasmtime::Result<monotonic_clock::Instant> {
        Ok(u64::try_from(self.time.clock.monotonic().as_nanos()).unwrap_or(u64::MAX))
    }

    fn resolution(&mut self) -> wasmtime::Result<monotonic_clock::Duration> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: monotonic_clock::Instant) -> wasmtime::Result<Resource<DynPollable>> {
        self.until(Duration::from_nanos(when))
    }

    fn subscribe_duration(&mut self, when: monotonic_clock::Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let moment = self.time.clock.monotonic().saturating_add(Duration::from_nanos(when));
        self.until(moment)
    }
}

/// Goes off at a moment of the monotonic clock.
struct Timer {
    clock: Arc<dyn Clock>,
    in_flight: watch::Receiver<usize>,
    moment: Duration,
}

/// A guest that means never asks for the largest number there is; a told clock must not go there.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// How long a told clock waits, in real time, for an answer that is on its way. A mounted router or a script
/// answers in milliseconds; only one that hangs for good is overtaken by a timer, which is what a timer is for.
const OVERDUE: Duration = Duration::from_secs(2);
/// An answer that has come still has to cross from its task to the guest's.
const HANDOVER: Duration = Duration::from_millis(5);
/// Bodies come in pieces from tasks that share this runtime; each yield gives them a turn.
const TURNS: usize = 32;

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        if self.left().is_zero() {
            // A guest that polls in a loop without waiting must not starve the runtime.
            tokio::task::yield_now().await;
            return;
        }
        if self.left() > NEVER {
            std::future::pending::<()>().await;
        }
        if !self.clock.sleeps() {
            self.let_others_go_first().await;
        }
        let left = self.left();
        if !left.is_zero() {
            self.clock.wait(left).await;
        }
    }
}

impl Timer {
    fn left(&self) -> Duration {
        self.moment.saturating_sub(self.clock.monotonic())
    }

    async fn let_others_go_first(&mut self) {
        if *self.in_flight.borrow() > 0 {
            // Both ways of ending mean the same: nothing more is to be expected.
            let _ = tokio::time::timeout(OVERDUE, self.in_flight.wait_for(|count| *count == 0)).await;
            tokio::time::sleep(HANDOVER).await;
        }
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
}
