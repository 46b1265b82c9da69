//! What a state file tells, and what it refuses.

use crate::bench::{Bench, Ended, PASSWORD};

fn poll(bench: &Bench, more: &[&str]) -> Ended {
    bench.run(&[&["poll", "polls", "--connection", "pod.json", "--input", "{}", "--state", "s.db"][..], more].concat())
}

#[test]
fn the_trail_tells_of_calls_events_and_acknowledgements() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &[]);
    let events = |more: &[&str]| bench.run(&[&["events", "--state", "s.db"][..], more].concat());
    let kinds: Vec<String> = events(&[]).lines().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(&kinds[..4], ["call", "event", "event", "acknowledged"]);
    assert_eq!(events(&["--kind", "event", "--connection", "pod.json"]).lines().len(), 6);
    assert_eq!(events(&["--connection", "other.json"]).out, "");
    assert_eq!(events(&["--from", "2020-01-01", "--to", "2020-01-02"]).out, "");
    assert_eq!(events(&["--kind", "rubbish"]).code, 2);
    let table = events(&["--table", "--kind", "acknowledged"]);
    assert!(table.out.contains("acknowledged") && table.out.contains("pod.json"), "{}", table.out);
}

#[test]
fn events_are_handed_over_again_where_their_payloads_were_kept() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &[]);
    let replay = ["replay-events", "--state", "s.db", "--from", "1h", "--to", "2099-01-01"];
    let refused = bench.run(&replay);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("--keep-bodies"), "{}", refused.err);
    poll(&bench, &["--keep-bodies"]);
    let replayed = bench.run(&replay);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    let lines = replayed.lines();
    assert_eq!((lines.len(), lines[0]["dedup_key"].as_str(), &lines[0]["replay"]), (2, Some("event-7"), &true.into()));
    assert!(replayed.err.contains("6 events"), "{}", replayed.err);
    let noted = bench.run(&["events", "--state", "s.db", "--kind", "replay"]);
    assert_eq!(noted.lines()[0]["count"], 2);
}

#[test]
fn what_cannot_be_replayed_is_refused_with_what_there_is() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &["--keep-bodies"]);
    let replay = |more: &[&str]| bench.run(&[&["replay-events", "--state", "s.db"][..], more].concat());
    let reversed = replay(&["--from", "2026-02-01", "--to", "2026-01-01"]);
    assert_eq!((reversed.code, reversed.out.as_str()), (2, ""));
    assert!(reversed.err.contains("2026-02-01T00:00:00Z is not before --to 2026-01-01"), "{}", reversed.err);
    let listed = bench.run(&["events", "--state", "s.db", "--from", "1h", "--to", "2h"]);
    assert_eq!((listed.code, listed.out.as_str()), (2, ""), "2h ago is before 1h ago");
    let all = ["--from", "2020-01-01", "--to", "2099-01-01"];
    for (flag, other, said) in [
        ("--connection", "prod", "there are no events of the connection prod"),
        ("--trigger", "pols", "there are no events of the trigger pols"),
    ] {
        let refused = replay(&[&all[..], &[flag, other]].concat());
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{other}");
        let message = refused.err.to_lowercase();
        assert!(message.contains(said) && message.contains("polls on pod.json"), "{}", refused.err);
    }
    let before = replay(&["--from", "2020-01-01", "--to", "2020-02-01", "--connection", "pod.json"]);
    assert_eq!((before.code, before.out.as_str()), (0, ""));
    assert!(before.err.contains("There are no events of that time; the first is of 2"), "{}", before.err);
    assert_eq!(replay(&all).lines().len(), 6);
}

#[test]
fn status_says_how_far_each_subscription_is() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &[]);
    let status = |format: &str| bench.run(&["status", "--state", "s.db", "--format", format]);
    let one = status("json").json()["subscriptions"][0].clone();
    assert_eq!((one["state"].as_str(), one["events"].as_u64(), one["polls"].as_u64()), (Some("ok"), Some(6), Some(3)));
    assert!(one["lag_seconds"].as_u64().is_some_and(|lag| lag < 60) && one["next_poll"].is_string());
    assert_eq!((&one["input"], one["input_digest"].as_str().map(str::len)), (&serde_json::json!({}), Some(8)));
    assert!(status("table").out.contains("pod.json"));
    let metrics = status("prometheus").out;
    let wanted = r#"harness_events_total{subscription="polls",connection="pod.json",trigger="polls",input=""#;
    assert!(metrics.lines().any(|line| line.starts_with(wanted) && line.ends_with("\"} 6")), "{metrics}");
    // A second poll of the same trigger is another series, and can be forgotten.
    bench.run(&["poll", "polls", "--connection", "pod.json", "--input", "{\"question\": 2}", "--state", "s.db"]);
    let metrics = status("prometheus").out;
    let series: Vec<&str> = metrics.lines().filter(|line| line.starts_with("harness_up{")).collect();
    assert!(series.len() == 2 && series[0] != series[1], "{series:?}");
    let forget = |which: &str| bench.run(&["status", "--state", "s.db", "--forget", which]);
    assert!(forget("polls").err.contains("2 subscriptions polls"));
    assert_eq!((forget("2").code, forget("2").code), (0, 2));
    assert_eq!(status("json").json()["subscriptions"].as_array().unwrap().len(), 1);
    assert_eq!(forget("polls").code, 0);
    assert_eq!(bench.run(&["status", "--state", "none.db"]).code, 2);
    assert_eq!(bench.run(&["status"]).code, 2);
    assert!(!bench.path("none.db").exists());
}

