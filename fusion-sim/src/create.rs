//! Creates and updates: what a payload becomes.
//!
//! Owns the order of the checks (names, types, required values, lists of values, then the business
//! object's own) and the ids, versions and audit values that the server fills. Promises that a
//! refused write changed nothing but the id counter. Never decides where a row is kept.

use crate::attachments;
use crate::defaults;
use crate::keys::{self, EFFECTIVE_DATE};
use crate::model::{AllowChanges, Resource, Row, Type, Value};
use crate::payload::Payload;
use crate::store::{Context, Refusal, Store};
use crate::validate;

/// A row with the resource it belongs to, as the ancestors of a child are handed down.
pub(crate) type Owner<'r> = (&'r Resource, Row);

/// A new row of a top-level resource.
pub(crate) fn top(
    store: &mut Store,
    resource: &Resource,
    payload: &Payload,
    context: &Context,
) -> Result<Row, Refusal> {
    validate::names(resource, payload, "")?;
    make(store, &[], resource, payload, context, ("", 1))
}

/// A new row of a child; `ancestors` are the rows from the top one to its parent.
pub(crate) fn child(
    store: &mut Store,
    ancestors: &[Owner<'_>],
    resource: &Resource,
    payload: &Payload,
    context: &Context,
) -> Result<Row, Refusal> {
    validate::names(resource, payload, "")?;
    let siblings = ancestors.last().map_or(&[][..], |(_, parent)| parent.child(&resource.name));
    let mut row = make(store, ancestors, resource, payload, context, ("", next_number(resource, siblings)))?;
    defaults::number(resource, &mut row, siblings);
    unique(ancestors, resource, siblings, &row, "")?;
    Ok(row)
}

/// Changes a row in place.
pub(crate) fn change(
    store: &mut Store,
    ancestors: &[Owner<'_>],
    resource: &Resource,
    row: &mut Row,
    payload: &Payload,
    context: &Context,
) -> Result<(), Refusal> {
    validate::names(resource, payload, "")?;
    amend(store, ancestors, resource, row, payload, context, "")
}

fn amend(
    store: &mut Store,
    ancestors: &[Owner<'_>],
    resource: &Resource,
    row: &mut Row,
    payload: &Payload,
    context: &Context,
    path: &str,
) -> Result<(), Refusal> {
    for (attribute, place) in resource.attributes.iter().zip(&mut row.values) {
        let Some(given) = payload.get(&attribute.name) else { continue };
        let here = format!("{path}/{}", attribute.name);
        let sent = validate::value(attribute, given, &here)?;
        validate::writable(attribute, place, &sent, &here)?;
        if attribute.allow_changes == AllowChanges::Always {
            validate::listed(store, resource, attribute, &sent, &here)?;
            *place = sent;
        }
    }
    validate::required(resource, row, path)?;
    if attachments::is_one(resource) {
        attachments::measure(resource, row);
    }
    defaults::judge(store, ancestors, resource, row, path)?;
    let now = Value::Timestamp(context.now);
    for name in ["LastUpdateDate", "LastUpdateDateTime"] {
        row.set(resource, name, now.clone());
    }
    row.set(resource, "LastUpdatedBy", context.user.as_str().into());
    row.version = row.version.saturating_add(1);

    let mut owners = ancestors.to_vec();
    owners.push((resource, row.clone()));
    for child in &resource.children {
        let Some(given) = payload.get(&child.name) else { continue };
        let here = format!("{path}/{}", child.name);
        for (at, item) in validate::children(given, &child.name, &here)?.into_iter().enumerate() {
            let here = format!("{here}/{at}");
            let rows = row.child_mut(&child.name);
            match rows.iter_mut().find(|held| names_row(child, held, item)) {
                Some(held) => amend(store, &owners, child, held, item, context, &here)?,
                None => {
                    let mut made = make(store, &owners, child, item, context, (&here, next_number(child, rows)))?;
                    defaults::number(child, &mut made, rows);
                    unique(&owners, child, rows, &made, &here)?;
                    rows.push(made);
                }
            }
        }
    }
    Ok(())
}

fn make(
    store: &mut Store,
    ancestors: &[Owner<'_>],
    resource: &Resource,
    payload: &Payload,
    context: &Context,
    (path, number): (&str, i64),
) -> Result<Row, Refusal> {
    let mut row = Row::empty(resource);
    for (attribute, place) in resource.attributes.iter().zip(&mut row.values) {
        let Some(given) = payload.get(&attribute.name) else { continue };
        let here = format!("{path}/{}", attribute.name);
        let sent = validate::value(attribute, given, &here)?;
        validate::writable(attribute, place, &sent, &here)?;
        validate::listed(store, resource, attribute, &sent, &here)?;
        *place = sent;
    }
    validate::required(resource, &row, path)?;
    identify(store, ancestors, resource, &mut row, number);
    stamp(resource, &mut row, context);
    defaults::fill(store, ancestors, resource, &mut row, context);
    defaults::judge_new(store, ancestors, resource, &row, path)?;

    let mut owners = ancestors.to_vec();
    owners.push((resource, row.clone()));
    for child in &resource.children {
        let mut rows: Vec<Row> = Vec::new();
        if let Some(given) = payload.get(&child.name) {
            let here = format!("{path}/{}", child.name);
            for (at, item) in validate::children(given, &child.name, &here)?.into_iter().enumerate() {
                let here = format!("{here}/{at}");
                let mut made = make(store, &owners, child, item, context, (&here, next_number(child, &rows)))?;
                defaults::number(child, &mut made, &rows);
                unique(&owners, child, &rows, &made, &here)?;
                rows.push(made);
            }
        }
        row.children.push((child.name.clone(), rows));
    }
    defaults::complete(resource, &mut row, context);
    Ok(row)
}

/// Whether an item of a payload holds the key of a row, as far as the key is the row's own.
fn names_row(resource: &Resource, row: &Row, item: &Payload) -> bool {
    let mut any = false;
    for name in keys::attributes(resource) {
        let (Some(attribute), Some(held)) = (resource.attribute(name), row.get(resource, name)) else { continue };
        match item.get(name).and_then(|given| validate::value(attribute, given, "").ok()) {
            Some(sent) if sent == *held => any = true,
            _ => return false,
        }
    }
    any
}

/// The number that a numbered child gets when none is sent: one more than the highest.
fn next_number(resource: &Resource, siblings: &[Row]) -> i64 {
    let numbered = keys::attributes(resource).into_iter().rev().find(|name| name.ends_with("Number"));
    let highest = siblings.iter().filter_map(|row| match row.get(resource, numbered?) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    });
    highest.max().unwrap_or(0).saturating_add(1)
}

fn unique(
    ancestors: &[Owner<'_>],
    resource: &Resource,
    siblings: &[Row],
    row: &Row,
    path: &str,
) -> Result<(), Refusal> {
    let taken = crate::store::with_places(ancestors, |parent| {
        let Some(parent) = parent else { return false };
        let identity = keys::child_identity(parent, resource, row);
        siblings.iter().any(|held| keys::child_identity(parent, resource, held) == identity)
    });
    if !taken {
        return Ok(());
    }
    let own: Vec<&str> =
        keys::attributes(resource).into_iter().filter(|name| resource.attribute(name).is_some()).collect();
    let name = own.last().copied().unwrap_or_default();
    Err(Refusal::invalid(format!("JBO-25013: Too many objects match the primary key: {name} is already used."))
        .code("25013")
        .at(&format!("{path}/{name}")))
}

/// Fills the key: from the ancestors where they hold it, otherwise with a new number.
fn identify(store: &mut Store, ancestors: &[Owner<'_>], resource: &Resource, row: &mut Row, number: i64) {
    for name in keys::attributes(resource) {
        if name == EFFECTIVE_DATE || row.get(resource, name) != Some(&Value::Null) {
            continue;
        }
        let above = ancestors.iter().rev().find_map(|(owner, held)| held.get(owner, name));
        let kind = resource.attribute(name).map(|attribute| attribute.kind);
        let value = match (above, kind) {
            (Some(value), _) => value.clone(),
            (None, Some(Type::Integer)) if name.ends_with("Number") => Value::Integer(number),
            (None, Some(Type::Integer)) => Value::Integer(store.next_id()),
            (None, Some(Type::Text)) => Value::Text(format!("{:032X}", store.next_id()).into()),
            _ => Value::Null,
        };
        row.set(resource, name, value);
    }
}

fn stamp(resource: &Resource, row: &mut Row, context: &Context) {
    for name in ["CreationDate", "LastUpdateDate", "CreationDateTime", "LastUpdateDateTime"] {
        row.set(resource, name, Value::Timestamp(context.now));
    }
    for name in ["CreatedBy", "LastUpdatedBy", "CreatedByUserName", "LastUpdatedByUserName"] {
        row.set(resource, name, context.user.as_str().into());
    }
    row.set(resource, "LastUpdateLogin", format!("{:032X}", context.now.as_millisecond()).into());
}
