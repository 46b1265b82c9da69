//! What building found, as problems and warnings of the answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fusion::fbdi::{Built, Severity};
use crate::problem::Failure;

pub(super) fn severity(of: Severity) -> &'static str {
    match of {
        Severity::Refuse => "refuse",
        Severity::Warn => "warn",
        Severity::Repaired => "repaired",
    }
}

/// What building says that the answer is to say: a few findings of each code, and how many more.
pub(super) fn warnings(built: &Built) -> Vec<Value> {
    const EACH: usize = 3;
    let mut told: Vec<Value> =
        built.warnings.iter().map(|one| json!({"code": one.code, "message": one.message, "key": one.key})).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in built.findings.iter().filter(|one| one.severity != Severity::Refuse) {
        let count = counts.entry(one.code).or_default();
        *count += 1;
        if *count <= EACH {
            let row = one.row.map_or(String::new(), |row| format!(" row {row}"));
            let column = one.column.as_ref().map_or(String::new(), |column| format!(" {column}"));
            told.push(json!({"code": one.code, "message": one.message, "key": format!("{}{row}{column}", one.file)}));
        }
    }
    for (code, count) in counts.into_iter().filter(|(_, count)| *count > EACH) {
        let message = format!("{} more of this kind; check_only tells each.", count - EACH);
        told.push(json!({"code": code, "message": message, "key": null}));
    }
    told
}

/// Nothing is sent where a finding says that it must not be.
pub(super) fn refused(built: &Built) -> Failure {
    let bad: Vec<_> = built.findings.iter().filter(|one| one.severity == Severity::Refuse).collect();
    let fields = bad.iter().take(50).map(|one| {
        let row = one.row.map_or(String::new(), |row| format!(", row {row}"));
        let column = one.column.as_ref().map_or(String::new(), |column| format!(", {column}"));
        crate::contract::FieldProblem {
            pointer: one.pointer.as_ref().map_or_else(String::new, |pointer| format!("/rows{pointer}")),
            message: format!("{}{row}{column}: {}", one.file, one.message),
        }
    });
    let mut failure = Failure::invalid_fields("input", fields.collect());
    if bad.len() > 50 {
        failure = failure.remedy(format!("{} faults in all; check_only tells each.", bad.len()));
    }
    failure
}
