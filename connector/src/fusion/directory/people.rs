//! The people behind accounts: names, addresses, departments and managers, from `publicWorkers`.
//!
//! An account tells of a person no more than ids. Whoever may read accounts may not always read workers, so
//! a refusal here is told and never stops a read of users.

use serde_json::Value;

use super::shape::rows;
use super::{Manager, User, envelope, value, word};
use crate::contract::ProblemKind;
use crate::fusion::address::Address;
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::quote;
use crate::problem::Result;

/// The resource of people.
pub const WORKERS: &str = "publicWorkers";
/// People in one request: ids of 16 digits, so that the address stays below 4 KB.
const AT_ONCE: usize = 100;
/// People whom a search may match.
pub const MOST_MATCHES: usize = 200;

const FIELDS: &str = "PersonId,PersonNumber,DisplayName,WorkEmail;assignments:PrimaryFlag,PrimaryAssignmentFlag,DepartmentName,ManagerName;assignments.managers:ManagerPersonId,ManagerPersonNumber,ManagerType";

/// Adds to users what is known of their persons.
///
/// # Errors
/// Those of a read; some users may have been filled by then.
pub fn fill(pod: &Pod, users: &mut [User]) -> Result<()> {
    let known = |user: &User| user.person_id.as_deref().is_some_and(is_number);
    let mut ids: Vec<String> =
        users.iter().filter(|user| known(user)).filter_map(|user| user.person_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    for some in ids.chunks(AT_ONCE) {
        for row in read(pod, &format!("PersonId in ({})", some.join(",")))? {
            let Some(id) = word(&row, "PersonId") else { continue };
            let person = of(&row);
            for user in users.iter_mut().filter(|user| user.person_id.as_ref() == Some(&id)) {
                user.fill(person.clone());
            }
        }
    }
    Ok(())
}

/// Ids of the people whose name or address holds `text`, in any case; `None` where there are too many.
///
/// # Errors
/// Those of a read.
pub fn matching(pod: &Pod, text: &str) -> Result<Option<Vec<String>>> {
    let pattern = quote(&format!("*{}*", text.to_uppercase()));
    let condition = format!("upper(DisplayName) like {pattern} or upper(WorkEmail) like {pattern}");
    let rows = rows_of(pod, &condition, "PersonId,DisplayName,WorkEmail")?;
    if rows.len() > MOST_MATCHES {
        return Ok(None);
    }
    // A pod takes some characters of a text for a pattern, and knows no way to say that they are none.
    let lower = text.to_lowercase();
    let told = |row: &Value| [word(row, "DisplayName"), word(row, "WorkEmail")];
    let holds = |row: &&Value| told(row).into_iter().flatten().any(|told| told.to_lowercase().contains(&lower));
    Ok(Some(ids(rows.iter().filter(holds))))
}

/// Ids of the people who have that address, in any case.
///
/// # Errors
/// Those of a read.
pub fn with_email(pod: &Pod, email: &str) -> Result<Vec<String>> {
    let condition = format!("upper(WorkEmail) = {}", quote(&email.to_uppercase()));
    Ok(ids(rows_of(pod, &condition, "PersonId")?.iter()))
}

const READING: Doing = Doing { what: "read the people behind the accounts", object: WORKERS };

fn rows_of(pod: &Pod, condition: &str, fields: &str) -> Result<Vec<Value>> {
    page(pod, &collection(pod, condition).param("limit", &(MOST_MATCHES + 1).to_string()).clause("fields", fields))
}

fn ids<'r>(rows: impl Iterator<Item = &'r Value>) -> Vec<String> {
    rows.filter_map(|row| word(row, "PersonId")).filter(|id| is_number(id)).collect()
}

fn read(pod: &Pod, condition: &str) -> Result<Vec<Value>> {
    let address = collection(pod, condition).param("limit", &AT_ONCE.to_string());
    match page(pod, &address.clone().clause("fields", FIELDS)) {
        // A pod of another release may lack one of the attributes.
        Err(failure) if failure.kind() == ProblemKind::InvalidInput => {
            page(pod, &address.param("expand", "assignments"))
        }
        other => other,
    }
}

fn collection(pod: &Pod, condition: &str) -> Address {
    Address::collection("hcmRestApi", &pod.settings.api_version, WORKERS)
        .param("q", condition)
        .param("onlyData", "true")
}

fn page(pod: &Pod, address: &Address) -> Result<Vec<Value>> {
    let body = pod.get(READING, address)?.body;
    Ok(envelope(pod, READING, &body)?.items.iter().filter_map(|row| value(row.get())).collect())
}

fn of(row: &Value) -> User {
    let assignments = row.get("assignments").map(rows).unwrap_or_default();
    let flag = |row: &Value, name| row.get(name) == Some(&Value::Bool(true));
    let primary = |row: &&Value| flag(row, "PrimaryAssignmentFlag") || flag(row, "PrimaryFlag");
    let assignment = assignments.iter().find(primary).or(assignments.first());
    let managers = assignment.and_then(|row| row.get("managers")).map(rows).unwrap_or_default();
    let line = managers.iter().find(|row| word(row, "ManagerType").as_deref() == Some("LINE_MANAGER"));
    let line = line.or(managers.first());
    let manager = Manager {
        name: assignment.and_then(|row| word(row, "ManagerName")),
        person_id: line.and_then(|row| word(row, "ManagerPersonId")),
        person_number: line.and_then(|row| word(row, "ManagerPersonNumber")),
    };
    User {
        name: word(row, "DisplayName"),
        email: word(row, "WorkEmail"),
        person_number: word(row, "PersonNumber"),
        department: assignment.and_then(|row| word(row, "DepartmentName")),
        manager: (manager != Manager::default()).then_some(manager),
        ..User::default()
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
