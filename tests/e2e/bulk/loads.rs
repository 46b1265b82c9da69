//! Whole loads: invoices in every form of an input, journals, suppliers and what lies below them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fusion_sim::fbdi;
use serde_json::{Value, json};

use super::sample::{INVOICES, balanced, entry, files, journals, nested, payables, sample, shuffled};
use super::{Caller, batches, counts, import, invoices, loads, on_pod, rejections, warned};
use crate::stage::Stage;

const PARTIAL: (&str, [Option<u64>; 4]) = ("partial", [Some(3), Some(3), Some(2), Some(1)]);

/// The zip that a check answers.
fn zip(stage: &Stage, input: &Value) -> String {
    let mut input = input.clone();
    input["check_only"] = true.into();
    let told = import(stage, &input);
    assert_eq!(told["outcome"], "checked", "{told}");
    told["zip"]["base64"].as_str().unwrap().to_owned()
}

#[test]
fn the_sample_in_every_form_gives_two_invoices_and_names_the_bad_row_where_that_input_has_it() {
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.as_ref().unwrap();
    let zipped = zip(&stage, &sample("9004"));
    assert!(loads(pod).is_empty());
    let forms = [
        ("9001", sample("9001"), "ApInvoicesInterface.csv", 3),
        ("9002", payables(json!({"files": files(shuffled("9002", &INVOICES))})), "ApInvoicesInterface.csv", 4),
        ("9003", payables(json!({"rows": nested("9003", &INVOICES)})), "rows", 3),
        ("9004", payables(json!({"zip": {"name": "mine.zip", "base64": zipped}})), "ApInvoicesInterface.csv", 3),
    ];
    for (at, (group, input, file, row)) in forms.into_iter().enumerate() {
        let told = Caller::new(&stage, group).import(&input).unwrap();
        assert_eq!(counts(&told), PARTIAL, "{told}");
        let bad = format!("{group}RT-APINV-BAD1");
        assert_eq!(rejections(&told), [(file.to_owned(), Some(row), bad, "INVALID SUPPLIER".to_owned())], "{told}");
        assert!(told["rejections"][0]["remedy"].as_str().unwrap().contains("create the supplier"), "{told}");
        assert_eq!(invoices(pod, group), [format!("{group}RT-APINV-G1"), format!("{group}RT-APINV-G2")]);
        assert_eq!(on_pod(pod, "invoices", "InvoiceNumber", group, "InvoiceAmount"), ["1500", "2750"]);
        assert_eq!(loads(pod).len(), at + 1);
        assert_eq!(told["request_id"].as_str().unwrap(), loads(pod)[at]);
        assert!(told["jobs"].as_array().unwrap().len() >= 6, "{told}");
    }
}

/// What a person gets back, with the faults corrected, as an input.
fn corrected(told: &Value) -> Value {
    let files = told["rejected_files"].as_array().cloned().unwrap_or_else(|| vec![told["rejected_file"].clone()]);
    let repaired = |file: &Value| {
        let text = file["text"].as_str().unwrap_or_else(|| panic!("{told}"));
        let text = text.replace("DMT DOES NOT EXIST VENDOR", "Lee Supplies").replace("99999999", "1252");
        text.replace("FAKE-SITE-XYZ", "Lee US1")
    };
    if files[0]["name"].as_str().unwrap().ends_with(".json") {
        // Nested records come back as such.
        let rows: Value = serde_json::from_str(&repaired(&files[0])).unwrap();
        return payables(json!({"rows": rows}));
    }
    let files: Value = files.iter().map(|file| json!({"name": file["name"], "text": repaired(file)})).collect();
    payables(json!({"files": files}))
}

#[test]
fn the_rejected_rows_come_back_in_the_person_s_columns_and_are_taken_once_corrected() {
    for (group, input) in [
        ("9101", sample("9101")),
        ("9102", payables(json!({"files": files(shuffled("9102", &INVOICES))}))),
        ("9103", payables(json!({"rows": nested("9103", &INVOICES)}))),
    ] {
        let stage = Stage::sim(json!([]));
        let pod = stage.pod.as_ref().unwrap();
        let told = import(&stage, &input);
        let mut again = corrected(&told);
        again["purge"] = "when_complete".into();
        // The interface rows of the first load keep their ids until they are purged.
        let purge = json!({"request_id": told["request_id"]});
        Caller::new(&stage, "purge").run("extract_and_purge", &purge).unwrap();
        let told = Caller::new(&stage, "second").import(&again).unwrap();
        assert_eq!(counts(&told), ("complete", [Some(1), Some(1), Some(1), Some(0)]), "{group} {told}");
        assert_eq!(invoices(pod, group).len(), 3, "{group}");
        assert!(told.get("rejected_file").is_none(), "{told}");
    }
}

