//! What goes wrong between a load and its answer (FACTS 8, T1 to T11, F1 to F3): whatever it is, the pod has one
//! load, and the answer says what is on the pod.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::sample::{INVOICES, balanced, nested, payables, sample};
use super::{Caller, batches, counts, import, invoices, loads, warned};
use crate::stage::Stage;

fn good(group: &str) -> Value {
    payables(json!({"rows": nested(group, &INVOICES[..2])}))
}

/// Follows an import; answers what it said on the way, and the end.
fn told(stage: &Stage, input: &Value) -> (Vec<String>, Result<Value, crate::stage::Refused>) {
    let caller = Caller::new(stage, "test");
    let mut said = Vec::new();
    let mut step = caller.step("import_bulk_data", input, None);
    loop {
        match step {
            Ok(super::Step::Pending(pending)) => {
                said.push(pending.status.clone());
                step = caller.next("import_bulk_data", input, &pending);
            }
            Ok(super::Step::Done(value)) => return (said, Ok(value)),
            Err(refused) => return (said, Err(refused)),
        }
    }
}

fn one_load(stage: &Stage, group: &str) {
    let pod = stage.pod.as_ref().unwrap();
    assert_eq!(loads(pod).len(), 1);
    assert_eq!(invoices(pod, group).len(), 2);
}

#[test]
fn t1_a_submission_that_is_refused_without_a_reason_names_the_job() {
    for (input, job) in [(good("8001"), "APXIIMPT"), (balanced("8001"), "JournalImportLauncher")] {
        let stage = Stage::sim(json!([{"name": "T1", "times": 1}]));
        let refused = Caller::new(&stage, "test").import(&input).unwrap_err();
        assert!(!refused.again && refused.problem.message.contains(job), "{:?}", refused.problem);
        assert!(refused.problem.remedy.unwrap().contains("privilege"));
        assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
        // Once the cause is gone the same call goes through.
        let told = Caller::new(&stage, "test").attempt(1).import(&input).unwrap();
        assert_eq!(counts(&told).0, "complete", "{told}");
        assert_eq!(loads(stage.pod.as_ref().unwrap()).len(), 1);
    }
}

#[test]
fn t2_a_load_whose_answer_is_lost_is_found_and_not_sent_again() {
    for fault in [
        json!({"name": "T2", "times": 1}),
        json!({"name": "late_registration", "times": 1}),
        json!({"name": "late_registration", "times": 1, "seconds": 600}),
    ] {
        let stage = Stage::sim(json!([fault]));
        let (_, end) = told(&stage, &good("8002"));
        let end = end.unwrap();
        assert_eq!(counts(&end).0, "complete", "{fault} {end}");
        assert!(warned(&end).contains(&"answer_lost"), "{end}");
        one_load(&stage, "8002");

        let stage = Stage::sim(json!([fault]));
        let (_, end) = told(&stage, &balanced("8002"));
        assert_eq!(counts(&end.unwrap()).0, "complete", "{fault}");
        let pod = stage.pod.as_ref().unwrap();
        assert_eq!((loads(pod).len(), batches(pod, "Accrual 8002").len()), (1, 1));
    }
}

#[test]
fn t2_a_load_that_never_came_is_sent_again_after_a_quarter_of_an_hour_where_that_does_no_harm() {
    // It is taken in long after anybody looks for it.
    let fault = json!({"name": "late_registration", "times": 1, "seconds": 86_400});
    let stage = Stage::sim(json!([fault]));
    let pod = stage.pod.clone().unwrap();
    let sends = Arc::new(Mutex::new(Vec::new()));
    let stage = {
        let (sends, clock) = (sends.clone(), pod.clock());
        stage.through(move |request| {
            if request.method() == http::Method::POST && request.uri().path().ends_with("/erpintegrations") {
                sends.lock().unwrap().push(clock.now());
            }
        })
    };
    let (_, end) = told(&stage, &good("8003"));
    assert_eq!(counts(&end.unwrap()).0, "complete");
    let sends = sends.lock().unwrap().clone();
    assert_eq!(sends.len(), 2);
    assert!(sends[1].duration_since(sends[0]).as_secs() > 15 * 60);
    one_load(&stage, "8003");

    let stage = Stage::sim(json!([fault]));
    let (said, end) = told(&stage, &balanced("8003"));
    let end = end.unwrap_err();
    assert_eq!(end.problem.kind, host_harness::contract::types::ProblemKind::UnknownOutcome, "{:?}", end.problem);
    assert!(end.problem.remedy.unwrap().contains("8003") && said.len() > 5);
    let pod = stage.pod.as_ref().unwrap();
    assert!(loads(pod).is_empty());
    // It comes in the end, once.
    pod.clock().advance(Duration::from_secs(2 * 86_400));
    assert_eq!(loads(pod).len(), 1);
    pod.clock().advance(Duration::from_secs(3_600));
    assert_eq!((loads(pod).len(), batches(pod, "Accrual 8003").len()), (1, 1));
}

