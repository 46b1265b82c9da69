//! FACTS 1.4: paging, `fields`, `expand`, `onlyData`, `links`.
use super::*;

#[tokio::test]
async fn a_page_is_25_and_at_most_500_and_says_its_limit() {
    let pod = Pod::new(Options { invoices: 600, ..Options::default() }).unwrap();
    let page = get(&pod, "invoices?onlyData=true").await.json();
    assert_eq!(
        (&page["count"], &page["limit"], &page["offset"], &page["hasMore"]),
        (&25.into(), &25.into(), &0.into(), &true.into())
    );
    let page = get(&pod, "invoices?onlyData=true&limit=1000").await.json();
    assert_eq!((&page["count"], &page["limit"], &page["hasMore"]), (&500.into(), &500.into(), &true.into()));
    let page = get(&pod, "invoices?onlyData=true&limit=500&offset=500&totalResults=true").await.json();
    assert_eq!((&page["count"], &page["hasMore"], &page["totalResults"]), (&100.into(), &false.into(), &600.into()));
    let page = get(&pod, "invoices?offset=100000").await.json();
    assert_eq!((&page["items"], &page["count"]), (&serde_json::json!([]), &0.into()));
    for wrong in [
        "limit=x",
        "limit=-1",
        "limit=0",
        "offset=-1",
        "totalResults=yes",
        "limit=1&limit=2",
        "nope=1",
        "metadataMode=list",
        "effectiveDate=1.1.2026",
    ] {
        let reply = get(&pod, &format!("invoices?{wrong}")).await;
        assert_eq!(reply.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn fields_choose_attributes_and_win_over_expand() {
    let pod = pod();
    let page = get(&pod, "invoices?limit=1&onlyData=true&expand=invoiceInstallments&fields=InvoiceNumber,InvoiceId;invoiceLines:LineNumber").await.json();
    let row = page["items"][0].as_object().unwrap();
    assert_eq!(
        row.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        ["InvoiceId", "InvoiceNumber", "invoiceLines"].into()
    );
    let line = page["items"][0]["invoiceLines"]["items"][0].as_object().unwrap();
    assert_eq!(line.keys().collect::<Vec<_>>(), ["LineNumber"]);
    let links = get(&pod, "invoices?limit=1&fields=").await.json();
    assert_eq!(links["items"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["links"]);
    for wrong in
        ["fields=invoiceId", "fields=nope:A", "fields=invoiceLines:Nope", "expand=nope", "expand=invoiceLines.nope"]
    {
        assert_eq!(get(&pod, &format!("invoices?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn expanded_children_are_arrays_before_framework_3_and_collections_from_then_on() {
    let pod = pod();
    let invoice = an_invoice(&pod).await;
    let path = format!("invoices/{}?expand=invoiceLines.invoiceDistributions&onlyData=true", invoice["InvoiceId"]);
    assert!(get_in(&pod, "2", &path).await.json()["invoiceLines"].is_array());
    let lines = get_in(&pod, "3", &path).await.json()["invoiceLines"].clone();
    assert_eq!(
        (&lines["limit"], &lines["hasMore"], &lines["totalResults"]),
        (&499.into(), &false.into(), &lines["count"])
    );
    assert!(lines["items"][0]["invoiceDistributions"]["items"].is_array());
    let members: Vec<_> = lines.as_object().unwrap().keys().collect();
    assert!(members.contains(&&"links".to_owned()), "{members:?}");
}

#[tokio::test]
async fn only_data_drops_the_links_of_items_alone_and_links_chooses_among_them() {
    let pod = pod();
    let page = get(&pod, "invoices?limit=1&onlyData=true").await.json();
    assert!(page["items"][0].get("links").is_none());
    assert_eq!(page["links"][0]["rel"], "self");
    let page = get(&pod, "invoices?limit=1&links=self,canonical").await.json();
    let relations: Vec<_> =
        page["items"][0]["links"].as_array().unwrap().iter().map(|link| link["rel"].clone()).collect();
    assert_eq!(relations, ["self", "canonical"]);
}
