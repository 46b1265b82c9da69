//! The scheduler's REST API: `/ess/rest/scheduler/v1/requests` (FACTS 5.1).
//!
//! Shows a user's own requests, all of them to whom the monitor role shows them, and 403 to who may not submit any.
//! What is submitted and changed here is [`super::submit`]'s.

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value as JsonValue, json};

use super::submit;
use super::{Request, State};
use crate::auth::roles::Right;
use crate::auth::{Access, User};
use crate::bulk::Bulk;
use crate::faults::Tuning;
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::{handle, params};
use crate::scim_filter::Filter;
use crate::store::Store;

pub(super) const BELOW: &str = "/ess/rest/scheduler/v1";
/// The application that runs financials' jobs.
pub(super) const APPLICATION: &str = "FscmEss";
/// Requests of a page (FACTS 12).
const PAGE: usize = 25;

/// Whether a path is the scheduler's.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(BELOW).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers; with `nothing` there are no requests, for nobody.
pub(crate) fn answer(
    bulk: &mut Bulk,
    store: &mut Store,
    arrival: &Arrival,
    user: &'static User,
    tuning: &Tuning,
    now: Timestamp,
) -> Answer {
    let monitor = user.has(Right::AllJobs);
    if !monitor && !user.has(Right::OwnJobs) {
        return error(StatusCode::FORBIDDEN, "The user isn't allowed to see job requests.");
    }
    let nothing = tuning.nothing || user.access == Access::NoData;
    let rest = arrival.path.strip_prefix(BELOW).unwrap_or_default();
    let segments: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let base = handle::base(arrival.headers.get(header::HOST));
    let sees = |request: &Request| !nothing && (monitor || request.submitter == user.username);
    let shown = |bulk: &Bulk| -> Vec<JsonValue> {
        bulk.scheduler.all().filter(|request| sees(request)).map(|found| request(found, &base)).collect()
    };
    let index = || parameters(arrival).map(|given| first(&given, "pageIndex").unwrap_or_else(|| "1".to_owned()));
    let outcome = match (&arrival.method, segments.as_slice()) {
        (&Method::GET, ["requests"]) => list(arrival, shown(bulk), "1", &base),
        (&Method::GET, ["requests", "search", page]) => list(arrival, shown(bulk), page, &base),
        (&Method::GET, ["query", application, "requests"]) => index().and_then(|page| {
            let mut found = shown(bulk);
            found.retain(|request| request.get("application").and_then(JsonValue::as_str) == Some(application));
            list(arrival, found, &page, &base)
        }),
        (&Method::GET, ["requests", id]) => one(arrival, shown(bulk), id),
        (&Method::POST, ["requests"]) => {
            return submit::answer(bulk, arrival, user, tuning, &base, now).unwrap_or_else(|why| error(why.0, &why.1));
        }
        (_, ["requests", id, rest @ ..]) => {
            let found = id.parse().ok().filter(|id| bulk.scheduler.get(*id).is_some_and(sees));
            let Some(id) = found else {
                return error(StatusCode::NOT_FOUND, &format!("There is no request {id}."));
            };
            return submit::change(bulk, store, arrival, (id, rest), now).unwrap_or_else(|why| error(why.0, &why.1));
        }
        (_, ["requests" | "query", ..]) => {
            return error(StatusCode::METHOD_NOT_ALLOWED, "The method isn't allowed here.")
                .header(header::ALLOW, "GET, POST");
        }
        _ => return error(StatusCode::NOT_FOUND, "There is no such resource."),
    };
    match outcome {
        Ok(body) => Answer::new(StatusCode::OK, "application/json", body.to_string()),
        Err((status, detail)) => error(status, &detail),
    }
}

fn first(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

/// `status` is a number here, a text in the framework's errors.
fn error(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
        "errorCode": format!("ESS-{}", status.as_u16())});
    Answer::new(status, "application/json", body.to_string())
}

pub(super) type Refused = (StatusCode, String);

pub(super) fn bad(detail: impl Into<String>) -> Refused {
    (StatusCode::BAD_REQUEST, detail.into())
}

fn one(arrival: &Arrival, requests: Vec<JsonValue>, id: &str) -> Result<JsonValue, Refused> {
    let id = id.parse::<i64>().map_err(|_| bad("The request id isn't a number."))?;
    let mut found = requests.into_iter().find(|request| is(request, id));
    let found = found.as_mut().ok_or((StatusCode::NOT_FOUND, format!("There is no request {id}.")))?;
    for (name, value) in parameters(arrival)? {
        pick(found, &name, &value);
    }
    Ok(found.take())
}

fn is(request: &JsonValue, id: i64) -> bool {
    request.get("requestId").and_then(JsonValue::as_i64) == Some(id)
}

fn parameters(arrival: &Arrival) -> Result<Vec<(String, String)>, Refused> {
    params::split(&arrival.query).map_err(|error| bad(error.detail))
}

