//! What is compared across rows: children with their parents, sums of lines with their invoice, invoice numbers
//! that come twice, debits with credits. Amounts are exact, and memory does not grow with the rows.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use tabular::keys::{Entry, Failed, Hash, Keys};
use tabular::plain::same as alike;

use super::findings::{Findings, Place};
use super::layout::{FileLayout, Kind};
use super::objects::Checks;
use super::plan::position;
use super::row::text;
use super::values::{ONE, is_decimal, shown, units};
use super::{Object, Severity};
use crate::problem::{Failure, Result};

/// Groups of journals that are summed at once; more go aside and are summed at the end. 3 MiB.
const MOST_SUMS: usize = 16 << 10;

/// Groups whose names are kept for the message.
const MOST_LABELS: usize = 2048;

/// Line numbers of one invoice that are compared; the lines behind them are left to the pod.
const MOST_LINES: usize = 16 << 10;

/// An amount, or a sum, that cannot be told: nothing is compared with it.
const UNTOLD: i128 = i128::MIN;

/// An entry's order: its rank, then where its row stands (file and row), then how many rows directly behind it are in
/// the entry with it.
const RANK: u32 = 62;
const FILE: u32 = 48;
const ROW: u32 = 8;
const MOST_FILES: u64 = 0x3fff;
const LAST_ROW: u64 = (1 << (FILE - ROW)) - 1;
const MOST_TOGETHER: u64 = (1 << ROW) - 1;

/// Ranks of entries of one key: parents come before children.
const PARENT: u64 = 0;
/// A parent whose lines do not make up its amount by themselves.
const PARENT_WITH_TAX: u64 = 1;
const CHILD: u64 = 2;

/// Tells what is in a column of a row.
type Values<'f, 'c> = &'f dyn Fn(u32) -> Option<&'c [u8]>;

/// The same number without zeros before it, or behind its point.
fn shortest(number: &[u8]) -> &[u8] {
    let whole = match number.iter().position(|byte| *byte == b'.') {
        Some(point) if number.iter().skip(point + 1).all(|byte| *byte == b'0') => number.get(..point),
        _ => None,
    };
    let whole = whole.unwrap_or(number);
    let zeros = whole.iter().take_while(|byte| **byte == b'0').count().min(whole.len().saturating_sub(1));
    whole.get(zeros..).unwrap_or_default()
}

/// Compares rows.
pub struct Checker<'a> {
    object: &'a Object,
    /// Input files, as places name them.
    files: Vec<String>,
    nested: bool,
    /// What the person calls the file of each table.
    called: Vec<Option<String>>,
    /// For each table that has children: the keys of both.
    families: Vec<Option<Keys>>,
    /// Children of one parent of this table that stand together, not yet among the keys.
    together: Option<(usize, Entry)>,
    columns: Vec<Columns>,
    numbers: Option<Keys>,
    /// The parent of the last child, and its key.
    parent: (Vec<u8>, u128),
    /// The invoice whose lines come, and their numbers.
    lines: (u128, Numbers),
    sums: Sums,
    journal: [Option<u32>; 8],
    suspense: bool,
    /// The ledger that the job imports.
    ledger: Option<String>,
}

/// Numbers of lines, in units. Nearly always they follow each other: those are a range, the others are held.
#[derive(Default)]
struct Numbers {
    range: Option<(i128, i128)>,
    others: HashSet<i128>,
}

impl Numbers {
    /// Takes one in; whether it is new.
    fn insert(&mut self, number: i128) -> bool {
        let (first, last) = *self.range.get_or_insert((number, number.saturating_sub(ONE)));
        if number == last.saturating_add(ONE) && !self.others.contains(&number) {
            self.range = Some((first, number));
            return true;
        }
        if (first..=last).contains(&number) && number.abs_diff(first) % ONE.unsigned_abs() == 0 {
            return false;
        }
        self.others.len() >= MOST_LINES || self.others.insert(number)
    }
}

/// Where a table has what is compared.
#[derive(Default)]
struct Columns {
    /// Whether its keys are numbers, of which 01 and 1.0 are the same.
    by_value: bool,
    key: Option<u32>,
    parent: Option<(usize, u32)>,
    amount: Option<u32>,
    tax: Option<u32>,
    number: Option<u32>,
    line: Option<u32>,
    supplier: [Option<u32>; 2],
}

struct Sums {
    held: HashMap<u128, (i128, u64)>,
    labels: HashMap<u128, String>,
    spilled: Keys,
}

