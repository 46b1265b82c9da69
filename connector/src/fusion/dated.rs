//! Rows that hold for spans of days (FACTS 1.2, 1.7): whether one holds on a day, and where one is whose key is of
//! another day.
//!
//! The key of such a row holds the day on which it was read, and leads nowhere on another. The ids in it stay, so
//! the row is looked up by them; what is found counts only where its own key holds the same ids. Sends reads alone.

use super::address::{Address, segment};
use super::catalogue::Kind;
use super::describe::Description;
use super::opaque::{self, Part};
use super::pod::Pod;
use super::record::{key_in_links, pick, plain};
use super::target::Target;
use super::write::{Headers, find};
use crate::contract::{ProblemKind, Warning};
use crate::problem::{Failure, Result, warning};

/// Where something is whose key, or that of a row above it, is of another day.
#[derive(Debug)]
pub struct Place {
    /// The collection.
    pub target: Target,
    /// The row's key; as it was given where no row was asked for.
    pub key: String,
    /// The row, where one was looked up.
    pub row: Option<String>,
    /// What is to be known.
    pub warning: Warning,
}

impl Place {
    /// The row's address.
    ///
    /// # Errors
    /// None for a key that a pod gave.
    pub fn address(&self, version: &str) -> Result<Address> {
        self.target.collection(version).key(&self.key)
    }
}

/// Whether a row holds on a day (yyyy-MM-dd); one that tells no span does.
pub fn holds(row: &str, day: &str) -> bool {
    let [start, end] = pick(row, ["EffectiveStartDate", "EffectiveEndDate"]);
    let bound = |raw: Option<&serde_json::value::RawValue>| raw.and_then(plain)?.get(..10).map(str::to_owned);
    bound(start).is_none_or(|start| start.as_str() <= day) && bound(end).is_none_or(|end| day <= end.as_str())
}

/// Whether a key holds a day.
pub fn is_dated(key: &str) -> bool {
    opaque::parts(key).is_some_and(|parts| parts.contains(&Part::Date))
}

/// That a created row holds from another day than the one that was asked for.
pub fn begins_elsewhere(target: &Target, stored: &str, key: Option<String>) -> Option<Warning> {
    let day = target.day.as_deref()?;
    let [start] = pick(stored, ["EffectiveStartDate"]);
    let start = plain(start?)?;
    let told = || format!("The record was to hold from {day} and is stored from {start}.");
    (!start.starts_with(day)).then(|| warning("changed_by_server", told(), key))
}

/// That a change from a day on may have been made at once, since the pod does not tell of spans of days.
pub fn unsure(target: &Target, headers: &Headers) -> Option<Warning> {
    let unsure = !headers.is_empty() && target.is_dated().is_none();
    let told = || {
        format!(
            "The pod does not tell whether {} is date-effective; where it is not, effective was ignored.",
            target.name
        )
    };
    unsure.then(|| warning("effective_unknown", told(), None))
}

