//! Collections that page, count, filter or listen in their own way (FACTS 8: P3, P4, P6, P7, P9, Q2, Q3, Q5, E2, N1),
//! and rows that are judged only later (W4, W6, W7).

use host_harness::contract::types::ProblemKind;
use serde_json::{Value, json};

use crate::invoices::invoice;
use crate::stage::{Stage, column};

fn codes(warnings: &[Value]) -> Vec<&str> {
    warnings.iter().map(|told| told["code"].as_str().unwrap()).collect()
}

/// By text, so that pages go by offset.
fn by_number() -> Value {
    json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 10_000, "order_by": [{"attribute": "InvoiceNumber"}]})
}

fn sorted(rows: &[Value]) -> Vec<String> {
    let mut ids = column(rows, "InvoiceId");
    ids.sort_unstable();
    ids
}

#[test]
fn p3_an_ignored_offset_ends_and_never_repeats_rows() {
    let stage = Stage::of(json!({"rows": 120, "faults": [{"name": "P3"}]}));
    let refused = stage.run("search_records", by_number()).unwrap_err();
    assert!(!refused.again, "{refused:?}");
    assert!(refused.problem.message.contains("invoices"), "{refused:?}");
    assert!(stage.arrived().len() < 20, "{}", stage.arrived().len());
    // Where pages go by key no offset is needed, and everything comes.
    let stage = Stage::of(json!({"rows": 120, "faults": [{"name": "P3"}]}));
    let rows = stage.search(json!({"resource": "invoices", "fields": ["InvoiceId"]})).0;
    assert_eq!(rows.len(), 120);
}

#[test]
fn p6_rows_that_move_between_pages_are_repaired_or_told() {
    let whole = sorted(&Stage::of(json!({"rows": 300})).search(by_number()).0);
    for moving in [json!({"name": "P6", "insert": true, "times": 1}), json!({"name": "P6", "delete": true, "times": 1})]
    {
        let stage = Stage::of(json!({"rows": 300, "faults": [{"name": "P1", "limit": 50}, moving]}));
        let (rows, warnings) = stage.search(by_number());
        let mut ids = sorted(&rows);
        ids.dedup();
        assert_eq!(ids.len(), rows.len(), "none twice: {moving}");
        let missing = whole.iter().filter(|id| !ids.contains(id)).count();
        // The row that was deleted is the one that may be missing.
        assert!(missing <= 1 || codes(&warnings).contains(&"rows_shifted"), "{missing} missing: {moving}");
    }
    // With the key as the order nothing moves.
    let stage = Stage::of(json!({"rows": 300, "faults": [{"name": "P1", "limit": 50}, {"name": "P6"}]}));
    assert_eq!(sorted(&stage.search(json!({"resource": "invoices", "fields": ["InvoiceId"]})).0), whole);
}

#[test]
fn p7_a_total_that_breaks_the_collection_is_left_out_and_told() {
    let ask = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 3, "total": true});
    let stage = Stage::sim(json!([{"name": "P7"}]));
    let output = stage.run("search_records", ask.clone()).unwrap();
    assert_eq!(output["result"].as_array().unwrap().len(), 3);
    assert!(output["total"].is_null(), "{output}");
    // An estimate decides nothing.
    let stage =
        Stage::of(json!({"rows": 40, "faults": [{"name": "P7", "estimate": 14_700}, {"name": "P1", "limit": 7}]}));
    let rows = stage.search(json!({"resource": "invoices", "fields": ["InvoiceId"], "total": true})).0;
    assert_eq!(rows.len(), 40);
}

#[test]
fn p9_children_that_the_pod_cuts_short_are_read_to_their_end() {
    let stage = Stage::of(json!({"rows": 5}));
    let mut record = invoice("P-9");
    let line = |number: i64| json!({"LineNumber": number, "LineType": "Item", "LineAmount": 1, "Description": "x"});
    record["InvoiceAmount"] = json!(9);
    record["invoiceLines"] = (1..=9).map(line).collect();
    stage.run("create_invoice", record).unwrap();
    stage.faults(json!([{"name": "P9", "rows": 2}]));
    let one = json!({"resource": "invoices", "expand": ["invoiceLines"], "all": [{"attribute": "InvoiceNumber", "operator": "eq", "value": "P-9"}]});
    for action in ["get_record", "search_records"] {
        let output = stage.run(action, one.clone()).unwrap();
        let record = if action == "get_record" { &output["record"] } else { &output["result"][0] };
        let lines = record["invoiceLines"].as_array().unwrap();
        assert!(lines.len() == 9 || !output["warnings"].is_null(), "{action}: {} lines and no word", lines.len());
    }
}

