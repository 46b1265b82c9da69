//! The state file of a command: opened with its key, and its faults in people's words.

use std::path::Path;
use std::time::Instant;

use host_harness::contract::actions::Outcome;
use host_harness::follow::round::Fault;
use host_harness::state::seal::Key;
use host_harness::state::trail::{Claim, Entry, EntryKind};
use host_harness::state::{Reader, SqliteStore, StateError, Store as _, digest};

use crate::args::Global;
use crate::ending::{Ending, Exit};
use crate::say;
use crate::site::Site;

/// Where the key stands when `--key-file` does not say.
const VARIABLE: &str = "HARNESS_STATE_KEY";

/// What helps where a key is lost.
const LOST: &str = "Where it is lost, `harness status --state FILE --forget-sessions` forgets the sessions alone: cursors and keys of events stay, and each connection signs in anew.";

/// Opens a state file, and with the key where one is given.
///
/// # Errors
/// The [`Ending`] that says why it cannot be used.
pub fn open(
    global: &Global,
    file: &Path,
    open: impl FnOnce(&Path) -> Result<SqliteStore, StateError>,
) -> Result<SqliteStore, Ending> {
    let key = key(global)?;
    in_folder(file)?;
    let store = open(file).map_err(|error| told(&error))?;
    let store = match global.keep_trail {
        Some(kept) => store.keeping_trail_for(kept),
        None => store,
    };
    match key {
        Some(key) => store.with_key(key).map_err(|error| told(&error)),
        None => Ok(store),
    }
}

/// The key of `--key-file`, or of the environment.
///
/// # Errors
/// An [`Ending`] with 2 where it cannot be read or is none.
pub fn key(global: &Global) -> Result<Option<Key>, Ending> {
    let remedy = "Make one with: openssl rand -base64 32 > state.key";
    if let Some(file) = &global.key_file {
        let wrong = |reason: &dyn std::fmt::Display| {
            Ending::usage(format!("the key file {} cannot be used: {reason}", file.display()), remedy)
        };
        let bytes = std::fs::read(file).map_err(|error| wrong(&error))?;
        if host_harness::connection_file::open_to_others(file) {
            let shown = file.display();
            let message = format!("{shown} holds a key, and others on this machine may read it: chmod 600 {shown}");
            say::aside("readable_by_others", &message, global.json);
        }
        return Key::read(&bytes).map(Some).map_err(|error| wrong(&error));
    }
    match std::env::var(VARIABLE) {
        Ok(text) => Key::read(text.as_bytes())
            .map(Some)
            .map_err(|error| Ending::usage(format!("the variable {VARIABLE} cannot be used: {error}"), remedy)),
        Err(_) => Ok(None),
    }
}

/// Looks, without changing anything, whether a state file can be used, and whether the sessions that it keeps open
/// with this key.
///
/// # Errors
/// An [`Ending`] with 2 that says why not.
pub fn fits(file: &Path, key: Option<&Key>) -> Result<(), Ending> {
    in_folder(file)?;
    match Reader::open(file).and_then(|reader| reader.fits(key)) {
        // A file of before sessions were sealed.
        Ok(()) | Err(StateError::Missing { .. } | StateError::TooOld { .. }) => Ok(()),
        Err(error) => Err(told(&error)),
    }
}

/// Refuses a place where no file can be made.
fn in_folder(file: &Path) -> Result<(), Ending> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) else {
        return Ok(());
    };
    let message = format!("{} cannot be made: there is no folder {}", file.display(), folder.display());
    Err(Ending::usage(message, "Make the folder, or give another file with --state."))
}

/// Takes the call id for this call, where there is a state file: the same id for another call is refused before
/// anything is sent. `operation` and `input` are what makes calls the same, on one connection. Answers the file,
/// looked through once, for the note at the end.
///
/// # Errors
/// An [`Ending`] with 2 for an id that another call has, or that of the state file.
pub fn claim(global: &Global, site: &Site, operation: &str, input: &str) -> Result<Option<SqliteStore>, Ending> {
    let Some(file) = &global.state else { return Ok(None) };
    let mut store = open(global, file, SqliteStore::open_beside)?;
    let what = digest(&format!("{}\n{}\n{operation}\n{}", site.component.manifest.name, site.digest, digest(input)));
    match store.claim(&site.call_id, &what, site.run.clock.now()).map_err(|error| told(&error))? {
        Claim::New | Claim::Same => Ok(Some(store)),
        Claim::Other => Err(Ending::usage(
            format!("the call id {} was used for another call", site.call_id),
            "Give a new --call-id, or the same connection, operation and input as the first time.",
        )),
    }
}

