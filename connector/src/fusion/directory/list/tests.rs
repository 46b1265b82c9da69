//! Lists of users and roles, as a pod's answers make them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::http::SendError;
use crate::http::fake::{Fake, json, typed};
use crate::settings::Settings;

type Answer = std::result::Result<crate::http::Response, SendError>;

fn ask<T>(door: &Fake, run: impl Fn(&Pod) -> Result<T>) -> Result<T> {
    let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
    let settings = Settings::parse(text).unwrap();
    run(&Pod::new(door, &settings, None)?)
}

fn list(door: &Fake, wanted: &Wanted, cursor: Option<&str>, limit: usize) -> Result<Listed<User>> {
    ask(door, |pod| users(pod, wanted, cursor, limit))
}

fn asked(door: &Fake) -> Vec<String> {
    let decode = |path: &str| percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned();
    door.sent.borrow().iter().map(|request| decode(&request.path)).collect()
}

fn account(number: u64, name: &str, role: &str) -> String {
    format!(
        r#"{{"UserId":{number},"Username":"{name}","GUID":"G{number}","PersonId":{number}0,"SuspendedFlag":false,"CreationDate":"2026-01-01T00:00:00+00:00","LastUpdateDate":"2026-01-02T00:00:00.000+00:00",
            "userAccountRoles":{{"items":[{{"RoleCode":"{role}","CreationDate":"2026-02-01T10:00:00+00:00","LastUpdateDate":"2026-02-01T10:00:00+00:00"}}],"hasMore":false}}}}"#
    )
}

