//! Every writing operation under every fault that can hit it: what is on the pod afterwards, and what was answered.
//!
//! `writes/endings.txt` is the table, one line for each operation and fault: how the call ended, and how often what
//! it was to do is on the pod. Rows, attachments, users and runs of actions are counted in the pod's own store, never
//! through the connector. Whatever the table says, these hold for each line: nothing is there twice, now or an hour
//! later; what is called done is there; what was refused is not there; a loss that cannot be judged is permanent.

mod operations;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use host_harness::contract::types::ProblemKind;
use host_harness::transport::{Body, Failure, Timeouts, Transport};
use serde_json::{Value, json};

use operations::{Operation, Seeds, operations};

use crate::invoices::invoice;
use crate::stage::{Refused, Stage};

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
        ("E10, 412, elsewhere", On(|to| at(to, json!({"name": "E10", "changes": {"PaymentReason": "theirs"}})))),
        ("E10, 412, the same", On(|to| at(to, json!({"name": "E10", "changes": {"Description": "theirs"}})))),
        (
            "E10, JBO-25014, elsewhere",
            On(|to| at(to, json!({"name": "E10", "status": 400, "changes": {"PaymentReason": "theirs"}}))),
        ),
        (
            "E10, JBO-25014, the same",
            On(|to| at(to, json!({"name": "E10", "status": 400, "changes": {"Description": "theirs"}}))),
        ),
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
        Some("W3") => operation.hit.0 == "PATCH" || operation.name == "create_record, the pod refuses a second",
        Some("T10") => acts,
        _ => true,
    }
}

/// `ProblemKind::UnknownOutcome` as the contract writes it.
fn kebab(kind: &str) -> String {
    let words = kind.rsplit("::").next().unwrap().chars().enumerate();
    words.map(|(at, c)| format!("{}{}", if at > 0 && c.is_uppercase() { "-" } else { "" }, c.to_lowercase())).collect()
}

/// How a call ended, in a word or two.
fn ending(answer: &Result<Value, Refused>) -> String {
    let output = match answer {
        Ok(output) => output,
        Err(refused) => {
            let again = if refused.again { "transient " } else { "" };
            return format!("{again}{}", kebab(&format!("{:?}", refused.problem.kind)));
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
    for role in output["roles"].as_array().into_iter().flatten() {
        told.push_str(&format!(" role {}", role["state"].as_str().unwrap()));
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
    for _ in 0..3 {
        stage.run("search_records", json!({"resource": "invoices", "limit": 1})).unwrap();
    }
    let later = (operation.count)(pod);
    assert!(now <= operation.whole && later <= operation.whole, "twice: {at}");
    match &answer {
        Err(refused) if refused.problem.kind == ProblemKind::UnknownOutcome => {
            assert!(!refused.again, "{at}");
            assert!(refused.problem.remedy.is_some(), "{at}");
        }
        // The steps of create_invoice come one after the other.
        Err(_) if operation.action != "create_invoice" => assert_eq!(later, 0, "refused and yet there: {at}"),
        _ => {}
    }
    // Whoever runs it again gets what is missing, and nothing twice; but for what has no mark at all.
    let settled = name.starts_with("W2") || name.starts_with("W3") || name.ends_with("the same");
    // create_record with a mark of its own looks after a loss and not before it sends.
    let repeatable = match operation.name {
        "create_record, no key" => false,
        "create_record, a mark" => later == 0,
        _ => true,
    };
    if !settled && repeatable {
        let again = stage.run(operation.action, (operation.input)(&seeds));
        assert_eq!((operation.count)(pod), operation.whole, "run again: {again:?}: {at}");
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
    let expected: BTreeMap<&str, &str> = include_str!("writes/endings.txt")
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
