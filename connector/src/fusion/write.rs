//! Creating a record once.
//!
//! A create whose answer was lost is looked up by the resource's natural key before anything is sent again.
//! Not finding it proves nothing, since an edge may give up before the server commits (E7); so it is sent
//! again only where the pod itself refuses a second one. What the pod refuses as a duplicate is read back:
//! where it is what was to be created, the create is done (T3); where it is not, that is a conflict.

use std::time::Duration;

use serde_json::value::RawValue;

use super::pod::{Doing, Lost, Pod};
use super::query;
use super::record::{self, Members};
use super::target::Target;
use crate::contract::{ProblemKind, Warning};
use crate::http::Method;
use crate::problem::{Failure, Result, warning};

/// How often a create is sent at most.
const SENDS: u32 = 3;
/// How long a lost create may take to become visible, in milliseconds, one wait for each look.
const LOOKS: [u64; 3] = [0, 700, 1300];

/// A created record.
#[derive(Debug)]
pub struct Created {
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
pub fn create(pod: &Pod, target: &Target, record: &str) -> Result<Created> {
    let what = format!("create a record in {}", target.name);
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version);
    let natural = natural_key(target, record);
    let refuses = target.known.as_ref().and_then(|known| known.refuses_duplicates).filter(|_| natural.is_some());
    let mut lost = None;
    for _ in 0..SENDS {
        let cause = match pod.write(Method::Post, doing, &address, record.as_bytes()) {
            Ok(response) => match whole_object(&response.body) {
                Some(record) => return Ok(Created { record, warnings: Vec::new() }),
                // It was created, and its answer cannot be read: that is an answer lost.
                None => pod
                    .unexpected(doing, "it accepted the record and its answer cannot be read")
                    .status(response.status),
            },
            Err(Lost::Refused(failure)) if refuses.is_some_and(|code| failure.has_code(code)) => {
                return duplicate(pod, target, record, natural.as_deref().unwrap_or_default(), failure, lost.is_some());
            }
            Err(Lost::Refused(failure)) => return Err(explain(target, failure)),
            Err(Lost::Unknown(failure)) => failure,
        };
        let Some(terms) = &natural else { return Err(unknown(target, None, &cause)) };
        match look(pod, target, terms, &LOOKS) {
            Ok(Some(found)) => return settle(target, record, found, "answer_lost"),
            Ok(None) if refuses.is_some() && pod.has_time() => lost = Some(cause),
            Ok(None) => return Err(unknown(target, natural.as_deref(), &cause)),
            Err(_) => return Err(unknown(target, natural.as_deref(), &cause)),
        }
    }
    let cause = lost.unwrap_or_else(|| Failure::internal("a create ended without an answer"));
    Err(unknown(target, natural.as_deref(), &cause))
}

/// `q` terms that find the record in business terms, where its text has all that it takes.
fn natural_key(target: &Target, record: &str) -> Option<Vec<String>> {
    let known = target.known.as_ref()?;
    if known.natural.is_empty() {
        return None;
    }
    known
        .natural
        .iter()
        .map(|attribute| {
            let [raw] = record::pick(record, [attribute]);
            let value = record::plain(raw?)?;
            (!value.is_empty()).then(|| format!("{attribute} = {}", query::quote(&value)))
        })
        .collect()
}

