//! `ErpIntegrationService` over SOAP 1.1: the same operations by other names (FACTS 6.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;

use super::service::{self, Caller, File, Order};
use crate::auth::{self, User};
use crate::bulk::Bulk;
use crate::faults::Tuning;
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::soap::{self, Element};
use crate::ucm::Document;

/// Where the service is.
pub(crate) const PATH: &str = "/fscmService/ErpIntegrationService";

const TYPES: &str = "http://xmlns.oracle.com/apps/financials/commonModules/shared/model/erpIntegrationService/types/";
const SERVICE: &str = "http://xmlns.oracle.com/apps/financials/commonModules/shared/model/erpIntegrationService/";

/// Why an operation was not done: what the fault says.
type Fault = String;

/// Answers a message.
pub(crate) fn answer(
    bulk: &mut Bulk,
    arrival: &Arrival,
    user: &'static User,
    tuning: &Tuning,
    now: Timestamp,
) -> Answer {
    // Who lacks the privilege is told 401, as measured (FACTS 1.11).
    if !super::admits(user) {
        return auth::unauthorized();
    }
    if arrival.method != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    }
    let media = arrival.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media.is_some_and(|media| media.trim_start().to_ascii_lowercase().starts_with("text/xml")) {
        return Answer::html(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type");
    }
    let operation = match soap::operation(&arrival.body) {
        Ok(operation) => operation,
        Err(why) => return soap::fault(true, "JBO-29000", &why),
    };
    if operation.namespace != TYPES {
        return soap::fault(
            true,
            "JBO-29000",
            &format!("Unknown operation {{{}}}{}", operation.namespace, operation.name),
        );
    }
    let bulk_tuning = &tuning.bulk;
    let caller = Caller { user, now, behaviour: bulk_tuning.behaviour, refused: bulk_tuning.refused, slashes: true };
    match perform(bulk, &caller, &operation) {
        Ok(results) => soap::answer(&format!(
            "<ns0:{name}Response xmlns:ns0=\"{TYPES}\">{results}</ns0:{name}Response>",
            name = operation.name
        )),
        Err(why) => soap::fault(false, "JBO-FND:::FND_CMN_SERVICE_ERR", &why),
    }
}

fn perform(bulk: &mut Bulk, caller: &Caller, operation: &Element) -> Result<String, Fault> {
    let need = |name: &str| operation.value(name).ok_or_else(|| missing(name));
    let number = |id: Option<u64>| result(&id.map_or_else(|| "-1".to_owned(), |id| id.to_string()));
    Ok(match operation.name.as_str() {
        "uploadFileToUcm" => {
            let file = file(operation.child("document").ok_or_else(|| missing("document"))?)?;
            let id = service::upload(bulk, caller, &file).ok_or_else(|| account(&file.account))?;
            result(&id.to_string())
        }
        "importBulkData" | "loadAndImportData" => {
            let file = file(operation.child("document").ok_or_else(|| missing("document"))?)?;
            let order = order(operation)?;
            let id = service::upload(bulk, caller, &file).ok_or_else(|| account(&file.account))?;
            number(service::import(bulk, caller, id, order))
        }
        "exportBulkData" => {
            let order = order(operation)?;
            number(service::export(bulk, caller, order))
        }
        "submitESSJobRequest" => {
            let (package, definition) = (need("jobPackageName")?, need("jobDefinitionName")?);
            let arguments: Vec<Option<String>> = operation.values("paramList").map(service::argument).collect();
            number(service::submit(bulk, caller, package, definition, arguments))
        }
        "getESSJobStatus" => result(service::status(bulk, need("requestId")?)),
        "getESSExecutionDetails" => result(&soap::escape(&service::details(bulk, need("requestId")?))),
        "downloadESSJobExecutionDetails" => {
            let id = need("requestId")?;
            let Some(logs) = service::logs(bulk, caller, id, operation.value("fileType")) else {
                return Ok(String::new());
            };
            details(&[
                ("Content", &STANDARD.encode(logs)),
                ("FileName", &format!("{id}.zip")),
                ("ContentType", "zip"),
                ("DocumentTitle", id),
                ("DocumentAuthor", caller.user.username),
            ])
        }
        "getDocumentForDocumentId" => {
            let id = operation.value("DocumentId").map_or_else(|| need("documentId"), Ok)?;
            service::document(bulk, id).map(told).unwrap_or_default()
        }
        "getDocumentsForFilePrefix" => found(bulk, operation)?.into_iter().map(told).collect(),
        "getDocumentIdsForFilePrefix" => {
            found(bulk, operation)?.into_iter().map(|document| result(&document.id.to_string())).collect()
        }
        "appendFileComment" => {
            let (prefix, account, comments) = (need("prefix")?, need("account")?, need("comments")?);
            match bulk.library.comment(prefix, account, comments) {
                0 => return Err(format!("There is no document whose name begins with {prefix} in {account}.")),
                _ => result("SUCCESS"),
            }
        }
        "extractAndPurge" => {
            let done = service::extract_and_purge(bulk, caller, need("requestId")?);
            number(done.map(|(_, request)| request))
        }
        other => return Err(format!("The operation {other} isn't part of this service.")),
    })
}

