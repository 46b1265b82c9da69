//! Keys: how a row is named in a URL, and its change indicator.
//!
//! Owns the opaque key format (FACTS 1.7): upper-case hex of a two-byte part count, then per part a
//! four-byte length and the bytes, `FFFFFFFF` for null. Promises that [`parse`] reads back what
//! [`segment`] writes. Never looks a row up; never percent-encodes.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::effective;
use crate::model::{Key, Resource, Row, Type, Value};

/// The part of a date-effective key that is not an attribute: the date the row was read as of.
pub const EFFECTIVE_DATE: &str = "@effective";

/// `ACED0005` and a block of eight data bytes: a serialised `long`.
const LONG: [u8; 6] = [0xAC, 0xED, 0x00, 0x05, 0x77, 0x08];
/// `ACED0005` and a block of four data bytes: a serialised `int`.
const INT: [u8; 6] = [0xAC, 0xED, 0x00, 0x05, 0x77, 0x04];
/// A serialised `java.sql.Date` up to its eight bytes of epoch milliseconds; a `78` closes it.
const SQL_DATE: &[u8] = b"\xAC\xED\x00\x05sr\x00\x0Djava.sql.Date\x14\xFAFh?5f\x97\x02\x00\x00xr\
\x00\x0Ejava.util.Date\x68\x6A\x81\x01\x4B\x59\x74\x19\x03\x00\x00xpw\x08";
/// A serialised `ArrayList` of one `Integer`, up to the four bytes of that integer; a `78` closes it.
const VERSION_LIST: &[u8] = b"\xAC\xED\x00\x05sr\x00\x13java.util.ArrayListx\x81\xD2\x1D\x99\xC7a\x9D\x03\x00\x01I\
\x00\x04sizexp\x00\x00\x00\x01w\x04\x00\x00\x00\x01sr\x00\x11java.lang.Integer\x12\xE2\xA0\xA4\xF7\x81\x878\x02\
\x00\x01I\x00\x05valuexr\x00\x10java.lang.Number\x86\xAC\x95\x1D\x0B\x94\xE0\x8B\x02\x00\x00xp";

/// The values of a key, in the order of the resource's key attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValues(pub Vec<Value>);

impl KeyValues {
    /// The key of one integer.
    pub fn integer(value: i64) -> Self {
        Self(vec![Value::Integer(value)])
    }

    /// The first part.
    pub fn first(&self) -> Option<&Value> {
        self.0.first()
    }

    /// The first part, if it is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self.first() {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// A text that two keys share exactly when they name the same row, whatever their effective
    /// date.
    pub fn identity(&self, resource: &Resource) -> String {
        let mut text = String::new();
        for (name, value) in attributes(resource).iter().zip(&self.0) {
            if *name == EFFECTIVE_DATE {
                continue;
            }
            if !text.is_empty() {
                text.push('|');
            }
            match value {
                Value::Integer(number) => text.push_str(&number.to_string()),
                Value::Text(part) => text.push_str(part),
                Value::Date(date) => text.push_str(&date.to_string()),
                Value::Timestamp(time) => text.push_str(&time.to_string()),
                Value::Decimal(number) => text.push_str(&number.normalize().to_string()),
                Value::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
                Value::Null | Value::List(_) => text.push('~'),
            }
        }
        text
    }
}

/// A row with its ancestors: a child's key may hold its parent's id (an invoice line is named by
/// `InvoiceId` and `LineNumber`, and has no `InvoiceId` of its own).
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What the row is.
    pub resource: &'a Resource,
    /// The row.
    pub row: &'a Row,
    /// The row it is a child of.
    pub parent: Option<&'a Place<'a>>,
}

impl<'a> Place<'a> {
    /// A row of a top-level resource.
    pub fn top(resource: &'a Resource, row: &'a Row) -> Self {
        Self { resource, row, parent: None }
    }

    /// A child row of this one.
    pub fn child(&'a self, resource: &'a Resource, row: &'a Row) -> Self {
        Self { resource, row, parent: Some(self) }
    }

