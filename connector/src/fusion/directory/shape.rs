//! One shape for users and roles, whichever service told of them.

use serde_json::Value;

use super::{ACCOUNT_ROLES, SILENT_CUT, word};
use crate::fusion::moment::Timestamp;
use crate::fusion::time;

/// SCIM's extension with what Fusion adds to a user (FACTS 4.2).
pub const FUSION_USER: &str = "urn:scim:schemas:extension:fa:2.0:faUser";

/// A role that somebody holds, or that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The service's id.
    pub id: Option<String>,
    /// Code, as in `ORA_FND_INTEGRATION_SPECIALIST_JOB`; SCIM does not always tell it.
    pub code: Option<String>,
    /// Name for people; `userAccounts` does not always tell it.
    pub name: Option<String>,
    /// When it was given to the user, RFC 3339 in UTC; `userAccounts` alone tells it.
    pub granted: Option<String>,
}

/// Somebody's manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manager {
    /// Name for people.
    pub name: Option<String>,
    /// The person's id.
    pub person_id: Option<String>,
    /// The person's number.
    pub person_number: Option<String>,
}

/// A user of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// GUID in `userAccounts`, id in SCIM.
    pub id: Option<String>,
    /// `UserId` of `userAccounts`, which pages follow.
    pub number: Option<u64>,
    /// Name to sign in with.
    pub user_name: String,
    /// Name for people; of the worker, else SCIM's.
    pub name: Option<String>,
    /// The primary address, or the first; of the worker, else SCIM's.
    pub email: Option<String>,
    /// Whether the account is neither suspended nor switched off, where told.
    pub active: Option<bool>,
    /// The person's id, as the pod spells it.
    pub person_id: Option<String>,
    /// The person's number.
    pub person_number: Option<String>,
    /// Department of the primary assignment.
    pub department: Option<String>,
    /// Manager of the primary assignment.
    pub manager: Option<Manager>,
    /// Roles; `None` where the service did not tell them, which is not the same as having none.
    pub roles: Option<Vec<Role>>,
    /// Whether `roles` may lack some.
    pub roles_cut: bool,
    /// When the account was created, RFC 3339 in UTC.
    pub created: Option<String>,
    /// When the account or one of its roles changed last; a child's change does not show on its parent (I2).
    pub updated: Option<String>,
}

impl User {
    /// Fills from another service what this one did not tell.
    pub fn fill(&mut self, other: Self) {
        let pairs = [
            (&mut self.id, other.id),
            (&mut self.name, other.name),
            (&mut self.email, other.email),
            (&mut self.person_id, other.person_id),
            (&mut self.person_number, other.person_number),
            (&mut self.department, other.department),
            (&mut self.created, other.created),
            (&mut self.updated, other.updated),
        ];
        for (mine, theirs) in pairs {
            if mine.is_none() {
                *mine = theirs;
            }
        }
        self.active = self.active.or(other.active);
        if self.manager.is_none() {
            self.manager = other.manager;
        }
        if self.roles.is_none() {
            (self.roles, self.roles_cut) = (other.roles, other.roles_cut);
        }
    }

    /// From a row of `userAccounts`, with its roles as far as they stand in it.
    pub fn from_account(row: &Value) -> Option<Self> {
        // Flags are booleans in some resources and letters in others (FACTS 1.12).
        let active = match row.get("SuspendedFlag") {
            Some(Value::Bool(suspended)) => Some(!suspended),
            Some(Value::String(flag)) if flag == "N" => Some(true),
            Some(Value::String(flag)) if flag == "Y" => Some(false),
            _ => None,
        };
        let child = row.get(ACCOUNT_ROLES);
        let (roles, roles_cut) = child.and_then(child_roles).unzip();
        let mut user = Self {
            id: word(row, "GUID"),
            number: word(row, "UserId").and_then(|number| number.parse().ok()),
            user_name: word(row, "Username")?,
            active,
            person_id: word(row, "PersonId"),
            person_number: word(row, "PersonNumber"),
            roles,
            roles_cut: roles_cut.unwrap_or(false),
            created: moment(row, "CreationDate"),
            updated: moment(row, "LastUpdateDate"),
            ..Self::default()
        };
        for role in child.into_iter().flat_map(rows) {
            user.changed(moment(role, "LastUpdateDate"));
        }
        Some(user)
    }

