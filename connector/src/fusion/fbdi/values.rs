//! Days and numbers as people write them, turned into what a loader takes (FACTS 3.6), exactly.
//!
//! What can be read in two ways is never guessed: `01/02/2026` and `1,500` are refused.

pub use tabular::plain::{ONE, is_day, is_decimal, units};

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// It stands as a loader takes it.
    Same,
    /// It is now written like this.
    Repaired(String),
    /// It can be read in two ways, or in none; why.
    Unclear(&'static str),
}

/// How days are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayForm {
    /// `YYYY/MM/DD`.
    YearFirst,
    /// `MM/DD/YYYY`, of grants.
    MonthFirst,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// A day. `2026-01-31`, `20260131`, `31.01.2026`, `31-Jan-2026` and `31/01/2026` are read, and so is one with
/// midnight behind it.
pub fn day(text: &str, form: DayForm) -> Read {
    let trimmed = text.trim();
    let (date, time) = split_time(trimmed);
    if !time.trim_end_matches(['Z', 'z']).bytes().all(|byte| matches!(byte, b'0' | b':' | b'.')) {
        return Read::Unclear("it has a time, and the column holds a day");
    }
    match parts(date) {
        Ok((year, month, day)) => told(text, written(year, month, day, form)),
        Err(why) => Read::Unclear(why),
    }
}

/// A day with a time, or a day alone; an offset other than UTC is not taken.
pub fn moment(text: &str, form: DayForm) -> Read {
    let trimmed = text.trim();
    let (date, time) = split_time(trimmed);
    let (year, month, day) = match parts(date) {
        Ok(parts) => parts,
        Err(why) => return Read::Unclear(why),
    };
    let time = time.strip_suffix(['Z', 'z']).or_else(|| time.strip_suffix("+00:00")).unwrap_or(time);
    let time = time.split('.').next().unwrap_or_default();
    let mut written = written(year, month, day, form);
    if !time.is_empty() {
        let mut clock = [0_u32; 3];
        let mut pieces = time.split(':');
        for (at, place) in clock.iter_mut().enumerate() {
            match pieces.next().map(number) {
                Some(Some(value)) if value < [24, 60, 60].get(at).copied().unwrap_or(0) => *place = value,
                None if at == 2 => {}
                _ => return Read::Unclear("its time is not HH:MM:SS in UTC"),
            }
        }
        let [hour, minute, second] = clock;
        written.push_str(&format!(" {hour:02}:{minute:02}:{second:02}"));
    }
    told(text, written)
}

fn told(before: &str, after: String) -> Read {
    if before == after { Read::Same } else { Read::Repaired(after) }
}

fn written(year: u32, month: u32, day: u32, form: DayForm) -> String {
    match form {
        DayForm::YearFirst => format!("{year:04}/{month:02}/{day:02}"),
        DayForm::MonthFirst => format!("{month:02}/{day:02}/{year:04}"),
    }
}

