//! Polls: every event once, whatever happens between two of them.

use std::process::{Command, Stdio};

use crate::bench::{Bench, Ended};

fn poll(bench: &Bench, more: &[&str]) -> Ended {
    bench.run(&[&["poll", "polls", "--connection", "pod.json", "--input", "{}"][..], more].concat())
}

fn keys(ended: &Ended) -> Vec<String> {
    ended.lines().iter().map(|event| event["dedup_key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_poll_goes_on_where_the_last_one_ended() {
    let Some(bench) = Bench::new() else { return };
    let first = poll(&bench, &["--state", "state.db"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(keys(&first), ["event-1", "event-2", "event-3", "event-4", "event-5", "event-6"]);
    assert_eq!(first.lines()[0]["payload"]["number"], 1);
    assert_eq!(keys(&poll(&bench, &["--state", "state.db"])), ["event-7", "event-8"]);
}

#[test]
fn without_state_it_begins_anew() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(keys(&poll(&bench, &[])), keys(&poll(&bench, &[])));
}

#[test]
fn another_input_is_another_stream() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &["--state", "state.db"]);
    let with = ["poll", "polls", "--connection", "pod.json", "--input", "{\"question\": 1}", "--state", "state.db"];
    let anew = bench.run(&with);
    assert_eq!(keys(&anew).len(), 6);
    assert!(!anew.err.contains("another question"), "it never had a cursor: {}", anew.err);
    assert_eq!(keys(&poll(&bench, &["--state", "state.db"])), ["event-7", "event-8"], "and the first goes on");
}

#[test]
fn an_edit_that_asks_the_same_goes_on_and_so_does_the_way_back() {
    let Some(bench) = Bench::new() else { return };
    let ask = |input: &str| {
        bench.run(&["poll", "polls", "--connection", "pod.json", "--input", input, "--state", "state.db"])
    };
    assert_eq!(keys(&ask("{}")).len(), 6);
    let settings = bench.read("pod.json");
    let edited =
        settings.replace("pod.example.com", "https://POD.example.com/").replace('}', ", \"language\": \"de\"}");
    bench.write("pod.json", &edited);
    assert_eq!(
        keys(&ask("{\"allow_drop\": true, \"overlap\": 2}")),
        ["event-7", "event-8"],
        "acknowledged keys go along"
    );
    assert_eq!(keys(&ask("{}")), ["event-9", "event-10"]);
    let status = bench.run(&["status", "--state", "state.db", "--format", "json"]).json();
    assert_eq!(status["subscriptions"].as_array().unwrap().len(), 1);
    assert_eq!(status["subscriptions"][0]["events"], 10);
    let calls = bench.run(&["events", "--state", "state.db", "--kind", "call"]);
    assert_eq!(calls.out.matches("goes on from the cursor").count(), 2, "{}", calls.out);
}

#[test]
fn events_that_nobody_takes_come_again() {
    let Some(bench) = Bench::new() else { return };
    let guest = std::env::var("TINY_GUEST_WASM")
        .unwrap_or_else(|_| format!("{}/../dist/tiny-guest.wasm", env!("CARGO_MANIFEST_DIR")));
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args([
            "--component",
            &guest,
            "poll",
            "polls",
            "--connection",
            "pod.json",
            "--input",
            "{}",
            "--state",
            "state.db",
        ])
        .current_dir(bench.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_ne!(child.wait().unwrap().code(), Some(0));
    assert_eq!(keys(&poll(&bench, &["--state", "state.db"]))[0], "event-1");
}

#[test]
fn a_second_poll_on_the_same_state_is_refused() {
    let Some(bench) = Bench::new() else { return };
    let lock = std::fs::File::create(bench.path("state.db.lock")).unwrap();
    lock.lock().unwrap();
    let refused = poll(&bench, &["--state", "state.db"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("in use by another process"), "{}", refused.err);
    drop(lock);
    assert_eq!(poll(&bench, &["--state", "state.db"]).code, 0);
}
