//! The scheduler over SOAP: `/ess/esswebservice` (FACTS 5.2).
//!
//! Reads the username token of a message itself, since no header of HTTP need name the user. Shows and submits what
//! the REST API does, to the same users.

use http::{Method, StatusCode};
use jiff::Timestamp;

use super::rest::Refused;
use super::submit::{self, Parameter, Wanted};
use super::{Request, jobs};
use crate::auth::roles::Right;
use crate::auth::{self, Access, User};
use crate::bulk::Bulk;
use crate::faults::Tuning;
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::soap::{self, Element};

/// Where the service is.
pub(crate) const PATH: &str = "/ess/esswebservice";

const SCHEDULER: &str = "http://xmlns.oracle.com/scheduler";
const TYPES: &str = "http://xmlns.oracle.com/scheduler/types";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";

/// The user of the message's token, or why nobody comes in.
pub(crate) fn user(arrival: &Arrival) -> Result<&'static User, String> {
    let (header, _) = soap::message(&arrival.body)?;
    let token = header.child("Security").and_then(|security| security.child("UsernameToken"));
    let token = token.ok_or("there is no username token")?;
    let (name, password) = (token.value("Username"), token.child("Password").map(|password| password.text.as_str()));
    auth::token_user(name.ok_or("the token names no user")?, password.unwrap_or_default())
}

/// Answers a message.
pub(crate) fn answer(
    bulk: &mut Bulk,
    arrival: &Arrival,
    user: &'static User,
    tuning: &Tuning,
    now: Timestamp,
) -> Answer {
    if arrival.method != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    }
    let (header, operation) = match soap::message(&arrival.body) {
        Ok(message) => message,
        Err(why) => return soap::fault(true, "ESS-00000", &why),
    };
    let action = header.children.iter().find(|part| part.namespace == ADDRESSING && part.name == "Action");
    if action.is_none_or(|action| !action.text.trim().ends_with(operation.name.as_str())) {
        return soap::fault(
            true,
            "wsa:MessageAddressingHeaderRequired",
            "A required header for addressing isn't present.",
        );
    }
    if operation.namespace != SCHEDULER {
        return soap::fault(
            true,
            "ESS-00000",
            &format!("The operation {} isn't part of this service.", operation.name),
        );
    }
    let outcome = match operation.name.as_str() {
        _ if !user.has(Right::OwnJobs) && !user.has(Right::AllJobs) => {
            Err((StatusCode::FORBIDDEN, "The user isn't allowed to see job requests.".to_owned()))
        }
        "submitRequest" => submit(bulk, &operation, user, tuning, now),
        "getRequestDetail" => detail(bulk, &operation, user, tuning.nothing),
        other => Err((StatusCode::NOT_FOUND, format!("The operation {other} isn't part of this service."))),
    };
    match outcome {
        Ok(inside) => soap::answer(&format!(
            "<ns0:{name}Response xmlns:ns0=\"{SCHEDULER}\">{inside}</ns0:{name}Response>",
            name = operation.name
        )),
        Err((_, why)) => soap::fault(false, "ESS-00000", &why),
    }
}

fn missing(name: &str) -> Refused {
    (StatusCode::BAD_REQUEST, format!("The element {name} is required."))
}

fn submit(
    bulk: &mut Bulk,
    operation: &Element,
    user: &'static User,
    tuning: &Tuning,
    now: Timestamp,
) -> Result<String, Refused> {
    let definition = operation.child("jobDefinitionId").ok_or_else(|| missing("jobDefinitionId"))?;
    let name = definition.value("name").ok_or_else(|| missing("name"))?;
    let package = definition.value("packageName").ok_or_else(|| missing("packageName"))?;
    let given = operation.child("requestParameters").into_iter().flat_map(|list| &list.children);
    let parameters = given.filter(|child| child.name == "parameter").map(|child| Parameter {
        name: child.value("name").unwrap_or_default().to_owned(),
        param_type: child.value("dataType").unwrap_or("STRING").to_owned(),
        value: child.value("value").map(str::to_owned),
    });
    let wanted = Wanted {
        package: jobs::package(package),
        name: name.to_owned(),
        application: operation.value("application").map(str::to_owned),
        description: operation.value("description").map(str::to_owned),
        start: operation.value("requestedStartTime").map(str::to_owned),
        arguments: submit::arguments(&parameters.collect::<Vec<_>>())?,
    };
    let id = submit::take(bulk, user, tuning, wanted, now)?;
    Ok(format!("<requestId>{id}</requestId>"))
}

fn detail(bulk: &Bulk, operation: &Element, user: &User, nothing: bool) -> Result<String, Refused> {
    let id = operation.value("requestId").ok_or_else(|| missing("requestId"))?;
    let sees = |request: &&Request| {
        !nothing && user.access != Access::NoData && (user.has(Right::AllJobs) || request.submitter == user.username)
    };
    let found = id.parse().ok().and_then(|id| bulk.scheduler.get(id)).filter(sees);
    let request = found.ok_or_else(|| (StatusCode::NOT_FOUND, format!("There is no request {id}.")))?;
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let members = [
        ("requestId", request.id.to_string()),
        ("description", request.description.clone()),
        ("state", request.state.name().to_owned()),
        ("submitter", request.submitter.clone()),
        ("submissionTime", time(Some(request.submitted))),
        ("requestedStartTime", time(Some(request.requested_start))),
        ("actualStartTime", time(request.started)),
        ("actualEndTime", time(request.ended)),
        ("parentRequestId", request.parent.map(|id| id.to_string()).unwrap_or_default()),
    ];
    let members: String = members
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("<ns1:{name}>{}</ns1:{name}>", soap::escape(text)))
        .collect();
    Ok(format!("<requestDetail xmlns:ns1=\"{TYPES}\">{members}</requestDetail>"))
}
