//! What a user may do, told by `check_access` against a pod that enforces it.

use host_harness::contract::types::ProblemKind;
use serde_json::{Value, json};

use crate::stage::Stage;

const PASSWORD: &str = "Simulated-1";

fn of(user: &str) -> Stage {
    Stage::sim(json!([])).signed_in_as(user, PASSWORD)
}

fn check(stage: &Stage, input: Value) -> Value {
    let report = stage.run("check_access", input).unwrap();
    assert!(stage.arrived().iter().all(|request| request.starts_with("GET ")), "it writes nothing");
    report
}

/// Status of the first row about this resource.
fn status(report: &Value, resource: &str) -> String {
    let rows = report["result"].as_array().unwrap();
    let row = rows.iter().find(|row| row["resource"] == resource).unwrap_or_else(|| panic!("{resource}: {rows:?}"));
    assert!(!row["evidence"].as_str().unwrap().is_empty(), "{row}");
    row["status"].as_str().unwrap().to_owned()
}

fn codes(report: &Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|told| told["code"].as_str().unwrap()).collect()
}

#[test]
fn a_user_of_payables_reads_invoices_and_is_refused_the_rest() {
    let stage = of("int.ap");
    let report = check(&stage, json!({"resources": ["invoices", "journalBatches", "purchaseOrders"]}));
    assert_eq!(status(&report, "invoices"), "ok");
    assert_eq!(status(&report, "journalBatches"), "forbidden");
    assert_eq!(status(&report, "purchaseOrders"), "hidden");
    let roles: Vec<&str> =
        report["roles"].as_array().unwrap().iter().map(|role| role["code"].as_str().unwrap()).collect();
    assert_eq!(roles, ["ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST"]);
    assert_eq!((&report["roles_source"], &report["user"]["is_connection_user"]), (&json!("scim"), &json!(true)));
    assert!(!codes(&report).contains(&"roles_unreadable"));
}

#[test]
fn the_right_to_write_is_told_with_its_evidence_and_never_as_proven() {
    let report = check(
        &of("int.reader"),
        json!({"operations": ["create_invoice", "search_records"], "resources": ["invoices"]}),
    );
    let rows = report["result"].as_array().unwrap();
    let of = |right: &str| rows.iter().find(|row| row["right"] == right && row["resource"] == "invoices").unwrap();
    assert_eq!(of("read")["status"], "ok");
    assert_eq!(of("create")["status"], "not_provable");
    assert!(of("create")["cause"].as_str().unwrap().contains("without writing"));
}

#[test]
fn a_user_without_data_sees_empty_lists_and_hears_of_data_security() {
    let report = check(&of("int.gl.nodata"), json!({"resources": ["journalBatches", "invoices"]}));
    assert_eq!(status(&report, "journalBatches"), "empty");
    assert_eq!(status(&report, "invoices"), "forbidden");
    let row = &report["result"][0];
    assert!(row["cause"].as_str().unwrap().contains("data security"), "{row}");
}

#[test]
fn names_that_do_not_exist_are_told_with_the_right_ones() {
    let report = check(&of("int.reader"), json!({"resources": ["journals", "invoicez"]}));
    assert_eq!(status(&report, "journals"), "unknown_resource");
    assert_eq!(status(&report, "invoicez"), "unknown_resource");
    assert_eq!(report["result"][0]["remedy"], "Use journalBatches.");
    assert!(report["result"][1]["remedy"].as_str().unwrap().contains("invoices"));
    assert!(codes(&report).contains(&"wrong_name_in_card"));
}

#[test]
fn a_user_without_any_privilege_is_told_so_and_not_that_there_is_nothing() {
    let report = check(&of("no.privilege"), json!({"resources": ["invoices", "suppliers"]}));
    for resource in ["invoices", "suppliers"] {
        assert!(["forbidden", "hidden"].contains(&status(&report, resource).as_str()), "{report}");
    }
    assert!(codes(&report).contains(&"roles_unreadable"));
}

#[test]
fn a_person_with_broad_roles_in_many_modules_is_warned_of() {
    let report = check(&of("casey.brown@example.com"), json!({"resources": ["invoices"]}));
    assert_eq!(status(&report, "invoices"), "ok");
    let codes = codes(&report);
    for code in ["person_account", "broad_role", "several_modules"] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
}

#[test]
fn another_users_roles_are_read_and_the_reads_are_said_to_be_ours() {
    let report = check(&of("integration.user"), json!({"user": "int.ap", "resources": ["journalBatches"]}));
    assert_eq!(report["user"]["user_name"], "int.ap");
    assert_eq!(report["user"]["is_connection_user"], false);
    assert_eq!(report["roles_source"], "userAccounts");
    assert!(codes(&report).contains(&"tried_as_another_user"));
}

#[test]
fn what_had_rows_yesterday_and_has_none_today_is_a_sudden_zero() {
    let before = check(&of("int.reader"), json!({"resources": ["invoices", "suppliers"]}));
    let stage =
        Stage::sim(json!([{"name": "sudden_zero", "resource": "invoices"}])).signed_in_as("int.reader", PASSWORD);
    let report = check(&stage, json!({"resources": ["invoices", "suppliers"], "baseline": before}));
    let changes = report["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((&changes[0]["kind"], &changes[0]["resource"]), (&json!("sudden_zero"), &json!("invoices")));
    let other = stage.signed_in_as("int.ap", PASSWORD).run("check_access", json!({"baseline": report})).unwrap_err();
    assert_eq!(other.problem.kind, ProblemKind::InvalidInput);
    assert_eq!(other.problem.fields[0].pointer, "/baseline/user");
}

#[test]
fn the_table_for_the_file_has_a_line_for_each_row() {
    let report = check(&of("int.ap"), json!({"modules": ["Financials"]}));
    let file = report["csv"]["text"].as_str().unwrap();
    let mut reader = csv_lines(file);
    let header = reader.remove(0);
    assert!(header.starts_with("pod,user,checked_at,"), "{header}");
    // Rows first, then what changed and what there is to look at.
    let of = |kind: &str| reader.iter().filter(|line| line.contains(&format!("Z,{kind},"))).count();
    assert_eq!(of("right"), report["result"].as_array().unwrap().len());
    assert_eq!(of("warning"), report["warnings"].as_array().unwrap().len());
    assert_eq!(reader.len(), of("right") + of("warning"));
    assert!(reader.iter().all(|line| line.contains(",int.ap,")));
}

/// Lines outside of quotes.
fn csv_lines(text: &str) -> Vec<String> {
    let (mut lines, mut line, mut quoted) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        quoted ^= letter == '"';
        match letter {
            '\r' if !quoted => {}
            '\n' if !quoted => lines.push(std::mem::take(&mut line)),
            letter => line.push(letter),
        }
    }
    lines
}
