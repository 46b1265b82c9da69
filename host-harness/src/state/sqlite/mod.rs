//! State in one SQLite file, for one process at a time that polls.
//!
//! A lock on `<file>.lock` keeps a second process that polls out for as long as the first lives, however that
//! ends: two that poll one stream would hand the same events over twice. Write-ahead logging with full syncs
//! means that what was committed survives a crash of the machine. Whoever only runs actions, or looks, works
//! beside.

mod open;
mod place;
mod reader;
mod schema;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::seal::Key;
use super::trail::{Claim, Entry, Progress};
use super::{Session, StateError, Store, Stream};

pub use self::reader::{Reader, Seen, Told};

/// The trail and the ids of calls are kept this long unless told otherwise: a quarter of a year, within which
/// somebody asks.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Between two looks at a file that another process is making.
const MAKING: Duration = Duration::from_millis(20);

/// How often the trail is pruned, and how many entries go at once: more than come between two prunings of a busy
/// host, and few enough to be done within some milliseconds.
const PRUNED_EVERY: SignedDuration = SignedDuration::from_secs(30);
const PRUNED_AT_ONCE: i64 = 20_000;

/// What the key is tried on.
const TRIED: &str = "key";

/// Streams by the names of their connection and their trigger.
pub type Named = HashMap<(String, String), Vec<Seen>>;

/// Remembers in a SQLite file.
pub struct SqliteStore {
    file: PathBuf,
    database: Connection,
    key: Option<Key>,
    kept: Duration,
    pruned_at: Option<Timestamp>,
    place: place::Place,
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file, and makes it where it is missing, readable by its owner alone. A file of an earlier
    /// version is brought up, and a copy of it is kept beside it as `<file>.schema-<version>.backup`.
    ///
    /// # Errors
    /// A [`StateError`]; the file is as it was then.
    pub fn open(file: &Path) -> Result<Self, StateError> {
        let lock = open::lock(file)?;
        Self::at(file, Some(lock))
    }

    /// Opens the file beside a process that polls with it: for actions and for what is handed over again.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; in use it is only where it would have to be made or brought up.
    pub fn open_beside(file: &Path) -> Result<Self, StateError> {
        let until = Instant::now() + open::BUSY;
        loop {
            match open::readable(file) {
                Ok(_) => return Self::at(file, None),
                Err(StateError::Missing { .. } | StateError::TooOld { .. }) => {}
                Err(error) => return Err(error),
            }
            match open::lock(file) {
                Ok(_making) => return Self::at(file, None),
                // Somebody else makes it, which takes no time.
                Err(StateError::InUse { .. }) if Instant::now() < until => std::thread::sleep(MAKING),
                Err(error) => return Err(error),
            }
        }
    }

    fn at(file: &Path, lock: Option<File>) -> Result<Self, StateError> {
        let database = open::writable(file)?;
        let (file, place) = (file.to_owned(), place::Place::of(file));
        Ok(Self { file, database, key: None, kept: KEPT, pruned_at: None, place, _lock: lock })
    }

    /// The same with a key, under which it keeps sessions. Those that were kept without one are sealed now.
    ///
    /// # Errors
    /// [`StateError::OtherKey`] where the sessions in it are sealed with another.
    pub fn with_key(mut self, key: Key) -> Result<Self, StateError> {
        let file = self.file.clone();
        self.atomically(|store| {
            fits(&store.database, &file, Some(&key))?;
            let opens = |sealed: Vec<u8>| key.open(TRIED, &sealed).is_some();
            if !tried(&store.database).map_err(|error| store.told(&error))?.is_some_and(opens) {
                let sealed = sealed(&file, &key, TRIED, TRIED)?;
                store.write("INSERT OR REPLACE INTO keeping (name, value) VALUES (?1, ?2)", params![TRIED, sealed])?;
            }
            for (connection, value) in store.unsealed()? {
                let value = sealed(&file, &key, &connection, &value)?;
                let change = "UPDATE session SET value = ?2, sealed = 1 WHERE connection = ?1";
                store.write(change, params![connection, value])?;
            }
            Ok(())
        })?;
        self.key = Some(key);
        Ok(self)
    }

