//! Where reading goes on: the conditions that hold for what comes behind a row, and cursors that carry them.
//!
//! An offset over a live table shifts under one's feet (FACTS 1.12, P6), so pages follow the values of the
//! sort order where these are exact: whole and decimal numbers and dates, with the key last. A moment is
//! written to the millisecond and kept finer, so what follows it can be asked for from that moment on and no
//! closer; rows at it are passed by count. Text is left to the offset: its sort order is the pod's language.
//!
//! Only a row in which every value is set is an anchor; rows behind it whose values are not set are passed by
//! count. Whether unset values come first or last is learnt from the rows at the first attribute and is
//! Oracle's default behind it (last, and first where the order is descending).

use crate::fusion::moment::SignedDuration;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::catalogue::Kind;
use super::query::{Direction, Order, quote};
use super::record;
use super::target::Target;
use super::time;
use crate::problem::{Failure, Result};

/// Where reading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Behind a row that is named by its values.
    After(Anchor),
    /// At this offset.
    Offset(usize, Marks),
    /// At this offset, which the pod takes inside the finder's clause alone (P3).
    Inside(usize, Marks),
    /// One of the others, where the pod said that rows follow.
    Promised(Box<Position>),
}

impl Position {
    /// How many rows to pass behind what the conditions leave out, and the marks of the last of them.
    pub fn place(&self) -> (usize, &[String]) {
        match self {
            Self::After(anchor) => (anchor.passed, &anchor.marks),
            Self::Offset(offset, marks) | Self::Inside(offset, marks) => (*offset, marks),
            Self::Promised(place) => place.place(),
        }
    }

    /// The place itself, and whether the pod said that rows follow it.
    pub fn bare(self) -> (Self, bool) {
        match self {
            Self::Promised(place) => (*place, true),
            place => (place, false),
        }
    }

    /// The same with another count and other marks.
    pub fn set(&mut self, passed: usize, told: Marks) {
        let (offset, marks) = match self {
            Self::Promised(place) => return place.set(passed, told),
            Self::After(anchor) => (&mut anchor.passed, &mut anchor.marks),
            Self::Offset(offset, marks) | Self::Inside(offset, marks) => (offset, marks),
        };
        *offset = passed;
        *marks = told;
    }
}

/// Marks of the rows handed over last, the latest first; empty where the row before this place has none.
pub type Marks = Vec<String>;

/// A row by its values in the sort order, and what was passed behind it by count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    /// Values as text; empty at the beginning.
    pub values: Vec<String>,
    /// Rows without a value of the first attribute came before those with one.
    pub unset_first: bool,
    /// Rows passed that the conditions on the values do not leave out.
    pub passed: usize,
    /// The rows passed last.
    pub marks: Marks,
}

#[derive(Clone, Debug)]
struct Part {
    attribute: String,
    kind: Kind,
    down: bool,
}

/// The attributes that pages follow.
#[derive(Clone, Debug)]
pub struct Keyset {
    parts: Vec<Part>,
    /// The last part holds moments: rows at it are counted.
    coarse: bool,
}

impl Keyset {
    /// The attributes of a sort order with the key behind them; `None` where pages cannot follow them.
    pub fn new(target: &Target, orders: &[Order], framework: u8) -> Option<Self> {
        let key = target.sortable_key()?;
        let mut keyset = Self { parts: Vec::new(), coarse: false };
        for order in orders {
            let attribute = order.attribute.as_str();
            let kind = target.queryable(attribute)?;
            let down = order.direction == Some(Direction::Desc);
            keyset.coarse = kind == Kind::Timestamp;
            if matches!(kind, Kind::String | Kind::Boolean) {
                return None;
            }
            keyset.parts.push(Part { attribute: attribute.to_owned(), kind, down });
            if keyset.coarse || attribute == key {
                break;
            }
        }
        let ends = keyset.coarse || keyset.parts.last().is_some_and(|part| part.attribute == key);
        if !ends {
            keyset.parts.push(Part { attribute: key.to_owned(), kind: Kind::Integer, down: false });
        }
        // Alternatives are not in the grammar of the first framework version.
        (keyset.parts.len() == 1 && !keyset.coarse || framework > 1).then_some(keyset)
    }

