//! Documents, jobs, exports and what comes after an import; a load's end told by polling and by callback.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host_harness::contract::triggers::{PollResult, Receipt};
use host_harness::contract::types::Call;
use serde_json::{Value, json};

use super::sample::{INVOICES, balanced, nested, payables, sample};
use super::{Caller, Step, counts, import, loads, on_pod, warned};
use crate::stage::{Refused, Stage, refused, wait};

const INVOICE_JOBS: &str = "/oracle/apps/ess/financials/payables/invoices/transactions";
const LEDGER_JOBS: &str = "/oracle/apps/ess/financials/generalLedger/programs/common";

fn run(stage: &Stage, action: &str, input: Value) -> Value {
    Caller::new(stage, action).run(action, &input).unwrap_or_else(|refused| panic!("{action}: {refused:?}"))
}

#[test]
fn a_document_is_uploaded_found_commented_on_and_downloaded() {
    let stage = Stage::sim(json!([]));
    let sent = json!({"file": {"name": "notes_1.csv", "text": "A,B\r\n1,\"ü\"\r\n"}, "account": "fin/payables/import"});
    let told = run(&stage, "upload_to_ucm", sent);
    assert_eq!((&told["outcome"], &told["account"]), (&"uploaded".into(), &"fin$/payables$/import$".into()));
    let id = told["document_id"].as_str().unwrap();
    let found = run(&stage, "find_documents", json!({"prefix": "notes_1", "account": "fin$/payables$/import$"}));
    assert_eq!(found["result"], json!([{"document_id": id}]));
    run(
        &stage,
        "append_file_comment",
        json!({"name": "notes_1.csv", "account": "fin/payables/import", "comment": "processedby=7"}),
    );
    let by = |comment: &str| {
        run(
            &stage,
            "find_documents",
            json!({"prefix": "notes_1", "account": "fin/payables/import", "comment": comment}),
        )
    };
    assert_eq!(by("processedby=7")["result"].as_array().unwrap().len(), 1);
    assert_eq!(by("processedby=8")["result"].as_array().unwrap().len(), 0);
    let file = run(&stage, "download_document", json!({"document_id": id}));
    assert!(file.to_string().contains("1,\\\"ü\\\""), "{file}");
    let nobody = json!({"name": "nothing", "account": "fin/payables/import", "comment": "x"});
    assert!(Caller::new(&stage, "x").run("append_file_comment", &nobody).is_err());
    let refused = Caller::new(&stage, "x").run("download_document", &json!({"document_id": "1"})).unwrap_err();
    assert!(refused.problem.remedy.unwrap().contains("find_documents"));
    let strange = json!({"file": {"name": "x.csv", "text": "1"}, "account": "fin/nowhere/import"});
    let refused = Caller::new(&stage, "y").run("upload_to_ucm", &strange).unwrap_err();
    assert!(refused.problem.message.contains("fin$/nowhere$/import$"), "{:?}", refused.problem);
}

#[test]
fn a_load_can_be_taken_in_its_single_steps() {
    let stage = Stage::sim(json!([]));
    let mut input = payables(json!({"rows": nested("4001", &INVOICES[..2])}));
    input["check_only"] = true.into();
    let built = import(&stage, &input);
    let zip = json!({"name": built["zip"]["name"], "base64": built["zip"]["base64"]});
    let uploaded = run(&stage, "upload_to_ucm", json!({"file": zip, "account": "fin/payables/import"}));
    let load = json!({"package": "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader",
        "definition": "InterfaceLoaderController", "parameters": ["1", uploaded["document_id"], "N", "N"]});
    let told = run(&stage, "submit_ess_job", load);
    assert_eq!(told["outcome"], "succeeded", "{told}");
    let list = [
        "#NULL",
        "300000046987012",
        "N",
        "2026-07-03",
        "#NULL",
        "#NULL",
        "1000",
        "Manual Invoice Entry",
        "4001",
        "N",
        "Y",
        "300000046975971",
        "#NULL",
        "1",
    ];
    let told = Caller::new(&stage, "import")
        .run("submit_ess_job", &json!({"package": INVOICE_JOBS, "definition": "APXIIMPT", "parameters": list}))
        .unwrap();
    assert_eq!(told["outcome"], "succeeded", "{told}");
    assert_eq!(super::invoices(stage.pod.as_ref().unwrap(), "4001").len(), 2);
    let id = told["request_id"].clone();
    let state = run(&stage, "get_ess_job", json!({"request_id": id}));
    assert_eq!((&state["state"], &state["ended"]), (&"SUCCEEDED".into(), &true.into()));
    let output = run(&stage, "download_ess_job_output", json!({"request_id": id}));
    assert!(!output["files"].as_array().unwrap().is_empty(), "{output}");
}

