//! Writing once: creating here; changing, comparing, batches and what goes beside a record in the files below.
//!
//! A create whose answer was lost is looked up by the resource's natural key before anything is sent again.
//! Not finding it proves nothing, since an edge may give up before the server commits (E7); so it is sent
//! again only where the pod itself refuses a second one. What the pod refuses as a duplicate is read back:
//! where it is what was to be created, the create is done (T3); where it is not, that is a conflict.

pub mod action;
pub mod attach;
pub mod batch;
pub mod change;
pub mod compare;
pub mod mark;
pub mod sound;
pub mod upsert;
pub mod valid;

use std::time::Duration;

use serde_json::value::RawValue;

use super::address::Address;
use super::dated;
use super::pod::{Carried, Doing, Lost, Pod};
use super::query;
use super::record;
use super::target::Target;
use super::time;
use crate::contract::{ProblemKind, Warning};
use crate::http::{Method, Response};
use crate::problem::{Failure, Result, warning};

/// How often a create is sent at most.
const SENDS: u32 = 3;
/// How long a lost create may take to become visible, in milliseconds, one wait for each look.
const LOOKS: [u64; 3] = [0, 700, 1300];
/// How much older than the call a record is that the call did not create, in milliseconds.
const CLEARLY: i64 = 300_000;
/// The largest body that is sent; pods refuse more (FACTS 1.12).
pub const MOST_SENT: usize = 5_000_000;

/// Header fields beside the usual ones.
pub type Headers = [(&'static str, String)];

/// How a record came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// This call created it, and the pod said so.
    Created,
    /// It was there before.
    AlreadyExisted,
    /// This call sent it, its answer was lost, and it was found.
    Recovered,
    /// An earlier run of this call created it, as its mark shows.
    Before,
}

impl How {
    /// As it stands in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AlreadyExisted => "already_existed",
            Self::Recovered | Self::Before => "recovered",
        }
    }
}

/// Tells what differs between what was sent and a row with the same business key.
pub type Differences<'a> = &'a dyn Fn(&str, &str) -> Result<Vec<String>>;

