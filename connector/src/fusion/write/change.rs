//! Changing and deleting one row, under its change indicator.
//!
//! The row is read first. A write that meets a changed row reads it again and goes on, unless what it is
//! about to change was changed by somebody else meanwhile (E10). After an answer that never came the row is
//! read and compared; it is sent again only under `If-Match`, with which the pod itself refuses the second.
//! A change that counts from a day is about the row of that day, and so is everything that is read for it.

use std::time::Duration;

use serde::Deserialize;

use super::compare::{self, Mismatch, members};
use super::valid;
use super::{Headers, LOOKS, SENDS, explain, send, whole_object};
use crate::contract::{FieldProblem, ProblemKind, Warning};
use crate::fusion::address::Address;
use crate::fusion::dated;
use crate::fusion::pod::{Doing, Lost, Pod};
use crate::fusion::record::pick;
use crate::fusion::target::Target;
use crate::http::Method;
use crate::problem::{Failure, Result, warning};
use crate::text::shorten;

/// How long an order stays closed to changes while it is being orchestrated, in milliseconds (W1).
const ORCHESTRATION_MS: u64 = 90_000;
/// Attributes that the server moves by itself.
const WHO: [&str; 5] = ["LastUpdateDate", "LastUpdatedBy", "LastUpdateLogin", "ObjectVersionNumber", "links"];

/// A changed record.
#[derive(Debug)]
pub struct Changed {
    /// As it is stored now.
    pub record: String,
    /// What was ignored, what was changed, what was lost sight of.
    pub warnings: Vec<Warning>,
}

/// A row and the indicator under which it may be changed.
#[derive(Clone)]
struct Row {
    text: String,
    tag: Option<String>,
    /// Where it is written to.
    at: Address,
    /// That its key was another.
    told: Option<Warning>,
}

/// Everything about one row that is being written.
struct Job<'a> {
    pod: &'a Pod<'a>,
    doing: Doing<'a>,
    target: &'a Target,
    address: Address,
    key: &'a str,
    headers: &'a Headers,
}

/// Changes attributes of one row; `record` is a JSON object, sent as it is.
///
/// # Errors
/// `not-found`; `conflict` where a targeted attribute was changed by somebody else meanwhile;
/// `unknown-outcome` where it may or may not have happened; what the pod refused.
pub fn update(pod: &Pod, target: &Target, key: &str, record: &str, headers: &Headers) -> Result<Changed> {
    let what = format!("update {} {}", target.name, shorten(key, 100));
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version).key(key)?;
    let job = Job { pod, doing, target, address, key, headers };
    let sent = members(record);
    if sent.is_empty() {
        return Err(Failure::invalid("/record", "it holds nothing to change")
            .remedy("Name at least one attribute with its new value."));
    }
    let comparable = !sent.iter().any(|(_, raw)| compare::is_nested(raw));
    let first = job.read()?;
    valid::fine(target, record, &first.text, "/record")?;
    let mut now = first.clone();
    let mut lost: Option<Failure> = None;
    let mut stale = None;
    for _ in 0..SENDS {
        let failure = match job.send(Method::Patch, record, &now) {
            Ok(response) => return job.finish(record, first, whole_object(&response.body)),
            Err(Lost::Refused(failure)) if is_stale(&failure) => {
                now = job.read()?;
                if lost.is_some() && comparable && compare::mismatches(record, &now.text).is_empty() {
                    return Ok(job.recovered(now.text, first.told));
                }
                let moved = moved(record, &first.text, &now.text);
                if !moved.is_empty() {
                    return Err(match &lost {
                        Some(cause) => job.unknown(cause),
                        None => job.conflict(moved),
                    });
                }
                stale = Some(failure);
                continue;
            }
            Err(Lost::Refused(failure)) => {
                return Err(match &lost {
                    Some(cause) => job.unknown(cause),
                    None => explain(target, orchestrated(failure)),
                });
            }
            Err(Lost::Unknown(failure)) => failure,
        };
        if comparable && let Some(text) = job.look(|text| compare::mismatches(record, text).is_empty()) {
            return Ok(job.recovered(text, first.told));
        }
        if !comparable || now.tag.is_none() || !pod.has_time() {
            return Err(job.unknown(&failure));
        }
        lost = Some(failure);
    }
    Err(match (lost, stale) {
        (Some(cause), _) => job.unknown(&cause),
        (None, Some(failure)) => failure
            .remedy(format!("{} {key} is being changed all the time by somebody else; try again later.", target.name)),
        (None, None) => Failure::internal("an update ended without an answer"),
    })
}