/// How often a job was submitted here.
fn submitted(stage: &Stage, definition: &str) -> usize {
    let jobs =
        super::get(stage.pod.as_ref().unwrap(), "/ess/rest/scheduler/v1/requests?orderBy=requestId:desc&fields=@full");
    let mut items = jobs["items"].as_array().unwrap().iter();
    items.by_ref().filter(|item| item["jobDefinitionId"].as_str().unwrap().ends_with(definition)).count()
}

#[test]
fn a_job_whose_answer_is_lost_runs_once() {
    let job = json!({"package": INVOICE_JOBS, "definition": "APXAPRVL", "parameters": []});
    let stage = Stage::sim(json!([{"name": "T2", "times": 1}]));
    let told = Caller::new(&stage, "job").run("submit_ess_job", &job).unwrap();
    assert_eq!((told["outcome"].as_str(), submitted(&stage, "/APXAPRVL")), (Some("succeeded"), 1));
    // It is taken in only when nobody looks any more: that is not known, and said.
    let stage = Stage::sim(json!([{"name": "late_registration", "times": 1, "seconds": 300}]));
    let refused = Caller::new(&stage, "job").run("submit_ess_job", &job).unwrap_err();
    assert_eq!(refused.problem.kind, host_harness::contract::types::ProblemKind::UnknownOutcome);
    stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(600));
    assert_eq!(submitted(&stage, "/APXAPRVL"), 1);
}

#[test]
fn an_export_is_waited_for_found_and_opened() {
    let stage = Stage::sim(json!([]));
    let outbound = "/oracle/apps/ess/financials/commonModules/shared/common/outbound";
    let told = run(
        &stage,
        "export_bulk_data",
        json!({"job": format!("{outbound},FinOutboundProcess"),
        "parameters": ["1", format!("{outbound};PayablesTransactionsExtract"), "BIPREPORT", "FULL_EXTRACT", "#NULL", "300000046987012"]}),
    );
    assert_eq!(told["outcome"], "succeeded", "{told}");
    assert!(told["files"].to_string().contains("PayablesTransactionsExtract"), "{told}");
    assert!(told["document_id"].is_string(), "{told}");
}

#[test]
fn what_a_load_left_is_extracted_and_purged() {
    let stage = Stage::sim(json!([]));
    let told = import(&stage, &sample("4101"));
    let waiting = || {
        stage.pod.as_ref().unwrap().with_store(|store| fusion_sim::fbdi::waiting(store, "AP_INVOICES_INTERFACE").len())
    };
    assert_eq!(waiting(), 1);
    let purged = run(&stage, "extract_and_purge", json!({"request_id": told["request_id"]}));
    assert_eq!(purged["outcome"], "succeeded", "{purged}");
    assert_eq!(waiting(), 0);
}

#[test]
fn every_interface_option_is_listed_and_found_by_words() {
    let stage = Stage::sim(json!([]));
    let all = run(&stage, "list_interface_options", json!({}));
    assert_eq!(all["result"].as_array().unwrap().len(), 179);
    let some = run(&stage, "list_interface_options", json!({"search": "journal"}));
    assert!(some["result"].as_array().unwrap().iter().any(|one| one["id"] == 15), "{some}");
}

