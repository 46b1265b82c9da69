//! Creating records once, whatever happens to the answer.

use serde_json::{Value, json};

use crate::stage::Stage;
use host_harness::contract::types::ProblemKind;

pub fn invoice(number: &str) -> Value {
    json!({
        "InvoiceNumber": number, "InvoiceAmount": 2212.75, "InvoiceCurrency": "USD", "Supplier": "Lee Supplies",
        "SupplierSite": "Lee US1", "BusinessUnit": "US1 Business Unit",
        "invoiceLines": [{"LineNumber": 1, "LineType": "Item", "LineAmount": 2212.75, "Description": "Chairs"}],
    })
}

fn stored(stage: &Stage, number: &str) -> usize {
    let input =
        json!({"resource": "invoices", "all": [{"attribute": "InvoiceNumber", "operator": "eq", "value": number}]});
    stage.run("search_records", input).unwrap()["result"].as_array().unwrap().len()
}

fn posts(stage: &Stage) -> usize {
    stage.arrived().iter().filter(|line| line.starts_with("POST ")).count()
}

#[test]
fn an_invoice_is_created_and_read_back() {
    let stage = Stage::sim(json!([]));
    let made = stage.run("create_invoice", invoice("T-1")).unwrap();
    let key = made["record"]["InvoiceId"].to_string();
    let read =
        stage.run("get_record", json!({"resource": "invoices", "key": key, "expand": ["invoiceLines"]})).unwrap();
    assert_eq!(read["record"]["InvoiceAmount"], json!(2212.75));
    assert_eq!(read["record"]["invoiceLines"][0]["LineAmount"], json!(2212.75));
}

#[test]
fn the_same_invoice_again_is_the_same_invoice() {
    let stage = Stage::sim(json!([]));
    let first = stage.run("create_invoice", invoice("T-2")).unwrap();
    let second = stage.run("create_invoice", invoice("T-2")).unwrap();
    assert_eq!(first["record"]["InvoiceId"], second["record"]["InvoiceId"]);
    assert_eq!(second["warnings"][0]["code"], json!("already_existed"));
    let mut other = invoice("T-2");
    other["InvoiceAmount"] = json!(1);
    other["invoiceLines"][0]["LineAmount"] = json!(1);
    let refused = stage.run("create_invoice", other).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Conflict);
    assert!(refused.problem.message.contains("InvoiceAmount is 2212.75, sent was 1"), "{}", refused.problem.message);
}

#[test]
fn whatever_the_edge_does_one_invoice_is_there() {
    for fault in [
        json!({"name": "E7", "method": "POST", "commit": "before", "times": 1}),
        json!({"name": "E7", "method": "POST", "commit": "never", "times": 1}),
        json!({"name": "E7", "method": "POST", "commit": "later", "requests": 2, "times": 1}),
        json!({"name": "E7", "method": "POST", "commit": "later", "seconds": 1, "times": 1}),
        json!({"name": "E7", "method": "POST", "status": 502, "commit": "before", "times": 1}),
        json!({"name": "E6", "method": "POST", "retry_after": 1, "times": 1}),
        json!({"name": "cut_body", "method": "POST", "times": 1}),
        json!({"name": "broken_body", "method": "POST", "times": 1}),
    ] {
        let stage = Stage::sim(json!([fault]));
        let made = stage.run("create_invoice", invoice("T-3")).unwrap_or_else(|refused| panic!("{fault}: {refused:?}"));
        assert!(made["record"]["InvoiceId"].is_number(), "{fault}");
        assert_eq!(stored(&stage, "T-3"), 1, "{fault}");
    }
}

#[test]
fn without_a_business_key_a_lost_answer_is_told_and_not_repeated() {
    let stage = Stage::sim(json!([{"name": "E7", "method": "POST", "commit": "before", "times": 1}]));
    let record = json!({"BusinessUnit": "US1 Business Unit", "TransactionSource": "Manual", "TransactionType": "Invoice", "BillToCustomerNumber": "1001"});
    let refused = stage.run("create_record", json!({"resource": "receivablesInvoices", "record": record})).unwrap_err();
    assert_eq!((refused.problem.kind, refused.again), (ProblemKind::UnknownOutcome, false));
    assert!(refused.problem.remedy.unwrap().contains("receivablesInvoices"));
    assert_eq!(posts(&stage), 1);
}

#[test]
fn an_unknown_attribute_is_told_by_name() {
    let stage = Stage::sim(json!([]));
    let mut record = invoice("T-4");
    record["Invoicecurrency"] = json!("USD");
    let refused = stage.run("create_record", json!({"resource": "invoices", "record": record})).unwrap_err();
    assert!(refused.problem.message.contains("Invoicecurrency"), "{}", refused.problem.message);
    assert_eq!(stored(&stage, "T-4"), 0);
}

#[test]
fn a_connection_that_only_reads_writes_nothing() {
    let stage = Stage::sim(json!([])).setting("read_only", json!(true));
    let refused = stage.run("create_invoice", invoice("T-5")).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Forbidden);
    assert!(stage.arrived().is_empty());
}

#[test]
fn journals_are_not_created_over_rest() {
    let stage = Stage::sim(json!([]));
    let refused =
        stage.run("create_record", json!({"resource": "journalBatches", "record": {"BatchName": "x"}})).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Unsupported);
    assert!(stage.arrived().is_empty());
}