    /// The key alone, where that is what pages follow: the cheap and usual case.
    pub fn lone_key(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [only] if !self.coarse => Some(&only.attribute),
            _ => None,
        }
    }

    /// The attributes, which must come along with every row.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.attribute.as_str())
    }

    /// Moves behind a row. Answers whether the row told what it must.
    pub fn pass(&self, anchor: &mut Anchor, row: &str) -> bool {
        let mut values = Vec::with_capacity(self.parts.len());
        for (index, part) in self.parts.iter().enumerate() {
            let [raw] = record::pick(row, [part.attribute.as_str()]);
            match raw.and_then(record::plain).filter(|text| literal(part.kind, text, false).is_some()) {
                Some(text) => values.push(text),
                // The key, the last part, is always set; elsewhere a row may have no value.
                None if index + 1 == self.parts.len() && !self.coarse => return false,
                None => {
                    let unset = raw.is_some_and(|raw| raw.get() == "null");
                    anchor.unset_first |= unset && index == 0 && anchor.values.is_empty();
                    anchor.passed += 1;
                    return true;
                }
            }
        }
        if self.coarse && anchor.values == values {
            anchor.passed += 1;
        } else {
            anchor.passed = usize::from(self.coarse);
            anchor.values = values;
        }
        true
    }

    /// Whether a row has no value of the first attribute.
    pub fn is_unset(&self, row: &str) -> bool {
        let first = self.attributes().next().unwrap_or_default();
        let [raw] = record::pick(row, [first]);
        raw.is_some_and(|raw| raw.get() == "null")
    }

    /// The condition for what comes behind the anchor; `None` at the beginning, or where the anchor does not
    /// fit (a cursor is text from outside).
    pub fn condition(&self, anchor: &Anchor) -> Option<String> {
        if anchor.values.len() != self.parts.len() {
            return None;
        }
        let last = self.parts.len() - 1;
        let mut ways = Vec::new();
        let mut prefix = String::new();
        for (index, (part, value)) in self.parts.iter().zip(&anchor.values).enumerate() {
            let Part { attribute, kind, down } = part;
            let coarse = self.coarse && index == last;
            let sign = match (coarse, down) {
                (false, false) => ">",
                (true, false) => ">=",
                (_, true) => "<",
            };
            ways.push(format!("{prefix}{attribute} {sign} {}", literal(*kind, value, coarse && *down)?));
            let unset_follows = if index == 0 { !anchor.unset_first } else { !down };
            if unset_follows && (index < last || coarse) {
                ways.push(format!("{prefix}{attribute} is null"));
            }
            prefix.push_str(&format!("{attribute} = {} and ", literal(*kind, value, false)?));
        }
        Some(if ways.len() == 1 { ways.swap_remove(0) } else { format!("({})", ways.join(" or ")) })
    }
}