    /// The value of an attribute of the row or else of its nearest ancestor that has it.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.row.get(self.resource, name).or_else(|| self.parent.and_then(|parent| parent.value(name)))
    }
}

/// Why a URL segment is not a key of the resource.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// A plain key that is not a whole number where the attribute is one.
    #[error("{0} is not a whole number")]
    NotANumber(String),
    /// Neither the hex of an opaque key nor a plain id.
    #[error("{0} is not a key")]
    NotAKey(String),
    /// A well-formed opaque key of another resource.
    #[error("the key has other parts than {0}")]
    OtherParts(String),
}

/// The names of the key's parts, in order; [`EFFECTIVE_DATE`] among them where the row is
/// date-effective.
pub fn attributes(resource: &Resource) -> Vec<&str> {
    match &resource.key {
        Key::Plain(name) => vec![name.as_str()],
        Key::Opaque(names) => names.iter().map(String::as_str).collect(),
    }
}

/// The key of a row. `effective` is the date the row is read as of.
pub fn of(place: &Place<'_>, effective: Date) -> KeyValues {
    let part = |name: &str| match place.value(name) {
        Some(value) => value.clone(),
        None if name == EFFECTIVE_DATE => Value::Date(effective),
        None => Value::Null,
    };
    KeyValues(attributes(place.resource).into_iter().map(part).collect())
}

/// The URL segment of a row, not percent-encoded.
pub fn segment(place: &Place<'_>, effective: Date) -> String {
    encode(place.resource, &of(place, effective))
}

/// The child row of that key under a row.
pub fn find_child<'r>(parent: &Place<'r>, child: &Resource, key: &KeyValues) -> Option<&'r Row> {
    parent.row.child(&child.name).get(child_position(parent, child, key)?)
}

/// Where among the rows of a child that of the key is: of several that hold for ranges of dates, the one of the key's
/// date.
pub(crate) fn child_position(parent: &Place<'_>, child: &Resource, key: &KeyValues) -> Option<usize> {
    let wanted = key.identity(child);
    let on = key.0.iter().find_map(|part| match part {
        Value::Date(date) => Some(*date),
        _ => None,
    });
    let named = |row: &Row| child_identity(parent, child, row) == wanted;
    let rows = parent.row.child(&child.name);
    let dated = on.filter(|_| effective::is_dated(child));
    let of_the_day = dated.and_then(|on| rows.iter().position(|row| named(row) && effective::holds(child, row, on)));
    of_the_day.or_else(|| rows.iter().position(named))
}

/// [`KeyValues::identity`] of a child row.
pub fn child_identity(parent: &Place<'_>, child: &Resource, row: &Row) -> String {
    let place = Place { resource: child, row, parent: Some(parent) };
    of(&place, Date::ZERO).identity(child)
}

/// The URL segment of key values, not percent-encoded.
pub fn encode(resource: &Resource, key: &KeyValues) -> String {
    match &resource.key {
        Key::Plain(_) => match key.first() {
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Text(text)) => text.to_string(),
            Some(Value::Date(date)) => date.to_string(),
            _ => String::new(),
        },
        Key::Opaque(names) => opaque(names, &key.0),
    }
}

/// Reads a URL segment, already percent-decoded. A key of one whole number is read both plainly and
/// in its opaque form: `invoices` and `purchaseOrders` take the plain id though the book says hash.
///
/// # Errors
/// [`KeyError`] where the segment is not a key of this resource.
pub fn parse(resource: &Resource, segment: &str) -> Result<KeyValues, KeyError> {
    let names = attributes(resource);
    if let Some(parts) = decode(segment) {
        return typed(resource, &names, parts);
    }
    match names.as_slice() {
        [name] if is_text(resource, name) && matches!(resource.key, Key::Plain(_)) => {
            Ok(KeyValues(vec![Value::Text(segment.into())]))
        }
        [name] if !is_text(resource, name) => {
            let digits = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
            match segment.parse::<i64>() {
                Ok(number) if digits => Ok(KeyValues::integer(number)),
                _ => Err(KeyError::NotANumber(segment.to_owned())),
            }
        }
        _ => Err(KeyError::NotAKey(segment.to_owned())),
    }
}

