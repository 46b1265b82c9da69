//! Bad input and what it gets: each fault with its place, and nothing sent.

use serde_json::{Value, json};

use crate::stage::{Refused, Stage};
use host_harness::contract::types::ProblemKind;

fn refused(action: &str, input: &Value) -> (Stage, Refused) {
    let stage = Stage::sim(json!([]));
    let refused = stage.run(action, input.clone()).unwrap_err();
    assert!(!refused.again);
    (stage, refused)
}

#[test]
fn every_fault_is_told_with_its_pointer_and_nothing_is_sent() {
    let input = json!({"resource": "invoices", "limit": 0, "al": [], "all": [{"attribute": "A", "operator": "is"}]});
    let (stage, refused) = refused("search_records", &input);
    let mut places: Vec<&str> = refused.problem.fields.iter().map(|field| field.pointer.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/al", "/all/0/operator", "/limit"]);
    assert_eq!(refused.problem.kind, ProblemKind::InvalidInput);
    assert!(stage.arrived().is_empty());
}

#[test]
fn what_is_not_json_or_not_complete_is_refused() {
    let stage = Stage::sim(json!([]));
    for (action, input) in [
        ("search_records", "{"),
        ("search_records", "[]"),
        ("search_records", "{}"),
        ("get_record", r#"{"resource":"invoices"}"#),
        ("get_record", r#"{"resource":"invoices","key":"1","all":[]}"#),
        ("get_record", r#"{"resource":"invoices","key":".."}"#),
        ("create_record", r#"{"resource":"invoices"}"#),
        ("create_record", r#"{"resource":"invoices","record":[]}"#),
        ("create_invoice", r#"{"InvoiceNumber":"x"}"#),
        ("search_records", r#"{"resource":"../../x"}"#),
        ("search_records", r#"{"resource":"invoices?x=1"}"#),
        ("search_records", r#"{"resource":"é"}"#),
        ("search_records", r#"{"resource":"invoices","cursor":"not-a-cursor"}"#),
        ("search_records", r#"{"resource":"invoices","limit":100000000000000000000000000000}"#),
        ("search_records", r#"{"resource":"invoices","fields":["A,B"]}"#),
        ("search_records", r#"{"resource":"invoices","order_by":[{"attribute":"A:desc"}]}"#),
        ("search_records", r#"{"resource":"currencyRates"}"#),
    ] {
        let refused = stage.text(action, input).unwrap_err();
        assert_eq!((refused.problem.kind, refused.again), (ProblemKind::InvalidInput, false), "{action} {input}");
        assert!(!refused.problem.fields.is_empty(), "{action} {input}");
    }
    assert!(stage.arrived().is_empty(), "{:?}", stage.arrived());
}

#[test]
fn unknown_names_come_with_the_nearest_ones() {
    let stage = Stage::sim(json!([]));
    let refused = stage.run("create_invoce", json!({})).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::NotFound);
    assert!(refused.problem.remedy.unwrap().contains("create_invoice"));
    for (name, meant) in [("invoces", "invoices"), ("ledgers", "ledgersLOV"), ("journals", "journalBatches")] {
        let refused = stage.run("search_records", json!({"resource": name})).unwrap_err();
        assert_eq!(refused.problem.fields[0].pointer, "/resource");
        assert!(refused.problem.remedy.unwrap().contains(meant), "{name}");
    }
}

#[test]
fn a_q_that_does_not_parse_is_the_pods_to_refuse() {
    let (_, refused) = refused("search_records", &json!({"resource": "invoices", "q": "((("}));
    assert_eq!((refused.problem.kind, refused.problem.http_status), (ProblemKind::InvalidInput, Some(400)));
}

#[test]
fn settings_that_do_not_fit_are_told() {
    let stage = Stage::sim(json!([])).setting("host", json!("https://a@b/c"));
    let refused = stage.run("search_records", json!({"resource": "invoices"})).unwrap_err();
    assert_eq!(refused.problem.fields[0].pointer, "/host");
    let stage = Stage::sim(json!([])).setting("langage", json!("en"));
    let refused = stage.run("search_records", json!({"resource": "invoices"})).unwrap_err();
    assert!(refused.problem.message.contains("language"), "{}", refused.problem.message);
}

#[test]
fn a_wrong_password_is_tried_once_and_told() {
    let stage = Stage::sim(json!([])).signed_in_as("integration.user", "Wr0ng-secret-4711");
    let refused = stage.run("search_records", json!({"resource": "invoices"})).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Unauthenticated);
    assert!(refused.problem.remedy.is_some() && !refused.problem.message.contains("Wr0ng"));
    assert_eq!(stage.arrived().len(), 1);
}
