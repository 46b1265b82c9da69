//! State that ends with the process, for tests and for polls without `--state`.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Session, StateError, Store, Stream};

/// Remembers in memory.
#[derive(Default)]
pub struct MemoryStore {
    streams: HashMap<Stream, (String, HashMap<String, Timestamp>)>,
    sessions: HashMap<String, Session>,
}

impl Store for MemoryStore {
    fn cursor(&self, stream: &Stream) -> Result<Option<String>, StateError> {
        Ok(self.streams.get(stream).map(|(cursor, _)| cursor.clone()))
    }

    fn acknowledged(&self, stream: &Stream, keys: &[&str], now: Timestamp) -> Result<HashSet<String>, StateError> {
        let Some((_, known)) = self.streams.get(stream) else { return Ok(HashSet::new()) };
        let fresh = |key: &&&str| known.get(**key).is_some_and(|forget_at| *forget_at > now);
        Ok(keys.iter().filter(fresh).map(|key| (*key).to_owned()).collect())
    }

    fn commit(
        &mut self,
        stream: &Stream,
        cursor: &str,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let (known_cursor, known) = self.streams.entry(stream.clone()).or_default();
        cursor.clone_into(known_cursor);
        known.retain(|_, forget_at| *forget_at > now);
        for key in keys {
            let until = known.entry((*key).to_owned()).or_insert(forget_at);
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
}
