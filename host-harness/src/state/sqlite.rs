//! State in one SQLite file, for one process at a time.
//!
//! A lock on `<file>.lock` keeps a second process out for as long as the first lives, however that ends: two
//! that poll one stream would hand the same events over twice. Write-ahead logging with full syncs means
//! that what was committed survives a crash of the machine.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};

use super::{Session, StateError, Store, Stream};

/// Version of the schema below, kept in `user_version`.
const SCHEMA: i64 = 2;

/// `PRAGMA application_id`: "ipas". A database with another one is somebody else's.
const APPLICATION: i64 = 0x6970_6173;

/// For whoever looks into the file with another tool while this one works.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    component TEXT NOT NULL, connection TEXT NOT NULL, trigger_id TEXT NOT NULL, input TEXT NOT NULL,
    cursor TEXT NOT NULL,
    UNIQUE (component, connection, trigger_id, input)
);
CREATE TABLE acknowledged (
    stream INTEGER NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
    dedup_key TEXT NOT NULL,
    forget_at_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, dedup_key)
) WITHOUT ROWID;
CREATE INDEX acknowledged_by_time ON acknowledged (stream, forget_at_ms);
CREATE TABLE session (connection TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER, obtained_at INTEGER);
";

/// What the second version has over the first.
const SECOND: &str = "ALTER TABLE session ADD COLUMN obtained_at INTEGER;";

/// Remembers in a SQLite file.
pub struct SqliteStore {
    file: PathBuf,
    database: Connection,
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, and makes it where it is missing, readable by its owner alone.
    ///
    /// # Errors
    /// [`StateError::InUse`] while another process has it open, [`StateError::NotState`] where it is
    /// something else, [`StateError::TooNew`] where a later version wrote it.
    pub fn open(file: &Path) -> Result<Self, StateError> {
        let lock = lock(file)?;
        let broken = |error: rusqlite::Error| told(file, &error);
        let mut database = Connection::open(file).map_err(broken)?;
        database.busy_timeout(BUSY).map_err(broken)?;
        let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(broken);
        let (version, application) = (pragma("user_version")?, pragma("application_id")?);
        let empty = version == 0 && application == 0 && tables(&database).map_err(broken)? == 0;
        if !empty && application != APPLICATION {
            let reason = "it is a database of another program".to_owned();
            return Err(StateError::NotState { file: file.to_owned(), reason });
        }
        if version > SCHEMA {
            return Err(StateError::TooNew { file: file.to_owned(), found: version, known: SCHEMA });
        }
        database.pragma_update(None, "journal_mode", "WAL").map_err(broken)?;
        database.pragma_update(None, "synchronous", "FULL").map_err(broken)?;
        database.pragma_update(None, "foreign_keys", true).map_err(broken)?;
        if empty {
            let first = database.transaction().map_err(broken)?;
            first.execute_batch(TABLES).map_err(broken)?;
            first.pragma_update(None, "application_id", APPLICATION).map_err(broken)?;
            first.pragma_update(None, "user_version", SCHEMA).map_err(broken)?;
            first.commit().map_err(broken)?;
        } else if version < SCHEMA {
            let next = database.transaction().map_err(broken)?;
            next.execute_batch(SECOND).map_err(broken)?;
            next.pragma_update(None, "user_version", SCHEMA).map_err(broken)?;
            next.commit().map_err(broken)?;
        }
        Ok(Self { file: file.to_owned(), database, _lock: lock })
    }

    fn stream_id(&self, stream: &Stream) -> Result<Option<(i64, String)>, StateError> {
        let found = self.database.query_row(
            "SELECT id, cursor FROM stream WHERE component = ?1 AND connection = ?2 AND trigger_id = ?3 AND input = ?4",
            params![stream.component, stream.connection, stream.trigger, stream.input],
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        found.optional().map_err(|error| self.told(&error))
    }

    fn told(&self, error: &rusqlite::Error) -> StateError {
        told(&self.file, error)
    }
}

fn tables(database: &Connection) -> rusqlite::Result<i64> {
    database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

fn told(file: &Path, error: &rusqlite::Error) -> StateError {
    let file = file.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StateError::NotState { file, reason: "it is no SQLite file".to_owned() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StateError::InUse { file },
        _ => StateError::Broken { file, reason: error.to_string() },
    }
}

/// Takes the lock beside the file, and makes the file itself where it is missing.
fn lock(file: &Path) -> Result<File, StateError> {
    let broken = |error: std::io::Error| StateError::Broken { file: file.to_owned(), reason: error.to_string() };
    let private = |path: &Path| {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    };
    private(file).map_err(broken)?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".lock");
    let lock = private(Path::new(&beside)).map_err(broken)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse { file: file.to_owned() }),
        Err(TryLockError::Error(error)) => Err(broken(error)),
    }
}

impl Store for SqliteStore {
    fn cursor(&self, stream: &Stream) -> Result<Option<String>, StateError> {
        Ok(self.stream_id(stream)?.map(|(_, cursor)| cursor))
    }

    fn acknowledged(&self, stream: &Stream, keys: &[&str], now: Timestamp) -> Result<HashSet<String>, StateError> {
        let Some((id, _)) = self.stream_id(stream)? else { return Ok(HashSet::new()) };
        let look = || {
            let mut found = HashSet::new();
            let mut one = self.database.prepare_cached(
                "SELECT 1 FROM acknowledged WHERE stream = ?1 AND dedup_key = ?2 AND forget_at_ms > ?3",
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

    fn commit(
        &mut self,
        stream: &Stream,
        cursor: &str,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let file = self.file.clone();
        let mut work = || {
            let all = self.database.transaction()?;
            let id: i64 = all.query_row(
                "INSERT INTO stream (component, connection, trigger_id, input, cursor) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET cursor = excluded.cursor RETURNING id",
                params![stream.component, stream.connection, stream.trigger, stream.input, cursor],
                |row| row.get(0),
            )?;
            all.execute(
                "DELETE FROM acknowledged WHERE stream = ?1 AND forget_at_ms <= ?2",
                params![id, now.as_millisecond()],
            )?;
            {
                let mut one = all.prepare_cached(
                    "INSERT INTO acknowledged (stream, dedup_key, forget_at_ms) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET forget_at_ms = max(forget_at_ms, excluded.forget_at_ms)",
                )?;
                for key in keys {
                    one.execute(params![id, key, forget_at.as_millisecond()])?;
                }
            }
            all.commit()
        };
        work().map_err(|error| told(&file, &error))
    }

    fn session(&self, connection: &str) -> Result<Option<Session>, StateError> {
        let found = self.database.query_row(
            "SELECT value, expires_at, obtained_at FROM session WHERE connection = ?1",
            params![connection],
            |row| {
                let time = |at: Option<i64>| at.and_then(|at| u64::try_from(at).ok());
                Ok(Session { value: row.get(0)?, expires_at: time(row.get(1)?), obtained_at: time(row.get(2)?) })
            },
        );
        found.optional().map_err(|error| self.told(&error))
    }

    fn keep_session(&mut self, connection: &str, session: Option<&Session>) -> Result<(), StateError> {
        let time = |at: Option<u64>| at.and_then(|at| i64::try_from(at).ok());
        let done = match session {
            Some(session) => self.database.execute(
                "INSERT OR REPLACE INTO session (connection, value, expires_at, obtained_at) VALUES (?1, ?2, ?3, ?4)",
                params![connection, session.value, time(session.expires_at), time(session.obtained_at)],
            ),
            None => self.database.execute("DELETE FROM session WHERE connection = ?1", params![connection]),
        };
        done.map(|_| ()).map_err(|error| self.told(&error))
    }
}
