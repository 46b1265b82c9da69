//! How long until the next poll: sooner while things happen, later while they do not, never all at once.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// After the first failure, where the remote system does not say; doubled with each further one.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Nobody is asked again sooner than this after a failure, whatever it says.
const SHORTEST: Duration = Duration::from_secs(1);

/// Waits are longer by up to a tenth, so that those who started together drift apart.
const JITTER: u32 = 10;

/// Between which times polls follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Never sooner than this, unless there is more to fetch.
    pub least: Duration,
    /// Never later than this, jitter and the remote system's own wishes aside.
    pub most: Duration,
}

impl Default for Bounds {
    /// 5 and 15 minutes: what pods are commonly asked at, and what an hourly limit of requests leaves room for.
    fn default() -> Self {
        Self { least: Duration::from_secs(5 * 60), most: Duration::from_secs(15 * 60) }
    }
}

/// The pace of one stream.
#[derive(Clone, Debug)]
pub struct Pace {
    bounds: Bounds,
    present: Duration,
    failing: u32,
}

impl Pace {
    /// Starts as fast as the bounds allow.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, present: bounds.least, failing: 0 }
    }

    /// The longest wait between two polls that the bounds know.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.bounds.most
    }

    /// After a poll that brought this many events. `wish` is the connector's `next-poll-after-ms`, which is
    /// never undercut. With more to fetch the next poll is due at once.
    pub fn after(&mut self, events: usize, has_more: bool, wish: Option<Duration>) -> Duration {
        self.failing = 0;
        if has_more {
            self.present = self.bounds.least;
            return Duration::ZERO;
        }
        self.present =
            if events > 0 { (self.present / 2).max(self.bounds.least) } else { self.present.saturating_mul(3) / 2 };
        self.present = self.present.min(self.bounds.most).max(self.bounds.least);
        jittered(self.present.max(wish.unwrap_or_default()))
    }

    /// After a failure. `retry_after` is the remote system's own word, which is never undercut.
    pub fn after_failure(&mut self, retry_after: Option<Duration>) -> Duration {
        let first = AFTER_FAILURE.min(self.bounds.least);
        let own = first.saturating_mul(1 << self.failing.min(16)).min(self.bounds.most.max(first));
        self.failing = self.failing.saturating_add(1);
        jittered(retry_after.map_or(own, |told| told.max(SHORTEST)))
    }

    /// After a failure that waiting does not mend by itself: as late as the bounds allow, since somebody may mend it
    /// meanwhile.
    pub fn after_refusal(&mut self) -> Duration {
        self.failing = self.failing.saturating_add(1);
        jittered(self.bounds.most)
    }
}

fn jittered(wait: Duration) -> Duration {
    let chance = RandomState::new().hash_one(wait) % 1024;
    let more = (wait / JITTER).saturating_mul(u32::try_from(chance).unwrap_or_default()) / 1024;
    wait.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn about(wait: Duration, wanted: Duration) -> bool {
        wait >= wanted && wait <= wanted + wanted / JITTER
    }

    #[test]
    fn idle_streams_slow_down_and_busy_ones_speed_up() {
        let mut pace = Pace::new(Bounds::default());
        // The third is the longest there is, and from there on chance alone tells waits apart.
        let idle: Vec<u64> = (0..3).map(|_| pace.after(0, false, None).as_secs() / 60).collect();
        assert!(idle.windows(2).all(|two| matches!(two, [a, b] if a <= b)), "{idle:?}");
        assert!(about(pace.after(0, false, None), 15 * MINUTE));
        assert!(about(pace.after(3, false, None), 15 * MINUTE / 2));
        assert!(about(pace.after(3, false, None), 5 * MINUTE));
        assert_eq!(pace.after(3, true, Some(MINUTE)), Duration::ZERO);
        assert!(about(pace.after(0, false, Some(60 * MINUTE)), 60 * MINUTE), "the connector's wish counts");
    }

    #[test]
    fn failures_wait_longer_each_time_and_what_the_remote_system_says_counts() {
        let mut pace = Pace::new(Bounds::default());
        assert!(about(pace.after_failure(None), AFTER_FAILURE));
        assert!(about(pace.after_failure(None), AFTER_FAILURE * 2));
        assert!(about(pace.after_failure(Some(90 * MINUTE)), 90 * MINUTE));
        for _ in 0..40 {
            assert!(pace.after_failure(None) <= 15 * MINUTE + 15 * MINUTE / JITTER);
        }
        pace.after(0, false, None);
        assert!(about(pace.after_failure(None), AFTER_FAILURE));
    }

    proptest! {
        #[test]
        fn the_bounds_hold(steps in proptest::collection::vec((0_usize..3, any::<bool>()), 0..50), least in 1_u64..1000, more in 0_u64..1000) {
            let bounds = Bounds { least: Duration::from_millis(least), most: Duration::from_millis(least + more) };
            let mut pace = Pace::new(bounds);
            for (events, failed) in steps {
                if failed {
                    pace.after_failure(None);
                    continue;
                }
                let wait = pace.after(events, false, None);
                prop_assert!(wait >= bounds.least && wait <= bounds.most + bounds.most / JITTER);
            }
        }
    }
}
