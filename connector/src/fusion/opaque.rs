//! Keys that only the pod makes (FACTS 1.7): read to learn the ids in them, never made.
//!
//! Upper-case hex of a count of parts, then for each its length and bytes: a Java long or int, text, or a
//! date. The key of a date-effective row holds the day of the question, so yesterday's key is another one;
//! the ids in it stay.

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
    /// A day.
    Date,
    /// Not set.
    Unset,
}

/// A Java serialisation stream, and its block of primitive data.
const STREAM: [u8; 4] = [0xAC, 0xED, 0x00, 0x05];
/// A serialised `java.sql.Date`.
const DATE: usize = 74;

/// The parts of an opaque key; `None` for what is none.
pub fn parts(key: &str) -> Option<Vec<Part>> {
    if key.len() < 12 || !key.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = key.as_bytes().chunks(2).map(pair).collect::<Option<_>>()?;
    let (count, mut rest) = bytes.split_first_chunk::<2>()?;
    let mut found = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length);
        if length == u32::MAX {
            found.push(Part::Unset);
            rest = behind;
            continue;
        }
        let (part, behind) = behind.split_at_checked(usize::try_from(length).ok()?)?;
        found.push(one(part)?);
        rest = behind;
    }
    (rest.is_empty() && !found.is_empty()).then_some(found)
}

fn one(part: &[u8]) -> Option<Part> {
    let Some(object) = part.strip_prefix(&STREAM) else {
        return Some(Part::Text(String::from_utf8(part.to_vec()).ok()?));
    };
    match object {
        [0x77, 8, number @ ..] => Some(Part::Number(i64::from_be_bytes(number.try_into().ok()?))),
        [0x77, 4, number @ ..] => Some(Part::Number(i32::from_be_bytes(number.try_into().ok()?).into())),
        _ if part.len() == DATE => Some(Part::Date),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_recorded_key_of_a_line_is_read() {
        let key = "00020000000EACED00057708000110D931E3087A0000000AACED0005770400000001";
        assert_eq!(parts(key).unwrap(), [Part::Number(0x0001_10D9_31E3_087A), Part::Number(1)]);
        assert_eq!(parts("00010000000B4F52415F4C4541524E4552").unwrap(), [Part::Text("ORA_LEARNER".into())]);
        assert_eq!(parts("0001FFFFFFFF").unwrap(), [Part::Unset]);
        assert_eq!(parts("300000046987012"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_not(text in "([0-9A-F]{2}){0,60}|\\PC{0,40}") {
            let _ = parts(&text);
        }
    }
}
