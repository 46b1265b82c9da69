//! What a host remembers between calls: cursors, the events that its sink has taken, and sessions.
//!
//! One trait, two implementations: a SQLite file for whoever runs a process at a time, and memory for tests.
//! The promise that polls rest on: a cursor and the keys that it acknowledges are stored together or not at
//! all. Sessions of connection files are kept beside them, in `session`.

mod memory;
pub mod session;
mod sqlite;

use std::collections::HashSet;
use std::path::PathBuf;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::exact::{Exact, parse_json};

pub use self::memory::MemoryStore;
pub use self::sqlite::SqliteStore;

/// Which stream of events: one trigger with one input on one connection of one connector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// `manifest.name`; another version of the connector goes on with the same cursor.
    pub component: String,
    /// A [`digest`] of the settings without their secrets, so that a new password goes on with it, too.
    pub connection: String,
    /// Operation id.
    pub trigger: String,
    /// A [`digest`] of the input: other conditions are another stream.
    pub input: String,
}

/// A session with the moment at which it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// JSON that only the connector understands. Secret.
    pub value: String,
    /// Unix seconds; none where it does not end.
    pub expires_at: Option<u64>,
    /// Unix seconds at which it was asked for; none where that is not known.
    pub obtained_at: Option<u64>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process works with this file.
    #[error("{} is in use by another process", file.display())]
    InUse {
        /// Which file.
        file: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{} was written by a later version of this program (its schema is {found}, this program knows {known})", file.display())]
    TooNew {
        /// Which file.
        file: PathBuf,
        /// Version of the schema in it.
        found: i64,
        /// Latest version that is known here.
        known: i64,
    },
    /// There is something else in that place.
    #[error("{} does not hold state: {reason}", file.display())]
    NotState {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk, or the database on it, does not do what it should.
    #[error("{} cannot be read or written: {reason}", file.display())]
    Broken {
        /// Which file.
        file: PathBuf,
        /// The system's word for it.
        reason: String,
    },
}

/// A place to remember. Methods block for the time of a small write.
pub trait Store: Send {
    /// The cursor that was committed last.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn cursor(&self, stream: &Stream) -> Result<Option<String>, StateError>;

    /// Those of `keys` that were acknowledged and are still to be dropped at `now`.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn acknowledged(&self, stream: &Stream, keys: &[&str], now: Timestamp) -> Result<HashSet<String>, StateError>;

    /// Stores the cursor and the keys of the events that were handed over before it, all or nothing. Keys
    /// are forgotten at `forget_at`, and those whose time has come by `now` go with this.
    ///
    /// # Errors
    /// A [`StateError`]; nothing is stored then.
    fn commit(
        &mut self,
        stream: &Stream,
        cursor: &str,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError>;

    /// The session that was kept for a connection.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn session(&self, connection: &str) -> Result<Option<Session>, StateError>;

    /// Keeps a session in the place of the last, or forgets it.
    ///
    /// # Errors
    /// A [`StateError`]; the last one stays then.
    fn keep_session(&mut self, connection: &str, session: Option<&Session>) -> Result<(), StateError>;
}

/// A short name for a JSON value: equal for equal values, whatever the order of members; of text that is not
/// JSON, of the text.
#[must_use]
pub fn digest(json: &str) -> String {
    let text = parse_json(json).map_or_else(|_| json.to_owned(), |value| value.sorted().to_string());
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Settings without the members that hold secrets, for a [`digest`] that outlives a change of password.
#[must_use]
pub fn without_secrets(settings: &Exact, is_secret: &dyn Fn(&str) -> bool) -> Exact {
    match settings {
        Exact::Array(items) => Exact::Array(items.iter().map(|item| without_secrets(item, is_secret)).collect()),
        Exact::Object(members) => Exact::Object(
            members
                .iter()
                .filter(|(name, _)| !is_secret(name))
                .map(|(name, value)| (name.clone(), without_secrets(value, is_secret)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn stream(trigger: &str) -> Stream {
        Stream { component: "c".into(), connection: "k".into(), trigger: trigger.into(), input: digest("{}") }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn keeps_its_promises(store: &mut dyn Store) {
        let (one, two) = (stream("one"), stream("two"));
        assert_eq!(store.cursor(&one).unwrap(), None);
        store.commit(&one, "1", &["a", "b"], at(100), at(0)).unwrap();
        store.commit(&one, "2", &["b", "c"], at(200), at(50)).unwrap();
        assert_eq!(store.cursor(&one).unwrap().as_deref(), Some("2"));
        assert_eq!(store.cursor(&two).unwrap(), None, "streams are apart");
        let keys = |store: &dyn Store, now| {
            let mut keys: Vec<_> =
                store.acknowledged(&one, &["a", "b", "c", "d"], at(now)).unwrap().into_iter().collect();
            keys.sort();
            keys.join("")
        };
        assert_eq!(keys(store, 99), "abc");
        assert_eq!(keys(store, 100), "bc", "a key is dropped when its time is over, and later times win");
        assert!(store.acknowledged(&two, &["a"], at(0)).unwrap().is_empty());
        keeps_its_promises_on_sessions(store);
    }

    fn keeps_its_promises_on_sessions(store: &mut dyn Store) {
        let session = Session { value: "{}".into(), expires_at: Some(5), obtained_at: Some(2) };
        store.keep_session("k", Some(&session)).unwrap();
        assert_eq!(store.session("k").unwrap(), Some(session));
        store.keep_session("k", None).unwrap();
        assert_eq!(store.session("k").unwrap(), None);
    }

    #[test]
    fn memory_keeps_its_promises() {
        keeps_its_promises(&mut MemoryStore::default());
    }

    #[test]
    fn sqlite_keeps_its_promises_and_remembers_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        keeps_its_promises(&mut SqliteStore::open(&file).unwrap());
        assert_eq!(SqliteStore::open(&file).unwrap().cursor(&stream("one")).unwrap().as_deref(), Some("2"));
    }

    #[test]
    fn a_file_of_the_first_version_is_brought_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        let stream = stream("one");
        SqliteStore::open(&file).unwrap().commit(&stream, "1", &[], at(1), at(0)).unwrap();
        let old = rusqlite::Connection::open(&file).unwrap();
        old.execute_batch("ALTER TABLE session DROP COLUMN obtained_at; PRAGMA user_version = 1;").unwrap();
        drop(old);
        let mut store = SqliteStore::open(&file).unwrap();
        assert_eq!(store.cursor(&stream).unwrap().as_deref(), Some("1"));
        keeps_its_promises_on_sessions(&mut store);
    }

    #[test]
    fn many_keys_are_found_at_once() {
        let mut store = SqliteStore::open(&tempfile::tempdir().unwrap().path().join("s")).unwrap();
        let keys: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        store.commit(&stream("one"), "1", &keys, at(100), at(0)).unwrap();
        assert_eq!(store.acknowledged(&stream("one"), &keys, at(1)).unwrap().len(), 5000);
    }

    #[test]
    fn two_at_once_are_refused_and_the_next_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        let first = SqliteStore::open(&file).unwrap();
        assert!(matches!(SqliteStore::open(&file), Err(StateError::InUse { .. })));
        drop(first);
        assert!(SqliteStore::open(&file).is_ok());
    }

    #[test]
    fn a_file_that_is_no_state_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "these are my notes, and not a database at all").unwrap();
        assert!(matches!(SqliteStore::open(&file), Err(StateError::NotState { .. })));
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("these are my notes"));
    }

    #[test]
    fn a_digest_knows_values_and_not_spellings() {
        assert_eq!(digest(r#"{"a":1,"b":2}"#), digest(r#"{ "b": 2, "a": 1 }"#));
        assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":2}"#));
        let settings = |password| parse_json(&format!(r#"{{"host":"h","auth":{{"password":"{password}"}}}}"#)).unwrap();
        let known = |password| digest(&without_secrets(&settings(password), &|name| name == "password").to_string());
        assert_eq!(known("old"), known("new"));
    }
}
