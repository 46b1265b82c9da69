//! Dates and times as a pod reads and writes them (FACTS 1.5, 1.12).

use super::moment::{Date, Timestamp};

const SECOND: i128 = 1_000_000_000;

/// A date, with a time of the day (nanoseconds) and an offset from UTC (seconds) where there are such.
struct Written {
    day: Date,
    time: Option<i128>,
    offset: Option<i64>,
}

/// An instant from text: RFC 3339 with `Z` or an offset, milliseconds or not; without an offset it is UTC,
/// as pods write it. A bare date is no instant.
pub fn instant(text: &str) -> Option<Timestamp> {
    let Written { day, time, offset } = written(text.trim())?;
    Timestamp::of(day, time? - i128::from(offset.unwrap_or_default()) * SECOND).ok()
}

/// An instant from text that may also be a bare date, which is its first moment in UTC.
pub fn instant_or_day(text: &str) -> Option<Timestamp> {
    instant(text).or_else(|| Timestamp::of(day(text.trim())?, 0).ok())
}

/// The day from text, as it is written: a time after it counts for nothing.
pub fn day(text: &str) -> Option<Date> {
    written(text).map(|written| written.day)
}

/// As it stands in `q`: the form that FACTS 1.5 gives first, `2026-01-31T10:00:00.000+00:00`.
pub fn in_query(instant: Timestamp) -> String {
    let (text, nanos) = to_the_second(instant);
    format!("{text}.{:03}+00:00", nanos / 1_000_000)
}

/// As it stands in events: RFC 3339 in UTC.
pub fn in_event(instant: Timestamp) -> String {
    let (text, nanos) = to_the_second(instant);
    let fraction = match nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}"),
    };
    format!("{text}{}Z", fraction.trim_end_matches('0'))
}

fn to_the_second(instant: Timestamp) -> (String, i64) {
    let (day, second, nanos) = instant.parts();
    (format!("{day}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60), nanos)
}

/// An HTTP date, as in `Date` and `Retry-After`: the form that RFC 9110 prescribes, with GMT or an offset.
pub fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (_, text) = text.split_once(',').unwrap_or(("", text));
    let mut words = text.split_ascii_whitespace();
    let [day, month, year, time, zone] = [(); 5].map(|()| words.next().unwrap_or_default());
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    let zone = if ["GMT", "UTC", "UT"].iter().any(|name| name.eq_ignore_ascii_case(zone)) { "Z" } else { zone };
    let whole = format!("{year}-{month:02}-{day:0>2}T{time}{zone}");
    written(&whole).filter(|written| words.next().is_none() && written.offset.is_some()).and_then(|_| instant(&whole))
}

/// ISO 8601 as RFC 3339 has it and somewhat wider: hyphens and colons may be missing, as may minutes and
/// seconds; a zone in brackets may stand behind the offset and counts for nothing.
fn written(text: &str) -> Option<Written> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.number(4)?;
    let parted = rest.one_of(b"-").is_some();
    let month = rest.number(2)?;
    if parted {
        rest.one_of(b"-")?;
    }
    let day = Date::new(year, month, rest.number(2)?)?;
    let (mut time, mut offset) = (None, None);
    if rest.one_of(b"Tt ").is_some() {
        let (hour, minute, second) = rest.time()?;
        let nanos = rest.fraction()?;
        // A leap second is the second before.
        let second = second.map(|second| if second == 60 { 59 } else { second });
        if hour > 23 || nanos.is_some() && second.is_none() {
            return None;
        }
        let seconds = hour * 3600 + minute.unwrap_or_default() * 60 + second.unwrap_or_default();
        time = Some(i128::from(seconds) * SECOND + nanos.unwrap_or_default());
        offset = match rest.one_of(b"Zz+-") {
            None => None,
            Some(b'Z' | b'z') => Some(0),
            Some(sign) => {
                let (hours, minutes, seconds) = rest.time()?;
                let offset = hours * 3600 + minutes.unwrap_or_default() * 60 + seconds.unwrap_or_default();
                if hours > 25 || seconds == Some(60) {
                    return None;
                }
                Some(if sign == b'-' { -offset } else { offset })
            }
        };
    }
    let done = rest.0.is_empty() || rest.0.starts_with(b"[") && rest.0.ends_with(b"]");
    done.then_some(Written { day, time, offset })
}

struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| wanted.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    /// A number of so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let number = number
            .iter()
            .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))?;
        self.0 = rest;
        Some(number)
    }

    /// Two digits each for hours, minutes and seconds; the last two may be missing.
    fn time(&mut self) -> Option<(i64, Option<i64>, Option<i64>)> {
        let hour = self.number(2)?;
        let parted = self.one_of(b":").is_some();
        let minute = if parted { Some(self.number(2)?) } else { self.number(2) };
        let second = match minute {
            Some(_) if parted => self.one_of(b":").map(|_| self.number(2)),
            Some(_) => self.number(2).map(Some),
            None => None,
        };
        let second = match second {
            Some(second) => Some(second?),
            None => None,
        };
        let fits = minute.is_none_or(|minute| minute < 60) && second.is_none_or(|second| second <= 60);
        fits.then_some((hour, minute, second))
    }

    /// Nanoseconds behind a point or a comma; `None` within, where there is none of these.
    fn fraction(&mut self) -> Option<Option<i128>> {
        if self.one_of(b".,").is_none() {
            return Some(None);
        }
        let (mut nanos, mut unit) = (0, SECOND);
        while let Some(digit) = self.number(1) {
            unit /= 10;
            nanos += i128::from(digit) * unit;
        }
        // At least one digit, and at most nine.
        (1..SECOND).contains(&unit).then_some(Some(nanos))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_one_answer_are_all_read() {
        let wanted = Timestamp::from_second(1_640_061_915).unwrap();
        for text in [
            "2021-12-21T04:45:15+00:00",
            "2021-12-21T04:45:15.000+00:00",
            "2021-12-21T05:45:15+01:00",
            "2021-12-21T04:45:15",
        ] {
            assert_eq!(instant(text), Some(wanted), "{text}");
        }
        assert_eq!(instant("2021-12-21"), None);
        assert_eq!(instant("yesterday T"), None);
    }

    #[test]
    fn instants_are_written_in_utc() {
        let moment = instant("2026-01-31T12:00:00.5+02:00").unwrap();
        assert_eq!(in_query(moment), "2026-01-31T10:00:00.500+00:00");
        assert_eq!(in_event(moment), "2026-01-31T10:00:00.5Z");
        assert_eq!(in_event(instant("2026-01-31T10:00:00Z").unwrap()), "2026-01-31T10:00:00Z");
    }

    #[test]
    fn http_dates_are_read() {
        assert_eq!(http_date("Sat, 21 Nov 2026 01:21:09 GMT"), instant("2026-11-21T01:21:09Z"));
        assert_eq!(http_date("soon"), None);
    }

    proptest! {
        #[test]
        fn instants_are_written_as_a_general_formatter_would(ms in -62_135_596_800_000_i64..253_402_207_200_000) {
            let (moment, theirs) =
                (Timestamp::from_millisecond(ms).unwrap(), jiff::Timestamp::from_millisecond(ms).unwrap());
            prop_assert_eq!(in_query(moment), theirs.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string());
            prop_assert_eq!(in_event(moment), theirs.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string());
            let theirs = jiff::Timestamp::from_second(theirs.as_second()).unwrap();
            let http = theirs.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            prop_assert_eq!(http_date(&http).map(Timestamp::as_second), Some(theirs.as_second()));
        }

        #[test]
        fn what_a_general_parser_reads_is_read_alike(
            text in "(000|001|1[69]|202|999)[0-9]-?(0[0-9]|1[0-3])-?([0-3][0-9])([Tt ][0-2][0-9](:?[0-6][0-9](:?[0-6][0-9]([.,][0-9]{0,10})?)?)?(Z|z|[+-][0-2][0-9](:?[0-6][0-9])?)?(\\[Europe/Paris\\])?)?"
        ) {
            let theirs = text.parse::<jiff::Timestamp>().ok().or_else(|| {
                let local = text.parse::<jiff::civil::DateTime>().ok().filter(|_| text.contains(['T', 't', ' ']))?;
                jiff::tz::TimeZone::UTC.to_timestamp(local).ok()
            });
            prop_assert_eq!(instant(&text).map(in_event), theirs.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string()));
            if !text.contains(['T', 't', ' ']) {
                let theirs = text.parse::<jiff::civil::Date>().ok().map(|day| day.strftime("%Y-%m-%d").to_string());
                prop_assert_eq!(day(&text).map(|day| day.to_string()), theirs);
            }
        }
    }
}
