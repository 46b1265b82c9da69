//! State files that cannot be used as they are: said, nothing overwritten, nothing lost.

use std::process::{Command, Stdio};

use rusqlite::Connection;

use crate::bench::{Bench, Ended};

fn poll(bench: &Bench, more: &[&str]) -> Ended {
    bench.run(&[&["poll", "polls", "--connection", "pod.json", "--input", "{}", "--state", "s.db"][..], more].concat())
}

#[test]
fn a_file_of_a_later_version_or_a_damaged_one_is_said_and_left_alone() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(poll(&bench, &[]).code, 0);
    let whole = std::fs::read(bench.path("s.db")).unwrap();
    let mut cut = whole.clone();
    cut.truncate(whole.len() / 2);
    let mut torn = whole.clone();
    torn[4096..12_000].fill(0xA5);
    let later = Connection::open(bench.path("s.db")).unwrap();
    later.execute_batch("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(later);
    let later = std::fs::read(bench.path("s.db")).unwrap();
    for (bytes, said) in [
        (cut, "is damaged"),
        (torn, "is damaged"),
        (later, "written by a later version"),
        (b"some notes of somebody, not a database at all".to_vec(), "does not hold state"),
    ] {
        std::fs::write(bench.path("s.db"), &bytes).unwrap();
        let refused = poll(&bench, &[]);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{said}: {}", refused.err);
        assert!(refused.err.contains(said), "{}", refused.err);
        // Beside a poll, too: nothing is sent, and nothing is written.
        let acted = bench.action("waits", r#"{"ms": 1}"#, &["--state", "s.db"]);
        assert_eq!((acted.code, acted.out.as_str()), (2, ""), "{said}: {}", acted.err);
        assert!(acted.err.contains(said), "{}", acted.err);
        assert_eq!(std::fs::read(bench.path("s.db")).unwrap(), bytes, "{said}");
    }
    std::fs::write(bench.path("s.db"), &whole).unwrap();
    assert_eq!(poll(&bench, &[]).code, 0, "what was put back works");
}

#[test]
fn a_missing_folder_and_an_open_key_are_said() {
    let Some(bench) = Bench::new() else { return };
    let nowhere = ["poll", "polls", "--connection", "pod.json", "--input", "{}", "--state", "no/folder/s.db"];
    let refused = bench.run(&nowhere);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("there is no folder no/folder"), "{}", refused.err);
    bench.write("state.key", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    let with_key = || poll(&bench, &["--key-file", "state.key"]).err;
    assert!(!with_key().contains("others on this machine"));
    bench.open_to("state.key", 0o644);
    assert!(with_key().contains("chmod 600 state.key"));
}

#[test]
fn a_file_that_another_tool_holds_is_waited_for_and_then_said() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(poll(&bench, &[]).code, 0);
    let other = Connection::open(bench.path("s.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = poll(&bench, &[]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
    assert!(refused.err.contains("in use by another process"), "{}", refused.err);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(poll(&bench, &[]).code, 0);
}

#[test]
fn a_folder_is_said() {
    let Some(bench) = Bench::new() else { return };
    let poll = &["poll", "polls", "--connection", "pod.json", "--input", "{}"][..];
    for command in [&["status"][..], poll] {
        let refused = bench.run(&[command, &["--state", "."]].concat());
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(". does not hold state: it is a folder"), "{}", refused.err);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_said() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(poll(&bench, &[]).code, 0);
    bench.open_to("s.db", 0o400);
    if std::fs::OpenOptions::new().write(true).open(bench.path("s.db")).is_ok() {
        eprintln!("skipped: this user may write everything");
        return;
    }
    let refused = poll(&bench, &[]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("read-only"), "{}", refused.err);
}

/// A limit of the process stands for a disk without room: what cannot be committed comes again, marked.
#[cfg(unix)]
#[test]
fn where_there_is_no_room_for_state_nothing_is_lost() {
    let Some(bench) = Bench::new() else { return };
    let command = ["poll", "polls", "--connection", "pod.json", "--input", r#"{"batch": 200}"#, "--state", "s.db"];
    let limited = || {
        Command::new("sh")
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f 400; exec \"$@\"",
                "sh",
                env!("CARGO_BIN_EXE_harness"),
                "--component",
            ])
            .arg(&bench.guest)
            .args(command)
            .current_dir(bench.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let mut taken = String::new();
    let refused = (0..50).map(|_| limited()).find(|ended| {
        taken.push_str(std::str::from_utf8(&ended.stdout).unwrap());
        !ended.status.success()
    });
    let refused = refused.expect("the file grows");
    let err = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(4), "{err}");
    assert!(err.contains("s.db") && err.contains("what was not committed comes again"), "{err}");
    let rest = bench.run(&command);
    assert_eq!(rest.code, 0, "{}", rest.err);
    assert!(crate::follow::judge(&(taken + &rest.out)).0 >= 400);
}

#[test]
fn an_interval_of_nothing_is_refused() {
    let Some(bench) = Bench::new() else { return };
    for nothing in ["0", "0s", "0ms"] {
        for flag in ["--at-least", "--at-most"] {
            let refused = poll(&bench, &["--follow", flag, nothing]);
            assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{flag} {nothing}");
        }
    }
    assert!(!bench.path("s.db").exists());
}

#[cfg(unix)]
#[test]
fn two_that_poll_with_one_file_are_one_too_many_and_who_looks_is_not() {
    let Some(bench) = Bench::new() else { return };
    let config = "state: s.db\nconnections: {one: {file: pod.json}}\nsinks: {out: {type: stdout}}\nsubscriptions:\n  - {name: s, connection: one, trigger: polls, input: {last: 4}, sink: out, at_least: 5ms}\n";
    bench.write("all.yaml", config);
    let mut first = bench.start(&["run-all", "--config", "all.yaml"], "out");
    crate::many::until("all is taken", || crate::many::status(&bench, "s")["events"] == 4);
    for refused in [poll(&bench, &[]), bench.run(&["run-all", "--config", "all.yaml"])] {
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(refused.err.contains("in use by another process"), "{}", refused.err);
    }
    assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &["--state", "s.db"]).code, 0);
    crate::bench::terminate(&first);
    assert!(first.wait().unwrap().success());
}