#[test]
fn invoices_are_validated_and_journals_posted_by_what_comes_after_the_import() {
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.as_ref().unwrap();
    let mut input = payables(json!({"rows": nested("4201", &INVOICES[..2])}));
    input["then"] =
        json!([{"package": INVOICE_JOBS, "definition": "APXAPRVL", "parameters": ["{group_id}", "{request_id}"]}]);
    let told = import(&stage, &input);
    assert_eq!(counts(&told).0, "complete", "{told}");
    assert_eq!(on_pod(pod, "invoices", "InvoiceNumber", "4201", "ValidationStatus"), ["Validated", "Validated"]);
    let last = told["jobs"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["name"], &last["state"]), (&"APXAPRVL".into(), &"SUCCEEDED".into()));

    let mut input = balanced("4202");
    input["then"] = json!([{"package": LEDGER_JOBS.trim_start_matches('/'), "definition": "AutomaticPosting", "parameters": ["300000046975980"]}]);
    let told = Caller::new(&stage, "journals").import(&input).unwrap();
    assert_eq!(counts(&told).0, "complete", "{told}");
    assert_eq!(on_pod(pod, "journalBatches", "BatchName", "Accrual 4202", "StatusMeaning"), ["Posted"]);

    let mut input = payables(json!({"rows": nested("4203", &INVOICES[..1])}));
    input["then"] = json!([{"package": INVOICE_JOBS, "definition": "NOSUCHJOB"}]);
    let told = Caller::new(&stage, "none").import(&input).unwrap();
    assert_eq!(counts(&told), ("partial", [Some(1), Some(1), Some(1), Some(0)]), "{told}");
    assert!(
        warned(&told).contains(&"then_not_succeeded") && told["warnings"].to_string().contains("NOSUCHJOB"),
        "{told}"
    );

    // A word that nothing fills in is found before anything is sent.
    let mut input = payables(json!({"rows": nested("4204", &INVOICES[..1])}));
    input["then"] = json!([{"package": INVOICE_JOBS, "definition": "APXAPRVL", "parameters": ["x", "{groupid}"]}]);
    let before = loads(pod).len();
    let refused = Caller::new(&stage, "misspelt").import(&input).unwrap_err();
    assert_eq!(refused.problem.fields[0].pointer, "/then/0/parameters", "{:?}", refused.problem);
    assert_eq!(loads(pod).len(), before);
}

fn receive(stage: &Stage, trigger: &str, input: &Value, body: &str) -> Result<Receipt, Refused> {
    stage.receive(trigger, input, body)
}

fn poll(stage: &Stage, trigger: &str, input: &Value, cursor: Option<&str>) -> PollResult {
    let call = Call { id: "poll".into(), attempt: 0, remaining_ms: None };
    let run = stage.host_run();
    wait(stage.connector.poll(&run, &stage.connection(), &call, trigger, &input.to_string(), cursor))
        .map_err(refused)
        .unwrap()
}

fn payload(receipt: &Receipt) -> Value {
    serde_json::from_str(&receipt.events[0].payload).unwrap()
}

#[test]
fn the_end_of_a_load_is_told_once_by_polling() {
    let stage = Stage::sim(json!([]));
    let mut input = sample("4301");
    input["wait"] = false.into();
    let id = import(&stage, &input)["request_id"].clone();
    let watch = json!({"request_ids": [id]});
    for trigger in ["import_completed", "ess_job_finished"] {
        let early = poll(&stage, trigger, &watch, None);
        if trigger == "import_completed" {
            assert!(early.events.is_empty() && early.next_poll_after_ms.is_some());
        }
        stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(3_600));
        let told = poll(&stage, trigger, &watch, Some(&early.cursor));
        let all = early.events.len() + told.events.len();
        assert_eq!(all, 1, "{trigger}");
        let again = poll(&stage, trigger, &watch, Some(&told.cursor));
        assert!(again.events.is_empty() && again.next_poll_after_ms.is_none(), "{trigger}");
    }
}

