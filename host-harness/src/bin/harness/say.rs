//! What goes to the terminal: JSON to standard output, people's words to standard error.
//!
//! Everything for standard error passes the secrets of the connection on its way. Colour and progress appear
//! on a terminal alone, and `NO_COLOR` is respected.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use host_harness::exact::parse_json;
use host_harness::secrets::Secrets;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::ending::{Ending, Exit, Told};

/// Columns where no terminal says how wide it is.
const WIDTH: u16 = 100;
/// Bytes of records that are written at once: a record costs a copy and no system call.
const OUTPUT: usize = 256 * 1024;

static SECRETS: OnceLock<Arc<Secrets>> = OnceLock::new();
static ASIDES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// From here on these never appear on standard error.
pub fn guard(secrets: Arc<Secrets>) {
    let _ = SECRETS.set(secrets);
}

fn clean(text: &str) -> String {
    SECRETS.get().map_or_else(|| text.to_owned(), |secrets| secrets.clean(text))
}

/// A problem: a record for programs, a paragraph for people.
pub fn problem(told: &Told, json: bool) {
    let text = if json {
        serde_json::to_string(told).unwrap_or_default()
    } else {
        format!("{RED}error:{RED:#} {}", told.paragraph())
    };
    note(&text);
}

/// A line for people.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", clean(text));
}

/// A warning about the surroundings rather than the answer. Programs get these last, so that a problem record
/// is what they read first.
pub fn aside(code: &str, message: &str, json: bool) {
    if json {
        ASIDES.lock().unwrap_or_else(PoisonError::into_inner).push((code.to_owned(), message.to_owned()));
    } else {
        warning(code, message, None, json);
    }
}

/// Says what was set aside.
pub fn asides() {
    for (code, message) in ASIDES.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        warning(&code, &message, None, true);
    }
}

/// Something that was lost sight of, ignored or changed.
pub fn warning(code: &str, message: &str, key: Option<&str>, json: bool) {
    #[derive(Serialize)]
    struct Line<'a> {
        warning: Warning<'a>,
    }
    #[derive(Serialize)]
    struct Warning<'a> {
        code: &'a str,
        message: &'a str,
        key: Option<&'a str>,
    }
    if json {
        note(&serde_json::to_string(&Line { warning: Warning { code, message, key } }).unwrap_or_default());
    } else {
        let on = key.map(|key| format!(" (on {key})")).unwrap_or_default();
        note(&format!("{YELLOW}warning:{YELLOW:#} {message}{on} [{code}]"));
    }
}

/// JSON to standard output: as it is, or over several lines where a person looks on.
///
/// # Errors
/// As [`line`].
pub fn json(text: &str) -> Result<(), Ending> {
    if std::io::stdout().is_terminal()
        && let Ok(value) = parse_json(text)
    {
        return line(&value.pretty());
    }
    line(text)
}

/// A line to standard output, handed on at once.
///
/// # Errors
/// An [`Ending`] where it cannot be written, and a silent one ([`Exit::Unread`]) where nobody reads it any more.
pub fn line(text: &str) -> Result<(), Ending> {
    lines([text])
}

/// Lines to standard output, handed on together.
///
/// # Errors
/// As [`line`].
pub fn lines<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<(), Ending> {
    written(|out| {
        for text in texts {
            out.write_all(text.as_ref().as_bytes())?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// Text to standard output that has its line breaks already.
///
/// # Errors
/// As [`line`].
pub fn as_it_is(text: &str) -> Result<(), Ending> {
    written(|out| out.write_all(text.as_bytes()))
}

/// The rows of a list that stand in `text`, one a line, handed on together.
///
/// # Errors
/// As [`line`].
pub fn rows(text: String, cut: &json_rows::Cut) -> Result<(), Ending> {
    let rows = &cut.rows;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let side_by_side = rows.is_sorted_by(|row, next| row.end + 1 == next.start);
    if !cut.one_line || !side_by_side {
        let rows = rows.iter().map(|row| text.get(row.clone()).unwrap_or_default());
        return lines(rows.map(host_harness::follow::line::one_line));
    }
    // What stands between two rows becomes the line break, and nothing is copied.
    let all = first.start..last.end + 1;
    let mut bytes = text.into_bytes();
    for row in rows {
        if let Some(end) = bytes.get_mut(row.end) {
            *end = b'\n';
        }
    }
    written(|out| out.write_all(bytes.get(all).unwrap_or_default()))
}

fn written(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Result<(), Ending> {
    let mut out = std::io::BufWriter::with_capacity(OUTPUT, std::io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ending::silent(Exit::Unread),
        _ => Ending::told(
            Exit::Transient,
            "unavailable",
            format!("standard output cannot be written: {error}"),
            Some("What was not printed was not acknowledged: run the command again."),
        ),
    })
}

/// How many columns standard output has: what `COLUMNS` says, else the terminal.
pub fn width() -> u16 {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|width| *width > 0);
    let seen = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
    told.or_else(seen).unwrap_or(WIDTH)
}

/// Whether standard output shows colours.
pub fn in_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Something that turns while the host waits; nothing where nobody looks.
pub fn spinner(text: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.set_message(clean(text));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// What a job tells of itself: its status, and a bar once it says how far it is.
pub fn progress(bar: &ProgressBar, status: &str, per_cent: Option<u8>) {
    if let Some(done) = per_cent {
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:24}] {pos:>3} % {wide_msg} ({elapsed})") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_length(100);
        bar.set_position(u64::from(done.min(100)));
    }
    bar.set_message(clean(status));
}