#[test]
fn what_a_subscription_asks_is_said_in_words_and_without_secrets() {
    let Some(bench) = Bench::new() else { return };
    let input = format!(r#"{{"overlap": 1, "note": "as {PASSWORD}", "last": 4}}"#);
    let ended = bench.run(&[
        "poll",
        "polls",
        "--connection",
        "pod.json",
        "--input",
        &input,
        "--state",
        "s.db",
        "--keep-bodies",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let status = |format: &str| bench.run(&["status", "--state", "s.db", "--format", format]);
    let one = status("json").json()["subscriptions"][0].clone();
    assert_eq!((&one["input"]["overlap"], &one["input"]["last"]), (&1.into(), &4.into()), "{one}");
    let table = status("table").out;
    assert!(table.contains("overlap=1"), "{table}");
    let events = bench.run(&["events", "--state", "s.db"]).lines();
    assert!(events.iter().all(|line| line["subscription"] == "polls"), "{events:?}");
    let file = std::fs::read(bench.path("s.db")).unwrap();
    assert!(!file.windows(PASSWORD.len()).any(|piece| piece == PASSWORD.as_bytes()));
}

#[test]
fn a_request_that_comes_twice_hands_its_event_over_once() {
    let Some(bench) = Bench::new() else { return };
    bench.write("one.yaml", "path: /hook\nbody: {job: 1}\n");
    bench.write("two.yaml", "path: /hook\nbody: {job: 2}\n");
    let with = ["--connection", "pod.json", "--input", "{}", "--state", "s.db", "--keep-bodies", "--request"];
    let receive = |request: &str| {
        let ended = bench.run(&[&["receive", "receives"][..], &with, &[request]].concat());
        assert_eq!(ended.code, 0, "{}", ended.err);
        let receipt = ended.json();
        assert_eq!(receipt["status"], 202, "the sender is answered each time");
        receipt["events"].as_array().unwrap().clone()
    };
    let first = receive("one.yaml");
    assert_eq!((first.len(), &first[0]["repeated"]), (1, &serde_json::Value::Null));
    assert!(receive("one.yaml").is_empty());
    assert_eq!(receive("two.yaml").len(), 1, "another event is another event");
    let kinds: Vec<String> = bench
        .run(&["events", "--state", "s.db"])
        .lines()
        .iter()
        .map(|line| line["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["receive", "event", "acknowledged", "receive", "receive", "event", "acknowledged"]);
    let received = bench.run(&["events", "--state", "s.db", "--kind", "receive", "--connection", "pod.json"]).lines();
    assert_eq!((received.len(), &received[0]["count"], &received[0]["detail"]), (3, &1.into(), &"answered 202".into()));
    let replayed = bench.run(&["replay-events", "--state", "s.db", "--from", "1h", "--to", "2099-01-01"]).lines();
    assert_eq!((replayed.len(), replayed[0]["dedup_key"].as_str()), (2, Some(r#"{"job":1}"#)));
    let status = bench.run(&["status", "--state", "s.db", "--format", "json"]).json()["subscriptions"][0].clone();
    let told = (status["state"].as_str(), status["events"].as_u64(), status["received"].as_u64());
    assert_eq!(told, (Some("ok"), Some(2), Some(3)));
    assert!(status["lag_seconds"].is_null() && status["next_poll"].is_null(), "nothing is polled");
}

#[cfg(unix)]
#[test]
fn of_requests_that_come_at_once_one_hands_the_event_over() {
    let Some(bench) = Bench::new() else { return };
    bench.write("one.yaml", "body: {job: 1}\n");
    let receive = ["receive", "receives", "--connection", "pod.json", "--input", "{}", "--state", "s.db"];
    let receive = [&receive[..], &["--request", "one.yaml"]].concat();
    let mut all: Vec<_> = (0..6).map(|_| bench.start(&receive, "receipts")).collect();
    assert!(all.iter_mut().all(|one| one.wait().unwrap().success()), "none finds the file in use");
    let receipts = bench.read("receipts");
    assert_eq!(receipts.lines().count(), 6);
    let handed = receipts.lines().filter(|line| line.contains("dedup_key") && !line.contains("repeated"));
    assert_eq!(handed.count(), 1, "{receipts}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_event_that_nobody_took_comes_again_marked() {
    use std::process::{Command, Stdio};

    let Some(bench) = Bench::new() else { return };
    bench.write("one.yaml", "body: {job: 1}\n");
    let receive = ["receive", "receives", "--connection", "pod.json", "--input", "{}", "--state", "s.db"];
    let receive = [&receive[..], &["--request", "one.yaml"]].concat();
    let nowhere = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("--component")
        .arg(&bench.guest)
        .args(&receive)
        .current_dir(bench.folder.path())
        .stdout(Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap()))
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!nowhere.success());
    let again = bench.run(&receive).json();
    assert_eq!(
        (&again["events"][0]["dedup_key"], &again["events"][0]["repeated"]),
        (&r#"{"job":1}"#.into(), &true.into())
    );
    assert_eq!(bench.run(&receive).json()["events"].as_array().unwrap().len(), 0);
}

#[test]
fn a_call_id_is_for_one_call() {
    let Some(bench) = Bench::new() else { return };
    let run = |ms: &str| bench.action("waits", ms, &["--state", "s.db", "--call-id", "order-4711"]);
    assert_eq!(run(r#"{"ms": 1}"#).code, 0);
    assert_eq!(run(r#"{ "ms":1 }"#).code, 0, "the same input in another spelling is the same");
    let refused = run(r#"{"ms": 2}"#);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("order-4711 was used for another call"), "{}", refused.err);
    let calls = bench.run(&["events", "--state", "s.db", "--trigger", "waits"]);
    assert_eq!(calls.lines().len(), 2);
    assert_eq!(calls.lines()[0]["call_id"], "order-4711");
}

#[test]
fn no_secret_is_in_a_state_file() {
    let Some(bench) = Bench::new() else { return };
    poll(&bench, &["--keep-bodies"]);
    bench.action("panics", &format!(r#"{{"secret": "{PASSWORD}"}}"#), &["--state", "s.db", "--keep-bodies"]);
    for file in std::fs::read_dir(bench.folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("s.db")) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(PASSWORD.len()).any(|piece| piece == PASSWORD.as_bytes()), "{}", path.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_wrong_with_a_key_is_said() {
    let Some(bench) = Bench::new() else { return };
    bench.write("short.key", "short");
    bench.write("one.key", &"07".repeat(32));
    bench.write("two.key", &"08".repeat(32));
    let refused = poll(&bench, &["--key-file", "short.key"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("32 bytes"), "{}", refused.err);
    assert_eq!(poll(&bench, &["--key-file", "one.key"]).code, 0);
    assert_eq!(poll(&bench, &["--key-file", "two.key"]).code, 0, "nothing is sealed yet");
    let config = "state: s.db\nconnections: {one: {file: pod.json}}\nsinks: {out: {type: stdout}}\nsubscriptions:\n  - {name: s, connection: one, trigger: polls, input: {last: 4}, sink: out, at_least: 5ms}\n";
    bench.write("all.yaml", config);
    let run_all = ["run-all", "--config", "all.yaml"];
    // Otherwise it goes on with that one, until it has to be renewed.
    std::fs::remove_file(bench.path("pod.json.session")).unwrap();
    let mut child = bench.start(&[&run_all[..], &["--key-file", "two.key"]].concat(), "out");
    crate::many::until("all is taken", || crate::many::status(&bench, "s")["events"] == 4);
    crate::bench::terminate(&child);
    assert!(child.wait().unwrap().success());
    let log = bench.read("out.err");
    for more in [&[][..], &["--check"]] {
        for (key, said) in
            [(&[][..], "keeps sessions under a key"), (&["--key-file", "one.key"], "sealed with another key")]
        {
            let refused = bench.run(&[&run_all[..], key, more].concat());
            assert_eq!(refused.code, 2, "{key:?} {more:?} {log}");
            assert!(refused.err.contains(said) && refused.err.contains("--forget-sessions"), "{}", refused.err);
        }
    }
    let forgotten = bench.run(&["status", "--state", "s.db", "--forget-sessions"]);
    assert_eq!((forgotten.code, forgotten.err.as_str()), (0, "Forgot 1 sessions.\n"));
    for key in [&[][..], &["--key-file", "one.key"]] {
        assert_eq!(bench.run(&[&run_all[..], key, &["--check"]].concat()).code, 0);
    }
    assert_eq!(crate::many::status(&bench, "s")["events"], 4, "cursors stay");
}