/// Notes how the call of an action came out, in the state file that its id was taken in.
///
/// # Errors
/// The [`Ending`] of the state file.
pub fn note(
    store: Option<SqliteStore>,
    bodies: bool,
    site: &Site,
    named: (&str, &str),
    input: &str,
    started: Instant,
    outcome: &str,
) -> Result<(), Ending> {
    let Some(mut store) = store else { return Ok(()) };
    let (connection, operation) = named;
    let mut entry = Entry::new(site.run.clock.now(), EntryKind::Call, connection, operation);
    entry.call_id = Some(site.call_id.clone());
    entry.outcome = Some(outcome.to_owned());
    entry.took_ms = i64::try_from(started.elapsed().as_millis()).ok();
    entry.body = bodies.then(|| {
        site.secrets.learn_json(input);
        site.secrets.clean(input)
    });
    store.note(None, &[entry]).map_err(|error| told(&error))
}

/// How the end of a call is noted.
pub fn outcome(ended: Result<&Outcome, &Ending>) -> String {
    match ended {
        Ok(Outcome::Done(_)) => "done".to_owned(),
        Ok(Outcome::Pending(_)) => "pending".to_owned(),
        Err(ending) if ending.exit == Exit::Pending => "pending".to_owned(),
        Err(ending) if ending.exit == Exit::Unread => "done".to_owned(),
        Err(ending) => ending.told.as_ref().map_or_else(|| "execution-failed".to_owned(), |told| told.kind.clone()),
    }
}

/// How a call of a trigger failed, for the trail.
pub fn fault(site: &Site, ending: &Ending) -> Fault {
    let told = ending.told.as_ref();
    Fault {
        kind: told.map_or_else(|| "execution-failed".to_owned(), |told| told.kind.clone()),
        message: told.map(|told| site.secrets.clean(&told.message)).unwrap_or_default(),
        held: None,
    }
}

/// A fault of a state file.
pub fn told(error: &StateError) -> Ending {
    let message = error.to_string();
    match error {
        StateError::InUse { .. } => {
            Ending::usage(message, "Wait for the other poll to end, or give each its own --state file.")
        }
        StateError::TooNew { .. } => Ending::usage(message, "Use the later version, or another --state file."),
        StateError::TooOld { .. } => {
            Ending::usage(message, "Poll with it once: that brings it up and keeps a copy of it as it was.")
        }
        StateError::NotState { .. } => {
            Ending::usage(message, "Give another file with --state; it is made where it is missing.")
        }
        StateError::Missing { .. } => Ending::usage(message, "Give the --state file that a poll or run-all writes."),
        StateError::Damaged { file, .. } => {
            let remedy = format!(
                "Nothing in it was changed. Put back a copy from a backup, or move {} away and start from a date with `since`.",
                file.display()
            );
            Ending::usage(message, &remedy)
        }
        StateError::Gone { .. } => Ending::told(
            Exit::Permanent,
            "conflict",
            message,
            Some(
                "Put the file back: what was not committed comes again, marked. Without it start from a date with `since`. While it is in use leave it and the files beside it (-wal, -shm, .lock) alone.",
            ),
        ),
        StateError::NoKey { .. } => {
            Ending::usage(message, &format!("Give the key with --key-file FILE, or in the variable {VARIABLE}. {LOST}"))
        }
        StateError::OtherKey { .. } => {
            Ending::usage(message, &format!("Give the key that they were sealed with. {LOST}"))
        }
        StateError::Full { .. } => Ending::told(
            Exit::Transient,
            "unavailable",
            message,
            Some("Make room, and poll again: what was not committed comes again."),
        ),
        StateError::ReadOnly { .. } => {
            Ending::usage(message, "Make the file and its folder writable, or give another --state file.")
        }
        StateError::Linked { .. } => Ending::usage(
            message,
            "Remove the other names, or copy the file with `cp` and give the copy; a symbolic link may lead to it.",
        ),
        StateError::Broken { .. } => Ending::told(
            Exit::Transient,
            "unavailable",
            message,
            Some("Make room or make it writable, and poll again: what was not committed comes again."),
        ),
    }
}
