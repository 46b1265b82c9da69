//! What each command prints, and the status that it ends with.

use crate::bench::{Bench, harness};

#[test]
fn the_catalogue_is_a_table_for_people_and_the_manifest_for_programs() {
    let Some(bench) = Bench::new() else { return };
    let table = bench.run(&["describe"]);
    assert_eq!(table.code, 0);
    insta::assert_snapshot!("describe", table.out);
    let manifest = bench.run(&["describe", "--json"]).json();
    assert_eq!(manifest["name"], "tiny");
    let operation = &manifest["operations"][0];
    assert_eq!(operation["id"], "pends");
    assert_eq!(operation["kind"], "action");
    assert_eq!(operation["idempotency"], "none");
    assert!(operation["input_schema"].is_object() && manifest["connection_schema"]["properties"].is_object());
}

#[test]
fn a_form_is_there_without_and_with_a_connection() {
    let Some(bench) = Bench::new() else { return };
    let form = bench.run(&["schema", "fetches"]);
    assert!(form.json()["properties"]["url"].is_object());
    assert_eq!(bench.run(&["schema", "fetches", "--connection", "pod.json"]).json(), form.json());
    assert_eq!(bench.run(&["schema", "fetches", "--output"]).json()["type"], "object");
    let options = bench.run(&["options", "any", "--connection", "pod.json"]).json();
    assert_eq!(
        options,
        serde_json::json!({"options": [{"value": "only", "label": "The only one"}], "next_page": null})
    );
}

#[test]
fn a_good_connection_ends_with_0() {
    let Some(bench) = Bench::new() else { return };
    let report = bench.run(&["test", "--connection", "pod.json"]);
    assert_eq!(report.code, 0);
    insta::assert_snapshot!("test_good", report.out);
    let report = bench.run(&["--json", "test", "--connection", "pod.json"]).json();
    assert_eq!(report["checks"][0]["status"], "ok");
}

#[test]
fn a_report_is_no_table_of_records() {
    let Some(bench) = Bench::new() else { return };
    for flag in ["--table", "--csv"] {
        let refused = bench.run(&["test", "--connection", "pod.json", flag]);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(refused.err.contains(flag), "{}", refused.err);
    }
}

#[test]
fn what_is_wrong_with_a_connection_is_a_table_of_sentences() {
    let Some(bench) = Bench::new() else { return };
    bench.write("troubled.json", r#"{"host": "pod.example.com", "troubled": true}"#);
    let report = bench.run(&["test", "--connection", "troubled.json"]);
    assert_eq!((report.code, report.err.as_str()), (1, ""));
    assert!(report.out.lines().all(|line| line.chars().count() <= 100), "{}", report.out);
    insta::assert_snapshot!("test_troubled", report.out);
    let report = bench.run(&["--json", "test", "--connection", "troubled.json"]);
    assert_eq!((report.code, report.json()["checks"][2]["id"].as_str()), (1, Some("data")));
}

#[test]
fn a_pending_job_ends_with_5_and_is_resumed() {
    let Some(bench) = Bench::new() else { return };
    let ended = bench.action("pends", "{}", &["--no-wait", "--call-id", "job-1"]);
    assert_eq!(ended.code, 5);
    assert!(ended.err.contains("--call-id job-1"), "{}", ended.err);
    let pending = &ended.json()["pending"];
    assert_eq!(pending["retry_after_ms"], 5000);
    assert_eq!(pending["progress"], 33);
    bench.write("token.json", &pending["token"].to_string());
    let resume = |token: &str| {
        let with = ["resume", "pends", "--connection", "pod.json", "--input", "{}", "--call-id", "job-1"];
        bench.run(&[&with[..], &["--token", token, "--no-wait"]].concat())
    };
    let second = resume("@token.json");
    assert_eq!(second.code, 5);
    let last = resume(&second.json()["pending"]["token"].to_string());
    assert_eq!((last.code, last.json()), (0, serde_json::json!({"steps": 2})));
}

#[test]
fn a_guest_that_breaks_off_ends_with_70_and_the_next_call_is_well() {
    let Some(bench) = Bench::new() else { return };
    for (action, more, word) in [
        ("traps", &[][..], "trapped"),
        ("loops", &["--timeout", "200ms"], "--timeout"),
        ("allocates", &["--max-memory", "32MiB"], "--max-memory"),
    ] {
        let ended = bench.action(action, "{}", more);
        assert_eq!((ended.code, ended.out.as_str()), (70, ""), "{}", ended.err);
        assert!(ended.err.contains(word), "{}", ended.err);
        assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &[]).code, 0);
    }
    let ended = bench.action("panics", r#"{"secret": "do-not-print"}"#, &["--json"]);
    assert_eq!(ended.code, 70);
    assert_eq!(ended.problem()["kind"], "execution-failed");
    assert!(!ended.err.contains("do-not-print"), "{}", ended.err);
}

