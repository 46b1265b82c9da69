//! One answer of a trigger on its way: announced, handed over, committed.
//!
//! Three steps on a store, with the hand-over between the first and the second in the hands of whoever has the
//! sink. Each step is stored whole or not at all.

mod received;

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::line::{Line, Marks};
use crate::contract::triggers::{Event, PollResult};
use crate::contract::types::{Error, ProblemKind, Warning};
use crate::run::CallError;
use crate::state::trail::{Entry, EntryKind, Progress};
use crate::state::{Named, Seen, StateError, Store, Stream};

/// So many cursors of other streams are tried: each costs a call.
const MOST_TRIED: usize = 8;

/// Whose rounds these are, and what is told of them.
#[derive(Clone, Debug)]
pub struct Teller {
    /// The stream.
    pub stream: Stream,
    /// What an earlier version named its connection by.
    pub formerly: String,
    /// What people call its connection.
    pub connection: String,
    /// What people call it.
    pub name: String,
    /// Whether that name tells it from others of its trigger, so that another input under it is an edit.
    pub named: bool,
    /// The remote system, whoever signs in there; empty where that is not known.
    pub remote: String,
    /// Streams of this trigger that the connection of this name had as another: with another host or user.
    pub before: Vec<Seen>,
    /// The input, as it is asked with.
    pub input: String,
    /// The same without secrets: for people, and for the trail where bodies are kept.
    pub shown: String,
    /// Whether inputs and payloads go into the trail.
    pub bodies: bool,
}

/// Where a poll may go on from.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// What it asks with; none from where the input says.
    pub cursor: Option<String>,
    /// Whose cursor that is, where it is another stream's: it is taken over where the connector takes it.
    pub from: Option<Stream>,
    /// What is told where this is taken.
    pub warning: Option<Warning>,
    /// What is not followed any more where this is taken.
    pub leaves: Vec<Stream>,
}

fn warning(code: &str, message: String) -> Option<Warning> {
    Some(Warning { code: code.to_owned(), message, key: None })
}

impl Start {
    /// Whether an error says that the connector does not go on with a cursor that is another stream's, when
    /// this many requests were sent before it.
    #[must_use]
    pub fn refused_by(&self, error: &CallError, sent: u64) -> bool {
        let CallError::Problem { error: Error::Permanent(problem) } = error else { return false };
        let on_cursor = sent == 0 || problem.message.to_lowercase().contains("cursor");
        self.from.is_some() && problem.kind == ProblemKind::InvalidInput && on_cursor
    }
}

/// A call, as the trail tells of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its id.
    pub call_id: String,
    /// When it was made.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// An answer whose keys are announced.
#[derive(Clone, Debug)]
pub struct Round {
    call_id: String,
    /// The call's entry, where it is not written down yet.
    call: Option<Entry>,
    asked_at: Timestamp,
    /// The stream that goes on as this one.
    from: Option<Stream>,
    /// Those that are not followed any more.
    leaves: Vec<Stream>,
    cursor: String,
    cursor_moved: bool,
    /// Every key of the answer, those that were acknowledged before as well.
    keys: Vec<String>,
    fresh: Vec<(Event, bool)>,
    forget_at: Timestamp,
    /// Whether the connector has more at once.
    pub has_more: bool,
    /// The connector says that it has more, and comes no further.
    pub stands_still: bool,
    /// Its wish for the next poll.
    pub next_poll_after: Option<Duration>,
    /// For people.
    pub warnings: Vec<Warning>,
}

impl Round {
    /// Events to hand over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fresh.len()
    }

    /// Whether there is nothing to hand over; it is committed all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty()
    }

    /// A line for each event to hand over.
    #[must_use]
    pub fn lines(&self, subscription: Option<&str>) -> Vec<String> {
        self.views(subscription).map(|line| line.text()).collect()
    }

    /// What those lines are made of.
    pub fn views<'a>(&'a self, subscription: Option<&'a str>) -> impl Iterator<Item = Line<'a>> {
        let line = move |(event, repeated): &'a (Event, bool)| {
            Line::new(event, Marks { repeated: *repeated, replay: false, subscription })
        };
        self.fresh.iter().map(line)
    }

    /// Names what is handed over: the same for the same events.
    #[must_use]
    pub fn id(&self) -> String {
        let keys: Vec<&str> = self.fresh.iter().map(|(event, _)| event.dedup_key.as_str()).collect();
        crate::state::digest(&keys.join("\n"))
    }

    /// The same after a sink failed that may have taken some of it.
    #[must_use]
    pub fn again(mut self) -> Self {
        for (_, repeated) in &mut self.fresh {
            *repeated = true;
        }
        self
    }
}

