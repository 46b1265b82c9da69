//! Every way in, against an identity domain and a pod that verify what they are shown.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host_harness::contract::actions::Outcome;
use host_harness::contract::connections::CheckStatus;
use host_harness::contract::types::{Call, Connection, ProblemKind};
use host_harness::sessions::Keeper;
use host_harness::state::MemoryStore;
use serde_json::{Value, json};

use crate::stage::{CERTIFICATE, KINDS, Stage, column};

fn one() -> Value {
    json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 1})
}

/// Follows a search to its end as an engine does: where the session ended, it signs in and goes on.
fn read_all(stage: &mut Stage, input: &Value) -> Vec<Value> {
    let (mut rows, mut input) = (Vec::new(), input.clone());
    loop {
        match stage.run("search_records", input.clone()) {
            Ok(output) => {
                rows.extend(output["result"].as_array().unwrap().iter().cloned());
                if output["next_cursor"].is_null() {
                    return rows;
                }
                input["cursor"] = output["next_cursor"].clone();
            }
            Err(refused) => {
                assert!(refused.again && refused.problem.kind == ProblemKind::Unauthenticated, "{refused:?}");
                stage.session = Some(stage.authenticate().unwrap());
            }
        }
    }
}

#[test]
fn every_kind_signs_in_and_works() {
    for kind in KINDS {
        let stage = Stage::of_kind(kind, json!([]));
        let output = stage.run("search_records", one()).unwrap_or_else(|refused| panic!("{kind}: {refused:?}"));
        assert_eq!(output["result"].as_array().unwrap().len(), 1, "{kind}");
        let bad: Vec<_> = stage.checks().into_iter().filter(|check| check.status == CheckStatus::Failed).collect();
        assert!(bad.is_empty(), "{kind}: {bad:?}");
    }
}

#[test]
fn an_application_without_a_secret_proves_itself_with_the_key() {
    let mut stage = Stage::of_kind("oauth_jwt_assertion", json!([]));
    stage.settings["auth"].as_object_mut().unwrap().remove("client_secret");
    stage.settings["auth"]["certificate_alias"] = "fusion-key".into();
    stage.run("search_records", one()).unwrap();
    assert_eq!(stage.pod.as_ref().unwrap().token_requests(), 1);
}

#[test]
fn two_hundred_pages_and_three_ends_of_the_session_give_every_row_once_and_four_sign_ins() {
    let search = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 10_000});
    let keys = column(&read_all(&mut Stage::sim(json!([])), &search), "InvoiceId");
    for kind in &KINDS[1..] {
        let end = |after: u32| json!({"name": "E3", "resource": "invoices", "after": after, "times": 1});
        let mut stage = Stage::of_kind(kind, json!([{"name": "P1", "limit": 5}, end(50), end(100), end(150)]));
        let read = column(&read_all(&mut stage, &search), "InvoiceId");
        assert_eq!(read, keys, "{kind}");
        let pages = stage.arrived().iter().filter(|request| request.contains("/invoices?")).count();
        assert!(pages >= 200, "{kind}: {pages} pages");
        assert_eq!(stage.pod.as_ref().unwrap().sign_ins(), 4, "{kind}");
    }
}

#[test]
fn a_thousand_calls_on_one_expired_session_cause_one_token_request() {
    let mut stage = Stage::of_kind("oauth_authorization_code", json!([]));
    let pod = stage.pod.take().unwrap();
    let (run, settings) = (stage.host_run(), stage.settings.to_string());
    let keeper = Arc::new(Keeper::new(Mutex::new(MemoryStore::default())));
    let before = pod.token_requests();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        keeper.adopt(&run, "one", stage.session.clone().unwrap()).await.unwrap();
        pod.clock().advance(Duration::from_secs(7200));
        let calls = (0..1000).map(|number| {
            let (keeper, connector, run, settings) =
                (keeper.clone(), stage.connector.clone(), run.clone(), settings.clone());
            tokio::spawn(async move {
                let live = keeper.session(&connector, &run, "one", &settings).await.unwrap();
                let connection = Connection { settings, session: Some(live.session.clone()) };
                let call = Call { id: format!("call-{number}"), attempt: 0, remaining_ms: None };
                let input = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 1}).to_string();
                match connector.invoke(&run, &connection, &call, "search_records", &input).await.unwrap() {
                    Outcome::Done(output) => serde_json::from_str::<Value>(&output).unwrap()["result"][0].is_object(),
                    Outcome::Pending(job) => panic!("it pends: {}", job.status),
                }
            })
        });
        for call in futures::future::join_all(calls).await {
            assert!(call.unwrap());
        }
    });
    assert_eq!(pod.token_requests() - before, 1);
}

