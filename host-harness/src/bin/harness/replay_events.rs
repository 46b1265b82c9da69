//! `harness replay-events`: events of the trail once more, each marked as a replay.

use host_harness::follow::line::{Line, Marks};
use host_harness::state::trail::{Entry, EntryKind, Wanted};
use host_harness::state::{SqliteStore, StateError, Store as _};
use jiff::Timestamp;

use crate::args::Global;
use crate::ending::Ending;
use crate::{events, keeping, say, when};

/// Lines that are printed together.
const AT_ONCE: usize = 1000;

pub fn run(
    global: &Global,
    from: &str,
    to: &str,
    connection: Option<&str>,
    trigger: Option<&str>,
) -> Result<(), Ending> {
    let reader = events::reader(global)?;
    let now = Timestamp::now();
    let wanted = Wanted {
        connection: connection.map(str::to_owned),
        operation: trigger.map(str::to_owned),
        kind: Some(EntryKind::Event),
        from_ms: Some(when::read(from, now)?),
        to_ms: Some(when::read(to, now)?),
    };
    let (mut lines, mut ended) = (Vec::new(), Ok(()));
    let (mut done, mut without) = (0_u64, 0_u64);
    let mut each = |entry: Entry| {
        let (Some(key), Some(payload)) = (&entry.dedup_key, &entry.body) else {
            without += 1;
            return true;
        };
        let marks = Marks { replay: true, ..Marks::default() };
        lines.push(Line::of(key, entry.occurred_at.as_deref(), payload, marks).text());
        done += 1;
        if lines.len() >= AT_ONCE {
            ended = say::lines(std::mem::take(&mut lines)).map_err(Ending::not_taken);
        }
        ended.is_ok()
    };
    reader.trail(&wanted, &mut each).map_err(|error| keeping::told(&error))?;
    ended?;
    if !lines.is_empty() {
        say::lines(lines).map_err(Ending::not_taken)?;
    }
    drop(reader);
    if done > 0 {
        note(global, from, to, done, connection, trigger)?;
    }
    if without > 0 {
        let message =
            format!("{without} events of that time were polled without --keep-bodies, and cannot be handed over again");
        if done == 0 {
            return Err(Ending::usage(
                message,
                "Poll with --keep-bodies from now on, or poll again from a date with `since` and another --state file.",
            ));
        }
        say::warning("without_payload", &message, None, global.json);
    }
    Ok(())
}

/// A replay is part of the trail, too.
fn note(
    global: &Global,
    from: &str,
    to: &str,
    done: u64,
    connection: Option<&str>,
    trigger: Option<&str>,
) -> Result<(), Ending> {
    let Some(file) = &global.state else { return Ok(()) };
    let mut entry = Entry::new(Timestamp::now(), EntryKind::Replay, connection.unwrap_or("*"), trigger.unwrap_or("*"));
    entry.count = i64::try_from(done).ok();
    entry.detail = Some(format!("from {from} to {to}"));
    match SqliteStore::open_beside(file).and_then(|mut store| store.note(None, &[entry])) {
        // Handed over it is all the same.
        Err(error @ StateError::ReadOnly { .. }) => {
            say::warning("not_noted", &error.to_string(), None, global.json);
            Ok(())
        }
        other => other.map_err(|error| keeping::told(&error)),
    }
}
