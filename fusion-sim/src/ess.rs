//! The scheduler's REST API, for reading: `GET /ess/rest/scheduler/v1/requests` (FACTS 5.1).
//!
//! Shows a user's own requests, all of them to whom the monitor role shows them, and 403 to who may not submit any.

use http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as JsonValue, json};

use crate::auth::roles::Right;
use crate::auth::{Access, User};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::{handle, params};
use crate::scim_filter::Filter;
use crate::store::Store;

const BELOW: &str = "/ess/rest/scheduler/v1";
/// Requests of a page (FACTS 12).
const PAGE: usize = 25;

/// Whether a path is the scheduler's.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(BELOW).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A request as it was seeded.
struct Seed {
    id: i64,
    description: &'static str,
    package: &'static str,
    job: &'static str,
    application: &'static str,
    product: &'static str,
    state: &'static str,
    submitter: &'static str,
    /// Submitted so long before the pod's start.
    minutes_ago: i64,
    /// Ran so long, where it ended.
    seconds: Option<i64>,
    parent: Option<i64>,
}

const PAYABLES: &str = "/oracle/apps/ess/financials/payables/invoices/transactions";
const LOADER: &str = "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader";
const LEDGER: &str = "/oracle/apps/ess/financials/generalLedger/programs/common";

#[allow(clippy::too_many_arguments)]
const fn seed(
    id: i64,
    description: &'static str,
    (package, job, product): (&'static str, &'static str, &'static str),
    state: &'static str,
    submitter: &'static str,
    minutes_ago: i64,
    seconds: Option<i64>,
    parent: Option<i64>,
) -> Seed {
    let application = "FscmEss";
    Seed { id, description, package, job, application, product, state, submitter, minutes_ago, seconds, parent }
}

const IMPORT: (&str, &str, &str) = (PAYABLES, "APXIIMPT", "AP");
const LOAD: (&str, &str, &str) = (LOADER, "InterfaceLoaderController", "FUN");
const JOURNALS: (&str, &str, &str) = (LEDGER, "JournalImportLauncher", "GL");

static SEEDS: [Seed; 9] = [
    seed(9_762_901, "AP nightly", IMPORT, "SUCCEEDED", "int.ap", 4_320, Some(41), None),
    seed(9_762_902, "Load Interface File for Import", LOAD, "SUCCEEDED", "integration.user", 2_880, Some(95), None),
    seed(
        9_762_903,
        "Import Payables Invoices",
        IMPORT,
        "WARNING",
        "integration.user",
        2_879,
        Some(60),
        Some(9_762_902),
    ),
    seed(9_762_904, "Import Journals", JOURNALS, "ERROR", "casey.brown@example.com", 1_500, Some(12), None),
    seed(9_762_905, "Import Payables Invoices", IMPORT, "CANCELLED", "int.ap", 1_440, Some(5), None),
    seed(9_762_906, "Load Interface File for Import", LOAD, "PAUSED", "sim-client", 20, None, None),
    seed(9_762_907, "Import Journals", JOURNALS, "RUNNING", "sim-client", 19, None, Some(9_762_906)),
    seed(9_762_908, "AP nightly", IMPORT, "WAIT", "int.ap", 10, None, None),
    seed(9_762_909, "Import Journals", JOURNALS, "HOLD", "casey.brown@example.com", 5, None, None),
];

/// Answers; with `nothing` there are no requests, for nobody.
pub(crate) fn answer(store: &Store, arrival: &Arrival, user: &User, nothing: bool) -> Answer {
    let monitor = user.has(Right::AllJobs);
    if !monitor && !user.has(Right::OwnJobs) {
        return error(StatusCode::FORBIDDEN, "The user isn't allowed to see job requests.");
    }
    let rest = arrival.path.strip_prefix(BELOW).unwrap_or_default();
    let segments: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let (id, page) = match segments.as_slice() {
        ["requests"] => (None, Some("1")),
        ["requests", "search", page] => (None, Some(*page)),
        ["requests", id] => (Some(*id), None),
        _ => return error(StatusCode::NOT_FOUND, "There is no such resource."),
    };
    if arrival.method != Method::GET {
        return error(StatusCode::METHOD_NOT_ALLOWED, "The method isn't allowed here.").header(header::ALLOW, "GET");
    }
    let nothing = nothing || user.access == Access::NoData;
    let seen = SEEDS.iter().filter(|seed| !nothing && (monitor || seed.submitter == user.username));
    let base = handle::base(arrival.headers.get(header::HOST));
    let requests: Vec<JsonValue> = seen.map(|seed| request(seed, store.options().start, &base)).collect();
    let outcome = match (id, page) {
        (Some(id), _) => one(arrival, requests, id),
        (None, page) => list(arrival, requests, page.unwrap_or("1"), &base),
    };
    match outcome {
        Ok(body) => Answer::new(StatusCode::OK, "application/json", body.to_string()),
        Err((status, detail)) => error(status, &detail),
    }
}

/// `status` is a number here, a text in the framework's errors.
fn error(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
        "errorCode": format!("ESS-{}", status.as_u16())});
    Answer::new(status, "application/json", body.to_string())
}

type Refused = (StatusCode, String);

fn bad(detail: impl Into<String>) -> Refused {
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

fn request(seed: &Seed, start: Timestamp, base: &str) -> JsonValue {
    let at = |seconds: i64| {
        let time = start.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(start);
        format!("{time:.3}")
    };
    let submitted = seed.minutes_ago.saturating_mul(-60);
    let started = submitted.saturating_add(2);
    let waits = matches!(seed.state, "WAIT" | "HOLD");
    let ended = seed.seconds.map(|seconds| at(started.saturating_add(seconds)));
    json!({
        "requestId": seed.id, "description": seed.description,
        "jobDefinitionId": format!("JobDefinition:/{}/{}", seed.package, seed.job),
        "application": seed.application, "product": seed.product, "state": seed.state,
        "stateDescription": null, "errorType": (seed.state == "ERROR").then_some("BUSINESS"), "priority": 4,
        "requestType": "SINGLETON", "submitter": seed.submitter, "runAsUser": seed.submitter,
        "parentRequestId": seed.parent, "absParentRequestId": seed.parent.unwrap_or(seed.id),
        "requestedStartTime": at(submitted), "requestedEndTime": null, "submissionTime": at(submitted),
        "scheduledTime": at(submitted), "processStartTime": (!waits).then(|| at(started)), "processEndTime": ended,
        "completedTime": ended, "elapsedTime": seed.seconds.map(|seconds| seconds.saturating_mul(1_000)),
        "isCancellable": seed.seconds.is_none(), "isHoldable": seed.state == "WAIT", "isForceCancelAllowed": false,
        "requestParameters": [], "schedule": null,
        "links": [{"rel": "self", "href": format!("{base}{BELOW}/requests/{}", seed.id)}],
    })
}
