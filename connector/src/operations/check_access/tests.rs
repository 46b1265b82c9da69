#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json as value};

use super::*;
use crate::contract::{Call, ProblemKind};
use crate::forms;
use crate::http::fake::{Fake, json, typed};
use crate::http::{Method, Response, SendError};
use crate::operations::Entry;
use crate::settings::Settings;

type Answer = std::result::Result<Response, SendError>;

const NONE: &str = r#"{"items":[],"count":0,"hasMore":false}"#;
const ONE: &str = r#"{"items":[{"InvoiceId":300000046987012}],"count":1,"hasMore":false}"#;

fn account(name: &str, roles: &[&str]) -> Answer {
    let roles: Vec<Value> = roles.iter().map(|code| value!({"RoleCode": code, "RoleName": null})).collect();
    let body = value!({"items": [{"Username": name, "GUID": "8F2C", "SuspendedFlag": false, "userAccountRoles":
        {"items": roles, "count": roles.len(), "hasMore": false}}], "count": 1, "hasMore": false});
    json(200, &body.to_string())
}

fn settings(user: &str) -> Settings {
    let text = value!({"host": "abcd-test.fa.us2.oraclecloud.com", "auth": {"type": "basic", "username": user, "password": "hunter22"}});
    Settings::parse(&text.to_string()).unwrap()
}

fn run_as(user: &str, input: &Value, answers: Vec<Answer>) -> (Result<Value>, Fake) {
    let door = Fake::new(answers);
    let settings = settings(user);
    let pod = Pod::new(&door, &settings, None).unwrap();
    let entry = Entry::named("check_access").unwrap();
    let outcome = entry.run(&pod, &input.to_string()).map(|text| serde_json::from_str::<Value>(&text).unwrap());
    drop(pod);
    if let Ok(output) = &outcome {
        assert_eq!(forms::check::faults(&entry.output_schema(), output), [], "{output}");
    }
    assert!(door.sent.borrow().iter().all(|request| request.method == Method::Get));
    (outcome, door)
}

fn run(input: Value, answers: Vec<Answer>) -> Value {
    let expected = answers.len();
    let (outcome, door) = run_as("INT_AP", &input, answers);
    let sent: Vec<String> = door.sent.borrow().iter().map(|request| request.path.clone()).collect();
    assert_eq!(sent.len(), expected, "{sent:?}");
    outcome.unwrap()
}

/// The first row of the report about invoices, after this answer to its read.
fn invoices(answers: impl IntoIterator<Item = Answer>) -> Value {
    let mut all = vec![account("INT_AP", &["CUSTOM_INT_AP"])];
    all.extend(answers);
    run(value!({"resources": ["invoices"]}), all)["result"][0].clone()
}

