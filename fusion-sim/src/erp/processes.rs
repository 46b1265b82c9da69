//! `POST /erpProcesses`: which account and which interface a process loads through (FACTS 3.5).

use http::StatusCode;
use serde_json::json;

use super::body::{Body, invalid};
use super::{expect, item, options};
use crate::bulk::Bulk;
use crate::ess::jobs;
use crate::model::Resource;
use crate::rest::answer::Answer;
use crate::rest::error::PodError;
use crate::rest::handle::Call;

/// Tells of an inbound process, as JSON text in `ProcessInformation`; null for a process that there is not.
pub(super) fn answer(_bulk: &mut Bulk, call: &Call<'_>, resource: &Resource) -> Result<Answer, PodError> {
    expect(call)?;
    let body = Body::read(&call.arrival.body, resource)?;
    if body.require("OperationName", resource)? != "inboundProcessDetails" {
        return Err(invalid("OperationName"));
    }
    let name = body.require("ProcessName", resource)?;
    let option = jobs::split(name).and_then(|(package, definition)| options::of_job(&package, definition));
    let mut row = body.echo(resource);
    let told = option.map(|option| {
        json!({"InterfaceId": option.id.to_string(), "UcmAccount": option.account, "Object": option.object}).to_string()
    });
    row.set(resource, "ProcessInformation", told.into());
    item(call, resource, &row, StatusCode::OK)
}
