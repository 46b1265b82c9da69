//! The ERP integration service: bulk loads, documents and jobs, over REST and SOAP (FACTS 3, 6.1).
//!
//! Reads requests and words answers; what they mean is [`service`]'s, what becomes of them [`crate::ess`]'s.

pub(crate) mod body;
pub(crate) mod callback;
pub(crate) mod event;
mod finders;
mod operations;
pub(crate) mod options;
mod processes;
pub(crate) mod service;
pub(crate) mod soap;

use http::{Method, StatusCode};

use crate::auth::User;
use crate::bulk::Bulk;
use crate::keys::Place;
use crate::metadata;
use crate::model::{Resource, Root, Row};
use crate::query::selection::Selection;
use crate::rest::answer::Answer;
use crate::rest::collection;
use crate::rest::error::PodError;
use crate::rest::handle::Call;
use crate::rest::json::Json;
use crate::rest::negotiate::{Media, expect_body};
use crate::rest::params::{Params, Scope};
use crate::rest::path::Path;
use crate::security::{self, Refusal};
use service::Caller;

/// Answers a request to `erpintegrations` or `erpProcesses`; none for what the framework answers by itself: other
/// resources, descriptions, the list without a finder.
pub(crate) fn answer(bulk: &mut Bulk, call: &Call<'_>) -> Option<Result<Answer, PodError>> {
    let path = Path::parse(&call.arrival.path)?;
    path.version.as_ref()?;
    let (name, below) = path.segments.split_first()?;
    if path.root != Root::Fscm {
        return None;
    }
    let resource = metadata::resource(path.root, name)?;
    let finder = call.arrival.query.contains("finder=");
    let serve = match (resource.name.as_str(), &call.method, below) {
        ("erpintegrations", &Method::POST, []) => operations::answer,
        ("erpintegrations", &Method::GET, []) if finder => finders::answer,
        ("erpintegrations", &Method::GET, [operation]) if operations::NAMES.contains(&operation.as_str()) => {
            operations::bare
        }
        ("erpProcesses", &Method::POST, []) => processes::answer,
        _ => return None,
    };
    Some(match security::check(call.user, path.root, name, &call.method) {
        Ok(()) => serve(bulk, call, resource),
        Err(Refusal::Hidden) => Err(PodError::not_found()),
        Err(Refusal::Forbidden) => Ok(Answer::html(StatusCode::FORBIDDEN, "Forbidden")),
    })
}

/// Whether a user may use the service at all.
pub(crate) fn admits(user: &User) -> bool {
    security::writes(user, crate::auth::roles::Area::Imports)
}

fn caller(call: &Call<'_>) -> Caller {
    let tuning = &call.tuning.bulk;
    Caller { user: call.user, now: call.now, behaviour: tuning.behaviour, refused: tuning.refused, slashes: false }
}

/// The media type of a body of POST, or its refusal.
fn expect(call: &Call<'_>) -> Result<(), PodError> {
    expect_body(&call.arrival.headers, "application/vnd.oracle.adf.resourceitem+json")
}

/// A row as the answer to a POST.
fn item(call: &Call<'_>, resource: &Resource, row: &Row, status: StatusCode) -> Result<Answer, PodError> {
    let content_type = call.negotiated.content_type(Media::Item)?;
    let params = Params::read(&call.arrival.query, Scope::Item)?;
    let mut json = Json::with_capacity(4096);
    collection::view(call, &params).row(&mut json, &Place::top(resource, row), &Selection::default());
    Ok(Answer::new(status, content_type, json.finish()))
}
