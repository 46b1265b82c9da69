//! FACTS 8 (P3, P4, P6, P7, P9, Q2, Q3, Q5): collections that do not page, count or filter as others do.
use super::*;
use serde_json::json;

const ONE: &str = "invoices?onlyData=true&fields=InvoiceId";

#[tokio::test]
async fn p3_hears_the_finder_alone() {
    let pod = pod_with(json!([{"name": "P3"}]));
    let first = get(&pod, &format!("{ONE}&limit=10")).await.column("InvoiceId");
    assert_eq!(first.len(), 25);
    assert_eq!(get(&pod, &format!("{ONE}&limit=10&offset=10")).await.column("InvoiceId"), first);
    let inside = get(&pod, &format!("{ONE}&finder=findReqs;siteNumber=CX_1,limit=10,offset=10")).await;
    assert_eq!(inside.column("InvoiceId"), first[10..20]);
    assert_eq!(get(&pod, &format!("{ONE}&finder=findReqs;limit=x")).await.status, 400);
}

#[tokio::test]
async fn p4_wraps_the_page_in_one_row() {
    let pod = pod_with(json!([{"name": "P4"}, {"name": "P3"}]));
    let plain = get(&pod, "invoices").await.json();
    assert_eq!((&plain["count"], &plain["hasMore"]), (&1.into(), &false.into()));
    assert_eq!((&plain["items"][0]["TotalJobsCount"], &plain["items"][0]["requisitionList"]), (&60.into(), &json!([])));
    let path = "invoices?expand=requisitionList.secondaryLocations&finder=findReqs;limit=20,offset=50";
    let wrapped = get(&pod, path).await.json();
    assert_eq!(wrapped["items"][0]["requisitionList"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn p6_moves_rows_unless_the_order_is_unique() {
    for (shift, expected) in [(1, 11), (-1, 9)] {
        let pod = pod_with(json!([{"name": "P6", "shift": shift}]));
        let all = get(&pod, &format!("{ONE}&limit=60")).await.column("InvoiceId");
        let second = |order: &'static str| {
            let pod = pod.clone();
            async move { get(&pod, &format!("{ONE}&limit=10&offset=10{order}")).await.column("InvoiceId") }
        };
        assert_eq!(second("").await[0], all[expected]);
        assert_eq!(second("&orderBy=BusinessUnit").await.len(), 10);
        assert_eq!(second("&orderBy=InvoiceId").await[0], all[10]);
    }
}

#[tokio::test]
async fn p6_deletes_a_row_in_front() {
    let pod = pod_with(json!([{"name": "P6", "delete": true, "times": 1}]));
    let all = get(&pod, &format!("{ONE}&limit=60")).await.column("InvoiceId");
    let second = get(&pod, &format!("{ONE}&limit=10&offset=10&orderBy=InvoiceId")).await.column("InvoiceId");
    assert_eq!(second[0], all[11]);
    assert_eq!(get(&pod, &format!("{ONE}&limit=60")).await.column("InvoiceId"), all[1..]);
}

#[tokio::test]
async fn p6_creates_a_row_in_front() {
    let pod = pod_with(json!([{"name": "P6", "insert": true, "times": 1}]));
    let path = format!("{ONE}&orderBy=CreationDate:desc");
    let all = get(&pod, &format!("{path}&limit=60")).await.column("InvoiceId");
    let second = get(&pod, &format!("{path}&limit=10&offset=10")).await.column("InvoiceId");
    assert_eq!(second[0], all[9]);
    let after = get(&pod, &format!("{path}&limit=70")).await.column("InvoiceId");
    assert_eq!((after.len(), &after[1..]), (61, &all[..]));
}

#[tokio::test]
async fn p7_fails_on_totals_and_large_fields() {
    let pod = pod_with(json!([{"name": "P7", "clob": ["Description"]}]));
    for (query, status) in
        [("totalResults=true", 500), ("fields=InvoiceId,Description", 500), ("fields=InvoiceId", 200)]
    {
        assert_eq!(get(&pod, &format!("invoices?{query}")).await.status, status, "{query}");
    }
    let pod = pod_with(json!([{"name": "P7", "estimate": 14_700}]));
    let page = get(&pod, "invoices?totalResults=true").await.json();
    assert_eq!((&page["totalResults"], &page["count"]), (&14_700.into(), &25.into()));
}

#[tokio::test]
async fn p9_cuts_children_with_a_sign_or_without() {
    let pod = pod_with(json!([{"name": "P9", "rows": 1}]));
    let row = |row: &Json| row["invoiceLines"].clone();
    let whole = get(&super::pod(), "invoices?expand=invoiceLines").await.json();
    let at = whole["items"].as_array().unwrap().iter().position(|item| row(item)["count"].as_i64() > Some(1)).unwrap();
    let lines = row(&get(&pod, "invoices?expand=invoiceLines").await.json()["items"][at]);
    assert_eq!((&lines["count"], &lines["hasMore"], &lines["limit"]), (&1.into(), &true.into(), &1.into()));
    let lines = row(&get_in(&pod, "1", "invoices?expand=invoiceLines").await.json()["items"][at]);
    assert_eq!(lines.as_array().unwrap().len(), 1);
    let id = &whole["items"][at]["InvoiceId"];
    let child = get(&pod, &format!("invoices/{id}/child/invoiceLines")).await.json();
    assert_eq!(child["count"], row(&whole["items"][at])["count"]);
}

#[tokio::test]
async fn q2_demands_three_characters() {
    let pod = pod_with(json!([{"name": "Q2", "attributes": ["InvoiceNumber", "Supplier"]}]));
    for (query, status) in [
        ("", 400),
        ("?q=InvoiceId>0", 400),
        ("?q=InvoiceNumber like 'IN*'", 400),
        ("?q=InvoiceNumber like 'INV*'", 200),
        ("?q=InvoiceNumber like '*INV*'", 400),
        ("?q=Supplier='Lee Supplies' and InvoiceId>0", 200),
        ("?q=Supplier='Lee Supplies' or InvoiceId>0", 400),
    ] {
        let reply = get(&pod, &format!("invoices{}", query.replace(' ', "%20").replace('>', "%3E"))).await;
        assert_eq!(reply.status, status, "{query} {}", reply.text());
        assert!(status == 200 || reply.text().contains("EGP-2776154"));
    }
}

#[tokio::test]
async fn q3_needs_a_finder() {
    let pod = pod_with(json!([{"name": "Q3"}]));
    assert_eq!(get(&pod, "ledgerBalances").await.status, 400);
    assert_eq!(get(&pod, "currencyRates").await.status, 400);
}

#[tokio::test]
async fn q5_needs_effective_of_beside_the_framework_version() {
    let pod = pod_with(json!([{"name": "Q5", "resource": "workers"}]));
    let workers = "/hcmRestApi/resources/11.13.18.05/workers";
    let (version, dated) = (("rest-framework-version", "4"), ("effective-of", "RangeStartDate=2026-01-01"));
    assert_eq!(send(&pod, "GET", workers, &[version], "").await.status, 400);
    assert_eq!(send(&pod, "GET", workers, &[version, dated], "").await.status, 200);
    assert_eq!(send(&pod, "GET", workers, &[], "").await.status, 200);
}
