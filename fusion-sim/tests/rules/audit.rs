//! FACTS 5.3 and 4.2: what was written shows in audit history, and where it is about workers in HCM's feeds.
use super::*;
use serde_json::json;
use std::time::Duration;

const PATH: &str = "/fscmRestApi/fndAuditRESTService/audittrail/getaudithistory";
const WORKERS: &str = "/hcmRestApi/resources/11.13.18.05/workers";
const FEEDS: &str = "/hcmRestApi/atomservlet/employee";
const JSON: (&str, &str) = ("content-type", "application/json");
const V4: (&str, &str) = ("rest-framework-version", "4");
const JULY: &str = "fromDate=2026-07-01&toDate=2026-07-31";

async fn history(pod: &Pod, query: &str) -> Reply {
    send(pod, "POST", &format!("{PATH}?{}", query.replace(' ', "%20")), &[], "").await
}

async fn events(pod: &Pod, query: &str) -> Vec<Json> {
    let reply = history(pod, &format!("{JULY}&{query}")).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (200, &"SUCCESS".into()), "{}", reply.text());
    reply.json()["auditData"].as_array().unwrap().clone()
}

async fn patch(pod: &Pod, path: &str, payload: &Json) -> Reply {
    let reply = send(pod, "PATCH", path, &[JSON, V4], &payload.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

fn path(row: &Json) -> String {
    row["links"][0]["href"].as_str().unwrap().replace("https://pod.example.com:443", "")
}

/// Changes an invoice and one of its lines, creates another.
async fn changed(pod: &Pod) {
    let found = get(pod, "invoices?limit=1&expand=invoiceLines").await.json()["items"][0].clone();
    let invoice = path(&found);
    patch(pod, &invoice, &json!({"Description": "one"})).await;
    pod.clock().advance(Duration::from_secs(60));
    patch(pod, &path(&found["invoiceLines"]["items"][0]), &json!({"Description": "line"})).await;
    let made = post_invoice(pod, &new_invoice(pod, "AUD-1").await).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

#[tokio::test]
async fn a_write_leaves_who_did_what_with_old_and_new_values() {
    let pod = pod();
    let before = an_invoice(&pod).await["Description"].clone();
    changed(&pod).await;
    let found = events(&pod, "product=AP&attributeDetailMode=true").await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["eventType"], "Object Data Insert");
    let update = &found[1];
    assert_eq!(update["date"], "2026-07-01 12:00:00.0");
    assert_eq!(
        (&update["userName"], &update["userInternalName"]),
        (&"Integration User".into(), &"integration.user".into())
    );
    assert_eq!((&update["eventType"], &update["businessObject"]), (&"Object Data Update".into(), &"Invoice".into()));
    let detail = json!({"attributeName": "Description", "oldValue": before, "newValue": "one"});
    assert_eq!(update["attributeDetails"], json!([detail]));
    let names = events(&pod, "product=AP&eventType=update").await;
    assert_eq!(names[0]["attributeDetails"], json!([{"attributeName": "Description"}]));
    assert_eq!(events(&pod, "product=AP&includeAttributes=false").await[0].get("attributeDetails"), None);
}

#[tokio::test]
async fn an_event_is_found_by_product_object_user_kind_and_time() {
    let pod = pod();
    changed(&pod).await;
    let count = async |query: &str| events(&pod, query).await.len();
    assert_eq!(count("product=AP&eventType=insert,delete").await, 1);
    assert_eq!(count("product=AP&user=Integration User").await, 2);
    assert_eq!(count("product=AP&user=Casey Brown").await, 0);
    assert_eq!(count("product=POZ").await, 0);
    let with_children = events(&pod, "product=AP&includeChildObjects=true&eventType=update").await;
    assert_eq!(with_children[0]["businessObject"], "Invoice Line");
    let line = with_children[0]["qualifiedBusinessObject"].as_str().unwrap();
    assert_eq!(count(&format!("product=AP&eventType=update&businessObjectType={line}")).await, 1);
    let minute = "fromDate=2026-07-01 12:00:00&toDate=2026-07-01 12:00:59&product=AP&timeZone=UTC";
    assert_eq!(history(&pod, minute).await.json()["auditData"].as_array().unwrap().len(), 1);
    let page = history(&pod, &format!("{JULY}&product=AP&pageNumber=2&pageSize=1")).await.json();
    assert_eq!((&page["pageNumber"], page["auditData"].as_array().unwrap().len()), (&2.into(), 1));
}

#[tokio::test]
async fn the_same_names_may_stand_in_a_body() {
    let pod = pod();
    changed(&pod).await;
    let body = json!({"fromDate": "2026-07-01", "toDate": "2026-07-02", "product": "AP", "includeChildObjects": true});
    let reply = send(&pod, "POST", PATH, &[JSON], &body.to_string()).await;
    assert!(reply.json()["auditData"].as_array().unwrap().len() > 2);
    assert_eq!(send(&pod, "POST", PATH, &[JSON], "[]").await.status, 400);
}

#[tokio::test]
async fn what_is_not_audited_is_not_told_and_what_is_asked_wrongly_is_refused() {
    let pod = pod();
    let project = get(&pod, "projects?limit=1").await.json()["items"][0]["ProjectId"].clone();
    patch(&pod, &format!("{REST}/projects/{project}"), &json!({"ProjectDescription": "other"})).await;
    assert_eq!(events(&pod, "product=PJF").await.len(), 0);
    for wrong in [
        "fromDate=2026-06-01&toDate=2026-07-02&product=AP",
        "fromDate=2026-07-02&toDate=2026-07-01&product=AP",
        "fromDate=2026-07-01T00:00:00Z&toDate=2026-07-02&product=AP",
        "toDate=2026-07-02&product=AP",
        "fromDate=2026-07-01&toDate=2026-07-02",
        "fromDate=2026-07-01&toDate=2026-07-02&product=NONE",
        "fromDate=2026-07-01&toDate=2026-07-02&product=AP&eventType=read",
        "fromDate=2026-07-01&toDate=2026-07-02&product=AP&pageNumber=0",
        "fromDate=2026-07-01&toDate=2026-07-02&product=AP&timeZone=Mars/Phobos",
    ] {
        let reply = history(&pod, wrong).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (400, &"FAIL".into()), "{wrong}");
    }
    assert_eq!(history(&pod, "fromDate=2026-06-01&toDate=2026-07-01&product=AP").await.status, 200);
    let other = basic("int.ap", "Simulated-1");
    let reply = send(&pod, "POST", PATH, &[("authorization", &other)], "").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]["status"]), (403, &403.into()));
    assert_eq!(send(&pod, "GET", PATH, &[], "").await.status, 405);
}

