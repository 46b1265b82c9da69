//! Reading users from end to end: those of `userAccounts` behind the last `UserId`, or SCIM's by index.
//!
//! What the pod can judge it is asked to; every user is judged here as well, so that a pod that takes a
//! condition and ignores it hands over nobody too many. Where it refuses a condition, all users are read and
//! judged here. SCIM's pages go by index, so the last entry is read again and compared.

use crate::fusion::moment::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{
    ACCOUNT_ROLES, ACCOUNTS, Role, SCIM, Source, User, complete, duties, envelope, passing, people, quoted, scim,
    spelt, value, word,
};
use crate::contract::{ProblemKind, Warning};
use crate::fusion::address::Address;
use crate::fusion::page::{PAGE, fingerprint};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::quote;
use crate::fusion::time;
use crate::problem::{Failure, Result, warning};
use crate::text::{sentence, shorten};

/// Entries of a SCIM page; more than that no pod is known to give.
const SCIM_PAGE: usize = 100;
/// Pages of one answer that may not go on where the one before ended, before it is plain that none does.
const MOST_SHIFTS: u32 = 3;
/// Users whose names are asked of SCIM in one request.
const SCIM_NAMES: usize = 20;
/// Such requests for one answer, so that names never cost more than the users did.
const SCIM_ASKS: usize = 5;

const READING: Doing = Doing { what: "list users", object: ACCOUNTS };

/// Which users are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Holders of the role of this code, name or id.
    pub role: Option<String>,
    /// Active or not.
    pub active: Option<bool>,
    /// Part of the user name, the name, the address or the person's number.
    pub search: Option<String>,
    /// Changed then or later, or their roles.
    pub since: Option<Timestamp>,
    /// Only those whose duties collide.
    pub colliding: bool,
    /// Read people as well.
    pub details: bool,
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// Behind the account of this `UserId`.
    Account(u64),
    /// SCIM: entries gone by, and the id of the last one.
    Scim(usize, Option<String>),
}

/// A cursor: the fingerprint of the question; the `UserId`, or entries gone by and the id of the last one.
fn write(of: &str, at: At) -> String {
    let mut parts = vec![Value::from(of)];
    match at {
        At::Account(number) => parts.push(Value::from(number)),
        At::Scim(gone, last) => parts.extend([Value::from(gone), last.map_or(Value::Null, Value::String)]),
    }
    URL_SAFE_NO_PAD.encode(Value::Array(parts).to_string())
}

fn read(text: &str, of: &str) -> Result<At> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let told = bytes.as_deref().and_then(|bytes| value(std::str::from_utf8(bytes).ok()?));
    let parts = told.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let at = match parts {
        [_, number] => number.as_u64().map(At::Account),
        [_, gone, last] => gone
            .as_u64()
            .and_then(|gone| usize::try_from(gone).ok())
            .map(|gone| At::Scim(gone, last.as_str().map(str::to_owned))),
        _ => None,
    };
    match at {
        Some(at) if parts.first().and_then(Value::as_str) == Some(of) => Ok(at),
        Some(_) => Err(Failure::invalid("/cursor", "this cursor belongs to another list")
            .remedy("Use a cursor only with the input that answered it.")),
        None => Err(Failure::invalid("/cursor", "this is not a cursor that a list answered")
            .remedy("Use next_cursor of the answer before, unchanged; leave cursor out to begin anew.")),
    }
}

/// Users or roles, and where to go on.
#[derive(Debug)]
pub struct Listed<T> {
    /// At most as many as asked for.
    pub found: Vec<T>,
    /// Hand it in for more.
    pub next: Option<String>,
    /// What was lost sight of.
    pub warnings: Vec<Warning>,
}