/// Where that is which was not found: by the ids in its keys, as of the target's day. `key` is empty where a
/// collection was asked for.
///
/// # Errors
/// `failure` itself where it tells of something else, or where the ids find no other place.
pub fn elsewhere(pod: &Pod, target: &Target, key: &str, failure: Failure) -> Result<Place> {
    if failure.kind() != ProblemKind::NotFound {
        return Err(failure);
    }
    let dated = target.name.split('/').chain([key]).any(is_dated);
    let place = if dated { by_ids(pod, target, key) } else { None };
    place.filter(|place| place.target.name != target.name || place.key != key).ok_or_else(|| {
        let told = "The key of a date-effective record holds the day on which it was read, and this one may be of another day: read the record with effective_date set to the day that is meant, and take the last segment of its own link.";
        match linked(target, key) {
            _ if dated => failure.remedy(told),
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    })
}

/// What to do about a key that is no link's, where links tell the keys.
fn linked(target: &Target, key: &str) -> Option<String> {
    let id = target.described.as_ref()?.key().filter(|id| id.queryable)?;
    let foreign = target.plain_key().is_none() && !key.is_empty() && opaque::parts(key).is_none();
    foreign.then(|| {
        format!("The key of {0} may be the last segment of the record's own link and not its {1}: find the record with all, {1} eq {key}.", target.name, id.name)
    })
}

fn by_ids(pod: &Pod, target: &Target, key: &str) -> Option<Place> {
    let mut steps = target.name.split('/');
    let mut at = Target { name: steps.next()?.to_owned(), ..target.clone() };
    let described = Target::describe(pod, &at.name).ok()?.described?;
    let mut told = Some(&described);
    while let Some(step) = steps.next() {
        let child = steps.nth(1)?;
        let key = percent_encoding::percent_decode_str(step).decode_utf8().ok()?;
        let key = if is_dated(&key) { row(pod, &at, told, &key)?.0 } else { key.into_owned() };
        at.name = format!("{}/{}/child/{child}", at.name, segment(&key));
        told = told.and_then(|told| told.children.get(child));
    }
    let (key, row) = match is_dated(key) {
        true => row(pod, &at, told, key).map(|(key, row)| (key, Some(row)))?,
        false => (key.to_owned(), None),
    };
    let now = if key.is_empty() { String::new() } else { format!(", key {key}") };
    let message = format!(
        "A key holds the day on which it was read, and leads nowhere on another; the ids in it were looked up. On this day it is resource {}{now}.",
        at.name
    );
    let warning = warning("key_changed", message, Some(key.clone()).filter(|key| !key.is_empty()));
    Some(Place { target: at, key, row, warning })
}

/// The one row with the ids of a key, and its key as of the target's day.
fn row(pod: &Pod, target: &Target, described: Option<&Description>, key: &str) -> Option<(String, String)> {
    let described = described?;
    let ids = |key: &str| -> Option<Vec<i64>> {
        let parts = opaque::parts(key)?;
        Some(parts.iter().filter_map(|part| if let Part::Number(id) = part { Some(*id) } else { None }).collect())
    };
    let sought = ids(key).filter(|ids| !ids.is_empty())?;
    let whole = |name: &&str| {
        described.attribute(name).is_some_and(|attribute| attribute.queryable && attribute.holds() == Kind::Integer)
    };
    let primary = described.collection.finders.iter().find(|finder| finder.name == "PrimaryKey");
    let named = primary.map(|finder| finder.attributes.as_slice()).unwrap_or_default();
    let mut names: Vec<&str> = named.iter().map(|variable| variable.name.as_str()).filter(whole).collect();
    if names.is_empty() {
        // Describe lists a row's own id first.
        let own = described.attributes.iter().map(|attribute| attribute.name.as_str());
        names.extend(own.filter(whole).find(|name| name.ends_with("Id")));
    }
    let terms: Vec<String> = names.iter().zip(&sought).map(|(name, id)| format!("{name} = {id}")).collect();
    // Children that no id finds are few enough to be looked through.
    if terms.is_empty() && !target.name.contains('/') {
        return None;
    }
    let found = find(pod, target, &terms).ok()?.into_iter();
    let mut same = found
        .filter_map(|row| Some((key_in_links(&row)?, row)))
        .filter(|(key, _)| ids(key).is_some_and(|ids| ids == sought));
    let only = same.next()?;
    same.next().is_none().then_some(only)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::fusion::write::change::{self, Changed};
    use crate::http::fake::{Fake, json, typed};
    use crate::http::{Method, Response, SendError};
    use crate::operations::Entry;
    use crate::settings::Settings;

    type Answer = std::result::Result<Response, SendError>;

    /// Key of person 7 as of a day.
    fn key(day: u8) -> String {
        let date = format!("ACED0005{}{day:02X}", "00".repeat(69));
        format!("00020000000EACED0005770800000000000000070000004A{date}")
    }

    fn row(day: u8, name: &str, from: &str, to: &str) -> String {
        let link = format!(
            r#"{{"rel":"self","href":"https://h/workers/{}","properties":{{"changeIndicator":"{day}"}}}}"#,
            key(day)
        );
        format!(
            r#"{{"PersonId":7,"Name":"{name}","EffectiveStartDate":"{from}","EffectiveEndDate":"{to}","links":[{link}]}}"#
        )
    }

    fn described() -> Answer {
        let attributes = r#"{"name":"PersonId","type":"integer","queryable":true},{"name":"Name","type":"string","updatable":true},
            {"name":"EffectiveStartDate","type":"string"},{"name":"EffectiveEndDate","type":"string"}"#;
        json(200, &format!(r#"{{"Resources":{{"workers":{{"attributes":[{attributes}]}}}}}}"#))
    }

    fn list(rows: &str) -> Answer {
        json(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    fn with<T>(door: &Fake, day: Option<&str>, run: impl FnOnce(&Pod, &Target) -> T) -> T {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let (name, root, day) = ("workers".into(), "hcmRestApi".into(), day.map(str::to_owned));
        let target = Target { name, root, day, known: None, described: None, currency: None };
        run(&Pod::new(door, &settings, None).unwrap(), &target)
    }

    /// Changes the name to A from the first day of 2027 on.
    fn from_2027(door: &Fake) -> Result<Changed> {
        let range = [("effective-of", "RangeMode=UPDATE;RangeStartDate=2027-01-01".to_owned())];
        with(door, Some("2027-01-01"), |pod, target| change::update(pod, target, &key(1), r#"{"Name":"A"}"#, &range))
    }

    fn now() -> Answer {
        json(200, &row(1, "A", "2020-01-01", "2026-11-30"))
    }

    fn then(name: &str) -> String {
        row(2, name, "2026-12-01", "4712-12-31")
    }

    fn patches(door: &Fake) -> Vec<String> {
        let sent = door.sent.borrow();
        let patches = sent.iter().filter(|request| request.method == Method::Patch);
        patches.map(|request| request.path.rsplit('/').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_row_holds_from_its_first_day_to_its_last() {
        let row = r#"{"EffectiveStartDate":"2026-12-01","EffectiveEndDate":"2026-12-31T00:00:00"}"#;
        for (day, held) in [("2026-11-30", false), ("2026-12-01", true), ("2026-12-31", true), ("2027-01-01", false)] {
            assert_eq!(holds(row, day), held, "{day}");
        }
        assert!(holds(r#"{"EffectiveStartDate":null}"#, "2026-12-01"));
    }

    #[test]
    fn a_lost_change_from_a_later_day_is_looked_for_on_that_day() {
        let lost = || typed(504, "", "");
        let (before, after) = (|| json(200, &then("B")), || json(200, &row(3, "A", "2027-01-01", "4712-12-31")));
        // It never happened, and today's row is as the change would have it.
        let door = Fake::new([before(), lost(), before(), before(), before(), after()]);
        assert!(from_2027(&door).unwrap().warnings.is_empty());
        assert_eq!(patches(&door), [key(1), key(1)]);
        let reads = |request: &&crate::http::Request| request.method == Method::Get;
        assert!(door.sent.borrow().iter().filter(reads).all(|read| read.path.ends_with("?effectiveDate=2027-01-01")));
        // It happened.
        let door = Fake::new([before(), lost(), after()]);
        assert_eq!(from_2027(&door).unwrap().warnings[0].code, "answer_lost");
        assert_eq!(patches(&door).len(), 1);
    }

    #[test]
    fn a_pod_that_answers_todays_row_is_asked_for_that_of_the_day_by_its_ids() {
        let after = || json(200, &row(3, "A", "2027-01-01", "4712-12-31"));
        let door = Fake::new([now(), described(), list(&then("B")), after()]);
        assert!(from_2027(&door).unwrap().warnings.is_empty());
        assert_eq!(patches(&door), [key(2)]);
        let sent = door.sent.borrow();
        assert!(sent[2].path.contains("q=PersonId%20%3D%207") && sent[2].path.contains("effectiveDate=2027-01-01"));
        assert!(sent[3].headers.contains(&("if-match", "\"2\"".to_owned())));
    }

    fn run(door: &Fake, operation: &str, input: &serde_json::Value) -> Result<String> {
        let entry = Entry::find(operation, crate::contract::Kind::Action).unwrap();
        with(door, None, |pod, _| entry.run(pod, &input.to_string()))
    }

    #[test]
    fn an_upsert_compares_with_the_row_of_the_day_from_which_it_counts() {
        let record = serde_json::json!({"PersonId": 7, "Name": "A"});
        let range = serde_json::json!({"mode": "UPDATE", "start_date": "2027-01-01"});
        let after = row(3, "A", "2027-01-01", "4712-12-31");
        for (operation, of) in [("upsert_record", "record"), ("upsert_records", "records")] {
            let one = operation == "upsert_record";
            let mut input = serde_json::json!({"resource": "workers", "match": ["PersonId"], "effective": range});
            input[of] = if one { record.clone() } else { serde_json::json!([record]) };
            if !one {
                input["on_error"] = "continue".into();
            }
            let then = then("B");
            let door = Fake::new([described(), list(&then), json(200, &then), json(200, &after)]);
            let answer = run(&door, operation, &input).unwrap();
            assert!(answer.contains("\"updated\""), "{answer}");
            assert_eq!(patches(&door), [key(2)]);
            assert!(door.sent.borrow()[1].path.contains("effectiveDate=2027-01-01"));
            let door = Fake::new([described(), list(&after)]);
            assert!(run(&door, operation, &input).unwrap().contains("\"unchanged\""));
        }
    }

    #[test]
    fn yesterdays_key_is_resolved_by_its_ids_whatever_is_done_with_it() {
        let gone = || typed(404, "", "");
        let found = || list(&row(2, "A", "2020-01-01", "4712-12-31"));
        let row = || json(200, &row(2, "B", "2020-01-01", "4712-12-31"));
        let one = format!(r#""resource":"workers","key":"{}""#, key(1));
        let below = format!(r#""resource":"workers/{}/child/names""#, key(1));
        let both = format!(
            r#""resource":"workers","records":[{{"key":"{}","record":{{"Name":"B"}}}},{{"key":"9","record":{{"Name":"C"}}}}]"#,
            key(1)
        );
        let parts = r#"{"parts":[{"id":"part0","payload":{"Name":"B"}},{"id":"part1","payload":{"Name":"C"}}]}"#;
        let result = || json(200, r#"{"result":"S"}"#);
        let cases: [(&str, String, Vec<Answer>); 6] = [
            (
                "update_record",
                format!(r#"{{{one},"record":{{"Name":"B"}}}}"#),
                vec![gone(), described(), found(), row()],
            ),
            ("delete_record", format!("{{{one}}}"), vec![gone(), described(), found(), typed(204, "", "")]),
            (
                "call_record_action",
                format!(r#"{{{one},"action":"resend"}}"#),
                vec![gone(), gone(), described(), found(), result()],
            ),
            ("search_records", format!("{{{below}}}"), vec![gone(), described(), found(), list(r#"{"LastName":"X"}"#)]),
            (
                "create_record",
                format!(r#"{{{below},"record":{{"LastName":"X"}}}}"#),
                vec![described(), gone(), described(), found(), json(201, r#"{"LastName":"X"}"#)],
            ),
            ("update_records", format!("{{{both}}}"), vec![gone(), described(), found(), json(200, parts)]),
        ];
        for (operation, input, answers) in cases {
            let door = Fake::new(std::iter::once(described()).chain(answers));
            let answer = run(&door, operation, &serde_json::from_str(&input).unwrap()).unwrap();
            assert!(answer.contains("key_changed") && answer.contains(&key(2)), "{operation}: {answer}");
            assert!(!answer.contains(", key .") && !answer.contains("\"key\":\"\""), "{operation}: {answer}");
            let sent = door.sent.borrow();
            let last = sent.last().unwrap();
            let body = String::from_utf8_lossy(last.body.as_deref().unwrap_or_default()).into_owned();
            assert!(last.path.contains(&key(2)) || body.contains(&key(2)), "{operation}: {}", last.path);
        }
        // Where the ids find nothing the refusal says what it may be.
        let door = Fake::new([described(), gone(), described(), list("")]);
        let failure = run(&door, "delete_record", &serde_json::from_str(&format!("{{{one}}}")).unwrap()).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::NotFound);
        assert!(failure.problem.remedy.unwrap().contains("of another day"));
    }

    #[test]
    fn a_lost_delete_of_a_span_of_days_is_looked_for_and_never_sent_again() {
        let mode = r#"{"mode":"DELETE_CHANGES","start_date":"2027-01-01"}"#;
        let input = format!(r#"{{"resource":"workers","key":"{}","effective":{mode}}}"#, key(2));
        let delete = |looks: [Answer; 3]| {
            let begun = [described(), json(200, &then("B")), typed(504, "", "")];
            let door = Fake::new(begun.into_iter().chain(looks).chain([typed(204, "", "")]));
            let outcome = run(&door, "delete_record", &serde_json::from_str(&input).unwrap());
            assert_eq!(door.sent.borrow().iter().filter(|request| request.method == Method::Delete).count(), 1);
            outcome
        };
        let there = || json(200, &then("B"));
        assert_eq!(delete([there(), there(), there()]).unwrap_err().kind(), ProblemKind::UnknownOutcome);
        let gone = || typed(404, "", "");
        assert!(delete([gone(), gone(), gone()]).unwrap().contains("answer_lost"));
    }

    #[test]
    fn an_id_that_is_no_key_is_told_with_what_finds_the_record() {
        let told = r#"{"Resources":{"workers":{"attributes":[{"name":"PersonId","type":"integer","queryable":true,"updatable":true}],
            "collection":{"finders":[{"name":"PrimaryKey","attributes":[{"name":"PersonId"}]}]}}}}"#;
        let gone = || typed(404, "", "");
        for (operation, rest) in [("get_record", ""), ("update_record", r#","record":{"PersonId":7}"#)] {
            let input = format!(r#"{{"resource":"workers","key":"7"{rest}}}"#);
            let door = Fake::new([json(200, told), gone(), gone(), gone()]);
            let failure = run(&door, operation, &serde_json::from_str(&input).unwrap()).unwrap_err();
            assert!(failure.problem.remedy.unwrap().contains("PersonId eq 7"));
        }
    }

    #[test]
    fn a_created_row_that_holds_from_another_day_is_told() {
        let create = |from: &str| {
            let input = r#"{"resource":"workers","record":{"Name":"A"},"effective":{"mode":"UPDATE","start_date":"2027-01-01"}}"#;
            let door = Fake::new([described(), json(201, &row(1, "A", from, "4712-12-31"))]);
            run(&door, "create_record", &serde_json::from_str(input).unwrap()).unwrap()
        };
        assert!(create("2026-11-21").contains("is stored from 2026-11-21"));
        assert!(!create("2027-01-01").contains("warnings"));
    }

    #[test]
    fn a_range_is_refused_where_nothing_is_date_effective_and_told_where_nobody_knows() {
        let range = r#""key":"7","effective":{"mode":"UPDATE","start_date":"2027-01-01"}"#;
        let input = |rest: &str| serde_json::from_str(&format!(r#"{{"resource":"invoices",{range}{rest}}}"#)).unwrap();
        let update = r#","record":{"Description":"B"}"#;
        let told =
            r#"{"Resources":{"invoices":{"attributes":[{"name":"Description","type":"string","updatable":true}]}}}"#;
        for (operation, rest) in [("update_record", update), ("delete_record", "")] {
            let door = Fake::new([json(200, told)]);
            let failure = run(&door, operation, &input(rest)).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, "/effective");
            assert_eq!(door.sent.borrow().len(), 1);
        }
        let row = |name: &str| json(200, &format!(r#"{{"InvoiceId":7,"Description":"{name}"}}"#));
        let door = Fake::new([typed(403, "", ""), row("A"), row("B")]);
        assert!(run(&door, "update_record", &input(update)).unwrap().contains("effective_unknown"));
    }

    #[test]
    fn a_child_that_no_id_finds_is_looked_for_among_its_siblings() {
        let names = r#"{"attributes":[{"name":"NameId","type":"integer"},{"name":"Name","type":"string"}]}"#;
        let described = r#"{"Resources":{"workers":{"attributes":[{"name":"PersonId","type":"integer","queryable":true}],"children":{"names":NAMES}}}}"#;
        let described = || json(200, &described.replace("NAMES", names));
        let other = then("C").replace("00000007", "00000008");
        let update = |rows: &str| {
            let door = Fake::new([now(), described(), list(&then("W")), list(rows), json(200, &then("A"))]);
            let changed = with(&door, Some("2027-01-01"), |pod, target| {
                let target = Target { name: format!("workers/{}/child/names", key(1)), ..target.clone() };
                change::update(pod, &target, &key(1), r#"{"Name":"A"}"#, &[])
            });
            assert!(door.sent.borrow()[3].path.contains(&format!("{}/child/names?limit=100&eff", key(2))));
            (changed, patches(&door))
        };
        let (changed, sent) = update(&format!("{other},{}", then("B")));
        assert!(changed.is_ok() && sent == [key(2)], "{changed:?}");
        // None of them, and nobody can tell which.
        for rows in [other.clone(), format!("{},{}", then("B"), then("D"))] {
            let (changed, sent) = update(&rows);
            assert!(changed.is_err() && sent.is_empty(), "{changed:?}");
        }
    }

    #[test]
    fn a_day_on_which_the_row_does_not_hold_is_told_and_nothing_sent() {
        let door = Fake::new([now(), described(), list("")]);
        let failure = from_2027(&door).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::NotFound);
        assert!(failure.problem.message.contains("does not hold on 2027-01-01"), "{}", failure.problem.message);
        assert!(patches(&door).is_empty());
    }
}
