//! Duties of one user that should lie with two.
//!
//! Judged by the words in codes and names of roles, since neither service tells privileges: a reason to look,
//! not a verdict. A role that only reads, and an abstract role, which everybody of a kind holds, count for
//! nothing. The table is `duties.txt`, in our own words after the rule that one user serves one module.

use std::sync::LazyLock;

use super::Role;
use crate::fusion::access::words;
use crate::packed;

static TABLE: LazyLock<String> = LazyLock::new(|| packed::text("duties.txt"));

/// Two roles of one user that should not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Code of each role, else its name.
    pub roles: [String; 2],
    /// What each is for.
    pub duties: [&'static str; 2],
    /// Why they should not meet.
    pub reason: &'static str,
}

struct Duty {
    id: &'static str,
    title: &'static str,
    words: Vec<&'static str>,
}

/// Every pair of `roles` that collides, in the order of the table.
pub fn conflicts(roles: &[Role]) -> Vec<Conflict> {
    let (mut duties, mut reading): (Vec<Duty>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut found: Vec<Conflict> = Vec::new();
    let mut held: Option<Vec<(&Role, Vec<usize>)>> = None;
    for line in TABLE.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        match kind {
            "duty" => duties.push(Duty { id: first, title: more, words: Vec::new() }),
            "words" => {
                if let Some(duty) = duties.last_mut() {
                    duty.words = rest.split(' ').collect();
                }
            }
            "reading" => reading = rest.split(' ').collect(),
            _ => {
                let held = held.get_or_insert_with(|| sorted(roles, &duties, &reading));
                let (second, reason) = more.split_once(' ').unwrap_or((more, ""));
                let at = |id: &str| duties.iter().position(|duty| duty.id == id);
                let (Some(one), Some(other)) = (at(first), at(second)) else { continue };
                let with = |wanted: usize| held.iter().filter(move |(_, has)| has.contains(&wanted));
                for (left, _) in with(one) {
                    for (right, _) in with(other).filter(|(right, _)| right != left) {
                        let title = |at: usize| duties.get(at).map_or("", |duty| duty.title);
                        found.push(Conflict {
                            roles: [label(left), label(right)],
                            duties: [title(one), title(other)],
                            reason,
                        });
                    }
                }
            }
        }
    }
    found
}

/// Roles with the duties that their words speak for.
fn sorted<'r>(roles: &'r [Role], duties: &[Duty], reading: &[&str]) -> Vec<(&'r Role, Vec<usize>)> {
    let speaks = |role: &Role| {
        let said = words(role);
        let has = |words: &[&str]| said.iter().any(|word| words.contains(&word.as_str()));
        let nothing = role.code.as_deref().is_some_and(|code| code.ends_with("_ABSTRACT")) || has(reading);
        let of = duties.iter().enumerate().filter(|(_, duty)| !nothing && has(&duty.words));
        of.map(|(at, _)| at).collect()
    };
    roles.iter().map(|role| (role, speaks(role))).collect()
}

fn label(role: &Role) -> String {
    [&role.code, &role.name, &role.id].into_iter().flatten().next().cloned().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(codes: &[&str]) -> Vec<Conflict> {
        let role = |code: &&str| Role { code: Some((*code).to_owned()), ..Role::default() };
        conflicts(&codes.iter().map(role).collect::<Vec<_>>())
    }

    #[test]
    fn every_pair_names_two_duties_and_a_reason() {
        let ids: Vec<&str> = TABLE.lines().filter_map(|line| line.strip_prefix("duty ")?.split(' ').next()).collect();
        for line in TABLE.lines().filter_map(|line| line.strip_prefix("pair ")) {
            let parts: Vec<&str> = line.splitn(3, ' ').collect();
            assert!(parts.iter().take(2).all(|id| ids.contains(id)), "{line}");
            assert!(parts.last().unwrap().ends_with('.'), "{line}");
        }
    }

    #[test]
    fn duties_that_collide_are_told_with_the_reason() {
        let told = found(&["ORA_GL_GENERAL_ACCOUNTANT_JOB", "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB"]);
        let only = told.first().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(only.roles, ["ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB", "ORA_GL_GENERAL_ACCOUNTANT_JOB"]);
        assert_eq!(only.duties, ["Payables", "General ledger"]);
        assert!(only.reason.contains("journal"));
    }

    #[test]
    fn reading_and_being_employed_collide_with_nothing() {
        assert!(found(&["ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB", "ORA_PER_EMPLOYEE_ABSTRACT"]).is_empty());
        assert!(found(&["CUSTOM_GL_INQUIRY_JOB", "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB"]).is_empty());
        assert!(found(&["ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB", "ORA_AP_ACCOUNTS_PAYABLE_SPECIALIST_JOB"]).is_empty());
        assert!(found(&[]).is_empty());
    }
}
