//! The pod's clock: told, and never slept on, unless it follows the system's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that its holders share.
///
/// A told clock stands still until it is [set](Clock::set) or [advanced](Clock::advance); waiting advances it
/// and returns at once. A [`realtime`](Clock::realtime) clock goes on by itself, and waiting on it sleeps.
#[derive(Clone, Debug)]
pub struct Clock {
    state: Arc<Mutex<State>>,
    realtime: bool,
}

#[derive(Debug)]
enum State {
    Told(Timestamp),
    /// How far ahead of the system's clock.
    Ahead(SignedDuration),
}

impl Clock {
    /// A told clock that stands at `now`.
    #[must_use]
    pub fn told(now: Timestamp) -> Self {
        Self { state: Arc::new(Mutex::new(State::Told(now))), realtime: false }
    }

    /// A clock that follows the system's.
    #[must_use]
    pub fn realtime() -> Self {
        Self { state: Arc::new(Mutex::new(State::Ahead(SignedDuration::ZERO))), realtime: true }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &*self.state() {
            State::Told(now) => *now,
            State::Ahead(ahead) => Timestamp::now().saturating_add(*ahead).unwrap_or(Timestamp::MAX),
        }
    }

    /// Sets the time; a realtime clock goes on from there.
    pub fn set(&self, now: Timestamp) {
        *self.state() =
            if self.realtime { State::Ahead(now.duration_since(Timestamp::now())) } else { State::Told(now) };
    }

    /// Moves the time on; a clock at the end of time stays there.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let now = self.now().saturating_add(by).unwrap_or(Timestamp::MAX);
        self.set(now);
    }

    /// Lets `duration` pass: a told clock moves on and this returns at once, a realtime clock is slept on.
    pub async fn wait(&self, duration: Duration) {
        if self.realtime {
            tokio::time::sleep(duration).await;
        } else {
            self.advance(duration);
        }
    }

    /// Whether it follows the system's clock.
    #[must_use]
    pub fn is_realtime(&self) -> bool {
        self.realtime
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
