//! FACTS 1.2, 1.7, 8 (W1–W4, E2, E10, T10, late commits): what becomes of writes.
use super::*;
use serde_json::json;
use std::time::Duration;

const JSON: (&str, &str) = ("content-type", "application/json");
const V4: (&str, &str) = ("rest-framework-version", "4");
const ERRORS: (&str, &str) = ("accept", "application/json, application/vnd.oracle.adf.error+json;q=0.9");

async fn post(pod: &Pod, below: &str, headers: &[(&str, &str)], payload: &Json) -> Reply {
    let headers = [&[JSON, V4], headers].concat();
    send(pod, "POST", &format!("{REST}/{below}"), &headers, &payload.to_string()).await
}

async fn patch(pod: &Pod, below: &str, headers: &[(&str, &str)], payload: &Json) -> Reply {
    let headers = [&[JSON, V4], headers].concat();
    send(pod, "PATCH", &format!("{REST}/{below}"), &headers, &payload.to_string()).await
}

async fn count(pod: &Pod, number: &str) -> Json {
    get(pod, &format!("invoices?q=InvoiceNumber='{number}'")).await.json()["count"].clone()
}

#[tokio::test]
async fn an_upsert_creates_once_and_then_changes() {
    let pod = pod();
    let mode = [("upsert-mode", "true")];
    let mut payload = new_invoice(&pod, "UP-1").await;
    let first = post(&pod, "invoices", &mode, &payload).await;
    assert_eq!(first.status, 201, "{}", first.text());
    payload["Description"] = "again".into();
    let second = post(&pod, "invoices", &mode, &payload).await;
    assert_eq!((second.status.as_u16(), &second.json()["Description"]), (200, &"again".into()), "{}", second.text());
    assert_eq!(second.json()["InvoiceId"], first.json()["InvoiceId"]);
    assert_eq!(count(&pod, "UP-1").await, 1);
    assert_eq!(post(&pod, "invoices", &[("upsert-mode", "perhaps")], &payload).await.status, 400);
    assert_eq!(post(&pod, "invoices", &[], &payload).await.status, 400);
}

#[tokio::test]
async fn an_upsert_of_a_child_finds_it_by_its_key_and_of_dated_rows_is_refused() {
    let pod = pod();
    let id = post_invoice(&pod, &new_invoice(&pod, "UP-2").await).await.json()["InvoiceId"].clone();
    let lines = format!("invoices/{id}/child/invoiceLines");
    let mode = [("upsert-mode", "true")];
    let changed = post(&pod, &lines, &mode, &json!({"LineNumber": 1, "Description": "seats"})).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["Description"]), (200, &"seats".into()), "{}", changed.text());
    let added = post(&pod, &lines, &mode, &json!({"LineType": "Item", "LineAmount": 5})).await;
    assert_eq!((added.status.as_u16(), &added.json()["LineNumber"]), (201, &2.into()), "{}", added.text());
    let hcm = "/hcmRestApi/resources/11.13.18.05/workers";
    let reply = send(&pod, "POST", hcm, &[JSON, V4, mode[0]], "{}").await;
    assert!(reply.status == 400 && reply.text().contains("date-effective"), "{}", reply.text());
}

#[tokio::test]
async fn w1_refuses_changes_while_the_row_is_processed() {
    let pod = pod_with(json!([{"name": "W1", "seconds": 90}]));
    let id = post_invoice(&pod, &new_invoice(&pod, "BUSY").await).await.json()["InvoiceId"].clone();
    let row = format!("invoices/{id}");
    let refused = patch(&pod, &row, &[ERRORS], &json!({"Description": "x"})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["o:errorDetails"][0]["o:errorCode"], "DOO-2686198");
    pod.clock().advance(Duration::from_secs(91));
    assert_eq!(patch(&pod, &row, &[], &json!({"Description": "x"})).await.status, 200);
}