impl<'a> Checker<'a> {
    /// For the object's rows. `aside` gives places in the lent directory by a short name.
    pub fn new(
        object: &'a Object,
        layouts: &[FileLayout],
        suspense: bool,
        ledger: Option<String>,
        aside: impl Fn(&str) -> Option<PathBuf>,
    ) -> Self {
        let place = |name: &str| aside(name);
        let keys = |name: &str| {
            let place = place(name);
            Keys::new(place.as_deref().map(Path::new))
        };
        let parents: Vec<usize> =
            object.tables.iter().filter_map(|table| table.parent.map(|(parent, _)| parent)).collect();
        let families =
            (0..object.tables.len()).map(|at| parents.contains(&at).then(|| keys(&format!("keys{at}")))).collect();
        let invoices = object.checks == Checks::Invoices;
        let columns = object
            .tables
            .iter()
            .zip(layouts)
            .map(|(table, layout)| {
                let by_name = |name: &str| layout.position(name).and_then(|at| u32::try_from(at).ok());
                let header = invoices && table.parent.is_none();
                let named = table.parent.map_or(table.key, |(_, column)| column);
                let kind = layout.position(named).and_then(|at| layout.columns.get(at)).map(|column| column.kind);
                Columns {
                    by_value: kind == Some(Kind::Number),
                    key: by_name(table.key).filter(|_| !table.key.is_empty()),
                    parent: table.parent.and_then(|(parent, column)| Some((parent, by_name(column)?))),
                    amount: if header { by_name("INVOICE_AMOUNT") } else { by_name("AMOUNT").filter(|_| invoices) },
                    tax: by_name("CALC_TAX_DURING_IMPORT_FLAG").filter(|_| header),
                    number: by_name("INVOICE_NUM").filter(|_| header),
                    line: by_name("LINE_NUMBER").filter(|_| invoices && !header),
                    supplier: if header { [by_name("VENDOR_NUM"), by_name("VENDOR_NAME")] } else { [None, None] },
                }
            })
            .collect();
        let journal = match layouts.first().filter(|_| object.checks == Checks::Journals) {
            Some(layout) => [
                "GROUP_ID",
                "LEDGER_ID",
                "LEDGER_NAME",
                "CURRENCY_CODE",
                "ACCOUNTING_DATE",
                "ENTERED_DR",
                "ENTERED_CR",
                "ACTUAL_FLAG",
            ]
            .map(|name| position(layout, name)),
            None => [None; 8],
        };
        Self {
            object,
            files: Vec::new(),
            nested: false,
            called: vec![None; object.tables.len()],
            families,
            together: None,
            columns,
            numbers: invoices.then(|| keys("numbers")),
            parent: (Vec::new(), 0),
            lines: (0, Numbers::default()),
            sums: Sums { held: HashMap::new(), labels: HashMap::new(), spilled: keys("sums") },
            journal,
            suspense,
            ledger,
        }
    }

    /// A row's place in eight bytes, without a rank.
    fn order(&mut self, place: Place<'_>) -> u64 {
        self.nested = place.pointer.is_some();
        let file =
            self.files.iter().position(|file| alike(file.as_bytes(), place.file.as_bytes())).unwrap_or_else(|| {
                self.files.push(place.file.to_owned());
                self.files.len() - 1
            });
        u64::try_from(file).unwrap_or(0).min(MOST_FILES) << FILE | place.row.min(LAST_ROW) << ROW
    }

    /// The columns of a table that [`Checker::take`] looks at.
    pub fn compared(&self, table: usize) -> impl Iterator<Item = u32> {
        let invoices = self.columns.get(table).filter(|_| self.object.checks != Checks::Journals).map(|columns| {
            let [by_number, by_name] = columns.supplier;
            let parent = columns.parent.map(|(_, column)| column);
            [columns.key, parent, columns.amount, columns.tax, columns.number, columns.line, by_number, by_name]
        });
        invoices.unwrap_or(self.journal).into_iter().flatten()
    }

