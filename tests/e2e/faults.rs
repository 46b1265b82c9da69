//! What goes wrong in the field (FACTS 8), each fault by its name there, and what comes of it.

use serde_json::{Value, json};

use crate::invoices::invoice;
use crate::stage::{Stage, column};
use host_harness::contract::types::ProblemKind;

fn all() -> Value {
    json!({"resource": "invoices", "fields": ["InvoiceId", "InvoiceNumber"], "limit": 10_000})
}

/// Every row there is, in the pod's order of keys.
fn every_key() -> Vec<String> {
    column(&Stage::sim(json!([])).search(all()).0, "InvoiceId")
}

#[test]
fn p1_a_smaller_limit_skips_nothing() {
    let stage = Stage::sim(json!([{"name": "P1", "limit": 37}]));
    assert_eq!(column(&stage.search(all()).0, "InvoiceId"), every_key());
    // Without a sortable key pages go by offset, and the same holds.
    let whole = Stage::sim(json!([])).search(json!({"resource": "workers"})).0;
    let small = Stage::sim(json!([{"name": "P1", "limit": 4}])).search(json!({"resource": "workers"})).0;
    assert_eq!(column(&small, "PersonId"), column(&whole, "PersonId"));
}

#[test]
fn p2_without_has_more_the_length_of_a_page_tells() {
    let stage = Stage::sim(json!([{"name": "P2"}]));
    assert_eq!(column(&stage.search(all()).0, "InvoiceId"), every_key());
}

#[test]
fn p5_a_short_page_is_not_the_end_and_an_empty_one_is_told() {
    let stage = Stage::sim(json!([{"name": "P5", "rows": 3, "from": 25}]));
    let ordered = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 10_000, "order_by": [{"attribute": "InvoiceNumber"}]});
    let rows = stage.search(ordered.clone()).0;
    assert_eq!(rows.len(), 1000);
    let stage = Stage::sim(json!([{"name": "P5", "rows": 500, "empty_at": 500}]));
    let (rows, warnings) = stage.search(ordered);
    // The second page begins with the last row of the first, and so before the place from which pages are empty.
    assert_eq!((rows.len(), warnings[0]["code"].as_str()), (999, Some("truncated")));
}

#[test]
fn p8_the_row_that_breaks_a_page_is_named_and_the_rest_comes() {
    let keys = every_key();
    for at in [0, 333, 999] {
        for input in [
            all(),
            json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 10_000, "order_by": [{"attribute": "InvoiceNumber"}]}),
        ] {
            let stage = Stage::sim(json!([{"name": "P8", "key": keys[at]}]));
            let (rows, warnings) = stage.search(input);
            let read = column(&rows, "InvoiceId");
            assert_eq!(read.len(), 999, "row {at}");
            assert!(!read.contains(&keys[at]));
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert_eq!(
                (warnings[0]["code"].as_str(), warnings[0]["key"].as_str()),
                (Some("row_unreadable"), Some(keys[at].as_str()))
            );
        }
    }
}

#[test]
fn i5_offsets_arrive_as_they_were_meant() {
    let stage = Stage::sim(json!([{"name": "I5"}]));
    let count = |value: &str| {
        let input = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 10_000, "all": [{"attribute": "LastUpdateDate", "operator": "ge", "value": value}]});
        stage.search(input).0.len()
    };
    let noon = count("2026-06-15T12:00:00Z");
    assert!(noon > 0 && noon < 1000, "{noon}");
    assert_eq!(count("2026-06-15T14:00:00+02:00"), noon);
    assert!(stage.arrived().iter().all(|line| !line.contains('+')), "a bare + would arrive as a space");
}