/// A created record.
#[derive(Debug)]
pub struct Created {
    /// How it came to be there.
    pub how: How,
    /// As the pod answered it, or as it was found.
    pub record: String,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

/// Creates `record` (a JSON object, sent as it is).
///
/// # Errors
/// What the pod refused; `conflict` for a duplicate that differs; `unknown-outcome` where it may or may not
/// have been created.
pub fn create(pod: &Pod, target: &Target, record: &str, headers: &Headers) -> Result<Created> {
    create_as(pod, target, record, natural_key(target, record), headers, &plain)
}

/// What makes two records differ where nobody knows better.
///
/// # Errors
/// None.
pub fn plain(sent: &str, found: &str) -> Result<Vec<String>> {
    Ok(compare::plain_differences(sent, found))
}

/// The same, where the caller knows by what `terms` it is found and what makes two records the same.
///
/// # Errors
/// As for [`create`].
pub fn create_as(
    pod: &Pod,
    target: &Target,
    record: &str,
    natural: Option<Vec<String>>,
    headers: &Headers,
    differences: Differences,
) -> Result<Created> {
    let what = format!("create a record in {}", target.name);
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version);
    let refuses = target.known.as_ref().and_then(|known| known.refuses_duplicates).filter(|_| natural.is_some());
    // This call may have sent it before, in a life that ended (a mark is looked for before every send).
    if let Some(terms) = natural.as_deref().filter(|terms| mark::is_mark(pod, terms))
        && let Some(found) = there(pod, target, record, terms, How::Before, differences)?
    {
        return Ok(found);
    }
    let mut lost = None;
    for _ in 0..SENDS {
        let cause = match send(pod, Method::Post, doing, &address, record, headers) {
            Ok(response) => match whole_object(&response.body) {
                Some(stored) => {
                    let key = target.key_of(&stored);
                    let mut warnings = compare::changed_by_server(record, &stored, key.as_deref());
                    warnings.extend(dated::begins_elsewhere(target, &stored, key));
                    return Ok(Created { how: How::Created, record: stored, warnings });
                }
                // It was created, and its answer cannot be read: that is an answer lost.
                None => pod
                    .unexpected(doing, "it accepted the record and its answer cannot be read")
                    .status(response.status),
            },
            Err(Lost::Refused(failure)) if refuses.is_some_and(|code| failure.has_code(code)) => {
                let how = if lost.is_some() { How::Recovered } else { How::AlreadyExisted };
                return match look(pod, target, natural.as_deref().unwrap_or_default(), &LOOKS) {
                    Ok(Some(found)) => settle(pod, target, record, found, how, differences),
                    _ => Err(unseen(target, natural.as_deref().unwrap_or_default(), failure)),
                };
            }
            // What was sent before may have happened all the same.
            Err(Lost::Refused(failure)) => match &lost {
                Some(cause) => return Err(unknown(target, record, natural.as_deref(), cause)),
                None => {
                    let place = dated::elsewhere(pod, target, "", explain(target, failure))?;
                    let mut created = create_as(pod, &place.target, record, natural, headers, differences)?;
                    created.warnings.push(place.warning);
                    return Ok(created);
                }
            },
            Err(Lost::Unknown(failure)) => failure,
        };
        let Some(terms) = &natural else { return Err(unknown(target, record, None, &cause)) };
        match look(pod, target, terms, &LOOKS) {
            Ok(Some(found)) => return settle(pod, target, record, found, How::Recovered, differences),
            Ok(None) if refuses.is_some() && pod.has_time() => lost = Some(cause),
            Ok(None) | Err(_) => return Err(unknown(target, record, natural.as_deref(), &cause)),
        }
    }
    let cause = lost.unwrap_or_else(|| Failure::internal("a create ended without an answer"));
    Err(unknown(target, record, natural.as_deref(), &cause))
}

/// The record that `terms` find already, where a pod that takes a second one is about to be sent it.
///
/// # Errors
/// `conflict` where it differs or is not alone; those of a read that may pass.
pub fn there(
    pod: &Pod,
    target: &Target,
    record: &str,
    terms: &[String],
    how: How,
    differences: Differences,
) -> Result<Option<Created>> {
    match find(pod, target, terms) {
        Ok(found) if found.len() > 1 && how == How::AlreadyExisted => Err(upsert::several(target, terms)),
        Ok(found) => {
            found.into_iter().next().map(|found| settle(pod, target, record, found, how, differences)).transpose()
        }
        // Without the look a second life would send it twice. Who may create and not read is let through.
        Err(failure) if failure.again => Err(failure),
        Err(_) => Ok(None),
    }
}

/// One write of a record, refused here where it is larger than what pods take.
fn send(
    pod: &Pod,
    method: Method,
    doing: Doing,
    address: &Address,
    body: &str,
    headers: &Headers,
) -> std::result::Result<Response, Lost> {
    fits(doing, body.len(), "/record").map_err(Lost::Refused)?;
    let body = (method != Method::Delete).then_some(body.as_bytes());
    pod.exact(method, doing, address, Carried { body, headers, ..Carried::default() })
}

/// Refuses what is larger than what pods take; `at` is its JSON pointer in the input.
///
/// # Errors
/// `too-large`; nothing was sent.
pub fn fits(doing: Doing, bytes: usize, at: &str) -> Result<()> {
    if bytes <= MOST_SENT {
        return Ok(());
    }
    Err(Failure::permanent(
        ProblemKind::TooLarge,
        format!("Could not {}: the request would be {bytes} bytes, and pods take {MOST_SENT} at most; nothing was sent.", doing.what),
    )
    .at(at)
    .remedy("Send less at once: fewer records, children in requests of their own, files through add_attachment or bulk import."))
}

