//! The canary: whatever fails, nothing that anybody can read holds a secret.
//!
//! The spellings are worked out here and not taken from the code that hides them.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::served::{Ended, Served};
use crate::stage::KINDS;

/// A piece of a secret that is long enough to be one.
const PIECE: usize = 16;

/// Everything that must not be found: short secrets whole, of longer ones each piece.
struct Canary {
    whole: BTreeSet<Vec<u8>>,
    pieces: HashSet<Vec<u8>>,
}

impl Canary {
    fn of(secrets: &BTreeSet<String>) -> Self {
        let mut canary = Self { whole: BTreeSet::new(), pieces: HashSet::new() };
        for secret in secrets {
            // Of a key the lines count; the first and the last are no secret.
            let key = secret.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>();
            let body = key.join("\n");
            for spelling in spellings(&body).into_iter().chain(spellings(&key.concat())) {
                if spelling.len() < PIECE {
                    canary.whole.insert(spelling);
                } else {
                    canary.pieces.extend(spelling.windows(PIECE).map(<[u8]>::to_vec));
                }
            }
        }
        canary
    }

    /// The first piece of a secret in a text.
    fn found(&self, text: &[u8]) -> Option<String> {
        let piece = text.windows(PIECE).find(|window| self.pieces.contains(*window)).map(<[u8]>::to_vec);
        let whole =
            || self.whole.iter().find(|whole| text.windows(whole.len()).any(|window| window == whole.as_slice()));
        piece.or_else(|| whole().cloned()).map(|piece| String::from_utf8_lossy(&piece).into_owned())
    }
}

fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let percent = |keep: &str| {
        secret.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || keep.bytes().any(|kept| kept == byte) {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").unwrap();
            }
            out
        })
    };
    let json = serde_json::to_string(secret).unwrap();
    let mut all = vec![secret.to_owned(), percent(""), percent("-._~"), json[1..json.len() - 1].to_owned()];
    for before in 0..3 {
        let padded = [vec![0; before], secret.as_bytes().to_vec()].concat();
        // Without the letters that also hold bits of a neighbour.
        let whole = padded.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            all.push(text[(before * 8).div_ceil(6)..whole].to_owned());
        }
    }
    all.into_iter().map(String::into_bytes).collect()
}

fn faults() -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&str, Value)> = vec![("none", json!([]))];
    for name in [
        "E1",
        "E3",
        "E5",
        "E11",
        "E7",
        "P2",
        "broken_body",
        "cut_body",
        "html_page",
        "sign_in_page",
        "sso_redirect",
        "wrong_pillar",
        "token_html",
        "token_unavailable",
        "no_roles_api",
    ] {
        all.push((name, json!([{ "name": name }])));
    }
    all.push(("E6", json!([{"name": "E6", "retry_after": "1"}])));
    all.push(("clock_skew", json!([{"name": "clock_skew", "seconds": 900}])));
    for (name, status) in
        [("echo 400", 400), ("echo 401", 401), ("echo 403", 403), ("echo 500", 500), ("echo 200", 200)]
    {
        all.push((name, json!([{"name": "secret_echo", "status": status}])));
    }
    all
}

/// Wrong in the settings rather than at the server.
fn misfits(served: &mut Served, kind: &str) {
    let auth = &mut served.settings["auth"];
    match kind {
        "basic" => auth["password"] = "Wrong-password-of-some-length".into(),
        "jwt" => auth["issuer"] = "nobody knows this one".into(),
        _ => auth["client_secret"] = "Wrong-secret-of-some-length".into(),
    }
    served.write_connection();
}

fn commands(served: &Served) -> Vec<(Ended, &'static str)> {
    let search = r#"{"resource": "invoices", "fields": ["InvoiceId"], "limit": 3}"#;
    std::fs::write(served.path("search.json"), search).unwrap();
    let run = ["run", "search_records", "--connection", "pod.json", "--input", "@search.json"];
    let create = json!({"resource": "suppliers", "values": {"Supplier": "Canary"}}).to_string();
    std::fs::write(served.path("create.json"), create).unwrap();
    vec![
        (served.harness(&["test", "--connection", "pod.json"]), "test"),
        (served.harness(&["test", "--connection", "pod.json", "--json"]), "test --json"),
        (served.harness(&[&run[..], &["--record", "cassette.yaml"]].concat()), "run --record"),
        (
            served.harness(&["run", "create_invoice", "--connection", "pod.json", "--input", "@create.json", "--json"]),
            "create",
        ),
    ]
}

#[test]
fn no_output_holds_a_secret_whatever_fails() {
    let mut leaks = Vec::new();
    let mut looked = 0;
    for kind in KINDS {
        for (name, faults) in faults().into_iter().chain([("wrong settings", json!([]))]) {
            let mut served = Served::new(kind, faults);
            if name == "wrong settings" {
                misfits(&mut served, kind);
            }
            let mut ended = Vec::new();
            if kind == "oauth_authorization_code" {
                // The fault comes after the sign-in too, where that still works.
                ended.push((served.authorize(), "authorize"));
            }
            ended.extend(commands(&served));
            let canary = Canary::of(&served.secrets());
            let mut look = |what: &str, text: &[u8]| {
                looked += 1;
                if let Some(piece) = canary.found(text) {
                    leaks.push(format!("{kind}, {name}, {what}: {piece}"));
                }
            };
            for (ended, command) in &ended {
                look(&format!("stdout of {command}"), ended.out.as_bytes());
                look(&format!("stderr of {command}"), ended.err.as_bytes());
            }
            if let Ok(cassette) = std::fs::read(served.path("cassette.yaml")) {
                look("the cassette", &cassette);
            }
        }
    }
    assert!(leaks.is_empty(), "{} of {looked} texts leak:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn the_canary_sings() {
    let secrets: BTreeSet<String> = ["Simulated-1".to_owned(), "a-token-of-some-length.with.parts".to_owned()].into();
    let canary = Canary::of(&secrets);
    for text in [
        "password Simulated-1.",
        "token-of-some-length",
        "Simulated%2D1",
        &STANDARD_NO_PAD.encode("integration.user:Simulated-1"),
        &URL_SAFE_NO_PAD.encode("xy a-token-of-some-length.with.parts"),
    ] {
        assert!(canary.found(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(canary.found(b"Simulated-2 and a-token-of-some"), None);
}

#[test]
fn the_manifest_and_the_golden_files_hold_no_secret() {
    let served = Served::new("basic", json!([]));
    let described = served.harness(&["describe", "--json"]);
    assert_eq!(described.code, 0, "{}", described.err);
    let canary = Canary::of(&["Simulated-1", "Simulated-secret-1", crate::stage::KEY].map(str::to_owned).into());
    assert_eq!(canary.found(described.out.as_bytes()), None);
}
