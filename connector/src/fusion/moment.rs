//! Moments, spans between them and days, in UTC alone.
//!
//! A library that knows time zones is a twentieth of the component, most of it the texts of errors that nobody
//! reads: a fault in a date is told with its form. Tests hold the arithmetic against such a library.

use std::fmt;

const SECOND: i128 = 1_000_000_000;
const DAY: i64 = 86_400;

/// A moment outside the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// A moment of the years 0 to 9999, to the nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i128);

/// Nanoseconds between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedDuration(i128);

impl SignedDuration {
    /// Longer than any other.
    pub const MAX: Self = Self(i128::MAX);

    /// That many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis as i128 * 1_000_000)
    }

    /// That many seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs as i128 * SECOND)
    }

    /// That many minutes.
    pub const fn from_mins(mins: i64) -> Self {
        Self(mins as i128 * 60 * SECOND)
    }

    /// That many hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self(hours as i128 * 3600 * SECOND)
    }
}

impl Timestamp {
    /// The first moment of 1970.
    pub const UNIX_EPOCH: Self = Self(0);

    const MIN: Self = Self(-62_167_219_200 * SECOND);
    const MAX: Self = Self(253_402_300_800 * SECOND - 1);

    fn checked(nanos: i128) -> Result<Self, OutOfRange> {
        if (Self::MIN.0..=Self::MAX.0).contains(&nanos) { Ok(Self(nanos)) } else { Err(OutOfRange) }
    }

    /// From seconds since 1970.
    ///
    /// # Errors
    /// Outside the years 0 to 9999, as all below.
    pub fn from_second(second: i64) -> Result<Self, OutOfRange> {
        Self::checked(i128::from(second) * SECOND)
    }

    /// From milliseconds since 1970.
    ///
    /// # Errors
    /// Outside the years 0 to 9999.
    pub fn from_millisecond(ms: i64) -> Result<Self, OutOfRange> {
        Self::checked(i128::from(ms) * 1_000_000)
    }

    /// From microseconds since 1970.
    ///
    /// # Errors
    /// Outside the years 0 to 9999.
    pub fn from_microsecond(us: i64) -> Result<Self, OutOfRange> {
        Self::checked(i128::from(us) * 1000)
    }

    /// The moment of a day, so many nanoseconds after its beginning in UTC.
    ///
    /// # Errors
    /// Outside the years 0 to 9999.
    pub fn of(day: Date, nanos: i128) -> Result<Self, OutOfRange> {
        Self::checked(i128::from(day.days() * DAY) * SECOND + nanos)
    }

    fn whole(self, unit: i128) -> i64 {
        i64::try_from(self.0 / unit).unwrap_or_default()
    }

    /// Whole seconds since 1970.
    pub fn as_second(self) -> i64 {
        self.whole(SECOND)
    }

    /// Whole milliseconds since 1970.
    pub fn as_millisecond(self) -> i64 {
        self.whole(1_000_000)
    }

    /// Whole microseconds since 1970.
    pub fn as_microsecond(self) -> i64 {
        self.whole(1000)
    }

    /// Day, second of the day and nanosecond of the second, in UTC.
    pub fn parts(self) -> (Date, i64, i64) {
        let seconds = i64::try_from(self.0.div_euclid(SECOND)).unwrap_or_default();
        let nanos = i64::try_from(self.0.rem_euclid(SECOND)).unwrap_or_default();
        (Date::since_1970(seconds.div_euclid(DAY)), seconds.rem_euclid(DAY), nanos)
    }

    /// So much later.
    ///
    /// # Errors
    /// Outside the years 0 to 9999.
    pub fn checked_add(self, span: SignedDuration) -> Result<Self, OutOfRange> {
        Self::checked(self.0.saturating_add(span.0))
    }

    /// So much later, at most the end of 9999.
    pub fn saturating_add(self, span: SignedDuration) -> Self {
        Self(self.0.saturating_add(span.0)).clamp(Self::MIN, Self::MAX)
    }

    /// So much earlier, at least the beginning of the year 0.
    pub fn saturating_sub(self, span: SignedDuration) -> Self {
        Self(self.0.saturating_sub(span.0)).clamp(Self::MIN, Self::MAX)
    }

    /// How long after the other it is.
    pub fn duration_since(self, other: Self) -> SignedDuration {
        SignedDuration(self.0 - other.0)
    }
}

/// A day that exists, of the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// That day, if there is one.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        let date = Self { year, month, day };
        let shaped = (0..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        (shaped && Self::since_1970(date.days()) == date).then_some(date)
    }

    /// Days since 1970. Years begin in March here, so that the day of a leap year is the last one
    /// (Howard Hinnant, "chrono-compatible low-level date algorithms").
    fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    fn since_1970(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * years + years / 4 - years / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = (from_march + 2) % 12 + 1;
        let year = era * 400 + years + i64::from(month <= 2);
        Self { year, month, day: of_year - (153 * from_march + 2) / 5 + 1 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_days_that_exist_are_days() {
        assert!(Date::new(2024, 2, 29).is_some() && Date::new(2000, 2, 29).is_some());
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)]
        {
            assert_eq!(Date::new(year, month, day), None);
        }
    }

    #[test]
    fn no_moment_lies_outside_the_years_0_to_9999() {
        let last = Timestamp::of(Date::new(9999, 12, 31).unwrap(), i128::from(DAY) * SECOND - 1).unwrap();
        assert_eq!(last.checked_add(SignedDuration::from_millis(1)), Err(OutOfRange));
        assert_eq!(last.saturating_add(SignedDuration::MAX), last);
        let first = Timestamp::of(Date::new(0, 1, 1).unwrap(), 0).unwrap();
        assert_eq!(first.saturating_sub(SignedDuration::from_hours(1)), first);
        assert_eq!(Timestamp::from_second(i64::MAX), Err(OutOfRange));
    }

    proptest! {
        #[test]
        fn days_and_moments_are_those_of_a_library(us in -62_167_219_200_000_000_i64..253_402_207_200_000_000) {
            let (ours, theirs) = (Timestamp::from_microsecond(us).unwrap(), jiff::Timestamp::from_microsecond(us).unwrap());
            prop_assert_eq!((ours.as_second(), ours.as_millisecond()), (theirs.as_second(), theirs.as_millisecond()));
            let (day, second, nanos) = ours.parts();
            prop_assert_eq!(day.to_string(), theirs.strftime("%Y-%m-%d").to_string());
            prop_assert_eq!(Timestamp::of(day, i128::from(second) * SECOND + i128::from(nanos)), Ok(ours));
        }

        #[test]
        fn the_same_days_exist_as_in_a_library(year in 0_i64..=9999, month in 0_i64..=13, day in 0_i64..=32) {
            let theirs = jiff::civil::Date::new(
                year.try_into().unwrap(), month.try_into().unwrap(), day.try_into().unwrap(),
            );
            prop_assert_eq!(Date::new(year, month, day).is_some(), theirs.is_ok());
        }
    }
}
