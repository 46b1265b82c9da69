//! The Journal Import Execution Report: its sections are "Unbalanced Journal Entries", "Error Lines" and "Error Key"
//! (FACTS 3.7).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Outcome;
use crate::fbdi::layout::Layout;
use crate::fbdi::{Import, Run};

/// What the codes mean.
const KEY: [(&str, &str); 3] = [
    ("EF04", "This account combination isn't valid. Check the segment values and the cross-validation rules."),
    ("EP01", "This date isn't in any open or future enterable period."),
    ("WU01", "This journal entry is unbalanced."),
];

/// The end of the job.
pub(super) fn answer(run: &Run<'_>, layout: Option<&Layout>, outcome: &Outcome) -> Import {
    let selected = outcome.imported.saturating_add(outcome.rejected);
    let mut log = format!("Import Journals (JournalImportLauncher)\nRequest ID: {}\n\nParameters\n", run.request_id);
    for (at, parameter) in run.parameters.iter().enumerate() {
        let _ = writeln!(log, "  {:>2}  {}", at + 1, parameter.as_deref().unwrap_or("(none)"));
    }
    let (imported, rejected) = (outcome.imported, outcome.rejected);
    let totals = format!("Lines selected: {selected}\nLines imported: {imported}\nLines rejected: {rejected}\n");
    let _ = write!(log, "\n{totals}");
    for batch in &outcome.batches {
        let _ = writeln!(log, "Journal batch created: {batch}");
    }
    Import {
        state: if outcome.rejected == 0 { "SUCCEEDED" } else { "WARNING" },
        log,
        outputs: vec![("report.txt".to_owned(), text(run, layout, outcome, &totals).into_bytes())],
        imported: outcome.imported,
        rejected: outcome.rejected,
    }
}

fn text(run: &Run<'_>, layout: Option<&Layout>, outcome: &Outcome, totals: &str) -> String {
    let mut text = format!("{:>52}\nRequest ID: {}\n\n{totals}", "Journal Import Execution Report", run.request_id);
    for batch in &outcome.batches {
        let _ = writeln!(text, "Batch: {batch}");
    }
    if !outcome.unbalanced.is_empty() {
        heading(&mut text, "Unbalanced Journal Entries");
        text.push_str("Group ID         Currency  Accounting Date          Total Debits         Total Credits\n");
        for one in &outcome.unbalanced {
            let group = one.group.as_deref().unwrap_or("-");
            let _ = writeln!(
                text,
                "{group:<16} {:<9} {:<15} {:>21} {:>21}",
                one.currency,
                one.date,
                one.debit.to_string(),
                one.credit.to_string()
            );
        }
    }
    let (Some(layout), false) = (layout, outcome.errors.is_empty()) else { return text };
    heading(&mut text, "Error Lines");
    text.push_str("Load Request  Record  Status          Group ID  Account / Date / Debit / Credit / Description\n");
    for line in &outcome.errors {
        let cell = |name: &str| line.get(layout, name).unwrap_or_default();
        let account: Vec<&str> = (1..=30).map_while(|at| line.get(layout, &format!("SEGMENT{at}"))).collect();
        let _ = writeln!(
            text,
            "{:<13} {:<7} {:<15} {:<9} {} / {} / {} / {} / {}",
            line.load,
            line.record,
            line.status.as_deref().unwrap_or_default(),
            cell("GROUP_ID"),
            account.join("."),
            cell("ACCOUNTING_DATE"),
            cell("ENTERED_DR"),
            cell("ENTERED_CR"),
            cell("REFERENCE10"),
        );
    }
    heading(&mut text, "Error Key");
    let codes: BTreeSet<&str> =
        outcome.errors.iter().flat_map(|line| &line.reasons).map(|reason| reason.code.as_str()).collect();
    for (code, meaning) in KEY.iter().filter(|(code, _)| codes.contains(code)) {
        let _ = writeln!(text, "{code}  {meaning}");
    }
    text
}

fn heading(text: &mut String, title: &str) {
    let _ = write!(text, "\n{title}\n{}\n", "-".repeat(title.len()));
}