/// At most `limit` users from `cursor` on.
///
/// # Errors
/// Those of a read; `forbidden` or `not-found` where both services refuse; `invalid-input` for a cursor of
/// another list and for a search that matches too many people.
pub fn users(pod: &Pod, wanted: &Wanted, cursor: Option<&str>, limit: usize) -> Result<Listed<User>> {
    let since = wanted.since.map(spelt).unwrap_or_default();
    let of = fingerprint([
        "users",
        wanted.role.as_deref().unwrap_or_default(),
        wanted.search.as_deref().unwrap_or_default(),
        &format!("{:?} {}", wanted.active, wanted.colliding),
        &since,
        &pod.settings.origin.authority,
    ]);
    let at = cursor.map(|cursor| read(cursor, &of)).transpose()?;
    let fresh = at.is_none();
    let mut list = List {
        pod,
        wanted,
        since,
        limit,
        people: Vec::new(),
        found: Vec::new(),
        warnings: Vec::new(),
        cut: Vec::new(),
        why: None,
    };
    let next = match at {
        Some(At::Scim(gone, last)) => list.entries(gone, last, None)?,
        Some(At::Account(last)) => list.accounts(last)?,
        None => match list.accounts(0) {
            Ok(next) => next,
            Err(failure) if list.found.is_empty() => {
                let failure = passing(failure)?;
                if failure.again {
                    return Err(failure);
                }
                list.entries(0, None, Some(failure))?
            }
            Err(failure) => return Err(failure),
        },
    };
    if wanted.details {
        list.details(matches!(next, Some(At::Scim(..))));
    }
    if !list.cut.is_empty() {
        let why = list.why.take().map_or(String::new(), |failure| format!(" {}", failure.problem.message));
        let names = shorten(&list.cut.join(", "), 1000);
        list.warn("roles_cut", format!("Not all roles of these users could be read, so that roles, conflicts and holders may be missing: {names}.{why}"));
    }
    if fresh && next.is_none() && list.found.is_empty() {
        list.nobody();
    }
    Ok(Listed { found: list.found, next: next.map(|at| write(&of, at)), warnings: list.warnings })
}

struct List<'a> {
    pod: &'a Pod<'a>,
    wanted: &'a Wanted,
    /// As users have it.
    since: String,
    limit: usize,
    /// Ids of the people whom the search matches.
    people: Vec<String>,
    found: Vec<User>,
    warnings: Vec<Warning>,
    /// Names of users whose roles are not all there, wanted or not, and the first refusal.
    cut: Vec<String>,
    why: Option<Failure>,
}

