//! Many records in one request, all or nothing as the pod does it (FACTS 1.10), or each for itself.
//!
//! A batch whose answer was lost is looked up before anything else: it happened as a whole or not at all.
//! It is sent again only where it holds nothing but creates that the pod refuses a second time.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::mark::is_mark;
use super::upsert::Step;
use super::{
    Headers, LOOKS, MOST_SENT, SENDS, change, compare, create_as, find, fits, is_older, plain, valid, whole_object,
};
use crate::contract::{ProblemKind, Warning};
use crate::fusion::address::{Address, is_resource_name, segment};
use crate::fusion::dated;
use crate::fusion::page::Envelope;
use crate::fusion::pod::{Carried, Doing, Lost, Pod};
use crate::fusion::target::Target;
use crate::http::Method;
use crate::problem::{Failure, Result, warning};

const BATCH: &str = "application/vnd.oracle.adf.batch+json";
/// Keys in one question.
const PER_QUESTION: usize = 100;
/// Records in one request where each counts for itself: few enough that a bad one costs little.
const PART: usize = 25;

/// What became of one record.
#[derive(Debug)]
pub struct Done {
    /// `created`, `already_existed`, `recovered`, `updated` or `unchanged`.
    pub how: &'static str,
    /// Its key, where it is known.
    pub key: Option<String>,
    /// As it is stored.
    pub record: String,
    /// What is to be known.
    pub warnings: Vec<Warning>,
}

/// What became of each record, in their order; `None` where it was not tried.
pub type Outcomes = Vec<Option<Result<Done>>>;

/// Everything or nothing, in one request.
///
/// # Errors
/// Why nothing was written; `unknown-outcome` where all or nothing may have been.
pub fn all_or_nothing(pod: &Pod, target: &Target, steps: &[Step]) -> Result<Vec<Done>> {
    let what = format!("write {} records of {}", steps.len(), target.name);
    let doing = Doing { what: &what, object: &target.name };
    let body = body(target, steps);
    fits(doing, body.len(), "/records").map_err(|failure| {
        failure.remedy("Send fewer records at once, or set on_error to continue: then they go in several requests.")
    })?;
    if steps.iter().all(|step| matches!(step, Step::Same { .. })) {
        return Ok(steps.iter().map(|step| unsent(target, step)).collect());
    }
    let address = Address::fixed(&format!("/{}/resources/{}", target.root, pod.settings.api_version));
    let carried = Carried { body: Some(body.as_bytes()), media: BATCH, ..Carried::default() };
    let refuses = target.known.as_ref().and_then(|known| known.refuses_duplicates);
    let guarded = |step: &Step| matches!(step, Step::Create { terms: Some(_), .. });
    let again = refuses.is_some() && steps.iter().all(guarded);
    let marked = |step: &Step| matches!(step, Step::Create { terms: Some(terms), .. } if is_mark(pod, terms));
    // This call may have sent it before, in a life that ended.
    if steps.first().is_some_and(marked)
        && let Some(done) = there(pod, target, steps, "recovered", &[0])
    {
        return Ok(done);
    }
    let before = before(pod, target, steps);
    for (index, step) in steps.iter().enumerate() {
        if let Step::Update { key, record, .. } = step
            && let Some(row) = before.iter().find(|row| target.key_of(row).as_ref() == Some(key))
        {
            valid::fine(target, record, row, &format!("/records/{index}/record"))?;
        }
    }
    let mut lost: Option<Failure> = None;
    for _ in 0..SENDS {
        let cause = match pod.exact(Method::Post, doing, &address, carried) {
            Ok(response) => match answered(target, steps, &before, &response.body) {
                Some(done) => return Ok(done),
                None => {
                    pod.unexpected(doing, "it accepted the batch and its answer cannot be read").status(response.status)
                }
            },
            Err(Lost::Refused(failure)) => {
                // Of a batch a pod may not say why.
                let unsaid = again && failure.problem.remote_code.is_none();
                let duplicate = unsaid || refuses.is_some_and(|code| failure.has_code(code));
                let how = if lost.is_some() { "recovered" } else { "already_existed" };
                if duplicate && let Some(done) = there(pod, target, steps, how, &[0]) {
                    return Ok(done);
                }
                return Err(match lost {
                    Some(cause) => unknown(target, &cause),
                    None => failure.or_remedy(|| "Nothing was written, since a batch is all or nothing. Correct the record that is named, or set on_error to continue.".to_owned()),
                });
            }
            Err(Lost::Unknown(failure)) => failure,
        };
        if let Some(done) = there(pod, target, steps, "recovered", &LOOKS) {
            return Ok(done);
        }
        if !again || !pod.has_time() {
            return Err(unknown(target, &cause));
        }
        lost = Some(cause);
    }
    let cause = lost.unwrap_or_else(|| Failure::internal("a batch ended without an answer"));
    Err(unknown(target, &cause))
}

