//! A search over rows that move: what it answers for the rows that nobody touched is what a plain filter over a
//! snapshot answers, whatever the conditions, the order and the pages, while others are inserted, changed and deleted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fusion_sim::Pod;
use fusion_sim::keys::KeyValues;
use fusion_sim::metadata;
use fusion_sim::model::{Resource, Root, Row, Value as Held};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::Stage;

const ROWS: usize = 150;

fn invoices() -> &'static Resource {
    metadata::resource(Root::Fscm, "invoices").unwrap()
}

fn snapshot(pod: &Pod) -> Vec<Row> {
    pod.with_store(|store| store.scan(invoices()).collect())
}

fn id(row: &Row) -> i64 {
    match row.get(invoices(), "InvoiceId") {
        Some(Held::Integer(id)) => *id,
        other => panic!("{other:?}"),
    }
}

/// A condition with values of rows, each row by its place in the snapshot.
#[derive(Clone, Debug)]
enum Node {
    Compare { attribute: &'static str, operator: &'static str, of: usize },
    Among { attribute: &'static str, of: Vec<usize>, without: bool },
    Between { attribute: &'static str, of: (usize, usize) },
    Set { attribute: &'static str, set: bool },
    All(Vec<Node>),
    Any(Vec<Node>),
}

const COMPARED: [&str; 5] = ["InvoiceId", "InvoiceAmount", "InvoiceDate", "InvoiceCurrency", "LastUpdateDate"];

fn leaf() -> impl Strategy<Value = Node> {
    let attribute = || prop::sample::select(COMPARED.to_vec());
    let operator = prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let row = || 0..ROWS;
    prop_oneof![
        4 => (attribute(), operator, row()).prop_map(|(attribute, operator, of)| Node::Compare { attribute, operator, of }),
        2 => (attribute(), prop::collection::vec(row(), 1..30), any::<bool>())
            .prop_map(|(attribute, of, without)| Node::Among { attribute, of, without }),
        2 => (attribute(), (row(), row())).prop_map(|(attribute, of)| Node::Between { attribute, of }),
        1 => (prop::sample::select(vec!["Description", "PaidStatus", "InvoiceDate"]), any::<bool>())
            .prop_map(|(attribute, set)| Node::Set { attribute, set }),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(2, 8, 3, |inner| {
        let some = prop::collection::vec(inner, 1..4);
        prop_oneof![some.clone().prop_map(Node::All), some.prop_map(Node::Any)]
    })
}

fn value<'r>(rows: &'r [Row], attribute: &str, of: usize) -> &'r Held {
    rows[of % rows.len()].get(invoices(), attribute).unwrap()
}

/// As it stands in an input.
fn told(value: &Held) -> Value {
    match value {
        Held::Integer(number) => json!(number),
        Held::Decimal(amount) => serde_json::from_str(&amount.to_string()).unwrap(),
        Held::Text(text) => json!(&**text),
        Held::Date(day) => json!(day.to_string()),
        Held::Timestamp(at) => json!(at.to_string()),
        other => panic!("{other:?}"),
    }
}

fn ordering(left: &Held, right: &Held) -> Option<std::cmp::Ordering> {
    Some(match (left, right) {
        (Held::Integer(left), Held::Integer(right)) => left.cmp(right),
        (Held::Decimal(left), Held::Decimal(right)) => left.cmp(right),
        (Held::Text(left), Held::Text(right)) => left.cmp(right),
        (Held::Date(left), Held::Date(right)) => left.cmp(right),
        (Held::Timestamp(left), Held::Timestamp(right)) => left.cmp(right),
        _ => return None,
    })
}

impl Node {
    fn input(&self, rows: &[Row]) -> Value {
        let group = |nodes: &[Node]| nodes.iter().map(|node| node.input(rows)).collect::<Vec<_>>();
        match self {
            Node::Compare { attribute, operator, of } => {
                json!({"attribute": attribute, "operator": operator, "value": told(value(rows, attribute, *of))})
            }
            Node::Among { attribute, of, without } => {
                let values: Vec<Value> = of.iter().map(|of| told(value(rows, attribute, *of))).collect();
                json!({"attribute": attribute, "operator": if *without { "not_in" } else { "in" }, "value": values})
            }
            Node::Between { attribute, of } => {
                let (low, high) = (value(rows, attribute, of.0), value(rows, attribute, of.1));
                json!({"attribute": attribute, "operator": "between", "value": [told(low), told(high)]})
            }
            Node::Set { attribute, set } => {
                json!({"attribute": attribute, "operator": if *set { "is_not_null" } else { "is_null" }})
            }
            Node::All(nodes) => json!({"all": group(nodes)}),
            Node::Any(nodes) => json!({"any": group(nodes)}),
        }
    }

    /// The plain filter.
    fn holds(&self, rows: &[Row], row: &Row) -> bool {
        let own = |attribute: &str| row.get(invoices(), attribute).unwrap();
        match self {
            Node::Compare { attribute, operator, of } => ordering(own(attribute), value(rows, attribute, *of))
                .is_some_and(|order| match *operator {
                    "eq" => order.is_eq(),
                    "ne" => order.is_ne(),
                    "gt" => order.is_gt(),
                    "ge" => order.is_ge(),
                    "lt" => order.is_lt(),
                    _ => order.is_le(),
                }),
            Node::Among { attribute, of, without } => {
                let own = own(attribute);
                let among = of.iter().any(|of| ordering(own, value(rows, attribute, *of)).is_some_and(|o| o.is_eq()));
                *own != Held::Null && among != *without
            }
            Node::Between { attribute, of } => {
                let (low, high) = (value(rows, attribute, of.0), value(rows, attribute, of.1));
                ordering(own(attribute), low).is_some_and(|order| order.is_ge())
                    && ordering(own(attribute), high).is_some_and(|order| order.is_le())
            }
            Node::Set { attribute, set } => (*own(attribute) != Held::Null) == *set,
            Node::All(nodes) => nodes.iter().all(|node| node.holds(rows, row)),
            Node::Any(nodes) => nodes.iter().any(|node| node.holds(rows, row)),
        }
    }
}

/// What somebody else does between two pages, to the row at a place.
#[derive(Clone, Debug)]
enum Move {
    /// A row like that one, so many ids away from it.
    Insert(usize, i64),
    /// Its amount and its date become those of another.
    Change(usize, usize),
    Delete(usize),
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        (0..ROWS, -3_i64..3).prop_map(|(of, away)| Move::Insert(of, away)),
        (0..ROWS, 0..ROWS).prop_map(|(of, like)| Move::Change(of, like)),
        (0..ROWS).prop_map(Move::Delete),
    ]
}

/// Does it; answers the ids of the rows that are not as they were.
fn moved(pod: &Pod, rows: &[Row], what: &Move) -> i64 {
    let now = pod.clock().now();
    pod.with_store(|store| match what {
        Move::Insert(of, away) => {
            let mut row = rows[*of].clone();
            let new = id(&row) * 10 + away;
            row.set(invoices(), "InvoiceId", Held::Integer(new));
            row.set(invoices(), "InvoiceNumber", Held::Text(format!("NEW-{new}").into()));
            store.insert(invoices(), row);
            new
        }
        Move::Change(of, like) => {
            let changed = id(&rows[*of]);
            let values = ["InvoiceAmount", "InvoiceDate"].map(|name| (name, value(rows, name, *like).clone()));
            store.touch(invoices(), &KeyValues::integer(changed), &values, now);
            changed
        }
        Move::Delete(of) => {
            let gone = id(&rows[*of]);
            // It may have been deleted before.
            let _ = store.delete(invoices(), &KeyValues::integer(gone));
            gone
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn untouched_rows_come_once_each_as_a_plain_filter_finds_them(
        conditions in prop::collection::vec(node(), 0..3),
        any in any::<bool>(),
        order in prop::option::of((
            prop::sample::select(vec!["InvoiceAmount", "InvoiceDate", "InvoiceId", "LastUpdateDate"]),
            prop::sample::select(vec!["asc", "desc"]),
        )),
        page in 2..60_usize,
        limit in 1..70_usize,
        others in prop::collection::vec(moves(), 0..12),
        seed in 0..1000_usize,
    ) {
        let stage = Stage::of(json!({"rows": ROWS, "faults": [{"name": "P1", "limit": page, "resource": "invoices"}]}));
        let pod = stage.pod.clone().unwrap();
        // Rows of one day and of one moment, so that an order has ties.
        let before = snapshot(&pod);
        for (at, row) in before.iter().enumerate() {
            if (at * 7 + seed).is_multiple_of(3) {
                let values = [
                    ("InvoiceDate", value(&before, "InvoiceDate", 0).clone()),
                    ("InvoiceAmount", value(&before, "InvoiceAmount", 1).clone()),
                    ("LastUpdateDate", value(&before, "LastUpdateDate", 2).clone()),
                ];
                let key = KeyValues::integer(id(row));
                pod.with_store(|store| store.touch(invoices(), &key, &values, pod.clock().now()));
            }
        }
        let rows = Arc::new(snapshot(&pod));
        let touched: Arc<Mutex<BTreeSet<i64>>> = Arc::default();
        let stage = {
            let (pod, rows, touched, pages) = (pod.clone(), rows.clone(), touched.clone(), AtomicUsize::new(0));
            let others = others.clone();
            stage.through(move |_| {
                // One page passes, then one move before each.
                if let Some(at) = pages.fetch_add(1, Ordering::SeqCst).checked_sub(1) && let Some(what) = others.get(at) {
                    touched.lock().unwrap().insert(moved(&pod, &rows, what));
                }
            })
        };
        let mut input = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": limit});
        if !conditions.is_empty() {
            let nodes: Vec<Value> = conditions.iter().map(|node| node.input(&rows)).collect();
            input[if any { "any" } else { "all" }] = json!(nodes);
        }
        if let Some((attribute, direction)) = &order {
            input["order_by"] = json!([{"attribute": attribute, "direction": direction}]);
        }
        let asked = input.to_string();
        let (answered, warnings) = stage.search(input);
        let touched = touched.lock().unwrap();
        let answered: Vec<i64> = answered.iter().map(|row| row["InvoiceId"].as_i64().unwrap()).filter(|id| !touched.contains(id)).collect();
        let fits = |row: &&Row| {
            let each = |node: &Node| node.holds(&rows, row);
            if any && !conditions.is_empty() { conditions.iter().any(each) } else { conditions.iter().all(each) }
        };
        let mut expected: Vec<&Row> = rows.iter().filter(fits).filter(|row| !touched.contains(&id(row))).collect();
        match &order {
            Some((attribute, direction)) => expected.sort_by(|left, right| {
                let own = |row: &Row| row.get(invoices(), attribute).unwrap().clone();
                let by = ordering(&own(left), &own(right)).unwrap();
                (if *direction == "desc" { by.reverse() } else { by }).then(id(left).cmp(&id(right)))
            }),
            None => expected.sort_by_key(|row| id(row)),
        }
        let expected: Vec<i64> = expected.into_iter().map(id).collect();
        prop_assert!(answered == expected, "{} {:?} {:?} {:?}: {:?} and not {:?}", asked, others, touched, warnings, answered, expected);
    }
}

#[test]
fn a_row_that_moves_to_the_end_of_all_takes_the_place_of_reading_nowhere() {
    let stage = Stage::of(json!({"rows": 100}));
    let pod = stage.pod.clone().unwrap();
    let mut rows = snapshot(&pod);
    let at = |row: &Row| row.get(invoices(), "LastUpdateDate").unwrap().clone();
    rows.sort_by(|left, right| ordering(&at(left), &at(right)).unwrap().then(id(left).cmp(&id(right))));
    let last = id(&rows[39]);
    let stage = {
        let (pod, requests) = (pod.clone(), AtomicUsize::new(0));
        stage.through(move |_| {
            if requests.fetch_add(1, Ordering::SeqCst) == 1 {
                let now = pod.clock().now();
                pod.with_store(|store| store.touch(invoices(), &KeyValues::integer(last), &[], now));
            }
        })
    };
    let input = json!({"resource": "invoices", "fields": ["InvoiceId"], "limit": 40, "order_by": [{"attribute": "LastUpdateDate"}]});
    let (answered, _) = stage.search(input);
    let untouched = |ids: Vec<i64>| ids.into_iter().filter(|id| *id != last).collect::<Vec<_>>();
    let answered = untouched(answered.iter().map(|row| row["InvoiceId"].as_i64().unwrap()).collect());
    assert_eq!(answered, untouched(rows.iter().map(id).collect()));
}