/// The change indicator of a row: a serialised list of its one version number.
pub fn change_indicator(version: i32) -> String {
    let mut bytes = VERSION_LIST.to_vec();
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.push(0x78);
    hex(&bytes)
}

fn typed(resource: &Resource, names: &[&str], parts: Vec<Part>) -> Result<KeyValues, KeyError> {
    let other = || KeyError::OtherParts(resource.name.clone());
    if parts.len() != names.len() {
        return Err(other());
    }
    let mut values = Vec::with_capacity(parts.len());
    for (name, part) in names.iter().zip(parts) {
        values.push(match part {
            Part::Null => Value::Null,
            Part::Long(number) if is_long(name) && !is_text(resource, name) => Value::Integer(number),
            Part::Int(number) if !is_long(name) && !is_text(resource, name) => Value::Integer(number.into()),
            Part::Date(date) => Value::Date(date),
            Part::Text(text) if is_text(resource, name) => Value::Text(text.into()),
            _ => return Err(other()),
        });
    }
    Ok(KeyValues(values))
}

/// An id is a `long`, any other whole number (a line's number, a sequence) an `int`: so in the
/// recorded keys.
fn is_long(name: &str) -> bool {
    name.ends_with("Id") || name.ends_with("ID")
}

fn is_text(resource: &Resource, name: &str) -> bool {
    resource.attribute(name).is_some_and(|attribute| attribute.kind == Type::Text)
}

fn opaque(names: &[String], values: &[Value]) -> String {
    let count = u16::try_from(names.len()).unwrap_or(u16::MAX);
    let mut bytes = count.to_be_bytes().to_vec();
    for (name, value) in names.iter().zip(values) {
        let part = match value {
            Value::Integer(number) => match i32::try_from(*number) {
                Ok(small) if !is_long(name) => Some([INT.as_slice(), &small.to_be_bytes()].concat()),
                _ => Some([LONG.as_slice(), &number.to_be_bytes()].concat()),
            },
            Value::Text(text) => Some(text.as_bytes().to_vec()),
            Value::Date(date) => Some([SQL_DATE, &epoch_millis(*date).to_be_bytes(), &[0x78]].concat()),
            _ => None,
        };
        match part {
            Some(part) => {
                bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
                bytes.extend_from_slice(&part);
            }
            None => bytes.extend_from_slice(&[0xFF; 4]),
        }
    }
    hex(&bytes)
}

fn epoch_millis(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_millisecond())
}

enum Part {
    Null,
    Long(i64),
    Int(i32),
    Text(String),
    Date(Date),
}

fn decode(segment: &str) -> Option<Vec<Part>> {
    let bytes = unhex(segment)?;
    let (count, mut rest) = bytes.split_first_chunk::<2>()?;
    let mut parts = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        if *length == [0xFF; 4] {
            parts.push(Part::Null);
            continue;
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, after) = rest.split_at_checked(length)?;
        rest = after;
        parts.push(decode_part(part)?);
    }
    (rest.is_empty() && !parts.is_empty()).then_some(parts)
}