fn list(arrival: &Arrival, requests: Vec<JsonValue>, page: &str, base: &str) -> Result<JsonValue, Refused> {
    let index = page.parse::<usize>().ok().filter(|index| *index > 0).ok_or_else(|| bad("The page isn't a number."))?;
    let mut found = requests;
    let parameters = parameters(arrival)?;
    for (name, value) in &parameters {
        match name.as_str() {
            "q" => {
                let filter = Filter::parse(value).map_err(bad)?;
                if let Some(unknown) = filter.attributes().into_iter().find(|name| !KNOWN.contains(name)) {
                    return Err(bad(format!("The attribute {unknown} can't be queried.")));
                }
                found.retain(|request| filter.matches(request));
            }
            "id" => {
                let ids: Vec<i64> = value
                    .split(',')
                    .map(|id| id.trim().parse().map_err(|_| bad(format!("The request id {id} isn't a number."))))
                    .collect::<Result<_, _>>()?;
                found.retain(|request| ids.iter().any(|id| is(request, *id)));
            }
            // Only the first attribute is honoured.
            "orderBy" => {
                let first = value.split(',').next().unwrap_or_default();
                let (attribute, direction) = first.split_once(':').unwrap_or((first, "asc"));
                if !KNOWN.contains(&attribute) {
                    return Err(bad(format!("The attribute {attribute} can't be sorted by.")));
                }
                found.sort_by_key(|request| request.get(attribute).map(|value| (value.as_i64(), value.to_string())));
                if direction.eq_ignore_ascii_case("desc") {
                    found.reverse();
                }
            }
            _ => {}
        }
    }
    let mut items: Vec<JsonValue> = found.into_iter().skip((index - 1).saturating_mul(PAGE)).take(PAGE).collect();
    for item in &mut items {
        for (name, value) in &parameters {
            pick(item, name, value);
        }
    }
    let href = format!("{base}{BELOW}/requests");
    Ok(json!({"count": items.len(), "items": items, "pageIndex": index, "links": [{"rel": "self", "href": href}]}))
}

/// Leaves what `fields` names, takes away what `excludeFields` names.
fn pick(request: &mut JsonValue, name: &str, value: &str) {
    let named = |member: &str| value.split(',').any(|field| field.trim() == member);
    if let Some(members) = request.as_object_mut() {
        match name {
            "fields" if value != "@full" => members.retain(|member, _| named(member)),
            "excludeFields" => members.retain(|member, _| !named(member)),
            _ => {}
        }
    }
}

/// Attributes that may be filtered and sorted by.
const KNOWN: [&str; 20] = [
    "requestId",
    "absParentRequestId",
    "parentRequestId",
    "description",
    "application",
    "product",
    "jobDefinitionId",
    "state",
    "priority",
    "processStartTime",
    "processEndTime",
    "requestedStartTime",
    "requestedEndTime",
    "submissionTime",
    "completedTime",
    "scheduledTime",
    "elapsedTime",
    "submitter",
    "requestType",
    "errorType",
];

pub(super) fn request(request: &Request, base: &str) -> JsonValue {
    let time = |time: Option<Timestamp>| time.map(|time| format!("{time:.3}"));
    let elapsed = request.started.zip(request.ended).map(|(from, to)| to.duration_since(from).as_millis());
    let arguments = request.arguments.iter().zip(1_u32..).map(|(value, place)| {
        json!({"name": format!("submit.argument{place}"), "paramType": "STRING", "value": value, "scope": null})
    });
    let failed = matches!(request.state, State::Error).then_some("BUSINESS");
    let kind = if request.parent.is_some() { "SUB_REQUEST" } else { "SINGLETON" };
    let text = (request.state == State::Expired).then_some("The request expired before it was picked up.");
    json!({
        "requestId": request.id, "description": request.description,
        "jobDefinitionId": request.definition_id(), "application": APPLICATION, "product": request.job.product,
        "state": request.state.name(), "stateDescription": text, "errorType": failed, "priority": request.priority,
        "requestType": kind, "submitter": request.submitter, "runAsUser": request.submitter,
        "parentRequestId": request.parent, "absParentRequestId": request.ancestor,
        "requestedStartTime": time(Some(request.requested_start)), "requestedEndTime": null,
        "submissionTime": time(Some(request.submitted)), "scheduledTime": time(Some(request.requested_start)),
        "processStartTime": time(request.started), "processEndTime": time(request.ended),
        "completedTime": time(request.ended), "elapsedTime": elapsed.and_then(|elapsed| i64::try_from(elapsed).ok()),
        "isCancellable": !request.state.is_final(),
        "isHoldable": matches!(request.state, State::Wait | State::Ready), "isForceCancelAllowed": false,
        "requestParameters": arguments.collect::<Vec<_>>(), "schedule": null,
        "links": [{"rel": "self", "href": format!("{base}{BELOW}/requests/{}", request.id)}],
    })
}
