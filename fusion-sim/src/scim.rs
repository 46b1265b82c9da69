//! Users and roles as SCIM shows them: `/hcmRestApi/scim/{Users|Roles}` (FACTS 4.2); writes are in
//! [`crate::scim_write`].
//!
//! Shows the rows of `userAccounts`, so that both ways to the users agree. Who may not read user accounts sees at most
//! the own entry. The shape of errors is not known from any source; it is that of SCIM's early drafts, whose schema
//! names Fusion uses.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value as JsonValue, json};

use crate::auth::roles::{self, ROLES, Right, Role};
use crate::auth::{Access, User};
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::{handle, params};
use crate::scim_filter::Filter;
use crate::scim_write;
use crate::security;
use crate::store::{Context, Store};

const BELOW: &str = "/hcmRestApi/scim/";
/// Entries of a page where `count` is absent.
const PAGE: usize = 20;
/// The most entries of a page.
const MOST: usize = 100;

/// What the caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    All,
    Own,
    Nothing,
}

/// Whether a path is SCIM's.
pub(crate) fn is_below(path: &str) -> bool {
    path.starts_with(BELOW)
}

/// Answers; with `nothing` there are no entries, for nobody.
pub(crate) fn answer(store: &mut Store, arrival: &Arrival, user: &User, nothing: bool, now: Timestamp) -> Answer {
    let mut segments = arrival.path.strip_prefix(BELOW).unwrap_or_default().split('/').filter(|part| !part.is_empty());
    let (kind, id) = (segments.next().unwrap_or_default(), segments.next());
    if !["Users", "Roles"].contains(&kind) || segments.next().is_some() {
        return error(StatusCode::NOT_FOUND, "There is no such resource type.");
    }
    let may = security::check(user, Root::Hcm, "userAccounts", &Method::GET).is_ok();
    let own = kind == "Users" && user.has(Right::OwnEntry);
    if !may && !own {
        return Answer::html(StatusCode::FORBIDDEN, "Forbidden");
    }
    let mut written = None;
    if arrival.method != Method::GET {
        if security::check(user, Root::Hcm, "userAccounts", &arrival.method).is_err() {
            return Answer::html(StatusCode::FORBIDDEN, "Forbidden");
        }
        let context = Context { now, user: user.username.to_owned() };
        match scim_write::write(store, &arrival.method, kind, id, &arrival.body, &context) {
            Ok(id) if id.is_empty() => return Answer::empty(StatusCode::NO_CONTENT),
            Ok(id) => written = Some(id),
            Err((status, why)) => return error(status, &why),
        }
    }
    let id = written.as_deref().or(id);
    let sight = match (nothing || user.access == Access::NoData, may) {
        (true, _) => Sight::Nothing,
        (false, true) => Sight::All,
        (false, false) => Sight::Own,
    };
    let base = handle::base(arrival.headers.get(http::header::HOST));
    let entries = entries(store, kind, user, sight, &base);
    match id {
        Some(id) => match entries.iter().find(|entry| entry.get("id").and_then(JsonValue::as_str) == Some(id)) {
            Some(entry) if kind == "Roles" => json_answer(&with_members(store, entry)),
            Some(entry) if arrival.method == Method::POST => {
                let location = entry.pointer("/meta/location").and_then(JsonValue::as_str).unwrap_or_default();
                let answer = json_answer(entry).header(http::header::LOCATION, location);
                Answer { status: StatusCode::CREATED, ..answer }
            }
            Some(entry) => json_answer(entry),
            None => error(StatusCode::NOT_FOUND, "There is no such entry."),
        },
        None => list(arrival, entries).unwrap_or_else(|why| error(StatusCode::BAD_REQUEST, &why)),
    }
}

fn json_answer(body: &JsonValue) -> Answer {
    Answer::new(StatusCode::OK, "application/json;charset=UTF-8", body.to_string())
}

fn error(status: StatusCode, description: &str) -> Answer {
    let body = json!({"Errors": [{"code": status.as_str(), "description": description}]});
    Answer::new(status, "application/json;charset=UTF-8", body.to_string())
}

fn entries(store: &Store, kind: &str, user: &User, sight: Sight, base: &str) -> Vec<JsonValue> {
    if sight == Sight::Nothing {
        return Vec::new();
    }
    if kind == "Roles" {
        return ROLES.iter().map(|role| role_entry(role, base)).collect();
    }
    let all = accounts(store).into_iter();
    let seen = all.filter(|account| sight == Sight::All || account.username.eq_ignore_ascii_case(user.username));
    seen.map(|account| account.entry(store, base)).collect()
}

/// A page of the entries that the filter leaves.
fn list(arrival: &Arrival, entries: Vec<JsonValue>) -> Result<Answer, String> {
    let (mut filter, mut start, mut count, mut attributes) = (None, 1_usize, PAGE, None);
    let whole = |name: &str, value: &str| {
        value.parse::<i64>().map_err(|_| format!("{name} isn't a whole number.")).map(|number| number.max(0))
    };
    for (name, value) in params::split(&arrival.query).map_err(|error| error.detail)? {
        match name.as_str() {
            "filter" => filter = Some(Filter::parse(&value)?),
            "startIndex" => start = usize::try_from(whole(&name, &value)?).unwrap_or(usize::MAX).max(1),
            "count" => count = usize::try_from(whole(&name, &value)?).unwrap_or(MOST).min(MOST),
            "attributes" => attributes = Some(value),
            _ => {}
        }
    }
    let found: Vec<JsonValue> =
        entries.into_iter().filter(|entry| filter.as_ref().is_none_or(|filter| filter.matches(entry))).collect();
    let total = found.len();
    let mut page: Vec<JsonValue> = found.into_iter().skip(start.saturating_sub(1)).take(count).collect();
    if let Some(attributes) = attributes {
        let wanted: Vec<&str> = attributes.split(',').map(str::trim).collect();
        for entry in page.iter_mut().filter_map(JsonValue::as_object_mut) {
            entry.retain(|name, _| ["id", "schemas"].contains(&name.as_str()) || wanted.contains(&name.as_str()));
        }
    }
    Ok(json_answer(&json!({
        "schemas": ["urn:scim:schemas:core:2.0:ListResponse"], "totalResults": total, "itemsPerPage": page.len(),
        "startIndex": start, "Resources": page,
    })))
}

