//! `run-all`: many connections, each into its sink, and what a sink that is down holds up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::bench::{Bench, terminate};
use crate::follow::{judge, kill_at_random};

fn configured(subscriptions: &str, sinks: &str) -> Option<Bench> {
    let bench = Bench::new()?;
    let config = format!(
        "state: s.db\nconnections:\n  one: {{file: pod.json}}\n  many: {{folder: pods}}\nsinks:\n{sinks}\nsubscriptions:\n{subscriptions}\n"
    );
    bench.write("all.yaml", &config);
    std::fs::create_dir(bench.path("pods")).unwrap();
    for name in ["a", "b", "c"] {
        bench.write(&format!("pods/{name}.json"), &format!(r#"{{"host": "{name}.example.com"}}"#));
    }
    Some(bench)
}

pub fn until(what: &str, mut met: impl FnMut() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn status(bench: &Bench, name: &str) -> serde_json::Value {
    let status = bench.run(&["status", "--state", "s.db", "--format", "json"]);
    let all = if status.code == 0 { status.json() } else { serde_json::Value::Null };
    let mine = all["subscriptions"].as_array().into_iter().flatten().find(|one| one["subscription"] == name);
    mine.cloned().unwrap_or_default()
}

#[test]
fn killed_at_random_moments_the_file_has_everything() {
    let subscription = "  - {name: s, connection: one, trigger: polls, input: {batch: 3, overlap: 2, next_ms: 1}, sink: log, at_least: 1ms, at_most: 2ms}";
    let Some(bench) = configured(subscription, "  log: {type: file, path: log.ndjson}") else { return };
    kill_at_random(&bench, "log.ndjson", || bench.start(&["run-all", "--config", "all.yaml"], "out"));
    let (events, _) = judge(&bench.read("log.ndjson"));
    assert!(events > 20, "{events}");
}

/// A command that takes its time after it has written: most kills come between the hand-over and the
/// acknowledgement.
#[test]
fn killed_between_hand_over_and_acknowledgement_it_marks_what_it_repeats() {
    let subscription = "  - {name: s, connection: one, trigger: polls, input: {batch: 3, overlap: 2, next_ms: 1}, sink: slow, at_least: 1ms, at_most: 2ms}";
    let sink = "  slow: {type: command, program: sh, arguments: [-c, 'cat >> log.ndjson; sleep 0.05']}";
    let Some(bench) = configured(subscription, sink) else { return };
    kill_at_random(&bench, "log.ndjson", || bench.start(&["run-all", "--config", "all.yaml"], "out"));
    let (events, repeated) = judge(&bench.read("log.ndjson"));
    assert!(events > 20 && repeated > 0, "{events} {repeated}");
}

#[test]
fn a_sink_that_is_down_holds_up_its_own_and_no_other_and_loses_nothing() {
    let subscriptions = "  - {name: up, connection: many, trigger: polls, input: {last: 40, next_ms: 1}, sink: log, at_least: 5ms, at_most: 20ms}
  - {name: down, connection: many, trigger: polls, input: {last: 8, next_ms: 2}, sink: door, at_least: 5ms, at_most: 200ms}";
    let sinks = "  log: {type: file, path: log.ndjson}\n  door: {type: command, program: sh, arguments: [-c, 'test -e open && cat >> taken.ndjson']}";
    let Some(bench) = configured(subscriptions, sinks) else { return };
    let mut child = bench.start(&["run-all", "--config", "all.yaml"], "out");
    until("all others are through", || {
        std::fs::read_to_string(bench.path("log.ndjson")).is_ok_and(|log| log.lines().count() == 120)
    });
    until("it is told", || {
        status(&bench, "down@a")["state"] == "sink_down"
            || status(&bench, "down@b")["state"] == "sink_down"
            || status(&bench, "down@c")["state"] == "sink_down"
    });
    let one = ["down@a", "down@b", "down@c"].map(|name| status(&bench, name));
    assert!(one.iter().all(|one| one["events"].as_u64().unwrap_or_default() == 0 && one["held"].as_u64().unwrap_or_default() <= 2), "{one:?}");
    bench.write("open", "");
    until("what was held is taken", || {
        std::fs::read_to_string(bench.path("taken.ndjson")).is_ok_and(|taken| taken.lines().count() >= 24)
    });
    until("all is well", || status(&bench, "down@a")["state"] == "ok");
    terminate(&child);
    assert!(child.wait().unwrap().success());
    for name in ["down@a", "down@b", "down@c"] {
        let wanted = format!("\"{name}\"");
        let mine: Vec<String> =
            bench.read("taken.ndjson").lines().filter(|line| line.contains(&wanted)).map(str::to_owned).collect();
        assert_eq!(judge(&mine.join("\n")).0, 8, "{name}");
    }
}

/// Answers each POST with the next status, and tells what came.
fn address(statuses: &[u16]) -> (u16, std::thread::JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let statuses = statuses.to_vec();
    let served = std::thread::spawn(move || {
        let mut came = Vec::new();
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line.to_lowercase());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
            came.push((head, String::from_utf8(body).unwrap()));
        }
        came
    });
    (port, served)
}

#[test]
fn an_address_is_tried_again_with_the_same_id_and_a_signature() {
    let (port, served) = address(&[503, 200]);
    let subscription = "  - {name: s, connection: one, trigger: polls, input: {last: 2}, sink: hook, at_least: 5ms}";
    let sinks = format!("  hook: {{type: http, url: 'http://127.0.0.1:{port}/in?key=1', secret_file: hook.secret}}");
    let Some(bench) = configured(subscription, &sinks) else { return };
    bench.write("hook.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let mut child = bench.start(&["run-all", "--config", "all.yaml"], "out");
    let came = served.join().unwrap();
    until("it is acknowledged", || status(&bench, "s")["events"] == 2);
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let header = |head: &str, name: &str| head.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert_eq!(header(&came[0].0, "webhook-id"), header(&came[1].0, "webhook-id"));
    assert!(header(&came[1].0, "webhook-signature").starts_with("webhook-signature: v1,"));
    let body: serde_json::Value = serde_json::from_str(&came[1].1).unwrap();
    assert_eq!(body["events"].as_array().unwrap().len(), 2);
    assert_eq!(body["events"][0]["repeated"], true, "the first may have been taken");
}

/// An address that answers every POST with 500 for as long as the test runs.
fn always_broken() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    port
}

#[test]
fn while_a_sink_is_down_nobody_asks_the_pod_for_it_and_one_answer_is_held() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let broken = always_broken();
    let sinks = format!(
        "  closed: {{type: http, url: 'http://127.0.0.1:{closed}/'}}
  broken: {{type: http, url: 'http://127.0.0.1:{broken}/'}}
  command: {{type: command, program: sh, arguments: [-c, 'cat > /dev/null; exit 1']}}
  full: {{type: file, path: /dev/full}}"
    );
    let named = [
        ("closed", "127.0.0.1"),
        ("broken", "answered 500"),
        ("command", "exit status: 1"),
        ("full", "No space left on device"),
    ];
    let subscriptions: Vec<String> = named
        .iter()
        .zip(11..)
        .map(|((sink, _), last)| {
            // Another input each, since one stream is one subscription's.
            format!("  - {{name: {sink}, connection: one, trigger: polls, input: {{batch: 3, last: {last}, next_ms: 1}}, sink: {sink}, at_least: 5ms, at_most: 20ms}}")
        })
        .collect();
    let Some(bench) = configured(&subscriptions.join("\n"), &sinks) else { return };
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let mut child = bench.start(&["run-all", "--config", "all.yaml"], "out");
    for (sink, said) in named {
        until(sink, || status(&bench, sink)["failing"].as_u64().unwrap_or_default() >= 3);
        let one = status(&bench, sink);
        assert_eq!((&one["state"], &one["held"], &one["events"]), (&"sink_down".into(), &3.into(), &0.into()), "{one}");
        assert!(one["error"].as_str().unwrap().contains(said), "{one}");
        assert!(one["lag_seconds"].is_u64(), "{one}");
    }
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let calls = bench.run(&["events", "--state", "s.db", "--kind", "call"]).lines();
    assert_eq!(calls.len(), named.len(), "each asked once, and held what came");
    // The command takes what it is given from now on, and so it is the first answer that comes again.
    let mended = bench.read("all.yaml").replace("cat > /dev/null; exit 1", "cat >> taken.ndjson");
    bench.write("all.yaml", &mended);
    let mut child = bench.start(&["run-all", "--config", "all.yaml"], "out");
    until("all is taken", || status(&bench, "command")["events"] == 13);
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let taken = bench.read("taken.ndjson");
    assert_eq!(judge(&taken).0, 13);
    assert_eq!(taken.matches("\"repeated\":true").count(), 3);
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_and_nothing_is_followed() {
    let Some(bench) = configured("  - {name: s, connection: one, trigger: polls, sink: out}", "  out: {type: stdout}")
    else {
        return;
    };
    let check = |bench: &Bench| bench.run(&["run-all", "--config", "all.yaml", "--check"]);
    assert_eq!(check(&bench).out, "1 subscriptions on 4 connections are well\n");
    let good = bench.read("all.yaml");
    assert!(std::process::Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
    for (from, to, said) in [
        ("trigger: polls", "trigger: pols", "Did you mean polls"),
        ("sink: out}", "sink: nowhere}", "the sink nowhere, which there is not"),
        (
            "trigger: polls, sink",
            "trigger: polls, input: {how: permanent}, sink",
            "the subscription s: there is one already",
        ),
        ("folder: pods", "folder: pots", "the connections in"),
        ("type: stdout", "type: http, url: 'http://example.com'", "plain http is for this machine alone"),
        (
            "sink: out}",
            "sink: out}\n  - {name: t, connection: one, trigger: polls, sink: out}",
            "poll the same trigger with the same input",
        ),
        ("sink: out}", "input: '{', sink: out}", "JSON in a text"),
        (
            "sink: out}",
            "sink: out, at_least: 2m, at_most: 1m}",
            "the subscription s: at_most is shorter than at_least (line ",
        ),
        ("state: s.db", "", "run-all needs a state file"),
        ("state: s.db", "state: no/s.db", "there is no folder"),
        ("type: stdout", "type: file, path: s.db-wal", "it is the state file, or beside it"),
        ("type: stdout", "type: file, path: ./pods/a.json", "it is a connection file"),
        ("type: stdout", "type: file, path: all.yaml", "it is this configuration"),
        ("type: stdout", "type: file, path: pods", "it is a folder"),
        ("type: stdout", "type: file, path: pipe", "it is a named pipe"),
    ] {
        bench.write("all.yaml", &good.replace(from, to));
        let refused = check(&bench);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{to}");
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    assert!(!bench.path("s.db").exists());
}