    /// The same that forgets entries of the trail, and whose calls ids were, after this long.
    #[must_use]
    pub fn keeping_trail_for(mut self, kept: Duration) -> Self {
        self.kept = kept;
        self
    }

    /// Forgets a stream with its cursor and its keys; the trail stays. False where there is none of this id.
    ///
    /// # Errors
    /// A [`StateError`]; it stays then.
    pub fn forget(&mut self, id: i64) -> Result<bool, StateError> {
        self.write("DELETE FROM stream WHERE id = ?1", [id]).map(|gone| gone > 0)
    }

    /// All streams of a component, by the names of their connection and their trigger.
    ///
    /// # Errors
    /// A [`StateError`] where the file cannot be read.
    pub fn named(&self, component: &str) -> Result<Named, StateError> {
        let mut named = Named::new();
        // Of no time: what is counted of the trail is not wanted.
        let all = reader::streams(&self.database, i64::MAX).map_err(|error| self.told(&error))?;
        for seen in all.into_iter().filter(|seen| seen.stream.component == component) {
            let of = (seen.progress.connection.clone(), seen.stream.trigger.clone());
            named.entry(of).or_default().push(seen);
        }
        Ok(named)
    }

    /// Forgets the sessions that are sealed, whatever their key; all else stays. Answers how many there were.
    ///
    /// # Errors
    /// A [`StateError`]; they stay then.
    pub fn forget_sessions(&mut self) -> Result<usize, StateError> {
        self.write("DELETE FROM session WHERE sealed = 1", [])
    }

    fn unsealed(&self) -> Result<Vec<(String, String)>, StateError> {
        let look = || {
            let mut all = self.database.prepare("SELECT connection, value FROM session WHERE sealed = 0")?;
            let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        look().map_err(|error| self.told(&error))
    }

    /// All of it, or nothing. One inside another is part of the outer.
    pub(super) fn atomically<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let outermost = self.database.is_autocommit();
        let (begin, end, back) = if outermost {
            // Taking the right to write first: a reader that becomes a writer may find that it cannot.
            ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        } else {
            ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part")
        };
        self.in_place()?;
        self.batch(begin)?;
        let done = work(self).and_then(|answer| self.batch(end).map(|()| answer));
        if done.is_err() {
            // Where SQLite has rolled back by itself this fails, and nothing is lost by it.
            let _ = self.batch(back);
        }
        // What was removed meanwhile does not hold what was just stored.
        done.and_then(|answer| self.in_place().map(|()| answer))
    }

    /// Whether what is stored stays: looked at before and after all that is stored together.
    fn in_place(&self) -> Result<(), StateError> {
        if self.database.is_autocommit() { self.place.held() } else { Ok(()) }
    }

    fn batch(&self, sql: &str) -> Result<(), StateError> {
        self.database.execute_batch(sql).map_err(|error| self.told(&error))
    }

