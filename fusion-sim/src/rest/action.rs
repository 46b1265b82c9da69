//! Custom actions, in the current and the old style (FACTS 1.9): how they are called and answered.

use http::StatusCode;

use super::answer::Answer;
use super::effects::{self, Outcome};
use super::error::PodError;
use super::handle::{Call, Target};
use super::json::Json;
use super::negotiate::{Media, expect_body};
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
    let outcome = effects::run(store, call, target, name, parameters)?;
    let mut json = Json::default();
    json.object();
    match outcome {
        Outcome::Text(text) => json.member("result", text),
        Outcome::Status { done, message } => {
            json.name("result");
            json.object();
            json.member("Message", &message);
            json.member("ReturnStatus", if done { "S" } else { "E" });
            json.end_object();
        }
    }
    json.end_object();
    Ok(Answer::new(StatusCode::OK, content_type, json.finish()).header(http::header::LOCATION, ""))
}