#[tokio::test]
async fn history_is_kept_with_the_pod_and_shows_late_where_a_scenario_says_so() {
    let pod = pod_with(json!([{"name": "late_entries", "seconds": 300}]));
    changed(&pod).await;
    assert_eq!(events(&pod, "product=AP").await.len(), 0);
    pod.clock().advance(Duration::from_secs(300));
    let again = Pod::open(&pod.save().unwrap()).unwrap();
    assert_eq!(events(&again, "product=AP").await.len(), 2);
}

async fn entries(pod: &Pod, feed: &str) -> Vec<Json> {
    let reply = send(pod, "GET", &format!("{FEEDS}/{feed}?updated-min=2026-07-01T12:00:00Z"), &[], "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["feed"]["entries"].as_array().cloned().unwrap_or_default()
}

fn content(entry: &Json) -> Json {
    serde_json::from_str(entry["content"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn whoever_is_hired_changed_or_leaves_is_told_in_a_feed() {
    let pod = pod();
    let hire = json!({
        "names": [{"LastName": "Doe", "LegislationCode": "US"}],
        "workRelationships": [{"LegalEmployerName": "US1 Legal Entity", "WorkerType": "E",
            "assignments": [{"ActionCode": "HIRE", "BusinessUnitName": "US1 Business Unit"}]}],
    });
    let made = send(&pod, "POST", WORKERS, &[JSON, V4], &hire.to_string()).await.json();
    let hired = entries(&pod, "newhire").await;
    assert_eq!(hired.len(), 1);
    assert_eq!(content(&hired[0])["Context"][0]["PersonId"], made["PersonId"].to_string());
    let query = format!("{WORKERS}?q=PersonId={}&expand=names,workRelationships.assignments", made["PersonId"]);
    let worker = send(&pod, "GET", &query, &[V4], "").await.json()["items"][0].clone();
    patch(&pod, &path(&worker["names"]["items"][0]), &json!({"LastName": "Roe"})).await;
    let update = content(&entries(&pod, "empupdate").await[0]);
    assert_eq!(update["Changed Attributes"][0]["LastName"], json!({"old": "Doe", "new": "Roe"}));
    let relationship = &worker["workRelationships"]["items"][0];
    patch(&pod, &path(&relationship["assignments"]["items"][0]), &json!({"JobCode": "ACC"})).await;
    assert_eq!(entries(&pod, "empassignment").await.len(), 1);
    patch(&pod, &path(relationship), &json!({"TerminationDate": "2026-07-31"})).await;
    assert_eq!(entries(&pod, "termination").await.len(), 1);
    assert_eq!((entries(&pod, "workrelshipupdate").await.len(), entries(&pod, "empupdate").await.len()), (0, 1));
}

#[tokio::test]
async fn a_feed_is_paged_and_a_window_holds_what_happened_in_it() {
    let pod = pod();
    let page = async |query: &str| {
        let reply = send(&pod, "GET", &format!("{FEEDS}/newhire?{query}"), &[], "").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["feed"].clone()
    };
    let ids = |feed: &Json| -> Vec<String> {
        feed["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&page("").await);
    assert_eq!(all.len(), 3);
    let (first, second) = (page("page-size=2").await, page("page-size=2&page=2").await);
    assert_eq!([ids(&first), ids(&second)].concat(), all);
    assert!(page("page-size=2&page=3").await.get("entries").is_none());
    assert_eq!(ids(&page("updated-min=2026-06-27T00:00:00Z&updated-max=2026-06-29T00:00:00Z").await).len(), 1);
    assert_eq!(send(&pod, "GET", &format!("{FEEDS}/newhire?updated-min=soon"), &[], "").await.status, 400);
    assert_eq!(send(&pod, "GET", &format!("{FEEDS}/nothing"), &[], "").await.status, 404);
}
