//! The faults of the field that records meet (FACTS 8), each with what is on the pod afterwards, counted in the pod's
//! own store and never through the connector.
//!
//! | fault | test |
//! |---|---|
//! | W1, W2, W3, E2, E10, T10 at each writing operation | `writes`, by the table in `writes/endings.txt` |
//! | W4: derived later | `invoices::an_invoice_is_created_and_read_back`, `writes` (`create_invoice`) |
//! | W5: an unknown or mis-cased attribute | here, `faults::w5_…` for searches |
//! | W6, W7: accepted at once, judged later | here |
//! | P3, P4, P6, P7, P9, Q2, Q5, E2 at a search | here; in detail in `odd_reads` |
//! | Q3, N1: refused before or instead of an answer | here; in detail in `odd_reads` |
//! | lost answers at each writing operation | `writes` |
//! | date-effective rows, keys of another day | `dated` |
//! | users where accounts are refused | `users`, here for `create_user` |

use std::collections::BTreeSet;

use fusion_sim::Pod;
use fusion_sim::metadata;
use fusion_sim::model::{Resource, Root, Row, Value as Held};
use host_harness::contract::types::ProblemKind;
use serde_json::{Value, json};

use crate::invoices::invoice;
use crate::stage::Stage;

pub fn rows(pod: &Pod, root: Root, name: &str) -> (&'static Resource, Vec<Row>) {
    let resource = metadata::resource(root, name).unwrap();
    (resource, pod.with_store(|store| store.scan(resource).collect()))
}

