//! `harness events`: the trail of a state file, filtered.

use host_harness::state::Reader;
use host_harness::state::trail::{Entry, EntryKind, Wanted};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{Global, Trail};
use crate::ending::Ending;
use crate::table::Rows;
use crate::{json, keeping, say, when};

/// Rows of a table, which is made whole; more are for programs.
const ROWS: usize = 10_000;

/// Lines that are printed together.
const AT_ONCE: usize = 1000;

#[derive(Serialize)]
struct View<'a> {
    at: String,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// What of an entry people look at.
#[derive(Serialize)]
struct Shown<'a> {
    at: String,
    kind: &'a str,
    subscription: &'a str,
    connection: &'a str,
    operation: &'a str,
    outcome: &'a str,
    count: Option<i64>,
    what: &'a str,
}

fn shown(entry: &Entry) -> Shown<'_> {
    Shown {
        at: when::shown(entry.at_ms),
        kind: entry.kind.name(),
        subscription: entry.subscription.as_deref().unwrap_or_default(),
        connection: &entry.connection,
        operation: &entry.operation,
        outcome: entry.outcome.as_deref().unwrap_or_default(),
        count: entry.count,
        what: entry.dedup_key.as_deref().or(entry.detail.as_deref()).unwrap_or_default(),
    }
}

pub fn run(global: &Global, trail: &Trail) -> Result<(), Ending> {
    let reader = reader(global)?;
    let now = Timestamp::now();
    let time = |text: &Option<String>| text.as_ref().map(|text| when::read(text, now)).transpose();
    let kind = trail.kind.as_ref().map(|name| {
        EntryKind::named(name).ok_or_else(|| {
            let known: Vec<&str> = EntryKind::ALL.iter().map(|(_, name)| *name).collect();
            Ending::usage(format!("there is no kind {name}"), &format!("Give one of {}.", known.join(", ")))
        })
    });
    let wanted = Wanted {
        connection: trail.connection.clone(),
        operation: trail.trigger.clone(),
        kind: kind.transpose()?,
        from_ms: time(&trail.from)?,
        to_ms: time(&trail.to)?,
    };
    when::forward(wanted.from_ms, wanted.to_ms)?;
    let shaped = global.table || global.csv;
    let (mut lines, mut ended, mut cut) = (Vec::new(), Ok(()), false);
    let mut each = |entry: Entry| {
        let line = if global.table {
            json::text(&shown(&entry))
        } else {
            json::text(&View { at: when::shown(entry.at_ms), entry: &entry })
        };
        match line {
            Ok(line) => lines.push(line),
            Err(ending) => ended = Err(ending),
        }
        if shaped {
            cut = lines.len() >= ROWS;
        } else if lines.len() >= AT_ONCE {
            ended = say::lines(std::mem::take(&mut lines));
        }
        ended.is_ok() && !cut
    };
    reader.trail(&wanted, &mut each).map_err(|error| keeping::told(&error))?;
    ended?;
    if !shaped {
        return if lines.is_empty() { Ok(()) } else { say::lines(lines) };
    }
    if cut {
        let message = format!("only the first {ROWS} entries are shown; narrow them with --from and --to");
        say::warning("cut_off", &message, None, global.json);
    }
    let Some(rows) = Rows::of(&format!("{{\"result\":[{}]}}", lines.join(","))) else { return Ok(()) };
    let text = if global.csv { rows.csv().unwrap_or_default() } else { rows.narrowed(&[]).table(say::width()) };
    say::as_it_is(&format!("{text}\n"))
}

/// The file of `--state`, for looking.
///
/// # Errors
/// An [`Ending`] with 2 where there is none.
pub fn reader(global: &Global) -> Result<Reader, Ending> {
    let Some(file) = &global.state else {
        return Err(Ending::usage(
            "this needs a state file",
            "Give the one that a poll or run-all writes with --state.",
        ));
    };
    Reader::open(file).map_err(|error| keeping::told(&error))
}
