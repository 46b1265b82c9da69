//! A live table that sorts, filters and pages as a pod does, and that others write to between two pages:
//! whatever the sort order, rows that nobody touches come exactly once.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::time::Duration;

use proptest::prelude::*;

use super::tests::{number, settings};
use super::*;
use crate::fusion::query::{self, Order};
use crate::http::fake::json;
use crate::http::{Door, Request, Response, SendError};

#[derive(Clone, Debug)]
struct Row {
    id: i64,
    amount: Option<i64>,
    day: Option<u8>,
    /// Microseconds: finer than they are written.
    changed: Option<i64>,
    name: u8,
}

const ATTRIBUTES: [&str; 4] = ["InvoiceAmount", "InvoiceDate", "LastUpdateDate", "Supplier"];

impl Row {
    /// For comparison.
    fn value(&self, attribute: &str) -> Option<i64> {
        match attribute {
            "InvoiceAmount" => self.amount,
            "InvoiceDate" => self.day.map(i64::from),
            "LastUpdateDate" => self.changed,
            "Supplier" => Some(self.name.into()),
            _ => Some(self.id),
        }
    }

    fn text(&self) -> String {
        let quoted = |text: Option<String>| text.map_or("null".to_owned(), |text| format!("{text:?}"));
        let day = quoted(self.day.map(|day| format!("2026-01-{day:02}")));
        let amount = self.amount.map_or("null".to_owned(), |amount| amount.to_string());
        let changed = quoted(self.changed.map(|at| format!("2026-01-01T00:00:00.{:03}+00:00", at / 1000)));
        format!(
            r#"{{"InvoiceAmount":{amount},"InvoiceDate":{day},"LastUpdateDate":{changed},"Supplier":"s{}","InvoiceId":{}}}"#,
            self.name, self.id
        )
    }
}

/// A value of `q` on the scale of [`Row::value`].
fn scale(attribute: &str, text: &str) -> i64 {
    let text = text.trim_matches('\'');
    match attribute {
        "InvoiceDate" => text.rsplit('-').next().unwrap().parse().unwrap(),
        "LastUpdateDate" => crate::fusion::time::instant(text).unwrap().as_microsecond() % 1_000_000,
        _ => text.parse().unwrap(),
    }
}

fn holds(row: &Row, q: &str) -> bool {
    let inner = q.strip_prefix('(').and_then(|q| q.strip_suffix(')')).unwrap_or(q);
    inner.split(" or ").any(|way| {
        way.split(" and ").all(|term| {
            let (attribute, rest) = term.split_once(' ').unwrap();
            let value = row.value(attribute);
            if rest == "is null" {
                return value.is_none();
            }
            let (sign, text) = rest.split_once(' ').unwrap();
            let (Some(value), wanted) = (value, scale(attribute, text)) else { return false };
            match sign {
                ">" => value > wanted,
                ">=" => value >= wanted,
                "<" => value < wanted,
                "=" => value == wanted,
                other => panic!("{other}"),
            }
        })
    })
}

struct Live {
    rows: RefCell<Vec<Row>>,
    later: RefCell<Vec<Row>>,
    /// Places of rows that are to be deleted, and the ids of those that were.
    leaving: RefCell<Vec<usize>>,
    gone: RefCell<Vec<usize>>,
    orders: Vec<(String, bool)>,
    /// Unset values come where Oracle does not put them.
    odd: bool,
    cap: usize,
    requests: Cell<usize>,
}

impl Live {
    fn compare(&self, left: &Row, right: &Row) -> Ordering {
        let steps = self.orders.iter().map(|(attribute, down)| {
            let unset_first = *down != self.odd;
            match (left.value(attribute), right.value(attribute)) {
                (None, None) => Ordering::Equal,
                (None, _) => {
                    if unset_first {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
                }
                (_, None) => {
                    if unset_first {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    }
                }
                (Some(left), Some(right)) if *down => right.cmp(&left),
                (Some(left), Some(right)) => left.cmp(&right),
            }
        });
        steps.fold(Ordering::Equal, Ordering::then).then(left.id.cmp(&right.id))
    }
}

impl Door for Live {
    fn start(&self, request: Request) -> Pending<'_> {
        let answer = self.send(&request);
        Pending::new(|| answer)
    }

