#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::time::Duration;

use super::*;
use crate::fusion::query::Order;
use crate::http::fake::{Fake, json};
use crate::http::{Door, Request, Response, SendError};
use crate::settings::Settings;

pub(super) fn settings() -> Settings {
    let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
    Settings::parse(text).unwrap()
}

/// What a table does with a request: counts it, offset, limit, path; may change the rows first.
type Change = dyn Fn(&mut Vec<u64>, usize);

/// A pod that pages by offset over rows that change.
struct Table {
    rows: RefCell<Vec<u64>>,
    sent: RefCell<Vec<String>>,
    change: Box<Change>,
    cap: usize,
    inside_only: bool,
}

impl Table {
    fn new(rows: impl IntoIterator<Item = u64>, cap: usize, change: impl Fn(&mut Vec<u64>, usize) + 'static) -> Self {
        Self {
            rows: RefCell::new(rows.into_iter().collect()),
            sent: RefCell::default(),
            change: Box::new(change),
            cap,
            inside_only: false,
        }
    }
}

pub(super) fn number(path: &str, before: &str) -> Option<usize> {
    let (_, rest) = path.rsplit_once(before)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

impl Door for Table {
    fn start(&self, request: Request) -> Pending<'_> {
        let answer = self.send(&request);
        Pending::new(|| answer)
    }

    fn send(&self, request: &Request) -> std::result::Result<Response, SendError> {
        let path = request.path.clone();
        let mut rows = self.rows.borrow_mut();
        (self.change)(&mut rows, self.sent.borrow().len());
        let (limit, offset) = match (path.contains(",limit=") || path.contains(";limit="), self.inside_only) {
            (true, _) | (false, false) => (number(&path, "limit="), number(&path, "offset=")),
            (false, true) => (None, None),
        };
        self.sent.borrow_mut().push(path);
        let offset = offset.unwrap_or(0);
        let limit = limit.unwrap_or(25).min(self.cap);
        let items: Vec<String> =
            rows.iter().skip(offset).take(limit).map(|id| format!(r#"{{"Name":"n{id}","InvoiceId":{id}}}"#)).collect();
        let body = format!(
            r#"{{"items":[{}],"count":{},"hasMore":{},"limit":{limit},"offset":{offset}}}"#,
            items.join(","),
            items.len(),
            offset + items.len() < rows.len()
        );
        json(200, &body)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> i64 {
        0
    }

    fn wait(&self, _: Duration) {}
}

fn invoices() -> Target {
    Target::known("invoices").unwrap().unwrap()
}

fn search<'a>(target: &'a Target, orders: &str) -> Search<'a> {
    let orders: Vec<Order> = serde_json::from_str(orders).unwrap();
    Search {
        what: "search invoices".into(),
        target,
        terms: Vec::new(),
        fixed: target.collection("v"),
        order: None,
        keyset: Keyset::new(target, &orders, 4),
        total: false,
    }
}

const BY_NAME: &str = r#"[{"attribute":"Supplier"}]"#;

/// All ids, answer by answer, with the warnings.
fn ids(door: &dyn Door, search: &Search, limit: usize) -> (Vec<u64>, Vec<String>) {
    let settings = settings();
    let pod = Pod::new(door, &settings, None).unwrap();
    let (mut found, mut told) = (Vec::new(), Vec::new());
    let mut position = search.start();
    loop {
        let mut take = |row: &str| found.push(u64::try_from(number(row, "\"InvoiceId\":").unwrap()).unwrap());
        let end = search.read(&pod, position, limit, &mut take).unwrap();
        told.extend(end.warnings.into_iter().map(|warning| warning.code));
        match end.next {
            Some(next) => position = next,
            None => return (found, told),
        }
    }
}

#[test]
fn the_servers_limit_counts_and_every_row_comes_once() {
    for cap in [1, 2, 7, 25, 500] {
        for limit in [1, 3, 50, 1000] {
            let table = Table::new(1..=60, cap, |_, _| {});
            let target = invoices();
            let (found, told) = ids(&table, &search(&target, BY_NAME), limit);
            assert_eq!(found, (1..=60).collect::<Vec<_>>(), "cap {cap}, limit {limit}");
            assert!(told.is_empty());
        }
    }
}

#[test]
fn rows_that_shift_are_neither_skipped_nor_repeated() {
    // Inserted before the place: rows come again. Deleted before it: rows would be skipped.
    let inserted = Table::new(100..160, 10, |rows, request| {
        if request == 2 {
            rows.splice(0..0, [1, 2, 3]);
        }
    });
    let deleted = Table::new(100..160, 10, |rows, request| {
        if request == 3 {
            rows.drain(0..4);
        }
    });
    let target = invoices();
    for table in [inserted, deleted] {
        let (found, told) = ids(&table, &search(&target, BY_NAME), 1000);
        assert_eq!(found, (100..160).collect::<Vec<_>>());
        assert!(told.is_empty(), "{told:?}");
    }
}

#[test]
fn a_place_that_is_gone_is_found_by_the_row_before_it() {
    let table = Table::new(100..160, 10, |rows, request| {
        if request == 2 {
            rows.retain(|id| *id != 118);
        }
    });
    let target = invoices();
    let (found, told) = ids(&table, &search(&target, BY_NAME), 1000);
    assert_eq!(found.iter().filter(|id| **id != 118).count(), 59);
    assert_eq!(found.len(), 60);
    assert!(told.is_empty());
    let lost = Table::new(100..160, 10, |rows, request| {
        if request == 2 {
            rows.retain(|id| *id > 125);
        }
    });
    let (_, told) = ids(&lost, &search(&target, BY_NAME), 1000);
    assert_eq!(told, ["rows_shifted"]);
    // Where all rows that were passed are gone, reading begins anew and nothing is in doubt.
    let first = Table::new(100..160, 5, |rows, request| {
        if request == 1 {
            rows.retain(|id| *id > 104);
        }
    });
    let (found, told) = ids(&first, &search(&target, BY_NAME), 1000);
    assert_eq!((found.len(), told.len()), (60, 0));
}

#[test]
fn rows_that_move_ahead_with_each_request_hold_nothing_up() {
    let target = invoices();
    for limit in [1, 2, 3, 20, 33] {
        let table = Table::new(1..=60, 25, |rows, request| {
            let behind = if request % 2 == 0 { None } else { rows.pop() };
            rows.insert(0, behind.unwrap_or(1000 + u64::try_from(request).unwrap()));
        });
        let (mut found, _) = ids(&table, &search(&target, BY_NAME), limit);
        // What was not moved to the front stands in a row, each once.
        found.retain(|id| *id <= 60);
        let mut once = found.clone();
        once.dedup();
        assert!(found == once && found.is_sorted() && found.len() > 20, "{limit}: {found:?}");
    }
}

#[test]
fn an_offset_that_is_ignored_is_tried_inside_the_finder() {
    let target = invoices();
    let mut table = Table::new(1..=60, 25, |_, _| {});
    table.inside_only = true;
    let mut with_finder = search(&target, BY_NAME);
    with_finder.fixed = with_finder.fixed.clause("finder", "findReqs;siteNumber=CX_1");
    let (found, told) = ids(&table, &with_finder, 40);
    assert_eq!(found, (1..=60).collect::<Vec<_>>());
    assert!(told.is_empty());
    assert!(table.sent.borrow().iter().any(|path| path.contains("finder=findReqs;siteNumber=CX_1,limit=")));
    // Without a finder it is an error, and never an endless read.
    let settings = settings();
    let pod = Pod::new(&table, &settings, None).unwrap();
    let plain = search(&target, BY_NAME);
    let failure = plain.read(&pod, plain.start(), 1000, &mut |_| {}).unwrap_err();
    assert_eq!(failure.kind(), ProblemKind::UnexpectedResponse);
}

fn page(ids: std::ops::Range<u64>, more: bool) -> std::result::Result<Response, SendError> {
    let items: Vec<String> = ids.clone().map(|id| format!(r#"{{"InvoiceId":{id}}}"#)).collect();
    json(200, &format!(r#"{{"items":[{}],"count":{},"hasMore":{more}}}"#, items.join(","), ids.end - ids.start))
}

fn sent(door: &Fake) -> Vec<String> {
    door.sent.borrow().iter().map(|request| request.path.split_once('?').unwrap().1.to_owned()).collect()
}

#[test]
fn the_next_page_by_key_is_under_way_before_rows_are_handed_over() {
    let door = Fake::new([page(1..4, true), page(4..6, true), page(6..7, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let search = search(&target, "[]");
    let mut under_way = Vec::new();
    search.read(&pod, search.start(), 100, &mut |_| under_way.push(door.sent.borrow().len())).unwrap();
    assert_eq!(under_way, [2, 2, 2, 3, 3, 3]);
    let wanted =
        ["limit=100".to_owned(), "q=InvoiceId%20%3E%203&limit=97".into(), "q=InvoiceId%20%3E%205&limit=95".into()];
    assert_eq!(sent(&door), wanted);
}

#[test]
fn nothing_is_asked_for_that_the_answer_does_not_take() {
    let door = Fake::new([page(1..4, true)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let search = search(&target, "[]");
    let end = search.read(&pod, search.start(), 3, &mut |_| {}).unwrap();
    assert_eq!(sent(&door).len(), 1);
    assert!(matches!(end.next.map(|next| next.bare().0), Some(Position::After(anchor)) if anchor.values == ["3"]));
}

#[test]
fn a_page_asked_for_early_is_repeated_like_any_other() {
    let door = Fake::new([page(1..4, true), json(503, "{}"), page(4..5, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let search = search(&target, "[]");
    let mut count = 0;
    search.read(&pod, search.start(), 100, &mut |_| count += 1).unwrap();
    assert_eq!(count, 4);
    assert!(door.waited() > Duration::ZERO);
}

#[test]
fn a_total_that_cannot_be_counted_is_done_without() {
    let door = Fake::new([json(500, ""), json(500, ""), json(500, ""), page(1..3, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let mut search = search(&target, "[]");
    search.total = true;
    let end = search.read(&pod, search.start(), 100, &mut |_| {}).unwrap();
    assert_eq!(end.warnings[0].code, "total_unavailable");
    assert!(end.total.is_none());
    assert!(!sent(&door)[3].contains("totalResults"));
}

#[test]
fn a_page_within_one_row_is_followed_by_the_rows_in_it() {
    let wrapper = |offset: usize, rows: &str| {
        json(
            200,
            &format!(
                r#"{{"items":[{{"TotalJobsCount":5,"Limit":2,"Offset":{offset},"list":[{rows}]}}],"count":1,"hasMore":false}}"#
            ),
        )
    };
    let first = || wrapper(0, r#"{"N":1},{"N":2}"#);
    // The offset beside the finder is ignored; the one within it counts (P3 and P4 together).
    let door = Fake::new([first(), first(), wrapper(2, r#"{"N":3},{"N":4}"#), wrapper(4, r#"{"N":5}"#)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let mut search = search(&target, BY_NAME);
    search.fixed = search.fixed.clause("finder", "findReqs;siteNumber=CX_1");
    let mut rows = 0;
    let end = search.read(&pod, search.start(), 100, &mut |row| rows += row.matches("\"N\"").count()).unwrap();
    assert_eq!((rows, end.next, end.warnings.len()), (5, None, 0));
    assert!(sent(&door)[3].contains("siteNumber=CX_1,limit=96,offset=4"), "{:?}", sent(&door));
    let hidden = Fake::new([wrapper(0, "")]);
    let pod = Pod::new(&hidden, &settings, None).unwrap();
    let end = search.read(&pod, search.start(), 100, &mut |_| {}).unwrap();
    assert_eq!(end.warnings[0].code, "rows_hidden");
}

#[test]
fn fields_that_cannot_be_answered_are_done_without() {
    let failed = || json(500, "");
    let door = Fake::new([failed(), failed(), failed(), page(1..3, true), page(3..4, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let mut search = search(&target, "[]");
    search.fixed = search.fixed.clause("fields", "InvoiceId,Description").param("onlyData", "true");
    let end = search.read(&pod, search.start(), 100, &mut |_| {}).unwrap();
    assert_eq!((end.warnings.len(), end.warnings[0].code.as_str()), (1, "fields_unavailable"));
    assert_eq!(sent(&door)[4], "onlyData=true&q=InvoiceId%20%3E%202&limit=98");
}

#[test]
fn a_row_that_breaks_its_page_is_left_out_and_told() {
    let broken = || json(200, r#"{"items":[{"InvoiceId":1},{"InvoiceId": Too many objects match oracle.jbo.Key[2 ]."#);
    let door = Fake::new([broken(), page(1..2, true), broken(), broken(), page(3..4, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let search = search(&target, "[]");
    let mut rows = Vec::new();
    let end = search.read(&pod, search.start(), 2, &mut |row| rows.push(row.to_owned())).unwrap();
    assert_eq!(rows, [r#"{"InvoiceId":1}"#, r#"{"InvoiceId":3}"#]);
    assert_eq!((end.warnings[0].code.as_str(), end.warnings[0].key.as_deref()), ("row_unreadable", Some("2")));
}

#[test]
fn one_row_that_broke_off_on_its_way_is_asked_for_again() {
    let door = Fake::new([json(200, r#"{"items":[{"InvoiceId":1"#), page(1..2, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let search = search(&target, "[]");
    let mut rows = 0;
    let end = search.read(&pod, search.start(), 1, &mut |_| rows += 1).unwrap();
    assert_eq!((rows, end.warnings.len()), (1, 0));
}

#[test]
fn more_rows_that_the_answer_before_promised_are_told_as_well() {
    let (settings, target) = (settings(), invoices());
    for (orders, more) in [("[]", "true"), (r#"[{"attribute":"Supplier"}]"#, "true"), ("[]", "null")] {
        let search = search(&target, orders);
        let nothing = || json(200, r#"{"items":[],"count":0,"hasMore":false}"#);
        let first = format!(r#"{{"items":[{{"Name":"n1","InvoiceId":1}}],"count":1,"limit":1,"hasMore":{more}}}"#);
        let door = Fake::new([json(200, &first)].into_iter().chain((0..9).map(|_| nothing())));
        let pod = Pod::new(&door, &settings, None).unwrap();
        let end = search.read(&pod, search.start(), 1, &mut |_| {}).unwrap();
        let cursor = Cursor::write("f", end.next.unwrap());
        let end = search.read(&pod, Cursor::read(&cursor, "f").unwrap(), 1, &mut |_| {}).unwrap();
        let codes: Vec<&str> = end.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(
            (end.next, codes.as_slice()),
            (None, if more == "true" { &["truncated"][..] } else { &[] }),
            "{orders}"
        );
    }
}

#[test]
fn more_rows_that_are_promised_and_do_not_come_are_told() {
    let door = Fake::new([page(1..3, true), page(3..3, false)]);
    let (target, settings) = (invoices(), settings());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let search = search(&target, "[]");
    let end = search.read(&pod, search.start(), 100, &mut |_| {}).unwrap();
    assert_eq!(end.warnings[0].code, "truncated");
    assert!(end.next.is_none());
}
