//! Who there is: the users that may sign in, and those who may not (FACTS 2.1, 2.4).

/// What becomes of a user's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Sees and does everything.
    Full,
    /// Lacks the function privilege: 403, or 404 where pods answer so.
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
    /// What becomes of the user's requests.
    pub access: Access,
}

/// Every user; the first is the one of [`Pod::settings`](crate::Pod::settings).
pub const USERS: [User; 8] = [
    User { username: "integration.user", password: "Simulated-1", access: Access::Full },
    User { username: "zoë.müller", password: "pässwörd:€1", access: Access::Full },
    User { username: "no.privilege", password: "Simulated-1", access: Access::NoPrivilege },
    User { username: "no.data", password: "Simulated-1", access: Access::NoData },
    User { username: "locked.user", password: "Simulated-1", access: Access::Locked },
    User { username: "expired.user", password: "Simulated-1", access: Access::Expired },
    User { username: "suspended.user", password: "Simulated-1", access: Access::Suspended },
    User { username: "sim-client", password: "", access: Access::Full },
];

/// The user of that name, in any case.
pub(crate) fn find(username: &str) -> Option<&'static User> {
    let wanted = username.to_lowercase();
    USERS.iter().find(|user| user.username.to_lowercase() == wanted)
}
