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

async fn change(pod: &Pod, user: &str, method: &str, below: &str, body: &str) -> Reply {
    let headers = [("content-type", "application/json"), ("authorization", &basic(user, "Simulated-1"))];
    send(pod, method, &format!("{REQUESTS}{below}"), &headers, body).await
}

const JOB: &str = "JobDefinition://oracle/apps/ess/financials/payables/invoices/transactions/APXAPRVL";

async fn submitted(pod: &Pod, extra: &str) -> u64 {
    let body = format!(
        r#"{{"jobDefinitionId":"{JOB}","application":"FscmEss","product":"AP","description":"x","requestParameters":[{{"name":"submit.argument2","paramType":"STRING","value":"30"}}]{extra}}}"#
    );
    let reply = change(pod, "int.ap", "POST", "", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["id"].as_u64().unwrap()
}

async fn state(pod: &Pod, id: u64) -> Json {
    requests(pod, "int.ap", &format!("/{id}")).await.json()["state"].clone()
}

#[tokio::test]
async fn a_job_is_submitted_and_runs_to_its_end() {
    let pod = pod();
    let id = submitted(&pod, "").await;
    let seen = requests(&pod, "int.ap", &format!("/{id}")).await.json();
    assert_eq!(
        (&seen["state"], &seen["description"], &seen["jobDefinitionId"]),
        (&"WAIT".into(), &"x".into(), &JOB.into())
    );
    assert_eq!(
        (&seen["requestParameters"][0]["value"], &seen["requestParameters"][1]["value"]),
        (&Json::Null, &"30".into())
    );
    pod.clock().advance(std::time::Duration::from_secs(60));
    let seen = requests(&pod, "int.ap", &format!("/{id}")).await.json();
    assert_eq!(
        (&seen["state"], &seen["elapsedTime"], &seen["isCancellable"]),
        (&"SUCCEEDED".into(), &12_000.into(), &false.into())
    );
    // Not submitted through the integration service, so unknown to its finder (FACTS 3.3).
    assert_eq!(super::erpintegrations::status(&pod, &id.to_string()).await, "");
    let later = submitted(&pod, r#","startTime":"2026-07-02T00:00:00Z""#).await;
    pod.clock().advance(std::time::Duration::from_secs(3_600));
    assert_eq!(state(&pod, later).await, "WAIT");
    pod.clock().advance(std::time::Duration::from_secs(12 * 3_600));
    assert_eq!(state(&pod, later).await, "SUCCEEDED");
}

#[tokio::test]
async fn a_submission_that_does_not_fit_is_refused() {
    let pod = pod();
    let with = |definition: &str| format!(r#"{{"jobDefinitionId":"{definition}"}}"#);
    let journals = "JobDefinition://oracle/apps/ess/financials/generalLedger/programs/common/AutomaticPosting";
    for (body, expected) in [
        ("{}".to_owned(), 400),
        (with("APXAPRVL"), 400),
        (with("JobDefinition://oracle/apps/ess/x/Nothing"), 404),
        (with(journals), 403),
        (format!(r#"{{"jobDefinitionId":"{JOB}","priority":12}}"#), 400),
        (
            format!(
                r#"{{"jobDefinitionId":"{JOB}","requestParameters":[{{"name":"submit.argument0","paramType":"STRING"}}]}}"#
            ),
            400,
        ),
        (
            format!(
                r#"{{"jobDefinitionId":"{JOB}","requestParameters":[{{"name":"submit.argument1","paramType":"TEXT"}}]}}"#
            ),
            400,
        ),
    ] {
        let reply = change(&pod, "int.ap", "POST", "", &body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.json()["status"].as_u64()),
            (expected, Some(expected.into())),
            "{body}"
        );
    }
    assert_eq!(change(&pod, "int.reader", "POST", "", &with(JOB)).await.status, 403);
}

#[tokio::test]
async fn a_request_is_held_released_canceled_changed_and_deleted() {
    let pod = pod();
    let id = submitted(&pod, "").await;
    let act = async |method: &str, below: &str, body: &str| {
        change(&pod, "int.ap", method, &format!("/{id}{below}"), body).await.status.as_u16()
    };
    assert_eq!(act("POST", "/hold", "").await, 200);
    pod.clock().advance(std::time::Duration::from_secs(60));
    assert_eq!(state(&pod, id).await, "HOLD");
    assert_eq!((act("POST", "/hold", "").await, act("DELETE", "", "").await), (409, 409));
    assert_eq!(act("PATCH", "", r#"{"description":"y","priority":7}"#).await, 200);
    assert_eq!(act("PATCH", "", r#"{"state":"SUCCEEDED"}"#).await, 400);
    assert_eq!(requests(&pod, "int.ap", &format!("/{id}")).await.json()["priority"], 7);
    assert_eq!(act("POST", "/release", "").await, 200);
    pod.clock().advance(std::time::Duration::from_secs(5));
    assert_eq!(state(&pod, id).await, "RUNNING");
    assert_eq!(act("POST", "/cancel", "").await, 200);
    assert_eq!(state(&pod, id).await, "CANCELLING");
    pod.clock().advance(std::time::Duration::from_secs(5));
    assert_eq!(state(&pod, id).await, "CANCELLED");
    assert_eq!((act("POST", "/cancel", "").await, act("POST", "/release", "").await), (409, 409));
    assert_eq!((act("DELETE", "", "").await, act("DELETE", "", "").await), (204, 404));
    // Another user's request is as if it were not there.
    assert_eq!(change(&pod, "int.ap", "POST", "/9762909/release", "").await.status, 404);
    assert_eq!(change(&pod, "integration.user", "POST", "/9762909/release", "").await.status, 200);
}

/// A message to the scheduler's SOAP service, signed in by a username token alone.
async fn message(pod: &Pod, password: &str, action: &str, operation: &str) -> Reply {
    let body = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>{action}<w:Security xmlns:w="urn:w"><w:UsernameToken><w:Username>int.ap</w:Username><w:Password>{password}</w:Password></w:UsernameToken></w:Security></s:Header><s:Body>{operation}</s:Body></s:Envelope>"#
    );
    let headers = [("content-type", "text/xml"), ("authorization", "none")];
    send(pod, "POST", "/ess/esswebservice", &headers, &body).await
}

#[tokio::test]
async fn a_job_is_submitted_and_followed_over_soap() {
    let pod = pod();
    let submit = |package: &str| {
        format!(
            r#"<q:submitRequest xmlns:q="http://xmlns.oracle.com/scheduler"><q:description>x</q:description><q:jobDefinitionId xmlns:t="http://xmlns.oracle.com/scheduler/types"><t:name>APXAPRVL</t:name><t:packageName>{package}</t:packageName><t:type>JOB_DEFINITION</t:type></q:jobDefinitionId><q:application>FscmEss</q:application></q:submitRequest>"#
        )
    };
    let (action, package) = ("<a:Action>submitRequest</a:Action>", super::erpintegrations::INVOICES);
    let reply = message(&pod, "Simulated-1", action, &submit(package)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let (_, rest) = reply.text().split_once("<requestId>").unwrap();
    let id: u64 = rest.split_once('<').unwrap().0.parse().unwrap();
    let ask = format!(
        r#"<q:getRequestDetail xmlns:q="http://xmlns.oracle.com/scheduler"><requestId>{id}</requestId></q:getRequestDetail>"#
    );
    let detail = message(&pod, "Simulated-1", "<a:Action>getRequestDetail</a:Action>", &ask).await;
    assert!(detail.text().contains("state>WAIT<"), "{}", detail.text());
    assert_eq!(state(&pod, id).await, "WAIT");
    // Another password, no addressing, no such job.
    assert_eq!(message(&pod, "wrong", action, &submit(package)).await.status, 401);
    assert_eq!(message(&pod, "Simulated-1", "", &submit(package)).await.status, 500);
    assert_eq!(message(&pod, "Simulated-1", action, &submit("/x")).await.status, 500);
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
