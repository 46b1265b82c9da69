//! One row: read, created, updated, deleted, and the bytes of its attachments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, header};

use super::answer::Answer;
use super::collection::{breaks, selection, view};
use super::error::PodError;
use super::handle::{Call, Target};
use super::json::Json;
use super::negotiate::{Media, expect_body};
use super::params::{Params, Scope};
use super::render::echoed;
use crate::attachments;
use crate::defaults;
use crate::effective::Range;
use crate::keys::{self, Place};
use crate::model::{Resource, Row, Type, Value};
use crate::payload::{Given, Payload};
use crate::query::selection::Selection;
use crate::store::{Step, Store, with_places};
use crate::upsert;

const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";

/// GET.
pub(crate) fn get(call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    let params = Params::read(&call.arrival.query, Scope::Item)?;
    let chosen = selection(&params, target.resource)?;
    target.with_row(|place| show(call, &params, place, &chosen, StatusCode::OK))?
}

/// POST on the collection.
pub(crate) fn create(store: &mut Store, call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    expect_body(&call.arrival.headers, ITEM)?;
    call.negotiated.content_type(Media::Item)?;
    let params = Params::read(&call.arrival.query, Scope::Item)?;
    let payload = begun(call, target.resource, changed_by_server(call, target.resource, payload(call)?))?;
    let context = call.context();
    if upserts(call)?
        && let Some(key) = upsert::matched(store, &target.trail, target.resource, &payload)?
    {
        let row = match &target.key {
            None => store.update(target.resource, &key, &payload, &context)?,
            Some(top) => {
                let mut steps = target.steps.clone();
                steps.push(Step { child: target.resource.name.clone(), key });
                store.update_child(target.top(), top, &steps, &payload, &context)?
            }
        };
        return with_places(&target.trail, |parent| {
            let place = Place { resource: target.resource, row: &row, parent };
            show(call, &params, &place, &Selection::default(), StatusCode::OK)
        });
    }
    let row = match &target.key {
        None => store.create(target.resource, &payload, &context)?,
        Some(key) => store.create_child(target.top(), key, &target.steps, target.resource, &payload, &context)?,
    };
    if target.key.is_none() {
        let actor = store.act(None);
        defaults::derive(store, target.resource, &row);
        store.act(actor);
    }
    with_places(&target.trail, |parent| {
        let place = Place { resource: target.resource, row: &row, parent };
        let href = view(call, &params).item_href(&place);
        let answer = show(call, &params, &place, &echoed(target.resource, &row), StatusCode::CREATED)?;
        Ok(answer.header(header::LOCATION, &href))
    })
}

/// PATCH.
pub(crate) fn update(store: &mut Store, call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    expect_body(&call.arrival.headers, ITEM)?;
    call.negotiated.content_type(Media::Item)?;
    let params = Params::read(&call.arrival.query, Scope::Item)?;
    let payload = ignoring(call, changed_by_server(call, target.resource, payload(call)?));
    unchanged(call, target)?;
    let key = target.key.as_ref().ok_or_else(PodError::not_found)?;
    let context = call.context();
    let row = match (range(call)?, target.steps.as_slice()) {
        (_, []) => store.update(target.resource, key, &payload, &context)?,
        (Range::Correction, steps) => store.update_child(target.top(), key, steps, &payload, &context)?,
        (Range::UpdateFrom(from), steps) => {
            store.update_child_from((target.top(), key, steps), &payload, &context, from)?
        }
    };
    let above = target.trail.len().saturating_sub(1);
    with_places(target.trail.get(..above).unwrap_or_default(), |parent| {
        let place = Place { resource: target.resource, row: &row, parent };
        show(call, &params, &place, &Selection::default(), StatusCode::OK)
    })
}