#[test]
fn a_second_refusal_is_told_with_its_cause() {
    for kind in KINDS {
        let mut stage = Stage::of_kind(kind, json!([{"name": "E3"}]));
        let mut refused = stage.run("search_records", one()).unwrap_err();
        if refused.again {
            // Only a person's session is renewed from outside.
            assert_eq!(kind, "oauth_authorization_code");
            stage.session = Some(stage.authenticate().unwrap());
            refused = stage.again("search_records", one()).unwrap_err();
        }
        assert_eq!(refused.problem.kind, ProblemKind::Unauthenticated, "{kind}");
        assert!(!refused.again && refused.problem.remedy.is_some(), "{kind}: {refused:?}");
    }
}

#[test]
fn a_refresh_token_is_used_once_and_the_browser_is_checked() {
    let mut stage = Stage::of_kind("oauth_authorization_code", json!([]));
    let first = stage.session.clone();
    stage.session = Some(stage.authenticate().unwrap());
    stage.run("search_records", one()).unwrap();
    stage.session = first;
    let refused = stage.authenticate().unwrap_err();
    assert_eq!((refused.again, refused.problem.remote_code.as_deref()), (false, Some("invalid_grant")));
    assert!(refused.problem.remedy.unwrap().contains("harness authorize"));

    let (keep, query) = stage.browse();
    let other = stage.browse().0;
    assert_eq!(stage.complete(&other, &query).unwrap_err().problem.kind, ProblemKind::InvalidInput);
    stage.complete(&keep, &query).unwrap();
    // A code is good once.
    assert_eq!(stage.complete(&keep, &query).unwrap_err().problem.kind, ProblemKind::Unauthenticated);
}

/// Who is wrong, and by which words the remedy tells it.
#[test]
fn each_refusal_of_the_identity_domain_has_its_own_remedy() {
    let set = |kind: &str, member: &str, value: &str| {
        let mut stage = Stage::of_kind(kind, json!([]));
        stage.settings["auth"][member] = value.into();
        stage
    };
    let (client, assertion) = ("oauth_client_credentials", "oauth_jwt_assertion");
    for (stage, code, words) in [
        (set(client, "client_secret", "Wrong-secret-1"), "invalid_client", "client secret"),
        (set(client, "client_id", "expired-client"), "invalid_client", "has expired"),
        (set(client, "scope", "urn:opc:other::all"), "invalid_scope", "Resources"),
        (set(assertion, "client_id", "cc-only-client"), "unauthorized_client", "JWT assertion"),
        (set(assertion, "username", "nobody"), "invalid_grant", "nobody is the name of an active user"),
        (set(assertion, "username", "suspended.user"), "invalid_grant", "active user"),
    ] {
        let refused = stage.run("search_records", one()).unwrap_err();
        assert_eq!(refused.problem.kind, ProblemKind::Unauthenticated, "{code}");
        assert_eq!(refused.problem.remote_code.as_deref(), Some(code), "{refused:?}");
        let remedy = refused.problem.remedy.unwrap();
        assert!(remedy.contains(words), "{code}: {remedy}");
    }
    // The token is good, and the pod knows nobody of that name.
    let refused = set(client, "client_id", "no-user-client").run("search_records", one()).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Unauthenticated);
    assert!(refused.problem.remedy.unwrap().contains("a user whose name is the client id"));
}

#[test]
fn a_token_address_outside_the_identity_domains_gets_no_secret() {
    let mut stage = Stage::of_kind("oauth_client_credentials", json!([]));
    stage.settings["auth"]["token_url"] = "https://idcs.attacker.example/oauth2/v1/token".into();
    let refused = stage.run("search_records", one()).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Forbidden);
    assert!(refused.problem.remedy.unwrap().contains("--allow-host idcs.attacker.example"));
    assert_eq!(stage.arrived().len(), 0);
}

