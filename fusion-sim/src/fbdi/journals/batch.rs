//! Journal batches of the pod, made from the lines of a group.
//!
//! Owns the names: the batch's is what REFERENCE1 says with text behind it, `<ref1> <id> A <request> N` (FACTS 3.6).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Entry, Group};
use crate::fbdi::Run;
use crate::fbdi::layout::Layout;
use crate::fbdi::reference::{self, Ledger};
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::store::Store;

/// Creates the batches of a group; their names.
pub(super) fn create(store: &mut Store, layout: &Layout, run: &Run<'_>, ledger: &Ledger, group: &Group) -> Vec<String> {
    let Some(resource) = metadata::resource(Root::Fscm, "journalBatches") else { return Vec::new() };
    let mut batches: BTreeMap<(String, String), Vec<&Entry>> = BTreeMap::new();
    for entry in &group.entries {
        let name = entry.line.get(layout, "REFERENCE1").unwrap_or_default().to_owned();
        let period = entry.date.map(reference::period).unwrap_or_default();
        batches.entry((name, period)).or_default().push(entry);
    }
    let made = batches.into_iter().map(|((name, period), entries)| {
        let id = store.next_id();
        let source = entries.first().and_then(|entry| entry.line.get(layout, "USER_JE_SOURCE_NAME"));
        let stem = if name.is_empty() { source.unwrap_or_default() } else { &name };
        let full = format!("{stem} {id} A {} N", run.request_id);
        let mut row = stamped(resource, run);
        let description = entries.iter().find_map(|entry| entry.line.get(layout, "REFERENCE2"));
        for (attribute, value) in [
            ("JeBatchId", id.into()),
            ("BatchName", Value::from(full.as_str())),
            ("BatchDescription", description.unwrap_or("Journal Import").into()),
            ("DefaultPeriodName", period.into()),
            ("UserJeSourceName", source.map(str::to_owned).into()),
            ("ActualFlagMeaning", "Actual".into()),
            ("Status", "U".into()),
            ("StatusMeaning", "Unposted".into()),
            ("CompletionStatusMeaning", "Complete".into()),
            ("ApprovalStatusMeaning", "Not required".into()),
            ("RequestId", i64::try_from(run.request_id).ok().into()),
        ] {
            row.set(resource, attribute, value);
        }
        totals(resource, &mut row, layout, ledger, &entries);
        for child in &resource.children {
            let rows = row.child_mut(&child.name);
            if child.name == "journalHeaders" {
                *rows = headers(child, layout, run, ledger, &entries);
            }
        }
        store.insert(resource, row);
        full
    });
    made.collect()
}

fn headers(child: &Resource, layout: &Layout, run: &Run<'_>, ledger: &Ledger, entries: &[&Entry]) -> Vec<Row> {
    let mut journals: BTreeMap<(String, String, String), Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let cell = |name: &str| entry.line.get(layout, name).unwrap_or_default();
        let category = cell("USER_JE_CATEGORY_NAME");
        let name = [cell("REFERENCE4"), category, &entry.currency].join(" ").trim().to_owned();
        let day = entry.date.map(|date| date.to_string()).unwrap_or_default();
        journals.entry((name, day, category.to_owned())).or_default().push(entry);
    }
    let (mut made, mut used) = (Vec::new(), BTreeMap::new());
    for ((mut name, _, category), entries) in journals {
        let before = used.entry(name.clone()).or_insert(0_u64);
        *before = before.saturating_add(1);
        if *before > 1 {
            name = format!("{name} {before}");
        }
        let first = entries.first().copied();
        let cell = |column: &str| first.and_then(|entry| entry.line.get(layout, column)).map(str::to_owned);
        let mut row = stamped(child, run);
        for (attribute, value) in [
            ("JournalName", Value::from(name)),
            ("JournalDescription", cell("REFERENCE5").into()),
            ("ExternalReference", cell("REFERENCE6").into()),
            ("LedgerName", ledger.name.as_str().into()),
            ("LedgerCurrencyCode", ledger.currency.as_str().into()),
            ("CurrencyCode", cell("CURRENCY_CODE").into()),
            ("PeriodName", first.and_then(|entry| entry.date).map(reference::period).into()),
            ("DefaultEffectiveDate", first.and_then(|entry| entry.date).into()),
            ("UserJeCategoryName", category.into()),
            ("UserCurrencyConversionType", cell("USER_CURRENCY_CONVERSION_TYPE").into()),
        ] {
            row.set(child, attribute, value);
        }
        totals(child, &mut row, layout, ledger, &entries);
        for grandchild in &child.children {
            let rows = row.child_mut(&grandchild.name);
            if grandchild.name == "journalLines" {
                let numbered = (1_i64..).zip(&entries);
                *rows = numbered.map(|(at, entry)| line(grandchild, layout, run, ledger, at, entry)).collect();
            }
        }
        made.push(row);
    }
    made
}