    /// Takes in a row, of which `value` tells what is in a column.
    ///
    /// # Errors
    /// Where there is no room for its keys.
    pub fn take(
        &mut self,
        table: usize,
        place: Place<'_>,
        value: Values<'_, '_>,
        findings: &mut Findings,
    ) -> Result<()> {
        let order = self.order(place);
        if self.object.checks == Checks::Journals {
            return self.journal(order, place, value, findings);
        }
        if let Some(called) = self.called.get_mut(table).filter(|called| called.is_none() && place.pointer.is_none()) {
            *called = Some(place.file.to_owned());
        }
        let Some(columns) = self.columns.get(table) else { return Ok(()) };
        let at = |column: Option<u32>| column.and_then(value);
        let name = if columns.tax.is_some() { "INVOICE_AMOUNT" } else { "AMOUNT" };
        let amount = amount(at(columns.amount).unwrap_or_default(), name, place, findings);
        let taxed = matches!(at(columns.tax), Some(b"Y" | b"y"));
        let same = |key| if columns.by_value { shortest(key) } else { key };
        let key = at(columns.key).map(|key| Hash::default().with(same(key)).key());
        let parent = columns.parent.map(|(parent, column)| (parent, same(value(column).unwrap_or_default())));
        let line = at(columns.line);
        let [by_number, by_name] = columns.supplier;
        let number = at(columns.number).map(|number| {
            let hash = match (at(by_number), at(by_name)) {
                (Some(number), _) => Hash::default().with(b"#").with(number),
                (None, name) => Hash::default().with(text(name.unwrap_or_default()).to_uppercase().as_bytes()),
            };
            hash.with(number).key()
        });
        if let (Some(key), true) = (key, self.families.get(table).is_some_and(Option::is_some)) {
            let order = if taxed { PARENT_WITH_TAX } else { PARENT } << RANK | order;
            self.family(table, Entry { key, order, amount })?;
        }
        if let Some((parent, text)) = parent.filter(|(_, text)| !text.is_empty()) {
            let order = CHILD << RANK | order;
            // Most rows have the parent of the row before.
            if !alike(&self.parent.0, text) {
                self.parent.0.clear();
                self.parent.0.extend_from_slice(text);
                self.parent.1 = Hash::default().with(text).key();
            }
            let key = self.parent.1;
            self.child(parent, Entry { key, order, amount })?;
            if self.sums.labels.len() < MOST_LABELS {
                self.sums.labels.entry(key).or_insert_with(|| super::row::text(text).into_owned());
            }
            if let Some(line) = line {
                self.line(key, line, place, findings);
            }
        }
        if let (Some(key), Some(numbers)) = (number, &mut self.numbers) {
            numbers.push(Entry { key, order, amount: 0 }).map_err(|failed| told(&failed))?;
        }
        Ok(())
    }

    fn family(&mut self, table: usize, entry: Entry) -> Result<()> {
        match self.families.get_mut(table) {
            Some(Some(keys)) => keys.push(entry).map_err(|failed| told(&failed)),
            _ => Ok(()),
        }
    }

    /// Children of one parent mostly stand together, and are compared as one.
    fn child(&mut self, parent: usize, entry: Entry) -> Result<()> {
        if let Some((table, together)) = &mut self.together
            && (*table, together.key) == (parent, entry.key)
            && together.order & MOST_TOGETHER < MOST_TOGETHER
            && (together.order >> ROW) + (together.order & MOST_TOGETHER) + 1 == entry.order >> ROW
        {
            together.order += 1;
            together.amount = add(together.amount, entry.amount);
            return Ok(());
        }
        match self.together.replace((parent, entry)) {
            Some((table, entry)) => self.family(table, entry),
            None => Ok(()),
        }
    }

    /// Lines of one invoice stand together in nearly every file, so that those of one are held, and no more.
    fn line(&mut self, key: u128, line: &[u8], place: Place<'_>, findings: &mut Findings) {
        if self.lines.0 != key {
            self.lines.0 = key;
            self.lines.1.range = None;
            self.lines.1.others.clear();
        }
        // 1 and 1.0 are one number.
        let number = match units(line) {
            Some(units) => units,
            None => return,
        };
        if !self.lines.1.insert(number) {
            let message =
                format!("LINE_NUMBER {} is that of another line of the invoice: it would be rejected.", text(line));
            findings.tell(Severity::Refuse, place, Some("LINE_NUMBER".to_owned()), "duplicate_line", message);
        }
    }

