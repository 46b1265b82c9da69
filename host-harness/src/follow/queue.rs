//! Who is next: by deadline, with those aside whose group has no room until it has.
//!
//! Who has waited for longest comes first, so nobody starves; and who waits for a full group holds up no other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

/// Whether one may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Now.
    Open,
    /// Once somebody of this group is done.
    Full(usize),
    /// Not before this time.
    Until(Duration),
}

/// A queue of numbered ones. Times are those of one monotonic clock.
#[derive(Debug, Default)]
pub struct Queue {
    /// With the group that each was let out of.
    due: BinaryHeap<Reverse<(Duration, usize, Option<usize>)>>,
    aside: BTreeMap<usize, VecDeque<(Duration, usize)>>,
}

impl Queue {
    /// Puts one in line for a time.
    pub fn push(&mut self, at: Duration, who: usize) {
        self.due.push(Reverse((at, who, None)));
    }

    /// The one that is due for longest and may go.
    pub fn next(&mut self, now: Duration, mut gate: impl FnMut(usize) -> Gate) -> Option<usize> {
        while let Some(Reverse((at, who, out_of))) = self.due.peek().copied() {
            if at > now {
                return None;
            }
            self.due.pop();
            let found = gate(who);
            match found {
                Gate::Open => return Some(who),
                Gate::Full(group) => self.aside.entry(group).or_default().push_back((at, who)),
                // Never now again, or this would not end.
                Gate::Until(until) => self.push(until.max(now + Duration::from_millis(1)), who),
            }
            // It does not take the room that it was let out for, so that is the next one's.
            if let Some(group) = out_of.filter(|group| found != Gate::Full(*group)) {
                self.room(group);
            }
        }
        None
    }

    /// Somebody of the group is done: the one that has waited for it longest is back in line, at its old time.
    pub fn room(&mut self, group: usize) {
        if let Some((at, who)) = self.aside.get_mut(&group).and_then(VecDeque::pop_front) {
            self.due.push(Reverse((at, who, Some(group))));
        }
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_one_that_is_due_for_longest_goes_first_and_a_full_group_holds_up_no_other() {
        let mut queue = Queue::default();
        for (time, who) in [(3, 0), (1, 1), (2, 2), (9, 3)] {
            queue.push(at(time), who);
        }
        let gate = |who| if who == 1 { Gate::Full(7) } else { Gate::Open };
        assert_eq!(queue.next(at(5), gate), Some(2));
        assert_eq!(queue.next(at(5), gate), Some(0));
        assert_eq!((queue.next(at(5), gate), queue.next_at()), (None, Some(at(9))));
        queue.room(7);
        assert_eq!(queue.next(at(5), |_| Gate::Open), Some(1));
        assert_eq!(queue.next(at(9), |_| Gate::Until(at(20))), None);
        assert_eq!(queue.next_at(), Some(at(20)));
    }

    #[test]
    fn room_that_one_does_not_take_is_the_next_ones() {
        let mut queue = Queue::default();
        for who in 0..3 {
            queue.push(at(0), who);
        }
        assert_eq!(queue.next(at(1), |_| Gate::Full(7)), None);
        queue.room(7);
        assert_eq!(queue.next(at(1), |who| if who < 2 { Gate::Until(at(9)) } else { Gate::Open }), Some(2));
    }

    proptest! {
        /// Each lets one of its group go at a time, and everybody comes to go.
        #[test]
        fn nobody_is_forgotten(groups in proptest::collection::vec(0_usize..3, 1..60)) {
            let mut queue = Queue::default();
            for who in 0..groups.len() {
                queue.push(Duration::ZERO, who);
            }
            let group_of = |who: usize| groups.get(who).copied().unwrap_or_default();
            let mut busy: Vec<usize> = Vec::new();
            let mut went = 0;
            while went < groups.len() {
                let next = queue.next(at(1), |who| {
                    let group = group_of(who);
                    if busy.contains(&group) { Gate::Full(group) } else { Gate::Open }
                });
                match next {
                    Some(who) => {
                        busy.push(group_of(who));
                        went += 1;
                    }
                    None => {
                        prop_assert!(!busy.is_empty());
                        queue.room(busy.remove(0));
                    }
                }
            }
        }
    }
}
