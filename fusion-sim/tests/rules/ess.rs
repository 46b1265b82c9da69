//! FACTS 5.1, 5.3: the scheduler's requests and audit history.
use super::security::as_user;
use super::*;

const REQUESTS: &str = "/ess/rest/scheduler/v1/requests";
const AUDIT: &str =
    "/fscmRestApi/fndAuditRESTService/audittrail/getaudithistory?fromDate=2026-06-01&toDate=2026-06-30&product=AP";

async fn requests(pod: &Pod, username: &str, below: &str) -> Reply {
    as_user(pod, username, "GET", &format!("{REQUESTS}{below}")).await
}

fn submitters(page: &Json) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["submitter"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_monitor_sees_all_requests_and_others_their_own() {
    let pod = pod();
    let all = requests(&pod, "integration.user", "").await.json();
    assert_eq!((&all["pageIndex"], all["count"].as_u64()), (&1.into(), Some(9)));
    assert!(submitters(&all).contains(&"casey.brown@example.com"));
    let own = requests(&pod, "int.ap", "").await.json();
    assert!(own["count"].as_u64().unwrap() > 1 && submitters(&own).iter().all(|submitter| *submitter == "int.ap"));
    assert_eq!(requests(&pod, "no.data", "").await.json()["count"], 0);
    for username in ["int.gl.nodata", "int.reader", "int.auditor", "no.privilege"] {
        let refused = requests(&pod, username, "").await;
        assert_eq!((refused.status.as_u16(), &refused.json()["status"]), (403, &403.into()), "{username}");
    }
    assert_eq!(requests(&pod, "integration.user", "/9762904").await.json()["state"], "ERROR");
    assert_eq!(requests(&pod, "int.ap", "/9762901").await.json()["submitter"], "int.ap");
    assert_eq!(requests(&pod, "int.ap", "/9762904").await.status, 404);
}

#[tokio::test]
async fn requests_are_filtered_sorted_and_cut() {
    let pod = pod();
    let ask = async |below: &str| requests(&pod, "integration.user", below).await;
    let found =
        ask("?q=state%20eq%20%22RUNNING%22%20and%20submissionTime%20gt%20%222026-01-01T00:00:00Z%22").await.json();
    assert_eq!((found["count"].as_u64(), &found["items"][0]["completedTime"]), (Some(1), &Json::Null));
    assert_eq!(ask("?id=9762901,9762903").await.json()["count"], 2);
    let sorted = ask("?orderBy=requestId:desc&fields=requestId,state").await.json();
    assert_eq!(sorted["items"][0], serde_json::json!({"requestId": 9_762_909, "state": "HOLD"}));
    assert!(ask("/9762901?excludeFields=jobDefinitionId").await.json().get("jobDefinitionId").is_none());
    assert_eq!(ask("/search/2").await.json()["items"], serde_json::json!([]));
    for refused in ["?q=state%20like%20%22R%22", "?q=colour%20eq%20%22red%22", "?orderBy=colour", "?id=x", "/x"] {
        let reply = ask(refused).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (400, &400.into()), "{refused}");
    }
    assert_eq!(as_user(&pod, "integration.user", "PUT", &format!("{REQUESTS}/9762901")).await.status, 405);
}

#[tokio::test]
async fn audit_history_is_the_auditors() {
    let pod = pod();
    let allowed = as_user(&pod, "int.auditor", "POST", AUDIT).await;
    assert_eq!((allowed.status.as_u16(), &allowed.json()["status"]), (200, &"SUCCESS".into()));
    assert_eq!(allowed.json()["auditData"], serde_json::json!([]));
    let refused = as_user(&pod, "int.ap", "POST", AUDIT).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["status"]), (403, &"FAIL".into()));
    assert_eq!(refused.json()["error"]["status"], 403);
    assert_eq!(as_user(&pod, "int.auditor", "GET", AUDIT).await.status, 405);
}

#[tokio::test]
async fn the_integration_service_is_the_specialists() {
    let pod = pod();
    let service = format!("{REST}/erpintegrations");
    let allowed = as_user(&pod, "integration.user", "GET", &service).await;
    assert_eq!((allowed.status.as_u16(), &allowed.json()["items"]), (200, &serde_json::json!([])));
    assert_eq!(as_user(&pod, "int.ap", "GET", &service).await.status, 403);
}
