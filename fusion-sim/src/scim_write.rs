//! Writes through SCIM: users created, changed and deleted, members of roles (FACTS 4.2).
//!
//! Writes the rows of `userAccounts`, past their rules, so that both ways to the users agree; the parts of a user that
//! those rows do not hold are noted beside them. Bodies are flat (`{"active": false}`), members of a role carry their
//! `operation`.

use http::{Method, StatusCode};
use serde_json::{Map, Value as JsonValue, json};

use crate::auth::roles;
use crate::keys::KeyValues;
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::payload::{Given, Payload};
use crate::store::{Context, Step, Store};

/// What a write came to: the id that was written, or status and text of a refusal.
pub(crate) type Written = Result<String, (StatusCode, String)>;

fn refused<T>(status: StatusCode, text: impl Into<String>) -> Result<T, (StatusCode, String)> {
    Err((status, text.into()))
}

fn body(bytes: &[u8]) -> Result<Map<String, JsonValue>, (StatusCode, String)> {
    match serde_json::from_slice(bytes) {
        Ok(JsonValue::Object(members)) => Ok(members),
        _ => refused(StatusCode::BAD_REQUEST, "The request isn't a JSON object."),
    }
}

fn accounts() -> Result<&'static Resource, (StatusCode, String)> {
    metadata::resource(Root::Hcm, "userAccounts")
        .ok_or_else(|| (StatusCode::NOT_FOUND, "There is no such resource type.".to_owned()))
}

fn account(store: &Store, resource: &Resource, guid: &str) -> Option<Row> {
    store.get(resource, &KeyValues(vec![guid.into()]))
}

/// Does a write to `Users` or `Roles`.
pub(crate) fn write(
    store: &mut Store,
    method: &Method,
    kind: &str,
    id: Option<&str>,
    bytes: &[u8],
    context: &Context,
) -> Written {
    match (method, kind, id) {
        (&Method::POST, "Users", None) => create(store, bytes, context),
        (&Method::PATCH | &Method::PUT, "Users", Some(id)) => change(store, id, bytes, context),
        (&Method::DELETE, "Users", Some(id)) => {
            let resource = accounts()?;
            match store.delete(resource, &KeyValues(vec![id.into()])) {
                Ok(()) => Ok(String::new()),
                Err(_) => refused(StatusCode::NOT_FOUND, "There is no such entry."),
            }
        }
        (&Method::PATCH, "Roles", Some(id)) => members(store, id, bytes, context),
        _ => refused(StatusCode::METHOD_NOT_ALLOWED, "The method isn't allowed here."),
    }
}

/// The parts of a user that SCIM knows; others are refused.
fn known(members: &Map<String, JsonValue>) -> Result<(), (StatusCode, String)> {
    const NAMES: [&str; 11] = [
        "schemas",
        "userName",
        "name",
        "displayName",
        "emails",
        "active",
        "password",
        "preferredLanguage",
        "roles",
        "externalId",
        "urn:scim:schemas:extension:fa:2.0:faUser",
    ];
    match members.keys().find(|name| !NAMES.contains(&name.as_str())) {
        Some(name) => refused(StatusCode::BAD_REQUEST, format!("The attribute {name} isn't valid.")),
        None => Ok(()),
    }
}

fn taken(store: &Store, resource: &Resource, username: &str, but: Option<&str>) -> bool {
    store.scan(resource).any(|row| {
        let same = |name: &str, value: &str| matches!(row.get(resource, name), Some(Value::Text(text)) if text.eq_ignore_ascii_case(value));
        same("Username", username) && !but.is_some_and(|guid| same("GUID", guid))
    })
}

fn create(store: &mut Store, bytes: &[u8], context: &Context) -> Written {
    let members = body(bytes)?;
    known(&members)?;
    let resource = accounts()?;
    let Some(username) = members.get("userName").and_then(JsonValue::as_str).filter(|name| !name.is_empty()) else {
        return refused(StatusCode::BAD_REQUEST, "The attribute userName is required.");
    };
    if taken(store, resource, username, None) {
        return refused(StatusCode::CONFLICT, format!("User name {username} already exists."));
    }
    let suspended = members.get("active") == Some(&JsonValue::Bool(false));
    let payload = Payload {
        members: vec![
            ("Username".to_owned(), Given::Text(username.to_owned())),
            ("SuspendedFlag".to_owned(), Given::Boolean(suspended)),
        ],
    };
    let row = store.create(resource, &payload, context).map_err(|refusal| (StatusCode::BAD_REQUEST, refusal.detail))?;
    let Some(Value::Text(guid)) = row.get(resource, "GUID").cloned() else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "The user has no id.");
    };
    note(store, &guid, &members);
    Ok(guid.to_string())
}

