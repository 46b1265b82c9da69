//! Whether what was sent is what is stored, told from raw JSON.
//!
//! Numbers are compared by value and dates by day, whatever their spelling; flags may be `true` or `"Y"`,
//! and what is empty is null to a pod. Children are never compared: rows may be reordered or completed.

use serde_json::value::RawValue;

use crate::contract::Warning;
use crate::fusion::record::{Members, plain};
use crate::fusion::time;
use crate::problem::warning;

/// An attribute that was sent and is stored otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch<'r> {
    /// Its name.
    pub name: String,
    /// As it was sent.
    pub sent: &'r str,
    /// As it is stored.
    pub stored: &'r str,
}

/// Members of a record's text; none where it is no object.
pub fn members(record: &str) -> Vec<(String, &RawValue)> {
    serde_json::from_str(record).map_or_else(|_| Vec::new(), |Members(members)| members)
}

/// Whether a value holds others.
pub fn is_nested(raw: &RawValue) -> bool {
    raw.get().starts_with(['{', '['])
}

/// Attributes of `sent` that `stored` holds otherwise; what only one of them has is left out, as children are.
pub fn mismatches<'r>(sent: &'r str, stored: &'r str) -> Vec<Mismatch<'r>> {
    let stored = members(stored);
    let mut found = Vec::new();
    for (name, wanted) in members(sent) {
        let Some((_, there)) = stored.iter().find(|(other, _)| *other == name) else { continue };
        if !is_nested(wanted) && !same(wanted, there) {
            found.push(Mismatch { name, sent: wanted.get(), stored: there.get() });
        }
    }
    found
}

/// Whether two values say the same.
pub fn same(one: &RawValue, other: &RawValue) -> bool {
    let (a, b) = (one.get(), other.get());
    if a == b {
        return true;
    }
    let empty = |text: &str| matches!(text, "null" | "\"\"");
    if empty(a) || empty(b) {
        return empty(a) && empty(b);
    }
    let (Some(a), Some(b)) = (plain(one), plain(other)) else { return false };
    if let (Some(a), Some(b)) = (number(&a), number(&b)) {
        return a == b;
    }
    let flag = |text: &str| match text {
        "true" | "Y" => Some(true),
        "false" | "N" => Some(false),
        _ => None,
    };
    a == b || (flag(&a).is_some() && flag(&a) == flag(&b)) || moment(&a, &b)
}

/// The same day, where one of them is a plain date, else the same instant.
fn moment(a: &str, b: &str) -> bool {
    let day = |text: &str| text.get(..10).and_then(time::day);
    match (a.len(), b.len()) {
        (10, _) | (_, 10) => day(a).is_some() && day(a) == day(b),
        _ => time::instant(a).is_some() && time::instant(a) == time::instant(b),
    }
}

/// Numbers and dates that were sent and are stored otherwise, for people. Texts may be translated or
/// completed by the pod (I9, W3), and what it has not derived yet is null (W4), so neither counts.
pub fn plain_differences(sent: &str, found: &str) -> Vec<String> {
    let counts = |mismatch: &Mismatch| {
        mismatch.stored != "null"
            && (mismatch.name.ends_with("Date")
                || (number(mismatch.sent).is_some() && number(mismatch.stored).is_some()))
    };
    mismatches(sent, found).iter().filter(|mismatch| counts(mismatch)).map(Mismatch::told).collect()
}

impl Mismatch<'_> {
    /// For people.
    pub fn told(&self) -> String {
        format!("{} is {}, sent was {}", self.name, self.stored, self.sent)
    }
}

/// What the pod stored otherwise than it was sent with a create (W3). What is null may be filled later (W4).
pub fn changed_by_server(sent: &str, stored: &str, key: Option<&str>) -> Vec<Warning> {
    let other = mismatches(sent, stored);
    other.iter().filter(|mismatch| mismatch.stored != "null").map(|mismatch| changed(mismatch, key)).collect()
}

/// The pod stored another value (W3).
pub fn changed(mismatch: &Mismatch, key: Option<&str>) -> Warning {
    let message = format!("The pod stored its own value: {}. Go on with the stored one.", mismatch.told());
    warning("changed_by_server", message, key.map(str::to_owned))
}

/// The pod left the value as it was, without a word (W2).
pub fn ignored(mismatch: &Mismatch, key: Option<&str>) -> Warning {
    let message = format!(
        "The pod accepted the change and did not make it: {}. Some attributes can be set only once, or only in another state of the record.",
        mismatch.told()
    );
    warning("ignored", message, key.map(str::to_owned))
}

/// A number's value: sign, digits without padding, exponent; `None` for what is no number.
pub fn number(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let scale = i64::try_from(fraction.len()).unwrap_or(0);
    let padded = digits.trim_start_matches('0');
    let bare = padded.trim_end_matches('0');
    let exponent = exponent.trim_start_matches('+').parse::<i64>().ok()?;
    if bare.is_empty() {
        return Some((false, String::new(), 0));
    }
    let zeros = i64::try_from(padded.len() - bare.len()).unwrap_or(0);
    Some((negative, bare.to_owned(), exponent.saturating_sub(scale).saturating_add(zeros)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn equal(one: &str, other: &str) -> bool {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        same(&raw(one), &raw(other))
    }

    #[test]
    fn spellings_of_one_value_are_the_same_and_values_are_not() {
        for (one, other) in [
            ("1.50", "1.5"),
            ("\"12\"", "12"),
            ("true", "\"Y\""),
            ("null", "\"\""),
            ("\"2026-02-01\"", "\"2026-02-01T00:00:00.000+00:00\""),
            ("\"2026-02-01T10:00:00Z\"", "\"2026-02-01T10:00:00.000+00:00\""),
        ] {
            assert!(equal(one, other), "{one} {other}");
        }
        for (one, other) in
            [("1", "2"), ("\"a\"", "\"b\""), ("true", "\"N\""), ("null", "0"), ("\"2026-02-01\"", "\"2026-02-02\"")]
        {
            assert!(!equal(one, other), "{one} {other}");
        }
    }

    #[test]
    fn only_what_both_have_is_compared_and_no_children() {
        let found = mismatches(r#"{"A":1,"B":"x","C":[1],"D":2}"#, r#"{"A":2,"B":"x","C":[2]}"#);
        assert_eq!(found.iter().map(Mismatch::told).collect::<Vec<_>>(), ["A is 2, sent was 1"]);
    }

    proptest! {
        #[test]
        fn a_number_equals_its_other_spellings(whole in 0u64..1_000_000_000_000, cents in 0u32..100) {
            let plain = number(&format!("{whole}.{cents:02}"));
            prop_assert_eq!(&plain, &number(&format!("{whole}.{cents:02}000")));
            prop_assert_eq!(&plain, &number(&format!("{}e-2", u128::from(whole) * 100 + u128::from(cents))));
            prop_assert_ne!(plain, number(&format!("{whole}.{cents:02}1")));
        }
    }
}
