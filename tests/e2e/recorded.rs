//! Answers as live pods write them, re-expressed in `tests/scripts`: the same members, order, spacing, nulls,
//! keys and forms of timestamps. The component reads each exactly.

use serde_json::{Value, json};

use crate::stage::Stage;

/// The body of an exchange in a script, as text.
fn body(file: &str, exchange: usize) -> String {
    let text = std::fs::read_to_string(format!("{}/scripts/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let script: Value = serde_json::from_str(&text).unwrap();
    script[exchange]["response"]["body"].as_str().unwrap().to_owned()
}

#[test]
fn an_invoice_is_created_with_the_pods_answer_as_it_is() {
    let (stage, script) = Stage::script("invoice_created.json");
    let input = json!({
        "InvoiceNumber": "771203318_4096", "InvoiceCurrency": "USD", "InvoiceAmount": 51884.16, "InvoiceDate": "2025-03-21",
        "BusinessUnit": "NW US BU", "Supplier": "NORTHWIND TOOLS LTD", "SupplierSite": "NORTH_SITE", "InvoiceType": "Standard",
        "Description": "Trial", "PaymentMethod": "Check", "InvoiceSource": "ExtSource",
        "invoiceLines": [{"LineNumber": 1, "LineAmount": 48211.5, "LineType": "Item", "invoiceDistributions": [{
            "DistributionLineNumber": 1, "DistributionLineType": "Item", "DistributionAmount": 712, "DistributionCombination": "20-202-00008-263222-00-000"}]}],
    });
    let output = stage.text("create_record", &json!({"resource": "invoices", "record": input}).to_string()).unwrap();
    assert_eq!(script.unmet(), None);
    // What was recorded as sent and as answered is not of the same call, so each difference is told.
    let record = format!("{{\"record\":{},\"warnings\":", body("invoice_created.json", 1).trim());
    assert!(output.starts_with(&record) && output.contains("changed_by_server"));
}

#[test]
fn receivables_invoices_come_without_links_and_with_their_nulls() {
    let (stage, script) = Stage::script("receivables_invoices.json");
    let output = stage.text("search_records", r#"{"resource":"receivablesInvoices","limit":25}"#).unwrap();
    assert_eq!(script.unmet(), None);
    let whole = body("receivables_invoices.json", 0);
    let start = whole.find("[\n").unwrap() + 1;
    let row = whole[start..whole.find("\n ],\n \"count\"").unwrap()].trim();
    assert_eq!(output, format!("{{\"result\":[{row}],\"next_cursor\":null}}"));
}

#[test]
fn a_composite_key_with_a_null_part_is_read_and_used() {
    let (stage, script) = Stage::script("cross_references.json");
    let found = stage.run("search_records", json!({"resource": "crossReferenceRelationships"})).unwrap();
    let row = &found["result"][0];
    assert_eq!(row["ItemRelationshipId"].to_string(), "100000000712345");
    assert_eq!(row["ApplicableOrganizationId"], Value::Null);
    let key = row["links"][0]["href"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert!(key.ends_with("FFFFFFFF"));
    let read = stage.run("get_record", json!({"resource": "crossReferenceRelationships", "key": key})).unwrap();
    assert_eq!(read["record"]["Item"], json!("5511823"));
    assert_eq!(script.unmet(), None);
}