fn decode_part(part: &[u8]) -> Option<Part> {
    if let Some(number) = part.strip_prefix(&LONG) {
        return number.try_into().ok().map(|bytes| Part::Long(i64::from_be_bytes(bytes)));
    }
    if let Some(number) = part.strip_prefix(&INT) {
        return number.try_into().ok().map(|bytes| Part::Int(i32::from_be_bytes(bytes)));
    }
    if let Some(rest) = part.strip_prefix(SQL_DATE) {
        let millis = rest.strip_suffix(&[0x78])?.try_into().ok().map(i64::from_be_bytes)?;
        let time = Timestamp::from_millisecond(millis).ok()?;
        return Some(Part::Date(time.to_zoned(TimeZone::UTC).date()));
    }
    String::from_utf8(part.to_vec()).ok().map(Part::Text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::metadata;
    use crate::model::Root;

    fn resource(name: &str) -> &'static Resource {
        let root = if name == "workers" { Root::Hcm } else { Root::Fscm };
        metadata::resource(root, name).unwrap()
    }

    fn lines() -> &'static Resource {
        resource("invoices").child("invoiceLines").unwrap()
    }

    #[test]
    fn an_invoice_line_is_named_by_a_long_and_an_int() {
        let key = KeyValues(vec![Value::Integer(300_000_012_345_678), Value::Integer(2)]);
        let text = encode(lines(), &key);
        assert_eq!(text, "00020000000EACED00057708000110D9322B214E0000000AACED0005770400000002");
        assert_eq!(parse(lines(), &text), Ok(key));
    }

    #[test]
    fn a_null_part_is_four_bytes_of_ones() {
        let key = KeyValues(vec![Value::Integer(7), Value::Integer(8), Value::Null]);
        let text = encode(resource("crossReferenceRelationships"), &key);
        assert_eq!(text.len(), 4 + 2 * (8 + 28) + 8);
        assert!(text.starts_with("0003") && text.ends_with("FFFFFFFF"));
        assert_eq!(parse(resource("crossReferenceRelationships"), &text), Ok(key));
    }

    #[test]
    fn a_date_part_is_a_serialised_object_of_74_bytes_and_names_the_same_row_on_any_day() {
        let workers = resource("workers");
        let key = |day| KeyValues(vec![Value::Integer(300_000_000_000_001), Value::Date(day)]);
        let text = encode(workers, &key(date(2026, 1, 31)));
        assert_eq!(text.get(40..52), Some("0000004AACED"));
        assert_eq!(text.len(), 2 * (2 + 4 + 14 + 4 + 74));
        let read = parse(workers, &text).unwrap();
        assert_eq!(read, key(date(2026, 1, 31)));
        assert_eq!(read.identity(workers), key(date(2027, 1, 1)).identity(workers));
    }

    #[test]
    fn a_text_part_is_its_bytes() {
        let names = vec!["Code".to_owned()];
        assert_eq!(opaque(&names, &["AB".into()]), "0001000000024142");
    }

    #[test]
    fn a_change_indicator_is_a_list_of_one_integer() {
        let text = change_indicator(258);
        assert!(text.starts_with("ACED0005737200136A6176612E7574696C2E41727261794C697374"));
        assert!(text.ends_with("E08B02000078700000010278"), "{text}");
        assert_eq!(text.len(), change_indicator(1).len());
    }

    #[test]
    fn a_key_of_another_resource_or_none_at_all_is_refused() {
        let other = encode(resource("crossReferenceRelationships"), &KeyValues(vec![1.into(), 2.into(), 3.into()]));
        assert!(matches!(parse(lines(), &other), Err(KeyError::OtherParts(_))));
        assert!(matches!(parse(lines(), "1"), Err(KeyError::NotAKey(_))));
        for wrong in ["", "INV-1", "-5", "99999999999999999999", " 1"] {
            assert!(matches!(parse(resource("invoices"), wrong), Err(KeyError::NotANumber(_))), "{wrong}");
        }
    }

    #[test]
    fn a_single_id_is_read_plainly_and_opaquely() {
        for name in ["invoices", "purchaseOrders"] {
            let key = KeyValues::integer(300_000_000_600_000_003);
            let names: Vec<String> = attributes(resource(name)).into_iter().map(str::to_owned).collect();
            assert_eq!(parse(resource(name), "300000000600000003"), Ok(key.clone()));
            assert_eq!(parse(resource(name), &opaque(&names, &key.0)), Ok(key));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(id: i64, number: i32) {
            let key = KeyValues(vec![Value::Integer(id), Value::Integer(number.into())]);
            prop_assert_eq!(parse(lines(), &encode(lines(), &key)), Ok(key));
        }

        #[test]
        fn no_segment_is_a_panic(segment in "\\PC{0,80}|[0-9A-F]{0,160}") {
            for resource in metadata::all() {
                let _ = parse(resource, &segment);
            }
        }

        #[test]
        fn dates_come_back(days in 0_i32..60_000) {
            let day = date(1900, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let key = KeyValues(vec![Value::Integer(1), Value::Date(day)]);
            prop_assert_eq!(parse(resource("workers"), &encode(resource("workers"), &key)), Ok(key));
        }
    }
}