impl List<'_> {
    fn warn(&mut self, code: &str, message: String) {
        self.warnings.push(warning(code, message, None));
    }

    /// The end of what could be read, for now.
    fn stopped(&mut self, failure: &Failure, last: u64) -> Option<At> {
        let told = format!("{} The cursor goes on behind the last user.", sentence(&failure.problem.message));
        self.warn("stopped_early", told);
        Some(At::Account(last))
    }

    /// From `userAccounts`, behind `last`.
    fn accounts(&mut self, mut last: u64) -> Result<Option<At>> {
        let mut terms = self.terms()?;
        let wanted = self.wanted;
        let mut judged_there = !wanted.colliding
            && wanted.role.as_ref().is_none_or(|_| terms.iter().any(|term| term.contains(".RoleCode")));
        loop {
            let want = if judged_there { (self.limit - self.found.len()).min(PAGE) } else { PAGE };
            let mut asked = terms.clone();
            if last > 0 {
                asked.push(format!("UserId > {last}"));
            }
            let mut address = Address::collection("hcmRestApi", &self.pod.settings.api_version, ACCOUNTS);
            if !asked.is_empty() {
                address = address.param("q", &asked.join(";"));
            }
            address = address
                .param("orderBy", "UserId:asc")
                .param("expand", ACCOUNT_ROLES)
                .param("onlyData", "true")
                .param("limit", &want.to_string());
            let body = match self.pod.get(READING, &address) {
                Ok(response) => response.body,
                // The pod does not take one of the conditions: everybody is read and judged here.
                Err(failure) if failure.kind() == ProblemKind::InvalidInput && !terms.is_empty() => {
                    terms.clear();
                    judged_there = false;
                    continue;
                }
                Err(failure) if failure.again && !self.found.is_empty() => return Ok(self.stopped(&failure, last)),
                Err(failure) => return Err(failure),
            };
            let page = envelope(self.pod, READING, &body)?;
            let full = page.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(want) <= page.items.len();
            let more = page.has_more.unwrap_or(full) && !page.items.is_empty();
            for row in &page.items {
                let user = value(row.get()).as_ref().and_then(User::from_account);
                let Some((mut user, number)) = user.and_then(|user| user.number.map(|number| (user, number))) else {
                    self.warn(
                        "row_unreadable",
                        "The pod told of an account without UserId or Username; it is left out.".to_owned(),
                    );
                    continue;
                };
                if number <= last {
                    return Err(self
                        .pod
                        .unexpected(READING, "the same accounts come again and again (it ignores where to go on)"));
                }
                if self.found.len() >= self.limit {
                    return Ok(Some(At::Account(last)));
                }
                match complete(self.pod, &mut user) {
                    Ok(refused) if user.roles_cut || user.roles.is_none() => {
                        self.cut.push(user.user_name.clone());
                        self.why = self.why.take().or(refused);
                    }
                    Ok(_) => {}
                    Err(failure) if failure.again && !self.found.is_empty() => return Ok(self.stopped(&failure, last)),
                    Err(failure) => return Err(failure),
                }
                last = number;
                if self.takes(&user, !terms.is_empty()) {
                    self.found.push(user);
                }
            }
            if !more {
                return Ok(None);
            }
            if self.found.len() >= self.limit || !self.pod.has_time() {
                return Ok(Some(At::Account(last)));
            }
        }
    }

    /// Conditions that a pod can judge.
    fn terms(&mut self) -> Result<Vec<String>> {
        let mut terms = Vec::new();
        if let Some(active) = self.wanted.active {
            terms.push(format!("SuspendedFlag = {}", !active));
        }
        if let Some(code) = self.wanted.role.as_deref().filter(|role| !role.contains(' ') && role.contains('_')) {
            terms.push(format!("upper({ACCOUNT_ROLES}.RoleCode) = {}", quote(&code.to_uppercase())));
        }
        if let Some(since) = self.wanted.since {
            // A role that was given does not show on the account (I2).
            let since = quote(&time::in_query(since));
            terms.push(format!("(LastUpdateDate >= {since} or {ACCOUNT_ROLES}.LastUpdateDate >= {since})"));
        }
        let Some(search) = self.wanted.search.as_deref() else { return Ok(terms) };
        match people::matching(self.pod, search) {
            Ok(Some(people)) => self.people = people,
            Ok(None) => {
                return Err(Failure::invalid(
                    "/search",
                    format!("more than {} people match {search:?}", people::MOST_MATCHES),
                )
                .remedy("Search for a longer text, without * and %, which a pod takes for any text."));
            }
            Err(failure) => {
                let failure = passing(failure)?;
                self.warn(
                    "people_not_searched",
                    format!(
                        "Only user names and person numbers were searched, not names and addresses: {}",
                        failure.problem.message
                    ),
                );
            }
        }
        let pattern = quote(&format!("*{}*", search.to_uppercase()));
        let ids =
            if self.people.is_empty() { String::new() } else { format!(" or PersonId in ({})", self.people.join(",")) };
        terms.push(format!("(upper(Username) like {pattern} or PersonNumber like {pattern}{ids})"));
        Ok(terms)
    }

    /// Whether a user is wanted; `asked` where the pod judged as well.
    fn takes(&self, user: &User, asked: bool) -> bool {
        let wanted = self.wanted;
        let holds = |text: &Option<String>, search: &str| {
            text.as_deref().is_some_and(|text| text.to_lowercase().contains(search))
        };
        let sought = wanted.search.as_ref().is_none_or(|search| {
            let search = search.to_lowercase();
            user.user_name.to_lowercase().contains(&search)
                || [&user.name, &user.email, &user.person_number].into_iter().any(|text| holds(text, &search))
                || user.person_id.as_ref().is_some_and(|id| self.people.contains(id))
        });
        let role = wanted.role.as_ref().is_none_or(|role| match &user.roles {
            Some(roles) => roles.iter().any(|held| held.is(role)) || (user.roles_cut && asked),
            None => asked,
        });
        sought
            && role
            && wanted.active.is_none_or(|active| user.active.is_none_or(|is| is == active))
            && user.updated.as_ref().is_none_or(|updated| *updated >= self.since)
            && (!wanted.colliding || user.roles.as_deref().is_some_and(|roles| !duties::conflicts(roles).is_empty()))
    }

    /// From SCIM, behind `gone` entries of which `last` was the last.
    fn entries(&mut self, gone: usize, last: Option<String>, why: Option<Failure>) -> Result<Option<At>> {
        if let Some(failure) = &why {
            self.warn(
                "scim_fallback",
                format!(
                    "{} The users come from SCIM, which shows at least the own entry and may not show everybody.",
                    sentence(&failure.problem.message)
                ),
            );
        }
        let (mut found, mut warnings) = (Vec::new(), Vec::new());
        let next = walk(self.pod, "Users", None, gone, last, &mut warnings, &mut |entry| {
            if found.len() >= self.limit {
                return false;
            }
            found.extend(User::from_scim(entry).filter(|user| self.takes(user, false)));
            true
        });
        self.found.append(&mut found);
        self.warnings.append(&mut warnings);
        next.map_err(|failure| both(why, failure))
    }

    /// People behind the accounts, and SCIM's names for who is no worker, unless SCIM told the users. What is
    /// refused is told.
    fn details(&mut self, told: bool) {
        let mut refused = people::fill(self.pod, &mut self.found).err();
        let unnamed = |user: &User| !told && (user.name.is_none() || user.email.is_none());
        let names: Vec<String> =
            self.found.iter().filter(|user| unnamed(user)).map(|user| user.user_name.clone()).collect();
        for some in names.chunks(SCIM_NAMES).take(SCIM_ASKS) {
            if !self.pod.has_time() {
                break;
            }
            let terms: Vec<String> = some.iter().map(|name| format!("userName eq {}", quoted(name))).collect();
            match scim(self.pod, "read names over SCIM", "Users", Some(&terms.join(" or ")), 1, SCIM_NAMES * 2) {
                Ok((entries, _)) => {
                    for told in entries.iter().filter_map(User::from_scim) {
                        let who = told.user_name.to_lowercase();
                        if let Some(user) = self.found.iter_mut().find(|user| user.user_name.to_lowercase() == who) {
                            user.fill(told);
                        }
                    }
                }
                Err(failure) => {
                    refused = refused.or(Some(failure));
                    break;
                }
            }
        }
        if let Some(failure) = refused {
            self.warn(
                "details_missing",
                format!("Names, addresses, departments or managers are missing: {}", failure.problem.message),
            );
        }
    }

    /// Whether nothing narrows the list but the role.
    fn asks_nothing_else(&self) -> bool {
        let wanted = self.wanted;
        wanted.active.is_none() && wanted.search.is_none() && wanted.since.is_none() && !wanted.colliding
    }

    /// Whether SCIM tells of a role's holders; a list of roles may leave them out.
    fn has_members(&self, entry: &Value) -> bool {
        let members = |entry: &Value| entry.get("members").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let read = || {
            let address = Address::fixed(SCIM).segment("Roles").key(&word(entry, "id")?).ok()?;
            let body =
                self.pod.get(Doing { what: "read the holders of the role", object: "Roles" }, &address).ok()?.body;
            value(std::str::from_utf8(&body).ok()?)
        };
        members(entry) || read().is_some_and(|entry| members(&entry))
    }

    /// Nobody at all: says what may be behind it.
    fn nobody(&mut self) {
        let wanted = self.wanted;
        // Users were told and could not be read: that is why there is nobody.
        if self.warnings.iter().any(|told| told.code == "row_unreadable") {
            return;
        }
        if let Some(role) = &wanted.role {
            let filter = format!("name eq {0} or displayName eq {0}", quoted(role));
            let entries = match scim(self.pod, "look for the role", "Roles", Some(&filter), 1, 10) {
                Ok((entries, _)) => entries,
                Err(failure) => {
                    let told = format!(
                        "Nobody is shown who holds {role}, and whether there is such a role could not be seen: {}",
                        failure.problem.message
                    );
                    return self.warn("role_not_checked", told);
                }
            };
            let known = |entry: &&Value| Role::from_list(entry).is_some_and(|known| known.is(role));
            match entries.iter().find(known) {
                None if shows_no_role(self.pod) => self.warn("no_role_visible", NO_ROLE.to_owned()),
                None => self.warn("unknown_role", format!("The pod shows no role {role}: list_roles tells the codes.")),
                // Nobody holds it, or a condition was misunderstood: SCIM's own list of holders tells.
                Some(entry) if self.asks_nothing_else() && self.has_members(entry) => self.warn(
                    "holders_not_shown",
                    format!("SCIM says that somebody holds {role}, and {ACCOUNTS} shows nobody who does: data security hides them, or the pod misread the condition. List all users and look at their roles."),
                ),
                Some(_) => {}
            }
        } else if self.asks_nothing_else() {
            self.warn("nobody_visible", "The pod answers and shows no user: that is data security (an HCM data role with a person security profile), not an empty pod.".to_owned());
        }
    }
}

