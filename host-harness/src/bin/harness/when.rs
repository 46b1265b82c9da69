//! Times as people write them: a date, a moment, or how long ago.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::args::duration;
use crate::ending::Ending;

/// Unix milliseconds of `now`, `2026-01-31`, `2026-01-31T08:00:00Z`, `2026-01-31T08:00:00` (UTC), or of `2h` ago.
///
/// # Errors
/// An [`Ending`] with 2 for anything else.
pub fn read(text: &str, now: Timestamp) -> Result<i64, Ending> {
    if text == "now" {
        return Ok(now.as_millisecond());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    // A date is a moment as well, its midnight.
    let civil = text.parse::<DateTime>();
    if let Some(at) = civil.ok().and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok()) {
        return Ok(at.as_millisecond());
    }
    let ago = duration(text).ok().and_then(|ago| SignedDuration::try_from(ago).ok());
    let at = ago.and_then(|ago| now.checked_sub(ago).ok());
    at.map(Timestamp::as_millisecond).ok_or_else(|| {
        let remedy =
            "Write a date such as 2026-01-31, a moment such as 2026-01-31T08:00:00Z, or how long ago, such as 2h.";
        Ending::usage(format!("{text} is no time"), remedy)
    })
}

/// Refuses a time that ends before it begins.
///
/// # Errors
/// An [`Ending`] with 2.
pub fn forward(from_ms: Option<i64>, to_ms: Option<i64>) -> Result<(), Ending> {
    match (from_ms, to_ms) {
        (Some(from), Some(to)) if from >= to => Err(Ending::usage(
            format!("--from {} is not before --to {}", shown(from), shown(to)),
            "Give the earlier time with --from; a time such as 2h is so long ago.",
        )),
        _ => Ok(()),
    }
}

/// A span of seconds, in its two largest units.
pub fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A moment for people and programs.
pub fn shown(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-02-01T12:00:00Z".parse().unwrap();
        let read = |text: &str| read(text, now).map(shown).map_err(|_| ());
        assert_eq!(read("2026-01-31").unwrap(), "2026-01-31T00:00:00Z");
        assert_eq!(read("2026-01-31T08:00:00").unwrap(), "2026-01-31T08:00:00Z");
        assert_eq!(read("2026-01-31T08:00:00+02:00").unwrap(), "2026-01-31T06:00:00Z");
        assert_eq!(read("2h").unwrap(), "2026-02-01T10:00:00Z");
        assert_eq!(read("now").unwrap(), "2026-02-01T12:00:00Z");
        assert!(read("yesterday").is_err() && read("").is_err());
    }
}
