//! Every writing operation under every fault that can hit it: what is on the pod afterwards, and what was answered.
//!
//! `writes.txt` is the table, one line for each operation and fault: how the call ended, and how often what it was
//! to do is on the pod. Rows, attachments, users and runs of actions are counted in the pod's own store, never
//! through the connector. Whatever the table says, these hold for each line: nothing is there twice, now or an hour
//! later; what is called done is there; what was refused is not there; a loss that cannot be judged is permanent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fusion_sim::Pod;
use fusion_sim::metadata;
use fusion_sim::model::{Root, Row, Value as Held};
use futures::future::BoxFuture;
use host_harness::contract::types::ProblemKind;
use host_harness::transport::{Body, Failure, Timeouts, Transport};
use serde_json::{Value, json};

use crate::invoices::invoice;
use crate::stage::{Refused, Stage};

/// One way to write.
struct Operation {
    name: &'static str,
    action: &'static str,
    input: fn(&Seeds) -> Value,
    /// The method of the write that the fault hits, and how many such requests come before it.
    hit: (&'static str, u32),
    /// How often it happened.
    count: fn(&Pod) -> usize,
    /// What the count is when everything has happened.
    whole: usize,
}

/// What is on the pod before.
struct Seeds {
    first: String,
    second: String,
}

/// What a connection does to a write.
#[derive(Clone, Copy)]
enum Wire {
    /// It cannot be opened.
    Refused,
    /// It breaks before the pod took the request.
    BrokenBefore,
    /// It breaks after that.
    BrokenAfter,
    /// No answer comes, though all was done.
    SilentAfter,
}

enum Fault {
    Pod(fn(&Operation) -> Value),
    Wire(Wire),
}

fn rows(pod: &Pod, root: Root, name: &str, fits: impl Fn(&Row) -> bool) -> usize {
    let resource = metadata::resource(root, name).unwrap();
    pod.with_store(|store| store.scan(resource).filter(|row| fits(row)).count())
}

fn text(pod: &Pod, name: &str, attribute: &str, wanted: &str) -> usize {
    let root = if name == "userAccounts" { Root::Hcm } else { Root::Fscm };
    let resource = metadata::resource(root, name).unwrap();
    let fits = |row: &Row| matches!(row.get(resource, attribute), Some(Held::Text(text)) if &**text == wanted);
    rows(pod, root, name, fits)
}

fn of_invoice<T>(pod: &Pod, number: &str, tell: impl Fn(&Row) -> T) -> Option<T> {
    let resource = metadata::resource(Root::Fscm, "invoices").unwrap();
    let fits = |row: &Row| matches!(row.get(resource, "InvoiceNumber"), Some(Held::Text(text)) if &**text == number);
    pod.with_store(|store| store.scan(resource).find(fits).map(|row| tell(&row)))
}

fn attachments(pod: &Pod, number: &str) -> usize {
    of_invoice(pod, number, |row| row.child("attachments").len()).unwrap_or_default()
}

fn validated(pod: &Pod, number: &str) -> usize {
    let resource = metadata::resource(Root::Fscm, "invoices").unwrap();
    let status = of_invoice(pod, number, |row| row.get(resource, "ValidationStatus").cloned()).flatten();
    usize::from(matches!(status, Some(Held::Text(text)) if &*text == "Validated"))
}

fn clerks(number: &str) -> Value {
    let mut input = invoice(number);
    input["attachments"] = json!([{"file": {"name": "scan.pdf", "base64": "JVBERi0xLjQK"}, "category": "From Supplier"}]);
    input["validate"] = json!(true);
    input
}

fn receivable() -> Value {
    json!({"BusinessUnit": "US1 Business Unit", "TransactionSource": "Manual", "TransactionType": "Invoice",
           "Comments": "written once"})
}

fn supplier(name: &str) -> Value {
    json!({"Supplier": name, "TaxOrganizationTypeCode": "CORPORATION", "BusinessRelationshipCode": "PROSPECTIVE"})
}

fn operations() -> Vec<Operation> {
    let made = |name, action, input, count, whole| Operation { name, action, input, hit: ("POST", 0), count, whole };
    vec![
        made(
            "create_record, the pod refuses a second",
            "create_record",
            |_| json!({"resource": "invoices", "record": invoice("W-1")}),
            |pod| text(pod, "invoices", "InvoiceNumber", "W-1"),
            1,
        ),
        made(
            "create_record, the pod takes a second",
            "create_record",
            |_| json!({"resource": "suppliers", "record": supplier("Written Once")}),
            |pod| text(pod, "suppliers", "Supplier", "Written Once"),
            1,
        ),
        made(
            "create_record, no key",
            "create_record",
            |_| json!({"resource": "receivablesInvoices", "record": receivable()}),
            |pod| text(pod, "receivablesInvoices", "Comments", "written once"),
            1,
        ),
        made(
            "create_record, a mark",
            "create_record",
            |_| {
                let mut record = receivable();
                record["TransactionNumber"] = json!("MARK-7");
                json!({"resource": "receivablesInvoices", "record": record, "match": ["Comments"]})
            },
            |pod| text(pod, "receivablesInvoices", "Comments", "written once"),
            1,
        ),
        made(
            "create_records, all or nothing",
            "create_records",
            |_| json!({"resource": "invoices", "records": [invoice("W-1"), invoice("W-2")]}),
            |pod| {
                text(pod, "invoices", "InvoiceNumber", "W-1") + text(pod, "invoices", "InvoiceNumber", "W-2")
            },
            2,
        ),
        made(
            "create_records, each for itself",
            "create_records",
            |_| json!({"resource": "suppliers", "on_error": "continue", "records": [supplier("Each One"), supplier("Each Two")]}),
            |pod| text(pod, "suppliers", "Supplier", "Each One") + text(pod, "suppliers", "Supplier", "Each Two"),
            2,
        ),
        Operation {
            name: "update_record",
            action: "update_record",
            input: |seeds| json!({"resource": "invoices", "key": seeds.first, "record": {"Description": "ours"}}),
            hit: ("PATCH", 0),
            count: |pod| text(pod, "invoices", "Description", "ours"),
            whole: 1,
        },
        made(
            "update_records, all or nothing",
            "update_records",
            |seeds| json!({"resource": "invoices", "records": [
                {"key": seeds.first, "record": {"Description": "ours"}},
                {"key": seeds.second, "record": {"Description": "ours"}}]}),
            |pod| text(pod, "invoices", "Description", "ours"),
            2,
        ),
        Operation {
            name: "upsert_record, it is there",
            action: "upsert_record",
            input: |_| {
                let mut record = invoice("S-1");
                record["Description"] = json!("ours");
                record.as_object_mut().unwrap().remove("invoiceLines");
                json!({"resource": "invoices", "record": record})
            },
            hit: ("PATCH", 0),
            count: |pod| text(pod, "invoices", "Description", "ours"),
            whole: 1,
        },
        made(
            "upsert_record, it is not there",
            "upsert_record",
            |_| json!({"resource": "suppliers", "record": supplier("Written Once")}),
            |pod| text(pod, "suppliers", "Supplier", "Written Once"),
            1,
        ),
        Operation {
            name: "delete_record",
            action: "delete_record",
            input: |seeds| json!({"resource": "invoices", "key": seeds.first}),
            hit: ("DELETE", 0),
            count: |pod| 1 - text(pod, "invoices", "InvoiceNumber", "S-1"),
            whole: 1,
        },
        made(
            "call_record_action",
            "call_record_action",
            |_| json!({"resource": "invoices", "action": "validateInvoice", "parameters": {
                "ProcessAction": "Validate", "BusinessUnit": "US1 Business Unit", "Supplier": "Lee Supplies",
                "InvoiceNumber": "S-1"}}),
            |pod| validated(pod, "S-1"),
            1,
        ),
        made(
            "add_attachment",
            "add_attachment",
            |seeds| json!({"resource": "invoices", "key": seeds.first, "attachment": {
                "file": {"name": "note.txt", "text": "Approved by phone"}, "category": "From Supplier"}}),
            |pod| attachments(pod, "S-1"),
            1,
        ),
        made("create_invoice", "create_invoice", |_| clerks("W-1"), |pod| {
            text(pod, "invoices", "InvoiceNumber", "W-1") + attachments(pod, "W-1") + validated(pod, "W-1")
        }, 3),
        Operation {
            name: "create_invoice, at its attachment",
            action: "create_invoice",
            input: |_| clerks("W-1"),
            hit: ("POST", 1),
            count: |pod| {
                text(pod, "invoices", "InvoiceNumber", "W-1") + attachments(pod, "W-1") + validated(pod, "W-1")
            },
            whole: 3,
        },
        Operation {
            name: "create_invoice, at its validation",
            action: "create_invoice",
            input: |_| clerks("W-1"),
            hit: ("POST", 2),
            count: |pod| {
                text(pod, "invoices", "InvoiceNumber", "W-1") + attachments(pod, "W-1") + validated(pod, "W-1")
            },
            whole: 3,
        },
        made(
            "create_user",
            "create_user",
            |_| json!({"user_name": "ida.ng@example.com", "given_name": "Ida", "family_name": "Ng"}),
            |pod| text(pod, "userAccounts", "Username", "ida.ng@example.com"),
            1,
        ),
        made(
            "send_request",
            "send_request",
            |_| json!({"method": "POST", "path": "/fscmRestApi/resources/11.13.18.05/invoices", "body": invoice("W-1")}),
            |pod| text(pod, "invoices", "InvoiceNumber", "W-1"),
            1,
        ),
    ]
}

/// A fault of the simulator, once, at the write that is meant.
fn at(operation: &Operation, fault: Value) -> Value {
    let mut fault = fault;
    fault["method"] = json!(operation.hit.0);
    fault["after"] = json!(operation.hit.1);
    if fault.get("times").is_none() {
        fault["times"] = json!(1);
    }
    json!([fault])
}

fn faults() -> Vec<(&'static str, Fault)> {
    use Fault::{Pod as On, Wire as In};
    vec![
        ("no connection", In(Wire::Refused)),
        ("connection breaks before", In(Wire::BrokenBefore)),
        ("connection breaks after", In(Wire::BrokenAfter)),
        ("time-out, done", In(Wire::SilentAfter)),
        ("502, done", On(|to| at(to, json!({"name": "E7", "status": 502, "commit": "before"})))),
        ("502, not done", On(|to| at(to, json!({"name": "E7", "status": 502, "commit": "never"})))),
        ("504, done", On(|to| at(to, json!({"name": "E7", "commit": "before"})))),
        ("504, not done", On(|to| at(to, json!({"name": "E7", "commit": "never"})))),
        ("504 each time", On(|to| at(to, json!({"name": "E7", "commit": "never", "times": 100})))),
        ("done after the first look", On(|to| at(to, json!({"name": "late_commit", "requests": 2})))),
        ("done after all looks", On(|to| at(to, json!({"name": "late_commit", "seconds": 600})))),
        ("503, try later", On(|to| at(to, json!({"name": "E6", "status": 503, "retry_after": 120})))),
        ("answer cut", On(|to| at(to, json!({"name": "cut_body"})))),
        ("answer broken", On(|to| at(to, json!({"name": "broken_body"})))),
        ("E2", On(|to| at(to, json!({"name": "E2"})))),
        ("E10, 412, elsewhere", On(|to| at(to, json!({"name": "E10", "changes": {"PaymentMethod": "theirs"}})))),
        ("E10, 412, the same", On(|to| at(to, json!({"name": "E10", "changes": {"Description": "theirs"}})))),
        ("E10, JBO-25014, elsewhere", On(|to| at(to, json!({"name": "E10", "status": 400, "changes": {"PaymentMethod": "theirs"}})))),
        ("E10, JBO-25014, the same", On(|to| at(to, json!({"name": "E10", "status": 400, "changes": {"Description": "theirs"}})))),
        ("W1", On(|to| at(to, json!({"name": "W1"})))),
        ("W2", On(|to| at(to, json!({"name": "W2", "attributes": ["Description"]})))),
        ("W3", On(|to| at(to, json!({"name": "W3", "attribute": "Description", "value": "the server's"})))),
        ("T10, S", On(|to| at(to, json!({"name": "T10"})))),
        ("T10, E", On(|to| at(to, json!({"name": "T10", "status": "E"})))),
    ]
}

/// Faults that are for changes alone, or for actions alone.
fn concerns(fault: &str, operation: &Operation) -> bool {
    let changes = matches!(operation.hit.0, "PATCH" | "DELETE");
    let acts = matches!(operation.name, "call_record_action" | "create_invoice, at its validation");
    match fault.split([',', ' ']).next() {
        Some("E10") => changes,
        Some("W1" | "W2") => operation.hit.0 == "PATCH",
        Some("W3") => changes || operation.name == "create_record, the pod refuses a second",
        Some("T10") => acts,
        _ => true,
    }
}

/// How a call ended, in a word or two.
fn ending(answer: &Result<Value, Refused>) -> String {
    let output = match answer {
        Ok(output) => output,
        Err(refused) => {
            let again = if refused.again { "transient " } else { "" };
            return format!("{again}{:?}", refused.problem.kind);
        }
    };
    let word = output["outcome"].as_str().or(output["status"].as_str()).map(str::to_owned);
    let counts = output["counts"].as_object().map(|counts| {
        let each: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        each.join(" ")
    });
    let mut told = word.or(counts).unwrap_or_else(|| "done".to_owned());
    for step in output["steps"].as_array().into_iter().flatten() {
        let state = step["state"].as_str().unwrap_or("?");
        if state != "done" {
            told.push_str(&format!(" {} {state}", step["step"].as_str().or(step["name"].as_str()).unwrap_or("?")));
        }
    }
    for warning in output["warnings"].as_array().into_iter().flatten() {
        told.push_str(&format!(" +{}", warning["code"].as_str().unwrap()));
    }
    told
}

/// Hits the write that is meant, once.
struct Breaking {
    wire: Wire,
    method: &'static str,
    before: AtomicU32,
    next: Arc<dyn Transport>,
}

impl Transport for Breaking {
    fn send(
        &self,
        request: http::Request<Body>,
        timeouts: Timeouts,
    ) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        let sent = if request.method() == self.method { self.before.fetch_sub(1, Ordering::SeqCst) } else { 0 };
        if sent != 1 {
            return self.next.send(request, timeouts);
        }
        let authority = request.uri().authority().unwrap().to_string();
        let reason = "reset by the test".to_owned();
        let (taken, failure) = match self.wire {
            Wire::Refused => (false, Failure::Unreachable { authority, reason }),
            Wire::BrokenBefore => (false, Failure::Broken { authority, reason }),
            Wire::BrokenAfter => (true, Failure::Broken { authority, reason }),
            Wire::SilentAfter => (true, Failure::TimedOut { authority, phase: "first byte" }),
        };
        let answer = taken.then(|| self.next.send(request, timeouts));
        Box::pin(async move {
            if let Some(answer) = answer {
                answer.await?;
            }
            Err(failure)
        })
    }
}

