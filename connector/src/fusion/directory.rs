//! Users and their roles: the one room that reads them.
//!
//! `userAccounts` is asked first, since it tells role codes; SCIM where that is refused, finds nobody or
//! keeps the roles to itself (FACTS 2.4, 4.2). Both are read into one shape. What either said instead of an
//! answer is kept: whether a role is missing or merely not visible are different findings. Nothing is written.

pub mod create;
pub mod duties;
pub mod list;
mod people;
mod shape;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::shape::{Manager, Role, User, spelt};
use super::address::Address;
use super::page::{Envelope, PAGE};
use super::pod::{Doing, Pod};
use super::query::quote;
use crate::contract::ProblemKind;
use crate::problem::{Failure, Result};

/// The resource of accounts.
pub const ACCOUNTS: &str = "userAccounts";
/// Its child that tells roles; a card that names it `roles` is wrong (N1).
pub const ACCOUNT_ROLES: &str = "userAccountRoles";
/// Where SCIM answers.
const SCIM: &str = "/hcmRestApi/scim";
/// Pages of roles read for one user; with [`PAGE`] rows each, far beyond what anybody holds.
const ROLE_PAGES: usize = 10;
/// What framework 1 and 2 give of an expanded child without a word about the rest (FACTS 12).
const SILENT_CUT: usize = 25;

/// How a user is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'t> {
    /// By the name to sign in with, in any case.
    Name(&'t str),
    /// By GUID, or by SCIM's id.
    Id(&'t str),
    /// By the address of the person, or of the account.
    Email(&'t str),
}

impl<'t> By<'t> {
    /// What was given.
    pub fn text(self) -> &'t str {
        match self {
            Self::Name(text) | Self::Id(text) | Self::Email(text) => text,
        }
    }

    fn is(self, user: &User) -> bool {
        let told = |told: &Option<String>| told.as_deref().is_some_and(|told| same(told, self.text()));
        match self {
            Self::Name(name) => same(&user.user_name, name),
            Self::Id(_) => told(&user.id),
            Self::Email(email) => told(&user.email) || same(&user.user_name, email),
        }
    }
}

/// Which service told of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `userAccounts` of the HCM root.
    UserAccounts,
    /// SCIM.
    Scim,
}

impl Source {
    /// As it stands in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserAccounts => "userAccounts",
            Self::Scim => "scim",
        }
    }
}

/// What one service said.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Which.
    pub source: Source,
    /// The refusal; `None` where it answered and found nobody, or kept the roles to itself.
    pub failure: Option<Failure>,
}

/// The outcome of looking for a user.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// The user, where one was found.
    pub user: Option<User>,
    /// Who told the roles.
    pub roles_source: Option<Source>,
    /// What was asked without the whole answer, in order.
    pub tried: Vec<Tried>,
}

impl Lookup {
    /// The roles, where they could be read.
    pub fn roles(&self) -> Option<&[Role]> {
        self.user.as_ref()?.roles.as_deref()
    }
}

/// Finds a user by name, in any case, with all roles.
///
/// # Errors
/// Where the pod cannot be reached or does not accept the connection; a refusal of either service is no
/// error but part of the answer.
pub fn find_user(pod: &Pod, user_name: &str) -> Result<Lookup> {
    find(pod, By::Name(user_name))
}

/// Finds a user, with all roles.
///
/// # Errors
/// As for [`find_user`].
pub fn find(pod: &Pod, by: By) -> Result<Lookup> {
    let mut lookup = Lookup::default();
    match account(pod, by) {
        Ok((user, failure)) => {
            let whole = user.as_ref().is_some_and(|user| user.roles.is_some());
            lookup.user = user;
            if !whole || failure.is_some() {
                lookup.tried.push(Tried { source: Source::UserAccounts, failure });
            }
            if whole {
                lookup.roles_source = Some(Source::UserAccounts);
                return Ok(lookup);
            }
        }
        Err(failure) => lookup.tried.push(Tried { source: Source::UserAccounts, failure: Some(passing(failure)?) }),
    }
    match scim_user(pod, by) {
        Ok(Some(user)) => {
            lookup.roles_source = user.roles.is_some().then_some(Source::Scim);
            match &mut lookup.user {
                Some(known) => known.fill(user),
                None => lookup.user = Some(user),
            }
        }
        Ok(None) => lookup.tried.push(Tried { source: Source::Scim, failure: None }),
        Err(failure) => lookup.tried.push(Tried { source: Source::Scim, failure: Some(passing(failure)?) }),
    }
    Ok(lookup)
}