    fn write(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StateError> {
        let work = || self.database.prepare_cached(sql)?.execute(values);
        work().map_err(|error| self.told(&error))
    }

    fn stream_id(&self, stream: &Stream) -> Result<Option<i64>, StateError> {
        self.of_stream(stream, "id")
    }

    /// One column of a stream's row; none where there is no row or nothing in it.
    fn of_stream<T: rusqlite::types::FromSql>(&self, stream: &Stream, column: &str) -> Result<Option<T>, StateError> {
        let look = || {
            let mut one = self.database.prepare_cached(&format!(
                "SELECT {column} FROM stream WHERE component = ?1 AND connection = ?2 AND trigger_id = ?3 AND input = ?4"
            ))?;
            let values = params![stream.component, stream.connection, stream.trigger, stream.input];
            one.query_row(values, |row| row.get::<_, Option<T>>(0)).optional()
        };
        look().map(Option::flatten).map_err(|error| self.told(&error))
    }

    fn made_stream(&self, stream: &Stream) -> Result<i64, StateError> {
        if let Some(id) = self.stream_id(stream)? {
            return Ok(id);
        }
        let make = "INSERT INTO stream (component, connection, trigger_id, input, cursor) VALUES (?1, ?2, ?3, ?4, '')";
        self.write(make, params![stream.component, stream.connection, stream.trigger, stream.input])?;
        Ok(self.database.last_insert_rowid())
    }

    fn prune(&mut self, now: Timestamp) -> Result<(), StateError> {
        let due = self.pruned_at.is_none_or(|at| now.duration_since(at).abs() >= PRUNED_EVERY);
        if !due {
            return Ok(());
        }
        let kept = i64::try_from(self.kept.as_millis()).unwrap_or(i64::MAX);
        let before = now.as_millisecond().saturating_sub(kept);
        let gone = self.write(
            "DELETE FROM trail WHERE id IN (SELECT id FROM trail WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
            params![before, PRUNED_AT_ONCE],
        )?;
        self.write("DELETE FROM call_id WHERE at_ms < ?1", params![before])?;
        // Where there is more, the next commit goes on with it.
        self.pruned_at = (i64::try_from(gone) != Ok(PRUNED_AT_ONCE)).then_some(now);
        Ok(())
    }

    fn told(&self, error: &rusqlite::Error) -> StateError {
        open::told(&self.file, error)
    }
}

fn tried(database: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    database.query_row("SELECT value FROM keeping WHERE name = ?1", [TRIED], |row| row.get(0)).optional()
}

/// Whether what is sealed in a database opens with this key. Where nothing is, any will do, and none.
fn fits(database: &Connection, file: &Path, key: Option<&Key>) -> Result<(), StateError> {
    let look = || {
        let any = "SELECT EXISTS (SELECT 1 FROM session WHERE sealed = 1)";
        Ok((database.query_row(any, [], |row| row.get(0))?, tried(database)?))
    };
    let (holds, tried): (bool, _) = look().map_err(|error| open::told(file, &error))?;
    match (key, tried) {
        _ if !holds => Ok(()),
        (None, _) => Err(StateError::NoKey { file: file.to_owned() }),
        (Some(key), Some(tried)) if key.open(TRIED, &tried).is_none() => {
            Err(StateError::OtherKey { file: file.to_owned() })
        }
        _ => Ok(()),
    }
}

fn sealed(file: &Path, key: &Key, place: &str, text: &str) -> Result<Vec<u8>, StateError> {
    key.seal(place, text).ok_or_else(|| StateError::Broken {
        file: file.to_owned(),
        reason: "the system gives no random numbers to seal with".to_owned(),
    })
}

impl Store for SqliteStore {
    fn cursor(&self, stream: &Stream) -> Result<Option<String>, StateError> {
        self.in_place()?;
        self.of_stream(stream, "nullif(cursor, '')")
    }

