//! Requests submitted and changed over the scheduler's own interfaces (FACTS 5.1, 5.2).

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};

use super::machine::{self, Unfit};
use super::rest::{APPLICATION, BELOW, Refused, bad};
use super::{State, Submission, jobs};
use crate::auth::User;
use crate::bulk::Bulk;
use crate::erp::service;
use crate::faults::Tuning;
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::store::Store;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    job_definition_id: String,
    application: Option<String>,
    description: Option<String>,
    priority: Option<u8>,
    start_time: Option<String>,
    #[serde(default)]
    request_parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) param_type: String,
    pub(super) value: Option<String>,
}

/// A job with its arguments, as somebody wants it to run.
pub(super) struct Wanted {
    pub(super) package: String,
    pub(super) name: String,
    pub(super) application: Option<String>,
    pub(super) description: Option<String>,
    /// A timestamp.
    pub(super) start: Option<String>,
    pub(super) arguments: Vec<Option<String>>,
}

/// Takes a job in; its request's number.
pub(super) fn take(
    bulk: &mut Bulk,
    user: &'static User,
    tuning: &Tuning,
    wanted: Wanted,
    now: Timestamp,
) -> Result<u64, Refused> {
    let Wanted { package, name, application, description, start, arguments } = wanted;
    let found = jobs::find(&package, &name).filter(|_| application.is_none_or(|name| name == APPLICATION));
    let unknown = || (StatusCode::NOT_FOUND, format!("There is no job definition {name} in {package}."));
    let (job, work) = found.ok_or_else(unknown)?;
    if tuning.bulk.refused || !jobs::allowed(user, &package, &name) {
        let detail = format!("The user doesn't have access to ESS job definition {name}. (FUN-720397)");
        return Err((StatusCode::FORBIDDEN, detail));
    }
    let start = start
        .map(|text| text.parse::<Timestamp>().map_err(|_| bad(format!("The start time {text} isn't valid."))))
        .transpose()?;
    let task = service::task(work, &arguments);
    let submission = Submission {
        job,
        arguments,
        task,
        user: user.username,
        integration: false,
        description,
        start,
        behaviour: tuning.bulk.behaviour,
    };
    Ok(bulk.scheduler.submit(submission, now))
}

/// `POST /requests`: 201 with the number of the new request.
pub(super) fn answer(
    bulk: &mut Bulk,
    arrival: &Arrival,
    user: &'static User,
    tuning: &Tuning,
    base: &str,
    now: Timestamp,
) -> Result<Answer, Refused> {
    let body: Body =
        serde_json::from_slice(&arrival.body).map_err(|error| bad(format!("The request isn't valid: {error}")))?;
    let definition = body.job_definition_id.strip_prefix("JobDefinition:/").unwrap_or_default();
    let (package, name) = definition
        .rsplit_once('/')
        .ok_or_else(|| bad(format!("The job definition {} isn't valid.", body.job_definition_id)))?;
    if body.priority.is_some_and(|priority| priority > 9) {
        return Err(bad("The priority isn't a number from 0 to 9."));
    }
    let wanted = Wanted {
        package: jobs::package(package),
        name: name.to_owned(),
        application: body.application,
        description: body.description,
        start: body.start_time,
        arguments: arguments(&body.request_parameters)?,
    };
    let id = take(bulk, user, tuning, wanted, now)?;
    if let (Some(request), Some(priority)) = (bulk.scheduler.get_mut(id), body.priority) {
        request.priority = priority;
    }
    let href = format!("{base}{BELOW}/requests/{id}");
    let told = json!({"id": id, "links": [{"rel": "self", "href": href}]});
    Ok(Answer::new(StatusCode::CREATED, "application/json", told.to_string()).header(header::LOCATION, &href))
}

/// The most arguments that a job has.
const MOST_ARGUMENTS: usize = 100;

