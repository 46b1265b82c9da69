//! Connection files that keep their secrets elsewhere.

use crate::bench::{Bench, PASSWORD};

const INPUT: &str = r#"{"ms": 1}"#;

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let Some(bench) = Bench::new() else { return };
    bench.write("pod.json", r#"{"host": "pod.example.com", "password": {"$file": "password.txt"}}"#);
    bench.write("password.txt", &format!("{PASSWORD}\n"));
    let ended = bench.action("waits", INPUT, &[]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let kept = bench.read("pod.json.session");

    // Another password behind the same reference is another connection, and its session another one.
    bench.write("password.txt", "another-password-than-before");
    assert_eq!(bench.action("waits", INPUT, &[]).code, 0);
    assert_ne!(bench.read("pod.json.session"), kept);
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_place() {
    let Some(bench) = Bench::new() else { return };
    bench.write("pod.json", r#"{"host": "pod.example.com", "password": {"$env": "HARNESS_TEST_NOT_SET"}}"#);
    let ended = bench.action("waits", INPUT, &[]);
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.err, @"error: the connection pod.json cannot be used: at /password, the environment variable HARNESS_TEST_NOT_SET is not set. Set HARNESS_TEST_NOT_SET (export HARNESS_TEST_NOT_SET=…) in the environment of this command.");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_gets_a_warning() {
    let Some(bench) = Bench::new() else { return };
    bench.open_to("pod.json", 0o644);
    let ended = bench.action("waits", INPUT, &[]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!(ended.err, @"warning: pod.json holds a secret, and others on this machine may read it. Keep it to yourself with: chmod 600 pod.json [readable_by_others]");
    assert_eq!(bench.action("waits", INPUT, &["--json"]).problem()["warning"]["code"], "readable_by_others");
}
