//! `harness replay-events`: events of the trail once more, each marked as a replay.

use host_harness::follow::line::{Line, Marks};
use host_harness::state::trail::{Entry, EntryKind, Wanted};
use host_harness::state::{Reader, SqliteStore, StateError, Store as _};
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
    when::forward(wanted.from_ms, wanted.to_ms)?;
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
    if done == 0 && without == 0 {
        nothing(&reader, connection, trigger)?;
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

/// Nothing was in the time: fine, unless there is nothing of the kind at any time.
fn nothing(reader: &Reader, connection: Option<&str>, trigger: Option<&str>) -> Result<(), Ending> {
    let all = reader.of_events().map_err(|error| keeping::told(&error))?;
    let fits = |wanted: Option<&str>, is: &str| wanted.is_none_or(|wanted| wanted == is);
    let mine = || all.iter().filter(|one| fits(connection, &one.connection) && fits(trigger, &one.operation));
    if let (Some(first), Some(last)) = (mine().map(|one| one.first_ms).min(), mine().map(|one| one.last_ms).max()) {
        let (first, last) = (when::shown(first), when::shown(last));
        say::note(&format!("There are no events of that time; the first is of {first}, the last of {last}."));
        return Ok(());
    }
    let of = |what: &str, wanted: Option<&str>| wanted.map(|wanted| format!(" {what} {wanted}")).unwrap_or_default();
    let message =
        format!("there are no events{}{}", of("of the connection", connection), of("of the trigger", trigger));
    let known: Vec<String> =
        all.iter().take(20).map(|one| format!("{} on {}", one.operation, one.connection)).collect();
    let remedy = if known.is_empty() {
        "The trail holds no events at all.".to_owned()
    } else {
        format!("The trail holds events of {}.", known.join(", "))
    };
    Err(Ending::usage(message, &remedy))
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
