//! Scripts and recordings from the shell.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::bench::{Bench, PASSWORD};

const FETCH: &str = r#"{"url": "https://pod.example.com/api?b=2&a=1", "body": "{\"amount\": 0.10}"}"#;

#[test]
fn a_script_that_is_met_ends_with_0() {
    let Some(bench) = Bench::new() else { return };
    bench.write(
        "script.yaml",
        "- request: {method: POST, path: /api, query: {a: 1, b: 2}, body: {amount: 0.10}}\n  response: {status: 201, body: \"done\"}\n",
    );
    let ended = bench.action("fetches", FETCH, &["--script", "script.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.json(), serde_json::json!({"status": 201, "bytes": 4, "text": "done"}));
    assert!(!bench.path("pod.json.session").exists(), "with a script no session is kept");
}

#[test]
fn an_unexpected_request_ends_with_1_and_a_diff() {
    let Some(bench) = Bench::new() else { return };
    bench.write(
        "script.yaml",
        "- request: {method: POST, path: /api, query: {a: 1, b: 3}, body: {amount: 0.1}}\n  response: {status: 201}\n",
    );
    let ended = bench.action("fetches", FETCH, &["--script", "script.yaml"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    insta::assert_snapshot!("script_not_met", ended.err);
}

#[test]
fn an_exchange_that_is_never_asked_for_ends_with_1() {
    let Some(bench) = Bench::new() else { return };
    bench.write("script.json", r#"[{"request": {"path": "/never"}, "response": {}}]"#);
    let ended = bench.action("waits", r#"{"ms": 1}"#, &["--script", "script.json", "--json"]);
    assert_eq!(ended.code, 1);
    assert_eq!(ended.problem()["kind"], "script-not-met");
}

/// Answers one request with a password in it, and is gone.
fn pod() -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).unwrap();
        let body = format!("{{\"echo\": \"{PASSWORD}\", \"id\": 300000012345678901}}");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nSet-Cookie: s=0123456789abcdef01\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    });
    (port, served)
}

#[test]
fn a_recording_replays_without_the_pod_and_holds_no_secret() {
    let Some(bench) = Bench::new() else { return };
    let (port, served) = pod();
    let input = format!(r#"{{"url": "http://127.0.0.1:{port}/api?a=1"}}"#);
    let address = format!("127.0.0.1:{port}");
    let guarded = ["--allow-http", &address, "--record", "tape.json", "--call-id", "call-7"];
    // The guest prints the start of the answer, password and all; only the recording is looked at here.
    let guest = std::env::var("TINY_GUEST_WASM")
        .unwrap_or_else(|_| format!("{}/../dist/tiny-guest.wasm", env!("CARGO_MANIFEST_DIR")));
    let with = ["--component", &guest, "run", "fetches", "--connection", "pod.json", "--input", &input];
    let first = crate::bench::harness(bench.folder.path(), &[&with[..], &guarded].concat(), "");
    assert_eq!(first.code, 0, "{}", first.err);
    served.join().unwrap();

    let tape = bench.read("tape.json");
    assert!(!tape.contains(PASSWORD) && !tape.to_lowercase().contains("cookie"), "{tape}");
    assert!(tape.contains("300000012345678901") && tape.contains("call-7"), "{tape}");
    let replayed = bench.action("fetches", &input, &["--replay", "tape.json", "--allow-http", &address]);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    let other =
        bench.action("fetches", &input.replace("a=1", "a=2"), &["--replay", "tape.json", "--allow-http", &address]);
    assert_eq!(other.code, 1);
    assert!(other.err.contains("- a=1") && other.err.contains("+ a=2"), "{}", other.err);
}

#[test]
fn a_run_that_fails_is_recorded_too() {
    let Some(bench) = Bench::new() else { return };
    let input = r#"{"url": "http://127.0.0.1:1/"}"#;
    let flags = ["--allow-http", "127.0.0.1:1", "--record", "tape.json"];
    assert_eq!(bench.action("fetches", input, &flags).code, 4);
    assert!(bench.read("tape.json").contains("\"failure\": \"unreachable\""));
    assert_eq!(bench.action("fetches", input, &["--allow-http", "127.0.0.1:1", "--replay", "tape.json"]).code, 4);
}
