//! `GET /erpintegrations?finder=…`: states, logs and documents (FACTS 3.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;

use super::{caller, operations, service};
use crate::bulk::Bulk;
use crate::keys::Place;
use crate::model::{Resource, Row, Value};
use crate::query::finder;
use crate::rest::answer::Answer;
use crate::rest::collection;
use crate::rest::error::PodError;
use crate::rest::handle::Call;
use crate::rest::json::Json;
use crate::rest::negotiate::Media;
use crate::rest::params::{MAX_LIMIT, Params, Scope};
use crate::rest::render::Envelope;

/// The rows that a finder names.
pub(super) fn answer(bulk: &mut Bulk, call: &Call<'_>, resource: &Resource) -> Result<Answer, PodError> {
    let content_type = call.negotiated.content_type(Media::Collection)?;
    let params = Params::read(&call.arrival.query, Scope::Collection)?;
    let finder = finder::Call::parse(params.finder.as_deref().unwrap_or_default(), resource)?;
    let selection = collection::selection(&params, resource)?;
    let rows = rows(bulk, call, resource, &finder)?;
    let limit = params.asked().min(MAX_LIMIT);
    let (skip, take) =
        (usize::try_from(params.offset).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(usize::MAX));
    let more = rows.len() > skip.saturating_add(take);
    let total = params.total_results.then(|| u64::try_from(rows.len()).unwrap_or(u64::MAX));
    let page: Vec<Row> = rows.into_iter().skip(skip).take(take).collect();
    let view = collection::view(call, &params);
    let mut json = Json::with_capacity(4096);
    json.object();
    json.name("items");
    json.array();
    for row in &page {
        json.element();
        view.row(&mut json, &Place::top(resource, row), &selection);
    }
    json.end_array();
    let envelope = Envelope { total, count: page.len(), more: Some(more), limit, offset: params.offset };
    view.envelope(&mut json, None, resource, &envelope);
    json.end_object();
    Ok(Answer::new(StatusCode::OK, content_type, json.finish()))
}

fn rows(bulk: &Bulk, call: &Call<'_>, resource: &Resource, finder: &finder::Call) -> Result<Vec<Row>, PodError> {
    let variable = |name: &str| {
        finder.variables.iter().find(|(known, _)| known == name).and_then(|(_, value)| match value {
            Value::Text(text) if !text.is_empty() && text.as_ref() != "#NULL" => Some(text.to_string()),
            _ => None,
        })
    };
    let need = |name: &str| {
        let missing = || PodError::bad(format!("The variable {name} is required in the finder {}.", finder.name));
        variable(name).ok_or_else(missing)
    };
    let row = |operation: &str| {
        let mut row = Row::empty(resource);
        row.set(resource, "OperationName", operation.into());
        row
    };
    let about = |operation: &str, id: &str, status: Option<String>| {
        let mut row = row(operation);
        row.set(resource, "ReqstId", id.into());
        row.set(resource, "RequestStatus", status.into());
        row
    };
    Ok(match finder.name.as_str() {
        "ESSJobStatusRF" => {
            let id = need("requestId")?;
            let status = if call.tuning.bulk.blind { "" } else { service::status(bulk, &id) };
            vec![about("getESSJobStatus", &id, Some(status.to_owned()))]
        }
        "ESSExecutionDetailsRF" => {
            let id = need("requestId")?;
            let details = if call.tuning.bulk.blind { String::new() } else { service::details(bulk, &id) };
            vec![about("getESSExecutionDetails", &id, Some(details))]
        }
        "ESSJobExecutionDetailsRF" => {
            let (id, kind) = (need("requestId")?, variable("fileType"));
            let mut row = about("downloadESSJobExecutionDetails", &id, None);
            row.set(resource, "FileType", kind.clone().into());
            let logs = service::logs(bulk, &caller(call), &id, kind.as_deref()).map(|logs| STANDARD.encode(logs));
            row.set(resource, "DocumentContent", logs.into());
            vec![row]
        }
        "DocumentIdsByFilePrefixRF" => {
            let (prefix, account, comment) = (need("filePrefix")?, need("docAccount")?, variable("comment"));
            let found = bulk.library.with_prefix(&prefix, &account, comment.as_deref());
            let made = found.map(|document| {
                let mut row = row("getDocumentIdsForFilePrefix");
                row.set(resource, "DocumentId", document.id.to_string().into());
                row
            });
            made.collect()
        }
        "DocumentRF" => {
            let id = need("docId")?;
            let mut row = row("getDocumentForDocumentId");
            row.set(resource, "DocumentId", id.as_str().into());
            operations::show(&mut row, resource, service::document(bulk, &id));
            vec![row]
        }
        // The key of a resource that keeps no rows.
        _ => Vec::new(),
    })
}