/// Keeps what the row has no place for.
fn note(store: &mut Store, guid: &str, members: &Map<String, JsonValue>) {
    let mut kept = store.noted(guid).cloned().unwrap_or_else(|| json!({}));
    for name in ["name", "displayName", "emails"] {
        if let (Some(value), Some(kept)) = (members.get(name), kept.as_object_mut()) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    store.note(guid, kept);
}

fn change(store: &mut Store, guid: &str, bytes: &[u8], context: &Context) -> Written {
    let members = body(bytes)?;
    known(&members)?;
    let resource = accounts()?;
    if account(store, resource, guid).is_none() {
        return refused(StatusCode::NOT_FOUND, "There is no such entry.");
    }
    let mut values = Vec::new();
    if let Some(active) = members.get("active") {
        let Some(active) = active.as_bool() else {
            return refused(StatusCode::BAD_REQUEST, "The value of the attribute active isn't valid.");
        };
        values.push(("SuspendedFlag", Value::Boolean(!active)));
    }
    if let Some(username) = members.get("userName").and_then(JsonValue::as_str) {
        if taken(store, resource, username, Some(guid)) {
            return refused(StatusCode::CONFLICT, format!("User name {username} already exists."));
        }
        values.push(("Username", username.into()));
    }
    note(store, guid, &members);
    store.touch(resource, &KeyValues(vec![guid.into()]), &values, context.now);
    Ok(guid.to_owned())
}

/// `{"members": [{"value": "{user's id}", "operation": "ADD" | "DELETE"}]}`
fn members(store: &mut Store, id: &str, bytes: &[u8], context: &Context) -> Written {
    let Some(role) = roles::ROLES.iter().find(|role| role.id.to_string() == id) else {
        return refused(StatusCode::NOT_FOUND, "There is no such entry.");
    };
    let body = body(bytes)?;
    let Some(members) = body.get("members").and_then(JsonValue::as_array) else {
        return refused(StatusCode::BAD_REQUEST, "The attribute members is required.");
    };
    let resource = accounts()?;
    let Some(child) = resource.child("userAccountRoles") else {
        return refused(StatusCode::NOT_FOUND, "There is no such resource type.");
    };
    let mut draft = store.clone();
    for member in members {
        let text = |name: &str| member.get(name).and_then(JsonValue::as_str).unwrap_or_default();
        let key = KeyValues(vec![text("value").into()]);
        let Some(row) = draft.get(resource, &key) else {
            return refused(StatusCode::BAD_REQUEST, format!("There is no user {}.", text("value")));
        };
        let is_role = |held: &&Row| held.get(child, "RoleCode") == Some(&role.code.into());
        let held = row.child(&child.name).iter().find(is_role).and_then(|held| held.get(child, "UserRoleId")).cloned();
        match (text("operation").to_ascii_uppercase().as_str(), held) {
            ("ADD" | "", Some(_)) => {}
            ("ADD" | "", None) => {
                let id = draft.next_id();
                let mut made = Row::empty(child);
                made.set(child, "UserRoleId", id.into());
                made.set(child, "RoleId", role.id.into());
                made.set(child, "RoleCode", role.code.into());
                made.set(child, "RoleName", role.name.into());
                made.set(child, "CreationDate", context.now.into());
                let mut row = row;
                row.child_mut(&child.name).push(made);
                draft.insert(resource, row);
            }
            ("DELETE", Some(held)) => {
                let step = Step { child: child.name.clone(), key: KeyValues(vec![held]) };
                // The row was found just above.
                let _ = draft.delete_child(resource, &key, &[step]);
            }
            ("DELETE", None) => {}
            (other, _) => return refused(StatusCode::BAD_REQUEST, format!("The operation {other} isn't valid.")),
        }
    }
    *store = draft;
    Ok(id.to_owned())
}
