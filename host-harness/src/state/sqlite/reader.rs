//! Looking into a state file while somebody else may be working with it: the trail, and how far each stream is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::open;
use crate::state::seal::Key;
use crate::state::trail::{Entry, EntryKind, Progress, Wanted};
use crate::state::{StateError, Stream};

/// A state file for looking alone.
pub struct Reader {
    file: PathBuf,
    database: Connection,
}

/// Events of one operation on one connection, as the trail tells of them. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What people call the connection.
    pub connection: String,
    /// Operation id.
    pub operation: String,
    /// When the first that is still known was taken.
    pub first_ms: i64,
    /// When the last was.
    pub last_ms: i64,
}

/// One stream as it stands.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Number of its row, for [`SqliteStore::forget`](super::SqliteStore::forget).
    pub id: i64,
    /// Which.
    pub stream: Stream,
    /// How far it is, as far as it is known.
    pub progress: Progress,
    /// Events that were acknowledged within the last hour.
    pub last_hour: u64,
}

impl Reader {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// A [`StateError`]: missing, something else, or of another version.
    pub fn open(file: &Path) -> Result<Self, StateError> {
        Ok(Self { file: file.to_owned(), database: open::readable(file)? })
    }

    /// Goes through the entries of the trail in the order in which they were written, one in memory at a time,
    /// until `each` has seen enough and says false. Bodies are read with events alone.
    ///
    /// # Errors
    /// A [`StateError`] where the file cannot be read.
    pub fn trail(&self, wanted: &Wanted, each: &mut dyn FnMut(Entry) -> bool) -> Result<(), StateError> {
        let mut look = || {
            let mut all = self.database.prepare(
                "SELECT at_ms, kind, connection, operation, call_id, dedup_key, occurred_at, outcome, took_ms, count,
                        detail, body, (SELECT progress ->> 'name' FROM stream WHERE stream.id = trail.stream)
                 FROM trail WHERE at_ms >= ?1 AND at_ms < ?2 AND (?3 IS NULL OR connection = ?3)
                   AND (?4 IS NULL OR operation = ?4) AND (?5 IS NULL OR kind = ?5) ORDER BY id",
            )?;
            let mut rows = all.query(params![
                wanted.from_ms.unwrap_or(i64::MIN),
                wanted.to_ms.unwrap_or(i64::MAX),
                wanted.connection,
                wanted.operation,
                wanted.kind.map(EntryKind::name),
            ])?;
            while let Some(row) = rows.next()? {
                if !each(entry(row)?) {
                    break;
                }
            }
            Ok(())
        };
        look().map_err(|error| open::told(&self.file, &error))
    }

    /// Of which connections and operations there are events in the trail, and from when to when (Unix milliseconds).
    ///
    /// # Errors
    /// A [`StateError`] where the file cannot be read.
    pub fn of_events(&self) -> Result<Vec<Told>, StateError> {
        let look = || {
            let mut all = self.database.prepare(
                "SELECT connection, operation, min(at_ms), max(at_ms) FROM trail WHERE kind = 'event'
                 GROUP BY connection, operation",
            )?;
            let rows = all.query_map([], |row| {
                let (connection, operation) = (row.get(0)?, row.get(1)?);
                Ok(Told { connection, operation, first_ms: row.get(2)?, last_ms: row.get(3)? })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        look().map_err(|error| open::told(&self.file, &error))
    }

    /// Looks whether the sessions that are sealed in it, if there are any, open with this key.
    ///
    /// # Errors
    /// [`StateError::NoKey`], [`StateError::OtherKey`], or that of reading.
    pub fn fits(&self, key: Option<&Key>) -> Result<(), StateError> {
        super::fits(&self.database, &self.file, key)
    }

    /// Every stream, by connection and name.
    ///
    /// # Errors
    /// A [`StateError`] where the file cannot be read.
    pub fn streams(&self, now_ms: i64) -> Result<Vec<Seen>, StateError> {
        streams(&self.database, now_ms).map_err(|error| open::told(&self.file, &error))
    }
}

/// Every stream in a database, by connection and name.
pub(super) fn streams(database: &Connection, now_ms: i64) -> rusqlite::Result<Vec<Seen>> {
    let mut rates = HashMap::new();
    let mut counts = database
        .prepare("SELECT stream, sum(count) FROM trail WHERE at_ms > ?1 AND kind = 'acknowledged' GROUP BY stream")?;
    let rows = counts.query_map([now_ms.saturating_sub(3_600_000)], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    for row in rows {
        let (stream, count) = row?;
        rates.insert(stream, u64::try_from(count.unwrap_or_default()).unwrap_or_default());
    }
    let mut all =
        database.prepare("SELECT id, component, connection, trigger_id, input, progress FROM stream ORDER BY id")?;
    let rows = all.query_map([], |row| {
        let id: i64 = row.get(0)?;
        let (component, connection) = (row.get(1)?, row.get(2)?);
        let stream = Stream { component, connection, trigger: row.get(3)?, input: row.get(4)? };
        let text: Option<String> = row.get(5)?;
        let progress = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Seen { id, stream, progress, last_hour: rates.get(&Some(id)).copied().unwrap_or_default() })
    })?;
    let mut streams = rows.collect::<rusqlite::Result<Vec<Seen>>>()?;
    streams.sort_by(|a, b| (&a.progress.connection, &a.progress.name).cmp(&(&b.progress.connection, &b.progress.name)));
    Ok(streams)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let kind: String = row.get(1)?;
    Ok(Entry {
        at_ms: row.get(0)?,
        // A kind that this version does not know is of a call.
        kind: EntryKind::named(&kind).unwrap_or(EntryKind::Call),
        connection: row.get(2)?,
        operation: row.get(3)?,
        call_id: row.get(4)?,
        dedup_key: row.get(5)?,
        occurred_at: row.get(6)?,
        outcome: row.get(7)?,
        took_ms: row.get(8)?,
        count: row.get(9)?,
        detail: row.get(10)?,
        body: row.get(11)?,
        subscription: row.get(12)?,
    })
}