#[test]
fn t4_rows_that_no_import_selected_are_no_success() {
    let stage = Stage::sim(json!([]));
    let mut input = balanced("8004");
    input["parameters"] = json!({"parameter_list": "300000046975980,Spreadsheet,300000046975971,#NULL,N,N,N"});
    let (_, end) = told(&stage, &input);
    let end = end.unwrap();
    assert_eq!(counts(&end).0, "nothing_imported", "{end}");
    assert!(batches(stage.pod.as_ref().unwrap(), "Accrual 8004").is_empty());

    // Another group than that of the rows is seen beforehand.
    let list = "300000046975980,Spreadsheet,300000046975971,9999,N,N,N";
    input["parameters"] = json!({"parameter_list": list});
    assert!(format!("{:?}", told(&stage, &input).1.unwrap_err().problem).contains("9999"));

    let stage = Stage::sim(json!([]));
    let mut input = good("8004");
    let list = "#NULL,300000046987012,N,#NULL,#NULL,#NULL,1000,Manual Invoice Entry,#NULL,N,Y,300000046975971,#NULL,1";
    input["parameters"] = json!({"parameter_list": list});
    let (_, end) = told(&stage, &input);
    let end = end.unwrap();
    assert_eq!((counts(&end).0, end["counts"]["imported"].as_u64()), ("nothing_imported", Some(0)), "{end}");
    assert!(invoices(stage.pod.as_ref().unwrap(), "8004").is_empty());
}

#[test]
fn t5_a_parent_that_is_paused_for_hours_is_waited_for() {
    for (state, more) in [("PAUSED", json!({})), ("BLOCKED", json!({"state": "BLOCKED"}))] {
        let mut fault = json!({"name": "T5", "seconds": 7_200});
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let stage = Stage::sim(json!([fault]));
        let (said, end) = told(&stage, &good("8005"));
        assert_eq!(counts(&end.unwrap()).0, "complete");
        assert!(said.iter().any(|one| one.contains(state)), "{said:?}");
        // Seconds at first, minutes later.
        assert!((10..100).contains(&said.len()), "{}", said.len());
        one_load(&stage, "8005");
    }
}

#[test]
fn t6_a_load_that_is_never_picked_up_is_explained() {
    let stage = Stage::sim(json!([{"name": "T6", "seconds": 1_500}]));
    let (said, end) = told(&stage, &good("8006"));
    let end = end.unwrap();
    assert_eq!(counts(&end), ("failed", [Some(2), None, Some(0), None]), "{end}");
    assert!(end["warnings"].to_string().contains("EXPIRED"), "{end}");
    // Twenty minutes of waiting are said to be odd.
    assert!(said.iter().any(|one| one.contains("WAIT") && one.contains("param")), "{said:?}");
    let stage = Stage::sim(json!([{"name": "T6", "seconds": 100_000}]));
    let mut input = good("8006");
    input["timeout_minutes"] = 30.into();
    let (_, end) = told(&stage, &input);
    let end = end.unwrap_err();
    assert_eq!(end.problem.kind, host_harness::contract::types::ProblemKind::TimedOut);
    assert!(end.problem.message.contains("WAIT"), "{:?}", end.problem);
}

#[test]
fn t7_and_t8_blank_states_and_faults_while_looking_pass() {
    for faults in [json!([{"name": "T7"}]), json!([{"name": "T7", "times": 3}]), json!([{"name": "T8", "times": 9}])] {
        let stage = Stage::sim(faults.clone());
        let (_, end) = told(&stage, &good("8007"));
        assert_eq!(counts(&end.unwrap()).0, "complete", "{faults}");
        one_load(&stage, "8007");
    }
}

