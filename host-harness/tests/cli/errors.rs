//! One paragraph for each thing that can be wrong before anything is sent: what, with what, what to do.

use crate::bench::{Bench, harness};

#[test]
fn each_fault_is_one_paragraph_with_its_remedy() {
    let Some(bench) = Bench::new() else { return };
    bench.write("broken.json", "{\"host\": \"a\", \"password\": \"not-to-be-seen\"");
    bench.write("text.wasm", "hello");
    bench.write("script.json", "[]");
    bench.write("odd.yaml", "- response: {staus: 200}\n");
    bench.write("notes.db", "these are my notes, and no database");
    let told = |arguments: &[&str]| {
        let ended = bench.run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains("not-to-be-seen"), "{}", ended.err);
        ended.err
    };
    let run = |more: &[&str]| {
        let mut arguments = vec!["run"];
        arguments.extend(more);
        told(&arguments)
    };
    let of = |action: &str, connection: &str, input: &str| run(&[action, "--connection", connection, "--input", input]);
    insta::assert_snapshot!("unknown_action", of("fetchs", "pod.json", "{}"));
    insta::assert_snapshot!("nothing_near", of("zzz", "pod.json", "{}"));
    insta::assert_snapshot!("a_trigger_is_not_run", of("polls", "pod.json", "{}"));
    insta::assert_snapshot!("no_connection_file", of("fetches", "none.json", "{}"));
    insta::assert_snapshot!("broken_connection_file", of("fetches", "broken.json", "{}"));
    insta::assert_snapshot!("broken_input", of("fetches", "pod.json", "{\"url\": "));
    insta::assert_snapshot!("no_input_file", of("fetches", "pod.json", "@none.json"));
    let mocked = |flag: &str, file: &str| run(&["fetches", "--connection", "pod.json", "--input", "{}", flag, file]);
    insta::assert_snapshot!("no_script", mocked("--script", "none.yaml"));
    insta::assert_snapshot!("odd_script", mocked("--script", "odd.yaml"));
    insta::assert_snapshot!("a_script_is_no_recording", mocked("--replay", "script.json"));
    insta::assert_snapshot!("plain_http_elsewhere", mocked("--allow-http", "example.com:80"));
    insta::assert_snapshot!("no_folder", mocked("--files", "none"));
    insta::assert_snapshot!(
        "no_state",
        told(&["poll", "polls", "--connection", "pod.json", "--input", "{}", "--state", "notes.db"])
    );
    insta::assert_snapshot!(
        "resume_without_its_call_id",
        told(&["resume", "pends", "--connection", "pod.json", "--input", "{}", "--token", "{}"])
    );
    insta::assert_snapshot!("no_component", told(&["describe", "--component", "none.wasm"]).replace("\n", ""));
    insta::assert_snapshot!("not_a_component", told(&["describe", "--component", "text.wasm"]));
}

#[test]
fn without_a_component_anywhere_the_remedy_is_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let ended = harness(folder.path(), &["describe"], "");
    // A workspace above the built program may have one.
    if ended.code != 0 {
        assert_eq!(ended.code, 2);
        assert!(ended.err.contains("cargo xtask build") && ended.err.contains("--component FILE"), "{}", ended.err);
    }
}

#[test]
fn for_programs_a_problem_is_a_record() {
    let Some(bench) = Bench::new() else { return };
    let ended = bench.action("fetchs", "{}", &["--json"]);
    assert_eq!(ended.code, 2);
    let problem = ended.problem();
    assert_eq!(problem["kind"], "not-found");
    assert!(problem["remedy"].as_str().unwrap().contains("fetches"));
    assert_eq!(problem["fields"], serde_json::json!([]));
}
