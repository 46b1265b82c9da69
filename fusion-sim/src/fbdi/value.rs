//! One value of a record, against its column: numbers, dates, lengths, and the database's own words for a refusal.
//!
//! What is kept is plain: dates as `YYYY-MM-DD`, moments as ISO 8601, numbers without blanks (FACTS 3.6).

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;

use crate::fbdi::layout::{Column, Kind};

/// What the column holds afterwards; `None` for a cleared value.
///
/// # Errors
/// The database's message, as the load's log shows it.
pub(crate) fn read(column: &Column, table: &str, given: &str) -> Result<Option<String>, String> {
    if given == "#NULL" || given.trim().is_empty() {
        return Ok(None);
    }
    match column.kind {
        Kind::Text(longest) => {
            let text = given.replace("\\n", "\n");
            let length = text.chars().count();
            if length > longest {
                let name = column.name.as_deref().unwrap_or_default();
                return Err(format!(
                    "ORA-12899: value too large for column \"FUSION\".\"{table}\".\"{name}\" (actual: {length}, \
                     maximum: {longest})"
                ));
            }
            Ok(Some(text))
        }
        Kind::Number => number(given).map(|_| Some(given.trim().to_owned())),
        Kind::Whole => {
            let number = number(given)?;
            let whole = number.trunc().normalize();
            if whole.to_string().trim_start_matches('-').len() > 18 {
                return Err("ORA-01438: value larger than specified precision allowed for this column".to_owned());
            }
            // The column has no scale: the database rounds what it is given.
            Ok(Some(number.round().normalize().to_string()))
        }
        Kind::Date => date(given.trim(), [0, 1, 2]).map(|date| Some(date.to_string())),
        Kind::AmericanDate => date(given.trim(), [2, 0, 1]).map(|date| Some(date.to_string())),
        Kind::Moment => moment(given.trim()).map(Some),
    }
}

fn number(given: &str) -> Result<Decimal, String> {
    let text = given.trim();
    let plain = text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter));
    let read = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
    read.ok().filter(|_| plain && !text.contains('_')).ok_or_else(|| "ORA-01722: invalid number".to_owned())
}

/// A date of three numbers, whose year, month and day stand at these places; any mark may stand between them, as
/// `TO_DATE` allows.
fn date(given: &str, [year, month, day]: [usize; 3]) -> Result<Date, String> {
    let parts: Vec<&str> = given.split(['/', '-', '.']).collect();
    let part = |at: usize, longest: usize| -> Result<i16, String> {
        let text = parts.get(at).copied().unwrap_or_default();
        if text.is_empty() {
            return Err("ORA-01840: input value not long enough for date format".to_owned());
        }
        if !text.chars().all(|letter| letter.is_ascii_digit()) {
            let spaced =
                at == 2 && text.starts_with(|letter: char| letter.is_ascii_digit()) && text.contains([' ', 'T']);
            return Err(if spaced {
                "ORA-01830: date format picture ends before converting entire input string".to_owned()
            } else {
                "ORA-01858: a non-numeric character was found where a numeric was expected".to_owned()
            });
        }
        text.parse()
            .ok()
            .filter(|_| text.len() <= longest)
            .ok_or_else(|| "ORA-01861: literal does not match format string".to_owned())
    };
    // Without marks, the digits themselves are the format's: 20260131.
    if parts.len() == 1 && given.len() == 8 && given.chars().all(|letter| letter.is_ascii_digit()) && year == 0 {
        let cut = |from: usize, to: usize| given.get(from..to).unwrap_or_default();
        return date(&format!("{}/{}/{}", cut(0, 4), cut(4, 6), cut(6, 8)), [0, 1, 2]);
    }
    let year = part(year, 4)?;
    let month = i8::try_from(part(month, 4)?).ok().filter(|month| (1..=12).contains(month));
    let month = month.ok_or_else(|| "ORA-01843: not a valid month".to_owned())?;
    let day = i8::try_from(part(day, 4)?).ok().filter(|day| (1..=31).contains(day));
    let day = day.ok_or_else(|| "ORA-01847: day of month must be between 1 and last day of month".to_owned())?;
    if parts.len() > 3 {
        return Err("ORA-01830: date format picture ends before converting entire input string".to_owned());
    }
    Date::new(year, month, day).map_err(|_| "ORA-01839: date not valid for month specified".to_owned())
}

fn moment(given: &str) -> Result<String, String> {
    let Some((day, time)) = given.split_once([' ', 'T']) else {
        return date(given, [0, 1, 2]).map(|date| date.to_string());
    };
    let day = date(day, [0, 1, 2])?;
    let moment: DateTime = format!("{day}T{time}")
        .parse()
        .map_err(|_| "ORA-01850: hour must be between 0 and 23, minutes and seconds between 0 and 59".to_owned())?;
    Ok(moment.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn column(kind: Kind) -> Column {
        Column { name: Some("C".to_owned()), kind, required: false }
    }

    fn as_date(text: &str) -> Result<String, String> {
        read(&column(Kind::Date), "T", text).map(Option::unwrap)
    }

    #[test]
    fn dates_are_read_as_to_date_reads_them() {
        for text in ["2026/01/31", "2026-01-31", "20260131", " 2026/1/31 "] {
            assert_eq!(as_date(text).unwrap(), "2026-01-31");
        }
        // The year comes first, whatever the writer meant.
        assert_eq!(as_date("31/01/26").unwrap(), "0031-01-26");
        for (text, code) in [
            ("01/31/2026", "ORA-01843"),
            ("2026/13/01", "ORA-01843"),
            ("2026/02/30", "ORA-01839"),
            ("2026/02/32", "ORA-01847"),
            ("31-JAN-2026", "ORA-01858"),
            ("2026/01", "ORA-01840"),
            ("2026/01/31 00:00:00", "ORA-01830"),
        ] {
            assert!(as_date(text).unwrap_err().starts_with(code), "{text}: {:?}", as_date(text));
        }
        let american = read(&column(Kind::AmericanDate), "T", "01/31/2026").unwrap();
        assert_eq!(american.as_deref(), Some("2026-01-31"));
    }

    #[test]
    fn numbers_have_a_decimal_point_and_nothing_else() {
        let as_number = |text| read(&column(Kind::Number), "T", text);
        for text in ["1500", "-0.10", " 7 ", "+3", ".5", "1E3"] {
            assert!(as_number(text).is_ok(), "{text}");
        }
        for text in ["1,500", "1.500,00", "USD 3", "\u{feff}1", "1_000", "NaN"] {
            assert_eq!(as_number(text).unwrap_err(), "ORA-01722: invalid number", "{text}");
        }
        assert!(read(&column(Kind::Whole), "T", "1234567890123456789").unwrap_err().starts_with("ORA-01438"));
    }

    #[test]
    fn texts_are_measured_in_characters_and_cleared_by_the_null_mark() {
        let as_text = |text| read(&column(Kind::Text(3)), "T", text);
        assert_eq!(as_text("äöü").unwrap().as_deref(), Some("äöü"));
        assert!(as_text("abcd").unwrap_err().contains("(actual: 4, maximum: 3)"));
        assert_eq!(as_text("#NULL").unwrap(), None);
        assert_eq!(as_text("a\\nb").unwrap().as_deref(), Some("a\nb"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,24}") {
            for kind in [Kind::Text(9), Kind::Number, Kind::Whole, Kind::Date, Kind::Moment, Kind::AmericanDate] {
                let _ = read(&column(kind), "T", &text);
            }
        }
    }
}