#[test]
fn t8_lasting_faults_end_the_wait_and_the_token_goes_on_later() {
    let stage = Stage::sim(json!([{"name": "T8", "times": 200}]));
    let caller = Caller::new(&stage, "test");
    let input = good("8008");
    let mut last = caller.step("import_bulk_data", &input, None).unwrap().pending();
    let refused = loop {
        match caller.next("import_bulk_data", &input, &last) {
            Ok(step) => last = step.pending(),
            Err(refused) => break refused,
        }
    };
    assert!(refused.problem.http_status == Some(500), "{:?}", refused.problem);
    stage.faults(json!([]));
    let step = caller.next("import_bulk_data", &input, &last).unwrap();
    assert_eq!(counts(&caller.finish("import_bulk_data", &input, step).unwrap()).0, "complete");
    one_load(&stage, "8008");
}

#[test]
fn t9_a_warning_with_its_reports_in_a_zip_within_the_zip_is_read() {
    for nested in [true, false] {
        let stage = Stage::sim(json!([{"name": "T9", "nested": nested}]));
        let end = import(&stage, &sample("8009"));
        assert_eq!(counts(&end), ("partial", [Some(3), Some(3), Some(2), Some(1)]), "{end}");
        let stage = Stage::sim(json!([{"name": "T9", "nested": nested}]));
        let supplier = json!({"object": "suppliers", "rows": [{"VENDOR_NAME": "Lee Supplies", "BUSINESS_RELATIONSHIP": "SPEND_AUTHORIZED"}]});
        let end = import(&stage, &supplier);
        assert_eq!((counts(&end).0, end["rejections"][0]["row"].as_u64()), ("nothing_imported", Some(1)), "{end}");
    }
}

#[test]
fn t10_needs_no_load_and_t11_no_callback() {
    for options in [json!({}), json!({"comes": 2}), json!({"document": false})] {
        let mut fault = json!({"name": "T11"});
        fault.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let stage = Stage::sim(json!([fault]));
        let mut input = sample("8011");
        input["callback_url"] = "https://receiver.example.com/".into();
        let end = import(&stage, &input);
        assert_eq!(counts(&end).0, "partial", "{end}");
        one_load(&stage, "8011");
    }
}

#[test]
fn f1_names_folders_and_strangers_in_a_zip_are_put_right_or_refused_and_never_sent() {
    let stage = Stage::sim(json!([]));
    let input = payables(json!({"files": [{"name": "apinvoicesinterface.csv", "text": "INVOICE_ID\n1\n"},
        {"name": "notes.txt", "text": "x"}]}));
    let refused = Caller::new(&stage, "test").import(&input).unwrap_err();
    assert!(!refused.again);
    assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
}

#[test]
fn f2_and_f3_the_account_is_spelt_as_rest_wants_it_and_every_slot_is_kept() {
    let stage = Stage::sim(json!([]));
    let told = import(&stage, &good("8012"));
    assert!(told["document_id"].is_string(), "{told}");
    let path = format!("/ess/rest/scheduler/v1/requests/{}", told["jobs"].as_array().unwrap().iter()
        .find(|job| job["name"] == "Import Payables Invoices").unwrap()["request_id"].as_str().unwrap());
    let request = super::get(stage.pod.as_ref().unwrap(), &path);
    let slots = request["requestParameters"].as_array().unwrap().iter();
    let slots = slots.filter(|one| one["name"].as_str().unwrap().starts_with("submit.argument")).count();
    assert!(slots >= 8, "{request}");
}

#[test]
fn an_answer_that_is_cut_off_at_any_request_changes_nothing_on_the_pod() {
    // The edge answers 502 for one request after another while the pod goes on.
    let requests = {
        let stage = Stage::sim(json!([]));
        let counted = Arc::new(AtomicUsize::new(0));
        let seen = counted.clone();
        let stage = stage.through(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
        });
        import(&stage, &good("8013"));
        counted.load(Ordering::SeqCst)
    };
    for after in 0..requests {
        let stage = Stage::sim(json!([{"name": "E7", "after": after, "times": 1}]));
        let caller = Caller::new(&stage, "test");
        let input = good("8013");
        let end = (0..4).find_map(|attempt| match caller.import(&input) {
            Ok(end) => Some(end),
            Err(refused) => {
                assert!(refused.again, "{after} {attempt} {:?}", refused.problem);
                None
            }
        });
        assert_eq!(counts(&end.unwrap()).0, "complete", "{after}");
        one_load(&stage, "8013");
    }
}