/// Deletes one row; answers what is to be known.
///
/// # Errors
/// As for [`update`]; every attribute counts as targeted.
pub fn delete(pod: &Pod, target: &Target, key: &str, headers: &Headers) -> Result<Changed> {
    let what = format!("delete {} {}", target.name, shorten(key, 100));
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version).key(key)?;
    let job = Job { pod, doing, target, address, key, headers };
    let first = job.read()?;
    let mut now = first.clone();
    let mut lost: Option<Failure> = None;
    let mut stale = None;
    for _ in 0..SENDS {
        let cause = match job.send(Method::Delete, "", &now) {
            Ok(_) => return Ok(Changed { record: first.text, warnings: first.told.into_iter().collect() }),
            Err(Lost::Refused(failure)) if is_stale(&failure) => {
                now = job.read()?;
                let moved: Vec<Moved> = moved(&now.text, &first.text, &now.text)
                    .into_iter()
                    .map(|moved| Moved { wanted: None, ..moved })
                    .collect();
                if !moved.is_empty() {
                    return Err(job.conflict(moved));
                }
                stale = Some(failure);
                continue;
            }
            // It was there before this call sent a delete, so that delete was the one that did it.
            Err(Lost::Refused(failure)) if lost.is_some() && failure.kind() == ProblemKind::NotFound => {
                return Ok(job.recovered(first.text, first.told));
            }
            Err(Lost::Refused(failure)) => match &lost {
                Some(cause) => return Err(job.unknown(cause)),
                None => return Err(explain(target, orchestrated(failure))),
            },
            Err(Lost::Unknown(failure)) => failure,
        };
        if job.gone(&now) {
            return Ok(job.recovered(first.text, first.told));
        }
        // A range leaves a row in place as well, and sent again it may take more than it took.
        if !pod.has_time() || !headers.is_empty() {
            return Err(job.unknown(&cause));
        }
        lost = Some(cause);
    }
    Err(match (lost, stale) {
        (Some(cause), _) => job.unknown(&cause),
        (None, Some(failure)) => failure,
        (None, None) => Failure::internal("a delete ended without an answer"),
    })
}

