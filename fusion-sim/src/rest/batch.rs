//! Batches: parts done one after another, all or none (FACTS 1.10).
//!
//! Each part is a request of its own to the handlers, on a copy of the rows that takes their place only once all parts
//! are done. A failed batch lists the failed part alone. Never limits how many parts there are: the framework does not.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::error::PodError;
use super::handle::{self, Call};
use super::json::Json;
use super::negotiate::body_type;
use crate::pod::Arrival;
use crate::store::Store;

const BATCH: &str = "application/vnd.oracle.adf.batch+json";

#[derive(Deserialize)]
struct Batch {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    id: String,
    path: String,
    operation: String,
    #[serde(default)]
    if_match: Option<String>,
    #[serde(default)]
    payload: Option<Box<RawValue>>,
}

/// Whether a request is a batch.
pub(crate) fn is_one(arrival: &Arrival) -> bool {
    arrival.method == Method::POST && body_type(&arrival.headers) == BATCH
}

/// Whether a batch has a part for that resource.
pub(crate) fn concerns(arrival: &Arrival, resource: &str) -> bool {
    is_one(arrival)
        && serde_json::from_slice::<Batch>(&arrival.body).is_ok_and(|batch| {
            let segments = |part: &Part| part.path.split(['/', '?']).any(|segment| segment == resource);
            batch.parts.iter().any(segments)
        })
}

/// Answers a batch; the paths of its parts stand below the root's version.
pub(crate) fn answer(store: &mut Store, call: &Call<'_>) -> Result<Answer, PodError> {
    let batch: Batch = serde_json::from_slice(&call.arrival.body)
        .map_err(|error| PodError::bad(format!("The request payload isn't valid: {error}")))?;
    let mut ids: Vec<&str> = Vec::new();
    for part in &batch.parts {
        if ids.contains(&part.id.as_str()) {
            return Err(PodError::bad(format!("The part ID {} is used more than once.", part.id)));
        }
        ids.push(&part.id);
    }
    let mut draft = store.clone();
    let mut json = Json::default();
    json.object();
    json.name("parts");
    json.array();
    for part in &batch.parts {
        match one(&mut draft, call, part) {
            Ok(answer) => {
                json.element();
                shown(&mut json, part, &answer.body);
            }
            Err(error) => return failed(call, part, error),
        }
    }
    json.end_array();
    json.end_object();
    *store = draft;
    Ok(Answer::new(StatusCode::OK, BATCH, json.finish()))
}

/// The path of the version that the batch was sent to, with or without a resource behind it.
fn prefix(path: &str) -> &str {
    let end = path.match_indices('/').nth(4).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}

fn one(store: &mut Store, call: &Call<'_>, part: &Part) -> Result<Answer, PodError> {
    let (method, upserts) = match part.operation.as_str() {
        "get" => (Method::GET, false),
        "create" => (Method::POST, false),
        "upsert" => (Method::POST, true),
        "update" | "replace" => (Method::PATCH, false),
        "delete" => (Method::DELETE, false),
        "action" => {
            let name = part.path.rsplit('/').next().unwrap_or_default();
            return Err(PodError::bad(format!("The action {name} isn't enabled for batch execution")));
        }
        other => return Err(PodError::bad(format!("The operation {other} isn't valid in a batch."))),
    };
    let (path, query) = part.path.split_once('?').unwrap_or((&part.path, ""));
    if !path.starts_with('/') {
        return Err(PodError::bad(format!("The path {path} of a part must begin with a slash.")));
    }
    let mut headers = call.arrival.headers.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.oracle.adf.resourceitem+json"));
    headers.remove(IF_MATCH);
    headers.remove("upsert-mode");
    if upserts {
        headers.insert(HeaderName::from_static("upsert-mode"), HeaderValue::from_static("true"));
    }
    if let Some(tag) = part.if_match.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok()) {
        headers.insert(IF_MATCH, tag);
    }
    let arrival = Arrival {
        method: method.clone(),
        path: format!("{}{path}", prefix(&call.arrival.path)),
        query: query.to_owned(),
        headers,
        body: part.payload.as_deref().map(|payload| Bytes::from(payload.get().to_owned())).unwrap_or_default(),
        framework_default: call.arrival.framework_default,
    };
    let call = Call {
        arrival: &arrival,
        method,
        negotiated: call.negotiated,
        base: call.base.clone(),
        user: call.user,
        tuning: call.tuning.clone(),
        now: call.now,
    };
    let answer = handle::answer(store, &call)?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(PodError::new(answer.status, answer.status.canonical_reason().unwrap_or("Error")))
}

fn shown(json: &mut Json, part: &Part, body: &[u8]) {
    json.object();
    json.member("id", &part.id);
    json.member("path", &part.path);
    json.member("operation", &part.operation);
    // Told only where a condition was given.
    if part.if_match.is_some() {
        json.flag("preconditionSucceeded", true);
    }
    if !body.is_empty() {
        json.name("payload");
        json.raw(body);
    }
    json.end_object();
}

/// The failed part, and none of the others. Errors in text have no room for it.
fn failed(call: &Call<'_>, part: &Part, error: PodError) -> Result<Answer, PodError> {
    if !call.negotiated.json_errors() {
        return Err(error);
    }
    let told = error.answer(call.negotiated);
    let mut json = Json::default();
    json.object();
    json.name("parts");
    json.array();
    json.element();
    json.object();
    json.member("id", &part.id);
    json.member("path", &part.path);
    json.member("operation", &part.operation);
    if part.if_match.is_some() {
        json.flag("preconditionSucceeded", error.status != StatusCode::PRECONDITION_FAILED);
    }
    json.name("payload");
    json.raw(&told.body);
    json.end_object();
    json.end_array();
    json.end_object();
    Ok(Answer::new(error.status, BATCH, json.finish()))
}