    fn journal(&mut self, order: u64, place: Place<'_>, value: Values<'_, '_>, findings: &mut Findings) -> Result<()> {
        let at = |index: usize| {
            let column = self.journal.get(index).copied().flatten();
            column.and_then(value).unwrap_or_default()
        };
        if let Some(wanted) = self.ledger.as_deref().filter(|ledger| !blank(at(1)) && ledger.as_bytes() != at(1)) {
            let message = format!(
                "LEDGER_ID is {}, and the job imports {wanted}: the row may be loaded and never imported.",
                text(at(1))
            );
            findings.tell(Severity::Warn, place, Some("LEDGER_ID".to_owned()), "ledger_differs", message);
        }
        let (currency, flag) = (at(3), at(7));
        // Encumbrances and budgets have one side; statistics have no currency to balance in.
        if !matches!(flag, b"A" | b"") || currency.eq_ignore_ascii_case(b"STAT") {
            return Ok(());
        }
        let key = (0..5).fold(Hash::default(), |hash, index| hash.with(at(index))).key();
        let sides = match (blank(at(5)), blank(at(6))) {
            (true, true) => Some(("no_amount", "has neither ENTERED_DR nor ENTERED_CR")),
            (false, false) => Some(("two_amounts", "has ENTERED_DR and ENTERED_CR")),
            _ => None,
        };
        if let Some((code, has)) = sides {
            let message = format!("The line {has}: one of them is expected, and the journal import may refuse it.");
            findings.tell(Severity::Warn, place, None, code, message);
        }
        let debit = amount(at(5), "ENTERED_DR", place, findings);
        let credit = amount(at(6), "ENTERED_CR", place, findings);
        let amount = if credit == UNTOLD { UNTOLD } else { add(debit, -credit) };
        if !self.sums.held.contains_key(&key) {
            if self.sums.labels.len() < MOST_LABELS {
                let ledger = if at(2).is_empty() { at(1) } else { at(2) };
                let parts = [("group", at(0)), ("ledger", ledger), ("currency", currency), ("date", at(4))];
                let parts = parts.map(|(name, value)| format!("{name} {}", text(value)));
                self.sums.labels.insert(key, parts.join(", "));
            }
            if self.sums.held.len() >= MOST_SUMS {
                self.put_sums_aside()?;
            }
        }
        let sum = self.sums.held.entry(key).or_insert((0, order));
        sum.0 = add(sum.0, amount);
        Ok(())
    }

    fn put_sums_aside(&mut self) -> Result<()> {
        for (key, (amount, order)) in self.sums.held.drain() {
            self.sums.spilled.push(Entry { key, order, amount }).map_err(|failed| told(&failed))?;
        }
        Ok(())
    }