#[test]
fn e1_an_empty_406_is_asked_again() {
    let stage = Stage::sim(json!([{"name": "E1", "resource": "suppliers"}]));
    assert_eq!(
        stage.run("search_records", json!({"resource": "suppliers", "limit": 3})).unwrap()["result"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(stage.arrived().len(), 2);
}

#[test]
fn e4_a_row_just_created_is_asked_for_again_and_a_404_is_explained() {
    let stage = Stage::sim(json!([{"name": "E4", "seconds": 0}]));
    let key = stage.run("create_invoice", invoice("F-4")).unwrap()["record"]["InvoiceId"].to_string();
    assert!(stage.run("get_record", json!({"resource": "invoices", "key": key})).is_ok());
    let stage = Stage::sim(json!([{"name": "E4", "privilege": true}]));
    let refused = stage.run("search_records", all()).unwrap_err();
    assert_eq!((refused.problem.kind, refused.again), (ProblemKind::NotFound, false));
    assert!(refused.problem.remedy.unwrap().contains("privilege"));
}

#[test]
fn e6_throttling_is_waited_out_or_handed_on() {
    for date in [false, true] {
        let stage = Stage::sim(json!([{"name": "E6", "times": 2, "retry_after": 1, "date": date}]));
        assert!(stage.run("search_records", all()).is_ok(), "date {date}");
    }
    let stage = Stage::sim(json!([{"name": "E6", "retry_after": 90}]));
    let refused = stage.run("search_records", all()).unwrap_err();
    assert_eq!(
        (refused.problem.kind, refused.again, refused.problem.retry_after_ms),
        (ProblemKind::RateLimited, true, Some(90_000))
    );
    assert_eq!(stage.arrived().len(), 1);
}

#[test]
fn e7_a_read_that_the_edge_gave_up_on_is_repeated() {
    let stage = Stage::sim(json!([{"name": "E7", "times": 2}]));
    assert!(stage.run("search_records", all()).is_ok());
    let stage = Stage::sim(json!([{"name": "E7"}]));
    let refused = stage.run("search_records", all()).unwrap_err();
    assert_eq!((refused.problem.kind, refused.again), (ProblemKind::Unavailable, true));
    assert_eq!(stage.arrived().len(), 3, "two more tries and no more");
}

#[test]
fn e9_nothing_asks_with_head() {
    let stage = Stage::sim(json!([{"name": "E9"}]));
    stage.run("search_records", all()).unwrap();
    stage.run("create_invoice", invoice("F-9")).unwrap();
    assert!(stage.arrived().iter().all(|line| line.starts_with("GET ") || line.starts_with("POST ")));
}

#[test]
fn e11_every_shape_of_error_is_told_with_its_code() {
    for style in ["text", "json", "json_number", "json_code"] {
        let stage = Stage::sim(
            json!([{"name": "E11", "style": style, "detail": "Attribute Name is required (JBO-27014)", "code": "27014"}]),
        );
        let refused = stage.run("search_records", all()).unwrap_err();
        assert_eq!(refused.problem.remote_code.as_deref(), Some("JBO-27014"), "{style}");
        assert!(refused.problem.message.contains("Attribute Name is required"), "{style}: {}", refused.problem.message);
    }
    for style in ["html", "empty"] {
        let stage = Stage::sim(json!([{"name": "E11", "style": style}]));
        let refused = stage.run("search_records", all()).unwrap_err();
        assert!(!refused.problem.message.contains("<html"), "{}", refused.problem.message);
        assert!(refused.problem.message.contains("invoices"), "{}", refused.problem.message);
    }
}

#[test]
fn q1_the_framework_version_goes_with_every_call() {
    let stage = Stage::sim(json!([{"name": "Q1"}]));
    stage.run("search_records", all()).unwrap();
    let log = stage.pod.as_ref().unwrap().log();
    assert!(log.iter().all(|exchange| exchange.header("rest-framework-version") == Some("4")));
    let input = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 5, "all": [{"attribute": "InvoiceAmount", "operator": "gt", "value": 1000}]});
    let first =
        Stage::sim(json!([])).setting("rest_framework_version", json!(1)).run("search_records", input.clone()).unwrap();
    assert_eq!(first, Stage::sim(json!([])).run("search_records", input).unwrap(), "both grammars find the same");
}

#[test]
fn q4_fields_and_expand_do_not_silently_lose_the_children() {
    let stage = Stage::sim(json!([{"name": "Q4"}]));
    let input = json!({"resource": "invoices", "fields": ["InvoiceNumber"], "expand": ["invoiceLines"]});
    let refused = stage.run("search_records", input).unwrap_err();
    assert_eq!(refused.problem.fields[0].pointer, "/expand/0");
    assert!(stage.arrived().is_empty());
}

#[test]
fn w5_a_mis_cased_attribute_is_refused_and_named() {
    let stage = Stage::sim(json!([{"name": "W5"}]));
    let input =
        json!({"resource": "invoices", "all": [{"attribute": "invoiceNumber", "operator": "eq", "value": "x"}]});
    let refused = stage.run("search_records", input).unwrap_err();
    assert!(refused.problem.message.contains("invoiceNumber"), "{}", refused.problem.message);
}

#[test]
fn a_body_that_is_no_page_is_an_error_that_names_the_request() {
    for fault in ["broken_body", "cut_body", "html_page"] {
        let stage = Stage::sim(json!([{ "name": fault }]));
        let refused = stage.run("search_records", json!({"resource": "invoices", "limit": 1})).unwrap_err();
        assert!(refused.problem.message.contains("invoices"), "{fault}: {}", refused.problem.message);
    }
    let stage = Stage::sim(json!([{"name": "large_body", "bytes": 40_000_000}]));
    let refused = stage.run("search_records", json!({"resource": "invoices", "limit": 1})).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::TooLarge);
    assert!(refused.problem.message.contains("invoices"));
}

#[test]
fn a_sign_in_page_in_answer_to_a_write_is_never_taken_for_done() {
    let stage = Stage::sim(json!([]));
    let created = stage.run("create_record", json!({"resource": "invoices", "record": invoice("PAGE-1")})).unwrap();
    let key = created["record"]["InvoiceId"].to_string();
    let row = || {
        let found = json!({"resource": "invoices", "all": [{"attribute": "InvoiceNumber", "operator": "eq", "value": "PAGE-1"}]});
        let rows = stage.search(found).0;
        assert_eq!(rows.len(), 1);
        rows[0].clone()
    };
    let before = row();
    for (action, rest) in [
        ("delete_record", json!({"key": key})),
        ("update_record", json!({"key": key, "record": {"Description": "changed"}})),
        (
            "call_record_action",
            json!({"action": "validateInvoice", "parameters": {"InvoiceNumber": "PAGE-1", "ProcessAction": "Validate", "BusinessUnit": "US1 Business Unit", "Supplier": "Lee Supplies"}}),
        ),
    ] {
        let methods = ["POST", "PATCH", "DELETE"];
        stage.faults(methods.iter().map(|method| json!({"name": "html_page", "method": method})).collect());
        let mut input = rest;
        input["resource"] = "invoices".into();
        let refused = stage.run(action, input).unwrap_err();
        assert_eq!(refused.problem.kind, ProblemKind::UnknownOutcome, "{action}: {:?}", refused.problem);
        assert!(refused.problem.message.contains("Sign In"), "{action}: {}", refused.problem.message);
        stage.faults(json!([]));
        assert_eq!(row(), before, "{action}");
    }
}
