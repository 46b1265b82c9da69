//! The triggers beside the plain one, through the component in the host.

use std::time::Duration;

use fusion_sim::Pod;
use fusion_sim::keys::KeyValues;
use fusion_sim::metadata;
use fusion_sim::model::{Resource, Root, Value as Held};
use host_harness::contract::types::ProblemKind;
use serde_json::{Value, json};

use crate::invoices::invoice;
use crate::stage::Stage;

const CHANGED: &str = "new_or_updated_record";

fn resource(root: Root, name: &str) -> &'static Resource {
    metadata::resource(root, name).unwrap()
}

/// Polls until nothing is behind: the payloads, and the codes of the warnings.
fn drain(stage: &Stage, trigger: &str, input: &Value, cursor: &mut Option<String>) -> (Vec<Value>, Vec<String>) {
    let (mut events, mut warnings) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let polled = stage.poll(trigger, input, cursor.as_deref()).unwrap();
        events.extend(polled.events.iter().map(|event| serde_json::from_str::<Value>(&event.payload).unwrap()));
        warnings.extend(polled.warnings.into_iter().map(|warning| warning.code));
        *cursor = Some(polled.cursor);
        if !polled.has_more {
            return (events, warnings);
        }
    }
    panic!("the sweep has no end");
}

fn pass(stage: &Stage) {
    stage.pod.as_ref().unwrap().clock().advance(Duration::from_secs(2 * 3600));
}

fn ids(pod: &Pod) -> Vec<i64> {
    let invoices = resource(Root::Fscm, "invoices");
    let id = |held: Option<&Held>| match held {
        Some(Held::Integer(id)) => *id,
        other => panic!("{other:?}"),
    };
    pod.with_store(|store| store.scan(invoices).map(|row| id(row.get(invoices, "InvoiceId"))).collect())
}

fn told(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event["change"].as_str().unwrap(), event["key"].as_str().unwrap())).collect()
}

#[test]
fn a_new_record_comes_once_however_often_it_changes() {
    let stage = Stage::sim(json!([]));
    let (input, mut cursor) = (json!({"resource": "invoices", "fields": ["InvoiceNumber"]}), None);
    assert!(drain(&stage, "new_record", &input, &mut cursor).0.is_empty());
    pass(&stage);
    let made = stage.run("create_invoice", invoice("N-1")).unwrap();
    let key = made["record"]["InvoiceId"].to_string();
    assert_eq!(told(&drain(&stage, "new_record", &input, &mut cursor).0), [("new", key.as_str())]);
    let pod = stage.pod.as_ref().unwrap();
    let changed = [("Description", Held::Text("changed".into()))];
    pod.with_store(|store| {
        let key = KeyValues::integer(key.parse().unwrap());
        assert!(store.touch(resource(Root::Fscm, "invoices"), &key, &changed, pod.clock().now()));
    });
    assert!(drain(&stage, "new_record", &input, &mut cursor).0.is_empty());
}

#[test]
fn a_line_that_changes_changes_its_invoice_where_lines_are_chosen() {
    let stage = Stage::sim(json!([]));
    let made = stage.run("create_invoice", invoice("C-1")).unwrap();
    let key = made["record"]["InvoiceId"].to_string();
    pass(&stage);
    let plain = json!({"resource": "invoices", "fields": ["InvoiceNumber"]});
    let with_lines = json!({"resource": "invoices", "fields": ["InvoiceNumber", "invoiceLines.Description"], "children": ["invoiceLines"]});
    let (mut of_plain, mut of_lines) = (None, None);
    drain(&stage, CHANGED, &plain, &mut of_plain);
    drain(&stage, CHANGED, &with_lines, &mut of_lines);
    pass(&stage);
    let line = json!({"resource": "invoices", "key": key, "expand": ["invoiceLines"]});
    let invoices = resource(Root::Fscm, "invoices");
    let pod = stage.pod.as_ref().unwrap();
    pod.with_store(|store| {
        let of = KeyValues::integer(key.parse().unwrap());
        let mut row = store.get(invoices, &of).unwrap();
        let lines = invoices.child("invoiceLines").unwrap();
        let line = &mut row.child_mut("invoiceLines")[0];
        assert!(line.set(lines, "Description", Held::Text("Tables".into())));
        assert!(line.set(lines, "LastUpdateDate", Held::Timestamp(pod.clock().now())));
        store.insert(invoices, row);
    });
    assert!(drain(&stage, CHANGED, &plain, &mut of_plain).0.is_empty());
    let (events, _) = drain(&stage, CHANGED, &with_lines, &mut of_lines);
    assert_eq!(told(&events), [("updated", key.as_str())]);
    assert_eq!(events[0]["record"]["invoiceLines"][0]["Description"], "Tables");
    assert_eq!(stage.run("get_record", line).unwrap()["record"]["invoiceLines"][0]["Description"], "Tables");
    assert!(drain(&stage, CHANGED, &with_lines, &mut of_lines).0.is_empty());
}

