//! Opening a state file: what it is, whether it may be used, and bringing it up from an earlier version.
//!
//! Nothing is written before it is clear that the file is ours, whole and not from a later version; and no step
//! is taken from one version to the next before a copy of the file is beside it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::STEPS;
use crate::state::StateError;

/// `PRAGMA application_id`: "ipas". A database with another one is somebody else's.
const APPLICATION: i64 = 0x6970_6173;

/// For whoever looks into the file with another tool while this one works.
pub const BUSY: Duration = Duration::from_secs(5);

/// Files up to this size are looked through as a whole when they are opened.
const LOOKED_THROUGH: u64 = 64 << 20;

/// A larger one would hold up the start, so it is looked through for this long: first what a poll goes by, which
/// is small, then the keys, then the trail. SQLite finds damage in the rest when it comes there.
const LOOKED_FOR: Duration = Duration::from_millis(500);

/// The version that this program writes.
pub fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Opens a file to read and write, and makes it where it is missing, readable by its owner alone. It is
/// looked through first.
pub fn writable(file: &Path) -> Result<Connection, StateError> {
    private(file).map_err(|error| io(file, &error))?;
    let broken = |error: rusqlite::Error| told(file, &error);
    let mut database = Connection::open(file).map_err(broken)?;
    database.busy_timeout(BUSY).map_err(broken)?;
    let version = ours(file, &database)?;
    if version > known() {
        return Err(StateError::TooNew { file: file.to_owned(), found: version, known: known() });
    }
    if std::fs::metadata(file).is_ok_and(|known| known.len() <= LOOKED_THROUGH) {
        whole(file, &database)?;
    } else {
        partly(file, &database)?;
    }
    database.pragma_update(None, "journal_mode", "WAL").map_err(broken)?;
    database.pragma_update(None, "synchronous", "FULL").map_err(broken)?;
    database.pragma_update(None, "foreign_keys", true).map_err(broken)?;
    if version < known() {
        if version > 0 {
            back_up(file, &database, version)?;
        }
        bring_up(&mut database, version).map_err(broken)?;
    }
    Ok(database)
}

/// Opens a file for looking, while somebody else may be working with it.
pub fn readable(file: &Path) -> Result<Connection, StateError> {
    if !file.exists() {
        return Err(StateError::Missing { file: file.to_owned() });
    }
    no_folder(file)?;
    let broken = |error: rusqlite::Error| told(file, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = || {
        let database = Connection::open_with_flags(file, flags).map_err(broken)?;
        database.busy_timeout(BUSY).map_err(broken)?;
        Ok((ours(file, &database)?, database))
    };
    let (found, database) = match opened() {
        // SQLite looks through a write-ahead log with a file beside it that cannot be made here.
        Err(StateError::ReadOnly { .. } | StateError::Broken { .. }) if no_log(file) => {
            let database =
                Connection::open_with_flags(unchanging(file), flags | OpenFlags::SQLITE_OPEN_URI).map_err(broken)?;
            (ours(file, &database)?, database)
        }
        other => other?,
    };
    let known = known();
    match found {
        0 => Err(StateError::Missing { file: file.to_owned() }),
        _ if found > known => Err(StateError::TooNew { file: file.to_owned(), found, known }),
        _ if found < known => Err(StateError::TooOld { file: file.to_owned(), found, known }),
        _ => Ok(database),
    }
}

/// Whether all that was committed is in the file itself.
fn no_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |known| known.len() == 0)
}

/// The address by which SQLite reads a file that nobody changes, without a lock.
fn unchanging(file: &Path) -> String {
    let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1")
}

/// The version of a file that is ours; 0 of one that is empty.
fn ours(file: &Path, database: &Connection) -> Result<i64, StateError> {
    let broken = |error: rusqlite::Error| told(file, &error);
    // Who makes the file at this moment has written all of it or nothing.
    let _at_once = database.unchecked_transaction().map_err(broken)?;
    let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(broken);
    let (version, application) = (pragma("user_version")?, pragma("application_id")?);
    let tables: i64 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(broken)?;
    let empty = version == 0 && application == 0 && tables == 0;
    if !empty && application != APPLICATION {
        let reason = "it is a database of another program".to_owned();
        return Err(StateError::NotState { file: file.to_owned(), reason });
    }
    Ok(version)
}

fn whole(file: &Path, database: &Connection) -> Result<(), StateError> {
    let found = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    judged(file, found.map_err(|error| told(file, &error))?)
}

