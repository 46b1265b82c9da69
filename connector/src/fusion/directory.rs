//! Users and their roles: the one room that reads them.
//!
//! `userAccounts` is asked first, since it tells role codes; SCIM where that is refused, finds nobody or
//! keeps the roles to itself (FACTS 2.4, 4.2). Both are read into one shape. What either said instead of an
//! answer is kept: whether a role is missing or merely not visible are different findings. Nothing is written.

use serde_json::Value;

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
/// Pages of roles read for one user; with [`PAGE`] rows each, far beyond what anybody holds.
const ROLE_PAGES: usize = 10;
/// What framework 1 and 2 give of an expanded child without a word about the rest (FACTS 12).
const SILENT_CUT: usize = 25;

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

/// A role that somebody holds, or that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The service's id.
    pub id: Option<String>,
    /// Code, as in `ORA_FND_INTEGRATION_SPECIALIST_JOB`; SCIM does not always tell it.
    pub code: Option<String>,
    /// Name for people; `userAccounts` does not always tell it.
    pub name: Option<String>,
}

/// A user of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// GUID in `userAccounts`, id in SCIM.
    pub id: Option<String>,
    /// Name to sign in with.
    pub user_name: String,
    /// Name for people; SCIM alone tells it.
    pub name: Option<String>,
    /// The primary address, or the first; SCIM alone tells it.
    pub email: Option<String>,
    /// Whether the account is neither suspended nor switched off, where told.
    pub active: Option<bool>,
    /// The person's id, as the pod spells it.
    pub person_id: Option<String>,
    /// The person's number.
    pub person_number: Option<String>,
    /// Roles; `None` where the service did not tell them, which is not the same as having none.
    pub roles: Option<Vec<Role>>,
    /// Whether `roles` may lack some.
    pub roles_cut: bool,
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
    let mut lookup = Lookup::default();
    match account(pod, user_name) {
        Ok(Some(user)) if user.roles.is_some() => {
            return Ok(Lookup { user: Some(user), roles_source: Some(Source::UserAccounts), tried: Vec::new() });
        }
        Ok(user) => {
            lookup.user = user;
            lookup.tried.push(Tried { source: Source::UserAccounts, failure: None });
        }
        Err(failure) => lookup.tried.push(Tried { source: Source::UserAccounts, failure: Some(passing(failure)?) }),
    }
    match scim_user(pod, user_name) {
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

/// A refusal by the pod is kept; where nobody answered or nobody is let in, everything else fails as well.
#[inline(never)]
fn passing(failure: Failure) -> Result<Failure> {
    match failure.problem.http_status {
        None => Err(failure),
        Some(_) if failure.kind() == ProblemKind::Unauthenticated => Err(failure),
        Some(_) => Ok(failure),
    }
}

impl User {
    /// Fills from another service what this one did not tell.
    fn fill(&mut self, other: Self) {
        let pairs = [
            (&mut self.id, other.id),
            (&mut self.name, other.name),
            (&mut self.email, other.email),
            (&mut self.person_id, other.person_id),
            (&mut self.person_number, other.person_number),
        ];
        for (mine, theirs) in pairs {
            if mine.is_none() {
                *mine = theirs;
            }
        }
        self.active = self.active.or(other.active);
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
        let (roles, roles_cut) = row.get(ACCOUNT_ROLES).and_then(child_roles).unzip();
        Some(Self {
            id: word(row, "GUID"),
            user_name: word(row, "Username")?,
            active,
            person_id: word(row, "PersonId"),
            person_number: word(row, "PersonNumber"),
            roles,
            roles_cut: roles_cut.unwrap_or(false),
            ..Self::default()
        })
    }

    /// From an entry of SCIM's `Resources`.
    pub fn from_scim(entry: &Value) -> Option<Self> {
        let whole = entry.get("name").and_then(|name| match (word(name, "givenName"), word(name, "familyName")) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (given, family) => given.or(family),
        });
        let emails = entry.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let primary = emails.iter().find(|email| email.get("primary") == Some(&Value::Bool(true)));
        Some(Self {
            id: word(entry, "id"),
            user_name: word(entry, "userName")?,
            name: word(entry, "displayName").or(whole),
            email: primary.or(emails.first()).and_then(|email| word(email, "value")),
            active: entry.get("active").and_then(Value::as_bool),
            person_id: None,
            person_number: person_number(entry),
            roles: entry
                .get("roles")
                .and_then(Value::as_array)
                .map(|roles| roles.iter().filter_map(scim_role).collect()),
            roles_cut: false,
        })
    }
}