/// Each record for itself: in parts, and those of a part that was refused one by one. Ends with the
/// call's time.
pub fn each(pod: &Pod, target: &Target, steps: Vec<Result<Step>>, headers: &Headers) -> Outcomes {
    let mut outcomes: Outcomes = steps.iter().map(|_| None).collect();
    let mut ready: Vec<(usize, Step)> = Vec::new();
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            Ok(step) => ready.push((index, step)),
            Err(failure) => set(&mut outcomes, index, Err(failure)),
        }
    }
    let mut rest = ready.as_slice();
    while !rest.is_empty() && pod.has_time() {
        let (part, later) = rest.split_at(part(rest));
        rest = later;
        let steps: Vec<Step> = part.iter().map(|(_, step)| step.clone()).collect();
        // A range counts in the header of one request and not in a part of a batch.
        let together = (steps.len() > 1 && headers.is_empty()).then(|| all_or_nothing(pod, target, &steps));
        match together {
            Some(Ok(done)) => {
                part.iter().zip(done).for_each(|((index, _), done)| set(&mut outcomes, *index, Ok(done)));
            }
            Some(Err(failure)) if failure.again || is_for_all(&failure) => {
                part.iter().for_each(|(index, _)| set(&mut outcomes, *index, Err(failure.clone())));
                if failure.again || failure.kind() != ProblemKind::UnknownOutcome {
                    break;
                }
            }
            // One of them was refused, or the pod takes no batches: nothing was written.
            _ => {
                for (index, step) in part {
                    if !pod.has_time() {
                        break;
                    }
                    set(&mut outcomes, *index, one(pod, target, step, headers));
                }
            }
        }
    }
    outcomes
}

/// Failures that no record of a part can escape.
fn is_for_all(failure: &Failure) -> bool {
    matches!(failure.kind(), ProblemKind::UnknownOutcome | ProblemKind::Unauthenticated)
}

fn set(outcomes: &mut Outcomes, index: usize, outcome: Result<Done>) {
    if let Some(place) = outcomes.get_mut(index) {
        *place = Some(outcome);
    }
}

/// How many of the next records go together.
fn part(rest: &[(usize, Step)]) -> usize {
    let mut bytes = 0;
    let fitting = rest.iter().take(PART).take_while(|(_, step)| {
        bytes += match step {
            Step::Create { record, .. } | Step::Update { record, .. } => record.len() + 300,
            Step::Same { .. } => 0,
        };
        bytes < MOST_SENT / 2
    });
    fitting.count().max(1)
}

/// One record for itself.
///
/// # Errors
/// Those of a create and of an update.
pub fn one(pod: &Pod, target: &Target, step: &Step, headers: &Headers) -> Result<Done> {
    let mut done = alone(pod, target, step, headers)?;
    done.warnings.extend(dated::unsure(target, headers));
    Ok(done)
}

