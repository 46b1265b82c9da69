//! Whose time it is: the system's, or one that is told and never waits.
//!
//! A guest sees the same clock through `wasi:clocks`, and the host's own waits (between retries, between
//! resumes, between polls) go through it, so that a run over a simulated pod or a recording never sleeps.

use std::time::Duration;

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
}
