//! What forms of writes share: the range of a date-effective change, whether a resource takes a create.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::single;
use crate::contract::{ProblemKind, Warning};
use crate::fusion::catalogue::Quirk;
use crate::fusion::query::Anything;
use crate::fusion::record;
use crate::fusion::target::Target;
use crate::problem::{Failure, Result, warning};

/// Resource, as Fusion names it; the children of a record as invoices/{key}/child/invoiceLines.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline, title = "Resource", extend("minLength" = 1, "maxLength" = 2000, "examples" = ["invoices", "invoices/300000046987012/child/invoiceLines"]))]
#[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
pub struct ResourceName(pub String);

/// Key of the record. Where a resource has no plain key, the last segment of the record's own link.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline, title = "Key", extend("minLength" = 1, "maxLength" = 2000, "x-connector-visibility" = "important", "x-connector-order" = 2))]
pub struct Key(pub String);

/// Its attributes by Fusion's names; children as lists. Numbers are sent as they are spelt.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline, title = "Record", extend("x-connector-schema" = {"depends-on": ["resource"]}, "x-connector-visibility" = "important", "x-connector-order" = 3))]
pub struct RecordText(#[schemars(with = "std::collections::BTreeMap<String, Anything>")] pub Box<RawValue>);

/// The records: attributes by Fusion's names, children as lists. Numbers are sent as they are spelt.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline, title = "Records", extend("minItems" = 1, "maxItems" = 1000, "x-connector-visibility" = "important", "x-connector-order" = 3))]
pub struct RecordTexts(#[schemars(with = "Vec<std::collections::BTreeMap<String, Anything>>")] pub Vec<Box<RawValue>>);

/// Attributes that together name one record, by which it is looked up; the resource's business key where it
/// is left out.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline, title = "Match by", extend("x-connector-options" = {"source": "queryable_attributes", "depends-on": ["resource"], "searchable": true}, "x-connector-order" = 4))]
pub struct MatchBy(pub Vec<String>);

/// How a change of a date-effective record counts in time (header `Effective-Of`, FACTS 1.2).
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Effective range", deny_unknown_fields, inline, extend("x-connector-visibility" = "advanced", "x-connector-order" = 6))]
pub struct Range {
    /// What the change does to the spans of days that the record has.
    #[schemars(title = "Mode")]
    mode: Mode,
    /// First day of the change.
    #[schemars(title = "From", extend("format" = "date"))]
    start_date: Option<String>,
    /// Last day of the change.
    #[schemars(title = "To", extend("format" = "date"))]
    end_date: Option<String>,
    /// Which of several changes of the first day it is.
    #[schemars(title = "From sequence", range(min = 1))]
    start_sequence: Option<u32>,
    /// Which of several changes of the last day it is.
    #[schemars(title = "To sequence", range(min = 1))]
    end_sequence: Option<u32>,
    /// Up to which end the change goes.
    #[schemars(title = "Span")]
    span: Option<Span>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
enum Mode {
    Update,
    Correction,
    ReplaceUpdate,
    ReplaceCorrection,
    ReconcileUpdate,
    ReconcileCorrection,
    EndDate,
    SetEffectiveStart,
    SetEffectiveEnd,
    SetLogicalStart,
    SetLogicalEnd,
    Zap,
    DeleteChanges,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
enum Span {
    PhysicalRowEndDate,
    LogicalRowEndDate,
}

impl Range {
    fn check(&self) -> Result<()> {
        let (pointer, told) = match (self.mode, &self.start_date, &self.end_date) {
            (Mode::Update, None, _) => ("/effective/start_date", "UPDATE needs the first day of the change".to_owned()),
            (_, Some(start), Some(end)) if end < start => {
                ("/effective/end_date", format!("{end} is before the first day, {start}"))
            }
            _ => return Ok(()),
        };
        Err(Failure::invalid(pointer, told).remedy("Nothing was sent."))
    }
}

impl Mode {
    /// Whether the first day of the change is one on which the row holds; others move its first day or its last.
    fn is_within(self) -> bool {
        use Mode::{SetEffectiveEnd, SetEffectiveStart, SetLogicalEnd, SetLogicalStart};
        !matches!(self, SetEffectiveStart | SetEffectiveEnd | SetLogicalStart | SetLogicalEnd)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Update => "UPDATE",
            Self::Correction => "CORRECTION",
            Self::ReplaceUpdate => "REPLACE_UPDATE",
            Self::ReplaceCorrection => "REPLACE_CORRECTION",
            Self::ReconcileUpdate => "RECONCILE_UPDATE",
            Self::ReconcileCorrection => "RECONCILE_CORRECTION",
            Self::EndDate => "END_DATE",
            Self::SetEffectiveStart => "SET_EFFECTIVE_START",
            Self::SetEffectiveEnd => "SET_EFFECTIVE_END",
            Self::SetLogicalStart => "SET_LOGICAL_START",
            Self::SetLogicalEnd => "SET_LOGICAL_END",
            Self::Zap => "ZAP",
            Self::DeleteChanges => "DELETE_CHANGES",
        }
    }
}

/// The header fields that a range makes; the rows of the target are those of the day from which it counts.
///
/// # Errors
/// `invalid-input` for days that do not fit, and where the resource is told not to be date-effective: a pod makes
/// the change at once.
pub fn headers(target: &mut Target, range: Option<&Range>) -> Result<Vec<(&'static str, String)>> {
    let Some(range) = range else { return Ok(Vec::new()) };
    if target.is_dated() == Some(false) {
        let told = format!("{} is not date-effective: the pod would make the change at once", target.name);
        return Err(Failure::invalid("/effective", told).remedy("Leave effective out; nothing was sent."));
    }
    range.check()?;
    target.day = range.start_date.clone().filter(|_| range.mode.is_within());
    let mut text = format!("RangeMode={}", range.mode.word());
    if let Some(span) = range.span {
        text.push_str(match span {
            Span::PhysicalRowEndDate => ";RangeSpan=PHYSICAL_ROW_END_DATE",
            Span::LogicalRowEndDate => ";RangeSpan=LOGICAL_ROW_END_DATE",
        });
    }
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    for (name, value) in [
        ("RangeStartDate", range.start_date.clone()),
        ("RangeEndDate", range.end_date.clone()),
        ("RangeStartSequence", number(range.start_sequence)),
        ("RangeEndSequence", number(range.end_sequence)),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(";{name}={value}"));
        }
    }
    Ok(vec![("effective-of", text)])
}

/// Refuses a create that the resource is known not to take.
///
/// # Errors
/// `unsupported`; nothing was sent.
pub fn takes_creates(target: &Target) -> Result<()> {
    let known = target.known.as_ref();
    if target.has(Quirk::NoCreate) || known.is_some_and(|known| !known.collection.contains(&"POST")) {
        return Err(unsupported(target, "created").remedy(
            "Such records come from bulk import, or from another resource: list_resources tells which take a create.",
        ));
    }
    Ok(())
}

/// Refuses a method on one row that the resource is known not to take.
///
/// # Errors
/// `unsupported`; nothing was sent.
pub fn takes(target: &Target, method: &str, done: &str) -> Result<()> {
    match &target.known {
        Some(known) if !known.item.contains(&method) => Err(unsupported(target, done)
            .remedy("Look in describe_resource for an action that does it, and run that with call_record_action.")),
        _ => Ok(()),
    }
}

fn unsupported(target: &Target, done: &str) -> Failure {
    Failure::permanent(
        ProblemKind::Unsupported,
        format!("{} cannot be {done} over REST; nothing was sent.", target.name),
    )
}

/// That the pod has taken a request in and does not say yet whether it did it (FACTS 8, W6 and W7): 201 is no more.
pub fn accepted_only(target: &Target, stored: &str) -> Option<Warning> {
    let [header, status, transaction] =
        record::pick(stored, ["HeaderInterfaceId", "ProcessingStatusCode", "TransactionStatus"]);
    let is = |told: Option<&RawValue>, waits: &str| told.is_some_and(|told| told.get() == waits);
    let name = target.name.as_str();
    let known = name.ends_with("TransactionRequests") || name == "receivingReceiptRequests";
    if !known && !is(status, "\"PENDING\"") && !is(transaction, "\"AP\"") {
        return None;
    }
    let look = match header.and_then(record::plain).filter(|_| name.starts_with("receivingReceipt")) {
        Some(header) => format!(
            "search receivingReceiptTransactionRequests for HeaderInterfaceId = {header}, with expand processingErrors"
        ),
        None => format!("read {name} again, with its children, until its status says how it ended"),
    };
    let told = format!("The pod has only accepted this and processes it later, and may refuse it then: {look}.");
    Some(warning("accepted_only", told, target.key_of(stored)))
}

/// A stored record with its children as lists.
pub fn flat(stored: &str) -> String {
    let mut text = String::with_capacity(stored.len());
    record::flatten(stored, &mut text, &mut |_| {});
    text
}

/// The same without links, as searches answer it, where an attribute tells the key.
pub fn bare(target: &Target, stored: &str) -> String {
    let text = flat(stored);
    if target.plain_key().is_none() || !text.contains("\"links\"") {
        return text;
    }
    let mut bare = String::with_capacity(text.len());
    record::without_links(&text, &mut bare);
    bare
}

/// The answer of a write that ends with one record.
pub fn written(stored: &str, warnings: &[Warning]) -> String {
    single(&flat(stored), warnings)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn sent(range: &str) -> Result<String> {
        let mut target = Target::known("invoices")?.unwrap();
        Ok(headers(&mut target, Some(&serde_json::from_str(range).unwrap()))?.remove(0).1)
    }

    #[test]
    fn days_that_do_not_fit_are_pointed_to() {
        for (range, pointer) in [
            (r#"{"mode":"UPDATE"}"#, "/effective/start_date"),
            (r#"{"mode":"UPDATE","start_date":"2027-02-01","end_date":"2027-01-01"}"#, "/effective/end_date"),
        ] {
            assert_eq!(sent(range).unwrap_err().problem.fields[0].pointer, pointer);
        }
        let range = r#"{"mode":"SET_EFFECTIVE_END","end_date":"2027-01-01","end_sequence":2}"#;
        assert_eq!(sent(range).unwrap(), "RangeMode=SET_EFFECTIVE_END;RangeEndDate=2027-01-01;RangeEndSequence=2");
    }
}