fn alone(pod: &Pod, target: &Target, step: &Step, headers: &Headers) -> Result<Done> {
    match step {
        Step::Create { record, terms } => {
            let created = create_as(pod, target, record, terms.clone(), headers, &plain)?;
            let key = target.key_of(&created.record);
            Ok(Done { how: created.how.name(), key, record: created.record, warnings: created.warnings })
        }
        Step::Update { key, record, warnings } => {
            let mut changed = change::update(pod, target, key, record, headers)?;
            changed.warnings.extend(warnings.iter().cloned());
            Ok(Done { how: "updated", key: Some(key.clone()), record: changed.record, warnings: changed.warnings })
        }
        Step::Same { .. } => Ok(unsent(target, step)),
    }
}

fn unsent(target: &Target, step: &Step) -> Done {
    match step {
        Step::Same { key, row, warnings } => {
            Done { how: "unchanged", key: key.clone(), record: row.clone(), warnings: warnings.clone() }
        }
        Step::Create { record, .. } | Step::Update { record, .. } => {
            Done { how: "unchanged", key: target.key_of(record), record: record.clone(), warnings: Vec::new() }
        }
    }
}

fn body(target: &Target, steps: &[Step]) -> String {
    let mut text = String::from("{\"parts\":[");
    for (index, step) in steps.iter().enumerate() {
        let (operation, key, record) = match step {
            Step::Create { record, .. } => ("create", None, record),
            Step::Update { key, record, .. } => ("update", Some(key), record),
            Step::Same { .. } => continue,
        };
        let path = key.map_or(format!("/{}", target.name), |key| format!("/{}/{}", target.name, segment(key)));
        if !text.ends_with('[') {
            text.push(',');
        }
        text.push_str(&format!(
            "{{\"id\":\"part{index}\",\"path\":{},\"operation\":\"{operation}\",\"payload\":{record}}}",
            Value::from(path)
        ));
    }
    text.push_str("]}");
    text
}

/// The rows in the answer of a batch, each with its step; `None` where one is missing.
fn answered(target: &Target, steps: &[Step], before: &[String], body: &[u8]) -> Option<Vec<Done>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        parts: Vec<Part<'a>>,
    }
    #[derive(Deserialize)]
    struct Part<'a> {
        id: String,
        #[serde(borrow)]
        payload: &'a RawValue,
    }
    let answer: Answer = crate::json::from_slice(body).ok()?;
    let row = |index: usize| {
        let id = format!("part{index}");
        whole_object(answer.parts.iter().find(|part| part.id == id)?.payload.get().as_bytes())
    };
    let done = |(index, step): (usize, &Step)| {
        Some(match step {
            Step::Same { .. } => unsent(target, step),
            Step::Create { record, .. } => stored(target, "created", row(index)?, record, Vec::new()),
            Step::Update { key, record, warnings } => {
                let (row, mut warnings) = (row(index)?, warnings.clone());
                let first = before.iter().find(|first| target.key_of(first).as_ref() == Some(key));
                warnings.extend(change::told(record, first.map(String::as_str), &row, key));
                Done { how: "updated", key: Some(key.clone()), record: row, warnings }
            }
        })
    };
    steps.iter().enumerate().map(done).collect()
}

fn stored(target: &Target, how: &'static str, row: String, sent: &str, mut warnings: Vec<Warning>) -> Done {
    let key = target.key_of(&row);
    warnings.extend(compare::changed_by_server(sent, &row, key.as_deref()));
    Done { how, key, record: row, warnings }
}

