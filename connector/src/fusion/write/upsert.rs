//! Update or create: finds the row by its business key and says what is to be done about it.
//!
//! It sends reads alone. Where the row is there, only attributes that differ are to be sent; children of a
//! row that is there must be there as they were sent, since a pod takes them for new ones.

use serde_json::Value;
use serde_json::value::RawValue;

use super::compare::{self, members};
use super::valid::{self, Use};
use super::{find, sound, terms};
use crate::contract::{FieldProblem, ProblemKind, Warning};
use crate::fusion::address::is_resource_name;
use crate::fusion::attributes::{not_queryable, offer};
use crate::fusion::page::{Envelope, PAGE};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::target::Target;
use crate::problem::{Failure, Result};
use crate::text::nearest;

/// What is to be done about one record.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is not there.
    Create {
        /// To be sent.
        record: String,
        /// Terms by which it is found once it is there, where it can be.
        terms: Option<Vec<String>>,
    },
    /// It is there, or said to be.
    Update {
        /// Its key.
        key: String,
        /// What is to be sent.
        record: String,
        /// What is to be known.
        warnings: Vec<Warning>,
    },
    /// It is there as it should be.
    Same {
        /// Its key.
        key: Option<String>,
        /// As it is stored.
        row: String,
        /// What is to be known.
        warnings: Vec<Warning>,
    },
}

impl Step {
    /// Checks what is to be sent against the pod's description, as far as that was read; `at` is the JSON
    /// pointer of the record in the input.
    ///
    /// # Errors
    /// `invalid-input` with a pointer for each fault.
    pub fn check(&self, target: &Target, at: &str) -> Result<()> {
        match self {
            Self::Create { record, .. } => valid::check(target, record, at, Use::Create),
            Self::Update { record, .. } => valid::check(target, record, at, Use::Update),
            Self::Same { .. } => Ok(()),
        }
    }
}

/// Terms by which a record is found: of the attributes in `by`, else of the resource's business key.
///
/// # Errors
/// `invalid-input` where a value is missing, or where there is nothing to go by.
pub fn identity(target: &Target, record: &str, by: &[String]) -> Result<Vec<String>> {
    let known = target.known.as_ref().map(|known| known.natural.clone()).unwrap_or_default();
    let attributes: Vec<&str> = if by.is_empty() { known } else { by.iter().map(String::as_str).collect() };
    if attributes.is_empty() {
        return Err(Failure::invalid("/match", format!("the business key of {} is not known here", target.name))
            .remedy("Name in match the attributes that together name one record, as in OrderNumber; they must be queryable."));
    }
    if let Some(wrong) = attributes.iter().find(|name| !is_resource_name(name)) {
        return Err(Failure::invalid("/match", format!("{wrong:?} is not the name of an attribute")));
    }
    let blanks = sound::keys(record, "/record", &attributes);
    if !blanks.is_empty() {
        return Err(Failure::invalid_fields("input", blanks).remedy("Nothing was sent."));
    }
    terms(record, &attributes).map_err(|missing| {
        Failure::invalid(format!("/record/{missing}"), format!("{missing} is missing, and the record is found by it"))
    })
}

/// What names the records, as `terms` answers it, and the target with its description. Attributes in `match` are
/// looked at first, so that a wrong one is not blamed on a record that lacks it.
///
/// # Errors
/// Those of `terms` and of `match`, and those of a read that may pass.
pub fn prepared<T>(
    pod: &Pod,
    target: &mut Target,
    records: &[&str],
    by: &[String],
    terms: impl FnOnce(&Target) -> Result<T>,
) -> Result<T> {
    if by.is_empty() {
        let terms = terms(target)?;
        valid::prepare(pod, target, records)?;
        return Ok(terms);
    }
    valid::prepare(pod, target, records)?;
    findable(target, by)?;
    terms(target)
}

/// What is to be done about a record that `terms` find.
///
/// # Errors
/// `conflict` where several rows match, and those of a read.
pub fn plan(pod: &Pod, target: &Target, record: &str, terms: &[String]) -> Result<Step> {
    let found = find(pod, target, terms)?;
    match found.as_slice() {
        [] => Ok(Step::Create { record: record.to_owned(), terms: Some(terms.to_vec()) }),
        [row] => onto(pod, target, record, row),
        _ => Err(several(target, terms)),
    }
}