fn page(rows: &[String], more: bool) -> Answer {
    json(200, &format!(r#"{{"items":[{}],"count":{},"hasMore":{more}}}"#, rows.join(","), rows.len()))
}

fn names(listed: &Listed<User>) -> Vec<&str> {
    listed.found.iter().map(|user| user.user_name.as_str()).collect()
}

fn codes<T>(listed: &Listed<T>) -> Vec<&str> {
    listed.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[test]
fn pages_follow_the_user_id_and_a_cursor_goes_on_behind_it() {
    let door = Fake::new([
        page(&[account(1, "a", "X_JOB"), account(2, "b", "X_JOB")], true),
        page(&[account(3, "c", "X_JOB")], false),
    ]);
    let first = list(&door, &Wanted::default(), None, 2).unwrap();
    assert_eq!(names(&first), ["a", "b"]);
    let rest = list(&door, &Wanted::default(), first.next.as_deref(), 2).unwrap();
    assert_eq!((names(&rest), rest.next.is_none()), (vec!["c"], true));
    assert!(asked(&door)[0].ends_with("userAccounts?orderBy=UserId:asc&expand=userAccountRoles&onlyData=true&limit=2"));
    assert!(asked(&door)[1].contains("q=UserId > 2&"));
    let other = Wanted { active: Some(true), ..Wanted::default() };
    assert_eq!(list(&door, &other, first.next.as_deref(), 2).unwrap_err().kind(), ProblemKind::InvalidInput);
}

#[test]
fn roles_that_a_pod_keeps_are_told_and_roles_that_it_throttles_are_no_answer() {
    let cut = account(1, "a", "X_JOB").replace(r#""hasMore":false"#, r#""hasMore":true"#);
    let door = Fake::new([page(std::slice::from_ref(&cut), false), typed(403, "", "")]);
    let holders = Wanted { colliding: true, ..Wanted::default() };
    let listed = list(&door, &holders, None, 10).unwrap();
    assert_eq!((names(&listed).len(), codes(&listed)), (0, vec!["roles_cut"]));
    assert!(listed.warnings[0].message.contains(" a. Could not read the roles of user a: the pod answered 403"));

    let busy = || (0..3).map(|_| typed(429, "", ""));
    let door = Fake::new([page(std::slice::from_ref(&cut), false)].into_iter().chain(busy()));
    let failure = list(&door, &Wanted::default(), None, 10).unwrap_err();
    assert_eq!((failure.again, failure.kind()), (true, ProblemKind::RateLimited));

    let rows = [account(1, "a", "X_JOB"), cut.replace(r#""UserId":1"#, r#""UserId":2"#)];
    let door = Fake::new([page(&rows, false)].into_iter().chain(busy()));
    let listed = list(&door, &Wanted::default(), None, 10).unwrap();
    assert_eq!((names(&listed), codes(&listed), listed.next.is_some()), (vec!["a"], vec!["stopped_early"], true));
}

#[test]
fn a_role_is_asked_of_the_pod_and_judged_here_as_well() {
    let door = Fake::new([page(&[account(1, "a", "X_JOB"), account(2, "b", "Y_JOB")], false)]);
    let wanted = Wanted { role: Some("x_job".into()), active: Some(true), ..Wanted::default() };
    assert_eq!(names(&list(&door, &wanted, None, 10).unwrap()), ["a"]);
    assert!(asked(&door)[0].contains("q=SuspendedFlag = false;upper(userAccountRoles.RoleCode) = 'X_JOB'&"));
}

#[test]
fn a_condition_that_the_pod_refuses_is_judged_here() {
    let door = Fake::new([
        typed(400, "text/plain", "userAccountRoles.RoleCode isn't queryable"),
        page(&[account(1, "a", "Y_JOB"), account(2, "b", "X_JOB")], true),
        page(&[account(3, "c", "X_JOB")], false),
    ]);
    let wanted = Wanted { role: Some("X_JOB".into()), ..Wanted::default() };
    assert_eq!(names(&list(&door, &wanted, None, 10).unwrap()), ["b", "c"]);
    assert!(asked(&door)[1].ends_with("limit=500"));
}

#[test]
fn a_role_given_since_counts_as_a_change() {
    let door = Fake::new([page(&[account(1, "a", "X_JOB")], false), page(&[account(1, "a", "X_JOB")], false)]);
    let since = |text: &str| Wanted { since: time::instant(text), ..Wanted::default() };
    let listed = list(&door, &since("2026-02-01T10:00:00Z"), None, 10).unwrap();
    assert_eq!(listed.found[0].updated.as_deref(), Some("2026-02-01T10:00:00.000Z"));
    assert_eq!(listed.found[0].created.as_deref(), Some("2026-01-01T00:00:00.000Z"));
    assert!(list(&door, &since("2026-02-01T10:00:01Z"), None, 10).unwrap().found.is_empty());
}

#[test]
fn a_search_knows_names_and_addresses_of_people() {
    let door = Fake::new([
        json(200, r#"{"items":[{"PersonId":20,"DisplayName":"Pat o'brien"},{"PersonId":30,"WorkEmail":"O-Brien@x"}]}"#),
        page(&[account(2, "b", "X_JOB"), account(3, "c", "X_JOB")], false),
    ]);
    let wanted = Wanted { search: Some("O'Brien".into()), ..Wanted::default() };
    assert_eq!(names(&list(&door, &wanted, None, 10).unwrap()), ["b"]);
    assert!(asked(&door)[0].contains("q=upper(DisplayName) like '*O''BRIEN*' or upper(WorkEmail) like '*O''BRIEN*'&"));
    assert!(
        asked(&door)[1]
            .contains("(upper(Username) like '*O''BRIEN*' or PersonNumber like '*O''BRIEN*' or PersonId in (20))")
    );
}

#[test]
fn people_and_names_are_added_and_their_lack_is_told() {
    let worker = r#"{"items":[{"PersonId":10,"PersonNumber":"77","DisplayName":"Ida Ng","WorkEmail":"ida@x","assignments":{"items":[
        {"PrimaryFlag":false,"DepartmentName":"Old"},
        {"PrimaryFlag":true,"DepartmentName":"Finance","ManagerName":"Lee Bo","managers":{"items":[{"ManagerPersonId":5,"ManagerPersonNumber":"9","ManagerType":"LINE_MANAGER"}]}}]}}]}"#;
    let door = Fake::new([
        page(&[account(1, "a", "X_JOB"), account(2, "B", "X_JOB")], false),
        json(200, worker),
        json(200, r#"{"Resources":[{"userName":"b","displayName":"Int B","emails":[{"value":"b@x"}]}]}"#),
    ]);
    let wanted = Wanted { details: true, ..Wanted::default() };
    let listed = list(&door, &wanted, None, 10).unwrap();
    let [first, second] = listed.found.as_slice() else { unreachable!() };
    assert_eq!((first.name.as_deref(), first.department.as_deref()), (Some("Ida Ng"), Some("Finance")));
    let manager = first.manager.clone().unwrap();
    assert_eq!((manager.name.as_deref(), manager.person_number.as_deref()), (Some("Lee Bo"), Some("9")));
    assert_eq!((second.name.as_deref(), second.email.as_deref()), (Some("Int B"), Some("b@x")));
    assert!(asked(&door)[1].contains("publicWorkers?q=PersonId in (10,20)&"));
    assert!(asked(&door)[2].contains(r#"filter=userName eq "B"&"#));

    let door = Fake::new([page(&[account(1, "a", "X_JOB")], false), typed(403, "", ""), typed(403, "", "")]);
    assert_eq!(codes(&list(&door, &wanted, None, 10).unwrap()), ["details_missing"]);
}

#[test]
fn scim_lists_where_accounts_are_refused_and_says_so() {
    let entries = |ids: &[u32]| {
        let users: Vec<String> =
            ids.iter().map(|id| format!(r#"{{"id":"{id}","userName":"u{id}","active":true,"roles":[]}}"#)).collect();
        json(200, &format!(r#"{{"totalResults":4,"Resources":[{}]}}"#, users.join(",")))
    };
    let door = Fake::new([typed(403, "", ""), entries(&[1, 2, 3]), entries(&[2, 3, 4])]);
    let first = list(&door, &Wanted::default(), None, 2).unwrap();
    assert_eq!((names(&first), codes(&first)), (vec!["u1", "u2"], vec!["scim_fallback"]));
    let rest = list(&door, &Wanted::default(), first.next.as_deref(), 2).unwrap();
    assert_eq!((names(&rest), rest.next.is_none(), codes(&rest).is_empty()), (vec!["u3", "u4"], true, true));
    assert!(asked(&door)[2].contains("startIndex=2&"));
    let door = Fake::new([entries(&[3, 4, 5])]);
    assert_eq!(codes(&list(&door, &Wanted::default(), first.next.as_deref(), 2).unwrap()), ["list_shifted"]);

    let door = Fake::new([typed(403, "", ""), typed(403, "", "")]);
    let failure = list(&door, &Wanted::default(), None, 2).unwrap_err();
    assert_eq!(failure.kind(), ProblemKind::Forbidden);
    assert!(failure.problem.message.contains(". Could not list users over SCIM"), "{}", failure.problem.message);
}

#[test]
fn a_scim_that_ignores_where_to_go_on_ends_the_list() {
    let always = || json(200, r#"{"Resources":[{"id":"1","userName":"a"},{"id":"2","userName":"b"}]}"#);
    let door = Fake::new([typed(403, "", "")].into_iter().chain((0..9).map(|_| always())));
    assert_eq!(list(&door, &Wanted::default(), None, 99).unwrap_err().kind(), ProblemKind::UnexpectedResponse);
}

#[test]
fn nobody_is_explained() {
    let (none, other) = (|| json(200, r#"{"Resources":[]}"#), r#"{"Resources":[{"id":"1","name":"X_JOB"}]}"#);
    let door = Fake::new([page(&[], false), none(), json(200, other), page(&[], false)]);
    let wanted = Wanted { role: Some("NO_JOB".into()), ..Wanted::default() };
    assert_eq!(codes(&list(&door, &wanted, None, 2).unwrap()), ["unknown_role"]);
    assert_eq!(codes(&list(&door, &Wanted::default(), None, 2).unwrap()), ["nobody_visible"]);
    let role = r#"{"Resources":[{"id":"9","name":"NO_JOB"}]}"#;
    let door = Fake::new([page(&[], false), json(200, role), json(200, r#"{"id":"9","members":[{"value":"G1"}]}"#)]);
    assert_eq!(codes(&list(&door, &wanted, None, 2).unwrap()), ["holders_not_shown"]);
    assert!(asked(&door)[2].ends_with("/hcmRestApi/scim/Roles/9"));
    let door = Fake::new([page(&[], false), none(), none()]);
    assert_eq!(codes(&list(&door, &wanted, None, 2).unwrap()), ["no_role_visible"]);
    let door = Fake::new([none(), none()]);
    assert_eq!(codes(&ask(&door, |pod| roles(pod, "", None, 9)).unwrap()), ["no_role_visible"]);
    let busy = (0..3).map(|_| typed(503, "", ""));
    let door = Fake::new([page(&[], false)].into_iter().chain(busy));
    assert_eq!(codes(&list(&door, &wanted, None, 2).unwrap()), ["role_not_checked"]);
    let door = Fake::new([page(&[r#"{"requisitionList":[]}"#.to_owned()], false)]);
    assert_eq!(codes(&list(&door, &Wanted::default(), None, 2).unwrap()), ["row_unreadable"]);
}

#[test]
fn a_pod_that_repeats_its_page_ends_the_list() {
    let door = Fake::new([page(&[account(1, "a", "X_JOB")], true), page(&[account(1, "a", "X_JOB")], true)]);
    assert_eq!(list(&door, &Wanted::default(), None, 9).unwrap_err().kind(), ProblemKind::UnexpectedResponse);
}

#[test]
fn duties_that_collide_can_be_asked_for() {
    let both = account(1, "a", "ORA_GL_GENERAL_ACCOUNTANT_JOB")
        .replace(r#""items":["#, r#""items":[{"RoleCode":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB"},"#);
    let door = Fake::new([page(&[both, account(2, "b", "X_JOB")], false)]);
    let wanted = Wanted { colliding: true, ..Wanted::default() };
    assert_eq!(names(&list(&door, &wanted, None, 2).unwrap()), ["a"]);
}

#[test]
fn roles_are_found_by_code_or_name_whether_the_pod_filters_or_not() {
    let entries = r#"{"totalResults":3,"Resources":[{"id":"1","name":"ORA_AP_JOB","displayName":"Payables"},{"id":"2","name":"ORA_GL_JOB","displayName":"Ledger"},{"id":"3","name":"X","displayName":"Payables two"}]}"#;
    let blank = || typed(400, "", "");
    let door = Fake::new([blank(), blank(), json(200, entries), json(200, entries)]);
    let first = ask(&door, |pod| roles(pod, "payables", None, 1)).unwrap();
    assert_eq!(first.found[0].code.as_deref(), Some("ORA_AP_JOB"));
    let rest = ask(&door, |pod| roles(pod, "payables", first.next.as_deref(), 9)).unwrap();
    assert_eq!(rest.found.len(), 1);
    assert!(asked(&door)[0].contains(r#"filter=displayName co "payables" or name co "payables"&"#));
    assert!(!asked(&door)[2].contains("filter"));
}

mod any {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_a_cursor_or_refused(text in "\\PC{0,60}") {
            prop_assert!(super::read(&text, "f").is_err());
        }

        #[test]
        fn cursor_comes_back(number in any::<u64>(), gone in 0usize..1_000_000, last in proptest::option::of("\\PC{0,9}")) {
            for at in [super::At::Account(number), super::At::Scim(gone, last)] {
                prop_assert_eq!(super::read(&super::write("f", at.clone()), "f").unwrap(), at);
            }
        }
    }
}
