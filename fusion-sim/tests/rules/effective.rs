//! FACTS 1.2, 1.7, 4.2: workers, whose rows hold for ranges of dates.
use super::*;
use serde_json::json;

const WORKERS: &str = "/hcmRestApi/resources/11.13.18.05/workers";
const JSON: (&str, &str) = ("content-type", "application/json");
const V4: (&str, &str) = ("rest-framework-version", "4");

async fn read(pod: &Pod, below: &str) -> Reply {
    send(pod, "GET", &format!("{WORKERS}{below}"), &[V4], "").await
}

fn path(row: &Json) -> String {
    row["links"][0]["href"].as_str().unwrap().strip_prefix("https://pod.example.com:443").unwrap().to_owned()
}

#[tokio::test]
async fn who_is_hired_later_is_there_on_a_later_date() {
    let pod = pod();
    assert_eq!(read(&pod, "?limit=100&totalResults=true").await.json()["totalResults"], 30);
    let later = read(&pod, "?limit=100&effectiveDate=2026-12-31").await.json();
    assert_eq!(later["count"], 31);
    let last = &later["items"][30];
    let query = format!("?q=PersonNumber='{}'", last["PersonNumber"].as_str().unwrap());
    assert_eq!(read(&pod, &query).await.json()["count"], 0);
    assert_eq!(send(&pod, "GET", &path(last), &[V4], "").await.status, 404);
    assert_eq!(send(&pod, "GET", &format!("{}?effectiveDate=2026-12-31", path(last)), &[V4], "").await.status, 200);
    pod.clock().advance(std::time::Duration::from_secs(40 * 86_400));
    assert_eq!(read(&pod, &query).await.json()["count"], 1);
}

#[tokio::test]
async fn an_update_begins_on_its_date_and_a_correction_changes_the_row() {
    let pod = pod();
    let worker = read(&pod, "?limit=1&expand=names").await.json()["items"][0].clone();
    let name = &worker["names"]["items"][0];
    let change = async |headers: &[(&str, &str)], last: &str| {
        let headers = [&[JSON, V4], headers].concat();
        send(&pod, "PATCH", &path(name), &headers, &json!({ "LastName": last }).to_string()).await
    };
    let on = async |date: &str| {
        let row = read(&pod, &format!("?limit=1&expand=names&effectiveDate={date}")).await.json();
        assert_eq!(row["items"][0]["names"]["count"], 1);
        row["items"][0]["names"]["items"][0]["LastName"].clone()
    };
    let from = ("effective-of", "RangeMode=UPDATE;RangeStartDate=2026-09-01");
    let updated = change(&[from], "Later").await;
    assert_eq!((updated.status.as_u16(), &updated.json()["EffectiveStartDate"]), (200, &"2026-09-01".into()));
    assert_eq!((on("2026-08-31").await, on("2026-09-01").await), (name["LastName"].clone(), "Later".into()));
    assert_eq!(change(&[("effective-of", "RangeMode=CORRECTION")], "Now").await.status, 200);
    assert_eq!((on("2026-08-31").await, on("2026-09-01").await), ("Now".into(), "Later".into()));
    for wrong in ["RangeMode=SOMETIMES", "RangeMode=UPDATE", "Range", "RangeStartDate=tomorrow", "RangeMode=ZAP"] {
        assert_eq!(change(&[("effective-of", wrong)], "x").await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn an_update_from_a_later_day_changes_the_row_of_that_day() {
    let pod = pod();
    let worker = read(&pod, "?limit=1&expand=names").await.json()["items"][0].clone();
    let name = path(&worker["names"]["items"][0]);
    let change = async |from: &str, last: &str| {
        let range = format!("RangeMode=UPDATE;RangeStartDate={from}");
        let headers = [JSON, V4, ("effective-of", range.as_str())];
        send(&pod, "PATCH", &name, &headers, &json!({ "LastName": last }).to_string()).await
    };
    for (from, last) in [("2026-09-01", "September"), ("2026-10-01", "October")] {
        assert_eq!(change(from, last).await.status, 200);
    }
    let mut seen = Vec::new();
    for day in ["2026-08-31", "2026-09-30", "2026-10-01"] {
        let row = read(&pod, &format!("?limit=1&expand=names&effectiveDate={day}")).await.json();
        seen.push(row["items"][0]["names"]["items"][0]["LastName"].clone());
    }
    assert_eq!(seen[1..], ["September", "October"]);
    assert_eq!(seen[0], worker["names"]["items"][0]["LastName"]);
    assert_eq!(change("1900-01-01", "x").await.status, 400);
}

#[tokio::test]
async fn what_is_created_holds_from_the_day_of_its_range() {
    let pod = pod();
    let worker = read(&pod, "?limit=1").await.json()["items"][0].clone();
    let name = json!({"LastName": "Doe", "LegislationCode": "US"}).to_string();
    let address = format!("{}/child/names", path(&worker));
    let range = ("effective-of", "RangeMode=UPDATE;RangeStartDate=2027-01-01");
    let made = send(&pod, "POST", &address, &[JSON, V4, range], &name).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["EffectiveStartDate"]),
        (201, &"2027-01-01".into()),
        "{}",
        made.text()
    );
    let wrong = send(&pod, "POST", &address, &[JSON, V4, ("effective-of", "RangeMode=SOMETIMES")], &name).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn a_worker_is_hired_with_the_documented_minimum() {
    let pod = pod();
    let hire = json!({
        "names": [{"LastName": "Doe", "FirstName": "Jo", "LegislationCode": "US"}],
        "workRelationships": [{"LegalEmployerName": "US1 Legal Entity", "WorkerType": "E",
            "assignments": [{"ActionCode": "HIRE", "BusinessUnitName": "US1 Business Unit"}]}],
    });
    let made = send(&pod, "POST", WORKERS, &[JSON, V4], &hire.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let query = format!("?expand=names&q=PersonId={}", made.json()["PersonId"]);
    assert_eq!(read(&pod, &query).await.json()["items"][0]["names"]["items"][0]["DisplayName"], "Jo Doe");
    let mut nameless = hire.clone();
    nameless["names"][0].as_object_mut().unwrap().remove("LastName");
    assert_eq!(send(&pod, "POST", WORKERS, &[JSON, V4], &nameless.to_string()).await.status, 400);
}
