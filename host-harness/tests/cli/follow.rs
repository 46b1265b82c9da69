//! Following for months: killed, stopped, held up, and nothing lost or repeated unmarked.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::{Bench, terminate};

const KILLS: u64 = 20;

/// Three events at a time, the two before them handed over again, as fast as it goes.
const BUSY: &str = r#"{"batch": 3, "overlap": 2, "next_ms": 1}"#;

fn chance(below: u64) -> u64 {
    RandomState::new().hash_one(Instant::now()) % below
}

/// Every number from 1 on is there, and at most once without the mark of a repetition. Answers how many events
/// there are, and how many repetitions.
pub fn judge(sink: &str) -> (u64, usize) {
    let (mut seen, mut unmarked, mut lines) = (HashSet::new(), HashSet::new(), 0);
    for line in sink.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let number = event["payload"]["number"].as_u64().unwrap();
        lines += 1;
        seen.insert(number);
        if event["repeated"] != true {
            assert!(unmarked.insert(number), "{number} is repeated, and not marked");
        }
    }
    let last = seen.iter().copied().max().unwrap_or_default();
    let missing: Vec<u64> = (1..=last).filter(|number| !seen.contains(number)).collect();
    assert!(missing.is_empty(), "lost: {missing:?}");
    (last, lines - seen.len())
}

/// Kills what is started at random moments, and lets the last one come to some progress and end well.
pub fn kill_at_random(bench: &Bench, sink: &str, start: impl Fn() -> Child) {
    for _ in 0..KILLS {
        let mut child = start();
        std::thread::sleep(Duration::from_millis(chance(300)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let length = || std::fs::metadata(bench.path(sink)).map_or(0, |known| known.len());
    let before = length();
    let mut child = start();
    let started = Instant::now();
    while length() < before + 2000 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    terminate(&child);
    assert!(child.wait().unwrap().success(), "asked to stop, it ends well");
}

#[test]
fn killed_at_random_moments_it_loses_nothing_and_marks_what_it_repeats() {
    let Some(bench) = Bench::new() else { return };
    let poll = ["poll", "polls", "--connection", "pod.json", "--input", BUSY, "--state", "s.db"];
    let following = [&poll[..], &["--follow", "--at-least", "1ms", "--at-most", "2ms"]].concat();
    kill_at_random(&bench, "events.ndjson", || bench.start(&following, "events.ndjson"));
    let (events, repeated) = judge(&bench.read("events.ndjson"));
    eprintln!("{events} events, {repeated} repetitions after {KILLS} kills");
    assert!(events > 20, "{events}");
}

#[test]
fn asked_to_stop_it_repeats_nothing() {
    let Some(bench) = Bench::new() else { return };
    let poll = ["poll", "polls", "--connection", "pod.json", "--input", BUSY, "--state", "s.db"];
    for _ in 0..5 {
        let before = std::fs::metadata(bench.path("out")).map_or(0, |known| known.len());
        let mut child = bench.start(&[&poll[..], &["--follow", "--at-least", "1ms"]].concat(), "out");
        while std::fs::metadata(bench.path("out")).unwrap().len() < before + 1000 {
            std::thread::sleep(Duration::from_millis(5));
        }
        terminate(&child);
        assert!(child.wait().unwrap().success());
    }
    assert!(!bench.read("out").contains("repeated"));
    judge(&bench.read("out"));
}

#[test]
fn a_slow_reader_holds_the_poll_up() {
    let Some(bench) = Bench::new() else { return };
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("--component")
        .arg(&bench.guest)
        .args(["poll", "polls", "--connection", "pod.json", "--state", "s.db"])
        .args(["--input", r#"{"batch": 2000, "next_ms": 1}"#, "--follow", "--at-least", "1ms"])
        .current_dir(bench.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let polls = || {
        let status = bench.run(&["status", "--state", "s.db", "--format", "json"]);
        status.json()["subscriptions"][0]["polls"].as_u64().unwrap_or_default()
    };
    assert_eq!(polls(), 0, "what nobody has read is not acknowledged");
    let mut read = vec![0; 400_000];
    out.read_exact(&mut read).unwrap();
    let started = Instant::now();
    while polls() == 0 && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!((1..8).contains(&polls()), "one after the other, as the reader reads: {}", polls());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn following_outlasts_what_passes_and_ends_with_what_does_not() {
    let Some(bench) = Bench::new() else { return };
    let poll = |how: &str| {
        let input = format!(r#"{{"how": "{how}"}}"#);
        let with = ["poll", "polls", "--connection", "pod.json", "--input", &input, "--state", "s.db", "--follow"];
        bench.start(&[&with[..], &["--at-least", "5ms"]].concat(), "out")
    };
    let mut passing = poll("transient");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(passing.try_wait().unwrap().is_none(), "it waits, and asks again");
    // Under `nohup` that signal says nothing, here as there.
    let ignored = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored
        .lines()
        .find(|line| line.starts_with("SigIgn:"))
        .is_none_or(|line| line.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']));
    let signal = if ignored { "-TERM" } else { "-HUP" };
    assert!(Command::new("kill").args([signal, &passing.id().to_string()]).status().unwrap().success());
    assert!(passing.wait().unwrap().success());
    let status = bench.run(&["status", "--state", "s.db", "--format", "json"]);
    let one = status.json()["subscriptions"][0].clone();
    assert_eq!((one["state"].as_str(), one["error"].as_str()), (Some("failing"), Some("too many requests")));
    let table = bench.run(&["status", "--state", "s.db"]).out;
    assert!(table.contains("polls on pod.json: too many requests\n"), "{table}");
    assert_eq!(poll("permanent").wait().unwrap().code(), Some(3));
}

#[test]
fn bounds_that_do_not_fit_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let poll = ["poll", "polls", "--connection", "pod.json", "--input", "{}", "--at-least", "2m", "--at-most", "1m"];
    let refused = bench.run(&poll);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("shorter than the shortest"), "{}", refused.err);
}