/// Follows into `out` until something is committed, takes away what `take` takes, and hands back how that ended.
#[cfg(unix)]
fn taken_away(bench: &Bench, command: &[&str], take: impl FnOnce(&Bench)) -> (Option<i32>, String) {
    let mut child = bench.start(command, "out");
    crate::many::until("some is taken", || {
        let status = bench.run(&["status", "--state", "s.db", "--format", "json"]);
        status.code == 0 && status.json()["subscriptions"][0]["events"].as_u64() > Some(3)
    });
    take(bench);
    let mut ended = None;
    crate::many::until("it is noticed", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    (ended.unwrap().code(), bench.read("out.err"))
}

#[cfg(unix)]
#[test]
fn a_file_that_is_taken_away_while_it_is_in_use_ends_the_work() {
    let follow = ["poll", "polls", "--connection", "pod.json", "--state", "s.db", "--follow", "--at-least", "2ms"];
    let follow = [&follow[..], &["--input", r#"{"batch": 3, "overlap": 2, "next_ms": 1}"#]].concat();
    let many = ["run-all", "--config", "all.yaml"];
    let config = "state: s.db\nconnections: {one: {file: pod.json}}\nsinks: {out: {type: stdout}}\nsubscriptions:\n  - {name: s, connection: one, trigger: polls, input: {batch: 3, overlap: 2, next_ms: 1}, sink: out, at_least: 2ms}\n";
    for command in [&follow[..], &many] {
        for gone in ["s.db", "s.db-wal", "s.db.lock"] {
            let Some(bench) = Bench::new() else { return };
            bench.write("all.yaml", config);
            let (code, err) = taken_away(&bench, command, |bench| std::fs::remove_file(bench.path(gone)).unwrap());
            assert_eq!(code, Some(3), "{gone}: {err}");
            assert!(err.contains(&format!("{gone} was removed or replaced while it was in use")), "{gone}: {err}");
        }
        // Another in its place is none, and with the right one back nothing is lost.
        let Some(bench) = Bench::new() else { return };
        bench.write("all.yaml", config);
        let (code, err) = taken_away(&bench, command, |bench| {
            std::fs::rename(bench.path("s.db"), bench.path("kept")).unwrap();
            bench.write("s.db", "");
        });
        assert_eq!(code, Some(3), "{err}");
        assert_eq!(bench.read("s.db"), "", "nothing is written into the other");
        std::fs::rename(bench.path("kept"), bench.path("s.db")).unwrap();
        let before = crate::follow::judge(&bench.read("out")).0;
        let mut child = bench.start(command, "out");
        crate::many::until("it goes on", || bench.read("out").lines().count() as u64 > before + 20);
        crate::bench::terminate(&child);
        assert!(child.wait().unwrap().success());
        assert!(crate::follow::judge(&bench.read("out")).0 > before);
    }
}