pub fn text<'r>(resource: &Resource, row: &'r Row, name: &str) -> &'r str {
    match row.get(resource, name) {
        Some(Held::Text(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

/// Ids of the invoices that there are.
fn stored(stage: &Stage) -> BTreeSet<String> {
    let (resource, rows) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "invoices");
    let id = |row: &Row| match row.get(resource, "InvoiceId") {
        Some(Held::Integer(id)) => id.to_string(),
        other => panic!("{other:?}"),
    };
    rows.iter().map(id).collect()
}

/// How many rows there are of what a test writes to.
fn written(stage: &Stage, name: &str) -> usize {
    rows(stage.pod.as_ref().unwrap(), Root::Fscm, name).1.len()
}

fn only_reads(stage: &Stage) {
    let writes: Vec<String> = stage.arrived().into_iter().filter(|line| !line.starts_with("GET ")).collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn whatever_a_collection_does_each_row_on_the_pod_is_read_once_and_stays() {
    let by_number = || json!([{"attribute": "InvoiceNumber"}]);
    let faults = [
        ("P3", json!([{"name": "P3"}]), Value::Null),
        ("P6", json!([{"name": "P6"}, {"name": "P1", "limit": 20}]), Value::Null),
        (
            "P6, by another order",
            json!([{"name": "P6", "insert": true, "times": 1}, {"name": "P1", "limit": 20}]),
            by_number(),
        ),
        ("P7", json!([{"name": "P7", "clob": ["Description"]}, {"name": "P1", "limit": 20}]), by_number()),
        ("P9", json!([{"name": "P9", "rows": 1}]), Value::Null),
        ("Q2", json!([{"name": "Q2", "attributes": ["InvoiceNumber"]}]), Value::Null),
        ("Q5", json!([{"name": "Q5"}]), Value::Null),
        ("E2", json!([{"name": "E2", "times": 1}]), Value::Null),
    ];
    for (name, faults, order) in faults {
        let stage = Stage::of(json!({"rows": 120, "faults": faults}));
        let before = stored(&stage);
        let mut input = json!({"resource": "invoices", "limit": 50, "total": name == "P7"});
        if name == "Q2" {
            input["all"] = json!([{"attribute": "InvoiceNumber", "operator": "like", "value": "INV*"}]);
        }
        if name == "P9" {
            input["expand"] = json!(["invoiceLines"]);
        }
        if !order.is_null() {
            input["order_by"] = order;
        }
        let (read, warnings) = stage.search(input);
        let ids: BTreeSet<String> = read.iter().map(|row| row["InvoiceId"].to_string()).collect();
        assert_eq!(ids.len(), read.len(), "{name}: one twice");
        let after = stored(&stage);
        let missing: Vec<&String> = before.difference(&ids).filter(|id| after.contains(*id)).collect();
        // Not every number begins alike; what the question leaves out is not missing.
        let left_out = if name == "Q2" { numbered_otherwise(&stage) } else { 0 };
        assert!(missing.len() == left_out, "{name}: {missing:?}, {warnings:?}");
        assert!(before.is_subset(&after) && after.len() - before.len() == usize::from(name == "P6, by another order"));
        if name == "P9" {
            let (resource, rows) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "invoices");
            let lines = |row: &Value| row["invoiceLines"].as_array().unwrap().len();
            let there: usize = rows.iter().map(|row| row.child("invoiceLines").len()).sum();
            assert_eq!(read.iter().map(lines).sum::<usize>(), there, "of {}: {warnings:?}", resource.name);
        }
        only_reads(&stage);
    }
}

fn numbered_otherwise(stage: &Stage) -> usize {
    let (resource, rows) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "invoices");
    rows.iter().filter(|row| !text(resource, row, "InvoiceNumber").starts_with("INV")).count()
}

/// The rows in the wrappers of P4.
fn unwrapped(read: &[Value]) -> Vec<String> {
    let lists = read.iter().flat_map(|row| row["invoiceLines"].as_array().into_iter().flatten());
    lists.map(|row| row["InvoiceId"].to_string()).collect()
}

#[test]
fn p4_a_page_that_is_wrapped_in_one_row_is_read_to_its_end_or_told() {
    let wrapped = json!({"name": "P4", "list": "invoiceLines"});
    // The offset counts beside the finder, or inside it alone, where P3 comes with it.
    let paging = json!({"name": "P3", "finder": "PrimaryKey"});
    for faults in [json!([wrapped]), json!([wrapped, paging])] {
        let stage = Stage::of(json!({"rows": 120, "faults": faults}));
        let finder = json!({"name": "PrimaryKey", "variables": {"InvoiceId": 1}});
        let mut input = json!({"resource": "invoices", "expand": ["invoiceLines"], "limit": 30, "order_by": [{"attribute": "InvoiceNumber"}]});
        if faults.as_array().unwrap().len() > 1 {
            input["finder"] = finder;
        }
        let (read, warnings) = stage.search(input);
        let ids = unwrapped(&read);
        let once: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!((ids.len(), &once), (120, &stored(&stage)), "{faults}: {warnings:?}");
        only_reads(&stage);
    }
    // Not expanded the list is empty though there are rows, and that is said.
    let stage = Stage::of(json!({"rows": 120, "faults": [wrapped]}));
    let (read, warnings) = stage.search(json!({"resource": "invoices", "limit": 30}));
    assert_eq!(unwrapped(&read).len(), 0);
    assert_eq!(warnings[0]["code"], "rows_hidden", "{warnings:?}");
}

#[test]
fn q3_and_n1_are_refused_and_nothing_is_on_the_pod_that_was_not() {
    let stage = Stage::of(json!({"rows": 5}));
    let counts = |stage: &Stage| ["journalBatches", "invoices", "suppliers"].map(|name| written(stage, name));
    let before = counts(&stage);
    for (resource, record) in [
        ("journals", json!({"BatchName": "x"})),
        ("ledgers", json!({"Name": "x"})),
        ("businessUnits", json!({"Name": "x"})),
        ("ledgerBalances", json!({"LedgerName": "x"})),
        ("currencyRates", json!({"FromCurrency": "USD"})),
    ] {
        let refused = stage.run("create_record", json!({"resource": resource, "record": record})).unwrap_err();
        assert!(!refused.again, "{resource}: {refused:?}");
        assert!(matches!(refused.problem.kind, ProblemKind::InvalidInput | ProblemKind::Unsupported), "{refused:?}");
        assert!(stage.run("search_records", json!({ "resource": resource })).is_err(), "{resource}");
    }
    only_reads(&stage);
    assert_eq!(counts(&stage), before);
    let (resource, held) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "ledgerBalances");
    let of_the_period = |row: &&Row| {
        text(resource, row, "LedgerName") == "US Primary Ledger" && text(resource, row, "PeriodName") == "Jan-26"
    };
    let finder = json!({"name": "AccountBalanceFinder", "variables": {"ledgerName": "US Primary Ledger", "accountingPeriod": "Jan-26"}});
    let (read, _) = stage.search(json!({"resource": "ledgerBalances", "finder": finder}));
    assert_eq!(read.len(), held.iter().filter(of_the_period).count());
    assert!(!read.is_empty());
}