const NO_ROLE: &str = "The pod answers and shows no role at all: the connection may not see roles (privileges of IT Security Manager), whatever there is.";

fn shows_no_role(pod: &Pod) -> bool {
    scim(pod, "look for any role", "Roles", None, 1, 1).is_ok_and(|(entries, _)| entries.is_empty())
}

/// Both refusals in one: what counts is the first, which is what should have answered.
fn both(first: Option<Failure>, then: Failure) -> Failure {
    let refused = matches!(then.kind(), ProblemKind::Forbidden | ProblemKind::NotFound | ProblemKind::Unsupported);
    let Some(mut first) = first.filter(|_| refused) else { return then };
    first.problem.message = format!("{} {}", sentence(&first.problem.message), then.problem.message);
    first.or_remedy(|| format!("Add a role that may read {} or the SCIM users.", Source::UserAccounts.name()))
}

/// Hands over SCIM's entries behind `gone`, of which `last` was the last, until `take` has no room for one.
fn walk(
    pod: &Pod,
    kind: &str,
    filter: Option<&str>,
    mut gone: usize,
    mut last: Option<String>,
    warnings: &mut Vec<Warning>,
    take: &mut dyn FnMut(&Value) -> bool,
) -> Result<Option<At>> {
    let what = format!("list {} over SCIM", kind.to_lowercase());
    let mut shifts = 0;
    loop {
        // Entries may come and go between two pages: the last one is read again, to see it at its place.
        let again = usize::from(last.is_some());
        let (entries, total) = scim(pod, &what, kind, filter, gone + 1 - again, SCIM_PAGE)?;
        if again == 1 && entries.first().and_then(|entry| word(entry, "id")) != last {
            shifts += 1;
            if shifts > MOST_SHIFTS {
                let doing = Doing { what: &what, object: kind };
                return Err(pod.unexpected(doing, "no page goes on where the one before ended"));
            }
            warnings.push(warning(
                "list_shifted",
                "Entries were created or removed while the list was read: some may be missing, or be in it twice.",
                None,
            ));
        }
        let ended = entries.len() <= again;
        for entry in entries.iter().skip(again) {
            if !take(entry) {
                return Ok(Some(At::Scim(gone, last)));
            }
            gone += 1;
            last = word(entry, "id");
        }
        if ended || total.is_some_and(|total| gone >= total) {
            return Ok(None);
        }
        if !pod.has_time() {
            return Ok(Some(At::Scim(gone, last)));
        }
    }
}

