//! Files that no memory holds: checked from end to end within 32 MiB of guest memory, whatever their size.
//!
//! The files are as large as a pod takes; `BULK_MEGABYTES` makes them smaller.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::sample::{journals, payables};
use super::{Caller, counts};
use crate::stage::Stage;

const MEMORY: usize = 32 << 20;

fn megabytes() -> u64 {
    std::env::var("BULK_MEGABYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(250)
}

/// Whether a finding of that code names that row.
fn names(told: &Value, code: &str, row: u64) -> bool {
    let mut findings = told["findings"].as_array().unwrap().iter();
    findings.any(|one| one["code"] == code && one["row"] == row)
}

/// Writes rows until the file is so large; answers how many.
fn fill(path: &Path, header: &str, row: impl Fn(u64) -> String, bytes: u64) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "{header}").unwrap();
    let (mut written, mut count) = (0, 0);
    while written < bytes {
        count += 1;
        let line = row(count);
        written += u64::try_from(line.len()).unwrap() + 1;
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
    count
}

fn append(path: &Path, line: &str) {
    writeln!(File::options().append(true).open(path).unwrap(), "{line}").unwrap();
}

fn check(directory: &Path, mut input: Value) -> Value {
    let stage = Stage::sim(json!([]));
    input["check_only"] = true.into();
    let told = Caller::new(&stage, "large").lending(directory).within(MEMORY).import(&input).unwrap();
    assert_eq!(told["outcome"], "refused", "{told}");
    told
}

#[test]
fn a_number_that_comes_twice_and_an_orphan_at_the_far_end_are_found_in_little_memory() {
    let lent = tempfile::tempdir().unwrap();
    let (headers, lines) = (lent.path().join("headers.csv"), lent.path().join("lines.csv"));
    let bytes = megabytes() << 20;
    let text = "A description of what was bought as long as people write them with the number of the order in it";
    let header = "INVOICE_ID,OPERATING_UNIT,SOURCE,INVOICE_NUM,INVOICE_AMOUNT,INVOICE_DATE,VENDOR_NAME,VENDOR_NUM,VENDOR_SITE_CODE,INVOICE_CURRENCY_CODE,DESCRIPTION";
    let row = |id: u64, number: u64| {
        format!(
            "{id},US1 Business Unit,Manual Invoice Entry,N-{number},10,2026/07/03,Lee Supplies,1252,Lee US1,USD,{text} {id}"
        )
    };
    let count = fill(&headers, header, |at| row(at, at), bytes / 2);
    // The pod sees each invoice with a line.
    let mut file = BufWriter::new(File::create(&lines).unwrap());
    writeln!(file, "INVOICE_ID,LINE_NUMBER,LINE_TYPE_LOOKUP_CODE,AMOUNT,DESCRIPTION").unwrap();
    (1..=count).for_each(|at| writeln!(file, "{at},1,ITEM,10,{text} {at}").unwrap());
    drop(file);
    append(&headers, &row(count + 1, 1));
    append(&lines, &format!("{},1,ITEM,10,x", count + 1));
    append(&lines, &format!("{},1,ITEM,10,nobody's", count + 7));
    let told = check(
        lent.path(),
        payables(json!({"files": [{"path": "headers.csv", "name": "ApInvoicesInterface.csv"},
        {"path": "lines.csv", "name": "ApInvoiceLinesInterface.csv"}]})),
    );
    assert_eq!(told["counts"]["read"], count + 1);
    // A header row stands above them.
    assert!(names(&told, "duplicate_number", count + 2), "{}", told["findings"]);
    assert!(names(&told, "parent_missing", count + 3), "{}", told["findings"]);
    assert!(told.get("zip").is_none(), "{told}");
}

#[test]
fn a_group_that_does_not_balance_at_the_far_end_is_found_in_little_memory() {
    let lent = tempfile::tempdir().unwrap();
    let path = lent.path().join("journals.csv");
    let header = "LEDGER_ID,ACCOUNTING_DATE,USER_JE_SOURCE_NAME,USER_JE_CATEGORY_NAME,CURRENCY_CODE,DATE_CREATED,SEGMENT1,SEGMENT2,ENTERED_DR,ENTERED_CR,REFERENCE1,REFERENCE10";
    let row = |at: u64, debit: &str, credit: &str, currency: &str| {
        format!(
            "300000046975971,2026/07/01,Spreadsheet,Adjustment,{currency},2026/07/01,101,10,{debit},{credit},Batch,line {at} of a long file with many lines"
        )
    };
    let count = fill(
        &path,
        header,
        |at| if at % 2 == 1 { row(at, "5.10", "", "USD") } else { row(at, "", "5.10", "USD") },
        megabytes() << 20,
    );
    if count % 2 == 1 {
        append(&path, &row(count + 1, "", "5.10", "USD"));
    }
    append(&path, &row(count + 2, "0.03", "", "CHF"));
    append(&path, &row(count + 3, "", "0.01", "CHF"));
    let mut input = journals(&[]);
    input.as_object_mut().unwrap().remove("rows");
    input["files"] = json!([{"path": "journals.csv", "name": "GlInterface.csv"}]);
    let told = check(lent.path(), input);
    let findings = told["findings"].to_string();
    assert!(findings.contains("unbalanced") && findings.contains("CHF") && findings.contains("0.02"), "{findings}");
    assert!(!findings.contains("currency USD"), "{findings}");
}

#[test]
fn a_log_zip_of_twenty_megabytes_is_read_in_little_memory() {
    let supplier = json!({"object": "suppliers", "rows": [{"VENDOR_NAME": "Lee Supplies", "BUSINESS_RELATIONSHIP": "SPEND_AUTHORIZED"}]});
    let lent = tempfile::tempdir().unwrap();
    for with_directory in [false, true] {
        let stage = Stage::sim(json!([{"name": "T9", "nested": false, "pdf": 20_000_000}]));
        let mut caller = Caller::new(&stage, "large").within(MEMORY);
        if with_directory {
            caller = caller.lending(lent.path());
        }
        let told = caller.import(&supplier).unwrap();
        assert_eq!((counts(&told).0, told["rejections"][0]["row"].as_u64()), ("nothing_imported", Some(1)), "{told}");
        if with_directory {
            assert_eq!(std::fs::read_dir(lent.path()).unwrap().count(), 0);
            let output = json!({"request_id": told["request_id"]});
            let told = caller.run("download_ess_job_output", &output).unwrap();
            let printed = told["files"].as_array().unwrap().iter().find_map(|file| file["path"].as_str()).unwrap();
            assert!(std::fs::metadata(lent.path().join(printed)).unwrap().len() > 20_000_000, "{told}");
            assert_eq!(std::fs::read_dir(lent.path()).unwrap().count(), 1);
        }
    }
}