/// The rows that are to be changed, as they are, where one question finds many of them: so that what the pod
/// ignores is told from what it stores otherwise (W2, W3). What cannot be read is left out.
fn before(pod: &Pod, target: &Target, steps: &[Step]) -> Vec<String> {
    let Some(attribute) = target.sortable_key() else { return Vec::new() };
    let keys: Vec<&str> = steps
        .iter()
        .filter_map(|step| if let Step::Update { key, .. } = step { Some(key.as_str()) } else { None })
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let mut names = vec![attribute.to_owned()];
    if target.name == "invoices" {
        names.push("InvoiceCurrency".to_owned());
    }
    for step in steps {
        let Step::Update { record, .. } = step else { continue };
        let scalars = compare::members(record).into_iter().filter(|(_, raw)| !compare::is_nested(raw));
        names.extend(scalars.map(|(name, _)| name).filter(|name| is_resource_name(name)));
    }
    names.sort();
    names.dedup();
    let doing = Doing { what: "read what is to be changed", object: &target.name };
    let mut rows = Vec::new();
    for keys in keys.chunks(PER_QUESTION) {
        let address = target
            .collection(&pod.settings.api_version)
            .param("q", &format!("{attribute} in ({})", keys.join(",")))
            .clause("fields", &names.join(","))
            .param("onlyData", "true")
            .param("limit", &PER_QUESTION.to_string());
        let Ok(response) = pod.get(doing, &address) else { break };
        let Ok(envelope) = crate::json::from_slice::<Envelope>(&response.body) else { break };
        rows.extend(envelope.items.iter().map(|row| row.get().to_owned()));
    }
    rows
}

/// The rows, where every step turns out to have happened.
fn there(pod: &Pod, target: &Target, steps: &[Step], how: &'static str, waits: &[u64]) -> Option<Vec<Done>> {
    for wait in waits {
        if *wait > 0 {
            if !pod.has_time() {
                return None;
            }
            pod.wait(Duration::from_millis(*wait));
        }
        // The first that is missing ends the round: a batch happened as a whole or not at all.
        let found: Option<Vec<Done>> = steps.iter().map(|step| happened(pod, target, step, how)).collect();
        if found.is_some() {
            return found;
        }
    }
    None
}

fn happened(pod: &Pod, target: &Target, step: &Step, how: &'static str) -> Option<Done> {
    let (how, row, sent) = match step {
        Step::Same { .. } => return Some(unsent(target, step)),
        Step::Create { record, terms } => {
            let mut found = find(pod, target, terms.as_deref()?).ok()?;
            if found.len() != 1 {
                return None;
            }
            (how, found.pop()?, record)
        }
        Step::Update { key, record, .. } => {
            let doing = Doing { what: "read what was written", object: &target.name };
            let address = target.collection(&pod.settings.api_version).key(key).ok()?;
            ("updated", whole_object(&pod.get(doing, &address).ok()?.body)?, record)
        }
    };
    let comparable = !matches!(step, Step::Update { record, .. } if compare::members(record).iter().any(|(_, raw)| compare::is_nested(raw)));
    let agrees = match step {
        Step::Create { .. } => compare::plain_differences(sent, &row).is_empty(),
        _ => comparable && compare::mismatches(sent, &row).is_empty(),
    };
    if !agrees {
        return None;
    }
    let old = how == "recovered" && is_older(pod, target, &row);
    let how = if old { "already_existed" } else { how };
    let key = target.key_of(&row);
    let warnings = match how {
        "already_existed" => Vec::new(),
        _ => vec![warning(
            "answer_lost",
            "The answer was lost; the record was looked up, and it had happened.",
            key.clone(),
        )],
    };
    Some(Done { how, key, record: row, warnings })
}

