//! Faults at the door: what people meet when they connect.
use serde_json::json;

use super::identity::{SCOPE, authorize, sent_back, token};
use super::jwt::{CERTIFICATE, KEY, bearing, claims, header, sign};
use super::*;

const HCM: &str = "/hcmRestApi/resources/11.13.18.05";

async fn own_token(pod: &Pod) -> Reply {
    token(pod, &[("grant_type", "client_credentials"), ("scope", SCOPE)]).await
}

#[tokio::test]
async fn a_sign_in_page_or_a_redirect_stands_where_rest_was() {
    let pod = pod_with(json!([{"name": "sign_in_page"}]));
    let reply = get(&pod, "invoices").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").starts_with("text/html") && reply.text().contains("type=\"password\""));
    assert_eq!(own_token(&pod).await.status, 200);
    let reply = get(&pod_with(json!([{"name": "sso_redirect"}])), "invoices").await;
    assert_eq!(reply.status, 302);
    assert!(reply.header("location").starts_with("https://idcs-sim.identity.oraclecloud.com/"));
}

#[tokio::test]
async fn another_pillar_knows_neither_erp_nor_hcm() {
    let pod = pod_with(json!([{"name": "wrong_pillar"}]));
    assert_eq!(get(&pod, "invoices").await.status, 404);
    assert_eq!(send(&pod, "GET", &format!("{HCM}/workers"), &[], "").await.status, 404);
    assert_eq!(send(&pod, "GET", "/crmRestApi/resources/", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_skewed_clock_dates_answers_and_judges_tokens() {
    let pod = pod_with(json!([{"name": "clock_skew", "seconds": -600}]));
    pod.trust(fusion_sim::ISSUER, CERTIFICATE).unwrap();
    let jwt = sign(&header(), &claims(&pod, json!({})), KEY);
    let reply = bearing(&pod, &jwt).await;
    assert_eq!((reply.status.as_u16(), reply.header("date")), (401, "Wed, 01 Jul 2026 11:50:00 GMT"));
    assert!(pod.log()[0].refusal.as_deref().unwrap().contains("600 s ahead"));
    assert_eq!(own_token(&pod).await.header("date"), "Wed, 01 Jul 2026 11:50:00 GMT");
    let now = pod.clock().now().as_second();
    let early = sign(&header(), &claims(&pod, json!({"iat": now - 600, "exp": now - 300})), KEY);
    assert_eq!(bearing(&pod, &early).await.status, 200);
    pod.set_scenario(Scenario::default()).unwrap();
    assert_eq!(bearing(&pod, &jwt).await.status, 200);
    assert_eq!(bearing(&pod, &early).await.status, 401);
}

#[tokio::test]
async fn an_echo_repeats_what_nobody_should_see() {
    let pod = pod_with(json!([{"name": "secret_echo"}]));
    let reply = get(&pod, "invoices").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains(&basic("integration.user", "Simulated-1")));
    let reply = own_token(&pod).await;
    assert!(
        reply.text().contains("grant_type=client%5Fcredentials")
            && reply.text().contains("grant%5Ftype%3Dclient%255Fcredentials")
    );
    let pod = pod_with(json!([{"name": "secret_echo", "status": 500, "resource": "invoices"}]));
    assert_eq!(get(&pod, "invoices").await.status, 500);
    assert_eq!(own_token(&pod).await.status, 200);
}

#[tokio::test]
async fn the_token_endpoint_fails_by_itself() {
    let pod = pod_with(json!([{"name": "token_html", "times": 1}]));
    let reply = own_token(&pod).await;
    assert!(reply.status == 200 && reply.header("content-type").starts_with("text/html"));
    assert_eq!((pod.token_requests(), pod.sign_ins()), (1, 0));
    assert_eq!(get(&pod, "invoices").await.status, 200);
    assert_eq!(own_token(&pod).await.json()["token_type"], "Bearer");
    let pod = pod_with(json!([{"name": "token_unavailable", "retry_after": "3", "times": 1}]));
    let reply = own_token(&pod).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "3"));
    let pod = pod_with(json!([{"name": "token_slow", "seconds": 90}]));
    let before = pod.clock().now();
    assert_eq!(own_token(&pod).await.status, 200);
    assert_eq!(pod.clock().now().duration_since(before).as_secs(), 90);
}

#[tokio::test]
async fn faults_of_the_pod_leave_the_identity_domain_alone_unless_they_name_it() {
    for fault in ["E3", "E5", "E6", "html_page"] {
        let pod = pod_with(json!([{"name": fault}]));
        assert_eq!(own_token(&pod).await.status, 200, "{fault}");
    }
    let pod = pod_with(json!([{"name": "E6", "resource": "token", "times": 1}]));
    assert_eq!(own_token(&pod).await.status, 429);
    assert_eq!(own_token(&pod).await.status, 200);
}

#[tokio::test]
async fn e3_ends_the_token_that_was_shown() {
    let pod = pod_with(json!([{"name": "E3", "after": 1, "times": 1}]));
    let token = async || own_token(&pod).await.json()["access_token"].as_str().unwrap().to_owned();
    let first = token().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(bearing(&pod, &first).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 401, 401]);
    assert_eq!(bearing(&pod, &token().await).await.status, 200);
    assert_eq!(pod.sign_ins(), 2);
}

#[tokio::test]
async fn a_user_may_deny() {
    let pod = pod_with(json!([{"name": "consent_denied", "times": 1}]));
    let reply = send(&pod, "GET", &authorize(&[]), &[], "").await;
    assert_eq!(sent_back(&reply, "error").as_deref(), Some("access_denied"));
    let unknown = authorize(&[("redirect_uri", "https://evil.example/")]);
    assert_eq!(send(&pod_with(json!([{"name": "consent_denied"}])), "GET", &unknown, &[], "").await.status, 400);
    assert!(sent_back(&send(&pod, "GET", &authorize(&[]), &[], "").await, "code").is_some());
}

#[tokio::test]
async fn roles_cannot_be_read_where_there_is_no_api_for_them() {
    let pod = pod_with(json!([{"name": "no_roles_api"}]));
    for path in
        [format!("{HCM}/userAccounts"), "/hcmRestApi/scim/Users".to_owned(), "/hcmRestApi/scim/Roles".to_owned()]
    {
        assert_eq!(send(&pod, "GET", &path, &[], "").await.status, 404, "{path}");
    }
    assert_eq!(get(&pod, "invoices").await.status, 200);
}

#[tokio::test]
async fn what_had_rows_is_suddenly_empty() {
    let pod = pod_with(json!([{"name": "sudden_zero", "resource": "invoices"}]));
    let reply = get(&pod, "invoices?totalResults=true").await.json();
    assert_eq!((&reply["count"], &reply["totalResults"], &reply["hasMore"]), (&0.into(), &0.into(), &false.into()));
    assert_ne!(get(&pod, "suppliers").await.json()["count"], 0);
    let pod = pod_with(json!([{"name": "sudden_zero", "resource": "requests"}]));
    assert_eq!(send(&pod, "GET", "/ess/rest/scheduler/v1/requests", &[], "").await.json()["count"], 0);
}