/// At most `limit` roles from `cursor` on whose code or name holds `search`, in any case.
///
/// # Errors
/// Those of a read; `invalid-input` for a cursor of another list.
pub fn roles(pod: &Pod, search: &str, cursor: Option<&str>, limit: usize) -> Result<Listed<Role>> {
    // A cursor counts the entries of its own question: with the pod's filter, or without.
    let [filtered, plain] =
        ["roles", "all roles"].map(|kind| fingerprint([kind, search, &pod.settings.origin.authority]));
    let filter = format!("displayName co {0} or name co {0}", quoted(search));
    let (mut asks, at) = match cursor.map(|cursor| read(cursor, &plain)) {
        None => (!search.is_empty(), None),
        Some(Ok(at)) => (false, Some(at)),
        Some(Err(_)) => (true, cursor.map(|cursor| read(cursor, &filtered)).transpose()?),
    };
    let (gone, last) = match at {
        Some(At::Scim(gone, last)) => (gone, last),
        _ => (0, None),
    };
    let wanted = search.to_lowercase();
    loop {
        let (mut found, mut warnings) = (Vec::new(), Vec::new());
        let filter = asks.then_some(filter.as_str());
        let next = walk(pod, "Roles", filter, gone, last.clone(), &mut warnings, &mut |entry| {
            if found.len() >= limit {
                return false;
            }
            let named = |role: &Role| {
                [&role.code, &role.name].into_iter().flatten().any(|told| told.to_lowercase().contains(&wanted))
            };
            found.extend(Role::from_list(entry).filter(named));
            true
        });
        match next {
            // The pod does not take the filter: every role is read and judged here.
            Err(failure) if asks && cursor.is_none() && failure.kind() == ProblemKind::InvalidInput => asks = false,
            next => {
                let of = if asks { &filtered } else { &plain };
                let next = next?.map(|at| write(of, at));
                if cursor.is_none() && next.is_none() && found.is_empty() && shows_no_role(pod) {
                    warnings.push(warning("no_role_visible", NO_ROLE, None));
                }
                return Ok(Listed { found, next, warnings });
            }
        }
    }
}

#[cfg(test)]
mod tests;
