//! The user directory in one shape, for access reviews.

use host_harness::contract::types::ProblemKind;
use serde_json::{Value, json};

use crate::stage::Stage;

fn follow(stage: &Stage, action: &str, input: &Value) -> Vec<Value> {
    let (mut rows, mut input) = (Vec::new(), input.clone());
    for _ in 0..200 {
        let output = stage.run(action, input.clone()).unwrap();
        rows.extend(output["result"].as_array().unwrap().iter().cloned());
        if output["next_cursor"].is_null() {
            return rows;
        }
        input["cursor"] = output["next_cursor"].clone();
    }
    panic!("the list has no end");
}

fn names(rows: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = rows.iter().map(|row| row["user_name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

fn holds(row: &Value, code: &str) -> bool {
    row["roles"].as_array().unwrap().iter().any(|role| role["code"] == code)
}

fn codes(output: &Value) -> Vec<&str> {
    output["warnings"].as_array().into_iter().flatten().map(|told| told["code"].as_str().unwrap()).collect()
}

#[test]
fn every_user_comes_once_whatever_the_page() {
    let all = follow(&Stage::sim(json!([])), "list_users", &json!({"limit": 1000}));
    assert!(all.len() > 20, "{}", all.len());
    for limit in [1, 7] {
        let pages = follow(&Stage::sim(json!([])), "list_users", &json!({"limit": limit}));
        assert_eq!(names(&pages), names(&all), "{limit}");
    }
    let capped = Stage::sim(json!([{"name": "P1", "limit": 3}]));
    assert_eq!(names(&follow(&capped, "list_users", &json!({}))), names(&all));
}

#[test]
fn all_users_of_a_role_are_those_who_hold_it() {
    let stage = Stage::sim(json!([]));
    let role = "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB";
    let all = follow(&stage, "list_users", &json!({}));
    let holders: Vec<Value> = all.iter().filter(|row| holds(row, role)).cloned().collect();
    assert!(holders.len() > 1);
    for wanted in [role, "ora_ap_accounts_payable_manager_job", "Accounts Payable Manager"] {
        let found = follow(&stage, "list_users", &json!({"role": wanted, "limit": 2}));
        assert_eq!(names(&found), names(&holders), "{wanted}");
    }
    let nobody = stage.run("list_users", json!({"role": "NO_SUCH_JOB"})).unwrap();
    assert_eq!(codes(&nobody), ["unknown_role"]);
}

#[test]
fn every_framework_tells_the_same() {
    let asks = [
        json!({"details": false}),
        json!({"role": "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB", "active": true}),
        json!({"search": "brown"}),
        json!({"updated_since": "2026-04-10T00:00:00Z"}),
    ];
    for ask in asks {
        let newest = follow(&Stage::sim(json!([])), "list_users", &ask);
        assert!(!newest.is_empty(), "{ask}");
        for framework in 1..=3 {
            let stage = Stage::sim(json!([])).setting("rest_framework_version", framework.into());
            assert_eq!(follow(&stage, "list_users", &ask), newest, "{ask} with framework {framework}");
        }
    }
}

#[test]
fn a_user_is_told_with_the_person_and_the_duties_that_collide() {
    let stage = Stage::sim(json!([]));
    let by_name = stage.run("get_user", json!({"user_name": "CASEY.BROWN@EXAMPLE.COM"})).unwrap();
    let user = &by_name["record"];
    assert_eq!((&user["name"], &user["email"]), (&json!("Casey Brown"), &json!("casey.brown@example.com")));
    assert_eq!((&user["person"]["number"], &user["active"]), (&json!("1001"), &json!(true)));
    assert!(user["created"].as_str().unwrap().ends_with('Z'));
    let colliding = user["conflicts"].as_array().unwrap();
    assert!(colliding.iter().any(|found| found["duties"] == json!(["Payables", "General ledger"])), "{colliding:?}");
    for other in [json!({"email": "casey.brown@example.com"}), json!({"id": user["id"]})] {
        assert_eq!(stage.run("get_user", other).unwrap()["record"], *user);
    }
    let listed = follow(&stage, "list_users", &json!({"with_conflicts": true}));
    assert!(names(&listed).contains(&"casey.brown@example.com"));
    assert!(listed.iter().all(|row| !row["conflicts"].as_array().unwrap().is_empty()));
    let missing = stage.run("get_user", json!({"user_name": "nobody.here"})).unwrap_err();
    assert_eq!(missing.problem.kind, ProblemKind::NotFound);
}

#[test]
fn searches_and_states_leave_what_they_should() {
    let stage = Stage::sim(json!([]));
    let all = follow(&stage, "list_users", &json!({}));
    for active in [true, false] {
        let found = follow(&stage, "list_users", &json!({"active": active, "limit": 3}));
        let wanted: Vec<Value> = all.iter().filter(|row| row["active"] == active).cloned().collect();
        assert_eq!(names(&found), names(&wanted));
        assert!(!found.is_empty());
    }
    let brown = follow(&stage, "list_users", &json!({"search": "BROWN"}));
    assert!(names(&brown).contains(&"casey.brown@example.com"));
    assert!(brown.iter().all(|row| row.to_string().to_lowercase().contains("brown")));
    let mut changes: Vec<&str> = all.iter().map(|row| row["updated"].as_str().unwrap()).collect();
    changes.sort_unstable();
    let since = changes[changes.len() / 2];
    let found = follow(&stage, "list_users", &json!({"updated_since": since, "details": false}));
    let wanted: Vec<Value> = all.iter().filter(|row| row["updated"].as_str() >= Some(since)).cloned().collect();
    assert_eq!(names(&found), names(&wanted));
}

#[test]
fn who_may_not_read_users_gets_the_own_entry_and_is_told() {
    let stage = Stage::sim(json!([])).signed_in_as("int.ap", "Simulated-1");
    let output = stage.run("list_users", json!({})).unwrap();
    assert_eq!(names(output["result"].as_array().unwrap()), ["int.ap"]);
    assert!(codes(&output).contains(&"scim_fallback"));
    let stage = stage.signed_in_as("no.privilege", "Simulated-1");
    assert_eq!(stage.run("list_users", json!({})).unwrap_err().problem.kind, ProblemKind::Forbidden);
    let stage = stage.signed_in_as("no.data", "Simulated-1");
    assert_eq!(codes(&stage.run("list_users", json!({})).unwrap()), ["nobody_visible"]);
}

#[test]
fn roles_are_listed_and_searched() {
    let stage = Stage::sim(json!([]));
    let all = follow(&stage, "list_roles", &json!({"limit": 4}));
    let mut ids: Vec<&str> = all.iter().map(|row| row["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == all.len() && all.len() > 10);
    let found = follow(&stage, "list_roles", &json!({"search": "payable"}));
    assert!(found.iter().any(|row| row["code"] == "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB") && found.len() < all.len());
}

#[test]
fn a_user_is_created_once_and_a_role_that_is_none_is_named() {
    let stage = Stage::sim(json!([]));
    let input = json!({"user_name": "ida.ng@example.com", "given_name": "Ida", "family_name": "Ng", "email": "ida.ng@example.com",
                       "roles": ["ORA_PER_EMPLOYEE_ABSTRACT", "NO_SUCH_ROLE"]});
    let made = stage.run("create_user", input.clone()).unwrap();
    assert_eq!(made["status"], "created");
    assert_eq!(made["record"]["user_name"], "ida.ng@example.com");
    assert_eq!(made["roles"][0]["state"], "given");
    assert_eq!((&made["roles"][1]["code"], &made["roles"][1]["state"]), (&json!("NO_SUCH_ROLE"), &json!("refused")));
    assert!(made["roles"][1]["cause"].is_string());
    let again = stage.run("create_user", input.clone()).unwrap();
    assert_eq!((&again["status"], &again["roles"][0]["state"]), (&json!("already_existed"), &json!("already_held")));
    assert_eq!(again["record"]["id"], made["record"]["id"]);
    let found = follow(&stage, "list_users", &json!({"search": "ida.ng"}));
    assert_eq!(found.iter().filter(|row| row["user_name"] == "ida.ng@example.com").count(), 1);
    assert_eq!(found[0]["roles"].as_array().unwrap().len(), 1, "{found:?}");
    let mut other = input;
    other["family_name"] = json!("Nguyen");
    assert_eq!(stage.run("create_user", other).unwrap_err().problem.kind, ProblemKind::Conflict);
}

#[test]
fn where_accounts_are_refused_scim_tells_every_user_once() {
    let whole = Stage::sim(json!([]));
    let accounts = follow(&whole, "list_users", &json!({"limit": 1000}));
    // Refused by 403, and by the 404 that some pods give for a missing privilege.
    for refused in [
        json!({"name": "E5", "resource": "userAccounts"}),
        json!({"name": "E4", "privilege": true, "resource": "userAccounts"}),
    ] {
        for limit in [3, 1000] {
            let stage = Stage::sim(json!([refused]));
            let told = follow(&stage, "list_users", &json!({"limit": limit}));
            assert_eq!(names(&told), names(&accounts), "{refused}, {limit} at once");
            let stored = stage.pod.as_ref().unwrap().with_store(|store| {
                store
                    .scan(fusion_sim::metadata::resource(fusion_sim::model::Root::Hcm, "userAccounts").unwrap())
                    .count()
            });
            assert_eq!(told.len(), stored);
            let output = stage.run("list_users", json!({"limit": limit})).unwrap();
            assert!(codes(&output).contains(&"scim_fallback"), "{output}");
        }
        let stage = Stage::sim(json!([refused]));
        let role = "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB";
        let by_accounts = follow(&whole, "list_users", &json!({"role": role}));
        assert_eq!(names(&follow(&stage, "list_users", &json!({"role": role, "limit": 2}))), names(&by_accounts));
        let one = stage.run("get_user", json!({"user_name": "CASEY.BROWN@EXAMPLE.COM"})).unwrap();
        assert_eq!(one["record"]["user_name"], "casey.brown@example.com");
    }
}
