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
    assert!(anew.err.contains("A further subscription of polls begins"), "{}", anew.err);
    assert!(anew.err.contains("1 others of it on pod.json"), "{}", anew.err);
    let again = bench.run(&with);
    assert!(!again.err.contains("further subscription"), "it is said once: {}", again.err);
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
fn another_user_of_the_same_host_goes_on() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &["--state", "state.db"]);
    let settings = bench.read("pod.json");
    bench.write("pod.json", &settings.replace('}', ", \"username\": \"another\"}"));
    let other = poll(&bench, &["--state", "state.db"]);
    assert_eq!(keys(&other), ["event-7", "event-8"]);
    assert!(other.err.contains("names the same host as before, and another user"), "{}", other.err);
    let again = poll(&bench, &["--state", "state.db"]);
    assert_eq!((keys(&again).len(), again.err.as_str()), (2, ""), "it is said once");
    let status = bench.run(&["status", "--state", "state.db", "--format", "json"]).json();
    assert_eq!(status["subscriptions"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(status["subscriptions"][0]["events"], 10);
}

#[test]
fn another_host_begins_anew_and_says_so() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &["--state", "state.db"]);
    let settings = bench.read("pod.json");
    bench.write("pod.json", &settings.replace("pod.example", "dev.example"));
    let other = poll(&bench, &["--state", "state.db"]);
    assert_eq!(keys(&other).len(), 6);
    for said in ["another host or user than when its cursor was kept", "The 6 events", "status --forget 1`"] {
        assert!(other.err.contains(said), "{}", other.err);
    }
    let calls = bench.run(&["events", "--state", "state.db", "--kind", "call"]);
    assert!(calls.out.contains("another host or user"), "{}", calls.out);
    let status = || bench.run(&["status", "--state", "state.db", "--format", "json"]).json();
    let left = |id: usize| {
        let all = status()["subscriptions"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["id"] == id).unwrap();
        (one["state"].as_str().unwrap().to_owned(), one["lag_seconds"].is_null())
    };
    assert_eq!((left(1), left(2)), (("left".to_owned(), true), ("ok".to_owned(), false)));
    let metrics = bench.run(&["status", "--state", "state.db", "--format", "prometheus"]).out;
    assert_eq!(metrics.matches("harness_up{").count(), 1, "{metrics}");
    // The way back finds what was kept.
    bench.write("pod.json", &settings);
    assert_eq!(keys(&poll(&bench, &["--state", "state.db"])), ["event-7", "event-8"]);
    assert_eq!(left(1), ("ok".to_owned(), false));
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