fn missing(name: &str) -> Fault {
    format!("JBO-27014: Attribute {name} in ErpIntegrationService is required")
}

fn account(name: &str) -> Fault {
    format!("The account {name} doesn't exist or you don't have access to it.")
}

/// One `<result>`; the text is XML already.
fn result(text: &str) -> String {
    format!("<result xmlns=\"{TYPES}\">{text}</result>")
}

fn found<'b>(bulk: &'b Bulk, operation: &'b Element) -> Result<Vec<&'b Document>, Fault> {
    let need = |name: &str| operation.value(name).ok_or_else(|| missing(name));
    let comments = operation.value("comments").filter(|text| *text != "#NULL");
    Ok(bulk.library.with_prefix(need("prefix")?, need("account")?, comments).collect())
}

fn told(document: &Document) -> String {
    let id = document.id.to_string();
    details(&[
        ("Content", &STANDARD.encode(&document.content)),
        ("FileName", &document.name),
        ("ContentType", &document.content_type),
        ("DocumentTitle", &document.name),
        ("DocumentAuthor", &document.author),
        ("DocumentSecurityGroup", "FAFusionImportExport"),
        ("DocumentAccount", &document.account),
        ("DocumentName", &format!("UCMFA{id}")),
        ("DocumentId", &id),
    ])
}

/// `DocumentDetails` as a result.
fn details(members: &[(&str, &str)]) -> String {
    let members: String =
        members.iter().map(|(name, text)| format!("<{name}>{}</{name}>", soap::escape(text))).collect();
    format!("<ns0:result xmlns=\"{SERVICE}\">{members}</ns0:result>")
}

fn file(document: &Element) -> Result<File, Fault> {
    let need = |name: &str| document.value(name).ok_or_else(|| missing(name));
    let content: String = need("Content")?.split_whitespace().collect();
    let content = STANDARD.decode(content).map_err(|_| "The value of Content isn't base64.".to_owned())?;
    Ok(File {
        name: need("FileName")?.to_owned(),
        account: need("DocumentAccount")?.to_owned(),
        content_type: document.value("ContentType").unwrap_or("zip").to_owned(),
        comments: String::new(),
        content: Bytes::from(content),
    })
}

fn order(operation: &Element) -> Result<Order, Fault> {
    let details = operation.child("jobDetails").ok_or_else(|| missing("jobDetails"))?;
    let given = |name: &str| operation.value(name).filter(|text| *text != "#NULL").map(str::to_owned);
    Ok(Order {
        job: details.value("JobName").ok_or_else(|| missing("JobName"))?.to_owned(),
        parameters: service::arguments(details.value("ParameterList").unwrap_or_default()),
        options: given("jobOptions"),
        callback: given("callbackURL"),
    })
}