fn line(child: &Resource, layout: &Layout, run: &Run<'_>, ledger: &Ledger, number: i64, entry: &Entry) -> Row {
    let mut row = stamped(child, run);
    let cell = |column: &str| entry.line.get(layout, column).map(str::to_owned);
    let (debit, credit) = accounted(layout, ledger, entry);
    for (attribute, value) in [
        ("JeLineNumber", number.into()),
        ("AccountCombination", Value::from(entry.account.as_str())),
        ("CurrencyCode", entry.currency.as_str().into()),
        ("EnteredDr", entry.debit.into()),
        ("EnteredCr", entry.credit.into()),
        ("AccountedDr", debit.into()),
        ("AccountedCr", credit.into()),
        ("Description", cell("REFERENCE10").into()),
    ] {
        row.set(child, attribute, value);
    }
    for number in 1..=10 {
        row.set(child, &format!("Reference{number}"), cell(&format!("REFERENCE{}", 20 + number)).into());
    }
    row
}

/// The amounts in the ledger's currency: as sent, or converted, or as they were entered.
fn accounted(layout: &Layout, ledger: &Ledger, entry: &Entry) -> (Option<Decimal>, Option<Decimal>) {
    let decimal = |name: &str| entry.line.get(layout, name).and_then(|text| text.parse::<Decimal>().ok());
    let rate = decimal("CURRENCY_CONVERSION_RATE").filter(|_| entry.currency != ledger.currency);
    let convert = |name: &str, entered: Option<Decimal>| {
        let entered = entered?;
        let sent = decimal(name).filter(|_| entry.account != reference::SUSPENSE);
        sent.or_else(|| Some(entered.checked_mul(rate?)?.round_dp(2))).or(Some(entered))
    };
    (convert("ACCOUNTED_DR", entry.debit), convert("ACCOUNTED_CR", entry.credit))
}

fn totals(resource: &Resource, row: &mut Row, layout: &Layout, ledger: &Ledger, entries: &[&Entry]) {
    let sum = |amount: &dyn Fn(&Entry) -> Option<Decimal>| {
        let amounts = entries.iter().filter_map(|entry| amount(entry));
        Value::from(amounts.fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum)))
    };
    row.set(resource, "RunningTotalDr", sum(&|entry| entry.debit));
    row.set(resource, "RunningTotalCr", sum(&|entry| entry.credit));
    row.set(resource, "RunningTotalAccountedDr", sum(&|entry| accounted(layout, ledger, entry).0));
    row.set(resource, "RunningTotalAccountedCr", sum(&|entry| accounted(layout, ledger, entry).1));
}

fn stamped(resource: &Resource, run: &Run<'_>) -> Row {
    let mut row = Row::empty(resource);
    for name in ["CreationDate", "LastUpdateDate"] {
        row.set(resource, name, run.now.into());
    }
    for name in ["CreatedBy", "LastUpdatedBy"] {
        row.set(resource, name, run.user.into());
    }
    row
}
