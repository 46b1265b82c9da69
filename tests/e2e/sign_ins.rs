//! Sign-ins as the command does them: through the browser, kept beside the connection, shared by processes.

use serde_json::{Value, json};

use crate::served::{Served, ended};

const SEARCH: &str = r#"{"resource": "invoices", "fields": ["InvoiceId"], "limit": 3}"#;

#[test]
fn a_browser_signs_in_and_the_session_is_kept() {
    let served = Served::new("oauth_authorization_code", json!([]));
    let run = ["run", "search_records", "--connection", "pod.json", "--input", SEARCH];
    let before = served.harness(&run);
    assert_eq!(before.code, 3, "{}", before.err);
    assert!(before.err.contains("harness authorize"), "{}", before.err);

    let authorized = served.authorize();
    assert_eq!(authorized.code, 0, "{}", authorized.err);
    assert_eq!(served.harness(&run).code, 0);
    assert_eq!(served.harness(&["test", "--connection", "pod.json"]).code, 0);
    assert_eq!(served.pod.token_requests(), 1);
}

#[test]
fn consent_that_is_denied_is_told() {
    let served = Served::new("oauth_authorization_code", json!([{"name": "consent_denied"}]));
    let authorized = served.authorize();
    assert_eq!(authorized.code, 3, "{}", authorized.err);
    assert!(authorized.err.contains("access_denied"), "{}", authorized.err);
}

#[test]
fn twenty_processes_on_one_refresh_token_cause_one_token_request() {
    let served = Served::new("oauth_authorization_code", json!([]));
    assert_eq!(served.authorize().code, 0);
    // The token of the sign-in has died; its refresh token is good once.
    let path = served.path("pod.json.session");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    kept["expires_at"] = 1.into();
    std::fs::write(&path, kept.to_string()).unwrap();
    let before = served.pod.token_requests();
    let run = ["run", "search_records", "--connection", "pod.json", "--input", SEARCH];
    let children: Vec<_> = (0..20).map(|_| served.start(&run)).collect();
    for child in children {
        let ended = ended(child);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(!ended.err.contains("invalid_grant"));
    }
    assert_eq!(served.pod.token_requests() - before, 1);
}

#[test]
fn two_hundred_pages_and_three_ends_of_the_session_in_one_command() {
    let end = |after: u32| json!({"name": "E3", "resource": "invoices", "after": after, "times": 1});
    let faults = json!([{"name": "P1", "limit": 5}, end(50), end(100), end(150)]);
    for kind in ["jwt", "oauth_client_credentials", "oauth_jwt_assertion", "oauth_authorization_code"] {
        let served = Served::new(kind, faults.clone());
        if kind == "oauth_authorization_code" {
            assert_eq!(served.authorize().code, 0);
        }
        // One answer for the kinds that renew within a call; the browser's kind goes on from cursor to cursor.
        let search = r#"{"resource": "invoices", "fields": ["InvoiceId"], "limit": 10000}"#;
        let run = served.harness(&["run", "search_records", "--connection", "pod.json", "--input", search, "--ndjson"]);
        assert_eq!(run.code, 0, "{kind}: {}", run.err);
        let mut rows: Vec<&str> = run.out.lines().collect();
        assert_eq!(rows.len(), 1000, "{kind}");
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 1000, "{kind}");
        assert_eq!(served.pod.sign_ins(), 4, "{kind}");
    }
}

#[test]
fn a_session_that_died_is_renewed_once_and_not_by_every_call_after() {
    let end = |after: u32| json!({"name": "E3", "resource": "invoices", "after": after, "times": 1});
    let served = Served::new("oauth_client_credentials", json!([end(2), end(5)]));
    let run =
        ["run", "search_records", "--connection", "pod.json", "--input", r#"{"resource": "invoices"}"#, "--ndjson"];
    let ended = served.harness(&run);
    assert_eq!((ended.code, ended.out.lines().count()), (0, 1000), "{}", ended.err);
    // The first, and for each end one within the call and one for those after it.
    assert_eq!(served.pod.token_requests(), 5);
}