/// One call under one fault; answers the line of the table.
fn line(operation: &Operation, name: &str, fault: &Fault) -> String {
    let mut stage = Stage::of(json!({"rows": 5}));
    let made = |number: &str| {
        let output = stage.run("create_record", json!({"resource": "invoices", "record": invoice(number)})).unwrap();
        output["record"]["InvoiceId"].to_string()
    };
    let seeds = Seeds { first: made("S-1"), second: made("S-2") };
    match fault {
        Fault::Pod(faults) => stage.faults(faults(operation)),
        Fault::Wire(wire) => {
            let (wire, (method, before)) = (*wire, operation.hit);
            stage = stage.over(|next| Arc::new(Breaking { wire, method, before: AtomicU32::new(before + 1), next }));
        }
    }
    let answer = stage.run(operation.action, (operation.input)(&seeds));
    let pod = stage.pod.as_ref().unwrap();
    let now = (operation.count)(pod);
    let at = format!("{} | {name} | {answer:?}", operation.name);
    // What the edge gave up on is done now, if ever.
    stage.faults(json!([]));
    pod.clock().advance(Duration::from_secs(3600));
    stage.run("search_records", json!({"resource": "invoices", "limit": 1})).unwrap();
    let later = (operation.count)(pod);
    assert!(now <= operation.whole && later <= operation.whole, "twice: {at}");
    match &answer {
        Err(refused) if refused.problem.kind == ProblemKind::UnknownOutcome => {
            assert!(!refused.again, "{at}");
            assert!(refused.problem.remedy.is_some(), "{at}");
        }
        Err(_) if operation.action != "create_invoice" => assert_eq!(later, 0, "refused and yet there: {at}"),
        Err(_) => {}
        Ok(_) => {}
    }
    let later = if later == now { String::new() } else { format!(", {later} later") };
    format!("{} | {name} | {} | {now}{later}", operation.name, ending(&answer))
}

#[test]
fn each_operation_under_each_fault_ends_as_the_table_says() {
    let operations = operations();
    let faults = faults();
    let lines: Vec<String> = operations
        .iter()
        .flat_map(|operation| {
            faults
                .iter()
                .filter(|(name, _)| concerns(name, operation))
                .map(|(name, fault)| line(operation, name, fault))
        })
        .collect();
    let expected: BTreeMap<&str, &str> = include_str!("writes.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_at(line.match_indices(" | ").nth(1).unwrap().0))
        .collect();
    let differing: Vec<String> = lines
        .iter()
        .filter(|line| {
            let (case, ending) = line.split_at(line.match_indices(" | ").nth(1).unwrap().0);
            expected.get(case) != Some(&ending)
        })
        .map(|line| format!("it is   {line}"))
        .collect();
    assert!(differing.is_empty(), "\n{}\n", differing.join("\n"));
    assert_eq!(lines.len(), expected.len(), "the table has lines that no test made");
}