#[test]
fn a_callback_is_believed_only_as_far_as_the_pod_confirms_it() {
    let stage = Stage::sim(json!([{"name": "T11", "comes": 2}]));
    let mut input = sample("4401");
    (input["wait"], input["callback_url"]) = (false.into(), "https://receiver.example.com/".into());
    let id = import(&stage, &input)["request_id"].as_str().unwrap().to_owned();
    let forged = |id: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><onJobCompletion><requestId>{id}</requestId><state>SUCCEEDED</state></onJobCompletion></s:Body></s:Envelope>"
        )
    };
    // Early: whoever sent it is asked to come again.
    let early = receive(&stage, "import_completed", &json!({}), &forged(&id)).unwrap();
    assert!(early.events.is_empty() && early.status == 503);
    stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(3_600));
    let callbacks = stage.pod.as_ref().unwrap().callbacks();
    assert_eq!(callbacks.len(), 2);
    // Twice: the same event under the same key.
    let keys: Vec<String> = callbacks
        .iter()
        .map(|callback| {
            let told = receive(&stage, "import_completed", &json!({}), &callback.body).unwrap();
            assert_eq!(told.status, 200);
            assert_eq!(
                (&payload(&told)["request_id"], &payload(&told)["state"]),
                (&id.as_str().into(), &"WARNING".into())
            );
            told.events[0].dedup_key.clone()
        })
        .collect();
    assert_eq!(keys[0], keys[1]);
    // Polling gives the very same key, so that a host that does both starts once.
    assert_eq!(poll(&stage, "import_completed", &json!({"request_ids": [id]}), None).events[0].dedup_key, keys[0]);
    // Forged: a request that nobody knows, and one that is not waited for. What the body says of the state counts nothing.
    let nobody = receive(&stage, "import_completed", &json!({}), &forged("12345")).unwrap();
    assert!(nobody.events.is_empty() && nobody.status == 404);
    let other = receive(&stage, "import_completed", &json!({"request_ids": ["7"]}), &forged(&id)).unwrap();
    assert!(other.events.is_empty());
    let lied = receive(&stage, "import_completed", &json!({}), &forged(&id)).unwrap();
    assert_eq!(payload(&lied)["state"], "WARNING");
    for body in ["", "hello", "{}", "<a", "{\"JOBS\": [{\"REQUESTID\": \"../x\"}]}"] {
        assert_eq!(receive(&stage, "import_completed", &json!({}), body).unwrap().status, 400, "{body}");
    }
    let job = receive(&stage, "ess_job_finished", &json!({}), &format!("{{\"requestId\": {id}}}")).unwrap();
    assert_eq!(job.events.len(), 1);
}

#[test]
fn a_log_that_holds_other_bytes_than_text_is_answered_as_they_are() {
    let stage = Stage::sim(json!([]));
    let bytes: Vec<u8> = (0..=255).collect();
    let file =
        json!({"file": {"name": "all.bin", "base64": STANDARD.encode(&bytes)}, "account": "fin/payables/import"});
    let told = run(&stage, "upload_to_ucm", file);
    let file = run(&stage, "download_document", json!({"document_id": told["document_id"]}));
    assert!(file.to_string().contains(&STANDARD.encode(&bytes)), "{file}");
}

#[test]
fn a_job_that_pends_is_looked_at_less_and_less_often() {
    let stage = Stage::sim(json!([{"name": "T5", "seconds": 7_200}]));
    let caller = Caller::new(&stage, "slow");
    let job = json!({"package": INVOICE_JOBS, "definition": "APXAPRVL"});
    let mut waits = Vec::new();
    let mut step = caller.step("submit_ess_job", &job, None).unwrap();
    while let Step::Pending(pending) = step {
        waits.push(pending.retry_after_ms);
        step = caller.next("submit_ess_job", &job, &pending).unwrap();
    }
    assert!(waits.iter().rev().take(3).all(|wait| *wait <= 180_000) && waits.len() < 120, "{waits:?}");
}
