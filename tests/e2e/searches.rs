//! Searching and reading on a simulated pod.

use serde_json::{Value, json};

use crate::stage::{Stage, column};
use host_harness::contract::types::ProblemKind;

fn above(amount: i64, limit: u32) -> Value {
    json!({
        "resource": "invoices", "limit": limit, "fields": ["InvoiceId", "InvoiceNumber", "InvoiceAmount"],
        "all": [{"attribute": "InvoiceAmount", "operator": "gt", "value": amount}],
    })
}

#[test]
fn three_by_three_to_the_end_each_row_comes_once() {
    let stage = Stage::sim(json!([]));
    let (by_three, _) = stage.search(above(100_000, 3));
    let (at_once, _) = stage.search(above(100_000, 10_000));
    assert!(by_three.len() > 3, "{}", by_three.len());
    assert_eq!(by_three, at_once);
    let mut keys = column(&by_three, "InvoiceId");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), by_three.len());
}

#[test]
fn a_cursor_is_of_one_question() {
    let stage = Stage::sim(json!([]));
    let first = stage.run("search_records", above(1000, 3)).unwrap();
    let mut other = above(2000, 3);
    other["cursor"] = first["next_cursor"].clone();
    let refused = stage.run("search_records", other).unwrap_err();
    assert_eq!(
        (refused.problem.kind, refused.problem.fields[0].pointer.as_str()),
        (ProblemKind::InvalidInput, "/cursor")
    );
}

#[test]
fn numbers_are_as_the_pod_spells_them() {
    let stage = Stage::sim(json!([]));
    let text = stage.text("search_records", &above(0, 2000).to_string()).unwrap();
    assert!(text.contains("123456789012345.67"), "amounts beyond a double's comfort stay exact");
    assert!(text.contains(" : 0.10\n") || text.contains(".10\n"), "a trailing zero stays");
}

#[test]
fn orders_finders_and_q_reach_the_pod() {
    let stage = Stage::sim(json!([]));
    let input = json!({"resource": "invoices", "limit": 50, "fields": ["InvoiceAmount"], "order_by": [{"attribute": "InvoiceAmount", "direction": "desc"}]});
    let rows = stage.run("search_records", input).unwrap();
    let amounts: Vec<f64> =
        rows["result"].as_array().unwrap().iter().map(|row| row["InvoiceAmount"].as_f64().unwrap()).collect();
    assert!(amounts.windows(2).all(|pair| pair[0] >= pair[1]));

    let key = stage.run("search_records", above(0, 1)).unwrap()["result"][0]["InvoiceId"].clone();
    let found = stage
        .run(
            "search_records",
            json!({"resource": "invoices", "finder": {"name": "PrimaryKey", "variables": {"InvoiceId": key}}}),
        )
        .unwrap();
    assert_eq!(column(found["result"].as_array().unwrap(), "InvoiceId"), [key.to_string()]);

    let by_q = stage.run("search_records", json!({"resource": "invoices", "q": format!("InvoiceId = {key}")})).unwrap();
    assert_eq!(by_q["result"].as_array().unwrap().len(), 1);
}

#[test]
fn names_with_quotes_and_semicolons_are_found() {
    let stage = Stage::sim(json!([]));
    for name in ["O'Neil; Sons, Ltd", "Lee Supplies"] {
        let found = stage
            .run(
                "search_records",
                json!({"resource": "suppliers", "all": [{"attribute": "Supplier", "operator": "eq", "value": name}]}),
            )
            .unwrap();
        assert_eq!(column(found["result"].as_array().unwrap(), "Supplier"), [json!(name).to_string()]);
    }
}

#[test]
fn children_come_as_lists() {
    let stage = Stage::sim(json!([]));
    let found =
        stage.run("search_records", json!({"resource": "invoices", "limit": 5, "expand": ["invoiceLines"]})).unwrap();
    for row in found["result"].as_array().unwrap() {
        let lines = row["invoiceLines"].as_array().unwrap();
        assert!(lines.iter().all(|line| line["LineNumber"].is_number()));
    }
    let named = json!({"resource": "invoices", "limit": 1, "fields": ["InvoiceNumber", "invoiceLines.LineAmount"], "expand": ["invoiceLines"]});
    let row = &stage.run("search_records", named).unwrap()["result"][0];
    assert!(row["invoiceLines"][0]["LineAmount"].is_number(), "{row}");
}

