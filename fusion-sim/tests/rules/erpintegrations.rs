//! FACTS 3.1–3.5: the integration service over REST, one request at a time.
use base64::engine::general_purpose::STANDARD;

use super::security::as_user;
use super::*;

pub const INVOICES: &str = "/oracle/apps/ess/financials/payables/invoices/transactions";
const ACCOUNT: &str = "fin$/payables$/import$";

/// Two good invoices and one of a supplier that there is not, by the invoice's number (FACTS 3.6).
fn headers() -> String {
    let header = |id: &str, number: &str, supplier: &str| {
        format!(
            "{id},US1 Business Unit,Manual Invoice Entry,{number},100,2026/06/30,{supplier},1252,Lee US1,USD,USD,,90213,STANDARD,,,,,,Immediate,,,,2026/06/30\n"
        )
    };
    [header("1", "L-1", "Lee Supplies"), header("2", "L-2", "Lee Supplies"), header("3", "L-3", "Nobody")].concat()
}

fn lines() -> String {
    let line = |id: &str| format!("{id},1,ITEM,100,,,,,,,,,,,,,,,,,,101.10.65110.110.000.000,,2026/06/30\n");
    [line("1"), line("2"), line("3")].concat()
}

/// The archive of a load of Payables invoices, in base64.
pub fn zip() -> String {
    STANDARD.encode(archive(&[("ApInvoicesInterface.csv", &headers()), ("ApInvoiceLinesInterface.csv", &lines())]))
}

/// An archive of files that are not compressed.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let long = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0],
            &crc.sum().to_le_bytes()[..],
            &long(text.len()),
            &long(text.len()),
            &u16::try_from(name.len()).unwrap().to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        let at = long(out.len());
        directory.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10], &at, name.as_bytes()].concat());
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), text.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &long(directory.len()), &long(out.len()), &[0, 0]].concat();
    out.extend(directory);
    out.extend(end);
    out
}

/// The import of FACTS 3.2.
pub fn import(file: &str) -> Json {
    serde_json::json!({
        "OperationName": "importBulkData", "DocumentContent": zip(), "ContentType": "zip", "FileName": file,
        "DocumentAccount": ACCOUNT, "JobName": format!("{INVOICES},APXIIMPT"),
        "ParameterList": "#NULL,300000046987012,N,2026-01-31,#NULL,#NULL,1000,Manual Invoice Entry,90213,N,Y,300000046975971,#NULL,1",
        "CallbackURL": "#NULL", "NotificationCode": "10",
        "JobOptions": "InterfaceDetails=1,ImportOption=Y,PurgeOption=N,ExtractFileType=ALL",
    })
}

pub async fn post_to(pod: &Pod, resource: &str, user: &str, body: &Json) -> Reply {
    let headers = [
        ("content-type", "application/json"),
        ("rest-framework-version", "4"),
        ("authorization", &basic(user, "Simulated-1")),
    ];
    send(pod, "POST", &format!("{REST}/{resource}"), &headers, &body.to_string()).await
}

pub async fn post(pod: &Pod, body: &Json) -> Reply {
    post_to(pod, "erpintegrations", "integration.user", body).await
}

