//! FACTS 8, T1–T11: what goes wrong with loads and jobs, switched on by a scenario.
use std::time::Duration;

use serde_json::json;

use super::erpintegrations::{find, import, post, status, submitted};
use super::loads::{LONG, details, has};
use super::*;

const PREFIX: &str = "DocumentIdsByFilePrefixRF;filePrefix=ap_1,docAccount=fin$/payables$/import$";

async fn documents(pod: &Pod) -> usize {
    find(pod, PREFIX).await.as_array().unwrap().len()
}

#[tokio::test]
async fn t1_refuses_a_submission_without_saying_why() {
    let pod = pod_with(json!([{"name": "T1", "times": 1}]));
    let reply = post(&pod, &import("ap_1.zip")).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["ReqstId"]), (200, &"-1".into()));
    assert_ne!(submitted(&pod, &import("ap_1.zip")).await, "-1");
}

#[tokio::test]
async fn t2_loses_the_answer_and_loads() {
    let pod = pod_with(json!([{"name": "T2", "times": 1}]));
    assert_eq!(post(&pod, &import("ap_1.zip")).await.status, 504);
    assert_eq!(documents(&pod).await, 1);
    let found = send(
        &pod,
        "GET",
        "/ess/rest/scheduler/v1/requests?q=state%20eq%20%22WAIT%22%20and%20submitter%20eq%20%22integration.user%22",
        &[],
        "",
    )
    .await;
    assert_eq!(found.json()["count"], 1);
    submitted(&pod, &import("ap_1.zip")).await;
    assert_eq!(documents(&pod).await, 2);
}

#[tokio::test]
async fn late_registration_takes_a_load_in_after_the_first_look() {
    let pod = pod_with(json!([{"name": "late_registration", "times": 1}]));
    assert_eq!(post(&pod, &import("ap_1.zip")).await.status, 504);
    assert_eq!((documents(&pod).await, documents(&pod).await), (0, 1));
    let pod = pod_with(json!([{"name": "late_registration", "times": 1, "seconds": 300}]));
    assert_eq!(post(&pod, &import("ap_1.zip")).await.status, 504);
    assert_eq!((documents(&pod).await, documents(&pod).await), (0, 0));
    pod.clock().advance(Duration::from_secs(301));
    assert_eq!(documents(&pod).await, 1);
}

#[tokio::test]
async fn t3_creates_the_invoice_whose_answer_is_lost() {
    let pod = pod_with(json!([{"name": "T3", "times": 1}]));
    let invoice = new_invoice(&pod, "T3-1").await;
    assert_eq!(post_invoice(&pod, &invoice).await.status, 504);
    let again = post_invoice(&pod, &invoice).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("AP-810245"));
}

#[tokio::test]
async fn t5_keeps_the_parent_paused_or_blocked() {
    for (state, options) in [("PAUSED", json!({})), ("BLOCKED", json!({"state": "BLOCKED"}))] {
        let mut fault = json!({"name": "T5", "seconds": 7_200});
        fault.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let pod = pod_with(json!([fault]));
        let id = submitted(&pod, &import("ap_1.zip")).await;
        pod.clock().advance(Duration::from_secs(7_000));
        assert_eq!(status(&pod, &id).await, state);
        pod.clock().advance(LONG);
        assert_ne!(status(&pod, &id).await, state);
    }
}

#[tokio::test]
async fn t6_leaves_a_request_waiting_until_it_expires() {
    let pod = pod_with(json!([{"name": "T6"}]));
    let id = submitted(&pod, &import("ap_1.zip")).await;
    pod.clock().advance(Duration::from_secs(18 * 60));
    assert_eq!(status(&pod, &id).await, "WAIT");
    pod.clock().advance(Duration::from_secs(3 * 60));
    assert_eq!(status(&pod, &id).await, "EXPIRED");
    assert_eq!(details(&pod, &id).await["JOBS"][0].get("CHILD"), None);
}

#[tokio::test]
async fn t7_blanks_the_state_and_the_scheduler_still_knows_it() {
    let pod = pod_with(json!([{"name": "T7"}]));
    let id = submitted(&pod, &import("ap_1.zip")).await;
    assert_eq!(status(&pod, &id).await, "");
    let seen = send(&pod, "GET", &format!("/ess/rest/scheduler/v1/requests/{id}"), &[], "").await;
    assert_eq!(seen.json()["state"], "WAIT");
}

#[tokio::test]
async fn t8_fails_a_look_and_not_the_next() {
    let pod = pod_with(json!([{"name": "T8", "times": 2}]));
    let id = submitted(&pod, &import("ap_1.zip")).await;
    for _ in 0..2 {
        let reply = get(&pod, &format!("erpintegrations?finder=ESSJobStatusRF;requestId={id}")).await;
        assert_eq!(reply.status, 500);
    }
    assert_eq!(status(&pod, &id).await, "WAIT");
}

#[tokio::test]
async fn t9_ends_with_a_warning_and_a_zip_in_the_zip() {
    let pod = pod_with(json!([{"name": "T9"}]));
    let id = submitted(&pod, &import("ap_1.zip")).await;
    pod.clock().advance(LONG);
    let tree = details(&pod, &id).await;
    let import = &tree["JOBS"][1];
    assert_eq!((status(&pod, &id).await.as_str(), &import["STATUS"]), ("WARNING", &"WARNING".into()));
    let found = find(&pod, &format!("ESSJobExecutionDetailsRF;requestId={id}")).await;
    let zip = base64::engine::general_purpose::STANDARD.decode(found[0]["DocumentContent"].as_str().unwrap()).unwrap();
    let report = import["CHILD"][0]["REQUESTID"].as_str().unwrap();
    assert!(has(&zip, &format!("{report}.zip")));
}

#[tokio::test]
async fn t11_the_callback_never_comes_comes_twice_or_names_no_document() {
    for (options, expected) in [(json!({}), 0), (json!({"comes": 2}), 2), (json!({"document": false}), 1)] {
        let mut fault = json!({"name": "T11"});
        fault.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let pod = pod_with(json!([fault]));
        let mut body = import("ap_1.zip");
        body["CallbackURL"] = "https://receiver.example.com/".into();
        submitted(&pod, &body).await;
        pod.clock().advance(LONG);
        let callbacks = pod.callbacks();
        assert_eq!(callbacks.len(), expected, "{options}");
        let named = callbacks.iter().any(|callback| !callback.body.contains("&quot;DOCUMENTID&quot;:null"));
        assert_eq!(named, expected == 2, "{options}");
    }
}