impl Job<'_> {
    /// The row as of the target's day; where a key is of another, by the ids in it.
    fn read(&self) -> Result<Row> {
        let failure = match self.fetch(&self.address, dated::is_dated(self.key)) {
            Err(failure) if failure.kind() == ProblemKind::NotFound => failure,
            read => return read,
        };
        // The row of another day was asked for by a key that is good today.
        let good = failure.problem.http_status.is_none();
        let place = dated::elsewhere(self.pod, self.target, self.key, failure)?;
        let at = place.address(&self.pod.settings.api_version)?;
        let row = match place.row {
            Some(text) => Row { tag: indicator(&text), text, at, told: None },
            None => self.fetch(&at, false)?,
        };
        Ok(Row { told: Some(place.warning).filter(|_| !good), ..row })
    }

    fn fetch(&self, at: &Address, dated: bool) -> Result<Row> {
        let address = self.target.as_of(at.clone());
        let response = match dated {
            true => self.pod.get(self.doing, &address)?,
            false => self.pod.get_row(self.doing, &address)?,
        };
        let text = whole_object(&response.body)
            .ok_or_else(|| self.pod.garbled(self.doing, "the answer is not a record").status(response.status))?;
        if let Some(day) = self.target.day.as_deref().filter(|day| !dated::holds(&text, day)) {
            let told = format!("{} {} does not hold on {day}; nothing was sent.", self.target.name, self.key);
            return Err(Failure::permanent(ProblemKind::NotFound, told)
                .remedy("Choose a day within the record's effective dates."));
        }
        let tag = response.header("etag").map(str::to_owned).or_else(|| indicator(&text));
        Ok(Row { text, tag, at: at.clone(), told: None })
    }

    fn send(&self, method: Method, body: &str, row: &Row) -> std::result::Result<crate::http::Response, Lost> {
        let mut headers = self.headers.to_vec();
        headers.extend(row.tag.clone().map(|tag| ("if-match", tag)));
        let sent = send(self.pod, method, self.doing, &row.at, body, &headers);
        // A pod may know a row of another day by the key that it has today, and by no other.
        match sent {
            Err(Lost::Refused(failure)) if self.target.day.is_some() && failure.kind() == ProblemKind::NotFound => {
                let today = Target { day: None, ..self.target.clone() };
                let place = dated::elsewhere(self.pod, &today, self.key, failure.clone());
                let at = place.and_then(|place| place.address(&self.pod.settings.api_version));
                let at = at.unwrap_or_else(|_| self.address.clone());
                if at == row.at {
                    return Err(Lost::Refused(failure));
                }
                send(self.pod, method, self.doing, &at, body, &headers)
            }
            sent => sent,
        }
    }

    /// Reads until the row fits, again after each wait.
    fn look(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        for wait in LOOKS {
            if wait > 0 {
                if !self.pod.has_time() {
                    break;
                }
                self.pod.wait(Duration::from_millis(wait));
            }
            if let Some(row) = self.read().ok().filter(|row| fits(&row.text)) {
                return Some(row.text);
            }
        }
        None
    }

    /// Whether the row is gone, asked once or twice.
    fn gone(&self, row: &Row) -> bool {
        let address = self.target.as_of(row.at.clone());
        for wait in LOOKS {
            if wait > 0 && self.pod.has_time() {
                self.pod.wait(Duration::from_millis(wait));
            }
            match self.pod.get(self.doing, &address) {
                Err(failure) if failure.kind() == ProblemKind::NotFound => return true,
                _ if !self.pod.has_time() => return false,
                _ => {}
            }
        }
        false
    }

    /// Compares what is stored with what was sent; where they differ the row is read first, since an
    /// answer may precede what the server derives (W4).
    fn finish(&self, sent: &str, first: Row, answered: Option<String>) -> Result<Changed> {
        let mut record = answered.unwrap_or_default();
        let other_day = self.target.day.as_deref().is_some_and(|day| !dated::holds(&record, day));
        if record.is_empty() || other_day || !compare::mismatches(sent, &record).is_empty() {
            match self.read() {
                Ok(row) => record = row.text,
                Err(failure) if record.is_empty() => return Err(self.unknown(&failure)),
                Err(_) => {}
            }
        }
        let mut warnings = told(sent, Some(&first.text), &record, self.key);
        warnings.extend(first.told);
        Ok(Changed { record, warnings })
    }

    fn recovered(&self, record: String, told: Option<Warning>) -> Changed {
        let message =
            format!("The answer was lost; {} {} was looked up, and it had happened.", self.target.name, self.key);
        let lost = warning("answer_lost", message, Some(self.key.to_owned()));
        Changed { record, warnings: std::iter::once(lost).chain(told).collect() }
    }

    fn unknown(&self, cause: &Failure) -> Failure {
        let name = &self.target.name;
        let mut failure = Failure::permanent(
            ProblemKind::UnknownOutcome,
            format!("It may or may not have happened to {name} {}: {}", self.key, cause.problem.message),
        )
        .remedy(format!("Read {} of {name} and compare before you send it again.", self.key));
        failure.problem.http_status = cause.problem.http_status;
        failure.problem.trace_id.clone_from(&cause.problem.trace_id);
        failure
    }

    fn conflict(&self, moved: Vec<Moved>) -> Failure {
        let told: Vec<String> = moved.iter().map(Moved::told).collect();
        let mut failure = Failure::permanent(
            ProblemKind::Conflict,
            format!(
                "{} {} was changed by somebody else while this was being written, and nothing was written: {}.",
                self.target.name,
                self.key,
                told.join("; ")
            ),
        )
        .remedy("Decide which value is right, then send it again.");
        failure.problem.fields = moved
            .iter()
            .map(|moved| FieldProblem { pointer: format!("/record/{}", moved.name), message: moved.told() })
            .collect();
        failure
    }
}

/// What became of a change otherwise than it was sent: ignored where the row is as it was `first`, else changed.
pub fn told(sent: &str, first: Option<&str>, stored: &str, key: &str) -> Vec<Warning> {
    let before = first.map(members).unwrap_or_default();
    let told = |mismatch: &Mismatch| match before.iter().find(|(name, _)| *name == mismatch.name) {
        Some((_, raw)) if raw.get() == mismatch.stored => compare::ignored(mismatch, Some(key)),
        _ => compare::changed(mismatch, Some(key)),
    };
    compare::mismatches(sent, stored).iter().map(told).collect()
}

/// An attribute that somebody else changed between our first read and now.
struct Moved {
    name: String,
    first: String,
    now: String,
    wanted: Option<String>,
}

impl Moved {
    fn told(&self) -> String {
        let wanted = self.wanted.as_ref().map_or(String::new(), |wanted| format!(", and {wanted} was to be written"));
        format!("{} was {} when it was read first, is {} now{wanted}", self.name, self.first, self.now)
    }
}

