//! FACTS 8: each fault as a scenario switches it on.
use super::*;
use serde_json::json;
use std::time::Duration;

async fn page(pod: &Pod, offset: usize) -> Json {
    get(pod, &format!("invoices?onlyData=true&fields=InvoiceId&limit=20&offset={offset}")).await.json()
}

#[tokio::test]
async fn p1_caps_the_limit_and_says_so() {
    let page = page(&pod_with(json!([{"name": "P1", "limit": 7}])), 0).await;
    assert_eq!((&page["count"], &page["limit"], &page["hasMore"]), (&7.into(), &7.into(), &true.into()));
}

#[tokio::test]
async fn p2_says_nothing_of_more() {
    assert!(page(&pod_with(json!([{"name": "P2"}])), 0).await.get("hasMore").is_none());
}

#[tokio::test]
async fn p5_shortens_pages_in_the_middle_and_loses_nothing() {
    let pod = pod_with(json!([{"name": "P5", "rows": 3}]));
    let (mut seen, mut offset, mut counts) = (Vec::new(), 0, Vec::new());
    loop {
        let page = page(&pod, offset).await;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["InvoiceId"].as_i64().unwrap()));
        counts.push(items.len());
        offset += items.len();
        if page["hasMore"] == false {
            break;
        }
    }
    seen.dedup();
    assert_eq!((seen.len(), counts[0], counts[1]), (60, 20, 3));
    let pod = pod_with(json!([{"name": "P5", "empty_at": 40}]));
    assert_eq!(page(&pod, 40).await["items"], json!([]));
}

#[tokio::test]
async fn p8_breaks_off_at_one_row_whatever_the_page() {
    let id = page(&pod(), 10).await["items"][0]["InvoiceId"].clone();
    let pod = pod_with(json!([{"name": "P8", "key": id}]));
    for limit in [1, 2, 20] {
        let reply = get(&pod, &format!("invoices?limit={limit}&offset={}", 11 - limit.min(11))).await;
        assert_eq!(reply.status, 200);
        assert!(reply.text().ends_with(&format!("Too many objects match the primary key oracle.jbo.Key[{id} ].")));
        assert!(serde_json::from_slice::<Json>(&reply.body).is_err());
    }
    assert_eq!(page(&pod, 11).await["count"], 20);
}

#[tokio::test]
async fn e1_refuses_the_error_type_alone() {
    let pod = pod_with(json!([{"name": "E1", "resource": "invoices"}]));
    let ask = |accept: &'static str| {
        let pod = pod.clone();
        async move {
            send(&pod, "GET", &format!("{REST}/invoices"), &[("rest-framework-version", "4"), ("accept", accept)], "")
                .await
        }
    };
    let refused = ask("application/json, application/vnd.oracle.adf.error+json;q=0.9").await;
    assert_eq!((refused.status.as_u16(), refused.text()), (406, ""));
    assert_eq!(ask("application/json").await.status, 200);
}

#[tokio::test]
async fn e4_hides_a_new_row_for_a_while() {
    let pod = pod_with(json!([{"name": "E4", "seconds": 5}]));
    let row = post_invoice(&pod, &new_invoice(&pod, "YOUNG").await).await.json();
    let path = format!("invoices/{}", row["InvoiceId"]);
    assert_eq!(get(&pod, &path).await.status, 404);
    pod.clock().advance(Duration::from_secs(6));
    assert_eq!(get(&pod, &path).await.status, 200);
    let pod = pod_with(json!([{"name": "E4", "privilege": true, "resource": "suppliers"}]));
    assert_eq!(get(&pod, "suppliers").await.status, 404);
    assert_eq!(get(&pod, "invoices").await.status, 200);
}

#[tokio::test]
async fn e6_throttles_so_often_and_says_for_how_long() {
    let pod = pod_with(json!([{"name": "E6", "times": 2, "after": 1, "retry_after": "3"}]));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let reply = get(&pod, "invoices").await;
        statuses.push((reply.status.as_u16(), reply.header("retry-after").to_owned()));
    }
    assert_eq!(statuses.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 429, 429, 200]);
    assert_eq!(statuses[1].1, "3");
    let pod = pod_with(json!([{"name": "E6", "status": 503, "retry_after": 3, "date": true}]));
    let reply = get(&pod, "invoices").await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "Wed, 01 Jul 2026 12:00:03 GMT"));
}

