//! How the pod's answers about users are read, and what is asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;
use crate::http::fake::{Fake, json, typed};
use crate::settings::Settings;

const NOBODY: &str = r#"{"items":[],"count":0,"hasMore":false}"#;

fn find(door: &Fake, name: &str) -> Result<Lookup> {
    let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
    let settings = Settings::parse(text).unwrap();
    find_user(&Pod::new(door, &settings, None)?, name)
}

fn asked(door: &Fake) -> Vec<String> {
    let decode = |path: &str| percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned();
    door.sent.borrow().iter().map(|request| decode(&request.path)).collect()
}

#[test]
fn user_accounts_tell_the_user_and_the_roles() {
    let door = Fake::new([json(
        200,
        r#"{"items":[{"UserId":300100046987012,"Username":"int_gl","GUID":"AB12","PersonId":300000000000000001,"PersonNumber":"77","SuspendedFlag":false,
           "userAccountRoles":{"items":[{"RoleId":9,"RoleCode":"ORA_X_JOB","RoleName":null}],"count":1,"hasMore":false}}],"count":1,"hasMore":false}"#,
    )]);
    let lookup = find(&door, "INT_GL").unwrap();
    let user = lookup.user.clone().unwrap();
    assert_eq!((user.id.as_deref(), user.active), (Some("AB12"), Some(true)));
    assert_eq!(user.person_id.as_deref(), Some("300000000000000001"));
    assert_eq!(lookup.roles().unwrap()[0].code.as_deref(), Some("ORA_X_JOB"));
    assert_eq!(lookup.roles_source, Some(Source::UserAccounts));
    assert!(asked(&door)[0].contains("q=Username = 'INT_GL'&expand=userAccountRoles"));
}

#[test]
fn a_name_is_found_in_any_case_and_its_quotes_end_nothing() {
    let door = Fake::new([
        json(200, NOBODY),
        json(200, r#"{"items":[{"Username":"o'neil","GUID":"A","userAccountRoles":[]}],"count":1}"#),
    ]);
    let lookup = find(&door, "O'Neil").unwrap();
    assert_eq!(lookup.user.unwrap().roles, Some(Vec::new()));
    assert!(asked(&door)[0].contains("q=Username = 'O''Neil'"));
    assert!(asked(&door)[1].contains("q=upper(Username) = 'O''NEIL'"));
}

#[test]
fn roles_are_read_to_the_end() {
    let page = |from: usize, count: usize, more: bool| {
        let rows: Vec<String> = (from..from + count).map(|n| format!(r#"{{"RoleCode":"R{n}"}}"#)).collect();
        format!(r#"{{"items":[{}],"count":{count},"hasMore":{more}}}"#, rows.join(","))
    };
    let user = format!(r#"{{"items":[{{"Username":"u","GUID":"A/B","userAccountRoles":{}}}]}}"#, page(0, 499, true));
    let door = Fake::new([json(200, &user), json(200, &page(0, 500, true)), json(200, &page(500, 3, false))]);
    let user = find(&door, "u").unwrap().user.unwrap();
    assert_eq!((user.roles.unwrap().len(), user.roles_cut), (503, false));
    assert!(door.sent.borrow()[1].path.contains("/userAccounts/A%2FB/child/userAccountRoles?"));
    assert!(door.sent.borrow()[2].path.ends_with("&offset=500"));
}

#[test]
fn scim_answers_where_user_accounts_refuse() {
    let scim = r#"{"totalResults":1,"Resources":[{"id":"X1","userName":"u","name":{"givenName":"Ida","familyName":"Ng"},
        "emails":[{"value":"a@x"},{"value":"b@x","primary":true}],"active":true,
        "urn:scim:schemas:extension:fa:2.0:faUser":{"workerInformation":[{"personNumber":"12"}]},
        "roles":[{"id":"1","value":"ORA_A_JOB","displayName":"A"},{"id":"2","value":"2","displayName":"B"},{"displayName":"C"},{}]}]}"#;
    let door = Fake::new([typed(403, "text/html", "<h1>Forbidden</h1>"), json(200, scim)]);
    let lookup = find(&door, "u").unwrap();
    let user = lookup.user.clone().unwrap();
    assert_eq!((user.name.as_deref(), user.email.as_deref()), (Some("Ida Ng"), Some("b@x")));
    assert_eq!(user.person_number.as_deref(), Some("12"));
    let codes: Vec<_> = lookup.roles().unwrap().iter().map(|role| role.code.as_deref()).collect();
    assert_eq!(codes, [Some("ORA_A_JOB"), None, None]);
    assert_eq!(lookup.roles_source, Some(Source::Scim));
    assert_eq!(lookup.tried[0].failure.as_ref().unwrap().problem.http_status, Some(403));
    assert!(asked(&door)[1].contains(r#"/hcmRestApi/scim/Users?filter=userName eq "u"&startIndex=1"#));
}

#[test]
fn both_refusals_are_told() {
    let door = Fake::new([typed(404, "", ""), typed(403, "", "")]);
    let lookup = find(&door, "u").unwrap();
    assert!(lookup.user.is_none() && lookup.roles_source.is_none());
    let said: Vec<_> = lookup.tried.iter().map(|tried| tried.failure.as_ref().unwrap().problem.http_status).collect();
    assert_eq!(said, [Some(404), Some(403)]);
}

#[test]
fn a_pod_that_lets_nobody_in_is_an_error() {
    let door = Fake::new([typed(401, "", "")]);
    assert_eq!(find(&door, "u").unwrap_err().kind(), ProblemKind::Unauthenticated);
}

#[test]
fn roles_that_an_account_does_not_show_come_from_scim() {
    let door = Fake::new([
        json(200, r#"{"items":[{"Username":"u","GUID":"A","PersonNumber":"7"}]}"#),
        typed(403, "", ""),
        json(200, r#"{"Resources":[{"userName":"U","roles":[{"value":"R_JOB"}]}]}"#),
    ]);
    let lookup = find(&door, "u").unwrap();
    assert_eq!(lookup.user.as_ref().unwrap().person_number.as_deref(), Some("7"));
    assert_eq!((lookup.roles().unwrap().len(), lookup.roles_source), (1, Some(Source::Scim)));
}

proptest! {
    #[test]
    fn any_answer_is_a_user_or_none(text in "\\PC{0,80}") {
        let told = serde_json::json!({"Username": text, "userName": text, "userAccountRoles": text, "roles": [text], "emails": [text]});
        for told in [told, Value::from(text)] {
            let _ = User::from_account(&told);
            let _ = User::from_scim(&told);
        }
    }
}