fn unknown(target: &Target, cause: &Failure) -> Failure {
    let mut failure = Failure::permanent(
        ProblemKind::UnknownOutcome,
        format!(
            "All of the records or none of them may have been written to {}: {}",
            target.name, cause.problem.message
        ),
    )
    .remedy(format!("Look in {} for the first of them before you send them again.", target.name));
    failure.problem.http_status = cause.problem.http_status;
    failure.problem.trace_id.clone_from(&cause.problem.trace_id);
    failure
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::upsert;
    use super::*;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    fn with<T>(door: &Fake, resource: &str, run: impl FnOnce(&Pod, &Target) -> T) -> T {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        run(&Pod::new(door, &settings, None).unwrap(), &Target::known(resource).unwrap().unwrap())
    }

    fn created(record: String) -> Step {
        let target = Target::known("invoices").unwrap().unwrap();
        Step::Create { terms: super::super::natural_key(&target, &record), record }
    }

    fn invoice(number: &str) -> Step {
        created(format!(r#"{{"InvoiceNumber":"{number}","Supplier":"A","InvoiceAmount":1}}"#))
    }

    fn stored(number: &str) -> String {
        format!(r#"{{"InvoiceId":1{number},"InvoiceNumber":"{number}","Supplier":"A","InvoiceAmount":1.0}}"#)
    }

    fn list(rows: &str) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        json(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    fn parts() -> std::result::Result<crate::http::Response, crate::http::SendError> {
        let part = |id, number| {
            format!(r#"{{"id":"part{id}","path":"/invoices","operation":"create","payload":{}}}"#, stored(number))
        };
        json(200, &format!(r#"{{"parts":[{},{}]}}"#, part(0, "1"), part(1, "2")))
    }

    fn posts(door: &Fake) -> Vec<String> {
        let all = door.sent.borrow();
        let of = all.iter().filter(|request| request.method == Method::Post);
        of.map(|request| String::from_utf8(request.body.clone().unwrap()).unwrap()).collect()
    }

    #[test]
    fn a_batch_is_one_request_and_each_row_goes_to_its_record() {
        let door = Fake::new([parts()]);
        let done =
            with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &[invoice("1"), invoice("2")])).unwrap();
        assert_eq!(done.iter().map(|done| done.key.as_deref().unwrap()).collect::<Vec<_>>(), ["11", "12"]);
        let sent = door.sent.borrow();
        assert_eq!(sent[0].path, "/fscmRestApi/resources/11.13.18.05");
        assert!(sent[0].headers.contains(&("content-type", BATCH.to_owned())));
        assert!(posts(&door)[0].starts_with(
            r#"{"parts":[{"id":"part0","path":"/invoices","operation":"create","payload":{"InvoiceNumber":"1""#
        ));
    }

    #[test]
    fn a_batch_whose_answer_was_lost_is_looked_up_and_then_refused_by_the_pod() {
        let steps = [invoice("1"), invoice("2")];
        let door = Fake::new([typed(504, "", ""), list(&stored("1")), list(&stored("2"))]);
        let done = with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &steps)).unwrap();
        assert!(done.iter().all(|done| done.how == "recovered") && posts(&door).len() == 1);
        let refused = typed(400, "text/plain", "There's already an invoice. (AP-810245)");
        let door = Fake::new([
            typed(504, "", ""),
            list(""),
            list(""),
            list(""),
            refused,
            list(&stored("1")),
            list(&stored("2")),
        ]);
        let done = with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &steps)).unwrap();
        assert!(done.iter().all(|done| done.how == "recovered") && posts(&door).len() == 2);
        // Run again; the pod refuses the batch and does not say why.
        let unsaid = || typed(400, "", "");
        let door = Fake::new([unsaid(), list(&stored("1")), list(&stored("2"))]);
        let done = with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &steps)).unwrap();
        assert!(done.iter().all(|done| done.how == "already_existed") && posts(&door).len() == 1);
        let door = Fake::new([unsaid(), list(&stored("1")), list("")]);
        let failure = with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &steps)).unwrap_err();
        assert_eq!((failure.kind(), posts(&door).len()), (ProblemKind::InvalidInput, 1));
        let door = Fake::new([typed(504, "", "")]);
        let steps = ["{}", "{}"].map(|record| Step::Create { record: record.into(), terms: None });
        let failure =
            with(&door, "receivablesInvoices", |pod, target| all_or_nothing(pod, target, &steps)).unwrap_err();
        assert_eq!((failure.kind(), posts(&door).len()), (ProblemKind::UnknownOutcome, 1));
    }

    #[test]
    fn where_each_counts_for_itself_a_bad_record_stops_no_other() {
        let bad = || typed(400, "text/plain", "You must enter a valid value. (AP-1000)");
        let door = Fake::new([bad(), json(201, &stored("1")), bad()]);
        let outcomes =
            with(&door, "invoices", |pod, target| each(pod, target, vec![Ok(invoice("1")), Ok(invoice("2"))], &[]));
        assert_eq!(outcomes[0].as_ref().unwrap().as_ref().unwrap().how, "created");
        assert_eq!(outcomes[1].as_ref().unwrap().as_ref().unwrap_err().kind(), ProblemKind::InvalidInput);
    }

    #[test]
    fn what_is_larger_than_pods_take_is_refused_whole_and_sent_in_parts() {
        let large = || created(format!(r#"{{"Description":"{}"}}"#, "x".repeat(3_000_000)));
        let door = Fake::new([]);
        let failure =
            with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &[large(), large()])).unwrap_err();
        assert_eq!((failure.kind(), door.sent.borrow().len()), (ProblemKind::TooLarge, 0));
        assert_eq!(failure.problem.fields[0].pointer, "/records");
        let door = Fake::new([json(201, &stored("1")), json(201, &stored("2"))]);
        with(&door, "invoices", |pod, target| each(pod, target, vec![Ok(large()), Ok(large())], &[]));
        assert_eq!(posts(&door).len(), 2);
    }

    #[test]
    fn an_upsert_sends_what_differs_and_nothing_where_nothing_does() {
        let plan = |record: &str, rows: &str| {
            let door = Fake::new([list(rows)]);
            with(&door, "invoices", |pod, target| {
                let terms = upsert::identity(target, record, &[]).unwrap();
                upsert::plan(pod, target, record, &terms)
            })
        };
        let record = r#"{"InvoiceNumber":"1","Supplier":"A","InvoiceAmount":1,"Description":"x"}"#;
        assert!(matches!(plan(record, "").unwrap(), Step::Create { .. }));
        match plan(record, &stored("1")).unwrap() {
            Step::Update { key, record, .. } => {
                assert_eq!((key.as_str(), record.as_str()), ("11", r#"{"Description":"x"}"#));
            }
            other => unreachable!("{other:?}"),
        }
        let same = r#"{"InvoiceNumber":"1","Supplier":"A"}"#;
        assert!(matches!(plan(same, &stored("1")).unwrap(), Step::Same { .. }));
        let several = format!("{},{}", stored("1"), stored("2"));
        assert_eq!(plan(same, &several).unwrap_err().kind(), ProblemKind::Conflict);
    }

    #[test]
    fn an_upsert_takes_children_that_are_there_and_refuses_others() {
        let plan = |line: &str| {
            let record = format!(r#"{{"InvoiceNumber":"1","Supplier":"A","invoiceLines":[{line}]}}"#);
            let door = Fake::new([list(&stored("1")), list(r#"{"LineNumber":1,"LineAmount":5.0}"#)]);
            with(&door, "invoices", |pod, target| {
                upsert::plan(pod, target, &record, &upsert::identity(target, &record, &[]).unwrap())
            })
        };
        assert!(matches!(plan(r#"{"LineAmount":5}"#).unwrap(), Step::Same { .. }));
        let failure = plan(r#"{"LineAmount":6}"#).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/record/invoiceLines/0");
        assert!(failure.problem.remedy.unwrap().contains("invoices/11/child/invoiceLines"));
    }

    #[test]
    fn what_a_batch_ignored_is_told_from_what_it_changed() {
        let step = Step::Update { key: "11".into(), record: r#"{"A":2,"B":2}"#.into(), warnings: Vec::new() };
        let answer = r#"{"parts":[{"id":"part0","payload":{"InvoiceId":11,"A":1,"B":3}},{"id":"part1","payload":{"InvoiceId":11,"A":2,"B":2}}]}"#;
        let door = Fake::new([list(r#"{"InvoiceId":11,"A":1,"B":1}"#), json(200, answer)]);
        let done = with(&door, "invoices", |pod, target| all_or_nothing(pod, target, &[step.clone(), step])).unwrap();
        let codes: Vec<&str> = done[0].warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["ignored", "changed_by_server"]);
        assert!(done[1].warnings.is_empty());
        assert!(
            door.sent.borrow()[0].path.contains("q=InvoiceId%20in%20%2811,11%29"),
            "{}",
            door.sent.borrow()[0].path
        );
    }
}