/// The day, and what follows a `T` or a space behind it.
fn split_time(text: &str) -> (&str, &str) {
    let at = text.char_indices().find(|(at, letter)| *at >= 8 && matches!(letter, 'T' | 't' | ' ')).map(|(at, _)| at);
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((date, time)) => (date, time.get(1..).unwrap_or_default()),
        None => (text, ""),
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

const NO_DAY: &str = "it is not a day; write YYYY/MM/DD";

/// Year, month and day.
fn parts(text: &str) -> Result<(u32, u32, u32), &'static str> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let piece = |range: std::ops::Range<usize>| text.get(range).and_then(number).ok_or(NO_DAY);
        return real(piece(0..4)?, piece(4..6)?, piece(6..8)?);
    }
    let separator = text.chars().find(|letter| !letter.is_alphanumeric()).ok_or(NO_DAY)?;
    if !matches!(separator, '/' | '-' | '.' | ' ') {
        return Err(NO_DAY);
    }
    let mut pieces = text.split(separator);
    let (Some(first), Some(second), Some(third), None) = (pieces.next(), pieces.next(), pieces.next(), pieces.next())
    else {
        return Err(NO_DAY);
    };
    let named = |text: &str| {
        let month = MONTHS.iter().position(|month| text.eq_ignore_ascii_case(month))?;
        u32::try_from(month + 1).ok()
    };
    if let Some(month) = named(second) {
        let day = number(first).ok_or(NO_DAY)?;
        let year = number(third).ok_or(NO_DAY)?;
        return match third.len() {
            4 => real(year, month, day),
            // Which end is the year is clear from the month's place, and what is imported lies in this century.
            2 => real(2000 + year, month, day),
            _ => Err(NO_DAY),
        };
    }
    let (a, b, c) = (number(first).ok_or(NO_DAY)?, number(second).ok_or(NO_DAY)?, number(third).ok_or(NO_DAY)?);
    if first.len() == 4 && second.len() <= 2 && third.len() <= 2 {
        return real(a, b, c);
    }
    if first.len() > 2 || second.len() > 2 {
        return Err(NO_DAY);
    }
    if third.len() != 4 {
        return Err("its year has two digits, so that it can be read in several ways; write YYYY/MM/DD");
    }
    match (separator, a > 12, b > 12) {
        // Nobody writes the month first between dots.
        ('.', ..) | (_, true, false) => real(c, b, a),
        (_, false, true) => real(c, a, b),
        _ if a == b => real(c, a, b),
        _ => Err("it may be day/month or month/day; write YYYY/MM/DD"),
    }
}

fn real(year: u32, month: u32, day: u32) -> Result<(u32, u32, u32), &'static str> {
    let days = tabular::plain::days(year, month);
    if year >= 1000 && (1..=days).contains(&day) { Ok((year, month, day)) } else { Err("there is no such day") }
}

/// A decimal number: a point, no thousands. Commas, spaces and apostrophes between thousands, a decimal comma,
/// a sign behind and parentheses for less than nothing are turned into that.
pub fn decimal(text: &str) -> Read {
    if is_decimal(text.as_bytes()) {
        return Read::Same;
    }
    let trimmed = text.trim();
    let (negative, body) = if let Some(body) = trimmed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (true, body)
    } else if let Some(body) = trimmed.strip_suffix('-').or_else(|| trimmed.strip_prefix('-')) {
        (true, body)
    } else if let Some(body) = trimmed.strip_prefix('\u{2212}') {
        (true, body)
    } else {
        (false, trimmed.strip_prefix('+').unwrap_or(trimmed))
    };
    match plain(body.trim()) {
        Ok(digits) => {
            let digits = if digits.starts_with('.') { format!("0{digits}") } else { digits };
            Read::Repaired(if negative { format!("-{digits}") } else { digits })
        }
        Err(why) => Read::Unclear(why),
    }
}

/// Whether what stands before three digits may as well be a mark of thousands as a decimal point: `1.500`.
pub fn may_be_thousands(text: &[u8]) -> bool {
    let mut digits = [0_u8; 8];
    let found = text.iter().filter(|byte| !b" +-()".contains(byte));
    let count = digits.iter_mut().zip(found).map(|(to, byte)| *to = *byte).count();
    let Some(([whole @ .., b'.'], fraction)) = digits.get(..count).and_then(|digits| digits.split_last_chunk::<3>())
    else {
        return false;
    };
    (1..=3).contains(&whole.len()) && whole != b"0" && whole.iter().chain(fraction).all(u8::is_ascii_digit)
}

/// Whether a number shows that its writer does not use a decimal point: `1.500,25`, `1,5` and `1.234.567`.
pub fn has_decimal_comma(before: &str, after: &str) -> bool {
    let last = before.chars().rfind(|letter| matches!(letter, '.' | ','));
    last == Some(',') && after.contains('.') || before.matches('.').count() > 1
}

