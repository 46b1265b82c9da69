//! FACTS 1.10: several requests in one, all or none.
use super::*;
use serde_json::json;

async fn batch(pod: &Pod, parts: Json) -> Reply {
    let headers = [
        ("content-type", "application/vnd.oracle.adf.batch+json"),
        ("rest-framework-version", "4"),
        ("accept", "application/json, application/vnd.oracle.adf.error+json"),
    ];
    send(pod, "POST", REST, &headers, &json!({ "parts": parts }).to_string()).await
}

#[tokio::test]
async fn parts_are_done_in_their_order() {
    let pod = pod();
    let row = an_invoice(&pod).await;
    let mut upserted = new_invoice(&pod, "B-1").await;
    upserted["Description"] = "once more".into();
    let reply = batch(
        &pod,
        json!([
            {"id": "a", "path": "/invoices", "operation": "create", "payload": new_invoice(&pod, "B-1").await},
            {"id": "b", "path": "/invoices", "operation": "upsert", "payload": upserted},
            {"id": "c", "path": format!("/invoices/{}", row["InvoiceId"]), "operation": "update", "payload": {"Description": "changed"}},
            {"id": "d", "path": "/invoices?q=InvoiceNumber='B-1'", "operation": "get"},
            {"id": "e", "path": format!("/invoices/{}", row["InvoiceId"]), "operation": "delete"},
        ]),
    )
    .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (200, "application/vnd.oracle.adf.batch+json"),
        "{}",
        reply.text()
    );
    let parts = reply.json()["parts"].clone();
    assert_eq!(parts.as_array().unwrap().iter().map(|part| part["id"].as_str().unwrap()).collect::<String>(), "abcde");
    assert_eq!(parts[0]["payload"]["InvoiceId"], parts[1]["payload"]["InvoiceId"]);
    assert_eq!(parts[3]["payload"]["items"][0]["Description"], "once more");
    assert!(parts[0].get("preconditionSucceeded").is_none() && parts[4].get("payload").is_none());
    assert_eq!(get(&pod, &format!("invoices/{}", row["InvoiceId"])).await.status, 404);
}

#[tokio::test]
async fn one_failed_part_undoes_all_and_is_the_only_one_listed() {
    let pod = pod();
    let mut wrong = new_invoice(&pod, "B-3").await;
    wrong["nope"] = 1.into();
    let reply = batch(
        &pod,
        json!([
            {"id": "good", "path": "/invoices", "operation": "create", "payload": new_invoice(&pod, "B-2").await},
            {"id": "bad", "path": "/invoices", "operation": "create", "payload": wrong},
        ]),
    )
    .await;
    assert_eq!(reply.status, 400);
    let parts = reply.json()["parts"].clone();
    assert_eq!((parts.as_array().unwrap().len(), &parts[0]["id"]), (1, &"bad".into()));
    assert_eq!(parts[0]["payload"]["o:errorDetails"][0]["detail"], "Invalid attribute \"nope\" in the payload.");
    assert_eq!(get(&pod, "invoices?q=InvoiceNumber='B-2'").await.json()["count"], 0);
}

#[tokio::test]
async fn a_stale_part_tells_its_precondition() {
    let pod = pod();
    let path = format!("/invoices/{}", an_invoice(&pod).await["InvoiceId"]);
    let etag = get(&pod, &path[1..]).await.header("etag").to_owned();
    let part = |tag: &str| json!([{"id": "1", "path": path, "operation": "update", "ifMatch": tag, "payload": {"Description": "x"}}]);
    let reply = batch(&pod, part(&etag)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["parts"][0]["preconditionSucceeded"]), (200, &true.into()));
    let reply = batch(&pod, part(&etag)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["parts"][0]["preconditionSucceeded"]), (412, &false.into()));
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let pod = pod();
    let action = json!([{"id": "1", "path": "/invoices/action/validateInvoice", "operation": "action", "payload": {}}]);
    let reply = batch(&pod, action).await;
    assert!(reply.text().contains("The action validateInvoice isn't enabled for batch execution"), "{}", reply.text());
    for parts in [
        json!([{"id": "1", "path": "/invoices", "operation": "read"}]),
        json!([{"id": "1", "path": "invoices", "operation": "get"}]),
        json!([{"id": "1", "path": "/invoices", "operation": "create"}]),
        json!([{"id": "1", "path": "/invoices", "operation": "get"}, {"id": "1", "path": "/invoices", "operation": "get"}]),
        json!("none"),
    ] {
        assert_eq!(batch(&pod, parts.clone()).await.status, 400, "{parts}");
    }
    let elsewhere = json!([{"id": "1", "path": "/../../x", "operation": "get"}]);
    assert_eq!(batch(&pod, elsewhere).await.status, 404);
    let reply = send(&pod, "POST", REST, &[("content-type", "application/json")], "{}").await;
    assert_eq!(reply.status, 405);
}

#[tokio::test]
async fn a_fault_of_a_resource_strikes_a_batch_that_touches_it() {
    for (resource, status) in [("invoices", 504), ("suppliers", 200)] {
        let pod = pod_with(json!([{"name": "E7", "resource": resource, "method": "POST", "commit": "never"}]));
        let payload = new_invoice(&pod, "B-4").await;
        let part = json!([{"id": "1", "path": "/invoices", "operation": "create", "payload": payload}]);
        assert_eq!(batch(&pod, part).await.status, status);
    }
}
