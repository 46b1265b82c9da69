//! State that ends with the process, for tests and for polls without `--state`.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::trail::{Claim, Entry, Progress};
use super::{Session, StateError, Store, Stream};

/// Remembers in memory. The trail is not kept.
#[derive(Default)]
pub struct MemoryStore {
    streams: HashMap<Stream, Known>,
    sessions: HashMap<String, Session>,
    calls: HashMap<String, String>,
}

#[derive(Default)]
struct Known {
    cursor: Option<String>,
    acknowledged: HashMap<String, Timestamp>,
    announced: HashMap<String, Timestamp>,
    progress: Option<Progress>,
}

impl Store for MemoryStore {
    fn cursor(&self, stream: &Stream) -> Result<Option<String>, StateError> {
        Ok(self.streams.get(stream).and_then(|known| known.cursor.clone()).filter(|cursor| !cursor.is_empty()))
    }

    fn relatives(&self, stream: &Stream, formerly: &str, name: &str) -> Result<Vec<(Stream, String)>, StateError> {
        let mut found: Vec<_> = self
            .streams
            .iter()
            .filter_map(|(other, known)| {
                Some((other, known.cursor.clone()?, known.progress.clone().unwrap_or_default()))
            })
            .filter(|(other, _, progress)| other.is_relative(stream, formerly, &progress.name, name))
            .map(|(other, cursor, progress)| {
                (other.input != stream.input, std::cmp::Reverse(progress.succeeded_at_ms), other.clone(), cursor)
            })
            .collect();
        found.sort_by_key(|(differs, at, ..)| (*differs, *at));
        Ok(found.into_iter().map(|(_, _, other, cursor)| (other, cursor)).collect())
    }

    fn take_over(&mut self, from: &Stream, to: &Stream) -> Result<(), StateError> {
        if let Some(known) = self.streams.remove(from) {
            self.streams.insert(to.clone(), known);
        }
        Ok(())
    }

    fn acknowledged(&self, stream: &Stream, keys: &[&str], now: Timestamp) -> Result<HashSet<String>, StateError> {
        let Some(known) = self.streams.get(stream) else { return Ok(HashSet::new()) };
        let fresh = |key: &&&str| known.acknowledged.get(**key).is_some_and(|forget_at| *forget_at > now);
        Ok(keys.iter().filter(fresh).map(|key| (*key).to_owned()).collect())
    }

    fn announce(
        &mut self,
        stream: &Stream,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<HashSet<String>, StateError> {
        let known = self.streams.entry(stream.clone()).or_default();
        known.announced.retain(|_, forget_at| *forget_at > now);
        let announced = |key: &&str| known.announced.insert((*key).to_owned(), forget_at).is_some();
        Ok(keys.iter().copied().filter(announced).map(str::to_owned).collect())
    }

    fn commit(
        &mut self,
        stream: &Stream,
        cursor: &str,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let known = self.streams.entry(stream.clone()).or_default();
        known.cursor = Some(cursor.to_owned());
        known.acknowledged.retain(|_, forget_at| *forget_at > now);
        for key in keys {
            known.announced.remove(*key);
            let until = known.acknowledged.entry((*key).to_owned()).or_insert(forget_at);
            *until = forget_at.max(*until);
        }
        Ok(())
    }

    fn session(&self, connection: &str) -> Result<Option<Session>, StateError> {
        Ok(self.sessions.get(connection).cloned())
    }

    fn keep_session(&mut self, connection: &str, session: Option<&Session>) -> Result<(), StateError> {
        match session {
            Some(session) => self.sessions.insert(connection.to_owned(), session.clone()),
            None => self.sessions.remove(connection),
        };
        Ok(())
    }

    fn note(&mut self, _stream: Option<&Stream>, _entries: &[Entry]) -> Result<(), StateError> {
        Ok(())
    }

    fn progress(&self, stream: &Stream) -> Result<Option<Progress>, StateError> {
        Ok(self.streams.get(stream).and_then(|known| known.progress.clone()))
    }

    fn keep_progress(&mut self, stream: &Stream, progress: &Progress) -> Result<(), StateError> {
        self.streams.entry(stream.clone()).or_default().progress = Some(progress.clone());
        Ok(())
    }

    fn claim(&mut self, call_id: &str, input: &str, _now: Timestamp) -> Result<Claim, StateError> {
        match self.calls.get(call_id) {
            Some(known) if known == input => Ok(Claim::Same),
            Some(_) => Ok(Claim::Other),
            None => {
                self.calls.insert(call_id.to_owned(), input.to_owned());
                Ok(Claim::New)
            }
        }
    }

    fn together(&mut self, work: &mut dyn FnMut(&mut dyn Store) -> Result<(), StateError>) -> Result<(), StateError> {
        work(self)
    }
}