#[test]
fn w5_a_mis_cased_attribute_is_named_and_nothing_is_written() {
    let stage = Stage::sim(json!([{"name": "W5"}]));
    let before = stored(&stage);
    let mut record = invoice("W-5");
    record["invoiceCurrency"] = json!("USD");
    let key = before.first().unwrap();
    for (action, input) in [
        ("create_record", json!({"resource": "invoices", "record": record})),
        ("create_records", json!({"resource": "invoices", "records": [invoice("W-6"), record]})),
        ("upsert_record", json!({"resource": "invoices", "record": record})),
        ("upsert_records", json!({"resource": "invoices", "records": [invoice("W-6"), record]})),
        ("update_record", json!({"resource": "invoices", "key": key, "record": {"description": "x"}})),
        ("update_records", json!({"resource": "invoices", "records": [{"key": key, "record": {"description": "x"}}]})),
    ] {
        let refused = stage.run(action, input).unwrap_err();
        assert_eq!((refused.problem.kind, refused.again), (ProblemKind::InvalidInput, false), "{action}: {refused:?}");
        let told = format!("{:?}", refused.problem.fields);
        assert!(told.contains("InvoiceCurrency") || told.contains("Description"), "{action}: {told}");
    }
    assert_eq!(stored(&stage), before);
    only_reads(&stage);
}

/// A receipt of the whole first line of an order.
fn receipt(stage: &Stage, shipment: &str) -> Value {
    let (resource, orders) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "purchaseOrders");
    let lines = resource.child("lines").unwrap();
    let quantity = match orders[0].child("lines")[0].get(lines, "Quantity") {
        Some(Held::Decimal(quantity)) => quantity.to_string(),
        other => panic!("{other:?}"),
    };
    let quantity: Value = serde_json::from_str(&quantity).unwrap();
    json!({"ReceiptSourceCode": "VENDOR", "ShipmentNumber": shipment, "lines": [{
        "TransactionType": "RECEIVE", "DocumentNumber": text(resource, &orders[0], "OrderNumber"),
        "DocumentLineNumber": 1, "Quantity": quantity}]})
}

/// The transactions of receipts by their status, with the errors of each.
fn transactions(stage: &Stage) -> Vec<(String, Vec<String>)> {
    let (resource, rows) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "receivingReceiptTransactionRequests");
    let errors = resource.child("processingErrors").unwrap();
    let one = |row: &Row| {
        let told = row.child("processingErrors").iter().map(|row| text(errors, row, "ErrorMessageName").to_owned());
        (text(resource, row, "ProcessingStatusCode").to_owned(), told.collect())
    };
    rows.iter().map(one).collect()
}

#[test]
fn w6_a_receipt_that_is_posted_twice_is_told_by_its_interface_row() {
    let stage = Stage::of(json!({"rows": 5}));
    let record = receipt(&stage, "ASN-1");
    let mut judged = Vec::new();
    for shipment in ["ASN-1", "ASN-1", "ASN-2"] {
        let mut record = record.clone();
        record["ShipmentNumber"] = shipment.into();
        let input = json!({"resource": "receivingReceiptRequests", "record": record});
        // It is accepted each time: that it is a second one is found out later.
        let made = stage.run("create_record", input).unwrap();
        let header = made["record"]["HeaderInterfaceId"].clone();
        let look = json!({"resource": "receivingReceiptTransactionRequests", "expand": ["processingErrors"],
                          "all": [{"attribute": "HeaderInterfaceId", "operator": "eq", "value": header}]});
        let waiting = stage.run("search_records", look.clone()).unwrap();
        assert_eq!(waiting["result"][0]["ProcessingStatusCode"], "PENDING", "{waiting}");
        stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(60));
        let found = stage.run("search_records", look).unwrap();
        let errors = found["result"][0]["processingErrors"].as_array().unwrap();
        let errors = errors.iter().map(|error| error["ErrorMessageName"].as_str().unwrap().to_owned()).collect();
        judged.push((found["result"][0]["ProcessingStatusCode"].as_str().unwrap().to_owned(), errors));
    }
    let told = |status: &str, errors: &[&str]| (status.to_owned(), errors.iter().map(|&error| error.into()).collect());
    let expected: [(String, Vec<String>); 3] = [
        told("SUCCESS", &[]),
        told("ERROR", &["RCV_ASN_SHIPMT_NOT_OPEN"]),
        told("ERROR", &["RCV_TRX_QTY_EXCEEDS_AVAIL_UI"]),
    ];
    assert_eq!(judged, expected);
    let (mut there, mut expected) = (transactions(&stage), expected.to_vec());
    there.sort();
    expected.sort();
    assert_eq!(there, expected);
}