#[tokio::test]
async fn e7_loses_the_answer_before_never_or_later() {
    for (commit, found) in [("before", [1, 1]), ("never", [0, 0]), ("later", [0, 1])] {
        let pod = pod_with(
            json!([{"name": "E7", "method": "POST", "times": 1, "status": 504, "commit": commit, "requests": 1}]),
        );
        let payload = new_invoice(&pod, "LOST").await;
        assert_eq!(post_invoice(&pod, &payload).await.status, 504);
        for count in found {
            let reply = get(&pod, "invoices?q=InvoiceNumber='LOST'").await.json();
            assert_eq!(reply["count"], count, "{commit}");
        }
    }
}

#[tokio::test]
async fn a_write_still_to_be_done_is_done_by_the_pod_as_it_was_saved() {
    let pod = pod_with(json!([{"name": "E7", "method": "POST", "times": 1, "commit": "later", "seconds": 60}]));
    let payload = new_invoice(&pod, "LATE").await;
    assert_eq!(post_invoice(&pod, &payload).await.status, 504);
    let saved = pod.save().unwrap();
    assert!(!String::from_utf8_lossy(&saved).contains("Basic "));
    let opened = Pod::open(&saved).unwrap();
    let path = "invoices?q=InvoiceNumber='LATE'";
    assert_eq!(get(&opened, path).await.json()["count"], 0);
    opened.clock().advance(Duration::from_secs(60));
    assert_eq!(get(&opened, path).await.json()["count"], 1);
}

#[tokio::test]
async fn e9_refuses_patch_and_lets_the_tunnel_through() {
    let pod = pod_with(json!([{"name": "E9", "status": 501}]));
    let path = format!("{REST}/invoices/{}", an_invoice(&pod).await["InvoiceId"]);
    let json = ("content-type", "application/json");
    assert_eq!(send(&pod, "PATCH", &path, &[json], r#"{"Description":"x"}"#).await.status, 501);
    assert_eq!(
        send(&pod, "POST", &path, &[json, ("x-http-method-override", "PATCH")], r#"{"Description":"x"}"#).await.status,
        200
    );
}

#[tokio::test]
async fn e11_has_every_shape_of_error() {
    for (style, content_type, holds) in [
        ("text", "text/plain;charset=UTF-8", "is required."),
        ("html", "text/html; charset=UTF-8", "<h1>"),
        ("empty", "", ""),
        ("json", "application/vnd.oracle.adf.error+json", "\"status\":\"400\""),
        ("json_number", "application/vnd.oracle.adf.error+json", "\"status\":400"),
        ("json_code", "application/vnd.oracle.adf.error+json", "\"code\":\"27014\""),
    ] {
        let reply = get(&pod_with(json!([{"name": "E11", "style": style}])), "invoices").await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (400, content_type));
        assert!(reply.text().contains(holds), "{}", reply.text());
    }
}

#[tokio::test]
async fn bodies_break_in_other_ways() {
    let reply = get(&pod_with(json!([{"name": "broken_body"}])), "invoices").await;
    assert!(serde_json::from_slice::<Json>(&reply.body).is_err());
    let reply = get(&pod_with(json!([{"name": "large_body", "bytes": 100_000}])), "invoices?limit=1").await;
    assert!(reply.body.len() > 100_000);
    let reply = get(&pod_with(json!([{"name": "cut_body", "bytes": 50}])), "invoices").await;
    assert_eq!((reply.broken, reply.body.len()), (true, 50));
    let reply = get(&pod_with(json!([{"name": "html_page"}])), "invoices").await;
    assert!(reply.header("content-type").starts_with("text/html"));
    assert_eq!(get(&pod_with(json!([{"name": "E3"}])), "invoices").await.status, 401);
    assert_eq!(get(&pod_with(json!([{"name": "E5"}])), "invoices").await.status, 403);
}

#[tokio::test]
async fn a_slow_answer_moves_the_clock_and_does_not_wait() {
    let pod = pod_with(json!([{"name": "slow", "seconds": 3600}]));
    let before = pod.clock().now();
    assert_eq!(get(&pod, "invoices").await.status, 200);
    assert_eq!(pod.clock().now().duration_since(before).as_secs(), 3600);
}

#[test]
fn a_scenario_with_an_unknown_fault_names_those_there_are() {
    let error = Scenario::from_value(json!({"faults": [{"name": "P99"}]})).unwrap_err().to_string();
    assert!(error.starts_with("there is no fault P99; the faults are P1, P2, P3, P4"), "{error}");
    let error = Scenario::from_value(json!({"faults": [{"name": "P1", "limits": 1}]})).unwrap_err().to_string();
    assert!(error.contains("P1") && error.contains("limits"), "{error}");
    assert!(
        Scenario::from_value(json!({"faults": [{"name": "I5"}, {"name": "Q1"}, {"name": "Q4"}, {"name": "W5"}]}))
            .is_ok()
    );
}