/// Adds to a user what workers and SCIM tell of the person; answers what was refused.
pub fn complete_person(pod: &Pod, user: &mut User) -> Option<Failure> {
    let refused = people::fill(pod, std::slice::from_mut(user)).err();
    if user.name.is_some() && user.email.is_some() {
        return refused;
    }
    match scim_user(pod, By::Name(&user.user_name)) {
        Ok(told) => user.fill(told.unwrap_or_default()),
        Err(failure) => return refused.or(Some(failure)),
    }
    refused
}

/// A refusal by the pod is kept; where nobody answered or nobody is let in, everything else fails as well.
#[inline(never)]
fn passing(failure: Failure) -> Result<Failure> {
    match failure.problem.http_status {
        None => Err(failure),
        Some(_) if failure.kind() == ProblemKind::Unauthenticated => Err(failure),
        Some(_) => Ok(failure),
    }
}

/// The account that is meant, and what its roles said instead of an answer; without one, what the people
/// said who were asked for the address.
fn account(pod: &Pod, by: By) -> Result<(Option<User>, Option<Failure>)> {
    let what = format!("read user {}", by.text());
    let doing = Doing { what: &what, object: ACCOUNTS };
    let (mut found, mut refused) = (None, None);
    if let By::Email(email) = by {
        // Accounts know no addresses: the person does, and an address is a user name more often than not.
        match people::with_email(pod, email) {
            Ok(ids) if !ids.is_empty() => {
                found = accounts(pod, doing, &format!("PersonId in ({})", ids.join(",")), &|_| true)?;
            }
            Ok(_) => {}
            Err(failure) if failure.again => return Err(failure),
            Err(failure) => refused = Some(passing(failure)?),
        }
    }
    if found.is_none() {
        let attribute = if matches!(by, By::Id(_)) { "GUID" } else { "Username" };
        let exact = format!("{attribute} = {}", quote(by.text()));
        found = accounts(pod, doing, &exact, &|user| by.is(user))?;
        if found.is_none() && attribute == "Username" && by.text().chars().any(char::is_alphabetic) {
            // Sign-in knows no case, a condition does. A pod that does not take upper() leaves it at the first.
            let raised = format!("upper(Username) = {}", quote(&by.text().to_uppercase()));
            found = match accounts(pod, doing, &raised, &|user| by.is(user)) {
                Err(failure) if failure.kind() == ProblemKind::InvalidInput => None,
                other => other?,
            };
        }
    }
    if let Some(user) = &mut found {
        refused = complete(pod, user)?;
    }
    Ok((found, refused))
}

/// Reads all roles where the row does not hold them all; answers the refusal where the pod keeps them to
/// itself. One that may pass by itself is an error, since roles that are missing look like roles not held.
fn complete(pod: &Pod, user: &mut User) -> Result<Option<Failure>> {
    if (user.roles.is_none() || user.roles_cut)
        && let Some(id) = user.id.clone()
    {
        let what = format!("read the roles of user {}", user.user_name);
        match all_roles(pod, Doing { what: &what, object: ACCOUNT_ROLES }, &id) {
            Ok((roles, cut)) => (user.roles, user.roles_cut) = (Some(roles), cut),
            Err(failure) if failure.again => return Err(failure),
            // What stood in the row stays, and stays marked as cut.
            Err(failure) => return passing(failure).map(Some),
        }
    }
    Ok(None)
}