    fn send(&self, request: &Request) -> std::result::Result<Response, SendError> {
        self.requests.set(self.requests.get() + 1);
        assert!(self.requests.get() < 2000, "it ends");
        let mut rows = self.rows.borrow_mut();
        if self.requests.get().is_multiple_of(2) {
            rows.extend(self.later.borrow_mut().pop());
        } else if self.requests.get() > 1
            && !rows.is_empty()
            && let Some(at) = self.leaving.borrow_mut().pop()
        {
            let at = at % rows.len();
            self.gone.borrow_mut().push(usize::try_from(rows.remove(at).id).unwrap());
        }
        let q = request.path.split(['?', '&']).find_map(|part| part.strip_prefix("q="));
        let q = q.map(|q| percent_encoding::percent_decode_str(q).decode_utf8().unwrap().into_owned());
        let mut found: Vec<&Row> = rows.iter().filter(|row| q.as_deref().is_none_or(|q| holds(row, q))).collect();
        found.sort_by(|left, right| self.compare(left, right));
        let offset = number(&request.path, "&offset=").unwrap_or(0);
        let limit = number(&request.path, "limit=").unwrap().min(self.cap);
        let items: Vec<String> = found.iter().skip(offset).take(limit).map(|row| row.text()).collect();
        let more = offset + items.len() < found.len();
        let count = items.len();
        json(200, &format!(r#"{{"items":[{}],"count":{count},"hasMore":{more},"limit":{limit}}}"#, items.join(",")))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> i64 {
        0
    }

    fn wait(&self, _: Duration) {}
}

fn row() -> impl Strategy<Value = Row> {
    let of = |most: i64| prop_oneof![1 => Just(None), 2 => (0..most).prop_map(Some)];
    (of(4), of(5), of(4000), 0..3_u8).prop_map(|(amount, day, changed, name)| Row {
        id: 0,
        amount,
        day: day.and_then(|day| u8::try_from(day + 1).ok()),
        changed,
        name,
    })
}

#[test]
fn a_row_without_a_value_that_comes_in_ahead_of_all_others_is_no_circle() {
    let of = |id, amount| Row { id, amount, day: None, changed: None, name: 0 };
    let live = Live {
        rows: RefCell::new((1..10).map(|id| of(1000 + 10 * id, Some(id))).collect()),
        later: RefCell::new(vec![of(7, None)]),
        leaving: RefCell::default(),
        gone: RefCell::default(),
        orders: vec![("InvoiceAmount".to_owned(), true)],
        odd: false,
        cap: 3,
        requests: Cell::new(0),
    };
    let target = Target::known("invoices").unwrap().unwrap();
    let asked: Vec<Order> = serde_json::from_str(r#"[{"attribute":"InvoiceAmount","direction":"desc"}]"#).unwrap();
    let search = Search {
        what: "search invoices".into(),
        target: &target,
        terms: Vec::new(),
        fixed: target.collection("v"),
        order: query::order_by(&asked, target.order_key()).unwrap(),
        keyset: Keyset::new(&target, &asked, 4),
        total: false,
    };
    let settings = settings();
    let pod = Pod::new(&live, &settings, None).unwrap();
    let mut found = Vec::new();
    let take = &mut |row: &str| found.push(number(row, "\"InvoiceId\":").unwrap());
    search.read(&pod, search.start(), 100, take).unwrap();
    found.retain(|id| *id != 7);
    assert_eq!(found, (1..10).rev().map(|id| 1000 + 10 * id).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn rows_that_nobody_touches_come_exactly_once(
        rows in proptest::collection::vec(row(), 0..60),
        later in proptest::collection::vec(row(), 0..12),
        leaving in proptest::collection::vec(0..60_usize, 0..8),
        orders in proptest::sample::subsequence(vec![0_usize, 1, 2, 3], 0..4).prop_shuffle(),
        down in any::<[bool; 4]>(),
        odd in any::<bool>(),
        cap in 3..20_usize,
        limit in 1..30_usize,
    ) {
        let orders: Vec<(String, bool)> = orders.iter().map(|at| (ATTRIBUTES[*at].to_owned(), down[*at])).collect();
        let asked: Vec<String> = orders
            .iter()
            .map(|(attribute, down)| format!(r#"{{"attribute":"{attribute}","direction":"{}"}}"#, if *down { "desc" } else { "asc" }))
            .collect();
        let asked: Vec<Order> = serde_json::from_str(&format!("[{}]", asked.join(","))).unwrap();
        let numbered = |rows: Vec<Row>, from: i64, step: i64| -> Vec<Row> {
            rows.into_iter().zip(0..).map(|(row, at)| Row { id: from + step * at, ..row }).collect()
        };
        let live = Live {
            rows: RefCell::new(numbered(rows.clone(), 1000, 10)),
            later: RefCell::new(numbered(later, 1003, 30)),
            leaving: RefCell::new(leaving),
            gone: RefCell::default(),
            odd: odd && orders.len() == 1,
            orders,
            cap,
            requests: Cell::new(0),
        };
        let target = Target::known("invoices").unwrap().unwrap();
        let search = Search {
            what: "search invoices".into(),
            target: &target,
            terms: Vec::new(),
            fixed: target.collection("v"),
            order: query::order_by(&asked, target.order_key()).unwrap(),
            keyset: Keyset::new(&target, &asked, 4),
            total: false,
        };
        let settings = settings();
        let pod = Pod::new(&live, &settings, None).unwrap();
        let (mut found, mut position) = (Vec::new(), search.start());
        loop {
            let end = search.read(&pod, position, limit, &mut |row| found.push(number(row, "\"InvoiceId\":").unwrap())).unwrap();
            // Where the rows that were promised are deleted before they are asked for, that cannot be told apart.
            let deleted = !live.gone.borrow().is_empty();
            prop_assert!(end.warnings.iter().all(|told| deleted && told.code == "truncated"), "{:?}", end.warnings);
            match end.next {
                // Through a cursor, as an engine hands it on.
                Some(next) => position = Cursor::read(&Cursor::write("f", next), "f").unwrap(),
                None => break,
            }
        }
        let gone = live.gone.borrow();
        let stays = |id: &usize| id.is_multiple_of(10) && !gone.contains(id);
        let mut untouched: Vec<usize> = found.into_iter().filter(stays).collect();
        untouched.sort_unstable();
        let wanted: Vec<usize> = (0..rows.len()).map(|at| 1000 + 10 * at).filter(stays).collect();
        prop_assert_eq!(untouched, wanted);
    }
}
