//! Signing in with the browser: a listener on this machine, and what it makes of those who come.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::bench::Bench;

const CODE: &str = "authorization-code-that-nobody-sees";

/// `harness authorize` while it waits.
struct Waiting {
    child: Child,
    invitation: Value,
}

struct Ended {
    code: i32,
    err: String,
}

fn start(bench: &Bench, more: &[&str]) -> Waiting {
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["--component", bench.guest.to_str().unwrap(), "--json", "authorize", "--connection", "pod.json"])
        .args(["--listen", "127.0.0.1:0"])
        .args(more)
        .current_dir(bench.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let invitation = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    Waiting { child, invitation }
}

impl Waiting {
    fn redirect_uri(&self) -> &str {
        self.invitation["redirect_uri"].as_str().unwrap()
    }

    /// What a browser sees: the status, and the whole answer.
    fn visit(&self, path: &str) -> (u16, String) {
        let authority = self.redirect_uri().split('/').nth(2).unwrap();
        let mut stream = TcpStream::connect(authority).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(!text.contains(CODE) && !text.contains("kept-state"), "{text}");
        (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
    }

    fn end(self) -> Ended {
        let output = self.child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty(), "one line is all");
        assert!(!err.contains(CODE) && !err.contains("kept-"), "{err}");
        Ended { code: output.status.code().unwrap(), err }
    }
}

#[test]
fn a_session_made_in_the_browser_is_kept_and_used() {
    let Some(bench) = Bench::new() else { return };
    let waiting = start(&bench, &[]);
    let redirect_uri = waiting.redirect_uri().to_owned();
    assert!(redirect_uri.starts_with("http://127.0.0.1:") && redirect_uri.ends_with("/callback"), "{redirect_uri}");
    assert!(waiting.invitation["url"].as_str().unwrap().contains(&redirect_uri));

    assert_eq!(waiting.visit("/favicon.ico").0, 404);
    assert_eq!(waiting.visit("/callback").0, 400);
    assert_eq!(waiting.visit("/callback?state=kept-state").0, 400);
    let (status, page) = waiting.visit(&format!("/callback?state=kept-state&code={CODE}"));
    assert!(status == 200 && page.contains("<h1>Done</h1>") && page.contains("cache-control: no-store"), "{page}");
    let ended = waiting.end();
    assert_eq!(ended.code, 0, "{}", ended.err);
    let told: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!(told["session_file"], "pod.json.session");
    assert!(told["expires_at"].is_u64());
    assert!(bench.read("pod.json.session").contains(CODE));

    let used = bench.action("guarded", "{}", &[]);
    assert_eq!((used.code, used.json()["token"].as_str()), (0, Some(CODE)));
}

#[test]
fn what_comes_back_wrong_fails_and_keeps_nothing() {
    let Some(bench) = Bench::new() else { return };
    let waiting = start(&bench, &[]);
    let (status, page) = waiting.visit("/callback?state=kept-state&error=access_denied");
    assert!(status == 200 && page.contains("<h1>Failed</h1>") && !page.contains("access_denied"), "{page}");
    let ended = waiting.end();
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("access_denied"), "{}", ended.err);
    assert!(!bench.path("pod.json.session").exists());
}

#[test]
fn who_forges_a_callback_does_not_end_the_wait() {
    let Some(bench) = Bench::new() else { return };
    let waiting = start(&bench, &[]);
    for forged in [format!("state=another&code={CODE}"), "state=another&error=access_denied".to_owned()] {
        let (status, page) = waiting.visit(&format!("/callback?{forged}"));
        assert!(status == 400 && page.contains("<h1>Failed</h1>") && !page.contains("another"), "{page}");
    }
    assert!(!bench.path("pod.json.session").exists());
    let (status, page) = waiting.visit(&format!("/callback?state=kept-state&code={CODE}"));
    assert!(status == 200 && page.contains("<h1>Done</h1>"), "{page}");
    let ended = waiting.end();
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(bench.read("pod.json.session").contains(CODE));
}

#[test]
fn who_does_not_come_back_is_not_waited_for_forever() {
    let Some(bench) = Bench::new() else { return };
    let ended = start(&bench, &["--timeout", "300ms", "--redirect-uri", "http://localhost:9999/back"]).end();
    assert_eq!(ended.code, 4);
    assert!(ended.err.contains("back to http://localhost:9999/back within 0.3 s"), "{}", ended.err);
    assert!(ended.err.contains("client id") && ended.err.contains("redirect URLs"), "{}", ended.err);

    let waiting = start(&bench, &["--timeout", "2s"]);
    assert_eq!(waiting.visit(&format!("/callback?state=another&code={CODE}")).0, 400);
    let ended = waiting.end();
    assert_eq!(ended.code, 4);
    assert!(ended.err.contains("what came last was refused: the state is another"), "{}", ended.err);
}

#[test]
fn where_the_session_could_not_be_kept_nobody_is_sent_to_sign_in() {
    let Some(bench) = Bench::new() else { return };
    std::fs::create_dir(bench.path("pod.json.session.lock")).unwrap();
    let refused = bench.run(&["authorize", "--connection", "pod.json", "--listen", "127.0.0.1:0"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("cannot be kept") && refused.err.contains("writable"), "{}", refused.err);
    assert!(!refused.err.contains("https://"), "{}", refused.err);
}

#[test]
fn what_cannot_be_authorized_is_refused_before_anybody_waits() {
    let Some(bench) = Bench::new() else { return };
    let refused = |arguments: &[&str]| {
        let ended = bench.run(&[&["authorize"], arguments].concat());
        assert!(ended.out.is_empty());
        (ended.code, ended.err)
    };
    let (code, err) = refused(&["--connection", "pod.json", "--listen", "0.0.0.0:8765"]);
    assert!(code == 2 && err.contains("127.0.0.1"), "{err}");
    let (code, err) = refused(&["--connection", "pod.json", "--redirect-uri", "localhost"]);
    assert!(code == 2 && err.contains("redirect URI"), "{err}");
    bench.write("plain.json", r#"{"host": "pod.example.com", "no_browser": true}"#);
    let (code, err) = refused(&["--connection", "plain.json", "--listen", "127.0.0.1:0"]);
    assert!(code == 2 && err.contains("without a browser"), "{err}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, err) = refused(&["--connection", "pod.json", "--listen", &address]);
    assert!(code == 2 && err.contains("cannot be listened on"), "{err}");
}

#[test]
fn for_people_the_address_stands_alone_on_its_line() {
    let Some(bench) = Bench::new() else { return };
    let ended = bench.run(&["authorize", "--connection", "pod.json", "--listen", "127.0.0.1:0", "--timeout", "100ms"]);
    assert_eq!((ended.code, ended.out.as_str()), (4, ""));
    assert!(ended.err.lines().any(|line| line.starts_with("https://example.com/authorize?")), "{}", ended.err);
}
