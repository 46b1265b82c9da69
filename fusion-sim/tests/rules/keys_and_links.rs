//! FACTS 1.6, 1.7, 1.8: spelling of envelopes, links, keys; describe.
use super::*;

#[tokio::test]
async fn a_page_is_spelt_as_recorded() {
    let pod = pod();
    let id = an_invoice(&pod).await["InvoiceId"].clone();
    let reply = get(&pod, "invoices?limit=1&fields=InvoiceId&links=self").await;
    let indicator = reply.json()["items"][0]["links"][0]["properties"]["changeIndicator"].as_str().unwrap().to_owned();
    assert!(indicator.starts_with("ACED0005737200136A6176612E7574696C2E41727261794C697374"));
    let start = format!(
        "{{\n  \"items\" : [ {{\n    \"InvoiceId\" : {id},\n    \"links\" : [ {{\n      \"rel\" : \"self\",\n      \"href\" : \"https://pod.example.com:443{REST}/invoices/{id}\",\n      \"name\" : \"invoices\",\n      \"kind\" : \"item\",\n      \"properties\" : {{\n        \"changeIndicator\" : \"{indicator}\"\n      }}\n    }} ]\n  }} ],\n  \"count\" : 1,\n  \"hasMore\" : true,\n  \"limit\" : 1,\n  \"offset\" : 0,\n  \"links\" : [ {{\n    \"rel\" : \"self\",\n    \"href\" : \"https://pod.example.com:443{REST}/invoices\",\n    \"name\" : \"invoices\",\n    \"kind\" : \"collection\"\n  }}"
    );
    assert!(reply.text().starts_with(&start), "{}\n{start}", reply.text());
}

#[tokio::test]
async fn lines_are_named_by_an_opaque_key_that_leads_back_to_them() {
    let pod = pod();
    let invoice = an_invoice(&pod).await;
    let id = invoice["InvoiceId"].as_i64().unwrap();
    let lines = get(&pod, &format!("invoices/{id}/child/invoiceLines")).await.json();
    let line = &lines["items"][0];
    let key =
        format!("00020000000EACED00057708{id:016X}0000000AACED00057704{:08X}", line["LineNumber"].as_i64().unwrap());
    let href = line["links"][0]["href"].as_str().unwrap();
    assert_eq!(href, format!("https://pod.example.com:443{REST}/invoices/{id}/child/invoiceLines/{key}"));
    let relations: Vec<_> =
        line["links"].as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect();
    assert_eq!(relations[..3], ["self", "canonical", "parent"]);
    let one = get(&pod, &format!("invoices/{id}/child/invoiceLines/{key}")).await;
    assert_eq!(one.json()["LineNumber"], line["LineNumber"]);
    let other = key.replace("ACED00057704", "ACED00057705");
    assert_eq!(get(&pod, &format!("invoices/{id}/child/invoiceLines/{other}")).await.status, 404);
}

#[tokio::test]
async fn describe_tells_attributes_finders_and_children() {
    let pod = pod();
    let reply = get(&pod, "invoices/describe").await;
    assert_eq!(reply.header("content-type"), "application/vnd.oracle.adf.description+json");
    let invoices = reply.json()["Resources"]["invoices"].clone();
    assert_eq!(invoices["attributes"][0]["name"], "InvoiceId");
    assert_eq!(invoices["collection"]["finders"][0]["name"], "PrimaryKey");
    assert!(invoices["children"]["invoiceLines"]["attributes"].is_array());
    assert_eq!(get(&pod, "describe?metadataMode=minimal").await.json()["Resources"]["invoices"]["title"], "Invoices");
    assert_eq!(get(&pod, "invoices/describe?metadataMode=minimal").await.status, 400);
    let versions = send(&pod, "GET", "/fscmRestApi/resources/", &[], "").await.json();
    assert_eq!(versions["items"][0]["version"], "11.13.18.05");
}