#[test]
fn a_resource_outside_the_catalogue_is_found_through_describe() {
    let stage = Stage::sim(json!([]));
    let (rows, _) = stage.search(json!({"resource": "workers", "limit": 7}));
    assert!(rows.len() > 7);
    let (rows, _) = stage.search(json!({"resource": "crossReferenceRelationships"}));
    assert!(!rows.is_empty());
}

#[test]
fn one_record_is_read_by_key_by_conditions_and_by_finder() {
    let stage = Stage::sim(json!([]));
    let row = stage.run("search_records", above(0, 1)).unwrap()["result"][0].clone();
    let (key, number) = (row["InvoiceId"].to_string(), row["InvoiceNumber"].clone());
    let by_key = stage.run("get_record", json!({"resource": "invoices", "key": key})).unwrap();
    assert_eq!(by_key["record"]["InvoiceNumber"], number);
    let by_condition = stage.run("get_record", json!({"resource": "invoices", "all": [{"attribute": "InvoiceId", "operator": "eq", "value": row["InvoiceId"]}]})).unwrap();
    assert_eq!(by_condition["record"]["InvoiceNumber"], number);
    let none = json!({"resource": "invoices", "all": [{"attribute": "InvoiceId", "operator": "eq", "value": 1}]});
    assert_eq!(stage.run("get_record", none).unwrap_err().problem.kind, ProblemKind::NotFound);
    let many = json!({"resource": "invoices", "all": [{"attribute": "InvoiceAmount", "operator": "gt", "value": 0}]});
    assert_eq!(stage.run("get_record", many).unwrap_err().problem.kind, ProblemKind::Conflict);
}

#[test]
fn a_key_that_only_a_link_tells_reads_the_row_back() {
    let stage = Stage::sim(json!([]));
    let row = stage.run("search_records", json!({"resource": "workers", "limit": 1})).unwrap()["result"][0].clone();
    let href = row["links"][0]["href"].as_str().unwrap();
    let key = href.rsplit('/').next().unwrap();
    let read = stage.run("get_record", json!({"resource": "workers", "key": key})).unwrap();
    assert_eq!(read["record"]["PersonId"], row["PersonId"]);
}

#[test]
fn what_may_not_stand_in_conditions_is_explained() {
    let stage = Stage::sim(json!([]));
    let input = json!({"resource": "suppliers", "all": [{"attribute": "LastUpdateDate", "operator": "gt", "value": "2026-01-01T00:00:00Z"}]});
    let refused = stage.run("search_records", input).unwrap_err();
    assert_eq!((refused.problem.kind, refused.problem.http_status), (ProblemKind::InvalidInput, None));
    assert_eq!(refused.problem.fields[0].pointer, "/all/0/attribute");
    assert!(refused.problem.fields[0].message.contains("CreationDate"), "{}", refused.problem.fields[0].message);
}

#[test]
fn a_missing_privilege_and_an_empty_answer_are_different_findings() {
    let input = json!({"resource": "invoices"});
    let without = Stage::sim(json!([])).signed_in_as("no.privilege", "Simulated-1");
    let refused = without.run("search_records", input.clone()).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Forbidden);
    assert!(refused.problem.message.contains("invoices"));
    let blind = Stage::sim(json!([])).signed_in_as("no.data", "Simulated-1");
    let empty = blind.run("search_records", input).unwrap();
    assert_eq!((empty["result"].as_array().unwrap().len(), empty["next_cursor"].is_null()), (0, true));
}

#[test]
fn the_catalogue_lists_resources_and_describe_tells_their_attributes() {
    let stage = Stage::sim(json!([]));
    let list = stage.run("list_resources", json!({})).unwrap();
    assert!(list["result"].as_array().unwrap().len() > 200);
    let told = stage.run("describe_resource", json!({"resource": "suppliers"})).unwrap();
    let attributes = told["resource"]["attributes"].as_array().unwrap();
    let changed = attributes.iter().find(|attribute| attribute["name"] == "LastUpdateDate").unwrap();
    assert_eq!(changed["queryable"], json!(false));
    assert_eq!(told["resource"]["key"], json!("SupplierId"));
}