/// `submit.argument<place>` by their places; other parameters are the scheduler's own.
pub(super) fn arguments(parameters: &[Parameter]) -> Result<Vec<Option<String>>, Refused> {
    let mut arguments: Vec<Option<String>> = Vec::new();
    for parameter in parameters {
        if !["STRING", "INTEGER", "LONG", "BOOLEAN", "DATETIME"].contains(&parameter.param_type.as_str()) {
            return Err(bad(format!(
                "The type {} of the parameter {} isn't valid.",
                parameter.param_type, parameter.name
            )));
        }
        let Some(place) = parameter.name.strip_prefix("submit.argument") else { continue };
        let place = place.parse::<usize>().ok().filter(|place| (1..=MOST_ARGUMENTS).contains(place));
        let place = place.ok_or_else(|| bad(format!("The parameter {} isn't valid.", parameter.name)))?;
        if arguments.len() < place {
            arguments.resize(place, None);
        }
        if let Some(argument) = arguments.get_mut(place - 1) {
            *argument = parameter.value.as_deref().and_then(service::argument);
        }
    }
    Ok(arguments)
}

/// What is done to a request that there is.
pub(super) fn change(
    bulk: &mut Bulk,
    store: &mut Store,
    arrival: &Arrival,
    (id, below): (u64, &[&str]),
    now: Timestamp,
) -> Result<Answer, Refused> {
    let told = |outcome: Result<(), Unfit>| {
        outcome.map(|()| Answer::empty(StatusCode::OK)).map_err(|Unfit(state)| unfit(id, state))
    };
    match (&arrival.method, below) {
        (&Method::DELETE, []) => {
            let request = bulk.scheduler.get(id).ok_or_else(|| bad("There is no such request."))?;
            if !request.state.is_final() {
                return Err(unfit(id, request.state));
            }
            bulk.scheduler.remove(id);
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        (&Method::PATCH, []) => patch(bulk, arrival, id),
        (&Method::POST, ["cancel"]) => told(machine::cancel(bulk, store, id, now)),
        (&Method::POST, ["hold"]) => told(machine::hold(bulk, id)),
        (&Method::POST, ["release"]) => told(machine::release(bulk, id, now)),
        // Only where `isForceCancelAllowed` says so, which is nowhere.
        (&Method::POST, ["forceCancel"]) => {
            let state = bulk.scheduler.get(id).map_or(State::Error, |request| request.state);
            Err(unfit(id, state))
        }
        (_, []) => Err((StatusCode::METHOD_NOT_ALLOWED, "The method isn't allowed here.".to_owned())),
        _ => Err((StatusCode::NOT_FOUND, "There is no such resource.".to_owned())),
    }
}

fn unfit(id: u64, state: State) -> Refused {
    (StatusCode::CONFLICT, format!("The request {id} can't be changed so while it is {}.", state.name()))
}

fn patch(bulk: &mut Bulk, arrival: &Arrival, id: u64) -> Result<Answer, Refused> {
    let body: JsonValue =
        serde_json::from_slice(&arrival.body).map_err(|error| bad(format!("The request isn't valid: {error}")))?;
    let members = body.as_object().ok_or_else(|| bad("The request isn't a JSON object."))?;
    let request = bulk.scheduler.get_mut(id).ok_or_else(|| bad("There is no such request."))?;
    if request.state.is_final() {
        return Err(unfit(id, request.state));
    }
    let (mut description, mut priority) = (request.description.clone(), request.priority);
    for (name, value) in members {
        let refused = || bad(format!("The value of {name} isn't valid."));
        match name.as_str() {
            "description" => description = value.as_str().ok_or_else(refused)?.to_owned(),
            "priority" => {
                let given = value.as_u64().filter(|given| *given <= 9).and_then(|given| u8::try_from(given).ok());
                priority = given.ok_or_else(refused)?;
            }
            _ => return Err(bad(format!("The attribute {name} can't be changed."))),
        }
    }
    (request.description, request.priority) = (description, priority);
    Ok(Answer::empty(StatusCode::OK))
}