fn judged(file: &Path, found: String) -> Result<(), StateError> {
    if found == "ok" {
        return Ok(());
    }
    Err(StateError::Damaged { file: file.to_owned(), reason: found.replace('\n', " ") })
}

/// Looks through one table after the other until the time is over.
fn partly(file: &Path, database: &Connection) -> Result<(), StateError> {
    let broken = |error: rusqlite::Error| told(file, &error);
    let tables = || {
        let mut all = database.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table'
             ORDER BY CASE name WHEN 'trail' THEN 2 WHEN 'acknowledged' THEN 1 ELSE 0 END, name",
        )?;
        let names = all.query_map([], |row| row.get::<_, String>(0))?;
        names.collect::<rusqlite::Result<Vec<_>>>()
    };
    let tables = tables().map_err(broken)?;
    let (handle, over) = (database.get_interrupt_handle(), Instant::now() + LOOKED_FOR);
    std::thread::scope(|scope| {
        let (looking, ended) = channel::<()>();
        let watch = move || {
            let mut wait = LOOKED_FOR;
            // More than once, since between two tables there is nothing to interrupt.
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
                wait = Duration::from_millis(10);
            }
        };
        // Without a thread it is looked through to its end.
        let watching = std::thread::Builder::new().spawn_scoped(scope, watch);
        for table in tables.iter().take_while(|_| Instant::now() < over || watching.is_err()) {
            let look = "SELECT quick_check FROM pragma_quick_check(?1) LIMIT 1";
            match database.query_row(look, [table], |row| row.get(0)) {
                Ok(found) => judged(file, found)?,
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => break,
                Err(error) => return Err(broken(error)),
            }
        }
        drop(looking);
        Ok(())
    })
}

fn bring_up(database: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let all = database.transaction()?;
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        all.execute_batch(step)?;
    }
    all.pragma_update(None, "application_id", APPLICATION)?;
    all.pragma_update(None, "user_version", known())?;
    all.commit()
}

/// Copies the file as it is now; earlier copies stay.
fn back_up(file: &Path, database: &Connection, version: i64) -> Result<(), StateError> {
    let named = |number: u32| {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".schema-{version}.backup"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    let place = (1..1000).map(named).find(|place| !place.exists()).unwrap_or_else(|| named(1000));
    let copy = private(&place).map_err(|error| io(file, &error))?;
    // SQLite writes into an empty file what it would refuse to put in the place of another.
    let copied = database.execute("VACUUM INTO ?1", [place.to_string_lossy()]).map_err(|error| told(file, &error));
    copied.and_then(|_| copy.sync_all().map_err(|error| io(file, &error))).inspect_err(|_| {
        let _ = std::fs::remove_file(&place);
    })
}

/// Takes the lock beside the file: beside the real one, whatever link leads to it.
pub fn lock(file: &Path) -> Result<File, StateError> {
    // SQLite does not mend two names of one file: its log stands beside the name. So those are refused.
    no_folder(file)?;
    private(file).map_err(|error| io(file, &error))?;
    let real = file.canonicalize().map_err(|error| io(file, &error))?;
    #[cfg(unix)]
    if std::fs::metadata(&real).is_ok_and(|known| std::os::unix::fs::MetadataExt::nlink(&known) > 1) {
        return Err(StateError::Linked { file: file.to_owned() });
    }
    let mut beside = real.into_os_string();
    beside.push(".lock");
    let lock = private(Path::new(&beside)).map_err(|error| io(file, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse { file: file.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io(file, &error)),
    }
}

fn no_folder(file: &Path) -> Result<(), StateError> {
    let reason = || "it is a folder".to_owned();
    if file.is_dir() { Err(StateError::NotState { file: file.to_owned(), reason: reason() }) } else { Ok(()) }
}

fn private(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn io(file: &Path, error: &std::io::Error) -> StateError {
    use std::io::ErrorKind;
    let at = file.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StateError::ReadOnly { file: at },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StateError::Full { file: at },
        _ => StateError::Broken { file: at, reason: error.to_string() },
    }
}

/// SQLite's error in our words.
pub fn told(file: &Path, error: &rusqlite::Error) -> StateError {
    let file = file.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StateError::NotState { file, reason: "it is no SQLite file".to_owned() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StateError::InUse { file },
        Some(ErrorCode::DatabaseCorrupt) => StateError::Damaged { file, reason: error.to_string() },
        Some(ErrorCode::DiskFull) => StateError::Full { file },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StateError::ReadOnly { file },
        _ => StateError::Broken { file, reason: error.to_string() },
    }
}