#[test]
fn a_jwt_verifies_with_openssl_and_names_the_certificate() {
    let seen = Arc::new(Mutex::new(String::new()));
    let tap = seen.clone();
    let stage = Stage::of_kind("jwt", json!([])).through(move |request| {
        *tap.lock().unwrap() = request.headers()["authorization"].to_str().unwrap().to_owned();
    });
    stage.run("search_records", one()).unwrap();
    let token = seen.lock().unwrap().strip_prefix("Bearer ").unwrap().to_owned();

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let (input, signature) = token.rsplit_once('.').unwrap();
    std::fs::write(path("certificate"), CERTIFICATE).unwrap();
    std::fs::write(path("input"), input).unwrap();
    std::fs::write(path("signature"), URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    std::fs::write(path("public"), openssl(&["x509", "-in", &path("certificate"), "-pubkey", "-noout"])).unwrap();
    let told =
        openssl(&["dgst", "-sha256", "-verify", &path("public"), "-signature", &path("signature"), &path("input")]);
    assert_eq!(told.trim(), "Verified OK");

    let told = openssl(&["x509", "-in", &path("certificate"), "-noout", "-fingerprint", "-sha1"]);
    let digits = told.trim().split_once('=').unwrap().1.split(':');
    let fingerprint: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    let header = URL_SAFE_NO_PAD.decode(input.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["x5t"].as_str().unwrap(), URL_SAFE_NO_PAD.encode(fingerprint));
    assert_eq!(header["alg"], "RS256");
}

/// Each fault that an administrator meets: on which connection, which check names it, in which words.
#[test]
fn the_report_names_what_is_wrong_and_where_to_click() {
    use CheckStatus::{Failed, Warning};
    let client = "oauth_client_credentials";
    let fault = |name: &str| json!([{"name": name}]);
    let table: [(&str, Value, &[(&str, &str)], &str, CheckStatus, &str, &str); 19] = [
        ("basic", fault("sign_in_page"), &[], "fusion_pod", Failed, "page for people", "address bar"),
        ("basic", fault("sso_redirect"), &[], "fusion_pod", Failed, "sign-in page", "pod's own name"),
        ("basic", fault("wrong_pillar"), &[], "fusion_pod", Failed, "another pillar", "on which that runs"),
        ("basic", json!([]), &[("password", "Wrong-1")], "credentials", Failed, "401", "password has not expired"),
        ("basic", json!([]), &[("username", "expired.user")], "credentials", Failed, "", "expired"),
        ("basic", json!([]), &[("username", "locked.user")], "credentials", Failed, "401", "account is active"),
        ("basic", json!([]), &[("username", "suspended.user")], "credentials", Failed, "401", "account is active"),
        ("basic", json!([]), &[("username", "no.privilege")], "rest_fscm", Warning, "403", "Roles"),
        ("basic", json!([]), &[("username", "no.data")], "rest_fscm", Warning, "sees none", "Data Access"),
        ("basic", fault("no_roles_api"), &[], "user", Warning, "", "Security Console"),
        ("basic", json!([{"name": "E6", "retry_after": "1"}]), &[], "reachable", Failed, "too many requests", "Wait"),
        ("jwt", json!([]), &[("issuer", "Another")], "credentials", Failed, "401", "trusted issuer"),
        ("jwt", json!([{"name": "clock_skew", "seconds": 600}]), &[], "clock", Warning, "600 seconds behind", "clock"),
        ("jwt", json!([{"name": "clock_skew", "seconds": -600}]), &[], "clock", Warning, "600 seconds ahead", "clock"),
        (client, json!([]), &[("client_secret", "Wrong-secret-9")], "sign_in", Failed, "invalid_client", "secret"),
        (
            client,
            json!([]),
            &[("client_id", "no-user-client")],
            "credentials",
            Failed,
            "401",
            "whose name is the client id",
        ),
        (client, fault("token_html"), &[], "sign_in", Failed, "token endpoint", "token address"),
        (client, json!([{"name": "token_unavailable"}]), &[], "sign_in", Failed, "503", ""),
        (
            "oauth_jwt_assertion",
            json!([]),
            &[("username", "nobody")],
            "sign_in",
            Failed,
            "invalid_grant",
            "active user",
        ),
    ];
    for (kind, faults, members, id, status, cause, remedy) in table {
        let mut stage = Stage::of_kind(kind, faults.clone());
        for (member, value) in members {
            stage.settings["auth"][member] = (*value).into();
        }
        if members.iter().any(|(member, _)| *member == "username") && kind == "basic" {
            stage.settings["auth"]["password"] = "Simulated-1".into();
        }
        let checks = stage.checks();
        let told = format!("{kind} {faults} {members:?}: {checks:#?}");
        let check = checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("{told}"));
        assert_eq!(check.status, status, "{told}");
        assert!(check.cause.as_ref().unwrap().contains(cause), "{told}");
        assert!(check.remedy.as_ref().unwrap().contains(remedy), "{told}");
        // What went wrong before it is named already; what comes after a failure depends on it no more.
        let before = checks.iter().take_while(|check| check.id != id);
        assert!(before.clone().all(|check| check.status != Failed), "{told}");
    }
}

#[test]
fn a_session_that_a_person_began_is_tested_as_it_is() {
    let mut stage = Stage::of_kind("oauth_authorization_code", json!([]));
    let before = stage.pod.as_ref().unwrap().token_requests();
    let checks = stage.checks();
    assert!(checks.iter().all(|check| check.status != CheckStatus::Failed), "{checks:#?}");
    assert_eq!(stage.pod.as_ref().unwrap().token_requests(), before, "a test uses no refresh token up");
    stage.session = None;
    let checks = stage.checks();
    let last = checks.last().unwrap();
    assert_eq!((last.id.as_str(), last.status), ("sign_in", CheckStatus::Failed));
    assert!(last.remedy.as_ref().unwrap().contains("harness authorize"));
}