/// DELETE.
pub(crate) fn delete(store: &mut Store, call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    unchanged(call, target)?;
    let key = target.key.as_ref().ok_or_else(PodError::not_found)?;
    if target.steps.is_empty() {
        store.delete(target.resource, key)?;
    } else {
        store.delete_child(target.top(), key, &target.steps)?;
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// The bytes of an attachment (FACTS 1.7): read, put in place, taken away.
pub(crate) fn enclosure(store: &mut Store, call: &Call<'_>, target: &Target, name: &str) -> Result<Answer, PodError> {
    let attribute = target.resource.attribute(name).filter(|attribute| attribute.kind == Type::Attachment);
    let attribute = attribute.ok_or_else(PodError::not_found)?;
    let contents = match call.method {
        Method::GET => return target.with_row(|place| contents(place, &attribute.name))?,
        Method::PUT => Given::Text(STANDARD.encode(&call.arrival.body)),
        Method::DELETE => Given::Null,
        _ => return Err(PodError::not_allowed("GET, PUT, DELETE")),
    };
    let key = target.key.as_ref().ok_or_else(PodError::not_found)?;
    let payload = Payload { members: vec![(attribute.name.clone(), contents)] };
    if target.steps.is_empty() {
        store.update(target.resource, key, &payload, &call.context())?;
    } else {
        store.update_child(target.top(), key, &target.steps, &payload, &call.context())?;
    }
    Ok(Answer::empty(if call.method == Method::PUT { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

fn contents(place: &Place<'_>, name: &str) -> Result<Answer, PodError> {
    let (resource, row) = (place.resource, place.row);
    let bytes = attachments::bytes(resource, row, name).ok_or_else(PodError::not_found)?;
    let text = |name: &str| match row.get(resource, name) {
        Some(Value::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    let answer =
        Answer::new(StatusCode::OK, text("UploadedFileContentType").unwrap_or("application/octet-stream"), bytes);
    Ok(match text("FileName") {
        Some(name) => answer.header(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\"")),
        None => answer,
    })
}

fn show(
    call: &Call<'_>,
    params: &Params,
    place: &Place<'_>,
    chosen: &Selection,
    status: StatusCode,
) -> Result<Answer, PodError> {
    let content_type = call.negotiated.content_type(Media::Item)?;
    let mut json = Json::with_capacity(4096);
    match breaks(call, place) {
        Some(text) => json.raw(format!("{{\n  {text}").as_bytes()),
        None => view(call, params).row(&mut json, place, chosen),
    }
    let suppressed = status != StatusCode::OK || call.method != http::Method::GET;
    let answer = if suppressed && call.negotiated.suppressed(Media::Item) {
        Answer::empty(status)
    } else {
        Answer::new(status, content_type, json.finish())
    };
    Ok(if place.resource.change_indicator { answer.header(header::ETAG, &etag(place.row)) } else { answer })
}

fn payload(call: &Call<'_>) -> Result<Payload, PodError> {
    Payload::parse(&call.arrival.body)
        .map_err(|error| PodError::bad(format!("The request payload isn't valid: {error}")))
}

/// From when a change holds.
fn range(call: &Call<'_>) -> Result<Range, PodError> {
    effective_of(call).map_or(Ok(Range::default()), |text| Range::read(&text).map_err(PodError::bad))
}

/// What is created, from the day on that the request tells.
fn begun(call: &Call<'_>, resource: &Resource, mut payload: Payload) -> Result<Payload, PodError> {
    const START: &str = "EffectiveStartDate";
    let start = effective_of(call).map_or(Ok(None), |text| Range::start(&text).map_err(PodError::bad))?;
    let dated = resource.attribute(START).is_some() && payload.get(START).is_none();
    if let Some(start) = start.filter(|_| dated) {
        payload.members.push((START.to_owned(), Given::Text(start.to_string())));
    }
    Ok(payload)
}

fn effective_of(call: &Call<'_>) -> Option<String> {
    call.arrival.headers.get("effective-of").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether the POST matches first (`Upsert-Mode`, FACTS 1.2).
fn upserts(call: &Call<'_>) -> Result<bool, PodError> {
    match call.arrival.headers.get("upsert-mode").map(|value| value.as_bytes().to_ascii_lowercase()) {
        None => Ok(false),
        Some(value) if value == b"true" => Ok(true),
        Some(value) if value == b"false" => Ok(false),
        Some(_) => Err(PodError::bad("The value of the Upsert-Mode header isn't valid.")),
    }
}

/// W2: what the pod ignores without a word.
fn ignoring(call: &Call<'_>, mut payload: Payload) -> Payload {
    payload.members.retain(|(name, _)| !call.tuning.ignored.contains(name));
    payload
}

/// W3: what the pod stores instead of what was sent.
fn changed_by_server(call: &Call<'_>, resource: &Resource, mut payload: Payload) -> Payload {
    for (name, value) in &call.tuning.overridden {
        if resource.attribute(name).is_some()
            && let Some((_, given)) = payload.members.iter_mut().find(|(member, _)| member == name)
        {
            *given =
                value.clone().unwrap_or_else(|| Given::Text((call.now.as_millisecond() % 100_000_000).to_string()));
        }
    }
    payload
}

fn etag(row: &Row) -> String {
    format!("\"{}\"", keys::change_indicator(row.version))
}

/// Refuses a stale `If-Match` with 412 and the current ETag (FACTS 1.7).
fn unchanged(call: &Call<'_>, target: &Target) -> Result<(), PodError> {
    let Some(sent) = call.arrival.headers.get(header::IF_MATCH) else { return Ok(()) };
    let (resource, row) = target.trail.last().ok_or_else(PodError::not_found)?;
    let current = etag(row);
    let sent = String::from_utf8_lossy(sent.as_bytes());
    if !resource.change_indicator || sent == "*" || sent.split(',').any(|tag| tag.trim() == current) {
        return Ok(());
    }
    let mut error = PodError::new(StatusCode::PRECONDITION_FAILED, "The resource was changed since it was read.");
    error.header = Some(Box::new((header::ETAG, current)));
    Err(error)
}
