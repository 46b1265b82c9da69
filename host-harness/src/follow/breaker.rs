//! Leaving a remote system alone that does not answer: after some failures in a row nobody asks it for a while,
//! then one does, and the others follow when that one is answered.

use std::time::Duration;

/// Failures in a row after which a remote system is left alone: more than one restart of a node causes.
const ENOUGH: u32 = 5;

/// For how long, doubled each time the one that tries fails again.
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// One remote system's breaker. Times are those of one monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    failing: u32,
    closed_until: Option<Duration>,
    trying: bool,
}

impl Breaker {
    /// Whether somebody may ask now; otherwise when to look again. Who is let through while the system is being
    /// tried reports back by [`Breaker::answered`], [`Breaker::failed`] or [`Breaker::left`].
    ///
    /// # Errors
    /// The moment at which to look again.
    pub fn enter(&mut self, now: Duration) -> Result<(), Duration> {
        match self.closed_until {
            Some(until) if now < until => Err(until),
            Some(until) if self.trying => Err(until.max(now) + FIRST / 10),
            Some(_) => {
                self.trying = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// It answered.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// It did not, or said that it has too much to do. `retry_after` is its own word.
    pub fn failed(&mut self, now: Duration, retry_after: Option<Duration>) {
        self.failing = self.failing.saturating_add(1);
        self.trying = false;
        if let Some(until) = retry_after.map(|wait| now.saturating_add(wait)) {
            // What one is told holds for all who ask there.
            self.closed_until = Some(self.closed_until.map_or(until, |known| known.max(until)));
        } else if self.failing >= ENOUGH {
            let wait = FIRST.saturating_mul(1 << (self.failing - ENOUGH).min(8)).min(LONGEST);
            self.closed_until = Some(now.saturating_add(wait));
        }
    }

    /// Whoever was let through ended without learning anything of the system.
    pub fn left(&mut self) {
        self.trying = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_tries_and_the_others_wait_for_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(at(0), None);
            assert_eq!(breaker.enter(at(0)), Ok(()));
        }
        breaker.failed(at(0), None);
        assert_eq!(breaker.enter(at(29)), Err(at(30)));
        assert_eq!(breaker.enter(at(30)), Ok(()));
        assert!(breaker.enter(at(31)).is_err(), "one is trying");
        breaker.failed(at(32), None);
        assert_eq!(breaker.enter(at(33)), Err(at(92)), "twice as long");
        assert_eq!(breaker.enter(at(92)), Ok(()));
        breaker.left();
        assert_eq!(breaker.enter(at(93)), Ok(()), "the next one tries");
        breaker.answered();
        assert_eq!((breaker.enter(at(93)), breaker.enter(at(93))), (Ok(()), Ok(())));
    }

    #[test]
    fn what_the_system_says_holds_for_all_who_ask_it() {
        let mut breaker = Breaker::default();
        breaker.failed(at(10), Some(at(100)));
        assert_eq!(breaker.enter(at(20)), Err(at(110)));
        breaker.failed(at(11), Some(at(5)));
        assert_eq!(breaker.enter(at(20)), Err(at(110)), "the longest wait counts");
    }
}
