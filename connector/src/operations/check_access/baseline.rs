//! An earlier report, and what changed since: roles that came and went, reads that were refused, and lists
//! that were full and are now empty, as quarterly updates bring them about (FACTS 2.4).

use serde_json::Value;

use super::report::{Change, Row, Status};
use crate::fusion::directory::Role;
use crate::problem::{Failure, Result};

/// An earlier output, as far as it is compared.
#[derive(Debug)]
pub struct Baseline {
    pod: Option<String>,
    user_name: Option<String>,
    roles: Vec<Role>,
    knows_roles: bool,
    found: Vec<Found>,
    checked_at: String,
}

#[derive(Debug)]
struct Found {
    resource: String,
    right: String,
    status: Status,
}

impl Baseline {
    /// Reads an earlier output.
    ///
    /// # Errors
    /// `invalid-input` at `/baseline` for what is none.
    pub fn read(value: &Value) -> Result<Self> {
        Self::parse(value).ok_or_else(|| {
            Failure::invalid("/baseline", "this is not an earlier output of check_access")
                .remedy("Hand in the whole output of an earlier check_access, unchanged; or leave baseline out.")
        })
    }

    fn parse(value: &Value) -> Option<Self> {
        let text = |object: &Value, member: &str| object.get(member)?.as_str().map(str::to_owned);
        let mut roles = Vec::new();
        for role in value.get("roles")?.as_array()? {
            let (code, name) = (text(role, "code"), text(role, "name"));
            roles.push(Role { code, name, ..Role::default() });
        }
        let mut found = Vec::new();
        for row in value.get("result")?.as_array()? {
            let status = Status::parse(row.get("status")?.as_str()?)?;
            found.push(Found { resource: text(row, "resource")?, right: text(row, "right")?, status });
        }
        Some(Self {
            pod: text(value, "pod"),
            user_name: text(value.get("user")?, "user_name"),
            roles,
            knows_roles: value.get("roles_source")?.is_string(),
            found,
            checked_at: text(value, "checked_at")?,
        })
    }

    /// Whether it is of this user.
    ///
    /// # Errors
    /// `invalid-input` at `/baseline/user` where it is of another.
    pub fn fits(&self, user: Option<&str>) -> Result<()> {
        match (self.user_name.as_deref(), user) {
            (Some(before), Some(now)) if before.to_lowercase() != now.to_lowercase() => Err(Failure::invalid(
                "/baseline/user",
                format!("this report is of user {before}, and the check is of {now}"),
            )
            .remedy("Compare with an earlier report of the same user.")),
            _ => Ok(()),
        }
    }

    /// Whether it was taken on another pod than this.
    pub fn is_of_another_pod(&self, pod: &str) -> bool {
        self.pod.as_deref().is_some_and(|before| before != pod)
    }

    /// Whether roles are known at both times, and all of them by the same kind of word: `userAccounts` may
    /// tell codes alone, and SCIM names alone.
    pub fn compares(&self, roles: Option<&[Role]>) -> bool {
        let Some(roles) = roles.filter(|_| self.knows_roles) else { return false };
        let codes = self.roles.iter().all(|held| held.code.is_some()) && roles.iter().all(|role| role.code.is_some());
        let names = self.roles.iter().all(|held| held.name.is_some()) && roles.iter().all(|role| role.name.is_some());
        codes || names
    }

    /// What changed; roles only where they can be compared.
    pub fn changes(&self, roles: Option<&[Role]>, rows: &[Row]) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(roles) = roles.filter(|roles| self.compares(Some(roles))) {
            self.roles(roles, &mut changes);
        }
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for row in rows {
            if seen.contains(&(row.resource.as_str(), row.right)) {
                continue;
            }
            seen.push((row.resource.as_str(), row.right));
            let before = self.found.iter().find(|found| found.resource == row.resource && found.right == row.right);
            if let Some(before) = before.filter(|before| before.status != row.status) {
                changes.push(self.change(row, before.status));
            }
        }
        changes
    }

    fn roles(&self, roles: &[Role], changes: &mut Vec<Change>) {
        let change = |kind, role: String, before: &'static str, now: &'static str, message| Change {
            kind,
            role: Some(role),
            resource: None,
            right: None,
            before,
            now,
            message,
        };
        for held in self.roles.iter().filter(|held| !roles.iter().any(|role| same_role(held, role))) {
            let Some(word) = held.code.clone().or(held.name.clone()) else { continue };
            let message = format!("The user held {word} on {} and does not hold it now.", self.checked_at);
            changes.push(change("role_lost", word, "held", "missing", message));
        }
        for role in roles.iter().filter(|role| !self.roles.iter().any(|held| same_role(held, role))) {
            let Some(word) = role.code.clone().or(role.name.clone()) else { continue };
            let message = format!("The user holds {word}, which it did not on {}.", self.checked_at);
            changes.push(change("role_gained", word, "missing", "held", message));
        }
    }

    fn change(&self, row: &Row, before: Status) -> Change {
        let (name, since) = (&row.resource, &self.checked_at);
        let refused = |status| matches!(status, Status::Forbidden | Status::Hidden | Status::UnknownResource);
        let answered = |status| matches!(status, Status::Ok | Status::Empty | Status::FinderOnly);
        let (kind, message) = match (before, row.status) {
            (Status::Ok, Status::Empty) => (
                "sudden_zero",
                format!(
                    "A sudden zero: {name} answered rows on {since} and answers none now, without an error. Quarterly updates tighten data security; look at the data grants of the role first, unless the rows are truly gone."
                ),
            ),
            (before, now) if answered(before) && refused(now) => (
                "lost",
                format!(
                    "{name} was answered on {since} and is refused now. Compare the role with the predefined one: an update or a person took a privilege away."
                ),
            ),
            (before, now) if refused(before) && answered(now) => {
                ("better", format!("{name} was refused on {since} and is answered now."))
            }
            (Status::Empty, Status::Ok) => ("better", format!("{name} had no rows on {since} and answers rows now.")),
            (before, now) => ("other", format!("{name} was {} on {since} and is {} now.", before.name(), now.name())),
        };
        Change {
            kind,
            role: None,
            resource: Some(name.clone()),
            right: Some(row.right),
            before: before.name(),
            now: row.status.name(),
            message,
        }
    }
}

/// By code where both have one; the two services do not tell the same of each role.
fn same_role(held: &Role, role: &Role) -> bool {
    let same = |left: &Option<String>, right: &Option<String>| match (left, right) {
        (Some(left), Some(right)) => Some(left.eq_ignore_ascii_case(right)),
        _ => None,
    };
    same(&held.code, &role.code).or_else(|| same(&held.name, &role.name)).unwrap_or(false)
}