#[test]
fn w6_a_receipt_whose_answer_is_lost_is_not_sent_again() {
    for (commit, there) in [("before", 1), ("never", 0)] {
        let stage = Stage::of(json!({"rows": 5}));
        let input = json!({"resource": "receivingReceiptRequests", "record": receipt(&stage, "ASN-1")});
        stage.faults(json!([{"name": "E7", "method": "POST", "commit": commit, "times": 1}]));
        let refused = stage.run("create_record", input.clone()).unwrap_err();
        assert_eq!((refused.problem.kind, refused.again), (ProblemKind::UnknownOutcome, false), "{commit}");
        assert_eq!(transactions(&stage).len(), there, "{commit}");
        // With what names a receipt to its sender it is found again.
        let stage = Stage::of(json!({"rows": 5}));
        stage.faults(json!([{"name": "E7", "method": "POST", "commit": commit, "times": 1}]));
        let mut input = input;
        input["match"] = json!(["ShipmentNumber"]);
        let made = stage.run("create_record", input);
        assert_eq!(made.is_ok(), commit == "before", "{made:?}");
        assert_eq!(transactions(&stage).len(), there, "{commit}");
    }
}

#[test]
fn w7_a_shipment_is_there_once_and_says_later_why_it_failed() {
    let stage = Stage::of(json!({"rows": 5}));
    let before = written(&stage, "shipmentTransactionRequests");
    let input = json!({"resource": "shipmentTransactionRequests", "record": {"ActionType": "nonsense"}});
    let made = stage.run("create_record", input).unwrap();
    assert_eq!(made["record"]["TransactionStatus"], "AP");
    assert_eq!(written(&stage, "shipmentTransactionRequests"), before + 1);
    stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(60));
    let look = json!({"resource": "shipmentTransactionRequests", "expand": ["errors"],
                      "all": [{"attribute": "TransactionId", "operator": "eq", "value": made["record"]["TransactionId"]}]});
    let found = stage.run("search_records", look).unwrap();
    assert_eq!(found["result"][0]["TransactionStatus"], "ER", "{found}");
    assert_eq!(found["result"][0]["errors"][0]["ErrorCode"], "WSH_INVALID_ACTION", "{found}");
    let (resource, rows) = rows(stage.pod.as_ref().unwrap(), Root::Fscm, "shipmentTransactionRequests");
    assert_eq!(rows.len(), before + 1);
    assert_eq!(text(resource, rows.last().unwrap(), "TransactionStatus"), "ER");
}

#[test]
fn a_user_is_created_once_where_accounts_are_refused_as_well() {
    let refused = json!({"name": "E5", "resource": "userAccounts"});
    let lost =
        |commit: &str| json!({"name": "E7", "resource": "Users", "method": "POST", "commit": commit, "times": 1});
    let input = json!({"user_name": "ida.ng@example.com", "given_name": "Ida", "family_name": "Ng"});
    for (faults, status) in [
        (json!([refused]), "created"),
        (json!([refused, lost("before")]), "recovered"),
        (json!([refused, lost("never")]), "created"),
        (json!([refused, {"name": "late_commit", "resource": "Users", "requests": 2, "times": 1}]), "recovered"),
    ] {
        let stage = Stage::sim(faults.clone());
        let made = stage.run("create_user", input.clone());
        let there = || {
            let (resource, rows) = rows(stage.pod.as_ref().unwrap(), Root::Hcm, "userAccounts");
            rows.iter().filter(|row| text(resource, row, "Username") == "ida.ng@example.com").count()
        };
        assert_eq!(made.as_ref().map(|made| made["status"].clone()).unwrap(), status, "{faults}: {made:?}");
        assert_eq!(there(), 1, "{faults}");
        let again = stage.run("create_user", input.clone()).unwrap();
        assert_eq!((&again["status"], there()), (&json!("already_existed"), 1), "{faults}");
    }
}