impl Teller {
    fn entry(&self, at: Timestamp, kind: EntryKind, call_id: &str) -> Entry {
        let mut entry = Entry::new(at, kind, &self.connection, &self.stream.trigger);
        entry.call_id = Some(call_id.to_owned());
        entry
    }

    /// Takes note of the streams that this connection had as another.
    pub fn before_of(&mut self, known: &Named) {
        let own = |seen: &&Seen| self.is_own(&seen.stream);
        let all = known.get(&(self.connection.clone(), self.stream.trigger.clone())).into_iter().flatten();
        self.before = all.filter(|seen| !own(seen)).cloned().collect();
    }

    /// Whether a stream is of this connection as it is, whatever its name.
    fn is_own(&self, other: &Stream) -> bool {
        [&self.stream.connection, &self.formerly].contains(&&other.connection)
    }

    /// Where a poll may go on from, to be tried in this order: the stream's own cursor, or without one those of
    /// streams that may have asked the same, and last none.
    ///
    /// # Errors
    /// A [`StateError`].
    pub fn starts(&self, store: &dyn Store) -> Result<Vec<Start>, StateError> {
        if let Some(cursor) = store.cursor(&self.stream)? {
            return Ok(vec![Start { cursor: Some(cursor), ..Start::default() }]);
        }
        let mut all = store.relatives(&self.stream, &self.formerly, &self.name)?;
        let kept = all.len();
        let (mut left, mut leaves, mut others) = (None, Vec::new(), kept);
        for seen in &self.before {
            let (cursor, name) = (store.cursor(&seen.stream)?, &seen.progress.name);
            let own = seen.stream.input == self.stream.input || (self.named && *name == self.name);
            if own {
                leaves.push(seen.stream.clone());
            }
            let Some(cursor) = cursor else { continue };
            others += 1;
            left = left.or(Some(seen).filter(|_| own));
            // Who signs in is no part of the question; which system is asked is.
            let same_remote = !self.remote.is_empty() && seen.progress.remote == self.remote;
            if same_remote && (!self.named || *name == self.name) {
                all.push((seen.stream.clone(), cursor));
            }
        }
        all.sort_by_key(|(stream, _)| stream.input != self.stream.input);
        let same = all.iter().take(kept).any(|(stream, _)| stream.input == self.stream.input);
        all.truncate(MOST_TRIED);
        let (tried, connection, trigger) = (all.len(), &self.connection, &self.stream.trigger);
        let mut starts: Vec<Start> = all.into_iter().map(|kept| self.from(kept)).collect();
        let warning = if let Some(Seen { id, progress, .. }) = left {
            warning(
                "begins_anew",
                format!(
                    "The connection {connection} names another host or user than when its cursor was kept, so that does not fit. It begins anew: what changed in between is told only where `since` reaches back, and what was told may come again. The {} events that were acknowledged stay under id {id} in `harness status`, and go on when host and user are put back; `harness status --forget {id}` forgets them.",
                    progress.events
                ),
            )
        } else if tried > 0 && (self.named || same) {
            warning(
                "begins_anew",
                format!(
                    "This is another question than before: the {tried} cursors that were kept under this name do not fit it. It begins anew; what changed in between is told only where `since` reaches back."
                ),
            )
        } else if others > 0 {
            warning(
                "further_subscription",
                format!(
                    "A further subscription of {trigger} begins where its input says (`since`); {others} others of it on {connection} are in the state file. If this input is an edit of one of them, what changed in between is told only where `since` reaches back, and `harness status --forget ID` forgets the earlier one."
                ),
            )
        } else {
            None
        };
        starts.push(Start { warning, ..Start::default() });
        for start in &mut starts {
            start.leaves.clone_from(&leaves);
        }
        Ok(starts)
    }

    /// To go on with the cursor of another stream.
    fn from(&self, (from, cursor): (Stream, String)) -> Start {
        let warning = if self.is_own(&from) {
            None
        } else {
            warning(
                "connection_changed",
                format!(
                    "The connection {} names the same host as before, and another user or another way to sign in. It goes on from the kept cursor: what the earlier user could not see is told when it changes again. A subscription of its own with `since` tells it now.",
                    self.connection
                ),
            )
        };
        Start { cursor: Some(cursor), from: Some(from), warning, leaves: Vec::new() }
    }