#[test]
fn p9_lists_within_lists_are_read_to_their_end() {
    let stage = Stage::of(json!({"rows": 5}));
    let part = |number: i64| json!({"DistributionLineNumber": number, "DistributionLineType": "Item", "DistributionAmount": 1});
    let mut record = invoice("P-9");
    record["InvoiceAmount"] = json!(6);
    let line = |number: i64| {
        let parts: Vec<Value> = (1..=3).map(part).collect();
        json!({"LineNumber": number, "LineType": "Item", "LineAmount": 3, "Description": "x", "invoiceDistributions": parts})
    };
    record["invoiceLines"] = (1..=2).map(line).collect();
    let made = stage.run("create_record", json!({"resource": "invoices", "record": record})).unwrap();
    stage.faults(json!([{"name": "P9", "rows": 2}]));
    let read = json!({"resource": "invoices", "key": made["record"]["InvoiceId"].to_string(), "expand": ["invoiceLines.invoiceDistributions"]});
    let output = stage.run("get_record", read).unwrap();
    let lines = output["record"]["invoiceLines"].as_array().unwrap();
    let parts: Vec<usize> = lines.iter().map(|line| line["invoiceDistributions"].as_array().unwrap().len()).collect();
    assert_eq!((parts, &output["warnings"]), (vec![3, 3], &Value::Null), "{output}");
    assert!(lines[0].get("links").is_none(), "{output}");
}

#[test]
fn q2_an_unselective_question_is_told_with_the_pods_reason() {
    let stage = Stage::sim(json!([{"name": "Q2", "attributes": ["InvoiceNumber"], "resource": "invoices"}]));
    let refused = stage.run("search_records", json!({"resource": "invoices"})).unwrap_err();
    assert_eq!((refused.again, refused.problem.remote_code.as_deref()), (false, Some("EGP-2776154")), "{refused:?}");
    assert!(refused.problem.remedy.is_some());
    let selective = json!({"resource": "invoices", "limit": 1, "all": [{"attribute": "InvoiceNumber", "operator": "like", "value": "INV*"}]});
    assert!(stage.run("search_records", selective).is_ok());
}

#[test]
fn q3_a_collection_behind_a_finder_says_so_before_anything_is_sent() {
    for resource in ["ledgerBalances", "currencyRates"] {
        let stage = Stage::sim(json!([]));
        let refused = stage.run("search_records", json!({ "resource": resource })).unwrap_err();
        assert_eq!(refused.problem.kind, ProblemKind::InvalidInput);
        assert!(stage.arrived().is_empty(), "{resource}");
    }
}

#[test]
fn q5_an_effective_dated_collection_gets_its_range() {
    let stage = Stage::sim(json!([{"name": "Q5", "resource": "workers"}]));
    let all = Stage::sim(json!([])).search(json!({"resource": "workers"})).0;
    assert_eq!(stage.search(json!({"resource": "workers"})).0.len(), all.len());
}

#[test]
fn e2_a_blank_refusal_of_a_read_is_asked_once_more_and_then_told() {
    let stage = Stage::sim(json!([{"name": "E2", "times": 1}]));
    assert!(stage.run("search_records", json!({"resource": "invoices", "limit": 1})).is_ok());
    let stage = Stage::sim(json!([{"name": "E2"}]));
    let refused = stage.run("search_records", json!({"resource": "invoices", "limit": 1})).unwrap_err();
    assert!(!refused.again && refused.problem.message.contains("invoices"), "{refused:?}");
    assert_eq!(stage.arrived().len(), 2, "once more and not again");
}

#[test]
fn n1_names_that_cards_invent_are_explained() {
    for (invented, real) in
        [("journals", "journalBatches"), ("ledgers", "ledgersLOV"), ("businessUnits", "finBusinessUnitsLOV")]
    {
        let refused = Stage::sim(json!([])).run("search_records", json!({ "resource": invented })).unwrap_err();
        assert!(!refused.again);
        let told = format!("{} {:?}", refused.problem.message, refused.problem.remedy);
        assert!(told.contains(invented), "{told}");
        assert!(told.contains(real) || told.contains("list_resources"), "{told}");
    }
}

#[test]
fn w7_what_is_processed_later_is_told_by_its_status() {
    let stage = Stage::sim(json!([]));
    let record = json!({"ActionType": "nonsense"});
    let made =
        stage.run("create_record", json!({"resource": "shipmentTransactionRequests", "record": record})).unwrap();
    assert_eq!(made["record"]["TransactionStatus"], "AP", "{made}");
    stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(60));
    let later = stage.run("search_records", json!({"resource": "shipmentTransactionRequests", "limit": 10})).unwrap();
    assert_eq!(later["result"][0]["TransactionStatus"], "ER", "{later}");
}