#[test]
fn a_second_load_of_the_same_invoices_is_refused_by_the_pod_row_by_row() {
    let stage = Stage::sim(json!([]));
    let good = payables(json!({"rows": nested("9201", &INVOICES[..2])}));
    assert_eq!(counts(&import(&stage, &good)).0, "complete");
    let told = Caller::new(&stage, "other").import(&good).unwrap();
    assert_eq!(counts(&told), ("nothing_imported", [Some(2), Some(2), Some(0), Some(2)]), "{told}");
    let codes: Vec<_> = rejections(&told).into_iter().map(|(_, row, _, code)| (row.unwrap(), code)).collect();
    assert_eq!(codes, [(1, "DUPLICATE INVOICE NUMBER".to_owned()), (2, "DUPLICATE INVOICE NUMBER".to_owned())]);
}

#[test]
fn journals_that_balance_become_a_batch() {
    let stage = Stage::sim(json!([]));
    let told = import(&stage, &balanced("7001"));
    assert_eq!(counts(&told), ("complete", [Some(2), Some(2), Some(2), Some(0)]), "{told}");
    assert_eq!(batches(stage.pod.as_ref().unwrap(), "Accrual 7001").len(), 1);
    assert!(!warned(&told).contains(&"not_verified"), "{told}");
}

#[test]
fn journals_that_do_not_balance_are_not_sent() {
    let stage = Stage::sim(json!([]));
    let input =
        journals(&[entry("7002", "ENTERED_DR", "5", json!({})), entry("7002", "ENTERED_CR", "4.99", json!({}))]);
    let refused = Caller::new(&stage, "test").import(&input).unwrap_err();
    assert!(refused.problem.fields[0].message.contains("0.01"), "{:?}", refused.problem);
    assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
}

#[test]
fn lines_with_a_wrong_account_or_period_are_named_with_the_ledger_s_codes() {
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.as_ref().unwrap();
    let input = journals(&[
        entry("7003", "ENTERED_DR", "5", json!({"SEGMENT1": "999", "ACCOUNTING_DATE": "2024-06-30"})),
        entry("7003", "ENTERED_CR", "5", json!({"ACCOUNTING_DATE": "2024-06-30"})),
        entry("7003", "ENTERED_DR", "7", json!({"SEGMENT3": "99999"})),
        entry("7003", "ENTERED_CR", "7", json!({})),
    ]);
    let told = import(&stage, &input);
    assert_eq!(told["outcome"], "nothing_imported", "{told}");
    let named: Vec<(u64, String)> =
        rejections(&told).into_iter().map(|(_, row, _, code)| (row.unwrap(), code)).collect();
    // The report tells the group with the line.
    assert_eq!(told["rejections"][0]["key"], "Rent, line 1 of group 7003", "{told}");
    for (row, code) in [(1, "EF04"), (1, "EP01"), (2, "EP01"), (3, "EF04")] {
        assert!(named.contains(&(row, code.to_owned())), "{row} {code} {told}");
    }
    assert!(batches(pod, "Accrual 7003").is_empty());
    assert_eq!(pod.with_store(|store| fbdi::waiting(store, "GL_INTERFACE").len()), 4);
}

#[test]
fn a_line_that_the_loader_leaves_out_makes_its_journal_unbalanced_and_both_are_named() {
    let stage = Stage::sim(json!([]));
    let long = "x".repeat(300);
    let input = journals(&[
        entry("7004", "ENTERED_DR", "9", json!({"REFERENCE10": long})),
        entry("7004", "ENTERED_CR", "9", json!({})),
    ]);
    let told = import(&stage, &input);
    let named: Vec<_> = rejections(&told).into_iter().map(|(_, row, _, code)| (row, code)).collect();
    assert!(named.contains(&(Some(1), "ORA-12899".to_owned())), "{told}");
    assert!(named.contains(&(Some(2), "WU01".to_owned())), "{told}");
    assert_eq!(counts(&told), ("nothing_imported", [Some(2), Some(1), Some(0), Some(2)]), "{told}");
}