#[tokio::test]
async fn w2_ignores_a_field_and_w3_stores_another_value() {
    let pod = pod_with(json!([
        {"name": "W2", "attributes": ["Description"]},
        {"name": "W3", "attribute": "InvoiceNumber", "method": "POST"},
        {"name": "W3", "attribute": "PaymentTerms", "value": "Immediate", "method": "PATCH"},
    ]));
    let created = post_invoice(&pod, &new_invoice(&pod, "MINE").await).await.json();
    assert_ne!(created["InvoiceNumber"], "MINE");
    assert_eq!(count(&pod, "MINE").await, 0);
    let row = format!("invoices/{}", created["InvoiceId"]);
    let changed = patch(&pod, &row, &[], &json!({"Description": "lost", "PaymentTerms": "Net 30"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let read = get(&pod, &row).await.json();
    assert_eq!((&read["Description"], &read["PaymentTerms"]), (&Json::Null, &"Immediate".into()));
}

#[tokio::test]
async fn w4_fills_what_the_answer_of_a_create_leaves_open() {
    let pod = pod();
    let created = post_invoice(&pod, &new_invoice(&pod, "DERIVED").await).await.json();
    assert_eq!(created["ValidationStatus"], Json::Null);
    let read = get(&pod, &format!("invoices/{}", created["InvoiceId"])).await.json();
    assert_eq!((&read["ValidationStatus"], &read["PaidStatus"]), (&"Not validated".into(), &"Unpaid".into()));
}

#[tokio::test]
async fn e10_makes_an_etag_stale_or_refuses_the_change() {
    let theirs = json!([{"name": "E10", "times": 1, "changes": {"Description": "theirs"}}]);
    let pod = pod_with(theirs);
    let row = format!("invoices/{}", an_invoice(&pod).await["InvoiceId"]);
    let etag = get(&pod, &row).await.header("etag").to_owned();
    let stale = patch(&pod, &row, &[("if-match", &etag)], &json!({"Description": "mine"})).await;
    assert_eq!(stale.status, 412);
    assert_eq!(get(&pod, &row).await.json()["Description"], "theirs");
    let fresh = stale.header("etag").to_owned();
    assert_eq!(patch(&pod, &row, &[("if-match", &fresh)], &json!({"Description": "mine"})).await.status, 200);

    let pod = pod_with(json!([{"name": "E10", "times": 1, "status": 400}]));
    let refused = patch(&pod, &row, &[ERRORS], &json!({"Description": "mine"})).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["o:errorDetails"][0]["o:errorCode"]), (400, &"25014".into()));
    assert!(refused.text().contains("Another user has changed the row with primary key oracle.jbo.Key["));
    assert_eq!(patch(&pod, &row, &[], &json!({"Description": "mine"})).await.status, 200);
}

#[tokio::test]
async fn e2_is_a_400_without_a_word() {
    let pod = pod_with(json!([{"name": "E2", "times": 1, "method": "POST"}]));
    let payload = new_invoice(&pod, "BLANK").await;
    let reply = post_invoice(&pod, &payload).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (400, ""));
    assert_eq!(count(&pod, "BLANK").await, 0);
    assert_eq!(post_invoice(&pod, &payload).await.status, 201);
}

#[tokio::test]
async fn t10_says_success_though_a_line_failed() {
    let failures: Vec<String> = (1..8).map(|line| format!("Line {line}: no.")).collect();
    for (status, validated) in [("S", "Validated"), ("E", "Not validated")] {
        let pod = pod_with(json!([{"name": "T10", "status": status, "failures": failures}]));
        let row = post_invoice(&pod, &new_invoice(&pod, "ACT").await).await.json();
        let call = json!({"ProcessAction": "Validate", "InvoiceNumber": "ACT", "Supplier": row["Supplier"], "BusinessUnit": row["BusinessUnit"]});
        let reply = post(&pod, "invoices/action/validateInvoice", &[], &call).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["result"]["ReturnStatus"]), (200, &status.into()));
        assert_eq!(reply.json()["result"]["Message"].as_str().unwrap().lines().count(), 5);
        assert_eq!(get(&pod, &format!("invoices/{}", row["InvoiceId"])).await.json()["ValidationStatus"], validated);
    }
}

#[tokio::test]
async fn a_late_commit_comes_after_the_first_look() {
    let pod = pod_with(json!([{"name": "late_commit", "times": 1, "resource": "invoices"}]));
    let payload = new_invoice(&pod, "LATE").await;
    assert_eq!(post_invoice(&pod, &payload).await.status, 504);
    for found in [0, 0, 1] {
        assert_eq!(count(&pod, "LATE").await, found);
    }
    let pod = pod_with(json!([{"name": "late_commit", "times": 1, "seconds": 30}]));
    assert_eq!(post_invoice(&pod, &payload).await.status, 504);
    assert_eq!(count(&pod, "LATE").await, 0);
    pod.clock().advance(Duration::from_secs(30));
    assert_eq!(count(&pod, "LATE").await, 1);
}

#[tokio::test]
async fn a_payload_limit_refuses_what_is_larger() {
    let pod = pod_with(json!([{"name": "payload_limit", "bytes": 2000}]));
    let mut payload = new_invoice(&pod, "LARGE").await;
    assert_eq!(post_invoice(&pod, &payload).await.status, 201);
    payload["Description"] = "x".repeat(2000).into();
    assert_eq!(post_invoice(&pod, &payload).await.status, 413);
}

#[tokio::test]
async fn n1_a_resource_that_does_not_exist_is_not_found() {
    let pod = pod_with(json!([{"name": "N1"}]));
    for below in ["journals", "ledgers", "businessUnits"] {
        assert_eq!(get(&pod, below).await.status, 404, "{below}");
    }
    assert_eq!(get(&pod, "journalBatches").await.status, 200);
}
