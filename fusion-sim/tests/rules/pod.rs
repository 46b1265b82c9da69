//! The handle: clock, log, saving.
use super::*;

#[tokio::test]
async fn a_saved_pod_answers_the_same() {
    let pod = pod();
    post_invoice(&pod, &new_invoice(&pod, "KEPT").await).await;
    pod.clock().advance(std::time::Duration::from_secs(60));
    let opened = Pod::open(&pod.save().unwrap()).unwrap();
    assert_eq!(opened.clock().now(), pod.clock().now());
    let path = "invoices?limit=500&totalResults=true";
    assert_eq!(get(&opened, path).await.body, get(&pod, path).await.body);
    assert!(Pod::open(b"nothing").is_err());
}

#[tokio::test]
async fn the_log_holds_what_arrived_without_secrets() {
    let pod = pod();
    get(&pod, "invoices?limit=1").await;
    let log = pod.log();
    assert_eq!(
        (log[0].path.as_str(), log[0].query.as_str(), log[0].status),
        (&*format!("{REST}/invoices"), "limit=1", 200)
    );
    assert_eq!(log[0].header("authorization"), Some("[redacted]"));
    assert_eq!(log[0].header("rest-framework-version"), Some("4"));
}

#[tokio::test]
async fn a_million_invoices_are_paged_from_anywhere() {
    let pod = Pod::new(Options { invoices: 1_000_000, ..Options::default() }).unwrap();
    let page = get(&pod, "invoices?offset=999990&onlyData=true&fields=InvoiceId").await.json();
    assert_eq!((&page["count"], &page["hasMore"]), (&10.into(), &false.into()));
    let last = page["items"][0]["InvoiceId"].as_i64().unwrap();
    let next = get(&pod, &format!("invoices?q=InvoiceId%3E{last}&orderBy=InvoiceId&fields=InvoiceId")).await.json();
    assert_eq!(next["count"], 9);
}
