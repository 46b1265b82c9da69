//! `POST /erpintegrations`: one resource with an operation in each body (FACTS 3.1, 3.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;

use super::body::{Body, invalid};
use super::service::{self, Caller, File, Order};
use super::{caller, expect, item};
use crate::bulk::Bulk;
use crate::model::{Resource, Row, Value};
use crate::rest::answer::Answer;
use crate::rest::error::PodError;
use crate::rest::handle::Call;
use crate::ucm::Document;

/// What a submission is refused with: never an error (FACTS 3.2).
const REFUSED: &str = "-1";

/// Every operation.
pub(super) const NAMES: [&str; 13] = [
    "importBulkData",
    "loadAndImportData",
    "uploadFileToUCM",
    "submitESSJobRequest",
    "exportBulkData",
    "extractAndPurge",
    "getDocumentForDocumentId",
    "downloadExportOutput",
    "downloadESSJobExecutionDetails",
    "getESSJobStatus",
    "getESSExecutionDetails",
    "getDocumentIdsForFilePrefix",
    "appendFileComment",
];

/// `GET /erpintegrations/{OperationName}`: the name and nothing else (FACTS 3).
pub(super) fn bare(_bulk: &mut Bulk, call: &Call<'_>, resource: &Resource) -> Result<Answer, PodError> {
    let mut row = Row::empty(resource);
    let name = call.arrival.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    row.set(resource, "OperationName", name.into());
    item(call, resource, &row, StatusCode::OK)
}

/// Does the operation that the body names.
pub(super) fn answer(bulk: &mut Bulk, call: &Call<'_>, resource: &Resource) -> Result<Answer, PodError> {
    expect(call)?;
    let body = Body::read(&call.arrival.body, resource)?;
    let mut row = body.echo(resource);
    let caller = caller(call);
    operation(bulk, &caller, resource, &body, &mut row)?;
    let refused = matches!(row.get(resource, "ReqstId"), Some(Value::Text(id)) if id.as_ref() == REFUSED);
    item(call, resource, &row, if refused { StatusCode::OK } else { StatusCode::CREATED })
}

fn operation(
    bulk: &mut Bulk,
    caller: &Caller,
    resource: &Resource,
    body: &Body<'_>,
    row: &mut Row,
) -> Result<(), PodError> {
    let need = |name: &str| body.require(name, resource);
    let mut set = |name: &str, value: Option<String>| row.set(resource, name, value.into());
    let reqst = |id: Option<u64>| Some(id.map_or_else(|| REFUSED.to_owned(), |id| id.to_string()));
    match need("OperationName")? {
        "importBulkData" | "loadAndImportData" => {
            let (file, order) = (file(body, resource)?, order(body, resource)?);
            let document = service::upload(bulk, caller, &file);
            set("DocumentId", document.map(|id| id.to_string()));
            set("ReqstId", reqst(document.and_then(|document| service::import(bulk, caller, document, order))));
        }
        "uploadFileToUCM" => {
            let file = file(body, resource)?;
            set("DocumentId", service::upload(bulk, caller, &file).map(|id| id.to_string()));
        }
        "submitESSJobRequest" => {
            let (package, definition) = (need("JobPackageName")?, need("JobDefName")?);
            let arguments = service::arguments(body.get("ESSParameters").unwrap_or_default());
            set("ReqstId", reqst(service::submit(bulk, caller, package, definition, arguments)));
        }
        "exportBulkData" => {
            let order = order(body, resource)?;
            set("ReqstId", reqst(service::export(bulk, caller, order)));
        }
        "extractAndPurge" => {
            let load = body.get("LoadRequestId").map_or_else(|| need("ReqstId"), Ok)?;
            let done = service::extract_and_purge(bulk, caller, load);
            set("DocumentId", done.map(|(document, _)| document.to_string()));
            set("ReqstId", reqst(done.map(|(_, request)| request)));
        }
        "getDocumentForDocumentId" => show(row, resource, service::document(bulk, need("DocumentId")?)),
        "downloadExportOutput" => show(row, resource, service::export_output(bulk, need("ReqstId")?)),
        "downloadESSJobExecutionDetails" => {
            let logs = service::logs(bulk, caller, need("ReqstId")?, body.get("FileType"));
            set("ContentType", logs.as_ref().map(|_| "zip".to_owned()));
            set("DocumentContent", logs.map(|logs| STANDARD.encode(logs)));
        }
        "getESSJobStatus" => {
            set("RequestStatus", Some(service::status(bulk, need("ReqstId")?).to_owned()));
        }
        "getESSExecutionDetails" => {
            set("RequestStatus", Some(service::details(bulk, need("ReqstId")?)));
        }
        "getDocumentIdsForFilePrefix" => {
            let (prefix, account) = (need("FileName")?, need("DocumentAccount")?);
            let comment = body.get("Comments").filter(|comment| *comment != "#NULL");
            let found = bulk.library.with_prefix(prefix, account, comment);
            let ids: Vec<String> = found.map(|document| document.id.to_string()).collect();
            set("DocumentId", (!ids.is_empty()).then(|| ids.join(",")));
        }
        "appendFileComment" => {
            let (prefix, account, comment) = (need("FileName")?, need("DocumentAccount")?, need("Comments")?);
            let count = bulk.library.comment(prefix, account, comment);
            set("StatusCode", Some(if count > 0 { "SUCCESS" } else { "ERROR" }.to_owned()));
        }
        _ => return Err(invalid("OperationName")),
    }
    Ok(())
}

/// Fills in a document; without one, its contents stay null.
pub(super) fn show(row: &mut Row, resource: &Resource, document: Option<&Document>) {
    let Some(document) = document else { return };
    for (name, value) in [
        ("DocumentId", document.id.to_string()),
        ("FileName", document.name.clone()),
        ("ContentType", document.content_type.clone()),
        ("DocumentAccount", document.account.clone()),
        ("DocumentContent", STANDARD.encode(&document.content)),
    ] {
        row.set(resource, name, value.into());
    }
    if !document.comments.is_empty() {
        row.set(resource, "Comments", document.comments.as_str().into());
    }
}

fn file(body: &Body<'_>, resource: &Resource) -> Result<File, PodError> {
    let need = |name: &str| body.require(name, resource).map(str::to_owned);
    let content =
        STANDARD.decode(body.require("DocumentContent", resource)?).map_err(|_| invalid("DocumentContent"))?;
    let content_type = need("ContentType")?;
    if content_type.contains(|c: char| !c.is_ascii_alphanumeric()) {
        return Err(invalid("ContentType"));
    }
    Ok(File {
        name: need("FileName")?,
        account: need("DocumentAccount")?,
        content_type,
        comments: body.get("Comments").filter(|comment| *comment != "#NULL").unwrap_or_default().to_owned(),
        content: Bytes::from(content),
    })
}

fn order(body: &Body<'_>, resource: &Resource) -> Result<Order, PodError> {
    let given = |name: &str| body.get(name).filter(|text| *text != "#NULL").map(str::to_owned);
    Ok(Order {
        job: body.require("JobName", resource)?.to_owned(),
        parameters: service::arguments(body.get("ParameterList").unwrap_or_default()),
        options: given("JobOptions"),
        callback: given("CallbackURL"),
    })
}