/// Targeted attributes that changed since the first read and are not what is to be written.
fn moved(record: &str, first: &str, now: &str) -> Vec<Moved> {
    let (first, targeted) = (compare::mismatches(first, now), members(record));
    let wanted = |name: &str| targeted.iter().find(|(other, _)| other == name).map(|(_, raw)| raw.get().to_owned());
    let moved = first.into_iter().filter(|Mismatch { name, .. }| !WHO.contains(&name.as_str()));
    moved
        .filter_map(|Mismatch { name, sent, stored }| {
            let wanted = wanted(&name)?;
            Some(Moved { name, first: sent.to_owned(), now: stored.to_owned(), wanted: Some(wanted) })
        })
        .collect()
}

/// Whether the pod refused because the row is not the one that was read (E10).
fn is_stale(failure: &Failure) -> bool {
    failure.problem.http_status == Some(412)
        || failure.has_code("JBO-25014")
        || failure.problem.message.to_lowercase().contains("another user has changed the row")
}

/// An order under orchestration takes changes again soon, and the change did nothing (W1).
fn orchestrated(failure: Failure) -> Failure {
    if !failure.has_code("DOO-2686198") {
        return failure;
    }
    let mut failure = Failure { again: true, ..failure };
    failure.problem.kind = ProblemKind::Unavailable;
    failure
        .retry_after_ms(Some(ORCHESTRATION_MS))
        .remedy("The order is being processed and takes changes again in a minute or two; nothing was changed.")
}