/// An account of that name, in any case.
fn account(pod: &Pod, user_name: &str) -> Result<Option<User>> {
    let what = format!("read the roles of user {user_name}");
    let doing = Doing { what: &what, object: ACCOUNTS };
    let exact = format!("Username = {}", quote(user_name));
    let mut found = accounts(pod, doing, &exact, user_name)?;
    if found.is_none() && user_name.chars().any(char::is_alphabetic) {
        // Sign-in knows no case, a condition does. A pod that does not take upper() leaves it at the first.
        let raised = format!("upper(Username) = {}", quote(&user_name.to_uppercase()));
        found = match accounts(pod, doing, &raised, user_name) {
            Err(failure) if failure.kind() == ProblemKind::InvalidInput => None,
            other => other?,
        };
    }
    let Some(mut user) = found else { return Ok(None) };
    if (user.roles.is_none() || user.roles_cut)
        && let Some(id) = user.id.clone()
    {
        match all_roles(pod, doing, &id) {
            Ok((roles, cut)) => (user.roles, user.roles_cut) = (Some(roles), cut),
            // What stood in the row stays, and stays marked as cut.
            Err(failure) => drop(passing(failure)?),
        }
    }
    Ok(Some(user))
}

#[inline(never)]
fn accounts(pod: &Pod, doing: Doing, condition: &str, user_name: &str) -> Result<Option<User>> {
    let address = Address::collection("hcmRestApi", &pod.settings.api_version, ACCOUNTS)
        .param("q", condition)
        .param("expand", ACCOUNT_ROLES)
        .param("onlyData", "true");
    let body = pod.get(doing, &address)?.body;
    let envelope = envelope(pod, doing, &body)?;
    Ok(envelope
        .items
        .iter()
        .filter_map(|row| User::from_account(&value(row.get())?))
        .find(|user| same(&user.user_name, user_name)))
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
        for role in envelope.items.iter().filter_map(|row| account_role(&value(row.get())?)) {
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
    serde_json::from_slice(body)
        .map_err(|error| pod.unexpected(doing, &format!("it is no list of records ({error})")).status(200))
}

/// Roles in a row: a plain list (framework 1 and 2) or an envelope, and whether some are missing.
fn child_roles(child: &Value) -> Option<(Vec<Role>, bool)> {
    let (rows, cut) = match child.as_array() {
        Some(rows) => (rows, rows.len() >= SILENT_CUT),
        None => (child.get("items")?.as_array()?, child.get("hasMore") == Some(&Value::Bool(true))),
    };
    Some((rows.iter().filter_map(account_role).collect(), cut))
}

fn account_role(row: &Value) -> Option<Role> {
    let role = Role { id: word(row, "RoleId"), code: word(row, "RoleCode"), name: word(row, "RoleName") };
    (role != Role::default()).then_some(role)
}

fn scim_user(pod: &Pod, user_name: &str) -> Result<Option<User>> {
    let what = format!("read the roles of user {user_name} over SCIM");
    let doing = Doing { what: &what, object: "Users" };
    let quoted = serde_json::to_string(user_name).unwrap_or_default();
    let address = Address::fixed("/hcmRestApi/scim/Users")
        .param("filter", &format!("userName eq {quoted}"))
        .param("startIndex", "1")
        .param("count", "10");
    let body = pod.get(doing, &address)?.body;
    let told = std::str::from_utf8(&body).ok().and_then(value);
    let told =
        told.filter(Value::is_object).ok_or_else(|| pod.unexpected(doing, "it is no list of users").status(200))?;
    let users = told.get("Resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(users.iter().filter_map(User::from_scim).find(|user| same(&user.user_name, user_name)))
}

fn scim_role(entry: &Value) -> Option<Role> {
    let (id, told) = (word(entry, "id"), word(entry, "value"));
    // `value` is the code on some pods and the id again on others.
    let code = told.clone().filter(|told| id.as_ref() != Some(told) && is_code(told));
    let role = Role { id: id.or(told), code, name: word(entry, "displayName") };
    (role != Role::default()).then_some(role)
}

/// Codes are words with underscores; ids are numbers, or 32 hexadecimal digits.
fn is_code(text: &str) -> bool {
    let hexadecimal = text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    !hexadecimal && !text.contains(' ') && text.chars().any(|c| c.is_ascii_alphabetic())
}

/// The number in `workerInformation`, which stands there as an object or as a list of them.
fn person_number(entry: &Value) -> Option<String> {
    let worker = entry.get("urn:scim:schemas:extension:fa:2.0:faUser")?.get("workerInformation")?;
    word(worker.get(0).unwrap_or(worker), "personNumber")
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    const NOBODY: &str = r#"{"items":[],"count":0,"hasMore":false}"#;

    fn find(door: &Fake, name: &str) -> Result<Lookup> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        find_user(&Pod::new(door, &settings, None)?, name)
    }

    fn asked(door: &Fake) -> Vec<String> {
        let decode = |path: &str| percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned();
        door.sent.borrow().iter().map(|request| decode(&request.path)).collect()
    }

    #[test]
    fn user_accounts_tell_the_user_and_the_roles() {
        let door = Fake::new([json(
            200,
            r#"{"items":[{"UserId":300100046987012,"Username":"int_gl","GUID":"AB12","PersonId":300000000000000001,"PersonNumber":"77","SuspendedFlag":false,
               "userAccountRoles":{"items":[{"RoleId":9,"RoleCode":"ORA_X_JOB","RoleName":null}],"count":1,"hasMore":false}}],"count":1,"hasMore":false}"#,
        )]);
        let lookup = find(&door, "INT_GL").unwrap();
        let user = lookup.user.clone().unwrap();
        assert_eq!((user.id.as_deref(), user.active), (Some("AB12"), Some(true)));
        assert_eq!(user.person_id.as_deref(), Some("300000000000000001"));
        assert_eq!(lookup.roles().unwrap()[0].code.as_deref(), Some("ORA_X_JOB"));
        assert_eq!(lookup.roles_source, Some(Source::UserAccounts));
        assert!(asked(&door)[0].contains("q=Username = 'INT_GL'&expand=userAccountRoles"));
    }

    #[test]
    fn a_name_is_found_in_any_case_and_its_quotes_end_nothing() {
        let door = Fake::new([
            json(200, NOBODY),
            json(200, r#"{"items":[{"Username":"o'neil","GUID":"A","userAccountRoles":[]}],"count":1}"#),
        ]);
        let lookup = find(&door, "O'Neil").unwrap();
        assert_eq!(lookup.user.unwrap().roles, Some(Vec::new()));
        assert!(asked(&door)[0].contains("q=Username = 'O''Neil'"));
        assert!(asked(&door)[1].contains("q=upper(Username) = 'O''NEIL'"));
    }

    #[test]
    fn roles_are_read_to_the_end() {
        let page = |from: usize, count: usize, more: bool| {
            let rows: Vec<String> = (from..from + count).map(|n| format!(r#"{{"RoleCode":"R{n}"}}"#)).collect();
            format!(r#"{{"items":[{}],"count":{count},"hasMore":{more}}}"#, rows.join(","))
        };
        let user =
            format!(r#"{{"items":[{{"Username":"u","GUID":"A/B","userAccountRoles":{}}}]}}"#, page(0, 499, true));
        let door = Fake::new([json(200, &user), json(200, &page(0, 500, true)), json(200, &page(500, 3, false))]);
        let user = find(&door, "u").unwrap().user.unwrap();
        assert_eq!((user.roles.unwrap().len(), user.roles_cut), (503, false));
        assert!(door.sent.borrow()[1].path.contains("/userAccounts/A%2FB/child/userAccountRoles?"));
        assert!(door.sent.borrow()[2].path.ends_with("&offset=500"));
    }

    #[test]
    fn scim_answers_where_user_accounts_refuse() {
        let scim = r#"{"totalResults":1,"Resources":[{"id":"X1","userName":"u","name":{"givenName":"Ida","familyName":"Ng"},
            "emails":[{"value":"a@x"},{"value":"b@x","primary":true}],"active":true,
            "urn:scim:schemas:extension:fa:2.0:faUser":{"workerInformation":[{"personNumber":"12"}]},
            "roles":[{"id":"1","value":"ORA_A_JOB","displayName":"A"},{"id":"2","value":"2","displayName":"B"},{"displayName":"C"},{}]}]}"#;
        let door = Fake::new([typed(403, "text/html", "<h1>Forbidden</h1>"), json(200, scim)]);
        let lookup = find(&door, "u").unwrap();
        let user = lookup.user.clone().unwrap();
        assert_eq!((user.name.as_deref(), user.email.as_deref()), (Some("Ida Ng"), Some("b@x")));
        assert_eq!(user.person_number.as_deref(), Some("12"));
        let codes: Vec<_> = lookup.roles().unwrap().iter().map(|role| role.code.as_deref()).collect();
        assert_eq!(codes, [Some("ORA_A_JOB"), None, None]);
        assert_eq!(lookup.roles_source, Some(Source::Scim));
        assert_eq!(lookup.tried[0].failure.as_ref().unwrap().problem.http_status, Some(403));
        assert!(asked(&door)[1].contains(r#"/hcmRestApi/scim/Users?filter=userName eq "u"&startIndex=1"#));
    }

    #[test]
    fn both_refusals_are_told() {
        let door = Fake::new([typed(404, "", ""), typed(403, "", "")]);
        let lookup = find(&door, "u").unwrap();
        assert!(lookup.user.is_none() && lookup.roles_source.is_none());
        let said: Vec<_> =
            lookup.tried.iter().map(|tried| tried.failure.as_ref().unwrap().problem.http_status).collect();
        assert_eq!(said, [Some(404), Some(403)]);
    }

    #[test]
    fn a_pod_that_lets_nobody_in_is_an_error() {
        let door = Fake::new([typed(401, "", "")]);
        assert_eq!(find(&door, "u").unwrap_err().kind(), ProblemKind::Unauthenticated);
    }

    #[test]
    fn roles_that_an_account_does_not_show_come_from_scim() {
        let door = Fake::new([
            json(200, r#"{"items":[{"Username":"u","GUID":"A","PersonNumber":"7"}]}"#),
            typed(403, "", ""),
            json(200, r#"{"Resources":[{"userName":"U","roles":[{"value":"R_JOB"}]}]}"#),
        ]);
        let lookup = find(&door, "u").unwrap();
        assert_eq!(lookup.user.as_ref().unwrap().person_number.as_deref(), Some("7"));
        assert_eq!((lookup.roles().unwrap().len(), lookup.roles_source), (1, Some(Source::Scim)));
    }

    proptest! {
        #[test]
        fn any_answer_is_a_user_or_none(text in "\\PC{0,80}") {
            let told = serde_json::json!({"Username": text, "userName": text, "userAccountRoles": text, "roles": [text], "emails": [text]});
            for told in [told, Value::from(text)] {
                let _ = User::from_account(&told);
                let _ = User::from_scim(&told);
            }
        }
    }
}
