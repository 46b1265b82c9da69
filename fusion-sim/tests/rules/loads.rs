//! FACTS 3.3, 3.4, 3.7, 7: a load from its submission to its end, by the pod's clock alone.
use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use fusion_sim::CallbackKind;

use super::erpintegrations::{INVOICES, find, import, job, post, status, submitted};
use super::*;

/// Far beyond what any load takes.
pub const LONG: Duration = Duration::from_secs(600);

/// Every state until the end, each once.
async fn states(pod: &Pod, id: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..200 {
        let state = status(pod, id).await;
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        pod.clock().advance(Duration::from_secs(1));
    }
    seen
}

pub async fn details(pod: &Pod, id: &str) -> Json {
    let text = find(pod, &format!("ESSExecutionDetailsRF;requestId={id}")).await[0]["RequestStatus"].clone();
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// The bytes of the zip with logs.
async fn logs(pod: &Pod, id: &str, kind: &str) -> Option<Vec<u8>> {
    let found = find(pod, &format!("ESSJobExecutionDetailsRF;requestId={id},fileType={kind}")).await;
    Some(STANDARD.decode(found[0]["DocumentContent"].as_str()?).unwrap())
}

pub fn has(zip: &[u8], name: &str) -> bool {
    zip.windows(name.len()).any(|window| window == name.as_bytes())
}

#[tokio::test]
async fn a_load_waits_runs_pauses_and_ends() {
    let pod = pod();
    let id = submitted(&pod, &import("ap_1.zip")).await;
    let seen = states(&pod, &id).await;
    assert_eq!(seen[..4], ["WAIT", "READY", "RUNNING", "PAUSED"]);
    assert_eq!(seen.len(), 5, "{seen:?}");
}

#[tokio::test]
async fn whoever_looks_late_sees_the_same_times() {
    let (often, once) = (pod(), pod());
    let (first, second) = (submitted(&often, &import("ap_1.zip")).await, submitted(&once, &import("ap_1.zip")).await);
    states(&often, &first).await;
    once.clock().advance(Duration::from_secs(200));
    assert_eq!(details(&often, &first).await, details(&once, &second).await);
    let ended = async |pod: &Pod, id: &str| {
        let reply = send(pod, "GET", &format!("/ess/rest/scheduler/v1/requests/{id}"), &[], "").await;
        reply.json()["completedTime"].clone()
    };
    assert_eq!(ended(&often, &first).await, ended(&once, &second).await);
}

#[tokio::test]
async fn the_tree_is_as_it_was_recorded() {
    let pod = pod();
    let id = submitted(&pod, &import("ap_1.zip")).await;
    assert_eq!(details(&pod, &id).await["DOCUMENTID"], Json::Null);
    pod.clock().advance(LONG);
    let tree = details(&pod, &id).await;
    let jobs = tree["JOBS"].as_array().unwrap();
    let names: Vec<&str> = jobs.iter().map(|job| job["JOBNAME"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Load Interface File for Import",
            "Import Payables Invoices",
            "Upload Interface Error and Job Output File to Universal Content Management",
        ]
    );
    assert_eq!((&jobs[0]["REQUESTID"], &jobs[0]["DOCUMENTNAME"]), (&id.clone().into(), &"ap_1.zip".into()));
    let below: Vec<&str> =
        jobs[0]["CHILD"].as_array().unwrap().iter().map(|job| job["JOBNAME"].as_str().unwrap()).collect();
    assert_eq!(below, ["Transfer File", "Load File to Interface", "Load File to Interface"]);
    assert!(jobs[2].get("CHILD").is_none());
    let ids: Vec<u64> = jobs[0]["CHILD"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["REQUESTID"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(ids[0] > id.parse().unwrap() && ids[1] > ids[0]);
}

#[tokio::test]
async fn logs_of_all_that_ran_are_downloaded_and_lie_in_ucm() {
    let pod = pod();
    let id = submitted(&pod, &import("ap_1.zip")).await;
    assert!(logs(&pod, &id, "ALL").await.is_none());
    pod.clock().advance(LONG);
    let zip = logs(&pod, &id, "all").await.unwrap();
    assert!(zip.starts_with(b"PK") && has(&zip, &format!("{id}.log")));
    let tree = details(&pod, &id).await;
    for job in tree["JOBS"].as_array().unwrap() {
        assert!(has(&zip, &format!("{}.log", job["REQUESTID"].as_str().unwrap())));
    }
    assert!(!has(&logs(&pod, &id, "OUT").await.unwrap_or_default(), ".log"));
    let found =
        find(&pod, &format!("DocumentIdsByFilePrefixRF;filePrefix={id}.zip,docAccount=fin$/payables$/import$")).await;
    assert_eq!(found[0]["DocumentId"], tree["DOCUMENTID"]);
    // Another submitter's logs have no content.
    let target = format!("{REST}/erpintegrations?finder=ESSJobExecutionDetailsRF;requestId={id},fileType=ALL");
    let other = super::security::as_user(&pod, "casey.brown@example.com", "GET", &target).await;
    assert_eq!(other.json()["items"][0]["DocumentContent"], Json::Null);
}

#[tokio::test]
async fn without_job_options_nothing_is_extracted_and_no_callback_fires() {
    let pod = pod();
    let mut body = import("ap_1.zip");
    body["CallbackURL"] = "https://receiver.example.com/done".into();
    body["JobOptions"] = Json::Null;
    let id = submitted(&pod, &body).await;
    pod.clock().advance(LONG);
    assert!(pod.callbacks().is_empty());
    let tree = details(&pod, &id).await;
    assert_eq!((tree["JOBS"].as_array().unwrap().len(), &tree["DOCUMENTID"]), (2, &Json::Null));
}

#[tokio::test]
async fn a_load_without_import_only_loads() {
    let pod = pod();
    let mut body = import("ap_1.zip");
    body["JobOptions"] = "InterfaceDetails=1,ImportOption=N,ExtractFileType=NONE".into();
    let id = submitted(&pod, &body).await;
    pod.clock().advance(LONG);
    assert_eq!(details(&pod, &id).await["JOBS"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_end_is_told_to_who_asked_for_it() {
    let pod = pod();
    let mut body = import("ap_1.zip");
    body["CallbackURL"] = "https://receiver.example.com/done?wsdl".into();
    body["JobOptions"] = "InterfaceDetails=1,ExtractFileType=ALL,EnableEvent=Y".into();
    let id = submitted(&pod, &body).await;
    assert!(pod.callbacks().is_empty());
    pod.clock().advance(LONG);
    let callbacks = pod.callbacks();
    let [message, event] = callbacks.as_slice() else { panic!("{callbacks:?}") };
    assert_eq!((message.kind, event.kind), (CallbackKind::OnJobCompletion, CallbackKind::BulkDataEvent));
    assert_eq!(message.url.as_deref(), Some("https://receiver.example.com/done/"));
    assert!(message.body.contains(&format!("<requestId>{id}</requestId>")), "{}", message.body);
    assert_eq!((event.request_id.to_string(), event.content_type()), (id.clone(), "application/json"));
    let told: Json = serde_json::from_str(&event.body).unwrap();
    assert_eq!(told, details(&pod, &id).await);
    assert_eq!(pod.callbacks().len(), 2);
}

#[tokio::test]
async fn a_pod_saved_in_the_middle_of_a_load_goes_on_from_there() {
    let pod = pod();
    let id = submitted(&pod, &import("ap_1.zip")).await;
    pod.clock().advance(Duration::from_secs(10));
    assert_eq!(status(&pod, &id).await, "PAUSED");
    let opened = Pod::open(&pod.save().unwrap()).unwrap();
    for pod in [&pod, &opened] {
        pod.clock().advance(LONG);
    }
    assert_eq!(details(&pod, &id).await, details(&opened, &id).await);
}

#[tokio::test]
async fn a_load_of_a_document_that_is_not_there_fails() {
    let pod = pod();
    let loader = "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader";
    let id = submitted(&pod, &job(loader, "InterfaceLoaderController", "1,5,N,N")).await;
    pod.clock().advance(LONG);
    assert_eq!(status(&pod, &id).await, "ERROR");
}

#[tokio::test]
async fn invoices_are_validated_and_journals_posted_by_their_jobs() {
    let pod = pod();
    let open = async |resource: &str, q: &str| {
        get(&pod, &format!("{resource}?q={q}&limit=500")).await.json()["count"].as_u64().unwrap()
    };
    let (invoices, journals) = ("ValidationStatus='Not%20validated'", "Status='U'");
    assert!(open("invoices", invoices).await > 0 && open("journalBatches", journals).await > 0);
    let ledger = "/oracle/apps/ess/financials/generalLedger/programs/common/";
    let ids = [
        submitted(&pod, &job(INVOICES, "APXAPRVL", "300000046987012,#NULL")).await,
        submitted(&pod, &job(ledger, "AutomaticPosting", "1000")).await,
    ];
    assert!(open("invoices", invoices).await > 0);
    pod.clock().advance(LONG);
    for id in &ids {
        assert_eq!(status(&pod, id).await, "SUCCEEDED");
        assert!(has(&logs(&pod, id, "OUT").await.unwrap(), &format!("{id}.txt")));
    }
    assert_eq!((open("invoices", invoices).await, open("journalBatches", journals).await), (0, 0));
}

#[tokio::test]
async fn an_export_lies_in_ucm_under_its_name() {
    let pod = pod();
    let package = "/oracle/apps/ess/financials/commonModules/shared/common/outbound";
    let body = serde_json::json!({"OperationName": "exportBulkData", "JobName": format!("{package},FinOutboundProcess"),
        "ParameterList": "1,/oracle/apps/ess/x/outbound;PayablesTransactionsExtract,BIPREPORT,FULL_EXTRACT,#NULL",
        "JobOptions": "ExtractFileType=ALL", "CallbackURL": "https://receiver.example.com/done/"});
    let id = submitted(&pod, &body).await;
    let download = serde_json::json!({"OperationName": "downloadExportOutput", "ReqstId": id});
    assert_eq!(post(&pod, &download).await.json()["DocumentContent"], Json::Null);
    pod.clock().advance(LONG);
    assert_eq!(status(&pod, &id).await, "SUCCEEDED");
    let name = format!("ExportBulkData_FinOutboundProcess_{id}");
    let found =
        find(&pod, &format!("DocumentIdsByFilePrefixRF;filePrefix={name},docAccount=fin$/payables$/export$")).await;
    let output = post(&pod, &download).await.json();
    assert_eq!((&output["DocumentId"], &output["FileName"]), (&found[0]["DocumentId"], &format!("{name}.zip").into()));
    assert!(STANDARD.decode(output["DocumentContent"].as_str().unwrap()).unwrap().starts_with(b"PK"));
    assert_eq!(pod.callbacks().len(), 1);
}

#[tokio::test]
async fn a_load_is_extracted_and_purged_afterwards() {
    let pod = pod();
    let mut body = import("ap_1.zip");
    body["JobOptions"] = "InterfaceDetails=1,ExtractFileType=NONE".into();
    let id = submitted(&pod, &body).await;
    pod.clock().advance(LONG);
    let purge = |id: &str| serde_json::json!({"OperationName": "extractAndPurge", "LoadRequestId": id});
    let reply = post(&pod, &purge(&id)).await.json();
    let request = reply["ReqstId"].as_str().unwrap().to_owned();
    assert_eq!(
        find(&pod, &format!("DocumentRF;docId={}", reply["DocumentId"].as_str().unwrap())).await[0]["FileName"],
        format!("{id}.zip")
    );
    pod.clock().advance(LONG);
    assert_eq!(status(&pod, &request).await, "SUCCEEDED");
    assert_eq!(post(&pod, &purge("1")).await.json()["ReqstId"], "-1");
    let loader = "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader";
    for (arguments, state) in [("1,#NULL,0,99999999,#NULL,ORA_FBDI,USER", "SUCCEEDED"), ("1", "ERROR")] {
        let request = submitted(&pod, &job(loader, "InterfaceLoaderPurge", arguments)).await;
        pod.clock().advance(LONG);
        assert_eq!(status(&pod, &request).await, state, "{arguments}");
    }
}

#[tokio::test]
async fn good_invoices_are_the_pods_and_the_bad_one_says_why() {
    let pod = pod();
    let id = submitted(&pod, &import("ap_1.zip")).await;
    pod.clock().advance(Duration::from_secs(25));
    // Loaded, and not imported yet.
    assert_eq!(status(&pod, &id).await, "PAUSED");
    assert_eq!(get(&pod, "invoices?q=InvoiceNumber='L-1'").await.json()["count"], 0);
    pod.clock().advance(LONG);
    assert_eq!(status(&pod, &id).await, "WARNING");
    for (number, made, left) in [("L-1", 1, 0), ("L-2", 1, 0), ("L-3", 0, 1)] {
        let q = format!("q=InvoiceNumber='{number}'");
        assert_eq!(get(&pod, &format!("invoices?{q}")).await.json()["count"], made, "{number}");
        let rows = get(&pod, &format!("payablesInterfaceInvoices?{q}&expand=interfaceInvoiceRejections")).await.json();
        assert_eq!(rows["count"], left, "{number}");
        if left == 1 {
            let row = &rows["items"][0];
            assert_eq!(row["LoadRequestId"].to_string(), id);
            assert!(row["interfaceInvoiceRejections"].to_string().contains("INVALID SUPPLIER"), "{row}");
        }
    }
    let zip = logs(&pod, &id, "ALL").await.unwrap();
    let report = details(&pod, &id).await["JOBS"][1]["CHILD"][0]["REQUESTID"].as_str().unwrap().to_owned();
    assert!(has(&zip, &format!("{report}.xml")) && has(&zip, &format!("{report}.txt")));
}

#[tokio::test]
async fn t4_rows_of_another_group_stay_though_the_job_succeeded() {
    let pod = pod();
    let mut body = import("ap_1.zip");
    // F3: the set of the arguments is one place too early.
    for arguments in [
        "#NULL,300000046987012,N,2026-01-31,#NULL,#NULL,1000,Manual Invoice Entry,90214,N,Y,300000046975971,#NULL,1",
        "#NULL,300000046987012,N,2026-01-31,#NULL,1000,Manual Invoice Entry,90213,N,Y,300000046975971,#NULL,1",
    ] {
        body["ParameterList"] = arguments.into();
        let id = submitted(&pod, &body).await;
        pod.clock().advance(LONG);
        assert_eq!(status(&pod, &id).await, "SUCCEEDED");
        assert_eq!(get(&pod, "invoices?q=InvoiceNumber='L-1'").await.json()["count"], 0);
        let purge = serde_json::json!({"OperationName": "extractAndPurge", "LoadRequestId": id});
        post(&pod, &purge).await;
        pod.clock().advance(LONG);
    }
    assert_eq!(get(&pod, "payablesInterfaceInvoices?q=InvoiceNumber='L-1'").await.json()["count"], 0);
}

#[tokio::test]
async fn f1_a_file_in_a_folder_or_of_another_name_fails_the_load() {
    let pod = pod();
    for name in ["apinvoicesinterface.csv", "load/ApInvoicesInterface.csv", "Extra.csv"] {
        let mut body = import("ap_1.zip");
        body["DocumentContent"] = STANDARD.encode(super::erpintegrations::archive(&[(name, "1,2\n")])).into();
        let id = submitted(&pod, &body).await;
        pod.clock().advance(LONG);
        assert_eq!(status(&pod, &id).await, "ERROR", "{name}");
        assert!(logs(&pod, &id, "ALL").await.is_some(), "{name}");
    }
}