/// `q` terms that find the record in business terms, where its text has all that it takes.
pub fn natural_key(target: &Target, record: &str) -> Option<Vec<String>> {
    let natural = &target.known.as_ref()?.natural;
    if natural.is_empty() { None } else { terms(record, natural).ok() }
}

/// `q` terms that find a record with the same values of some attributes.
///
/// # Errors
/// The attribute that the record lacks.
pub fn terms<'n>(record: &str, attributes: &[&'n str]) -> std::result::Result<Vec<String>, &'n str> {
    let term = |attribute: &&'n str| {
        let [raw] = record::pick(record, [attribute]);
        let value = raw.and_then(record::plain).filter(|value| !value.is_empty()).ok_or(*attribute)?;
        let text = raw.is_some_and(|raw| raw.get().starts_with('"'));
        Ok(format!("{attribute} = {}", if text { query::quote(&value) } else { value }))
    };
    attributes.iter().map(term).collect()
}

/// Rows that the terms find, two at most; without terms a page of the collection.
///
/// # Errors
/// Those of a read.
pub fn find(pod: &Pod, target: &Target, terms: &[String]) -> Result<Vec<String>> {
    let what = format!("look for the record in {}", target.name);
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version);
    let address = match terms.is_empty() {
        true => address.param("limit", "100"),
        false => address.param("q", &terms.join(";")).param("limit", "2"),
    };
    let response = match pod.get(doing, &target.as_of(address)) {
        Ok(response) => response,
        Err(failure) => return find(pod, &dated::elsewhere(pod, target, "", failure)?.target, terms),
    };
    let envelope: super::page::Envelope = crate::json::from_slice(&response.body)
        .map_err(|error| pod.garbled(doing, &format!("the body is not a list of records ({error})")))?;
    Ok(envelope.items.iter().map(|item| item.get().to_owned()).collect())
}

