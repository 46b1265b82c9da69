//! Each version of each record once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::invoices::invoice;
use crate::stage::Stage;
use host_harness::contract::types::ProblemKind;

const CHANGED: &str = "new_or_updated_record";

/// Polls until nothing is behind; answers dedup keys and the last cursor.
fn drain(stage: &Stage, input: &Value, cursor: Option<String>) -> (Vec<String>, String) {
    let (mut keys, mut cursor) = (Vec::new(), cursor);
    for _ in 0..200 {
        let polled = stage.poll(CHANGED, input, cursor.as_deref()).unwrap();
        keys.extend(polled.events.into_iter().map(|event| event.dedup_key));
        cursor = Some(polled.cursor);
        if !polled.has_more {
            return (keys, cursor.unwrap());
        }
    }
    panic!("the sweep has no end");
}

#[test]
fn a_sweep_hands_over_every_row_once() {
    for fault in [json!([]), json!([{"name": "P1", "limit": 17}]), json!([{"name": "P5", "rows": 3}])] {
        let stage = Stage::sim(fault);
        let input = json!({"resource": "invoices", "since": "beginning", "fields": ["InvoiceNumber"], "limit": 60});
        let (keys, _) = drain(&stage, &input, None);
        assert_eq!(keys.len(), 1000);
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 1000);
    }
}

#[test]
fn a_new_record_comes_and_what_came_before_is_known_by_its_key() {
    let stage = Stage::sim(json!([]));
    let input = json!({"resource": "invoices", "since": "beginning", "fields": ["InvoiceNumber"]});
    let (before, cursor) = drain(&stage, &input, None);
    stage.pod.as_ref().unwrap().clock().advance(std::time::Duration::from_secs(3600));
    stage.run("create_invoice", invoice("P-1")).unwrap();
    let known: BTreeSet<String> = before.into_iter().collect();
    let polled = stage.poll(CHANGED, &input, Some(&cursor)).unwrap();
    let new: Vec<_> = polled.events.iter().filter(|event| !known.contains(&event.dedup_key)).collect();
    assert_eq!(new.len(), 1);
    let payload: Value = serde_json::from_str(&new[0].payload).unwrap();
    assert_eq!(payload["record"]["InvoiceNumber"], json!("P-1"));
    assert!(new[0].occurred_at.is_some());
    assert!(polled.dedup_for_ms > 5 * 60 * 1000);
}

#[test]
fn since_now_hands_over_nothing_old() {
    let stage = Stage::sim(json!([]));
    let input = json!({"resource": "invoices"});
    let (keys, cursor) = drain(&stage, &input, None);
    assert!(keys.is_empty());
    assert!(cursor.len() < 1000, "a cursor is small");
    stage.run("create_invoice", invoice("P-2")).unwrap();
    assert_eq!(drain(&stage, &input, Some(cursor)).0.len(), 1);
}

#[test]
fn what_tells_no_queryable_change_is_refused_before_anything_is_sent() {
    let stage = Stage::sim(json!([]));
    let refused = stage.poll(CHANGED, &json!({"resource": "suppliers"}), None).unwrap_err();
    assert_eq!(refused.problem.kind, ProblemKind::Unsupported);
    assert!(refused.problem.message.contains("LastUpdateDate"));
    assert!(stage.arrived().is_empty());
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_the_rest_comes() {
    let whole = Stage::sim(json!([]));
    let list =
        whole.run("search_records", json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 40})).unwrap();
    let key = list["result"][20]["InvoiceId"].to_string();
    let stage = Stage::sim(json!([{"name": "P8", "key": key}]));
    let input = json!({"resource": "invoices", "since": "beginning", "fields": ["InvoiceNumber"], "limit": 5000});
    let polled = stage.poll(CHANGED, &input, None).unwrap();
    assert_eq!(polled.events.len(), 999);
    assert_eq!(polled.warnings.len(), 1);
    assert_eq!(polled.warnings[0].key.as_deref(), Some(key.as_str()));
}