/// Looks for the record, again after each wait: rows appear late (E4). `None` where none or several are there.
fn look(pod: &Pod, target: &Target, terms: &[String], waits: &[u64]) -> Result<Option<String>> {
    let what = format!("look for the record in {}", target.name);
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version).param("q", &terms.join(";")).param("limit", "2");
    for wait in waits {
        if *wait > 0 {
            if !pod.has_time() {
                break;
            }
            pod.wait(Duration::from_millis(*wait));
        }
        let response = pod.get(doing, &address)?;
        let envelope: super::page::Envelope = serde_json::from_slice(&response.body)
            .map_err(|error| pod.unexpected(doing, &format!("the body is not a list of records ({error})")))?;
        if let [only] = envelope.items.as_slice() {
            return Ok(Some(only.get().to_owned()));
        }
        if !envelope.items.is_empty() {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The pod refuses it as a duplicate: is what is there what was to be created?
fn duplicate(
    pod: &Pod,
    target: &Target,
    record: &str,
    terms: &[String],
    refused: Failure,
    lost: bool,
) -> Result<Created> {
    match look(pod, target, terms, &LOOKS) {
        Ok(Some(found)) => settle(target, record, found, if lost { "answer_lost" } else { "already_existed" }),
        _ => Err(refused.remedy(format!(
            "The pod says that there is a record with this key in {} already, and this user cannot see exactly one: {}.",
            target.name,
            terms.join(" and ")
        ))),
    }
}

/// Takes what was found for what was to be created, where the two agree.
fn settle(target: &Target, sent: &str, found: String, code: &str) -> Result<Created> {
    let differing = differences(sent, &found);
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
    let message = match code {
        "answer_lost" => {
            format!("The answer to the create was lost; record {named} was found and is the one that was sent.")
        }
        _ => format!("Record {named} existed already with the same values; nothing was created."),
    };
    Ok(Created { record: found, warnings: vec![warning(code, message, key)] })
}

/// Numbers and dates that were sent and are stored otherwise. Texts may be translated or completed by the
/// pod (I9, W3), and what it has not derived yet is null (W4), so neither counts.
fn differences(sent: &str, found: &str) -> Vec<String> {
    let (Ok(Members(sent)), Ok(Members(found))) = (serde_json::from_str(sent), serde_json::from_str(found)) else {
        return vec!["its text cannot be read".to_owned()];
    };
    let mut differing = Vec::new();
    for (name, wanted) in &sent {
        let Some((_, stored)) = found.iter().find(|(other, _)| other == name) else { continue };
        let same = match (wanted.get().as_bytes().first(), stored.get().as_bytes().first()) {
            (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => decimal(wanted) == decimal(stored),
            (Some(b'"'), Some(b'"')) if name.ends_with("Date") => wanted.get().get(..11) == stored.get().get(..11),
            _ => true,
        };
        if !same {
            differing.push(format!("{name} is {}, sent was {}", stored.get(), wanted.get()));
        }
    }
    differing
}

/// A number's value as text: sign, digits without padding, exponent.
fn decimal(raw: &RawValue) -> (bool, String, i64) {
    let text = raw.get();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let scale = i64::try_from(fraction.len()).unwrap_or(0);
    let padded = digits.trim_start_matches('0');
    let bare = padded.trim_end_matches('0');
    if bare.is_empty() {
        return (false, String::new(), 0);
    }
    let zeros = i64::try_from(padded.len() - bare.len()).unwrap_or(0);
    let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or(0);
    (negative, bare.to_owned(), exponent.saturating_sub(scale).saturating_add(zeros))
}

fn whole_object(body: &[u8]) -> Option<String> {
    let raw: Box<RawValue> = serde_json::from_slice(body).ok()?;
    raw.get().starts_with('{').then(|| raw.get().to_owned())
}

fn unknown(target: &Target, terms: Option<&[String]>, cause: &Failure) -> Failure {
    let remedy = match terms {
        Some(terms) => format!("Look in {} for {} before you send it again.", target.name, terms.join(" and ")),
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
    use proptest::prelude::*;

    const SENT: &str =
        r#"{"InvoiceNumber":"N-1","Supplier":"O'Neil","InvoiceAmount":2212.75,"InvoiceDate":"2026-02-01"}"#;
    const STORED: &str = r#"{"InvoiceId":300000000000000001,"InvoiceNumber":"N-1","Supplier":"O'Neil","InvoiceAmount":2212.750,"InvoiceDate":"2026-02-01"}"#;

    fn run(door: &Fake, resource: &str, record: &str) -> Result<Created> {
        let settings =
            Settings::parse(r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#)
                .unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        create(&pod, &Target::known(resource).unwrap().unwrap(), record)
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
        assert_eq!(run(&door, "suppliers", r#"{"Supplier":"A"}"#).unwrap_err().kind(), ProblemKind::UnknownOutcome);
        assert_eq!(posts(&door), 1);
    }

    proptest! {
        #[test]
        fn a_number_equals_its_other_spellings(whole in 0u64..1_000_000_000_000, cents in 0u32..100) {
            let raw = |text: String| RawValue::from_string(text).unwrap();
            let plain = raw(format!("{whole}.{cents:02}"));
            let padded = raw(format!("{whole}.{cents:02}000"));
            let scaled = raw(format!("{}e-2", u128::from(whole) * 100 + u128::from(cents)));
            prop_assert_eq!(decimal(&plain), decimal(&padded));
            {
                prop_assert_eq!(decimal(&plain), decimal(&scaled));
            }
            prop_assert_ne!(decimal(&plain), decimal(&raw(format!("{whole}.{cents:02}1"))));
        }
    }
}