#[test]
fn a_deleted_record_is_asked_for_by_its_key_and_a_sudden_drop_is_not_believed() {
    let stage = Stage::of(json!({"rows": 60}));
    let pod = stage.pod.clone().unwrap();
    let invoices = resource(Root::Fscm, "invoices");
    let gone = |ids: &[i64]| {
        for id in ids {
            pod.with_store(|store| store.delete(invoices, &KeyValues::integer(*id))).unwrap();
        }
    };
    let (input, mut cursor) = (json!({"resource": "invoices", "fields": ["InvoiceNumber"], "deleted": true}), None);
    assert!(drain(&stage, CHANGED, &input, &mut cursor).0.is_empty());
    pass(&stage);
    assert!(drain(&stage, CHANGED, &input, &mut cursor).0.is_empty());

    let all = ids(&pod);
    gone(&all[3..5]);
    pass(&stage);
    let before = stage.arrived().len();
    let (events, warnings) = drain(&stage, CHANGED, &input, &mut cursor);
    let keys: Vec<String> = all[3..5].iter().map(i64::to_string).collect();
    assert_eq!(told(&events), [("deleted", keys[0].as_str()), ("deleted", keys[1].as_str())]);
    assert!(warnings.is_empty(), "{warnings:?}");
    let asked = stage.arrived().split_off(before);
    assert!(keys.iter().all(|key| asked.iter().any(|line| line.contains(&format!("invoices/{key}")))), "{asked:?}");

    gone(&all[10..30]);
    pass(&stage);
    let (events, warnings) = drain(&stage, CHANGED, &input, &mut cursor);
    assert_eq!((events.len(), warnings), (0, vec!["sudden-drop".to_owned()]));
    pass(&stage);
    let mut believed = input.clone();
    believed["allow_drop"] = true.into();
    assert_eq!(drain(&stage, CHANGED, &believed, &mut cursor).0.len(), 20);
}

#[test]
fn who_joins_leaves_gains_or_loses_a_role_is_told() {
    let stage = Stage::sim(json!([]));
    let pod = stage.pod.clone().unwrap();
    let users = resource(Root::Hcm, "userAccounts");
    let (input, mut cursor) = (json!({"since": "now"}), None);
    assert!(drain(&stage, "user_changed", &input, &mut cursor).0.is_empty());
    assert!(drain(&stage, "user_changed", &input, &mut cursor).0.is_empty());
    let mut happen = || {
        let (events, warnings) = drain(&stage, "user_changed", &input, &mut cursor);
        assert!(warnings.is_empty(), "{warnings:?}");
        let told = |event: &Value| {
            let role = event["role"]["code"].as_str().unwrap_or("-");
            format!("{} {} {role}", event["user"]["user_name"].as_str().unwrap(), event["change"].as_str().unwrap())
        };
        events.iter().map(told).collect::<Vec<_>>()
    };
    let someone = pod
        .with_store(|store| {
            store.scan(users).find(|row| {
                row.child("userAccountRoles").len() > 1
                    && row.get(users, "SuspendedFlag") == Some(&Held::Boolean(false))
                    && matches!(row.get(users, "Username"), Some(Held::Text(name)) if !stage.settings.to_string().contains(&**name))
            })
        })
        .unwrap();
    let Some(Held::Text(name)) = someone.get(users, "Username").cloned() else { panic!() };
    let roles = users.child("userAccountRoles").unwrap();
    let Some(Held::Text(code)) = someone.child("userAccountRoles")[0].get(roles, "RoleCode").cloned() else { panic!() };
    let keep = |row| pod.with_store(|store| store.insert(users, row));

    let mut without = someone.clone();
    without.child_mut("userAccountRoles").remove(0);
    keep(without);
    assert_eq!(happen(), [format!("{name} role_lost {code}")]);
    keep(someone.clone());
    assert_eq!(happen(), [format!("{name} role_gained {code}")]);
    let mut suspended = someone.clone();
    suspended.set(users, "SuspendedFlag", Held::Boolean(true));
    keep(suspended);
    assert_eq!(happen(), [format!("{name} left -")]);
    keep(someone);
    assert_eq!(happen(), [format!("{name} joined -")]);
    assert!(happen().is_empty());
}

#[test]
fn a_cursor_of_another_trigger_or_version_or_a_damaged_one_is_refused_with_a_way_on() {
    let stage = Stage::sim(json!([]));
    let input = json!({"resource": "invoices"});
    let cursor = stage.poll(CHANGED, &input, None).unwrap().cursor;
    let mut older: Value = serde_json::from_str(&cursor).unwrap();
    older["v"] = 1.into();
    let mut bent: Value = serde_json::from_str(&cursor).unwrap();
    bent["state"]["extra"] = 1.into();
    let half = cursor[..cursor.len() / 2].to_owned();
    let cases = [
        ("new_record", input.clone(), cursor.clone()),
        ("user_changed", json!({}), cursor.clone()),
        (CHANGED, json!({"resource": "payablesPayments"}), cursor.clone()),
        (CHANGED, input.clone(), older.to_string()),
        (CHANGED, input.clone(), bent.to_string()),
        (CHANGED, input.clone(), half),
        (CHANGED, input.clone(), String::new()),
        ("ess_job_finished", json!({"job": "/oracle/apps/ess/a,B"}), cursor.clone()),
        ("import_completed", json!({"request_ids": ["1"]}), cursor),
    ];
    for (trigger, input, cursor) in cases {
        let refused = stage.poll(trigger, &input, Some(&cursor)).unwrap_err();
        assert_eq!((refused.again, refused.problem.kind), (false, ProblemKind::InvalidInput), "{trigger} {cursor}");
        let remedy = refused.problem.remedy.unwrap();
        assert!(remedy.contains("egin") && remedy.contains("without"), "{trigger}: {remedy}");
    }
}

#[test]
fn a_start_in_the_future_is_refused() {
    let stage = Stage::sim(json!([]));
    for (trigger, mut input) in [
        (CHANGED, json!({"resource": "invoices"})),
        ("new_record", json!({"resource": "invoices"})),
        ("ess_job_finished", json!({"job": "/oracle/apps/ess/a,B"})),
    ] {
        input["since"] = "2999-01-01T00:00:00Z".into();
        let refused = stage.poll(trigger, &input, None).unwrap_err();
        assert_eq!(refused.problem.kind, ProblemKind::InvalidInput, "{trigger}");
        assert!(refused.problem.message.contains("future") || refused.problem.fields[0].message.contains("future"));
    }
}
