//! Dates and times as a pod reads and writes them (FACTS 1.5, 1.12).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// An instant from text: RFC 3339 with `Z` or an offset, milliseconds or not; without an offset it is UTC,
/// as pods write it. A bare date is no instant.
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.contains(['T', 't', ' ']) {
        return None;
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let local: DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}

/// An instant from text that may also be a bare date, which is its first moment in UTC.
pub fn instant_or_day(text: &str) -> Option<Timestamp> {
    instant(text).or_else(|| {
        let day: Date = text.trim().parse().ok()?;
        TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    })
}

/// As it stands in `q`: the form that FACTS 1.5 gives first, `2026-01-31T10:00:00.000+00:00`.
pub fn in_query(instant: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(instant);
    format!("{}.{:03}+00:00", to_the_second(at), at.millisecond())
}

/// As it stands in events: RFC 3339 in UTC.
pub fn in_event(instant: Timestamp) -> String {
    let at = TimeZone::UTC.to_datetime(instant);
    let fraction = match at.subsec_nanosecond() {
        0 => String::new(),
        nanoseconds => format!(".{nanoseconds:09}"),
    };
    format!("{}{}Z", to_the_second(at), fraction.trim_end_matches('0'))
}

/// Written out here, since a general formatter is a large part of a small component.
fn to_the_second(at: DateTime) -> String {
    let (year, month, day) = (at.year(), at.month(), at.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// An HTTP date, as in `Date` and `Retry-After`.
pub fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_one_answer_are_all_read() {
        let wanted: Timestamp = "2021-12-21T04:45:15Z".parse().unwrap();
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
            let moment = Timestamp::from_millisecond(ms).unwrap();
            prop_assert_eq!(in_query(moment), moment.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string());
            prop_assert_eq!(in_event(moment), moment.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string());
        }
    }
}
