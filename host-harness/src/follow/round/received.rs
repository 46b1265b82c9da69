//! What a remote system sent by itself, on its way: announced, handed over, committed as a poll's answer is.
//!
//! It goes by the keys of its stream, so that an event comes once whether it is sent twice or polled as well. The
//! cursor stays where the polls have put it, since a poll may run beside.

use jiff::{SignedDuration, Timestamp};

use super::{Asked, Fault, Round, Start, Teller};
use crate::contract::triggers::{PollResult, Receipt};
use crate::state::trail::{EntryKind, Progress};
use crate::state::{StateError, Store};

/// For how long a key is dropped when it comes again. A receipt does not say; senders try again for days, and a
/// poll of the same stream may look back for a month.
const DROPPED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Teller {
    /// Takes the events out of a receipt, drops what was acknowledged before, announces the rest, and notes what
    /// came. What the sender is to be answered stays in the receipt.
    ///
    /// # Errors
    /// A [`StateError`]; nothing may be handed over then, and the sender is to come again.
    pub fn take_receipt(
        &self,
        store: &mut dyn Store,
        asked: &Asked,
        receipt: &mut Receipt,
        now: Timestamp,
    ) -> Result<Round, StateError> {
        let result = PollResult {
            events: std::mem::take(&mut receipt.events),
            cursor: String::new(),
            has_more: false,
            next_poll_after_ms: None,
            dedup_for_ms: u64::try_from(DROPPED_FOR.as_millis()).unwrap_or(u64::MAX),
            warnings: Vec::new(),
        };
        let told = (EntryKind::Receive, Some(format!("answered {}", receipt.status)));
        self.take(store, asked, &Start { cursor: Some(String::new()), ..Start::default() }, result, told, now)
    }

    /// Commits the events of a receipt, which somebody has taken.
    ///
    /// # Errors
    /// A [`StateError`]; the events come again when they are sent or polled again, marked.
    pub fn settle_receipt(&self, store: &mut dyn Store, round: &Round, now: Timestamp) -> Result<(), StateError> {
        let entries = self.entries(round, now);
        let keys: Vec<&str> = round.keys.iter().map(String::as_str).collect();
        store.together(&mut |store| {
            if !keys.is_empty() {
                let cursor = store.cursor(&self.stream)?.unwrap_or_default();
                store.commit(&self.stream, &cursor, &keys, round.forget_at, now)?;
            }
            if !entries.is_empty() {
                store.note(Some(&self.stream), &entries)?;
            }
            let mut progress = self.so_far(store, now)?;
            progress.received += 1;
            progress.events += u64::try_from(round.fresh.len()).unwrap_or_default();
            progress.succeeded_at_ms = Some(now.as_millisecond());
            if progress.polls == 0 {
                (progress.failing, progress.failure) = (0, None);
            }
            store.keep_progress(&self.stream, &progress)
        })
    }

    /// Notes a request that could not be verified.
    ///
    /// # Errors
    /// A [`StateError`].
    pub fn not_received(
        &self,
        store: &mut dyn Store,
        asked: &Asked,
        fault: &Fault,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut entry = self.entry(now, EntryKind::Receive, &asked.call_id);
        entry.outcome = Some(fault.kind.clone());
        entry.detail = Some(fault.message.clone());
        entry.took_ms = i64::try_from(asked.took.as_millis()).ok();
        store.together(&mut |store| {
            store.note(Some(&self.stream), std::slice::from_ref(&entry))?;
            let mut progress = self.so_far(store, now)?;
            progress.failures += 1;
            // Whether a stream that is polled goes on is for its polls to say.
            if progress.polls == 0 {
                progress.failing += 1;
                progress.failure = Some(fault.message.clone());
            }
            store.keep_progress(&self.stream, &progress)
        })
    }

    /// As it is kept, with the names that its polls gave it.
    fn so_far(&self, store: &dyn Store, now: Timestamp) -> Result<Progress, StateError> {
        match store.progress(&self.stream)? {
            Some(known) => Ok(known),
            None => self.progress(store, now),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{answer, asked, at, at_cursor, teller};
    use super::*;
    use crate::contract::triggers::Event;
    use crate::state::{MemoryStore, SqliteStore};

    fn receipt(keys: &[&str]) -> Receipt {
        let event = |key: &&str| Event { dedup_key: (*key).into(), occurred_at: None, payload: "{}".into() };
        Receipt { events: keys.iter().map(event).collect(), status: 200, headers: Vec::new(), body: Vec::new() }
    }

    #[test]
    fn an_event_comes_once_whether_it_is_sent_twice_or_polled_as_well() {
        once(&mut MemoryStore::default());
        let folder = tempfile::tempdir().unwrap();
        once(&mut SqliteStore::open(&folder.path().join("s")).unwrap());
    }

    fn once(store: &mut dyn Store) {
        let teller = teller();
        let mut progress = teller.progress(store, at(1)).unwrap();
        let polled = teller.take_in(store, &asked(), &Start::default(), answer(&["a"], "1"), at(1)).unwrap();
        teller.settle(store, &polled, &mut progress, at(9), at(1)).unwrap();
        let first = teller.take_receipt(store, &asked(), &mut receipt(&["a", "b"]), at(2)).unwrap();
        assert_eq!(first.len(), 1, "a was polled");
        // No commit: whoever handed it over has crashed, and the sender comes again.
        let mut again = receipt(&["b"]);
        let second = teller.take_receipt(store, &asked(), &mut again, at(3)).unwrap();
        assert!(second.lines(None).concat().contains(r#""repeated":true"#) && again.events.is_empty());
        teller.settle_receipt(store, &second, at(3)).unwrap();
        assert_eq!(store.cursor(&teller.stream).unwrap().as_deref(), Some("1"));
        let third = teller.take_receipt(store, &asked(), &mut receipt(&["b"]), at(2_591_000)).unwrap();
        assert!(third.is_empty());
        teller.settle_receipt(store, &third, at(4)).unwrap();
        let polled = teller.take_in(store, &asked(), &at_cursor("1"), answer(&["b", "c"], "2"), at(5)).unwrap();
        assert_eq!(polled.len(), 1, "b was sent");
        teller.settle(store, &polled, &mut progress, at(9), at(5)).unwrap();
        let kept = store.progress(&teller.stream).unwrap().unwrap();
        assert_eq!((kept.events, kept.polls, kept.received), (3, 2, 2), "a poll keeps what was received beside it");
    }

    #[test]
    fn a_stream_that_nobody_polls_begins_without_a_cursor() {
        let (teller, mut store) = (teller(), MemoryStore::default());
        let round = teller.take_receipt(&mut store, &asked(), &mut receipt(&["a"]), at(1)).unwrap();
        teller.settle_receipt(&mut store, &round, at(1)).unwrap();
        assert_eq!(store.cursor(&teller.stream).unwrap(), None);
    }
}