#[test]
fn another_source_than_the_rows_is_refused_before_anything_is_sent() {
    let stage = Stage::sim(json!([]));
    let mut input = sample("9301");
    input["parameters"]["source"] = "Elsewhere".into();
    let refused = Caller::new(&stage, "test").import(&input).unwrap_err();
    assert!(refused.problem.fields.iter().any(|field| field.message.contains("SOURCE")), "{:?}", refused.problem);
    assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
}

#[test]
fn a_supplier_and_what_lies_below_it_come_in_by_successive_loads_and_can_be_invoiced() {
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.as_ref().unwrap();
    let unit = "US1 Business Unit";
    let steps = [
        (
            "suppliers",
            json!({"VENDOR_NAME": "Acme Tools", "SEGMENT1": "77001", "ORGANIZATION_TYPE_LOOKUP_CODE": "CORPORATION",
            "BUSINESS_RELATIONSHIP": "SPEND_AUTHORIZED", "NUM_1099": "99-0000001"}),
        ),
        (
            "supplier_addresses",
            json!({"VENDOR_NAME": "Acme Tools", "PARTY_SITE_NAME": "HQ", "COUNTRY": "US", "CITY": "Austin"}),
        ),
        (
            "supplier_sites",
            json!({"VENDOR_NAME": "Acme Tools", "PROCUREMENT_BUSINESS_UNIT_NAME": unit, "PARTY_SITE_NAME": "HQ",
            "VENDOR_SITE_CODE": "ACME US", "PAY_SITE_FLAG": "Y"}),
        ),
        (
            "supplier_site_assignments",
            json!({"VENDOR_NAME": "Acme Tools", "PROCUREMENT_BUSINESS_UNIT_NAME": unit,
            "VENDOR_SITE_CODE": "ACME US", "BUSINESS_UNIT_NAME": unit}),
        ),
    ];
    for (object, row) in &steps {
        let told = Caller::new(&stage, object).import(&json!({"object": object, "rows": [row]})).unwrap();
        assert_eq!(counts(&told), ("complete", [Some(1), Some(1), Some(1), Some(0)]), "{object} {told}");
    }
    let (object, row) = &steps[0];
    let told = Caller::new(&stage, "twice").import(&json!({"object": object, "rows": [row]})).unwrap();
    assert_eq!(counts(&told).0, "nothing_imported", "{told}");
    assert_eq!(rejections(&told)[0].1, Some(1), "{told}");
    let mut invoice = INVOICES[0];
    (invoice[3], invoice[4], invoice[5]) = ("Acme Tools", "77001", "ACME US");
    let told = Caller::new(&stage, "invoice").import(&payables(json!({"rows": nested("9401", &[invoice])}))).unwrap();
    assert_eq!(counts(&told).0, "complete", "{told}");
    assert_eq!(invoices(pod, "9401").len(), 1);
}

#[test]
fn a_check_tells_findings_and_the_zip_and_sends_nothing() {
    let stage = Stage::sim(json!([]));
    let mut input = payables(json!({"files": files(shuffled("9501", &INVOICES))}));
    input["check_only"] = true.into();
    let told = import(&stage, &input);
    let bytes = STANDARD.decode(told["zip"]["base64"].as_str().unwrap()).unwrap();
    assert!(bytes.starts_with(b"PK") && stage.pod.as_ref().unwrap().log().is_empty());
    assert!(warned(&told).contains(&"date_repaired"), "{told}");
}

#[test]
fn an_object_without_a_loader_on_the_pod_is_loaded_and_said_to_have_imported_nothing() {
    let stage = Stage::sim(json!([]));
    let input = json!({"object": "ar_invoices", "rows": [{"AMOUNT": 5}], "parameters": {"parameter_list": "1,,2"}});
    let told = import(&stage, &input);
    assert_eq!(counts(&told), ("nothing_imported", [Some(1), Some(1), Some(0), Some(0)]), "{told}");
}
