//! The simulated pod: in the process, kept in a file, and behind a socket. With the real connector, where
//! `dist/oracle-fusion.wasm` is built.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::bench::{Ended, harness};

const SEARCH: &str = r#"{"resource": "invoices", "fields": ["InvoiceId", "InvoiceNumber"], "limit": 2}"#;

struct House {
    folder: tempfile::TempDir,
    connector: PathBuf,
}

impl House {
    fn new() -> Option<Self> {
        let connector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/oracle-fusion.wasm");
        if !connector.is_file() {
            eprintln!("skipped: there is no connector at {}", connector.display());
            return None;
        }
        Some(Self { folder: tempfile::tempdir().unwrap(), connector })
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let connector = self.connector.to_str().unwrap();
        harness(self.folder.path(), &[&["--component", connector][..], arguments].concat(), "")
    }

    /// Starts a command whose output waits in a pipe.
    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("--component")
            .arg(&self.connector)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn search(&self, connection: &str, more: &[&str]) -> Ended {
        let with = ["run", "search_records", "--connection", connection, "--input", SEARCH];
        self.run(&[&with[..], more].concat())
    }

    /// Starts `harness sim`; its settings are in `served.json`.
    fn serve(&self, more: &[&str]) -> Served {
        let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["sim", "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut settings = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut settings).unwrap();
        std::fs::write(self.folder.path().join("served.json"), &settings).unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let url = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
        let flag = lines.next().unwrap().split(' ').next_back().unwrap().to_owned();
        Served { child, url, flag }
    }
}

struct Served {
    child: Child,
    url: String,
    /// What to allow, or the file to trust.
    flag: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ids(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, 0, "{}", ended.err);
    ended.json()["result"].as_array().unwrap().iter().map(|record| record["InvoiceId"].clone()).collect()
}

#[test]
fn a_fresh_pod_answers_each_command_alike() {
    let Some(house) = House::new() else { return };
    let first = house.search("sim", &[]);
    assert_eq!(ids(&first).len(), 2);
    assert_eq!(ids(&house.search("sim", &[])), ids(&first));
    assert_eq!(house.run(&["test", "--connection", "sim"]).code, 0);
}

#[test]
fn ndjson_follows_every_cursor() {
    let Some(house) = House::new() else { return };
    let input = r#"{"resource": "invoices", "fields": ["InvoiceId"], "limit": 400}"#;
    let ended = house.run(&["run", "search_records", "--connection", "sim", "--input", input, "--ndjson"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let ids: std::collections::BTreeSet<String> =
        ended.lines().iter().map(|record| record["InvoiceId"].to_string()).collect();
    assert_eq!((ended.lines().len(), ids.len()), (1000, 1000));
}

#[test]
fn what_a_kept_pod_was_told_it_still_knows() {
    let Some(house) = House::new() else { return };
    assert_eq!(house.search("sim:pod.state", &[]).code, 0);
    let kept = std::fs::read(house.folder.path().join("pod.state")).unwrap();
    assert_eq!(house.search("sim:pod.state", &[]).code, 0);
    assert_ne!(std::fs::read(house.folder.path().join("pod.state")).unwrap(), kept, "the second command is kept, too");
    std::fs::write(house.folder.path().join("odd"), "odd").unwrap();
    let odd = house.search("sim:odd", &[]);
    assert_eq!(odd.code, 2);
    assert!(odd.err.contains("holds no simulated pod"), "{}", odd.err);
}

#[test]
fn commands_at_once_on_one_kept_pod_lose_nothing_of_each_other() {
    let Some(house) = House::new() else { return };
    assert_eq!(house.search("sim:pod.state", &[]).code, 0);
    let numbers: Vec<String> = (1..=4).map(|number| format!("AT-ONCE-{number}")).collect();
    let all: Vec<Child> = numbers
        .iter()
        .map(|number| {
            let input = format!(
                r#"{{"InvoiceNumber": "{number}", "InvoiceAmount": 1, "InvoiceCurrency": "USD",
                    "BusinessUnit": "US1 Business Unit", "Supplier": "Lee Supplies", "SupplierSite": "Lee US1"}}"#
            );
            house.start(&["run", "create_invoice", "--connection", "sim:pod.state", "--input", &input])
        })
        .collect();
    for one in all {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let input = r#"{"resource": "invoices", "fields": ["InvoiceNumber"],
                    "all": [{"attribute": "InvoiceNumber", "operator": "like", "value": "AT-ONCE-*"}]}"#;
    let found = house.run(&["run", "search_records", "--connection", "sim:pod.state", "--input", input]).json();
    let mut found: Vec<&str> =
        found["result"].as_array().unwrap().iter().map(|row| row["InvoiceNumber"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, numbers);
}

#[test]
fn a_kept_pod_that_another_command_uses_is_refused_by_its_name() {
    let Some(house) = House::new() else { return };
    let input = r#"{"resource": "invoices", "limit": 100}"#;
    let mut slow =
        house.start(&["run", "search_records", "--connection", "sim:pod.state", "--input", input, "--ndjson"]);
    // Its first line is here, and the rest does not fit into the pipe.
    let mut lines = BufReader::new(slow.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    let refused = house.search("sim:pod.state", &["--json"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    let message = refused.problem()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("pod.state") && message.contains("another command"), "{message}");
    assert_eq!(house.search("sim:other.state", &[]).code, 0, "another pod is nobody's");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(slow.wait().unwrap().success());
    assert_eq!(rest.lines().count(), 999);
    assert_eq!(ids(&house.search("sim:pod.state", &[])).len(), 2);
}

#[cfg(unix)]
#[test]
fn whoever_reads_the_first_records_alone_ends_the_command_quietly() {
    let Some(house) = House::new() else { return };
    let input = r#"{"resource": "invoices", "limit": 100}"#;
    let with = ["run", "search_records", "--connection", "sim", "--input", input, "--ndjson", "--state", "s.db"];
    let mut command = house.start(&with);
    let mut first = String::new();
    BufReader::new(command.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.ends_with("}\n"), "{first}");
    let output = command.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let noted = house.run(&["events", "--state", "s.db", "--kind", "call"]).lines();
    assert_eq!((noted.len(), &noted[0]["outcome"]), (1, &"done".into()));
    let mut command = house.start(&["describe", "--json"]);
    drop(command.stdout.take());
    let output = command.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    // Events are handed over, and what nobody read was not taken.
    let input = r#"{"resource": "invoices", "since": "beginning"}"#;
    let poll = ["poll", "new_record", "--connection", "sim", "--input", input, "--state", "polls.db"];
    let mut command = house.start(&poll);
    drop(command.stdout.take());
    assert_eq!(command.wait_with_output().unwrap().status.code(), Some(4));
    assert_eq!(house.run(&["events", "--state", "polls.db", "--kind", "acknowledged"]).out, "");
}

#[test]
fn a_scenario_that_does_not_fit_is_refused() {
    let Some(house) = House::new() else { return };
    std::fs::write(house.folder.path().join("odd.yaml"), "faults:\n  - name: NOPE\n").unwrap();
    let refused = house.search("sim", &["--scenario", "odd.yaml"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("NOPE"), "{}", refused.err);
}

#[test]
fn a_recording_of_the_simulated_pod_replays() {
    let Some(house) = House::new() else { return };
    let first = house.search("sim", &["--record", "tape.json"]);
    let again = house.search("sim", &["--replay", "tape.json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(again.out, first.out);
    let other = house.run(&["run", "list_resources", "--connection", "sim", "--input", "{}", "--replay", "tape.json"]);
    assert_eq!(other.code, 1);
}

#[test]
fn over_http_it_is_reached_where_that_is_allowed() {
    let Some(house) = House::new() else { return };
    let served = house.serve(&["--invoices", "5"]);
    assert!(served.url.starts_with("http://127.0.0.1:"));
    let refused = house.search("served.json", &[]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    let report = house.run(&["--json", "test", "--connection", "served.json"]);
    assert_eq!(report.code, 1);
    let flag = format!("Allow it with --allow-http {}.", served.flag);
    assert!(report.json()["checks"].as_array().unwrap().iter().any(|check| check["remedy"] == flag), "{}", report.out);
    let ended = house.search("served.json", &["--allow-http", &served.flag]);
    assert_eq!(ids(&ended).len(), 2);
}

#[test]
fn over_https_its_issuer_must_be_trusted() {
    let Some(house) = House::new() else { return };
    let served = house.serve(&["--tls"]);
    assert!(served.url.starts_with("https://127.0.0.1:"));
    let refused = house.search("served.json", &[]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("certificate") && refused.err.contains("--ca-file"), "{}", refused.err);
    assert_eq!(ids(&house.search("served.json", &["--ca-file", &served.flag])).len(), 2);
}

#[test]
fn each_kind_of_sign_in_has_settings_that_work() {
    let Some(house) = House::new() else { return };
    for kind in ["basic", "jwt", "oauth_client_credentials", "oauth_jwt_assertion"] {
        let served = house.serve(&["--invoices", "5", "--auth", kind]);
        let settings: Value =
            serde_json::from_slice(&std::fs::read(house.folder.path().join("served.json")).unwrap()).unwrap();
        assert_eq!((&settings["host"], &settings["auth"]["type"]), (&served.url.clone().into(), &kind.into()));
        let ended = house.search("served.json", &["--allow-http", &served.flag]);
        assert_eq!(ended.code, 0, "{kind}: {}", ended.err);
        assert_eq!(ids(&ended).len(), 2);
    }
}

/// Asks for a page as a browser does; the whole answer.
fn visit(address: &str) -> String {
    let (authority, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_browser_signs_in_to_the_simulated_pod() {
    let Some(house) = House::new() else { return };
    let served = house.serve(&["--invoices", "5", "--auth", "oauth_authorization_code"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("--component")
        .arg(&house.connector)
        .args(["--json", "authorize", "--connection", "served.json", "--listen", "127.0.0.1:0"])
        .args(["--allow-http", &served.flag])
        .current_dir(house.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let invitation: Value = serde_json::from_str(&line).unwrap();
    let redirected = visit(invitation["url"].as_str().unwrap());
    let back = redirected.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert!(visit(back).contains("<h1>Done</h1>"));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(ids(&house.search("served.json", &["--allow-http", &served.flag])).len(), 2);
}

#[test]
fn a_certificate_with_a_fault_is_refused() {
    let Some(house) = House::new() else { return };
    for (fault, word, remedy) in [
        ("expired", "it expired on 2021-01-01", "date of this machine"),
        ("wrong-name", "for elsewhere.example.com, and not for 127.0.0.1", "a name that the certificate carries"),
        ("unknown", "an authority that is not trusted here", "--ca-file"),
    ] {
        let served = house.serve(&["--tls", "--invoices", "5", "--bad-certificate", fault]);
        let refused = house.search("served.json", &["--ca-file", &served.flag]);
        assert_eq!(refused.code, 3, "{fault}: {}", refused.err);
        assert!(refused.err.contains(word) && refused.err.contains(remedy), "{fault}: {}", refused.err);
        assert_eq!(refused.err.contains("--ca-file"), fault == "unknown", "{fault}: {}", refused.err);

        let with = ["--json", "test", "--connection", "served.json", "--ca-file", &served.flag];
        let report = house.run(&with).json();
        let check = report["checks"].as_array().unwrap().iter().find(|check| check["id"] == "tls").unwrap();
        let text = |name: &str| check[name].as_str().unwrap().to_owned();
        assert!(text("cause").contains(&word.replacen("it ", "It ", 1)), "{check}");
        assert!(text("remedy").contains(remedy), "{check}");
    }
}

#[test]
fn many_records_are_a_table_or_csv() {
    let Some(house) = House::new() else { return };
    let csv = house.search("sim", &["--csv"]);
    assert_eq!(csv.code, 0, "{}", csv.err);
    let lines: Vec<&str> = csv.out.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "InvoiceId,InvoiceNumber"));
    assert!(csv.err.contains("\"cursor\""), "there are more: {}", csv.err);
    let table = house.search("sim", &["--table"]);
    assert!(table.code == 0 && table.out.contains("InvoiceNumber") && !table.out.contains('{'), "{}", table.out);
    assert_eq!(house.search("sim", &["--table", "--ndjson"]).code, 2);
    let one = house.run(&["run", "list_resources", "--connection", "sim", "--input", "{}", "--csv"]);
    assert_eq!(one.code, 0, "{}", one.err);
}
