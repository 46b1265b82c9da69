//! The import of journals.

use super::*;

const JOB: &str = "/oracle/apps/ess/financials/generalLedger/programs/common,JournalImportLauncher";
const ARGUMENTS: &str = "300000046975980,Spreadsheet,300000046975971,7001,N,N,O";

fn entry(cells: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("STATUS", "NEW"),
        ("LEDGER_ID", "300000046975971"),
        ("ACCOUNTING_DATE", "2026/07/01"),
        ("USER_JE_SOURCE_NAME", "Spreadsheet"),
        ("USER_JE_CATEGORY_NAME", "Adjustment"),
        ("CURRENCY_CODE", "USD"),
        ("DATE_CREATED", "2026/07/01"),
        ("ACTUAL_FLAG", "A"),
        ("SEGMENT1", "101"),
        ("SEGMENT2", "10"),
        ("SEGMENT3", "60510"),
        ("SEGMENT4", "000"),
        ("SEGMENT5", "000"),
        ("SEGMENT6", "000"),
        ("REFERENCE1", "Accrual June"),
        ("REFERENCE4", "Rent"),
        ("REFERENCE10", "Office"),
        ("GROUP_ID", "7001"),
    ];
    for cell in cells {
        all.retain(|(name, _)| *name != cell.0);
        all.push(*cell);
    }
    csv("GL_INTERFACE", &all)
}

fn import(store: &mut Store, lines: &str, arguments: &str, request: u64) -> Import {
    let loaded = run(store, 15, &zip(&[("GlInterface.csv", lines)]), JOB, arguments, request);
    loaded.import.unwrap_or_else(|| panic!("{:?}", loaded.files))
}

fn batches(store: &Store) -> Vec<Row> {
    let resource = resource("journalBatches");
    let named = |row: &Row| match row.get(resource, "BatchName") {
        Some(Value::Text(name)) => name.starts_with("Accrual June "),
        _ => false,
    };
    store.scan(resource).filter(named).collect()
}

fn text(import: &Import) -> String {
    String::from_utf8(import.outputs[0].1.clone()).unwrap()
}

#[test]
fn a_balanced_group_becomes_a_batch_whose_name_goes_on_behind_ours() {
    let mut store = store();
    let lines = entry(&[("ENTERED_DR", "100.10")]) + &entry(&[("ENTERED_CR", "100.10"), ("SEGMENT3", "61020")]);
    let import = import(&mut store, &lines, ARGUMENTS, 500);
    assert_eq!((import.state, import.imported, import.rejected), ("SUCCEEDED", 2, 0));
    let made = batches(&store);
    let resource = resource("journalBatches");
    let Some(Value::Text(name)) = made[0].get(resource, "BatchName") else { panic!() };
    assert!(name.starts_with("Accrual June ") && name.ends_with(" A 500 N"), "{name}");
    assert_eq!(made[0].get(resource, "RunningTotalDr"), Some(&Value::Decimal("100.10".parse().unwrap())));
    assert_eq!(made[0].get(resource, "StatusMeaning"), Some(&"Unposted".into()));
    let headers = resource.child("journalHeaders").unwrap();
    let journal = &made[0].child("journalHeaders")[0];
    assert_eq!(journal.get(headers, "JournalName"), Some(&"Rent Adjustment USD".into()));
    assert_eq!(journal.get(headers, "PeriodName"), Some(&"Jul-26".into()));
    assert_eq!(journal.child("journalLines").len(), 2);
    assert!(waiting(&store, "GL_INTERFACE").is_empty());
}

#[test]
fn the_same_group_twice_is_two_batches() {
    let mut store = store();
    let lines = entry(&[("ENTERED_DR", "5")]) + &entry(&[("ENTERED_CR", "5")]);
    import(&mut store, &lines, ARGUMENTS, 500);
    import(&mut store, &lines, ARGUMENTS, 600);
    assert_eq!(batches(&store).len(), 2);
}

#[test]
fn one_wrong_line_keeps_its_group_out_and_the_report_says_why() {
    let mut store = store();
    let lines = [
        entry(&[("ENTERED_DR", "5"), ("SEGMENT1", "999"), ("ACCOUNTING_DATE", "2024/06/30")]),
        entry(&[("ENTERED_CR", "5"), ("ACCOUNTING_DATE", "2024/06/30")]),
        entry(&[("ENTERED_DR", "7"), ("REFERENCE10", "Unbalanced")]),
        entry(&[("ENTERED_DR", "1"), ("CURRENCY_CODE", "EUR")]),
        entry(&[("ENTERED_CR", "1"), ("CURRENCY_CODE", "EUR")]),
    ];
    let import = import(&mut store, &lines.concat(), ARGUMENTS, 500);
    assert_eq!((import.state, import.imported, import.rejected), ("WARNING", 0, 5));
    let status: Vec<Option<String>> = waiting(&store, "GL_INTERFACE").into_iter().map(|row| row.status).collect();
    let code = |text: &str| Some(text.to_owned());
    assert_eq!(status, [code("EF04,EP01"), code("EP01"), code("WU01"), None, None]);
    let text = text(&import);
    for expected in ["Unbalanced Journal Entries", "Error Lines", "Error Key", "EF04  This", "EP01  This", "WU01  This"]
    {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(batches(&store).is_empty());
}

#[test]
fn with_suspense_posting_a_wrong_account_and_a_difference_come_in() {
    let mut store = store();
    let lines = entry(&[("ENTERED_DR", "9"), ("SEGMENT3", "9")]) + &entry(&[("ENTERED_CR", "4")]);
    let import = import(&mut store, &lines, &ARGUMENTS.replace(",N,N,", ",Y,N,"), 500);
    assert_eq!((import.imported, import.rejected), (2, 0));
    assert!(text(&import).contains("Unbalanced Journal Entries"));
    let made = batches(&store);
    let resource = resource("journalBatches");
    assert_eq!(made[0].get(resource, "RunningTotalDr"), made[0].get(resource, "RunningTotalCr"));
}

#[test]
fn another_group_source_or_ledger_selects_nothing() {
    for (from, to) in [
        ("7001", "7002"),
        ("7001", "#NULL"),
        ("Spreadsheet", "Payables"),
        ("300000046975971", "300000046975982"),
        ("300000046975980,", ""),
    ] {
        let mut store = store();
        let lines = entry(&[("ENTERED_DR", "5")]) + &entry(&[("ENTERED_CR", "5")]);
        let import = import(&mut store, &lines, &ARGUMENTS.replace(from, to), 500);
        assert_eq!((import.state, import.imported, import.rejected), ("SUCCEEDED", 0, 0), "{from} {to}");
        assert_eq!(waiting(&store, "GL_INTERFACE").len(), 2);
        // What waits is taken by a later run over all groups.
        let parameters = parameters(&ARGUMENTS.replace("7001", "ALL"));
        let later = Run { job: JOB, parameters: &parameters, request_id: 700, now: now(), user: "casey.brown" };
        assert_eq!(super::super::import(&mut store, &later).imported, 2);
    }
}
