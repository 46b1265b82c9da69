//! FACTS 1.12, 4.1: files, texts and links below a row.
use super::*;
use serde_json::json;

const JSON: (&str, &str) = ("content-type", "application/json");
const V4: (&str, &str) = ("rest-framework-version", "4");

async fn attach(pod: &Pod, row: &Json, attachment: Json) -> Reply {
    let path = format!("{REST}/invoices/{}/child/attachments", row["InvoiceId"]);
    send(pod, "POST", &path, &[JSON, V4], &attachment.to_string()).await
}

/// The path that an enclosure link of a row names.
fn enclosure(row: &Json) -> String {
    let links = row["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["rel"] == "enclosure" && link["name"] == "FileContents").unwrap();
    link["href"].as_str().unwrap().strip_prefix("https://pod.example.com:443").unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_listed_by_name_and_size_and_fetched_as_bytes() {
    let pod = pod();
    let row = an_invoice(&pod).await;
    let bytes = b"%PDF-1.4 \xC3\xA9";
    let contents = base64::engine::general_purpose::STANDARD.encode(bytes);
    let file = json!({"Type": "FILE", "FileName": "a.pdf", "Title": "Scan", "Category": "From Supplier", "FileContents": contents});
    let made = attach(&pod, &row, file).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(!made.text().contains(&contents));
    let list = get(&pod, &format!("invoices/{}/child/attachments", row["InvoiceId"])).await.json();
    let held = &list["items"][0];
    assert_eq!((&held["FileName"], &held["UploadedFileLength"]), (&"a.pdf".into(), &json!(bytes.len())));
    let reply = send(&pod, "GET", &enclosure(held), &[], "").await;
    assert_eq!((reply.body.as_slice(), reply.header("content-type")), (bytes.as_slice(), "application/pdf"));
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"a.pdf\"");
    let count = get(&pod, &format!("invoices/{}?expand=attachments", row["InvoiceId"])).await.json();
    assert_eq!(count["attachments"]["count"], 1);
}

#[tokio::test]
async fn bytes_are_put_and_taken_away_through_the_enclosure() {
    let pod = pod();
    let row = an_invoice(&pod).await;
    let made = attach(&pod, &row, json!({"Type": "File", "FileName": "b.txt", "Category": "MISC"})).await.json();
    let path = enclosure(&made);
    assert_eq!(send(&pod, "GET", &path, &[], "").await.status, 404);
    let octets = ("content-type", "application/octet-stream");
    assert_eq!(send(&pod, "PUT", &path, &[octets], "later").await.status, 200);
    assert_eq!(send(&pod, "GET", &path, &[], "").await.text(), "later");
    let list = get(&pod, &format!("invoices/{}/child/attachments", row["InvoiceId"])).await.json();
    assert_eq!(list["items"][0]["UploadedFileLength"], 5);
    assert_eq!(send(&pod, "DELETE", &path, &[], "").await.status, 204);
    assert_eq!(send(&pod, "GET", &path, &[], "").await.status, 404);
    assert_eq!(send(&pod, "POST", &path, &[octets], "x").await.status, 405);
}

#[tokio::test]
async fn texts_and_links_are_attachments_too_and_other_types_are_not() {
    let pod = pod();
    let row = an_invoice(&pod).await;
    let text = json!({"Type": "TEXT", "UploadedText": "Please pay", "Title": "Note", "Category": "MISC"});
    let made = attach(&pod, &row, text).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(send(&pod, "GET", &enclosure(&made.json()), &[], "").await.text(), "Please pay");
    let link = json!({"Type": "WEB_PAGE", "Url": "https://example.com/x", "Category": "MISC"});
    assert_eq!(attach(&pod, &row, link).await.json()["Url"], "https://example.com/x");
    for wrong in [
        json!({"Type": "FAX", "FileName": "a", "Category": "MISC"}),
        json!({"Type": "WEB_PAGE", "Category": "MISC"}),
        json!({"Type": "FILE", "Category": "MISC"}),
        json!({"Type": "FILE", "FileName": "a", "Category": "MISC", "FileContents": "no base64!"}),
        json!({"Type": "FILE", "FileName": "a"}),
    ] {
        assert_eq!(attach(&pod, &row, wrong.clone()).await.status, 400, "{wrong}");
    }
    let list = get(&pod, &format!("invoices/{}/child/attachments", row["InvoiceId"])).await.json();
    assert_eq!(list["count"], 2);
}

#[tokio::test]
async fn an_invoice_is_created_with_its_attachments() {
    let pod = pod();
    let mut payload = new_invoice(&pod, "WITH-FILE").await;
    payload["attachments"] = json!([{"Type": "File", "FileName": "a.pdf", "Title": "a", "Category": "From Supplier", "FileContents": "JVBERi0x"}]);
    let row = post_invoice(&pod, &payload).await.json();
    assert_eq!(row["attachments"]["items"][0]["UploadedFileLength"], 6);
    assert_eq!(send(&pod, "GET", &enclosure(&row["attachments"]["items"][0]), &[], "").await.text(), "%PDF-1");
}
