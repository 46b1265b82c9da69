//! The import of General Ledger journals, JournalImportLauncher (FACTS 3.5 and 3.6).
//!
//! Owns which rows are selected and the errors that keep a group out. Promises that a group comes in whole or stays
//! whole. Never asks whether it came before: the same group twice is two batches (FACTS 3.8).

mod batch;
mod report;

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::fbdi::layout::{self, Layout};
use crate::fbdi::reference::{self, Ledger};
use crate::fbdi::tables::Line;
use crate::fbdi::{Import, Run};
use crate::store::Store;

const TABLE: &str = "GL_INTERFACE";

/// A line of a journal, read.
struct Entry {
    line: Line,
    date: Option<Date>,
    currency: String,
    debit: Option<Decimal>,
    credit: Option<Decimal>,
    account: String,
}

/// The lines of one source and group, which come in together or not at all.
struct Group {
    id: Option<String>,
    entries: Vec<Entry>,
}

/// Lines of one currency and date that do not add up.
struct Unbalanced {
    group: Option<String>,
    currency: String,
    date: String,
    debit: Decimal,
    credit: Decimal,
}

/// What a run came to.
#[derive(Default)]
struct Outcome {
    imported: u64,
    rejected: u64,
    batches: Vec<String>,
    unbalanced: Vec<Unbalanced>,
    /// Lines that have codes.
    errors: Vec<Line>,
}

/// Runs the import.
pub(super) fn import(store: &mut Store, run: &Run<'_>) -> Import {
    let mut outcome = Outcome::default();
    let Some(layout) = layout::of_table(TABLE) else { return report::answer(run, None, &outcome) };
    let ledgers = reference::ledgers(store);
    let wanted = run.argument(3);
    let ledger = ledgers.into_iter().find(|ledger| Some(ledger.id.to_string().as_str()) == wanted);
    let (selected, left): (Vec<Line>, Vec<Line>) =
        store.tables_mut().take(TABLE).into_iter().partition(|line| takes(layout, line, ledger.as_ref(), run));
    store.tables_mut().add(TABLE, left);
    let Some(ledger) = ledger else { return report::answer(run, Some(layout), &outcome) };

    let mut groups: BTreeMap<(String, Option<String>), Group> = BTreeMap::new();
    for line in selected {
        let source = line.get(layout, "USER_JE_SOURCE_NAME").unwrap_or_default().to_owned();
        let id = line.get(layout, "GROUP_ID").map(str::to_owned);
        let group = groups.entry((source, id.clone())).or_insert_with(|| Group { id, entries: Vec::new() });
        group.entries.push(entry(layout, line));
    }
    let suspense = run.argument(5).is_some_and(|flag| flag.starts_with(['Y', 'y']));
    for (_, mut group) in groups {
        // What suspense posting adds was not among the rows.
        let lines = u64::try_from(group.entries.len()).unwrap_or(0);
        judge(layout, run, &mut group, suspense, &mut outcome);
        if group.entries.iter().any(|entry| !entry.line.reasons.is_empty()) {
            outcome.rejected = outcome.rejected.saturating_add(lines);
            for entry in &mut group.entries {
                let codes: Vec<&str> = entry.line.reasons.iter().map(|reason| reason.code.as_str()).collect();
                entry.line.status = Some(codes.join(",")).filter(|codes| !codes.is_empty());
            }
            let lines: Vec<Line> = group.entries.into_iter().map(|entry| entry.line).collect();
            outcome.errors.extend(lines.iter().filter(|line| !line.reasons.is_empty()).cloned());
            store.tables_mut().add(TABLE, lines);
        } else {
            outcome.imported = outcome.imported.saturating_add(lines);
            outcome.batches.extend(batch::create(store, layout, run, &ledger, &group));
        }
    }
    report::answer(run, Some(layout), &outcome)
}