    /// Compares, when all rows are in.
    ///
    /// # Errors
    /// Where what was put aside cannot be read.
    pub fn finish(mut self, findings: &mut Findings) -> Result<()> {
        self.put_sums_aside()?;
        if let Some((table, entry)) = self.together.take() {
            self.family(table, entry)?;
        }
        let Self { object, files, nested, called, families, numbers, sums, suspense, .. } = self;
        let stands = |order: u64| {
            let file = usize::try_from(order >> FILE & MOST_FILES).ok().and_then(|at| files.get(at));
            (file.map_or("", String::as_str), order >> ROW & LAST_ROW)
        };
        let tell = |findings: &mut Findings, order: u64, severity, column: &str, code, message: String| {
            let (file, row) = stands(order);
            let pointer = nested.then(|| format!("/{}", row.saturating_sub(1)));
            let place = Place { file, row, pointer: pointer.as_deref() };
            let column = (!column.is_empty()).then(|| column.to_owned());
            findings.tell(severity, place, column, code, message);
        };
        let spot = |order: u64| {
            let (file, row) = stands(order);
            format!("row {row} of {file}")
        };
        let families = object.tables.iter().zip(families).enumerate();
        for (at, table, keys) in families.filter_map(|(at, (table, keys))| Some((at, table, keys?))) {
            let mut family = Family::default();
            let close = |family: &Family, findings: &mut Findings| {
                if let Some((parent, amount, taxed)) = family.parent
                    && object.checks == Checks::Invoices
                {
                    if family.children == 0 {
                        let message = "The invoice has no lines: it would be rejected.".to_owned();
                        tell(findings, parent, Severity::Warn, "", "no_lines", message);
                    } else if family.sum != amount && !taxed && ![family.sum, amount].contains(&UNTOLD) {
                        let message = format!(
                            "INVOICE_AMOUNT is {}, and its {} lines make {}.",
                            shown(amount),
                            family.children,
                            shown(family.sum)
                        );
                        tell(findings, parent, Severity::Refuse, "INVOICE_AMOUNT", "sum_differs", message);
                    }
                }
            };
            keys.in_order(&mut |entry| {
                if family.key != Some(entry.key) {
                    close(&family, findings);
                    family = Family { key: Some(entry.key), ..Family::default() };
                }
                let rank = entry.order >> RANK;
                if rank == CHILD {
                    let more = entry.order & MOST_TOGETHER;
                    family.children += 1 + more;
                    family.sum = add(family.sum, entry.amount);
                    for row in (0..=more).filter(|_| family.parent.is_none()) {
                        let id = sums.labels.get(&entry.key).map_or(String::new(), |id| format!(" {id}"));
                        let of = called.get(at).cloned().flatten();
                        let message =
                            format!("No row of {} has the {}{id}.", of.as_deref().unwrap_or(table.file), table.key);
                        let order = entry.order + (row << ROW);
                        tell(findings, order, Severity::Refuse, table.key, "parent_missing", message);
                    }
                } else if let Some((first, ..)) = family.parent {
                    let message =
                        format!("{} is that of {} as well: it must be another for each row.", table.key, spot(first));
                    tell(findings, entry.order, Severity::Refuse, table.key, "key_twice", message);
                } else {
                    family.parent = Some((entry.order, entry.amount, rank == PARENT_WITH_TAX));
                }
            })
            .map_err(|failed| told(&failed))?;
            close(&family, findings);
        }
        if let Some(numbers) = numbers {
            let mut first: Option<Entry> = None;
            numbers
                .in_order(&mut |entry| match first {
                    Some(before) if before.key == entry.key => {
                        let message = format!(
                            "The supplier has this invoice number in {} already: the second would be rejected.",
                            spot(before.order)
                        );
                        tell(findings, entry.order, Severity::Refuse, "INVOICE_NUM", "duplicate_number", message);
                    }
                    _ => first = Some(entry),
                })
                .map_err(|failed| told(&failed))?;
        }
        let mut open: Option<Entry> = None;
        let unbalanced = |entry: Entry, findings: &mut Findings| {
            if !matches!(entry.amount, 0 | UNTOLD) {
                let which = sums
                    .labels
                    .get(&entry.key)
                    .cloned()
                    .unwrap_or_else(|| format!("what begins at {}", spot(entry.order)));
                let (more, less) = if entry.amount > 0 { ("debits", "credits") } else { ("credits", "debits") };
                let message = format!(
                    "Unbalanced: in {which}, {more} are {} more than {less}.",
                    shown(entry.amount).trim_start_matches('-')
                );
                let severity = if suspense { Severity::Warn } else { Severity::Refuse };
                tell(findings, entry.order, severity, "", "unbalanced", message);
            }
        };
        sums.spilled
            .in_order(&mut |entry| match &mut open {
                Some(sum) if sum.key == entry.key => sum.amount = add(sum.amount, entry.amount),
                _ => {
                    if let Some(sum) = open.replace(entry) {
                        unbalanced(sum, findings);
                    }
                }
            })
            .map_err(|failed| told(&failed))?;
        if let Some(sum) = open {
            unbalanced(sum, findings);
        }
        Ok(())
    }
}

fn blank(value: &[u8]) -> bool {
    matches!(value, b"" | b"#NULL")
}

/// Nothing for a blank; what is no number is told where columns are typed.
fn amount(value: &[u8], name: &str, place: Place<'_>, findings: &mut Findings) -> i128 {
    if blank(value) {
        return 0;
    }
    units(value).unwrap_or_else(|| {
        if is_decimal(value) {
            let message = format!(
                "{name} has more than 26 digits before the point or 12 behind it: the sum that it belongs to is not checked."
            );
            findings.tell(Severity::Warn, place, Some(name.to_owned()), "number_too_long", message);
        }
        UNTOLD
    })
}

fn add(one: i128, other: i128) -> i128 {
    if one == UNTOLD || other == UNTOLD { UNTOLD } else { one.checked_add(other).unwrap_or(UNTOLD) }
}

/// A parent with its children, while their entries pass.
#[derive(Default)]
struct Family {
    key: Option<u128>,
    parent: Option<(u64, i128, bool)>,
    children: u64,
    sum: i128,
}

fn told(failed: &Failed) -> Failure {
    match failed {
        Failed::Full => super::no_room("There are more rows than can be compared in memory"),
        Failed::File(error) => super::lent_failed(error),
    }
}
