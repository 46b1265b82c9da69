//! Custom actions, in the current and the old style (FACTS 1.9, 4.1).

use http::StatusCode;

use super::answer::Answer;
use super::error::PodError;
use super::handle::{Call, Target};
use super::json::Json;
use super::negotiate::{Media, expect_body};
use crate::keys::{self, Place};
use crate::model::{Row, Value};
use crate::payload::{Given, Payload};
use crate::store::Store;

const ACTION: &str = "application/vnd.oracle.adf.action+json";

/// `POST …/action/{name}` with flat parameters.
pub(crate) fn current(store: &mut Store, call: &Call<'_>, target: &Target, name: &str) -> Result<Answer, PodError> {
    if call.method != http::Method::POST {
        return Err(PodError::not_allowed("POST"));
    }
    expect_body(&call.arrival.headers, ACTION)?;
    let parameters = Payload::parse(&call.arrival.body)
        .map_err(|error| PodError::bad(format!("The request payload isn't valid: {error}")))?;
    run(store, call, target, name, &parameters)
}

/// Whether a body is `{"name": …, "parameters": [ … ]}`.
pub(crate) fn is_old_style(body: &[u8]) -> bool {
    Payload::parse(body).is_ok_and(|payload| {
        payload.members.len() == 2
            && matches!(payload.get("name"), Some(Given::Text(_)))
            && matches!(payload.get("parameters"), Some(Given::List(_)))
    })
}

/// `POST` on the collection or the row with name and parameters.
pub(crate) fn old(store: &mut Store, call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    expect_body(&call.arrival.headers, ACTION)?;
    let payload = Payload::parse(&call.arrival.body).map_err(|error| PodError::bad(error.to_string()))?;
    let name = payload.get("name").and_then(Given::as_text).unwrap_or_default().to_owned();
    let mut parameters = Payload::default();
    if let Some(Given::List(list)) = payload.get("parameters") {
        for part in list {
            let Given::Object(part) = part else {
                return Err(PodError::bad("The parameters of an action are objects."));
            };
            parameters.members.extend(part.members.iter().cloned());
        }
    }
    run(store, call, target, &name, &parameters)
}

fn run(
    store: &mut Store,
    call: &Call<'_>,
    target: &Target,
    name: &str,
    parameters: &Payload,
) -> Result<Answer, PodError> {
    let resource = target.resource;
    let known = if target.item { &resource.item_actions } else { &resource.collection_actions };
    if !known.iter().any(|known| known == name) {
        return Err(PodError::not_found());
    }
    let content_type = call.negotiated.content_type(Media::ActionResult)?;
    let result = match (resource.name.as_str(), name) {
        ("invoices", "validateInvoice") => validate(store, call, target, parameters)?,
        ("invoices", "cancelInvoice") => cancel(store, call, target, parameters)?,
        _ => return Err(PodError::bad(format!("The action {name} of {} isn't available on this pod.", resource.name))),
    };
    let mut json = Json::default();
    json.object();
    json.member("result", &result);
    json.end_object();
    Ok(Answer::new(StatusCode::OK, content_type, json.finish()).header(http::header::LOCATION, ""))
}

fn validate(store: &mut Store, call: &Call<'_>, target: &Target, parameters: &Payload) -> Result<String, PodError> {
    known(parameters, &["ProcessAction", "BusinessUnit", "Supplier", "InvoiceNumber"])?;
    if text(parameters, "ProcessAction")? != "Validate" {
        return Err(PodError::bad("The value of the attribute ProcessAction isn't valid."));
    }
    set_status(store, call, target, parameters, &[("ValidationStatus", Value::Text("Validated".into()))])?;
    Ok("The invoice was validated.".to_owned())
}

fn cancel(store: &mut Store, call: &Call<'_>, target: &Target, parameters: &Payload) -> Result<String, PodError> {
    known(parameters, &["BusinessUnit", "Supplier", "InvoiceNumber", "Party", "PartyId"])?;
    let values = [
        ("ValidationStatus", Value::Text("Canceled".into())),
        ("CanceledFlag", Value::Boolean(true)),
        ("CanceledDate", Value::Date(call.today())),
        ("CanceledBy", Value::Text(call.user.username.into())),
    ];
    set_status(store, call, target, parameters, &values)?;
    Ok("The invoice was canceled.".to_owned())
}

fn known(parameters: &Payload, names: &[&str]) -> Result<(), PodError> {
    match parameters.members.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        Some((name, _)) => Err(PodError::bad(format!("Invalid attribute \"{name}\" in the payload."))),
        None => Ok(()),
    }
}

fn text<'p>(parameters: &'p Payload, name: &str) -> Result<&'p str, PodError> {
    let value = parameters.get(name).and_then(Given::as_text);
    value.ok_or_else(|| PodError::bad(format!("The attribute {name} is required.")))
}

/// Finds the invoice that the parameters name (names, not an id) and sets values of it.
fn set_status(
    store: &mut Store,
    call: &Call<'_>,
    target: &Target,
    parameters: &Payload,
    values: &[(&str, Value)],
) -> Result<(), PodError> {
    let resource = target.resource;
    let names = ["InvoiceNumber", "Supplier", "BusinessUnit"];
    let mut wanted = Vec::new();
    for name in names {
        wanted.push((name, Value::Text(text(parameters, name)?.into())));
    }
    let fits = |row: &Row| wanted.iter().all(|(name, value)| row.get(resource, name) == Some(value));
    let number = wanted.first().map_or(Value::Null, |(_, value)| value.clone());
    let row = match store.lookup(resource, "InvoiceNumber", &number) {
        Some(positions) => positions.iter().filter_map(|position| store.row(resource, position)).find(fits),
        None => store.scan(resource).find(fits),
    };
    let row = row.ok_or_else(|| PodError::bad("The invoice doesn't exist."))?;
    let key = keys::of(&Place::top(resource, &row), call.today());
    let present: Vec<(&str, Value)> =
        values.iter().filter(|(name, _)| resource.attribute(name).is_some()).cloned().collect();
    store.touch(resource, &key, &present, call.now);
    Ok(())
}
