//! A host that dies at any step, and one that starts again with the same call id, or with the token it kept.

use serde_json::{Value, json};

use super::sample::{INVOICES, balanced, nested, payables, sample};
use super::{Caller, FIRST, Step, batches, counts, erp, get, invoices, loads, upload, warned};
use crate::stage::Stage;

const ID: &str = "import_bulk_data";

/// An import up to its end, each token kept.
fn tokens(stage: &Stage, input: &Value) -> (Vec<String>, Value) {
    let caller = Caller::new(stage, "killed");
    let mut tokens = Vec::new();
    let mut step = caller.step(ID, input, None).unwrap();
    loop {
        match step {
            Step::Done(value) => return (tokens, value),
            Step::Pending(pending) => {
                tokens.push(pending.token.clone());
                step = caller.next(ID, input, &pending).unwrap();
            }
        }
    }
}

/// Both without what differs from time to time.
fn same(left: &Value, right: &Value) {
    let plain = |value: &Value| {
        let mut value = value.clone();
        let warnings: Vec<Value> = value["warnings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["code"] != "answer_lost")
            .cloned()
            .collect();
        value["warnings"] = warnings.into();
        value
    };
    assert_eq!(plain(left), plain(right));
}

#[test]
fn a_call_that_is_made_again_at_any_moment_finds_its_load_and_reports_the_same() {
    let apart = |mut input: Value| {
        input["route"] = "upload_and_submit".into();
        input
    };
    for input in [sample("6001"), balanced("6001"), apart(sample("6001")), apart(balanced("6001"))] {
        let whole = {
            let stage = Stage::sim(json!([]));
            tokens(&stage, &input)
        };
        for died_after in 0..=whole.0.len() {
            let stage = Stage::sim(json!([]));
            let caller = Caller::new(&stage, "killed");
            let mut step = caller.step(ID, &input, None).unwrap();
            for _ in 0..died_after {
                step = match step {
                    Step::Pending(pending) => caller.next(ID, &input, &pending).unwrap(),
                    done => done,
                };
            }
            drop(step);
            // Nothing was kept: the same call from its beginning.
            let report = caller.import(&input).unwrap();
            let pod = stage.pod.as_ref().unwrap();
            assert_eq!(loads(pod).len(), 1, "{died_after}");
            assert_eq!(report["rejections"], whole.1["rejections"], "{died_after}");
            assert_eq!(counts(&report), counts(&whole.1), "{died_after}");
        }
    }
}

#[test]
fn a_token_that_was_kept_goes_on_and_may_be_used_twice() {
    let input = sample("6002");
    let stage = Stage::sim(json!([]));
    let (tokens, whole) = tokens(&stage, &input);
    let caller = Caller::new(&stage, "killed");
    for token in &tokens {
        let step = caller.step(ID, &input, Some(token)).unwrap();
        same(&caller.finish(ID, &input, step).unwrap(), &whole);
    }
    assert_eq!(loads(stage.pod.as_ref().unwrap()).len(), 1);
}

#[test]
fn a_host_that_dies_before_anything_is_sent_sends_once() {
    for input in [sample("6003"), balanced("6003")] {
        // The look before the send fails, so that nothing goes out.
        let stage = Stage::sim(json!([{"name": "E7", "times": 3}]));
        let caller = Caller::new(&stage, "killed");
        assert!(caller.step(ID, &input, None).unwrap_err().again);
        assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
        stage.faults(json!([]));
        caller.import(&input).unwrap();
        assert_eq!(loads(stage.pod.as_ref().unwrap()).len(), 1);
    }
}

#[test]
fn a_load_that_is_registered_late_is_not_sent_twice_though_its_token_was_lost() {
    let input = balanced("6004");
    let stage = Stage::sim(json!([{"name": "late_registration", "times": 1, "seconds": 420}]));
    let caller = Caller::new(&stage, "killed");
    drop(caller.step(ID, &input, None).unwrap());
    for _ in 0..3 {
        // Each time the host dies after its first step.
        let pending = caller.step(ID, &input, None).unwrap().pending();
        assert!(pending.status.contains("looking"), "{}", pending.status);
    }
    let report = caller.import(&input).unwrap();
    assert_eq!(counts(&report).0, "complete", "{report}");
    let pod = stage.pod.as_ref().unwrap();
    assert_eq!((loads(pod).len(), batches(pod, "Accrual 6004").len()), (1, 1));
}

#[test]
fn journals_that_may_have_been_sent_and_never_show_end_as_unknown() {
    let input = balanced("6005");
    let stage = Stage::sim(json!([{"name": "late_registration", "times": 1, "seconds": 86_400}]));
    let caller = Caller::new(&stage, "killed");
    drop(caller.step(ID, &input, None).unwrap());
    let refused = caller.import(&input).unwrap_err();
    assert_eq!(
        refused.problem.kind,
        host_harness::contract::types::ProblemKind::UnknownOutcome,
        "{:?}",
        refused.problem
    );
    assert!(batches(stage.pod.as_ref().unwrap(), "Accrual 6005").is_empty());
}

#[test]
fn invoices_that_come_in_twice_all_the_same_are_refused_by_the_pod() {
    let input = payables(json!({"rows": nested("6006", &INVOICES[..2])}));
    let stage = Stage::sim(json!([{"name": "late_registration", "times": 1, "seconds": 86_400}]));
    let caller = Caller::new(&stage, "killed");
    drop(caller.step(ID, &input, None).unwrap());
    assert_eq!(counts(&caller.import(&input).unwrap()).0, "complete");
    let pod = stage.pod.as_ref().unwrap();
    pod.clock().advance(std::time::Duration::from_secs(2 * 86_400));
    assert_eq!((loads(pod).len(), invoices(pod, "6006").len()), (2, 2));
}

#[test]
fn a_host_that_dies_after_any_step_of_a_further_job_runs_it_once() {
    let mut input = payables(json!({"rows": nested("6007", &INVOICES[..2])}));
    let package = "/oracle/apps/ess/financials/payables/invoices/transactions";
    input["then"] = json!([{"package": package, "definition": "APXAPRVL", "parameters": ["{request_id}"]}]);
    let stage = Stage::sim(json!([]));
    let caller = Caller::new(&stage, "killed");
    let mut step = caller.step(ID, &input, None).unwrap();
    let report = loop {
        match step {
            Step::Done(value) => break value,
            Step::Pending(pending) => {
                // What the first answered was lost; the token before it was kept.
                drop(caller.next(ID, &input, &pending).unwrap());
                step = caller.step(ID, &input, Some(&pending.token)).unwrap();
            }
        }
    };
    assert_eq!(counts(&report).0, "complete", "{report}");
    let jobs =
        super::get(stage.pod.as_ref().unwrap(), "/ess/rest/scheduler/v1/requests?orderBy=requestId:desc&fields=@full");
    assert_eq!(jobs.to_string().matches("/APXAPRVL").count(), 1, "{jobs}");
}

#[test]
fn a_load_is_found_behind_hundreds_of_others_that_came_after_it() {
    for input in [balanced("6008"), payables(json!({"rows": nested("6008", &INVOICES[..2])}))] {
        let stage = Stage::sim(json!([]));
        let pod = stage.pod.as_ref().unwrap();
        let caller = Caller::new(&stage, "killed");
        drop(caller.step(ID, &input, None).unwrap());
        let own = loads(pod).remove(0);
        let (package, definition) = super::LOADER.trim_start_matches("JobDefinition:/").rsplit_once('/').unwrap();
        for number in 0..220 {
            let document = upload(pod, &format!("other_{number}.zip"), "fin$/payables$/import$");
            erp(
                pod,
                &json!({"OperationName": "submitESSJobRequest", "JobPackageName": package,
                "JobDefName": definition, "ESSParameters": format!("1,{document},N,N"), "ReqstId": null}),
            );
        }
        let report = caller.import(&input).unwrap();
        assert_eq!((counts(&report).0, report["request_id"].as_str()), ("complete", Some(own.as_str())), "{report}");
        assert!(!warned(&report).contains(&"sent_again"), "{report}");
    }
}

/// The document that a run leaves behind that died between its note and its load.
fn note(stage: &Stage, account: &str) {
    let name = format!("begun_{}.txt", oracle_fusion::fusion::fbdi::file_prefix("killed"));
    upload(stage.pod.as_ref().unwrap(), &name, account);
}

#[test]
fn where_a_rival_run_died_before_it_sent_the_other_takes_over_or_says_how_to_go_on() {
    // Invoices come in once however often they are sent.
    let mut input = payables(json!({"rows": nested("6009", &INVOICES[..2])}));
    input["route"] = "upload_and_submit".into();
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.as_ref().unwrap();
    note(&stage, "fin$/payables$/import$");
    let before = pod.clock().now();
    let report = Caller::new(&stage, "killed").import(&input).unwrap();
    let passed = pod.clock().now().duration_since(before).as_secs();
    assert_eq!(counts(&report).0, "complete", "{report}");
    assert!(warned(&report).contains(&"sent_again") && (900..2_000).contains(&passed), "{passed} {report}");
    assert_eq!((loads(pod).len(), invoices(pod, "6009").len()), (1, 2));

    // Journals would be there twice.
    let input = balanced("6009");
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.as_ref().unwrap();
    note(&stage, "fin$/generalLedger$/import$");
    let refused = Caller::new(&stage, "killed").import(&input).unwrap_err();
    assert_eq!(refused.problem.kind, host_harness::contract::types::ProblemKind::UnknownOutcome);
    let remedy = refused.problem.remedy.unwrap();
    assert!(remedy.contains("\"killed\"") && remedy.contains("group 6009"), "{remedy}");
    assert!(remedy.contains("new call id") && loads(pod).is_empty(), "{remedy}");
    let report = Caller::new(&stage, "another").import(&input).unwrap();
    assert_eq!((counts(&report).0, batches(pod, "Accrual 6009").len()), ("complete", 1), "{report}");
}

/// How many journal imports were submitted here.
fn imports(stage: &Stage) -> usize {
    let jobs = get(stage.pod.as_ref().unwrap(), "/ess/rest/scheduler/v1/requests?orderBy=requestId:desc");
    let mut jobs = jobs["items"].as_array().unwrap().iter();
    jobs.by_ref()
        .filter(|job| {
            job["requestId"].as_u64() >= Some(FIRST)
                && job["jobDefinitionId"].as_str().unwrap().ends_with("/JournalImportLauncher")
        })
        .count()
}

#[test]
fn an_import_that_is_registered_late_is_not_submitted_twice_though_its_host_died() {
    let mut input = balanced("6010");
    input["route"] = "upload_and_submit".into();
    for (seconds, imported) in [(420, 1), (86_400, 2)] {
        for with_token in [true, false] {
            // The load goes through; the import's answer is lost.
            let fault = json!({"name": "late_registration", "after": 1, "times": 1, "seconds": seconds});
            let stage = Stage::sim(json!([fault]));
            let caller = Caller::new(&stage, "killed");
            let mut last = caller.step(ID, &input, None).unwrap().pending();
            let token = loop {
                let next = caller.next(ID, &input, &last).unwrap().pending();
                if next.token.contains("\"lost\":1") {
                    break last;
                }
                last = next;
            };
            let step = caller.step(ID, &input, with_token.then_some(token.token.as_str())).unwrap();
            let report = caller.finish(ID, &input, step).unwrap();
            assert_eq!(counts(&report).0, "complete", "{seconds} {with_token} {report}");
            assert_eq!(warned(&report).contains(&"import_sent_again"), imported == 2, "{report}");
            let pod = stage.pod.as_ref().unwrap();
            pod.clock().advance(std::time::Duration::from_secs(2 * 86_400));
            assert_eq!((imports(&stage), batches(pod, "Accrual 6010").len()), (imported, 1), "{seconds} {with_token}");
        }
    }
}