#[inline(never)]
fn accounts(pod: &Pod, doing: Doing, condition: &str, is: &dyn Fn(&User) -> bool) -> Result<Option<User>> {
    let address = Address::collection("hcmRestApi", &pod.settings.api_version, ACCOUNTS)
        .param("q", condition)
        .param("expand", ACCOUNT_ROLES)
        .param("onlyData", "true");
    let body = pod.get(doing, &address)?.body;
    let envelope = envelope(pod, doing, &body)?;
    Ok(envelope.items.iter().filter_map(|row| User::from_account(&value(row.get())?)).find(is))
}

#[inline(never)]
fn all_roles(pod: &Pod, doing: Doing, id: &str) -> Result<(Vec<Role>, bool)> {
    let fixed = Address::collection("hcmRestApi", &pod.settings.api_version, ACCOUNTS)
        .key(id)?
        .segment("child")
        .segment(ACCOUNT_ROLES)
        .param("onlyData", "true")
        .param("limit", &PAGE.to_string());
    let mut roles: Vec<Role> = Vec::new();
    let mut offset = 0;
    for _ in 0..ROLE_PAGES {
        let address = if offset == 0 { fixed.clone() } else { fixed.clone().param("offset", &offset.to_string()) };
        let body = pod.get(doing, &address)?.body;
        let envelope = envelope(pod, doing, &body)?;
        offset += envelope.items.len();
        for role in envelope.items.iter().filter_map(|row| Role::from_account(&value(row.get())?)) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        let full = envelope.limit.is_some_and(|limit| usize::try_from(limit) == Ok(envelope.items.len()));
        if envelope.items.is_empty() || !envelope.has_more.unwrap_or(full) {
            return Ok((roles, false));
        }
    }
    Ok((roles, true))
}

#[inline(never)]
fn envelope<'b>(pod: &Pod, doing: Doing, body: &'b [u8]) -> Result<Envelope<'b>> {
    crate::json::from_slice(body)
        .map_err(|error| pod.garbled(doing, &format!("it is no list of records ({error})")).status(200))
}

fn scim_user(pod: &Pod, by: By) -> Result<Option<User>> {
    let what = format!("read user {} over SCIM", by.text());
    let attribute = match by {
        By::Name(_) => "userName",
        By::Id(_) => "id",
        By::Email(_) => "emails.value",
    };
    let filter = format!("{attribute} eq {}", quoted(by.text()));
    let (users, _) = scim(pod, &what, "Users", Some(&filter), 1, 10)?;
    Ok(users.iter().filter_map(User::from_scim).find(|user| by.is(user)))
}

/// Entries of a SCIM collection from `start` (counted from 1) on, and how many there are, where told.
#[inline(never)]
fn scim(
    pod: &Pod,
    what: &str,
    kind: &str,
    filter: Option<&str>,
    start: usize,
    count: usize,
) -> Result<(Vec<Value>, Option<usize>)> {
    let doing = Doing { what, object: kind };
    let mut address = Address::fixed(SCIM).segment(kind);
    if let Some(filter) = filter {
        address = address.param("filter", filter);
    }
    let address = address.param("startIndex", &start.to_string()).param("count", &count.to_string());
    let body = pod.get(doing, &address)?.body;
    let told = std::str::from_utf8(&body).ok().and_then(value);
    let mut told =
        told.filter(Value::is_object).ok_or_else(|| pod.garbled(doing, "it is no list of entries").status(200))?;
    let total = told.get("totalResults").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
    match told.get_mut("Resources").map(Value::take) {
        Some(Value::Array(entries)) => Ok((entries, total)),
        _ => Ok((Vec::new(), total)),
    }
}

/// A text in a SCIM filter.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// JSON as values: ids of 18 digits are whole numbers, and stay exact.
#[inline(never)]
fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// A member that is a text or a number, and not blank.
#[inline(never)]
fn word(object: &Value, member: &str) -> Option<String> {
    let text = match object.get(member)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

#[inline(never)]
fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}