/// A value as it stands in `q`; `None` for what is no such value. `past` is the next moment.
fn literal(kind: Kind, text: &str, past: bool) -> Option<String> {
    match kind {
        Kind::Integer | Kind::Number => {
            let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
            (digits && text.bytes().any(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
        }
        Kind::Timestamp => {
            let at = time::instant(text)?;
            let at = if past { at.checked_add(SignedDuration::from_millis(1)).ok()? } else { at };
            Some(quote(&time::in_query(at)))
        }
        Kind::Date => time::day(text).map(|_| quote(text)),
        Kind::String | Kind::Boolean => None,
    }
}

/// Cursors: opaque text, of a JSON list of words.
pub struct Cursor;

/// Version of the list: version, fingerprint of what was asked, kind of position, whether unset values come
/// first (`n`) and more rows were promised (`p`), how many rows are passed, how many values follow, values, marks.
const VERSION: &str = "2";

impl Cursor {
    /// The opaque text of a cursor for a question with this fingerprint.
    pub fn write(fingerprint: &str, position: Position) -> String {
        let (position, promised) = position.bare();
        let (kind, unset_first, values) = match &position {
            Position::After(anchor) => ("k", anchor.unset_first, anchor.values.as_slice()),
            Position::Inside(..) => ("f", false, Default::default()),
            _ => ("o", false, Default::default()),
        };
        let flags = match (unset_first, promised) {
            (false, false) => "",
            (true, false) => "n",
            (false, true) => "p",
            (true, true) => "np",
        };
        let (passed, marks) = position.place();
        let (passed, count) = (passed.to_string(), values.len().to_string());
        let mut words = vec![VERSION, fingerprint, kind, flags, &passed, &count];
        words.extend(values.iter().chain(marks).map(String::as_str));
        URL_SAFE_NO_PAD.encode(serde_json::Value::from(words).to_string())
    }

    /// Reads a cursor back.
    ///
    /// # Errors
    /// `invalid-input` at `/cursor` for what is no cursor, or one of another question.
    pub fn read(text: &str, fingerprint: &str) -> Result<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let words: Option<Vec<String>> = bytes.and_then(|bytes| crate::json::from_slice(&bytes).ok());
        let Some([version, asked, kind, flags, passed, count, rest @ ..]) = words.as_deref() else {
            return Err(not_ours());
        };
        if version != VERSION || asked != fingerprint {
            return Err(Failure::invalid("/cursor", "this cursor belongs to another search")
                .remedy("Use a cursor only with the input that answered it."));
        }
        let (Ok(passed), Ok(count)) = (passed.parse::<u32>(), count.parse::<u32>()) else { return Err(not_ours()) };
        let (Ok(passed), Ok(count)) = (usize::try_from(passed), usize::try_from(count)) else {
            return Err(not_ours());
        };
        let Some((values, marks)) = rest.split_at_checked(count) else { return Err(not_ours()) };
        let (values, marks) = (values.to_vec(), marks.to_vec());
        let position = match kind.as_str() {
            "k" => Position::After(Anchor { values, unset_first: flags.contains('n'), passed, marks }),
            "o" => Position::Offset(passed, marks),
            "f" => Position::Inside(passed, marks),
            _ => return Err(not_ours()),
        };
        Ok(if flags.contains('p') { Position::Promised(Box::new(position)) } else { position })
    }
}

/// What is told of a cursor that nothing of ours answered.
pub fn not_ours() -> Failure {
    Failure::invalid("/cursor", "this is not a cursor that a search answered")
        .remedy("Use next_cursor of the answer before, unchanged; leave cursor out to begin anew.")
}

/// A fingerprint of texts: 64 bits of FNV-1a. It guards against mistakes, not against malice.
pub fn fingerprint<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for text in texts {
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyset(orders: &str) -> Option<Keyset> {
        let orders: Vec<Order> = serde_json::from_str(orders).unwrap();
        Keyset::new(&Target::known("invoices").unwrap().unwrap(), &orders, 4)
    }

    fn behind(orders: &str, rows: &[&str]) -> (Option<String>, usize) {
        let (keyset, mut anchor) = (keyset(orders).unwrap(), Anchor::default());
        for row in rows {
            assert!(keyset.pass(&mut anchor, row), "{row}");
        }
        (keyset.condition(&anchor), anchor.passed)
    }

    #[test]
    fn pages_follow_the_key_alone_where_nothing_else_is_sorted_by() {
        assert_eq!(behind("[]", &[]), (None, 0));
        assert_eq!(behind("[]", &[r#"{"InvoiceId":7}"#]), (Some("InvoiceId > 7".into()), 0));
        let down = r#"[{"attribute":"InvoiceId","direction":"desc"},{"attribute":"Supplier"}]"#;
        assert_eq!(behind(down, &[r#"{"InvoiceId":7}"#]), (Some("InvoiceId < 7".into()), 0));
        assert!(!keyset("[]").unwrap().pass(&mut Anchor::default(), "{}"));
    }

    #[test]
    fn directions_mix_and_unset_values_are_passed_by_count() {
        let orders = r#"[{"attribute":"InvoiceDate","direction":"desc"},{"attribute":"InvoiceAmount"}]"#;
        let unset = r#"{"InvoiceDate":null,"InvoiceAmount":1,"InvoiceId":1}"#;
        let set = r#"{"InvoiceDate":"2026-01-31","InvoiceAmount":2.50,"InvoiceId":2}"#;
        let half = r#"{"InvoiceDate":"2026-01-30","InvoiceAmount":null,"InvoiceId":3}"#;
        assert_eq!(behind(orders, &[unset]), (None, 1));
        let condition = "(InvoiceDate < '2026-01-31' or InvoiceDate = '2026-01-31' and InvoiceAmount > 2.50 or InvoiceDate = '2026-01-31' and InvoiceAmount is null or InvoiceDate = '2026-01-31' and InvoiceAmount = 2.50 and InvoiceId > 2)";
        assert_eq!(behind(orders, &[unset, set]), (Some(condition.into()), 0));
        assert_eq!(behind(orders, &[unset, set, half]), (Some(condition.into()), 1));
        let with_unset = condition.replacen(" or ", " or InvoiceDate is null or ", 1);
        assert_eq!(behind(orders, &[set]), (Some(with_unset), 0));
    }

    #[test]
    fn rows_at_one_moment_are_counted() {
        let orders = r#"[{"attribute":"LastUpdateDate"},{"attribute":"InvoiceAmount"}]"#;
        let row = r#"{"LastUpdateDate":"2026-01-31T10:00:00.385+00:00","InvoiceId":2}"#;
        let condition = "(LastUpdateDate >= '2026-01-31T10:00:00.385+00:00' or LastUpdateDate is null)";
        assert_eq!(behind(orders, &[row, row]), (Some(condition.into()), 2));
        let down = r#"[{"attribute":"LastUpdateDate","direction":"desc"}]"#;
        let condition = "(LastUpdateDate < '2026-01-31T10:00:00.386+00:00' or LastUpdateDate is null)";
        assert_eq!(behind(down, &[row]), (Some(condition.into()), 1));
    }

    #[test]
    fn text_is_left_to_the_offset() {
        assert!(keyset(r#"[{"attribute":"Supplier"}]"#).is_none());
        assert!(keyset(r#"[{"attribute":"NoSuchThing"}]"#).is_none());
    }

    #[test]
    fn a_cursor_fits_its_own_question_alone() {
        let position = Position::After(Anchor { values: vec!["300000000000000001".into()], ..Anchor::default() });
        let text = Cursor::write("f", position.clone());
        assert_eq!(Cursor::read(&text, "f").unwrap(), position);
        assert!(Cursor::read(&text, "g").is_err());
        let told =
            Anchor { values: vec!["1".into(), "2".into()], unset_first: true, passed: 3, marks: vec!["m".into()] };
        for position in [Position::After(told), Position::Offset(7, vec!["m".into()]), Position::Inside(0, Vec::new())]
        {
            assert_eq!(Cursor::read(&Cursor::write("f", position.clone()), "f").unwrap(), position);
        }
        let evil = Anchor { values: vec!["1 or 1=1".into()], ..Anchor::default() };
        assert_eq!(keyset("[]").unwrap().condition(&evil), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC{0,60}") {
            prop_assert!(Cursor::read(&text, "f").is_err());
        }

        #[test]
        fn no_value_of_a_cursor_leaves_its_place(text in "\\PC{0,20}") {
            for kind in [Kind::Integer, Kind::Number, Kind::Date, Kind::Timestamp, Kind::String] {
                if let Some(made) = literal(kind, &text, true) {
                    prop_assert!(!made.trim_matches('\'').contains(['\'', ';', ' ', '(']));
                }
            }
        }
    }
}