    /// Drops what was acknowledged before, announces the rest, and notes the call. `start` is what was asked with.
    ///
    /// # Errors
    /// A [`StateError`]; nothing may be handed over then.
    pub fn take_in(
        &self,
        store: &mut dyn Store,
        asked: &Asked,
        start: &Start,
        result: PollResult,
        now: Timestamp,
    ) -> Result<Round, StateError> {
        self.take(store, asked, start, result, (EntryKind::Call, None), now)
    }

    /// The same for an answer of either kind, noted with this kind and detail.
    fn take(
        &self,
        store: &mut dyn Store,
        asked: &Asked,
        start: &Start,
        result: PollResult,
        (kind, detail): (EntryKind, Option<String>),
        now: Timestamp,
    ) -> Result<Round, StateError> {
        let lasts = SignedDuration::from_millis(i64::try_from(result.dedup_for_ms).unwrap_or(i64::MAX));
        let forget_at = now.saturating_add(lasts).unwrap_or(Timestamp::MAX);
        let mut entry = self.entry(now, kind, &asked.call_id);
        entry.outcome = Some("done".to_owned());
        entry.detail = detail;
        entry.took_ms = i64::try_from(asked.took.as_millis()).ok();
        entry.count = i64::try_from(result.events.len()).ok();
        entry.body = self.bodies.then(|| self.shown.clone());
        let keys: Vec<String> = result.events.iter().map(|event| event.dedup_key.clone()).collect();
        let borrowed: Vec<&str> = keys.iter().map(String::as_str).collect();
        // Until it is taken over, a stream's keys are under its old name.
        let stream = start.from.as_ref().unwrap_or(&self.stream);
        let mut warnings = result.warnings;
        if let Some(from) = &start.from {
            let earlier = store.progress(from)?.map(|progress| progress.input).unwrap_or_default();
            let earlier = if earlier.is_empty() { &from.input } else { &earlier };
            entry.detail = Some(format!("goes on from the cursor of the input {earlier}"));
        }
        if let Some(warning) = &start.warning {
            entry.detail = Some(warning.message.clone());
            warnings.push(warning.clone());
        }
        let (mut events, mut repeated, mut call) = (result.events, HashSet::new(), Some(entry));
        if !events.is_empty() {
            // As one: what another process receives beside must not be taken between the look and the word.
            store.together(&mut |store| {
                let known = store.acknowledged(stream, &borrowed, now)?;
                let mut seen = HashSet::new();
                events.retain(|event| !known.contains(&event.dedup_key) && seen.insert(event.dedup_key.clone()));
                let fresh: Vec<&str> = events.iter().map(|event| event.dedup_key.as_str()).collect();
                // With nothing to hand over there is one thing to store instead of two.
                if let Some(entry) = call.take_if(|_| !fresh.is_empty()) {
                    repeated = store.announce(stream, &fresh, forget_at, now)?;
                    store.note(Some(stream), std::slice::from_ref(&entry))?;
                }
                Ok(())
            })?;
        }
        let marked = |event: Event| {
            let again = repeated.contains(&event.dedup_key);
            (event, again)
        };
        let cursor_moved = start.cursor.as_deref() != Some(result.cursor.as_str());
        Ok(Round {
            from: start.from.clone(),
            leaves: start.leaves.clone(),
            call_id: asked.call_id.clone(),
            call,
            asked_at: asked.at,
            cursor_moved,
            stands_still: result.has_more && keys.is_empty() && !cursor_moved,
            keys,
            fresh: events.into_iter().map(marked).collect(),
            forget_at,
            cursor: result.cursor,
            has_more: result.has_more,
            next_poll_after: result.next_poll_after_ms.map(Duration::from_millis),
            warnings,
        })
    }