const NO_NUMBER: &str = "it is not a number; write digits with a decimal point";

/// Digits with at most one point.
fn plain(text: &str) -> Result<String, &'static str> {
    let mut groups: Vec<(Option<char>, String)> = vec![(None, String::new())];
    for letter in text.chars() {
        match letter {
            '0'..='9' => groups.last_mut().ok_or(NO_NUMBER)?.1.push(letter),
            '.' | ',' => groups.push((Some(letter), String::new())),
            ' ' | '\'' | '\u{a0}' | '\u{202f}' | '\u{2019}' => groups.push((Some(' '), String::new())),
            _ => return Err(NO_NUMBER),
        }
    }
    let thousands = |groups: &[(Option<char>, String)]| {
        let separators: Vec<char> = groups.iter().filter_map(|(separator, _)| *separator).collect();
        let same = separators.iter().all(|separator| separators.first() == Some(separator));
        let first = groups.first().is_some_and(|(_, digits)| (1..=3).contains(&digits.len()));
        same && first && groups.iter().skip(1).all(|(_, digits)| digits.len() == 3)
    };
    let joined =
        |groups: &[(Option<char>, String)]| groups.iter().map(|(_, digits)| digits.as_str()).collect::<String>();
    let Some(((last, fraction), before)) = groups.split_last() else { return Err(NO_NUMBER) };
    if groups.iter().all(|(_, digits)| digits.is_empty()) {
        return Err(NO_NUMBER);
    }
    match (last, before) {
        (None, _) => Ok(fraction.clone()),
        (Some(' '), _) if thousands(&groups) => Ok(joined(&groups)),
        (Some('.'), [(_, whole)]) => Ok(format!("{whole}.{fraction}")),
        (Some(','), [(_, whole)]) if fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0" => {
            Err("its comma may part thousands or decimals; write a decimal point and no thousands")
        }
        (Some(','), [(_, whole)]) if !whole.is_empty() && !fraction.is_empty() => Ok(format!("{whole}.{fraction}")),
        (Some('.' | ','), _) => {
            let mark = *last;
            let other = before.iter().skip(1).all(|(separator, _)| *separator != mark);
            if other && before.len() > 1 && thousands(before) {
                Ok(format!("{}.{fraction}", joined(before)))
            } else if thousands(&groups) && groups.len() > 2 {
                Ok(joined(&groups))
            } else {
                Err(NO_NUMBER)
            }
        }
        _ => Err(NO_NUMBER),
    }
}

