//! Who there is: the users that may sign in, and those who may not (FACTS 2.1, 2.4).

use super::roles::{self, Right};

/// Whether a user comes in, and what data security leaves of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Sees every row that the roles lead to.
    Full,
    /// Has no role, and so lacks every function privilege: 403, or 404 where pods answer so.
    NoPrivilege,
    /// Data security hides every row: 200 and empty.
    NoData,
    /// The account is locked: 401.
    Locked,
    /// The password has expired: 401.
    Expired,
    /// The account is suspended: 401, and the identity domain vouches for it no more.
    Suspended,
}

impl Access {
    /// Why nobody of that kind comes in; `None` for who does.
    pub(crate) fn barred(self) -> Option<&'static str> {
        match self {
            Self::Locked => Some("the user is locked"),
            Self::Expired => Some("the user's password has expired"),
            Self::Suspended => Some("the user is suspended"),
            Self::Full | Self::NoPrivilege | Self::NoData => None,
        }
    }
}

/// A user of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Sign-in name, compared in any case.
    pub username: &'static str,
    /// Password; empty for a user without one, who signs in with tokens alone.
    pub password: &'static str,
    /// Whether the user comes in, and which rows there are.
    pub access: Access,
    /// Codes of the user's roles, which are what the user may do.
    pub roles: &'static [&'static str],
}

impl User {
    /// Everything that the roles grant.
    pub(crate) fn rights(&self) -> impl Iterator<Item = Right> {
        self.roles.iter().filter_map(|code| roles::find(code)).flat_map(|role| role.rights.iter().copied())
    }

    pub(crate) fn has(&self, right: Right) -> bool {
        self.rights().any(|granted| granted == right)
    }
}

/// Modules, users, imports, jobs and audit: all that a connector asks for.
const EVERYTHING: &[&str] =
    &["CUSTOM_INT_ALL", "ORA_FND_INTEGRATION_SPECIALIST_JOB", "ORA_FND_INTERNAL_AUDITOR_JOB", "CUSTOM_ESS_MONITOR"];
const AP: &[&str] = &["ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST"];
/// A person with whole seeded jobs in three modules, and the keys to the users on top.
const PERSON: &[&str] = &[
    "ORA_PER_EMPLOYEE_ABSTRACT",
    "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB",
    "ORA_GL_GENERAL_ACCOUNTANT_JOB",
    "ORA_PO_PROCUREMENT_MANAGER_JOB",
    "ORA_FND_IT_SECURITY_MANAGER_JOB",
    "ORA_FND_INTEGRATION_SPECIALIST_JOB",
];

const fn user(username: &'static str, access: Access, roles: &'static [&'static str]) -> User {
    User { username, password: "Simulated-1", access, roles }
}

/// Every user; the first is the one of [`Pod::settings`](crate::Pod::settings).
pub const USERS: [User; 13] = [
    user("integration.user", Access::Full, EVERYTHING),
    User { username: "zoë.müller", password: "pässwörd:€1", access: Access::Full, roles: EVERYTHING },
    user("no.privilege", Access::NoPrivilege, &[]),
    user("no.data", Access::NoData, EVERYTHING),
    user("locked.user", Access::Locked, AP),
    user("expired.user", Access::Expired, AP),
    user("suspended.user", Access::Suspended, AP),
    User { username: "sim-client", password: "", access: Access::Full, roles: EVERYTHING },
    user("int.ap", Access::Full, AP),
    user("int.gl.nodata", Access::NoData, &["CUSTOM_INT_GL"]),
    user("int.reader", Access::Full, &["CUSTOM_INT_READER"]),
    user("int.auditor", Access::Full, &["ORA_FND_INTERNAL_AUDITOR_JOB"]),
    user("casey.brown@example.com", Access::Full, PERSON),
];

/// The user of that name, in any case.
pub(crate) fn find(username: &str) -> Option<&'static User> {
    let wanted = username.to_lowercase();
    USERS.iter().find(|user| user.username.to_lowercase() == wanted)
}
