//! Rows that hold for ranges of days (FACTS 1.2, 1.7, I8): changed from a day on or as they stand, found by keys of
//! yesterday, and counted on the pod.

use std::time::Duration;

use fusion_sim::model::{Root, Value as Held};
use host_harness::contract::types::ProblemKind;
use serde_json::{Value, json};

use crate::field::{rows, text};
use crate::stage::Stage;

const DAY: Duration = Duration::from_secs(86_400);

fn key_in_link(row: &Value) -> String {
    row["links"][0]["href"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// A worker, the resource of the worker's names, and the key of the one that holds today.
fn name_of_a_worker(stage: &Stage) -> (Value, String, String) {
    let worker = stage.run("search_records", json!({"resource": "workers", "limit": 1})).unwrap()["result"][0].clone();
    let names = format!("workers/{}/child/names", key_in_link(&worker));
    let name = stage.run("search_records", json!({ "resource": names })).unwrap()["result"][0].clone();
    (worker, names, key_in_link(&name))
}

/// The worker's names on the pod: the last name, and the days from which and to which it holds.
fn held(stage: &Stage, worker: &Value) -> Vec<(String, String, String)> {
    let (resource, workers) = rows(stage.pod.as_ref().unwrap(), Root::Hcm, "workers");
    let names = resource.child("names").unwrap();
    let id = Held::Integer(worker["PersonId"].as_i64().unwrap());
    let worker = workers.iter().find(|row| row.get(resource, "PersonId") == Some(&id)).unwrap();
    let day = |row: &fusion_sim::model::Row, name: &str| match row.get(names, name) {
        Some(Held::Date(day)) => day.to_string(),
        other => panic!("{other:?}"),
    };
    let one =
        |row| (text(names, row, "LastName").to_owned(), day(row, "EffectiveStartDate"), day(row, "EffectiveEndDate"));
    worker.child("names").iter().map(one).collect()
}

fn update(names: &str, key: &str, effective: &Value) -> Value {
    json!({"resource": names, "key": key, "record": {"LastName": "Ours"}, "effective": effective})
}

#[test]
fn a_correction_changes_the_row_and_an_update_begins_another() {
    let stage = Stage::of(json!({"rows": 5}));
    let (worker, names, key) = name_of_a_worker(&stage);
    let before = held(&stage, &worker);
    assert_eq!(before.len(), 1);
    let from = json!({"mode": "UPDATE", "start_date": "2026-09-01"});
    let changed = stage.run("update_record", update(&names, &key, &from)).unwrap();
    assert_eq!(changed["record"]["EffectiveStartDate"], "2026-09-01", "{changed}");
    assert!(changed["warnings"].is_null(), "{changed}");
    let (last, start, end) = before[0].clone();
    let after = vec![(last, start.clone(), "2026-08-31".to_owned()), ("Ours".to_owned(), "2026-09-01".to_owned(), end)];
    assert_eq!(held(&stage, &worker), after);
    // As it stands: the row of today alone.
    let corrected = stage.run("update_record", update(&names, &key, &json!({"mode": "CORRECTION"}))).unwrap();
    assert_eq!(corrected["record"]["EffectiveEndDate"], "2026-08-31", "{corrected}");
    let now = held(&stage, &worker);
    assert_eq!((now.len(), now[0].0.as_str(), &now[1]), (2, "Ours", &after[1]));
    // Each day tells its own.
    for (day, start) in [("2026-08-31", start.as_str()), ("2026-09-01", "2026-09-01")] {
        let row = stage.run("search_records", json!({"resource": names, "effective_date": day})).unwrap();
        assert_eq!(row["result"].as_array().unwrap().len(), 1, "{day}: {row}");
        assert_eq!(row["result"][0]["EffectiveStartDate"], start, "{day}");
    }
}

#[test]
fn what_is_no_range_is_refused_and_changes_nothing() {
    let stage = Stage::of(json!({"rows": 5}));
    let (worker, names, key) = name_of_a_worker(&stage);
    let before = held(&stage, &worker);
    for (wrong, sent) in [
        (json!({"mode": "SOMETIMES"}), false),
        (json!({"mode": "UPDATE", "start_date": "01.09.2026"}), false),
        (json!({"mode": "UPDATE"}), false),
        (json!({"mode": "ZAP"}), true),
    ] {
        let arrived = stage.arrived().iter().filter(|line| line.starts_with("PATCH ")).count();
        let refused = stage.run("update_record", update(&names, &key, &wrong)).unwrap_err();
        assert_eq!((refused.problem.kind, refused.again), (ProblemKind::InvalidInput, false), "{wrong}: {refused:?}");
        let now = stage.arrived().iter().filter(|line| line.starts_with("PATCH ")).count();
        assert_eq!(now - arrived, usize::from(sent), "{wrong}");
    }
    assert_eq!(held(&stage, &worker), before);
}

#[test]
fn a_lost_answer_is_not_made_good_by_a_second_row() {
    for (effective, whole) in
        [(json!({"mode": "UPDATE", "start_date": "2026-09-01"}), 2), (json!({"mode": "CORRECTION"}), 1)]
    {
        for commit in ["before", "never"] {
            let stage = Stage::of(json!({"rows": 5}));
            let (worker, names, key) = name_of_a_worker(&stage);
            stage.faults(json!([{"name": "E7", "method": "PATCH", "commit": commit, "times": 1}]));
            let changed = stage.run("update_record", update(&names, &key, &effective));
            let now = held(&stage, &worker);
            let told = format!("{effective}, {commit}: {changed:?}, {now:?}");
            let ours = now.iter().filter(|(last, ..)| last == "Ours").count();
            // It may be found out that it happened; that it did not cannot be, where nothing guards the row.
            match &changed {
                Ok(_) => assert_eq!((now.len(), ours), (whole, 1), "{told}"),
                Err(refused) => {
                    assert_eq!((refused.problem.kind, refused.again), (ProblemKind::UnknownOutcome, false), "{told}");
                    assert_eq!(ours, usize::from(commit == "before"), "{told}");
                    assert!(now.len() <= whole, "{told}");
                }
            }
        }
    }
}

#[test]
fn a_key_of_yesterday_leads_to_the_row_of_its_ids_or_nowhere() {
    let stage = Stage::of(json!({"rows": 5, "faults": [{"name": "I8"}]}));
    let (worker, names, key) = name_of_a_worker(&stage);
    let before = held(&stage, &worker);
    let read = |key: &str| stage.run("get_record", json!({"resource": "workers", "key": key})).unwrap();
    let yesterday = key_in_link(&worker);
    assert!(read(&yesterday)["warnings"].is_null());
    stage.pod.as_ref().unwrap().clock().advance(DAY);
    let found = read(&yesterday);
    assert_eq!(found["record"]["PersonId"], worker["PersonId"]);
    assert_eq!(found["warnings"][0]["code"], "key_changed", "{found}");
    // A write goes to that row alone, or is refused and changes nothing.
    match stage.run("update_record", update(&names, &key, &json!({"mode": "CORRECTION"}))) {
        Ok(_) => assert_eq!(held(&stage, &worker)[0].0, "Ours"),
        Err(refused) => {
            assert_eq!((refused.problem.kind, refused.again), (ProblemKind::NotFound, false), "{refused:?}");
            assert_eq!(held(&stage, &worker), before);
        }
    }
    // With the keys of today it goes on.
    let (_, names, key) = name_of_a_worker(&stage);
    stage.run("update_record", update(&names, &key, &json!({"mode": "CORRECTION"}))).unwrap();
    let now = held(&stage, &worker);
    assert_eq!((now.len(), now[0].0.as_str()), (1, "Ours"));
}