/// `ReqstId` of what was submitted.
pub async fn submitted(pod: &Pod, body: &Json) -> String {
    let reply = post(pod, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["ReqstId"].as_str().unwrap().to_owned()
}

pub async fn find(pod: &Pod, finder: &str) -> Json {
    let reply = get(pod, &format!("erpintegrations?finder={finder}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["items"].clone()
}

pub async fn status(pod: &Pod, id: &str) -> String {
    find(pod, &format!("ESSJobStatusRF;requestId={id}")).await[0]["RequestStatus"].as_str().unwrap().to_owned()
}

/// A submission of a job by its definition.
pub fn job(package: &str, definition: &str, arguments: &str) -> Json {
    serde_json::json!({"OperationName": "submitESSJobRequest", "JobPackageName": package, "JobDefName": definition,
        "ESSParameters": arguments, "ReqstId": null})
}

#[tokio::test]
async fn every_attribute_is_echoed_and_unused_ones_are_null() {
    let pod = pod();
    let reply = post(&pod, &import("ap_1.zip")).await;
    assert_eq!(reply.status, 201);
    let body = reply.json();
    assert_eq!((&body["OperationName"], &body["FileName"]), (&"importBulkData".into(), &"ap_1.zip".into()));
    for unused in ["RequestStatus", "StatusCode", "LoadRequestId", "ESSParameters", "DocumentContent", "ProcessName"] {
        assert_eq!(body.get(unused), Some(&Json::Null), "{unused}");
    }
    assert!(body["DocumentId"].as_str().unwrap().parse::<u64>().is_ok());
    assert!(body["ReqstId"].as_str().unwrap().parse::<u64>().is_ok());
    assert!(body["links"][0]["href"].as_str().unwrap().ends_with("/erpintegrations/importBulkData"));
    let bare = get(&pod, "erpintegrations/importBulkData").await;
    assert_eq!((bare.status.as_u16(), &bare.json()["ReqstId"]), (200, &Json::Null));
    assert_eq!(get(&pod, "erpintegrations/nothing").await.status, 404);
}

#[tokio::test]
async fn what_the_service_cannot_read_is_refused() {
    let pod = pod();
    let with = |name: &str, value: Json| {
        let mut body = import("ap_1.zip");
        body[name] = value;
        body
    };
    for (body, says) in [
        (with("requestId", "1".into()), "Invalid attribute \"requestId\" in the payload."),
        (with("fileName", "x".into()), "Invalid attribute \"fileName\" in the payload."),
        (with("OperationName", "ImportBulkData".into()), "OperationName"),
        (with("OperationName", Json::Null), "JBO-27014: Attribute OperationName in Erpintegrations is required"),
        (with("DocumentContent", "not base64!".into()), "DocumentContent"),
        (with("FileName", Json::Null), "JBO-27014: Attribute FileName"),
        (with("JobName", "".into()), "JBO-27014: Attribute JobName"),
        (with("JobOptions", serde_json::json!({})), "JobOptions"),
    ] {
        let reply = post(&pod, &body).await;
        assert_eq!(reply.status, 400, "{says}");
        assert!(reply.text().contains(says), "{}", reply.text());
    }
    assert_eq!(
        find(&pod, "DocumentIdsByFilePrefixRF;filePrefix=ap,docAccount=fin$/payables$/import$").await,
        serde_json::json!([])
    );
}

#[tokio::test]
async fn t1_an_unknown_job_or_one_that_is_not_the_users_gets_minus_one_with_200() {
    let pod = pod();
    for name in [
        format!("{INVOICES},apxiimpt"),
        format!("{INVOICES}/other,APXIIMPT"),
        "APXIIMPT".to_owned(),
        format!("{INVOICES},APXAPRVL"),
    ] {
        let mut body = import("ap_1.zip");
        body["JobName"] = name.clone().into();
        let reply = post(&pod, &body).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["ReqstId"]), (200, &"-1".into()), "{name}");
    }
    assert_eq!(post(&pod, &job(INVOICES, "NoSuchJob", "")).await.json()["ReqstId"], "-1");
    // A procurement manager's and accountant's roles reach no receivables job.
    let autoinvoice =
        job("/oracle/apps/ess/financials/receivables/transactions/autoInvoices", "AutoInvoiceImportEss", "1");
    let reply = post_to(&pod, "erpintegrations", "casey.brown@example.com", &autoinvoice).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["ReqstId"]), (200, &"-1".into()));
    assert!(submitted(&pod, &autoinvoice).await.parse::<u64>().is_ok());
}

#[tokio::test]
async fn the_service_is_the_specialists() {
    let pod = pod();
    for username in ["int.ap", "int.reader", "no.privilege"] {
        let reply = post_to(&pod, "erpintegrations", username, &import("ap_1.zip")).await;
        assert_eq!(reply.status, 403, "{username}");
        let target = format!("{REST}/erpintegrations?finder=ESSJobStatusRF;requestId=1");
        assert_eq!(as_user(&pod, username, "GET", &target).await.status, 403, "{username}");
    }
}

#[tokio::test]
async fn f2_an_account_without_dollars_keeps_no_document() {
    let pod = pod();
    for (account, kept) in [
        (ACCOUNT, true),
        ("fin$/payables$/import", true),
        ("fin/payables/import", false),
        ("fin$/nothing$/import$", false),
    ] {
        let mut body = serde_json::json!({"OperationName": "uploadFileToUCM", "DocumentContent": zip(),
            "ContentType": "zip", "FileName": "ap_1.zip", "DocumentAccount": account, "DocumentId": null});
        assert_eq!(post(&pod, &body).await.json()["DocumentId"].is_string(), kept, "{account}");
        body = import("ap_1.zip");
        body["DocumentAccount"] = account.into();
        assert_eq!(post(&pod, &body).await.json()["ReqstId"] != "-1", kept, "{account}");
    }
}

