//! Whose time it is: the system's, or one that is told and never waits.
//!
//! A guest sees the same clock through `wasi:clocks`, and the host's own waits (between retries, between
//! resumes, between polls) go through it, so that a run over a simulated pod or a recording never sleeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// Now, for people and for the guest's wall clock.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;

    /// Lets `duration` pass: sleeps, or moves a told clock on and returns at once.
    fn wait(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Whether a wait takes real time. Where it does not, the host lets answers that are on their way arrive
    /// before a guest's timer moves the clock on. True unless an implementation says otherwise.
    fn sleeps(&self) -> bool {
        true
    }
}

/// The system's time.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wait(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that goes where it is told, and moves by itself only when somebody waits. Clones share the time.
#[derive(Clone, Debug)]
pub struct ToldClock {
    time: Arc<Mutex<Told>>,
}

#[derive(Debug)]
struct Told {
    now: Timestamp,
    monotonic: Duration,
}

impl ToldClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { time: Arc::new(Mutex::new(Told { now, monotonic: Duration::ZERO })) }
    }

    /// Sets the time of day, forwards or backwards; the monotonic time stays, as when a person sets a clock.
    pub fn set(&self, now: Timestamp) {
        self.time().now = now;
    }

    /// Moves both times on. The time of day stops at the end of what a [`Timestamp`] can say.
    pub fn advance(&self, by: Duration) {
        self.time().advance(by);
    }

    fn time(&self) -> MutexGuard<'_, Told> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn advance(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by).unwrap_or(Timestamp::MAX);
        self.monotonic = self.monotonic.saturating_add(by);
    }
}

impl Clock for ToldClock {
    fn now(&self) -> Timestamp {
        self.time().now
    }

    fn monotonic(&self) -> Duration {
        self.time().monotonic
    }

    fn wait(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let until = clock.monotonic().saturating_add(duration);
        Box::pin(async move {
            // Two who wait side by side for a second wait one second, not two.
            let mut time = clock.time();
            let left = until.saturating_sub(time.monotonic);
            time.advance(left);
        })
    }

    fn sleeps(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_told_clock_waits_in_no_time_and_side_by_side() {
        let clock = ToldClock::at("2026-01-31T00:00:00Z".parse().unwrap());
        let start = Instant::now();
        let (short, long) = (clock.wait(Duration::from_secs(3600)), clock.wait(Duration::from_secs(7200)));
        long.await;
        short.await;
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!(clock.monotonic(), Duration::from_secs(7200));
        assert_eq!(clock.now().to_string(), "2026-01-31T02:00:00Z");
    }

    #[test]
    fn setting_the_time_of_day_leaves_the_monotonic_time() {
        let clock = ToldClock::at(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(5));
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