/// Rows that are new or stayed behind, of the run's ledger, source and group. A number for the source is an id, of
/// which this pod has no list: it takes any.
fn takes(layout: &Layout, line: &Line, ledger: Option<&Ledger>, run: &Run<'_>) -> bool {
    let Some(ledger) = ledger else { return false };
    let of_ledger = match (line.get(layout, "LEDGER_ID"), line.get(layout, "LEDGER_NAME")) {
        (Some(id), _) => *id == ledger.id.to_string(),
        (None, Some(name)) => name == ledger.name,
        (None, None) => false,
    };
    let is_id = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    let of_source =
        run.argument(2).is_some_and(|source| is_id(source) || line.get(layout, "USER_JE_SOURCE_NAME") == Some(source));
    let group = line.get(layout, "GROUP_ID");
    let of_group = match run.argument(4) {
        Some(wanted) => wanted.eq_ignore_ascii_case("ALL") || group == Some(wanted),
        None => group.is_none(),
    };
    line.get(layout, "STATUS") == Some("NEW") && of_ledger && of_source && of_group
}

fn entry(layout: &Layout, mut line: Line) -> Entry {
    line.reasons.clear();
    line.status = None;
    let decimal = |name: &str| line.get(layout, name).and_then(|text| text.parse::<Decimal>().ok());
    let segments: Vec<&str> = (1..=30).map_while(|number| line.get(layout, &format!("SEGMENT{number}"))).collect();
    Entry {
        date: line.get(layout, "ACCOUNTING_DATE").and_then(|date| date.parse().ok()),
        currency: line.get(layout, "CURRENCY_CODE").unwrap_or_default().to_owned(),
        debit: decimal("ENTERED_DR"),
        credit: decimal("ENTERED_CR"),
        account: segments.join("."),
        line,
    }
}

/// Notes the errors of a group on its lines; with suspense posting, mends what may be mended instead.
fn judge(layout: &Layout, run: &Run<'_>, group: &mut Group, suspense: bool, outcome: &mut Outcome) {
    let today = run.context().today();
    for entry in &mut group.entries {
        if !reference::is_account(&entry.account) {
            if suspense {
                entry.account = reference::SUSPENSE.to_owned();
            } else {
                entry.line.reject(layout, "EF04", "SEGMENT1");
            }
        }
        if !entry.date.is_some_and(|date| reference::is_open(date, today)) {
            entry.line.reject(layout, "EP01", "ACCOUNTING_DATE");
        }
    }
    let mut sums: BTreeMap<(String, String), (Decimal, Decimal)> = BTreeMap::new();
    let key = |entry: &Entry| (entry.currency.clone(), entry.date.map(|date| date.to_string()).unwrap_or_default());
    let add = |sum: Decimal, amount: Option<Decimal>| sum.checked_add(amount.unwrap_or_default()).unwrap_or(sum);
    for entry in &group.entries {
        let (debit, credit) = sums.entry(key(entry)).or_default();
        *debit = add(*debit, entry.debit);
        *credit = add(*credit, entry.credit);
    }
    sums.retain(|_, (debit, credit)| debit != credit);
    if !suspense {
        for entry in &mut group.entries {
            if sums.contains_key(&key(entry)) {
                entry.line.reject(layout, "WU01", "ENTERED_DR");
            }
        }
    }
    for ((currency, date), (debit, credit)) in sums {
        if suspense {
            balance(group, &currency, &date, debit, credit);
        }
        outcome.unbalanced.push(Unbalanced { group: group.id.clone(), currency, date, debit, credit });
    }
}

/// Adds the line to the suspense account that makes a currency and date add up.
fn balance(group: &mut Group, currency: &str, date: &str, debit: Decimal, credit: Decimal) {
    let like = group.entries.iter().find(|entry| {
        entry.currency == currency && entry.date.map(|date| date.to_string()).unwrap_or_default() == date
    });
    let Some(like) = like else { return };
    let difference = debit.checked_sub(credit).unwrap_or_default();
    let (debit, credit) =
        if difference.is_sign_negative() { (Some(difference.abs()), None) } else { (None, Some(difference)) };
    let entry = Entry {
        line: like.line.clone(),
        date: like.date,
        currency: currency.to_owned(),
        debit,
        credit,
        account: reference::SUSPENSE.to_owned(),
    };
    group.entries.push(entry);
}