/// The change indicator in the row's own link, as `If-Match` takes it.
fn indicator(record: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Link {
        rel: Option<String>,
        properties: Option<Properties>,
    }
    #[derive(Deserialize)]
    struct Properties {
        #[serde(rename = "changeIndicator")]
        indicator: Option<String>,
    }
    let [links] = pick(record, ["links"]);
    let links: Vec<Link> = crate::json::from_str(links?.get()).ok()?;
    let link = links.into_iter().find(|link| link.rel.as_deref() == Some("self"))?;
    let indicator =
        link.properties?.indicator.filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))?;
    Some(format!("\"{indicator}\""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json, typed};
    use crate::http::{Response, SendError};
    use crate::settings::Settings;

    type Answer = std::result::Result<Response, SendError>;

    fn with<T>(door: &Fake, run: impl FnOnce(&Pod, &Target) -> T) -> T {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        run(&Pod::new(door, &settings, None).unwrap(), &Target::known("invoices").unwrap().unwrap())
    }

    fn patch(door: &Fake, record: &str) -> Result<Changed> {
        with(door, |pod, target| update(pod, target, "7", record, &[]))
    }

    fn row(tag: &str, rest: &str) -> Answer {
        let link = format!(r#""links":[{{"rel":"self","href":"x/7","properties":{{"changeIndicator":"{tag}"}}}}]"#);
        json(200, &format!(r#"{{"InvoiceId":7,{rest},{link}}}"#))
    }

    fn sent(door: &Fake, method: Method) -> Vec<Option<String>> {
        let all = door.sent.borrow();
        let of = all.iter().filter(|request| request.method == method);
        of.map(|request| request.headers.iter().find(|(name, _)| *name == "if-match").map(|(_, tag)| tag.clone()))
            .collect()
    }

    const LOST: fn() -> Answer = || Err(SendError::Broken("x".into()));
    const A: &str = r#""Description":"a","InvoiceAmount":1"#;
    const B: &str = r#""Description":"b","InvoiceAmount":1"#;
    const TO_B: &str = r#"{"Description":"b"}"#;

    #[test]
    fn a_change_goes_under_the_rows_indicator() {
        let door = Fake::new([row("AB", A), row("AC", B)]);
        assert!(patch(&door, TO_B).unwrap().warnings.is_empty());
        assert_eq!(sent(&door, Method::Patch), [Some("\"AB\"".to_owned())]);
    }

    #[test]
    fn a_stale_row_is_read_again_and_the_change_made_on_it() {
        for stale in [
            typed(412, "", ""),
            typed(
                400,
                "text/plain",
                "Another user has changed the row with primary key oracle.jbo.Key[7]. (JBO-25014)",
            ),
        ] {
            let moved = r#""Description":"a","InvoiceAmount":2"#;
            let door = Fake::new([row("1", A), stale, row("2", moved), row("3", B)]);
            assert!(patch(&door, TO_B).unwrap().warnings.is_empty());
            assert_eq!(sent(&door, Method::Patch), [Some("\"1\"".to_owned()), Some("\"2\"".to_owned())]);
        }
    }

    #[test]
    fn a_targeted_attribute_that_changed_meanwhile_is_a_conflict_with_both_values() {
        let door = Fake::new([row("1", A), typed(412, "", ""), row("2", r#""Description":"c""#)]);
        let failure = patch(&door, TO_B).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Conflict);
        let told = "Description was \"a\" when it was read first, is \"c\" now, and \"b\" was to be written";
        assert!(failure.problem.message.contains(told), "{}", failure.problem.message);
        assert_eq!(sent(&door, Method::Patch).len(), 1);
    }

    #[test]
    fn what_was_ignored_and_what_the_server_changed_is_told() {
        let door = Fake::new([row("1", A), row("2", A), row("2", r#""Description":"a","InvoiceAmount":9"#)]);
        let changed = patch(&door, r#"{"Description":"b","InvoiceAmount":5}"#).unwrap();
        let codes: Vec<&str> = changed.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["ignored", "changed_by_server"]);
    }

    #[test]
    fn a_lost_answer_is_looked_up_before_anything_is_sent_again() {
        let door = Fake::new([row("1", A), LOST(), row("2", B)]);
        assert_eq!(patch(&door, TO_B).unwrap().warnings.first().unwrap().code, "answer_lost");
        assert_eq!(sent(&door, Method::Patch).len(), 1);
        // Not there yet: it is sent again under the same indicator, and a late commit makes the pod refuse it.
        let door = Fake::new([
            row("1", A),
            typed(504, "", ""),
            row("1", A),
            row("1", A),
            row("1", A),
            typed(412, "", ""),
            row("2", B),
        ]);
        assert_eq!(patch(&door, TO_B).unwrap().warnings.first().unwrap().code, "answer_lost");
        assert_eq!(sent(&door, Method::Patch), [Some("\"1\"".to_owned()), Some("\"1\"".to_owned())]);
    }

    #[test]
    fn a_sign_in_page_in_answer_to_a_write_is_no_success() {
        let page = || typed(200, "text/html", "<html><title>Sign In</title></html>");
        let there = || [page(), row("1", A), row("1", A), row("1", A)];
        let all = || Fake::new([row("1", A)].into_iter().chain(there()).chain(there()).chain(there()));
        let changed = patch(&all(), TO_B).unwrap_err();
        let deleted = with(&all(), |pod, target| delete(pod, target, "7", &[])).unwrap_err();
        for failure in [changed, deleted] {
            assert_eq!(failure.kind(), ProblemKind::UnknownOutcome);
            assert!(failure.problem.message.contains("Sign In"), "{}", failure.problem.message);
        }
        let door = Fake::new([row("1", A), page(), row("2", B)]);
        assert_eq!(patch(&door, TO_B).unwrap().warnings.first().unwrap().code, "answer_lost");
    }

    #[test]
    fn without_an_indicator_or_with_children_a_lost_answer_stays_unknown() {
        let bare = || json(200, r#"{"Description":"a"}"#);
        let door = Fake::new([bare(), LOST(), bare(), bare(), bare()]);
        assert_eq!(patch(&door, TO_B).unwrap_err().kind(), ProblemKind::UnknownOutcome);
        let door = Fake::new([row("1", A), LOST()]);
        let failure = patch(&door, r#"{"invoiceLines":[{"LineAmount":1}]}"#).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::UnknownOutcome);
        assert!(!failure.again && sent(&door, Method::Patch).len() == 1);
    }

    #[test]
    fn an_order_in_processing_is_told_as_transient() {
        let door = Fake::new([row("1", A), typed(400, "text/plain", "The order is locked. (DOO-2686198)")]);
        let failure = patch(&door, TO_B).unwrap_err();
        assert!(failure.again);
        assert_eq!(failure.problem.retry_after_ms, Some(90_000));
    }

    #[test]
    fn a_delete_whose_answer_was_lost_is_done_once_the_row_is_gone() {
        let run = |door: &Fake| with(door, |pod, target| delete(pod, target, "7", &[]));
        let door = Fake::new([row("1", A), typed(204, "", "")]);
        assert!(run(&door).unwrap().warnings.is_empty());
        assert_eq!(sent(&door, Method::Delete), [Some("\"1\"".to_owned())]);
        assert!(door.sent.borrow().last().unwrap().body.is_none());
        let gone = || typed(404, "", "");
        let door = Fake::new([row("1", A), LOST(), gone()]);
        assert_eq!(run(&door).unwrap().warnings.first().unwrap().code, "answer_lost");
        // A commit after the look: the second delete finds nothing.
        let door = Fake::new([row("1", A), LOST(), row("1", A), row("1", A), row("1", A), gone()]);
        assert_eq!(run(&door).unwrap().warnings.first().unwrap().code, "answer_lost");
        let door = Fake::new([row("1", A), typed(412, "", ""), row("2", B)]);
        assert_eq!(run(&door).unwrap_err().kind(), ProblemKind::Conflict);
    }
}