    /// Commits a round whose events the sink has taken, and tells how far the stream is by that.
    ///
    /// # Errors
    /// A [`StateError`]; the events come again then, marked.
    pub fn settle(
        &self,
        store: &mut dyn Store,
        round: &Round,
        progress: &mut Progress,
        next_poll_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let entries = self.entries(round, now);
        progress.polls += 1;
        progress.succeeded_at_ms = Some(now.as_millisecond());
        progress.next_poll_at_ms = Some(next_poll_at.as_millisecond());
        (progress.failing, progress.failure, progress.held) = (0, None, 0);
        if !round.has_more {
            progress.caught_up_at_ms = Some(round.asked_at.as_millisecond());
        }
        let keys: Vec<&str> = round.keys.iter().map(String::as_str).collect();
        store.together(&mut |store| {
            if let Some(from) = &round.from {
                if let Some(old) = store.progress(from)? {
                    (progress.since_ms, progress.polls) = (old.since_ms, old.polls + 1);
                    (progress.failures, progress.events) = (old.failures, old.events);
                }
                store.take_over(from, &self.stream)?;
            }
            for left in &round.leaves {
                if let Some(old) = store.progress(left)? {
                    store.keep_progress(left, &Progress { left: true, ..old })?;
                }
            }
            if round.cursor_moved || !keys.is_empty() {
                store.commit(&self.stream, &round.cursor, &keys, round.forget_at, now)?;
            }
            if !entries.is_empty() {
                store.note(Some(&self.stream), &entries)?;
            }
            self.received_beside(store, progress)?;
            progress.events += u64::try_from(round.fresh.len()).unwrap_or_default();
            store.keep_progress(&self.stream, progress)
        })
    }

    /// What the trail tells of a round that was taken.
    fn entries(&self, round: &Round, now: Timestamp) -> Vec<Entry> {
        let events = round.fresh.iter().map(|(event, repeated)| {
            let mut entry = self.entry(now, EntryKind::Event, &round.call_id);
            entry.dedup_key = Some(event.dedup_key.clone());
            entry.occurred_at.clone_from(&event.occurred_at);
            entry.outcome = repeated.then(|| "repeated".to_owned());
            entry.body = self.bodies.then(|| event.payload.clone());
            entry
        });
        let mut entries: Vec<Entry> = round.call.iter().cloned().chain(events).collect();
        if !round.fresh.is_empty() {
            let mut taken = self.entry(now, EntryKind::Acknowledged, &round.call_id);
            taken.count = i64::try_from(round.fresh.len()).ok();
            entries.push(taken);
        }
        entries
    }

    /// Takes over what another process received on this stream since `progress` was read.
    fn received_beside(&self, store: &dyn Store, progress: &mut Progress) -> Result<(), StateError> {
        if let Some(known) = store.progress(&self.stream)? {
            progress.received = progress.received.max(known.received);
            progress.events = progress.events.max(known.events);
        }
        Ok(())
    }

    /// Notes a call that failed, or with `held` events a sink that did not take them.
    ///
    /// # Errors
    /// A [`StateError`].
    pub fn failed(
        &self,
        store: &mut dyn Store,
        asked: &Asked,
        fault: &Fault,
        progress: &mut Progress,
        next_poll_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let kind = if fault.held.is_some() { EntryKind::SinkFailed } else { EntryKind::Call };
        let mut entry = self.entry(now, kind, &asked.call_id);
        entry.outcome = Some(fault.kind.clone());
        entry.detail = Some(fault.message.clone());
        entry.took_ms = i64::try_from(asked.took.as_millis()).ok();
        entry.count = fault.held.and_then(|held| i64::try_from(held).ok());
        progress.failures += 1;
        progress.failing += 1;
        progress.failure = Some(fault.message.clone());
        progress.held = fault.held.unwrap_or_default();
        progress.next_poll_at_ms = Some(next_poll_at.as_millisecond());
        store.together(&mut |store| {
            store.note(Some(&self.stream), std::slice::from_ref(&entry))?;
            self.received_beside(store, progress)?;
            store.keep_progress(&self.stream, progress)
        })
    }

    /// What is known of the stream, or that nothing is yet.
    ///
    /// # Errors
    /// A [`StateError`].
    pub fn progress(&self, store: &dyn Store, now: Timestamp) -> Result<Progress, StateError> {
        let known = store.progress(&self.stream)?;
        let mut progress = known.unwrap_or_else(|| Progress { since_ms: now.as_millisecond(), ..Progress::default() });
        progress.name.clone_from(&self.name);
        progress.connection.clone_from(&self.connection);
        progress.input.clone_from(&self.shown);
        progress.remote.clone_from(&self.remote);
        progress.left = false;
        Ok(progress)
    }
}

/// What went wrong, without secrets.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The kind of the problem, or `sink`.
    pub kind: String,
    /// In words.
    pub message: String,
    /// How many events a sink did not take.
    pub held: Option<u64>,
}

#[cfg(test)]
mod tests;