#[tokio::test]
async fn documents_are_found_by_prefix_read_and_commented() {
    let pod = pod();
    let (first, second) =
        (post(&pod, &import("ap_7f_1.zip")).await.json(), post(&pod, &import("ap_7f_1.zip")).await.json());
    let found =
        find(&pod, "DocumentIdsByFilePrefixRF;filePrefix=ap_7f,docAccount=fin$/payables$/import$,comment=%23NULL")
            .await;
    let ids: Vec<&Json> = found.as_array().unwrap().iter().map(|item| &item["DocumentId"]).collect();
    // The same file twice is two documents (FACTS 3.8).
    assert_eq!(ids, [&first["DocumentId"], &second["DocumentId"]]);
    let id = ids[0].as_str().unwrap();
    let document = find(&pod, &format!("DocumentRF;docId={id}")).await[0].clone();
    assert_eq!((&document["DocumentContent"], &document["FileName"]), (&zip().into(), &"ap_7f_1.zip".into()));
    assert_eq!(find(&pod, "DocumentRF;docId=1").await[0]["DocumentContent"], Json::Null);
    let by_operation =
        post(&pod, &serde_json::json!({"OperationName": "getDocumentForDocumentId", "DocumentId": id})).await;
    assert_eq!(by_operation.json()["DocumentContent"], zip());
    let comment = serde_json::json!({"OperationName": "appendFileComment", "FileName": "ap_7f", "DocumentAccount": ACCOUNT,
        "Comments": "processedby=1"});
    assert_eq!(post(&pod, &comment).await.json()["StatusCode"], "SUCCESS");
    let by_comment =
        "DocumentIdsByFilePrefixRF;filePrefix=ap_7f,docAccount=fin$/payables$/import$,comment=processedby=";
    assert_eq!(find(&pod, &format!("{by_comment}1")).await.as_array().unwrap().len(), 2);
    assert_eq!(find(&pod, &format!("{by_comment}2")).await, serde_json::json!([]));
    let ids = post(
        &pod,
        &serde_json::json!({"OperationName": "getDocumentIdsForFilePrefix", "FileName": "ap_7f",
        "DocumentAccount": ACCOUNT}),
    )
    .await
    .json()["DocumentId"]
        .clone();
    assert_eq!(ids.as_str().unwrap().split(',').count(), 2);
}

#[tokio::test]
async fn a_finder_needs_its_variable_and_takes_no_other() {
    let pod = pod();
    for refused in
        ["ESSJobStatusRF", "ESSJobStatusRF;id=1", "NoSuchRF;requestId=1", "DocumentIdsByFilePrefixRF;filePrefix=a"]
    {
        assert_eq!(get(&pod, &format!("erpintegrations?finder={refused}")).await.status, 400, "{refused}");
    }
    assert_eq!(find(&pod, "PrimaryKey;OperationName=importBulkData").await, serde_json::json!([]));
}

#[tokio::test]
async fn t7_only_requests_of_the_service_have_a_state() {
    let pod = pod();
    // Of the user interface, of nobody, and no number.
    for id in ["9762901", "1", "x"] {
        assert_eq!(status(&pod, id).await, "", "{id}");
        assert_eq!(find(&pod, &format!("ESSExecutionDetailsRF;requestId={id}")).await[0]["RequestStatus"], "");
    }
    let id = submitted(&pod, &import("ap_1.zip")).await;
    assert_eq!(status(&pod, &id).await, "WAIT");
    let reply = post(&pod, &serde_json::json!({"OperationName": "getESSJobStatus", "ReqstId": id})).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["RequestStatus"]), (201, &"WAIT".into()));
}

#[tokio::test]
async fn a_process_tells_its_account_and_interface() {
    let pod = pod();
    let ask = async |operation: &str, name: &str| {
        let body = serde_json::json!({"OperationName": operation, "ProcessName": name});
        post_to(&pod, "erpProcesses", "integration.user", &body).await
    };
    let told = ask("inboundProcessDetails", &format!("{INVOICES},APXIIMPT")).await;
    let told: Json = serde_json::from_str(told.json()["ProcessInformation"].as_str().unwrap()).unwrap();
    assert_eq!((&told["InterfaceId"], &told["UcmAccount"]), (&"1".into(), &"fin/payables/import".into()));
    assert_eq!(ask("inboundProcessDetails", "/oracle,Nothing").await.json()["ProcessInformation"], Json::Null);
    assert_eq!(ask("outbound", "/oracle,Nothing").await.status, 400);
}

#[tokio::test]
async fn a_hundred_megabytes_are_taken() {
    let pod = pod();

    let body = format!(
        "{{\"OperationName\":\"uploadFileToUCM\",\"DocumentContent\":\"{}\",\"ContentType\":\"csv\",\"FileName\":\"GlInterface.csv\",\"DocumentAccount\":\"fin$/generalLedger$/import$\"}}",
        "eHh4".repeat(25_000_000)
    );
    assert!(body.len() > 100_000_000);
    let headers = [("content-type", "application/json"), ("rest-framework-version", "4")];
    let reply = send(&pod, "POST", &format!("{REST}/erpintegrations"), &headers, &body).await;
    assert_eq!(reply.status, 201);
    let found = find(&pod, "DocumentIdsByFilePrefixRF;filePrefix=GlInterface,docAccount=fin$/generalLedger$/import$");
    assert_eq!(found.await[0]["DocumentId"], reply.json()["DocumentId"]);
}