    fn relatives(&self, stream: &Stream, formerly: &str, name: &str) -> Result<Vec<(Stream, String)>, StateError> {
        let look = || {
            let mut all = self.database.prepare_cached(
                "SELECT connection, input, cursor, coalesce(progress ->> 'name', '') FROM stream
                 WHERE component = ?1 AND trigger_id = ?2 AND connection IN (?3, ?4) AND cursor <> ''
                 ORDER BY input <> ?5, progress ->> 'succeeded_at_ms' DESC, id DESC",
            )?;
            let values = params![stream.component, stream.trigger, stream.connection, formerly, stream.input];
            let rows = all.query_map(values, |row| {
                let other = Stream { connection: row.get(0)?, input: row.get(1)?, ..stream.clone() };
                Ok((other, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let found = look().map_err(|error| self.told(&error))?;
        let fits = |(other, cursor, own): (Stream, String, String)| {
            other.is_relative(stream, formerly, &own, name).then_some((other, cursor))
        };
        Ok(found.into_iter().filter_map(fits).collect())
    }

    fn take_over(&mut self, from: &Stream, to: &Stream) -> Result<(), StateError> {
        self.atomically(|store| {
            let of = "component = ?1 AND trigger_id = ?2 AND connection = ?3 AND input = ?4";
            let there = params![to.component, to.trigger, to.connection, to.input];
            store.write(&format!("DELETE FROM stream WHERE {of} AND cursor = ''"), there)?;
            let values = params![from.component, from.trigger, from.connection, from.input, to.connection, to.input];
            store.write(&format!("UPDATE stream SET connection = ?5, input = ?6 WHERE {of}"), values).map(|_| ())
        })
    }

    fn acknowledged(&self, stream: &Stream, keys: &[&str], now: Timestamp) -> Result<HashSet<String>, StateError> {
        let Some(id) = self.stream_id(stream)? else { return Ok(HashSet::new()) };
        let look = || {
            let mut found = HashSet::new();
            let mut one = self.database.prepare_cached(
                "SELECT 1 FROM acknowledged WHERE stream = ?1 AND dedup_key = ?2 AND forget_at_ms > ?3 AND taken = 1",
            )?;
            for key in keys {
                if one.exists(params![id, key, now.as_millisecond()])? {
                    found.insert((*key).to_owned());
                }
            }
            Ok(found)
        };
        look().map_err(|error| self.told(&error))
    }

    fn announce(
        &mut self,
        stream: &Stream,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<HashSet<String>, StateError> {
        self.atomically(|store| {
            let id = store.made_stream(stream)?;
            let mut before = HashSet::new();
            for key in keys {
                let known = || {
                    let mut one = store.database.prepare_cached(
                        "SELECT 1 FROM acknowledged WHERE stream = ?1 AND dedup_key = ?2 AND forget_at_ms > ?3 AND taken = 0",
                    )?;
                    one.exists(params![id, key, now.as_millisecond()])
                };
                if known().map_err(|error| store.told(&error))? {
                    before.insert((*key).to_owned());
                }
                store.write(
                    "INSERT INTO acknowledged (stream, dedup_key, forget_at_ms, taken) VALUES (?1, ?2, ?3, 0)
                     ON CONFLICT DO UPDATE SET forget_at_ms = max(forget_at_ms, excluded.forget_at_ms), taken = 0",
                    params![id, key, forget_at.as_millisecond()],
                )?;
            }
            Ok(before)
        })
    }

    fn commit(
        &mut self,
        stream: &Stream,
        cursor: &str,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        self.atomically(|store| {
            let id = store.made_stream(stream)?;
            store.write("UPDATE stream SET cursor = ?2 WHERE id = ?1", params![id, cursor])?;
            let old = "DELETE FROM acknowledged WHERE stream = ?1 AND forget_at_ms <= ?2";
            store.write(old, params![id, now.as_millisecond()])?;
            for key in keys {
                store.write(
                    "INSERT INTO acknowledged (stream, dedup_key, forget_at_ms) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET forget_at_ms = max(forget_at_ms, excluded.forget_at_ms), taken = 1",
                    params![id, key, forget_at.as_millisecond()],
                )?;
            }
            store.prune(now)
        })
    }

    fn session(&self, connection: &str) -> Result<Option<Session>, StateError> {
        type Row = (rusqlite::types::Value, bool, Option<i64>, Option<i64>);
        let found: Option<Row> = self
            .database
            .query_row(
                "SELECT value, sealed, expires_at, obtained_at FROM session WHERE connection = ?1",
                params![connection],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()
            .map_err(|error| self.told(&error))?;
        let Some((value, sealed, expires_at, obtained_at)) = found else { return Ok(None) };
        let time = |at: Option<i64>| at.and_then(|at| u64::try_from(at).ok());
        let value = match (value, sealed, &self.key) {
            (rusqlite::types::Value::Text(value), false, _) => value,
            (rusqlite::types::Value::Blob(value), true, Some(key)) => {
                key.open(connection, &value).ok_or_else(|| StateError::OtherKey { file: self.file.clone() })?
            }
            (_, true, None) => return Err(StateError::NoKey { file: self.file.clone() }),
            _ => {
                let reason = "a session in it is no session".to_owned();
                return Err(StateError::Damaged { file: self.file.clone(), reason });
            }
        };
        Ok(Some(Session { value, expires_at: time(expires_at), obtained_at: time(obtained_at) }))
    }

    fn keep_session(&mut self, connection: &str, session: Option<&Session>) -> Result<(), StateError> {
        let time = |at: Option<u64>| at.and_then(|at| i64::try_from(at).ok());
        let Some(session) = session else {
            return self.write("DELETE FROM session WHERE connection = ?1", params![connection]).map(|_| ());
        };
        let Some(key) = &self.key else { return Err(StateError::NoKey { file: self.file.clone() }) };
        let value = sealed(&self.file, key, connection, &session.value)?;
        self.write(
            "INSERT OR REPLACE INTO session (connection, value, sealed, expires_at, obtained_at) VALUES (?1, ?2, 1, ?3, ?4)",
            params![connection, value, time(session.expires_at), time(session.obtained_at)],
        )
        .map(|_| ())
    }

    fn note(&mut self, stream: Option<&Stream>, entries: &[Entry]) -> Result<(), StateError> {
        self.atomically(|store| {
            let id = stream.map(|stream| store.made_stream(stream)).transpose()?;
            for entry in entries {
                store.write(
                    "INSERT INTO trail (at_ms, kind, stream, connection, operation, call_id, dedup_key, occurred_at,
                                        outcome, took_ms, count, detail, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                    params![
                        entry.at_ms,
                        entry.kind.name(),
                        id,
                        entry.connection,
                        entry.operation,
                        entry.call_id,
                        entry.dedup_key,
                        entry.occurred_at,
                        entry.outcome,
                        entry.took_ms,
                        entry.count,
                        entry.detail,
                        entry.body
                    ],
                )?;
            }
            Ok(())
        })
    }

    fn progress(&self, stream: &Stream) -> Result<Option<Progress>, StateError> {
        let text: Option<String> = self.of_stream(stream, "progress")?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    fn keep_progress(&mut self, stream: &Stream, progress: &Progress) -> Result<(), StateError> {
        let text = serde_json::to_string(progress).unwrap_or_default();
        self.atomically(|store| {
            let id = store.made_stream(stream)?;
            store.write("UPDATE stream SET progress = ?2 WHERE id = ?1", params![id, text]).map(|_| ())
        })
    }

    fn claim(&mut self, call_id: &str, input: &str, now: Timestamp) -> Result<Claim, StateError> {
        self.atomically(|store| {
            store.prune(now)?;
            let found: Option<String> = store
                .database
                .query_row("SELECT input FROM call_id WHERE id = ?1", params![call_id], |row| row.get(0))
                .optional()
                .map_err(|error| store.told(&error))?;
            match found {
                Some(known) if known == input => Ok(Claim::Same),
                Some(_) => Ok(Claim::Other),
                None => {
                    let claim = "INSERT INTO call_id (id, input, at_ms) VALUES (?1, ?2, ?3)";
                    store.write(claim, params![call_id, input, now.as_millisecond()])?;
                    Ok(Claim::New)
                }
            }
        })
    }

    fn together(&mut self, work: &mut dyn FnMut(&mut dyn Store) -> Result<(), StateError>) -> Result<(), StateError> {
        self.atomically(|store| work(store))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_and_nothing_is_half_stored() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&folder.path().join("s")).unwrap();
        let stream = Stream { component: "c".into(), connection: "k".into(), trigger: "t".into(), input: "i".into() };
        let now = Timestamp::from_second(1).unwrap();
        let later = Timestamp::from_second(100).unwrap();
        store.commit(&stream, "1", &["a"], later, now).unwrap();
        let pages: i64 = store.database.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        store.database.pragma_update(None, "max_page_count", pages).unwrap();
        let keys: Vec<String> = (0..10_000).map(|number| format!("a key of some length {number}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let full = store.commit(&stream, "2", &keys, later, now).unwrap_err();
        assert!(matches!(full, StateError::Full { .. }), "{full}");
        assert_eq!(store.cursor(&stream).unwrap().as_deref(), Some("1"));
        assert!(store.acknowledged(&stream, &keys, now).unwrap().is_empty());
        store.commit(&stream, "3", &["b"], later, now).unwrap();
    }
}