/// Units as a person writes them.
pub fn shown(units: i128) -> String {
    let scale = 10_u128.pow(12);
    let (whole, rest) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    let sign = if units < 0 { "-" } else { "" };
    let fraction = format!("{rest:012}");
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to(text: &str) -> Read {
        Read::Repaired(text.to_owned())
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        assert_eq!(day("2026/01/31", DayForm::YearFirst), Read::Same);
        for text in [
            "2026-01-31",
            "20260131",
            "2026.1.31",
            "31.01.2026",
            "31.1.2026",
            "31/01/2026",
            "01/31/2026",
            "31-JAN-2026",
            "31-Jan-26",
            "2026-01-31T00:00:00",
            "2026-01-31T00:00:00.000Z",
            " 2026/01/31 ",
            "31 Jan 2026",
        ] {
            assert_eq!(day(text, DayForm::YearFirst), to("2026/01/31"), "{text}");
        }
        assert_eq!(day("2026-01-31", DayForm::MonthFirst), to("01/31/2026"));
        assert_eq!(day("07/07/2026", DayForm::YearFirst), to("2026/07/07"));
        for text in [
            "31/01/26",
            "01/02/2026",
            "2026/02/30",
            "46053",
            "soon",
            "",
            "2026-01-31T10:00:00",
            "1/2/3/4",
            "２０２６/01/01",
        ] {
            assert!(matches!(day(text, DayForm::YearFirst), Read::Unclear(_)), "{text}");
        }
    }

    #[test]
    fn moments_keep_their_time() {
        assert_eq!(moment("2026-01-31T10:20:30.000+00:00", DayForm::YearFirst), to("2026/01/31 10:20:30"));
        assert_eq!(moment("2026/01/31 10:20:30", DayForm::YearFirst), Read::Same);
        assert_eq!(moment("2026-01-31 10:20", DayForm::YearFirst), to("2026/01/31 10:20:00"));
        assert_eq!(moment("2026/01/31", DayForm::YearFirst), Read::Same);
        assert!(matches!(moment("2026-01-31T10:20:30+02:00", DayForm::YearFirst), Read::Unclear(_)));
        assert!(matches!(moment("2026-01-31T25:20:30", DayForm::YearFirst), Read::Unclear(_)));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["1500", "-12.50", "0.1", "1500.", "007"] {
            assert_eq!(decimal(text), Read::Same, "{text}");
        }
        for (text, plain) in [
            ("1,5", "1.5"),
            ("1.500,25", "1500.25"),
            ("1,500.25", "1500.25"),
            ("1 500,25", "1500.25"),
            ("1'500.25", "1500.25"),
            ("12,345,678", "12345678"),
            ("12.345.678", "12345678"),
            ("(100)", "-100"),
            ("100-", "-100"),
            ("+7", "7"),
            (" 7 ", "7"),
            (".5", "0.5"),
            ("0,125", "0.125"),
            ("1234,567", "1234.567"),
            ("1 500", "1500"),
        ] {
            assert_eq!(decimal(text), to(plain), "{text}");
        }
        for text in ["1,500", "-1,500", "12 EUR", "1E3", "", "-", "1,2,3", "1.2,3.4", "--1", ".", ","] {
            assert!(matches!(decimal(text), Read::Unclear(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_anything_and_what_is_repaired_stays(text in "\\PC{0,12}|[0-9.,' ()+-]{0,14}|[0-9]{1,4}[-/. ][0-9]{1,4}[-/. ][0-9]{1,4}") {
            for form in [DayForm::YearFirst, DayForm::MonthFirst] {
                if let Read::Repaired(day_text) = day(&text, form) {
                    let again = day(&day_text, form);
                    prop_assert!(form == DayForm::MonthFirst || again == Read::Same, "{text} {day_text}");
                }
                let _ = moment(&text, form);
            }
            if let Read::Repaired(number) = decimal(&text) {
                prop_assert_eq!(decimal(&number), Read::Same, "{}", text);
                prop_assert!(units(number.as_bytes()).is_some());
            }
        }

        #[test]
        fn every_day_is_read_in_every_clear_form(year in 1900_u32..2100, month in 1_u32..13, date in 1_u32..29) {
            let wanted = format!("{year:04}/{month:02}/{date:02}");
            let name = MONTHS.get(usize::try_from(month).unwrap() - 1).unwrap();
            for text in [format!("{year}-{month}-{date}"), format!("{date}.{month}.{year}"), format!("{date}-{name}-{year}"), format!("{year}{month:02}{date:02}")] {
                prop_assert_eq!(day(&text, DayForm::YearFirst), to(&wanted));
            }
        }

        #[test]
        fn sums_are_exact(cents in -1_000_000_000_000_i64..1_000_000_000_000, other in -1_000_000_000_000_i64..1_000_000_000_000) {
            let text = |cents: i64| {
                let sign = if cents < 0 { "-" } else { "" };
                format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
            };
            let sum = units(text(cents).as_bytes()).unwrap() + units(text(other).as_bytes()).unwrap();
            prop_assert_eq!(Some(sum), units(text(cents + other).as_bytes()));
            prop_assert_eq!(units(shown(sum).as_bytes()), Some(sum));
        }
    }
}
