//! Date-effective rows: which of them hold on a date, and how a change begins on one (FACTS 1.2, 4.2).
//!
//! Owns the `Effective-Of` header and the rule that a person is there from the first work relationship to the end of
//! the last. Of the range modes it does corrections and updates; the others are refused.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use crate::keys::{self, EFFECTIVE_DATE};
use crate::model::{Resource, Row, Value};
use crate::query::Grammar;
use crate::query::filter::Filter;

/// The open end of a range (FACTS 1.12).
pub(crate) const OPEN: Date = date(4712, 12, 31);

const MODES: [&str; 13] = [
    "SET_LOGICAL_START",
    "SET_LOGICAL_END",
    "END_DATE",
    "SET_EFFECTIVE_START",
    "SET_EFFECTIVE_END",
    "REPLACE_CORRECTION",
    "REPLACE_UPDATE",
    "RECONCILE_CORRECTION",
    "CORRECTION",
    "RECONCILE_UPDATE",
    "UPDATE",
    "ZAP",
    "DELETE_CHANGES",
];

/// What `Effective-Of` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Range {
    /// The row is changed as it stands.
    #[default]
    Correction,
    /// The row ends the day before, and a changed one begins.
    UpdateFrom(Date),
}

impl Range {
    /// Reads the header of a change.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn read(header: &str) -> Result<Self, String> {
        match Self::parts(header)? {
            ("CORRECTION", _) => Ok(Self::Correction),
            ("UPDATE", Some(start)) => Ok(Self::UpdateFrom(start)),
            ("UPDATE", None) => Err("The Effective-Of header has no RangeStartDate.".to_owned()),
            (other, _) => Err(format!("The range mode {other} isn't supported for this row.")),
        }
    }

    /// From when a created row holds, where the header tells.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn start(header: &str) -> Result<Option<Date>, String> {
        Self::parts(header).map(|(_, start)| start)
    }

    fn parts(header: &str) -> Result<(&str, Option<Date>), String> {
        let (mut mode, mut start) = ("CORRECTION", None);
        for part in header.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || format!("The value {part} of the Effective-Of header isn't valid.");
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let day = || value.parse::<Date>().map_err(|_| wrong());
            match name {
                "RangeMode" if MODES.contains(&value) => mode = value,
                "RangeSpan" if ["PHYSICAL_ROW_END_DATE", "LOGICAL_ROW_END_DATE"].contains(&value) => {}
                "RangeStartDate" => start = Some(day()?),
                "RangeEndDate" => {
                    day()?;
                }
                "RangeStartSequence" | "RangeEndSequence" if value.parse::<u32>().is_ok() => {}
                _ => return Err(wrong()),
            }
        }
        Ok((mode, start))
    }
}

/// Whether rows of the resource hold for a range of dates.
pub(crate) fn is_dated(resource: &Resource) -> bool {
    keys::attributes(resource).contains(&EFFECTIVE_DATE)
}

/// Whether a row holds on a date; those without a range always do.
pub(crate) fn holds(resource: &Resource, row: &Row, on: Date) -> bool {
    let bound = |name: &str| match row.get(resource, name) {
        Some(Value::Date(date)) => Some(*date),
        _ => None,
    };
    bound("EffectiveStartDate").is_none_or(|start| start <= on) && bound("EffectiveEndDate").is_none_or(|end| end >= on)
}

/// The people who are there on a date; none for other resources.
pub(crate) fn present(resource: &Resource, on: Date) -> Option<Filter> {
    if resource.name != "workers" {
        return None;
    }
    let text = format!(
        "workRelationships.StartDate <= '{on}' and \
         (workRelationships.TerminationDate is null or workRelationships.TerminationDate >= '{on}')"
    );
    Filter::parse(&text, Grammar::of(2), resource).ok()
}

/// Cuts a row in two: the first ends the day before, the second begins on the date. None where the date is not within
/// the row, or where the row has no range.
pub(crate) fn cut(resource: &Resource, row: &Row, from: Date) -> Option<(Row, Row)> {
    resource.attribute("EffectiveStartDate")?;
    let begins = row.get(resource, "EffectiveStartDate") != Some(&Value::Date(from));
    if !begins || !holds(resource, row, from) {
        return None;
    }
    let (mut before, mut after) = (row.clone(), row.clone());
    before.set(resource, "EffectiveEndDate", from.checked_sub(1.day()).ok()?.into());
    after.set(resource, "EffectiveStartDate", from.into());
    Some((before, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_read_from_its_parts_in_any_order() {
        let from = Range::UpdateFrom(date(2026, 9, 1));
        for text in [
            "RangeMode=UPDATE;RangeStartDate=2026-09-01",
            " RangeStartDate=2026-09-01 ; RangeMode=UPDATE; RangeSpan=LOGICAL_ROW_END_DATE;RangeEndDate=4712-12-31",
        ] {
            assert_eq!(Range::read(text), Ok(from), "{text}");
        }
        assert_eq!(Range::read(""), Ok(Range::Correction));
        for wrong in ["RangeMode=update", "RangeStartSequence=first", "Range=UPDATE", "RangeMode=UPDATE", "x"] {
            assert!(Range::read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_header_is_a_panic(text in "(Range(Mode|StartDate)=?[-A-Z0-9_]{0,12};?|.){0,8}") {
            let _ = Range::read(&text);
        }
    }
}