/// Looks for the record, again after each wait: rows appear late (E4). `None` where none or several are there.
///
/// # Errors
/// Those of a read.
pub fn look(pod: &Pod, target: &Target, terms: &[String], waits: &[u64]) -> Result<Option<String>> {
    for wait in waits {
        if *wait > 0 {
            if !pod.has_time() {
                break;
            }
            pod.wait(Duration::from_millis(*wait));
        }
        let mut found = find(pod, target, terms)?;
        match found.len() {
            0 => {}
            1 => return Ok(found.pop()),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The pod refuses it as a duplicate, and there is nothing to compare with.
fn unseen(target: &Target, terms: &[String], refused: Failure) -> Failure {
    refused.remedy(format!(
        "The pod says that there is a record with this key in {} already, and this user cannot see exactly one: {}.",
        target.name,
        terms.join(" and ")
    ))
}

/// Takes what was found for what was to be created, where the two agree.
///
/// # Errors
/// `conflict` with what differs; those of comparing.
fn settle(
    pod: &Pod,
    target: &Target,
    sent: &str,
    found: String,
    how: How,
    differences: Differences,
) -> Result<Created> {
    let how = if how == How::Recovered && is_older(pod, target, &found) { How::AlreadyExisted } else { how };
    let differing = differences(sent, &found)?;
    let key = target.key_of(&found);
    let named = key.as_deref().unwrap_or("without a key").to_owned();
    if !differing.is_empty() {
        return Err(Failure::permanent(
            ProblemKind::Conflict,
            format!(
                "{} already holds record {named} under the same business key, and it differs: {}.",
                target.name,
                differing.join("; ")
            ),
        )
        .remedy(
            "If it is another document, give yours its own number; if it is the same, correct the differing values.",
        ));
    }
    let told = match how {
        How::AlreadyExisted => {
            warning("already_existed", format!("Record {named} existed already; nothing was created."), key)
        }
        How::Before => warning(
            "recovered",
            format!("An earlier run of this call created record {named}; nothing was sent again."),
            key,
        ),
        _ => warning(
            "answer_lost",
            format!("The answer to the create was lost; record {named} was found and is the one that was sent."),
            key,
        ),
    };
    Ok(Created { how, record: found, warnings: vec![told] })
}

/// Whether the row says that it was created clearly before this call began, so that this call did not create it.
pub fn is_older(pod: &Pod, target: &Target, row: &str) -> bool {
    let [raw] = record::pick(row, [target.created().map_or("CreationDate", |(attribute, _)| attribute)]);
    let created = raw.and_then(record::plain).and_then(|text| time::instant(&text));
    created.is_some_and(|at| pod.began_ms().is_some_and(|began| at.as_millisecond() < began.saturating_sub(CLEARLY)))
}

/// The text of a body that is one JSON object.
pub fn whole_object(body: &[u8]) -> Option<String> {
    let raw: Box<RawValue> = crate::json::from_slice(body).ok()?;
    raw.get().starts_with('{').then(|| raw.get().to_owned())
}

/// Attributes of a supplier that no other may have (POZ-2130479).
const TAX_IDS: [&str; 2] = ["TaxpayerId", "TaxRegistrationNumber"];

fn unknown(target: &Target, record: &str, terms: Option<&[String]>, cause: &Failure) -> Failure {
    // The pod may have stored it under another spelling of its name, and would then refuse it for its tax id.
    let tax_id = TAX_IDS.iter().find(|name| target.name == "suppliers" && self::terms(record, &[name]).is_ok());
    let also = tax_id.map_or(String::new(), |name| format!(", and for the {name} that you sent,"));
    let remedy = match terms {
        Some(terms) => format!("Look in {} for {}{also} before you send it again.", target.name, terms.join(" and ")),
        None => format!(
            "Look in {} for the record before you send it again; its business key is not known here.",
            target.name
        ),
    };
    let mut failure = Failure::permanent(
        ProblemKind::UnknownOutcome,
        format!("The record may or may not have been created in {}: {}", target.name, cause.problem.message),
    )
    .remedy(remedy);
    failure.problem.http_status = cause.problem.http_status;
    failure.problem.trace_id.clone_from(&cause.problem.trace_id);
    failure
}

fn explain(target: &Target, failure: Failure) -> Failure {
    let name = &target.name;
    if failure.has_code("POZ-2130479") {
        return failure.remedy(format!(
            "A supplier with this name or tax id is there already, perhaps under another name: look in {name} for its Supplier, {}, and update that one.",
            TAX_IDS.join(" or ")
        ));
    }
    failure.or_remedy(|| {
        format!("Correct the record; describe_resource with resource {name} tells its attributes, and names are case-sensitive.")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::SendError;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    const SENT: &str =
        r#"{"InvoiceNumber":"N-1","Supplier":"O'Neil","InvoiceAmount":2212.75,"InvoiceDate":"2026-02-01"}"#;
    const STORED: &str = r#"{"InvoiceId":300000000000000001,"InvoiceNumber":"N-1","Supplier":"O'Neil","InvoiceAmount":2212.750,"InvoiceDate":"2026-02-01"}"#;

    fn run(door: &Fake, resource: &str, record: &str) -> Result<Created> {
        let settings =
            Settings::parse(r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#)
                .unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        create(&pod, &Target::known(resource).unwrap().unwrap(), record, &[])
    }

    fn list(rows: &str) -> std::result::Result<crate::http::Response, SendError> {
        json(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    fn posts(door: &Fake) -> usize {
        door.sent.borrow().iter().filter(|request| request.method == Method::Post).count()
    }

    #[test]
    fn a_lost_answer_is_looked_up_and_not_sent_again() {
        let door = Fake::new([Err(SendError::Broken("x".into())), list(STORED)]);
        let created = run(&door, "invoices", SENT).unwrap();
        assert_eq!(created.record, STORED);
        assert_eq!(created.warnings.first().unwrap().code, "answer_lost");
        assert_eq!(posts(&door), 1);
        let path = door.sent.borrow().get(1).unwrap().path.clone();
        assert!(path.contains("q=InvoiceNumber%20%3D%20%27N-1%27%3BSupplier%20%3D%20%27O%27%27Neil%27"), "{path}");
    }

    #[test]
    fn what_was_there_long_before_the_call_was_not_created_by_it() {
        for (created, code) in [("2025-12-31T23:54:00Z", "already_existed"), ("2025-12-31T23:58:00Z", "answer_lost")] {
            let row = STORED.replacen('{', &format!(r#"{{"CreationDate":"{created}","#), 1);
            let dated = list(&row).map(|mut response| {
                response.headers.push(("date".into(), "Thu, 01 Jan 2026 00:00:00 GMT".into()));
                response
            });
            let door = Fake::new([Err(SendError::Broken("x".into())), dated]);
            assert_eq!(run(&door, "invoices", SENT).unwrap().warnings.first().unwrap().code, code);
        }
    }

    #[test]
    fn what_was_not_stored_is_sent_again_where_the_pod_refuses_duplicates() {
        let door = Fake::new([typed(504, "", ""), list(""), list(""), list(""), json(201, STORED)]);
        assert!(run(&door, "invoices", SENT).unwrap().warnings.is_empty());
        assert_eq!(posts(&door), 2);
    }

    #[test]
    fn a_late_commit_is_found_by_its_refusal() {
        let refused = typed(400, "text/plain", "There's already an invoice with that number. (AP-810245)");
        let door = Fake::new([typed(504, "", ""), list(""), list(""), list(""), refused, list(STORED)]);
        assert_eq!(run(&door, "invoices", SENT).unwrap().warnings.first().unwrap().code, "answer_lost");
    }

    #[test]
    fn a_duplicate_that_differs_is_a_conflict_with_both_values() {
        let refused = || typed(400, "text/plain", "(AP-810245)");
        let door = Fake::new([refused(), list(&STORED.replace("2212.750", "99"))]);
        let failure = run(&door, "invoices", SENT).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Conflict);
        assert!(
            failure.problem.message.contains("InvoiceAmount is 99, sent was 2212.75"),
            "{}",
            failure.problem.message
        );
        let door = Fake::new([refused(), list(STORED)]);
        assert_eq!(run(&door, "invoices", SENT).unwrap().warnings.first().unwrap().code, "already_existed");
    }

    #[test]
    fn without_proof_the_outcome_is_unknown_and_nothing_is_sent_again() {
        for (resource, record) in [("receivablesInvoices", "{}"), ("invoices", r#"{"InvoiceNumber":"N-1"}"#)] {
            let door = Fake::new([typed(504, "", "")]);
            let failure = run(&door, resource, record).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::UnknownOutcome);
            assert!(!failure.again && posts(&door) == 1);
        }
        // Suppliers can be looked up; that the pod refuses a second one is not sure, so nothing is repeated.
        let door = Fake::new([typed(504, "", ""), list(""), list(""), list("")]);
        let failure = run(&door, "suppliers", r#"{"Supplier":"A","TaxpayerId":"12-3"}"#).unwrap_err();
        assert_eq!((failure.kind(), posts(&door)), (ProblemKind::UnknownOutcome, 1));
        let remedy = failure.problem.remedy.unwrap();
        assert!(remedy.contains("Supplier = 'A', and for the TaxpayerId that you sent,"), "{remedy}");
        let refused = typed(400, "text/plain", "A supplier with this tax identifier already exists. (POZ-2130479)");
        let failure = run(&Fake::new([refused]), "suppliers", r#"{"Supplier":"A","TaxpayerId":"12-3"}"#).unwrap_err();
        assert!(failure.problem.remedy.unwrap().contains("perhaps under another name"));
    }
}