fn codes(output: &Value) -> Vec<String> {
    output["warnings"].as_array().unwrap().iter().map(|told| told["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_read_that_answers_rows_is_ok() {
    let row = invoices([json(200, ONE)]);
    assert_eq!((&row["status"], &row["right"]), (&value!("ok"), &value!("read")));
    assert_eq!(row["role_code"], "ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST");
    assert!(row["source"].as_str().unwrap().contains("third-party card"));
    let evidence = row["evidence"].as_str().unwrap();
    assert!(evidence.contains("answered 200 and 1 row.") && evidence.contains("CUSTOM_INT_AP"), "{evidence}");
}

#[test]
fn the_read_asks_for_one_row_and_its_key() {
    let (_, door) =
        run_as("INT_AP", &value!({"resources": ["invoices"]}), vec![account("INT_AP", &[]), json(200, ONE)]);
    let sent = door.sent.borrow();
    assert!(sent[1].path.ends_with("/invoices?limit=1&onlyData=true&fields=InvoiceId"), "{}", sent[1].path);
}

#[test]
fn an_empty_answer_is_data_security_or_nothing_there() {
    let row = invoices([json(200, NONE)]);
    assert_eq!(row["status"], "empty");
    assert!(row["cause"].as_str().unwrap().contains("either data security hides them, or there are none"));
    assert!(row["remedy"].as_str().unwrap().contains("business unit"));
}

#[test]
fn a_403_is_function_security() {
    let row = invoices([typed(403, "text/html", "<h1>Forbidden</h1>")]);
    assert_eq!(row["status"], "forbidden");
    assert!(row["remedy"].as_str().unwrap().contains("Accounts Payable Invoice Duty"));
}

#[test]
fn a_404_is_function_security_where_the_pod_describes_the_resource() {
    let described = json(200, r#"{"Resources":{"invoices":{}}}"#);
    assert_eq!(invoices([typed(404, "", ""), described])["status"], "forbidden");
    let row = invoices([typed(404, "", ""), typed(404, "", "")]);
    assert_eq!(row["status"], "hidden");
    assert!(row["cause"].as_str().unwrap().contains("the name is right"));
}

#[test]
fn names_of_the_card_do_not_exist_and_the_real_ones_are_told() {
    let mut answers = vec![account("INT_AP", &[])];
    answers.extend((0..9).map(|_| typed(404, "", "")));
    let output = run(value!({"resources": ["/journals", "ledgers", "businessUnits"]}), answers);
    for (index, right) in ["journalBatches", "ledgersLOV", "finBusinessUnitsLOV"].into_iter().enumerate() {
        let row = &output["result"][index];
        assert_eq!(row["status"], "unknown_resource");
        assert!(row["cause"].as_str().unwrap().contains("the security card that names it is wrong"));
        assert_eq!(row["remedy"], format!("Use {right}."));
    }
    assert_eq!(codes(&output).iter().filter(|code| *code == "wrong_name_in_card").count(), 3);
}

#[test]
fn a_misspelt_name_is_told_with_the_nearest() {
    let mut answers = vec![account("INT_AP", &[])];
    answers.extend((0..3).map(|_| typed(404, "", "")));
    let row = run(value!({"resources": ["invoces"]}), answers)["result"][0].clone();
    assert_eq!(row["status"], "unknown_resource");
    assert!(row["remedy"].as_str().unwrap().contains("invoices"));
}

#[test]
fn a_resource_beyond_the_catalogue_is_described_and_read() {
    let described = r#"{"Resources":{"ledgersLOV":{"collection":{"actions":[{"name":"create","method":"POST"}]}}}}"#;
    let answers = vec![account("INT_AP", &[]), json(200, described), json(200, r#"{"items":[{"LedgerId":1}]}"#)];
    let output = run(value!({"resources": ["ledgersLOV"]}), answers);
    assert_eq!(output["result"][0]["status"], "ok");
    assert_eq!(
        (&output["result"][1]["right"], &output["result"][1]["status"]),
        (&value!("create"), &value!("not_provable"))
    );
}

#[test]
fn a_right_to_write_is_never_proven_by_a_read() {
    let output = run(value!({"operations": ["create_invoice"]}), vec![account("INT_AP", &["X_ROLE"]), json(200, ONE)]);
    let create = &output["result"][1];
    assert_eq!((&create["right"], &create["status"]), (&value!("create"), &value!("not_provable")));
    assert_eq!(create["privilege"], "Create AP Invoice");
    assert!(create["evidence"].as_str().unwrap().contains("does not speak for Payables"));
    let all = run(
        value!({"modules": ["Project Management"]}),
        vec![account("INT_AP", &[]), json(200, ONE), json(200, ONE), json(400, "{}")],
    );
    for row in all["result"].as_array().unwrap() {
        assert!(row["right"] == "read" || row["status"] == "not_provable", "{row}");
    }
}

#[test]
fn a_resource_that_demands_a_finder_is_neither_refused_nor_proven() {
    for answer in [json(200, NONE), json(400, r#"{"title":"Bad Request","detail":"a finder is required"}"#)] {
        let output = run(value!({"resources": ["ledgerBalances"]}), vec![account("INT_AP", &[]), answer]);
        let row = &output["result"][0];
        assert_eq!(row["status"], "finder_only");
        assert!(row["cause"].as_str().unwrap().contains("AccountBalanceFinder"), "{row}");
    }
}

#[test]
fn another_refusal_is_told_with_its_cause() {
    let row = invoices([json(400, "{}"), json(400, r#"{"title":"Bad Request","detail":"no"}"#)]);
    assert_eq!(row["status"], "failed");
    assert!(row["cause"].as_str().unwrap().contains("400"));
}

#[test]
fn an_import_names_its_extras() {
    let input = value!({"operations": ["import_bulk_data"], "modules": ["Procurement"]});
    let output = run(input, vec![account("INT_AP", &["ORA_FND_INTEGRATION_SPECIALIST_JOB"]), json(400, "{}")]);
    let row = &output["result"][0];
    assert_eq!(
        (&row["right"], &row["module"], &row["status"]),
        (&value!("run"), &value!("Procurement"), &value!("not_provable"))
    );
    let extras = row["extras"].as_str().unwrap();
    for extra in [
        "Manage File Import and Export",
        "Run Procurement Scheduled Processes",
        "UCM",
        "ORA_FND_INTEGRATION_SPECIALIST_JOB",
    ] {
        assert!(extras.contains(extra), "{extras}");
    }
    assert!(row["evidence"].as_str().unwrap().contains("The user holds ORA_FND_INTEGRATION_SPECIALIST_JOB."));
}

#[test]
fn monitoring_and_audit_say_what_they_need() {
    let input = value!({"operations": ["list_ess_jobs", "list_audit_events"]});
    let output = run(input, vec![account("INT_AP", &["CUSTOM_ESS"]), json(200, r#"{"items":[{"requestId":1}]}"#)]);
    let [jobs, audit] = [&output["result"][0], &output["result"][1]];
    assert_eq!(jobs["status"], "ok");
    assert!(jobs["cause"].as_str().unwrap().contains("one's own jobs alone"));
    assert!(jobs["extras"].as_str().unwrap().contains("custom job role"));
    assert_eq!(
        (&audit["status"], &audit["role_code"]),
        (&value!("not_provable"), &value!("ORA_FND_INTERNAL_AUDITOR_JOB"))
    );
}

#[test]
fn scim_answers_for_user_accounts_and_unreadable_roles_are_said() {
    let scim = r#"{"Resources":[{"userName":"int_ap","roles":[{"displayName":"Custom AP"}]}]}"#;
    let output = run(value!({"resources": ["invoices"]}), vec![typed(403, "", ""), json(200, scim), json(200, ONE)]);
    assert_eq!((&output["roles_source"], &output["roles"][0]["name"]), (&value!("scim"), &value!("Custom AP")));
    let output = run(value!({"resources": ["invoices"]}), vec![typed(403, "", ""), typed(404, "", ""), json(200, ONE)]);
    assert_eq!(output["roles_source"], Value::Null);
    assert!(codes(&output).contains(&"roles_unreadable".to_owned()));
    assert!(output["result"][0]["evidence"].as_str().unwrap().contains("roles could not be read"));
}

#[test]
fn roles_are_warned_of() {
    let roles = ["ORA_GL_GENERAL_ACCOUNTANT_JOB", "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB", "AP_ALL_BUSINESS_UNITS"];
    let (output, _) =
        run_as("john.smith", &value!({"operations": ["list_resources"]}), vec![account("john.smith", &roles)]);
    let told = codes(&output.unwrap());
    for code in ["person_account", "broad_role", "several_modules", "data_role_over_everything"] {
        assert!(told.contains(&code.to_owned()), "{code}: {told:?}");
    }
    assert!(!told.contains(&"basic_in_production".to_owned()));
}

#[test]
fn another_users_roles_do_not_make_its_reads() {
    let output = run(
        value!({"resources": ["invoices"], "user": "INT_GL"}),
        vec![account("INT_GL", &["A_ROLE"]), json(200, ONE)],
    );
    assert_eq!(
        (&output["user"]["user_name"], &output["user"]["is_connection_user"]),
        (&value!("INT_GL"), &value!(false))
    );
    assert!(codes(&output).contains(&"tried_as_another_user".to_owned()));
    assert!(output["result"][0]["evidence"].as_str().unwrap().starts_with("Tried as INT_AP."));
}

#[test]
fn a_sudden_zero_and_a_lost_role_are_seen() {
    let input = value!({"resources": ["invoices", "projects"]});
    let roles = ["CUSTOM_INT_AP", "CUSTOM_INT_PA"];
    let before = run(input.clone(), vec![account("INT_AP", &roles), json(200, ONE), typed(403, "", "")]);
    let with = value!({"resources": ["invoices", "projects"], "baseline": before});
    let now = run(with, vec![account("INT_AP", &["CUSTOM_INT_AP", "NEW"]), json(200, NONE), json(200, ONE)]);
    let kinds: Vec<&str> =
        now["changes"].as_array().unwrap().iter().map(|change| change["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["role_lost", "role_gained", "sudden_zero", "better"]);
    assert!(now["changes"][2]["message"].as_str().unwrap().contains("sudden zero"));
    let same = run(
        value!({"resources": ["invoices", "projects"], "baseline": before}),
        vec![account("INT_AP", &roles), json(200, ONE), typed(403, "", "")],
    );
    assert_eq!(same["changes"], value!([]));
}

#[test]
fn a_baseline_that_is_none_is_refused_before_anything_is_sent() {
    let other = run(value!({"operations": ["list_resources"], "user": "INT_X"}), vec![account("INT_X", &[])]);
    for baseline in
        [value!({}), value!({"result": []}), value!({"result": [{"resource": 1}], "checked_at": "x"}), other]
    {
        let (outcome, door) = run_as("INT_AP", &value!({"baseline": baseline}), Vec::new());
        let failure = outcome.unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::InvalidInput);
        assert!(failure.problem.fields[0].pointer.starts_with("/baseline"));
        assert!(door.sent.borrow().is_empty());
    }
}

#[test]
fn what_there_is_no_time_for_is_told() {
    let door = Fake::new([account("INT_AP", &[]), typed(503, "", ""), typed(503, "", ""), typed(503, "", "")]);
    let settings = settings("INT_AP");
    let call = Call { id: "c".into(), attempt: 0, remaining_ms: Some(3_000) };
    let pod = Pod::new(&door, &settings, Some(&call)).unwrap();
    let input = Input { resources: Some(vec!["invoices".into(), "projects".into()]), ..Input::default() };
    let output: Value = serde_json::from_str(&CheckAccess::run(&pod, input, "").unwrap()).unwrap();
    let of =
        |name: &str| output["result"].as_array().unwrap().iter().find(|row| row["resource"] == name).unwrap().clone();
    assert_eq!((&of("invoices")["status"], &of("projects")["status"]), (&value!("failed"), &value!("not_checked")));
    assert!(codes(&output).contains(&"not_checked".to_owned()));
}

#[test]
fn a_pod_that_is_not_reached_or_lets_nobody_in_is_an_error() {
    let (outcome, _) = run_as("INT_AP", &value!({}), Vec::new());
    assert_eq!(outcome.unwrap_err().kind(), ProblemKind::Unavailable);
    let (outcome, _) = run_as("INT_AP", &value!({}), vec![typed(401, "", "")]);
    assert_eq!(outcome.unwrap_err().kind(), ProblemKind::Unauthenticated);
}

#[test]
fn the_csv_holds_every_row() {
    let output = run(value!({"resources": ["invoices"]}), vec![account("INT_AP", &[]), json(200, ONE)]);
    let text = output["csv"]["text"].as_str().unwrap();
    let lines = |kind: &str| text.lines().filter(|line| line.contains(&format!("Z,{kind},"))).count();
    assert_eq!(lines("right"), output["result"].as_array().unwrap().len());
    assert_eq!(lines("warning"), output["warnings"].as_array().unwrap().len());
    assert!(text.starts_with("pod,user,checked_at,line,module,"));
}

#[test]
fn nothing_chosen_stays_within_the_bound() {
    let mut answers = vec![account("INT_AP", &[])];
    answers.extend((0..40).map(|_| json(200, ONE)));
    let (outcome, door) = run_as("INT_AP", &value!({}), answers);
    assert!(outcome.unwrap()["result"].as_array().unwrap().iter().all(|row| row["status"] != "not_checked"));
    assert!(door.sent.borrow().len() <= 81);
}

#[test]
fn the_samples_fit() {
    let entry = Entry::named("check_access").unwrap();
    for (schema, text) in
        [(entry.input_schema(), entry.spec.sample_input), (entry.output_schema(), entry.spec.sample_output)]
    {
        assert_eq!(forms::check::faults(&schema, &serde_json::from_str(text).unwrap()), []);
    }
}