    /// From an entry of SCIM's `Resources`.
    pub fn from_scim(entry: &Value) -> Option<Self> {
        let whole = entry.get("name").and_then(|name| match (word(name, "givenName"), word(name, "familyName")) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (given, family) => given.or(family),
        });
        let emails = entry.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let primary = emails.iter().find(|email| email.get("primary") == Some(&Value::Bool(true)));
        // An object, or a list of them.
        let worker = entry.get(FUSION_USER).and_then(|more| more.get("workerInformation"));
        let worker = worker.map(|worker| worker.get(0).unwrap_or(worker));
        let meta = entry.get("meta");
        Some(Self {
            id: word(entry, "id"),
            user_name: word(entry, "userName")?,
            name: word(entry, "displayName").or(whole),
            email: primary.or(emails.first()).and_then(|email| word(email, "value")),
            active: entry.get("active").and_then(Value::as_bool),
            person_number: worker.and_then(|worker| word(worker, "personNumber")),
            roles: entry
                .get("roles")
                .and_then(Value::as_array)
                .map(|roles| roles.iter().filter_map(Role::from_scim).collect()),
            created: meta.and_then(|meta| moment(meta, "created")),
            updated: meta.and_then(|meta| moment(meta, "lastModified")),
            ..Self::default()
        })
    }

    /// Takes a change into account; both are spelt the same way, so text order is time order.
    pub fn changed(&mut self, at: Option<String>) {
        if at > self.updated {
            self.updated = at;
        }
    }
}

impl Role {
    /// From a row of `userAccountRoles`.
    pub fn from_account(row: &Value) -> Option<Self> {
        let role =
            Self { id: word(row, "RoleId"), code: word(row, "RoleCode"), name: word(row, "RoleName"), granted: None };
        (role != Self::default()).then(|| Self { granted: moment(row, "CreationDate"), ..role })
    }

    /// From a SCIM user's `roles`.
    pub fn from_scim(entry: &Value) -> Option<Self> {
        let (id, told) = (word(entry, "id"), word(entry, "value"));
        // `value` is the code on some pods and the id again on others.
        let code = told.clone().filter(|told| id.as_ref() != Some(told) && is_code(told));
        let role = Self { id: id.or(told), code, name: word(entry, "displayName"), granted: None };
        (role != Self::default()).then_some(role)
    }

    /// From an entry of SCIM's `Roles`, where `name` is the code.
    pub fn from_list(entry: &Value) -> Option<Self> {
        let code = [word(entry, "name"), word(entry, "value")].into_iter().flatten().find(|code| is_code(code));
        let role = Self { id: word(entry, "id"), code, name: word(entry, "displayName"), granted: None };
        (role != Self::default()).then_some(role)
    }

    /// Whether it is the one meant by a code, a name or an id, in any case.
    pub fn is(&self, wanted: &str) -> bool {
        [&self.code, &self.name, &self.id].into_iter().flatten().any(|told| super::same(told, wanted))
    }
}

/// Roles in a row: a plain list (framework 1 and 2) or an envelope, and whether some are missing.
fn child_roles(child: &Value) -> Option<(Vec<Role>, bool)> {
    let cut = match child.as_array() {
        Some(rows) => rows.len() >= SILENT_CUT,
        None => {
            child.get("items")?.as_array()?;
            child.get("hasMore") == Some(&Value::Bool(true))
        }
    };
    Some((rows(child).iter().filter_map(Role::from_account).collect(), cut))
}

/// The rows of an expanded child, in either of its forms.
pub fn rows(child: &Value) -> &[Value] {
    child.as_array().or_else(|| child.get("items")?.as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// Codes are words with underscores; ids are numbers, or 32 hexadecimal digits.
fn is_code(text: &str) -> bool {
    let hexadecimal = text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    !hexadecimal && !text.contains(' ') && text.chars().any(|c| c.is_ascii_alphabetic())
}

/// A member that is a moment, spelt to the millisecond in UTC, so that two of them compare as text.
#[inline(never)]
fn moment(object: &Value, member: &str) -> Option<String> {
    time::instant(object.get(member)?.as_str()?).map(spelt)
}

/// A moment as outputs have it.
pub fn spelt(at: Timestamp) -> String {
    time::in_query(at).replace("+00:00", "Z")
}
