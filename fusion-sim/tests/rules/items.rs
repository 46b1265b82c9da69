//! FACTS 1.2, 1.7, 1.9, 4.1: create, change, delete, concurrency, actions.
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const V4: (&str, &str) = ("rest-framework-version", "4");

#[tokio::test]
async fn a_created_row_is_answered_with_its_place_and_found_there() {
    let pod = pod();
    let reply = post_invoice(&pod, &new_invoice(&pod, "NEW-1").await).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let row = reply.json();
    let href = row["links"][0]["href"].as_str().unwrap();
    assert_eq!(reply.header("location"), href);
    assert_eq!(reply.header("etag").trim_matches('"'), row["links"][0]["properties"]["changeIndicator"]);
    assert_eq!(row["invoiceLines"]["items"][0]["LineNumber"], 1);
    assert_eq!(row["InvoiceAmount"].to_string(), "100.1");
    let again = send(&pod, "GET", href.strip_prefix("https://pod.example.com:443").unwrap(), &[V4], "").await;
    assert_eq!(again.json()["InvoiceNumber"], "NEW-1");
    let twice = post_invoice(&pod, &new_invoice(&pod, "NEW-1").await).await;
    assert_eq!(twice.status, 400);
    assert!(twice.text().contains("AP-810245"), "{}", twice.text());
}

#[tokio::test]
async fn an_unknown_attribute_of_a_payload_is_named() {
    let pod = pod();
    let mut payload = new_invoice(&pod, "NEW-2").await;
    payload["invoiceNumber"] = "x".into();
    let reply = post_invoice(&pod, &payload).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (400, "Invalid attribute \"invoiceNumber\" in the payload."));
    let reply = send(&pod, "POST", &format!("{REST}/invoices"), &[JSON], "{\"InvoiceNumber\":").await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_stale_if_match_is_412_and_tells_the_current_one() {
    let pod = pod();
    let invoice = an_invoice(&pod).await;
    let path = format!("{REST}/invoices/{}", invoice["InvoiceId"]);
    let etag = send(&pod, "GET", &path, &[], "").await.header("etag").to_owned();
    let changed = send(&pod, "PATCH", &path, &[JSON, ("if-match", &etag)], r#"{"Description":"first"}"#).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_ne!(changed.header("etag"), etag);
    assert_eq!(changed.json()["Description"], "first");
    let stale = send(&pod, "PATCH", &path, &[JSON, ("if-match", &etag)], r#"{"Description":"second"}"#).await;
    assert_eq!((stale.status.as_u16(), stale.header("etag")), (412, changed.header("etag")));
    assert_eq!(send(&pod, "DELETE", &path, &[("if-match", &etag)], "").await.status, 412);
}

#[tokio::test]
async fn a_post_that_says_so_is_a_patch() {
    let pod = pod();
    let path = format!("{REST}/invoices/{}", an_invoice(&pod).await["InvoiceId"]);
    let body = r#"{"Description":"tunnelled"}"#;
    let reply = send(&pod, "POST", &path, &[JSON, ("x-http-method-override", "PATCH")], body).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["Description"]), (200, &"tunnelled".into()));
    assert_eq!(send(&pod, "POST", &path, &[JSON], body).await.status, 405);
}

#[tokio::test]
async fn a_deleted_row_is_gone() {
    let pod = pod();
    let created = post_invoice(&pod, &new_invoice(&pod, "GONE").await).await.json();
    let path = format!("{REST}/invoices/{}", created["InvoiceId"]);
    let reply = send(&pod, "DELETE", &path, &[], "").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (204, ""));
    assert_eq!(send(&pod, "DELETE", &path, &[], "").await.status, 404);
    assert_eq!(send(&pod, "DELETE", &format!("{REST}/suppliersLOV/1"), &[], "").await.status, 404);
}

#[tokio::test]
async fn actions_take_flat_parameters_or_the_old_list() {
    let pod = pod();
    let row = post_invoice(&pod, &new_invoice(&pod, "ACT-1").await).await.json();
    let media = ("content-type", "application/vnd.oracle.adf.action+json");
    let flat = serde_json::json!({"ProcessAction": "Validate", "InvoiceNumber": "ACT-1", "Supplier": row["Supplier"], "BusinessUnit": row["BusinessUnit"]});
    let path = format!("{REST}/invoices/action/validateInvoice");
    let reply = send(&pod, "POST", &path, &[media], &flat.to_string()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (200, "application/vnd.oracle.adf.actionresult+json"),
        "{}",
        reply.text()
    );
    assert!(reply.text().starts_with("{\n  \"result\" : \""), "{}", reply.text());
    let read = get(&pod, &format!("invoices/{}", row["InvoiceId"])).await.json();
    assert_eq!(read["ValidationStatus"], "Validated");
    let parts: Vec<_> =
        flat.as_object().unwrap().iter().map(|(name, value)| serde_json::json!({ name: value })).collect();
    let old = serde_json::json!({"name": "validateInvoice", "parameters": parts});
    assert_eq!(send(&pod, "POST", &format!("{REST}/invoices"), &[media], &old.to_string()).await.status, 200);
    assert_eq!(send(&pod, "POST", &path, &[media], r#"{"InvoiceNumber":"ACT-1"}"#).await.status, 400);
    assert_eq!(send(&pod, "POST", &format!("{REST}/invoices/action/nope"), &[media], "{}").await.status, 404);
    assert_eq!(send(&pod, "GET", &path, &[], "").await.status, 405);
}