/// The attributes that shall name one record name several.
pub fn several(target: &Target, terms: &[String]) -> Failure {
    Failure::permanent(
        ProblemKind::Conflict,
        format!("More than one record of {} matches {}; nothing was sent.", target.name, terms.join(" and ")),
    )
    .remedy("Name in match the attributes that together name one record.")
}

/// Refuses attributes in `match` by which no row is found, as far as the pod's description tells.
///
/// # Errors
/// `invalid-input` with those that may be named; nothing was sent.
fn findable(target: &Target, by: &[String]) -> Result<()> {
    let Some(described) = target.described.as_ref().filter(|told| !told.attributes.is_empty()) else { return Ok(()) };
    let wrong = |(index, name): (usize, &String)| {
        let message = match (target.queryable(name), described.attribute(name)) {
            (Some(_), _) => return None,
            (None, Some(_)) => not_queryable(target, described, name),
            (None, None) => {
                let known = described.attributes.iter().map(|attribute| attribute.name.as_str());
                offer(format!("{} has no attribute {name}", target.name), nearest(name, known, 3))
            }
        };
        Some(FieldProblem { pointer: format!("/match/{index}"), message })
    };
    let faults: Vec<FieldProblem> = by.iter().enumerate().filter_map(wrong).collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid_fields("input", faults).remedy("Nothing was sent.")) }
}

fn onto(pod: &Pod, target: &Target, record: &str, row: &str) -> Result<Step> {
    valid::fine(target, record, row, "/record")?;
    let key = target.key_of(row);
    let stored = members(row);
    let mut body = String::from("{");
    for (name, raw) in members(record) {
        if compare::is_nested(raw) {
            same_children(pod, target, key.as_deref().unwrap_or_default(), &name, raw)?;
            continue;
        }
        if stored.iter().any(|(other, there)| *other == name && compare::same(raw, there)) {
            continue;
        }
        if body.len() > 1 {
            body.push(',');
        }
        body.push_str(&format!("{}:{}", Value::from(name), raw.get()));
    }
    if body.len() == 1 {
        return Ok(Step::Same { key, row: row.to_owned(), warnings: Vec::new() });
    }
    body.push('}');
    let Some(key) = key else {
        return Err(Failure::permanent(
            ProblemKind::UnexpectedResponse,
            format!("A record of {} was found and the pod does not tell its key; nothing was sent.", target.name),
        ));
    };
    Ok(Step::Update { key, record: body, warnings: Vec::new() })
}

/// Children of a record that is there must be there as well: a pod takes rows that come with an update for
/// new ones, so a second line would stand beside the first.
fn same_children(pod: &Pod, target: &Target, key: &str, child: &str, sent: &RawValue) -> Result<()> {
    let wanted: Vec<&RawValue> = match sent.get().starts_with('[') {
        true => serde_json::from_str(sent.get()).unwrap_or_default(),
        false => vec![sent],
    };
    let what = format!("read the {child} of {} {key}", target.name);
    let doing = Doing { what: &what, object: &target.name };
    let address = target.collection(&pod.settings.api_version).key(key)?.segment("child").segment(child);
    let response = pod.get(doing, &target.as_of(address.param("limit", &PAGE.to_string())))?;
    let there: Envelope = crate::json::from_slice(&response.body)
        .map_err(|error| pod.garbled(doing, &format!("the body is not a list of records ({error})")))?;
    let is = |wanted: &RawValue, row: &RawValue| {
        let stored = members(row.get());
        let mut scalars = members(wanted.get()).into_iter().filter(|(_, raw)| !compare::is_nested(raw));
        scalars.all(|(name, raw)| stored.iter().any(|(other, there)| *other == name && compare::same(raw, there)))
    };
    let Some(index) = wanted.iter().position(|wanted| !there.items.iter().any(|row| is(wanted, row))) else {
        return Ok(());
    };
    Err(Failure::invalid(
        format!("/record/{child}/{index}"),
        format!("{} {key} is there already, and this row is not among its {child}; an update would add it beside them", target.name),
    )
    .remedy(format!("Leave {child} out, and write its rows with resource {}/{key}/child/{child}: create_record for new ones, update_record for others.", target.name)))
}