#[test]
fn permanent_and_transient_are_told_apart() {
    let Some(bench) = Bench::new() else { return };
    let permanent = bench.action("fails", r#"{"how": "permanent"}"#, &["--json"]);
    assert_eq!((permanent.code, &permanent.problem()["kind"]), (3, &"conflict".into()));
    let transient = bench.action("fails", r#"{"how": "transient"}"#, &["--json"]);
    assert_eq!((transient.code, &transient.problem()["retry_after_ms"]), (4, &1500.into()));
}

#[test]
fn where_the_connection_may_not_go_nothing_is_sent() {
    let Some(bench) = Bench::new() else { return };
    for (url, flag) in [
        ("https://evil.example/", "--allow-host evil.example."),
        ("https://evil.example:8443/", "--allow-host evil.example:8443."),
        ("http://127.0.0.1:1/", "--allow-http 127.0.0.1:1."),
        ("http://evil.example/", "https"),
    ] {
        let ended = bench.action("fetches", &format!(r#"{{"url": "{url}"}}"#), &[]);
        assert_eq!(ended.code, 2, "nothing was sent");
        assert!(ended.err.contains(flag), "{}", ended.err);
    }
    let ended = bench.action("fetches", r#"{"url": "http://127.0.0.1:1/"}"#, &["--allow-http", "127.0.0.1:1"]);
    assert_eq!(ended.code, 4, "allowed, and nobody listens");
    assert!(ended.err.contains("127.0.0.1:1 does not accept connections"), "{}", ended.err);
}

#[test]
fn input_comes_from_a_file_or_from_standard_input() {
    let Some(bench) = Bench::new() else { return };
    bench.write("input.json", r#"{"ms": 1}"#);
    assert_eq!(bench.action("waits", "@input.json", &[]).code, 0);
    let guest = std::env::var("TINY_GUEST_WASM")
        .unwrap_or_else(|_| format!("{}/../dist/tiny-guest.wasm", env!("CARGO_MANIFEST_DIR")));
    let arguments = ["--component", &guest, "run", "waits", "--connection", "pod.json", "--input", "-"];
    assert_eq!(harness(bench.folder.path(), &arguments, r#"{"ms": 1}"#).code, 0);
}

#[test]
fn a_mark_that_an_editor_puts_at_the_start_of_a_file_does_no_harm() {
    let Some(bench) = Bench::new() else { return };
    let settings = bench.read("pod.json");
    bench.write("pod.json", &format!("\u{feff}{settings}"));
    bench.write("input.json", "\u{feff}{\"ms\": 1}");
    let ended = bench.action("waits", "@input.json", &[]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn a_request_from_outside_is_handed_to_a_trigger() {
    let Some(bench) = Bench::new() else { return };
    bench.write(
        "request.yaml",
        "method: POST\npath: /hook\nquery: {a: 1}\nheaders: {X-Event: e}\nbody: {amount: 0.10}\n",
    );
    let with = ["receive", "receives", "--connection", "pod.json", "--input", "{}", "--request", "request.yaml"];
    let ended = bench.run(&with);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let receipt = ended.json();
    assert_eq!(receipt["status"], 202);
    assert_eq!(receipt["events"][0]["payload"]["path"], "/hook?a=1");
    assert_eq!(receipt["body"], r#"{"amount":0.10}"#);
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_done_is_never_told_to_be_run_again_though_nobody_could_be_told() {
    use std::process::{Command, Stdio};

    let Some(bench) = Bench::new() else { return };
    let ended = |action: &str, input: &str| {
        Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("--component")
            .arg(&bench.guest)
            .args(["run", action, "--connection", "pod.json", "--input", input, "--call-id", "order-4711"])
            .current_dir(bench.folder.path())
            .stdout(Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap()))
            .output()
            .unwrap()
    };
    let written = ended("pends", "{}");
    let told = String::from_utf8_lossy(&written.stderr);
    assert_eq!(written.status.code(), Some(3), "{told}");
    assert!(told.contains("was done") && told.contains("order-4711") && told.contains("Do not run it again"), "{told}");
    let read = ended("waits", r#"{"ms": 1}"#);
    assert_eq!(read.status.code(), Some(4), "{}", String::from_utf8_lossy(&read.stderr));
}