fn role_entry(role: &Role, base: &str) -> JsonValue {
    let id = role.id.to_string();
    json!({
        "schemas": ["urn:scim:schemas:core:2.0:Role"], "id": id, "name": role.code, "value": role.code,
        "displayName": role.name, "description": format!("{}.", role.name),
        "meta": {"resourceType": "Role", "location": format!("{base}{BELOW}Roles/{id}")},
    })
}

/// A role with its holders.
fn with_members(store: &Store, entry: &JsonValue) -> JsonValue {
    let code = entry.get("value").and_then(JsonValue::as_str).unwrap_or_default();
    let holders = accounts(store).into_iter().filter(|account| account.roles.iter().any(|held| held == code));
    let members: Vec<JsonValue> =
        holders.map(|account| json!({"value": account.guid, "display": account.username})).collect();
    let mut entry = entry.clone();
    if let Some(parts) = entry.as_object_mut() {
        parts.insert("members".to_owned(), members.into());
    }
    entry
}

/// What a row of `userAccounts` says.
struct Account {
    guid: String,
    username: String,
    suspended: bool,
    roles: Vec<String>,
    created: String,
    changed: String,
}

fn text(resource: &Resource, row: &Row, name: &str) -> String {
    match row.get(resource, name) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Timestamp(time)) => time.to_string(),
        _ => String::new(),
    }
}

fn accounts(store: &Store) -> Vec<Account> {
    let Some(resource) = metadata::resource(Root::Hcm, "userAccounts") else { return Vec::new() };
    let Some(child) = resource.child("userAccountRoles") else { return Vec::new() };
    let account = |row: Row| Account {
        guid: text(resource, &row, "GUID"),
        username: text(resource, &row, "Username"),
        suspended: row.get(resource, "SuspendedFlag") == Some(&Value::Boolean(true)),
        roles: row.child("userAccountRoles").iter().map(|role| text(child, role, "RoleCode")).collect(),
        created: text(resource, &row, "CreationDate"),
        changed: text(resource, &row, "LastUpdateDate"),
    };
    store.scan(resource).map(account).collect()
}

impl Account {
    fn entry(&self, store: &Store, base: &str) -> JsonValue {
        let roles: Vec<JsonValue> = self
            .roles
            .iter()
            .map(|code| match roles::find(code) {
                Some(role) => json!({"id": role.id.to_string(), "value": role.code, "displayName": role.name,
                    "description": format!("{}.", role.name)}),
                None => json!({"id": null, "value": code, "displayName": code, "description": null}),
            })
            .collect();
        let worker = worker(store, &self.username);
        let (name, category, information) = match &worker {
            Some([given, family, number]) => {
                (json!({"givenName": given, "familyName": family}), "EMPLOYEE", json!([{"personNumber": number}]))
            }
            None => (json!({"familyName": self.username}), "EXTERNAL", json!([])),
        };
        let display = worker.map_or_else(|| self.username.clone(), |[given, family, _]| format!("{given} {family}"));
        let emails = if self.username.contains('@') {
            json!([{"value": self.username, "type": "W", "primary": true}])
        } else {
            json!([])
        };
        let mut entry = json!({
            "schemas": ["urn:scim:schemas:core:2.0:User", "urn:scim:schemas:extension:fa:2.0:faUser"],
            "id": self.guid, "userName": self.username, "displayName": display, "name": name, "emails": emails,
            "active": !self.suspended, "roles": roles,
            "urn:scim:schemas:extension:fa:2.0:faUser":
                {"userCategory": category, "accountType": "USER", "workerInformation": information},
            "meta": {"resourceType": "User", "created": self.created, "lastModified": self.changed,
                "location": format!("{base}{BELOW}Users/{}", self.guid)},
        });
        if let (Some(noted), Some(entry)) =
            (store.noted(&self.guid).and_then(JsonValue::as_object), entry.as_object_mut())
        {
            entry.extend(noted.clone());
        }
        entry
    }
}

/// Given name, family name and number of the worker who has that account.
fn worker(store: &Store, username: &str) -> Option<[String; 3]> {
    let resource = metadata::resource(Root::Hcm, "publicWorkers")?;
    let accounts = metadata::resource(Root::Hcm, "userAccounts")?;
    let at = store.lookup(accounts, "Username", &Value::Text(username.into()))?;
    let account = store.row(accounts, at.first()?)?;
    let person = account.get(accounts, "PersonId").filter(|value| **value != Value::Null)?;
    let at = store.lookup(resource, "PersonId", person)?;
    let row = store.row(resource, at.first()?)?;
    Some(["FirstName", "LastName", "PersonNumber"].map(|name| text(resource, &row, name)))
}
